"""How far training turns photographs, given how they lie."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")

from beetle_lm.train.heatmap.poses import fit_to_poses
from beetle_lm.train.heatmap.recipe import HeatMapRecipe
from beetle_lm.train.methods import load_recipe

RECIPE = load_recipe("compact")
assert isinstance(RECIPE, HeatMapRecipe)
AUGMENTATION = RECIPE.augmentation
SHAPE = np.array([[0.0, 0], [40, 5], [60, 30], [10, 50]])


def turned(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    turns = np.exp(1j * np.radians(degrees))
    points = (SHAPE[:, 0] + 1j * SHAPE[:, 1]) * turns[:, None] + 100
    return np.stack((points.real, points.imag), axis=2)


@pytest.mark.parametrize(("spread", "low", "high"), [(0.5, 5, 5), (4, 5.5, 10), (30, 15, 15)])
def test_photographs_that_lie_alike_are_turned_less(spread: float, low: float, high: float) -> None:
    degrees = 70 + np.random.default_rng(0).normal(0, spread, 40)
    assert low <= fit_to_poses(AUGMENTATION, turned(degrees)).rotation <= high


def test_few_photographs_are_taken_to_vary_more() -> None:
    few, many = (fit_to_poses(AUGMENTATION, turned(np.resize([0, 6], n))) for n in (4, 40))
    assert many.rotation < few.rotation <= AUGMENTATION.rotation


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_photographs_change_nothing(count: int) -> None:
    xy = turned(np.zeros(6))
    xy[count:, 1] = np.nan
    assert fit_to_poses(AUGMENTATION, xy) == AUGMENTATION
