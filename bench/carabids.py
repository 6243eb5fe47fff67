"""Trains the zoo's models of the paper's five parts and measures them, through the command line.

    python bench/carabids.py DATA [-o OUT] [--parts elytra,head]

DATA is described in `bench/README.md`. For each part it puts together, in OUT/PART, what the model
is trained on:

- the public photographs of the paper's beetles, those of specimens whose number ends in 0 or 5 kept
  aside as test photographs;
- drawn photographs (`beetle-lm render`);
- for the pronotum, pictures put together from the public crops of further specimens;
- for a mandible, mirror images of the other side's photographs, with the landmarks that both have;
- the shapes of further specimens with manual landmarks, to which photographs are warped.

Of specimens whose number ends in 1, 4 or 8 nothing is taken either, so that photographs of them
that are not public can measure the models as well.

Then it trains, exports, predicts test and freshly drawn photographs, and evaluates; it prints every
command that it runs, and writes OUT/PART/tables.md with the paper's network on the same specimens.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from accuracy import is_left_out, paper_errors, run, specimen_number
from patched import patched

from beetle_lm.predict.formats.tps import TpsRecord, read_tps, write_tps
from beetle_lm.train.synthetic.files import render_series
from beetle_lm.zoo.model_file.parts import find_part

PARTS = ("left-mandible", "right-mandible", "head", "pronotum", "elytra")
DRAWN_TEST, DRAWN_SIZE = 40, (816, 612)
# Drawings to train on: about a fourth of the pictures.
DRAWN = {"left-mandible": 12, "right-mandible": 12, "head": 12, "pronotum": 40, "elytra": 12}
# How often each photograph is taken: the 9 left mandibles would be outweighed by all the rest.
TIMES = {"left-mandible": 3}
# Photographs of other people, who do not lay their beetles down as these authors did.
TURN = 15
MIRRORED = {"left-mandible": "right-mandible", "right-mandible": "left-mandible"}
# Landmarks of the left mandible and those of the right one that lie on the same place: the apex,
# the base and the outer edge. The teeth of the inner edge differ between the sides.
SAME_PLACE = {1: 1, 11: 13, 12: 14, 13: 15, 14: 16, 15: 17, 16: 18}
SOURCE = (
    "public photographs of the beetles of Le Van Linh et al. (repositories cnnBeetles, MAELab,"
    " MAELab_2016 and MorphoSpecies_V2 of the paper's first author), their published manual"
    " landmarks, and drawings; no specimen whose number ends in 0 or 5, which are the test"
    " photographs, nor in 1, 4 or 8"
)


def is_test(record: TpsRecord) -> bool:
    return specimen_number(record.image or "") % 5 == 0


def compose(data: Path, part: str, out: Path) -> None:
    """Puts photographs, landmarks, shapes and the list of test photographs into OUT."""
    shutil.rmtree(out, ignore_errors=True)
    images = out / "images"
    source = data / "carabids" / part
    shutil.copytree(source / "images", images / "photographs")
    records = read_tps(source / "landmarks.tps")
    tested = [record.image or "" for record in records if is_test(record)]
    photographed = [record for record in records if not is_test(record)]
    for number in range(2, TIMES.get(part, 1) + 1):
        records += again(photographed, images / "photographs", number, images / "again")
    if part in MIRRORED:
        (images / "mirrored").mkdir()
        records += mirrored(data, MIRRORED[part], part, images / "mirrored")
    if part == "pronotum":
        (images / "patched").mkdir()
        records += patched(data, images / "patched")
    drawn = render_series(part, DRAWN[part], out / "drawing", seed=1000, size=DRAWN_SIZE)
    shutil.copytree(drawn / "images", images / "drawn")
    records += read_tps(drawn / "landmarks.tps")
    write_tps(out / "landmarks.tps", records)
    (out / "test.txt").write_text("\n".join(tested) + "\n", encoding="utf-8")
    manual = read_tps(data / "carabids" / "manual" / f"{part}.tps")
    seen = {specimen_number(record.image or "") for record in photographed}
    numbered = {specimen_number(record.image or ""): record for record in manual}
    further = [r for n, r in numbered.items() if not is_left_out(n) and n not in seen]
    write_tps(out / "shapes.tps", further)
    (out / "test").mkdir()
    for name in tested:
        shutil.copy(images / "photographs" / name, out / "test" / name)
    render_series(part, DRAWN_TEST, out / "drawn-test", seed=2000, size=DRAWN_SIZE)


def again(records: list[TpsRecord], source: Path, number: int, folder: Path) -> list[TpsRecord]:
    """Copies of photographs under names of their own."""
    folder.mkdir(exist_ok=True)
    renamed = [
        replace(record, image=f"again{number}_{record.image}", id=None) for record in records
    ]
    for old, new in zip(records, renamed, strict=True):
        shutil.copy(source / (old.image or ""), folder / (new.image or ""))
    return renamed


def mirrored(data: Path, other: str, part: str, folder: Path) -> list[TpsRecord]:
    """Mirror images of the other mandible, with the landmarks that both sides have."""
    place = SAME_PLACE if part == "right-mandible" else {r: le for le, r in SAME_PLACE.items()}
    records = []
    for record in read_tps(data / "carabids" / other / "landmarks.tps"):
        if is_test(record):
            continue
        name = f"mirrored_{Path(record.image or '').stem}.png"
        picture = cv2.imread(str(data / "carabids" / other / "images" / (record.image or "")))
        assert picture is not None
        cv2.imwrite(str(folder / name), picture[:, ::-1])
        points = np.full((len(find_part(part)), 2), np.nan)
        for theirs, ours in place.items():
            x, y = record.points[theirs - 1]
            points[ours - 1] = picture.shape[1] - x, y
        records.append(replace(record, points=points, image=name, id=None))
    return records


def measure(data: Path, part: str, out: Path) -> None:
    """Evaluates the exported model and writes the tables."""
    landmarks = data / "carabids" / part / "landmarks.tps"
    tested = evaluated(out, "test", out / "test", landmarks)
    drawn = out / "drawn-test" / part
    on_drawings = evaluated(out, "drawn", drawn / "images", drawn / "landmarks.tps")
    numbers = [specimen_number(name) for name in (out / "test.txt").read_text().split()]
    theirs = paper_errors(data, part, numbers)
    ours = tested["specimen_mean_distance"]["px_256x192"]
    rows = [
        f"| {part} | {len(theirs)} | {theirs.mean():.2f} | {ours['mean']:.2f} |"
        f" {ours['mean'] / theirs.mean():.2f} | {np.median(theirs.mean(axis=1)):.2f} |"
        f" {ours['median']:.2f} | {ours['median'] / np.median(theirs.mean(axis=1)):.2f} |"
        f" {on_drawings['distance']['px_256x192']['mean']:.2f} |",
        "",
        "| landmark | name | paper, fine-tuned | ours |",
        "|---|---|---|---|",
    ]
    for index, name in enumerate(find_part(part).landmark_names):
        mean = tested["per_landmark"][index]["distance"]["px_256x192"]["mean"]
        rows.append(f"| {index + 1} | {name} | {theirs[:, index].mean():.2f} | {mean:.2f} |")
    (out / "tables.md").write_text("\n".join(rows) + "\n", encoding="utf-8")
    print("\n".join(rows), flush=True)


def evaluated(out: Path, name: str, images: Path, landmarks: Path) -> dict[str, Any]:
    predicted, evaluation = out / f"{name}-predicted", out / f"{name}-evaluation"
    model = out / f"{out.name}.onnx"
    run("predict", images, "--model", model, "-o", predicted, "--overlay", "--overwrite")
    said = run(
        "evaluate", predicted / "landmarks.tps", landmarks, "--images", images, "-o", evaluation,
        "--overwrite", "--json", shown=False,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(said)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/carabids"))
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--model-version", default="3.1")
    options, further = parser.parse_known_args()
    for part in options.parts.split(","):
        out = options.output / part
        compose(options.data, part, out)
        begin = time.perf_counter()
        run(
            "train", out / "images", out / "landmarks.tps", "--part", part, "--test",
            out / "test.txt", "--shapes", out / "shapes.tps", "--val-share", 0, "--turn", TURN,
            "-o", out / "run", "--no-export",
            *(word for word in further if word != "--"),
        )  # fmt: skip
        print(f"{(time.perf_counter() - begin) / 60:.1f} minutes of training", flush=True)
        run(
            "export", out / "run", "-o", out / f"{part}.onnx", "--fp16", "--model-version",
            options.model_version, "--licence", "Apache-2.0", "--provenance", SOURCE,
        )  # fmt: skip
        measure(options.data, part, out)


if __name__ == "__main__":
    main()
