"""Measures `predict --search --many` on photographs of several specimens, through the command line.

    python bench/many.py DATA carabid.tps -o runs/many [--digits 0,5] [--trays 5] [--zoo FILE]

DATA is described in `bench/README.md`, `carabid.tps` comes from `bench/whole_beetle_landmarks.py`.
A tray is put together from photographs of one part: 2 to 6 specimens, each cut out with some of its
ground, which is levelled to that of the tray, turned at random and at 42 to 96 % of its size. Whole
beetles are photographs as they are, side by side. The photographs are those whose number ends in
one of the digits; test photographs end in 0 or 5, `--digits 1,2,3` gives others, for choosing. All
commands that run are printed.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import resource
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from accuracy import run, specimen_number
from numpy.typing import NDArray
from whole_beetles import mapped, number_of, rim

from beetle_lm.predict.formats.tps import read_tps
from beetle_lm.predict.landmarks import centroid_size

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]

PARTS = ("left-mandible", "right-mandible", "elytra")
SIDE = 500  # px of the cell of a whole beetle
WIDER = 1.2  # than the landmarks' hull is what is cut out
CELL = 800  # px of the tray that a photograph's longer side takes at full size
SIZES = (0.42, 0.96)
CLOSE = 320  # px of the cells in which specimens touch each other, or nearly
MARGIN = 200
GROUND = 200.0
WITHIN = 0.03  # of centroid size
FOUND = 0.25  # of centroid size: as far as that from a manual specimen, it is that specimen


@dataclass(frozen=True, eq=False)
class Specimen:
    """A photograph of one specimen, and its landmarks (n, 2) in pixels of it."""

    image: Image
    xy: Floats


@dataclass
class Series:
    """Photographs in a folder, with the landmarks of their specimens by the photographs' names."""

    folder: Path
    truths: dict[str, list[Floats]] = field(default_factory=dict)


Lay = Callable[[Sequence[Specimen], np.random.Generator], tuple[Image, list[Floats]]]


def specimens(folder: Path, tps: Path, digits: set[int]) -> list[Specimen]:
    found = []
    for record in read_tps(tps):
        name = record.image or ""
        number = specimen_number(name) if "_" in name else number_of(name)
        if number % 10 not in digits:
            continue
        image = np.asarray(cv2.imread(str(folder / name)), np.uint8)
        found.append(Specimen(image, record.in_image(image.shape[0])))
    return found


def grid(count: int) -> tuple[int, int]:
    """Columns and rows."""
    return (2, 1) if count == 2 else (2, 2) if count <= 4 else (3, 2)


def resized(one: Specimen, scale: float) -> Specimen:
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    image = cv2.resize(one.image, None, fx=scale, fy=scale, interpolation=method)
    real = np.array(image.shape[1::-1]) / one.image.shape[1::-1]
    return Specimen(np.asarray(image, np.uint8), one.xy * real)


def tray(
    chosen: Sequence[Specimen], random: np.random.Generator, pitch: int = CELL
) -> tuple[Image, list[Floats]]:
    """Specimens on one ground, in a grid of that many px, each moved in its cell."""
    columns, rows = grid(len(chosen))
    size = (columns * pitch + MARGIN, rows * pitch + MARGIN)
    canvas = random.normal(GROUND, 3.0, (size[1], size[0], 3)).astype(np.float32)
    truths = []
    for index, one in enumerate(chosen):
        scale = random.uniform(*SIZES) * CELL / max(one.image.shape[:2])
        small = resized(one, scale)
        height, width = small.image.shape[:2]
        turn = cv2.getRotationMatrix2D((0, 0), random.uniform(-180, 180), 1.0)
        matrix = np.array(turn, np.float64)
        xy = mapped(matrix, small.xy)
        free = np.maximum(pitch - 1.25 * np.ptp(xy, axis=0), 0) / 2
        cell = np.array([index % columns, index // columns]) * pitch + (pitch + MARGIN) / 2
        middle = (xy.min(axis=0) + xy.max(axis=0)) / 2
        matrix[:, 2] += cell + random.uniform(-1, 1, 2) * free - middle
        xy = mapped(matrix, small.xy)
        truths.append(xy)
        pasted = cv2.warpAffine(small.image, matrix, size).astype(np.float32)
        inside = cv2.warpAffine(np.full((height, width), 255, np.uint8), matrix, size)
        mask = np.zeros(canvas.shape[:2], np.uint8)
        centre = xy.mean(axis=0)
        hull = cv2.convexHull(((xy - centre) * WIDER + centre).astype(np.float32))
        cv2.fillConvexPoly(mask, np.rint(hull).astype(np.int32), 255)
        edge = float(np.ptp(xy, axis=0).max()) / 40
        soft = cv2.GaussianBlur(np.minimum(mask, inside), (0, 0), edge).astype(np.float32)
        level = GROUND - np.array(rim(one.image), np.float32)
        canvas += soft[..., None] / 255 * (pasted + level - canvas)
    return canvas.clip(0, 255).astype(np.uint8), truths


def side_by_side(
    chosen: Sequence[Specimen], random: np.random.Generator
) -> tuple[Image, list[Floats]]:
    """Photographs as they are, each in quarter turns, in a grid, on the tone of the first."""
    columns, rows = grid(len(chosen))
    canvas = np.full((rows * SIDE, columns * SIDE, 3), rim(chosen[0].image), np.uint8)
    truths = []
    for index, one in enumerate(chosen):
        shrunk = resized(one, random.uniform(0.6, 0.96) * SIDE / max(one.image.shape[:2]))
        small, xy = shrunk.image, shrunk.xy
        for _ in range(int(random.integers(4))):
            xy = np.stack([small.shape[0] - xy[:, 1], xy[:, 0]], axis=1)
            small = np.asarray(cv2.rotate(small, cv2.ROTATE_90_CLOCKWISE), np.uint8)
        height, width = small.shape[:2]
        left = index % columns * SIDE + (SIDE - width) // 2
        top = index // columns * SIDE + (SIDE - height) // 2
        canvas[top : top + height, left : left + width] = small
        truths.append(xy + np.array([left, top]))
    return canvas, truths


def series(
    pools: Sequence[Sequence[Specimen]],
    out: Path,
    trays: int,
    lay: Lay,
) -> Series:
    """Writes trays of 2 to 6 specimens; those of the first pool are what is searched for."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    made, random = Series(out), np.random.default_rng(6)
    for number in range(trays):
        count = 2 + number % 5
        orders = [random.permutation(len(pool)) for pool in pools]
        chosen = []
        for index in range(count):
            turn, kind = divmod(index, len(pools))
            order = orders[kind]
            chosen.append((kind, pools[kind][order[turn % len(order)]]))
        image, truths = lay([one for _, one in chosen], random)
        name = f"{count}_specimens_{number}.png"
        cv2.imwrite(str(out / name), image)
        made.truths[name] = [xy for (kind, _), xy in zip(chosen, truths, strict=True) if not kind]
    return made


def found_in(results: Path) -> tuple[dict[str, list[Floats]], dict[str, int]]:
    """Landmarks of the specimens of each photograph, and how many are flagged."""
    with (results / "specimens.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    heights = {row["image"]: float(row["height"]) for row in rows if row["height"]}
    found: dict[str, list[Floats]] = defaultdict(list)
    for record in read_tps(results / "landmarks.tps"):
        found[record.image or ""].append(record.in_image(heights[record.name]))
    counts = {status: sum(row["status"] == status for row in rows) for status in ("ok", "flagged")}
    return found, counts


def matched(found: list[Floats], true: list[Floats]) -> list[tuple[int, int, float]]:
    """Pairs of found and manual specimens, the nearest first, and how far off, of centroid size."""
    pairs = sorted(
        (float(np.linalg.norm(one.mean(axis=0) - np.nanmean(other, axis=0))), i, j)
        for i, one in enumerate(found)
        for j, other in enumerate(true)
    )
    taken: list[tuple[int, int, float]] = []
    for apart, i, j in pairs:
        size = centroid_size(true[j])
        if any(i == a or j == b for a, b, _ in taken) or apart > FOUND * size:
            continue
        off = float(np.nanmean(np.linalg.norm(found[i] - true[j], axis=1)))
        taken.append((i, j, off / size))
    return taken


def cpu_time() -> float:
    """Seconds that all commands have taken so far, on however busy a machine."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report(title: str, made: Series, results: Path, seconds: float, single: float) -> None:
    found, counts = found_in(results)
    manual = sum(map(len, made.truths.values()))
    pairs = {name: matched(found[name], true) for name, true in made.truths.items()}
    off = np.array([pair[2] for each in pairs.values() for pair in each])
    false = sum(map(len, found.values())) - len(off)
    exact = sum(
        len(pairs[name]) == len(true) == len(found[name]) for name, true in made.truths.items()
    )
    print(
        f"| {title} | {len(made.truths)}, {manual} | {len(off)} | {(off < WITHIN).sum()}"
        f" | {100 * np.median(off):.2f} % | {false} | {exact} | {counts['flagged']}"
        f" | {seconds:.1f} s, {single:.1f} s |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("tps", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/many"))
    parser.add_argument("--digits", default="0,5")
    parser.add_argument("--trays", type=int, default=5)
    parser.add_argument("--only", default=",".join((*PARTS, "mixed", "close", "carabid")))
    parser.add_argument("--zoo")
    options = parser.parse_args()
    digits = {int(digit) for digit in options.digits.split(",")}
    data, out = options.data, options.output
    pools = {
        part: specimens(
            data / "carabids" / part / "images", data / "carabids" / part / "landmarks.tps", digits
        )
        for part in PARTS
    }
    pools["carabid"] = specimens(data / "beetleflow" / "images", options.tps, digits)
    kinds = {part: (part, [pools[part]]) for part in (*PARTS, "carabid")}
    kinds["mixed"] = ("left-mandible", [pools["left-mandible"], pools["right-mandible"]])
    kinds["close"] = ("left-mandible", [pools["left-mandible"]])
    lays: dict[str, Lay] = {"carabid": side_by_side, "close": partial(tray, pitch=CLOSE)}
    zoo: list[object] = [] if options.zoo is None else ["--zoo", options.zoo]
    for title in options.only.split(","):
        part, chosen = kinds[title]
        made = series(chosen, out / title, options.trays, lays.get(title, tray))
        taken = []
        for many in (["--many"], []):
            results = out / f"{title}-{'many' if many else 'single'}"
            begin = cpu_time()
            with contextlib.suppress(subprocess.CalledProcessError):  # none found on some tray
                run("predict", made.folder, "--part", part, "--search", *many, "--overlay",
                    "--overwrite", "-q", "-o", results, *zoo, shown=False)  # fmt: skip
            taken.append((cpu_time() - begin) / options.trays)
        report(title, made, out / f"{title}-many", *taken)
    (out / "done.json").write_text(json.dumps({"digits": sorted(digits)}), encoding="utf-8")


if __name__ == "__main__":
    main()
