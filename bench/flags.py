"""Are quality flags right? Flags on right and wrong pictures, expected and observed errors.

    python bench/flags.py DATA SET[=MODEL]... [-o OUT]

SET is `wings`, `mollusk` or one of the paper's parts; DATA is described in `bench/README.md`. MODEL
is a model file or the folder of a training run; a part without one is predicted by the model that
comes with the package. For each SET the test photographs (those that `bench/accuracy.py` keeps
aside) are predicted through the command line together with wrong pictures: the same upside down,
turned by 90 degrees, cropped to a half and a quarter so that landmarks are cut off, blank paper,
and the test photographs of all other sets. OUT/SET/flags.md gets what is printed:

- the share that is flagged, of the right photographs (at most 5 % is wanted) and of each wrong kind
  (at least 95 % of all);
- for landmarks of right photographs, in bins of the score, the mean of the expected and of the
  observed error, in pixels of a photograph that is as large as 256 x 192 (by its diagonal).
"""

from __future__ import annotations

import argparse
import csv
import shutil
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from accuracy import is_test, run
from numpy.typing import NDArray

from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.images.read import read_header, read_image

CARABIDS = ("left-mandible", "right-mandible", "head", "pronotum", "elytra")
SETS = (*CARABIDS, "wings", "mollusk")
RIGHT = "right"
DIAGONAL = 320.0  # of 256 x 192
MOST_OF_OTHERS, BLANKS = 8, 24
SCORES = (0.0, 0.2, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0001)

Pixels = NDArray[np.uint8]
Points = NDArray[np.float64]


def test_photographs(data: Path, name: str) -> Iterator[tuple[Path, Points]]:
    """Each test photograph of a set with its manual landmarks, y down."""
    folder = data / ("carabids" if name in CARABIDS else "") / name
    tps = folder / ("landmarks.tps" if name in CARABIDS else f"{name}.tps")

    records = sorted(read_records(tps), key=lambda one: one.name)
    for position, one in enumerate(records):
        if is_test(one.name, position, name in CARABIDS):
            photograph = folder / "images" / one.name
            yield photograph, one.upright(read_header(photograph), "apply")


def wrong_versions(pixels: Pixels, xy: Points, number: int) -> Iterator[tuple[str, Pixels]]:
    """Turned pictures, and crops that cut off at least one landmark."""
    height, width = pixels.shape[:2]
    yield "upside down", pixels[::-1, ::-1]
    yield "turned by 90 degrees", np.rot90(pixels, 1 + 2 * (number % 2))
    for kind, wide, high in (("half", 2, 1), ("half", 1, 2), ("quarter", 2, 2)):
        box_width, box_height = width // wide, height // high
        left = (width - box_width) * (number % 2)
        top = (height - box_height) * (number // 2 % 2)
        corner = np.array([left, top])
        inside = (xy >= corner) & (xy < corner + np.array((box_width, box_height)))
        if not inside.all():
            yield kind, pixels[top : top + box_height, left : left + box_width]


def blank_paper(number: int, generator: np.random.Generator) -> Pixels:
    """Plain, grainy, shaded, or creased paper, in turns."""
    height, width = 480, 640
    paper: NDArray[np.float64] = np.full((height, width), generator.uniform(100, 250))
    kind = number % 4
    if kind >= 1:
        paper += generator.normal(0, generator.uniform(1, 10), paper.shape)
    if kind >= 2:
        shade = generator.normal(0, 20, (4, 4))
        paper += cv2.resize(shade, (width, height), interpolation=cv2.INTER_CUBIC)
    if kind == 3:
        paper += cv2.GaussianBlur(generator.normal(0, 60, paper.shape), (0, 0), 4)
    return np.clip(paper, 0, 255).astype(np.uint8)


def compose(data: Path, name: str, folder: Path) -> dict[str, Points]:
    """Fills a folder with right and wrong pictures; returns the right ones' manual landmarks."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / RIGHT).mkdir(parents=True)
    manual = {}
    for number, (path, xy) in enumerate(test_photographs(data, name)):
        shutil.copy(path, folder / RIGHT / path.name)
        manual[f"{RIGHT}/{path.name}"] = xy
        pixels = read_image(path, 3).pixels
        for version, (kind, wrong) in enumerate(wrong_versions(pixels, xy, number)):
            write(folder / kind / f"{path.stem}-{version}.png", wrong)
    generator = np.random.default_rng(0)
    for number in range(BLANKS):
        write(folder / "blank paper" / f"{number:02d}.png", blank_paper(number, generator))
    for other in SETS:
        if other != name:
            (folder / other).mkdir()
            for path, _ in list(test_photographs(data, other))[:MOST_OF_OTHERS]:
                shutil.copy(path, folder / other / path.name)
    return manual


def write(path: Path, pixels: Pixels) -> None:
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), pixels if pixels.ndim == 2 else pixels[..., ::-1])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def flag_table(results: Path) -> Iterator[str]:
    counts: dict[str, list[bool]] = defaultdict(list)
    for row in rows(results / "specimens.csv"):
        flagged = row["status"] == "flagged"
        kind = row["image"].split("/")[0]
        counts[kind].append(flagged)
        if kind != RIGHT:
            counts["all wrong"].append(flagged)
    yield "| pictures | number | flagged |"
    yield "|---|---:|---:|"
    for kind in (RIGHT, *sorted(set(counts) - {RIGHT, "all wrong"}), "all wrong"):
        yield f"| {kind} | {len(counts[kind])} | {100 * np.mean(counts[kind]):.0f} % |"


def error_table(results: Path, manual: dict[str, Points]) -> Iterator[str]:
    scale = {
        row["image"]: DIAGONAL / np.hypot(float(row["width"]), float(row["height"]))
        for row in rows(results / "specimens.csv")
        if row["width"]
    }
    found = []
    for row in rows(results / "predictions.csv"):
        if row["image"] in manual:
            truth = manual[row["image"]][int(row["landmark"]) - 1]
            error = float(np.hypot(*(np.array([row["x"], row["y"]], float) - truth)))
            errors = np.array((float(row["expected_error_px"]), error)) * scale[row["image"]]
            found.append((float(row["score"]), *errors))
    table = np.array(found)
    table = table[np.isfinite(table).all(axis=1)]
    yield "| score | landmarks | expected error | observed error |"
    yield "|---|---:|---:|---:|"
    for low, high in pairwise(SCORES):
        part = table[(table[:, 0] >= low) & (table[:, 0] < high)]
        if len(part):
            expected, observed = part[:, 1].mean(), part[:, 2].mean()
            label = f"{low:.2f} to {min(high, 1):.2f}"
            yield f"| {label} | {len(part)} | {expected:.2f} | {observed:.2f} |"
    expected, observed = table[:, 1].mean(), table[:, 2].mean()
    yield f"| all | {len(table)} | {expected:.2f} | {observed:.2f} |"


def measure(data: Path, name: str, model: Path | None, out: Path) -> None:
    manual = compose(data, name, out / "photographs")
    if model is not None and model.is_dir():
        run("export", model, "-o", out / f"{name}.onnx", "--overwrite")
        model = out / f"{name}.onnx"
    which = ("--part", name) if model is None else ("--model", model)
    run("predict", out / "photographs", "-r", *which, "-o", out / "results", "--overwrite")
    lines = [f"## {name}", "", *flag_table(out / "results"), ""]
    lines += error_table(out / "results", manual)
    (out / "flags.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("sets", nargs="+", metavar="SET[=MODEL]")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/flags"))
    options = parser.parse_args()
    for given in options.sets:
        name, _, model = given.partition("=")
        if name not in SETS or (name not in CARABIDS and not model):
            parser.error(f"{given}: give one of {', '.join(SETS)}, the last two with =MODEL")
        measure(options.data, name, Path(model) if model else None, options.output / name)


if __name__ == "__main__":
    main()
