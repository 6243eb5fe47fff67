"""Text files as the users' programs write them: encodings, numbers, and no half-written files."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from pathlib import Path

from beetle_lm.errors import LandmarkFileError, OutputError
from beetle_lm.zoo.model_file.parts import CONTROL_CHARACTER

BOM = "\ufeff"
"""The mark by which Excel knows UTF-8; written first in the file."""

_SHOWN = 60
_MISSING = frozenset({"na", "nan"})
_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*|,\d+)?|[.,]\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, with or without BOM, or else in Windows' cp1252.

    Raises:
        LandmarkFileError: the file cannot be read or is no text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LandmarkFileError(path, None, f"cannot be read: {error.strerror or error}") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LandmarkFileError(path, 1, "is UTF-16 text; save it as UTF-8")
    if (null := data.find(b"\0")) >= 0:
        raise LandmarkFileError(path, _line_of(data, null), "found a null byte: this is no text")
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


def fixed(value: float, decimals: int) -> str:
    """A number in fixed point, never with an exponent and never as minus zero."""
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def shown(text: str) -> str:
    """What was found in a file, quoted, and cut where it is long."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def encodable(text: str) -> str:
    """The text with what UTF-8 cannot hold (file names that are no text on Linux) as %FF.

    Names that differ only there stay different, as they would not with '?'.
    """
    return _SURROGATE.sub(lambda found: _escaped(ord(found[0])), text)


def printable(text: str) -> str:
    """The text on one line of a message: escapes for what ends lines or commands a terminal."""
    return CONTROL_CHARACTER.sub(lambda found: repr(found[0])[1:-1], encodable(text))


def _escaped(surrogate: int) -> str:
    byte = surrogate - 0xDC00  # so Python shows a byte of a name that it cannot decode
    return f"%{byte:02X}" if 0x80 <= byte <= 0xFF else f"%u{surrogate:04X}"


def base_name(image: str) -> str:
    """The name of a photograph without its folders, whichever system wrote it."""
    return image.replace("\\", "/").rsplit("/", 1)[-1]


def write_text(path: Path, pieces: Iterable[str]) -> None:
    """Writes a UTF-8 file as `write_bytes` does; line ends are written as they stand.

    Raises:
        OutputError: the file cannot be written.
    """
    write_bytes(path, (piece.encode("utf-8") for piece in pieces))


def write_bytes(path: Path, pieces: Iterable[bytes]) -> None:
    """Writes a file whole or not at all; an existing one is replaced at the end.

    Raises:
        OutputError: the file cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            with unfinished.open("wb") as stream:
                stream.writelines(pieces)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
