"""Makes train/synthetic/shapes.json: mean and principal components of manual landmarks.

    python bench/make_shapes.py MANUAL [-o train/synthetic/shapes.json] [--all]

MANUAL is a folder with one TPS file per part (`elytra.tps`, ...) in pixels of photographs of
3264 x 2448. Specimens whose number ends in 0 or 5 are left out, so that they stay unseen test
specimens for whatever is trained on pictures drawn from these shapes; --all takes them in.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import numpy as np

WIDTH, HEIGHT = 3264, 2448
COMPONENTS = 10
SOURCE = "manual landmarks published in the cnnBeetles repository of the paper's first author"


def read_configurations(path: Path, take_all: bool) -> np.ndarray:
    """(specimens, landmarks, 2) in photograph pixels, y down."""
    configurations = []
    rows: list[list[float]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("LM="):
            rows = []
        elif re.match(r"-?\d", line):
            x, y = (float(value) for value in line.split())
            rows.append([x, HEIGHT - y])
        elif line.startswith("IMAGE="):
            number = re.search(r"(\d+)\.", line)
            if take_all or number is None or int(number[1]) % 5 != 0:
                configurations.append(rows)
    return np.array(configurations)


def summarise(configurations: np.ndarray) -> dict[str, object]:
    mean = configurations.mean(axis=0)
    count = len(configurations)
    centred = (configurations - mean).reshape(count, -1)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    deviations = singular[:COMPONENTS] / np.sqrt(count - 1)
    # An axis's sign is arbitrary: fixed here so that another LAPACK writes the same file.
    largest = np.abs(axes[:COMPONENTS]).argmax(axis=1)
    signs = np.sign(axes[np.arange(COMPONENTS), largest])
    components = axes[:COMPONENTS] * (deviations * signs)[:, None]
    return {
        "specimens": count,
        "explained": round(float((singular[:COMPONENTS] ** 2).sum() / (singular**2).sum()), 5),
        "mean": mean.round(2).tolist(),
        "components": components.reshape(COMPONENTS, -1, 2).round(2).tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manual", type=Path, help="folder with PART.tps files")
    parser.add_argument("-o", "--output", type=Path, default=Path("train/synthetic/shapes.json"))
    parser.add_argument("--all", action="store_true", help="take the test specimens in as well")
    arguments = parser.parse_args()
    left_out = "none" if arguments.all else "specimens whose number ends in 0 or 5"
    parts = {
        path.stem: summarise(read_configurations(path, arguments.all))
        for path in sorted(arguments.manual.glob("*.tps"))
    }
    shapes: dict[str, object] = {
        "provenance": {
            "source": SOURCE,
            "left_out": left_out,
            "made_by": "bench/make_shapes.py",
            "units": f"pixels of {WIDTH} x {HEIGHT} photographs, origin top left, y down;"
            " each component is multiplied by its standard deviation",
        },
        "frame": [WIDTH, HEIGHT],
        "parts": parts,
    }
    arguments.output.write_text(_to_text(shapes), encoding="utf-8", newline="\n")
    for part, summary in parts.items():
        print(part, summary["specimens"], "specimens, explained", summary["explained"])


def _to_text(shapes: dict[str, object]) -> str:
    text = json.dumps(shapes, indent=1)
    return re.sub(r"\[\s+(-?[\d.]+),\s+(-?[\d.]+)\s+\]", r"[\1, \2]", text) + "\n"


if __name__ == "__main__":
    main()
