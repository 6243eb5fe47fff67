"""Entries of a recipe, checked against the dataclass that they fill."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, get_type_hints

from beetle_lm.errors import RecipeError


def checked_entries(
    kind: type, entries: dict[str, Any], source: str, omit: str | None = None
) -> dict[str, Any]:
    """The entries as values of a dataclass's fields.

    Args:
        kind: the dataclass.
        entries: the values by name.
        source: what they come from, for messages.
        omit: a field that is read elsewhere.

    Raises:
        RecipeError: an entry is missing, unknown or of a wrong kind.
    """
    names = [field.name for field in fields(kind) if field.name != omit]
    hints = {name: hint for name, hint in get_type_hints(kind).items() if name in names}
    defaults = {name for name in hints if hasattr(kind, name)}
    if missing := sorted(set(hints) - set(entries) - defaults):
        raise RecipeError(f"{source}: the entry '{missing[0]}' is missing")
    if unknown := sorted(set(entries) - set(hints)):
        raise RecipeError(f"{source}: unknown entry '{unknown[0]}'")
    checked = {}
    for name, hint in hints.items():
        if name not in entries:
            continue
        value = entries[name]
        if hint is float and type(value) is int:
            value = float(value)
        if type(value) is not hint or (hint is not str and value < 0):
            raise RecipeError(f"{source}: {name} must be {_IN_WORDS[hint]}, got {entries[name]!r}")
        checked[name] = value
    return checked


def check_bounds(
    recipe: object, source: str, bounds: Iterable[tuple[str, float, float | None]]
) -> None:
    """Makes sure that fields are in range.

    Args:
        recipe: what has the fields.
        source: what it comes from, for messages.
        bounds: name, least and greatest value of fields; None where there is no greatest.

    Raises:
        RecipeError: a field is out of range.
    """
    for name, low, high in bounds:
        value = getattr(recipe, name)
        if not low <= value <= (math.inf if high is None else high):  # False for nan as well
            wanted = f"at least {low}" if high is None else f"from {low} to {high}"
            raise RecipeError(f"{source}: {name} must be {wanted}, got {value!r}")


_IN_WORDS = {
    str: "a text",
    int: "a whole number, not negative",
    float: "a number, not negative",
    bool: "true or false",
}
