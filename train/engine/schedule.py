"""How learning rate and momentum change over a training."""

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


def linear(epoch: int, epochs: int, start: float, stop: float) -> float:
    """A value that goes from `start` in the first epoch straight to `stop` in the last.

    Args:
        epoch: from 1.
        epochs: number of epochs; where it is 1, the value is `start`.
        start: in epoch 1.
        stop: in the last epoch.
    """
    return start + (stop - start) * (epoch - 1) / max(1, epochs - 1)
