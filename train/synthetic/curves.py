"""Curves of the drawings: outlines and ribbons."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beetle_lm.predict.curves import spline

Floats = NDArray[np.float64]


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
