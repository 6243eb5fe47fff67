"""The loss of a heat map network."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor


def heat_map_loss(
    logits: Tensor, xy: Tensor, stride: int, sigma: float, coordinate_weight: float
) -> Tensor:
    """Cross-entropy against Gaussian heat maps plus smooth L1 of the expected coordinates.

    Args:
        logits: (N, K, h, w).
        xy: (N, K, 2) true landmarks in input pixels; NaN where missing. Missing landmarks and
            those outside the input take no part.
        stride: input pixels per heat map cell.
        sigma: standard deviation of the target, in cells.
        coordinate_weight: weight of the smooth L1, which is in cells.

    Returns:
        The mean over all landmarks that take part; zero where none does.
    """
    height, width = logits.shape[2:]
    cells = xy / stride - 0.5
    xs = torch.arange(width, device=logits.device, dtype=torch.float32)
    ys = torch.arange(height, device=logits.device, dtype=torch.float32)
    size = torch.tensor([width, height], device=logits.device)
    there = ((cells > -0.5) & (cells < size - 0.5)).all(dim=2)  # False for NaN
    cells = torch.where(there[..., None], cells, torch.zeros_like(cells))

    bell_x = torch.exp(-0.5 * ((xs - cells[..., :1]) / sigma).square())
    bell_y = torch.exp(-0.5 * ((ys - cells[..., 1:]) / sigma).square())
    target_x = bell_x / bell_x.sum(dim=2, keepdim=True)
    target_y = bell_y / bell_y.sum(dim=2, keepdim=True)
    target = (target_y[..., :, None] * target_x[..., None, :]).flatten(2)

    log_probability = logits.float().flatten(2).log_softmax(dim=2)
    cross_entropy = -(target * log_probability).sum(dim=2)
    probability = log_probability.exp().view_as(logits)
    expected = torch.stack(
        ((probability.sum(dim=2) * xs).sum(dim=2), (probability.sum(dim=3) * ys).sum(dim=2)), dim=2
    )
    coordinate = F.smooth_l1_loss(expected, cells, reduction="none").sum(dim=2)
    per_landmark = cross_entropy + coordinate_weight * coordinate
    return (per_landmark * there).sum() / there.sum().clamp(min=1)
