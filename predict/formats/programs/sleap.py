"""SLEAP's landmarks: its projects, ``.slp``, and the table that "Export Analysis CSV" writes.

A project names its photographs and is read by sleap-io. The table has a row for each specimen,
``track,frame_idx,instance.score,tip.score,tip.x,tip.y,...``, and only numbers for the photographs,
unless there are several videos. y points down in both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from beetle_lm.errors import LandmarkFileError, require_extra
from beetle_lm.predict.formats.coordinates import GREATEST
from beetle_lm.predict.formats.csv import unguarded
from beetle_lm.predict.formats.programs.found import MISSING, Contents, Found
from beetle_lm.predict.formats.rows import Row, Rows
from beetle_lm.text import printable, shown

_NUMBERED = "has no names of photographs, only their numbers (frame_idx)"


def is_table(headings: Sequence[str]) -> bool:
    """Whether a table with that first row is one of SLEAP."""
    of_several = any(each.startswith("inst0.") for each in headings)
    return "frame_idx" in headings and not of_several and any(h.endswith(".x") for h in headings)


def from_table(path: Path, text: str) -> Contents:
    """The specimens of a table; each goes by its video and number, as far as they are told.

    Raises:
        LandmarkFileError: something is not as SLEAP writes it.
    """
    rows = Rows(path, text)
    header = next(iter(rows))
    columns = [cell.strip() for cell in header.cells]
    at = {column: index for index, column in enumerate(columns)}
    if len(at) < len(columns):
        raise rows.error(header.line, "two columns have the same name")
    names = [column.removesuffix(".x") for column in columns if column.endswith(".x")]
    if lonely := next((name for name in names if f"{name}.y" not in at), None):
        raise rows.error(header.line, f"{shown(lonely)} has no y")
    pairs = [(at[f"{name}.x"], at[f"{name}.y"]) for name in names]
    scores = [(name, at[f"{name}.score"]) for name in names if f"{name}.score" in at]
    specimens = []
    for row in rows.checked(rows, columns, len(names) * 2):
        points = map(tuple, rows.points(row, pairs).tolist())
        places = {
            name: MISSING if math.isnan(x) else (x, y)
            for name, (x, y) in zip(names, points, strict=True)
        }
        sure = {name: rows.number(row, column) for name, column in scores}
        specimens.append(Found(_name(rows, row, at), places, row.line, scores=sure))
    if not specimens:
        raise rows.error(header.line, "holds no landmarks: no row after the first")
    remarks = [] if "video" in at else [_NUMBERED]
    if remark := rows.missing.remark(path):
        remarks.append(remark.removeprefix(f"{path}, "))
    return Contents(specimens, names, remarks)


def _name(rows: Rows, row: Row, at: dict[str, int]) -> str:
    number = rows.name(row, at["frame_idx"]).strip()
    if "video" not in at:
        return number
    return f"{unguarded(row.cells[at['video']].strip())}:{number}"


def from_project(path: Path) -> Contents:
    """The specimens of a project: what a person placed, or else what was predicted.

    Raises:
        LandmarkFileError: sleap-io cannot read it.
        MissingExtraError: it is not installed.
    """
    with require_extra("sleap"):
        import sleap_io
    try:
        labels = sleap_io.load_slp(str(path), open_videos=False)
        frames = [
            (_photograph(frame), frame.user_instances or frame.predicted_instances)
            for frame in labels
        ]
        order = [str(node.name) for skeleton in labels.skeletons for node in skeleton.nodes]
        specimens = [_instance(name, each) for name, found in frames for each in found]
    except Exception as error:  # whatever a damaged file makes of it
        found = f"sleap-io cannot read it: {printable(str(error))[:200]}"
        raise LandmarkFileError(path, None, found) from error
    far = [one.name for one in specimens for xy in one.points.values() if not _is_near(xy)]
    if far:
        found = f"a landmark of {shown(far[0])} lies where no photograph has any"
        raise LandmarkFileError(path, None, found)
    return Contents(specimens, list(dict.fromkeys(order)))


def _photograph(frame: Any) -> str:
    """A picture of a sequence by its name, a frame of a film by the film's and its number."""
    film, number = frame.video.filename, int(frame.frame_idx)
    if isinstance(film, list):
        return str(film[number])
    return str(film) if frame.video.shape and frame.video.shape[0] == 1 else f"{film}:{number}"


def _instance(name: str, instance: Any) -> Found:
    places, scores = {}, {}
    for node, point in zip(instance.skeleton.nodes, instance.points, strict=True):
        x, y = map(float, point["xy"])
        there = bool(point["visible"]) and not math.isnan(x + y)
        places[str(node.name)] = (x, y) if there else MISSING
        if "score" in (point.dtype.names or ()):
            scores[str(node.name)] = float(point["score"])
    return Found(name, places, 0, scores=scores)


def _is_near(place: tuple[float, float]) -> bool:
    return place is MISSING or max(abs(place[0]), abs(place[1])) < GREATEST
