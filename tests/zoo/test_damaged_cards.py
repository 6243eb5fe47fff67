"""Cards of model files from strangers: damaged, impossible, or full of marks."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from cards import CARD, field, with_card
from hypothesis import given, settings
from hypothesis import strategies as st
from kinds import Command, WriteModel
from mutation import mutated

from beetle_lm.errors import ModelError
from beetle_lm.predict.session import Session
from beetle_lm.zoo.model_file.card import CARD_KEY, ModelCard
from beetle_lm.zoo.model_file.onnx import read_card

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(CARD)), values)
def test_any_value_in_a_card_is_taken_or_refused(field: str, value: object) -> None:
    try:
        card = ModelCard.from_json(json.dumps({**CARD, field: value}))
    except ModelError as error:
        assert len(str(error)) < 500
    else:
        assert ModelCard.from_json(card.to_json()) == card


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


def card_with(**changes: object) -> str:
    return json.dumps({**CARD, **changes})


def part(**changes: object) -> str:
    return card_with(part={**CARD["part"], **changes}, shapes=None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (part(name="x" * 300), "the part's name has 300 bytes; at most 100"),
        (part(name="\N{BEETLE}" * 26), "the part's name has 104 bytes"),
        (part(landmark_names=["a", "b" * 100_000]), "name has 100000 characters; at most 300"),
        (part(landmark_names=[*map(str, range(100_000))]), "100000 landmarks; at most 1000"),
        (part(mirror_pairs=[[1, 2]] * 100_000), r"got \[\(1, 2\), .*\.\.\.$"),
        (card_with(version="v" * 201), "201 characters in its version; at most 200"),
        (card_with(licence="l" * 100_000), "100000 characters in its licence"),
        (card_with(metrics=CARD["metrics"] * 1000), "1000 measured errors; at most 100"),
        (card_with(input_width=8192, input_height=8192), "impossible input size, 8192 x 8192"),
        (
            card_with(metrics=[{**CARD["metrics"][0], "photographs": 10**12}]),
            "a measured error, or its number of photographs, is impossible",
        ),
        (
            card_with(metrics=[{**CARD["metrics"][0], "photographs": 10**4000}]),
            r"metrics\[0\].photographs must be a whole number, got 1000",
        ),
        (card_with(provenance="p" * (1 << 22)), "not an ONNX file, or is damaged"),
    ],
    ids=lambda text: text[:60],
)
def test_claims_are_bounded(write_model: WriteModel, text: str, problem: str) -> None:
    path = with_card(write_model(), text)
    for read in (read_card, Session.open):
        with pytest.raises(ModelError, match=problem) as error:
            read(path)
        assert len(str(error.value)) < 500


def test_the_longest_name_makes_a_folder(
    write_model: WriteModel, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_model(part="x" * 100)
    from PIL import Image

    Image.new("RGB", (96, 72)).save(tmp_path / "a.png")
    assert command("predict", "a.png", "-m", path).code == 0
    assert (tmp_path / f"beetle-lm-{'x' * 100}" / "predictions.csv").is_file()


def test_a_second_card_is_refused(write_model: WriteModel) -> None:
    path = write_model()
    model = onnx.load(path)
    model.metadata_props.add(key=CARD_KEY, value=json.dumps({**CARD, "licence": "other"}))
    onnx.save(model, path)
    with pytest.raises(ModelError, match="damaged"):
        read_card(path)
    with pytest.raises(ModelError, match="damaged"):
        Session.open(path)


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
