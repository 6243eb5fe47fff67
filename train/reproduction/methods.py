"""What a reproduction compares: recipes, and how each relates to the paper."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from beetle_lm.errors import RequestError
from beetle_lm.train.engine.recipe import Recipe
from beetle_lm.train.methods import USUAL, load_recipe

SCRATCH, FINETUNE = "paper-scratch", "paper-finetune"
"""The two methods of the paper's tables."""

PRETRAIN = "paper-pretrain"
"""The recipe of what fine-tuning starts from."""

TRANSFER = "transfer"
"""The template baseline, which is no recipe: it trains nothing."""

DEFAULT = (SCRATCH, FINETUNE, USUAL, TRANSFER)
"""The methods that are compared where none are named."""

GIVEN_UP = ("paper-scratch-1", "paper-scratch-2")
"""The models that the paper trains on the pronotum and gives up."""

_SCRATCH_EPOCHS = 5000


@dataclass(frozen=True)
class Settings:
    """What is changed in the paper's recipes; None leaves them as they are.

    Args:
        epochs: from scratch; those of the other recipes change in proportion, so that pre-training
            keeps twice as many.
        batch_size: images in a step.
        brightening: the paper's N.
    """

    epochs: int | None = None
    batch_size: int | None = None
    brightening: int | None = None

    def applied(self, recipe: Recipe) -> Recipe:
        """A recipe with these changes; one that is not the paper's stays as it is."""
        if not recipe.of_the_paper:
            return recipe
        changes: dict[str, int] = {}
        if self.epochs is not None:
            changes["epochs"] = max(1, round(recipe.epochs * self.epochs / _SCRATCH_EPOCHS))
        if self.batch_size is not None:
            changes["batch_size"] = self.batch_size
        if self.brightening is not None:
            changes["brightening"] = self.brightening
        return recipe.changed(**changes)


def load_methods(names: Sequence[str], settings: Settings) -> dict[str, Recipe]:
    """The recipes to compare, by their names.

    Args:
        names: of recipes, or paths of TOML files, each with ``:EPOCHS`` behind it or not.
        settings: what is changed in the paper's recipes.

    Raises:
        RecipeError: a recipe is unknown or wrong.
        RequestError: two have one name, or one has a name that is no folder's.
    """
    methods: dict[str, Recipe] = {}
    for given in names:
        name, _, epochs = given.rpartition(":") if re.search(r":\d+$", given) else (given, "", "")
        recipe = settings.applied(load_recipe(name))
        if epochs:
            recipe = recipe.changed(epochs=max(1, int(epochs)))
        if recipe.name in methods:
            raise RequestError(f"two recipes are called {recipe.name}; give each a name of its own")
        if not re.fullmatch(r"[\w.-]+", recipe.name):
            raise RequestError(f"the recipe's name {recipe.name!r} cannot be that of a folder")
        methods[recipe.name] = recipe
    return methods
