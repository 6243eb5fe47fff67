"""Heat maps: from logits to landmarks."""

from __future__ import annotations

import torch
from torch import Tensor

_WINDOW = 3.0  # standard deviation, in cells, of the window that is averaged to a landmark
_SHIFTS = 6  # of that window; each leaves less than half of a difference at the start


def decode(logits: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    """Heat maps to landmarks: the mean position of the probability around its highest peak.

    A bell-shaped window starts at the highest cell and moves to the mean of what it shows
    (mean shift), so that the landmark does not depend on which of two cells of a peak is a trace
    higher: rounded weights and other devices find the same place.

    Args:
        logits: (N, K, h, w).
        stride: pixels per heat map cell.

    Returns:
        Landmarks (N, K, 2), x and y in pixels, and spreads (N, K), in pixels too: the mean
        distance from the landmark over all of its heat map's probability.
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
    spread = (probability * ((xs - x).square() + (ys - y).square()).sqrt()).sum(dim=2)
    return (torch.cat((x, y), dim=2) + 0.5) * stride, spread * stride


def cells(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Probabilities (N, K, h * w) of heat maps, and the cells' x and y, each (h * w,)."""
    height, width = logits.shape[2:]
    probability = logits.float().flatten(2).softmax(dim=2)
    xs = torch.arange(width, device=logits.device, dtype=torch.float32).repeat(height)
    ys = torch.arange(height, device=logits.device, dtype=torch.float32).repeat_interleave(width)
    return probability, xs, ys
