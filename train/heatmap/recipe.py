"""Recipes: everything that decides how a network is trained, apart from the data."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from beetle_lm.errors import RecipeError, UsageError
from beetle_lm.train.engine.recipe_entries import check_bounds, checked_entries
from beetle_lm.train.heatmap.networks import NETWORKS
from beetle_lm.train.paper.networks import PAPER_NETWORKS
from beetle_lm.train.paper.recipe import PaperRecipe

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
    """How far training images are varied; each image anew, within these bounds.

    Args:
        least_rotation: rotation, in degrees, that is enough where all photographs lie alike.
        rotation: greatest rotation, in degrees; how far between the two, the photographs say
            (`poses.fit_to_poses`).
        scale: greatest zoom in or out, as a factor.
        stretch: greatest change of proportions, as a factor.
        shift: greatest shift, as a share of the input's width and height.
        elastic: typical displacement of a smooth random warp, as a share of the input's width.
        shape_transfer: share of images that are warped towards another specimen's shape.
        light: strength of the changes of brightness, contrast, gamma and illumination, 0 to 1.
        blur: greatest standard deviation of a Gaussian blur, in pixels of the first look.
        noise: greatest standard deviation of the noise, as a share of white.
        patches: greatest number of covering discs.
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
class Recipe:
    """How a network is trained.

    Args:
        name: what the recipe is called.
        network: the network's name in `networks.py`.
        input_pixels: number of pixels of the input; its proportions follow the photographs. The
            first look sees a fourth of them.
        channels: 1 for grey, 3 for RGB.
        epochs: number of epochs.
        steps_per_epoch: optimiser steps in an epoch, however many photographs there are.
        batch_size: images in a step.
        learning_rate: highest learning rate of AdamW; it rises linearly over the first twentieth
            of the steps and falls as a cosine to zero.
        weight_decay: of AdamW.
        averaging: decay of the exponential moving average of the weights, which is what is kept.
        target_sigma: standard deviation of both looks' target heat maps, in heat map cells.
        coordinate_weight: weight of the coordinate loss beside the heat maps' cross-entropy.
        augmentation: how far images are varied.
        body_rate: share of the learning rate for layers that were taken over from another model
            (`--init`); without one it has no effect.
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

    def to_dict(self) -> dict[str, Any]:
        """The recipe as TOML values; `from_dict` reads it back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, entries: dict[str, Any], source: str) -> Recipe:
        """Reads what `to_dict` wrote.

        Raises:
            RecipeError: an entry is missing, unknown, of a wrong kind or out of range.
        """
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
        if recipe.network not in NETWORKS:
            raise RecipeError(
                f"{source}: unknown network '{recipe.network}'; there are:"
                f" {', '.join(sorted(NETWORKS))}"
            )
        if recipe.channels not in (1, 3):
            raise RecipeError(f"{source}: channels must be 1 or 3, got {recipe.channels}")
        return recipe


AnyRecipe = Recipe | PaperRecipe
"""Either kind: the network that a recipe names says which it is."""


def recipe_from_dict(entries: dict[str, Any], source: str) -> AnyRecipe:
    """Reads what the `to_dict` of either kind wrote.

    Raises:
        RecipeError: an entry is missing, unknown, of a wrong kind or out of range.
    """
    kind = PaperRecipe if entries.get("network") in PAPER_NETWORKS else Recipe
    return kind.from_dict(entries, source)


def with_validation_share(recipe: AnyRecipe, share: float | None) -> tuple[AnyRecipe, float]:
    """A recipe with a share to validate, and the share of the photographs that this leaves.

    The paper's recipes validate on a share of all images, not on photographs of their own.
    """
    if isinstance(recipe, Recipe):
        return recipe, share or 0.0
    share = recipe.validation_share if share is None else share
    return dataclasses.replace(recipe, validation_share=share), 0.0


def with_turn(recipe: AnyRecipe, degrees: float | None) -> AnyRecipe:
    """A recipe that turns photographs as far as is asked, or as far as they lie apart.

    Raises:
        UsageError: the recipe turns none.
    """
    if degrees is None:
        return recipe
    if not isinstance(recipe, Recipe):
        raise UsageError(f"the recipe {recipe.name} turns no photographs, so --turn has no effect")
    turned = dataclasses.replace(recipe.augmentation, least_rotation=degrees, rotation=degrees)
    return dataclasses.replace(recipe, augmentation=turned)


def recipe_names() -> list[str]:
    """The names of the recipes that come with the package."""
    folder = resources.files("beetle_lm.train").joinpath("recipes")
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    )


def load_recipe(name: str) -> AnyRecipe:
    """The recipe of that name, or in the TOML file of that path.

    Raises:
        RecipeError: there is none, or it has a wrong entry.
    """
    if name in recipe_names():
        text = (
            resources.files("beetle_lm.train")
            .joinpath("recipes", f"{name}.toml")
            .read_text("utf-8")
        )
    elif Path(name).is_file():
        try:
            text = Path(name).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"{name} cannot be read: {error}; save it as UTF-8") from error
    else:
        raise RecipeError(
            f"unknown recipe '{name}'; give the path of a TOML file or one of:"
            f" {', '.join(recipe_names())}"
        )
    try:
        entries = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{name}: not a TOML file: {error}") from error
    return recipe_from_dict(entries, name)
