"""A photograph in which lines lie level, a fixed number of pixels apart."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.scales.combs import Comb, Grey, Plane, turning

PERIOD = 32
"""Pixels from line to line in a `Levelled` image."""

_STRIP = 0.4  # periods in which an image is averaged along the lines, to see them above noise


@dataclass(frozen=True, eq=False)
class Levelled:
    """A photograph turned so that lines lie level, and shrunk so that they are `PERIOD` apart.

    Args:
        image: (H, W) grey levels, NaN outside the photograph.
        there: the affine map (2, 3) from pixels of the photograph to those of the image.
        angle: by which it is turned, in degrees anticlockwise.
        factor: pixels of the image that one of the photograph is long.
    """

    image: Plane
    there: Floats
    angle: float
    factor: float


class Pyramid:
    """A photograph at full, half, quarter size and so on.

    Args:
        grey: (H, W) at full size.
    """

    def __init__(self, grey: Grey) -> None:
        self._sizes: list[Plane] = [grey.astype(np.float32)]

    def levelled(self, angle: float, period: float) -> Levelled:
        """The photograph turned by so many degrees, with lines `period` pixels apart levelled."""
        image, shrunk = self._near(period)
        factor = PERIOD / period
        turn, turned_size = turning(image.shape, angle)
        enlarge = factor / shrunk
        size = tuple(np.ceil(np.array(turned_size) * enlarge).astype(int))
        there = turn * enlarge
        turned = self._warped(image, there, size)
        scale = np.diag([shrunk, shrunk, 1.0])
        return Levelled(turned, there @ scale, angle, factor)

    def strip(self, comb: Comb, angle: float, length: int) -> Floats:
        """The profile across the lines of a comb, in a strip through its middle.

        Args:
            comb: the lines.
            angle: degrees by which they are turned.
            length: pixels of the profile, `PERIOD` to the period; the middle is in its middle.

        Returns:
            (length,) grey levels, NaN outside the photograph.
        """
        image, shrunk = self._near(comb.period)
        enlarge = PERIOD / comb.period / shrunk
        there = turning(image.shape, angle)[0] * enlarge
        width = round(_STRIP * PERIOD)
        x, y = there @ (comb.x * shrunk, comb.y * shrunk, 1.0)
        there[:, 2] += width / 2 - x, length / 2 - y
        return _means(self._warped(image, there, (width, length)))

    def _near(self, period: float) -> tuple[Plane, float]:
        """The photograph shrunk until lines are less than two `PERIOD`s apart, and how much."""
        level = max(0, int(np.log2(period / PERIOD)))
        while len(self._sizes) <= level:
            half = [max(1, side // 2) for side in self._sizes[-1].shape[::-1]]
            smaller = cv2.resize(self._sizes[-1], half, interpolation=cv2.INTER_AREA)
            self._sizes.append(np.asarray(smaller, dtype=np.float32))
        return self._sizes[level], self._sizes[level].shape[1] / self._sizes[0].shape[1]

    @staticmethod
    def _warped(image: Plane, there: Floats, size: tuple[int, ...]) -> Plane:
        # OpenCV's coordinates are those of pixels' centres.
        there = there.copy()
        there[:, 2] += there[:, :2] @ (0.5, 0.5) - 0.5
        warped = cv2.warpAffine(image, there, size, flags=cv2.INTER_LINEAR, borderValue=np.nan)
        return np.asarray(warped, dtype=np.float32)


def profile_at(image: Plane, x: float) -> Floats:
    """(H,) means of a strip of an image along the lines; NaN where less than half is inside."""
    left, right = round(x - _STRIP * PERIOD / 2), round(x + _STRIP * PERIOD / 2)
    return _means(image[:, max(0, left) : right], right - left)


def _means(strip: Plane, width: int | None = None) -> Floats:
    """(H,) means of the rows of a strip, as far as they are inside the photograph."""
    if not strip.shape[1]:
        return np.full(len(strip), np.nan)
    means: Floats = strip.mean(axis=1, dtype=np.float64)
    cut = np.isnan(means)
    inside = ~np.isnan(strip[cut])
    sums, counts = np.where(inside, strip[cut], 0).sum(axis=1), inside.sum(axis=1)
    enough = 2 * counts >= (width or strip.shape[1])
    means[cut] = np.where(enough, sums / np.maximum(counts, 1), np.nan)
    return means
