"""The curves of photographs in the page: which there are, how they are shown, what is written.

A landmark file has points on a curve, many of them and evenly spaced as a rule. The page shows as
few as make the same line, because a person who moves one means the stretch around it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from beetle_lm.errors import LandmarkError, LandmarkFileError
from beetle_lm.predict.curves import distances, evenly_spaced, is_closed, through
from beetle_lm.predict.formats.curves import (
    AT_LANDMARK,
    curves_in_order,
    ends_of_curves,
    with_outlines,
    with_points_on_curves,
)
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.formats.tps import TpsRecord
from beetle_lm.predict.images.header import Header
from beetle_lm.predict.images.orientation import ExifFrame
from beetle_lm.predict.landmarks import Floats, centroid_size
from beetle_lm.web.records import Traced
from beetle_lm.zoo.model_file.parts import DEFAULT_SEMILANDMARKS, PartSpec

_SOME = 200  # records of which is asked where their curves end
_FEW = 12  # points that are shown as they are
_NUMBERS = (2, 3, 4, 6, 8, 11, 15, 20, 28, 40, 60, 100)
_OFF = 0.001  # of a curve's length, by which a line through fewer points may differ
_OFF_PX = 0.5

_log = logging.getLogger("beetle_lm")


@dataclass(frozen=True)
class PageCurve:
    """A curve that the page shows, and on which points may be placed.

    Args:
        name: what it is called.
        start: the index, from 0, of the landmark where it begins; None where that is none.
        end: the index of the landmark where it ends; None where that is none.
        written: how many points a curve is written with that was drawn or changed.
    """

    name: str
    start: int | None
    end: int | None
    written: int

    def knots(self, points: Floats, xy: Floats) -> Floats:
        """All points (m, 2) that its line runs through.

        Args:
            points: (n, 2) those between its ends.
            xy: (k, 2) the landmarks, in the same frame; NaN missing.
        """
        ends = [
            xy[[end]] if end is not None else np.empty((0, 2)) for end in (self.start, self.end)
        ]
        knots = np.vstack([ends[0], points, ends[1]])
        return knots[~np.isnan(knots[:, 0])]

    def between(self, points: Floats, xy: Floats) -> Floats:
        """The points (n, 2) of a whole curve that the page shows between its landmarks.

        Args:
            points: (m, 2) from end to end, or the other way round.
            xy: (k, 2) the landmarks, in the same frame; NaN missing.
        """
        points = points[~np.isnan(points[:, 0])]
        if len(points) < 2:
            return points[:0]
        if self.start is not None and self.start == self.end and is_closed(points):
            ring = points[:-1]
            first = int(np.nan_to_num(np.hypot(*(ring - xy[self.start]).T)).argmin())
            points = np.roll(ring, -first, axis=0)[[*range(len(ring)), 0]]
        ends = np.array(
            [[np.nan] * 2 if end is None else xy[end] for end in (self.start, self.end)]
        )
        off, back = (np.hypot(*(way[[0, -1]] - ends).T) for way in (points, points[::-1]))
        if back.sum() < off.sum():
            points, off = points[::-1], back
        near = off <= AT_LANDMARK * centroid_size(xy)
        inner = points[int(near[0]) : len(points) - int(near[1])]
        if len(inner) <= _FEW:
            return inner
        line = through(self.knots(inner, xy))
        length = float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
        firm = [end is not None and not np.isnan(xy[end, 0]) for end in (self.start, self.end)]
        for number in _NUMBERS:
            spaced = evenly_spaced(line, number + sum(firm))
            fewer = spaced[int(firm[0]) : len(spaced) - int(firm[1])]
            off = distances(line, through(self.knots(fewer, xy)))
            if off.max() <= max(_OFF_PX, _OFF * length):
                return fewer
        return inner if len(inner) < _NUMBERS[-1] else fewer

    def as_written(self, traced: Traced | None, xy: Floats) -> Floats:
        """The points (m, 2) that are written of it, all of them NaN where it is missing.

        Args:
            traced: what was drawn; None where it is missing.
            xy: (k, 2) the landmarks, in the same frame; NaN missing.
        """
        if traced is not None and traced.is_whole:
            return traced.points
        knots = self.knots(traced.points, xy) if traced is not None else np.empty((0, 2))
        line = through(knots)
        if not len(line):
            return np.full((self.written, 2), np.nan)
        points = evenly_spaced(line, self.written)
        points[[0, -1]] = knots[[0, -1]]  # the landmarks to the last digit
        return points


def page_curves(
    spec: PartSpec, records: Sequence[TpsRecord], file: Path, of_run: bool
) -> tuple[PageCurve, ...]:
    """The curves of a page: those of its part, or else those that its landmark file has.

    A curve is written with as many points as all of the file have, where that number cannot be
    taken for StereoMorph's; those of a run are all alike, and stay so.

    Args:
        spec: the part.
        records: of the landmark file; points lie on their curves.
        file: what it is called.
        of_run: whether a run placed the curves.

    Raises:
        LandmarkFileError: a record has a curve that the part does not have.
    """
    fitting = [record for record in records if len(record.points) in (0, len(spec))]
    own = [record for record in map(with_outlines, fitting) if record.curves]
    ordered = [_in_order(record, spec, file) for record in own]
    curves = []
    for index, (name, start, end, semilandmarks) in enumerate(_ends(spec, own)):
        numbers = {len(row[index]) for row in ordered if len(row) > index} - {0}
        alike = numbers.pop() if len(numbers) == 1 else 0
        is_kept = alike > 0 and (of_run or (alike >= DEFAULT_SEMILANDMARKS and alike % 2 == 0))
        many = 2 * max(semilandmarks, DEFAULT_SEMILANDMARKS) + 2
        curves.append(PageCurve(name, start, end, alike if is_kept else many))
    return tuple(curves)


def curves_of(
    record: TpsRecord,
    curves: Sequence[PageCurve],
    spec: PartSpec,
    photograph: Header,
    frame: ExifFrame,
) -> dict[str, Traced]:
    """The curves of a record by their names, as its file has them, on the upright photograph.

    Args:
        record: what it is of.
        curves: those of the page.
        spec: the part.
        photograph: header of the photograph.
        frame: what the curves were drawn on.
    """
    whole = with_outlines(record)
    upright = whole.curves_upright(photograph, frame)
    own = _ordered(Record(whole.points, curves=upright, curve_names=whole.curve_names), spec)
    return {
        curve.name: Traced(points, is_whole=True)
        for curve, points in zip(curves, own, strict=False)
        if (~np.isnan(points[:, 0])).sum() > 1
    }


def on_lines(records: Mapping[str, TpsRecord], file: Path) -> dict[str, TpsRecord]:
    """Records of a file whose points lie on their curves.

    Where they are StereoMorph's control points, evenly spaced points of the lines stand in their
    place, and the program says so: among curves of the page nobody could tell them any more.

    Args:
        records: of one file, by the names of their photographs.
        file: what it is called.
    """
    changed, remark = with_points_on_curves(list(records.values()))
    if remark:
        _log.warning(f"{file}: {remark}")
    return dict(zip(records, changed, strict=True))


def _ends(
    spec: PartSpec, records: Sequence[Record]
) -> Iterator[tuple[str, int | None, int | None, int]]:
    """Name, landmarks at the ends, by their indices, and semilandmarks of each curve."""
    for curve in spec.curves:
        yield curve.name, curve.start - 1, curve.end - 1, curve.semilandmarks
    if spec.curves:
        return
    some = sorted(records, key=lambda record: -len(record.curves))[:_SOME]
    lined = [replace(record, curves=tuple(map(through, record.curves))) for record in some]
    for index, found in enumerate(ends_of_curves(lined)):
        if found is None:
            yield f"curve {index + 1}", None, None, DEFAULT_SEMILANDMARKS
            continue
        start, end = (found.start - 1, found.end - 1) if found.are_landmarks else (None, None)
        yield found.name, start, end, DEFAULT_SEMILANDMARKS


def _in_order(record: Record, spec: PartSpec, file: Path) -> tuple[Floats, ...]:
    try:
        return _ordered(record, spec)
    except LandmarkError as error:
        raise LandmarkFileError(file, record.line, str(error)) from error


def _ordered(record: Record, spec: PartSpec) -> tuple[Floats, ...]:
    """The curves of a record in the order of its part, or of its file where the part has none."""
    return curves_in_order(record, spec) if spec.curves else record.curves
