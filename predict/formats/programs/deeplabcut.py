"""DeepLabCut's table of manual landmarks, ``CollectedData_NAME.csv``.

Three rows of headings (scorer, bodyparts, coords), a row for each photograph, y down; a missing
landmark is an empty cell (DeepLabCut's documentation, "labeled-data"). It is read with the other
tables (`beetle_lm.predict.formats.tables`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from beetle_lm.predict.formats.csv import csv_line, guarded
from beetle_lm.predict.formats.programs.found import Placed
from beetle_lm.text import precise

_SCORER, _DECIMALS = "beetle-lm", 5


def text(names: Sequence[str], placed: Sequence[Placed]) -> str:
    """The table.

    Args:
        names: of the landmarks.
        placed: the specimens, each with all landmarks.
    """
    columns = 2 * len(names)
    lines = [
        csv_line(["scorer", *[_SCORER] * columns]),
        csv_line(["bodyparts", *(guarded(name) for name in names for _ in "xy")]),
        csv_line(["coords", *"xy" * len(names)]),
    ]
    for one in placed:
        cells = ["" if np.isnan(v) else precise(v, _DECIMALS) for v in one.xy.ravel().tolist()]
        lines.append(csv_line([guarded(one.name), *cells]))
    return "".join(lines)
