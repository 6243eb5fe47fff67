"""Our own tables of landmarks: their columns, and the text of their rows.

Wide, one row per specimen: ``image,x1,y1_down,x2,y2_down,...``. The identifier is first and only
coordinates follow, as MorphoJ and R want it; the column names say that y points down. Tidy, one row
per landmark: ``image,landmark,name,x,y,score,expected_error_px``, y down as well. In both an empty
cell is a missing value. All coordinates, and expected errors, are image pixels. A name that a
spreadsheet would take for a formula has an apostrophe in front of it.

With `excel` the text begins with a BOM, cells are separated by ';' and decimals by a comma: what
Excel opens on a double click where the comma is the decimal sign.

The functions return text for a file opened with ``encoding="utf-8", newline=""``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from beetle_lm.encoding import BOM
from beetle_lm.predict.formats.csv import csv_line, guarded
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import encodable, fixed, precise

TIDY_COLUMNS = ("image", "landmark", "name", "x", "y", "score", "expected_error_px")
"""The columns of a tidy table."""

_COORDINATE_DECIMALS = 5
_SCORE_DECIMALS = 4
_ERROR_DECIMALS = 3


def wide_header(count: int, excel: bool = False) -> str:
    """The first line of a wide table of `count` landmarks."""
    columns = [column for i in range(1, count + 1) for column in (f"x{i}", f"y{i}_down")]
    return _first_line(["image", *columns], excel)


def wide_row(image: str, xy: Floats, excel: bool = False, exact: bool = False) -> str:
    """The row of one specimen.

    Args:
        image: the photograph's name.
        xy: (n, 2) image pixels, y down; NaN where a landmark is missing.
        excel: as Excel reads it where the comma is the decimal sign.
        exact: write all digits, where 5 decimals do not hold them.
    """
    numbers = [_cell(value, _COORDINATE_DECIMALS, excel, exact) for value in xy.ravel().tolist()]
    return _csv([[guarded(image), *numbers]], excel)


def tidy_header(excel: bool = False) -> str:
    """The first line of a tidy table."""
    return _first_line(TIDY_COLUMNS, excel)


def tidy_rows(
    image: str,
    names: Sequence[str],
    xy: Floats,
    score: Floats | None = None,
    expected_error: Floats | None = None,
    excel: bool = False,
    exact: bool = False,
) -> str:
    """The rows of one specimen, one per landmark.

    Args:
        image: the photograph's name; no other specimen of the table may have the same.
        names: the n landmarks' names.
        xy: (n, 2) image pixels, y down; NaN where a landmark is missing.
        score: (n,) scores from 0 to 1; None leaves the cells empty.
        expected_error: (n,) expected errors in image pixels; None leaves the cells empty.
        excel: as Excel reads it where the comma is the decimal sign.
        exact: write all digits of coordinates, where 5 decimals do not hold them.
    """
    unknown = np.full(len(xy), np.nan)
    scores = unknown if score is None else score
    errors = unknown if expected_error is None else expected_error
    rows = [
        [
            guarded(image),
            str(number),
            guarded(name),
            _cell(x, _COORDINATE_DECIMALS, excel, exact),
            _cell(y, _COORDINATE_DECIMALS, excel, exact),
            _cell(value, _SCORE_DECIMALS, excel),
            _cell(error, _ERROR_DECIMALS, excel),
        ]
        for number, (name, (x, y), value, error) in enumerate(
            zip(names, xy.tolist(), scores.tolist(), errors.tolist(), strict=True), start=1
        )
    ]
    return _csv(rows, excel)


def _first_line(columns: Iterable[str], excel: bool) -> str:
    return (BOM if excel else "") + _csv([columns], excel)


def _cell(value: float, decimals: int, excel: bool, exact: bool = False) -> str:
    if math.isnan(value):
        return ""
    text = (precise if exact else fixed)(value, decimals)
    return text.replace(".", ",") if excel else text


def _csv(rows: Iterable[Iterable[str]], excel: bool) -> str:
    return encodable("".join(csv_line(row, ";" if excel else ",") for row in rows))
