"""Converting one kind of landmark file to another."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from beetle_lm.errors import Hint, LandmarkFileError, OutputError, RequestError
from beetle_lm.files import write_text
from beetle_lm.predict.curves import bezier, evenly_spaced
from beetle_lm.predict.formats.annotated import zeros_remark
from beetle_lm.predict.formats.identifiers import Identifiers, shared_base_names
from beetle_lm.predict.formats.landmark_names import in_order, own_names
from beetle_lm.predict.formats.names import listed
from beetle_lm.predict.formats.own_tables import (
    tidy_header,
    tidy_rows,
    wide_header,
    wide_row,
)
from beetle_lm.predict.formats.parquet import SUFFIX, ParquetResults
from beetle_lm.predict.formats.programs import coco, deeplabcut, dlib, label_studio, nts
from beetle_lm.predict.formats.programs.found import Placed
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.formats.records import Record, flip_y
from beetle_lm.predict.formats.sizes import ImageSizes, Size, SizesByName
from beetle_lm.predict.formats.tps import TpsFormatter, TpsRecord, write_tps
from beetle_lm.predict.images.specimens import photograph_of, photographs_of
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import base_name, counted, shown
from beetle_lm.zoo.model_file.parts import PartSpec

Kind = Literal["tps", "nts", "wide", "tidy", "deeplabcut", "coco", "imglab", "label-studio"]
"""A TPS or NTS file, a table with one row per specimen or per landmark, or that of a program."""

_ProgramKind = Literal["deeplabcut", "coco", "imglab", "label-studio"]
_UPWARDS = ("tps", "nts")
_CALLED: dict[Kind, str] = {
    "tps": "a TPS file",
    "nts": "an NTS file",
    "wide": "a table",
    "tidy": "a table",
    "deeplabcut": "a table of DeepLabCut",
    "coco": "a COCO file",
    "imglab": "an imglab file",
    "label-studio": "a Label Studio file",
}
_KEPT: dict[Kind, frozenset[str]] = {
    "tps": frozenset({"scales", "curves"}),
    "nts": frozenset(),
    "wide": frozenset(),
    "tidy": frozenset({"names of landmarks", "scores", "expected errors"}),
    "deeplabcut": frozenset({"names of landmarks"}),
    "coco": frozenset({"names of landmarks"}),
    "imglab": frozenset(),
    "label-studio": frozenset({"names of landmarks", "scores"}),
}

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

    From TPS to TPS everything is kept. What else a file has that the target has no place for is
    left out with a warning. Coordinates keep all their digits, but for imglab's. Of a Parquet file
    of results become the TPS file and tables that the run would have written, in memory that does
    not grow with it.

    Args:
        source: a landmark file of any kind, or a folder of them.
        target: the file to write.
        kind: what to write.
        sizes: of the images, needed where the direction of y changes, and for Label Studio; None if
            none are known.
        part: names the landmarks where the target names them, and orders those of a source that
            names its own; every specimen must have its number of landmarks.
        excel: tables as Excel reads them where the comma is the decimal sign.
        overwrite: replace an existing target.

    Returns:
        The number of specimens.

    Raises:
        RequestError: sizes are needed and `sizes` is None.
        OutputError: the target exists, or cannot be written.
        LandmarkFileError: the source cannot be read, lacks what the target needs, or an image of it
            is unknown to `sizes`.
        LandmarkError: its landmarks have other names than those of the part.
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
    if part is not None:
        records = in_order(records, part.landmark_names, part.name)
    _check_part(source, part, records)
    read = [record for record in records if isinstance(record, TpsRecord)]
    if read and kind == "tps":
        write_tps(target, read, exact=True)
        return len(read)
    if zeros := zeros_remark(records):
        _log.warning("%s: %s kept; many programs write 0 0 for a missing one", source, zeros)
    if waiting := [record.name for record in records if not record.is_annotated]:
        told = "not annotated yet, written without coordinates"
        _log.warning("%s: %d %s: %s", source, len(waiting), told, listed(waiting))
    if kind == "tps":
        write_tps(target, as_tps(source, records, sizes), exact=True)
        return len(records)
    warn_of_loss(source, records, kind)
    placed = [_turned(source, record, sizes, kind == "nts") for record in records]
    if kind == "tidy":
        _check_unique(source, records)
        write_text(target, _tidy(records, placed, part, excel))
        return len(records)
    _check_same_count(source, records)
    if kind == "wide":
        write_text(target, _wide(records, placed, excel))
    elif kind == "nts":
        write_text(target, [_nts(source, records, placed)])
    else:
        write_text(target, [_program(kind, source, records, placed, part, sizes)])
    return len(records)


def as_tps(source: Path, records: Sequence[Record], sizes: ImageSizes | None) -> list[TpsRecord]:
    """Records as ones of a TPS file, with their scales and curves; those of one stay as they are.

    Landmarks outside their image are moved to its edge, with a warning; curves of StereoMorph
    become points on their lines.

    Args:
        source: their file, for messages.
        records: of any file.
        sizes: of the images, needed where y points down; None if none are known.

    Raises:
        RequestError: sizes are needed and `sizes` is None.
        LandmarkFileError: an image is unknown to `sizes`.
    """
    warn_of_loss(source, records, "tps")
    return [
        record if isinstance(record, TpsRecord) else _as_tps(source, record, sizes)
        for record in records
    ]


def _as_tps(source: Path, record: Record, sizes: ImageSizes | None) -> TpsRecord:
    xy = _turned(source, record, sizes, up=True)
    size = None if record.y_up and sizes is None else _size(source, record, sizes)
    edge = np.array(size or (np.inf, np.inf), np.float64)
    if (xy < -_BESIDE_PX).any() or (xy > edge + _BESIDE_PX).any():
        shape = "its image" if size is None else "{} ({} x {} pixels)".format(record.name, *size)
        moved = "a landmark lies outside"
        _log.warning("%s, %s: %s %s and is moved to its edge", source, record.place, moved, shape)
    curves = [_points_on(curve, record.control_points) for curve in record.curves]
    if size is not None and not record.y_up:
        curves = [np.round(flip_y(curve, size[1]), _TURNED_DECIMALS) for curve in curves]
    return TpsRecord(
        np.clip(xy, 0.0, edge),
        image=record.name,
        id=record.id,
        scale=record.scale,
        curves=tuple(np.clip(curve, 0.0, edge) for curve in curves),
        curve_names=record.curve_names,
        line=record.line,
        number=record.number,
    )


def _points_on(curve: Floats, control_points: bool | None) -> Floats:
    """The points of a curve that lie on it: an even number, as no file has that means others."""
    if not control_points or len(curve) < 3 or len(curve) % 2 == 0 or np.isnan(curve).any():
        return curve
    return evenly_spaced(bezier(curve), 4 * len(curve))


def _nts(source: Path, records: Sequence[Record], placed: Sequence[Floats]) -> str:
    names = [record.name for record in records]
    if changed := [name for name in names if nts.label_of(name) != name]:
        told = "labels of an NTS file have no folders and no spaces; these names are changed"
        _log.warning("%s: %s: %s", source, told, listed(changed))
    return nts.text(names, placed)


def _text_of_results(results: ParquetResults, kind: str, excel: bool) -> Iterator[str]:
    if kind == "tps":
        identifiers, formatter = Identifiers(results.names), TpsFormatter()
        shared = frozenset(shared_base_names(list(photographs_of(results.names))))
        for row in results:
            if record := row.tps_record(identifiers.of(row.image), results.about.spec):
                yield formatter.format(record, base_name(photograph_of(row.image)) in shared)
        return
    names = results.about.spec.landmark_names
    yield wide_header(len(names), excel) if kind == "wide" else tidy_header(excel)
    for row in results:
        if row.xy is not None and kind == "wide":
            yield wide_row(row.image, row.xy, excel)
        elif row.xy is not None:
            yield tidy_rows(row.image, names, row.xy, row.score, row.expected_error, excel)


def _program(
    kind: _ProgramKind,
    source: Path,
    records: Sequence[Record],
    placed: Sequence[Floats],
    part: PartSpec | None,
    sizes: ImageSizes | None,
) -> str:
    def size(record: Record) -> Size | None:
        if kind == "label-studio":
            return _size(source, record, sizes, _PERCENT)
        return None if sizes is None else sizes.find(record.name)

    specimens = [
        Placed(record.name, xy, size(record), record.score)
        for record, xy in zip(records, placed, strict=True)
    ]
    if kind == "imglab":
        _log.warning("%s: imglab has whole pixels, so coordinates are rounded", source)
        return dlib.text(specimens)
    numbers = [str(i + 1) for i in range(len(placed[0]))]
    names = (part.landmark_names if part else records[0].names) or numbers
    if kind == "deeplabcut":
        return deeplabcut.text(names, specimens)
    if kind == "label-studio":
        return label_studio.text(names, specimens)
    return coco.text(part.name if part else "specimen", names, specimens)


def _turned(source: Path, record: Record, sizes: ImageSizes | None, up: bool) -> Floats:
    """The landmarks with y up or down; NaN where they are not annotated."""
    xy = record.points
    if record.y_up != up:  # subtracting from the height must not lengthen the numbers
        xy = np.round(flip_y(xy, _size(source, record, sizes)[1]), _TURNED_DECIMALS)
    return xy if record.is_annotated else np.full_like(xy, np.nan)


_UPSIDE_DOWN = "because y points up from the bottom edge in TPS files"
_PERCENT = "because Label Studio has percent of it"


def _size(source: Path, record: Record, sizes: ImageSizes | None, why: str = _UPSIDE_DOWN) -> Size:
    if sizes is None:
        raise RequestError(
            f"the height of the image {record.name} is needed, {why}", Hint.IMAGE_SIZES
        )
    size = sizes.find(record.name)
    if size is None:
        raise LandmarkFileError(
            source,
            record.line,
            f"the height of the image {shown(record.name)} is unknown; it is needed {why}",
        )
    return size


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


def warn_of_loss(source: Path, records: Sequence[Record], kind: Kind) -> None:
    """Tells what of records another kind of file has no place for."""
    foreign = [record for record in records if kind != "tps" or not isinstance(record, TpsRecord)]
    own = [record for record in foreign if isinstance(record, TpsRecord)]
    others = (line.partition("=") for record in own for line in record.others)
    keys = list(dict.fromkeys(key for key, equals, _ in others if equals and key != "POINTS"))
    lost = {
        "scales": any(record.scale is not None for record in foreign),
        "curves": any(record.curves for record in foreign),
        "comments": any(record.comments for record in own),
        f"keys {listed(keys)}": bool(keys),
        "names of landmarks": any(own_names(record) for record in foreign),
        "scores": any(_has(record.score) for record in foreign),
        "expected errors": any(_has(record.expected_error) for record in foreign),
    }
    if named := ", ".join(
        name for name, there in lost.items() if there and name not in _KEPT[kind]
    ):
        _log.warning(
            "%s: %s has no place for its %s; they are left out", source, _CALLED[kind], named
        )


def _has(values: Floats | None) -> bool:
    return values is not None and bool(np.isfinite(values).any())
