"""Bands for training: near curves that are known, as far off as the coarse stage may be."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from beetle_lm.train.heatmap.bands import REACH, STATIONS, Bands
from beetle_lm.train.heatmap.randomness import Random

_FARTHEST = 12.0  # px; typical shift of a stretch of the line, at most
_ALONE = 2.0  # px; standard deviation of each knot
_AT_ENDS = 6.0  # px; and of the landmarks at the ends, at most
_BENDS = 4  # random numbers along a curve
_ELSEWHERE = 0.5  # how a crossing counts that lies farther along the curve, in px per px


@dataclass(frozen=True)
class DrawnBands:
    """Bands beside curves, and where the curves are.

    Args:
        columns: (N, B, 64 * 64, 2) where the bands' pixels lie, in pixels of the input.
        cells: (N, B, 8 * 8, 2) where their cells lie.
        across: (N, B, 32) where curves cross the bands' stations, in pixels of the input from the
            middle to the right; NaN where they do not, or the curve is missing.
        knots: (N, Q, 2) true knots of all curves, NaN where missing.
        normals: (N, Q, 2) unit vectors across the curves there.
    """

    columns: Tensor
    cells: Tensor
    across: Tensor
    knots: Tensor
    normals: Tensor


def draw_bands(bands: Bands, landmarks: Tensor, lines: Tensor, random: Random) -> DrawnBands:
    """Puts bands where the coarse stage might: some way off the curves, bent and shifted.

    Args:
        bands: of the part.
        landmarks: (N, K, 2) in pixels of the input, NaN where missing.
        lines: (N, C, P, 2) points on the curves in order, NaN where missing.
        random: one set of numbers for each of the N images.
    """
    there = torch.isfinite(lines).all(dim=(2, 3))
    known = torch.where(there[:, :, None, None], lines, 0.0)
    points, knots = torch.nan_to_num(landmarks), bands.knots_of(known)
    for index, curve in enumerate(bands.curves):
        line = known[:, index]
        for landmark, end in ((curve.start - 1, line[:, 0]), (curve.end - 1, line[:, -1])):
            lost = torch.isnan(landmarks[:, landmark, :1])
            points[:, landmark] = torch.where(lost, end, points[:, landmark])
    exact = torch.cat(knots, dim=1)
    _, normals = bands.line(torch.cat((points, exact), dim=1), "knot")
    off = random.uniform(len(knots), 1, 1) * _FARTHEST
    shifts = torch.cat(
        [
            F.interpolate(
                random.normal(2, _BENDS) * off[:, index], part.shape[1], mode="linear"
            ).transpose(1, 2)
            for index, part in enumerate(knots)
        ],
        dim=1,
    )
    shifted = exact + shifts + random.normal(*exact.shape[1:]) * _ALONE
    far = random.uniform(1, 1) * _AT_ENDS
    ends = points + random.normal(*points.shape[1:]) * far
    placed = torch.cat((ends, shifted), dim=1)
    at, normal = bands.line(placed, "station")
    curves = torch.arange(len(bands.counts), device=lines.device).repeat_interleave(
        torch.tensor(bands.counts, device=lines.device)
    )
    across = _crossings(at, normal, known[:, curves], bands)
    of_knots = torch.cat([there[:, [i]].expand(-1, k.shape[1]) for i, k in enumerate(knots)], 1)
    return DrawnBands(
        columns=bands.grid(placed, "column"),
        cells=bands.grid(placed, "cell"),
        across=torch.where(there[:, curves, None], across, torch.nan),
        knots=torch.where(of_knots[..., None], exact, torch.nan),
        normals=normals.flatten(1, 2),
    )


def _crossings(at: Tensor, normal: Tensor, lines: Tensor, bands: Bands) -> Tensor:
    """Where lines cross stations, in pixels from the middle: (N, B, 32), NaN where they do not.

    Of several crossings the nearest counts; one on another stretch of the curve is farther away by
    half of how far that is along the curve.

    Args:
        at: (N, B, 32, 2) the stations.
        normal: (N, B, 32, 2) unit vectors across the band there.
        lines: (N, B, P, 2) the curve of each band.
        bands: of the part.
    """
    from_station = lines[:, :, None] - at[:, :, :, None]
    across = (from_station * normal[:, :, :, None]).sum(dim=4)
    along = from_station[..., 0] * normal[:, :, :, None, 1]
    along = along - from_station[..., 1] * normal[:, :, :, None, 0]
    before, after = along[..., :-1], along[..., 1:]
    crosses = (before >= 0) != (after >= 0)
    share = before / torch.where(crosses, before - after, 1.0)
    found = across[..., :-1] + share * (across[..., 1:] - across[..., :-1])
    lengths = (lines[:, :, 1:] - lines[:, :, :-1]).norm(dim=3)
    reached = lengths.cumsum(dim=2)
    stations = torch.cat(
        [
            (torch.arange(n * STATIONS) + 0.5).view(n, STATIONS) / (n * STATIONS)
            for n in bands.counts
        ]
    ).to(lines)
    elsewhere = (reached[:, :, None] - (stations * reached[..., -1:])[..., None]).abs()
    cost = found.abs() + _ELSEWHERE * elsewhere
    cost = torch.where(crosses & (found.abs() < REACH), cost, torch.inf)
    best, index = cost.min(dim=3, keepdim=True)
    return torch.where(best.isfinite(), found.gather(3, index), torch.nan)[..., 0]
