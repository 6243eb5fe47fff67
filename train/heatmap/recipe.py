"""Recipes of heat map networks: all that decides how one is trained, apart from the data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from beetle_lm.errors import RecipeError
from beetle_lm.train.engine.recipe import Recipe
from beetle_lm.train.engine.recipe_entries import check_bounds, checked_entries

_BOUNDS = (
    ("epochs", 1, None),
    ("steps_per_epoch", 1, None),
    ("batch_size", 1, None),
    ("input_pixels", 1, None),
    ("averaging", 0, 1),
    ("target_sigma", 0.1, None),
)


@dataclass(frozen=True)
class Augmentation:
    """The bounds of the augmentation: every image is changed anew in each step, within these.

    Args:
        least_rotation: greatest rotation, in degrees, where all photographs lie alike.
        rotation: greatest rotation, in degrees, where they do not; how much between the two is
            needed, the photographs themselves say (`poses.fit_to_poses`).
        scale: greatest zoom in or out, as a factor.
        stretch: greatest change of proportions, as a factor.
        shift: greatest shift, as a share of the input's width and height.
        elastic: typical displacement of a smooth random warp, as a share of the input's width.
        shape_transfer: share of images that are warped towards another specimen's shape.
        light: strength of the changes of brightness, contrast, gamma and illumination, 0 to 1.
        blur: greatest standard deviation of a Gaussian blur, in pixels of the coarse stage.
        noise: greatest standard deviation of the noise, as a share of white.
        patches: greatest number of occlusion patches.
        dots: greatest number of small dots.
    """

    least_rotation: float
    rotation: float
    scale: float
    stretch: float
    shift: float
    elastic: float
    shape_transfer: float
    light: float
    blur: float
    noise: float
    patches: int
    dots: int


@dataclass(frozen=True)
class HeatMapRecipe(Recipe):
    """How a network is trained.

    Args:
        name: what the recipe is called.
        network: the network's name in `networks.py`.
        input_pixels: number of pixels of the input; its proportions follow the photographs. The
            coarse stage sees a fourth of them.
        channels: 1 for grey, 3 for RGB.
        epochs: number of epochs.
        steps_per_epoch: optimiser steps in an epoch, however many photographs there are.
        batch_size: images in a step.
        learning_rate: highest learning rate of AdamW; it rises linearly over the first twentieth
            of the steps and falls as a cosine to zero.
        weight_decay: of AdamW.
        averaging: decay of the exponential moving average (EMA) of the weights, which is what is
            kept.
        target_sigma: standard deviation of both stages' target heat maps, in heat map cells.
        coordinate_weight: weight of the coordinate loss beside the heat maps' cross-entropy.
        augmentation: its bounds.
        body_rate: share of the learning rate that layers from another model get, where training
            starts from one.
    """

    name: str
    network: str
    input_pixels: int
    channels: int
    epochs: int
    steps_per_epoch: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    averaging: float
    target_sigma: float
    coordinate_weight: float
    augmentation: Augmentation
    body_rate: float = 0.3

    learns_shapes: ClassVar[bool] = True

    def to_dict(self) -> dict[str, Any]:
        """The recipe as TOML values; `from_dict` reads it back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, entries: dict[str, Any], source: str) -> Self:
        """Reads what `to_dict` wrote."""
        top = dict(entries)
        augmentation = top.pop("augmentation", None)
        if not isinstance(augmentation, dict):
            raise RecipeError(f"{source}: the table [augmentation] is missing")
        values = checked_entries(cls, top, source, omit="augmentation")
        recipe = cls(
            **values,
            augmentation=Augmentation(
                **checked_entries(Augmentation, augmentation, f"{source}, [augmentation]")
            ),
        )
        check_bounds(recipe, source, _BOUNDS)
        if recipe.channels not in (1, 3):
            raise RecipeError(f"{source}: channels must be 1 or 3, got {recipe.channels}")
        return recipe

    def with_turn(self, degrees: float) -> Self:
        """The recipe, turning photographs by up to this angle, however they lie."""
        turned = dataclasses.replace(self.augmentation, least_rotation=degrees, rotation=degrees)
        return dataclasses.replace(self, augmentation=turned)

    def schedule(self) -> tuple[str | None, str | None]:
        """Learning rate and momentum over the training, in words."""
        return f"up to {self.learning_rate:g}, AdamW", None
