"""Measures what is done with whole ground beetles, through the command line.

    python bench/whole_beetles.py DATA carabid.tps -o runs/whole-beetles [--digits 0,5] [--zoo FILE]

DATA is described in `bench/README.md`, `carabid.tps` comes from `bench/whole_beetle_landmarks.py`.
The test photographs are those whose number is divisible by 5; `--digits 1,6` measures on others
instead, for choosing, and `--zoo` names a registry of other models. Each photograph is given whole,
as it lies and turned by a random angle. All commands that run are printed.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from accuracy import run, specimen_number
from numpy.typing import NDArray

from beetle_lm.predict.formats.tps import read_tps
from beetle_lm.predict.landmarks import centroid_size
from beetle_lm.predict.predictor import Predictor
from beetle_lm.predict.views.aim import Aim
from beetle_lm.predict.views.finding import Finder, OnWhole

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]

LENGTHS = {
    "body length": (0, 20),
    "head width": (2, 6),
    "pronotum length": (8, 12),
    "pronotum width": (10, 14),
    "elytra length": (16, 20),
    "elytra width": (18, 22),
}
WITHIN, RIGHT, WRONG = 0.03, 0.06, 0.15
ASKED_SEARCH = 0.03  # of centroid size
PARTS = ("head", "pronotum", "elytra")
MANDIBLES = ("left-mandible", "right-mandible")
TURNS = 3  # of each mandible


@dataclass(frozen=True)
class Series:
    """Photographs in a folder, with what is true of them.

    Args:
        folder: the photographs.
        truths: by whose points: by photograph (24, 2) landmarks in its pixels.
    """

    folder: Path
    truths: dict[str, dict[str, Floats]]


def number_of(name: str) -> int:
    return int("".join(c for c in Path(name).stem if c.isdigit()))


def turned(image: Image, degrees: float) -> tuple[Image, Floats]:
    """A picture turned about its middle, nothing cut off, on the colour of its rim; and the map."""
    height, width = image.shape[:2]
    middle = ((width - 1) / 2, (height - 1) / 2)
    matrix = np.array(cv2.getRotationMatrix2D(middle, degrees, 1.0), np.float64)
    reach = np.abs(matrix[:, :2]) @ (width, height)
    size = (int(np.ceil(reach[0])), int(np.ceil(reach[1])))
    matrix[:, 2] += (np.array(size) - (width, height)) / 2
    picture = cv2.warpAffine(image, matrix, size, borderValue=rim(image))
    return np.asarray(picture, np.uint8), matrix


def rim(image: Image) -> tuple[float, float, float]:
    edges = [image[:2], image[-2:], image[:, :2], image[:, -2:]]
    blue, green, red = np.median(np.concatenate([edge.reshape(-1, 3) for edge in edges]), axis=0)
    return float(blue), float(green), float(red)


def mapped(matrix: Floats, xy: Floats) -> Floats:
    """Continuous coordinates under a map of OpenCV's pixels."""
    return np.asarray((xy - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5)


def series(data: Path, tps: Path, digits: set[int], out: Path) -> dict[str, Series]:
    """Writes the photographs as they lie and turned at random."""
    source = data / "beetleflow"
    points = {"cleaned masks": tps, "points as given": source / "derived_keypoints.tps"}
    records = {title: {r.image or "": r for r in read_tps(path)} for title, path in points.items()}
    names = [name for name in records["cleaned masks"] if number_of(name) % 10 in digits]
    random = np.random.default_rng(0)
    made = {
        title: Series(out / title.replace(" ", "-"), {truth: {} for truth in points})
        for title in ("as they lie", "turned at random")
    }
    for one in made.values():
        shutil.rmtree(one.folder, ignore_errors=True)
        one.folder.mkdir(parents=True)
    for name in sorted(names):
        path = source / "images" / name
        image = np.asarray(cv2.imread(str(path)), np.uint8)
        picture, matrix = turned(image, random.uniform(-180, 180))
        shutil.copy(path, made["as they lie"].folder)
        file = f"{Path(name).stem}.png"
        cv2.imwrite(str(made["turned at random"].folder / file), picture)
        for truth, by_name in records.items():
            xy = by_name[name].in_image(image.shape[0])
            made["as they lie"].truths[truth][name] = xy
            made["turned at random"].truths[truth][file] = mapped(matrix, xy)
    return made


def predicted(out: Path) -> tuple[dict[str, Floats], dict[str, str]]:
    """Landmarks by photograph in its pixels, and why it is flagged or failed ('' where neither)."""
    with (out / "specimens.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["image"]: row for row in csv.DictReader(stream)}
    heights = {name: float(row["height"]) for name, row in rows.items() if row["height"]}
    xy = {
        r.image or "": r.in_image(heights[r.image or ""]) for r in read_tps(out / "landmarks.tps")
    }
    flags = {n: "" if row["status"] == "ok" else row["reason"] or "?" for n, row in rows.items()}
    return xy, flags


def percent(values: Sequence[bool] | NDArray[np.bool_]) -> str:
    return f"{100 * np.mean(values):.0f} %" if len(values) else "-"


def of_flags(off: Floats, flagged: NDArray[np.bool_], right: float, wrong: float) -> str:
    good, bad = off < right, off > wrong
    return (
        f"flagged {percent(flagged[good])} of {good.sum()} right ones and {percent(flagged[bad])}"
        f" of {bad.sum()} off by more than {100 * wrong:.0f} %"
    )


def report_whole(title: str, photos: Series, out: Path) -> None:
    xy, flags = predicted(out)
    for truth, by_name in photos.truths.items():
        names = [name for name in by_name if name in xy]
        true, found = (np.stack([each[n] for n in names]) for each in (by_name, xy))
        flagged = np.array([bool(flags[n]) for n in names])
        length = np.linalg.norm(true[:, 0] - true[:, 20], axis=1)
        length = np.where(np.isfinite(length), length, np.nanmax(np.ptp(true, axis=1), axis=1))
        error = np.linalg.norm(found - true, axis=2) / length[:, None]
        each = np.nanmean(error, axis=1)
        print(f"| {title}, {truth}: mean of the 24 points | {100 * np.nanmean(error):.2f} %, median"
              f" of beetles {100 * np.nanmedian(each):.2f} %, of points"
              f" {100 * np.nanmedian(error):.2f} % ({len(names)} of {len(by_name)}) |")  # fmt: skip
        for part, start in (("head", 0), ("pronotum", 8), ("elytra", 16)):
            values = 100 * np.nanmean(error[:, start : start + 8], axis=0)
            print(f"| - {part}, by landmark | {' '.join(f'{value:.2f}' for value in values)} |")
        shares = []
        for name, (a, b) in LENGTHS.items():
            ours, theirs = (np.linalg.norm(p[:, a] - p[:, b], axis=1) for p in (found, true))
            near = (np.abs(ours / theirs - 1) < WITHIN)[np.isfinite(theirs)]
            shares.append(f"{name} {percent(near)}")
        print(f"| - within 3 % | {', '.join(shares)} |")
        print(f"| - flags | {of_flags(each, flagged, 0.03, 0.05)} |")


def report_part(title: str, part: str, photos: Series, out: Path) -> None:
    xy, flags = predicted(out)
    for truth, by_name in photos.truths.items():
        names = list(by_name)
        missing = np.full((11, 2), np.nan)
        found = [xy.get(name, missing) for name in names]
        true = np.stack([by_name[name] for name in names])
        flagged = np.array([bool(flags[name]) for name in names])
        if part == "pronotum":
            length = np.linalg.norm(true[:, 8] - true[:, 12], axis=1)
            ends = np.stack([each[[0, 4]] for each in found])
            off = np.linalg.norm(ends - true[:, [8, 12]], axis=2).max(axis=1) / length
        else:
            length = np.linalg.norm(true[:, 16] - true[:, 20], axis=1)
            tip = np.stack([each[6:8].mean(axis=0) for each in found])
            off = np.linalg.norm(tip - true[:, 20], axis=1) / length
        end = true[:, 20 if part == "elytra" else 8]
        known = np.isfinite(length) & np.isfinite(end).all(axis=1)
        off = np.where(np.isnan(off), 1.0, off)[known]
        flags_told = of_flags(off, flagged[known], RIGHT, WRONG)
        print(f"| {title}, {part}, {truth} | within 6 %: {percent(off < RIGHT)} of {known.sum()}"
              f" (median {100 * np.median(off):.1f} %); {flags_told} |")  # fmt: skip


def odd_cases(data: Path, names: list[str], out: Path) -> Callable[[Path], None]:
    """Writes photographs that should be flagged or fail; returns what reports on them."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    random, source = np.random.default_rng(1), data / "beetleflow"
    for index, name in enumerate(names):
        image = np.asarray(cv2.imread(str(source / "images" / name)), np.uint8)
        other = np.asarray(cv2.imread(str(source / "images" / names[index - 1])), np.uint8)
        covered = np.zeros(image.shape[:2], np.uint8)
        for folder in ("masks5", "masks9"):
            mask = cv2.imread(str(source / folder / f"{Path(name).stem}.png"), cv2.IMREAD_GRAYSCALE)
            if mask is not None:
                covered |= np.asarray(mask > 0, np.uint8)
        wide = cv2.dilate(covered, np.ones((9, 9), np.uint8))
        stem = Path(name).stem
        cv2.imwrite(str(out / f"none_{stem}.png"), cv2.inpaint(image, wide, 5, cv2.INPAINT_TELEA))
        fitted = cv2.resize(other, image.shape[1::-1])
        cv2.imwrite(str(out / f"two_{stem}.png"), np.concatenate((image, fitted), axis=1))
        rows, columns = np.nonzero(covered)
        share = random.uniform(0.35, 0.6)
        if np.ptp(rows) > np.ptp(columns):
            cut = image[: int(rows.min() + share * np.ptp(rows))]
        else:
            cut = image[:, : int(columns.min() + share * np.ptp(columns))]
        cv2.imwrite(str(out / f"cut_{stem}.png"), cut)

    def report(results: Path) -> None:
        _, flags = predicted(results)
        for kind in ("none", "two", "cut"):
            told = [bool(why) for name, why in flags.items() if name.startswith(kind)]
            print(f"| {kind}: flagged or failed, {results.name} | {percent(told)} of {len(told)} |")

    return report


def search(data: Path, out: Path, zoo: list[object]) -> None:
    """Mandibles turned and at half their size, on ground of their own."""
    off, flagged = [], []
    for part in MANDIBLES:
        folder, random = out / part, np.random.default_rng(2)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        truth = {}
        for record in read_tps(data / "carabids" / part / "landmarks.tps"):
            name = record.image or ""
            if specimen_number(name) % 5:
                continue
            image = np.asarray(
                cv2.imread(str(data / "carabids" / part / "images" / name)), np.uint8
            )
            height, width = image.shape[:2]
            xy = record.in_image(height)
            for index in range(TURNS):
                middle = ((width - 1) / 2, (height - 1) / 2)
                turn = cv2.getRotationMatrix2D(middle, random.uniform(-180, 180), 0.5)
                matrix = np.array(turn, np.float64)
                centre = mapped(matrix, xy.mean(axis=0)[None])[0]
                free = np.array([width, height]) - 0.62 * np.ptp(xy, axis=0).max()
                matrix[:, 2] += np.array([width, height]) / 2 - centre
                matrix[:, 2] += random.uniform(-0.5, 0.5, 2) * np.maximum(free, 0) * 0.6
                picture = cv2.warpAffine(
                    image, matrix, (width, height), flags=cv2.INTER_AREA, borderValue=rim(image)
                )
                file = f"{Path(name).stem}_{index}.png"
                cv2.imwrite(str(folder / file), picture)
                truth[file] = mapped(matrix, xy)
        results = out / f"{part}-found"
        run("predict", folder, "--part", part, "--search", "--overlay", "--overwrite", "-q",
            "-o", results, *zoo)  # fmt: skip
        found, flags = predicted(results)
        for name, xy in truth.items():
            error = np.linalg.norm(found[name] - xy, axis=1) if name in found else np.array([9e9])
            off.append(float(error.mean()) / centroid_size(xy))
            flagged.append(bool(flags[name]))
    near = np.array(off) < ASKED_SEARCH
    rest = np.array(flagged)[~near]
    print(f"| --search: mandible turned, at half its size | within 3 % of centroid size:"
          f" {percent(near)} of {len(near)}; flagged {rest.sum()} of the other {len(rest)},"
          f" {percent(np.array(flagged)[near])} of these |")  # fmt: skip


def times(photos: Series, zoo: str | None) -> None:
    """What finding a part costs, beside the part's model on the same photographs."""
    files = sorted(photos.folder.iterdir())[:30]
    finder = Finder(Predictor.load("carabid", "cpu", 1, zoo).session)
    for part in PARTS:
        plain = Predictor.load(part, "cpu", 1, zoo)
        aims: list[Aim] = [plain.aim, OnWhole(finder, plain.card)]
        taken: list[list[float]] = [[], []]
        for _ in range(3):
            for seconds, aim in zip(taken, aims, strict=True):
                begin = time.perf_counter()
                list(Predictor(plain.session, aim).predict(files, batch_size=8, workers=1))
                seconds.append((time.perf_counter() - begin) / len(files))
        straight, found = (1000 * min(seconds) for seconds in taken)
        print(f"| --find, {part} | {found:.1f} ms a photograph, {straight:.1f} without: "
              f"{found / straight:.2f} times |")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("tps", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/whole-beetles"))
    parser.add_argument("--digits", default="0,5")
    parser.add_argument("--zoo")
    parser.add_argument("--only", default="whole,parts,odd,search,times")
    options = parser.parse_args()
    digits = {int(digit) for digit in options.digits.split(",")}
    only, out = options.only.split(","), options.output
    zoo: list[object] = [] if options.zoo is None else ["--zoo", options.zoo]
    made = series(options.data, options.tps, digits, out)
    told = ("--overlay", "--overwrite", "-q", *zoo)
    for title, photos in made.items():
        results = out / f"{photos.folder.name}-carabid"
        if "whole" in only:
            run("predict", photos.folder, "--part", "carabid", "-o", results, *told, shown=False)
            report_whole(title, photos, results)
        if "parts" in only:
            found = out / f"{photos.folder.name}-parts"
            run("predict", photos.folder, "--part", ",".join(PARTS), "--find", "-o", found, *told,
                shown=False)  # fmt: skip
            for part in ("pronotum", "elytra"):
                report_part(title, part, photos, found / part)
    names = sorted(made["as they lie"].truths["cleaned masks"])
    if "odd" in only:
        report = odd_cases(options.data, names[:40], out / "odd")
        for part in ("carabid", "pronotum"):
            find = ("--find",) if part != "carabid" else ()
            results = out / f"odd-{part}"
            with contextlib.suppress(subprocess.CalledProcessError):  # some fail, as they should
                run(
                    "predict", out / "odd", "--part", part, *find, "-o", results, *told, shown=False
                )
            report(results)
    if "search" in only:
        search(options.data, out / "search", zoo)
    if "times" in only:
        times(made["as they lie"], options.zoo)
    (out / "done.json").write_text(json.dumps({"digits": sorted(digits)}), encoding="utf-8")


if __name__ == "__main__":
    main()
