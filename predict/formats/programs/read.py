"""Which program wrote a file, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.programs import (
    coco,
    cvat,
    deeplabcut,
    dlib,
    hdf5,
    imagej,
    label_studio,
    nts,
    sleap,
    slicer,
    stereomorph,
)
from beetle_lm.predict.formats.programs.found import Contents, Found, records_of
from beetle_lm.predict.formats.programs.json import Lines, parse_json
from beetle_lm.predict.formats.programs.xml import parse_xml
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.formats.rows import headings

UTF8_SUFFIXES = frozenset({".xml", ".json", ".fcsv"})
"""Endings, in lower case, of texts that no program writes in another encoding."""

TEXT_SUFFIXES = UTF8_SUFFIXES | {".nts", ".dta"}
"""Endings, in lower case, of texts that no other kind of landmark file has."""

BINARY_SUFFIXES = frozenset({".slp", ".h5", ".hdf5", ".roi", ".zip"})
"""Endings, in lower case, of files that are no text."""

_XML = "imglab (dlib), CVAT for images"
_JSON = "COCO keypoints, Label Studio, markups of 3D Slicer"
_BINARY = "SLEAP (.slp), DeepLabCut (.h5), ImageJ (.roi, .zip)"
_BEGINNING = 100_000  # characters, which tell what a text is

_Reader = Callable[[Path, str], Contents]


def is_binary(path: Path) -> bool:
    """Whether a file is one of a program that writes no text, by how it begins.

    Raises:
        LandmarkFileError: it cannot be read.
    """
    return _start_of(path).startswith((hdf5.MAGIC, imagej.ROI, imagej.ZIP))


def is_of_a_program(text: str) -> bool:
    """Whether a text is that of a program whose files are read here, by how it begins."""
    return _reader_of(text) is not None


def is_of_one_specimen(text: str) -> bool:
    """Whether a text is a file of a program that writes one for each photograph."""
    begin = text[:_BEGINNING]
    return (
        stereomorph.is_one(begin)
        or slicer.is_fcsv(begin)
        or '"markups"' in begin[:2000]
        or nts.is_of_one_specimen(begin)
        or imagej.is_list(begin)
        or imagej.is_table(headings(begin))
    )


def parse_programs(files: Sequence[tuple[Path, str | None]]) -> tuple[list[Record], list[str]]:
    """The records in files of one program, and remarks on what is left out.

    Args:
        files: one, or many of one specimen each: their paths and texts, None where they have none.

    Raises:
        LandmarkFileError: a file is of another program, or is damaged; names the line.
        MissingExtraError: a library is missing that reads a file.
    """
    specimens: list[Found] = []
    remarks: dict[str, Path] = {}
    order: Sequence[str] = ()
    for path, text in files:
        contents = _in_binary(path) if text is None else _in_text(path, text)
        specimens += contents.specimens
        order = contents.order or order
        for remark in contents.remarks:
            remarks.setdefault(remark, path)
    path = files[0][0]
    if not any(one.points for one in specimens):
        line = specimens[0].line or None if specimens else 1
        raise LandmarkFileError(path, line, "has no landmarks")
    told = [f"{path}: {remark}" for remark, path in remarks.items()]
    return records_of(path, specimens, order), told


def _in_binary(path: Path) -> Contents:
    start = _start_of(path)
    if start == hdf5.MAGIC:
        return hdf5.contents(path)
    if start.startswith((imagej.ROI, imagej.ZIP)):
        return imagej.from_selections(path)
    raise LandmarkFileError(path, None, f"is none of these: {_BINARY}")


def _start_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(hdf5.MAGIC))
    except OSError as error:
        raise LandmarkFileError(path, None, f"cannot be read: {error.strerror or error}") from error


def _in_text(path: Path, text: str) -> Contents:
    read = _reader_of(text) or _BY_SUFFIX.get(path.suffix.lower())
    if read is None:
        found = "does not begin as an NTSYS matrix of landmarks: 1 40L 24 1 -999 DIM=2"
        raise LandmarkFileError(path, 1, found)
    return read(path, text)


def _reader_of(text: str) -> _Reader | None:
    """What reads a text, by how it begins."""
    begin = text[:_BEGINNING]
    sign = begin.lstrip()[:1]
    row = headings(begin)
    readers = (
        (stereomorph.is_one(begin), stereomorph.contents),
        (slicer.is_fcsv(begin), slicer.from_fcsv),
        (sign == "<", _in_xml),
        (sign in ("{", "["), _in_json),
        (nts.is_one(begin), nts.contents),
        (deeplabcut.is_table(row), deeplabcut.from_table),
        (sleap.is_table(row), sleap.from_table),
        (imagej.is_table(row), imagej.from_table),
        (imagej.is_list(begin), imagej.from_list),
    )
    return next((read for is_one, read in readers if is_one), None)


def _in_xml(path: Path, text: str) -> Contents:
    root = parse_xml(path, text)
    if root.tag == "dataset":
        return Contents(dlib.specimens(path, root))
    if root.tag == "annotations" and any(root.all("image")):
        return Contents(cvat.specimens(path, root))
    raise LandmarkFileError(path, root.line, f"is XML, but of none of these: {_XML}")


def _in_json(path: Path, text: str) -> Contents:
    value = parse_json(path, text)
    if isinstance(value, dict) and "markups" in value:
        return Contents([slicer.from_json(path, value)])
    if isinstance(value, dict) and {"images", "annotations"} <= value.keys():
        return coco.contents(path, value, Lines(text))
    if isinstance(value, list) and all(isinstance(task, dict) and "data" in task for task in value):
        return Contents(label_studio.specimens(path, value, Lines(text)))
    raise LandmarkFileError(path, None, f"is JSON, but of none of these: {_JSON}")


_BY_SUFFIX: Mapping[str, _Reader] = {".xml": _in_xml, ".json": _in_json, ".fcsv": slicer.from_fcsv}
