"""How far semilandmarks are from the curves that they were placed on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from beetle_lm.predict.curves import distances
from beetle_lm.predict.landmarks import Floats
from beetle_lm.zoo.model_file.parts import Curve


def curve_errors(semilandmarks: Floats, lines: Floats, curves: Sequence[Curve]) -> Floats:
    """Distances of semilandmarks from their curves.

    Args:
        semilandmarks: (N, S, 2) of all curves, one after the other.
        lines: (N, C, P, 2) points on the true curves in the same unit, NaN where missing.
        curves: of the part.

    Returns:
        (N, S) in that unit; NaN where a curve is missing.
    """
    errors = np.full(semilandmarks.shape[:2], np.nan)
    first = 0
    for index, curve in enumerate(curves):
        stop = first + curve.semilandmarks
        for row, points, line in zip(errors, semilandmarks, lines[:, index], strict=True):
            if not np.isnan(line).any():
                row[first:stop] = distances(points[first:stop], line)
        first = stop
    return errors
