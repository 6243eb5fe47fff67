"""Permutations and resamples of specimens whose shapes were taken twice.

Shapes come as rows, (S, p): superimposed coordinates of S specimens, manual and predicted in the
same order. A specimen is what is drawn or swapped, never a single landmark.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from beetle_lm.predict.landmarks import Floats

PERMUTATIONS, RESAMPLES = 999, 1000

_SEED = 1  # the same landmarks give the same figures
_BLOCK = 4096  # specimens whose labels are swapped at once
_ROUNDING = 1e-9  # the same sums in another order


@dataclass(frozen=True)
class Estimate:
    """A figure with the limits of its 95 % confidence interval; NaN where unknown.

    Args:
        value: what was found.
        low: the lower limit, by resampling the specimens.
        high: the upper limit.
    """

    value: float
    low: float
    high: float


def swapped(manual: Floats, predicted: Floats) -> tuple[float, float]:
    """Probabilities when manual and predicted are swapped within specimens at random.

    Returns:
        That of such a distance between the mean shapes, or a larger one; and that of such a
        difference between the variances of shape, either way.
    """
    count = len(manual)
    middle, half = (manual + predicted) / 2, (predicted - manual) / 2
    rows = np.column_stack([half, (middle * half).sum(axis=1)])
    rng, sums = np.random.default_rng(_SEED), np.zeros((PERMUTATIONS + 1, rows.shape[1]))
    for start in range(0, count, _BLOCK):
        block = rows[start : start + _BLOCK]
        signs = rng.choice((-1.0, 1.0), (PERMUTATIONS + 1, len(block)))
        signs[0] = 1.0  # as they are
        sums += signs @ block
    shift = sums[:, :-1] / count  # of the predicted mean shape from the middle of both
    distances = (shift**2).sum(axis=1)
    # |m + h|^2 - |m - h|^2 is 4 m h, of specimens and of mean shapes alike.
    differences = np.abs(sums[:, -1] - count * shift @ middle.mean(axis=0))
    return _share_as_large(distances), _share_as_large(differences)


def paired_at_random(manual: Floats, predicted: Floats) -> float:
    """The probability that shapes of specimens paired at random are as alike, or more."""
    rng, centred = np.random.default_rng(_SEED), manual - manual.mean(axis=0)
    found = [np.vdot(centred, predicted)]
    for _ in range(PERMUTATIONS):
        found.append(np.vdot(centred, predicted[rng.permutation(len(manual))]))
    return _share_as_large(np.array(found))


@dataclass(frozen=True, eq=False)
class Resamples:
    """What is found when specimens are drawn with replacement, a specimen's two shapes together.

    A sample of a sample varies less by (S - 1) / S; the variances between specimens are given that
    back.

    Args:
        manual_variance: (R,) Procrustes variances, divided by S - 1.
        predicted_variance: (R,) the same of the predicted shapes.
        repeatability: (R,) intraclass correlations.
        mean_distance_squared: (R,) squared distances between the mean shapes.
    """

    manual_variance: Floats
    predicted_variance: Floats
    repeatability: Floats
    mean_distance_squared: Floats

    @classmethod
    def of(cls, manual: Floats, predicted: Floats) -> Resamples:
        """Draws the specimens."""
        count, width = manual.shape
        squares = [(each**2).sum(axis=1) for each in (manual, predicted, predicted - manual)]
        rows = np.column_stack([manual, predicted, *squares])
        rng, sums = np.random.default_rng(_SEED), np.empty((RESAMPLES, rows.shape[1]))
        for sample in sums:
            sample[:] = np.bincount(rng.integers(0, count, count), minlength=count) @ rows
        ours, theirs = sums[:, :width] / count, sums[:, width : 2 * width] / count
        of_ours, of_theirs, of_differences = sums[:, 2 * width :].T / count

        def variance(squares: Floats, mean: Floats) -> Floats:
            left = np.maximum(0.0, squares - (mean**2).sum(axis=1))
            return np.asarray(left * (count / (count - 1)) ** 2, np.float64)

        middle = (of_ours + of_theirs) / 2 - of_differences / 4
        between, within = 2 * variance(middle, (ours + theirs) / 2), of_differences / 2
        return cls(
            variance(of_ours, ours),
            variance(of_theirs, theirs),
            ratio(between - within, between + within),
            ((theirs - ours) ** 2).sum(axis=1),
        )


def within(values: Floats, value: float) -> Estimate:
    """A figure with the 2.5th and 97.5th percentile of what was found in the resamples."""
    known = values[~np.isnan(values)]
    if np.isnan(value) or not len(known):
        return Estimate(value, float("nan"), float("nan"))
    low, high = np.percentile(known, (2.5, 97.5)).tolist()
    return Estimate(value, low, high)


def distance_within(squares: Floats, value: float) -> Estimate:
    """A distance with limits of the true one, from the squared distances of the resamples.

    Chance makes a distance longer, and resampling makes it longer once more: percentiles of the
    resamples would leave the true distance out. These are the limits of the basic bootstrap of the
    squared distance; what was found itself is never left out.
    """
    high, low = (2 * value**2 - np.percentile(squares, (2.5, 97.5))).tolist()
    return Estimate(value, max(0.0, low) ** 0.5, max(value, max(0.0, high) ** 0.5))


def ratio(one: Floats, other: Floats) -> Floats:
    """One over the other, NaN where that is 0."""
    unknown = np.full(np.shape(other), np.nan)
    return np.asarray(np.divide(one, other, out=unknown, where=np.asarray(other) > 0), np.float64)


def _share_as_large(values: Floats) -> float:
    """The share of values that are as large as the first, which is among them."""
    return float((values >= values[0] - _ROUNDING * np.abs(values).max()).mean())
