"""The methods of training: what a network's name says of recipe, network and trainer.

A further method is a room of its own, with a `Method`, and one line here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from beetle_lm.errors import RecipeError
from beetle_lm.train.engine.checkpoint import Checkpoint
from beetle_lm.train.engine.locator import Locator
from beetle_lm.train.engine.method import Method
from beetle_lm.train.engine.recipe import Recipe
from beetle_lm.train.heatmap.trainer import HEAT_MAPS
from beetle_lm.train.paper.trainer import PAPER
from beetle_lm.zoo.model_file.parts import Curve

METHODS: tuple[Method[Any], ...] = (
    HEAT_MAPS,
    PAPER,
)

USUAL = "pretrained"
"""The recipe that trains where none is named, and nothing speaks for another."""


def method_of(network: str) -> Method[Any]:
    """The method that trains a network.

    Raises:
        RecipeError: there is no network of that name.
    """
    for method in METHODS:
        if network in method.networks:
            return method
    raise RecipeError(f"unknown network '{network}'; there are: {', '.join(sorted(networks()))}")


def networks() -> dict[str, Callable[..., Locator]]:
    """All networks by their names."""
    return {name: build for method in METHODS for name, build in method.networks.items()}


def build_network(
    name: str, landmarks: int, channels: int, curves: Sequence[Curve] = ()
) -> Locator:
    """A network with fresh weights.

    Args:
        name: of the network.
        landmarks: their number.
        channels: of its input.
        curves: of the part; none for a network whose recipe does not learn curves.

    Raises:
        RecipeError: there is no network of that name.
    """
    build = method_of(name).networks[name]
    return build(landmarks, channels, curves) if curves else build(landmarks, channels)


def learns_curves(network: str) -> bool:
    """Whether the recipes of a network learn curves."""
    return bool(method_of(network).recipe.learns_curves)


def trained_network(checkpoint: Checkpoint) -> Locator:
    """The network of a checkpoint with its weights, ready to predict.

    Raises:
        CheckpointError: the weights are not those of the recipe's network.
        RecipeError: the checkpoint's recipe is damaged.
    """
    recipe = recipe_of(checkpoint)
    spec = checkpoint.spec
    network = build_network(recipe.network, len(spec), recipe.channels, spec.curves)
    return checkpoint.restored(network)


def recipe_of(checkpoint: Checkpoint) -> Recipe:
    """The recipe that a checkpoint was trained by.

    Raises:
        RecipeError: an entry is missing, unknown, of a wrong kind or out of range.
    """
    return recipe_from_dict(checkpoint.recipe, "the checkpoint's recipe")


def recipe_from_dict(entries: object, source: str) -> Recipe:
    """Reads what `Recipe.to_dict` wrote, as a recipe of the method whose network it names.

    Args:
        entries: the values, a table.
        source: what they come from, for messages.

    Raises:
        RecipeError: this is no table, or an entry is missing, unknown, of a wrong kind or out of
            range.
    """
    if not isinstance(entries, dict):
        raise RecipeError(f"{source}: there is no recipe, which is a table")
    if "network" not in entries:
        raise RecipeError(f"{source}: the entry 'network' is missing")
    try:
        method = method_of(str(entries["network"]))
    except RecipeError as error:
        raise RecipeError(f"{source}: {error}") from error
    recipe: Recipe = method.recipe.from_dict(entries, source)
    return recipe


def recipe_names() -> list[str]:
    """The names of the recipes that come with the package."""
    folder = resources.files("beetle_lm.train").joinpath("recipes")
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    )


def usual_recipe(networks: Collection[str] = ()) -> Recipe:
    """The recipe that trains where none is named.

    Args:
        networks: of which the weights that training starts from can be; empty where it starts from
            none.
    """
    usual = load_recipe(USUAL)
    if not networks or usual.network in networks:
        return usual
    recipes = map(load_recipe, recipe_names())
    return next((recipe for recipe in recipes if recipe.network in networks), usual)


def load_recipe(name: str) -> Recipe:
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
    except (ValueError, RecursionError) as error:  # numbers or tables without end, too
        raise RecipeError(f"{name}: not a TOML file: {error}") from error
    return recipe_from_dict(entries, name)
