"""CSV tables of landmarks: how they are read, ours and those of other programs."""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.csv_text import unguarded
from beetle_lm.predict.formats.text import parse_number, read_text
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import shown

_DELIMITERS = (",", ";", "\t")
_IMAGE_COLUMNS = ("image", "file", "id", "name")
_BLANK = "".join(_DELIMITERS) + " "
_WIDE_COLUMN = re.compile(r"([xy])(0|[1-9]\d{0,5})(_down|_up)?", re.ASCII | re.IGNORECASE)
_NUMBER_OF_LANDMARK = re.compile(r"\d{1,6}", re.ASCII)
_KINDS = "image,x1,y1_down,x2,y2_down,... or image,landmark,x,y"

_log = logging.getLogger("beetle_lm")


@dataclass(frozen=True, eq=False)
class TableSpecimen:
    """One specimen of a table.

    Args:
        image: the photograph's name as the table gives it.
        points: (n, 2) coordinates as in the table; NaN in both where a landmark is missing.
        line: where the specimen begins in the file, counted from 1.
        names: the landmarks' names, None where the table has none.
        score: (n,) scores, NaN where empty; None where the table has none.
        expected_error: (n,) expected errors in pixels, in the same way.
    """

    image: str
    points: Floats
    line: int
    names: tuple[str, ...] | None = None
    score: Floats | None = None
    expected_error: Floats | None = None


@dataclass(frozen=True)
class Table:
    """The specimens of a CSV file.

    Args:
        specimens: in the order of the file.
        y_up: True where y points up from the bottom edge, as in TPS files.
    """

    specimens: tuple[TableSpecimen, ...]
    y_up: bool


def read_table(path: Path) -> Table:
    """Reads a wide or a tidy table; the names of its columns tell which it is.

    Cells may be parted by ',', ';' or tabs (then decimal commas are read too). Missing is an empty
    cell, ``NA`` or ``nan`` in x or y. A wide table must say where y points: ``y1_down``, or
    ``y1_up``; ml-morph's ``id,X1,Y1,...`` is known to have y up. In a tidy table ``y`` points down.
    Columns that are not known are passed over with a warning. The apostrophe that our own tables
    have before names that are like formulas is taken away.

    Raises:
        LandmarkFileError: the file cannot be read, or is no table of landmarks; names the line and
            what was found there.
    """
    return _Reader(path, read_text(path)).read()


@dataclass(frozen=True)
class _Row:
    line: int
    cells: list[str]


class _Reader:
    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._delimiter = max(_DELIMITERS, key=lambda each: _cells_of_first_row(text, each))
        self._rows = self._read_rows(text)

    def read(self) -> Table:
        header = next(self._rows, None)
        if header is None:
            raise self._error(1, "is empty")
        columns = [cell.strip() for cell in header.cells]
        known: dict[str, int] = {}
        for index, column in enumerate(columns):
            if column and known.setdefault(column.lower(), index) != index:
                raise self._error(header.line, f"the column {shown(column)} is there twice")
        tidy = "landmark" in known
        table = (self._tidy if tidy else self._wide)(header, columns, known)
        if not table.specimens:
            raise self._error(header.line, "holds no landmarks: no row after the first")
        return table

    def _wide(self, header: _Row, columns: Sequence[str], known: dict[str, int]) -> Table:
        image = next((known[name] for name in _IMAGE_COLUMNS if name in known), None)
        at: dict[tuple[str, int], int] = {}
        directions = set()
        for index, column in enumerate(columns):
            if match := _WIDE_COLUMN.fullmatch(column):
                at[match[1].lower(), int(match[2])] = index
                if match[1].lower() == "y":
                    directions.add((match[3] or "").lower())
        first = 0 if ("x", 0) in at else 1
        numbers = range(first, first + len(at) // 2)
        pairs = [(at.get(("x", i)), at.get(("y", i))) for i in numbers]
        whole = [(x, y) for x, y in pairs if x is not None and y is not None]
        if image is None or not at or 2 * len(whole) != len(at):
            found = shown(self._delimiter.join(columns))
            raise self._error(header.line, f"expected the columns {_KINDS}, found {found}")
        if directions == {""} and "id" in known and columns[whole[0][0]].startswith("X"):
            directions = {"_up"}
        if directions not in ({"_down"}, {"_up"}):
            raise self._error(
                header.line,
                "the columns do not say where y points; name them y1_down, y2_down, ... where it is"
                " counted from the top edge of the image, y1_up, y2_up, ... from the bottom edge",
            )
        self._warn_of_others(columns, {image, *at.values()})
        specimens = []
        for row in self._rows_of(columns):
            points = [(self._number(row, x), self._number(row, y)) for x, y in whole]
            name = self._name(row, image)
            specimens.append(TableSpecimen(name, _points(points), row.line))
        return Table(tuple(specimens), directions == {"_up"})

    def _tidy(self, header: _Row, columns: Sequence[str], known: dict[str, int]) -> Table:
        image = next((known[name] for name in ("image", "file", "id") if name in known), None)
        x, landmark = known.get("x"), known["landmark"]
        ys = [name for name in ("y", "y_down", "y_up") if name in known]
        if image is None or x is None or len(ys) != 1:
            found = shown(self._delimiter.join(columns))
            raise self._error(header.line, f"expected the columns {_KINDS}, found {found}")
        y, name, score = known[ys[0]], known.get("name"), known.get("score")
        error = known.get("expected_error_px")
        used = {image, landmark, x, y, name, score, error}
        self._warn_of_others(columns, {index for index in used if index is not None})
        groups: dict[str, list[_Row]] = {}
        for row in self._rows_of(columns):
            groups.setdefault(self._name(row, image), []).append(row)
        specimens = []
        for found, rows in groups.items():
            ordered = self._in_order(found, rows, landmark)
            points = [(self._number(row, x), self._number(row, y)) for row in ordered]
            specimens.append(
                TableSpecimen(
                    found,
                    _points(points),
                    rows[0].line,
                    None if name is None else tuple(unguarded(row.cells[name]) for row in ordered),
                    self._column(ordered, score),
                    self._column(ordered, error),
                )
            )
        return Table(tuple(specimens), ys == ["y_up"])

    def _column(self, rows: Sequence[_Row], column: int | None) -> Floats | None:
        if column is None:
            return None
        return np.array([self._number(row, column) for row in rows], np.float64)

    def _in_order(self, image: str, rows: Sequence[_Row], landmark: int) -> list[_Row]:
        """The rows of one specimen, which must be numbered from 1 without a gap."""
        ordered: list[_Row | None] = [None] * len(rows)
        for row in rows:
            text = row.cells[landmark].strip()
            if not _NUMBER_OF_LANDMARK.fullmatch(text) or int(text) < 1:
                raise self._error(row.line, f"expected the landmark's number, found {shown(text)}")
            number = int(text)
            if number > len(rows):
                raise self._error(
                    row.line,
                    f"found landmark {number} of {shown(image)}, which has {len(rows)} rows; its"
                    " landmarks must be numbered from 1, with empty x and y where one is missing",
                )
            if ordered[number - 1] is not None:
                raise self._error(
                    row.line, f"landmark {number} of {shown(image)} is there a second time"
                )
            ordered[number - 1] = row
        return [row for row in ordered if row is not None]

    def _read_rows(self, text: str) -> Iterator[_Row]:
        """The rows that are not empty."""
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter, strict=True)
        line = 1
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield _Row(line, cells)
                line = reader.line_num + 1
        except csv.Error as error:
            raise self._error(line, f"is not CSV: {error}") from error

    def _rows_of(self, columns: Sequence[str]) -> Iterator[_Row]:
        """The rows after the header, each with a cell for every column."""
        for row in self._rows:
            if len(row.cells) != len(columns):
                raise self._error(
                    row.line, f"found {len(row.cells)} cells, the first row has {len(columns)}"
                )
            yield row

    def _name(self, row: _Row, column: int) -> str:
        if not row.cells[column].strip():
            raise self._error(row.line, "the name of the image is empty")
        return unguarded(row.cells[column])

    def _number(self, row: _Row, column: int) -> float:
        text = row.cells[column].strip()
        if not text:
            return float("nan")
        try:
            return parse_number(text)
        except ValueError as error:
            raise self._error(row.line, f"expected a number, found {shown(text)}") from error

    def _warn_of_others(self, columns: Sequence[str], used: set[int]) -> None:
        others = [name for index, name in enumerate(columns) if name and index not in used]
        if others:
            _log.warning("%s: passed over the columns %s", self._path, shown(", ".join(others)))

    def _error(self, line: int, found: str) -> LandmarkFileError:
        return LandmarkFileError(self._path, line, found)


def _cells_of_first_row(text: str, delimiter: str) -> int:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return len(next((row for row in reader if "".join(row).strip(_BLANK)), []))
    except csv.Error:
        return 0


def _points(points: list[tuple[float, float]]) -> Floats:
    xy = np.array(points, dtype=np.float64).reshape(-1, 2)
    xy[np.isnan(xy).any(axis=1)] = np.nan
    return xy
