"""The sheet that specimens are drawn on: carries template points to pixels, fills and blends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import RBFInterpolator

from beetle_lm.train.synthetic.shapes import FRAME

Floats = NDArray[np.float64]
Mask = NDArray[np.uint8]
"""(H, W), 0 outside a figure, 255 inside, between on its edge."""
Layer = NDArray[np.float32]
"""(H, W) values or (H, W, 3) colours from 0 to 1."""
Colour = tuple[float, float, float]
Outline = Floats | Sequence[Sequence[float]]

_SHIFT = 4
# OpenCV's anti-aliased fill puts the edge this far outside the polygon, in pixels.
_FILL_EXCESS = 0.62


class Canvas:
    """A picture in the making.

    Coordinates of the drawings ("template") are those of the part's mean shape, in pixels of the
    photographs' frame; the canvas carries them onto the specimen and into its own pixels.

    Args:
        size: width and height of the picture in pixels.
        template: (n, 2) landmarks of the template drawing.
        landmarks: (n, 2) landmarks of the specimen, in the photographs' frame.
    """

    def __init__(self, size: tuple[int, int], template: Floats, landmarks: Floats) -> None:
        width, height = size
        self.scale = min(width / FRAME[0], height / FRAME[1])
        self._offset = (np.array(size) - np.array(FRAME) * self.scale) / 2
        # The smoothest map that carries the template's landmarks exactly onto the specimen's.
        self._warp = RBFInterpolator(template, landmarks, kernel="thin_plate_spline")
        self.landmarks = self.from_frame(landmarks)
        self.shape = (height, width)
        self.pixels: Layer = np.zeros((height, width, 3), np.float32)

    def from_frame(self, points: ArrayLike) -> Floats:
        """(n, 2) pixels of points given in the photographs' frame, not warped."""
        return np.asarray(points, np.float64) * self.scale + self._offset

    def place(self, points: ArrayLike) -> Floats:
        """(n, 2) pixels of template points on this specimen."""
        return self.from_frame(self._warp(np.asarray(points, np.float64)))

    def mask(self, *outlines: Outline, warped: bool = True) -> Mask:
        """The figures inside template outlines ((n, 2) each), together.

        Args:
            outlines: closed outlines.
            warped: False for outlines that do not follow the specimen, such as a grid's.
        """
        mask: Mask = np.zeros(self.shape, np.uint8)
        if outlines:
            together = np.vstack([np.asarray(outline, np.float64) for outline in outlines])
            placed = self.place(together) if warped else self.from_frame(together)
            ends = np.cumsum([len(outline) for outline in outlines])[:-1]
            for polygon in np.split(placed, ends):
                fill(mask, polygon)
        return mask

    def strokes(self, paths: Iterable[ArrayLike], thickness: float, warped: bool = True) -> Mask:
        """Lines along template paths, `thickness` in template pixels (one pixel at least)."""
        mask: Mask = np.zeros(self.shape, np.uint8)
        pen = max(1, round(thickness * self.scale))
        for path in paths:
            points = self.place(path) if warped else self.from_frame(path)
            cv2.polylines(mask, [_fixed_point(points)], False, 255, pen, cv2.LINE_AA, _SHIFT)
        faint = min(1.0, thickness * self.scale)
        return mask if faint == 1.0 else np.asarray(mask * faint, np.uint8)

    def blend(self, mask: Mask, paint: Layer | Colour, opacity: float = 1.0) -> None:
        """Lays a colour, or an (H, W, 3) layer of colours, over the picture where the mask is."""
        rows, columns = window(mask)
        alpha = mask[rows, columns, None].astype(np.float32) * np.float32(opacity / 255.0)
        under = self.pixels[rows, columns]
        over = (
            paint[rows, columns] if isinstance(paint, np.ndarray) else np.array(paint, np.float32)
        )
        under += (over - under) * alpha

    def darken(self, mask: Mask, factor: float) -> None:
        """Multiplies the picture by `factor` where the mask is (above 1 brightens)."""
        rows, columns = window(mask)
        alpha = mask[rows, columns, None].astype(np.float32) * np.float32((1 - factor) / 255.0)
        self.pixels[rows, columns] *= 1 - alpha

    def soften(self, mask: Mask, radius: float) -> Mask:
        """The mask blurred by `radius` template pixels."""
        sigma = radius * self.scale
        reach = int(3 * sigma) + 2
        rows, columns = window(mask)
        rows = slice(max(0, rows.start - reach), rows.stop + reach)
        columns = slice(max(0, columns.start - reach), columns.stop + reach)
        soft = np.zeros_like(mask)
        if mask[rows, columns].size:
            soft[rows, columns] = blur(mask[rows, columns], sigma)
        return soft


def fill(mask: Mask, polygon: Floats) -> None:
    """Fills a polygon, (n, 2) in continuous pixel coordinates, with an anti-aliased edge."""
    following, before = np.roll(polygon, -1, axis=0), np.roll(polygon, 1, axis=0)
    turning = float((polygon[:, 0] * following[:, 1] - following[:, 0] * polygon[:, 1]).sum())
    tangent = following - before
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    inward = np.column_stack([-tangent[:, 1], tangent[:, 0]]) * np.sign(turning)
    cv2.fillPoly(mask, [_fixed_point(polygon + inward * _FILL_EXCESS)], 255, cv2.LINE_AA, _SHIFT)


def blur(layer: NDArray[Any], sigma: float) -> NDArray[Any]:
    """Gaussian blur; wide ones at a reduced size, which looks the same and takes less time."""
    if sigma < 0.3:
        return layer
    if sigma < 4:
        return np.asarray(cv2.GaussianBlur(layer, (0, 0), sigma))
    factor = int(sigma / 2)
    height, width = layer.shape[:2]
    small_size = (max(1, width // factor), max(1, height // factor))
    small = cv2.resize(layer, small_size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / factor)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def window(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns of the smallest rectangle that holds the mask."""
    left, top, width, height = cv2.boundingRect(mask)
    return slice(top, top + height), slice(left, left + width)


def _fixed_point(points: Floats) -> NDArray[np.int32]:
    # OpenCV's whole numbers are the pixels' centres; clipped because its numbers are 16 bit there.
    centred = np.clip(points - 0.5, -8000.0, 16000.0)
    return np.rint(centred * (1 << _SHIFT)).astype(np.int32)
