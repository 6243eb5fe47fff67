"""What a model of whole specimens knows beside their landmarks, as its card holds it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from beetle_lm.errors import ModelError
from beetle_lm.zoo.model_file.bounds import LONGEST_NAME, MOST_LANDMARKS, MOST_WINDOWS

_FARTHEST = 10.0  # heights of a part's picture


@dataclass(frozen=True)
class PartWindow:
    """Where a part lies on a whole specimen: some of its landmarks in the picture of the part.

    Args:
        part: the part's name.
        landmarks: (m,) landmarks of the whole specimen, two at least, numbered from 1.
        places: (m, 2) where they lie in the picture that is cut out around the part, in heights of
            the picture from its middle, x to the right and y down.

    Raises:
        ModelError: sizes do not fit together, or a value is impossible.
    """

    part: str
    landmarks: tuple[int, ...]
    places: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        fits = (
            0 < len(self.part.encode()) <= LONGEST_NAME
            and 2 <= len(set(self.landmarks)) == len(self.landmarks) == len(self.places)
            and all(1 <= number <= MOST_LANDMARKS for number in self.landmarks)
            and all(len(place) == 2 for place in self.places)
            and all(
                math.isfinite(value) and abs(value) <= _FARTHEST
                for place in self.places
                for value in place
            )
            and len(set(self.places)) > 1
        )
        if not fits:
            raise ModelError("where a part lies on the whole specimen is damaged")


@dataclass(frozen=True)
class WholeSpecimen:
    """How a model places landmarks on specimens that lie in any way, and which parts it finds.

    It runs twice: on the photograph as it is, and on the photograph turned so that the first
    landmarks lie where this says.

    Args:
        centre: where the middle of the upright mean shape lies, as shares of the input's width and
            height.
        size: the centroid size of the upright mean shape, as a share of the input's diagonal.
        parts: where parts with models of their own lie.

    Raises:
        ModelError: a value is impossible, or a part is there twice.
    """

    centre: tuple[float, float]
    size: float
    parts: tuple[PartWindow, ...] = ()

    def __post_init__(self) -> None:
        names = {window.part for window in self.parts}
        if not (all(0 <= share <= 1 for share in self.centre) and 0 < self.size <= _FARTHEST):
            raise ModelError("where a specimen lies once it is turned upright is impossible")
        if not len(names) == len(self.parts) <= MOST_WINDOWS:
            raise ModelError("the parts of the whole specimen are too many, or one is there twice")
