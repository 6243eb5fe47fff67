"""Numbers and coordinates as landmark files write them, and what says that a landmark is missing.

One rule for TPS files and tables. A landmark is missing where a coordinate is empty, ``NA``,
``nan`` or ``.``; where both are the same negative whole number, such as -1 -1 or -999 -999; and
where one is -99, -999 or -9999. Where landmarks are learned or compared, it is missing too where
both are 0, the very corner of the image, which is what programs begin with
(`beetle_lm.predict.formats.annotated`); a conversion keeps it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import counted

GREATEST = 1e8
"""No coordinate, and no scale, has that value: the largest photographs have a hundredth of it."""

_MISSING = frozenset({"", "na", "nan", "n/a", "#n/a", "null", "none", "."})
_CODES = (-99.0, -999.0, -9999.0)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*|,\d+)?|[.,]\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def parse_number(text: str) -> float:
    """A finite number with a decimal dot or comma; NaN for `NA` and other words for a missing one.

    Raises:
        ValueError: the text is something else, or too large for a number.
    """
    if text.lower() in _MISSING:
        return math.nan
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    value = float(text.replace(",", "."))
    if math.isinf(value):
        raise ValueError(text)
    return value


class MissingCodes:
    """Replaces the codes for missing landmarks in one file, and counts what is worth telling."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._line: int | None = None

    def removed(self, points: Floats, lines: Sequence[int], usual: bool) -> Floats:
        """The points (n, 2) with NaN in place of codes.

        Args:
            points: coordinates as read.
            lines: where each stands.
            usual: -1 -1 is what such files have for a missing landmark, and not worth telling.
        """
        if not (points < 0).any():  # as all codes are, and few coordinates
            return points
        x, y = points.T
        is_code = ((x == y) & (x < 0) & (x == np.rint(x))) | np.isin(points, _CODES).any(axis=1)
        if not is_code.any():
            return points
        for index in map(int, np.flatnonzero(is_code)):
            code = f"{x[index]:.10g} {y[index]:.10g}"
            if not usual or code != "-1 -1":
                self._codes[code] = self._codes.get(code, 0) + 1
                self._line = self._line or lines[index]
        return np.where(is_code[:, None], np.nan, points)

    def remark(self, path: Path) -> str | None:
        """A sentence on what was replaced; None where nothing was."""
        if not self._codes:
            return None
        were = counted(sum(self._codes.values()), "landmark was", "landmarks were")
        codes = " or ".join(list(self._codes)[:3]) + (" ..." if len(self._codes) > 3 else "")
        return f"{path}, line {self._line}: {were} read as missing, with the coordinates {codes}"
