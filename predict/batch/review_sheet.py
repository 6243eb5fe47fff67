"""The picture of the photographs to check first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beetle_lm.errors import ImageError
from beetle_lm.predict.batch.review import Review, Reviewed
from beetle_lm.predict.drawing.overlay import Marked
from beetle_lm.predict.drawing.sheet import CELL, DOT, LETTERS, Cell, in_rows, sheet
from beetle_lm.predict.images.find import ImageFile
from beetle_lm.predict.images.header import read_header
from beetle_lm.predict.images.orientation import to_upright
from beetle_lm.predict.images.pages import photograph_at
from beetle_lm.text import counted

MOST = 48
"""How many photographs a sheet shows at most."""


def review_sheet(found: Review, images: Path | None = None) -> tuple[NDArray[np.uint8], list[str]]:
    """Draws the photographs with their landmarks, the worst first.

    Args:
        found: what there is to check, one photograph at least.
        images: the folder of the photographs, where it is no longer the one they were read from.

    Returns:
        uint8 (H, W, 3) RGB, and the names of photographs that could not be shown though they have
        landmarks.
    """
    several = len({one.part for one in found.worst}) > 1
    shown = found.worst[:MOST]
    cells = [_cell(one, images, several) for one in shown]
    missing = [
        one.image
        for one, cell in zip(shown, cells, strict=True)
        if cell.pixels is None and one.status != "failed"
    ]
    count = counted(sum(found.counts.values()), found.unit)
    note = f"{len(shown)} of {count}, worst first; {found.counts['flagged']} flagged"
    if found.counts["failed"]:
        note += f", {found.counts['failed']} failed"
    return sheet([("To check", note)], in_rows(cells)), missing


def _cell(one: Reviewed, images: Path | None, several: bool) -> Cell:
    pixels = None
    photograph = one.photograph
    if images is not None:
        inside = images / one.part / "images"
        folder = inside if inside.is_dir() else images / one.part
        photograph = (folder if folder.is_dir() else images) / one.image
    notes = []
    if one.placed is not None:
        worst = one.placed.worst
        error = one.placed.expected_error
        notes.append(
            f"expected error {error.mean():.1f} px, worst {error[worst]:.1f} px at landmark"
            f" {worst + 1}"
        )
    if one.reason:
        notes.append(one.reason)
    try:
        pixels = _pixels(one, photograph_at(photograph, one.image))
    except ImageError as problem:
        if one.status != "failed":
            notes.append(str(problem))
    mark = None if one.status == "ok" else one.status
    name = f"{one.part}: {one.image}" if several else one.image
    return Cell(name, pixels, mark, tuple(notes))


def _pixels(one: Reviewed, photograph: ImageFile) -> NDArray[np.uint8]:
    """The photograph as large as a cell, with its landmarks where they are known.

    Raises:
        ImageError: it cannot be read.
    """
    xy, score = np.empty((0, 2)), np.empty(0)
    if one.placed is not None:
        xy, score = one.placed.xy, one.placed.score
        if one.stored:
            header = read_header(photograph)
            xy = to_upright(xy, header.orientation, header.size)
    return Marked.read(photograph, xy, score).fitted(*CELL).dotted(DOT, numbers=LETTERS)
