"""The model card is read strictly."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from beetle_lm.errors import ModelError
from beetle_lm.zoo.card import CARD_FORMAT, Metrics, ModelCard
from beetle_lm.zoo.limits import Limits
from beetle_lm.zoo.parts import ELYTRA

CARD = ModelCard(
    spec=ELYTRA,
    input_width=256,
    input_height=192,
    channels=1,
    fit="letterbox",
    version="1.0",
    weights_sha256="ab" * 32,
    metrics=(Metrics("photographs kept aside", 10, 2.5),),
    provenance="drawn beetles, 'Käfer'",
    licence="Apache-2.0",
    shapes=None,
    limits=Limits(4.0, 9.0, (-20.0, 25.0), (0.3, 0.8)),
)
FIELDS = json.loads(CARD.to_json())


def test_card_comes_back_whole() -> None:
    assert ModelCard.from_json(CARD.to_json()) == CARD
    assert CARD.input_size == (256, 192)


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_a_missing_field_is_an_error(field: str) -> None:
    entries = {key: value for key, value in FIELDS.items() if key != field}
    with pytest.raises(ModelError, match="format version" if field == "format" else f"'{field}'"):
        ModelCard.from_json(json.dumps(entries))


def test_an_unknown_field_is_an_error() -> None:
    with pytest.raises(ModelError, match="unknown field 'colour'"):
        ModelCard.from_json(json.dumps({**FIELDS, "colour": "red"}))


@pytest.mark.parametrize("found", [0, CARD_FORMAT + 1, str(CARD_FORMAT), None, True])
def test_another_format_version_is_refused(found: object) -> None:
    with pytest.raises(ModelError, match=f"format version {found}, this beetle-lm reads"):
        ModelCard.from_json(json.dumps({**FIELDS, "format": found}))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("input_width", 0, "impossible input size, 0 x 192"),
        ("input_width", 256.0, "input_width as float, not int"),
        ("channels", 4, "4 channels"),
        ("channels", True, "channels as bool, not int"),
        ("fit", "crop", "unknown fit, 'crop'"),
        ("part", {"name": "elytra"}, "card is damaged"),
        ("part", {"name": "", "landmark_names": ["a"], "mirror_pairs": []}, "needs a name"),
        ("metrics", [{"data": "x"}], "metrics need data"),
        ("metrics", ["good"], "metrics need data"),
        ("licence", None, "licence as NoneType, not str"),
    ],
)
def test_values_of_a_wrong_kind(field: str, value: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        ModelCard.from_json(json.dumps({**FIELDS, field: value}))


@pytest.mark.parametrize("text", ["", "no json", "[]", "3", "null"])
def test_text_that_is_no_card(text: str) -> None:
    with pytest.raises(ModelError, match="card is damaged"):
        ModelCard.from_json(text)


def test_impossible_cards_cannot_be_made() -> None:
    with pytest.raises(ModelError):
        replace(CARD, input_height=-1)
    with pytest.raises(ModelError):
        replace(CARD, channels=2)
