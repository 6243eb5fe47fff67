"""Which records of a landmark file have landmarks, and what to say of the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.names import listed
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.formats.records import Record
from beetle_lm.text import counted


@dataclass(frozen=True)
class Annotated:
    """The records of a landmark file that have landmarks.

    Args:
        records: those, in the order of the file; one at least.
        remarks: what else is in the file, one sentence each.
        named: the names of all records, with landmarks or without.
    """

    records: tuple[Record, ...]
    remarks: tuple[str, ...]
    named: frozenset[str]


def read_annotated(
    path: Path, photographs: Iterable[str] = (), use: str | None = "learned"
) -> Annotated:
    """Reads a landmark file for what a person has digitised in it.

    Records without landmarks, or with all of them in one place, are photographs that are not
    annotated yet: tpsUtil and geomorph write such a record for each before the first is digitised.

    Args:
        path: the file.
        photographs: the names that its names may be of, where they are known.
        use: what is done with landmarks, and not with curves; None where that is told elsewhere.

    Raises:
        LandmarkFileError: the file cannot be read, or has no landmarks at all.
    """
    records, zeros = without_zeros(read_records(path, photographs))
    annotated = tuple(record for record in records if record.is_annotated)
    remarks = [
        f"{path.name}: {remark}"
        for remark in (use and curves_remark(records, use), zeros, waiting_remark(records))
        if remark
    ]
    if not annotated:
        line = records[0].line if records else 1
        curved = next((record for record in records if record.curves), None)
        if curved is not None:
            found = "has curves but no landmarks (LM=0); only landmarks are used"
            raise LandmarkFileError(path, curved.line, found)
        raise LandmarkFileError(
            path,
            line,
            f"has no landmarks: none of its {counted(len(records), 'record')} is annotated yet",
        )
    named = frozenset(record.name for record in records if record.is_named)
    return Annotated(annotated, tuple(remarks), named)


def without_zeros(records: Sequence[Record]) -> tuple[list[Record], str | None]:
    """Records of which single landmarks at 0 0 are missing, and a sentence on how many.

    Programs begin with 0 0, and a specimen has no landmark in the very corner of its photograph.
    Records that are not annotated at all stay as they are.
    """
    kept = [_without_zeros(record) for record in records]
    remark = zeros_remark(records)
    return kept, f"{remark} taken for missing" if remark else None


def zeros_remark(records: Sequence[Record]) -> str | None:
    """The beginning of a sentence on the single landmarks at 0 0; None where there are none."""
    with_zeros = [record for record in records if record.is_annotated and _zeros(record).any()]
    if not with_zeros:
        return None
    count = sum(int(_zeros(record).sum()) for record in with_zeros)
    first = with_zeros[0]
    where = f"line {first.line}" if first.line else first.name
    landmarks = counted(count, "landmark at 0 0", "landmarks at 0 0")
    return f"{landmarks} (first in the record of {where}) {'is' if count == 1 else 'are'}"


def _zeros(record: Record) -> NDArray[np.bool_]:
    return np.asarray((record.points == 0).all(axis=1))


def _without_zeros(record: Record) -> Record:
    is_zero = _zeros(record)
    if not is_zero.any() or not record.is_annotated:
        return record
    return replace(record, points=np.where(is_zero[:, None], np.nan, record.points))


def waiting_remark(records: Sequence[Record]) -> str | None:
    """A sentence on the records that are not annotated; None where all are."""
    waiting = [record.name for record in records if not record.is_annotated]
    if not waiting:
        return None
    return f"{len(waiting)} not annotated yet, not used: {listed(waiting)}"


def curves_remark(records: Sequence[Record], use: str) -> str | None:
    """A sentence on the curves, which are not used; None where there are none.

    Args:
        records: of one file.
        use: what is done with landmarks, e.g. 'learned'.
    """
    curved = [record for record in records if record.curves]
    if not curved:
        return None
    points = sum(len(curve) for record in curved for curve in record.curves)
    return (
        f"curves in {counted(len(curved), 'record')} (from {curved[0].place},"
        f" {counted(points, 'point')}) are not {use}, only landmarks are; append their points to"
        " LM= as landmarks to use them"
    )
