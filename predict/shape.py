"""Procrustes superimposition: the only caller of morphops."""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np

from beetle_lm.predict.landmarks import Floats, centroid_size

with warnings.catch_warnings():  # its docstrings hold unknown escapes, told on the first import
    warnings.simplefilter("ignore")
    import morphops

_FEWEST_LANDMARKS = 3  # two points have no shape
_TOLERANCE = 1e-10


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
        fitted = morphops.gpa(usable, tol=_TOLERANCE, no_reflect=True)
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
    aligned = morphops.opa(_unit(first), target, no_reflect=True)["aligned"]
    return float(np.linalg.norm(aligned - target))


def _has_shape(xy: Floats) -> bool:
    return not np.isnan(xy).any() and centroid_size(xy) > 0


def _unit(xy: Floats) -> Floats:
    return np.asarray((xy - xy.mean(axis=0)) / centroid_size(xy), np.float64)
