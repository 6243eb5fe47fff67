"""The names of landmarks in a file: which landmark of a part each is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from beetle_lm.errors import LandmarkError
from beetle_lm.predict.formats.names import listed
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import shown


def own_names(record: Record) -> tuple[str, ...] | None:
    """The landmarks' names; None where the file has none, or only numbers in their place."""
    names = tuple(name.strip() for name in record.names or ())
    return names if any(not _is_number(name) for name in names) else None


def common_names(records: Iterable[Record]) -> tuple[str, ...] | None:
    """The landmarks' names where all records have the same in one order, else None."""
    found = {own_names(record) for record in records}
    return found.pop() if len(found) == 1 else None


def in_order(records: Iterable[Record], wanted: Sequence[str], whose: str) -> list[Record]:
    """Records with their landmarks in the order of names; those they have not are missing.

    Records without names, and all where the wanted names are numbers, stay as they are: their
    landmarks are in that order already.

    Args:
        records: with any names.
        wanted: the names.
        whose: whose names these are, for the message of an error.

    Raises:
        LandmarkError: a record has names that are not among those wanted, or one twice.
    """
    if all(map(_is_number, wanted)):
        return list(records)
    return [_in_order(record, tuple(wanted), whose) for record in records]


def _in_order(record: Record, wanted: tuple[str, ...], whose: str) -> Record:
    names = own_names(record)
    if names is None or names == wanted:
        return record
    place: dict[str, int] = {}
    for number, name in enumerate(names):
        if place.setdefault(name, number) != number:
            raise LandmarkError(f"{record.name} has the landmark {shown(name)} twice")
    known = set(wanted)
    if others := [name for name in names if name not in known]:
        lacking = [name for name in wanted if name not in place]
        raise LandmarkError(
            f"landmarks of {record.name} have other names than those of {whose}:"
            f" {listed(others)} {'is' if len(others) == 1 else 'are'} none of"
            f" {listed(lacking or wanted)}"
        )
    at = [place.get(name, -1) for name in wanted]
    return replace(
        record,
        points=_taken(record.points, at),
        names=wanted,
        score=None if record.score is None else _taken(record.score, at),
        expected_error=(
            None if record.expected_error is None else _taken(record.expected_error, at)
        ),
    )


def _taken(values: Floats, at: Sequence[int]) -> Floats:
    """The values at some places, NaN at -1."""
    taken = values[list(at)]
    taken[np.array(at) < 0] = np.nan
    return taken


def _is_number(name: str) -> bool:
    return not name or (name.isascii() and name.isdigit())
