"""What the landmarks of a right photograph look like, as a model's card holds it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from beetle_lm.entries import load
from beetle_lm.errors import ModelError
from beetle_lm.zoo.model_file.bounds import MOST_COMPONENTS, MOST_COUNTED, MOST_LANDMARKS

_DIGITS = 8
_NEAR = 1e-4  # how far rounding may bring a sum from 0 or 1


@dataclass(frozen=True)
class ShapeSpace:
    """The shapes that a model was trained on: their mean, how they vary, and how far they reach.

    The variance is that of the leading components, and `rest_variance` in every other direction.
    The distance of a shape is the Mahalanobis distance of its difference from the mean, when it is
    scaled to centroid size 1 and turned onto it.

    Args:
        specimens: how many shapes this was learned from.
        mean: (n, 2) the mean shape, of centroid size 1 around the origin, y down, turned as the
            mean training photograph.
        components: (m, 2n) the leading components, x1, y1, x2, y2, ..., at right angles, of
            length 1.
        variances: (m,) their variances, in squared centroid sizes.
        rest_variance: the variance in all other directions.
        distance_limit: shapes that are farther from the mean are unlike those trained on.

    Raises:
        ModelError: sizes do not fit together, or a value is impossible.
    """

    specimens: int
    mean: tuple[tuple[float, ...], ...]
    components: tuple[tuple[float, ...], ...]
    variances: tuple[float, ...]
    rest_variance: float
    distance_limit: float

    def __post_init__(self) -> None:
        count = len(self.mean)
        numbers = [*_flat(self.mean), *_flat(self.components), *self.variances]
        _require(
            3 <= count <= MOST_LANDMARKS
            and all(len(point) == 2 for point in self.mean)
            and len(self.components) == len(self.variances) <= MOST_COMPONENTS
            and all(len(component) == 2 * count for component in self.components),
            "the sizes of the shape statistics do not fit together",
        )
        _require(
            1 <= self.specimens <= MOST_COUNTED
            and all(math.isfinite(number) and abs(number) <= 1 + _NEAR for number in numbers)
            and all(0 < variance <= 1 for variance in (*self.variances, self.rest_variance))
            and 0 < self.distance_limit < math.inf,
            "the shape statistics hold an impossible value",
        )
        size = math.sqrt(sum(number**2 for number in _flat(self.mean)))
        _require(
            abs(size - 1) < _NEAR
            and all(abs(sum(axis)) < _NEAR for axis in zip(*self.mean, strict=True))
            and all(
                abs(sum(a * b for a, b in zip(first, second, strict=True)) - (i == j)) < _NEAR
                for i, first in enumerate(self.components)
                for j, second in enumerate(self.components[: i + 1])
            ),
            "the mean shape or its components are not of size 1, or not at right angles",
        )

    def to_dict(self) -> dict[str, Any]:
        """The statistics as JSON values; `from_dict` reads them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, entries: Any) -> ShapeSpace:
        """Reads what `to_dict` wrote, strictly.

        Raises:
            ModelError: an entry is missing, unknown, of a wrong kind or impossible.
        """
        return load(cls, entries, "the statistics are damaged", ModelError)


@dataclass(frozen=True)
class Limits:
    """Bounds beyond which a photograph's landmarks are not to be trusted unseen.

    Args:
        mean_error: highest mean of the landmarks' expected errors, in pixels of the model's input.
        landmark_error: highest expected error of any landmark, in the same pixels.
        rotation: least and greatest turn against the mean shape, in degrees, clockwise as seen.
        size: least and greatest centroid size, as a share of the diagonal of the model's input.

    Raises:
        ModelError: a bound is impossible.
    """

    mean_error: float
    landmark_error: float
    rotation: tuple[float, float]
    size: tuple[float, float]

    def __post_init__(self) -> None:
        _require(
            0 < self.mean_error <= self.landmark_error < math.inf
            and -180 <= self.rotation[0] < self.rotation[1] <= 180
            and 0 <= self.size[0] < self.size[1] < math.inf,
            "impossible limits",
        )

    def to_dict(self) -> dict[str, Any]:
        """The limits as JSON values; `from_dict` reads them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, entries: Any) -> Limits:
        """Reads what `to_dict` wrote, strictly.

        Raises:
            ModelError: an entry is missing, unknown, of a wrong kind or impossible.
        """
        return load(cls, entries, "the limits are damaged", ModelError)


def rounded(values: Iterable[float]) -> tuple[float, ...]:
    """Numbers with as many digits as a card holds."""
    return tuple(float(f"{value:.{_DIGITS}g}") for value in values)


def _flat(rows: Iterable[Iterable[float]]) -> list[float]:
    return [number for row in rows for number in row]


def _require(fits: bool, problem: str) -> None:
    if not fits:
        raise ModelError(problem)
