"""Drawn mandibles whose landmarks are known: straight, turned, bent."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm.train.synthetic.render import render, specimen_rng

PART, SIZE = "right-mandible", (816, 612)
DIAGONAL = float(np.hypot(*SIZE))
Pixels = NDArray[np.uint8]
Points = NDArray[np.float64]


@cache
def mandible(number: int, part: str = PART) -> tuple[Pixels, Points]:
    pixels, landmarks = render(part, specimen_rng(0, part, number), SIZE)
    for array in (pixels, landmarks.xy):
        array.flags.writeable = False  # all tests get the same
    return pixels, landmarks.xy


def turned(pixels: Pixels, xy: Points, degrees: float) -> tuple[Pixels, Points]:
    """A picture turned around its middle, on ground that goes on."""
    middle = np.array(SIZE) / 2
    of_pixels = cv2.getRotationMatrix2D(tuple(middle - 0.5), degrees, 0.8)
    of_points = cv2.getRotationMatrix2D(tuple(middle), degrees, 0.8)
    picture = cv2.warpAffine(pixels, of_pixels, SIZE, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(picture, np.uint8), xy @ of_points[:, :2].T + of_points[:, 2]


def bent(pixels: Pixels, xy: Points, share: float) -> tuple[Pixels, Points]:
    """A picture whose rows are moved to the right by the square of their distance from the middle.

    The middle is that of the landmarks; the unit is their centroid size over the root of their
    number, and there rows are moved by `share` of it.
    """
    middle, size = xy[:, 1].mean(), float(np.sqrt(xy.var(axis=0).sum()))
    x, y = np.meshgrid(*(np.arange(side, dtype=np.float32) for side in SIZE))
    off = share * (y + 0.5 - middle) ** 2 / size
    picture = cv2.remap(
        pixels, x - off.astype(np.float32), y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    moved = np.c_[xy[:, 0] + share * (xy[:, 1] - middle) ** 2 / size, xy[:, 1]]
    return np.asarray(picture, np.uint8), moved


def write(path: Path, pixels: Pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.ascontiguousarray(pixels[..., ::-1]))


def blank() -> Pixels:
    grain = np.random.default_rng(0).normal(0, 4, (SIZE[1], SIZE[0], 3))
    return np.asarray(np.clip(205 + grain, 0, 255), np.uint8)


def errors(xy: Points, truth: Points) -> Points:
    """Distances in shares of the photograph's diagonal."""
    return np.asarray(np.hypot(*(xy - truth).T) / DIAGONAL)
