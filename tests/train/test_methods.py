"""The registry of training methods: a third one takes a room of its own and one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kinds import Command
from results import read_table
from training_data import draw_set

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from beetle_lm.predict.formats.tps import read_tps  # noqa: E402
from beetle_lm.train import methods  # noqa: E402


@pytest.mark.parametrize("network", ["nano", "paper-1"])
def test_a_network_belongs_to_one_method(network: str) -> None:
    [method] = [one for one in methods.METHODS if network in one.networks]
    assert methods.method_of(network) is method
    assert len(methods.networks()) == sum(len(one.networks) for one in methods.METHODS)


def test_a_third_method_is_trained_tested_exported_and_predicts(
    mean_recipe: Path, command: Command, tmp_path: Path
) -> None:
    images, landmarks = draw_set(tmp_path, 8)
    (tmp_path / "test.txt").write_text("drawn_000.png\ndrawn_001.png\n", encoding="utf-8")
    run, model = tmp_path / "run", tmp_path / "mean.onnx"
    train = ("train", "--no-export", images, landmarks, "--part", "quad", "--recipe", mean_recipe)
    done = command(*train, "--test", tmp_path / "test.txt", "-o", run)
    assert done.code == 0, done.err
    assert "6 photographs to train on, 0 to validate, 2 to test" in done.err
    assert [row["epoch"] for row in read_table(run / "log.csv")] == ["1", "2"]
    assert command("export", run, "-o", model).code == 0
    out = tmp_path / "out"
    assert command("predict", images, "--model", model, "-o", out).code == 0
    trained = [record.points for record in read_tps(landmarks)][2:]
    for record in read_tps(out / "landmarks.tps"):
        assert np.allclose(record.points, np.mean(trained, axis=0), atol=0.1)
    tested = {row["image"] for row in read_table(run / "test_predictions.csv")}
    assert tested == {"drawn_000.png", "drawn_001.png"}
    done = command(*train, "--init", model, "-o", tmp_path / "again")
    assert done.code == 0 and "loaded 1 layer from" in done.err


def test_a_third_method_is_cross_validated_and_compared(
    mean_recipe: Path, command: Command, tmp_path: Path
) -> None:
    images, landmarks = draw_set(tmp_path / "data" / "quad", 4)
    done = command(
        "train", images, landmarks, "--part", "quad", "--recipe", mean_recipe, "--folds", 2,
        "-o", tmp_path / "folds",
    )  # fmt: skip
    assert done.code == 0 and "every photograph was tested once" in done.out
    report = tmp_path / "report"
    done = command(
        "reproduce", tmp_path / "data", "-o", report, "--recipes", mean_recipe, "--rounds", 2
    )
    assert done.code == 0, done.err
    [row, _] = read_table(report / "tables" / "summary.csv")
    assert row["method"] == "mean position"
    assert "| mean | mean-shape | 2 | 1 |" in (report / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--turn", 20), "the recipe mean turns no photographs; --turn has no effect"),
        (
            ("--shapes", "landmarks.tps"),
            "the recipe mean has no use for further shapes; leave --shapes out",
        ),
    ],
)
def test_what_a_method_cannot_do_is_refused(
    mean_recipe: Path,
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[object, ...],
    message: str,
) -> None:
    images, landmarks = draw_set(tmp_path, 4)
    monkeypatch.chdir(tmp_path)
    train = ("train", "--no-export", images, landmarks, "--part", "quad", "--recipe", mean_recipe)
    done = command(*train, "-o", "run", *options)
    assert done.code == 2 and message in done.err
    assert not Path("run").exists()
