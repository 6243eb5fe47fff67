"""Markups of 3D Slicer on a picture, one file for each: ``.mrk.json``, and the older ``.fcsv``.

A picture lies in the plane z = 0 with one unit for a pixel. In the system LPS x and y are those of
the picture, y down; in RAS both are negative (Slicer's documentation, "Markups").
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.programs.found import MISSING, Contents, Found, coordinate
from beetle_lm.text import shown

_FCSV = "# Markups fiducial file"
_SYSTEM = re.compile(r"# CoordinateSystem = (\S+)")
_SIGNS = {"LPS": 1.0, "1": 1.0, "RAS": -1.0, "0": -1.0}
_FLAT = 1e-3


def is_fcsv(text: str) -> bool:
    """Whether a text is an ``.fcsv`` file."""
    return text.startswith(_FCSV)


def name_of(path: Path) -> str:
    """The photograph's name, as far as the file's tells."""
    return path.name.removesuffix(".json").removesuffix(".fcsv").removesuffix(".mrk")


def from_fcsv(path: Path, text: str) -> Contents:
    """The specimen of an ``.fcsv`` file, whose columns are id, x, y, z, ..., label (the twelfth).

    Raises:
        LandmarkFileError: something is not as Slicer writes it.
    """
    system = _SYSTEM.search(text)
    sign = _sign(path, system[1] if system else "RAS")
    points: dict[str, tuple[float, float]] = {}
    for line, row in enumerate(csv.reader(text.splitlines()), start=1):
        if not row or row[0].startswith("#"):
            continue
        if len(row) < 4:
            raise LandmarkFileError(path, line, "a row without id, x, y and z")
        label = row[11] if len(row) > 11 and row[11] else row[0]
        _add(path, line, points, label, row[1:4], sign)
    return Contents([Found(name_of(path), points, 1)])


def from_json(path: Path, value: dict[str, Any]) -> Found:
    """The specimen of a ``.mrk.json`` file.

    Raises:
        LandmarkFileError: something is not as Slicer writes it, or it has several lists of points.
    """
    points: dict[str, tuple[float, float]] = {}
    try:
        lists = [each for each in value["markups"] if each.get("controlPoints")]
        if len(lists) > 1:
            raise LandmarkFileError(path, None, "has several lists of points; keep one in a file")
        for markup in lists:
            if markup.get("type", "Fiducial") != "Fiducial":
                found = f"holds a {shown(str(markup['type']))}, not a list of points"
                raise LandmarkFileError(path, None, found)
            sign = _sign(path, str(markup.get("coordinateSystem", "LPS")))
            for point in markup["controlPoints"]:
                label = str(point.get("label") or point.get("id"))
                if point.get("positionStatus", "defined") != "defined":
                    points[label] = MISSING
                    continue
                x, y, z = point["position"]
                _add(path, None, points, label, [x, y, z], sign)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        found = "is not as 3D Slicer writes its markups"
        raise LandmarkFileError(path, None, found) from error
    return Found(name_of(path), points, 1)


def _sign(path: Path, system: str) -> float:
    if system not in _SIGNS:
        found = f"the coordinate system {shown(system)} is not known here"
        raise LandmarkFileError(path, None, found)
    return _SIGNS[system]


def _add(
    path: Path,
    line: int | None,
    points: dict[str, tuple[float, float]],
    label: str,
    position: list[Any],
    sign: float,
) -> None:
    x, y, z = (coordinate(path, line, value) for value in position)
    if abs(z) > _FLAT:
        found = f"{shown(label)} lies at z = {z:g}: only landmarks on pictures are read"
        raise LandmarkFileError(path, line, found)
    if label in points:
        raise LandmarkFileError(path, line, f"a second point {shown(label)}")
    points[label] = (sign * x, sign * y)
