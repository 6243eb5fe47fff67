"""NTSYS matrices of landmarks (``.nts``), and the ``.dta`` files of IDAV Landmark, which are some.

Comments begin with a quote. Of ``1 40L 24 1 -999 DIM=2`` the 1 says that it is a rectangular
matrix, 40 and 24 are its rows and columns, ``L`` that labels stand before the numbers, ``1 -999``
that -999 is a missing value (0: there is none). There are two ways to put landmarks into it: a row
for each specimen, or, where there are as many columns as dimensions, a row for each landmark of the
file's one specimen (geomorph's `readland.nts` and `readmulti.nts`). y points up, as in the TPS
files that tpsUtil makes them of.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.coordinates import GREATEST, parse_number
from beetle_lm.predict.formats.programs.found import MISSING, Contents, Found
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import base_name, counted, precise, shown

_COMMENTS = r"(?:[ \t]*(?:[\"'][^\r\n]*)?(?:\r\n|\r|\n))*+"
_HEADER = re.compile(
    _COMMENTS + r"[ \t]*1[ \t]+(?P<rows>\d{1,9})(?P<labels>[LBE]?)[ \t]+(?P<columns>\d{1,9})"
    r"(?P<heads>L?)[ \t]+(?P<missing>[01])(?:[ \t]+(?P<code>[^\s=]+))?"
    r"[ \t]+DIM=[ \t]*(?P<dim>\d{1,3})[ \t]*(?=[\r\n]|\Z)",
    re.IGNORECASE | re.ASCII,
)
_CODE, _DECIMALS = -999, 5


def is_one(text: str) -> bool:
    """Whether a text is such a matrix."""
    return _HEADER.match(text) is not None


def is_of_one_specimen(text: str) -> bool:
    """Whether it is one with a row for each landmark."""
    header = _HEADER.match(text)
    return header is not None and header["columns"] == header["dim"]


def contents(path: Path, text: str) -> Contents:
    """The specimens of a matrix; one of several goes by its label, or else by its number.

    Raises:
        LandmarkFileError: something is not as NTSYS has it, or there are three dimensions.
    """
    header = _HEADER.match(text)
    assert header is not None
    line = text.count("\n", 0, header.end()) + 1
    if header["dim"] != "2":
        found = f"DIM={header['dim']}: only landmarks in two dimensions are read"
        raise LandmarkFileError(path, line, found)
    rows, columns = int(header["rows"]), int(header["columns"])
    if columns % 2:
        raise LandmarkFileError(path, line, f"{columns} columns are no pairs of x and y")
    words = list(_words(text, header.end(), line))
    labels, numbers = _labels_of(path, line, words, header)
    code = _code_in(header)
    values = [_value(path, at, word, code) for at, word in numbers]
    points = np.array(values, np.float64).reshape(-1, 2)
    if columns == 2:
        named = dict(zip(_landmarks(path, line, labels, rows), _pairs(points), strict=True))
        return Contents([Found(path.stem, named, line, y_up=True)])
    firsts = [at for at, _ in numbers[::columns]]
    names = [label for _, label in labels] or [str(number + 1) for number in range(rows)]
    every = points.reshape(rows, columns // 2, 2)
    specimens = [
        Found(name, {str(i): xy for i, xy in enumerate(_pairs(own), start=1)}, at, y_up=True)
        for name, at, own in zip(names, firsts, every, strict=True)
    ]
    return Contents(specimens)


def text(names: Sequence[str], points: Sequence[Floats]) -> str:
    """A matrix with a labelled row for each specimen, one landmark a line.

    Args:
        names: of the specimens; white space in them becomes ``_``, which ends a label.
        points: (K, 2) landmarks of each in pixels, y up, NaN where missing.
    """
    width = 2 * len(points[0])
    lines = [f"1 {len(names)}L {width} 1 {_CODE} DIM=2", *map(label_of, names)]
    for xy in points:
        lines += [
            f"{_CODE} {_CODE}"
            if np.isnan(x)
            else f"{precise(x, _DECIMALS)} {precise(y, _DECIMALS)}"
            for x, y in xy.tolist()
        ]
    return "\n".join(lines) + "\n"


def label_of(name: str) -> str:
    """A name as a label: the file's without folders and white space."""
    return re.sub(r"[\s\"']+", "_", base_name(name)) or "specimen"


def _words(text: str, begin: int, line: int) -> Iterator[tuple[int, str]]:
    """The words after the header with their lines, comments left out."""
    for number, each in enumerate(text[begin:].splitlines(), start=line):
        if not each.lstrip().startswith(('"', "'")):
            yield from ((number, word) for word in each.split())


def _labels_of(
    path: Path, line: int, words: list[tuple[int, str]], header: re.Match[str]
) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """The labels of the rows, and the numbers."""
    rows, columns = int(header["rows"]), int(header["columns"])
    # Some programs write the labels and not the L.
    labelled = header["labels"].upper() or ("L" if len(words) == rows * (columns + 1) else "")
    heads = columns if header["heads"] else 0
    wanted = rows * columns + heads + (rows if labelled else 0)
    if len(words) != wanted or not wanted:
        at = words[-1][0] if words else line
        label = "label" if labelled == "L" else "value"
        found = (
            f"a matrix of {rows} x {columns} has {counted(wanted, label + 's or number')},"
            f" found {len(words)}"
        )
        raise LandmarkFileError(path, at, found)
    if labelled == "L":
        return words[:rows], words[rows + heads :]
    words = words[heads:]
    if not labelled:
        return [], words
    first = 0 if labelled == "B" else columns
    labels = words[first :: columns + 1]
    return labels, [word for at, word in enumerate(words) if at % (columns + 1) != first]


def _landmarks(path: Path, line: int, labels: list[tuple[int, str]], count: int) -> Sequence[str]:
    names = [label for _, label in labels] or [str(number + 1) for number in range(count)]
    if len(set(names)) < len(names):
        raise LandmarkFileError(path, line, "two landmarks have the same label")
    return names


def _code_in(header: re.Match[str]) -> float | None:
    """What stands for a missing value; None where there is none, or the usual words."""
    try:
        return parse_number(header["code"]) if header["missing"] == "1" else None
    except (TypeError, ValueError):
        return None


def _value(path: Path, line: int, word: str, code: float | None) -> float:
    try:
        value = parse_number(word)
    except ValueError as error:
        found = f"expected a number, found {shown(word)}"
        raise LandmarkFileError(path, line, found) from error
    if value == code:
        return np.nan
    if abs(value) >= GREATEST:
        raise LandmarkFileError(path, line, f"no photograph has a coordinate like {shown(word)}")
    return value


def _pairs(points: Floats) -> list[tuple[float, float]]:
    return [MISSING if math.isnan(x + y) else (x, y) for x, y in points.tolist()]
