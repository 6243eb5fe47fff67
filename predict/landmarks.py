"""The landmarks of one specimen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beetle_lm.errors import LandmarkError
from beetle_lm.text import counted
from beetle_lm.zoo.model_file.parts import PartSpec

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Landmarks:
    """The landmarks of one specimen in the coordinates of its image.

    Image coordinates are continuous: (0, 0) is the top-left corner of the image, x points right,
    y points down, and the centre of the first pixel is at (0.5, 0.5).

    Args:
        spec: the part that the landmarks belong to.
        xy: (n, 2) coordinates in image pixels; NaN in both where a landmark is missing.
        score: (n,) scores from 0 to 1, or None where nobody gave any (manual landmarks).
        expected_error: (n,) expected distances from the true landmarks in image pixels, or None as
            with the scores.
        semilandmarks: (s, 2) of all the part's curves, one after the other, in image pixels, or
            None where nobody placed any.
        semilandmark_error: (s,) their expected distances from the true curves in image pixels, or
            None as with the scores.

    Raises:
        LandmarkError: the arrays do not have the part's number of landmarks or semilandmarks.
    """

    spec: PartSpec
    xy: Floats
    score: Floats | None = None
    expected_error: Floats | None = None
    semilandmarks: Floats | None = None
    semilandmark_error: Floats | None = None

    def __post_init__(self) -> None:
        xy = np.array(self.xy, dtype=np.float64)
        if xy.ndim != 2 or xy.shape[1] != 2 or len(xy) != len(self.spec):
            got = len(xy) if xy.ndim == 2 and xy.shape[1] == 2 else f"an array of {xy.shape}"
            raise LandmarkError(
                f"{self.spec.name} has {counted(len(self.spec), 'landmark')}, got {got}"
            )
        if np.isinf(xy).any():
            raise LandmarkError(f"{self.spec.name}: a coordinate is infinite")
        xy[np.isnan(xy).any(axis=1)] = np.nan
        object.__setattr__(self, "xy", xy)
        for name, values in (("score", self.score), ("expected_error", self.expected_error)):
            if values is None:
                continue
            checked = np.array(values, dtype=np.float64)
            if checked.shape != (len(self.spec),):
                raise LandmarkError(
                    f"{self.spec.name} has {counted(len(self.spec), 'landmark')}, got"
                    f" {checked.shape} as {name}"
                )
            object.__setattr__(self, name, checked)
        count = self.spec.semilandmarks
        for name, values, shape in (
            ("semilandmarks", self.semilandmarks, (count, 2)),
            ("semilandmark_error", self.semilandmark_error, (count,)),
        ):
            if values is None:
                continue
            checked = np.array(values, dtype=np.float64)
            if checked.shape != shape:
                raise LandmarkError(
                    f"{self.spec.name} has {counted(count, 'semilandmark')}, got {checked.shape} as"
                    f" {name}"
                )
            object.__setattr__(self, name, checked)

    @property
    def curves(self) -> dict[str, Floats]:
        """The part's curves by name: (m, 2) points from end to end in image pixels.

        They are the landmark where the curve begins, its semilandmarks, and the landmark where it
        ends; none where nobody placed semilandmarks.
        """
        if self.semilandmarks is None:
            return {}
        return curve_points(self.spec, self.xy, self.semilandmarks)

    @property
    def missing(self) -> NDArray[np.bool_]:
        """(n,) True where a landmark is missing."""
        return np.isnan(self.xy[:, 0])


def curve_points(spec: PartSpec, xy: Floats, semilandmarks: Floats) -> dict[str, Floats]:
    """The points of each curve by its name, from the landmark where it begins to that at its end.

    Args:
        spec: the part.
        xy: (n, 2) landmarks.
        semilandmarks: (s, 2) of all curves, one after the other, in the same frame.
    """
    found, first = {}, 0
    for curve in spec.curves:
        inner = semilandmarks[first : first + curve.semilandmarks]
        found[curve.name] = np.vstack([xy[curve.start - 1], inner, xy[curve.end - 1]])
        first += curve.semilandmarks
    return found


def centroid_size(xy: Floats) -> float:
    """Square root of the summed squared distances of the landmarks from their centroid.

    Args:
        xy: (n, 2) coordinates; missing landmarks (NaN) are left out.

    Returns:
        The centroid size in the unit of `xy`; NaN when fewer than two landmarks are there.
    """
    there = xy[~np.isnan(xy).any(axis=1)]
    if len(there) < 2:
        return float("nan")
    return float(np.sqrt(np.square(there - there.mean(axis=0)).sum()))
