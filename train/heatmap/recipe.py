"""Recipes of heat map networks: all that decides how one is trained, apart from the data."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from beetle_lm.entries import Range
from beetle_lm.train.data.dataset import Specimen, input_size
from beetle_lm.train.engine.recipe import Recipe
from beetle_lm.train.heatmap.networks import MULTIPLE

_Amount = Annotated[float, Range(0)]
_Count = Annotated[int, Range(0)]
_Positive = Annotated[int, Range(1)]


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
        sharpening: every other image goes away from its blurred one instead, by at most this much
            of their difference; 0 sharpens none.
        noise: greatest standard deviation of the noise, as a share of white.
        patches: greatest number of occlusion patches.
        dots: greatest number of small dots.
    """

    least_rotation: _Amount
    rotation: _Amount
    scale: _Amount
    stretch: _Amount
    shift: _Amount
    elastic: _Amount
    shape_transfer: _Amount
    light: _Amount
    blur: _Amount
    noise: _Amount
    patches: _Count
    dots: _Count
    sharpening: _Amount = 0.0


@dataclass(frozen=True)
class HeatMapRecipe(Recipe):
    """How a network is trained.

    Args:
        name: what the recipe is called.
        network: the network's name in `networks.py`.
        input_pixels: number of pixels of the input; its proportions follow the photographs. The
            coarse stage sees a fourth of them, or a sixteenth.
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
        body_rate: share of the learning rate that layers get that have learned before: from another
            model where training starts from one, or elsewhere.
    """

    name: str
    network: str
    input_pixels: _Positive
    channels: Literal[1, 3]
    epochs: _Positive
    steps_per_epoch: _Positive
    batch_size: _Positive
    learning_rate: _Amount
    weight_decay: _Amount
    averaging: Annotated[float, Range(0, 1)]
    target_sigma: Annotated[float, Range(0.1)]
    coordinate_weight: _Amount
    augmentation: Augmentation
    body_rate: _Amount = 0.3

    learns_shapes: ClassVar[bool] = True
    learns_curves: ClassVar[bool] = True

    def with_turn(self, degrees: float) -> Self:
        """The recipe, turning photographs by up to this angle, however they lie."""
        turned = dataclasses.replace(self.augmentation, least_rotation=degrees, rotation=degrees)
        return dataclasses.replace(self, augmentation=turned)

    def check(self, photographs: Sequence[Specimen]) -> None:
        """Photographs may be too long and narrow, because the input has their proportions."""
        input_size(photographs, self.input_pixels, MULTIPLE)

    def schedule(self) -> tuple[str | None, str | None]:
        """Learning rate and momentum over the training, in words."""
        return f"up to {self.learning_rate:g}, AdamW", None
