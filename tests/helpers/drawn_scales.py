"""Drawn photographs with a millimetre grid or a scale bar in them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

SHAPE = (450, 600)


def paper(
    shape: tuple[int, int] = SHAPE, seed: int = 0, uneven: float = 0.0
) -> NDArray[np.float64]:
    """Pale ground with noise, darker to the right where the light is uneven."""
    rng = np.random.default_rng(seed)
    ground = 200 + rng.normal(0, 4, shape)
    return ground * (1 - uneven * np.linspace(0, 1, shape[1]))


def grid(
    period: float,
    *,
    angle: float = 0.0,
    shape: tuple[int, int] = SHAPE,
    contrast: float = 0.4,
    uneven: float = 0.0,
    heavier: float = 1.0,
    faint: float = 1.0,
    width: float = 0.16,
    area: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0),
    seed: int = 0,
) -> Pixels:
    """A photograph (H, W) of a grid.

    Args:
        period: pixels from line to line.
        angle: degrees by which it is turned.
        shape: of the photograph.
        contrast: of the lines, of the ground's brightness.
        uneven: by how much the right side is darker.
        heavier: how much wider and darker each fifth line is.
        faint: contrast of the lines between, of that of each fifth.
        width: of a line, in periods.
        area: left, top, right and bottom of the grid, as shares of the photograph.
        seed: of the noise.
    """
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    ink = np.zeros(shape)
    for along in (cos * x + sin * y + 7, -sin * x + cos * y + 3):
        number = np.rint(along / period)
        fifth = number % 5 == 0
        half = period * width / 2 * np.where(fifth, heavier, 1.0)
        off = np.abs(along - number * period)
        line = np.clip(half - off + 0.5, 0, 1) * np.where(fifth, 1.0, faint)
        ink = np.maximum(ink, line)
    left, top, right, bottom = area
    inside = (x >= left * shape[1]) & (x <= right * shape[1])
    inside &= (y >= top * shape[0]) & (y <= bottom * shape[0])
    drawn = paper(shape, seed, uneven) * (1 - contrast * ink * inside)
    return _pixels(np.asarray(cv2.GaussianBlur(drawn, (0, 0), 0.8)))


def beetle(pixels: Pixels, box: tuple[float, float, float, float]) -> Pixels:
    """The photograph with a dark, striped ellipse on it, such as elytra with their striae."""
    height, width = pixels.shape
    left, top, right, bottom = box
    y, x = np.mgrid[:height, :width]
    u = (x / width - left) / (right - left) * 2 - 1
    v = (y / height - top) / (bottom - top) * 2 - 1
    inside = u**2 + v**2 < 1
    across = u / np.sqrt(np.maximum(1 - 0.6 * v**2, 0.2))
    shell = 60 + 25 * np.cos(across * 9 * np.pi) + 20 * (1 - u**2 - v**2)
    return np.where(inside, np.clip(shell, 0, 255), pixels).astype(np.uint8)


def texture(kind: str, shape: tuple[int, int] = SHAPE) -> Pixels:
    """A photograph without any scale: 'noise', 'striae', 'wood', 'text', 'stripes' or 'bricks'."""
    rng = np.random.default_rng(1)
    drawn = paper(shape)
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    if kind == "noise":
        blurred = cv2.GaussianBlur(rng.normal(0, 1, shape), (0, 0), 4)
        drawn = 128 + 400 * np.asarray(blurred, dtype=np.float64)
    elif kind == "striae":
        drawn = beetle(_pixels(drawn), (0.2, 0.05, 0.8, 0.95)).astype(np.float64)
    elif kind == "wood":
        grain = y + 6 * np.sin(x / 90) + 3 * np.sin(x / 37)
        drawn = drawn + 20 * np.sin(grain / 2.2 + 2 * np.sin(grain / 31))
    elif kind == "text":
        page = _pixels(drawn)
        for row in range(8):
            text = "".join(rng.choice(list("abcdefgilmnorstuv   "), 44))
            at = (20, 50 + 50 * row)
            cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.7, (40.0,), 2, cv2.LINE_AA)
        return page
    elif kind == "stripes":
        drawn = drawn - 80 * (np.abs(x % 24 - 12) < 2)
    elif kind == "bricks":  # lines in both directions, of other periods
        drawn = drawn - 80 * ((np.abs(x % 31 - 15) < 2) | (np.abs(y % 19 - 9) < 2))
    return _pixels(drawn)


def with_bar(
    pixels: Pixels,
    length: int,
    *,
    at: tuple[int, int] = (60, 400),
    thickness: int = 6,
    ticks: int = 0,
    upright: bool = False,
    grey: int = 10,
) -> Pixels:
    """The photograph with a bar whose left, or upper, end is at a place."""
    drawn = pixels.T.copy() if upright else pixels.copy()
    x, y = at[::-1] if upright else at
    drawn[y : y + thickness, x : x + length] = grey
    if ticks:
        middle = y + thickness // 2
        for end in (x, x + length - thickness):
            drawn[middle - ticks : middle + ticks, end : end + thickness] = grey
    return np.ascontiguousarray(drawn.T) if upright else drawn


def _pixels(drawn: NDArray[np.float64]) -> Pixels:
    return np.clip(np.rint(drawn), 0, 255).astype(np.uint8)
