"""Irregular patterns: blotches, fibres, specks, and the grain of a camera's sensor."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.curves import spline
from beetle_lm.train.synthetic.canvas import Canvas, Layer, Mask
from beetle_lm.train.synthetic.curves import Floats
from beetle_lm.train.synthetic.shapes import FRAME


def blotches(rng: np.random.Generator, canvas: Canvas, cell: float, octaves: int = 1) -> Layer:
    """(H, W) smooth random values of mean 0 and deviation about 1.

    Args:
        rng: the source of chance.
        canvas: whose size the layer gets.
        cell: size of the coarsest blotches, in pixels of the photographs' frame; the pattern is
            the same at every size of picture.
        octaves: each further one adds blotches of half the size and half the strength.
    """
    height, width = canvas.shape
    total: Layer = np.zeros(canvas.shape, np.float32)
    for octave in range(octaves):
        size = cell / 2**octave
        coarse = rng.standard_normal(
            (int(FRAME[1] / size) + 2, int(FRAME[0] / size) + 2), dtype=np.float32
        )
        # Cubic interpolation lowers the deviation, by about a third.
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(
            1.5 / 2**octave
        )
    return total


def fibres(rng: np.random.Generator, canvas: Canvas, count: int, thickness: float) -> Mask:
    """Thin curled threads in loose tangles, as in tissue paper."""
    tangles = rng.uniform(-0.1, 1.1, (5, 2))
    paths = []
    for _ in range(count):
        tangle = tangles[rng.integers(len(tangles))]
        start = (tangle + rng.normal(0, 0.16, 2)) * FRAME
        heading = rng.uniform(0, 2 * np.pi)
        paths.append(_wandering(rng, start, heading, rng.uniform(120, 480)))
    return canvas.strokes(paths, thickness, warped=False)


def specks(rng: np.random.Generator, canvas: Canvas, count: int, size: float) -> Mask:
    """Small irregular grains of dirt anywhere on the picture."""
    outlines = []
    for _ in range(count):
        radius = size * rng.uniform(0.4, 1.3)
        angles = np.linspace(0, 2 * np.pi, 7, endpoint=False)
        reach = radius * rng.uniform(0.5, 1.2, 7) * (1 + 0.6 * np.cos(angles - rng.uniform(0, 6)))
        grain = np.column_stack([np.cos(angles), np.sin(angles)]) * reach[:, None]
        outlines.append(spline(grain + rng.uniform(0, 1, 2) * FRAME, closed=True, step=4))
    return canvas.mask(*outlines, warped=False)


def grain(rng: np.random.Generator, shape: tuple[int, int], strength: float) -> NDArray[np.float32]:
    """(H, W, 1) noise of brightness from pixel to pixel, slightly smeared by the camera's JPEG."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    return np.asarray(cv2.blur(noise, (2, 2)), np.float32)[..., None] * np.float32(strength)


def colour_grain(
    rng: np.random.Generator, shape: tuple[int, int], strength: float
) -> NDArray[np.float32]:
    """(H, W, 3) noise of colour, coarser than that of brightness."""
    height, width = shape
    coarse = rng.standard_normal((height // 3 + 1, width // 3 + 1, 3), dtype=np.float32)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(smooth, np.float32) * np.float32(strength)


def _wandering(rng: np.random.Generator, start: Floats, heading: float, length: float) -> Floats:
    turns = heading + np.cumsum(rng.normal(0, 0.4, 5))
    steps = np.column_stack([np.cos(turns), np.sin(turns)]) * length / 5
    return spline(np.vstack([start, start + np.cumsum(steps, axis=0)]))
