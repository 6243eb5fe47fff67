"""Recipes of the paper's networks: all that decides how one is trained, apart from the data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from beetle_lm.train.engine.recipe_entries import check_bounds, checked_entries

_LAYERS = 6
_BOUNDS = (
    ("epochs", 1, None),
    ("batch_size", 1, None),
    ("validation_share", 0, 0.9),
    ("first_momentum", 0, 0.99999),
    ("last_momentum", 0, 0.99999),
    ("brightening", 1, 255),
    ("frozen", 0, _LAYERS - 1),
)


@dataclass(frozen=True)
class PaperRecipe:
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
        pretrained: whether the training starts from the weights of another.
    """

    name: str
    network: str
    epochs: int
    batch_size: int
    first_learning_rate: float
    last_learning_rate: float
    first_momentum: float
    last_momentum: float
    validation_share: float = 0.4
    brightening: int = 50
    frozen: int = 0
    pretrained: bool = False

    channels = 1
    """Of the network's input: it sees grey images."""

    def to_dict(self) -> dict[str, Any]:
        """The recipe as TOML values; `from_dict` reads it back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, entries: dict[str, Any], source: str) -> PaperRecipe:
        """Reads what `to_dict` wrote.

        Raises:
            RecipeError: an entry is missing, unknown, of a wrong kind or out of range.
        """
        recipe = cls(**checked_entries(cls, entries, source))
        check_bounds(recipe, source, _BOUNDS)
        return recipe
