"""Curves of the drawings: splines, outlines, ribbons."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def spline(points: ArrayLike, closed: bool = False, step: float = 12.0) -> Floats:
    """A smooth curve through points (centripetal Catmull-Rom, so without loops or cusps).

    Args:
        points: (n, 2) points, n >= 2, neighbours differ.
        closed: join the last point to the first.
        step: about how far apart the curve's points are.

    Returns:
        (m, 2) points of the curve, all of `points` among them.
    """
    knots = np.asarray(points, np.float64)
    if closed:
        padded = np.vstack([knots[-1], knots, knots[0], knots[1]])
    else:
        padded = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    gaps = np.sqrt(np.linalg.norm(np.diff(padded, axis=0), axis=1)).tolist()
    pieces = []
    for i in range(len(padded) - 3):
        p0, p1, p2, p3 = padded[i : i + 4]
        t1 = gaps[i]
        t2, t3 = t1 + gaps[i + 1], t1 + gaps[i + 1] + gaps[i + 2]
        count = max(2, int(gaps[i + 1] ** 2 / step) + 1)
        t = (t1 + gaps[i + 1] / count * np.arange(count))[:, None]
        a1 = p1 + (t - t1) / t1 * (p1 - p0)
        a2 = p1 + (t - t1) / (t2 - t1) * (p2 - p1)
        a3 = p2 + (t - t2) / (t3 - t2) * (p3 - p2)
        b1 = a1 + t / t2 * (a2 - a1)
        b2 = a2 + (t - t1) / (t3 - t1) * (a3 - a2)
        pieces.append(b1 + (t - t1) / (t2 - t1) * (b2 - b1))
    if not closed:
        pieces.append(knots[-1:])
    return np.vstack(pieces)


def trace(
    landmarks: Mapping[int, Floats],
    path: Sequence[int | tuple[float, float]],
    corners: Collection[int],
) -> Floats:
    """A closed outline through landmarks and points between them.

    Args:
        landmarks: the landmarks by their numbers.
        path: numbers of landmarks, and points; the first is a landmark that is a corner.
        corners: numbers of the landmarks where the outline turns sharply.
    """
    stretches: list[list[Floats]] = [[]]
    for step in [*path, path[0]]:
        point = landmarks[step] if isinstance(step, int) else np.array(step, np.float64)
        stretches[-1].append(point)
        if isinstance(step, int) and step in corners and len(stretches[-1]) > 1:
            stretches.append([point])
    return cornered(*(np.array(stretch) for stretch in stretches if len(stretch) > 1))


def cornered(*stretches: ArrayLike, step: float = 12.0) -> Floats:
    """A closed outline of smooth stretches that meet in corners.

    Each stretch begins where the one before it ends; the last ends where the first begins.
    """
    return np.vstack([spline(stretch, step=step)[:-1] for stretch in stretches])


def ribbon(path: Floats, widths: Sequence[float] | Floats) -> Floats:
    """The outline of a band along a path.

    Args:
        path: (n, 2) points.
        widths: widths at places evenly spread over the path; interpolated between.
    """
    along = np.linspace(0.0, 1.0, len(path))
    half = np.interp(along, np.linspace(0.0, 1.0, len(widths)), widths)[:, None] / 2
    tangent = np.gradient(path, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    normal = np.column_stack([-tangent[:, 1], tangent[:, 0]])
    return np.vstack([path + half * normal, (path - half * normal)[::-1]])


def resample(path: Floats, count: int) -> Floats:
    """`count` points at equal distances along a path."""
    lengths = np.linalg.norm(np.diff(path, axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(lengths)])
    wanted = np.linspace(0.0, at[-1], count)
    return np.column_stack([np.interp(wanted, at, path[:, axis]) for axis in (0, 1)])
