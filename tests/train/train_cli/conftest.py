"""Drawn photographs to train on, and a trained network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from kinds import TrainArguments
from training_data import draw_set, small_recipe


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
        folder / "longer.toml", epochs=12, steps_per_epoch=20, batch_size=8, averaging=0.97
    )
    test_list = folder / "test.txt"
    test_list.write_text("DRAWN_001.PNG\ndrawn_002.png\n\n", encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "beetle_lm", "train", images, landmarks, "--part", "quad",
         "--val-share", "0.1", "--recipe", recipe, "--test", test_list, "-o", folder / "run", "-q",
         "--no-export"],
        check=True,
    )  # fmt: skip
    return folder
