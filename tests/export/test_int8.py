"""`beetle-lm export --int8`: dense layers in 8 bit, for the paper's networks."""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from kinds import Command
from numpy.typing import NDArray
from training_data import draw_set, small_recipe

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx import (  # noqa: E402
    ModelProto,
    TensorProto,
    helper,
    numpy_helper,
)

from beetle_lm.cli import run as run_command  # noqa: E402
from beetle_lm.errors import RequestError  # noqa: E402
from beetle_lm.export import parity  # noqa: E402
from beetle_lm.export.quantise import quantise_dense  # noqa: E402
from beetle_lm.predict.session import Session, load_runtime  # noqa: E402
from beetle_lm.train.paper import networks as paper_networks  # noqa: E402


class Small(paper_networks.PaperNetwork):
    """The third model with narrow dense layers, for a test's sake."""

    dense = 16


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return draw_set(tmp_path_factory.mktemp("drawn"), 6)


@pytest.fixture(scope="module")
def trained(drawn: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the small network, and its files in 32 and in 8 bit."""
    images, landmarks = drawn
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(paper_networks.PAPER_NETWORKS, "paper-3", Small)
        patch.setattr(sys, "stdout", StringIO())
        for arguments in (
            ("train", images, landmarks, "--part", "quad", "--recipe", "paper-scratch",
             "--epochs", 12, "-o", folder / "run", "--no-export"),
            ("export", folder / "run", "-o", folder / "full.onnx"),
            ("export", folder / "run", "-o", folder / "int8.onnx", "--int8"),
        ):  # fmt: skip
            patch.setattr(sys, "argv", ["beetle-lm", *map(str, arguments)])
            with pytest.raises(SystemExit) as end:
                raise SystemExit(run_command())
            assert not end.value.code
    return folder


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(paper_networks.PAPER_NETWORKS, "paper-3", Small)


def inputs(count: int, seed: int = 0) -> NDArray[np.uint8]:
    blobs = np.random.default_rng(seed).integers(0, 256, (count, 1, 6, 8), np.uint8)
    return blobs.repeat(32, axis=2).repeat(32, axis=3)


def test_a_fourth_of_the_size_and_nearly_the_same_landmarks(
    trained: Path, command: Command
) -> None:
    full, int8 = trained / "full.onnx", trained / "int8.onnx"
    assert int8.stat().st_size < 0.3 * full.stat().st_size
    images = inputs(6)
    exact = Session.open(full, "cpu").run(images)
    found = Session.open(int8, "cpu").run(images)
    difference = np.abs(exact.xy - found.xy).max()
    assert 0 < difference <= parity.INT8_LIMIT_PX
    assert np.ptp(exact.xy, axis=0).max() > 4 * difference  # the images do differ
    assert np.allclose(exact.expected_error, found.expected_error)


def test_the_card_tells_the_difference(trained: Path, command: Command) -> None:
    provenance = Session.open(trained / "int8.onnx", "cpu").card.provenance
    told = provenance.rpartition("dense layers in 8 bit, file against network: max ")[2]
    difference, _, rest = told.partition(" px ")
    assert 0 < float(difference) <= parity.INT8_LIMIT_PX and rest == "over 6 photographs"
    assert "8 bit" not in Session.open(trained / "full.onnx", "cpu").card.provenance
    shown = command("zoo", "show", trained / "int8.onnx", "--json")
    assert shown.code == 0 and told in shown.out


def test_a_photograph_does_not_depend_on_the_others_of_its_batch(trained: Path) -> None:
    session = Session.open(trained / "int8.onnx", "cpu")
    one, other = inputs(1), np.full((1, 1, 192, 256), 255, np.uint8)
    alone = session.run(np.concatenate([one, one])).xy[0]
    assert np.array_equal(session.run(np.concatenate([one, other])).xy[0], alone)


def test_a_black_photograph_has_landmarks(trained: Path) -> None:
    found = Session.open(trained / "int8.onnx", "cpu").run(np.zeros((1, 1, 192, 256), np.uint8))
    exact = Session.open(trained / "full.onnx", "cpu").run(np.zeros((1, 1, 192, 256), np.uint8))
    assert np.abs(found.xy - exact.xy).max() < parity.INT8_LIMIT_PX


def test_operators_are_those_of_the_standard(trained: Path) -> None:
    graph = onnx.load(trained / "int8.onnx").graph
    assert {node.domain for node in graph.node} <= {"", "ai.onnx"}
    assert [node.op_type for node in graph.node].count("MatMulInteger") == 1
    kinds = {entry.name: entry.data_type for entry in graph.initializer}
    assert kinds["network.fc1.weight.int8"] == TensorProto.UINT8
    assert kinds["network.head.weight"] == TensorProto.FLOAT  # its values are coordinates


def test_refused_where_the_difference_is_too_great(
    small: None, trained: Path, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(parity, "INT8_LIMIT_PX", 1e-7)
    path = tmp_path / "refused.onnx"
    done = command("export", trained / "run", "-o", path, "--int8")
    assert done.code == 1
    assert "at most 1e-07 px is allowed" in done.err and "without --int8" in done.err
    assert not list(tmp_path.iterdir())


def test_refused_for_networks_of_convolutions_only(
    drawn: tuple[Path, Path], command: Command, tmp_path: Path
) -> None:
    images, landmarks = drawn
    recipe = small_recipe(tmp_path / "small.toml", epochs=1, steps_per_epoch=1)
    run = tmp_path / "run"
    train = (
        "train",
        "--no-export",
        images,
        landmarks,
        "--part",
        "quad",
        "--recipe",
        recipe,
        "-o",
        run,
    )
    assert command(*train).code == 0
    done = command("export", run, "-o", tmp_path / "out" / "m.onnx", "--int8")
    assert done.code == 2 and "8 bit is for networks with large dense layers" in done.err
    assert "leave --int8 out" in done.err
    assert not list((tmp_path / "out").iterdir())


def test_one_of_the_two_ways_to_store_weights(
    trained: Path, command: Command, tmp_path: Path
) -> None:
    done = command("export", trained / "run", "-o", tmp_path / "m.onnx", "--int8", "--fp16")
    assert done.code == 2 and "not both" in done.err


def test_training_does_not_start_from_it(
    small: None, trained: Path, drawn: tuple[Path, Path], command: Command, tmp_path: Path
) -> None:
    images, landmarks = drawn
    done = command(
        "train", "--no-export", images, landmarks, "--part", "quad", "--recipe", "paper-finetune",
        "--init", trained / "int8.onnx", "-o", tmp_path / "run",
    )  # fmt: skip
    assert done.code == 1 and "serves for prediction alone" in done.err


def dense(weight: NDArray[np.float64], relu: bool = True) -> ModelProto:
    """A model of one dense layer (outputs, inputs)."""
    outputs, width = weight.shape
    nodes = [
        helper.make_node("Relu" if relu else "Identity", ["image"], ["x"]),
        helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "dense",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", outputs])],
        [
            numpy_helper.from_array(weight.astype(np.float32), "w"),
            numpy_helper.from_array(np.ones(outputs, np.float32), "b"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def product(model: ModelProto, rows: NDArray[np.float64]) -> NDArray[np.float32]:
    runtime = load_runtime()
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: NDArray[np.float32] = session.run(None, {"image": rows.astype(np.float32)})[0]
    return found


def test_long_sums_do_not_overflow() -> None:
    weight = np.stack([np.ones(91_264), -np.ones(91_264), np.zeros(91_264)])
    model = dense(weight)
    quantise_dense(model)
    onnx.checker.check_model(model)
    found = product(model, np.stack([np.full(91_264, 7.0), np.zeros(91_264)]))
    total = 7.0 * 91_264
    assert found[0] == pytest.approx([total + 1, 1 - total, 1], rel=1e-2)
    assert found[1] == pytest.approx([1, 1, 1])


def test_rounding_is_that_of_bytes() -> None:
    rng = np.random.default_rng(0)
    weight, rows = rng.normal(size=(8, 400)), rng.uniform(0, 3, (5, 400))
    model = dense(weight)
    exact = product(model, rows)
    quantise_dense(model)
    error = product(model, rows) - exact
    # Half a step of each factor, evenly spread, over 400 products.
    steps = np.abs(weight).max(1) / 127 * np.sqrt((rows**2).mean()), rows.max() / 255
    assert error.std() < 1.5 * np.sqrt(400 / 12 * (steps[0].mean() ** 2 + steps[1] ** 2))


def test_layers_whose_input_may_be_negative_are_left_alone() -> None:
    with pytest.raises(RequestError, match="this one has none"):
        quantise_dense(dense(np.ones((4, 300)), relu=False))
