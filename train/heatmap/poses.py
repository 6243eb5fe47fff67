"""How the photographs of a series lie, and how far training turns them."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from scipy import stats

from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.procrustes import mean_shape, superimpose_all
from beetle_lm.train.heatmap.recipe import Augmentation

_COVERED = 0.95  # share of new photographs whose turn training covers
_FEWEST = 4  # photographs; fewer do not say how the others lie


def fit_to_poses(augmentation: Augmentation, xy: Floats) -> Augmentation:
    """Turns images no farther than photographs like these call for.

    Where all specimens lie alike, "the lowest point" or "level with the tip" tells where a landmark
    is, and a network that sees them turned every way cannot learn it.

    Args:
        augmentation: turns by its `least_rotation` at least and its `rotation` at most.
        xy: (N, K, 2) landmarks of the training photographs, NaN where missing.
    """
    mean = mean_shape(xy)
    turns = [one.rotation for one in superimpose_all(xy, mean)] if mean is not None else []
    if len(turns) < _FEWEST:
        return augmentation
    count = len(turns)
    quantile = float(stats.t.ppf((1 + _COVERED) / 2, count - 1)) * math.sqrt(1 + 1 / count)
    reach = max(augmentation.least_rotation, quantile * float(np.std(turns, ddof=1)))
    return dataclasses.replace(augmentation, rotation=min(augmentation.rotation, reach))
