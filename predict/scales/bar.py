"""A printed scale bar in a photograph: how many pixels it is long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.images.levels import in_channels
from beetle_lm.predict.images.read import Picture
from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.scales.scale import Scale

Mask = NDArray[np.bool_]

_SHORTEST = 24, 0.03  # pixels, and share of the photograph's longer side
_LONGEST = 0.9  # of the photograph's side that it lies along: longer ones are frames
_THICKEST, _THINNEST = 0.25, 2  # share of its length, pixels
_LEVELS = (0.12, 0.25, 0.4, 0.6, 0.75, 0.88)  # between the darkest and the brightest
_FULL = 0.93  # share of the pixels between its ends that are of the bar
_STRAIGHT = 0.01  # share of its length by which its ends may be uneven, or 1.5 pixels
_CONTRAST = 50  # grey levels
_TICKS = 0.06  # share of its length that a tick at its end may be wide
_SAME = 4  # pixels


@dataclass(frozen=True)
class _Bar:
    """A bar that lies level: pixels of its left and right end, and its middle row."""

    left: float
    right: float
    row: float
    upright: bool

    @property
    def length(self) -> float:
        return self.right - self.left

    def is_same(self, other: _Bar) -> bool:
        """Whether it is the same bar, seen at another level."""
        off = self.left - other.left, self.right - other.right, self.row - other.row
        return self.upright == other.upright and max(map(abs, off)) < _SAME


def find_bar(picture: Picture, length: float) -> Scale:
    """Reads the scale from a bar of one colour on a ground of another, level or upright.

    It may have a tick at each end. There must be one bar only: of several, or of the pieces of one
    that is alternately black and white, it is not clear which is meant.

    Args:
        picture: the photograph, with all its pixels.
        length: of the bar, in any unit.

    Returns:
        Units per pixel, or why there are none.
    """
    grey = in_channels(picture.pixels, 1)
    found: list[_Bar] = []
    for upright in (False, True):
        turned = np.ascontiguousarray(grey.T) if upright else grey
        for bar in _bars(turned, upright):
            if not any(bar.is_same(other) for other in found):
                found.append(bar)
    if not found:
        return Scale(None, "no scale bar found")
    if len(found) > 1:
        lengths = ", ".join(f"{bar.length:.0f}" for bar in found[:5])
        return Scale(None, f"{len(found)} things look like a scale bar, {lengths} px long")
    [bar] = found
    way = "upright" if bar.upright else "level"
    note = f"scale bar, {bar.length:.1f} px long, {way}, error {100 / bar.length:.1f} %"
    return Scale.read(length, bar.length, note)


def _bars(grey: NDArray[np.uint8], upright: bool) -> Iterator[_Bar]:
    low, high = np.percentile(grey, (0.1, 99.9))
    for share in _LEVELS:
        level = low + share * (high - low)
        for bright in (False, True):
            mask = grey > level if bright else grey <= level
            for box in _boxes(mask):
                bar = _bar(grey, mask, box, upright)
                if bar is not None:
                    yield bar


def _boxes(mask: Mask) -> Iterator[tuple[slice, slice, Mask]]:
    """Rows, columns and pixels of what may be a bar by its size."""
    height, width = mask.shape
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    left, top, wide, high, _ = np.asarray(stats).T
    fits = (wide >= max(_SHORTEST[0], _SHORTEST[1] * max(mask.shape))) & (wide <= _LONGEST * width)
    fits &= (high >= _THINNEST) & (high <= _THICKEST * wide)
    fits &= (left > 0) & (top > 0) & (left + wide < width) & (top + high < height)
    for label in np.flatnonzero(fits):
        if label:  # 0 is all that is not of the mask
            rows = slice(int(top[label]), int(top[label] + high[label]))
            columns = slice(int(left[label]), int(left[label] + wide[label]))
            yield rows, columns, np.asarray(labels)[rows, columns] == label


def _bar(
    grey: NDArray[np.uint8], mask: Mask, box: tuple[slice, slice, Mask], upright: bool
) -> _Bar | None:
    rows, columns, own = box
    width = own.shape[1]
    band = np.flatnonzero(own.mean(axis=1) > _FULL)
    if len(band) < _THINNEST or np.ptp(band) + 1 != len(band):
        return None
    bar = own[band]
    first, last = bar.argmax(axis=1), width - bar[:, ::-1].argmax(axis=1)
    uneven = max(1.5, _STRAIGHT * width)
    if np.ptp(first) > uneven or np.ptp(last) > uneven:
        return None
    ticks = _ticks(np.delete(own, band, axis=0))
    if ticks is None:
        return None
    outside = _around(grey, rows, columns)
    inside = float(np.median(grey[rows, columns][band]))
    if outside is None or abs(inside - outside) < _CONTRAST:
        return None
    profile = grey[rows.start + band].mean(axis=0)
    half = (inside + outside) / 2
    left = _edge(profile[::-1], grey.shape[1] - columns.start, half)
    right = _edge(profile, columns.stop, half)
    if left is None or right is None:
        return None
    begin, end = grey.shape[1] - left + ticks / 2, right - ticks / 2
    return _Bar(begin, end, rows.start + float(band.mean()), upright)


def _ticks(rest: Mask) -> float | None:
    """How wide the ticks at both ends are, 0 without; None where there is anything else.

    Args:
        rest: the rows of a thing above and below its bar.
    """
    columns = np.flatnonzero(rest.sum(axis=0) > 1)
    if not len(columns):
        return 0.0
    width = rest.shape[1]
    most = max(3.0, _TICKS * width)
    left, right = columns[columns < width / 2], columns[columns >= width / 2]
    if not len(left) or not len(right) or left[-1] >= most or right[0] < width - most:
        return None
    return float(left[-1] + 1 + width - right[0]) / 2


def _around(grey: NDArray[np.uint8], rows: slice, columns: slice) -> float | None:
    """The grey level of the ground around a box; None where it is of several kinds."""
    ring = grey[
        max(0, rows.start - 4) : rows.stop + 4, max(0, columns.start - 4) : columns.stop + 4
    ].astype(np.float64)
    inner = np.zeros(ring.shape, dtype=bool)
    inner[2:-2, 2:-2] = True
    ground = ring[~inner]
    low, median, high = np.percentile(ground, (10, 50, 90))
    return None if high - low > _CONTRAST else float(median)


def _edge(profile: Floats, near: int, half: float) -> float | None:
    """Where a profile passes a grey level, within three pixels."""
    above = profile > half
    for place in sorted(range(near - 3, near + 3), key=lambda at: abs(at + 0.5 - near)):
        if 0 <= place < len(profile) - 1 and above[place] != above[place + 1]:
            step = (half - profile[place]) / (profile[place + 1] - profile[place])
            return float(place + 0.5 + step)
    return None
