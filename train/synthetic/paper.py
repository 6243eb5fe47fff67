"""What lies under the specimen: paper with blotches and fibres, a millimetre grid, shadows."""

from __future__ import annotations

import cv2
import numpy as np

from beetle_lm.train.synthetic.canvas import Canvas, Colour, Layer, Mask
from beetle_lm.train.synthetic.shapes import FRAME
from beetle_lm.train.synthetic.surface import pick
from beetle_lm.train.synthetic.texture import blotches, fibres, specks

_PAPERS: tuple[Colour, ...] = (
    (0.72, 0.82, 0.97),
    (0.76, 0.81, 0.89),
    (0.80, 0.82, 0.85),
    (0.66, 0.75, 0.87),
)
_TISSUES: tuple[Colour, ...] = (
    (0.74, 0.80, 0.86),
    (0.76, 0.77, 0.78),
    (0.60, 0.66, 0.74),
    (0.48, 0.58, 0.71),
)
_GRID_PAPER: Colour = (0.68, 0.76, 0.86)
_GRID_INK: Colour = (0.46, 0.40, 0.33)


def lay_paper(rng: np.random.Generator, canvas: Canvas) -> None:
    """Covers the sheet with smooth paper, lit a little unevenly."""
    _cover(rng, canvas, pick(rng, _PAPERS, 0.04), 0.012)
    if rng.random() < 0.3:
        canvas.darken(specks(rng, canvas, int(rng.integers(1, 6)), 14), 0.6)


def lay_tissue(rng: np.random.Generator, canvas: Canvas) -> None:
    """Covers the sheet with fibrous tissue paper on which dirt lies."""
    _cover(rng, canvas, pick(rng, _TISSUES, 0.04), 0.02)
    strength = rng.uniform(0.05, 0.3)
    for thickness in (4, 9):
        threads = canvas.soften(fibres(rng, canvas, int(rng.integers(15, 90)), thickness), 3.5)
        canvas.blend(threads, (0.88, 0.91, 0.94), strength)
    canvas.darken(specks(rng, canvas, int(rng.integers(0, 12)), 16), 0.55)


def lay_card(rng: np.random.Generator, canvas: Canvas, left: float, right: float) -> None:
    """A strip of white card from top to bottom, between two x of the photographs' frame."""
    height = FRAME[1]
    lean = rng.normal(0, 40, 2)
    strip = [(left + lean[0], -200), (right, -200), (right, height + 200), (left, height + 200)]
    mask = canvas.mask(strip, warped=False)
    canvas.darken(canvas.soften(mask, 30), 0.93)
    canvas.blend(canvas.soften(mask, 6), (0.90, 0.90, 0.89), rng.uniform(0.4, 0.9))


def lay_grid(rng: np.random.Generator, canvas: Canvas, right: float) -> None:
    """Millimetre paper at the left, as far as `right` in the photographs' frame, out of focus."""
    height = FRAME[1]
    lean = rng.normal(0, 25)
    edge = [(-300, -300), (right + lean, -300), (right - lean, height + 300), (-300, height + 300)]
    sheet = canvas.mask(edge, warped=False)
    canvas.darken(canvas.soften(sheet, 25), 0.85)
    canvas.blend(sheet, _GRID_PAPER)
    spacing = rng.uniform(155, 185)
    first = right - rng.uniform(10, 60)
    slant = rng.normal(0, 0.01)
    upright = [
        [(x + slant * height / 2, -300), (x - slant * height / 2, height + 300)]
        for x in np.arange(first, -spacing, -spacing).tolist()
    ]
    level = [
        [(-300, y - slant * 300), (first, y + slant * first)]
        for y in np.arange(-rng.uniform(0, spacing), height + spacing, spacing).tolist()
    ]
    lines = canvas.strokes(upright + level, rng.uniform(20, 28), warped=False)
    ink = canvas.soften(lines, rng.uniform(8, 16))
    canvas.blend(ink, _GRID_INK, rng.uniform(0.7, 0.9))
    rim = canvas.strokes([upright[0]], rng.uniform(35, 60), warped=False)
    canvas.blend(canvas.soften(rim, 8), _GRID_INK, 0.8)


def _paint_over(canvas: Canvas, right: float, shade: float) -> None:
    """Hides what is left of `right` under one grey, as retouched photographs do."""
    edge = [(-300, -300), (right, -300), (right, FRAME[1] + 300), (-300, FRAME[1] + 300)]
    canvas.blend(canvas.mask(edge, warped=False), (shade, shade, shade))


def lay_margin(rng: np.random.Generator, canvas: Canvas, grey: bool) -> None:
    """What lies at the left of a whole beetle: a card, millimetre paper, or neither.

    Args:
        rng: the source of chance.
        canvas: the sheet, covered with paper.
        grey: for a grey photograph, whose millimetre paper was mostly painted over later.
    """
    edge = rng.uniform(500, 900)
    if rng.random() < 0.5:
        card = edge + rng.uniform(20, 150)
        lay_card(rng, canvas, card, card + rng.uniform(150, 700))
    if rng.random() < 0.75:
        lay_grid(rng, canvas, edge)
        if grey and rng.random() < 0.8:
            _paint_over(canvas, edge + rng.uniform(-20, 60), rng.uniform(0.55, 0.7))


def cast_shadow(rng: np.random.Generator, canvas: Canvas, body: Mask) -> None:
    """Darkens the paper round a body that lies on it."""
    height, width = canvas.shape
    offset = rng.normal(0, 18, 2) * canvas.scale
    shift = np.column_stack([np.eye(2), offset])
    for radius, strength in ((90, rng.uniform(0.08, 0.22)), (25, rng.uniform(0.1, 0.3))):
        soft = canvas.soften(body, radius)
        moved = cv2.warpAffine(soft, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
        canvas.darken(np.asarray(moved, np.uint8), 1 - float(strength))


def _cover(rng: np.random.Generator, canvas: Canvas, colour: Colour, unevenness: float) -> None:
    height, width = canvas.shape
    light: Layer = 1 + np.float32(unevenness) * blotches(rng, canvas, 700, 3)
    light += np.float32(unevenness * 0.5) * blotches(rng, canvas, 60, 2)
    across, down = rng.normal(0, 0.06, 2)
    light += np.linspace(-across, across, width, dtype=np.float32)
    light += np.linspace(-down, down, height, dtype=np.float32)[:, None]
    canvas.pixels[:] = light[..., None] * np.array(colour, np.float32)
