"""A model that gives what cannot be: the photograph fails with a reason, and is never 'ok'."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from kinds import Command, Draw, WriteModel
from PIL import Image

from beetle_lm import Predictor

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

POINTS = [(100, 60), (200, 150), (130, 220)]
LANDMARKS, SCORE, ERROR = "landmarks", "score", "expected_error"
Change = Callable[[Path, str, float, float], Path]


@pytest.fixture
def changed(write_model: WriteModel) -> Change:
    """Multiplies an output of the model, and adds something, where the first pixel is black."""

    def change(path: Path, output: str, factor: float, summand: float) -> Path:
        model = onnx.load(path)
        node, tensor = onnx.helper.make_node, onnx.numpy_helper.from_array
        last = next(each for each in model.graph.node if output in each.output)
        last.output[list(last.output).index(output)] = "whole"
        shape = [-1, 1, 1] if output == LANDMARKS else [-1, 1]
        model.graph.initializer.extend(
            [
                tensor(np.array([0, 0, 0]), "begin"),
                tensor(np.array([1, 1, 1]), "end"),
                tensor(np.array([1, 2, 3]), "axes"),
                tensor(np.array(shape), "shape"),
                tensor(np.array(0, np.uint8), "black"),
                tensor(np.array(factor, np.float32), "factor"),
                tensor(np.array(summand, np.float32), "summand"),
            ]
        )
        model.graph.node.extend(
            [
                node("Slice", ["image", "begin", "end", "axes"], ["first"]),
                node("Equal", ["first", "black"], ["is_black"]),
                node("Reshape", ["is_black", "shape"], ["wrong"]),
                node("Mul", ["whole", "factor"], ["product"]),
                node("Add", ["product", "summand"], ["sum"]),
                node("Where", ["wrong", "sum", "whole"], [output]),
            ]
        )
        onnx.save(model, path)
        return path

    return change


@pytest.mark.parametrize(
    ("output", "factor", "summand", "fault"),
    [
        (LANDMARKS, np.nan, 0, "coordinates that are not finite"),
        (LANDMARKS, 1, np.inf, "coordinates that are not finite"),
        (LANDMARKS, 1, 1e30, "coordinates far outside the photograph"),
        (LANDMARKS, 1, -1e3, "coordinates far outside the photograph"),
        (SCORE, np.nan, 0, "scores that are not from 0 to 1"),
        (SCORE, 16, 0, "scores that are not from 0 to 1"),
        (SCORE, 1, -3, "scores that are not from 0 to 1"),
        (ERROR, np.nan, 0, "expected errors that are negative or not finite"),
        (ERROR, 1, np.inf, "expected errors that are negative or not finite"),
        (ERROR, 1, -50, "expected errors that are negative or not finite"),
    ],
)
def test_impossible_outputs_fail_their_own_photograph(
    write_model: WriteModel,
    changed: Change,
    draw: Draw,
    command: Command,
    tmp_path: Path,
    output: str,
    factor: float,
    summand: float,
    fault: str,
) -> None:
    path = changed(write_model(fit="stretch"), output, factor, summand)
    (tmp_path / "p").mkdir()
    for name in "abc":
        pixels = draw((400, 300), POINTS)
        if name == "b":
            pixels[:20, :20] = 0
        Image.fromarray(pixels).save(tmp_path / "p" / f"{name}.png")
    reason = f"b.png has no landmarks: the model gives {fault}"
    results = list(Predictor.load(path, "cpu").predict(tmp_path / "p"))
    assert [result.status for result in results] == ["ok", "failed", "ok"]
    assert (results[1].landmarks, results[1].error) == (None, reason)
    assert results[1].size == (400, 300)
    done = command("predict", tmp_path / "p", "-m", path, "-o", tmp_path / "out")
    assert done.code == 3
    assert reason in done.err
    with (tmp_path / "out" / "specimens.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["status"], row["reason"]) for row in rows] == [
        ("ok", ""),
        ("failed", reason),
        ("ok", ""),
    ]
