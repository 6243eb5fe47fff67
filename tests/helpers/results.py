"""Reading what a run has left."""

from __future__ import annotations

import csv
from pathlib import Path

EVERYTHING = [
    "landmarks.csv",
    "landmarks.tps",
    "methods.txt",
    "predictions.csv",
    "run.json",
    "specimens.csv",
]


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
