"""Model files from strangers: damaged ones, and what is no part of a model."""

from __future__ import annotations

import io
import random
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cards import field, varint
from growth import MOST_GROWTH, growth
from kinds import Command, WriteModel
from mutation import mutated

from beetle_lm.errors import ModelError
from beetle_lm.predict.session import Session, create
from beetle_lm.zoo.model_file.manifest import Manifest
from beetle_lm.zoo.model_file.onnx import check_contents, refuse_foreign

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

BENCH = Path(__file__).parents[2] / "bench"


def test_a_model_that_is_damaged_anywhere_is_loaded_or_refused(write_model: WriteModel) -> None:
    whole = write_model()
    content, path = whole.read_bytes(), whole.with_name("damaged.onnx")
    rng = random.Random(6)
    for _ in range(100):
        path.write_bytes(mutated(content, rng, [b"\0", b"\xff\xff\xff\xff\x7f", b"\x08"], most=3))
        try:
            placed = Session.open(path, "cpu", threads=1).run(np.zeros((1, 3, 72, 96), np.uint8))
        except ModelError as error:
            assert path.name in str(error)
        else:
            assert placed.xy.shape == (1, 3, 2)


def test_endless_fields_are_refused_before_long() -> None:
    def read(fields: int) -> None:
        try:
            refuse_foreign(io.BytesIO(b"\x08\x01" * fields), "a.onnx")
        except ModelError:
            assert fields > 1_000_000

    assert growth(read, 5000) < MOST_GROWTH
    read(1_000_001)


def external(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret.bin")


def external_in_a_constant(model: Any) -> None:
    tensor = onnx.helper.make_tensor("c", onnx.TensorProto.FLOAT, [1], [1.0])
    tensor.external_data.add(key="location", value="/etc/passwd")
    model.graph.node.append(onnx.helper.make_node("Constant", [], ["c"], value=tensor))


def custom_in_a_branch(model: Any) -> None:
    inner = onnx.helper.make_node("Run", [], ["y"], domain="com.example")
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    branch = onnx.helper.make_graph([inner], "branch", [], [output])
    node = onnx.helper.make_node("If", ["z"], ["w"], then_branch=branch, else_branch=branch)
    model.graph.node.append(node)


def of_one_runtime(model: Any) -> None:
    model.graph.node.append(
        onnx.helper.make_node("Gelu", ["landmarks"], ["g"], domain="com.microsoft")
    )
    model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))


def function(model: Any) -> None:
    body = [onnx.helper.make_node("Relu", ["x"], ["y"])]
    model.functions.append(
        onnx.helper.make_function("own", "F", ["x"], ["y"], body, [model.opset_import[0]])
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (external, "it keeps weights in a second file"),
        (external_in_a_constant, "it keeps weights in a second file"),
        (custom_in_a_branch, "it uses operators of 'com.example'"),
        (of_one_runtime, "it uses operators of 'com.microsoft'"),
        (function, "it brings operators of its own"),
    ],
)
def test_what_is_no_part_of_a_model_is_refused(
    write_model: WriteModel,
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Any], None],
    reason: str,
) -> None:
    path = write_model()
    check_contents(path)
    model = onnx.load(path)
    change(model)
    path.write_bytes(model.SerializeToString())
    monkeypatch.chdir(tmp_path)  # where a runtime would look for a second file
    for read in (check_contents, Session.open, Manifest.of_file):
        with pytest.raises(ModelError, match=rf"model\.onnx cannot be loaded as a model: {reason}"):
            read(path)
    (tmp_path / "a.jpg").touch()
    done = command("predict", tmp_path / "a.jpg", "-m", path, "-o", tmp_path / "out")
    assert done.code == 1
    assert reason in done.err


def test_weights_beside_the_model_are_refused_in_their_own_folder(
    write_model: WriteModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = onnx.load(write_model())
    monkeypatch.chdir(tmp_path)
    # Large tensors only: with the small ones inside, onnxruntime itself has no objection.
    onnx.save_model(
        whole, "split.onnx", save_as_external_data=True, location="w.bin", size_threshold=1000
    )
    assert Path("w.bin").stat().st_size > 0
    with pytest.raises(ModelError, match="second file"):
        Session.open(Path("split.onnx"))


def hidden(field: bytes, tag: int) -> list[tuple[str, bytes]]:
    """A field of that tag in ways in which no writer writes it, and onnxruntime reads it."""
    content = field[1:]
    assert field[0] == tag
    return [
        ("bit 32", varint(tag | 1 << 32) + content),
        ("bit 34", varint(tag | 1 << 34) + content),
        ("a byte in vain", bytes((tag | 0x80, 0)) + content),
        ("four bytes in vain", bytes((tag | 0x80, 0x80, 0x80, 0x80, 0)) + content),
    ]


FOREIGN = field(1, b"z") + field(2, b"g") + field(4, b"Gelu")  # a node of an operator
NODE_OF_OTHERS = [
    (how, field(7, field(1, FOREIGN + odd)))
    for how, odd in hidden(field(7, b"com.microsoft"), 0x3A)
]
EXTERNAL = field(8, b"w") + b"\x10\x01\x08\x01"  # a tensor's name, type and size
WEIGHTS_ELSEWHERE = [
    (how, field(7, field(5, EXTERNAL + odd + b"\x70\x01")))
    for how, odd in hidden(field(13, field(1, b"location") + field(2, b"token")), 0x6A)
] + [(how, field(7, field(5, EXTERNAL + odd))) for how, odd in hidden(b"\x70\x01", 0x70)]


@pytest.mark.parametrize(
    ("how", "extra"),
    NODE_OF_OTHERS + WEIGHTS_ELSEWHERE,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nothing_is_hidden_in_fields_that_readers_see_differently(
    write_model: WriteModel, how: str, extra: bytes
) -> None:
    path = write_model()
    path.write_bytes(path.read_bytes() + extra)
    for read in (check_contents, Session.open, Manifest.of_file):
        with pytest.raises(ModelError, match=r"model\.onnx"):
            read(path)


def test_our_reader_sees_all_that_protobuf_sees() -> None:
    """The first cases of what `bench/fuzz_models.py` does a million times."""
    counts, found = runpy.run_path(str(BENCH / "fuzz_models.py"))["run"](3000, seed=3)
    assert found is None
    assert counts["passed"] > 300
    assert counts["refused, though protobuf reads it"] > 300


def test_a_file_of_onnxruntimes_own_is_refused(write_model: WriteModel) -> None:
    """It may hold operators of others, and is not looked through."""
    path = write_model()
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(path.with_suffix(".ort"))
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    content = path.with_suffix(".ort").read_bytes()
    with pytest.raises(ModelError, match=r"a\.onnx cannot be loaded as a model"):
        create(onnxruntime, content, "a.onnx", "cpu", None)


def test_graphs_in_graphs_without_end_are_refused(write_model: WriteModel) -> None:
    path = write_model()
    graph = b""
    for _ in range(40):
        graph = field(1, field(5, field(6, graph)))
    path.write_bytes(path.read_bytes() + field(7, graph))
    with pytest.raises(ModelError, match="not an ONNX file, or is damaged"):
        Session.open(path)


def test_a_model_that_does_not_give_what_its_card_promises(write_model: WriteModel) -> None:
    path = write_model()
    model = onnx.load(path)
    node = onnx.helper.make_node
    next(each for each in model.graph.node if "landmarks" in each.output).output[0] = "all"
    model.graph.node.extend(  # as many of the batch as the lightest value of a pixel says
        [
            node("Cast", ["image"], ["whole"], to=onnx.TensorProto.INT64),
            node("ReduceMax", ["whole"], ["most"], keepdims=0),
            node("Constant", [], ["begin"], value_ints=[0]),
            node("Reshape", ["most", "one_value"], ["end"]),
            node("Constant", [], ["one_value"], value_ints=[1]),
            node("Slice", ["all", "begin", "end", "begin"], ["landmarks"]),
        ]
    )
    nodes = list(model.graph.node)
    nodes.insert(0, nodes.pop(-2))  # a value before its use
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    path.write_bytes(model.SerializeToString())
    session = Session.open(path)
    whole = np.full((2, 3, 72, 96), 2, np.uint8)
    assert session.run(whole).xy.shape == (2, 3, 2)
    with pytest.raises(ModelError, match=r"gave landmarks of \(1, 3, 2\) .* not what its card"):
        session.run(np.ones_like(whole))
