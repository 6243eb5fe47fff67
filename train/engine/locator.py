"""What every network can do, whatever it is like inside: find landmarks on images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from beetle_lm.zoo.model_file.shape_space import ShapeSpace

HEAD = "head"
"""The layers of every network that know the landmarks."""

CURVES = "curves"
"""The layers of a network that know the curves; all but these and the head serve any part."""

_BATCH = 16


class Located(NamedTuple):
    """What a network finds on images, in pixels of the input.

    Args:
        xy: (N, K, 2) landmarks.
        spread: (N, K) how unsure the network is of each.
        semilandmarks: (N, S, 2) of all the part's curves; S is 0 where it has none.
        semilandmark_spread: (N, S) how unsure it is of each across its curve.
    """

    xy: Tensor
    spread: Tensor
    semilandmarks: Tensor
    semilandmark_spread: Tensor

    @classmethod
    def without_curves(cls, xy: Tensor, spread: Tensor) -> Located:
        """Landmarks alone."""
        return cls(xy, spread, xy[:, :0], spread[:, :0])


class Locator(nn.Module, ABC):
    """A network that finds landmarks: all that prediction, export and tests ask of one.

    Its layers that know the landmarks are called `HEAD`.
    """

    @abstractmethod
    def locate(self, images: Tensor) -> Located:
        """Landmarks and curves of images, and how unsure the network is of each.

        Args:
            images: (N, C, H, W) of 0 to 255 in any number type.
        """

    def expect(
        self,
        shapes: ShapeSpace | None,
        recipe: Mapping[str, Any],
    ) -> None:
        """Lets `locate` know what shapes are likely, where it has a use for that.

        Args:
            shapes: of specimens like those to come; None where too few are known.
            recipe: how the network was trained, as a table.
        """


def predict(network: Locator, images: Tensor, device: torch.device) -> Located:
    """What a network finds on images (N, C, H, W) of its input's size."""
    if len(images) == 0:
        return Located(*(torch.empty(0) for _ in Located._fields))
    network.eval()
    with torch.inference_mode():
        found = [network.locate(batch.to(device)) for batch in torch.split(images, _BATCH)]
    return Located(*(torch.cat(parts).cpu() for parts in zip(*found, strict=True)))
