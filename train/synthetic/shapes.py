"""The statistical shape model: where the landmarks of a drawn specimen lie."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from beetle_lm.zoo.model_file.parts import find_part

Floats = NDArray[np.float64]

FRAME = (3264, 2448)
"""Width and height of the photographs in whose pixels shapes and templates are written."""

_LIMIT = 2.0
_MARGIN = 24.0
_ROOM = np.array(FRAME) - 2 * _MARGIN


@dataclass(frozen=True, eq=False)
class ShapeModel:
    """Mean and principal components of a part's landmarks, position, size and turn included.

    Args:
        mean: (n, 2) mean configuration in pixels of the photographs' frame, y down.
        components: (k, n, 2) principal components, each times its standard deviation.
    """

    mean: Floats
    components: Floats

    def sample(self, rng: np.random.Generator) -> Floats:
        """(n, 2) landmarks of a new specimen within two standard deviations of the mean.

        All of them lie inside the frame.
        """
        while True:
            weights = rng.standard_normal(len(self.components))
            while (far := np.abs(weights) > _LIMIT).any():
                weights[far] = rng.standard_normal(int(far.sum()))
            xy = self.mean + np.tensordot(weights, self.components, axes=1)
            if (np.ptp(xy, axis=0) < _ROOM).all():
                return xy + _way_back(xy)


@cache
def shape_model(part: str) -> ShapeModel:
    """The shape model of one of the paper's parts.

    Raises:
        PartError: the part is unknown.
    """
    name = find_part(part).name
    text = files("beetle_lm.train.synthetic").joinpath("shapes.json").read_text(encoding="utf-8")
    entries = json.loads(text)["parts"][name]
    return ShapeModel(np.array(entries["mean"]), np.array(entries["components"]))


def _way_back(xy: Floats) -> Floats:
    """(2,) the shift that brings landmarks back into the frame."""
    too_low = np.minimum(xy.min(axis=0) - _MARGIN, 0.0)
    too_high = np.maximum(xy.max(axis=0) - (np.array(FRAME) - _MARGIN), 0.0)
    return np.asarray(-too_low - too_high, np.float64)
