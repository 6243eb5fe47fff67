"""Curves in training: which there are, bands along them, and what is learned from these."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from beetle_lm.predict.curves import distances, evenly_spaced, through
from beetle_lm.predict.formats.records import Record
from beetle_lm.train.data.curves import find_curves, lines_of
from beetle_lm.train.engine.curve_errors import curve_errors
from beetle_lm.train.heatmap.bands import REACH, Bands, evenly
from beetle_lm.train.heatmap.curve_stage import CELL
from beetle_lm.train.heatmap.drawn_bands import draw_bands
from beetle_lm.train.heatmap.losses import band_loss, knot_loss
from beetle_lm.train.heatmap.networks import LandmarkNetwork
from beetle_lm.train.heatmap.randomness import Random
from beetle_lm.train.methods import build_network
from beetle_lm.zoo.model_file.parts import Curve, PartSpec

CURVES = (Curve("upper", 1, 2, 20), Curve("outline", 3, 3, 70))
PART = PartSpec("leaf", ("a", "b", "c"), curves=CURVES)
XY = np.array([[40.0, 100.0], [200.0, 100.0], [120.0, 40.0]])


def arc(bulge: float = 50.0) -> np.ndarray:
    """From the first landmark to the second, in a bow to the top."""
    angle = np.linspace(np.pi, 0.0, 60)
    return np.column_stack((120 + 80 * np.cos(angle), 100 - bulge * np.sin(angle)))


def ring() -> np.ndarray:
    """A closed curve from the third landmark back to it."""
    angle = np.linspace(-np.pi / 2, 1.5 * np.pi, 120)
    return np.column_stack((120 + 90 * np.cos(angle), 130 + 90 * np.sin(angle)))


def dense(batch: int = 1) -> torch.Tensor:
    lines = np.stack([evenly_spaced(line, 128) for line in (arc(), ring())])
    return torch.from_numpy(lines).float().expand(batch, -1, -1, -1)


def points(bands: Bands, batch: int = 1) -> torch.Tensor:
    landmarks = torch.from_numpy(XY).float().expand(batch, -1, -1)
    return torch.cat((landmarks, *bands.knots_of(dense(batch))), dim=1)


def record(*lines: np.ndarray, xy: np.ndarray = XY) -> Record:
    return Record(xy, "a.png", curves=lines)


def test_curves_are_found_between_their_landmarks() -> None:
    found, remarks = find_curves([record(arc(), ring()), record(arc(30), ring())])
    assert [(c.name, c.start, c.end) for c in found] == [("curve 1", 1, 2), ("curve 2", 3, 3)]
    assert not remarks


def test_a_closed_curve_belongs_to_the_landmark_that_it_passes_through() -> None:
    elsewhere = np.roll(ring()[:-1], 40, axis=0)
    found, remarks = find_curves([record(np.vstack([elsewhere, elsewhere[:1]]))])
    assert [(curve.start, curve.end) for curve in found] == [(3, 3)]
    assert not remarks


def test_landmarks_that_often_lie_in_one_place_are_told_apart_by_the_others() -> None:
    both = np.array([[40.0, 100.0], [200.0, 100.0], [40.0, 100.0]])
    apart = np.array([[70.0, 60.0], [200.0, 100.0], [40.0, 100.0]])
    found, _ = find_curves(
        [record(arc(), xy=both), record(arc(), xy=both), record(arc(), xy=apart)]
    )
    assert (found[0].start, found[0].end) == (3, 2)


def test_a_curve_that_ends_at_no_landmark_is_told() -> None:
    found, remarks = find_curves([record(arc()[:40], ring())])
    assert [curve.name for curve in found] == ["curve 2"]
    assert remarks == [
        "the curve 'curve 1' is not learned: it ends at no landmark, but 34 % of the centroid size"
        " from the nearest"
    ]


def test_curves_run_from_their_first_landmark_and_strays_are_left_out() -> None:
    (turned, astray), remarks = lines_of([arc()[::-1], ring() + 60], PART, XY)
    np.testing.assert_allclose(turned, arc())
    assert len(astray) == 0
    assert remarks == [
        "curve outline does not run between its landmarks, left out of the loss",
        "curve upper runs from end to start, turned round",
    ]


def test_closed_curves_run_clockwise_from_their_landmark() -> None:
    elsewhere = np.roll(ring()[:-1], 40, axis=0)[::-1]
    (_, found), remarks = lines_of([arc(), np.vstack([elsewhere, elsewhere[:1]])], PART, XY)
    assert not remarks
    np.testing.assert_allclose(found[[0, -1]], XY[[2, 2]])
    assert distances(ring(), found).max() < 0.5
    assert found[20, 0] > found[0, 0]  # to the right at the top: clockwise


def test_evenly_spaced_places_are_those_of_the_reader() -> None:
    line = arc()[np.array([0, 1, 2, 9, 30, 31, 50, 59])]
    [found] = evenly(torch.from_numpy(line)[None], torch.linspace(0, 1, 9, dtype=torch.float64))
    np.testing.assert_allclose(found[0], evenly_spaced(line, 9), atol=1e-9)


def test_a_curve_has_as_many_bands_as_its_semilandmarks_need() -> None:
    bands = Bands(3, CURVES)
    assert bands.counts == [1, 3]
    assert bands.knots == 32


def test_columns_of_bands_lie_along_the_curve_and_rows_across() -> None:
    bands = Bands(3, CURVES)
    grid = bands.grid(points(bands), "column").view(1, 4, 64, 64, 2)[0, 0].numpy()
    middle = (grid[31] + grid[32]) / 2
    assert distances(middle, arc()).max() < 1.0
    assert middle[0, 0] < middle[-1, 0]  # from the first landmark to the second
    off = np.linalg.norm(grid[63] - grid[0], axis=1)
    np.testing.assert_allclose(off, 2 * REACH - 1, atol=1e-3)
    assert grid[63, 32, 1] > grid[0, 32, 1]  # who walks to the right has the bottom on their right


def test_drawn_bands_say_where_the_curve_is() -> None:
    torch.manual_seed(0)
    bands = Bands(3, CURVES)
    landmarks = torch.from_numpy(XY).float().expand(8, -1, -1)
    random = Random(torch.Generator().manual_seed(1), torch.device("cpu"), 8)
    drawn = draw_bands(bands, landmarks, dense(8), random)
    grid = drawn.columns.view(8, 4, 64, 64, 2)
    stations = (grid[:, :, :, 0::2] + grid[:, :, :, 1::2]) / 2  # between two columns
    across = drawn.across
    assert torch.isfinite(across).float().mean() > 0.9
    assert across.nan_to_num().abs().max() > 4  # bands are off the curve
    off = []
    for image, band, column in torch.nonzero(torch.isfinite(across)).tolist():
        row = float(across[image, band, column]) + REACH - 0.5
        places = stations[image, band, :, column].numpy()
        low = min(int(row), 62)
        place = places[low] + (row - low) * (places[low + 1] - places[low])
        off.append(distances(place[None], (arc(), ring())[min(band, 1)])[0])
    assert np.median(off) < 0.2
    assert np.percentile(off, 95) < 1.5


def test_missing_curves_have_no_targets() -> None:
    bands = Bands(3, CURVES)
    lines = dense(2).clone()
    lines[0, 0] = torch.nan
    landmarks = torch.from_numpy(XY).float().expand(2, -1, -1).clone()
    landmarks[1, 0] = torch.nan
    random = Random(torch.Generator().manual_seed(1), torch.device("cpu"), 2)
    drawn = draw_bands(bands, landmarks, lines, random)
    assert drawn.across[0, 0].isnan().all() and drawn.across[0, 1:].isfinite().any()
    assert drawn.knots[0, :8].isnan().all() and drawn.knots[1].isfinite().all()
    assert drawn.columns.isfinite().all() and drawn.cells.isfinite().all()


def test_the_loss_of_bands_is_least_where_the_curve_is() -> None:
    across = torch.full((1, 1, 32), 6.0)
    cells = (torch.arange(32) + 0.5) * CELL - REACH

    def loss(at: float) -> float:
        logits = (-(cells - at).square() / 18)[:, None].expand(1, 1, 32, 32)
        return float(band_loss(logits, across, CELL, 1.5, 0.5))

    assert loss(6.0) < loss(8.0) < loss(-6.0)
    assert float(band_loss(torch.zeros(1, 1, 32, 32), across * torch.nan, CELL, 1.5, 0.5)) == 0


def test_knots_may_lie_elsewhere_along_the_curve_rather_than_across() -> None:
    xy, normal = torch.tensor([[[64.0, 64.0]]]), torch.tensor([[[0.0, 1.0]]])
    steps = torch.arange(16) * 8 + 4.0

    def loss(x: float, y: float) -> float:
        squared = (steps - x).square()[None] + (steps - y).square()[:, None]
        return float(knot_loss(-squared[None, None] / 288, xy, normal, 8, 1.5, 0.5))

    assert loss(64, 64) < loss(80, 64) < loss(64, 80)


def test_errors_are_distances_from_the_line() -> None:
    semilandmarks = np.zeros((1, 90, 2))
    semilandmarks[0, :20] = evenly_spaced(arc(), 22)[1:-1]
    semilandmarks[0, 20:] = evenly_spaced(ring(), 72)[1:-1]
    lines = dense().double().numpy()
    assert curve_errors(semilandmarks, lines, CURVES).max() < 0.2
    lines[0, 1] = np.nan
    errors = curve_errors(semilandmarks, lines, CURVES)
    assert np.isfinite(errors[0, :20]).all() and np.isnan(errors[0, 20:]).all()


@pytest.mark.parametrize("name", ["nano", "pretrained"])
def test_networks_give_semilandmarks_of_all_curves(name: str) -> None:
    network = build_network(name, 3, 1, CURVES).eval()
    with torch.inference_mode():
        found = network.locate(torch.randint(0, 256, (2, 1, 128, 192), dtype=torch.uint8))
    assert found.xy.shape == (2, 3, 2)
    assert found.semilandmarks.shape == (2, 90, 2) and found.semilandmarks.isfinite().all()
    assert found.semilandmark_spread.shape == (2, 90) and (found.semilandmark_spread >= 0).all()


def test_semilandmarks_are_where_the_bands_show_the_curve() -> None:
    network = build_network("nano", 3, 1, CURVES)
    assert isinstance(network, LandmarkNetwork) and network.curves is not None
    stage = network.curves
    placed = points(stage.bands)
    placed[:, 3:] += torch.tensor([3.0, -5.0])  # the coarse stage is some way off
    at, normal = stage.bands.line(placed, "station")
    logits = torch.full((1, 4, 32, 32), -1e3)
    cells = (torch.arange(32) + 0.5) * CELL - REACH
    curves = [arc()] + [ring()] * 3
    for band in range(4):
        for column in range(32):
            ray = at[0, band, column] + cells[:, None] * normal[0, band, column]
            near = distances(ray.numpy().astype(np.float64), through(curves[band]))
            logits[0, band, :, column] = torch.from_numpy(-((near / 1.5) ** 2)).float()
    xy, spread = stage.semilandmarks(logits, placed, torch.zeros(1, stage.bands.knots))
    found = xy[0].numpy().astype(np.float64)
    assert np.median(distances(found[:20], arc())) < 0.7
    assert np.median(distances(found[20:], ring())) < 0.7
    gaps = np.linalg.norm(np.diff(found[:20], axis=0), axis=1)
    assert gaps.max() / gaps.min() < 1.3
    assert float(spread.max()) < 4
