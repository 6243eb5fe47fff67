"""Reading tables of landmarks: our own (`beetle_lm.predict.formats.own_tables`) and others'."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.csv import unguarded
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.formats.rows import Row, Rows
from beetle_lm.predict.formats.text import read_text
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import counted, shown

_IMAGE_COLUMNS = (
    "image",
    "filename",
    "file",
    "file_name",
    "image_name",
    "imagename",
    "photograph",
    "photo",
    "picture",
    "specimen",
    "id",
    "name",
)
_WIDE_COLUMNS = tuple(
    re.compile(pattern + r"(?:[ ._-](?P<way>down|up))?", re.ASCII | re.IGNORECASE)
    for pattern in (
        r"(?P<axis>[xy])[ ._-]?(?P<number>\d{1,6})",  # x1, X.01
        r"(?:lm|landmark|point|p)?[ ._-]?(?P<number>\d{1,6})[ ._-]?(?P<axis>[xy])",  # LM1_x, 1x
    )
)
_MORPHOJ = re.compile(r"RawCoord([1-9]\d{0,5})", re.ASCII)
_USUALLY_UP = re.compile(rf"\d+\.[XY]|{_MORPHOJ.pattern}", re.ASCII)  # geomorph's two.d.array
_TAKEN_UP = (
    "y is taken to point up, as in the TPS files that geomorph and MorphoJ read; columns called"
    " y1_down would say that it points down"
)
_NUMBER_OF_LANDMARK = re.compile(r"\d{1,6}", re.ASCII)
_KINDS = "image,x1,y1_down,x2,y2_down,... or image,landmark,x,y"
_ROW_NAMES = "\0"  # the unnamed column of R's row names; no column of a file is called that

_log = logging.getLogger("beetle_lm")


def read_table(path: Path) -> list[Record]:
    """Reads a wide or a tidy table, or one of DeepLabCut; the names of its columns tell which.

    Cells may be separated by ',', ';' or tabs (the latter two leave room for decimal commas), or by
    spaces as R writes them; R's row names and Excel's ``sep=;`` are passed over. Which landmarks
    are missing says `beetle_lm.predict.formats.coordinates`. A wide table must say which way y
    points: ``y1_down`` or ``LM1_y_up``; ml-morph's ``id,X1,Y1,...`` is known to have y up. In a
    tidy table and in DeepLabCut's ``y`` points down.
    Unknown columns are passed over with a warning. The apostrophe that our own tables put in front
    of names that look like formulas is removed.

    Raises:
        LandmarkFileError: the file cannot be read, or is not a table of landmarks; names the line
            and what was found there.
    """
    records, remarks = parse_table(path, read_text(path))
    for remark in remarks:
        _log.warning(remark)
    return records


def parse_table(path: Path, text: str) -> tuple[list[Record], list[str]]:
    """The records in the text of a table, and remarks on what is unusual in it.

    Args:
        path: what the file is called in errors and remarks.
        text: what it holds.

    Raises:
        LandmarkFileError: as `read_table`.
    """
    reader = _Reader(path, text)
    return reader.read(), reader.remarks


class _Reader(Rows):
    def __init__(self, path: Path, text: str) -> None:
        super().__init__(path, text)
        self.remarks: list[str] = []

    def read(self) -> list[Record]:
        header = next(iter(self), None)
        if header is None:
            raise self.error(1, "is empty")
        columns = [cell.strip() for cell in header.cells]
        columns, rows = self._without_row_names(columns, list(self))
        known: dict[str, int] = {}
        for index, column in enumerate(columns):
            if column and known.setdefault(_plain(column), index) != index:
                raise self.error(header.line, f"the column {shown(column)} occurs twice")
        read = self._tidy if "landmark" in known else self._wide
        records = read(header.line, columns, known, rows)
        if not records:
            raise self.error(header.line, "holds no landmarks: no row after the first")
        if remark := self.missing.remark(self.path):
            self.remarks.append(remark)
        return records

    def _wide(
        self, line: int, columns: Sequence[str], known: dict[str, int], rows: Sequence[Row]
    ) -> list[Record]:
        at: dict[tuple[str, int], int] = {}
        directions = set()
        for index, column in enumerate(columns):
            if found := _wide_column(column):
                key, way = found
                if key in at and (key[0] == "x" or way.lower() in directions):
                    twice = f"{shown(columns[at[key]])} and {shown(column)} are the same column"
                    raise self.error(line, twice)
                at[key] = index
                if key[0] == "y":
                    directions.add(way.lower())
        first = 0 if ("x", 0) in at else 1
        numbers = range(first, first + len(at) // 2)
        pairs = [(at.get(("x", i)), at.get(("y", i))) for i in numbers]
        whole = [(x, y) for x, y in pairs if x is not None and y is not None]
        image = self._image_column(columns, known, set(at.values()))
        if image is None or not at or 2 * len(whole) != len(at):
            raise self._unlike_any(line, columns, _lonely(columns, at))
        if (
            directions == {""}
            and image == known.get("id")
            and re.match(r"X\d", columns[whole[0][0]])
        ):
            directions = {"up"}
        elif directions == {""} and all(_USUALLY_UP.fullmatch(columns[i]) for i in at.values()):
            directions = {"up"}
            self.remarks.append(f"{self.path}: {_TAKEN_UP}")
        if directions not in ({"down"}, {"up"}):
            raise self.error(
                line,
                f"the columns do not say where y points; name them {_named_ways(columns, whole)}",
            )
        self._warn_of_others(columns, {image, *at.values()})
        return [
            Record(
                self.points(row, whole),
                image=self.name(row, image),
                line=row.line,
                number=number,
                y_up=directions == {"up"},
            )
            for number, row in enumerate(self.checked(rows, columns, len(at)), start=1)
        ]

    def _tidy(
        self, line: int, columns: Sequence[str], known: dict[str, int], rows: Sequence[Row]
    ) -> list[Record]:
        # 'name' is the landmark's here.
        image = next((known[name] for name in _IMAGE_COLUMNS[:-1] if name in known), None)
        x, landmark = known.get("x"), known["landmark"]
        ys = [name for name in ("y", "y_down", "y_up") if name in known]
        if image is None or x is None or len(ys) != 1:
            raise self._unlike_any(line, columns)
        y, name, score = known[ys[0]], known.get("name"), known.get("score")
        error = known.get("expected_error_px")
        used = {image, landmark, x, y, name, score, error}
        self._warn_of_others(columns, {index for index in used if index is not None})
        groups: dict[str, list[Row]] = {}
        for row in self.checked(rows, columns, 2):
            groups.setdefault(self.name(row, image).strip(), []).append(row)
        records = []
        for number, (found, own) in enumerate(groups.items(), start=1):
            ordered = self._in_order(found, own, landmark)
            points = [(self.coordinate(row, x), self.coordinate(row, y)) for row in ordered]
            lines = [row.line for row in ordered]
            records.append(
                Record(
                    self.missing.removed(_points(points), lines, usual=False),
                    image=self.name(own[0], image),
                    line=own[0].line,
                    number=number,
                    y_up=ys == ["y_up"],
                    names=self._names(ordered, name),
                    score=self._column(ordered, score),
                    expected_error=self._column(ordered, error),
                )
            )
        return records

    def _without_row_names(
        self, columns: list[str], rows: list[Row]
    ) -> tuple[list[str], list[Row]]:
        """The table without R's row names, which stand in front and have no heading.

        They are left out where they only count the rows; else they are the names of the images,
        where no column is.
        """
        if not rows or any(len(row.cells) != len(columns) + 1 for row in rows):
            return columns, rows
        if all(row.cells[0].strip() == str(n) for n, row in enumerate(rows, start=1)):
            return columns, [Row(row.line, row.cells[1:]) for row in rows]
        if any(_plain(column) in _IMAGE_COLUMNS for column in columns):
            return columns, rows
        return [_ROW_NAMES, *columns], rows

    @staticmethod
    def _image_column(
        columns: Sequence[str], known: dict[str, int], coordinates: set[int]
    ) -> int | None:
        """The column of the images' names; one without a heading where no other is left."""
        named = next((known[name] for name in (_ROW_NAMES, *_IMAGE_COLUMNS) if name in known), None)
        if named is not None:
            return named
        others = [index for index in range(len(columns)) if index not in coordinates]
        return others[0] if len(others) == 1 and not columns[others[0]] else None

    @staticmethod
    def _names(rows: Sequence[Row], column: int | None) -> tuple[str, ...] | None:
        return None if column is None else tuple(unguarded(row.cells[column]) for row in rows)

    def _column(self, rows: Sequence[Row], column: int | None) -> Floats | None:
        if column is None:
            return None
        return np.array([self.number(row, column) for row in rows], np.float64)

    def _in_order(self, image: str, rows: Sequence[Row], landmark: int) -> list[Row]:
        """The rows of one specimen, which must be numbered from 1 without a gap."""
        ordered: list[Row | None] = [None] * len(rows)
        for row in rows:
            text = row.cells[landmark].strip()
            if not _NUMBER_OF_LANDMARK.fullmatch(text) or int(text) < 1:
                raise self.error(row.line, f"expected the landmark's number, found {shown(text)}")
            number = int(text)
            if number > len(rows):
                raise self.error(
                    row.line,
                    f"found landmark {number} of {shown(image)}, which has"
                    f" {counted(len(rows), 'row')}; its landmarks must be numbered from 1, with"
                    " empty x and y where one is missing",
                )
            if ordered[number - 1] is not None:
                raise self.error(
                    row.line, f"landmark {number} of {shown(image)} is there a second time"
                )
            ordered[number - 1] = row
        return [row for row in ordered if row is not None]

    def _warn_of_others(self, columns: Sequence[str], used: set[int]) -> None:
        others = [name for index, name in enumerate(columns) if name and index not in used]
        if others:
            self.remarks.append(f"{self.path}: passed over the columns {shown(', '.join(others))}")

    def _unlike_any(
        self, line: int, columns: Sequence[str], why: str | None = None
    ) -> LandmarkFileError:
        found = shown(self.delimiter.join(columns))
        because = f"; {why}" if why else ""
        return self.error(line, f"expected the columns {_KINDS}, found {found}{because}")


def _plain(column: str) -> str:
    return re.sub("[ .-]", "_", column.lower())


def _wide_column(column: str) -> tuple[tuple[str, int], str] | None:
    """The axis and the number of a landmark, and which way y points, '' if that is not told."""
    if match := _MORPHOJ.fullmatch(column):
        place = int(match[1]) - 1
        return ("xy"[place % 2], place // 2 + 1), ""
    for pattern in _WIDE_COLUMNS:
        if match := pattern.fullmatch(column):
            return (match["axis"].lower(), int(match["number"])), match["way"] or ""
    return None


def _lonely(columns: Sequence[str], at: dict[tuple[str, int], int]) -> str | None:
    """Why the columns of coordinates are no landmarks: an x without its y, a gap in the numbers."""
    if not at:
        return None
    for (axis, number), index in sorted(at.items(), key=lambda item: item[1]):
        other = "y" if axis == "x" else "x"
        if (other, number) not in at:
            return f"{shown(columns[index])} has no {other} beside it; rename it if it is none"
    numbers = sorted({number for _, number in at})
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))) or numbers[0] > 1:
        return "landmarks must be numbered from 1 without a gap"
    return "no column holds the names of the images; call it image"


def _named_ways(columns: Sequence[str], whole: Sequence[tuple[int, int]]) -> str:
    """How the columns of y would say which way it points, for a message."""
    ys = [re.sub("[ ._-](down|up)$", "", columns[y], flags=re.IGNORECASE) for _, y in whole[:2]]
    down, up = (", ".join(shown(f"{y}_{way}")[1:-1] for y in ys) for way in ("down", "up"))
    return (
        f"{down}, ... where it is counted from the top edge of the image, {up}, ... from the bottom"
        " edge"
    )


def _points(points: list[tuple[float, float]]) -> Floats:
    return np.array(points, dtype=np.float64).reshape(-1, 2)
