"""Reading TPS files, with all that the programs which write them differ in."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import numpy as np

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.text import parse_number, read_text
from beetle_lm.predict.formats.tps import TpsRecord
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import shown

_COUNT = re.compile(r"\d{1,15}", re.ASCII)

_log = logging.getLogger("beetle_lm")


def read_tps(path: str | Path) -> list[TpsRecord]:
    """Reads all records of a TPS file.

    UTF-8 or cp1252, with or without BOM; LF, CRLF or CR; keys in any case; spaces or tabs between
    numbers; ``IMAGE=``, ``ID=`` and ``SCALE=`` may be absent, and an empty or zero scale is an
    unknown one. Decimal commas are read with a warning.

    A point is missing where one of its coordinates is ``NA`` or ``nan``, or where both are negative
    (tpsDig writes -1 -1). One negative coordinate is a point that lies beside the image, and is
    kept.

    Args:
        path: the file.

    Returns:
        The records in the order of the file, each with (n, 2) points as the file has them: pixels
        with y up from the bottom edge of the image.

    Raises:
        LandmarkFileError: the file cannot be read, or is no TPS file of two-dimensional landmarks;
            names the line and what was found there.
    """
    path = Path(path)
    return _Reader(path, read_text(path)).read()


class _Reader:
    """Goes once over the lines of a file that are not empty."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        numbered = enumerate(re.split(r"\r\n|\n|\r", text), start=1)
        self._lines = [(number, line.strip()) for number, line in numbered if line.strip()]
        self._next = 0
        self._line_with_comma: int | None = None
        self._line_with_negatives: int | None = None

    def read(self) -> list[TpsRecord]:
        records = []
        while self._key() is not None:
            records.append(self._record())
        if not records:
            raise self._error(1, "holds no landmarks: there is no LM= line")
        self._warn(self._line_with_comma, "decimal commas were read as decimal points")
        self._warn(
            self._line_with_negatives, "a point with two negative coordinates was read as missing"
        )
        return records

    def _record(self) -> TpsRecord:
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
        return TpsRecord(
            points,
            image=single.get("IMAGE") or None,
            id=single.get("ID") or None,
            scale=scale,
            curves=tuple(curves),
            comments=tuple(comments),
            others=tuple(others),
            line=begin,
        )

    def _points(self, line: int, key: str, value: str) -> Floats:
        """The rows that follow ``LM=`` or ``POINTS=``, which must be as many as it says."""
        count = self._count(line, key, value)
        rows: list[tuple[float, float]] = []
        while self._key() == "":
            self._take()
            rows.append(self._point())
        if len(rows) != count:
            follow = (
                "1 row of coordinates follows" if len(rows) == 1 else f"{len(rows)} rows follow"
            )
            raise self._error(line, f"{key}={count}, but {follow}")
        return np.array(rows, dtype=np.float64).reshape(-1, 2)

    def _point(self) -> tuple[float, float]:
        line, text = self._lines[self._next - 1]
        cells = text.split()
        try:
            x, y = (parse_number(cell) for cell in cells)
        except ValueError as error:
            raise self._error(line, f"expected two numbers, found {shown(text)}") from error
        if "," in text and self._line_with_comma is None:
            self._line_with_comma = line
        if x < 0 and y < 0:
            if (x, y) != (-1, -1) and self._line_with_negatives is None:
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
        if scale < 0:
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
        key, equals, _ = self._lines[self._next][1].partition("=")
        return key.strip().upper() if equals else ""

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
            _log.warning("%s, line %d: %s", self._path, line, message)
