"""Converting one kind of landmark file to another."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from beetle_lm.errors import Hint, LandmarkFileError, OutputError, RequestError
from beetle_lm.files import write_text
from beetle_lm.predict.formats.annotated import zeros_remark
from beetle_lm.predict.formats.identifiers import Identifiers, shared_base_names
from beetle_lm.predict.formats.names import listed
from beetle_lm.predict.formats.own_tables import (
    tidy_header,
    tidy_rows,
    wide_header,
    wide_row,
)
from beetle_lm.predict.formats.parquet import SUFFIX, ParquetResults
from beetle_lm.predict.formats.programs import coco, deeplabcut, dlib
from beetle_lm.predict.formats.programs.found import Placed
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.formats.sizes import ImageSizes, Size, SizesByName
from beetle_lm.predict.formats.tps import TpsFormatter, TpsRecord, write_tps
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import base_name, counted, shown
from beetle_lm.zoo.model_file.parts import PartSpec

Kind = Literal["tps", "wide", "tidy", "deeplabcut", "coco", "imglab"]
"""A TPS file, a table with one row per specimen or per landmark, or a file of another program."""

# A landmark on the very edge may be a rounding step beyond it.
_BESIDE_PX = 1e-3
_TURNED_DECIMALS = 10

_log = logging.getLogger("beetle_lm")


def convert_file(
    source: Path,
    target: Path,
    kind: Kind,
    *,
    sizes: ImageSizes | None = None,
    part: PartSpec | None = None,
    excel: bool = False,
    overwrite: bool = False,
) -> int:
    """Converts a landmark file and writes it whole or not at all.

    From TPS to TPS everything is kept; tables hold names and coordinates only. Coordinates keep
    all their digits. Of a Parquet file of results become the TPS file and tables that the run would
    have written, in memory that does not grow with it.

    Args:
        source: a landmark file of any kind.
        target: the file to write.
        kind: what to write.
        sizes: of the images, needed where the direction of y changes; None if none are known.
        part: names the landmarks where the target names them; every specimen must have its number
            of landmarks.
        excel: tables as Excel reads them where the comma is the decimal sign.
        overwrite: replace an existing target.

    Returns:
        The number of specimens.

    Raises:
        RequestError: sizes are needed and `sizes` is None.
        OutputError: the target exists, or cannot be written.
        LandmarkFileError: the source cannot be read, lacks what the target needs, or an image of it
            is unknown to `sizes`.
    """
    if target.exists() and not overwrite:
        raise OutputError(f"{target} exists", Hint.REPLACE_OR_ANOTHER_NAME)
    if source.suffix.lower() == SUFFIX:
        results = ParquetResults(source)
        if part is None and kind in ("tps", "wide", "tidy"):
            write_text(target, _text_of_results(results, kind, excel))
            return len(results)
        sizes = sizes or SizesByName(results.sizes())
    records = read_records(source, () if sizes is None else sizes.names)
    read = [record for record in records if isinstance(record, TpsRecord)]
    if read and kind == "tps":
        _check_part(source, part, read)
        write_tps(target, read, exact=True)
        return len(read)
    _warn_of_loss(source, read)
    if zeros := zeros_remark(records):
        _log.warning("%s: %s kept; many programs write 0 0 for a missing one", source, zeros)
    if waiting := [record.name for record in records if not record.is_annotated]:
        told = "not annotated yet, written without coordinates"
        _log.warning("%s: %d %s: %s", source, len(waiting), told, listed(waiting))
    placed = [_in_image(source, record, sizes) for record in records]
    _check_part(source, part, records)
    if kind == "tps":
        write_tps(target, _tps(source, records, placed, sizes), exact=True)
    elif kind == "wide":
        _check_same_count(source, records)
        write_text(target, _wide(records, placed, excel))
    elif kind == "tidy":
        _check_unique(source, records)
        write_text(target, _tidy(records, placed, part, excel))
    else:
        _check_same_count(source, records)
        write_text(target, [_program(kind, source, records, placed, part, sizes)])
    return len(records)


def _text_of_results(results: ParquetResults, kind: str, excel: bool) -> Iterator[str]:
    if kind == "tps":
        identifiers, formatter = Identifiers(results.names), TpsFormatter()
        shared = frozenset(shared_base_names(results.names))
        for row in results:
            if record := row.tps_record(identifiers.of(row.image)):
                yield formatter.format(record, base_name(row.image) in shared)
        return
    names = results.about.spec.landmark_names
    yield wide_header(len(names), excel) if kind == "wide" else tidy_header(excel)
    for row in results:
        if row.xy is not None and kind == "wide":
            yield wide_row(row.image, row.xy, excel)
        elif row.xy is not None:
            yield tidy_rows(row.image, names, row.xy, row.score, row.expected_error, excel)


def _program(
    kind: Literal["deeplabcut", "coco", "imglab"],
    source: Path,
    records: Sequence[Record],
    placed: Sequence[Floats],
    part: PartSpec | None,
    sizes: ImageSizes | None,
) -> str:
    specimens = [
        Placed(record.name, xy, None if sizes is None else sizes.find(record.name))
        for record, xy in zip(records, placed, strict=True)
    ]
    if kind == "imglab":
        _log.warning("%s: imglab has whole pixels, so coordinates are rounded", source)
        return dlib.text(specimens)
    numbers = [str(i + 1) for i in range(len(placed[0]))]
    names = (part.landmark_names if part else records[0].names) or numbers
    if kind == "deeplabcut":
        return deeplabcut.text(names, specimens)
    return coco.text(part.name if part else "specimen", names, specimens)


def _in_image(source: Path, record: Record, sizes: ImageSizes | None) -> Floats:
    xy = record.points
    if record.y_up:  # subtracting from the height must not lengthen the numbers
        xy = np.round(record.in_image(_size(source, record, sizes)[1]), _TURNED_DECIMALS)
    return xy if record.is_annotated else np.full_like(xy, np.nan)


def _size(source: Path, record: Record, sizes: ImageSizes | None) -> Size:
    if sizes is None:
        raise RequestError(
            f"the height of the image {record.name} is needed, because y points up from the bottom"
            " edge in TPS files",
            Hint.IMAGE_SIZES,
        )
    size = sizes.find(record.name)
    if size is None:
        raise LandmarkFileError(
            source,
            record.line,
            f"the height of the image {shown(record.name)} is unknown; it is needed because y"
            " points up from the bottom edge in TPS files",
        )
    return size


def _tps(
    source: Path, records: Sequence[Record], placed: Sequence[Floats], sizes: ImageSizes | None
) -> Iterator[TpsRecord]:
    for record, xy in zip(records, placed, strict=True):
        size = _size(source, record, sizes)
        if (xy < -_BESIDE_PX).any() or (xy > [s + _BESIDE_PX for s in size]).any():
            _log.warning(
                "%s, line %d: a landmark lies outside %s (%d x %d pixels) and is moved to its edge",
                source,
                record.line,
                record.name,
                *size,
            )
        turned = TpsRecord.from_image_xy(xy, size, record.name)
        yield replace(turned, points=np.round(turned.points, _TURNED_DECIMALS))


def _wide(records: Sequence[Record], placed: Sequence[Floats], excel: bool) -> Iterator[str]:
    yield wide_header(len(placed[0]), excel)
    for record, xy in zip(records, placed, strict=True):
        yield wide_row(record.name, xy, excel, exact=True)


def _tidy(
    records: Sequence[Record], placed: Sequence[Floats], part: PartSpec | None, excel: bool
) -> Iterator[str]:
    yield tidy_header(excel)
    for record, xy in zip(records, placed, strict=True):
        numbers = [str(i + 1) for i in range(len(xy))]
        names = (part.landmark_names if part else record.names) or numbers
        yield tidy_rows(
            record.name, names, xy, record.score, record.expected_error, excel, exact=True
        )


def _check_part(source: Path, part: PartSpec | None, records: Sequence[Record]) -> None:
    for record in records:
        if part is not None and len(record.points) != len(part):
            found = f"{part.name} has {counted(len(part), 'landmark')}, found {len(record.points)}"
            raise LandmarkFileError(source, record.line, found)


def _check_same_count(source: Path, records: Sequence[Record]) -> None:
    first = len(records[0].points)
    for record in records:
        if len(record.points) != first:
            raise LandmarkFileError(
                source,
                record.line,
                f"found {counted(len(record.points), 'landmark')}, the first specimen has {first};"
                " a wide table needs the same number everywhere, a tidy one does not",
                Hint.TIDY_TABLE,
            )


def _check_unique(source: Path, records: Sequence[Record]) -> None:
    firsts: dict[str, Record] = {}
    for record in records:
        if (first := firsts.setdefault(record.name, record)) is not record:
            raise LandmarkFileError(
                source,
                record.line,
                f"the image {shown(record.name)} was in line {first.line} already; a tidy table"
                " cannot tell its specimens apart, a wide one can",
                Hint.WIDE_TABLE,
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
