"""The curves of a landmark file: the lines of their points, their order, and where they end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from beetle_lm.errors import LandmarkError
from beetle_lm.predict.curves import bezier, distances, evenly_spaced, is_closed, through
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.formats.tps import TpsRecord
from beetle_lm.predict.landmarks import Floats, centroid_size
from beetle_lm.text import counted, shown
from beetle_lm.zoo.model_file.parts import DEFAULT_SEMILANDMARKS, PartSpec

AT_LANDMARK = 0.02
"""How far a curve may end from its landmark on average, in centroid sizes."""

_FEWEST = 8  # curves whose numbers of points tell what these are


def with_lines(records: Sequence[Record]) -> tuple[list[Record], str | None]:
    """Records with the smooth lines of their curves in place of what was digitised.

    Points lie on their curve, unless the file says otherwise, or all numbers of points are odd and
    differ: so StereoMorph's curves come into TPS files, of which every second point is the control
    point of a quadratic Bézier curve and lies off the line. Outlines are closed curves, after the
    others.

    Args:
        records: of one file.

    Returns:
        The records, whose curves are now lines (m, 2), with m = 0 where fewer than two points are
        there; and a sentence on curves that were taken for StereoMorph's, None where none were.
    """
    controls = are_controls(records)
    lined = [_with_lines(record, controls) for record in records]
    if not controls:
        return lined, None
    count = sum(len(record.curves) for record in records)
    return lined, (
        f"{counted(count, 'curve')} of different odd numbers of points were read as StereoMorph"
        " keeps them: every second point is a control point beside the curve"
    )


def _with_lines(record: Record, controls: bool) -> Record:
    controls = controls if record.control_points is None else record.control_points
    outlines = record.outlines if isinstance(record, TpsRecord) else ()
    closed = [through(np.vstack([points, points[:1]])) for points in outlines]
    return Record(
        record.points,
        image=record.image,
        id=record.id,
        scale=record.scale,
        line=record.line,
        number=record.number,
        y_up=record.y_up,
        names=record.names,
        curves=(*(_line(curve, controls) for curve in record.curves), *closed),
        curve_names=_names(record, len(closed)),
        control_points=False,
    )


def with_outlines(record: TpsRecord) -> TpsRecord:
    """A record whose outlines are further curves, closed, and no outlines any more."""
    outlines = record.outlines
    return replace(
        record.without_outlines,
        curves=(*record.curves, *(np.vstack([points, points[:1]]) for points in outlines)),
        curve_names=_names(record, len(outlines)),
    )


def _names(record: Record, outlines: int) -> tuple[str, ...] | None:
    """The names of a record's curves, with those of so many outlines."""
    if record.curve_names is None:
        return None
    return record.curve_names + tuple(f"outline {number + 1}" for number in range(outlines))


def with_points_on_curves(records: Sequence[TpsRecord]) -> tuple[list[TpsRecord], str | None]:
    """Records whose curves are points on them, for a file that gets curves of other numbers, too.

    Among these nobody could tell control points any more. Of curves that have none nothing changes.

    Args:
        records: of one file.

    Returns:
        The records, and a sentence on the curves that were changed, None where none were.
    """
    if not are_controls(records):
        return list(records), None
    lined, remark = with_lines(records)
    many = 2 * DEFAULT_SEMILANDMARKS + 2  # an even number, as control points never have
    changed = [
        replace(
            record,
            curves=tuple(
                evenly_spaced(line, many) if len(line) else points
                for line, points in zip(of_lines.curves, record.curves, strict=False)
            ),
        )
        for record, of_lines in zip(records, lined, strict=True)
    ]
    return changed, f"{remark}; they are written as points of the curves"


def curves_in_order(record: Record, part: PartSpec) -> tuple[Floats, ...]:
    """The curves of a record in the order of its part, matched by names where it has them.

    Args:
        record: with curves or without.
        part: what it is of.

    Returns:
        As many as the part has; (0, 2) for those that are not there.

    Raises:
        LandmarkError: there are more curves than the part has, or none of that name.
    """
    wanted = [curve.name for curve in part.curves]
    names = record.curve_names
    if names is None or not set(names) & set(wanted):
        if len(record.curves) > len(wanted):
            raise LandmarkError(
                f"{part.name} has {counted(len(wanted), 'curve')}, got {len(record.curves)}"
            )
        none = (np.empty((0, 2)),) * (len(wanted) - len(record.curves))
        return (*record.curves, *none)
    unknown = next((name for name in names if name not in wanted), None)
    if unknown is not None:
        raise LandmarkError(f"{part.name} has no curve {shown(unknown)}")
    found = dict(zip(names, record.curves, strict=True))
    return tuple(found.get(name, np.empty((0, 2))) for name in wanted)


@dataclass(frozen=True)
class CurveEnds:
    """Where the curves of one name, or one place in their records, begin and end.

    Args:
        name: what they are called.
        start: the landmark nearest to where they begin, by its number, counted from 1.
        end: the landmark nearest to where they end.
        start_off: how far they begin from it, on average, in centroid sizes; infinite where no
            record says.
        end_off: how far they end from theirs.
    """

    name: str
    start: int
    end: int
    start_off: float
    end_off: float

    @property
    def are_landmarks(self) -> bool:
        """Whether the curves begin and end at landmarks."""
        return max(self.start_off, self.end_off) <= AT_LANDMARK


def ends_of_curves(records: Sequence[Record]) -> list[CurveEnds | None]:
    """Where the curves of records begin and end.

    Args:
        records: of one file; their curves are lines.

    Returns:
        For each place in the records, as many as the record with most curves has; None where no
        record has points. The names are those of the records where these agree. A closed curve
        begins and ends at the landmark that it passes through.
    """
    names = {record.curve_names for record in records if record.curves}
    known = names.pop() if len(names) == 1 else None
    found: list[CurveEnds | None] = []
    for index in range(max((len(record.curves) for record in records), default=0)):
        drawn = [r for r in records if len(r.curves) > index and len(r.curves[index])]
        if not drawn:
            found.append(None)
            continue
        name = known[index] if known else f"curve {index + 1}"
        if all(is_closed(record.curves[index]) for record in drawn):
            start, far = _nearest(drawn, index, None)
            end, farther = start, far
        else:
            (start, far), (end, farther) = (_nearest(drawn, index, place) for place in (0, -1))
        found.append(CurveEnds(name, start, end, far, farther))
    return found


def _nearest(records: Sequence[Record], index: int, place: int | None) -> tuple[int, float]:
    """The landmark at which a curve begins or ends, from 1, and its mean distance, as a share.

    Args:
        records: that have the curve.
        index: of the curve.
        place: of its points; None for the whole line.
    """
    most = max(len(record.points) for record in records)
    gaps = np.full((len(records), most), np.nan)
    for row, record in zip(gaps, records, strict=True):
        size = centroid_size(record.points) or np.nan
        line = record.curves[index]
        if place is None:
            off = distances(record.points, line)
        else:
            off = np.hypot(*(record.points - line[place]).T)
        row[: len(record.points)] = off / size
    known = np.isfinite(gaps).mean(axis=0) > 0.5
    if not known.any():
        return 1, np.inf
    means = np.where(known, np.nanmean(np.where(known, gaps, 0.0), axis=0), np.inf)
    return int(means.argmin()) + 1, float(means.min())


def are_controls(records: Sequence[Record]) -> bool:
    """Whether curves that may be either are those of StereoMorph, by their numbers of points.

    A curve that nobody drew has two points, its ends.
    """
    counts = [
        [len(curve) for curve in record.curves]
        for record in records
        if record.control_points is None and record.curves
    ]
    drawn = [count for row in counts for count in row if count > 2]
    if len(drawn) < _FEWEST or any(count % 2 == 0 for count in drawn):
        return False
    most = max(map(len, counts))
    columns = [{row[i] for row in counts if len(row) > i} for i in range(most)]
    return any(len(column - {0, 1, 2}) > 1 for column in columns)


def _line(points: Floats, controls: bool) -> Floats:
    whole = len(points) > 2 and len(points) % 2 == 1 and not np.isnan(points).any()
    if controls and whole and (points[1:] != points[:-1]).any():
        return bezier(points)
    return through(points)
