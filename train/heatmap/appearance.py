"""The appearance of training images: light, sharpness, noise, and what covers them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from beetle_lm.train.heatmap.randomness import Random
from beetle_lm.train.heatmap.recipe import Augmentation

_FIELD_STEP = 8  # smooth fields are computed on every eighth pixel and interpolated
_TYPICAL_LIGHT = 0.35  # standard deviation of log gamma and log contrast at light = 1
_DOTS_OF_PATCH = 2  # greatest number of dots in a landmark's patch, where there are dots at all


@dataclass(frozen=True)
class Appearance:
    """One appearance for each of N specimens; an image and patches of it can be given the same.

    Args:
        gamma: (N, 1, 1, 1) exponents.
        contrast: (N, C, 1, 1) factors.
        brightness: (N, C, 1, 1) to be added.
        blur: (N,) standard deviations, in pixels of the whole image.
        softness: (N,) how far images go towards their blurred ones: all the way, or away from them,
            which sharpens.
        noise: (N,) standard deviations, as a share of white.
    """

    gamma: Tensor
    contrast: Tensor
    brightness: Tensor
    blur: Tensor
    softness: Tensor
    noise: Tensor

    @classmethod
    def draw(cls, settings: Augmentation, channels: int, random: Random) -> Appearance:
        """Draws an appearance for each image."""
        typical = _TYPICAL_LIGHT * settings.light
        return cls(
            gamma=torch.exp(random.normal(1, 1, 1) * typical),
            contrast=torch.exp(random.normal(channels, 1, 1) * typical),
            brightness=random.normal(channels, 1, 1) * (0.05 * settings.light),
            blur=random.uniform() ** 2 * settings.blur,
            softness=_softness(settings.sharpening, random),
            noise=random.uniform() ** 2 * settings.noise,
        )


def change_appearance(
    whole: Tensor, patches: Tensor, enlarged: float, settings: Augmentation, random: Random
) -> tuple[Tensor, Tensor]:
    """Gives each image, and the patches of it, an appearance of its own.

    Uneven light varies over an image; within one of its patches it is even.

    Args:
        whole: (N, C, H, W) of 0 to 1.
        patches: (N, K, C, h, w) of the same images.
        enlarged: how many pixels of a patch are one of the whole image, along a side.
        settings: the bounds.
        random: one set of numbers for each of the N images.

    Returns:
        The same sizes, of 0 to 1.
    """
    n, channels, height, width = whole.shape
    count, side = patches.shape[1], patches.shape[3]
    drawn = Appearance.draw(settings, channels, random)
    whole, patches = whole.clamp(1e-3, 1.0), patches.clamp(1e-3, 1.0)
    whole, patches = whole**drawn.gamma, patches ** drawn.gamma[:, None]
    mean = whole.mean(dim=(2, 3), keepdim=True)
    whole = (whole - mean) * drawn.contrast + mean + drawn.brightness
    patches = (patches - mean[:, None]) * drawn.contrast[:, None] + (mean + drawn.brightness)[
        :, None
    ]

    uneven = random.smooth(1, 3, height // _FIELD_STEP, width // _FIELD_STEP)
    uneven = F.interpolate(uneven, (height, width), mode="bilinear", align_corners=False)
    whole = whole + (0.08 * settings.light) * uneven
    patches = patches + (0.08 * settings.light) * random.normal(count, 1, 1, 1)

    whole = _occluded(whole, random, settings.patches)
    whole = _dotted(whole, random, settings.dots)
    one_by_one = Random(random.generator, random.device, n * count)
    flat = _dotted(patches.flatten(0, 1), one_by_one, min(settings.dots, _DOTS_OF_PATCH))
    whole = _blurred(whole, drawn.blur, settings.blur, drawn.softness)
    flat = _blurred(
        flat,
        (drawn.blur * enlarged).repeat_interleave(count),
        settings.blur * enlarged,
        drawn.softness.repeat_interleave(count),
    )
    whole = whole + random.normal(channels, height, width) * drawn.noise[:, None, None, None]
    grain = drawn.noise.repeat_interleave(count)[:, None, None, None]
    flat = flat + one_by_one.normal(channels, side, side) * grain
    return whole.clamp(0.0, 1.0), flat.view(patches.shape).clamp(0.0, 1.0)


def _occluded(images: Tensor, random: Random, most: int) -> Tensor:
    """Up to `most` occlusion patches: discs of plain grey, 3 to 15 % of the width in radius."""
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


def _dotted(images: Tensor, random: Random, most: int) -> Tensor:
    """Up to `most` small dots of random grey, 1 to 3 pixels in radius."""
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


def _softness(sharpening: float, random: Random) -> Tensor:
    """1 for each image; where there is sharpening, something below 0 for every other one."""
    if sharpening == 0:
        return torch.ones(random.count, device=random.device)
    return torch.where(random.uniform() < 0.5, 1.0, -random.uniform() * sharpening)


def _blurred(images: Tensor, sigma: Tensor, largest: float, softness: Tensor) -> Tensor:
    """Gaussian blur of each image by its own standard deviation (N,), in pixels.

    The softness (N,) says how far the images go towards that; below 0 they are sharpened.
    """
    n, channels, height, width = images.shape
    reach = max(1, math.ceil(3 * largest))
    offsets = torch.arange(-reach, reach + 1, device=images.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (offsets / sigma.clamp(min=0.05)[:, None]).square())
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).repeat_interleave(channels, dim=0)
    stacked = images.reshape(1, n * channels, height, width)
    padded = F.pad(stacked, (reach, reach, reach, reach), mode="replicate")
    across = F.conv2d(padded, kernel[:, None, None, :], groups=n * channels)
    down = F.conv2d(across, kernel[:, None, :, None], groups=n * channels)
    blurred = down.reshape(n, channels, height, width)
    return torch.lerp(images, blurred, softness[:, None, None, None])
