"""What sums up an evaluation: spread of distances, shares within bounds, agreement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from beetle_lm.predict.landmarks import Floats

FAR = 10.0
"""Distance in pixels at 256 x 192 above which the paper calls a landmark wrong."""

_NAN = float("nan")


@dataclass(frozen=True)
class Spread:
    """How large distances are and how they scatter; NaN where there are too few to tell.

    Args:
        count: number of distances.
        mean: their mean.
        sd: their standard deviation (of a sample: divided by count - 1).
        median: their median.
        p95: their 95th percentile.
    """

    count: int
    mean: float
    sd: float
    median: float
    p95: float

    @classmethod
    def of(cls, distances: Floats) -> Spread:
        """The spread of distances of any shape; NaN is left out."""
        known = distances[~np.isnan(distances)]
        if known.size == 0:
            return cls(0, _NAN, _NAN, _NAN, _NAN)
        return cls(
            int(known.size),
            float(known.mean()),
            float(known.std(ddof=1)) if known.size > 1 else _NAN,
            float(np.median(known)),
            float(np.percentile(known, 95)),
        )


@dataclass(frozen=True)
class Shares:
    """The three shares of the paper's Fig. 12, each from 0 to 1; together they are 1.

    Args:
        below_mean: distances below their mean (at most 10 px).
        mean_to_far: distances from the mean to 10 px.
        above_far: distances above 10 px.
    """

    below_mean: float
    mean_to_far: float
    above_far: float

    @classmethod
    def of(cls, distances: Floats) -> Shares:
        """The shares of distances in pixels at 256 x 192, of any shape; NaN is left out."""
        known = distances[~np.isnan(distances)]
        if known.size == 0:
            return cls(_NAN, _NAN, _NAN)
        above = float((known > FAR).mean())
        below = float(((known < known.mean()) & (known <= FAR)).mean())
        between = float(((known >= known.mean()) & (known <= FAR)).mean())
        return cls(below, between, above)


@dataclass(frozen=True)
class Agreement:
    """The figures of the paper's Table 2, the mean of those of x and of y; NaN where not defined.

    x and y are kept apart, as scikit-learn does with columns: in one list their figures would
    change with the place of the origin.

    Args:
        r2: coefficient of determination of the predicted against the manual coordinates.
        explained_variance: the same with the mean difference taken out.
        pearson: correlation coefficient.
    """

    r2: float
    explained_variance: float
    pearson: float

    @classmethod
    def of(cls, predicted: Floats, manual: Floats) -> Agreement:
        """The agreement of two arrays (..., 2); pairs with a NaN are left out."""
        from sklearn.metrics import explained_variance_score, r2_score

        there = ~np.isnan(predicted - manual).any(axis=-1)
        given, true = predicted[there], manual[there]
        if len(true) < 2 or (np.ptp(true, axis=0) == 0).any():
            return cls(_NAN, _NAN, _NAN)
        varied = (np.ptp(given, axis=0) > 0).all()
        pearson = [np.corrcoef(true[:, axis], given[:, axis])[0, 1] for axis in (0, 1) if varied]
        return cls(
            float(r2_score(true, given)),
            float(explained_variance_score(true, given)),
            float(np.mean(pearson)) if varied else _NAN,
        )
