"""Smooth warps of whole batches on the device: splines between shapes, displacement fields."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

_TPS_STIFFNESS = (
    1e-3  # smooths shape differences between landmarks closer than some 3 % of the width
)
_ITERATIONS = 12  # of the search for where a displacement comes from
_NO_HOLD = 1e3  # a stiffness at which a landmark no longer binds the spline


def pixel_centres(width: int, height: int, device: torch.device) -> Tensor:
    """(height, width, 2) x and y of the pixels' centres."""
    xs = torch.arange(width, device=device, dtype=torch.float32) + 0.5
    ys = torch.arange(height, device=device, dtype=torch.float32) + 0.5
    return torch.stack(torch.meshgrid(xs, ys, indexing="xy"), dim=2)


def circle(like: Tensor, width: int) -> Tensor:
    """Distinct points, to stand in for landmarks that do not bind the spline."""
    angle = torch.arange(like.shape[1], device=like.device) * (2 * math.pi / like.shape[1])
    circle = torch.stack((torch.cos(angle), torch.sin(angle)), dim=1) * (width / 4) + width / 2
    return circle.expand_as(like)


def aligned(shapes: Tensor, to: Tensor) -> Tensor:
    """Shapes (N, K, 2) moved, turned and scaled onto others by least squares.

    Like `procrustes.least_squares_map`, but a whole batch at once and on its device. Landmarks that
    one of the two lacks take no part, and are NaN in the result.
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


def thin_plate_spline(known: Tensor, values: Tensor, loose: Tensor, points: Tensor) -> Tensor:
    """Smoothing thin-plate splines (Bookstein 1989, with a stiffness on the diagonal).

    A spline for each image of a batch, solved together in every step of a training, with landmarks
    that take no part: what scipy's interpolator, one spline at a time on the CPU, cannot do.

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


def solve_displacement(goal: Tensor, field: Tensor, size: Tensor) -> Tensor:
    """The points p (N, K, 2) with p + d(p) = goal, by fixed-point iteration.

    Args:
        goal: (N, K, 2) in pixels.
        field: (N, 2, h, w) the displacement d in pixels, on a coarse grid over the image.
        size: width and height of the image in pixels.
    """
    points = goal
    for _ in range(_ITERATIONS):
        where = torch.nan_to_num(points / size * 2.0 - 1.0)[:, :, None]
        shift = F.grid_sample(field, where, padding_mode="border", align_corners=False)
        points = goal - shift[..., 0].transpose(1, 2)
    return points
