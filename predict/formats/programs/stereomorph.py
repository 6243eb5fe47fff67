"""Shape files of StereoMorph, one for each photograph.

They look like XML and are not: attributes have no quotes. Of ``<landmarks.pixel ...>`` each line is
a name, x and y, in pixels with y down; ``<curves.control>`` has a matrix of x and y for each curve,
called as it is, whose every second point is a control point beside it; ``<scaling>`` is in units
per pixel (StereoMorph's `readShapes`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.coordinates import GREATEST, parse_number
from beetle_lm.predict.formats.programs.found import MISSING, Contents, Found, coordinate
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import shown

_BEGIN = re.compile(r"\s*<shapes\s+type=list\s*>")
_SCALING = re.compile(r"<scaling type=vector[^>]*>([^<\s]+)\s*</scaling>")
_LANDMARKS = re.compile(r"<landmarks\.pixel [^>]*>")
_CURVES = re.compile(r"<curves\.control type=list\s*>")
_CURVE = re.compile(r"<([^<>/\s]+) type=matrix[^<>]*>([^<]*)(</)?")


def is_one(text: str) -> bool:
    """Whether a text is such a file."""
    return _BEGIN.match(text) is not None


def contents(path: Path, text: str) -> Contents:
    """The photograph's specimen, which goes by the file's name.

    Raises:
        LandmarkFileError: something is not as StereoMorph writes it.
    """
    points: dict[str, tuple[float, float]] = {}
    first, inside = _inside(path, text, _LANDMARKS, "landmarks.pixel")
    for number, line in enumerate(inside.split("\n"), start=first):
        if line.strip():
            name, place = _landmark(path, number, line)
            if name in points:
                raise LandmarkFileError(path, number, f"a second landmark {shown(name)}")
            points[name] = place
    scaling = _SCALING.search(text)
    scale = None if scaling is None else coordinate(path, 1, scaling[1], "scaling")
    curves = dict(_curves(path, text))
    found = Found(path.stem, points, first, scale, curves=curves, control_points=True)
    return Contents([found])


def _curves(path: Path, text: str) -> Iterator[tuple[str, Floats]]:
    line, inside = _inside(path, text, _CURVES, "curves.control")
    before = 0
    for curve in _CURVE.finditer(inside):
        line += inside.count("\n", before, curve.start())
        before = curve.start()
        if not curve[3]:
            raise LandmarkFileError(path, line, f"the curve {shown(curve[1])} has no end")
        try:
            rows = [[float(cell) for cell in row.split()] for row in curve[2].split("\n")]
            points = np.array([row for row in rows if row], np.float64).reshape(-1, 2)
        except ValueError as error:
            found = f"the curve {shown(curve[1])} has something else than x and y"
            raise LandmarkFileError(path, line, found) from error
        if not (np.abs(points) < GREATEST).all():
            found = f"the curve {shown(curve[1])} goes where no photograph is"
            raise LandmarkFileError(path, line, found)
        yield curve[1], points


def _inside(path: Path, text: str, begin: re.Pattern[str], tag: str) -> tuple[int, str]:
    """The line where an element begins and what is in it; 1 and nothing where there is none."""
    found = begin.search(text)
    if found is None:
        return 1, ""
    line = text.count("\n", 0, found.end()) + 1
    inside, end, _ = text[found.end() :].partition(f"</{tag}>")
    if not end:
        raise LandmarkFileError(path, line, f"<{tag}> has no end")
    return line, inside


def _landmark(path: Path, line: int, text: str) -> tuple[str, tuple[float, float]]:
    cells = text.strip("\r").strip("\t").split("\t")
    try:
        name, x, y = cells
        place = parse_number(x.strip()), parse_number(y.strip())
    except ValueError as error:
        found = f"{shown(text.strip())} is no landmark: a name, x and y"
        raise LandmarkFileError(path, line, found) from error
    missing = place[0] != place[0] or place[1] != place[1]
    return name, MISSING if missing else place
