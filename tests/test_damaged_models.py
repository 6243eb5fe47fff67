"""Model files from strangers: damaged cards, and what is no part of a model."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from growth import MOST_GROWTH, growth
from hypothesis import given, settings
from hypothesis import strategies as st
from mutation import mutated

from beetle_lm.errors import ModelError
from beetle_lm.predict.session import Session
from beetle_lm.zoo.card import CARD_FORMAT, CARD_KEY, ModelCard
from beetle_lm.zoo.manifest import Manifest
from beetle_lm.zoo.onnx_card import read_card
from beetle_lm.zoo.onnx_contents import check_contents, refuse_foreign

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

WriteModel = Callable[..., Path]
Command = Callable[..., Any]

CARD: dict[str, Any] = {
    "format": CARD_FORMAT,
    "part": {"name": "dots", "landmark_names": ["red", "green", "blue"], "mirror_pairs": []},
    "input_width": 96,
    "input_height": 72,
    "channels": 3,
    "fit": "letterbox",
    "version": "1.0",
    "weights_sha256": "0" * 64,
    "metrics": [{"data": "drawn squares", "photographs": 3, "mean_px_256x192": 0.5}],
    "provenance": "drawn squares",
    "licence": "Apache-2.0",
    "shapes": {
        "specimens": 7,
        "mean": [[0.70710678, 0.0], [-0.70710678, 0.0], [0.0, 0.0]],
        "components": [[0.0, 1.0, 0.0, 0.0, 0.0, 0.0]],
        "variances": [0.01],
        "rest_variance": 0.001,
        "distance_limit": 4.5,
    },
    "limits": {
        "mean_error": 3.0,
        "landmark_error": 8.0,
        "rotation": [-20.0, 20.0],
        "size": [0.2, 0.8],
    },
}
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def with_card(path: Path, text: str) -> Path:
    """The model file with another card."""
    model = onnx.load(path)
    next(entry for entry in model.metadata_props if entry.key == CARD_KEY).value = text
    onnx.save(model, path)
    return path


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(CARD)), values)
def test_any_value_in_a_card_is_taken_or_refused(field: str, value: object) -> None:
    try:
        card = ModelCard.from_json(json.dumps({**CARD, field: value}))
    except ModelError as error:
        assert len(str(error)) < 500
    else:
        assert ModelCard.from_json(card.to_json()) == card


METRICS = json.dumps(CARD["metrics"][0])


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        json.dumps(CARD).replace("96", "9" * 5000),
        json.dumps(CARD).replace("0.5", "1" + "0" * 400),
        json.dumps(CARD).replace("0.5", "1e999"),
        json.dumps(CARD).replace("0.5", "NaN"),
        json.dumps(CARD).replace('"photographs": 3', '"photographs": 1e999'),
        json.dumps(CARD).replace("96", "100000000"),
        json.dumps(CARD).replace("green", "gr\\u001b[31meen"),
        json.dumps(CARD).replace("green", "gr\\ud800een"),
        json.dumps(CARD).replace("green", "gr\\neen"),
        json.dumps(CARD).replace("dots", "..\\u0000"),
        json.dumps(CARD).replace("Apache-2.0", "free\\u001b]0;title\\u0007"),
        json.dumps(CARD).replace("drawn", "\\u202edrawn"),
    ],
    ids=lambda text: text[:60],
)
def test_impossible_cards_are_refused(write_model: WriteModel, text: str) -> None:
    path = with_card(write_model(), text)
    for read in (read_card, Session.open):
        with pytest.raises(ModelError, match=r"model\.onnx: the model's card"):
            read(path)


def field(number: int, content: bytes) -> bytes:
    """A field of a protobuf message."""
    length, varint = len(content), b""
    while length > 0x7F:
        varint += bytes((length & 0x7F | 0x80,))
        length >>= 7
    return bytes((number << 3 | 2,)) + varint + bytes((length,)) + content


def test_a_damaged_card_gives_a_card_or_an_error(write_model: WriteModel) -> None:
    path = write_model(with_card=False)
    network, whole = path.read_bytes(), json.dumps(CARD).encode()
    pieces = [b'"', b"{", b"[", b"\\u0000", b"1e999", b",", b"\xff", b"null", b"99999999999"]
    rng = random.Random(5)
    read = 0
    for _ in range(300):
        card = field(1, CARD_KEY.encode()) + field(2, mutated(whole, rng, pieces, most=2))
        path.write_bytes(network + field(14, card))
        try:
            found = read_card(path)
        except ModelError as error:
            assert path.name in str(error)
        else:
            read += 1
            assert ModelCard.from_json(found.to_json()) == found
    assert 10 < read < 290


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


def test_a_second_card_is_refused(write_model: WriteModel) -> None:
    path = write_model()
    model = onnx.load(path)
    model.metadata_props.add(key=CARD_KEY, value=json.dumps({**CARD, "licence": "other"}))
    onnx.save(model, path)
    with pytest.raises(ModelError, match="damaged"):
        read_card(path)
    with pytest.raises(ModelError, match="damaged"):
        Session.open(path)


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


def test_graphs_in_graphs_without_end_are_refused(write_model: WriteModel) -> None:
    path = write_model()
    graph = b""
    for _ in range(40):
        graph = field(1, field(5, field(6, graph)))
    path.write_bytes(path.read_bytes() + field(7, graph))
    with pytest.raises(ModelError, match="no ONNX file, or it is damaged"):
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


def test_text_of_a_card_is_only_ever_text(
    write_model: WriteModel, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In no path, no markup, no formula; whatever is shown is what the card says."""
    monkeypatch.chdir(tmp_path)
    marks = ["[bold]", "[/nothing]", "=1+1", "$(touch x)", "; touch x", "../../x", ":smile:", "{x}"]
    part = {"name": "../..//x $(touch x)", "landmark_names": marks[:3], "mirror_pairs": []}
    texts = {name: " ".join(marks) for name in ("version", "provenance", "licence")}
    path = with_card(write_model(), json.dumps({**CARD, **texts, "part": part}))
    shown = command("zoo", "show", path)
    assert shown.code == 0
    assert all(mark in shown.out for mark in marks)
    (tmp_path / "photos").mkdir()
    from PIL import Image

    Image.new("RGB", (96, 72)).save(tmp_path / "photos" / "a.png")
    before = {path.name for path in tmp_path.iterdir()}
    outside = {path.name for path in tmp_path.parent.iterdir()}
    assert command("predict", "photos", "-m", path).code == 0
    (made,) = {path.name for path in tmp_path.iterdir()} - before
    assert made.startswith("beetle-lm-")
    assert {path.name for path in tmp_path.parent.iterdir()} == outside
    tidy = (tmp_path / made / "predictions.csv").read_text(encoding="utf-8")
    assert ",'=1+1," in tidy
