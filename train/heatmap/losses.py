"""The losses of a heat map network: of its landmarks, and of its curves."""

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
    return _mean(cross_entropy + coordinate_weight * coordinate, there)


_ALONG = 0.25  # weight of a knot's error along its curve, on which it has no exact place
_WIDER_ALONG = 1.5  # how much wider a knot's target is along its curve than across


def knot_loss(
    logits: Tensor,
    xy: Tensor,
    normals: Tensor,
    stride: int,
    sigma: float,
    coordinate_weight: float,
) -> Tensor:
    """As `heat_map_loss`, of knots: distances along the curve count less than those across.

    Args:
        logits: (N, Q, h, w).
        xy: (N, Q, 2) true knots in input pixels; those that are missing (NaN) or lie outside the
            input take no part.
        normals: (N, Q, 2) unit vectors across the curve there.
        stride: input pixels per heat map cell.
        sigma: standard deviation of the target across the curve, in cells.
        coordinate_weight: weight of the smooth L1, which is in cells.
    """
    height, width = logits.shape[2:]
    cells = xy / stride - 0.5
    size = torch.tensor([width, height], device=logits.device)
    there = ((cells > -0.5) & (cells < size - 0.5)).all(dim=2)  # False for NaN
    cells = torch.where(there[..., None], cells, 0.0)
    normals = torch.where(there[..., None], normals, 1.0)
    xs = torch.arange(width, device=logits.device, dtype=torch.float32) - cells[..., :1]
    ys = torch.arange(height, device=logits.device, dtype=torch.float32) - cells[..., 1:]
    # What lies across and along the curve: sums of a term in x and one in y.
    nx, ny = normals[..., :1], normals[..., 1:]
    across = (ny * ys)[..., :, None] + (nx * xs)[..., None, :]
    along = (nx * ys)[..., :, None] - (ny * xs)[..., None, :]
    squared = across.square() + (along / _WIDER_ALONG).square()
    target = (squared * (-0.5 / sigma**2)).flatten(2).softmax(dim=2)

    log_probability = logits.float().flatten(2).log_softmax(dim=2)
    cross_entropy = -(target * log_probability).sum(dim=2)
    probability = log_probability.exp()
    off = torch.stack([(probability * d.flatten(2)).sum(dim=2) for d in (across, along)], dim=2)
    coordinate = F.smooth_l1_loss(off, torch.zeros_like(off), reduction="none")
    coordinate = coordinate[..., 0] + _ALONG * coordinate[..., 1]
    return _mean(cross_entropy + coordinate_weight * coordinate, there)


def band_loss(
    logits: Tensor, across: Tensor, cell: float, sigma: float, coordinate_weight: float
) -> Tensor:
    """Cross-entropy and smooth L1 of where a curve crosses the stations of its bands.

    Args:
        logits: (N, B, h, S), h cells across the band at each of S stations.
        across: (N, B, S) pixels of the input from the band's middle to the curve; NaN, and what
            lies beyond the band, takes no part.
        cell: pixels per cell.
        sigma: standard deviation of the target, in cells.
        coordinate_weight: weight of the smooth L1, which is in cells.
    """
    count = logits.shape[2]
    cells = across / cell + (count - 1) / 2
    there = (cells > -0.5) & (cells < count - 0.5)  # False for NaN
    cells = torch.where(there, cells, 0.0)
    steps = torch.arange(count, device=logits.device, dtype=torch.float32)[:, None]
    bell = ((steps - cells[:, :, None]).square() * (-0.5 / sigma**2)).softmax(dim=2)
    log_probability = logits.float().log_softmax(dim=2)
    cross_entropy = -(bell * log_probability).sum(dim=2)
    expected = (log_probability.exp() * steps).sum(dim=2)
    coordinate = F.smooth_l1_loss(expected, cells, reduction="none")
    return _mean(cross_entropy + coordinate_weight * coordinate, there)


def _mean(losses: Tensor, there: Tensor) -> Tensor:
    return (losses * there).sum() / there.sum().clamp(min=1)
