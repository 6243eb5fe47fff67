"""The bounds of `bench/manual_noise.py` on shapes whose noise is known."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from beetle_lm.zoo.model_file.parts import PARTS

SPECIMENS = 290
PER_PIXEL = np.sqrt(np.pi / 2)  # mean distance by standard deviation of a coordinate


@pytest.fixture(scope="module")
def bench() -> dict[str, Any]:
    return runpy.run_path(str(Path(__file__).parents[2] / "bench" / "manual_noise.py"))


def specimens(deviation: NDArray[np.float64], asymmetric: float = 0.0) -> NDArray[np.complex128]:
    """Symmetric shapes of three components, turned, moved and scaled, with noise per landmark."""
    rng = np.random.default_rng(5)
    order = list(PARTS["elytra"].mirror_order or ())

    def symmetric(xy: NDArray[np.complex128]) -> NDArray[np.complex128]:
        return np.asarray((xy - xy[..., order].conj()) / 2)

    def drawn(*shape: int) -> NDArray[np.complex128]:
        return rng.normal(size=shape) + 1j * rng.normal(size=shape)

    shapes = 60 * symmetric(drawn(11)) + rng.normal(0, 3, (SPECIMENS, 3)) @ symmetric(drawn(3, 11))
    shapes += asymmetric * drawn(SPECIMENS, 11)
    size, turn = rng.normal(1, 0.1, (SPECIMENS, 1)), rng.normal(0, 0.1, (SPECIMENS, 1))
    posed = shapes * size * np.exp(1j * turn) + 20 * drawn(SPECIMENS, 1)
    return np.asarray(posed + deviation * drawn(SPECIMENS, 11))


@pytest.mark.parametrize("deviation", [0.2, 0.8])
def test_equal_noise_is_found(bench: dict[str, Any], deviation: float) -> None:
    points = specimens(np.full(11, deviation))
    true = pytest.approx(deviation * PER_PIXEL, rel=0.05)
    assert bench["equal_noise"](bench["shape_variation"](points)[0]) == true
    assert bench["asymmetry"](points, PARTS["elytra"]) == true


def test_unequal_noise_stays_below_the_bounds(bench: dict[str, Any]) -> None:
    deviation = np.linspace(0.1, 0.7, 11)
    points = specimens(deviation, asymmetric=0.3)
    bound = bench["largest_noise"](*bench["shape_variation"](points))
    # All scatter is independent here, so the bound is tight: what 290 specimens can tell.
    scatter = np.sqrt((deviation**2 + 0.3**2).mean()) * PER_PIXEL
    assert 0.9 * scatter < bound < 1.05 * scatter
    assert bench["asymmetry"](points, PARTS["elytra"]) == pytest.approx(scatter, rel=0.1)
    others = bench["from_others"](points)
    assert others.shape == (11,)
    assert (others > 0.95 * PER_PIXEL * np.hypot(deviation, 0.3)).all()


@pytest.mark.parametrize("step", [1.331, 2.591, 2.857])
def test_screen_pixels_are_recognised(bench: dict[str, Any], step: float) -> None:
    clicked = np.random.default_rng(1).integers(300, 800, (80, 11, 2))
    assert bench["screen_pixel"](np.round(clicked * step + 0.2)) == pytest.approx(step, rel=0.002)
