"""Text files as the users' programs write them: encodings and numbers."""

from __future__ import annotations

import math
import re
from pathlib import Path

from beetle_lm.errors import LandmarkFileError

BOM = "\ufeff"
"""The mark by which Excel recognises UTF-8, at the very beginning of a file."""

_MISSING = frozenset({"na", "nan"})
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*|,\d+)?|[.,]\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, with or without BOM, or else in Windows' cp1252.

    Raises:
        LandmarkFileError: the file cannot be read or is not text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LandmarkFileError(path, None, f"cannot be read: {error.strerror or error}") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LandmarkFileError(path, 1, "is UTF-16 text; save it as UTF-8")
    if (null := data.find(b"\0")) >= 0:
        raise LandmarkFileError(path, _line_of(data, null), "found a null byte: this is not text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode("cp1252")
    except UnicodeDecodeError as error:
        found = f"found the byte 0x{data[error.start]:02x}: this is neither UTF-8 nor cp1252 text"
        raise LandmarkFileError(path, _line_of(data, error.start), found) from error


def _line_of(data: bytes, position: int) -> int:
    return len(re.split(rb"\r\n|\n|\r", data[:position]))


def parse_number(text: str) -> float:
    """A finite number with a decimal dot or comma; NaN for `NA` and `nan` in any case.

    Raises:
        ValueError: the text is something else, or too large for a number.
    """
    if text.lower() in _MISSING:
        return math.nan
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    value = float(text.replace(",", "."))
    if math.isinf(value):
        raise ValueError(text)
    return value
