"""`beetle-lm train`, `export` and `predict` in a row, on drawn photographs."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from training_data import draw_set, small_recipe, tps_record

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from safetensors.torch import load_file  # noqa: E402

from beetle_lm.export import parity  # noqa: E402
from beetle_lm.predict.predictor import Predictor  # noqa: E402
from beetle_lm.predict.tps_reader import read_tps  # noqa: E402
from beetle_lm.train.checkpoint import load_checkpoint  # noqa: E402
from beetle_lm.train.dataset import load_tensors, read_training_data  # noqa: E402
from beetle_lm.train.folds import split  # noqa: E402
from beetle_lm.train.tested import predict_test  # noqa: E402
from beetle_lm.zoo.card import CARD_KEY, ModelCard  # noqa: E402


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    images, landmarks = draw_set(folder, 10)
    recipe = small_recipe(folder / "small.toml")
    options = ("--part", "quad", "--val-share", 0.1, "--recipe", recipe)
    return ("train", images, landmarks, *options)


@pytest.fixture(scope="module")
def trained(drawn, tmp_path_factory):
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
         "--val-share", "0.1", "--recipe", recipe, "--test", test_list, "-o", folder / "run", "-q"],
        check=True,
    )  # fmt: skip
    return folder


def tensors(run, name="best.safetensors"):
    return load_file(run / name)


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


def test_run_folder(drawn, command, tmp_path):
    done = command(*drawn, "-o", tmp_path / "run")
    assert done.code == 0
    assert "9 photographs to train on, 1 to validate" in done.err
    assert "1 validation photographs" in done.out and "beetle-lm export" in done.out
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert files == {
        "config.toml", "log.csv", "losses.png", "best.safetensors", "last.safetensors",
        "metrics.json",
    }  # fmt: skip
    with (tmp_path / "run" / "log.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    errors = [float(row["validation_px"]) for row in rows]
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["validation"]["mean_px_of_input"] == pytest.approx(min(errors), abs=1e-3)
    assert metrics["epoch"] == 1 + errors.index(min(errors))
    checkpoint = load_checkpoint(tmp_path / "run")
    assert checkpoint.epoch == metrics["epoch"]
    assert len(checkpoint.spec) == 4


def test_a_seed_gives_the_same_weights(drawn, command, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        assert command(*drawn, "-o", tmp_path / name, "--seed", seed, "--epochs", 1).code == 0
    assert equal(tensors(tmp_path / "a"), tensors(tmp_path / "b"))
    assert not equal(tensors(tmp_path / "a"), tensors(tmp_path / "c"))


def test_a_killed_run_goes_on_to_the_same_weights(drawn, command, tmp_path):
    assert command(*drawn, "-o", tmp_path / "whole", "--epochs", 8).code == 0
    killed = tmp_path / "killed"
    arguments = [*map(str, drawn), "-o", str(killed), "--epochs", "8"]
    process = subprocess.Popen(
        [sys.executable, "-m", "beetle_lm", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (killed / "last.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert load_checkpoint(killed / "last.safetensors").epoch >= 1
    done = command(*arguments)
    assert done.code == 1 and "--resume goes on with it" in done.err
    done = command(*arguments, "--resume", "--seed", 9)
    assert done.code == 1 and "started with another seed" in done.err
    assert command(*arguments, "--resume").code == 0
    for name in ("best.safetensors", "last.safetensors"):
        assert equal(tensors(killed, name), tensors(tmp_path / "whole", name))
    whole, resumed = (tmp_path / "whole" / "log.csv", killed / "log.csv")
    assert whole.read_bytes() == resumed.read_bytes()
    assert command(*arguments, "--resume").code == 0  # nothing is left to do


def test_photographs_are_turned_as_far_as_is_asked(drawn, command, tmp_path):
    run = tmp_path / "run"
    assert command(*drawn, "-o", run, "--turn", 40, "--epochs", 1).code == 0
    kept = load_checkpoint(run)
    assert kept.recipe.augmentation.rotation == 40
    low, high = kept.assessment.limits.rotation
    assert low < -38 and high > 38


def test_folds_test_every_photograph_once(drawn, command, tmp_path):
    arguments = (*drawn, "-o", tmp_path / "cv", "--folds", 3, "--epochs", 1)
    done = command(*arguments)
    assert done.code == 0
    assert "every photograph was tested once" in done.out
    with (tmp_path / "cv" / "test" / "per_specimen.csv").open(encoding="utf-8") as file:
        tested = [row["image"] for row in csv.DictReader(file)]
    assert sorted(tested) == [f"drawn_{i:03d}.png" for i in range(10)]
    for fold in (1, 2, 3):
        config = load_toml(tmp_path / "cv" / f"fold-{fold}" / "config.toml")
        parts = [set(config[name]) for name in ("training", "validation", "test")]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 10
    before = (tmp_path / "cv" / "fold-1" / "best.safetensors").stat().st_mtime_ns
    assert command(*arguments, "--resume").code == 0
    assert (tmp_path / "cv" / "fold-1" / "best.safetensors").stat().st_mtime_ns == before
    done = command("export", tmp_path / "cv", "-o", tmp_path / "m.onnx")
    assert done.code == 1


def load_toml(path):
    import tomllib

    return tomllib.loads(path.read_text(encoding="utf-8"))


def test_bad_arguments(drawn, command, tmp_path):
    def failing(*arguments):
        return command(*drawn, "-o", tmp_path / "run", *arguments)

    names = tmp_path / "names.txt"
    names.write_text("nobody.png\n", encoding="utf-8")
    for arguments, code, message in (
        (("--recipe", "grand"), 1, "unknown recipe 'grand'"),
        (("--test", names), 2, "nobody.png"),
        (("--test", tmp_path / "absent.txt"), 2, "cannot be read"),
        (("--test", names, "--folds", 3), 2, "--folds"),
        (("--folds", 11), 2, "--folds 11"),
        (("--recipe", "paper-scratch", "--turn", 9), 2, "turns no photographs"),
    ):
        done = failing(*arguments)
        assert done.code == code
        assert message in done.err
    if not torch.cuda.is_available():
        done = failing("--device", "cuda")
        assert done.code == 1 and "CUDA" in done.err


def test_damaged_checkpoint(drawn, command, tmp_path):
    run = tmp_path / "run"
    assert command(*drawn, "-o", run, "--epochs", 1).code == 0
    whole = (run / "best.safetensors").read_bytes()
    (run / "best.safetensors").write_bytes(whole[: len(whole) // 2])
    done = command("export", run, "-o", tmp_path / "m.onnx")
    assert done.code == 1 and "not a checkpoint of beetle-lm, or damaged" in done.err
    assert not (tmp_path / "m.onnx").exists()
    (run / "best.safetensors").write_bytes(whole)
    (run / "metrics.json").unlink()
    done = command("export", run, "-o", tmp_path / "m.onnx")
    assert done.code == 1 and "is not finished" in done.err


def test_trained_network_finds_landmarks_through_the_command_line(trained, command):
    metrics = json.loads((trained / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["test"]["photographs"] == 2
    done = command("export", trained / "run", "-o", trained / "quad.onnx", "--licence", "CC0-1.0")
    assert done.code == 0
    assert "file against network: max 0.00" in done.out
    fresh, manual = draw_set(trained / "fresh", 8, seed=77)
    out = trained / "out"
    done = command(
        "predict", fresh, "--model", trained / "quad.onnx", "-o", out, "--reference", manual
    )
    assert done.code == 0
    predicted = {r.image: r.points for r in read_tps(out / "landmarks.tps")}
    errors = [
        np.linalg.norm(predicted[r.image] - r.points, axis=1).mean() for r in read_tps(manual)
    ]
    assert len(errors) == 8
    assert np.mean(errors) < 3  # of a photograph of 96 x 72


def test_test_photographs_are_predicted_with_the_best_weights(command, tmp_path):
    images, landmarks = draw_set(tmp_path, 12)
    tested = ["drawn_001.png", "drawn_002.png"]
    (tmp_path / "test.txt").write_text("\n".join(tested), encoding="utf-8")
    records = {record.image: record.image_xy(72) for record in read_tps(landmarks)}
    # Corners of the validation photographs in the opposite order: the more the network learns, the
    # farther it is from them.
    for name in split([name for name in records if name not in tested], 0.3, seed=0)[1]:
        records[name] = records[name][[2, 3, 0, 1]]
    text = "".join(tps_record(name, xy) for name, xy in records.items())
    landmarks.write_text(text, encoding="utf-8")
    recipe = small_recipe(tmp_path / "r.toml", network="nano", epochs=4, steps_per_epoch=20)
    run = tmp_path / "run"
    done = command(
        "train", images, landmarks, "--part", "quad", "--recipe", recipe, "--val-share", 0.3,
        "--test", tmp_path / "test.txt", "-o", run,
    )  # fmt: skip
    assert done.code == 0
    checkpoint = load_checkpoint(run)
    assert checkpoint.epoch < load_checkpoint(run / "last.safetensors").epoch
    data = read_training_data(images, landmarks, "quad")
    specimens = [s for s in data.specimens if s.name in tested]
    tensors = load_tensors(data.spec, specimens, checkpoint.input_size, 1, "letterbox", False)
    predict_test(checkpoint.network(), tensors, tmp_path / "again.csv", torch.device("cpu"))
    assert (tmp_path / "again.csv").read_bytes() == (run / "test_predictions.csv").read_bytes()


def test_half_precision_is_half_as_large_and_as_exact(trained, command):
    full, half = trained / "full.onnx", trained / "half.onnx"
    assert command("export", trained / "run", "-o", full).code == 0
    assert command("export", trained / "run", "-o", half, "--fp16").code == 0
    assert half.stat().st_size < 0.6 * full.stat().st_size
    image = next((trained / "images").glob("*.png"))
    found = [
        next(iter(Predictor.load(str(path), device="cpu").predict([image]))).landmarks.xy
        for path in (full, half)
    ]
    assert np.abs(found[0] - found[1]).max() < 0.05


def test_model_file_tells_all_and_nothing_of_this_machine(trained, command):
    path = trained / "told.onnx"
    arguments = ("--provenance", "Own drawings", "--model-version", "2.1", "--licence", "CC0-1.0")
    assert command("export", trained / "run", "-o", path, *arguments).code == 0
    model = onnx.load(path)
    assert [entry.key for entry in model.metadata_props] == [CARD_KEY]
    card = ModelCard.from_json(model.metadata_props[0].value)
    assert card.version == "2.1" and card.licence == "CC0-1.0"
    assert card.provenance.startswith("Own drawings; 20 photographs of quad")
    [measured] = card.metrics
    assert measured.photographs == 2 and 0 < measured.mean_px_256x192 < 20
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert str(trained).encode() not in path.read_bytes()
    assert os.fsencode(sys.prefix) not in path.read_bytes()
    [image] = model.graph.input
    assert image.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [output.name for output in model.graph.output] == [
        *("landmarks", "score", "expected_error"),
    ]


def test_a_file_that_differs_from_its_network_is_not_written(trained, command, monkeypatch):
    monkeypatch.setattr(parity, "LIMIT_PX", -1.0)
    path = trained / "refused.onnx"
    done = command("export", trained / "run", "-o", path)
    assert done.code == 1
    assert "differs from the network" in done.err
    assert not path.exists()
    assert not list(trained.glob(".export-*"))


def test_parity_compares_with_the_network_that_was_exported(trained, drawn, command, tmp_path):
    assert command(*drawn, "-o", tmp_path / "other", "--epochs", 1).code == 0
    assert command("export", trained / "run", "-o", tmp_path / "m.onnx").code == 0
    images = sorted((trained / "images").glob("*.png"))
    same = parity.check_parity(tmp_path / "m.onnx", load_checkpoint(trained / "run"), images)
    assert same.max_px <= parity.LIMIT_PX and same.photographs == 24
    with pytest.raises(parity.ParityError, match="differs from the network by"):
        parity.check_parity(tmp_path / "m.onnx", load_checkpoint(tmp_path / "other"), images)


def test_export_refuses_to_overwrite_and_needs_photographs(trained, command, tmp_path):
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
