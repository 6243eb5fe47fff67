"""Laying landmarks on others by least squares; the only caller of morphops."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.landmarks import Floats, centroid_size
from beetle_lm.zoo.model_file.shape_space import ShapeSpace

Complex = NDArray[np.complex128]
"""(n,) points as numbers x + iy, which a product turns and scales."""

_FEWEST_LANDMARKS = 3  # two points have no shape
_TOLERANCE = 1e-10
_ROUNDS = 100  # of a generalised superimposition, which settles in some five


def least_squares_map(
    source: Floats,
    target: Floats,
    weights: Floats | None = None,
    kind: Literal["rotation", "similarity", "affine"] = "similarity",
) -> Floats:
    """The map that lays points nearest to others by the sum of their squared distances.

    Args:
        source: (n, 2) points; those that one of the two lacks (NaN) take no part.
        target: (n, 2) where they belong.
        weights: (n,) of the squared distances, not negative; None for all alike.
        kind: what the map may do beside moving: turn; turn and scale; or all that is affine. Only
            an affine map may reflect.

    Returns:
        (2, 3) matrix of the affine map.
    """
    there = np.isfinite(source + target).all(axis=1)
    source, target = source[there], target[there]
    weights = np.ones(len(source)) if weights is None else weights[there]
    weights = weights / weights.sum()
    middle, other = weights @ source, weights @ target
    if kind == "affine":
        root = np.sqrt(weights)[:, None]
        moved, wanted = root * (source - middle), root * (target - other)
        linear = np.linalg.lstsq(moved, wanted, rcond=None)[0].T
    else:
        from_, to = (source - middle) @ (1, 1j), (target - other) @ (1, 1j)
        if kind == "rotation":
            factor = np.exp(1j * _turn(from_, to, weights))
        else:
            factor = _product(from_, to, weights) / (weights * np.abs(from_) ** 2).sum()
        linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.asarray(np.c_[linear, other - linear @ middle], np.float64)


def _product(source: Complex, target: Complex, weights: Floats | float) -> np.complex128:
    """Of points around the origin: its angle is the turn that lays them nearest to others."""
    product: np.complex128 = (weights * source.conj() * target).sum()
    return product


def _turn(source: Complex, target: Complex, weights: Floats | float = 1.0) -> float:
    return float(np.angle(_product(source, target, weights)))


def mean_shape(xy: Floats) -> Floats | None:
    """The mean shape of several specimens by generalised Procrustes analysis.

    Args:
        xy: (specimens, n, 2) coordinates. Specimens that lack a landmark (NaN) or whose landmarks
            all lie in one point are left out.

    Returns:
        (n, 2) coordinates of centroid size 1 around the origin, or None where no specimen is left
        or n is below 3.
    """
    if xy.shape[1] < _FEWEST_LANDMARKS:
        return None
    usable = np.array([specimen for specimen in xy if _has_shape(specimen)])
    if len(usable) == 0:
        return None
    if len(usable) == 1:
        return _unit(usable[0])
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its progress
        fitted = _morphops().gpa(usable, tol=_TOLERANCE, no_reflect=True)
    return _unit(np.asarray(fitted["mean"], np.float64))


def procrustes_distance(first: Floats, second: Floats) -> float:
    """The distance that is left between two shapes when position, size and turn are taken out.

    Args:
        first: (n, 2) coordinates, none missing.
        second: (n, 2) coordinates, none missing.

    Returns:
        The partial Procrustes distance: the root of the summed squared distances between the
        landmarks of both shapes, each scaled to centroid size 1.
    """
    target = _unit(second)
    aligned = _morphops().opa(_unit(first), target, no_reflect=True)["aligned"]
    return float(np.linalg.norm(aligned - target))


@dataclass(frozen=True, eq=False)
class Superimposed:
    """A configuration of landmarks on a mean shape.

    Args:
        shape: (n, 2) the landmarks around the origin, scaled to centroid size 1 and turned onto the
            mean shape.
        rotation: how far the landmarks were turned against the mean shape, in degrees from -180
            to 180; clockwise as seen, where y is down.
        size: their centroid size.
    """

    shape: Floats
    rotation: float
    size: float


def superimpose(xy: Floats, mean: Floats) -> Superimposed | None:
    """Lays landmarks on a mean shape by least squares, without a reflection.

    Args:
        xy: (n, 2) coordinates.
        mean: (n, 2) the mean shape, of centroid size 1 around the origin.

    Returns:
        None where a landmark is missing (NaN), or all lie in one point.
    """
    if not _has_shape(xy):
        return None
    points, targets = (each[:, 0] + 1j * each[:, 1] for each in (_unit(xy), mean))
    turn = _turn(points, targets)
    turned = points * np.exp(1j * turn)
    shape = np.stack((turned.real, turned.imag), axis=1)
    return Superimposed(shape, math.degrees(-turn), centroid_size(xy))


def superimpose_all(xy: Floats, mean: Floats) -> list[Superimposed]:
    """Specimens (N, n, 2) superimposed on a mean shape; those that lack a landmark are left out."""
    return [one for one in (superimpose(each, mean) for each in xy) if one is not None]


def superimpose_together(xy: Floats) -> Floats | None:
    """Specimens superimposed on their own mean shape: generalised Procrustes analysis.

    The same mean as that of `mean_shape`, of all specimens at once: morphops takes seconds for some
    hundred.

    Args:
        xy: (S, n, 2) coordinates.

    Returns:
        (S, n, 2) coordinates around the origin: each specimen scaled to centroid size 1, turned
        onto the mean shape, never reflected, and projected into the tangent space at the mean
        shape, which lies as the specimens do on average. None where a landmark is missing (NaN), a
        specimen's all lie in one point, or n is below 3.
    """
    if xy.shape[1] < _FEWEST_LANDMARKS or not all(map(_has_shape, xy)):
        return None
    points = np.array([_unit(one) for one in xy]) @ (1, 1j)
    mean = points[0]
    for _ in range(_ROUNDS):
        products = points.conj() @ mean
        turns = np.exp(1j * np.angle(products))
        better = turns @ points / len(points)
        better /= np.linalg.norm(better)
        moved = float(np.abs(better - mean).max())
        mean = better
        if moved < _TOLERANCE:
            break
    laid = points * turns[:, None]
    laid += np.outer(1 - (laid @ mean.conj()).real, mean)  # orthogonally, as geomorph does
    laid *= np.exp(-1j * np.angle(turns.sum()))
    return np.stack((laid.real, laid.imag), axis=-1)


def mahalanobis(difference: Floats, space: ShapeSpace) -> float:
    """How far a shape is from the mean, in standard deviations of the shapes known.

    Args:
        difference: (n, 2) of the superimposed shape from the mean shape.
        space: the shapes known.
    """
    flat = difference.ravel()
    scores = np.array(space.components).reshape(-1, flat.size) @ flat
    rest = max(0.0, float(flat @ flat - scores @ scores))
    return math.sqrt(float((scores**2 / space.variances).sum()) + rest / space.rest_variance)


def _morphops() -> Any:
    """The module, which takes a fourth of a second to load and is not needed to predict."""
    with warnings.catch_warnings():  # its docstrings hold unknown escapes, told on first import
        warnings.simplefilter("ignore")
        import morphops
    return morphops


def _has_shape(xy: Floats) -> bool:
    return not np.isnan(xy).any() and centroid_size(xy) > 0


def _unit(xy: Floats) -> Floats:
    return np.asarray((xy - xy.mean(axis=0)) / centroid_size(xy), np.float64)
