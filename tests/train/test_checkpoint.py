"""Checkpoints and jobs are read strictly: what is damaged is said, and nothing is guessed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from beetle_lm.errors import BeetleLMError, CheckpointError, RecipeError  # noqa: E402
from beetle_lm.train.engine.checkpoint import (  # noqa: E402
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from beetle_lm.train.job import Job  # noqa: E402
from beetle_lm.train.methods import load_recipe, trained_network  # noqa: E402
from beetle_lm.zoo.model_file.parts import Measurement, PartSpec  # noqa: E402


def checkpoint() -> Checkpoint:
    return Checkpoint(
        tensors={"weight": torch.zeros(2)},
        recipe=load_recipe("nano").to_dict(),
        spec=PartSpec("wing", ("a", "b", "c"), ((1, 2),), (Measurement("length", 1, 3),)),
        input_width=64,
        input_height=48,
        fit="letterbox",
        seed=0,
        epoch=3,
        validation_px=float("nan"),
    )


def test_a_checkpoint_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "kept.safetensors"
    save_checkpoint(path, checkpoint())
    read = load_checkpoint(path)
    assert read.recipe == checkpoint().recipe
    assert read.spec == checkpoint().spec and read.input_size == (64, 48)
    assert torch.equal(read.tensors["weight"], torch.zeros(2))


@pytest.mark.parametrize(
    ("entry", "value", "said"),
    [
        ("recipe", 5, "recipe must be a table, got 5"),
        ("recipe", [["network", "nano"]], "recipe must be a table"),
        ("epoch", "many", "epoch must be a whole number, not negative, got 'many'"),
        ("input_width", 0, "input_width must be a positive whole number, got 0"),
        ("fit", "squash", "fit must be one of 'letterbox', 'stretch', got 'squash'"),
        ("spec", {"name": "wing"}, "the entry 'spec.landmark_names' is missing"),
        ("shapes", [], "shapes must be a table"),
        ("assessment", {"calibration": {}}, "the entry 'assessment.limits' is missing"),
        ("extra", 1, "unknown entry 'extra'"),
    ],
)
def test_damaged_checkpoints_are_named(
    tmp_path: Path, entry: str, value: object, said: str
) -> None:
    path = tmp_path / "odd.safetensors"
    save_checkpoint(path, checkpoint())
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        entries = json.loads(file.metadata()["beetle_lm"])
    text = json.dumps(entries | {entry: value})
    save_file({"weight": torch.zeros(2)}, path, metadata={"beetle_lm": text})
    with pytest.raises(CheckpointError, match="not a checkpoint of beetle-lm, or damaged") as error:
        load_checkpoint(path)
    assert said in str(error.value)


@pytest.mark.parametrize("metadata", [None, {"beetle_lm": "{"}, {"beetle_lm": "[]"}])
def test_files_of_others_are_no_checkpoints(tmp_path: Path, metadata: dict[str, str]) -> None:
    path = tmp_path / "odd.safetensors"
    save_file({"weight": torch.zeros(2)}, path, metadata=metadata)
    with pytest.raises(CheckpointError, match="not a checkpoint of beetle-lm"):
        load_checkpoint(path)


def test_a_recipe_without_a_network_is_named(tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    made = checkpoint()
    made.recipe["network"] = 3
    save_checkpoint(path, made)
    with pytest.raises(RecipeError, match="the checkpoint's recipe: unknown network '3'"):
        trained_network(load_checkpoint(path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("recipe = 3\n", "there is no recipe, which is a table"),
        ("seed = 3\n", "there is no recipe, which is a table"),
        ("seed = = 3\n", "cannot be read"),
        ("RECIPE", "the entry 'images' is missing"),
    ],
)
def test_damaged_jobs_are_named(tmp_path: Path, text: str, said: str) -> None:
    import tomli_w

    whole = tomli_w.dumps({"recipe": load_recipe("nano").to_dict()})
    (tmp_path / "config.toml").write_text(text.replace("RECIPE", whole), encoding="utf-8")
    with pytest.raises(BeetleLMError, match=said):
        Job.read(tmp_path)
