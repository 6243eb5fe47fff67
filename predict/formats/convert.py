"""From one kind of landmark file to another."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from beetle_lm.errors import LandmarkFileError, OutputError, UsageError
from beetle_lm.files import write_text
from beetle_lm.predict.formats.records import (
    Annotation,
    SizeOf,
    annotations_of_records,
    annotations_of_table,
    is_tps,
    known_size,
)
from beetle_lm.predict.formats.table_reader import read_table
from beetle_lm.predict.formats.tables import tidy_header, tidy_rows, wide_header, wide_row
from beetle_lm.predict.formats.tps import TpsRecord, write_tps
from beetle_lm.predict.formats.tps_reader import read_tps
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import shown
from beetle_lm.zoo.model_file.parts import PartSpec

Kind = Literal["tps", "wide", "tidy"]
"""A TPS file, a table with one row per specimen, a table with one row per landmark."""

# A landmark on the very edge may be a rounding step beyond it.
_BESIDE_PX = 1e-3

_log = logging.getLogger("beetle_lm")


@dataclass(frozen=True, eq=False)
class _Specimen:
    """An annotation with what only tables know of it."""

    annotation: Annotation
    names: tuple[str, ...] | None = None
    score: Floats | None = None
    expected_error: Floats | None = None


def convert_file(
    source: Path,
    target: Path,
    kind: Kind,
    *,
    size_of: SizeOf | None = None,
    part: PartSpec | None = None,
    excel: bool = False,
    overwrite: bool = False,
) -> int:
    """Converts a landmark file and writes it whole or not at all.

    From TPS to TPS everything is kept; tables hold names and coordinates only.

    Args:
        source: a TPS file or a wide or tidy table, told apart by the ending.
        target: the file to write.
        kind: what to write.
        size_of: sizes of the images, needed where y is turned over; None where nobody knows them.
        part: names the landmarks of a tidy table; every specimen must have its number of landmarks.
        excel: tables as European Excels read them.
        overwrite: replace an existing target.

    Returns:
        The number of specimens.

    Raises:
        UsageError: sizes are needed and `size_of` is None.
        OutputError: the target exists, or cannot be written.
        LandmarkFileError: the source cannot be read, lacks what the target needs, or an image of it
            is unknown to `size_of`.
    """
    if target.exists() and not overwrite:
        raise OutputError(f"{target} exists; give another name, or --overwrite to replace it")
    if is_tps(source) and kind == "tps":
        records = read_tps(source)
        _check_counts(source, part, [(record.line, len(record.points)) for record in records])
        write_tps(target, records)
        return len(records)
    size_of = size_of or _nobody_knows
    specimens = _read(source, size_of)
    counts = [(each.annotation.line, len(each.annotation.xy)) for each in specimens]
    _check_counts(source, part, counts)
    if kind == "tps":
        write_tps(target, _records(source, specimens, size_of))
    elif kind == "wide":
        _check_same_count(source, counts)
        write_text(target, _wide(specimens, excel))
    else:
        _check_unique(source, specimens)
        write_text(target, _tidy(specimens, part, excel))
    return len(specimens)


def _read(source: Path, size_of: SizeOf) -> list[_Specimen]:
    if is_tps(source):
        records = read_tps(source)
        _warn_of_loss(source, records)
        return [_Specimen(each) for each in annotations_of_records(source, records, size_of)]
    table = read_table(source)
    annotations = annotations_of_table(source, table, size_of)
    return [
        _Specimen(annotation, specimen.names, specimen.score, specimen.expected_error)
        for annotation, specimen in zip(annotations, table.specimens, strict=True)
    ]


def _records(source: Path, specimens: Sequence[_Specimen], size_of: SizeOf) -> Iterator[TpsRecord]:
    for each in specimens:
        annotation = each.annotation
        size = known_size(source, annotation.line, annotation.image, size_of)
        xy = annotation.xy
        if (xy < -_BESIDE_PX).any() or (xy > [s + _BESIDE_PX for s in size]).any():
            _log.warning(
                "%s, line %d: a landmark lies outside %s (%d x %d pixels) and is moved to its edge",
                source,
                annotation.line,
                annotation.image,
                *size,
            )
        yield TpsRecord.from_image_xy(xy, size, annotation.image)


def _wide(specimens: Sequence[_Specimen], excel: bool) -> Iterator[str]:
    yield wide_header(len(specimens[0].annotation.xy), excel)
    for each in specimens:
        yield wide_row(each.annotation.image, each.annotation.xy, excel)


def _tidy(specimens: Sequence[_Specimen], part: PartSpec | None, excel: bool) -> Iterator[str]:
    yield tidy_header(excel)
    for each in specimens:
        annotation = each.annotation
        names = part.landmark_names if part else each.names
        numbers = [str(i + 1) for i in range(len(annotation.xy))]
        yield tidy_rows(
            annotation.image,
            names or numbers,
            annotation.xy,
            each.score,
            each.expected_error,
            excel,
        )


def _check_counts(source: Path, part: PartSpec | None, counts: list[tuple[int, int]]) -> None:
    for line, count in counts:
        if part is not None and count != len(part):
            found = f"{part.name} has {len(part)} landmarks, found {count}"
            raise LandmarkFileError(source, line, found)


def _check_same_count(source: Path, counts: list[tuple[int, int]]) -> None:
    for line, count in counts:
        if count != counts[0][1]:
            raise LandmarkFileError(
                source,
                line,
                f"found {count} landmarks, the first specimen has {counts[0][1]}; a wide table"
                " needs the same number everywhere, a tidy one (--to tidy) does not",
            )


def _check_unique(source: Path, specimens: Sequence[_Specimen]) -> None:
    lines: dict[str, int] = {}
    for each in specimens:
        image, line = each.annotation.image, each.annotation.line
        if (first := lines.setdefault(image, line)) != line:
            raise LandmarkFileError(
                source,
                line,
                f"the image {shown(image)} was there in line {first} already; a tidy table cannot"
                " tell its specimens apart, a wide one (--to wide) can",
            )


def _warn_of_loss(source: Path, records: Sequence[TpsRecord]) -> None:
    lost = {
        "scales": any(record.scale is not None for record in records),
        "curves": any(record.curves for record in records),
        "comments": any(record.comments for record in records),
        "keys that are not known here": any(record.others for record in records),
    }
    if any(lost.values()):
        named = ", ".join(name for name, there in lost.items() if there)
        _log.warning("%s: a table has no place for its %s; they are left out", source, named)


def _nobody_knows(image: str) -> tuple[int, int] | None:
    raise UsageError(
        f"the height of the image {image} is needed, because y points up from the bottom edge in"
        " TPS files; give --images DIR with the photographs, or --image-size WIDTHxHEIGHT if all"
        " have one size"
    )
