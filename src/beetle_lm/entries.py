"""Tables of TOML and JSON files as frozen dataclasses, and the checks of their entries.

Nothing is guessed: an entry that is missing, unknown or of a wrong kind is an error that names it.
Fields are `str`, `bool`, `int`, `float` (a whole number will do, a `bool` never), `Literal`,
tuples, `dict[str, ...]` (without looking inside for `Any`), other dataclasses, and any of these
`| None`. `Annotated[float, Range(0, 1)]` bounds a number; without a `Range` it must be finite.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    Protocol,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from beetle_lm.errors import BeetleLMError
from beetle_lm.text import shown

T = TypeVar("T", bound="_Dataclass")


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


@dataclass(frozen=True)
class Range:
    """Bounds of a number, both included.

    Args:
        low: the least value.
        high: the greatest value.
        nan: NaN will do as well.
    """

    low: float = -math.inf
    high: float = math.inf
    nan: bool = False


@dataclass(frozen=True)
class Entry:
    """What the entry of a field is, for `Annotated`, where that is not the usual.

    Args:
        name: the entry's name, where it is not the field's.
        required: it must be there, although the field has a default.
    """

    name: str = ""
    required: bool = False


def parse_json(text: str | bytes, source: str, error: type[BeetleLMError]) -> Any:
    """What JSON says, whatever it is.

    Args:
        text: the JSON, bytes in any UTF encoding.
        source: how the message of an error begins.
        error: what is raised.

    Raises:
        BeetleLMError: `error`: this is no JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:  # also numbers of 5000 digits, and no UTF
        raise error(f"{source}: {problem}") from problem


def load(kind: type[T], entries: object, source: str, error: type[BeetleLMError]) -> T:
    """A dataclass from a table's entries.

    A field's class that has a class method `from_entries` is made by it, and its errors say
    themselves what they are about.

    Args:
        kind: the dataclass; fields with a default may be missing.
        entries: the table, as `tomllib` or `json` give it; objects of other classes that fields are
            of may be among them, made by the caller.
        source: how the message of an error begins, e.g. the file's name.
        error: what is raised.

    Raises:
        BeetleLMError: `error`: an entry is missing, unknown, of a wrong kind or out of range, or
            the class itself refuses them.
    """
    try:
        return cast(T, _instance(kind, entries))
    except (_WrongError, BeetleLMError) as wrong:
        raise error(f"{source}: {wrong}") from wrong.__cause__


class _WrongError(Exception):
    """What is wrong with an entry; its place is known from the inside out."""

    def __init__(self, form: str, place: str = "") -> None:
        super().__init__(form)
        self.form, self.place = form, place

    def __str__(self) -> str:
        if not self.place and self.form.startswith("{}: "):
            return self.form.removeprefix("{}: ")
        return self.form.replace("{}", self.place or "this", 1)

    def inside(self, place: str) -> _WrongError:
        between = "." if self.place and not self.place.startswith("[") else ""
        wrong = _WrongError(self.form, f"{place}{between}{self.place}")
        wrong.__cause__ = self.__cause__
        return wrong


@cache
def _fields(kind: type[_Dataclass]) -> dict[str, tuple[str, Any, bool]]:
    """By the name of the entry: the field's name, its type, and whether it must be there."""
    hints = get_type_hints(kind, include_extras=True)
    found = {}
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        notes = get_args(hint)[1:] if _is_annotated(hint) else ()
        entry = next((note for note in notes if isinstance(note, Entry)), Entry())
        unset = field.default is field.default_factory is dataclasses.MISSING
        found[entry.name or field.name] = (field.name, hint, unset or entry.required)
    return found


def _instance(kind: type[_Dataclass], entries: object) -> object:
    if not isinstance(entries, dict):
        raise _must_be("a table", entries)
    fields = _fields(kind)
    for name, (_, _, needed) in fields.items():
        if needed and name not in entries:
            raise _WrongError("the entry '{}' is missing", name)
    if unknown := sorted(set(entries) - set(fields)):
        # Quoted and cut by hand: it is a stranger's text.
        raise _WrongError("unknown entry '{}'", shown(unknown[0])[1:-1])
    values = {
        fields[name][0]: _at(name, fields[name][1], value, Range())
        for name, value in entries.items()
    }
    try:
        return kind(**values)
    except BeetleLMError as problem:
        raise _WrongError(f"{{}}: {problem}") from problem


def _at(place: str, hint: Any, value: object, bounds: Range) -> object:
    try:
        return _value(hint, value, bounds)
    except _WrongError as wrong:
        raise wrong.inside(place) from wrong.__cause__


def _value(hint: Any, value: object, bounds: Range) -> object:  # noqa: PLR0911
    """A value of the type that a field says.

    Raises:
        _WrongError: it is none.
    """
    if _is_annotated(hint):
        inner, *notes = get_args(hint)
        ranges = [note for note in notes if isinstance(note, Range)]
        return _value(inner, value, ranges[0] if ranges else bounds)
    if get_origin(hint) in (Union, UnionType):
        [inner] = [one for one in get_args(hint) if one is not NoneType]
        return None if value is None else _value(inner, value, bounds)
    if hint is int or hint is float:
        return _number(hint, value, bounds)
    if hint is str or hint is bool or get_origin(hint) is Literal:
        return _one_of(hint, value)
    if get_origin(hint) is tuple:
        return _tuple(get_args(hint), value, bounds)
    if get_origin(hint) is dict:
        if not isinstance(value, dict):
            raise _must_be("a table", value)
        inner = get_args(hint)[1]
        return {name: _at(shown(name)[1:-1], inner, one, bounds) for name, one in value.items()}
    if hint is Any:
        return value
    if isinstance(value, hint):  # what no file can hold, and the caller made
        return value
    if hasattr(hint, "from_entries"):
        return hint.from_entries(value)
    return _instance(hint, value)


def _one_of(hint: Any, value: object) -> object:
    choices = get_args(hint)
    if type(value) is hint or any(type(value) is type(one) and value == one for one in choices):
        return value
    words = {str: "a text", bool: "true or false"}
    raise _must_be(words.get(hint) or f"one of {', '.join(map(repr, choices))}", value)


def _number(kind: type[int | float], value: object, bounds: Range) -> float:
    if isinstance(value, int | float) and type(value) in (kind, int):
        try:
            size = float(value)
        except OverflowError:  # hundreds of digits
            size = math.inf
        if math.isnan(size) and bounds.nan:
            return size
        if math.isfinite(size) and bounds.low <= size <= bounds.high:
            return kind(value)
    raise _must_be(_in_words(kind, bounds), value)


def _in_words(kind: type, bounds: Range) -> str:
    noun = "whole number" if kind is int else "number"
    low, high = f"{bounds.low:g}", f"{bounds.high:g}"
    if bounds.low > -math.inf and bounds.high < math.inf:
        text = f"a {noun} from {low} to {high}"
    elif bounds.high < math.inf:
        text = f"a {noun}, at most {high}"
    elif kind is int and bounds.low == 1:
        text = f"a positive {noun}"
    elif bounds.low == 0:
        text = f"a {noun}, not negative"
    elif bounds.low > -math.inf:
        text = f"a {noun}, at least {low}"
    else:
        text = f"a {noun}" if kind is int else f"a finite {noun}"
    return f"{text}, or NaN" if bounds.nan else text


def _tuple(kinds: tuple[Any, ...], value: object, bounds: Range) -> tuple[object, ...]:
    if not isinstance(value, list | tuple):
        raise _must_be("a list", value)
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(value)
    if len(kinds) != len(value):
        raise _must_be(f"a list of {len(kinds)}", value)
    return tuple(
        _at(f"[{index}]", one_kind, one, bounds)
        for index, (one_kind, one) in enumerate(zip(kinds, value, strict=True))
    )


def _must_be(wanted: str, value: object) -> _WrongError:
    found = shown(value) if isinstance(value, str) else shown(repr(value))[1:-1]
    return _WrongError(f"{{}} must be {wanted}, got {found}")


def _is_annotated(hint: Any) -> bool:
    return get_origin(hint) is Annotated
