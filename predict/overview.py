"""Many photographs with their landmarks in one picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from beetle_lm.predict.overlay import Marked, small_dot
from beetle_lm.predict.textfile import printable

MOST = 12
"""How many photographs the overview of one part shows."""

MOST_OF_EACH = 4
"""How many photographs of each part the overview of several parts shows."""

_T = TypeVar("_T")
_CELL = (480, 360)
_GAP, _MARGIN, _HEADING, _CAPTION, _LEGEND = 20, 36, 58, 30, 52
_LARGE, _MEDIUM, _SMALL = 30, 20, 17  # letters
_DOT = 4
_WHITE, _BLACK, _GREY, _LIGHT = (255, 255, 255), (20, 20, 20), (90, 90, 90), (205, 205, 205)


@dataclass(frozen=True, eq=False)
class Cell:
    """One photograph of an overview.

    Args:
        name: the photograph's name, written below it.
        pixels: uint8 (h, w, 3) RGB with its landmarks, no larger than a cell.
    """

    name: str
    pixels: NDArray[np.uint8]


class Selection:
    """Gathers the photographs of a part for its overview.

    Which ones is settled by their names, before any is read: `MOST` of them, evenly spaced.

    Args:
        names: names of all photographs of the run.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.count = len(names)
        self.cells: list[Cell] = []
        self._names = frozenset(_evenly(names, MOST))

    def wants(self, name: str) -> bool:
        """Whether a photograph is one of those that are shown."""
        return name in self._names

    def add(self, name: str, marked: Marked, min_score: float = 0.0) -> None:
        """Takes a photograph that is wanted."""
        self.cells.append(Cell(name, marked.fitted(*_CELL).dotted(_DOT, min_score)))


def overview(parts: Mapping[str, Selection]) -> NDArray[np.uint8]:
    """Draws the overview of one part, or of several with a column for each.

    Args:
        parts: the photographs of each part by its name, one photograph at least.

    Returns:
        uint8 (H, W, 3) RGB, white around the photographs; all cells are of one size.
    """
    if len(parts) == 1:
        [(part, only)] = parts.items()
        return _sheet([(part, _counted(only))], _rows(only.cells))
    columns = [_evenly(selection.cells, MOST_OF_EACH) for selection in parts.values()]
    rows = [
        [column[row] if row < len(column) else None for column in columns]
        for row in range(max(len(column) for column in columns))
    ]
    return _sheet([(part, "") for part in parts], rows)


def _evenly(items: Sequence[_T], most: int) -> list[_T]:
    places = np.linspace(0, len(items) - 1, min(most, len(items)))
    return [items[round(place)] for place in places]


def _counted(selection: Selection) -> str:
    shown, count = len(selection.cells), selection.count
    whole = "1 photograph" if count == 1 else f"{count} photographs"
    return whole if shown == count else f"{shown} of {whole}"


def _rows(cells: Sequence[Cell]) -> list[list[Cell | None]]:
    across = len(cells) if len(cells) < 4 else math.ceil(math.sqrt(len(cells)))
    return [list(cells[start : start + across]) for start in range(0, len(cells), across)]


def _sheet(
    headings: Sequence[tuple[str, str]], rows: Sequence[Sequence[Cell | None]]
) -> NDArray[np.uint8]:
    """Cells in rows; the headings, bold and grey, begin where the columns do."""
    across, down = len(rows[0]), len(rows)
    step_x, step_y = _CELL[0] + _GAP, _CELL[1] + _CAPTION + _GAP
    height = _MARGIN + _HEADING + down * step_y + _LEGEND
    picture = Image.new("RGB", (2 * _MARGIN + across * step_x - _GAP, height), _WHITE)
    pen = ImageDraw.Draw(picture)
    bold, plain = _font("DejaVuSans-Bold.ttf", _LARGE), _font("DejaVuSans.ttf", _MEDIUM)
    base = _MARGIN + _LARGE
    for column, (heading, note) in enumerate(headings):
        x = float(_MARGIN + column * step_x)
        pen.text((x, base), heading, _BLACK, bold, "ls")
        pen.text((x + bold.getlength(heading) + 14, base), note, _GREY, plain, "ls")
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            if cell is not None:
                corner = _MARGIN + column * step_x, _MARGIN + _HEADING + row * step_y
                _place(picture, pen, cell, corner)
    return _with_legend(picture, pen)


def _place(
    picture: Image.Image, pen: ImageDraw.ImageDraw, cell: Cell, corner: tuple[int, int]
) -> None:
    height, width = cell.pixels.shape[:2]
    left, top = corner[0] + (_CELL[0] - width) // 2, corner[1] + (_CELL[1] - height) // 2
    picture.paste(Image.fromarray(cell.pixels), (left, top))
    pen.rectangle((left - 1, top - 1, left + width, top + height), outline=_LIGHT)
    font = _font("DejaVuSans.ttf", _SMALL)
    middle, below = corner[0] + _CELL[0] / 2, corner[1] + _CELL[1] + 7
    pen.text((middle, below), _shortened(printable(cell.name), font), _GREY, font, "mt")


def _with_legend(picture: Image.Image, pen: ImageDraw.ImageDraw) -> NDArray[np.uint8]:
    font = _font("DejaVuSans.ttf", _SMALL)
    x, base = float(_MARGIN), picture.height - _MARGIN
    dots = []
    for text, score in (("score of a landmark:", None), ("1", 1.0), ("0.5", 0.5), ("0", 0.0)):
        if score is not None:
            dots.append((np.array([x + 2 * _DOT, base - _SMALL * 0.36]), score))
            x += 5 * _DOT
        pen.text((x, base), text, _GREY, font, "ls")
        x += font.getlength(text) + 5 * _DOT
    pixels = np.array(picture, np.uint8)
    for point, score in dots:
        small_dot(pixels, point, _DOT, score)
    return pixels


def _shortened(name: str, font: ImageFont.FreeTypeFont) -> str:
    """A name that is no wider than a cell: the middle of a long one is left out."""
    shown, keep = name, len(name) // 2
    while font.getlength(shown) > _CELL[0] and keep > 1:
        shown, keep = f"{name[:keep]}…{name[-keep:]}", keep - 1
    return shown


def _font(file: str, size: int) -> ImageFont.FreeTypeFont:
    # Pillow's own font lacks even accented letters, and file names have all kinds.
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", file), size)
