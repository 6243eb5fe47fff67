"""Landmarks that a picture leaves open, on made-up shapes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402

from beetle_lm.train.engine.assessment import learn_shapes  # noqa: E402
from beetle_lm.train.heatmap.shape_prior import ShapePrior  # noqa: E402

ANGLES = np.arange(9) * 2 * np.pi / 9
OUTLINE = 100 * np.stack((np.cos(ANGLES), 0.6 * np.sin(ANGLES)), axis=1)


def specimens(count: int, seed: int, noise: float = 0.3) -> NDArray[np.float64]:
    """Ellipses whose length and width vary, at any place, in any size, turned a little."""
    rng = np.random.default_rng(seed)
    shapes = OUTLINE * rng.normal(1, 0.1, (count, 1, 2)) + rng.normal(0, noise, (count, 9, 2))
    turn = rng.normal(1, 0.1, count) * np.exp(1j * rng.normal(0, 0.2, count))
    turned = (shapes[..., 0] + 1j * shapes[..., 1]) * turn[:, None]
    return np.stack((turned.real, turned.imag), 2) + rng.normal(300, 20, (count, 1, 2))


def prior(count: int = 60, taught: float = 3.0, noise: float = 0.3) -> ShapePrior:
    known = specimens(count, seed=1, noise=noise)
    shapes = learn_shapes(known, known[:0])
    assert shapes is not None
    return ShapePrior(shapes, taught)


def heat_map(*deviations: float, angle: float = 0.0) -> Tensor:
    """The covariance of a heat map with these standard deviations, in px, along turned axes."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    covariance: Tensor = torch.tensor(turn @ np.diag(np.square(deviations)) @ turn.T).float()
    return covariance


def sure(count: int, taught: float = 3.0) -> Tensor:
    return heat_map(taught, taught).expand(count, 9, 2, 2).clone()


def settled(model: ShapePrior, xy: NDArray[np.float64], covariance: Tensor) -> NDArray[np.float64]:
    placed: NDArray[np.float64] = model(torch.tensor(xy).float(), covariance).double().numpy()
    return placed


def test_what_the_picture_shows_stays() -> None:
    xy = specimens(20, seed=2)
    assert np.abs(settled(prior(noise=1.0), xy, sure(20)) - xy).max() < 1.5
    apart = xy.copy()
    apart[:, 4] += 30  # sure of a place that no specimen has it in
    moved = np.linalg.norm(settled(prior(noise=8.0), apart, sure(20)) - apart, axis=2)
    assert moved.max() < 3


def test_a_landmark_that_the_picture_leaves_open_follows_the_others() -> None:
    truth = specimens(20, seed=2)
    xy, covariance = truth.copy(), sure(20)
    xy[:, 4] += np.random.default_rng(3).normal(0, 40, (20, 2))
    covariance[:, 4] = heat_map(40, 40)
    found = settled(prior(), xy, covariance)
    assert np.linalg.norm(found - truth, axis=2)[:, 4].mean() < 2
    assert np.abs(found - truth)[:, [0, 1, 2, 3, 5, 6, 7, 8]].max() < 2


def test_a_landmark_moves_along_the_outline_that_its_heat_map_follows() -> None:
    truth = specimens(20, seed=2)
    for angle in (0.0, 0.5, np.pi / 2):
        along = np.array([np.cos(angle), np.sin(angle)])
        across = np.array([-np.sin(angle), np.cos(angle)])
        xy, covariance = truth.copy(), sure(20)
        xy[:, 4] += 25 * along + 4 * across
        covariance[:, 4] = heat_map(25, 3, angle=angle)
        moved = (settled(prior(noise=3.0), xy, covariance) - xy)[:, 4]
        assert np.abs(moved @ along + 25).mean() < 8
        assert np.abs(moved @ across).mean() < 2.5


def test_size_turn_and_place_are_free() -> None:
    xy, covariance = specimens(5, seed=2), sure(5)
    xy[:, 4] += 20
    covariance[:, 4] = heat_map(20, 20)
    model = prior(taught=0.0)
    found = settled(model, xy, covariance)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    turned = torch.tensor(turn).float()
    same = settled(model, xy @ turn.T - 500, turned @ covariance @ turned.T)
    assert np.allclose(same, found @ turn.T - 500, atol=0.1)


def test_each_image_is_settled_alone() -> None:
    xy, covariance = specimens(6, seed=2), sure(6)
    covariance[::2, 3] = heat_map(30, 10, angle=1.0)
    model = prior()
    together = settled(model, xy, covariance)
    apart = [settled(model, xy[i : i + 1], covariance[i : i + 1])[0] for i in range(6)]
    assert np.allclose(together, apart, atol=1e-2)


@pytest.mark.parametrize("landmarks", [3, 4, 9])
def test_few_or_equal_specimens_are_no_trouble(landmarks: int) -> None:
    for every in (specimens(4, 1), np.repeat(specimens(1, 1), 5, axis=0)):
        known = every[:, :landmarks]
        shapes = learn_shapes(known, known[:0])
        assert shapes is not None
        model = ShapePrior(shapes, 3.0)
        found = settled(model, known, sure(len(known))[:, :landmarks])
        assert np.abs(found - known).max() < 1.0
