"""Shape files of StereoMorph, one for each photograph.

They look like XML and are not: attributes have no quotes. Of ``<landmarks.pixel ...>`` each line is
a name, x and y, in pixels with y down; ``<scaling>`` is in units per pixel (StereoMorph's
`readShapes`).
"""

from __future__ import annotations

import re
from pathlib import Path

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.coordinates import parse_number
from beetle_lm.predict.formats.programs.found import MISSING, Contents, Found, coordinate
from beetle_lm.text import shown

_BEGIN = re.compile(r"\s*<shapes\s+type=list\s*>")
_SCALING = re.compile(r"<scaling type=vector[^>]*>([^<\s]+)\s*</scaling>")
_LANDMARKS = re.compile(r"<landmarks\.pixel [^>]*>")
_CURVES = re.compile(r"<curves\.(?:control|pixel) ")


def is_one(text: str) -> bool:
    """Whether a text is such a file."""
    return _BEGIN.match(text) is not None


def contents(path: Path, text: str) -> Contents:
    """The photograph's specimen, which goes by the file's name; and a remark on its curves.

    Raises:
        LandmarkFileError: something is not as StereoMorph writes it.
    """
    points: dict[str, tuple[float, float]] = {}
    begin = _LANDMARKS.search(text)
    first = 1
    if begin is not None:
        first = text.count("\n", 0, begin.end()) + 1
        inside, end, _ = text[begin.end() :].partition("</landmarks.pixel>")
        if not end:
            raise LandmarkFileError(path, first, "<landmarks.pixel> has no end")
        for number, line in enumerate(inside.split("\n"), start=first):
            if line.strip():
                name, place = _landmark(path, number, line)
                if name in points:
                    raise LandmarkFileError(path, number, f"a second landmark {shown(name)}")
                points[name] = place
    scaling = _SCALING.search(text)
    scale = None if scaling is None else coordinate(path, 1, scaling[1], "scaling")
    curves = ["curves are not read, only landmarks are"] if _CURVES.search(text) else []
    return Contents([Found(path.stem, points, first, scale)], (), curves)


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
