"""From the spread of a heat map to the expected error of its landmark."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from beetle_lm.predict.landmarks import Floats

FEWEST = 30
"""Landmarks with a known error that a calibration needs."""

_HALF_SCORE = 0.01  # of the diagonal: the expected error whose score is 0.5
_LEAST_SPREAD = 1e-3  # px; keeps the logarithm finite
_SLOPES = np.linspace(0.25, 6.0, 1151)
_EXPECTED = (0.01, 1e3)  # px at the typical spread: the bounds of a fit


@dataclass(frozen=True)
class Calibration:
    """How far a landmark is from the truth on average, given the spread of its heat map.

    The expected error is ``exp(intercept) * spread ** slope``, both in pixels of the input, but no
    more than half the input's diagonal. It is a power because a heat map is taught to have a spread
    even where the landmark is certain, and the error grows much faster than the spread does.

    Args:
        intercept: logarithm of the expected error at a spread of 1 px.
        slope: the power; above 0, so that a wider heat map always means a larger error.
    """

    intercept: float
    slope: float

    def expected(self, spread: Tensor, input_size: tuple[int, int]) -> Tensor:
        """Expected errors of landmarks with these spreads, in pixels of the input.

        Args:
            spread: of any shape, in pixels of the input.
            input_size: width and height of the input.
        """
        logs = self.intercept + self.slope * spread.clamp(min=_LEAST_SPREAD).log()
        return logs.clamp(max=math.log(math.hypot(*input_size) / 2)).exp()

    @classmethod
    def fit(cls, spread: Floats, error: Floats, default: Calibration | None = None) -> Calibration:
        """Learns from landmarks whose errors are known, or gives a default where they are few.

        It is the most likely calibration if errors scatter about their expectation as an
        exponential distribution does. It is right on average: the mean ratio of errors to what was
        expected is exactly 1.

        Args:
            spread: of any shape, in pixels of the input.
            error: of the same shape and unit; NaN where it is not known.
            default: `DEFAULT` where not given.
        """
        known = np.isfinite(error) & np.isfinite(spread)
        errors, logs = error[known], np.log(np.maximum(spread[known], _LEAST_SPREAD))
        if len(errors) < FEWEST:
            return default or DEFAULT
        centre = float(logs.mean())
        relative = np.exp(-_SLOPES[:, None] * (logs - centre)) * errors
        heights = np.clip(relative.mean(axis=1), *_EXPECTED)  # the best for each slope
        best = int(heights.argmin())  # the likelihood's other terms cancel around the centre
        slope = float(_SLOPES[best])
        return cls(math.log(heights[best]) - slope * centre, slope)


def score(expected: Tensor, input_size: tuple[int, int]) -> Tensor:
    """Scores from 0 to 1 of landmarks with these expected errors, any shape.

    A score is 0.5 where the expected error is 1 % of the input's diagonal, 0.94 at a quarter of
    that, 0.2 at twice as much: ``1 / (1 + (error / (0.01 * diagonal)) ** 2)``.
    """
    half = _HALF_SCORE * math.hypot(*input_size)
    return 1 / (1 + (expected / half).square())


DEFAULT = Calibration(intercept=-1.4, slope=1.4)
"""Where nothing was measured: fitted to 29 validation photographs of wings, heads and elytra
together, on which the default recipe was not trained (`bench/README.md`)."""

CURVES = Calibration(DEFAULT.intercept + (DEFAULT.slope - 1) * math.log(math.pi / 2), DEFAULT.slope)
"""The same across curves, where errors and spreads are 2 / pi of those in a plane if both scatter
normally."""
