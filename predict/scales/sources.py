"""Where the scale of a photograph comes from: one number, a table, or the photograph itself."""

from __future__ import annotations

import csv
import io
import logging
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Protocol

from beetle_lm.errors import LandmarkFileError, RequestError
from beetle_lm.predict.formats.coordinates import GREATEST, parse_number
from beetle_lm.predict.formats.csv import unguarded
from beetle_lm.predict.formats.names import NameIndex, listed
from beetle_lm.predict.formats.text import read_text
from beetle_lm.predict.images.read import Form, Picture
from beetle_lm.predict.scales.scale import Scale
from beetle_lm.text import shown

ScaleOf = Callable[[str, Scale | None], Scale]
"""Gives the scale of a photograph, by its name and what was read from it, if anything was."""

_IMAGE_COLUMNS = ("image", "photograph", "photo", "file", "filename", "picture", "name", "specimen")
_SCALE_COLUMN = re.compile(r"scale|(scale\W*_?)?[(\[]?\w+(_per_|/)(px|pixel)[)\]]?")  # mm_per_px
_DELIMITERS = (";", "\t", ",")
_UNREAD = Scale(None, "the photograph was not read")

_log = logging.getLogger("beetle_lm")


class ScaleSource(Protocol):
    """Where scales come from, as far as a run needs to know it."""

    @property
    def record(self) -> float | str | dict[str, Any]:
        """What run.json says of it, as JSON values; of a table its path and its SHA-256."""

    @property
    def for_all(self) -> float | None:
        """Units per pixel of every photograph; None where they differ."""

    @property
    def mark(self) -> Mark | None:
        """What is to be found in each photograph; None where nothing is."""

    def among(self, names: Sequence[str]) -> ScaleOf:
        """Makes ready to give the scales of photographs.

        Args:
            names: of all of them; told once are those without a scale.
        """


@dataclass(frozen=True)
class SameScale:
    """One scale for all photographs.

    Raises:
        RequestError: it is not above 0.
    """

    units_per_px: float

    def __post_init__(self) -> None:
        if not 0 < self.units_per_px < GREATEST:
            raise RequestError(f"a scale must be above 0, got {self.units_per_px}")

    @property
    def record(self) -> float:
        """The number."""
        return self.units_per_px

    @property
    def for_all(self) -> float:
        """The number."""
        return self.units_per_px

    @property
    def mark(self) -> None:
        """Nothing is read from photographs."""

    def among(self, names: Sequence[str]) -> ScaleOf:
        """Gives every photograph that scale."""
        return lambda name, read: Scale(self.units_per_px)


@dataclass(frozen=True, eq=False)
class ScaleTable:
    """Scales by the photographs' names.

    Args:
        path: the table.
        scales: units per pixel by the names that the table has.
        sha256: checksum of the table.
    """

    path: Path
    scales: Mapping[str, float]
    sha256: str

    @classmethod
    def read(cls, path: Path) -> ScaleTable:
        """Reads a table with a row for each photograph: its name, and units per pixel.

        Cells may be separated by commas, semicolons or tabs. A first row that names the columns is
        needed only where there are more than two of them, and must call the scales by a name that
        says what they are, such as units_per_px or scale. An empty scale is one that is not known.

        Raises:
            LandmarkFileError: the file cannot be read, or is not such a table; names the line.
        """
        text = read_text(path)
        scales: dict[str, float] = {}
        lines: dict[str, int] = {}
        for line, name, cell in _rows(path, text):
            try:
                scale = parse_number(cell)
            except ValueError:
                scale = -1.0
            if math.isnan(scale):
                continue
            if not 0 < scale < GREATEST:
                found = f"expected units per pixel, above 0, found {shown(cell)}"
                raise LandmarkFileError(path, line, found)
            if scales.setdefault(name, scale) != scale:
                found = f"{shown(name)} has another scale in line {lines[name]}"
                raise LandmarkFileError(path, line, found)
            lines.setdefault(name, line)
        if not scales:
            raise LandmarkFileError(path, None, "holds no scales")
        return cls(path, scales, sha256(path.read_bytes()).hexdigest())

    @property
    def record(self) -> dict[str, Any]:
        """The file and its checksum."""
        return {"table": str(self.path), "sha256": self.sha256}

    @property
    def for_all(self) -> None:
        """Scales differ."""

    @property
    def mark(self) -> None:
        """Nothing is read from photographs."""

    def among(self, names: Sequence[str]) -> ScaleOf:
        """Gives each photograph the scale of the row that means it, and no other photograph."""
        rows, photographs = NameIndex(self.scales), NameIndex(names)
        found = {}
        for name in names:
            row = rows.find(name)
            if row is not None and photographs.find(row) == name:
                found[name] = Scale(self.scales[row])
        if lacking := [name for name in names if name not in found]:
            count = "1 photograph has" if len(lacking) == 1 else f"{len(lacking)} photographs have"
            _log.warning("%s no scale in %s: %s", count, self.path, listed(lacking))
        missing = Scale(None, f"no scale in {self.path.name}")
        return lambda name, read: found.get(name, missing)


@dataclass(frozen=True)
class Mark:
    """What in a photograph says its scale.

    Args:
        kind: a millimetre grid, or a printed bar.
        length: of the bar, in the unit that scales are to be in.

    Raises:
        RequestError: a bar has no length, or a grid has one.
    """

    kind: Literal["grid", "bar"]
    length: float | None = None

    def __post_init__(self) -> None:
        if (self.kind == "bar") != (self.length is not None):
            raise RequestError("a scale bar needs a length, and a grid has none")
        if self.length is not None and not 0 < self.length < GREATEST:
            raise RequestError(f"the length of a scale bar must be above 0, got {self.length}")

    @property
    def record(self) -> str:
        """As the command line has it."""
        return self.kind if self.length is None else f"{self.kind}:{self.length:g}"

    @property
    def for_all(self) -> None:
        """Scales differ."""

    @property
    def mark(self) -> Mark:
        """This."""
        return self

    @property
    def form(self) -> Form:
        """How a photograph must be decoded."""
        from beetle_lm.predict.scales.grid import SEEN_AT

        return Form(1, SEEN_AT if self.kind == "grid" else None)

    def find(self, picture: Picture) -> Scale:
        """Reads the scale of a photograph, decoded as `form` says."""
        from beetle_lm.predict.scales.bar import find_bar
        from beetle_lm.predict.scales.grid import find_grid

        find = find_grid if self.length is None else partial(find_bar, length=self.length)
        return find(picture)

    def among(self, names: Sequence[str]) -> ScaleOf:
        """Gives each photograph what was read from it."""
        return lambda name, read: read or _UNREAD


def scale_source(record: object, directory: Path) -> ScaleSource:
    """The source of scales that has a record.

    Args:
        record: what `ScaleSource.record` gave, as JSON values.
        directory: that a table's path is relative to.

    Raises:
        LandmarkFileError: the table is not there, or has changed.
        RequestError: it is no record of a source.
    """
    if isinstance(record, float | int):
        return SameScale(float(record))
    if isinstance(record, str):
        length = record.partition(":")[2]
        return Mark("bar", float(length)) if length else Mark("grid")
    if not isinstance(record, dict):
        raise RequestError(f"{record} is no record of a scale")
    table = ScaleTable.read(directory / record["table"])
    if table.sha256 != record["sha256"]:
        raise LandmarkFileError(table.path, None, "has changed since the run was begun")
    return replace(table, path=Path(record["table"]))


def _rows(path: Path, text: str) -> Iterator[tuple[int, str, str]]:
    """The line, the name and the scale of each row."""
    first = text.split("\n", 1)[0]
    delimiter = next((sign for sign in _DELIMITERS if sign in first), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: tuple[int, int] | None = None
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if columns is None:
                columns, is_header = _columns(path, reader.line_num, cells)
                if is_header:
                    continue
            if max(columns) >= len(cells) or not cells[columns[0]]:
                found = "expected the name of a photograph and its scale"
                raise LandmarkFileError(path, reader.line_num, found)
            yield reader.line_num, unguarded(cells[columns[0]]), cells[columns[1]]
    except csv.Error as error:
        raise LandmarkFileError(path, reader.line_num, f"not a table: {error}") from error


def _columns(path: Path, line: int, cells: Sequence[str]) -> tuple[tuple[int, int], bool]:
    """The columns of names and of scales, and whether the first row only names them."""
    plain = [cell.casefold().replace(" ", "_").replace(".", "_") for cell in cells]
    image = next((plain.index(name) for name in _IMAGE_COLUMNS if name in plain), None)
    scale = next((at for at, name in enumerate(plain) if _SCALE_COLUMN.fullmatch(name)), None)
    if image is not None and scale is not None:
        return (image, scale), True
    if scale == 1 and len(cells) == 2:  # whatever the names are called
        return (0, 1), True
    if unfit := [cell for cell, name in zip(cells, plain, strict=True) if _is_inverse(name)]:
        found = f"{shown(unfit[0])}: expected units per pixel, not pixels per unit"
        raise LandmarkFileError(path, line, found)
    if len(cells) != 2:
        found = "expected two columns, or columns called image and units_per_px"
        raise LandmarkFileError(path, line, found)
    try:
        parse_number(cells[1])
    except ValueError as error:  # nobody knows what a column of another name holds
        found = f"expected units per pixel, or units_per_px as their name, found {shown(cells[1])}"
        raise LandmarkFileError(path, line, found) from error
    return (0, 1), False


def _is_inverse(name: str) -> bool:
    return name.startswith(("px_per", "pixel_per", "pixels_per", "px/", "pixels/", "pixel/"))
