"""Where a photograph may show equidistant parallel lines: a search over places and directions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.landmarks import Floats

Grey = NDArray[np.uint8]
Plane = NDArray[np.float32]

LONGEST_SIDE = 1000
"""Pixels to which a photograph is shrunk, at most, before equidistant lines are looked for."""

LEAST_PERIOD = 8
"""Pixels of the shrunk photograph between two lines, at least; twice as many at most, but then the
photograph is shrunk further."""

_SMALLEST_SIDE = 70  # of a shrunk photograph: four periods of the widest comb
_STEP = 6  # degrees between directions; a line as long as a strip is wide moves by half a pixel
_STRIP = 12  # pixels: the width in which lines are averaged, about a period
_AROUND = 41  # pixels in which light and contrast are evened out
_LEAST_CONTRAST = 3.0  # grey levels; less is taken for noise
_LEAST_LIKENESS = 0.35
_PER_COMB, _PER_LEVEL = 8, 14


@dataclass(frozen=True)
class Comb:
    """Equidistant lines that may be there.

    Args:
        x: pixels of the photograph, y down: the middle.
        y: as `x`.
        angle: by how many degrees the photograph is to be turned clockwise, so that the lines lie
            level.
        period: pixels of the photograph from one line to the next, to some 10 %.
        likeness: correlation of the place with itself one and two periods on, the lower of both.
    """

    x: float
    y: float
    angle: float
    period: float
    likeness: float

    def is_like(self, other: Comb) -> bool:
        """Whether direction and period are nearly those of another."""
        turned = abs((self.angle - other.angle + 90) % 180 - 90)
        return turned <= _STEP and abs(np.log(self.period / other.period)) < 0.2


def combs(grey: Grey) -> Iterator[list[Comb]]:
    """Combs by their period, those of the widest first, each time the likeliest first.

    The photograph is shrunk in powers of two, and at each size turned in steps. Narrow strips of it
    are correlated with themselves, shifted across the lines by one period and by two.

    Args:
        grey: (H, W), at full size.
    """
    sides = []
    side = float(min(LONGEST_SIDE, max(grey.shape)))
    while side >= _SMALLEST_SIDE:
        sides.append(side)
        side /= 2
    for side in reversed(sides):
        yield _apart(_at_size(grey, side / max(grey.shape)))


def turning(shape: tuple[int, ...], angle: float) -> tuple[Floats, tuple[int, int]]:
    """The affine map (2, 3) that turns an image about its origin and moves all of it into sight.

    Args:
        shape: (H, W) of the image.
        angle: degrees, anticlockwise as seen.

    Returns:
        The map, and width and height of the turned image.
    """
    height, width = shape[:2]
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn = np.array([[cos, sin], [-sin, cos]])
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ turn.T
    low = corners.min(axis=0)
    right, bottom = np.ceil(corners.max(axis=0) - low).astype(int).tolist()
    return np.column_stack([turn, -low]), (right, bottom)


def shrunk(grey: Grey, factor: float) -> Grey:
    """An image at a fraction of its size; as it is where that is 1 or more."""
    if factor >= 1:
        return grey
    size = [max(1, round(side * factor)) for side in grey.shape[::-1]]
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _at_size(grey: Grey, factor: float) -> list[Comb]:
    evened = _evened(shrunk(grey, factor))
    found = []
    for angle in range(0, 180, _STEP):
        there, size = turning(evened.shape, angle)
        back = cv2.invertAffineTransform(there)
        turned = cv2.warpAffine(evened, there, size, flags=cv2.INTER_LINEAR)
        strips = cv2.blur(turned, (_STRIP, 1))[:, _STRIP // 2 :: _STRIP // 2]
        for likeness, across, strip, period in _periodic(np.ascontiguousarray(strips)):
            x, y = back @ (_STRIP // 2 * (strip + 1), across, 1.0)
            found.append(Comb(x / factor, y / factor, angle, period / factor, likeness))
    return found


def _evened(grey: Grey) -> Plane:
    """The image without its slow changes, and with the same contrast everywhere."""
    image = grey.astype(np.float32)
    image -= cv2.blur(image, (_AROUND, _AROUND))
    contrast = np.sqrt(np.maximum(cv2.blur(image * image, (_AROUND, _AROUND)), 0))
    evened: Plane = np.clip(image / np.maximum(contrast, _LEAST_CONTRAST), -2.5, 2.5)
    return evened


def _periodic(strips: Plane) -> Iterator[tuple[float, float, int, int]]:
    """Places where strips repeat themselves: likeness, middle along the strip, strip, period."""
    height, number = strips.shape
    if not number:  # the photograph is narrower than a strip
        return
    for period in range(LEAST_PERIOD, 2 * LEAST_PERIOD + 1):
        window, every = 3 * period, 3
        count = height - window - 2 * period + 1
        if count < 1:
            return
        comb = strips - cv2.blur(strips, (1, period))
        power = _mean_over(comb * comb, window)
        once = _mean_over(comb[:-period] * comb[period:], window)[:count:every]
        twice = _mean_over(comb[: -2 * period] * comb[2 * period :], window)[:count:every]
        most = np.maximum.reduce(
            [power[shift : shift + count : every] for shift in (0, period, 2 * period)]
        )
        likeness = np.minimum(once, twice) / np.maximum(most, 0.05)
        best = min(_PER_COMB, likeness.size)
        for place in np.argpartition(likeness, -best, axis=None)[-best:]:
            row, strip = divmod(int(place), likeness.shape[1])
            if likeness[row, strip] > _LEAST_LIKENESS:
                middle = every * row + (window + 2 * period) / 2
                yield float(likeness[row, strip]), middle, strip, period


def _mean_over(values: Plane, rows: int) -> Plane:
    """Means over so many rows, each from a row on."""
    size, begin = (1, rows), (0, 0)
    means = cv2.boxFilter(values, -1, size, anchor=begin, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(means, dtype=np.float32)


def _apart(found: list[Comb]) -> list[Comb]:
    """The likeliest that are not nearly the same."""
    chosen: list[Comb] = []
    for one in sorted(found, key=lambda comb: -comb.likeness):
        if not any(_is_same(one, other) for other in chosen):
            chosen.append(one)
            if len(chosen) == _PER_LEVEL:
                break
    return chosen


def _is_same(one: Comb, other: Comb) -> bool:
    return one.is_like(other) and np.hypot(one.x - other.x, one.y - other.y) < 3 * one.period
