"""`beetle-lm export` of a trained network: the model file, and what it places."""

from __future__ import annotations

import json
import os
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from kinds import Command, Exported, TrainArguments
from training_data import draw_set

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from beetle_lm.errors import ParityError  # noqa: E402
from beetle_lm.export import parity  # noqa: E402
from beetle_lm.predict.formats.tps import read_tps  # noqa: E402
from beetle_lm.predict.predictor import Predictor  # noqa: E402
from beetle_lm.train.engine.checkpoint import load_checkpoint  # noqa: E402
from beetle_lm.train.job import Job  # noqa: E402
from beetle_lm.zoo.model_file.card import CARD_KEY, ModelCard  # noqa: E402
from beetle_lm.zoo.model_file.onnx import read_card  # noqa: E402


def test_damaged_checkpoint(drawn: TrainArguments, command: Command, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert command(*drawn, "-o", run, "--epochs", 1).code == 0
    whole = (run / "weights.safetensors").read_bytes()
    (run / "weights.safetensors").write_bytes(whole[: len(whole) // 2])
    done = command("export", run, "-o", tmp_path / "m.onnx")
    assert done.code == 1 and "not a checkpoint of beetle-lm, or damaged" in done.err
    assert not (tmp_path / "m.onnx").exists()
    (run / "weights.safetensors").write_bytes(whole)
    (run / "metrics.json").unlink()
    done = command("export", run, "-o", tmp_path / "m.onnx")
    assert done.code == 1 and "is not finished" in done.err


def test_trained_network_finds_landmarks_through_the_command_line(
    trained: Path, exported: Exported, command: Command
) -> None:
    metrics = json.loads((trained / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["test"]["photographs"] == 2
    assert "file against network: max 0.00" in exported.said
    seen = read_card(exported.full).photographs
    job = Job.read(trained / "run")
    assert seen is not None and seen.is_complete
    images = [Path(job.images) / name for name in (*job.training, *job.validation, *job.test)]
    known = [path.name for path in images if seen.has(sha256(path.read_bytes()).digest())]
    assert sorted(known) == sorted(job.training + job.validation)
    fresh, manual = draw_set(trained / "fresh", 8, seed=77)
    out = trained / "out"
    done = command("predict", fresh, "--model", exported.full, "-o", out, "--reference", manual)
    assert done.code == 0
    predicted = {r.image: r.points for r in read_tps(out / "landmarks.tps")}
    errors = [
        np.linalg.norm(predicted[r.image] - r.points, axis=1).mean() for r in read_tps(manual)
    ]
    assert len(errors) == 8
    assert np.mean(errors) < 3  # of a photograph of 96 x 72


def test_half_precision_is_half_as_large_and_as_exact(trained: Path, exported: Exported) -> None:
    full, half = exported.full, exported.half
    assert half.stat().st_size < 0.6 * full.stat().st_size
    image = next((trained / "images").glob("*.png"))
    found = [
        next(iter(Predictor.load(str(path), device="cpu").predict([image]))).landmarks
        for path in (full, half)
    ]
    assert found[0] is not None and found[1] is not None
    assert np.abs(found[0].xy - found[1].xy).max() < 0.05


def test_model_file_tells_all_and_nothing_of_this_machine(
    trained: Path, exported: Exported
) -> None:
    model = onnx.load(exported.full)
    assert [entry.key for entry in model.metadata_props] == [CARD_KEY]
    card = ModelCard.from_json(model.metadata_props[0].value)
    assert card.version == "2.1" and card.licence == "CC0-1.0"
    assert card.provenance.startswith("Own drawings; 20 photographs of quad")
    [measured] = card.metrics
    assert measured.photographs == 2 and 0 < measured.mean_px_256x192 < 20
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert str(trained).encode() not in exported.full.read_bytes()
    assert os.fsencode(sys.prefix) not in exported.full.read_bytes()
    [image] = model.graph.input
    assert image.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [output.name for output in model.graph.output] == [
        *("landmarks", "score", "expected_error"),
    ]


def test_a_file_that_differs_from_its_network_is_not_written(
    drawn: TrainArguments,
    mean_recipe: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    assert command(*drawn, "--recipe", mean_recipe, "-o", run).code == 0
    monkeypatch.setattr(parity, "LIMIT_PX", -1.0)
    path = tmp_path / "refused.onnx"
    done = command("export", run, "-o", path)
    assert done.code == 1
    assert "differs from the network" in done.err
    assert not path.exists()
    assert not list(tmp_path.glob(".unfinished-*"))


def test_parity_compares_with_the_network_that_was_exported(
    trained: Path, exported: Exported, drawn: TrainArguments, command: Command, tmp_path: Path
) -> None:
    assert command(*drawn, "-o", tmp_path / "other", "--epochs", 1).code == 0
    images = sorted((trained / "images").glob("*.png"))
    same = parity.check_parity(exported.full, load_checkpoint(trained / "run"), images)
    assert same.max_px <= parity.LIMIT_PX and same.photographs == 24
    with pytest.raises(ParityError, match="differs from the network by"):
        parity.check_parity(exported.full, load_checkpoint(tmp_path / "other"), images)


def test_export_refuses_to_overwrite_and_needs_photographs(
    trained: Path, command: Command, tmp_path: Path
) -> None:
    path = tmp_path / "m.onnx"
    path.write_text("mine")
    done = command("export", trained / "run", "-o", path)
    assert done.code == 1 and "--overwrite" in done.err
    assert path.read_text() == "mine"
    (tmp_path / "empty").mkdir()
    elsewhere = ("--images", tmp_path / "nowhere")
    done = command("export", trained / "run", "-o", path, "--overwrite", *elsewhere)
    assert done.code == 1 and "--images" in done.err
    assert path.read_text() == "mine"
    done = command("export", tmp_path / "empty", "-o", tmp_path / "n.onnx")
    assert done.code == 1 and "not a training run" in done.err
