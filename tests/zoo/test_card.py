"""The model card is read strictly."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from elytra_card import CARD, FIRST, MEAN

from beetle_lm.errors import ModelError
from beetle_lm.zoo.model_file import bounds
from beetle_lm.zoo.model_file.card import CARD_FORMAT, ModelCard
from beetle_lm.zoo.model_file.parts import PARTS, Measurement

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
    with pytest.raises(ModelError, match="unknown entry 'colour'"):
        ModelCard.from_json(json.dumps({**FIELDS, "colour": "red"}))


@pytest.mark.parametrize("found", [0, CARD_FORMAT + 1, str(CARD_FORMAT), None, True])
def test_another_format_version_is_refused(found: object) -> None:
    with pytest.raises(ModelError, match=f"format version {found}, this beetle-lm reads"):
        ModelCard.from_json(json.dumps({**FIELDS, "format": found}))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("input_width", 0, "impossible input size, 0 x 192"),
        ("input_width", 256.0, "input_width must be a whole number, got 256.0"),
        ("channels", 4, "4 channels"),
        ("channels", True, "channels must be a whole number, got True"),
        ("fit", "crop", "fit must be one of 'letterbox', 'stretch', got 'crop'"),
        ("part", {"name": "elytra"}, "card is damaged"),
        ("part", {"name": "", "landmark_names": ["a"], "mirror_pairs": []}, "needs a name"),
        ("metrics", [{"data": "x"}], r"entry 'metrics\[0\].photographs' is missing"),
        ("metrics", ["good"], r"metrics\[0\] must be a table, got 'good'"),
        ("licence", None, "licence must be a text, got None"),
    ],
)
def test_values_of_a_wrong_kind(field: str, value: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        ModelCard.from_json(json.dumps({**FIELDS, field: value}))


@pytest.mark.parametrize("text", ["", "no json", "[]", "3", "null"])
def test_text_that_is_no_card(text: str) -> None:
    with pytest.raises(ModelError, match="card is damaged"):
        ModelCard.from_json(text)


def with_shapes(**changes: Any) -> str:
    return json.dumps({**FIELDS, "shapes": {**FIELDS["shapes"], **changes}})


def with_limits(**changes: Any) -> str:
    return json.dumps({**FIELDS, "limits": {**FIELDS["limits"], **changes}})


def test_a_card_may_know_no_shapes() -> None:
    card = replace(CARD, shapes=None)
    assert ModelCard.from_json(card.to_json()) == card


@pytest.mark.parametrize("table", ["shapes", "limits"])
def test_shapes_and_limits_are_read_strictly(table: str) -> None:
    for name in FIELDS[table]:
        lacking = {key: value for key, value in FIELDS[table].items() if key != name}
        with pytest.raises(ModelError, match=f"the entry '{table}.{name}' is missing"):
            ModelCard.from_json(json.dumps({**FIELDS, table: lacking}))
    with pytest.raises(ModelError, match=f"unknown entry '{table}.zest'"):
        ModelCard.from_json(json.dumps({**FIELDS, table: {**FIELDS[table], "zest": 1}}))


@pytest.mark.parametrize(
    "changes",
    [
        {"specimens": 0},
        {"specimens": 4.0},
        {"specimens": True},
        {"mean": []},
        {"mean": [[0.5, 0.5]] * 11},
        {"mean": [list(point) for point in MEAN[:-1]]},
        {"mean": [*(list(point) for point in MEAN[:-1]), [0.1]]},
        {"mean": [*(list(point) for point in MEAN[:-1]), ["0.1", 0]]},
        {"mean": [*(list(point) for point in MEAN[:-1]), 3]},
        {"mean": "round"},
        {"components": [FIRST]},
        {"components": [FIRST, FIRST]},
        {"components": [FIRST, FIRST[1:]]},
        {"components": [FIRST, [0.5 * number for number in FIRST[::-1]]]},
        {"components": [FIRST] * 65, "variances": [1e-3] * 65},
        {"components": None},
        {"variances": [1e-3, 0]},
        {"variances": [1e-3, -1]},
        {"variances": [1e-3, math.nan]},
        {"variances": [1e-3, math.inf]},
        {"rest_variance": 0},
        {"rest_variance": math.nan},
        {"rest_variance": 1e-400},
        {"distance_limit": 0},
        {"distance_limit": math.inf},
        {"distance_limit": 10**400},
        {"distance_limit": None},
    ],
)
def test_impossible_shapes(changes: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="card"):
        ModelCard.from_json(with_shapes(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"mean_error": 0},
        {"mean_error": math.nan},
        {"mean_error": 10.0},  # more than at any landmark
        {"landmark_error": math.inf},
        {"landmark_error": True},
        {"rotation": [-190, 0]},
        {"rotation": [10, 10]},
        {"rotation": [10]},
        {"rotation": [1, 2, 3]},
        {"rotation": [math.nan, 3]},
        {"rotation": 15},
        {"size": [-0.1, 1]},
        {"size": [0.9, 0.3]},
        {"size": [0.1, math.inf]},
        {"size": [None, 1]},
    ],
)
def test_impossible_limits(changes: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="card"):
        ModelCard.from_json(with_limits(**changes))


def test_shapes_of_another_part_are_refused() -> None:
    with pytest.raises(ModelError, match="shapes of 11 landmarks, its part has 10"):
        replace(CARD, spec=PARTS["head"])


def test_impossible_cards_cannot_be_made() -> None:
    with pytest.raises(ModelError):
        replace(CARD, input_height=-1)
    with pytest.raises(ModelError):
        replace(CARD, channels=2)


def with_measurements(count: int = 1, name: str = "length", end: Any = 11) -> str:
    lengths = [{"name": f"{name}{i or ''}", "from": 1, "to": end} for i in range(count)]
    return json.dumps({**FIELDS, "part": {**FIELDS["part"], "measurements": lengths}})


def test_a_card_names_measurements_where_there_are_any() -> None:
    assert "measurements" not in FIELDS["part"]  # older programs read such a card, too
    card = ModelCard.from_json(with_measurements())
    assert card.spec.measurements == (Measurement("length", 1, 11),)
    assert ModelCard.from_json(card.to_json()) == card


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (with_measurements(bounds.MOST_MEASUREMENTS + 1), "201 measurements; at most 200"),
        (with_measurements(name="n" * 201), "name has 201 characters; at most 200"),
        (with_measurements(end=12), "between two of the landmarks 1 to 11, got 1 and 12"),
        (with_measurements(end="apex"), r"measurements\[0\].to must be a whole number"),
        (with_measurements(end=10**400), "must be a whole number"),
        (with_measurements(name="\x1b[31m"), "control character"),
    ],
    ids=lambda text: text[:30],
)
def test_impossible_measurements_are_refused(text: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        ModelCard.from_json(text)
