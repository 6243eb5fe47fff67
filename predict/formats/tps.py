"""TPS files as tpsDig, geomorph, MorphoJ and ml-morph exchange them: reading and writing.

In a TPS file y points up from the image's bottom edge; see `beetle_lm.predict.formats.records`.
"""

from __future__ import annotations

import logging
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import numpy as np

from beetle_lm.errors import LandmarkError, LandmarkFileError
from beetle_lm.files import write_text
from beetle_lm.predict.formats.coordinates import GREATEST, MissingCodes, parse_number
from beetle_lm.predict.formats.records import Record, checked_points, flip_y
from beetle_lm.predict.formats.text import read_text
from beetle_lm.predict.images.specimens import number_of, photograph_of
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import base_name, encodable, fixed, precise, shown

_DECIMALS = 5
_MISSING_ROW = "-1.00000 -1.00000"
_CURVE_NAMES = "curves: "
_BEGIN = re.compile(r"\s*(?:LM3?|CURVES)\s*=", re.IGNORECASE)
_COUNT = re.compile(r"\d{1,15}", re.ASCII)

_log = logging.getLogger("beetle_lm")


@dataclass(frozen=True, eq=False)
class TpsRecord(Record):
    """One specimen of a TPS file: a `Record` whose y points up, with what only TPS files have.

    Args:
        points: (n, 2) coordinates in pixels, y up from the bottom edge of the image; NaN in both
            where a landmark is missing.
        image: name of the photograph as the file gives it, None without ``IMAGE=``.
        id: identifier, None without ``ID=``.
        scale: units per pixel, None where unknown.
        line: as in every `Record`, like `number`.
        number: its place in the file, counted from 1.
        y_up: True.
        names: None, as are `score` and `expected_error`: TPS files have none.
        score: None.
        expected_error: None.
        curves: the (m, 2) points of each curve, y up, NaN where missing.
        curve_names: as a ``COMMENT=curves: ...`` lists them, None where there is none.
        control_points: None.
        comments: the texts of ``COMMENT=``.
        others: lines of unknown keys, with the rows that follow them, as they stand in the file.

    Raises:
        LandmarkError: as with every `Record`; also where both coordinates of a point are negative
            (TPS has no other way to say 'missing') or the scale is not positive.
    """

    y_up: bool = field(default=True, init=False)
    comments: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", _checked(self.points))
        object.__setattr__(self, "curves", tuple(_checked(curve) for curve in self.curves))
        if self.scale is not None and not 0 < self.scale < float("inf"):
            raise LandmarkError(
                f"a scale is a positive number of units per pixel, not {self.scale}"
            )

    @classmethod
    def from_image_xy(
        cls,
        xy: Floats,
        size: tuple[int, int],
        image: str,
        id: str | None = None,
        scale: float | None = None,
        curves: Mapping[str, Floats] | None = None,
    ) -> TpsRecord:
        """A record from image coordinates.

        Landmarks outside the image are moved to its edge: other programs take a negative
        coordinate for a missing landmark.

        Args:
            xy: (n, 2) image pixels, y down; NaN where a landmark is missing.
            size: width and height of the image in pixels.
            image: name of the photograph.
            id: identifier; without one the writer makes one from the name.
            scale: units per pixel, None where unknown.
            curves: (m, 2) points of each curve by its name, in the same frame.
        """
        points, *lines = (
            flip_y(np.clip(each, 0.0, np.asarray(size, np.float64)), size[1])
            for each in (xy, *(curves or {}).values())
        )
        names = tuple(curves) if curves else None
        return cls(points, image=image, id=id, scale=scale, curves=tuple(lines), curve_names=names)

    @cached_property
    def outlines(self) -> tuple[Floats, ...]:
        """The (m, 2) points of each outline of ``OUTLINES=``, closed, y up; read from `others`."""
        found: list[list[tuple[float, float]]] = []
        for index in self._outline_lines:
            line = self.others[index]
            if "=" in line:
                found += [[]] if _key_of(line) == "POINTS" else []
                continue
            try:
                x, y = (parse_number(cell) for cell in line.split())
            except ValueError:  # not as any program writes it: kept, and not used
                return ()
            if found:
                found[-1].append((x, y))
        every = [np.array(points, np.float64).reshape(-1, 2) for points in found]
        return tuple(points for points in every if len(points) and np.isfinite(points).all())

    @property
    def without_outlines(self) -> TpsRecord:
        """The record without its outlines, where `outlines` tells of some."""
        gone = set(self._outline_lines) if self.outlines else set()
        left = (line for index, line in enumerate(self.others) if index not in gone)
        return replace(self, others=tuple(left))

    @property
    def _outline_lines(self) -> list[int]:
        """Which of `others` are those of ``OUTLINES=``."""
        lines, inside = [], False
        for index, line in enumerate(self.others):
            key = _key_of(line)
            inside = key == "OUTLINES" or (inside and key in ("", "POINTS"))
            if inside:
                lines.append(index)
        return lines


def _key_of(line: str) -> str:
    """The key of a line in capitals, '' for a line without one."""
    key, equals, _ = line.partition("=")
    return key.strip().upper() if equals else ""


def _checked(points: Floats) -> Floats:
    points = checked_points(points)
    if (points < 0).all(axis=1).any():
        raise LandmarkError("a point with two negative coordinates would be missing in a TPS file")
    return points


def read_tps(path: str | Path) -> list[TpsRecord]:
    """Reads all records of a TPS file.

    UTF-8 or cp1252, with or without BOM; LF, CRLF or CR; keys in any case; spaces or tabs between
    numbers; ``IMAGE=``, ``ID=`` and ``SCALE=`` may be absent, and an empty or zero scale is an
    unknown one. Decimal commas are read with a warning.

    Which points are missing says `beetle_lm.predict.formats.coordinates`; here those are, too, of
    which both coordinates are negative (tpsDig writes -1 -1). A point with one negative coordinate
    lies outside the image, and is kept.

    Args:
        path: the file.

    Returns:
        The records in the order of the file, each with (n, 2) coordinates as the file has them:
        pixels with y up from the bottom edge of the image.

    Raises:
        LandmarkFileError: the file cannot be read, or is not a TPS file of two-dimensional
            landmarks; names the line and what was found there.
    """
    path = Path(path)
    records, remarks = parse_tps(path, read_text(path))
    for remark in remarks:
        _log.warning(remark)
    return records


def parse_tps(path: Path, text: str) -> tuple[list[TpsRecord], list[str]]:
    """The records in the text of a TPS file, and remarks on what is unusual in it.

    Args:
        path: what the file is called in errors and remarks.
        text: what it holds.

    Raises:
        LandmarkFileError: as `read_tps`.
    """
    reader = _Reader(path, text)
    return reader.read(), reader.remarks


def looks_like_tps(text: str) -> bool:
    """Whether a text begins as TPS files do."""
    return _BEGIN.match(text) is not None


class _Reader:
    """Goes through the lines of a file once, empty ones left out."""

    def __init__(self, path: Path, text: str) -> None:
        self.remarks: list[str] = []
        self._path = path
        self._missing = MissingCodes()
        numbered = enumerate(re.split(r"\r\n|\n|\r", text), start=1)
        self._lines = [(number, line.strip()) for number, line in numbered if line.strip()]
        self._next = 0
        self._line_with_comma: int | None = None
        self._line_with_negatives: int | None = None

    def read(self) -> list[TpsRecord]:
        records: list[TpsRecord] = []
        while self._key() is not None:
            records.append(self._record(len(records) + 1))
        if not records:
            raise self._error(1, "holds no landmarks: there is no LM= line")
        self._warn(self._line_with_comma, "decimal commas were read as decimal points")
        self._warn(
            self._line_with_negatives, "a point with two negative coordinates was read as missing"
        )
        if remark := self._missing.remark(self._path):
            self.remarks.append(remark)
        return records

    def _record(self, number: int) -> TpsRecord:
        begin, key, value = self._take()
        if key == "LM3":
            raise self._error(begin, "LM3= gives landmarks in three dimensions; only LM= is read")
        if key != "LM":
            raise self._error(begin, f"a record must begin with LM=, found {self._taken()}")
        points = self._points(begin, key, value)
        single: dict[str, str] = {}
        scale: float | None = None
        curves: list[Floats] = []
        comments: list[str] = []
        others: list[str] = []
        while self._key() not in ("LM", "LM3", None):
            line, key, value = self._take()
            if key == "":
                raise self._error(line, f"expected a key such as ID=, found {self._taken()}")
            if key in ("IMAGE", "ID", "SCALE"):
                if key in single:
                    raise self._error(line, f"a second {key}= in one record, {self._taken()}")
                single[key] = value
                scale = self._scale(line, value) if key == "SCALE" else scale
            elif key in ("COMMENT", "COMMENTS"):
                comments.append(value)
            elif key == "CURVES":
                curves += self._curves(line, value)
            else:
                others.append(self._taken_text())
                while self._key() == "":
                    self._take()
                    others.append(self._taken_text())
        names = [_curve_names(comment, len(curves)) for comment in comments]
        named = next(filter(None, names), None)
        return TpsRecord(
            points,
            image=single.get("IMAGE") or None,
            id=single.get("ID") or None,
            scale=scale,
            curves=tuple(curves),
            curve_names=named,
            comments=tuple(c for c, n in zip(comments, names, strict=True) if n is None),
            others=tuple(others),
            line=begin,
            number=number,
        )

    def _points(self, line: int, key: str, value: str) -> Floats:
        """The rows that follow ``LM=`` or ``POINTS=``, which must be as many as it says."""
        count = self._count(line, key, value)
        rows: list[tuple[float, float]] = []
        lines: list[int] = []
        while self._key() == "":
            lines.append(self._take()[0])
            rows.append(self._point())
        if len(rows) != count:
            follow = (
                "1 row of coordinates follows" if len(rows) == 1 else f"{len(rows)} rows follow"
            )
            raise self._error(line, f"{key}={count}, but {follow}")
        points = np.array(rows, dtype=np.float64).reshape(-1, 2)
        if key == "LM":
            return self._missing.removed(points, lines, usual=True)
        points[(points < 0).all(axis=1)] = np.nan
        return points

    def _point(self) -> tuple[float, float]:
        line, text = self._lines[self._next - 1]
        cells = text.split()
        try:
            x, y = (parse_number(cell) for cell in cells)
        except ValueError as error:
            raise self._error(line, f"expected two numbers, found {shown(text)}") from error
        if max(abs(x), abs(y)) >= GREATEST:
            raise self._error(line, f"no photograph has coordinates like {shown(text)}")
        if "," in text and self._line_with_comma is None:
            self._line_with_comma = line
        if x < 0 and y < 0 and not (x == y and x.is_integer()):  # no code that programs write
            if self._line_with_negatives is None:
                self._line_with_negatives = line
            return np.nan, np.nan
        return x, y

    def _curves(self, line: int, value: str) -> list[Floats]:
        count = self._count(line, "CURVES", value)
        curves = []
        while self._key() == "POINTS":
            curves.append(self._points(*self._take()))
        if len(curves) != count:
            raise self._error(line, f"CURVES={count}, but {len(curves)} POINTS= follow")
        return curves

    def _scale(self, line: int, value: str) -> float | None:
        if not value:
            return None
        try:
            scale = parse_number(value)
        except ValueError:
            scale = -1.0
        if scale < 0 or scale >= GREATEST:
            raise self._error(line, f"SCALE= needs a positive number, found {shown(value)}")
        if "," in value and self._line_with_comma is None:
            self._line_with_comma = line
        return scale if scale > 0 else None

    def _count(self, line: int, key: str, value: str) -> int:
        if not _COUNT.fullmatch(value):
            raise self._error(line, f"{key}= needs a whole number, found {shown(value)}")
        return int(value)

    def _key(self) -> str | None:
        """The key of the next line in capitals, '' for a line without one, None at the end."""
        if self._next == len(self._lines):
            return None
        return _key_of(self._lines[self._next][1])

    def _take(self) -> tuple[int, str, str]:
        """Number, key and value of the next line."""
        line, text = self._lines[self._next]
        key = self._key() or ""
        self._next += 1
        return line, key, text.partition("=")[2].strip()

    def _taken_text(self) -> str:
        return self._lines[self._next - 1][1]

    def _taken(self) -> str:
        return shown(self._taken_text())

    def _error(self, line: int, found: str) -> LandmarkFileError:
        return LandmarkFileError(self._path, line, found)

    def _warn(self, line: int | None, message: str) -> None:
        if line is not None:
            self.remarks.append(f"{self._path}, line {line}: {message}")


def _curve_names(comment: str, count: int) -> tuple[str, ...] | None:
    """The names of a record's curves, where a comment lists them as `format_record` does."""
    if count == 0 or not comment.startswith(_CURVE_NAMES):
        return None
    names = tuple(name.strip() for name in comment.removeprefix(_CURVE_NAMES).split(";"))
    return names if len(names) == count and all(names) and len(set(names)) == count else None


def format_record(record: TpsRecord, keep_folders: bool = False, exact: bool = False) -> str:
    """A record as TPS text, ending in a line feed.

    Coordinates are in fixed point with 5 decimals and one space between; a missing point is
    ``-1.00000 -1.00000``; ``IMAGE=`` has no folders, and is the photograph
    of a specimen that has a number in it; ``ID=`` is always there, made from the image's
    name where the record has none; ``SCALE=`` is left out where unknown; names of
    curves are a comment, ``COMMENT=curves: outline; suture``. Whether an ID is unique in its file a
    single record cannot know: see `TpsFormatter`.

    Args:
        record: the specimen.
        keep_folders: write the image's folders, for photographs that have the same name in several.
        exact: write all digits of coordinates that 5 decimals do not hold.
    """
    lines = [f"LM={len(record.points)}", *_rows(record.points, exact)]
    if record.curves:
        lines.append(f"CURVES={len(record.curves)}")
        for curve in record.curves:
            lines += [f"POINTS={len(curve)}", *_rows(curve, exact)]
    if record.image is not None:
        image = photograph_of(record.image if keep_folders else base_name(record.image))
        lines.append(f"IMAGE={_one_line(image)}")
    lines.append(f"ID={_id_of(record)}")
    if record.scale is not None:
        lines.append(f"SCALE={Decimal(repr(float(record.scale))):f}")
    if record.curves and record.curve_names:
        names = "; ".join(name.replace(";", ",") for name in record.curve_names)
        lines.append(f"COMMENT={_one_line(_CURVE_NAMES + names)}")
    lines += [f"COMMENT={_one_line(comment)}" for comment in record.comments]
    lines += [_one_line(other) for other in record.others]
    return "\n".join(lines) + "\n"


class TpsFormatter:
    """Formats the records of one file in order, so that no two have the same ID.

    It warns once about a name that another program would misread.
    """

    def __init__(self) -> None:
        self._given: dict[str, int] = {}
        self._warned = False

    def format(self, record: TpsRecord, keep_folders: bool = False, exact: bool = False) -> str:
        """As `format_record`; an ID that was used before gets a number appended."""
        wanted = _id_of(record)
        unique = self._unique(wanted)
        if record.id is not None and unique != wanted:
            _log.warning("the ID %s occurs more than once; it is written as %s", wanted, unique)
        self._warn_of_name(record.image)
        return format_record(replace(record, id=unique), keep_folders, exact)

    def _unique(self, wanted: str) -> str:
        unique = wanted
        while unique in self._given:
            self._given[wanted] += 1
            unique = f"{wanted}_{self._given[wanted]}"
        self._given[unique] = 1
        return unique

    def _warn_of_name(self, image: str | None) -> None:
        if self._warned or image is None:
            return
        name = base_name(image)
        if "ID" in name or "SCALE" in name:
            self._warned = True
            _log.warning(
                "geomorph's readland.tps may take IMAGE=%s for the line of the ID or scale, because"
                " the name contains 'ID' or 'SCALE'; rename the photograph, or read it with"
                ' specID = "imageID"',
                name,
            )


def write_tps(path: str | Path, records: Iterable[TpsRecord], exact: bool = False) -> None:
    """Writes a TPS file whole or not at all: UTF-8 without BOM, LF line ends, unique IDs.

    ``IMAGE=`` has no folders, but where several of the images would then have the same name.

    Args:
        path: the file; one that is there is replaced.
        records: the specimens; `TpsRecord.from_image_xy` makes one of landmarks in pixels, y down.
        exact: write all digits of coordinates, where 5 decimals do not hold them.

    Raises:
        OutputError: the file cannot be written.
    """
    formatter = TpsFormatter()
    records = list(records)
    images = {photograph_of(one.image) for one in records if one.image is not None}
    times = Counter(base_name(image).casefold() for image in images)
    write_text(
        Path(path),
        (
            formatter.format(record, times[_file_of(record).casefold()] > 1, exact)
            for record in records
        ),
    )


def _file_of(record: TpsRecord) -> str:
    return base_name(photograph_of(record.image or ""))


def _id_of(record: TpsRecord) -> str:
    """The ID of a record; that of a specimen which has a number in its photograph tells of it."""
    name = _one_line(base_name(record.image or ""))
    own = _one_line(record.id or "")
    if number_of(name) is not None and number_of(own) is None:
        own = ""
    return own or name.rpartition(".")[0] or name or "specimen"


def _rows(points: Floats, exact: bool) -> list[str]:
    number = precise if exact else fixed
    return [
        _MISSING_ROW if math.isnan(x) else f"{number(x, _DECIMALS)} {number(y, _DECIMALS)}"
        for x, y in points.tolist()
    ]


def _one_line(text: str) -> str:
    return encodable(text.replace("\r", " ").replace("\n", " ")).strip()
