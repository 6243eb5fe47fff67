"""CSV tables of landmarks: reading ours and those of other programs, and writing.

Wide, one row per specimen: ``image,x1,y1_down,x2,y2_down,...``. The identifier is first and only
coordinates follow, as MorphoJ and R want it; the column names say that y points down. Tidy, one row
per landmark: ``image,landmark,name,x,y,score,expected_error_px``, y down as well. In both an empty
cell is a missing value. All coordinates, and expected errors, are image pixels. A name that a
spreadsheet would take for a formula has an apostrophe in front of it.

With `excel` the text begins with a BOM, cells are separated by ';' and decimals by a comma: what
Excel opens on a double click where the comma is the decimal sign.

The functions that write return text for a file opened with ``encoding="utf-8", newline=""``.
"""

from __future__ import annotations

import csv
import io
import logging
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.csv import csv_line, guarded, unguarded
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.formats.text import BOM, parse_number, read_text
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import encodable, fixed, shown

TIDY_COLUMNS = ("image", "landmark", "name", "x", "y", "score", "expected_error_px")

_COORDINATE_DECIMALS = 5
_SCORE_DECIMALS = 4
_ERROR_DECIMALS = 3
_DELIMITERS = (",", ";", "\t")
_IMAGE_COLUMNS = ("image", "file", "id", "name")
_BLANK = "".join(_DELIMITERS) + " "
_WIDE_COLUMN = re.compile(r"([xy])(0|[1-9]\d{0,5})(_down|_up)?", re.ASCII | re.IGNORECASE)
_NUMBER_OF_LANDMARK = re.compile(r"\d{1,6}", re.ASCII)
_KINDS = "image,x1,y1_down,x2,y2_down,... or image,landmark,x,y"

_log = logging.getLogger("beetle_lm")


def read_table(path: Path) -> list[Record]:
    """Reads a wide or a tidy table; the names of its columns tell which it is.

    Cells may be separated by ',', ';' or tabs (the latter two leave room for decimal commas). A
    landmark is missing where x or y is an empty cell, ``NA`` or ``nan``. A wide table must say
    which way y points: ``y1_down``, or ``y1_up``; ml-morph's ``id,X1,Y1,...`` is known to have y
    up. In a tidy table ``y`` points down.
    Unknown columns are passed over with a warning. The apostrophe that our own tables put in front
    of names that look like formulas is removed.

    Raises:
        LandmarkFileError: the file cannot be read, or is not a table of landmarks; names the line
            and what was found there.
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

    def read(self) -> list[Record]:
        header = next(self._rows, None)
        if header is None:
            raise self._error(1, "is empty")
        columns = [cell.strip() for cell in header.cells]
        known: dict[str, int] = {}
        for index, column in enumerate(columns):
            if column and known.setdefault(column.lower(), index) != index:
                raise self._error(header.line, f"the column {shown(column)} occurs twice")
        tidy = "landmark" in known
        records = (self._tidy if tidy else self._wide)(header, columns, known)
        if not records:
            raise self._error(header.line, "holds no landmarks: no row after the first")
        return records

    def _wide(self, header: _Row, columns: Sequence[str], known: dict[str, int]) -> list[Record]:
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
        records = []
        for number, row in enumerate(self._rows_of(columns), start=1):
            points = [(self._number(row, x), self._number(row, y)) for x, y in whole]
            records.append(
                Record(
                    _points(points),
                    image=self._name(row, image),
                    line=row.line,
                    number=number,
                    y_up=directions == {"_up"},
                )
            )
        return records

    def _tidy(self, header: _Row, columns: Sequence[str], known: dict[str, int]) -> list[Record]:
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
        records = []
        for number, (found, rows) in enumerate(groups.items(), start=1):
            ordered = self._in_order(found, rows, landmark)
            points = [(self._number(row, x), self._number(row, y)) for row in ordered]
            records.append(
                Record(
                    _points(points),
                    image=found,
                    line=rows[0].line,
                    number=number,
                    y_up=ys == ["y_up"],
                    names=self._names(ordered, name),
                    score=self._column(ordered, score),
                    expected_error=self._column(ordered, error),
                )
            )
        return records

    @staticmethod
    def _names(rows: Sequence[_Row], column: int | None) -> tuple[str, ...] | None:
        return None if column is None else tuple(unguarded(row.cells[column]) for row in rows)

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
    return np.array(points, dtype=np.float64).reshape(-1, 2)


def wide_header(count: int, excel: bool = False) -> str:
    """The first line of a wide table of `count` landmarks."""
    columns = [column for i in range(1, count + 1) for column in (f"x{i}", f"y{i}_down")]
    return _first_line(["image", *columns], excel)


def wide_row(image: str, xy: Floats, excel: bool = False) -> str:
    """The row of one specimen.

    Args:
        image: the photograph's name.
        xy: (n, 2) image pixels, y down; NaN where a landmark is missing.
        excel: as Excel reads it where the comma is the decimal sign.
    """
    numbers = [_cell(value, _COORDINATE_DECIMALS, excel) for value in xy.ravel().tolist()]
    return _csv([[guarded(image), *numbers]], excel)


def tidy_header(excel: bool = False) -> str:
    """The first line of a tidy table."""
    return _first_line(TIDY_COLUMNS, excel)


def tidy_rows(
    image: str,
    names: Sequence[str],
    xy: Floats,
    score: Floats | None = None,
    expected_error: Floats | None = None,
    excel: bool = False,
) -> str:
    """The rows of one specimen, one per landmark.

    Args:
        image: the photograph's name; no other specimen of the table may have the same.
        names: the n landmarks' names.
        xy: (n, 2) image pixels, y down; NaN where a landmark is missing.
        score: (n,) scores from 0 to 1; None leaves the cells empty.
        expected_error: (n,) expected errors in image pixels; None leaves the cells empty.
        excel: as Excel reads it where the comma is the decimal sign.
    """
    unknown = np.full(len(xy), np.nan)
    scores = unknown if score is None else score
    errors = unknown if expected_error is None else expected_error
    rows = [
        [
            guarded(image),
            str(number),
            guarded(name),
            _cell(x, _COORDINATE_DECIMALS, excel),
            _cell(y, _COORDINATE_DECIMALS, excel),
            _cell(value, _SCORE_DECIMALS, excel),
            _cell(error, _ERROR_DECIMALS, excel),
        ]
        for number, (name, (x, y), value, error) in enumerate(
            zip(names, xy.tolist(), scores.tolist(), errors.tolist(), strict=True), start=1
        )
    ]
    return _csv(rows, excel)


def _first_line(columns: Iterable[str], excel: bool) -> str:
    return (BOM if excel else "") + _csv([columns], excel)


def _cell(value: float, decimals: int, excel: bool) -> str:
    if math.isnan(value):
        return ""
    text = fixed(value, decimals)
    return text.replace(".", ",") if excel else text


def _csv(rows: Iterable[Iterable[str]], excel: bool) -> str:
    return encodable("".join(csv_line(row, ";" if excel else ",") for row in rows))
