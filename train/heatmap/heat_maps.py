"""Heat maps: from logits to landmarks (soft-argmax), and to how far their probability spreads."""

from __future__ import annotations

import torch
from torch import Tensor

_WINDOW = 3.0  # standard deviation, in cells, of the window that is averaged to a landmark
_SHIFTS = 6  # of that window; each more than halves what it was off by at the start


def peak(logits: Tensor, stride: int) -> Tensor:
    """Where heat maps are highest: the mean position of the probability around the highest cell.

    A bell-shaped window starts at the highest cell and moves to the mean of what it shows
    (mean shift), so that the place does not depend on which of two cells of a peak is slightly
    higher: rounded weights and other devices find the same one.

    Args:
        logits: (N, K, h, w).
        stride: pixels per heat map cell.

    Returns:
        Places (N, K, 2), x and y in pixels.
    """
    height, width = logits.shape[2:]
    probability = logits.float().flatten(2).softmax(dim=2)
    highest = probability.argmax(dim=2, keepdim=True)
    y = torch.div(highest, width, rounding_mode="floor").float()
    x = highest.float() - y * width
    probability = probability.reshape(logits.shape)
    xs, ys = (torch.arange(float(side), device=logits.device) for side in (width, height))
    for _ in range(_SHIFTS):
        # Rows and columns apart, because a bell is the product of one in x and one in y.
        in_x = torch.exp((xs - x).square() * (-0.5 / _WINDOW**2))
        in_y = torch.exp((ys - y).square() * (-0.5 / _WINDOW**2))
        columns = in_x * (in_y[:, :, None] @ probability)[:, :, 0]
        rows = in_y * (probability @ in_x[..., None])[..., 0]
        share = columns.sum(dim=2, keepdim=True)
        x = (columns * xs).sum(dim=2, keepdim=True) / share
        y = (rows * ys).sum(dim=2, keepdim=True) / share
    return (torch.cat((x, y), dim=2) + 0.5) * stride


def mean(logits: Tensor, stride: int) -> Tensor:
    """The mean position (N, K, 2) of heat maps (N, K, h, w), in pixels: the soft-argmax."""
    probability, xs, ys = _cells(logits)
    x, y = (probability * xs).sum(dim=2), (probability * ys).sum(dim=2)
    return (torch.stack((x, y), dim=2) + 0.5) * stride


def spread(logits: Tensor, xy: Tensor, stride: int) -> Tensor:
    """Mean distance (N, K) of heat maps' probability from points (N, K, 2), all in pixels."""
    probability, dx, dy = _about(logits, xy, stride)
    return (probability * (dx.square() + dy.square()).sqrt()).sum(dim=2)


def covariance(logits: Tensor, xy: Tensor, stride: int) -> Tensor:
    """Second moments (N, K, 2, 2) of heat maps' probability about points (N, K, 2), in pixels."""
    probability, dx, dy = _about(logits, xy, stride)
    mixed = (probability * dx * dy).sum(dim=2)
    xx, yy = (probability * dx.square()).sum(dim=2), (probability * dy.square()).sum(dim=2)
    return torch.stack((xx, mixed, mixed, yy), dim=2).reshape(*xx.shape, 2, 2)


def spread_beyond(logits: Tensor, xy: Tensor, stride: int, reach: float) -> Tensor:
    """The same as `spread`, but what lies within `reach` of a point in x and y counts as zero."""
    probability, dx, dy = _about(logits, xy, stride)
    outside = torch.maximum(dx.abs(), dy.abs()) > reach
    return (probability * outside * (dx.square() + dy.square()).sqrt()).sum(dim=2)


def _about(logits: Tensor, xy: Tensor, stride: int) -> tuple[Tensor, Tensor, Tensor]:
    """Probabilities of cells, and how far these lie from points in x and in y, in pixels."""
    probability, xs, ys = _cells(logits)
    return probability, (xs + 0.5) * stride - xy[..., :1], (ys + 0.5) * stride - xy[..., 1:]


def _cells(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Probabilities (N, K, h * w) of heat maps, and the cells' x and y, each (h * w,)."""
    height, width = logits.shape[2:]
    probability = logits.float().flatten(2).softmax(dim=2)
    xs = torch.arange(width, device=logits.device, dtype=torch.float32).repeat(height)
    ys = torch.arange(height, device=logits.device, dtype=torch.float32).repeat_interleave(width)
    return probability, xs, ys
