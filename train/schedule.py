"""How the learning rate goes over the steps of a training."""

from __future__ import annotations

import math

_WARM_UP = 0.05


def warm_up_cosine(step: int, steps: int) -> float:
    """The learning rate at a step as a share of the highest: linear rise, then half a cosine.

    Args:
        step: number of steps already taken, from 0.
        steps: number of all steps.
    """
    rise = max(1, round(steps * _WARM_UP))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1.0 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
