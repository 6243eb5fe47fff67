"""`beetle-lm train`: its folder, what is the same in the end, folds, arguments."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from kinds import Command, Finished, TrainArguments
from results import read_table
from training_data import draw_set, small_recipe, tps_record

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from safetensors.torch import load_file  # noqa: E402
from torch import Tensor  # noqa: E402

from beetle_lm.predict.batch.lock import FolderLock  # noqa: E402
from beetle_lm.predict.formats.tps import read_tps  # noqa: E402
from beetle_lm.train.data.dataset import load_tensors, read_training_data  # noqa: E402
from beetle_lm.train.data.folds import split  # noqa: E402
from beetle_lm.train.engine.checkpoint import load_checkpoint  # noqa: E402
from beetle_lm.train.engine.tested import predict_test  # noqa: E402
from beetle_lm.train.methods import trained_network  # noqa: E402


def tensors(run: Path, name: str = "weights.safetensors") -> dict[str, Tensor]:
    return load_file(run / name)


def equal(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


def test_run_folder(drawn: TrainArguments, command: Command, tmp_path: Path) -> None:
    arguments = [argument for argument in drawn if argument != "--no-export"]
    done = command(*arguments, "-o", tmp_path / "run")
    assert done.code == 0
    assert "9 photographs to train on, 1 to validate" in done.err
    assert "1 validation photograph\n" in done.out
    assert "3 epochs, 9 photographs\n" in done.out
    assert f"{tmp_path / 'run' / 'quad.onnx'} (" in done.out
    assert "file against network: max 0.00" in done.out
    assert "; 3 epochs on" in done.err and "this will take about" in done.err
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert files == {
        "config.toml", "log.csv", "losses.png", "weights.safetensors", "last.safetensors",
        "metrics.json", "quad.onnx",
    }  # fmt: skip
    rows = read_table(tmp_path / "run" / "log.csv")
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    last = float(rows[-1]["validation_px"])
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["validation"]["mean_px_of_input"] == pytest.approx(last, abs=1e-3)
    assert metrics["epoch"] == 3
    checkpoint = load_checkpoint(tmp_path / "run")
    assert checkpoint.epoch == metrics["epoch"]
    assert len(checkpoint.spec) == 4

    assert command("export", tmp_path / "run", "-o", tmp_path / "same.onnx").code == 0
    made = (tmp_path / "run" / "quad.onnx").read_bytes()
    assert (tmp_path / "same.onnx").read_bytes() == made


def test_a_seed_gives_the_same_weights(
    drawn: TrainArguments, command: Command, tmp_path: Path
) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        done = command(*drawn, "-o", tmp_path / name, "--seed", seed, "--epochs", 1)
        assert done.code == 0
        assert "; 1 epoch on" in done.err and "1 epoch, 9 photographs\n" in done.out
    assert equal(tensors(tmp_path / "a"), tensors(tmp_path / "b"))
    assert not equal(tensors(tmp_path / "a"), tensors(tmp_path / "c"))


def test_a_killed_run_goes_on_to_the_same_weights(
    drawn: TrainArguments, command: Command, tmp_path: Path
) -> None:
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
    for name in ("weights.safetensors", "last.safetensors"):
        assert equal(tensors(killed, name), tensors(tmp_path / "whole", name))
    whole, resumed = (tmp_path / "whole" / "log.csv", killed / "log.csv")
    assert whole.read_bytes() == resumed.read_bytes()
    assert command(*arguments, "--resume").code == 0  # nothing is left to do


def test_photographs_are_turned_as_far_as_is_asked(
    drawn: TrainArguments, command: Command, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert command(*drawn, "-o", run, "--turn", 40, "--epochs", 1).code == 0
    kept = load_checkpoint(run)
    assert kept.assessment is not None
    assert kept.recipe["augmentation"]["rotation"] == 40
    low, high = kept.assessment.limits.rotation
    assert low < -38 and high > 38


def test_folds_test_every_photograph_once(
    drawn: TrainArguments, command: Command, tmp_path: Path
) -> None:
    arguments = (*drawn, "-o", tmp_path / "cv", "--folds", 3, "--epochs", 1)
    done = command(*arguments)
    assert done.code == 0
    assert "every photograph was tested once" in done.out
    tested = [row["image"] for row in read_table(tmp_path / "cv" / "test" / "per_specimen.csv")]
    assert sorted(tested) == [f"drawn_{i:03d}.png" for i in range(10)]
    for fold in (1, 2, 3):
        config = load_toml(tmp_path / "cv" / f"fold-{fold}" / "config.toml")
        parts = [set(config[name]) for name in ("training", "validation", "test")]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 10
    before = (tmp_path / "cv" / "fold-1" / "weights.safetensors").stat().st_mtime_ns
    assert command(*arguments, "--resume").code == 0
    assert (tmp_path / "cv" / "fold-1" / "weights.safetensors").stat().st_mtime_ns == before
    done = command("export", tmp_path / "cv", "-o", tmp_path / "m.onnx")
    assert done.code == 1


def load_toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")
def test_full_disk(
    drawn: TrainArguments, command: Command, tmp_path: Path, limited_files: Callable[[int], None]
) -> None:
    run = tmp_path / "run"
    limited_files(100_000)  # less than a checkpoint
    done = command(*drawn, "-o", run, "--epochs", 1)
    assert done.code == 1
    assert "last.safetensors cannot be written" in done.err and "--resume" in done.err
    assert not list(run.glob(".unfinished-*"))
    limited_files(-1)
    assert command(*drawn, "-o", run, "--epochs", 1, "--resume").code == 0


def test_bad_arguments(drawn: TrainArguments, command: Command, tmp_path: Path) -> None:
    def failing(*arguments: object) -> Finished:
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


def test_validation_photographs_are_only_measured(command: Command, tmp_path: Path) -> None:
    images, landmarks = draw_set(tmp_path, 10)
    recipe = small_recipe(tmp_path / "r.toml")
    options = ("--part", "quad", "--recipe", recipe, "--val-share", 0.3, "--no-export")
    assert command("train", images, landmarks, *options, "-o", tmp_path / "right").code == 0
    records = {str(record.image): record.in_image(72) for record in read_tps(landmarks)}
    for name in split(list(records), 0.3, seed=0)[1]:
        records[name] = records[name][[2, 3, 0, 1]]
    text = "".join(tps_record(name, xy) for name, xy in records.items())
    landmarks.write_text(text, encoding="utf-8")
    assert command("train", images, landmarks, *options, "-o", tmp_path / "wrong").code == 0
    assert equal(tensors(tmp_path / "right"), tensors(tmp_path / "wrong"))
    right, wrong = (read_table(tmp_path / run / "log.csv") for run in ("right", "wrong"))
    assert right[-1]["training_loss"] == wrong[-1]["training_loss"]
    assert right[-1]["validation_px"] != wrong[-1]["validation_px"]


def test_every_photograph_is_trained_on_unless_asked(
    drawn: TrainArguments, command: Command, tmp_path: Path
) -> None:
    train, images, landmarks, *options = drawn
    options = options[: options.index("--val-share")] + options[options.index("--recipe") :]
    done = command(train, images, landmarks, *options, "--epochs", 1, "-o", tmp_path / "run")
    assert done.code == 0
    assert "10 photographs to train on, 0 to validate" in done.err
    assert len(load_toml(tmp_path / "run" / "config.toml")["training"]) == 10


def test_test_photographs_are_predicted_with_the_final_weights(
    drawn: TrainArguments, command: Command, tmp_path: Path
) -> None:
    _, images, landmarks, *_ = drawn
    tested = ["drawn_001.png", "drawn_002.png"]
    (tmp_path / "test.txt").write_text("\n".join(tested), encoding="utf-8")
    run = tmp_path / "run"
    assert command(*drawn, "--test", tmp_path / "test.txt", "-o", run).code == 0
    checkpoint = load_checkpoint(run)
    data = read_training_data(images, landmarks, "quad")
    specimens = [s for s in data.specimens if s.name in tested]
    tensors = load_tensors(data.spec, specimens, checkpoint.input_size, 1, "letterbox", False)
    predict_test(
        trained_network(checkpoint), tensors, specimens, tmp_path / "again.csv", torch.device("cpu")
    )
    assert (tmp_path / "again.csv").read_bytes() == (run / "test_predictions.csv").read_bytes()


def test_the_model_file_can_be_left_out(
    drawn: TrainArguments, command: Command, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    done = command(*drawn, "-o", run, "--epochs", 1)
    assert done.code == 0 and f"`beetle-lm export {run} -o model.onnx`" in done.out
    assert not list(run.glob("*.onnx"))


def test_a_second_training_into_one_folder_is_refused(
    drawn: TrainArguments, command: Command, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    with FolderLock(run):
        for more in ((), ("--resume",), ("--folds", 2)):
            done = command(*drawn, "-o", run, "--epochs", 1, *more)
            assert done.code == 1
            assert f"another run is writing into {run}" in done.err and "-o" in done.err
    assert list(run.iterdir()) == []


def test_a_failed_training_leaves_no_folder(
    drawn: TrainArguments, command: Command, tmp_path: Path
) -> None:
    done = command(*drawn, "-o", tmp_path / "run", "--recipe", "paper-finetune")
    assert done.code == 2 and "--init" in done.err
    assert not (tmp_path / "run").exists()
