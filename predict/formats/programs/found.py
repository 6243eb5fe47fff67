"""What such a file says of one specimen, and how the landmarks of all come into one order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.coordinates import GREATEST
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import counted, shown

MISSING = (math.nan, math.nan)

_MOST_LANDMARKS = 10_000


@dataclass(frozen=True)
class Found:
    """A specimen.

    Args:
        name: of its photograph, as the file gives it; or of the file, where it gives none.
        points: x and y in pixels of the photograph, y down but for `y_up`, by the landmark's name.
        line: where it stands in its file, counted from 1; 0 where the file has no lines.
        scale: units per pixel, None where unknown.
        scores: from 0 to 1, by the landmark's name; empty where the file has none.
        y_up: y points up from the bottom edge of the photograph.
        curves: the (m, 2) points of curves, in the frame of `points`, by the curve's name.
        control_points: every second point of a curve is a control point beside it.
    """

    name: str
    points: Mapping[str, tuple[float, float]]
    line: int
    scale: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    y_up: bool = False
    curves: Mapping[str, Floats] = field(default_factory=dict)
    control_points: bool | None = None


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Args:
        specimens: in the order of the file.
        order: the names of the landmarks, where the file orders them.
        remarks: a sentence for each kind of thing that is left out or unusual.
    """

    specimens: Sequence[Found]
    order: Sequence[str] = ()
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class Placed:
    """A specimen to write.

    Args:
        name: of its photograph.
        xy: (K, 2) landmarks in pixels of the photograph, y down; NaN where missing.
        size: width and height of the photograph in pixels, None where unknown.
        score: (K,) scores from 0 to 1, NaN where unknown; None without any.
    """

    name: str
    xy: Floats
    size: tuple[int, int] | None
    score: Floats | None = None

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width and height about the landmarks; zeros where all are missing."""
        there = self.xy[np.isfinite(self.xy[:, 0])]
        if not len(there):
            return 0.0, 0.0, 0.0, 0.0
        (left, top), (right, bottom) = there.min(axis=0).tolist(), there.max(axis=0).tolist()
        return left, top, right - left, bottom - top


def records_of(path: Path, found: Sequence[Found], order: Sequence[str] = ()) -> list[Record]:
    """Records with all landmarks in one order; those that a specimen lacks are missing.

    Args:
        path: of the file, for errors.
        found: its specimens.
        order: the names in the order that the file gives; without one it is that of the specimen
            with most landmarks, or that of the numbers where all names are numbers.

    Raises:
        LandmarkFileError: there are too many different names to be landmarks.
    """
    names = list(order or _order(found))
    if len(names) > _MOST_LANDMARKS:
        what = f"has {counted(len(names), 'different name')} of landmarks: too many"
        raise LandmarkFileError(path, found[0].line or None, what)
    unnamed = all(name == str(number) for number, name in enumerate(names, start=1))
    return [
        Record(
            points=np.array([one.points.get(name, MISSING) for name in names]).reshape(-1, 2),
            image=one.name,
            scale=one.scale,
            line=one.line,
            number=number,
            y_up=one.y_up,
            names=None if unnamed else tuple(names),
            score=np.array([one.scores.get(name, math.nan) for name in names])
            if one.scores
            else None,
            curves=tuple(one.curves.values()),
            curve_names=tuple(one.curves) or None,
            control_points=one.control_points,
        )
        for number, one in enumerate(found, start=1)
    ]


def _order(found: Sequence[Found]) -> Iterable[str]:
    fullest = max(found, key=lambda one: len(one.points), default=None)
    names = dict.fromkeys(fullest.points if fullest else ())
    for one in found:
        names |= dict.fromkeys(one.points)
    if all(name.isascii() and name.isdigit() and len(name) < 10 for name in names):
        return sorted(names, key=int)
    return names


def coordinate(path: Path, line: int | None, value: object, what: str = "coordinate") -> float:
    """A number of a file, given as one or as text.

    Raises:
        LandmarkFileError: it is none, or too large for a coordinate.
    """
    try:
        number = math.nan if isinstance(value, bool | None) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not abs(number) < GREATEST:
        raise LandmarkFileError(path, line, f"{shown(str(value))} is no {what}")
    return number
