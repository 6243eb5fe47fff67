"""A millimetre grid in a photograph: how long a pixel is in millimetres.

Two families of equidistant lines that cross at right angles, a period apart that is the same in
both. `combs` says where one may be, `lines` follows it; what is followed must keep to its lattice
to a twentieth of its period, which lines that only happen to be there do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from beetle_lm.predict.images.levels import in_channels
from beetle_lm.predict.images.read import Picture
from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.scales.combs import LONGEST_SIDE, Comb, Grey, Plane, combs, shrunk
from beetle_lm.predict.scales.levelled import PERIOD, Levelled, Pyramid, profile_at
from beetle_lm.predict.scales.lines import (
    LOOSE,
    STRICT,
    Crossings,
    Lines,
    Sign,
    crossings,
    followed,
)
from beetle_lm.predict.scales.scale import Scale

SEEN_AT = (2 * LONGEST_SIDE, 2 * LONGEST_SIDE)
"""The box that a photograph must fill to be measured; more pixels do not make it more exact."""

_PROFILE = 20 * PERIOD  # pixels, along which a comb must show its first lines
_TURNS = (0, -3, 3)  # degrees: half a step of those that combs are looked for in
_LEAST_LINES = 4
_MOST_SPREAD = 0.05  # periods
_COVERED = 0.8  # share of lines that must be seen
_LIKE = 0.06  # difference of the two families' periods
_SQUARE = 2.5  # degrees off a right angle
# By how many lines cross the others: how many of those there must be, and their spread. A grid's
# margin, a millimetre wide, shows one line that crosses; there the others have to bear it alone.
_NEEDED = {1: (7, 0.03), 2: (6, 0.04), 3: (_LEAST_LINES, _MOST_SPREAD)}
_PATIENCE = 2  # combs of one direction and period that no lines cross, until more are passed over
_TRIED = 6  # places where lines that cross are begun, in either direction
_ONE_WAY = 0.01  # relative error, where nothing says whether the other direction agrees
_SAMPLES = 120  # of a cell, from line to line
_FINER_LINES = 0.08  # of the depth of the others
_FLAT = 0.35  # of the depth of the lines
_HEAVIER, _ALTERNATING = 1.15, 1.3


@dataclass(frozen=True, eq=False)
class _Lattice:
    """Lines, those that cross them, and the image in which they were followed."""

    lines: Lines
    crossing: Lines
    levelled: Levelled
    sign: Sign

    @property
    def is_whole(self) -> bool:
        """Whether both directions have lines enough to say the period."""
        return self.crossing.count > 1

    @property
    def period(self) -> float:
        """Pixels of the photograph, of both families together."""
        families = [self.lines, *([self.crossing] if self.is_whole else [])]
        weights = [family.count - 1 for family in families]
        period = np.average([family.period for family in families], weights=weights)
        return float(period) / self.levelled.factor

    @property
    def error(self) -> float:
        """Relative error of the period: what both families leave open, and what they differ by."""
        if not self.is_whole:
            return float(np.hypot(self.lines.error, _ONE_WAY))
        share = (self.crossing.count - 1) / (self.lines.count + self.crossing.count - 2)
        differ = share * abs(self.crossing.period / self.lines.period - 1)
        return float(np.hypot(self.lines.error, differ))


def find_grid(picture: Picture) -> Scale:
    """Reads the scale from a millimetre grid.

    The finest lines that are seen are taken for millimetres; the note says where heavier lines,
    five apart, confirm it. Lines of which each second one is heavier are 5 and 10 mm apart.

    Args:
        picture: the photograph, with all its pixels or filling `SEEN_AT`. Lines must be at least
            1/125 of its longer side apart, and at most 1/8.

    Returns:
        Millimetres per pixel of the photograph, or why there are none.
    """
    ink = in_channels(picture.pixels, 1)
    ink = shrunk(ink, SEEN_AT[0] / max(ink.shape))
    factor = picture.frame.width / ink.shape[1]  # what this and decoding have shrunk
    lattice = _lattice(ink)
    if lattice is None:
        return Scale(None, "no millimetre grid found")
    finer = _finer(ink, lattice)
    if finer is None:
        return Scale(None, "a grid with lines between its lines, too fine to be told apart")
    if finer == 1 and _alternates(lattice):
        return Scale(None, "a grid of 5 mm and 10 mm lines, its millimetres are not to be seen")
    period = lattice.period * factor / finer
    return Scale.read(1, period, _told(lattice, period, finer))


def _lattice(ink: Grey) -> _Lattice | None:
    """The first lattice with lines in both directions, or else the one with the strongest."""
    pyramid = Pyramid(ink)
    narrow: list[_Lattice] = []
    alone: list[Comb] = []
    for level in combs(ink):
        for comb in level:
            if sum(comb.is_like(other) for other in alone) == _PATIENCE:
                continue
            for lattice in _lattices(pyramid, comb):
                if lattice is None:
                    alone.append(comb)
                    break
                if lattice.is_whole:
                    return lattice
                narrow.append(lattice)
    return max(narrow, key=lambda lattice: float(lattice.lines.depth.sum()), default=None)


def _lattices(pyramid: Pyramid, comb: Comb) -> Iterator[_Lattice | None]:
    """What the lines of a comb belong to; None for lines that no others cross as they should."""
    profiles = {
        comb.angle + turn: pyramid.strip(comb, comb.angle + turn, _PROFILE) for turn in _TURNS
    }
    for sign in (-1, 1):
        for angle, profile in profiles.items():
            begun = Lines.of({0.0: crossings(profile, _PROFILE / 2, sign)})
            if begun is None or begun.count < _LEAST_LINES or begun.spread > _MOST_SPREAD:
                continue
            grown = _grown(pyramid, comb, angle, sign)
            if grown is None:
                continue
            levelled, lines = grown
            crossing = _crossing(levelled.image, lines, sign)
            if crossing is None or 2 * crossing.count < lines.long:
                yield None
                continue
            count, spread = _NEEDED[min(crossing.count, max(_NEEDED))]
            if lines.count >= count and lines.spread < spread:
                yield _Lattice(lines, crossing, levelled, sign)


def _grown(pyramid: Pyramid, comb: Comb, angle: float, sign: Sign) -> tuple[Levelled, Lines] | None:
    """The lines of a comb, followed as far as they go, each time with better direction and period.

    Returns:
        Them, and the image in which they lie level; None where they are no lattice.
    """
    period = comb.period
    grown: tuple[Levelled, Lines] | None = None
    for reach in (LOOSE, LOOSE, STRICT):
        levelled = pyramid.levelled(angle, period)
        x, y = levelled.there @ (comb.x, comb.y, 1)
        first = crossings(profile_at(levelled.image, x), y, sign, reach)
        if len(first) < _LEAST_LINES:
            return None
        lines = followed(levelled.image, x, first, sign, reach)
        if lines is None or lines.count < _LEAST_LINES or lines.spread > 2 * _MOST_SPREAD:
            return None
        if grown is not None and not lines.is_solid(levelled.image, sign):
            return None
        grown = levelled, lines
        angle, period = angle + lines.tilt, period * lines.period / PERIOD
    if grown is None or grown[1].count < _COVERED * grown[1].numbered:
        return None
    return grown


def _crossing(image: Plane, lines: Lines, sign: Sign) -> Lines | None:
    """The lines of the other family: those that run at right angles between the first ones."""
    turned = np.ascontiguousarray(image.T)
    left, right = lines.along
    limits = lines.across, (left - 0.75 * PERIOD, right + 0.75 * PERIOD)
    found: list[Lines] = []
    first = float(lines.y[lines.numbers == lines.numbers.min()].mean())
    for number in _spread(np.arange(lines.numbered - 1.0)):
        between = first + (number + 0.5) * PERIOD
        profile = profile_at(turned, between)
        for near in _spread(np.arange(limits[1][0], limits[1][1] + 1, PERIOD / 2)):
            begun = crossings(profile, float(near), sign, STRICT, limits[1])
            if not begun or not _may_fit(begun, lines):
                continue
            other = followed(turned, between, begun, sign, STRICT, limits)
            if other is not None and _fits(other, lines, turned, sign):
                found.append(other)
        if any(other.count >= max(_NEEDED) for other in found):
            break
    return max(found, key=lambda other: (other.count, len(other.numbers)), default=None)


def _spread(places: Floats) -> Floats:
    """Some of the places, all over them; all of them where they are few."""
    chosen = np.unique(np.rint(np.linspace(0, len(places) - 1, _TRIED)).astype(int))
    some: Floats = places[chosen]
    return some


def _may_fit(begun: Crossings, lines: Lines) -> bool:
    """Whether what a strip between two lines crosses is worth following."""
    seen = Lines.of({0.0: begun})
    if seen is None or 2 * seen.count < lines.long:
        return False
    return seen.count < _LEAST_LINES or seen.spread < _MOST_SPREAD


def _fits(other: Lines, lines: Lines, turned: Plane, sign: Sign) -> bool:
    """Whether lines are of one lattice with those that they cross."""
    length = other.x.max() - other.x.min()
    reaches = length > _COVERED * (lines.across[1] - lines.across[0] - PERIOD)
    if other.count == 1:
        return bool(reaches and abs(other.tilt) < 2 * _SQUARE)
    return bool(
        other.spread < _MOST_SPREAD
        and abs(other.period / lines.period - 1) < _LIKE
        and abs(other.tilt) < _SQUARE
        and other.is_solid(turned, sign)
    )


def _finer(ink: Grey, lattice: _Lattice) -> int | None:
    """Into how many parts finer lines divide the lattice's cells; None where that is not clear."""
    profile = _cell(ink, lattice)
    depth = float(np.median(lattice.lines.depth))
    for parts in range(10, 1, -1):
        lines = np.arange(1, parts) / parts
        here = _read(profile, lines)
        beside = [_read(profile, lines + way / (2 * parts)) for way in (-1, 1)]
        if (here - np.maximum(*beside)).min() > _FINER_LINES * depth:
            return parts
    inside = profile[_SAMPLES // 4 : -_SAMPLES // 4]
    return 1 if np.ptp(inside) < _FLAT * depth else None


def _cell(ink: Grey, lattice: _Lattice) -> Floats:
    """The median profile from one line to the next, (_SAMPLES + 1,), lines being bright in it."""
    lines, levelled = lattice.lines, lattice.levelled
    fitted = lines.y + lines.off / lines.slope[1]
    along = np.linspace(-0.25, 0.25, 7) * PERIOD
    across = np.linspace(0, 1, _SAMPLES + 1) * lines.period
    last = lines.numbers < lines.numbers.max()
    x = lines.x[last, None, None] + along[None, None, :]
    y = fitted[last, None, None] + across[None, :, None]
    points = np.stack(np.broadcast_arrays(x, y), axis=-1)
    back = cv2.invertAffineTransform(levelled.there)
    places = (points @ back[:, :2].T + back[:, 2] - 0.5).astype(np.float32)
    columns, rows = np.moveaxis(places.reshape(len(places), -1, 2), -1, 0)
    sampled = np.asarray(cv2.remap(ink.astype(np.float32), columns, rows, cv2.INTER_LINEAR))
    profiles = sampled.reshape(points.shape[:3]).mean(axis=2)
    median: Floats = np.median(lattice.sign * profiles, axis=0).astype(np.float64)
    return median


def _read(profile: Floats, places: Floats) -> Floats:
    values: Floats = np.interp(places * _SAMPLES, np.arange(_SAMPLES + 1), profile)
    return values


def _alternates(lattice: _Lattice) -> bool:
    """Whether each second line is heavier, as with lines of 5 and 10 mm."""
    families = lattice.lines, lattice.crossing
    return any(_heaviest(family, 2, 3) > _ALTERNATING for family in families)


def _heaviest(lines: Lines, every: int, least: int = 1) -> float:
    """How much heavier lines are that lie so many apart than all others; 0 for too few."""
    weights = lines.weights()
    best = 0.0
    for first in range(every):
        heavy = [weight for number, weight in weights.items() if number % every == first]
        light = [weight for number, weight in weights.items() if number % every != first]
        if len(heavy) >= least and len(light) >= max(least, every - 1):
            best = max(best, min(heavy) / max(light))
    return best


def _told(lattice: _Lattice, period: float, finer: int) -> str:
    lines, crossing = lattice.lines.count, lattice.crossing.count
    told = f"millimetre grid, {period:.2f} px per mm, error {100 * lattice.error:.1f} %"
    if finer > 1:
        return f"{told}, {lines} x {crossing} lines {finer} mm apart with finer ones between"
    told = f"{told}, {lines} x {crossing} lines"
    if any(_heaviest(family, 5) > _HEAVIER for family in (lattice.lines, lattice.crossing)):
        return f"{told}, each fifth heavier"
    return f"{told}, taken for millimetres: no heavier fifth line is seen"
