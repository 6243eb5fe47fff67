"""Which photographs train, validate and test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def split(names: Sequence[str], share: float, seed: int) -> tuple[list[str], list[str]]:
    """Splits names at random into those to train on and those to validate on.

    Args:
        names: all names.
        share: share to validate on; at least one name is, and at least one is not, unless the
            share is 0 or there is only one name.
        seed: of the random choice, which does not depend on the order of the names.
    """
    ordered = sorted(names)
    if share > 0 and len(ordered) > 1:
        count = min(max(1, round(share * len(ordered))), len(ordered) - 1)
    else:
        count = 0
    order = np.random.default_rng(seed).permutation(len(ordered))
    chosen = {ordered[i] for i in order[:count]}
    return [n for n in ordered if n not in chosen], [n for n in ordered if n in chosen]


def folds(names: Sequence[str], count: int, seed: int) -> list[list[str]]:
    """Splits names at random into `count` folds whose sizes differ by one at most.

    Every name is in exactly one fold, whatever the order of the names.
    """
    ordered = sorted(names)
    order = np.random.default_rng(seed).permutation(len(ordered))
    return [sorted(ordered[i] for i in order[fold::count]) for fold in range(count)]
