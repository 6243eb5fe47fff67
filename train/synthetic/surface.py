"""Chitin: relief raised from an outline, lit by lamps and coloured by its gloss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from beetle_lm.train.synthetic.canvas import Canvas, Colour, Floats, Layer, Mask, blur, window

SHEENS: tuple[Colour, ...] = (
    (0.46, 0.25, 0.15),
    (0.42, 0.30, 0.16),
    (0.30, 0.34, 0.14),
    (0.16, 0.32, 0.20),
    (0.14, 0.25, 0.30),
    (0.20, 0.20, 0.22),
)
"""Metallic colours of the species: copper, brass, green, blue, black."""

_TABLE = 96
# A cylinder's side is upright; chitin's edge is not.
_STEEPEST = 0.93


@dataclass(frozen=True)
class Gleam:
    """A highlight: seen where the surface leans towards a lamp.

    Args:
        x, y: lean of the surface there: sine of its slope to the right and downwards, -1 to 1.
        width, height: spread of the highlight over x and y.
        colour: added to the surface's own.
    """

    x: float
    y: float
    width: float
    height: float
    colour: Colour


@dataclass(frozen=True)
class Finish:
    """How chitin looks from each side.

    Args:
        level: colour where the surface lies level (the lens mirrors itself there: dark).
        sloping: colour where it slopes half-way.
        rim: colour where it turns away from the viewer.
        gleams: highlights.
    """

    level: Colour
    sloping: Colour
    rim: Colour
    gleams: tuple[Gleam, ...] = ()

    def dimmed(self, factor: float) -> Finish:
        """The same finish in weaker light."""
        return replace(
            self,
            level=_times(self.level, factor),
            sloping=_times(self.sloping, factor),
            rim=_times(self.rim, factor),
            gleams=tuple(
                replace(gleam, colour=_times(gleam.colour, factor)) for gleam in self.gleams
            ),
        )

    def table(self) -> Layer:
        """(96, 96, 3) the colour for each lean of the surface, x along columns, y along rows."""
        axis = np.linspace(-1, 1, _TABLE, dtype=np.float32)
        x, y = np.meshgrid(axis, axis)
        steepness = np.sqrt(x * x + y * y)
        stops = [0.0, 0.5, 0.95]
        colours = np.array([self.level, self.sloping, self.rim])
        table = np.stack(
            [np.interp(steepness, stops, colours[:, channel]) for channel in range(3)], axis=-1
        )
        for gleam in self.gleams:
            distance = ((x - gleam.x) / gleam.width) ** 2 + ((y - gleam.y) / gleam.height) ** 2
            table += np.exp(-0.5 * distance)[..., None] * np.array(gleam.colour)
        return np.asarray(table, np.float32)


def relief(canvas: Canvas, mask: Mask, radius: float, bulge: float) -> Layer:
    """(H, W) heights in pixels of a body that rises from the outline like a flattened cylinder.

    Args:
        canvas: the picture.
        mask: the body's outline.
        radius: template pixels from the outline to where the body is level.
        bulge: height there, as a share of the radius.
    """
    factor = max(1, int(radius * canvas.scale / 12))
    height, width = canvas.shape
    small = cv2.resize(
        mask, (max(1, width // factor), max(1, height // factor)), interpolation=cv2.INTER_AREA
    )
    inside = np.asarray(small > 127, np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    reach = radius * canvas.scale
    fall = _STEEPEST * (1 - np.clip(distance * (factor / reach), 0, 1))
    rise = np.sqrt(1 - fall * fall) * np.float32(bulge * reach)
    rise = cv2.GaussianBlur(np.asarray(rise, np.float32), (0, 0), 1.5)
    full = cv2.resize(rise, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(blur(full, factor * 0.8), np.float32)


def shade(
    canvas: Canvas,
    mask: Mask,
    height: Layer,
    finish: Finish,
    tint: Layer | None = None,
) -> None:
    """Paints a lit surface where the mask is.

    Args:
        canvas: the picture.
        mask: where the surface is.
        height: (H, W) its relief in pixels.
        finish: its look.
        tint: (H, W) or (H, W, 3) factors on its colour.
    """
    rows, columns = window(mask)
    if rows.stop - rows.start < 2 or columns.stop - columns.start < 2:
        return
    part = height[rows, columns]
    lean_x = cv2.Sobel(part, cv2.CV_32F, 1, 0, ksize=3, scale=-0.125)
    lean_y = cv2.Sobel(part, cv2.CV_32F, 0, 1, ksize=3, scale=-0.125)
    half = np.float32((_TABLE - 1) / 2)
    steep = half / np.sqrt(1 + lean_x * lean_x + lean_y * lean_y)
    at_x, at_y = lean_x * steep + half, lean_y * steep + half
    lit = np.asarray(cv2.remap(finish.table(), at_x, at_y, cv2.INTER_LINEAR), np.float32)
    if tint is not None:
        factors = tint[rows, columns]
        lit *= factors if factors.ndim == 3 else factors[..., None]
    alpha = mask[rows, columns, None].astype(np.float32) * np.float32(1 / 255)
    under = canvas.pixels[rows, columns]
    under += (lit - under) * alpha


def engrave(height: Layer, lines: Mask, depth: float) -> None:
    """Cuts grooves into a relief where lines are; a negative depth raises ridges."""
    rows, columns = window(lines)
    height[rows, columns] -= lines[rows, columns] * np.float32(depth / 255)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """A colour between two: `share` of the second."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def pick(rng: np.random.Generator, colours: Sequence[Colour], spread: float = 0.1) -> Colour:
    """One of some colours, slightly changed."""
    red, green, blue = np.array(colours[int(rng.integers(len(colours)))]) * (
        rng.normal(1, spread) * rng.normal(1, spread / 3, 3)
    )
    return float(red), float(green), float(blue)


class Drawing:
    """A specimen's part on its sheet: where its landmarks lie, and the colours of its chitin.

    Args:
        canvas: the sheet; its template landmarks are `template`.
        template: (n, 2) the mean landmarks.
        rng: the source of chance.
    """

    def __init__(self, canvas: Canvas, template: Floats, rng: np.random.Generator) -> None:
        self.canvas, self.rng = canvas, rng
        self.points = {number + 1: xy for number, xy in enumerate(template)}
        self.sheen, self.second = pick(rng, SHEENS), pick(rng, SHEENS)


def _times(colour: Colour, factor: float) -> Colour:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor
