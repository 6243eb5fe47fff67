"""What every recipe has: all that decides how a network is trained, apart from the data."""

from __future__ import annotations

import dataclasses
from abc import ABC
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from beetle_lm.entries import load
from beetle_lm.errors import Hint, RecipeError, RequestError
from beetle_lm.train.data.dataset import Specimen


class Recipe(ABC):
    """How a network is trained: the base of each method's own recipe, a frozen dataclass.

    What a method cannot do is refused here; one that can, overrides it.

    Attributes:
        name: what the recipe is called.
        network: the name of the network that it trains, which says by which method.
        epochs: number of epochs.
        batch_size: images in a step.
        channels: of the network's input: 1 for grey, 3 for RGB.
        pretrained: whether the training has to start from the weights of another.
        learns_shapes: whether it has a use for the shapes of specimens without photographs.
        learns_curves: whether it learns curves beside the landmarks.
        of_the_paper: whether it is one of the paper's experiments.
    """

    name: str
    network: str
    epochs: int
    batch_size: int
    channels: int
    pretrained: bool = False
    learns_shapes: ClassVar[bool] = False
    learns_curves: ClassVar[bool] = False
    of_the_paper: ClassVar[bool] = False
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def to_dict(self) -> dict[str, Any]:
        """The recipe as TOML values; `from_dict` reads it back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, entries: object, source: str) -> Self:
        """Reads what `to_dict` wrote.

        Args:
            entries: the values, a table.
            source: what they come from, for messages.

        Raises:
            RecipeError: an entry is missing, unknown, of a wrong kind or out of range.
        """
        return load(cls, entries, source, RecipeError)

    def changed(self, **entries: object) -> Self:
        """The same recipe with other entries, which are checked as those of a file are.

        Raises:
            RecipeError: an entry is unknown, of a wrong kind or out of range.
        """
        return self.from_dict(self.to_dict() | entries, self.name)

    def with_turn(self, degrees: float) -> Self:
        """The recipe, turning photographs by up to this angle.

        Raises:
            RequestError: it turns none.
        """
        raise RequestError(f"the recipe {self.name} turns no photographs", Hint.NO_TURN)

    def with_validation_share(self, share: float | None) -> tuple[Self, float]:
        """The recipe, and the share of the photographs that is to validate.

        Args:
            share: what was asked for; None for what is usual.
        """
        return self, share or 0.0

    def check(self, photographs: Sequence[Specimen]) -> None:
        """Makes sure that photographs can be trained on.

        Raises:
            TrainingDataError: they cannot.
        """
        del photographs  # any can, where the input always has the same size

    def schedule(self) -> tuple[str | None, str | None]:
        """Learning rate and momentum over the training, in words; None for what there is not."""
        return None, None
