"""Laying points on others by least squares."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from beetle_lm.predict.procrustes import least_squares_map, superimpose

POINTS = np.array([[0.0, 0], [40, 5], [60, 30], [10, 50], [35, 20]])
TURN = np.array([[0.8, -0.6], [0.6, 0.8]])


def moved(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = points @ matrix[:, :2].T + matrix[:, 2]
    return found


@pytest.mark.parametrize("kind", ["rotation", "similarity", "affine"])
def test_a_map_of_its_kind_is_found_whatever_is_missing(
    kind: Literal["rotation", "similarity", "affine"],
) -> None:
    linear = {"rotation": TURN, "similarity": 3 * TURN, "affine": [[2, 0.5], [-1, 0.3]]}[kind]
    target = POINTS @ np.array(linear).T + [7, -3]
    target[1], source = np.nan, POINTS.copy()
    source[4, 0] = np.nan
    found = moved(least_squares_map(source, target, kind=kind), POINTS)
    assert found[[0, 2, 3]] == pytest.approx(target[[0, 2, 3]])


def test_only_an_affine_map_reflects() -> None:
    mirrored = POINTS * [-1, 1]
    affine, similar = (
        least_squares_map(POINTS, mirrored, kind=k) for k in ("affine", "similarity")
    )
    assert moved(affine, POINTS) == pytest.approx(mirrored)
    assert np.linalg.det(similar[:, :2]) > 0


def test_a_weight_of_zero_is_no_say() -> None:
    target = POINTS + np.array([5, 5])
    target[0] += 1000
    weights = np.array([0.0, 1, 1, 2, 1])
    found = least_squares_map(POINTS, target, weights)
    assert moved(found, POINTS)[1:] == pytest.approx(target[1:])


def test_superimposing_undoes_turn_size_and_place() -> None:
    mean = POINTS - POINTS.mean(axis=0)
    mean /= np.linalg.norm(mean)
    found = superimpose(4 * POINTS @ TURN.T + [100, 200], mean)
    assert found is not None
    assert found.shape == pytest.approx(mean)
    assert found.rotation == pytest.approx(np.degrees(np.arctan2(0.6, 0.8)))
