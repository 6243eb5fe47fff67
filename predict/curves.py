"""Smooth curves through points: their lines, points evenly spaced on them, distances from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from beetle_lm.predict.landmarks import Floats

_PIECE = 16  # points of the line between two points of a Bézier curve


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


def bezier(points: Floats) -> Floats:
    """The line of a quadratic Bézier spline: every second point lies on it, those between do not.

    So StereoMorph keeps the curves that a user draws (its `curves.control`); the line is that of
    its `curves.pixel`.

    Args:
        points: (n, 2), n odd and at least 3, first and last on the curve.

    Returns:
        (m, 2) points of the line.
    """
    t = np.linspace(0.0, 1.0, _PIECE, endpoint=False)[:, None]
    pieces = [
        (1 - t) ** 2 * points[i] + 2 * t * (1 - t) * points[i + 1] + t**2 * points[i + 2]
        for i in range(0, len(points) - 2, 2)
    ]
    return np.vstack([*pieces, points[-1:]])


def through(points: Floats) -> Floats:
    """The smooth line through points that a person has put on a curve.

    Args:
        points: (n, 2); missing ones (NaN), and ones that repeat the one before, are left out.

    Returns:
        (m, 2) points of the line; (0, 2) where fewer than two points differ.
    """
    points = points[~np.isnan(points).any(axis=1)]
    differs = np.ones(len(points), bool)
    differs[1:] = (np.diff(points, axis=0) != 0).any(axis=1)
    points = points[differs]
    if len(points) < 2:
        return np.empty((0, 2))
    step = float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum()) / 200
    return spline(points, step=step)


def evenly_spaced(line: Floats, count: int) -> Floats:
    """`count` points (count, 2) at equal distances along a line (m, 2), both its ends included."""
    lengths = np.linalg.norm(np.diff(line, axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(lengths)])
    wanted = np.linspace(0.0, at[-1], count)
    return np.column_stack([np.interp(wanted, at, line[:, axis]) for axis in (0, 1)])


def distances(points: Floats, line: Floats) -> Floats:
    """How far points (n, 2) are from a line (m, 2), m >= 2, in its unit: (n,); NaN for NaN."""
    start, step = line[:-1], np.diff(line, axis=0)
    squared = np.maximum(np.square(step).sum(axis=1), 1e-300)
    towards = points[:, None] - start
    share = np.clip((towards * step).sum(axis=2) / squared, 0.0, 1.0)
    gaps = np.linalg.norm(towards - share[..., None] * step, axis=2)
    return np.asarray(gaps.min(axis=1), np.float64)


def is_closed(line: Floats) -> bool:
    """Whether a line (m, 2) ends where it begins."""
    return len(line) > 2 and bool((line[0] == line[-1]).all())
