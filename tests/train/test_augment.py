"""Augmented landmarks stay on what they marked, in the whole image and in its patches."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402

from beetle_lm.train.heatmap.augment import Augmenter, TrainingBatch  # noqa: E402
from beetle_lm.train.heatmap.networks import cut_patches  # noqa: E402
from beetle_lm.train.heatmap.recipe import Augmentation  # noqa: E402

WIDTH, HEIGHT = 256, 192  # of the input; the whole image has half of it
NOTHING = Augmentation(
    least_rotation=0, rotation=0, scale=1, stretch=1, shift=0, elastic=0, shape_transfer=0,
    light=0, blur=0, noise=0, patches=0, dots=0,
)  # fmt: skip
GEOMETRY = dataclasses.replace(
    NOTHING, rotation=25, scale=1.2, stretch=1.15, shift=0.05, elastic=0.02, shape_transfer=1
)


def blobs(
    count: int, landmarks: int = 6, stored_factor: float = 1.5, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Images with a bright blob on every landmark, of another brightness each.

    Returns stored images, and landmarks in pixels of the input.
    """
    rng = np.random.default_rng(seed)
    grid = np.array([[40, 30], [64, 26], [90, 32], [88, 66], [62, 70], [38, 64]], float)[:landmarks]
    xy = 2 * (grid + rng.uniform(-5, 5, (count, landmarks, 2)))
    ys, xs = np.mgrid[0 : int(HEIGHT * stored_factor), 0 : int(WIDTH * stored_factor)] + 0.5
    images = np.zeros((count, 1, *xs.shape))
    for n in range(count):
        for k in range(landmarks):
            centre = xy[n, k] * stored_factor
            squared = (xs - centre[0]) ** 2 + (ys - centre[1]) ** 2
            images[n, 0] += (120 + 20 * k) * np.exp(-squared / (2 * (4 * stored_factor) ** 2))
    return torch.from_numpy(images).to(torch.uint8), torch.from_numpy(xy).float()


def vary(
    settings: Augmentation,
    images: Tensor,
    xy: Tensor,
    mirror_order: tuple[int, ...] | None = None,
    seed: int = 1,
) -> TrainingBatch:
    augmenter = Augmenter(settings, (WIDTH, HEIGHT), 2, mirror_order)
    return augmenter(images, xy, xy.roll(1, 0), torch.Generator().manual_seed(seed))


def varied(
    settings: Augmentation,
    images: Tensor,
    xy: Tensor,
    mirror_order: tuple[int, ...] | None = None,
    seed: int = 1,
) -> tuple[Tensor, Tensor]:
    """The whole images, and landmarks in their pixels."""
    batch = vary(settings, images, xy, mirror_order, seed)
    return batch.whole, batch.xy / 2


def centroid_near(image: Tensor, point: Tensor, reach: int = 6) -> tuple[Tensor, Tensor]:
    """Where the blob near a point really is."""
    x, y = round(float(point[0])), round(float(point[1]))
    window = image[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1].double()
    window = (window - 20).clamp(min=0)
    ys = torch.arange(max(0, y - reach), max(0, y - reach) + window.shape[0]) + 0.5
    xs = torch.arange(max(0, x - reach), max(0, x - reach) + window.shape[1]) + 0.5
    return (window.sum(0) * xs).sum() / window.sum(), (window.sum(1) * ys).sum() / window.sum()


def test_nothing_changes_nothing() -> None:
    images, xy = blobs(3, stored_factor=1.0)
    batch = vary(NOTHING, images, xy)
    assert batch.whole.shape == (3, 1, HEIGHT // 2, WIDTH // 2)
    rows = images.float().unflatten(3, (-1, 2)).mean(4)  # type: ignore[no-untyped-call]  # torch's
    pairs = rows.unflatten(2, (-1, 2)).mean(3)
    assert torch.allclose(batch.whole, pairs, atol=0.5)
    assert torch.allclose(batch.xy, xy, atol=1e-3)
    assert batch.patches.shape == (3, 6, 1, 64, 64)
    cut = cut_patches(images.float(), batch.centres)
    assert torch.allclose(batch.patches, cut, atol=0.5)


def test_landmarks_lie_where_the_patches_show_them() -> None:
    images, xy = blobs(6)
    batch = vary(GEOMETRY, images, xy)
    in_patch = batch.xy - batch.centres + 32
    assert (in_patch - 32).abs().max() <= 16
    assert (in_patch - 32).abs().mean() > 4
    # Brightness on both sides of the blob's middle is the same.
    errors = []
    for n in range(6):
        for k in range(6):
            if (batch.xy[n, k] > 24).all() and (batch.xy[n, k] < torch.tensor([232, 168])).all():
                x, y = centroid_near(batch.patches[n, k, 0], in_patch[n, k], reach=9)
                errors.append(float((torch.tensor([x, y]) - in_patch[n, k]).norm()))
    assert len(errors) > 20
    assert np.mean(errors) < 0.8


def test_landmarks_follow_the_image() -> None:
    images, xy = blobs(12)
    found, landmarks = varied(GEOMETRY, images, xy)
    moved = (landmarks - xy / 2).norm(dim=2)
    assert moved.mean() > 3
    errors = []
    for image, points in zip(found[:, 0], landmarks, strict=True):
        for point in points:
            if 8 < point[0] < WIDTH / 2 - 8 and 8 < point[1] < HEIGHT / 2 - 8:
                x, y = centroid_near(image, point)
                errors.append(float(((x - point[0]) ** 2 + (y - point[1]) ** 2) ** 0.5))
    assert len(errors) > 50
    assert np.mean(errors) < 0.5
    assert np.max(errors) < 1.5


def test_shape_transfer_leads_towards_the_partner() -> None:
    images, xy = blobs(8)
    only = dataclasses.replace(NOTHING, shape_transfer=1.0)
    landmarks = vary(only, images, xy).xy
    partner = xy.roll(1, 0)
    assert (landmarks - xy).norm(dim=2).max() > 1

    def differences(first: Tensor, second: Tensor) -> Tensor:
        # after taking out position, which is not shape
        centred = [shape - shape.mean(dim=1, keepdim=True) for shape in (first, second)]
        difference: Tensor = (centred[0] - centred[1]).norm(dim=2).mean(dim=1)
        return difference

    assert (differences(landmarks, partner) <= differences(xy, partner) + 0.05).all()


def test_shape_transfer_goes_by_the_landmarks_that_both_have() -> None:
    """What one of the two lacks is carried along by the others, as the image shows it."""
    images, xy = blobs(8)
    only = dataclasses.replace(NOTHING, shape_transfer=1.0)
    gaps = xy.clone()
    gaps[:, 5] = float("nan")
    partner = xy.roll(1, 0)
    partner[:, 4] = float("nan")
    augmenter = Augmenter(only, (WIDTH, HEIGHT), 2, None)
    batch = augmenter(images, gaps, partner, torch.Generator().manual_seed(3))
    found, landmarks = batch.whole, batch.xy / 2
    assert torch.isnan(landmarks[:, 5]).all()
    assert torch.isfinite(landmarks[:, :5]).all()
    assert (landmarks - xy / 2)[:, :4].norm(dim=2).max() > 1
    for n in range(len(xy)):
        x, y = centroid_near(found[n, 0], landmarks[n, 4])
        assert abs(x - landmarks[n, 4, 0]) < 1 and abs(y - landmarks[n, 4, 1]) < 1


def test_mirrored_landmarks_change_places() -> None:
    images, xy = blobs(24)
    order = (2, 1, 0, 5, 4, 3)
    found, landmarks = varied(NOTHING, images, xy, mirror_order=order)
    flipped = xy[:, order] / 2
    flipped[..., 0] = WIDTH / 2 - flipped[..., 0]
    same = (landmarks - xy / 2).abs().amax(dim=(1, 2)) < 0.01
    mirrored = (landmarks - flipped).abs().amax(dim=(1, 2)) < 0.01
    assert (same ^ mirrored).all()
    assert same.any() and mirrored.any()
    n = int(mirrored.nonzero()[0, 0])
    x, y = centroid_near(found[n, 0], landmarks[n, 0])
    assert abs(x - landmarks[n, 0, 0]) < 0.5 and abs(y - landmarks[n, 0, 1]) < 0.5


def test_missing_landmarks_stay_missing_and_alone() -> None:
    images, xy = blobs(4)
    xy[2, 3] = float("nan")
    found, landmarks = varied(GEOMETRY, images, xy)
    assert torch.isfinite(found).all()
    missing = torch.isnan(landmarks).any(dim=2)
    assert missing[2].tolist() == [False, False, False, True, False, False]
    assert not missing[[0, 1, 3]].any()


@pytest.mark.parametrize("landmarks", [1, 2, 3])
def test_few_landmarks(landmarks: int) -> None:
    images, xy = blobs(4, landmarks=landmarks)
    found, moved = varied(GEOMETRY, images, xy)
    assert torch.isfinite(found).all() and torch.isfinite(moved).all()


def test_landmarks_on_a_line() -> None:
    images, _ = blobs(2)
    xs = torch.linspace(40, 200, 6)
    xy = torch.stack((xs, xs * 0 + 96), dim=1).expand(2, -1, -1).clone()
    found, moved = varied(GEOMETRY, images, xy)
    assert torch.isfinite(found).all() and torch.isfinite(moved).all()


def test_appearance_keeps_the_range_and_the_landmarks() -> None:
    images, xy = blobs(6)
    harsh = dataclasses.replace(NOTHING, light=1, blur=3, noise=0.2, patches=3, dots=20)
    batch, plain = vary(harsh, images, xy), vary(NOTHING, images, xy)
    assert torch.allclose(batch.xy, xy, atol=1e-3)
    for found, before in ((batch.whole, plain.whole), (batch.patches, plain.patches)):
        assert found.min() >= 0 and found.max() <= 255
        assert (found - before).abs().mean() > 5


def test_patches_have_the_appearance_of_their_image() -> None:
    images = torch.full((24, 1, HEIGHT, WIDTH), 120, dtype=torch.uint8)
    xy = torch.full((24, 3, 2), 90.0)
    batch = vary(dataclasses.replace(NOTHING, light=1), images, xy)
    whole = batch.whole.mean(dim=(1, 2, 3))
    patches = batch.patches.mean(dim=(1, 2, 3, 4))
    assert whole.std() > 5
    assert torch.corrcoef(torch.stack((whole, patches)))[0, 1] > 0.8


def test_the_seed_decides() -> None:
    images, xy = blobs(4)
    settings = dataclasses.replace(GEOMETRY, light=1, blur=2, noise=0.1, patches=2, dots=5)
    first, again, other = (varied(settings, images, xy, seed=seed)[0] for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
