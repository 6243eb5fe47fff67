"""Which program wrote a file, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.programs import coco, cvat, dlib, label_studio, slicer, stereomorph
from beetle_lm.predict.formats.programs.found import Found, records_of
from beetle_lm.predict.formats.programs.json import Lines, parse_json
from beetle_lm.predict.formats.programs.xml import Node, parse_xml
from beetle_lm.predict.formats.records import Record

SUFFIXES = frozenset({".xml", ".json", ".fcsv"})
"""Endings, in lower case, that no other kind of landmark file has."""

_XML = "imglab (dlib), CVAT for images"
_JSON = "COCO keypoints, Label Studio, markups of 3D Slicer"


def is_of_a_program(text: str) -> bool:
    """Whether a text is that of a program whose files are read here, by how it begins."""
    return text.lstrip()[:1] in ("<", "{", "[") or slicer.is_fcsv(text)


def is_of_one_specimen(text: str) -> bool:
    """Whether a text is a file of a program that writes one for each photograph."""
    return stereomorph.is_one(text) or slicer.is_fcsv(text) or '"markups"' in text[:2000]


def parse_programs(files: Sequence[tuple[Path, str]]) -> tuple[list[Record], list[str]]:
    """The records in files of one program, and remarks on what is left out.

    Args:
        files: one, or many of one specimen each: their paths and texts.

    Raises:
        LandmarkFileError: a file is of another program, or is damaged; names the line.
    """
    specimens: list[Found] = []
    remarks: dict[str, Path] = {}
    order: list[str] = []
    for path, text in files:
        found, order, remark = _found(path, text)
        specimens += found
        if remark:
            remarks.setdefault(remark, path)
    path = files[0][0]
    if not any(one.points for one in specimens):
        line = specimens[0].line if specimens else 1
        raise LandmarkFileError(path, line, "has no landmarks")
    told = [f"{path}: {remark}" for remark, path in remarks.items()]
    return records_of(path, specimens, order), told


def _found(path: Path, text: str) -> tuple[list[Found], list[str], str | None]:
    """Specimens, the names of the landmarks where the file orders them, and what is left out."""
    if stereomorph.is_one(text):
        specimen, remark = stereomorph.specimen(path, text)
        return [specimen], [], remark
    if slicer.is_fcsv(text):
        return [slicer.from_fcsv(path, text)], [], None
    if text.lstrip().startswith("<"):
        return _in_xml(path, parse_xml(path, text)), [], None
    return *_in_json(path, text), None


def _in_xml(path: Path, root: Node) -> list[Found]:
    if root.tag == "dataset":
        return dlib.specimens(path, root)
    if root.tag == "annotations" and any(root.all("image")):
        return cvat.specimens(path, root)
    raise LandmarkFileError(path, root.line, f"is XML, but of none of these: {_XML}")


def _in_json(path: Path, text: str) -> tuple[list[Found], list[str]]:
    value = parse_json(path, text)
    if isinstance(value, dict) and "markups" in value:
        return [slicer.from_json(path, value)], []
    if isinstance(value, dict) and {"images", "annotations"} <= value.keys():
        return coco.specimens(path, value, Lines(text))
    if isinstance(value, list) and all(isinstance(task, dict) and "data" in task for task in value):
        return label_studio.specimens(path, value, Lines(text)), []
    raise LandmarkFileError(path, None, f"is JSON, but of none of these: {_JSON}")
