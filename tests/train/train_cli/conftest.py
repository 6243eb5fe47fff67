"""Drawn photographs to train on, and a trained network."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from kinds import Exported, TrainArguments
from training_data import draw_set, small_recipe

from beetle_lm.cli import app


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> TrainArguments:
    folder = tmp_path_factory.mktemp("drawn")
    images, landmarks = draw_set(folder, 10)
    recipe = small_recipe(folder / "small.toml")
    options = ("--part", "quad", "--val-share", 0.1, "--recipe", recipe)
    return ("train", images, landmarks, *options, "--no-export")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that was trained long enough to be of use; with its training images."""
    folder = tmp_path_factory.mktemp("trained")
    images, landmarks = draw_set(folder, 24, seed=5)
    recipe = small_recipe(
        folder / "longer.toml", epochs=4, steps_per_epoch=20, batch_size=8, averaging=0.97
    )
    test_list = folder / "test.txt"
    test_list.write_text("DRAWN_001.PNG\ndrawn_002.png\n\n", encoding="utf-8")
    run_app(
        "train", images, landmarks, "--part", "quad", "--val-share", 0.1, "--recipe", recipe,
        "--test", test_list, "-o", folder / "run", "-q", "--no-export",
    )  # fmt: skip
    return folder


@pytest.fixture(scope="session")
def exported(trained: Path) -> Exported:
    """The trained network's model files, in full and in half precision."""
    full, half = trained / "full.onnx", trained / "half.onnx"
    said = run_app(
        "export", trained / "run", "-o", full, "--provenance", "Own drawings",
        "--model-version", "2.1", "--licence", "CC0-1.0",
    )  # fmt: skip
    run_app("export", trained / "run", "-o", half, "--fp16")
    return Exported(full, half, said)


def run_app(*arguments: object) -> str:
    """Runs a command, which has to succeed; returns what it printed."""
    said = StringIO()
    with redirect_stdout(said):
        app([str(argument) for argument in arguments], standalone_mode=False)
    return said.getvalue()
