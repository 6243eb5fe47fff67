"""Bands along curves: where on a part's curves a network looks, and what it sees there.

A curve is first placed by its two landmarks and by knots evenly spread between them, which the
coarse stage finds; a smooth line runs through these. Along that line lie bands, straightened
patches of the photograph whose columns run across the line. In each column the fine stage says how
far from the middle the curve is. So one band serves for many semilandmarks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from torch import Tensor, nn

from beetle_lm.zoo.model_file.parts import Curve

REACH = 32
"""How far a band reaches to either side of its line, in pixels of the input."""

COLUMNS = 64
"""Columns of a band, however long its stretch of the curve is."""

STATIONS = 32
"""Places along a band at which the fine stage says where the curve is."""

CELLS = 8
"""Cells along and across a band, at which it gets the coarse stage's features."""

KNOTS = 8
"""Knots for each band that a curve has."""

_STATIONS_PER_SEMILANDMARK = 1

_PLACES = {"column": COLUMNS, "station": STATIONS, "cell": CELLS, "knot": None}


class Bands(nn.Module):
    """The bands of a part: tables of fixed numbers that follow from its curves alone.

    Points are the landmarks and the knots of all curves, in that order: (N, K + Q, 2).

    Args:
        landmarks: their number K.
        curves: of the part.
    """

    def __init__(self, landmarks: int, curves: Sequence[Curve]) -> None:
        super().__init__()
        self.curves = tuple(curves)
        self.counts = [
            math.ceil(_STATIONS_PER_SEMILANDMARK * curve.semilandmarks / STATIONS)
            for curve in curves
        ]
        """Bands of each curve."""
        self.knots = KNOTS * sum(self.counts)
        """Knots of all curves together, Q."""
        order: list[int] = []
        stretches = []
        first = landmarks
        for curve, count in zip(curves, self.counts, strict=True):
            knots = KNOTS * count
            order += [curve.start - 1, *range(first, first + knots), curve.end - 1]
            first += knots
            stretches.append((knots + 2, count))
        self.register_buffer("order", torch.tensor(order, dtype=torch.int64), persistent=False)
        for name, columns in _PLACES.items():
            for derivative in (0, 1):
                table = torch.from_numpy(_table(stretches, columns, derivative)).float()
                self.register_buffer(f"{name}_{derivative}", table, persistent=False)

    def __len__(self) -> int:
        return sum(self.counts)

    def knot_shares(self) -> list[Tensor]:
        """For each curve, which shares of its length its knots divide off."""
        return [torch.arange(1, KNOTS * n + 1) / (KNOTS * n + 1) for n in self.counts]

    def knots_of(self, lines: Tensor) -> list[Tensor]:
        """The knots of each curve, evenly spaced on lines (N, C, P, 2): each (N, knots, 2)."""
        return [
            evenly(lines[:, index], shares.to(lines))[0]
            for index, shares in enumerate(self.knot_shares())
        ]

    def line(self, points: Tensor, of: str) -> tuple[Tensor, Tensor]:
        """Places on the smooth lines through points, and unit normals there.

        Args:
            points: (N, K + Q, 2) landmarks and knots.
            of: 'column', 'station' or 'cell', the middle of each of these in every band; or 'knot',
                the knots themselves.

        Returns:
            Both (N, B, W, 2); the normal points to the right of who walks along the curve, y down.
        """
        chosen = points[:, self.get_buffer("order")]
        at, along = (
            (self.get_buffer(f"{of}_{derivative}") @ chosen).view(points.shape[0], len(self), -1, 2)
            for derivative in (0, 1)
        )
        length = along.square().sum(dim=3, keepdim=True).clamp(min=1e-12).sqrt()
        along = along / length
        return at, torch.stack((-along[..., 1], along[..., 0]), dim=3)

    def grid(self, points: Tensor, of: str) -> Tensor:
        """Where the columns' pixels, or the cells, of bands lie: (N, B, W * W, 2), row by row."""
        at, normal = self.line(points, of)
        count = at.shape[2]
        across = (torch.arange(count, device=at.device) + 0.5) * (2 * REACH / count) - REACH
        return (at[:, :, None] + normal[:, :, None] * across[:, None, None]).flatten(2, 3)

    def by_curve(self, values: Tensor) -> list[Tensor]:
        """Values (N, B, S, ...) of stations as (N, bands * S, ...) for each curve."""
        return [part.flatten(1, 2) for part in torch.split(values, self.counts, dim=1)]


def _table(
    stretches: Sequence[tuple[int, int]], columns: int | None, derivative: int
) -> NDArray[np.float64]:
    """What turns the points of all curves into places on their splines: (B * columns, points).

    The splines are cubic and natural, with their points at 0, 1, 2, ...

    Args:
        stretches: for each curve the number of its points, ends included, and of its bands.
        columns: places in each band; None for the knots.
        derivative: 0 for places, 1 for the directions there.
    """
    total = sum(points for points, _ in stretches)
    rows, first = [], 0
    for points, bands in stretches:
        spline = CubicSpline(np.arange(points), np.eye(points), bc_type="natural")
        at = np.arange(1.0, points - 1)
        if columns is not None:
            at = (np.arange(bands * columns) + 0.5) / (bands * columns) * (points - 1)
        table = np.zeros((len(at), total))
        table[:, first : first + points] = spline(at, derivative)
        rows.append(table)
        first += points
    return np.concatenate(rows) if rows else np.zeros((0, total))


def evenly(lines: Tensor, shares: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
    """Places that divide off shares of lines' lengths, and values there.

    Args:
        lines: (N, P, 2) points of lines.
        shares: (S,) from 0 to 1.
        values: each (N, P), of the lines' points.

    Returns:
        Places (N, S, 2), and for each of the values (N, S), interpolated along the line.
    """
    steps = lines[:, 1:] - lines[:, :-1]
    lengths = steps.square().sum(dim=2).clamp(min=1e-12).sqrt()
    ends = lengths.cumsum(dim=1)
    wanted = shares * ends[:, -1:]
    covered = (wanted[:, :, None] - (ends - lengths)[:, None]) / lengths[:, None]
    covered = covered.clamp(0.0, 1.0)
    places = lines[:, :1] + covered @ steps
    found = [v[:, :1] + (covered @ (v[:, 1:] - v[:, :-1])[..., None])[..., 0] for v in values]
    return places, *found
