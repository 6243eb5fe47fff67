"""Networks, their decoding and their loss."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402

from beetle_lm.errors import RecipeError  # noqa: E402
from beetle_lm.train.heatmap.heat_maps import covariance, mean, peak, spread  # noqa: E402
from beetle_lm.train.heatmap.losses import heat_map_loss  # noqa: E402
from beetle_lm.train.heatmap.networks import LandmarkNetwork, cut_patches  # noqa: E402
from beetle_lm.train.methods import build_network, usual_recipe  # noqa: E402


def heat_maps(
    xy: Tensor, stride: int = 4, size: tuple[int, int] = (16, 24), height: float = 8.0
) -> Tensor:
    """Logits of Gaussian bumps of one cell at points (N, K, 2) in input pixels."""
    ys, xs = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    cells = xy / stride - 0.5
    squared = (xs - cells[..., :1, None]) ** 2 + (ys - cells[..., 1:, None]) ** 2
    logits: Tensor = height - squared / 2
    return logits


@pytest.mark.parametrize("name", ["nano", "compact", "fine", "pretrained"])
@pytest.mark.parametrize(("landmarks", "channels"), [(1, 3), (18, 1)])
def test_networks_take_any_multiple(name: str, landmarks: int, channels: int) -> None:
    network = build_network(name, landmarks, channels).eval()
    assert isinstance(network, LandmarkNetwork)
    for height, width in ((64, 128), (128, 64)):
        images = torch.zeros((2, channels, height, width), dtype=torch.uint8)
        whole = torch.zeros((2, channels, height // network.shrunk, width // network.shrunk))
        patches, centres = (
            torch.zeros((2, landmarks, channels, 64, 64)),
            torch.zeros((2, landmarks, 2)),
        )
        with torch.inference_mode():
            first, second = network(whole, patches, centres)
            xy, spreads, *_ = network.locate(images)
        assert first.shape == (2, landmarks, height // 8, width // 8)
        assert second.shape == (2, landmarks, 32, 32)
        assert xy.shape == (2, landmarks, 2) and spreads.shape == (2, landmarks)


def test_the_default_is_small() -> None:
    network = build_network(usual_recipe().network, 18, 1)
    assert sum(parameter.numel() for parameter in network.parameters()) < 1_000_000


def test_exposure_does_not_matter() -> None:
    torch.manual_seed(0)
    network = build_network("compact", 3, 1).eval()
    # Black on white: exposure is undone but for a trace, which is the less the more contrast.
    whole, patches = (
        (torch.rand(shape) > 0.5) * 160.0 for shape in ((1, 1, 64, 64), (1, 3, 1, 64, 64))
    )
    centres = torch.full((1, 3, 2), 64.0)
    with torch.inference_mode():
        plain = network(whole, patches, centres)
        brighter = network(whole * 1.5 + 15, patches * 1.5 + 15, centres)
    for one, other in zip(plain, brighter, strict=True):
        assert (one - other).abs().max() < 0.1 * one.std()


def test_the_fine_stage_goes_where_the_coarse_one_points() -> None:
    """Landmarks are those of both stages together, whatever the weights."""
    torch.manual_seed(0)
    network = build_network("nano", 3, 1).eval()
    images = torch.randint(0, 256, (2, 1, 128, 192), dtype=torch.uint8)
    whole = images.float().unflatten(3, (-1, 2)).mean(4).unflatten(2, (-1, 2)).mean(3)
    with torch.inference_mode():
        anywhere = torch.zeros((2, 3, 1, 64, 64)), torch.zeros((2, 3, 2))
        centres = peak(network(whole, *anywhere)[0], 8)
        patches = cut_patches(images.float(), centres)
        again = mean(network(whole, patches, centres)[1], 2)
        xy = network.locate(images).xy
    assert torch.allclose(xy, centres + again - 32, atol=1e-3)


def test_patches_are_cut_between_pixels() -> None:
    ys, xs = torch.meshgrid(torch.arange(96.0), torch.arange(128.0), indexing="ij")
    images = (xs + 1000 * ys)[None, None]  # says where each pixel lies, at its centre + 0.5
    patch = cut_patches(images, torch.tensor([[[50.25, 40.0]]]))[0, 0, 0]
    assert patch.shape == (64, 64)
    assert float(patch[0, 0]) == pytest.approx(18.25 + 8000, abs=0.1)
    assert float(patch[63, 63]) == pytest.approx(81.25 + 71000, abs=0.1)


def test_unknown_network_is_named() -> None:
    with pytest.raises(RecipeError, match=r"unknown network 'enormous'.*compact"):
        build_network("enormous", 3, 1)


def test_landmarks_are_found_between_cells() -> None:
    xy = torch.tensor([[[30.0, 21.5], [62.2, 40.7]], [[50.1, 33.3], [26.6, 18.0]]])
    logits = heat_maps(xy)
    found = peak(logits, stride=4)
    assert torch.allclose(found, xy, atol=0.05)
    assert torch.allclose(mean(logits, stride=4), xy, atol=0.1)
    # Of a bump of one cell, in pixels (Rayleigh).
    distance = spread(logits, found, stride=4)
    assert torch.allclose(distance, torch.full((2, 2), 4 * (torch.pi / 2) ** 0.5), atol=0.1)
    moments = covariance(logits, found, stride=4)
    assert torch.allclose(moments, (16 * torch.eye(2)).expand(2, 2, 2, 2), atol=0.2)


def test_a_second_peak_widens_the_spread_and_moves_the_mean_only() -> None:
    xy, other = torch.tensor([[[20.0, 20.0]]]), torch.tensor([[[80.0, 50.0]]])
    logits = torch.logaddexp(heat_maps(xy), heat_maps(other) - 0.5)
    found = peak(logits, stride=4)
    assert torch.allclose(found, xy, atol=0.05)
    share = 1 / (1 + torch.e**-0.5)
    middle = share * xy + (1 - share) * other
    assert torch.allclose(mean(logits, stride=4), middle, atol=0.5)
    distance = (60**2 + 30**2) ** 0.5
    wide = float(spread(logits, found, stride=4))
    assert wide == pytest.approx(share * 5.01 + (1 - share) * distance, abs=0.5)


def test_loss_is_least_at_the_truth_and_leaves_out_what_is_missing() -> None:
    xy = torch.tensor([[[30.0, 21.5], [62.2, 40.7]]])

    def loss(logits: Tensor, truth: Tensor = xy) -> float:
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


def test_loss_without_any_landmark_is_zero_and_has_gradients() -> None:
    logits = heat_maps(torch.full((1, 2, 2), 30.0)).requires_grad_()
    loss = heat_map_loss(logits, torch.full((1, 2, 2), float("nan")), 4, 1.0, 0.5)
    loss.backward()  # type: ignore[no-untyped-call]  # torch's
    assert float(loss.detach()) == 0
    assert torch.isfinite(logits.grad).all()
