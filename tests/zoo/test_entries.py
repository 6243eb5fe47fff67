"""Tables from strangers become dataclasses strictly; each error names the entry."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from beetle_lm.entries import Entry, Range, load, parse_json
from beetle_lm.errors import PartError, RecipeError


@dataclass(frozen=True)
class Bounds:
    low: Annotated[float, Range(0, 1)]
    pairs: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if self.low == 0.5:
            raise PartError("half is {} too little")


@dataclass(frozen=True)
class Stamped:
    number: int

    @classmethod
    def from_entries(cls, entries: Any) -> Stamped:
        if not isinstance(entries, str):
            raise PartError("this is no stamp")
        return cls(int(entries))


@dataclass(frozen=True)
class Table:
    epochs: Annotated[int, Range(1)]
    rate: float
    bounds: Annotated[Bounds, Entry("limits")]
    listed: Annotated[tuple[str, ...], Entry(required=True)] = ()
    fit: Literal["letterbox", "stretch"] = "stretch"
    measured: Annotated[float | None, Range(nan=True)] = None
    named: dict[str, Bounds] = field(default_factory=dict)
    free: dict[str, Any] = field(default_factory=dict)
    stamp: Stamped | None = None
    shares: Annotated[tuple[float, ...], Range(high=1)] = ()
    kept: bool = True


ENTRIES: dict[str, Any] = {
    "epochs": 3,
    "rate": 2,
    "limits": {"low": 0.25, "pairs": [[1, 2], [3.5, 4]]},
    "listed": ["a"],
}


def test_entries_become_a_dataclass() -> None:
    table = load(Table, ENTRIES, "a.toml", RecipeError)
    assert table == Table(3, 2.0, Bounds(0.25, ((1.0, 2.0), (3.5, 4.0))), ("a",))
    assert type(table.rate) is float
    more = {"named": {"x": {"low": 1}}, "free": {"y": [None]}, "stamp": "7", "measured": None}
    table = load(Table, ENTRIES | more, "a.toml", RecipeError)
    assert (table.named, table.free) == ({"x": Bounds(1.0)}, {"y": [None]})
    assert (table.stamp, table.measured) == (Stamped(7), None)
    assert load(Bounds, asdict(table.bounds), "a.toml", RecipeError) == table.bounds
    measured = load(Table, ENTRIES | {"measured": math.nan}, "a.toml", RecipeError).measured
    assert measured is not None
    assert math.isnan(measured)


@pytest.mark.parametrize("name", ENTRIES)
def test_a_missing_entry_is_named(name: str) -> None:
    entries = {key: value for key, value in ENTRIES.items() if key != name}
    with pytest.raises(RecipeError) as error:
        load(Table, entries, "a.toml", RecipeError)
    assert str(error.value) == f"a.toml: the entry '{name}' is missing"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bounds": {}}, "unknown entry 'bounds'"),
        ({"zest\x1b[31m": 1}, r"unknown entry 'zest\x1b[31m'"),
        ({"z" * 99: 1}, f"unknown entry '{'z' * 60}...'"),
        ({"epochs": 0}, "epochs must be a positive whole number, got 0"),
        ({"epochs": 10**400}, f"epochs must be a positive whole number, got 1{'0' * 59}..."),
        ({"epochs": True}, "epochs must be a positive whole number, got True"),
        ({"epochs": 3.0}, "epochs must be a positive whole number, got 3.0"),
        ({"rate": math.nan}, "rate must be a finite number, got nan"),
        ({"rate": -math.inf}, "rate must be a finite number, got -inf"),
        ({"rate": 10**70}, None),
        ({"rate": 10**400}, f"rate must be a finite number, got 1{'0' * 59}..."),
        ({"rate": "2"}, "rate must be a finite number, got '2'"),
        ({"rate": False}, "rate must be a finite number, got False"),
        ({"measured": math.inf}, "measured must be a finite number, or NaN, got inf"),
        ({"limits": []}, "limits must be a table, got []"),
        ({"limits": {}}, "the entry 'limits.low' is missing"),
        ({"limits": {"low": 1, "high": 2}}, "unknown entry 'limits.high'"),
        ({"limits": {"low": 1.5}}, "limits.low must be a number from 0 to 1, got 1.5"),
        ({"limits": {"low": 0.5}}, "limits: half is {} too little"),
        ({"limits": {"low": 1, "pairs": 3}}, "limits.pairs must be a list, got 3"),
        ({"limits": {"low": 1, "pairs": [[1]]}}, "limits.pairs[0] must be a list of 2, got [1]"),
        (
            {"limits": {"low": 1, "pairs": [[1, 2], [1, None]]}},
            "limits.pairs[1][1] must be a finite number, got None",
        ),
        ({"listed": "abc"}, "listed must be a list, got 'abc'"),
        ({"listed": ["a", 3]}, "listed[1] must be a text, got 3"),
        ({"fit": "crop"}, "fit must be one of 'letterbox', 'stretch', got 'crop'"),
        ({"named": []}, "named must be a table, got []"),
        ({"named": {"x": {"low": 2}}}, "named.x.low must be a number from 0 to 1, got 2"),
        ({"stamp": 3}, "this is no stamp"),
        ({"shares": [0, 2]}, "shares[1] must be a number, at most 1, got 2"),
        ({"kept": 1}, "kept must be true or false, got 1"),
    ],
)
def test_wrong_entries_are_named(changes: dict[str, Any], message: str | None) -> None:
    entries = {**ENTRIES, **changes}
    if message is None:
        load(Table, entries, "a.toml", RecipeError)
        return
    with pytest.raises(RecipeError) as error:
        load(Table, entries, "a.toml", RecipeError)
    assert str(error.value) == f"a.toml: {message}"


def test_what_is_no_table() -> None:
    with pytest.raises(RecipeError, match=r"^a\.toml: this must be a table, got \['rate'\]$"):
        load(Table, ["rate"], "a.toml", RecipeError)
    with pytest.raises(PartError, match=r"^a\.toml: half is \{\} too little$"):
        load(Bounds, {"low": 0.5}, "a.toml", PartError)


@pytest.mark.parametrize("text", ["", "{", b"\xff\xfe", "[" * 200_000, "9" * 5000])
def test_what_is_no_json(text: str | bytes) -> None:
    with pytest.raises(PartError, match=r"^a\.json: "):
        parse_json(text, "a.json", PartError)


def test_json_as_an_editor_on_windows_writes_it(tmp_path: Path) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        text = json.dumps(ENTRIES).encode(encoding)
        assert parse_json(text, "a.json", PartError) == ENTRIES
