"""Text files as the users' programs write them: their encodings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from beetle_lm.encoding import SAVE_AS_UTF8, NotUtf8Error, utf8_text, without_dos_end
from beetle_lm.errors import LandmarkFileError

# What programs write where UTF-8 is not the rule, Western Europe first: which one it was only the
# names in the file can tell.
_REGIONAL = (
    "cp1252",
    "cp1251",
    "cp1250",
    "gbk",
    "cp932",
    "cp949",
    "big5",
    "cp1253",
    "cp1254",
    "cp1257",
    "cp866",
    "koi8-r",
    "cp850",
    "cp852",
    "mac-roman",
)


def read_bytes(path: Path) -> bytes:
    """The bytes of a landmark file.

    Raises:
        LandmarkFileError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise LandmarkFileError(path, None, f"cannot be read: {error.strerror or error}") from error


def decoded(path: Path, data: bytes) -> str | None:
    """The text of bytes in UTF-8; None where they may be text in an encoding of one region.

    Raises:
        LandmarkFileError: they are no text, or UTF-16.
    """
    try:
        return utf8_text(data)
    except NotUtf8Error as error:
        if error.is_text:
            return None
        raise LandmarkFileError(path, _line_of(data, error.position), error.found) from error


def regional_texts(data: bytes) -> Iterator[tuple[str, str]]:
    """What bytes may mean that are no UTF-8: encodings that they fit, and their text in each."""
    data = without_dos_end(data.removeprefix(b"\xef\xbb\xbf"))
    for encoding in _REGIONAL:
        try:
            yield encoding, data.decode(encoding)
        except UnicodeDecodeError:
            continue


def western(path: Path, data: bytes) -> str:
    """The text of bytes in Windows' cp1252, as is read where nothing else is known.

    Raises:
        LandmarkFileError: they are none.
    """
    data = without_dos_end(data.removeprefix(b"\xef\xbb\xbf"))
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        found = f"found the byte 0x{data[error.start]:02x}: this is neither UTF-8 nor cp1252 text"
        line = _line_of(data, error.start)
        raise LandmarkFileError(path, line, f"{found}; {SAVE_AS_UTF8}") from error


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, or else in cp1252.

    Raises:
        LandmarkFileError: the file cannot be read or is not text.
    """
    data = read_bytes(path)
    text = decoded(path, data)
    return western(path, data) if text is None else text


def _line_of(data: bytes, position: int) -> int:
    return len(re.split(rb"\r\n|\n|\r", data[:position]))
