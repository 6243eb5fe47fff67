"""Reading a landmark file of any kind."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from beetle_lm.encoding import SAVE_AS_UTF8
from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats import parquet
from beetle_lm.predict.formats.names import NameIndex, listed
from beetle_lm.predict.formats.programs.read import (
    BINARY_SUFFIXES,
    TEXT_SUFFIXES,
    UTF8_SUFFIXES,
    is_binary,
    is_of_a_program,
    is_of_one_specimen,
    parse_programs,
)
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.formats.tables import parse_table
from beetle_lm.predict.formats.text import decoded, read_bytes, regional_texts, western
from beetle_lm.predict.formats.tps import looks_like_tps, parse_tps

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})
"""Endings, in lower case, of the files that are read as tables."""

_SUFFIXES = TABLE_SUFFIXES | TEXT_SUFFIXES | BINARY_SUFFIXES | {".tps"}

_log = logging.getLogger("beetle_lm")


def read_records(path: Path, photographs: Iterable[str] = ()) -> Sequence[Record]:
    """Reads a landmark file, in its order: TPS, a table, or the file of another program.

    A file that ends in ``.parquet`` has results of our own. One that ends in ``.tps`` is a TPS
    file, as is one whose content begins like one. What begins as the files of another program do is
    read as one (`beetle_lm.predict.formats.programs`); others that end in ``.csv``, ``.tsv`` or
    ``.txt`` are tables, wide or tidy. Programs that write a file for each photograph fill a folder;
    it is read as one file. A TPS file or table that is not UTF-8 is read in the encoding in which
    most of its names are those of photographs; where that cannot be told, as cp1252, with a warning
    if it makes a difference.

    Args:
        path: the file or folder.
        photographs: the names that its names may be of, where they are known.

    Raises:
        LandmarkFileError: the file cannot be read; names the line and what was found there.
        MissingExtraError: a library is missing that reads such a file.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        return _told(*_in_folder(path))
    if suffix == parquet.SUFFIX:
        return parquet.ParquetResults(path).records()
    if suffix not in _SUFFIXES:
        found = (
            "is not a landmark file: the name must end in .tps, .csv, .xml, .json, .nts, .fcsv,"
            " .slp, .h5, .roi, .zip or .parquet"
        )
        raise LandmarkFileError(path, None, found)
    if suffix in BINARY_SUFFIXES or is_binary(path):
        return _told(*parse_programs([(path, None)]))
    data = read_bytes(path)
    text = decoded(path, data)
    if text is None and suffix in UTF8_SUFFIXES:
        raise LandmarkFileError(path, None, f"is not UTF-8; {SAVE_AS_UTF8}")
    if text is None:
        records, remarks = _in_some_encoding(path, data, photographs)
    else:
        records, remarks = _parsed(path, text)
    return _told(records, remarks)


def read_both(
    first: Path, second: Path, photographs: Iterable[str] = ()
) -> tuple[Sequence[Record], Sequence[Record]]:
    """Reads two files of the same specimens: the names of one tell the encoding of the other.

    Args:
        first: a landmark file.
        second: another.
        photographs: names that both may have, where they are known.

    Raises:
        LandmarkFileError: as `read_records`.
    """
    known = list(photographs)
    one = read_records(first, known)
    return one, read_records(second, [*known, *(record.name for record in one)])


def content_of(path: Path) -> bytes:
    """What a landmark file holds, or all files of a folder, to tell it from another.

    Raises:
        LandmarkFileError: it cannot be read.
    """
    if not path.is_dir():
        return read_bytes(path)
    files = [each for each in sorted(path.iterdir()) if each.suffix.lower() in _SUFFIXES]
    return b"".join(each.name.encode() + b"\0" + read_bytes(each) for each in files)


def _told(records: Sequence[Record], remarks: Iterable[str]) -> Sequence[Record]:
    for remark in remarks:
        _log.warning(remark)
    return records


def _parsed(path: Path, text: str) -> tuple[Sequence[Record], list[str]]:
    suffix = path.suffix.lower()
    if suffix == ".tps" or looks_like_tps(text):
        return parse_tps(path, text)
    if suffix in TEXT_SUFFIXES or is_of_a_program(text):
        return parse_programs([(path, text)])
    return parse_table(path, text)


def _in_folder(folder: Path) -> tuple[Sequence[Record], list[str]]:
    files, others = _of_one_specimen_each(folder)
    records, remarks = parse_programs(files)
    if others:
        left_out = f"not landmark files of one specimen, left out: {listed(others)}"
        remarks.append(f"{folder}: {left_out}")
    return records, remarks


def _of_one_specimen_each(folder: Path) -> tuple[list[tuple[Path, str | None]], list[str]]:
    """The files of a folder that hold one specimen each, with their texts if they are any, by name.

    Returns:
        Those, and the names of other files that may hold landmarks by their ending.
    """
    files: list[tuple[Path, str | None]] = []
    others = []
    for path in sorted(folder.iterdir()):
        suffix = path.suffix.lower()
        if suffix in (".roi", ".zip"):
            files.append((path, None))
        elif suffix in _SUFFIXES - BINARY_SUFFIXES and path.is_file():
            data = read_bytes(path)
            text = decoded(path, data)
            # The photograph goes by the file's name, so no encoding can hide it.
            text = western(path, data) if text is None else text
            if is_of_one_specimen(text):
                files.append((path, text))
            else:
                others.append(path.name)
    if not files:
        found = (
            "is a folder without landmark files of one specimen each, as StereoMorph, 3D Slicer and"
            " ImageJ write them"
        )
        raise LandmarkFileError(folder, None, found)
    return files, others


def _in_some_encoding(
    path: Path, data: bytes, photographs: Iterable[str]
) -> tuple[Sequence[Record], list[str]]:
    index = NameIndex(photographs)
    best, most = None, 0
    for encoding, text in regional_texts(data) if index else ():
        try:
            records, remarks = _parsed(path, text)
        except LandmarkFileError:
            continue
        fitting = sum(index.find(name) is not None for name in _told_apart(records))
        if fitting > most:
            said = f"{path} is not UTF-8; it was read as {encoding}, which fits the photographs"
            best, most = (records, [*remarks, said]), fitting
    if best is not None:
        return best
    records, remarks = _parsed(path, western(path, data))
    if _told_apart(records):
        remarks.append(
            f"{path} is not UTF-8 and was read as cp1252 (Western European); if names like"
            f" {_told_apart(records)[0]} are wrong, {SAVE_AS_UTF8}"
        )
    return records, remarks


def _told_apart(records: Iterable[Record]) -> list[str]:
    """The names that an encoding makes a difference to."""
    return [record.name for record in records if not record.name.isascii()]
