"""What every network can do, whatever it is like inside: find landmarks on images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from beetle_lm.zoo.model_file.shape_space import ShapeSpace

HEAD = "head"
"""The layers of every network that know the landmarks: all others serve any part."""

_BATCH = 16


class Locator(nn.Module, ABC):
    """A network that finds landmarks: all that prediction, export and tests ask of one.

    Its layers that know the landmarks are called `HEAD`.
    """

    @abstractmethod
    def locate(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Landmarks of images, and how unsure the network is of each.

        Args:
            images: (N, C, H, W) of 0 to 255 in any number type.

        Returns:
            Landmarks (N, K, 2) in pixels of the input, and spreads (N, K) in the same unit.
        """

    def expect(self, shapes: ShapeSpace | None, recipe: Mapping[str, Any]) -> None:
        """Lets `locate` know what shapes are likely, where it has a use for that.

        Args:
            shapes: of specimens like those to come; None where too few are known.
            recipe: how the network was trained, as a table.
        """


def predict(network: Locator, images: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Landmarks (N, K, 2) and spreads (N, K) in input pixels of images (N, C, H, W) of its size."""
    if len(images) == 0:
        return torch.empty(0), torch.empty(0)
    network.eval()
    with torch.inference_mode():
        found = [network.locate(batch.to(device)) for batch in torch.split(images, _BATCH)]
    xy, spread = zip(*found, strict=True)
    return torch.cat(xy).cpu(), torch.cat(spread).cpu()
