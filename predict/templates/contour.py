"""Aligning one outline with another: rotation, position and size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.procrustes import least_squares_map

_TURNS = 24  # starting rotations around the circle
_COARSE_STEP, _COARSE_ROUNDS = 5, 8  # every fifth point of the outlines
_ROUNDS = 15
_KEPT = 0.8  # of the pairs of points: soft tissue has no counterpart
_SHRUNK = 0.25  # enough to tell thick from thin
_THIN = 0.1  # of the root of the specimen's area
_NORMAL_WEIGHT = 0.4  # a right angle between outlines counts as this many times the size


def resampled(outline: Floats, count: int) -> Floats:
    """Evenly spaced points (count, 2) of a closed outline (n, 2)."""
    closed = np.vstack((outline, outline[:1]))
    length = np.r_[0.0, np.cumsum(np.hypot(*np.diff(closed, axis=0).T))]
    at = np.linspace(0.0, length[-1], count, endpoint=False)
    return np.stack([np.interp(at, length, closed[:, axis]) for axis in (0, 1)], axis=1)


def outline_of(mask: NDArray[np.uint8], count: int) -> Floats:
    """The outline of the largest object in a mask, (count, 2) evenly spaced points.

    Args:
        mask: (H, W), 1 on objects.
        count: points of the outline.
    """
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(contours, key=cv2.contourArea)[:, 0]
    return resampled(largest.astype(np.float64) + 0.5, count)


def solid_part(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A mask (H, W) without thin parts, such as a strand of tissue; unchanged if all is thin."""
    height, width = mask.shape
    small = cv2.resize(mask, None, fx=_SHRUNK, fy=_SHRUNK, interpolation=cv2.INTER_AREA)
    across = 2 * round(_THIN * float(np.sqrt(small.sum()))) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (across, across))
    # Tissue that continues beyond the edge must not be kept only because it is cut off there.
    sides = (across, across, across, across)
    wide = cv2.copyMakeBorder(small, *sides, cv2.BORDER_CONSTANT, value=0)
    kept = cv2.morphologyEx(wide, cv2.MORPH_OPEN, disc)[across:-across, across:-across]
    if not kept.any():
        return mask
    return np.asarray(cv2.resize(kept, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def apply(matrix: Floats, points: Floats) -> Floats:
    """Points (n, 2) through an affine map (2, 3)."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float64)


def size_of(outline: Floats) -> float:
    """Root mean squared distance of an outline's points (n, 2) from their centroid."""
    return float(np.sqrt(np.square(outline - outline.mean(axis=0)).sum(axis=1).mean()))


def similarity_maps(source: Floats, target: Floats, most: int) -> list[Floats]:
    """The best alignments of one outline with another by rotation, translation and scaling.

    Iterative closest points, with normals and without the worst fifth of all pairs, started from
    rotations all around the circle.

    Args:
        source: (n, 2) evenly spaced points.
        target: (n, 2) evenly spaced points.
        most: how many to return.

    Returns:
        (2, 3) maps, the closest outlines first, at least 30 degrees apart.
    """
    found = []
    few, others = _Outline(source, _COARSE_STEP), _Outline(target, _COARSE_STEP)
    size = size_of(target) / size_of(source)
    for turn in np.linspace(0.0, 2 * np.pi, _TURNS, endpoint=False):
        cosine, sine = size * np.cos(turn), size * np.sin(turn)
        linear = np.array([[cosine, -sine], [sine, cosine]])
        start = np.c_[linear, target.mean(axis=0) - linear @ source.mean(axis=0)]
        found.append(_closest_points(few, others, start, _COARSE_ROUNDS))
    found.sort(key=lambda one: one[0])
    kept: list[Floats] = []
    for _, map_ in found:
        if all(_angle(map_, other) > np.pi / 6 for other in kept):
            kept.append(map_)
        if len(kept) == most:
            break
    all_, targets = _Outline(source, 2), _Outline(target, 2)
    refined = [_closest_points(all_, targets, map_, _ROUNDS) for map_ in kept]
    return [map_ for _, map_ in sorted(refined, key=lambda one: one[0])]


class _Outline:
    def __init__(self, points: Floats, step: int) -> None:
        along = np.roll(points, -2, axis=0) - np.roll(points, 2, axis=0)
        along /= np.hypot(*along.T)[:, None] + 1e-9
        self.points = points[::step]
        self.normals = np.stack((along[:, 1], -along[:, 0]), axis=1)[::step]
        self.size = size_of(points)


def _closest_points(
    source: _Outline, target: _Outline, map_: Floats, rounds: int
) -> tuple[float, Floats]:
    weight = _NORMAL_WEIGHT * target.size
    left, right = np.c_[target.points, weight * target.normals], np.empty(0)
    distance = np.inf
    for last in range(rounds + 1):
        moved = apply(map_, source.points)
        scale = np.sqrt(abs(np.linalg.det(map_[:, :2])))
        right = np.c_[moved, weight * source.normals @ map_[:, :2].T / scale]
        squares = np.square(right).sum(axis=1)[:, None] + np.square(left).sum(axis=1)
        squares = squares - 2 * right @ left.T
        forth, back = squares.argmin(axis=1), squares.argmin(axis=0)
        pairs = (
            np.r_[source.points, source.points[back]],
            np.r_[target.points[forth], target.points],
        )
        off = np.hypot(*(apply(map_, pairs[0]) - pairs[1]).T)
        limit = np.quantile(off, _KEPT)
        distance = float(off[off <= limit].mean()) / target.size
        if last < rounds:
            weights = (off <= limit) / (1 + np.square(off / (limit + 1e-9)))
            map_ = least_squares_map(*pairs, weights)
    return distance, map_


def _angle(first: Floats, second: Floats) -> float:
    turns = [np.angle(map_[0, 0] + 1j * map_[1, 0]) for map_ in (first, second)]
    return abs(float(np.angle(np.exp(1j * (turns[0] - turns[1])))))
