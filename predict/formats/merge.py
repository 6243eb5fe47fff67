"""Joining two landmark files of the same part: corrected records take the place of earlier ones."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from beetle_lm.errors import Hint, LandmarkError, OutputError
from beetle_lm.predict.formats.convert import as_tps
from beetle_lm.predict.formats.curves import with_points_on_curves
from beetle_lm.predict.formats.landmark_names import in_order, own_names
from beetle_lm.predict.formats.names import NameIndex, listed
from beetle_lm.predict.formats.read import read_both
from beetle_lm.predict.formats.records import places
from beetle_lm.predict.formats.sizes import ImageSizes
from beetle_lm.predict.formats.tps import TpsRecord, write_tps

_MOVED = 1e-4  # pixels: TPS files have five decimals

_log = logging.getLogger("beetle_lm")


@dataclass(frozen=True)
class Replaced:
    """A record whose landmarks are those of the other file now.

    Args:
        name: of its photograph.
        landmarks: how many differ.
        farthest: how far apart those are in pixels, NaN where one was missing or not annotated.
    """

    name: str
    landmarks: int
    farthest: float


@dataclass(frozen=True, eq=False)
class Merged:
    """Two files in one.

    Args:
        records: those of the first file in their order, as they are now, then the new ones.
        replaced: what was replaced, in the order of the first file.
        same: how many records were the same in both.
        added: names of photographs that the first file had not.
        kept: how many records only the first file has.
        waiting: records of the second file without landmarks, which change nothing.
    """

    records: tuple[TpsRecord, ...]
    replaced: tuple[Replaced, ...]
    same: int
    added: tuple[str, ...]
    kept: int
    waiting: int


def merge(first: Sequence[TpsRecord], second: Sequence[TpsRecord]) -> Merged:
    """Joins records by their photographs; those of the second count where both have one.

    Landmarks are those of the second. ID, scale, curves, comments and further lines of a record
    that both have stay those of the first, and come from the second where the first has none.

    Args:
        first: records, with y up as their file has them.
        second: the same, of the same part and the same photographs in the same frame.

    Raises:
        LandmarkError: a photograph occurs twice, a name may mean several, or numbers of landmarks
            differ.
    """
    for records in (first, second):
        _refuse_repeated(records)
    _check_counts([*first, *second])
    index = NameIndex(record.name for record in first)
    by_name: dict[str, TpsRecord] = {}
    new: list[TpsRecord] = []
    for record in second:
        if not record.is_annotated:
            continue
        found = index.find(record.name)
        if found is None:
            several, count = index.candidates(record.name)
            if several:
                raise LandmarkError(
                    f"{record.name} may be any of {listed(several, count)}; write the images'"
                    " folders in both files"
                )
            new.append(record)
        elif found in by_name:
            raise LandmarkError(f"{by_name[found].name} and {record.name} both mean {found}")
        else:
            by_name[found] = record
    joined, replaced, same = [], [], 0
    for record in first:
        other = by_name.get(record.name)
        if other is None:
            joined.append(record)
            continue
        change = _change(record, other)
        same += change is None
        replaced += [] if change is None else [change]
        joined.append(_joined(record, other))
    return Merged(
        (*joined, *new),
        tuple(replaced),
        same,
        tuple(record.name for record in new),
        len(first) - len(by_name),
        sum(not record.is_annotated for record in second),
    )


def merge_files(
    first: Path,
    second: Path,
    target: Path,
    *,
    sizes: ImageSizes | None = None,
    overwrite: bool = False,
) -> Merged:
    """Joins two landmark files into a TPS file; see `merge`.

    Args:
        first: the file whose records are replaced, of any kind.
        second: the file with newer records; where both name their landmarks, these are matched by
            the names.
        target: the file to write, whole or not at all.
        sizes: of the images, needed where y points down in a file; None if none are known.
        overwrite: it may be there.

    Raises:
        LandmarkFileError: a file cannot be read, or an image is unknown to `sizes`.
        LandmarkError: they do not fit together.
        RequestError: sizes are needed and `sizes` is None.
        OutputError: the target is there, or cannot be written.
    """
    if target.exists() and not overwrite:
        raise OutputError(f"{target} exists", Hint.REPLACE_OR_ANOTHER_NAME)
    one, other = read_both(first, second, () if sizes is None else sizes.names)
    names = next(filter(None, map(own_names, one)), ())
    other = in_order(other, names, first.name)
    sides = []
    for file, records in ((first, one), (second, other)):
        settled, remark = with_points_on_curves(as_tps(file, records, sizes))
        if remark:
            _log.warning("%s: %s", file, remark)
        sides.append(settled)
    merged = merge(*sides)
    write_tps(target, merged.records)
    return merged


def _joined(record: TpsRecord, other: TpsRecord) -> TpsRecord:
    return replace(
        record,
        points=other.points,
        image=record.image or other.image,
        id=record.id or other.id,
        scale=record.scale or other.scale,
        curves=record.curves or other.curves,
        curve_names=record.curve_names if record.curves else other.curve_names,
        comments=record.comments or other.comments,
        others=record.others or other.others,
    )


def _change(record: TpsRecord, other: TpsRecord) -> Replaced | None:
    if not record.is_annotated:
        return Replaced(record.name, len(other.points), float("nan"))
    missing = np.isnan(record.points[:, 0]), np.isnan(other.points[:, 0])
    far = np.hypot(*(other.points - record.points).T)
    differs = (far > _MOVED) | (missing[0] != missing[1])
    if not differs.any():
        return None
    known = far[differs & np.isfinite(far)]
    return Replaced(
        record.name, int(differs.sum()), float(known.max()) if known.size else float("nan")
    )


def _refuse_repeated(records: Sequence[TpsRecord]) -> None:
    seen: dict[str, TpsRecord] = {}
    for record in records:
        first = seen.setdefault(record.name, record)
        if first is not record:
            raise LandmarkError(f"{record.name} occurs twice in one file ({places(first, record)})")


def _check_counts(records: Sequence[TpsRecord]) -> None:
    annotated = [record for record in records if record.is_annotated]
    for record in annotated:
        if len(record.points) != len(annotated[0].points):
            raise LandmarkError(
                f"{record.name} has {len(record.points)} landmarks, {annotated[0].name} has"
                f" {len(annotated[0].points)}: these are not of one part"
            )
