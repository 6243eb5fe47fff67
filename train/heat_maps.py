"""Heat maps: from logits to landmarks."""

from __future__ import annotations

import torch
from torch import Tensor

_WINDOW = 3.0  # standard deviation, in cells, of the window that is averaged to a landmark
_SHIFTS = 6  # of that window; each leaves less than half of a difference at the start


def decode(logits: Tensor, stride: int) -> Tensor:
    """Heat maps to landmarks: the mean position of the probability around its highest peak.

    A bell-shaped window starts at the highest cell and moves to the mean of what it shows
    (mean shift), so that the landmark does not depend on which of two cells of a peak is a trace
    higher: rounded weights and other devices find the same place.

    Args:
        logits: (N, K, h, w).
        stride: pixels per heat map cell.

    Returns:
        Landmarks (N, K, 2), x and y in pixels.
    """
    width = logits.shape[3]
    probability, xs, ys = cells(logits)
    peak = probability.argmax(dim=2, keepdim=True)
    y = torch.div(peak, width, rounding_mode="floor").float()
    x = peak.float() - y * width
    for _ in range(_SHIFTS):
        squared = (xs - x).square() + (ys - y).square()
        local = probability * torch.exp(squared * (-0.5 / _WINDOW**2))
        share = local.sum(dim=2, keepdim=True)
        x = (local * xs).sum(dim=2, keepdim=True) / share
        y = (local * ys).sum(dim=2, keepdim=True) / share
    return (torch.cat((x, y), dim=2) + 0.5) * stride


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
    """The same as `spread`, where what lies within `reach` of a point in x and y counts nothing."""
    probability, dx, dy = _about(logits, xy, stride)
    outside = torch.maximum(dx.abs(), dy.abs()) > reach
    return (probability * outside * (dx.square() + dy.square()).sqrt()).sum(dim=2)


def _about(logits: Tensor, xy: Tensor, stride: int) -> tuple[Tensor, Tensor, Tensor]:
    """Probabilities of cells, and how far these lie from points in x and in y, in pixels."""
    probability, xs, ys = cells(logits)
    return probability, (xs + 0.5) * stride - xy[..., :1], (ys + 0.5) * stride - xy[..., 1:]


def cells(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Probabilities (N, K, h * w) of heat maps, and the cells' x and y, each (h * w,)."""
    height, width = logits.shape[2:]
    probability = logits.float().flatten(2).softmax(dim=2)
    xs = torch.arange(width, device=logits.device, dtype=torch.float32).repeat(height)
    ys = torch.arange(height, device=logits.device, dtype=torch.float32).repeat_interleave(width)
    return probability, xs, ys
