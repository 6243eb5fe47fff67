"""What every network can do, whatever it is like inside: find landmarks on images."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Locator(nn.Module, ABC):
    """A network that finds landmarks: all that prediction, export and tests ask of one."""

    @abstractmethod
    def locate(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Landmarks of images, and how unsure the network is of each.

        Args:
            images: (N, C, H, W) of 0 to 255 in any number type.

        Returns:
            Landmarks (N, K, 2) in pixels of the input, and spreads (N, K) in the same unit.
        """
