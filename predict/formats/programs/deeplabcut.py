"""DeepLabCut's landmarks, ``CollectedData_NAME``: its table and the same as HDF5.

Columns have three or four headings (scorer, individuals where there are several, bodyparts,
coords), a row is a photograph, whose name is one heading or the folders and the name; y points
down; a missing landmark is an empty cell, and predictions have a likelihood beside x and y
(DeepLabCut's documentation, "labeled-data"). Lightning Pose has the same tables.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.csv import csv_line, guarded, unguarded
from beetle_lm.predict.formats.programs.found import MISSING, Contents, Found, Placed
from beetle_lm.predict.formats.rows import Row, Rows
from beetle_lm.text import precise, shown

_SCORER, _DECIMALS = "beetle-lm", 5
_HEADINGS = (["bodyparts", "coords"], ["individuals", "bodyparts", "coords"])


@dataclass(frozen=True)
class Column:
    """What a column is of.

    Args:
        individual: '' where there is only one.
        part: the landmark.
        coordinate: x, y or likelihood.
    """

    individual: str
    part: str
    coordinate: str


def is_table(headings: Sequence[str]) -> bool:
    """Whether a table with that first row is one of DeepLabCut."""
    return bool(headings) and headings[0].lower() == "scorer"


def from_table(path: Path, text: str) -> Contents:
    """The specimens of a table.

    Raises:
        LandmarkFileError: something is not as DeepLabCut or Lightning Pose writes it.
    """
    rows = Rows(path, text)
    scorers = next(iter(rows))
    headings = [[cell.strip() for cell in row.cells] for row in islice(rows, 2)]
    if headings and headings[0][0].lower() == "individuals":
        headings += [[cell.strip() for cell in row.cells] for row in islice(rows, 1)]
    if [row[0].lower() for row in headings] not in _HEADINGS:
        raise rows.error(
            scorers.line,
            "looks like a table of DeepLabCut, of which the rows scorer, bodyparts and coords,"
            " or scorer, individuals, bodyparts and coords are read",
        )
    *individuals, parts, axes = headings
    if any(len(row) != len(scorers.cells) for row in headings):
        raise rows.error(scorers.line, "a body part of DeepLabCut has no x or y")
    first = next((i for i, axis in enumerate(axes) if i and axis), len(axes))
    last = max((i for i, axis in enumerate(axes) if axis), default=0) + 1
    columns = [
        Column(individuals[0][i] if individuals else "", unguarded(parts[i]), axes[i].lower())
        for i in range(first, last)
    ]
    layout = layout_of(path, scorers.line, columns)
    remarks = []
    if left := [scorers.cells[i].strip() for i in range(last, len(axes))]:  # Lightning Pose's set
        remarks.append(f"passed over the columns {shown(', '.join(left))}")
    specimens: list[Found] = []
    for row in rows.checked(rows, axes, len(columns)):
        image = "/".join(unguarded(cell.strip()) for cell in row.cells[:first] if cell.strip())
        if not image:
            raise rows.error(row.line, "the name of the image is empty")
        specimens += _of_row(image, row.line, layout, _numbers(rows, row, layout, first))
    if not specimens:
        raise rows.error(scorers.line, "holds no landmarks: no row after the first")
    if remark := rows.missing.remark(path):
        remarks.append(remark.removeprefix(f"{path}, "))
    return Contents(specimens, list(next(iter(layout.values()))), remarks)


Layout = Mapping[str, Mapping[str, tuple[int, int, int | None]]]
"""Individual -> landmark -> the columns of its x, y and likelihood."""


def layout_of(path: Path, line: int | None, columns: Sequence[Column]) -> Layout:
    """Where the landmarks stand.

    Raises:
        LandmarkFileError: one is there twice or has no x or y, or individuals have different ones.
    """
    at: dict[Column, int] = {}
    for index, column in enumerate(columns):
        if column in at:
            found = f"the body part {shown(column.part)} occurs twice"
            raise LandmarkFileError(path, line, found)
        at[column] = index
    layout: dict[str, dict[str, tuple[int, int, int | None]]] = {}
    for one, part in dict.fromkeys((column.individual, column.part) for column in columns):
        x, y = at.get(Column(one, part, "x")), at.get(Column(one, part, "y"))
        if x is None or y is None:
            raise LandmarkFileError(path, line, "a body part of DeepLabCut has no x or y")
        layout.setdefault(one, {})[part] = x, y, at.get(Column(one, part, "likelihood"))
    if not layout:
        raise LandmarkFileError(path, line, "a body part of DeepLabCut has no x or y")
    first = next(iter(layout))
    for one, parts in layout.items():
        if parts.keys() != layout[first].keys():
            found = (
                f"the individuals {shown(first)} and {shown(one)} have different body parts; export"
                " those of one"
            )
            raise LandmarkFileError(path, line, found)
    return layout


def of_rows(
    images: Iterable[str], layout: Layout, values: Iterable[Sequence[float]]
) -> list[Found]:
    """The specimens of rows without lines.

    Args:
        images: the photographs' names.
        layout: of the columns.
        values: the cells of each row, NaN where empty.
    """
    return [
        specimen
        for image, row in zip(images, values, strict=True)
        for specimen in _of_row(image, 0, layout, row)
    ]


def _of_row(image: str, line: int, layout: Layout, values: Sequence[float]) -> list[Found]:
    """A specimen for each individual; those that the photograph does not show are left out."""
    specimens = []
    for parts in layout.values():
        points, scores = {}, {}
        for part, (x, y, likelihood) in parts.items():
            place = float(values[x]), float(values[y])
            points[part] = MISSING if math.isnan(place[0] + place[1]) else place
            if likelihood is not None and not math.isnan(values[likelihood]):
                scores[part] = float(values[likelihood])
        specimens.append(Found(image, points, line, scores=scores))
    shown_ = [one for one in specimens if any(xy is not MISSING for xy in one.points.values())]
    return shown_ or specimens[:1]


def _numbers(rows: Rows, row: Row, layout: Layout, first: int) -> list[float]:
    """The values of a row, with codes for missing landmarks replaced."""
    values = [math.nan] * (len(row.cells) - first)
    for parts in layout.values():
        places = list(parts.values())
        pairs = [(first + x, first + y) for x, y, _ in places]
        for (x, y, likelihood), xy in zip(places, rows.points(row, pairs).tolist(), strict=True):
            values[x], values[y] = xy
            if likelihood is not None:
                values[likelihood] = rows.number(row, first + likelihood)
    return values


def text(names: Sequence[str], placed: Sequence[Placed]) -> str:
    """The table.

    Args:
        names: of the landmarks.
        placed: the specimens, each with all landmarks.
    """
    columns = 2 * len(names)
    lines = [
        csv_line(["scorer", *[_SCORER] * columns]),
        csv_line(["bodyparts", *(guarded(name) for name in names for _ in "xy")]),
        csv_line(["coords", *"xy" * len(names)]),
    ]
    for one in placed:
        cells = ["" if np.isnan(v) else precise(v, _DECIMALS) for v in one.xy.ravel().tolist()]
        lines.append(csv_line([guarded(one.name), *cells]))
    return "".join(lines)
