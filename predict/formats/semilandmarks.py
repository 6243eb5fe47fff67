"""Semilandmarks as other programs want them: appended to the landmarks, with a table of sliders."""

from __future__ import annotations

import numpy as np

from beetle_lm.predict.formats.csv import csv_line, guarded
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import encodable, fixed
from beetle_lm.zoo.model_file.parts import PartSpec

CURVE_COLUMNS = ("image", "curve", "semilandmark", "x", "y", "expected_error_px")
"""The columns of a table of semilandmarks: one row for each."""

_COORDINATE_DECIMALS, _ERROR_DECIMALS = 5, 3


def semilandmark_names(part: PartSpec) -> tuple[str, ...]:
    """What the semilandmarks of all curves are called where they stand beside landmarks."""
    return tuple(
        f"{curve.name} {number}"
        for curve in part.curves
        for number in range(1, curve.semilandmarks + 1)
    )


def sliders(part: PartSpec) -> str:
    """The table of sliders that geomorph's `gpagen(curves = )` takes, as CSV.

    A row for each semilandmark: the number of the point before it, its own, that of the point
    after it, where semilandmarks are counted on from the landmarks, curve after curve.
    """
    rows, first = ["before,slide,after\n"], len(part) + 1
    for curve in part.curves:
        own = range(first, first + curve.semilandmarks)
        every = [curve.start, *own, curve.end]
        rows += [
            f"{before},{slide},{after}\n"
            for before, slide, after in zip(every, every[1:], every[2:], strict=False)
        ]
        first += curve.semilandmarks
    return "".join(rows)


def curve_header() -> str:
    """The first line of a table of semilandmarks."""
    return csv_line(CURVE_COLUMNS)


def curve_rows(
    image: str, part: PartSpec, semilandmarks: Floats, expected_error: Floats | None
) -> str:
    """The rows of one specimen in a table of semilandmarks.

    Args:
        image: the photograph's name.
        part: whose curves these are.
        semilandmarks: (s, 2) image pixels, y down; NaN where missing.
        expected_error: (s,) expected distances from the true curves, in image pixels; None leaves
            the cells empty.
    """
    if expected_error is None:
        expected_error = np.full(len(semilandmarks), np.nan)
    rows, first = [], 0
    for curve in part.curves:
        for number in range(curve.semilandmarks):
            (x, y), error = semilandmarks[first + number].tolist(), expected_error[first + number]
            cells = [_cell(v, _COORDINATE_DECIMALS) for v in (x, y)]
            cells.append(_cell(float(error), _ERROR_DECIMALS))
            rows.append(csv_line((guarded(image), guarded(curve.name), str(number + 1), *cells)))
        first += curve.semilandmarks
    return encodable("".join(rows))


def _cell(value: float, decimals: int) -> str:
    return "" if np.isnan(value) else fixed(value, decimals)
