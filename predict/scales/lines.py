"""Equidistant lines, followed through a photograph and measured to fractions of a pixel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.scales.combs import Plane
from beetle_lm.predict.scales.levelled import PERIOD, profile_at

LOOSE, STRICT = 0.22, 0.12
"""Periods by which a line may be off the place where it is looked for."""

_WIDEST = 0.6  # periods, of a line
_GROUND = 0.35  # periods, that must be seen on both sides of a line's middle
_FAINTEST = 0.3  # of the median depth of lines nearby
_MOST_MISSING = 2  # lines, or strips, in a row that may be covered
_ENOUGH = 24  # lines, or strips, to either side of where they are begun
_OUTLIER = 0.08  # periods
_SOLID = 0.8  # share of lines
_ALL_ALONG = 0.6  # share of a line that must be there
_MOST = 0.6  # of the lines in the strip that crosses most of them
_SEEN = 0.3  # of the strips

Interval = tuple[float, float]
ANYWHERE: Interval = (-np.inf, np.inf)

Sign = int
"""1 for lines brighter than their ground, -1 for darker ones."""


class Crossing(NamedTuple):
    """Where a strip crosses a line: its place along the strip, its depth and its width.

    The place is that of pixels whose first has its centre at 0.5; the depth is in grey levels.
    """

    place: float
    depth: float
    width: float


Crossings = dict[int, Crossing]
"""By the number of the line; some number is 0."""


@dataclass(frozen=True, eq=False)
class Lines:
    """Parallel lines that were followed, in pixels of a levelled image.

    Args:
        numbers: (n,) the number of the line that each point lies on; they count on from line to
            line, also over lines that are covered.
        x: (n,) places of the points along the lines.
        y: (n,) across them.
        depth: (n,) how much darker or brighter than its ground the line is, in grey levels.
        width: (n,) of the line.
        slope: numbers by pixel, along x and across: `numbers = slope[0] * x + slope[1] * y + ...`
        off: (n,) by how many periods each point is off that.
    """

    numbers: NDArray[np.int64]
    x: Floats
    y: Floats
    depth: Floats
    width: Floats
    slope: Floats
    off: Floats

    @classmethod
    def of(cls, strips: Mapping[float, Crossings]) -> Lines | None:
        """The lines that strips cross, by the strips' places; None where they cross none.

        One line alone says its direction and no period; it counts as `PERIOD`.
        """
        rows = [
            (number, x, *crossing)
            for x, crossings in strips.items()
            for number, crossing in crossings.items()
        ]
        if not rows:
            return None
        numbers, x, y, depth, width = np.array(rows, dtype=np.float64).T
        kept = np.ones(len(numbers), dtype=bool)
        for _ in range(4):
            slope, off = _fitted(numbers, x, y, kept)
            kept = np.abs(off) < max(_OUTLIER, 2.5 * float(np.sqrt(np.mean(off[kept] ** 2))))
        return cls(
            numbers[kept].astype(np.int64),
            x[kept],
            y[kept],
            depth[kept],
            width[kept],
            slope,
            off[kept],
        )

    @property
    def period(self) -> float:
        """Pixels from line to line."""
        return 1 / float(np.hypot(*self.slope))

    @property
    def tilt(self) -> float:
        """Degrees, anticlockwise, by which the image must be turned further."""
        return float(np.degrees(np.arctan2(-self.slope[0], self.slope[1])))

    @property
    def count(self) -> int:
        """How many lines."""
        return len(np.unique(self.numbers))

    @property
    def numbered(self) -> int:
        """How many lines there would be if none were covered between others."""
        return int(np.ptp(self.numbers)) + 1

    @property
    def leverage(self) -> float:
        """How well so many lines say what their period is: the sum of squares of their numbers."""
        numbers = np.unique(self.numbers)
        return float(np.square(numbers - numbers.mean()).sum())

    @property
    def along(self) -> Interval:
        """The first and the last strip that most of the lines were seen in."""
        strips, counts = np.unique(self.x, return_counts=True)
        most = strips[counts >= _MOST * counts.max()]
        return float(most[0]), float(most[-1])

    @property
    def long(self) -> float:
        """How far most of the lines were seen, in periods."""
        return (self.along[1] - self.along[0]) / PERIOD

    @property
    def across(self) -> Interval:
        """The places of the first and of the last line."""
        return float(self.y.min()), float(self.y.max())

    @property
    def spread(self) -> float:
        """Root mean square of how far points are off, in periods."""
        return float(np.sqrt(np.mean(self.off**2)))

    @property
    def error(self) -> float:
        """Relative standard error of the period, each line counted once."""
        numbers = np.unique(self.numbers)
        means = np.array([self.off[self.numbers == number].mean() for number in numbers])
        spread = max(float(np.sqrt(np.mean(means**2))), 0.005)
        return spread / float(np.sqrt(self.leverage))

    def is_solid(self, image: Plane, sign: Sign) -> bool:
        """Whether most of the lines are there all along, and nothing is halfway between them.

        Points are looked for, and so are found in noise as well, or where lines in other directions
        cross. What an image has all along the place of a line does not depend on that.

        Args:
            image: of which they were followed.
            sign: whether they are brighter or darker than their ground.
        """
        least = _FAINTEST * float(np.median(self.depth))
        shares = []
        for number in np.unique(self.numbers):
            own = np.flatnonzero(self.numbers == number)
            own = own[np.argsort(self.x[own])]
            x = np.arange(self.x[own[0]] - PERIOD / 2, self.x[own[-1]] + PERIOD / 2)
            y = np.interp(x, self.x[own], self.y[own] + self.off[own] / self.slope[1])
            line, above, below = (
                np.mean([_read(image, x, y + middle + shift) for shift in (-1, 0, 1)], axis=0)
                for middle in (0, -PERIOD / 2, PERIOD / 2)
            )
            # At the edge of the photograph one side will do.
            beside = np.where(np.isnan(above), below, above)
            sides = (beside + np.where(np.isnan(below), above, below)) / 2
            shown = sign * (line - sides)
            seen = ~np.isnan(shown)
            if seen.any():
                shares.append(float(np.mean(shown[seen] > least)))
        return bool(shares) and float(np.mean(np.array(shares) > _ALL_ALONG)) >= _SOLID

    def weights(self) -> dict[int, float]:
        """By the lines' numbers: how much darker or brighter they are than their ground, summed
        across the line."""
        weight = self.depth * self.width
        return {
            int(number): float(np.median(weight[self.numbers == number]))
            for number in np.unique(self.numbers)
        }


def crossings(
    profile: Floats, near: float, sign: Sign, reach: float = LOOSE, limits: Interval = ANYWHERE
) -> Crossings:
    """The equidistant lines that a profile crosses.

    Args:
        profile: (n,) grey levels, `PERIOD` to the period.
        near: a place in the middle of them.
        sign: whether they are brighter or darker than their ground.
        reach: periods by which a line may be off where the last one lets it be expected.
        limits: between which lines are looked for.
    """
    start = _strongest(profile, near, sign)
    if start is None:
        return {}
    found = {0: start}
    for way in (1, -1):
        number, place, missing = 0, start.place, 0
        while missing < _MOST_MISSING and abs(number) < _ENOUGH:
            number, place = number + way, place + way * PERIOD
            if not limits[0] <= place <= limits[1]:
                break
            line = _at(profile, place, sign, reach)
            if line is None or line.depth < _FAINTEST * _depth(found):
                missing += 1
            else:
                found[number], place, missing = line, line.place, 0
    return found


def followed(
    image: Plane,
    x: float,
    first: Crossings,
    sign: Sign,
    reach: float = LOOSE,
    limits: tuple[Interval, Interval] = (ANYWHERE, ANYWHERE),
) -> Lines | None:
    """Lines followed to both sides from where a strip crosses them.

    Args:
        image: of which they cross; they run along its rows.
        x: the middle of the strip.
        first: where it crosses them.
        sign: whether they are brighter or darker than their ground.
        reach: periods by which a line may be off where the last strip lets it be expected.
        limits: of the strips' places, and of those of lines along the strips.
    """
    strips, most = {x: first}, len(first)
    for way in (1, -1):
        here, last, missing = x, first, 0
        while missing < _MOST_MISSING + 1 and abs(here - x) < _ENOUGH / 2 * PERIOD:
            here += way * PERIOD / 2
            if not (0 <= here < image.shape[1] and limits[0][0] <= here <= limits[0][1]):
                break
            next_to = _next_to(profile_at(image, here), last, sign, reach, limits[1])
            if len(next_to) < _MOST * most:
                missing += 1
            else:
                strips[here], last, missing = next_to, next_to, 0
                most = max(most, len(next_to))
    # A line that few strips cross is something else that lies where one would be.
    seen = Counter(number for crossings in strips.values() for number in crossings)
    for crossings in strips.values():
        for number in list(crossings):
            if seen[number] < _SEEN * len(strips):
                del crossings[number]
    return Lines.of(strips)


def _fitted(
    numbers: Floats, x: Floats, y: Floats, kept: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """The slope of the lines through some of the points, and how far off all points are."""
    ones = np.ones(len(x))
    if len(np.unique(numbers[kept])) > 1:
        terms = np.column_stack([x - x.mean(), y - y.mean(), ones])
        fit: Floats = np.linalg.lstsq(terms[kept], numbers[kept], rcond=None)[0]
        return fit[:2], numbers - terms @ fit
    terms = np.column_stack([x - x.mean(), ones])
    fit = np.linalg.lstsq(terms[kept], y[kept], rcond=None)[0]
    return np.array([-fit[0], 1.0]) / PERIOD, (terms @ fit - y) / PERIOD


def _next_to(
    profile: Floats, last: Crossings, sign: Sign, reach: float, limits: Interval
) -> Crossings:
    """The same lines where another strip crosses them, and one more at each end."""
    least = _FAINTEST * _depth(last)
    expected = {number: line.place for number, line in last.items()}
    if len(last) < 2 * _ENOUGH:
        expected[min(last) - 1] = last[min(last)].place - PERIOD
        expected[max(last) + 1] = last[max(last)].place + PERIOD
    found = {
        number: _at(profile, place, sign, reach)
        for number, place in expected.items()
        if limits[0] <= place <= limits[1]
    }
    return {number: line for number, line in found.items() if line and line.depth >= least}


def _read(image: Plane, x: Floats, y: Floats) -> Floats:
    """(n,) grey levels at places of an image, whose first pixel has its centre at 0.5."""
    columns, rows = ((axis - 0.5).astype(np.float32)[:, None] for axis in (x, y))
    read = cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderValue=np.nan)
    return np.asarray(read, dtype=np.float64)[:, 0]


def _depth(lines: Crossings) -> float:
    return float(np.median([line.depth for line in lines.values()]))


def _strongest(profile: Floats, near: float, sign: Sign) -> Crossing | None:
    """The strongest line within half a period."""
    places = (near - PERIOD / 4, near, near + PERIOD / 4)
    lines = [line for place in places if (line := _at(profile, place, sign, LOOSE))]
    return max(lines, key=lambda line: line.depth, default=None)


def _at(profile: Floats, near: float, sign: Sign, reach: float) -> Crossing | None:
    """The line near a place: the middle between where it rises and falls to half its depth."""
    within, side = round(reach * PERIOD), round(0.45 * PERIOD)
    middle = int(near)
    begin, end = middle - within, middle + within + 1
    if begin < 0 or end > len(profile) or np.isnan(profile[begin:end]).any():
        return None
    # The ground beside the line may end at the edge of the photograph.
    gaps = np.flatnonzero(np.isnan(profile[max(0, begin - side) : begin]))
    before = len(profile[max(0, begin - side) : begin]) - (gaps[-1] + 1 if len(gaps) else 0)
    gaps = np.flatnonzero(np.isnan(profile[end : end + side]))
    after = gaps[0] if len(gaps) else len(profile[end : end + side])
    begin -= before
    part = sign * profile[begin : end + after]
    top = before + int(np.argmax(part[before : before + 2 * within + 1]))
    if min(top, len(part) - 1 - top) < _GROUND * PERIOD:
        return None
    low = max(0, top - side)
    first = low + int(np.argmin(part[low:top]))
    last = top + 1 + int(np.argmin(part[top + 1 : top + side + 1]))
    above = part[first : last + 1] - np.linspace(part[first], part[last], last - first + 1)
    top = int(np.argmax(above))  # the ground may be brighter on one side
    half = above[top] / 2
    if half <= 0:
        return None
    rise = int(np.flatnonzero(above[:top] <= half)[-1])
    fall = top + int(np.flatnonzero(above[top:] <= half)[0])
    left = rise + (half - above[rise]) / (above[rise + 1] - above[rise])
    right = fall - (half - above[fall]) / (above[fall - 1] - above[fall])
    if right - left > _WIDEST * PERIOD:
        return None
    middle_of_line = begin + first + (left + right) / 2 + 0.5
    return Crossing(middle_of_line, 2 * float(half), float(right - left))
