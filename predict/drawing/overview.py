"""Many photographs with their landmarks in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.drawing.overlay import Marked
from beetle_lm.predict.drawing.sheet import CELL, DOT, Cell, in_rows, sheet
from beetle_lm.text import counted

MOST = 12
"""How many photographs the overview of one part shows."""

MOST_OF_EACH = 4
"""How many photographs of each part the overview of several parts shows."""

_T = TypeVar("_T")


class Selection:
    """The photographs of a part that its overview shows.

    Their names decide, before any is read, which ones are shown: `MOST` of them, evenly spaced.

    Args:
        names: names of all photographs of the run.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.count = len(names)
        self._names = dict.fromkeys(_evenly(names, MOST))
        self._cells: dict[str, Cell] = {}

    @property
    def cells(self) -> list[Cell]:
        """The pictures that were taken, in the order of the photographs."""
        return [self._cells[name] for name in self._names if name in self._cells]

    def lacks(self, name: str) -> bool:
        """Whether a photograph is to be shown, and was not taken yet."""
        return name in self._names and name not in self._cells

    def take(self, name: str, marked: Marked, min_score: float = 0.0, *, flagged: bool) -> None:
        """Takes a photograph, if it is to be shown; from any thread."""
        if self.lacks(name):
            pixels = marked.fitted(*CELL).dotted(DOT, min_score)
            self._cells[name] = Cell(name, pixels, "flagged" if flagged else None)


def overview(parts: Mapping[str, Selection]) -> NDArray[np.uint8]:
    """Draws the overview of one part, or of several with a column for each.

    Args:
        parts: the photographs of each part by its name, at least one photograph in all.

    Returns:
        uint8 (H, W, 3) RGB, white around the photographs; all cells are of one size.
    """
    if len(parts) == 1:
        [(part, only)] = parts.items()
        return sheet([(part, _counted(only))], in_rows(only.cells))
    columns = [_evenly(selection.cells, MOST_OF_EACH) for selection in parts.values()]
    rows = [
        [column[row] if row < len(column) else None for column in columns]
        for row in range(max(len(column) for column in columns))
    ]
    return sheet([(part, "") for part in parts], rows)


def _evenly(items: Sequence[_T], most: int) -> list[_T]:
    places = np.linspace(0, len(items) - 1, min(most, len(items)))
    return [items[round(place)] for place in places]


def _counted(selection: Selection) -> str:
    shown, count = len(selection.cells), selection.count
    whole = counted(count, "photograph")
    return whole if shown == count else f"{shown} of {whole}"
