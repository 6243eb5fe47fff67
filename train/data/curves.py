"""The curves of annotated photographs: between which landmarks they run, and which way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from beetle_lm.predict.curves import distances, is_closed
from beetle_lm.predict.formats.curves import AT_LANDMARK, ends_of_curves
from beetle_lm.predict.formats.names import listed
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.landmarks import Floats, centroid_size
from beetle_lm.text import shown
from beetle_lm.zoo.model_file.parts import DEFAULT_SEMILANDMARKS, Curve, PartSpec

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
    for curve in filter(None, ends_of_curves(records)):
        if curve.are_landmarks:
            found.append(Curve(curve.name, curve.start, curve.end, DEFAULT_SEMILANDMARKS))
            continue
        far = max(curve.start_off, curve.end_off)
        remarks.append(
            f"the curve {shown(curve.name)} is not learned: it"
            f" {'begins' if curve.start_off > AT_LANDMARK else 'ends'} at no landmark, but"
            f" {100 * far:.0f} % of the centroid size from the nearest"
        )
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


def _closed_at(line: Floats, landmark: Floats) -> Floats:
    """A closed line, clockwise in the picture, from the place nearest to a landmark and back."""
    ring = line[:-1] if is_closed(line) else line
    x, y = (ring - ring.mean(axis=0)).T
    if (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() < 0:  # y points down
        ring = ring[::-1]
    first = int(np.hypot(*(ring - landmark).T).argmin())
    return np.vstack([landmark, np.roll(ring, -first, axis=0)[1:], landmark])
