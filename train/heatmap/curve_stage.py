"""The stage of a network that places curves: semilandmarks from knots and bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from beetle_lm.train.heatmap.bands import CELLS, COLUMNS, KNOTS, REACH, STATIONS, Bands, evenly
from beetle_lm.train.heatmap.layers import convolution, doubled, sampled
from beetle_lm.zoo.model_file.parts import Curve

CELL = 2 * REACH / STATIONS
"""Pixels of the input across a band per cell of its heat map."""


class CurveStage(nn.Module):
    """Sees bands along curves, together with the coarse stage's features there.

    Its layer `knots` turns these features into a heat map of each knot.

    Args:
        landmarks: number of the part's landmarks.
        curves: of the part; one at least.
        layers: for the features of bands, by their names.
        features: channels of the coarse stage's features.
        widths: of its layers, as those for the patches of landmarks.
        block: kind of its blocks.
    """

    def __init__(
        self,
        landmarks: int,
        curves: Sequence[Curve],
        layers: Mapping[str, nn.Module],
        features: int,
        widths: tuple[int, int, int],
        block: type[nn.Module],
    ) -> None:
        super().__init__()
        shallow, deep, last = widths
        self.bands = Bands(landmarks, curves)
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.context = nn.Conv2d(features, deep, 1)
        self.blocks = nn.Sequential(block(deep), block(deep))
        self.up = convolution(deep + shallow, last)
        count = len(self.bands)
        self.knots = nn.Conv2d(features, self.bands.knots, 1)
        self.last = nn.Conv2d(count * last, count, 1, groups=count)

    def forward(
        self, features: Tensor, shallow: Tensor, deep: Tensor, cells: Tensor, stride: int
    ) -> Tensor:
        """Where the curves are in bands.

        Args:
            features: (N, F, h, w) of the coarse stage.
            shallow: (N * B, S, 32, 32) features of the bands; rows run along the curve, a row lower
                lies farther to its right.
            deep: (N * B, D, 16, 16) of the same.
            cells: (N, B, 8 * 8, 2) where the bands' cells lie, in pixels of the input.
            stride: pixels of the input per cell of the features.

        Returns:
            Logits (N, B, 32, 32): for each station, a column, those of the cells across.
        """
        context = sampled(self.context(features).float(), cells / stride, CELLS)
        x = F.relu(deep + doubled(context.flatten(0, 1)))
        x = self.up(torch.cat((doubled(self.blocks(x)), shallow), dim=1))
        x = torch.reshape(x, (cells.shape[0], -1, STATIONS, STATIONS))
        logits: Tensor = self.last(x)
        return logits

    def cut(self, images: Tensor, points: Tensor) -> Tensor:
        """Bands (N, B, C, 64, 64) of images (N, C, H, W), by points (N, K + Q, 2) in pixels."""
        return sampled(images, self.bands.grid(points, "column"), COLUMNS)

    def semilandmarks(
        self, logits: Tensor, points: Tensor, unsure: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Evenly spaced places on the curves, as the bands' heat maps show these.

        Args:
            logits: (N, B, 32, 32) of the bands.
            points: (N, K + Q, 2) landmarks and knots, by which the bands were cut.
            unsure: (N, Q) mean distance of what the coarse stage places beyond the bands' reach.

        Returns:
            Semilandmarks (N, S, 2) of all curves in pixels of the input, and spreads (N, S): the
            mean distance across the curve of the probability from it.
        """
        probability = logits.float().softmax(dim=2)
        across = (torch.arange(STATIONS, device=logits.device) + 0.5) * CELL - REACH
        off = (probability * across[:, None]).sum(dim=2)
        spread = (probability * (across[:, None] - off[:, :, None]).abs()).sum(dim=2)
        at, normal = self.bands.line(points, "station")
        placed = self.bands.by_curve(at + normal * off[..., None])
        spreads = self.bands.by_curve(spread)
        beyond = torch.split(unsure, [KNOTS * n for n in self.bands.counts], dim=1)
        found = []
        for curve, line, width, far in zip(self.bands.curves, placed, spreads, beyond, strict=True):
            ends = points[:, [curve.start - 1]], points[:, [curve.end - 1]]
            every = torch.cat((width[:, :1], width, width[:, -1:]), dim=1)
            every = every + far.mean(dim=1, keepdim=True)
            count = curve.semilandmarks
            shares = torch.arange(1, count + 1, device=line.device) / (count + 1)
            found.append(evenly(torch.cat((ends[0], line, ends[1]), dim=1), shares, every))
        return torch.cat([one[0] for one in found], 1), torch.cat([one[1] for one in found], 1)
