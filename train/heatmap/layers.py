"""Layers and operations that the stages of the networks share."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 3 x 3 convolution with batch normalisation and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Two convolutions beside an identity (He et al. 2015).

    Args:
        width: channels, in and out.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = convolution(width, width)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to the same."""
        return F.relu(x + self.second(self.first(x)))


def doubled(x: Tensor) -> Tensor:
    """(N, C, H, W) to twice the height and width."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def sampled(images: Tensor, places: Tensor, side: int) -> Tensor:
    """Images at squares of points, between pixels too; beyond their edges they go on as they end.

    Args:
        images: (N, C, H, W).
        places: (N, K, side * side, 2) in pixels.
        side: of the squares.

    Returns:
        (N, K, C, side, side).
    """
    return _sampled(images, places * _per_pixel(images) - 1.0, side)


def squares(images: Tensor, centres: Tensor, side: int) -> Tensor:
    """Upright squares of images around points, as `sampled`, a pixel apart.

    Args:
        images: (N, C, H, W).
        centres: (N, K, 2) in pixels.
        side: of the squares, in pixels.

    Returns:
        (N, K, C, side, side).
    """
    steps = torch.arange(side, device=centres.device, dtype=torch.float32) + (0.5 - side / 2)
    # Columns and rows apart first: there are `side` times as many points.
    lines = (centres[..., None] + steps) * _per_pixel(images)[:, None] - 1.0
    shape = (*centres.shape[:2], side, side)
    x, y = lines[:, :, 0, None, :].expand(shape), lines[:, :, 1, :, None].expand(shape)
    return _sampled(images, torch.stack((x, y), dim=4).flatten(2, 3), side)


def _per_pixel(images: Tensor) -> Tensor:
    """What a pixel in x and one in y are in the coordinates of `grid_sample`, from -1 to 1."""
    height, width = images.shape[2:]
    return 2.0 / torch.tensor([width, height], device=images.device, dtype=torch.float32)


def _sampled(images: Tensor, grid: Tensor, side: int) -> Tensor:
    found = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return found.permute(0, 2, 1, 3).reshape(*grid.shape[:2], images.shape[1], side, side)
