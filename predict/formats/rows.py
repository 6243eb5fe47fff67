"""Text in rows and cells: how tables of landmarks are read, whoever wrote them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.coordinates import GREATEST, MissingCodes, parse_number
from beetle_lm.predict.formats.csv import unguarded
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import counted, shown

_DELIMITERS = (",", ";", "\t")
_BLANK = "".join(_DELIMITERS) + " "
_SEPARATOR = re.compile(r'"?sep=([,;\t])"?[ ]*(?=[\r\n])', re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """The cells of a row, and the line where it begins, counted from 1."""

    line: int
    cells: list[str]


class Rows:
    """The rows of a text that are not empty, read once, and what their cells hold.

    Cells may be separated by ',', ';' or tabs (the latter two leave room for decimal commas), or by
    spaces as R writes them; Excel's ``sep=;`` is passed over. Every method raises
    `LandmarkFileError`, with the line, where a cell is not what it is asked for.

    Args:
        path: what the file is called in errors.
        text: what it holds.
    """

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.missing = MissingCodes()
        if separator := _SEPARATOR.match(text):
            self.delimiter = separator[1]
            text = text[separator.end() :]  # its line stays, so that lines are counted right
        else:
            self.delimiter = _delimiter_of(text)
        self._rows = self._read(text)

    def __iter__(self) -> Iterator[Row]:
        return self._rows

    def _read(self, text: str) -> Iterator[Row]:
        reader = csv.reader(
            io.StringIO(text, newline=""),
            delimiter=self.delimiter,
            strict=True,
            skipinitialspace=self.delimiter == " ",
        )
        line = 1
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield Row(line, cells)
                line = reader.line_num + 1
        except csv.Error as error:
            raise self.error(line, f"is not CSV: {error}") from error

    def checked(
        self, rows: Iterable[Row], columns: Sequence[str], coordinates: int
    ) -> Iterator[Row]:
        """The rows, each with a cell for every column.

        Args:
            rows: of the text.
            columns: the headings.
            coordinates: how many of them are of coordinates.
        """
        for row in rows:
            cells = len(row.cells)
            if cells != len(columns):
                found = f"found {counted(cells, 'cell')}, the first row has {len(columns)}"
                if self.delimiter == "," and cells == len(columns) + coordinates:
                    found += "; with decimal commas, cells must be separated by ';'"
                elif cells == len(columns) + 1:
                    found += "; if R wrote its row names in front, write with row.names = FALSE"
                raise self.error(row.line, found)
            yield row

    def name(self, row: Row, column: int) -> str:
        """The name of an image."""
        if not row.cells[column].strip():
            raise self.error(row.line, "the name of the image is empty")
        return unguarded(row.cells[column])

    def points(self, row: Row, columns: Sequence[tuple[int, int]]) -> Floats:
        """The (n, 2) coordinates in pairs of columns, NaN where missing."""
        points = [(self.coordinate(row, x), self.coordinate(row, y)) for x, y in columns]
        found = np.array(points, dtype=np.float64).reshape(-1, 2)
        return self.missing.removed(found, [row.line] * len(points), usual=False)

    def coordinate(self, row: Row, column: int) -> float:
        """A coordinate, NaN where it is missing."""
        value = self.number(row, column)
        if abs(value) >= GREATEST:
            found = shown(row.cells[column].strip())
            raise self.error(row.line, f"no photograph has a coordinate like {found}")
        return value

    def number(self, row: Row, column: int) -> float:
        """A number, NaN where it is missing."""
        text = row.cells[column].strip()
        try:
            return parse_number(text)
        except ValueError as error:
            raise self.error(row.line, f"expected a number, found {shown(text)}") from error

    def error(self, line: int, found: str) -> LandmarkFileError:
        """An error of the file."""
        return LandmarkFileError(self.path, line, found)


def headings(text: str) -> list[str]:
    """The cells of the first row that is not empty, stripped; none where the text is no table."""
    try:
        first = next(iter(Rows(Path(), text)), None)
    except LandmarkFileError:
        return []
    return [] if first is None else [cell.strip() for cell in first.cells]


def _delimiter_of(text: str) -> str:
    cells = {each: _cells_of_first_row(text, each) for each in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda each: cells[each])
    return " " if cells[best] < 2 <= _cells_of_first_row(text, " ") else best


def _cells_of_first_row(text: str, delimiter: str) -> int:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return len(next((row for row in reader if "".join(row).strip(_BLANK)), []))
    except csv.Error:
        return 0
