"""Landmarks placed by hand that cannot be right, or that a swap or a flip makes like the others.

Shapes are held against a robust mean: generalised Procrustes analysis with medians in place of
means, begun at the specimen that is most like all others, so that specimens with faults do not bend
it. A specimen is named where one change, landmarks swapped, their order reversed, a mirror or a
turn, explains what is unusual about it, or where nothing does and it is far from all others.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.procrustes import Complex

Mask = NDArray[np.bool_]

_FEWEST, _FEW = 4, 10  # specimens that say what is usual, and that hardly say how others vary
_FEWEST_LANDMARKS = 3  # two points have no shape
_MOST_COMPARED = 200  # specimens among which the one that is most like the others is sought
_ROUNDS = 5  # of the robust mean
_CORNER = 0.03  # of the picture's diagonal: millimetres lie within, a specimen never does
_HALF = 0.5  # of width and height
_SIGMA = 1.4826  # median absolute deviations in a standard deviation
_USUAL = 4.0  # standard deviations above the median distance: still like the others
_FAR, _FAR_TIMES = 15.0, 5.0  # standard deviations above it, and times the median: like none
_SWAPPED, _SWAPPED_OF_FEW, _FLIPPED = 0.85, 0.65, 0.6  # of the distance is left when it is undone
_CLEARLY = 0.5  # of that, where even then it is not like the others
_SAME_ORDER = 0.35  # of the usual way between two landmarks is what others keep to at least
_EXCEPTIONS = 0.05  # of the others
_ALIKE, _TURNED, _UPSIDE_DOWN = 45.0, 75.0, 150.0  # degrees: the others', and that of one
_TURNED_TIMES = 2.5  # as far as the others
_OTHER_SIZE, _SIZE_DEVIATIONS = math.log(1.4), 4.5
_APART = 0.3  # Procrustes distance of landmarks that have little in common
_SAME_SIZE = 0.1  # of logarithms
_PLACE = 0.05  # of width and height: how exactly specimens lie at the same place
_MOST_SWAPS, _MOST_NAMED = 4, 3


@dataclass(frozen=True)
class Suspect:
    """A specimen whose landmarks should be looked at.

    Args:
        name: of the specimen; empty where it is about all of them.
        reason: what is, or looks, wrong.
        measured: what says so, in words; may be empty.
        impossible: nothing else can be meant.
    """

    name: str
    reason: str
    measured: str = ""
    impossible: bool = False

    def __str__(self) -> str:
        named = f"{self.name}: " if self.name else ""
        return f"{named}{self.reason}" + (f" ({self.measured})" if self.measured else "")


class _Odd(NamedTuple):
    row: int
    reason: str
    measured: str


def find_suspects(
    names: Sequence[str], xy: Floats, sizes: Floats | None = None
) -> tuple[Suspect, ...]:
    """Specimens whose landmarks cannot be right, or would be like the others if one thing changed.

    Args:
        names: (S) of the specimens.
        xy: (S, n, 2) their landmarks, y down, NaN where missing.
        sizes: (S, 2) width and height of the pictures in whose coordinates the landmarks are, NaN
            where unknown; None where no size is known.
    """
    sizes = np.full((len(names), 2), np.nan) if sizes is None else sizes
    points = np.asarray(xy[..., 0] + 1j * xy[..., 1], np.complex128)
    impossible = {odd.row: odd for odd in _in_corners(points, sizes)}
    shapes = _Shapes(points)
    unlike = itertools.chain(shapes.unlike(), _of_other_sizes(shapes, points, sizes))
    found = {odd.row: odd for odd in reversed(list(unlike))} | impossible
    suspects = [
        Suspect(names[row], odd.reason, odd.measured, row in impossible)
        for row, odd in sorted(found.items())
    ]
    if not found:
        suspects += [Suspect("", reason) for reason in _of_smaller_copies(shapes, points, sizes)]
    return tuple(suspects)


def against_predicted(predicted: Floats, manual: Floats) -> Iterator[str]:
    """What a size or a flip that all specimens share says of manual landmarks, in words.

    Args:
        predicted: (S, n, 2) landmarks, NaN where missing.
        manual: (S, n, 2) those placed by hand.
    """
    known = np.isfinite(predicted - manual)
    both = np.logical_and(known[..., 0], known[..., 1])
    rows = np.flatnonzero(both.sum(axis=1) >= _FEWEST_LANDMARKS)
    if len(rows) == 0:
        return
    one, other = (each[rows, :, 0] + 1j * each[rows, :, 1] for each in (predicted, manual))
    fit, flip = (_fit(points, both[rows], one) for points in (other, other.conj()))
    straight, flipped = (float(np.median(each.distance)) for each in (fit, flip))
    if straight > _APART and flipped < _FLIPPED * _CLEARLY * straight:
        yield "the manual landmarks look mirrored against the predicted ones"
    factor = np.abs((fit if straight <= flipped else flip).factor)
    times = np.log(np.where(factor > 0, factor, 1))
    larger = float(np.median(times))
    scatter = float(np.median(np.abs(times - larger)))
    if min(straight, flipped) < _APART and scatter < _SAME_SIZE and abs(larger) > _OTHER_SIZE:
        yield (
            f"the predicted landmarks span {math.exp(larger):.3g} times as much as the manual ones:"
            " are these in the same unit, and on pictures of the same size?"
        )


def in_words(suspects: Iterable[Suspect]) -> list[str]:
    """A sentence for each reason, which names the specimens, or the first of them."""
    by_reason: dict[str, list[Suspect]] = {}
    for suspect in suspects:
        by_reason.setdefault(suspect.reason, []).append(suspect)
    return [
        str(alike[0]) if len(alike) == 1 else f"{_some(alike)}: {reason}"
        for reason, alike in by_reason.items()
    ]


def _some(suspects: Sequence[Suspect]) -> str:
    named = ", ".join(suspect.name for suspect in suspects[:_MOST_NAMED])
    more = ", ..." if len(suspects) > _MOST_NAMED else ""
    return f"{len(suspects)} specimens ({named}{more})"


class _Fit(NamedTuple):
    """Configurations laid on another by least squares.

    Args:
        distance: (...) full Procrustes distance, from 0 to 1.
        laid: (..., n) the configurations on the other, NaN where missing.
        factor: (...) what turned and scaled them.
    """

    distance: Floats
    laid: Complex
    factor: Complex


class _Shapes:
    """Configurations of landmarks, and what is usual among them.

    Args:
        points: (S, n) x + iy, NaN where missing, in any unit and at any place.
    """

    def __init__(self, points: Complex) -> None:
        self._there = np.isfinite(points)
        self._points = _centred(points, self._there)
        size = np.sqrt((np.abs(self._points) ** 2).sum(axis=1))
        enough = self._there.sum(axis=1) >= _FEWEST_LANDMARKS
        self.rows = np.flatnonzero(enough & (size > 0))
        self.known = len(self.rows) >= _FEWEST
        if not self.known:
            return
        self._mean = self._robust_mean()
        self.fits = _fit(self._points, self._there, self._mean)
        usual = self.fits.distance[self.rows]
        self._median = float(np.median(usual))
        self._deviation = _SIGMA * float(np.median(np.abs(usual - self._median)))
        some = np.angle(self.fits.factor[self._picked()])
        middle = np.abs(_around(some[:, None] - some)).mean(axis=1).argmin()
        self._turn = float(some[middle])

    def unlike(self) -> Iterator[_Odd]:
        """Specimens that are unlike the others, and what explains it."""
        for row in self.rows if self.known else ():
            if (odd := self._explained(int(row))) is not None:
                yield odd

    def _picked(self) -> NDArray[np.intp]:
        """Rows of so many specimens that all of them can be held against each other."""
        count = min(len(self.rows), _MOST_COMPARED)
        rows: NDArray[np.intp] = self.rows[np.linspace(0, len(self.rows) - 1, count).astype(int)]
        return rows

    def _robust_mean(self) -> Complex:
        """(n,) of centroid size 1 around the origin, NaN where nobody has the landmark."""
        rows = self._picked()
        counts = self._there[rows].sum(axis=1)
        rows = rows[counts == counts.max()]
        points, there = self._points[rows], self._there[rows]
        configurations = np.where(there, points, np.nan)
        apart = np.stack([_fit(points, there, one).distance for one in configurations])
        mean: Complex = configurations[np.median(apart, axis=1).argmin()]
        for _ in range(_ROUNDS):
            laid = _fit(self._points[self.rows], self._there[self.rows], mean).laid
            known = np.isfinite(laid).any(axis=0)
            mean = np.full_like(mean, np.nan)
            across, down = laid[:, known].real, laid[:, known].imag
            mean[known] = np.nanmedian(across, axis=0) + 1j * np.nanmedian(down, axis=0)
            mean -= mean[known].mean()
            mean /= math.sqrt(float((np.abs(mean[known]) ** 2).sum()))
        return mean

    def _explained(self, row: int) -> _Odd | None:
        points, there = self._points[row], self._there[row]
        distance = float(self.fits.distance[row])
        mirrored = _fit(points.conj(), there, self._mean)
        turned_round = _fit(points[::-1], there[::-1], self._mean)
        flipped = min(float(mirrored.distance), float(turned_round.distance))
        swaps, swapped = self._swaps(row)
        if swaps and swapped <= flipped:
            pairs = ", and ".join(f"{first} and {second}" for first, second in swaps)
            return _Odd(row, f"landmarks {pairs} look swapped", self._numbers(distance, swapped))
        if self._explains(distance, flipped, _FLIPPED):
            reason = "landmarks look numbered in reverse order"
            if mirrored.distance == flipped:
                reason = self._flip(row, mirrored.factor)
            return _Odd(row, reason, self._numbers(distance, flipped))
        turn = self._turned(self.fits.factor[row])
        if distance <= self._limit(_USUAL) and self._is_turned(row, turn):
            way = "clockwise" if turn > 0 else "anticlockwise"
            upside_down = "upside down" if abs(turn) > _UPSIDE_DOWN else "turned"
            measured = f"{abs(turn):.0f} degrees {way}"
            return _Odd(row, f"the landmarks lie {upside_down} against the others", measured)
        far = max(self._limit(_FAR), _FAR_TIMES * self._median)
        if distance > far and len(self.rows) >= _FEW:
            return _Odd(row, "the shape is unlike that of all others", self._numbers(distance))
        return None

    def _limit(self, deviations: float) -> float:
        return self._median + deviations * self._deviation

    def _explains(self, before: float, after: float, share: float) -> bool:
        """Whether a change that leaves this distance explains what was there before."""
        usual = after <= self._limit(_USUAL)
        return after < share * before if usual else after < _CLEARLY * share * before

    def _numbers(self, before: float, after: float | None = None) -> str:
        undone = "" if after is None else f", {after:.2f} without that"
        return f"Procrustes distance {before:.2f}{undone}; usual are {self._median:.2f}"

    def _turned(self, factor: Complex) -> float:
        """How far a specimen is turned against the others, in degrees, clockwise as seen."""
        return -math.degrees(float(_around(np.angle(factor) - self._turn)))

    def _others_turned(self, row: int) -> float:
        """How far nearly all others are turned against each other, in degrees."""
        factors = self.fits.factor[self.rows[self.rows != row]]
        turns = np.abs(np.degrees(_around(np.angle(factors) - self._turn)))
        return float(np.quantile(turns, 1 - _EXCEPTIONS))

    def _is_turned(self, row: int, turn: float) -> bool:
        """Whether a specimen is turned much farther than the others, which lie alike."""
        if abs(turn) <= _TURNED:
            return False
        others = self._others_turned(row)
        return others < _ALIKE and abs(turn) > _TURNED_TIMES * others

    def _flip(self, row: int, factor: Complex) -> str:
        """What mirrored it, by how it is turned once its y is counted the other way."""
        if self._others_turned(row) > _ALIKE:
            return "the landmarks look mirrored"
        if abs(self._turned(factor)) < 90:
            return (
                "the landmarks look upside down and mirrored, as if y were counted from the other"
                " edge"
            )
        return "the landmarks look mirrored, left for right"

    def _swaps(self, row: int) -> tuple[list[tuple[int, int]], float]:
        """Landmarks, from 1, that are like the others' once swapped; the distance that is left."""
        points, there = self._points[row], self._there[row]
        before = distance = float(self.fits.distance[row])
        swaps: list[tuple[int, int]] = []
        while len(swaps) < _MOST_SWAPS:
            first, second = self._best_swap(points, there)
            changed = points.copy()
            changed[[first, second]] = points[[second, first]]
            fit = _fit(changed, there, self._mean)
            way = fit.laid[first] - fit.laid[second]
            if fit.distance >= _SWAPPED * distance or not self._is_usual(first, second, way, row):
                break
            swaps.append((first + 1, second + 1))
            points, distance = changed, float(fit.distance)
        share = _SWAPPED if len(self.rows) >= _FEW else _SWAPPED_OF_FEW
        return (swaps if self._explains(before, distance, share) else []), distance

    def _best_swap(self, points: Complex, there: Mask) -> tuple[int, int]:
        """The two landmarks whose swap lays all of them best on the mean."""
        both = there & np.isfinite(self._mean)
        own, mean = _centred(points, both), _centred(self._mean, both)
        product = (mean.conj() * own).sum()
        nearer = np.abs(product - (mean[:, None] - mean).conj() * (own[:, None] - own))
        nearer[~both] = nearer[:, ~both] = -1
        np.fill_diagonal(nearer, -1)
        first, second = divmod(int(nearer.argmax()), len(points))
        return first, second

    def _is_usual(self, first: int, second: int, way: Complex, row: int) -> bool:
        """Whether this is the way from one landmark to another in nearly all other specimens."""
        usual = self._mean[first] - self._mean[second]
        others = self.fits.laid[self.rows[self.rows != row]]
        ways = others[:, first] - others[:, second]
        ways = ways[np.isfinite(ways)]
        if usual == 0 or len(ways) < _FEWEST - 1:
            return False
        least = float(np.quantile((ways / usual).real, _EXCEPTIONS))
        return min(least, float((way / usual).real)) > _SAME_ORDER


def _fit(points: Complex, there: Mask, mean: Complex) -> _Fit:
    """Configurations (..., n) laid on another (n,), NaN where missing, by the points of both."""
    both = there & np.isfinite(mean)
    count = np.maximum(both.sum(axis=-1), 1)[..., None]
    middle = np.where(both, points, 0).sum(axis=-1)[..., None] / count
    target = np.where(both, mean, 0).sum(axis=-1)[..., None] / count
    own, other = np.where(both, points - middle, 0), np.where(both, mean - target, 0)
    squares, wanted = (np.abs(own) ** 2).sum(axis=-1), (np.abs(other) ** 2).sum(axis=-1)
    product = (own.conj() * other).sum(axis=-1)
    factor = product / np.where(squares > 0, squares, 1)
    shared = np.where(squares * wanted > 0, squares * wanted, 1)
    distance = np.sqrt(np.clip(1 - np.abs(product) ** 2 / shared, 0, 1))
    laid = np.where(there, factor[..., None] * (points - middle) + target, np.nan)
    return _Fit(distance, laid, factor)


def _centred(points: Complex, there: Mask) -> Complex:
    """Points (..., n) around their centroid; 0 where they are not there."""
    points = np.where(there, points, 0)
    count = np.maximum(there.sum(axis=-1), 1)[..., None]
    return np.where(there, points - points.sum(axis=-1)[..., None] / count, 0)


def _around(angle: Floats) -> Floats:
    """Angles in radians, from -pi to pi."""
    return np.asarray(np.angle(np.exp(1j * angle)), np.float64)


def _in_corners(points: Complex, sizes: Floats) -> Iterator[_Odd]:
    """Specimens of which all landmarks lie in one corner of the picture."""
    for row, (every, (width, height)) in enumerate(zip(points, sizes, strict=True)):
        own = every[np.isfinite(every)]
        if len(set(own.tolist())) < _FEWEST_LANDMARKS or math.isnan(width):
            continue
        corners = np.array([0, width, 1j * height, width + 1j * height])
        reach = float(np.abs(own - corners[:, None]).max(axis=1).min())
        if reach <= _CORNER * math.hypot(width, height):
            reason = "all landmarks lie in a corner of the photograph; are they in millimetres?"
            measured = f"within {math.ceil(reach)} px of it; it has {width:.0f} x {height:.0f} px"
            yield _Odd(row, reason, measured)


def _of_other_sizes(shapes: _Shapes, points: Complex, sizes: Floats) -> Iterator[_Odd]:
    """Specimens that were as large as the others, and lay where they do, on another picture."""
    rows = [int(row) for row in shapes.rows if np.isfinite(sizes[row]).all()]
    if not shapes.known or len(rows) < _FEWEST:
        return
    width, height = sizes[rows].T
    lengths = np.log(1 / (np.abs(shapes.fits.factor[rows]) * np.hypot(width, height)))
    middles = np.nanmean(points[rows], axis=1)
    places = np.stack((middles.real / width, middles.imag / height), axis=1)
    length, place = np.median(lengths), np.median(places, axis=0)
    least = _SIZE_DEVIATIONS * _SIGMA * float(np.median(np.abs(lengths - length)))
    reach = _PLACE + 3 * _SIGMA * np.median(np.abs(places - place), axis=0)
    for row, log, own in zip(rows, lengths - length, places, strict=True):
        if abs(log) < max(_OTHER_SIZE, least) or (np.abs(own - place) < reach).all():
            continue
        times = math.exp(log)
        for corner in (np.array([0.0, 1.0]), np.array([0.0, 0.0])):  # of TPS files, of tables
            moved = corner + (own - corner) / times
            if (np.abs(moved - place) < reach).all():
                there, other = (f"{w:.0f} x {h:.0f}" for w, h in (sizes[row], sizes[row] * times))
                reason = "landmarks look placed on a picture of another size"
                yield _Odd(row, reason, f"of about {other} px; this one has {there}")
                break


def _of_smaller_copies(shapes: _Shapes, points: Complex, sizes: Floats) -> Iterator[str]:
    """What to say where the landmarks of all specimens keep to the same quarter of the pictures."""
    rows = [row for row in shapes.rows if np.isfinite(sizes[row]).all()]
    if len(rows) < _FEWEST:
        return
    across = points[rows].real / sizes[rows, :1]
    down = points[rows].imag / sizes[rows, 1:]
    for quarter, inside in (
        ("bottom left", np.nanmin(down) > 1 - _HALF),
        ("top left", np.nanmax(down) < _HALF),
    ):
        if inside and np.nanmax(across) < _HALF:
            yield (
                f"all landmarks lie in the {quarter} quarter of their photographs: were they placed"
                " on smaller copies of them?"
            )
