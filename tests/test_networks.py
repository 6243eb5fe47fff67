"""Networks, their decoding and their loss."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from beetle_lm.errors import RecipeError  # noqa: E402
from beetle_lm.train.losses import heat_map_loss  # noqa: E402
from beetle_lm.train.networks import build_network, decode  # noqa: E402


def heat_maps(xy, stride=4, size=(16, 24), height=8.0):
    """Logits of Gaussian bumps of one cell at points (N, K, 2) in input pixels."""
    ys, xs = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    cells = xy / stride - 0.5
    squared = (xs - cells[..., :1, None]) ** 2 + (ys - cells[..., 1:, None]) ** 2
    return height - squared / 2


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("landmarks", [1, 18])
def test_compact_is_small_and_takes_any_multiple(landmarks, channels):
    network = build_network("compact", landmarks, channels).eval()
    assert sum(p.numel() for p in network.parameters()) < 1_000_000
    for height, width in ((64, 96), (96, 32)):
        images = torch.zeros((2, channels, height, width), dtype=torch.uint8)
        with torch.inference_mode():
            assert network(images).shape == (2, landmarks, height // 4, width // 4)


def test_exposure_does_not_matter():
    torch.manual_seed(0)
    network = build_network("compact", 3, 1).eval()
    images = torch.rand(1, 1, 64, 64) * 100 + 20
    with torch.inference_mode():
        plain, brighter = network(images), network(images * 1.5 + 30)
    assert (plain - brighter).abs().max() < 0.1 * plain.std()


def test_unknown_network_is_named():
    with pytest.raises(RecipeError, match=r"unknown network 'enormous'.*compact"):
        build_network("enormous", 3, 1)


def test_decoding_finds_the_peak_between_cells():
    xy = torch.tensor([[[30.0, 21.5], [62.2, 40.7]], [[50.1, 33.3], [26.6, 18.0]]])
    found, spread = decode(heat_maps(xy), stride=4)
    assert torch.allclose(found, xy, atol=0.05)
    # The mean distance from the middle of a bump of one cell, in pixels (Rayleigh).
    assert torch.allclose(spread, torch.full((2, 2), 4 * (torch.pi / 2) ** 0.5), atol=0.1)


def test_a_second_peak_widens_the_spread_and_moves_nothing():
    xy = torch.tensor([[[20.0, 20.0]]])
    logits = torch.logaddexp(heat_maps(xy), heat_maps(torch.tensor([[[80.0, 50.0]]])) - 0.5)
    found, spread = decode(logits, stride=4)
    assert torch.allclose(found, xy, atol=0.05)
    share = 1 / (1 + torch.e**-0.5)
    distance = (60**2 + 30**2) ** 0.5
    assert float(spread) == pytest.approx(share * 5.01 + (1 - share) * distance, abs=0.5)


def test_locating_is_decoding_what_the_network_says():
    torch.manual_seed(0)
    network = build_network("nano", 3, 1).eval()
    images = torch.randint(0, 256, (2, 1, 64, 96), dtype=torch.uint8)
    with torch.inference_mode():
        for mine, theirs in zip(network.locate(images), decode(network(images), 4), strict=True):
            assert torch.equal(mine, theirs)


def test_loss_is_least_at_the_truth_and_leaves_out_what_is_missing():
    xy = torch.tensor([[[30.0, 21.5], [62.2, 40.7]]])

    def loss(logits, truth=xy):
        return float(heat_map_loss(logits, truth, 4, 1.0, 0.5))

    right = heat_maps(xy)
    assert loss(right) < loss(heat_maps(xy + 2)) < loss(heat_maps(xy + 8))
    one_missing = xy.clone()
    one_missing[0, 1] = float("nan")
    one_outside = xy.clone()
    one_outside[0, 1] = -5
    wrong = heat_maps(torch.stack((xy[:, 0], xy[:, 1] + 20), dim=1))
    assert loss(wrong, one_missing) == pytest.approx(loss(right, one_missing))
    assert loss(wrong, one_outside) == pytest.approx(loss(right, one_missing))


def test_loss_without_any_landmark_is_zero_and_has_gradients():
    logits = heat_maps(torch.full((1, 2, 2), 30.0)).requires_grad_()
    loss = heat_map_loss(logits, torch.full((1, 2, 2), float("nan")), 4, 1.0, 0.5)
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.isfinite(logits.grad).all()
