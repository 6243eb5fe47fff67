"""The smooth displacement that best explains uncertain matches."""

from __future__ import annotations

import numpy as np

from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.templates.oriented_gradients import Matches

_AFFINE = 40.0  # pixels that an affine change may amount to, one size away from the centre
_ROUNDS = 3  # of reweighting the matches
_FREEDOM = 3.0  # degrees of freedom of the errors of matches: few, as some are gross


def smoothed(
    places: Floats, found: Matches, wanted: Floats, length: float, height: float, size: float
) -> Floats:
    """The most probable displacement: an affine map plus a smooth field, a Gaussian process.

    Matches that the others contradict, such as a tooth matched with its neighbour, count less:
    errors have the heavy tails of a t distribution.

    Args:
        places: (n, 2) where the displacement was found.
        found: what it is there, and how certain that is.
        wanted: (m, 2) where it is wanted.
        length: pixels within which displacements are similar.
        height: standard deviation of the smooth field, in pixels; 0 leaves the affine map alone.
        size: of the specimen, in pixels.

    Returns:
        (m, 2) displacements in pixels.
    """
    middle, count = places.mean(axis=0), len(places)

    def covariance(first: Floats, second: Floats) -> Floats:
        affine = [
            np.c_[(points - middle) / size, np.ones(len(points))] for points in (first, second)
        ]
        squares = np.square(first).sum(axis=1)[:, None] + np.square(second).sum(axis=1)
        squares = np.maximum(squares - 2 * first @ second.T, 0)
        smooth = height**2 * np.exp(-squares / (2 * length**2))
        return np.asarray(smooth + _AFFINE**2 * affine[0] @ affine[1].T, np.float64)

    own = covariance(places, places)
    precision, one = np.linalg.inv(found.covariance), np.arange(count)
    inflation = np.ones(count)
    for _ in range(_ROUNDS):
        noise = found.covariance * inflation[:, None, None]
        system = np.zeros((2 * count, 2 * count))
        system[:count, :count] = system[count:, count:] = own
        for row in (0, 1):
            for column in (0, 1):
                system[row * count + one, column * count + one] += noise[:, row, column]
        weights = np.linalg.solve(system, found.shift.T.ravel()).reshape(2, count)
        off = found.shift - own @ weights.T
        squares = np.einsum("ni,nij,nj->n", off, precision, off)
        inflation = 1 + squares / _FREEDOM
    return np.asarray(covariance(wanted, places) @ weights.T, np.float64)
