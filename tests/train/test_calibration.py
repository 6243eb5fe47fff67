"""From spreads to expected errors and scores, on made-up landmarks whose errors are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

torch = pytest.importorskip("torch")

from beetle_lm.train.engine.calibration import DEFAULT, FEWEST, Calibration, score  # noqa: E402

SIZE = (300, 400)  # its diagonal is 500


def expected(calibration: Calibration, spread: ArrayLike) -> NDArray[np.float64]:
    return calibration.expected(torch.as_tensor(spread), SIZE).numpy()


def made_up(
    truth: Calibration, count: int, seed: int = 0, tail: float | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Landmarks whose errors scatter about what `truth` expects, as Rayleigh or heavy-tailed."""
    rng = np.random.default_rng(seed)
    spread = 7 * np.exp(np.abs(rng.normal(0, 0.3, count)))
    noise = rng.rayleigh(1, count) if tail is None else rng.pareto(tail, count)
    return spread, expected(truth, spread) * noise / noise.mean()


@pytest.mark.parametrize("slope", [0.5, 1.0, 3.0, 5.0])
@pytest.mark.parametrize("tail", [None, 2.5])
def test_a_known_calibration_is_found(slope: float, tail: float | None) -> None:
    truth = Calibration(float(np.log(1.5) - slope * np.log(7)), slope)
    spread, error = made_up(truth, 4000, tail=tail)
    found = Calibration.fit(spread, error)
    wide = np.array([7.0, 9.0, 12.0])
    assert expected(found, wide) == pytest.approx(expected(truth, wide), rel=0.15)


@pytest.mark.parametrize("tail", [None, 2.5])
def test_errors_are_right_on_average_in_every_bin(tail: float | None) -> None:
    """Not only the logarithms are: one landmark that is far off counts for what it is."""
    spread, error = made_up(Calibration(-5.0, 3.0), 6000, tail=tail)
    said = expected(Calibration.fit(spread[::2], error[::2]), spread[1::2])
    assert (error[1::2] / said).mean() == pytest.approx(1, abs=0.1)
    for low, high in ((0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)):
        within = (said >= np.quantile(said, low)) & (said <= np.quantile(said, high))
        assert error[1::2][within].mean() == pytest.approx(said[within].mean(), rel=0.25)


def test_few_landmarks_give_the_default_and_missing_ones_do_not_count() -> None:
    spread, error = np.full(FEWEST, 8.0), np.full(FEWEST, 2.0)
    assert Calibration.fit(spread[1:], error[1:]) == DEFAULT
    assert Calibration.fit(spread, np.append(error[1:], np.nan)) == DEFAULT
    assert expected(Calibration.fit(spread, error), 8.0) == pytest.approx(2.0)


@pytest.mark.parametrize("error", [0.0, 1e-9, 1e9])
@pytest.mark.parametrize("spread", [0.0, 1e-9, 8.0, 1e6])
def test_odd_landmarks_give_a_sane_calibration(spread: float, error: float) -> None:
    found = Calibration.fit(np.full(40, spread), np.full(40, error))
    said = expected(found, np.array([0.0, 1.0, 8.0, 1e6]))
    assert np.isfinite(said).all() and (np.diff(said) >= 0).all()
    assert said.max() <= 250 + 1e-6  # half the diagonal: nothing is farther off


def test_the_score_is_a_half_at_a_hundredth_of_the_diagonal() -> None:
    said = score(torch.tensor([0.0, 1.25, 5.0, 10.0, 250.0]), SIZE)
    assert said.tolist() == pytest.approx([1, 0.94, 0.5, 0.2, 0], abs=0.002)
