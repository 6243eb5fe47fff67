"""Recipes of the paper's networks: all that decides how one is trained, apart from the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

from beetle_lm.entries import Range
from beetle_lm.train.engine.recipe import Recipe

_LAYERS = 6

_Rate = Annotated[float, Range(0)]
_Momentum = Annotated[float, Range(0, 0.99999)]


@dataclass(frozen=True)
class PaperRecipe(Recipe):
    """How one of the paper's networks is trained: stochastic gradient descent on the mean square.

    Args:
        name: what the recipe is called.
        network: `paper-1`, `paper-2` or `paper-3`.
        epochs: number of epochs, each a pass through all training images.
        batch_size: images in a step; the paper gives none, its framework's default was 128.
        first_learning_rate: in the first epoch; it goes linearly over the epochs.
        last_learning_rate: in the last epoch.
        first_momentum: Nesterov's momentum in the first epoch; it goes linearly as well.
        last_momentum: in the last epoch.
        validation_share: share of the images, augmented ones among them, that are only measured.
        brightening: the greatest constant added to a channel, the paper's N, which it does not
            give.
        frozen: number of the first layers that do not learn, of three convolutions and three dense
            layers.
        pretrained: whether the training has to start from the weights of another.
    """

    name: str
    network: str
    epochs: Annotated[int, Range(1)]
    batch_size: Annotated[int, Range(1)]
    first_learning_rate: _Rate
    last_learning_rate: _Rate
    first_momentum: _Momentum
    last_momentum: _Momentum
    validation_share: Annotated[float, Range(0, 0.9)] = 0.4
    brightening: Annotated[int, Range(1, 255)] = 50
    frozen: Annotated[int, Range(0, _LAYERS - 1)] = 0
    pretrained: bool = False

    channels = 1
    """Of the network's input, which is grey."""

    of_the_paper: ClassVar[bool] = True

    def with_validation_share(self, share: float | None) -> tuple[Self, float]:
        """The recipe validates on a share of all images, not on photographs of their own."""
        if share is None:
            share = self.validation_share
        return self.changed(validation_share=share), 0.0

    def schedule(self) -> tuple[str | None, str | None]:
        """Learning rate and momentum over the training, in words."""
        return (
            f"{self.first_learning_rate:g} to {self.last_learning_rate:g}",
            f"{self.first_momentum:g} to {self.last_momentum:g}",
        )
