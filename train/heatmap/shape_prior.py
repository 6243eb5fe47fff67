"""Landmarks that the picture leaves uncertain, settled by what shapes are likely."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from beetle_lm.zoo.model_file.shape_space import ShapeSpace

_TAUGHT = 4 / 3  # heat maps' variance at certain landmarks over the target's; cross-validated
_LEAST = 1.0  # squared px: no heat map places a landmark more exactly
_FREE = 1.0  # squared centroid sizes: variance of position, size and turn, which shapes leave free


class ShapePrior(nn.Module):
    """The most likely landmarks, given heat maps and the shapes of other specimens.

    Shapes are taken to scatter about their mean as a normal distribution does, with the variances
    of a `ShapeSpace`. A landmark that the network places scatters about the true one by the
    variance of its heat map in each direction, beyond what the network was taught to give
    everywhere. So a landmark on a smooth outline moves along the outline to where the others put
    it, and one that the network is certain of stays.

    The maximum is found in closed form, about the mean shape laid on the landmarks (tangent
    space), for principal components and equal variance in all other directions. It is all plain
    arithmetic of fixed size, so that it can be exported; in 64 bit, because the small variances of
    shapes stand beside those of the free position.

    Args:
        space: the shapes of specimens like those to come.
        taught: standard deviation of the heat maps that the network was taught, in pixels.
    """

    rest: Tensor
    mean: Tensor
    basis: Tensor
    precision: Tensor

    def __init__(self, space: ShapeSpace, taught: float) -> None:
        super().__init__()
        mean = torch.tensor(space.mean, dtype=torch.float64)
        turned = torch.stack((-mean[:, 1], mean[:, 0]), dim=1)
        shifts = torch.eye(2, dtype=torch.float64)[:, None].expand(-1, len(mean), -1)
        components = torch.tensor(space.components, dtype=torch.float64).reshape(-1, *mean.shape)
        basis = torch.cat((components, shifts, mean[None], turned[None]))
        variances = torch.tensor([*space.variances, *[_FREE] * 4], dtype=torch.float64)
        self.taught = taught
        # Part of no state: they follow from the shapes, which a checkpoint keeps.
        rest = space.rest_variance * torch.eye(2, dtype=torch.float64)
        self.register_buffer("rest", rest, persistent=False)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("basis", basis, persistent=False)
        self.register_buffer("precision", (1 / variances).diag(), persistent=False)

    def forward(self, xy: Tensor, covariance: Tensor) -> Tensor:
        """From landmarks (N, K, 2) in pixels, as a network placed them, to the most likely ones.

        Args:
            xy: where the network placed them.
            covariance: (N, K, 2, 2) of their heat maps, in squared pixels.
        """
        xy, covariance = xy.double(), _beyond_taught(covariance.double(), _TAUGHT * self.taught**2)
        weights = 1 / (covariance[..., 0, 0] + covariance[..., 1, 1])
        turn, shift = _pose_of(self.mean, xy, weights)
        # Everything in the frame of the mean shape.
        back = turn.transpose(1, 2) / turn.square().sum(dim=(1, 2), keepdim=True) * 2
        placed = (xy - shift) @ back.transpose(1, 2) - self.mean
        noise = back[:, None] @ covariance @ back[:, None].transpose(2, 3)
        certainty = _inverse(
            noise + self.rest * torch.eye(2, dtype=torch.float64, device=xy.device)
        )
        weighted = torch.einsum("nkij,bkj->nbki", certainty, self.basis)
        system = torch.einsum("aki,nbki->nab", self.basis, weighted) + self.precision
        target = torch.einsum("nbki,nki->nb", weighted, placed)
        coefficients = _solve(system, target)
        along = torch.einsum("nb,bki->nki", coefficients, self.basis)
        across = torch.einsum("nkij,nkj->nki", certainty, placed - along) @ self.rest
        return ((self.mean + along + across) @ turn.transpose(1, 2) + shift).float()


def _beyond_taught(covariance: Tensor, taught: float) -> Tensor:
    """Of heat maps (N, K, 2, 2) to that of landmarks: both eigenvalues are changed alike."""
    a, b, d = covariance[..., 0, 0], covariance[..., 0, 1], covariance[..., 1, 1]
    middle, half = (a + d) / 2, (((a - d) / 2).square() + b.square()).sqrt()
    low, high = ((each - taught).clamp(min=0.0) + _LEAST for each in (middle - half, middle + half))
    slope = (high - low) / (2 * half).clamp(min=1e-6)
    level = low - slope * (middle - half)
    eye = torch.eye(2, dtype=covariance.dtype, device=covariance.device)
    return slope[..., None, None] * covariance + level[..., None, None] * eye


def _pose_of(mean: Tensor, xy: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The turn with zoom (N, 2, 2) and shift (N, 1, 2) of landmarks against a mean shape.

    By least squares, as `procrustes.least_squares_map`, but a batch at once, and by operators that
    ONNX has.

    Args:
        mean: (K, 2) the mean shape.
        xy: (N, K, 2) landmarks.
        weights: (N, K) of their squared distances.
    """
    weights = (weights / weights.sum(dim=1, keepdim=True))[..., None]
    middle, centre = (weights * mean).sum(1, keepdim=True), (weights * xy).sum(1, keepdim=True)
    x, y = (mean - middle).unbind(dim=2)
    u, v = (weights * (xy - centre)).unbind(dim=2)
    size = (weights[..., 0] * (x.square() + y.square())).sum(dim=1)
    cosine = (x * u + y * v).sum(dim=1) / size
    sine = (x * v - y * u).sum(dim=1) / size
    turn = torch.stack((cosine, -sine, sine, cosine), dim=1).reshape(-1, 2, 2)
    return turn, centre - middle @ turn.transpose(1, 2)


def _inverse(matrices: Tensor) -> Tensor:
    """Of symmetric matrices (..., 2, 2)."""
    a, b, d = matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 1, 1]
    turned = torch.stack((d, -b, -b, a), dim=-1) / (a * d - b * b)[..., None]
    return turned.reshape(matrices.shape)


def _solve(system: Tensor, target: Tensor) -> Tensor:
    """Solves positive definite systems (N, D, D) for (N, D) by Gauss and Jordan's elimination.

    ONNX has no operator for it; without a search for pivots it is stable for such systems.
    """
    size = target.shape[1]
    rows = torch.cat((system, target[..., None]), dim=2)
    unit = torch.eye(size, dtype=target.dtype, device=target.device)
    for index in range(size):
        row = rows[:, index : index + 1] / rows[:, index : index + 1, index : index + 1]
        rows = rows - (rows[:, :, index : index + 1] - unit[:, index, None]) * row
    return rows[..., size]
