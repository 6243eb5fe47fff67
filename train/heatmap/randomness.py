"""Random numbers for batches of images."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor


class Random:
    """Random numbers, one set for each of `count` images."""

    def __init__(self, generator: torch.Generator, device: torch.device, count: int) -> None:
        self.generator, self.device, self.count = generator, device, count

    def uniform(self, *shape: int) -> Tensor:
        """Numbers from 0 to 1, (N, *shape)."""
        return torch.rand(self.count, *shape, generator=self.generator, device=self.device)

    def symmetric(self) -> Tensor:
        """Numbers from -1 to 1, (N,)."""
        return self.uniform() * 2.0 - 1.0

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, (N, *shape)."""
        return torch.randn(self.count, *shape, generator=self.generator, device=self.device)

    def smooth(self, channels: int, knots: int, height: int, width: int) -> Tensor:
        """Normal numbers on a coarse grid of knots, interpolated: (N, channels, height, width)."""
        coarse = self.normal(channels, knots, knots)
        return F.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)
