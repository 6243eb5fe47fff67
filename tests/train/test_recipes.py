"""Recipes, schedules and the division of the photographs."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_data import small_recipe

pytest.importorskip("torch")

from beetle_lm.errors import RecipeError
from beetle_lm.train.data.folds import folds, split
from beetle_lm.train.engine.schedule import warm_up_cosine
from beetle_lm.train.heatmap.recipe import HeatMapRecipe
from beetle_lm.train.methods import load_recipe, networks, recipe_from_dict, recipe_names
from beetle_lm.train.paper.recipe import PaperRecipe

NAMES = [f"beetle {i}.jpg" for i in range(37)]


def test_every_bundled_recipe_is_sound() -> None:
    assert "compact" in recipe_names()
    for name in recipe_names():
        recipe = load_recipe(name)
        assert recipe.network in networks()
        assert recipe_from_dict(recipe.to_dict(), name) == recipe


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": "many"}, "epochs must be a positive whole number, got 'many'"),
        ({"epochs": -1}, "epochs must be a positive whole number, got -1"),
        ({"epochs": 2.5}, "epochs must be a positive whole number, got 2.5"),
        ({"warp": 3}, "unknown entry 'warp'"),
        ({"epochs": 0}, "epochs must be a positive whole number, got 0"),
        ({"batch_size": 0}, "batch_size must be a positive whole number, got 0"),
        ({"steps_per_epoch": 0}, "steps_per_epoch must be a positive whole number, got 0"),
        ({"averaging": float("nan")}, "averaging must be a number from 0 to 1, got nan"),
        ({"averaging": 1.5}, "averaging must be a number from 0 to 1, got 1.5"),
        ({"channels": 2}, "channels must be one of 1, 3, got 2"),
        ({"noise": -0.1}, r"augmentation\.noise must be a number, not negative, got -0\.1"),
        ({"learning_rate": float("nan")}, "learning_rate must be a number, not negative, got nan"),
        ({"network": "vast"}, "unknown network 'vast'; there are: compact, fine, nano"),
    ],
)
def test_wrong_entries_are_named(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    path = small_recipe(tmp_path / "mine.toml", **changes)
    with pytest.raises(RecipeError, match=message):
        load_recipe(str(path))


def test_recipes_from_before_there_was_a_body_rate_still_hold(tmp_path: Path) -> None:
    old = load_recipe(str(small_recipe(tmp_path / "old.toml")))
    assert isinstance(old, HeatMapRecipe) and old.body_rate == 0.3
    new = small_recipe(tmp_path / "new.toml", body_rate=1)
    new.write_text(new.read_text(encoding="utf-8"), encoding="utf-8-sig")  # as Notepad does
    read = load_recipe(str(new))
    assert isinstance(read, HeatMapRecipe) and read.body_rate == 1
    with pytest.raises(RecipeError, match="body_rate must be a number, not negative"):
        load_recipe(str(small_recipe(tmp_path / "bad.toml", body_rate=-0.1)))


def test_missing_entries_and_files_are_named(tmp_path: Path) -> None:
    path = small_recipe(tmp_path / "mine.toml")
    path.write_text(path.read_text(encoding="utf-8").replace("blur", "# blur"), encoding="utf-8")
    with pytest.raises(RecipeError, match=r"mine\.toml: the entry 'augmentation\.blur' is missing"):
        load_recipe(str(path))
    path.write_text("epochs = = 3", encoding="utf-8")
    with pytest.raises(RecipeError, match="not a TOML file"):
        load_recipe(str(path))
    path.write_bytes("name = 'käfer'".encode("cp1252"))
    with pytest.raises(RecipeError, match=r"mine\.toml cannot be read: .*; save it as UTF-8"):
        load_recipe(str(path))
    with pytest.raises(RecipeError, match=r"unknown recipe 'compakt'.*compact"):
        load_recipe("compakt")


def test_a_share_to_validate_is_of_photographs_or_of_images() -> None:
    """The paper's recipes divide all images, the others the photographs."""
    compact, paper = load_recipe("compact"), load_recipe("paper-scratch")
    assert compact.with_validation_share(0.2) == (compact, 0.2)
    assert paper.with_validation_share(None) == (paper, 0)
    changed, share = paper.with_validation_share(0.2)
    assert isinstance(changed, PaperRecipe)
    assert (changed.validation_share, share) == (0.2, 0)


def test_learning_rate_rises_and_falls() -> None:
    rates = [warm_up_cosine(step, 1000) for step in range(1000)]
    assert rates[0] == pytest.approx(1 / 50)
    assert max(rates) == rates[50] == 1
    assert rates[525] == pytest.approx(0.5, abs=0.01)
    assert 0 <= rates[-1] < 1e-4
    assert warm_up_cosine(0, 1) > 0


@pytest.mark.parametrize("count", [2, 5, 9, 37])
def test_folds_partition_the_photographs(count: int) -> None:
    parts = folds(NAMES, count, seed=3)
    assert sorted(name for part in parts for name in part) == sorted(NAMES)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert folds(NAMES[::-1], count, seed=3) == parts
    assert folds(NAMES, count, seed=4) != parts


@pytest.mark.parametrize(("share", "validating"), [(0, 0), (0.001, 1), (0.1, 4), (0.9, 33)])
def test_split(share: float, validating: int) -> None:
    training, validation = split(NAMES, share, seed=1)
    assert sorted(training + validation) == sorted(NAMES)
    assert len(validation) == validating
    assert split(NAMES[::-1], share, seed=1) == (training, validation)


def test_split_of_one_photograph_trains_on_it() -> None:
    assert split(["only.jpg"], 0.5, seed=0) == (["only.jpg"], [])
