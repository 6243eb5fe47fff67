"""The curves of a landmark file: the lines that their points stand for, and their order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from beetle_lm.errors import LandmarkError
from beetle_lm.predict.curves import bezier, through
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.formats.tps import TpsRecord
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import counted, shown
from beetle_lm.zoo.model_file.parts import PartSpec

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
    controls = _are_controls(records)
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
    names = record.curve_names
    if names is not None:
        names += tuple(f"outline {number + 1}" for number in range(len(closed)))
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
        curve_names=names,
        control_points=False,
    )


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


def _are_controls(records: Sequence[Record]) -> bool:
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
