"""Three coloured squares on white: what the tiny models of these tests find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from training_data import tps_record

SIZE = (400, 300)
POINTS = [(100, 80), (300, 90), (210, 230)]


def shifted(i: int) -> list[tuple[int, int]]:
    """The points of the i-th of several photographs."""
    return [(x + 10 * i, y) for x, y in POINTS]


def write_manual(
    path: Path, points: Mapping[str, Sequence[tuple[float, float]]], right: float = 0.0
) -> None:
    """A TPS file of manual landmarks that lie so far to the right of the points."""
    path.parent.mkdir(parents=True, exist_ok=True)
    records = [tps_record(name, np.add(xy, (right, 0)), SIZE[1]) for name, xy in points.items()]
    path.write_text("".join(records), encoding="utf-8")
