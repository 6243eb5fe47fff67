"""Lengths between landmarks, and how far off they are to be expected."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from beetle_lm.predict.landmarks import Floats, Landmarks
from beetle_lm.zoo.model_file.parts import PartSpec


@dataclass(frozen=True)
class Length:
    """A measurement of one specimen, in pixels of the photograph or in a unit.

    Args:
        value: the distance between the two landmarks; NaN where one is missing.
        expected_error: the mean difference, without its sign, from the true length; NaN where
            nobody gave the landmarks' errors.
    """

    value: float
    expected_error: float

    def times(self, units_per_px: float) -> Length:
        """The same length in units; the error of the scale itself is not part of it."""
        return Length(self.value * units_per_px, self.expected_error * units_per_px)


def measured(landmarks: Landmarks) -> dict[str, Length]:
    """What the part says is to be measured, in pixels, by the measurements' names.

    Args:
        landmarks: of one specimen.
    """
    return lengths(landmarks.spec, landmarks.xy, landmarks.expected_error)


def lengths(spec: PartSpec, xy: Floats, expected_error: Floats | None) -> dict[str, Length]:
    """The lengths that a part names, by their names.

    The expected error of a landmark is its mean distance from the true one. Taken as normal, the
    same in all directions, an error with a mean distance e has the standard deviation
    e * sqrt(2 / pi) along any line. Errors of the two landmarks taken as independent, the length is
    off by a normal error whose standard deviation is that of both together, and the mean of its
    absolute value is 2 / pi * sqrt(e1 ** 2 + e2 ** 2): sqrt(2 / pi) once from distance to deviation
    and once back to a mean. That holds where the length is several times the errors; where it is
    not, a measurement says nothing anyway. Errors that two landmarks share, such as a shift of
    both, do not change a length, so that these errors are rather too large where landmarks err
    together.

    Args:
        spec: the part.
        xy: (n, 2) landmarks in pixels; NaN where one is missing.
        expected_error: (n,) in pixels; None where unknown.
    """
    errors = np.full(len(xy), np.nan) if expected_error is None else expected_error
    found = {}
    for one in spec.measurements:
        start, end = one.start - 1, one.end - 1
        value = float(np.hypot(*(xy[end] - xy[start])))
        error = 2 / math.pi * math.hypot(errors[start], errors[end])
        found[one.name] = Length(value, math.nan if math.isnan(value) else error)
    return found
