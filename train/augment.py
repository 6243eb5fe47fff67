"""Varying whole batches of training images: pose, shape, light, sharpness, what covers them.

The geometry runs backwards, as warping does: an output point p shows the source point
``A(p + d(p))``, where A is an affine map and d a smooth displacement field. Landmarks go the other
way, by solving that equation for p.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from beetle_lm.train.recipe import Augmentation

_FIELD_STEP = 8  # smooth fields are computed on every eighth pixel and interpolated
_TPS_STIFFNESS = (
    1e-3  # smooths shape differences between landmarks closer than some 3 % of the width
)
_NO_HOLD = 1e3  # a stiffness at which a landmark has no say
_FEWEST_COMMON = 4  # landmarks; fewer are aligned with no difference of shape worth the name left
_TYPICAL_LIGHT = 0.35  # standard deviation of log gamma and log contrast at light = 1


@dataclass(frozen=True)
class Augmenter:
    """Draws varied batches from stored images.

    Args:
        settings: how far images are varied.
        input_size: width and height of the batches in pixels; the stored images may be larger.
        mirror_order: `PartSpec.mirror_order`; None never mirrors.
    """

    settings: Augmentation
    input_size: tuple[int, int]
    mirror_order: tuple[int, ...] | None

    def __call__(
        self, images: Tensor, xy: Tensor, partners: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """One varied image for each given one.

        Args:
            images: (N, C, H', W') uint8 stored images.
            xy: (N, K, 2) their landmarks in input pixels (not stored pixels), NaN where missing.
            partners: (N, K, 2) landmarks of other specimens in any position, size and unit,
                towards whose shape images are warped; NaN where missing.
            generator: source of all randomness, on the images' device.

        Returns:
            Images (N, C, H, W) float32 of 0 to 255 and landmarks (N, K, 2) in input pixels, which
            may lie outside the image.
        """
        random = _Random(generator, images.device, len(images))
        width, height = self.input_size
        matrix, shift, mirrored = self._affine(random)
        field = self._displacement(xy, partners, random)

        size = torch.tensor([width, height], device=images.device, dtype=torch.float32)
        centre = size / 2
        warped = F.grid_sample(
            images.float() / 255.0,
            self._grid(matrix, shift, field, size),
            mode="bilinear",
            padding_mode="border",
            align_corners=False,
        )
        towards = torch.linalg.solve(matrix, (xy - centre - shift[:, None]).transpose(1, 2))
        landmarks = _solve_displacement(towards.transpose(1, 2) + centre, field, size)
        if self.mirror_order is not None:
            order = torch.tensor(self.mirror_order, device=images.device)
            landmarks = torch.where(mirrored[:, None, None], landmarks[:, order], landmarks)
        return self._appearance(warped, random) * 255.0, landmarks

    def _grid(self, matrix: Tensor, shift: Tensor, field: Tensor, size: Tensor) -> Tensor:
        """Where each output pixel looks in its source: (N, H, W, 2) from -1 to 1, edge to edge.

        The affine map of a displacement is taken where the field is coarse.
        """
        width, height = self.input_size
        theta = torch.cat(
            (matrix * size / size[:, None], shift[:, :, None] * 2.0 / size[:, None]), 2
        )
        straight = F.affine_grid(theta, [len(matrix), 1, height, width], align_corners=False)
        bent = torch.einsum("nij,njhw->nihw", matrix, field) * 2.0 / size[:, None, None]
        bent = F.interpolate(bent, (height, width), mode="bilinear", align_corners=False)
        return straight + bent.permute(0, 2, 3, 1)

    def _affine(self, random: _Random) -> tuple[Tensor, Tensor, Tensor]:
        """Matrices (N, 2, 2) and shifts (N, 2) from output to source, and which are mirrored."""
        settings = self.settings
        angle = random.symmetric() * math.radians(settings.rotation)
        zoom = torch.exp(random.symmetric() * math.log(max(settings.scale, 1.0)))
        stretch = torch.exp(random.symmetric() * math.log(max(settings.stretch, 1.0)) / 2)
        mirrored = random.uniform() < (0.5 if self.mirror_order is not None else 0.0)
        cosine, sine = torch.cos(angle) * zoom, torch.sin(angle) * zoom
        rotation = torch.stack((cosine, -sine, sine, cosine), dim=1).view(-1, 2, 2)
        sign = torch.where(mirrored, -1.0, 1.0)
        proportions = torch.stack((stretch * sign, 1.0 / stretch), dim=1)
        shift = torch.stack((random.symmetric(), random.symmetric()), dim=1) * settings.shift
        shift = shift * torch.tensor(self.input_size, device=shift.device)
        return rotation * proportions[:, None, :], shift, mirrored

    def _displacement(self, xy: Tensor, partners: Tensor, random: _Random) -> Tensor:
        """Smooth displacement fields in input pixels, (N, 2, H / 8, W / 8)."""
        width, height = self.input_size
        rows, columns = height // _FIELD_STEP, width // _FIELD_STEP
        elastic = random.smooth(2, 4, rows, columns) * (self.settings.elastic * width)
        amount = random.uniform() * (random.uniform() < self.settings.shape_transfer)
        aligned = _aligned(partners, xy)
        common = torch.isfinite(aligned).all(dim=2)
        common &= common.sum(dim=1, keepdim=True) >= _FEWEST_COMMON
        held = common[:, :, None]
        target = xy + amount[:, None, None] * (aligned - xy)
        known = torch.where(held, target, _circle(xy, width))
        values = torch.where(held, xy - target, 0.0)
        points = _pixel_centres(columns, rows, xy.device) * _FIELD_STEP
        spline = _thin_plate_spline(known / width, values, ~common, points.reshape(-1, 2) / width)
        transfer = spline.transpose(1, 2).reshape(-1, 2, rows, columns)
        return elastic + transfer

    def _appearance(self, images: Tensor, random: _Random) -> Tensor:
        """Light, covering patches, dots, blur and noise; images (N, C, H, W) of 0 to 1."""
        settings = self.settings
        _, channels, height, width = images.shape
        log_gamma = random.normal(1, 1, 1) * (_TYPICAL_LIGHT * settings.light)
        images = images.clamp(1e-3, 1.0) ** torch.exp(log_gamma)
        log_contrast = random.normal(channels, 1, 1) * (_TYPICAL_LIGHT * settings.light)
        mean = images.mean(dim=(2, 3), keepdim=True)
        images = (images - mean) * torch.exp(log_contrast) + mean
        uneven = random.smooth(1, 3, height // _FIELD_STEP, width // _FIELD_STEP)
        uneven = F.interpolate(uneven, (height, width), mode="bilinear", align_corners=False)
        brightness = 0.05 * random.normal(channels, 1, 1) + 0.08 * uneven
        images = images + settings.light * brightness
        images = _patched(images, random, settings.patches)
        images = _dotted(images, random, settings.dots)
        images = _blurred(images, random.uniform() ** 2 * settings.blur, settings.blur)
        noise = random.normal(channels, height, width)
        images = images + noise * (random.uniform() ** 2 * settings.noise)[:, None, None, None]
        return images.clamp(0.0, 1.0)


class _Random:
    """Random numbers, one set for each of `count` images."""

    def __init__(self, generator: torch.Generator, device: torch.device, count: int) -> None:
        self.generator, self.device, self.count = generator, device, count

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(self.count, *shape, generator=self.generator, device=self.device)

    def symmetric(self) -> Tensor:
        return self.uniform() * 2.0 - 1.0

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(self.count, *shape, generator=self.generator, device=self.device)

    def smooth(self, channels: int, knots: int, height: int, width: int) -> Tensor:
        """Normal numbers on a coarse grid of knots, interpolated."""
        coarse = self.normal(channels, knots, knots)
        return F.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)


def _pixel_centres(width: int, height: int, device: torch.device) -> Tensor:
    """(height, width, 2) x and y of the pixels' centres."""
    xs = torch.arange(width, device=device, dtype=torch.float32) + 0.5
    ys = torch.arange(height, device=device, dtype=torch.float32) + 0.5
    return torch.stack(torch.meshgrid(xs, ys, indexing="xy"), dim=2)


def _circle(like: Tensor, width: int) -> Tensor:
    """Distinct points in the place of landmarks that carry no spline."""
    angle = torch.arange(like.shape[1], device=like.device) * (2 * math.pi / like.shape[1])
    circle = torch.stack((torch.cos(angle), torch.sin(angle)), dim=1) * (width / 4) + width / 2
    return circle.expand_as(like)


def _aligned(shapes: Tensor, to: Tensor) -> Tensor:
    """Shapes (N, K, 2) moved, turned and scaled onto others by least squares.

    Landmarks that one of the two lacks take no part, and are NaN in the result.
    """
    common = torch.isfinite(shapes + to).all(dim=2)
    count = common.sum(dim=1, keepdim=True)
    source, goal = (
        torch.view_as_complex(torch.where(common[:, :, None], xy, 0.0).contiguous())
        for xy in (shapes, to)
    )
    source = torch.where(common, source - source.sum(dim=1, keepdim=True) / count, 0.0)
    centre = goal.sum(dim=1, keepdim=True) / count
    turn = (source.conj() * (goal - centre)).sum(dim=1, keepdim=True)
    turn = turn / source.abs().square().sum(dim=1, keepdim=True)
    return torch.where(common[:, :, None], torch.view_as_real(source * turn + centre), torch.nan)


def _thin_plate_spline(known: Tensor, values: Tensor, loose: Tensor, points: Tensor) -> Tensor:
    """Smoothing thin-plate splines (Bookstein 1989, with a stiffness on the diagonal).

    Args:
        known: (N, K, 2) where the values are known.
        values: (N, K, 2).
        loose: (N, K) which of them do not bind the spline.
        points: (P, 2) where they are wanted.

    Returns:
        (N, P, 2).
    """
    n, k, _ = known.shape
    stiffness = torch.where(loose, _NO_HOLD, _TPS_STIFFNESS)
    kernel = _kernel(torch.cdist(known, known)) + torch.diag_embed(stiffness)
    affine = torch.cat((torch.ones(n, k, 1, device=known.device), known), dim=2)
    corner = torch.zeros(n, 3, 3, device=known.device)
    system = torch.cat(
        (torch.cat((kernel, affine), dim=2), torch.cat((affine.transpose(1, 2), corner), dim=2)), 1
    )
    right = torch.cat((values, torch.zeros(n, 3, 2, device=known.device)), dim=1)
    # Landmarks on one line leave the affine part undetermined; a trace of ridge keeps it finite.
    ridge = 1e-6 * torch.eye(k + 3, device=known.device)
    weights = torch.linalg.solve(system - ridge, right)
    batch = points.expand(n, -1, -1)
    ones = torch.ones(n, len(points), 1, device=known.device)
    basis = torch.cat((_kernel(torch.cdist(batch, known)), ones, batch), dim=2)
    return torch.bmm(basis, weights)


def _kernel(distance: Tensor) -> Tensor:
    return distance.square() * torch.log(distance.clamp(min=1e-6))


def _solve_displacement(goal: Tensor, field: Tensor, size: Tensor, iterations: int = 12) -> Tensor:
    """The points p (N, K, 2) with p + d(p) = goal, by fixed-point iteration."""
    points = goal
    for _ in range(iterations):
        where = torch.nan_to_num(points / size * 2.0 - 1.0)[:, :, None]
        shift = F.grid_sample(field, where, padding_mode="border", align_corners=False)
        points = goal - shift[..., 0].transpose(1, 2)
    return points


def _patched(images: Tensor, random: _Random, most: int) -> Tensor:
    """Covers up to `most` discs, 3 to 15 % of the width in radius, with plain grey."""
    _, channels, height, width = images.shape
    xs = torch.arange(width, device=images.device) + 0.5
    ys = torch.arange(height, device=images.device) + 0.5
    count = torch.floor(random.uniform() * (most + 1))
    for index in range(most):
        x, y = random.uniform(1) * width, random.uniform(1) * height
        radius = (0.03 + 0.12 * random.uniform(1)) * width * (count > index)[:, None]
        grey = random.uniform(channels)[:, :, None, None]
        squared = (ys - y).square()[:, :, None] + (xs - x).square()[:, None, :]
        images = torch.where((squared < radius.square()[:, :, None])[:, None], grey, images)
    return images


def _dotted(images: Tensor, random: _Random, most: int) -> Tensor:
    """Up to `most` small dots of random grey and a radius of 1 to 3 pixels."""
    n, channels, height, width = images.shape
    reach = torch.arange(-3, 4, device=images.device)
    dy, dx = (offset.flatten() for offset in torch.meshgrid(reach, reach, indexing="ij"))
    count = torch.floor(random.uniform() * (most + 1))
    drawn = torch.arange(most, device=images.device) < count[:, None]
    radius = (1.0 + 2.0 * random.uniform(most)) * drawn
    covered = (dx.square() + dy.square()) < radius[:, :, None].square()
    x = 3 + (random.uniform(most) * (width - 7)).long()
    y = 3 + (random.uniform(most) * (height - 7)).long()
    # What a dot does not cover is painted into a spare pixel behind the image.
    where = torch.where(
        covered, (y[:, :, None] + dy) * width + x[:, :, None] + dx, height * width
    ).flatten(1)
    grey = random.uniform(most)[:, :, None].expand(-1, -1, len(dx)).flatten(1)
    painted = F.pad(images.flatten(2), (0, 1)).scatter(
        2, where[:, None].expand(-1, channels, -1), grey[:, None].expand(-1, channels, -1)
    )
    return painted[:, :, :-1].reshape(n, channels, height, width)


def _blurred(images: Tensor, sigma: Tensor, largest: float) -> Tensor:
    """Gaussian blur of each image by its own standard deviation (N,), in pixels."""
    n, channels, height, width = images.shape
    reach = max(1, math.ceil(3 * largest))
    offsets = torch.arange(-reach, reach + 1, device=images.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (offsets / sigma.clamp(min=0.05)[:, None]).square())
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).repeat_interleave(channels, dim=0)
    stacked = images.reshape(1, n * channels, height, width)
    padded = F.pad(stacked, (reach, reach, reach, reach), mode="replicate")
    across = F.conv2d(padded, kernel[:, None, None, :], groups=n * channels)
    down = F.conv2d(across, kernel[:, None, :, None], groups=n * channels)
    return down.reshape(n, channels, height, width)
