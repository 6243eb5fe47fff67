"""A sheet of photographs with captions, in rows of cells of one size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from beetle_lm.predict.drawing.overlay import FLAGGED, in_lines, small_dot
from beetle_lm.text import printable

CELL = (480, 360)
"""Largest width and height of a photograph on a sheet, in pixels."""

DOT = 4
"""Radius of a landmark's dot on a sheet, in pixels."""

LETTERS = 14
"""Height of a landmark's number on a sheet, in pixels."""

_GAP, _MARGIN, _HEADING, _LEGEND = 20, 36, 58, 52
_LARGE, _MEDIUM, _SMALL = 30, 20, 17  # letters
_LINE, _MOST_LINES = 23, 5  # of a caption's notes
_FRAME = 5  # around what is flagged
_WHITE, _BLACK, _GREY, _LIGHT = (255, 255, 255), (20, 20, 20), (90, 90, 90), (205, 205, 205)


@dataclass(frozen=True, eq=False)
class Cell:
    """One photograph of a sheet.

    Args:
        name: the photograph's name, written below it.
        pixels: uint8 (h, w, 3) RGB with its landmarks, no larger than a cell; None where there is
            no photograph to show.
        mark: a word in red after the name, for a photograph that is framed in red.
        notes: lines below the name; long ones are broken.
    """

    name: str
    pixels: NDArray[np.uint8] | None
    mark: str | None = None
    notes: tuple[str, ...] = ()


def in_rows(cells: Sequence[Cell]) -> list[list[Cell | None]]:
    """Cells in rows of equal length, about as many rows as there are cells in each."""
    across = len(cells) if len(cells) < 4 else math.ceil(math.sqrt(len(cells)))
    return [list(cells[start : start + across]) for start in range(0, len(cells), across)]


def sheet(
    headings: Sequence[tuple[str, str]], rows: Sequence[Sequence[Cell | None]]
) -> NDArray[np.uint8]:
    """Draws cells in rows, and a legend for the colours of landmarks.

    Args:
        headings: bold and grey words above the columns, from the first column on.
        rows: at least one with at least one cell; None leaves a place empty.

    Returns:
        uint8 (H, W, 3) RGB, white around the photographs.
    """
    across, down = len(rows[0]), len(rows)
    font = _font("DejaVuSans.ttf", _SMALL)
    lines = max(len(_notes(cell, font)) for cells in rows for cell in cells if cell is not None)
    step_x, step_y = CELL[0] + _GAP, CELL[1] + 30 + lines * _LINE + _GAP
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
    font, bold = _font("DejaVuSans.ttf", _SMALL), _font("DejaVuSans-Bold.ttf", _SMALL)
    middle, below = corner[0] + CELL[0] / 2, corner[1] + CELL[1] + 4 + _FRAME
    if cell.pixels is None:
        width, height = CELL
        pen.text((middle, corner[1] + height / 2), "no picture to show", _GREY, font, "mm")
    else:
        height, width = cell.pixels.shape[:2]
    left, top = corner[0] + (CELL[0] - width) // 2, corner[1] + (CELL[1] - height) // 2
    edge, colour = (_FRAME, FLAGGED) if cell.mark else (1, _LIGHT)
    box = left - edge, top - edge, left + width + edge - 1, top + height + edge - 1
    pen.rectangle(box, outline=colour, width=edge)
    if cell.pixels is not None:
        picture.paste(Image.fromarray(cell.pixels), (left, top))
    mark = f"  {cell.mark}" if cell.mark else ""
    marked = bold.getlength(mark)
    name = _shortened(printable(cell.name), font, CELL[0] - marked)
    start = middle - (font.getlength(name) + marked) / 2
    # One baseline for both: letters that reach higher must not push their own line down.
    base = below + _SMALL * 0.8
    pen.text((start, base), name, _GREY, font, "ls")
    pen.text((start + font.getlength(name), base), mark, FLAGGED, bold, "ls")
    for number, note in enumerate(_notes(cell, font), start=1):
        pen.text((middle, base + number * _LINE), note, _BLACK, font, "ms")


def _notes(cell: Cell, font: ImageFont.FreeTypeFont) -> list[str]:
    """The lines of a cell's notes, none wider than a cell."""
    lines = [line for note in cell.notes for line in in_lines(printable(note), font, CELL[0])]
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES - 1 :] = [lines[_MOST_LINES - 1] + " …"]
    return [_shortened(line, font, CELL[0]) for line in lines]


def _with_legend(picture: Image.Image, pen: ImageDraw.ImageDraw) -> NDArray[np.uint8]:
    font = _font("DejaVuSans.ttf", _SMALL)
    x, base = float(_MARGIN), picture.height - _MARGIN
    dots = []
    for text, score in (("score of a landmark:", None), ("1", 1.0), ("0.5", 0.5), ("0", 0.0)):
        if score is not None:
            dots.append((np.array([x + 2 * DOT, base - _SMALL * 0.36]), score))
            x += 5 * DOT
        pen.text((x, base), text, _GREY, font, "ls")
        x += font.getlength(text) + 5 * DOT
    pixels = np.array(picture, np.uint8)
    for point, score in dots:
        small_dot(pixels, point, DOT, score)
    return pixels


def _shortened(name: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """A text no wider than `width`: the middle of a long one is left out."""
    shown, keep = name, len(name) // 2
    while font.getlength(shown) > width and keep > 1:
        shown, keep = f"{name[:keep]}…{name[-keep:]}", keep - 1
    return shown


def _font(file: str, size: int) -> ImageFont.FreeTypeFont:
    # Pillow's own font lacks even accented letters, and file names have all kinds of letters.
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", file), size)
