"""The curves of annotated photographs: between which landmarks they run, and which way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from beetle_lm.predict.curves import distances
from beetle_lm.predict.formats.names import listed
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.landmarks import Floats, centroid_size
from beetle_lm.text import shown
from beetle_lm.zoo.model_file.parts import DEFAULT_SEMILANDMARKS, Curve, PartSpec

_AT = 0.02  # centroid sizes; how far a curve may end from its landmark on average
_ASTRAY = 0.1  # centroid sizes; farther from its landmark one curve ends at another place


def find_curves(records: Sequence[Record]) -> tuple[tuple[Curve, ...], list[str]]:
    """The curves that records have, by the landmarks where they begin and end.

    Args:
        records: of one file, annotated; their curves are lines.

    Returns:
        The curves that run between landmarks, each with as many semilandmarks as all records give
        it, or with the usual number where records differ; and a sentence on each other one.
    """
    found, remarks = [], []
    names = {record.curve_names for record in records if record.curves}
    known = names.pop() if len(names) == 1 else None
    for index in range(max((len(record.curves) for record in records), default=0)):
        drawn = [r for r in records if len(r.curves) > index and len(r.curves[index])]
        if not drawn:
            continue
        name = known[index] if known else f"curve {index + 1}"
        if all(_is_closed(record.curves[index]) for record in drawn):
            start, far = _nearest(drawn, index, None)
            end, farther = start, far
        else:
            (start, far), (end, farther) = (_nearest(drawn, index, place) for place in (0, -1))
        if max(far, farther) > _AT:
            remarks.append(
                f"the curve {shown(name)} is not learned: it"
                f" {'begins' if far > _AT else 'ends'} at no landmark, but"
                f" {100 * max(far, farther):.0f} % of the centroid size from the nearest"
            )
            continue
        found.append(Curve(name, start, end, DEFAULT_SEMILANDMARKS))
    return tuple(found), remarks


def lines_of(
    lines: Sequence[Floats], spec: PartSpec, xy: Floats
) -> tuple[tuple[Floats, ...], list[str]]:
    """The lines of a specimen's curves, each from its first landmark to its last.

    Args:
        lines: (m, 2) points of each of its curves, m = 0 where missing.
        spec: the part.
        xy: (K, 2) its landmarks in the same frame.

    Returns:
        The lines, turned round where they run from end to start, missing (0, 2) where they do not
        lie between their landmarks; closed ones run clockwise from their landmark. And a sentence
        on what was left out or turned.
    """
    size = centroid_size(xy)
    right, wrong, turned = [], [], []
    for curve, line in zip(spec.curves, lines, strict=True):
        ends = xy[[curve.start - 1, curve.end - 1]]
        if curve.is_closed and len(line) and not np.isnan(ends).any():
            if distances(ends[:1], line)[0] > _ASTRAY * size:
                wrong.append(curve.name)
                right.append(line[:0])
            else:
                right.append(_closed_at(line, ends[0]))
            continue
        if not len(line) or np.isnan(ends).any():
            right.append(line)
            continue
        off, back = (np.hypot(*(way[[0, -1]] - ends).T).max() for way in (line, line[::-1]))
        if min(off, back) > _ASTRAY * size:
            wrong.append(curve.name)
            right.append(line[:0])
        else:
            turned += [curve.name] if back < off else []
            right.append(line[::-1] if back < off else line)
    remarks = []
    if wrong:
        remarks.append(f"{listed(wrong)} does not run between its landmarks, left out of the loss")
    if turned:
        remarks.append(f"{listed(turned)} runs from end to start, turned round")
    return tuple(right), [f"curve {remark}" for remark in remarks]


def _is_closed(line: Floats) -> bool:
    return len(line) > 2 and bool((line[0] == line[-1]).all())


def _closed_at(line: Floats, landmark: Floats) -> Floats:
    """A closed line, clockwise in the picture, from the place nearest to a landmark and back."""
    ring = line[:-1] if _is_closed(line) else line
    x, y = (ring - ring.mean(axis=0)).T
    if (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() < 0:  # y points down
        ring = ring[::-1]
    first = int(np.hypot(*(ring - landmark).T).argmin())
    return np.vstack([landmark, np.roll(ring, -first, axis=0)[1:], landmark])


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
