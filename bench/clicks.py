"""How many clicks a whole data set costs: ``python bench/clicks.py DATA -o runs/clicks``.

A simulated person goes through the photographs of a data set with real manual landmarks, as one
does on the page of `annotate`. Landmarks that are proposed and farther off than T are corrected,
with a click each, exactly; where nothing is proposed all are clicked. The set is finished when
every landmark is within T. Clicks per landmark of the whole set: 1 for annotating all.

- `page`: what the page does without training: the photographs that differ most first, each with
  landmarks laid on it from the six annotated ones that look most alike.
- `page-N`: the same for N photographs; then a model is trained once, which places the rest.
- `random-20`: the first 20 at random, all clicked; then a model is trained once.
- `random-20-dlib`: the same with dlib's shape predictor, as ml-morph does (needs `dlib-bin`).

DATA is described in `bench/README.md`. T is 1.5 % of centroid size for wings, shells and trilobites
(records of 16 landmarks), 2 % for parts of ground beetles.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.formats.tps import TpsRecord, read_tps, write_tps
from beetle_lm.predict.images.read import read_header, read_image
from beetle_lm.predict.landmarks import centroid_size
from beetle_lm.predict.predictor import Predictor
from beetle_lm.predict.templates.alignment import Aligned, carried, combined
from beetle_lm.web.choice import SIDE, embedding, farthest_first
from beetle_lm.web.proposals import LEAST_LIKENESS, TEMPLATES

Floats = NDArray[np.float64]
SETS = {
    "wings": ("wings", "wings.tps", 0.015),
    "mollusk": ("mollusk", "mollusk.tps", 0.015),
    "trilobites": ("trilobites", "trilobites.tps", 0.015),
    "elytra": ("carabids/elytra", "landmarks.tps", 0.02),
    "right-mandible": ("carabids/right-mandible", "landmarks.tps", 0.02),
}
RANDOM = 20


@dataclass(frozen=True, eq=False)
class Specimen:
    """A photograph with its manual landmarks (n, 2) in pixels, y down."""

    path: Path
    xy: Floats
    size: tuple[int, int]
    small: Aligned
    embedding: Floats


def load(data: Path, name: str) -> dict[str, Specimen]:
    folder, file, _ = SETS[name]
    files = {path.name.lower(): path for path in (data / folder / "images").iterdir()}
    records = [record for record in read_tps(data / folder / file) if record.is_annotated]
    counts = [len(record.points) for record in records if not np.isnan(record.points).any()]
    usual = max(set(counts), key=counts.count)
    found: dict[str, Specimen] = {}
    for record in records:
        path = files.get(Path((record.image or "").replace("\\", "/")).name.lower())
        if path is None or len(record.points) != usual or np.isnan(record.points).any():
            continue
        size = read_header(path).size
        seen = embedding(read_image(path, 1, (SIDE * 4, SIDE * 4)))
        xy = record.in_image(size[1])
        found[path.name] = Specimen(path, xy, size, Aligned.read(path), seen)
    return found


def clicks(specimen: Specimen, proposed: Floats | None, share: float) -> int:
    """What the simulated person does on one photograph."""
    if proposed is None:
        return len(specimen.xy)
    off = np.hypot(*(proposed - specimen.xy).T)
    return int((off > share * centroid_size(specimen.xy)).sum())


def registered(specimen: Specimen, annotated: Sequence[Specimen]) -> Floats | None:
    """What the page proposes without a model."""
    if not annotated:
        return None

    def far(other: Specimen) -> float:
        return float(np.linalg.norm(other.embedding - specimen.embedding))

    nearest = sorted(annotated, key=far)[:TEMPLATES]
    found = [carried(each.small, each.xy, specimen.small) for each in nearest]
    if max(likeness for _, likeness in found) < LEAST_LIKENESS:
        return None
    return combined(found)


def by_page(specimens: Mapping[str, Specimen], share: float, first: int) -> tuple[int, list[str]]:
    """Clicks for so many photographs, each chosen after the one before, and their names."""
    seen = {name: each.embedding for name, each in specimens.items()}
    done: list[str] = []
    total = 0
    while len(done) < first:
        [name] = farthest_first(seen, done, 1)
        annotated = [specimens[each] for each in done]
        total += clicks(specimens[name], registered(specimens[name], annotated), share)
        done.append(name)
    return total, done


Place = Callable[[Mapping[str, Specimen], Sequence[str], Path], Mapping[str, Floats]]
"""Trains on the photographs of some names, and places landmarks on the others."""


def by_model(
    specimens: Mapping[str, Specimen], done: Sequence[str], out: Path
) -> dict[str, Floats]:
    folder = laid_out(specimens, done, out)
    arguments = ["train", folder, out / "training.tps", "--part", "part", "-o", out / "run", "-q"]
    command = [sys.executable, "-m", "beetle_lm", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    left = [name for name in specimens if name not in set(done)]
    results = Predictor.load(out / "run" / "part.onnx").predict(
        [specimens[name].path for name in left]
    )
    return {
        name: result.landmarks.xy
        for name, result in zip(left, results, strict=True)
        if result.landmarks is not None
    }


def by_dlib(specimens: Mapping[str, Specimen], done: Sequence[str], out: Path) -> dict[str, Floats]:
    from dlib_peer import fit_and_place

    laid_out(specimens, done, out)
    (out / "test").mkdir()
    for name, specimen in specimens.items():
        if name not in set(done):
            shutil.copy(specimen.path, out / "test")
    write_tps(out / "all.tps", [record_of(name, each) for name, each in specimens.items()])
    is_wing = any(len(each.xy) == 12 and each.size == (632, 480) for each in specimens.values())
    fit_and_place("wings" if is_wing else "", "dlib", out / "all.tps", out, out / "found.tps")
    return {
        record.image or "": record.in_image(specimens[record.image or ""].size[1])
        for record in read_tps(out / "found.tps")
    }


def laid_out(specimens: Mapping[str, Specimen], done: Sequence[str], out: Path) -> Path:
    shutil.rmtree(out, ignore_errors=True)
    folder = out / "training"
    folder.mkdir(parents=True)
    for name in done:
        shutil.copy(specimens[name].path, folder)
    write_tps(out / "training.tps", [record_of(name, specimens[name]) for name in done])
    return folder


def record_of(name: str, specimen: Specimen) -> TpsRecord:
    return TpsRecord.from_image_xy(specimen.xy, specimen.size, name)


def measure(specimens: Mapping[str, Specimen], way: str, share: float, out: Path) -> float:
    """Clicks per landmark of the whole set."""
    landmarks = sum(len(each.xy) for each in specimens.values())
    if way == "page":
        return by_page(specimens, share, len(specimens))[0] / landmarks
    if way.startswith("page-"):
        first = min(int(way.removeprefix("page-")), len(specimens) - 1)
        total, done = by_page(specimens, share, first)
        place: Place = by_model
    else:
        order = np.random.default_rng(0).permutation(sorted(specimens)).tolist()
        done = order[: min(RANDOM, len(specimens) // 2)]
        total = sum(len(specimens[name].xy) for name in done)
        place = by_dlib if way.endswith("-dlib") else by_model
    placed = place(specimens, done, out)
    for name, specimen in specimens.items():
        if name not in set(done):
            total += clicks(specimen, placed.get(name), share)
    return total / landmarks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--ways", nargs="+", default=["page", "page-10", "random-20-dlib"])
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name in arguments.sets:
        specimens = load(arguments.data, name)
        for way in arguments.ways:
            begun = time.perf_counter()
            share = measure(specimens, way, SETS[name][2], arguments.output / f"{name}-{way}")
            row = {
                "set": name,
                "photographs": len(specimens),
                "way": way,
                "clicks_per_landmark": round(share, 3),
                "seconds": round(time.perf_counter() - begun),
            }
            print(json.dumps(row), flush=True)
            with (arguments.output / "clicks.jsonl").open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
