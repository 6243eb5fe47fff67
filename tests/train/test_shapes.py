"""`beetle-lm train --shapes`: photographs warped to the shapes of specimens without photographs."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from kinds import Command, TrainArguments
from numpy.typing import NDArray
from training_data import SIZE, draw_set, small_recipe, tps_record

torch = pytest.importorskip("torch")

from beetle_lm.train.data.dataset import read_training_data  # noqa: E402


@pytest.fixture
def training(tmp_path: Path) -> TrainArguments:
    images, landmarks = draw_set(tmp_path / "drawn", 5)
    recipe = small_recipe(tmp_path / "small.toml", epochs=1)
    return ("train", images, landmarks, "--part", "quad", "--recipe", recipe, "--no-export")


def shapes_file(path: Path, *configurations: NDArray[np.float64], height: int = SIZE[1]) -> Path:
    records = [tps_record(f"far_{n}.jpg", xy, height) for n, xy in enumerate(configurations)]
    path.write_text("".join(records), encoding="utf-8")
    return path


QUAD = np.array([[250, 200], [700, 180], [740, 520], [220, 550.0]])


def test_further_shapes_are_taught_and_recorded(
    training: TrainArguments, command: Command, tmp_path: Path
) -> None:
    shapes = shapes_file(tmp_path / "shapes.tps", QUAD, QUAD * 1.5, height=900)
    done = command(*training, "--shapes", shapes, "-o", tmp_path / "with")
    assert done.code == 0
    assert "2 further shapes" in done.err
    job = tomllib.loads((tmp_path / "with" / "config.toml").read_text(encoding="utf-8"))
    assert job["shapes"] == str(shapes) and len(job["shapes_sha256"]) == 64
    assert command(*training, "-o", tmp_path / "without").code == 0
    first, second = (tmp_path / run / "weights.safetensors" for run in ("with", "without"))
    assert first.read_bytes() != second.read_bytes()

    shapes_file(shapes, QUAD * 2, height=900)
    again = command(*training, "--shapes", shapes, "-o", tmp_path / "with", "--resume")
    assert again.code == 1
    assert "shapes" in again.err


def test_a_shape_keeps_its_handedness(training: TrainArguments, tmp_path: Path) -> None:
    """A TPS file counts y upwards; a shape that came in mirrored would teach nonsense."""
    shapes = shapes_file(tmp_path / "shapes.tps", QUAD, height=2448)
    data = read_training_data(training[1], training[2], "quad", shapes=shapes)
    assert data.shapes.shape == (1, 4, 2)
    difference = data.shapes[0] - QUAD
    assert np.allclose(difference, difference[0])


def test_missing_landmarks_are_missing(training: TrainArguments, tmp_path: Path) -> None:
    path = shapes_file(tmp_path / "shapes.tps", QUAD, height=900)
    text = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([text[0], "-1 -1", *text[2:]]) + "\n", encoding="utf-8")
    data = read_training_data(training[1], training[2], "quad", shapes=path)
    assert np.isnan(data.shapes[0]).all(axis=1).tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("configurations", "said"),
    [((QUAD, QUAD[:3]), "3 landmarks, quad has 4"), ((), "shapes.tps")],
)
def test_shapes_of_another_part_are_refused(
    training: TrainArguments,
    command: Command,
    tmp_path: Path,
    configurations: tuple[NDArray[np.float64], ...],
    said: str,
) -> None:
    shapes = shapes_file(tmp_path / "shapes.tps", *configurations)
    done = command(*training, "--shapes", shapes, "-o", tmp_path / "run")
    assert done.code == 1
    assert said in done.err
    assert not (tmp_path / "run").exists()
