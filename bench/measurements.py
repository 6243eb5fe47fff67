"""Whether lengths are as far off as their expected errors say.

    python bench/measurements.py DATA

DATA is the folder of real photographs (see bench/README.md). The bundled models place landmarks on
the test photographs, which they were not trained on. Every length between two landmarks of a part
is held against the same length of the manual landmarks; of whole beetles, whose landmarks come from
masks of their parts, the lengths that the part names.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from beetle_lm.predict.formats.tps import read_tps
from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.measurements import lengths
from beetle_lm.predict.predictor import Predictor
from beetle_lm.zoo.model_file.parts import PARTS, Measurement, PartSpec

SHORTEST = 0.3  # of a part's largest length: what is shorter, nobody measures


def all_lengths(spec: PartSpec) -> PartSpec:
    """The part with every length between two of its landmarks as a measurement."""
    pairs = combinations(range(1, len(spec) + 1), 2)
    return replace(spec, measurements=tuple(Measurement(f"{a}-{b}", a, b) for a, b in pairs))


def manual(row: dict[str, str], rest: list[str], count: int) -> Floats:
    """The landmarks (n, 2) of a row of the index, y down."""
    first = rest.index(next(name for name in rest if name.lower().startswith("x1")))
    values = [float(row[name]) for name in rest[first : first + 2 * count]]
    return np.array(values).reshape(-1, 2)


def main(data: Path) -> None:
    print(
        "part, photographs, lengths, mean |error| and mean expected error in thousandths of the"
        " longest, ratio,"
    )
    print("share within the expected error (normal errors: 58 %)")
    with (data / "carabids" / "index.csv").open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        columns = list(reader.fieldnames or ())
        rows = [row for row in reader if row["split"] == "test"]
    for part, plain in PARTS.items():
        spec = all_lengths(plain)
        off: list[float] = []
        expected: list[float] = []
        mine = [row for row in rows if row["part"] == part]
        if not mine:
            continue
        predictor = Predictor.load(part)
        for row in mine:
            true = lengths(spec, manual(row, columns, len(spec)), None)
            [result] = predictor.predict(data / "carabids" / row["file"])
            if result.landmarks is None:
                continue
            found = lengths(spec, result.landmarks.xy, result.landmarks.expected_error)
            longest = max(one.value for one in true.values())
            for name, one in true.items():
                if one.value > SHORTEST * longest:
                    off.append(abs(found[name].value - one.value) / longest * 1000)
                    expected.append(found[name].expected_error / longest * 1000)
        tell(part, len(mine), np.array(off), np.array(expected))


def whole_beetles(data: Path) -> None:
    """The measurements of the test photographs of whole beetles."""
    spec, folder = PARTS["carabid"], data / "beetleflow"
    predictor = Predictor.load("carabid")
    off: list[float] = []
    expected: list[float] = []
    count = 0
    for record in read_tps(folder / "derived_keypoints.tps"):
        path = next((folder / "images").glob(Path(record.image or "").stem + ".*"))
        if int(path.stem.split("_")[1]) % 5:
            continue
        [result] = predictor.predict(path)
        if result.landmarks is None or result.size is None or result.flag is not None:
            continue
        count += 1
        true = lengths(spec, record.in_image(result.size[1]), None)
        longest = true["body length"].value
        for name, one in result.measurements.items():
            off.append(1000 * abs(one.value - true[name].value) / longest)
            expected.append(1000 * one.expected_error / longest)
    tell("carabid, not flagged", count, np.array(off), np.array(expected))


def tell(part: str, photographs: int, off: Floats, expected: Floats) -> None:
    there = ~np.isnan(off)
    off, expected = off[there], expected[there]
    print(
        f"{part}, {photographs}, {len(off)}, {off.mean():.2f}, {expected.mean():.2f},"
        f" {off.mean() / expected.mean():.2f}, {100 * np.mean(off < expected):.0f} %"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, metavar="DATA")
    options = parser.parse_args()
    main(options.data)
    whole_beetles(options.data)
