"""What a part measures stays with it from its TOML to the model file."""

from __future__ import annotations

from pathlib import Path

import pytest
from kinds import Command
from results import read_table
from training_data import draw_set

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

QUAD = """
name = "quad"
landmark_names = ["a", "b", "c", "d"]

[[measurements]]
name = "upper edge"
from = "a"
to = 2
"""


def test_from_the_toml_to_the_table(tmp_path: Path, command: Command, mean_recipe: Path) -> None:
    images, landmarks = draw_set(tmp_path, 6)
    part = tmp_path / "quad.toml"
    part.write_text(QUAD, encoding="utf-8")
    run, model = tmp_path / "run", tmp_path / "quad.onnx"
    train = ("train", images, landmarks, "--part", part, "--recipe", mean_recipe)
    assert command(*train, "--no-export", "-o", run).code == 0
    done = command("export", run, "-o", model, "--images", images)
    assert done.code == 0, done.err
    assert "upper edge" in command("zoo", "show", model).out
    assert command("predict", images, "-m", model, "-o", tmp_path / "out").code == 0
    rows = read_table(tmp_path / "out" / "measurements.csv")
    assert len(rows) == 6 and float(rows[0]["upper edge_px_expected_error"]) > 0
