"""Folders of many large photographs, made of few: real ones, or drawn ones where there are none."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from fresh import beetle_lm, run
from PIL import Image

SIZE = (3264, 2448)
FEWEST = 3  # originals of a kind, below which further ones are made of the other kind
DRAWN = 6


@dataclass(frozen=True)
class Source:
    """Photographs to copy.

    Args:
        files: JPEGs of 3264 x 2448.
        about: what they are, in words.
    """

    files: tuple[Path, ...]
    about: str

    @property
    def megabytes(self) -> float:
        """Their mean size."""
        return sum(path.stat().st_size for path in self.files) / len(self.files) / 1e6


def sources(data: Path | None, part: str, folder: Path) -> dict[str, Source]:
    """Baseline and progressive photographs, and the baseline ones made progressive.

    Args:
        data: the folder with `carabids/`; None draws photographs of the part.
        part: what is drawn.
        folder: takes what is made.
    """
    originals = _originals(data) if data is not None else _drawn(part, folder / "drawn")
    kinds: dict[bool, list[Path]] = {False: [], True: []}
    for path in originals:
        with Image.open(path) as image:
            if image.size == SIZE:
                kinds[bool(image.info.get("progressive"))].append(path)
    of = "originals" if data is not None else "drawn"
    baseline = Source(tuple(kinds[False]), f"baseline, {len(kinds[False])} {of}")
    if len(kinds[False]) < FEWEST:
        made = _transcoded(kinds[True], folder / "baseline", progressive=False)
        baseline = Source(made, f"baseline, made of {len(made)} progressive {of}")
    made = _transcoded(baseline.files, folder / "progressive", progressive=True)
    found = {"baseline": baseline}
    if len(kinds[True]) >= FEWEST:
        found["progressive"] = Source(tuple(kinds[True]), f"progressive, {len(kinds[True])} {of}")
    found["made progressive"] = Source(made, f"the baseline ones made progressive ({len(made)})")
    return found


def copies(files: tuple[Path, ...], count: int, folder: Path) -> Path:
    """A folder of so many photographs, in turn links to those (or copies, on another drive)."""
    folder.mkdir(parents=True)
    for number in range(count):
        original = files[number % len(files)]
        target = folder / f"photograph_{number:06d}.jpg"
        try:
            os.link(original, target)
        except OSError:
            shutil.copyfile(original, target)
    return folder


def _originals(data: Path) -> list[Path]:
    found = sorted((data / "carabids").glob("*/images/*"))
    jpegs = [path for path in found if path.suffix.lower() in (".jpg", ".jpeg")]
    if not jpegs:
        raise SystemExit(f"there are no JPEGs in {data}/carabids/*/images; leave DATA out")
    return jpegs


def _drawn(part: str, folder: Path) -> list[Path]:
    size = "x".join(map(str, SIZE))
    run(beetle_lm("render", part, "-n", DRAWN, "-o", folder, "--size", size, "-q"))
    return sorted((folder / part / "images").iterdir())


def _transcoded(
    files: list[Path] | tuple[Path, ...], folder: Path, progressive: bool
) -> tuple[Path, ...]:
    """The same pictures in the other kind of JPEG, with the same tables of quantisation."""
    folder.mkdir()
    made = []
    for path in files:
        made.append(folder / path.name)
        with Image.open(path) as image:
            image.save(made[-1], "JPEG", quality="keep", progressive=progressive, optimize=True)
    return tuple(made)
