"""Bytes of text files as text: UTF-8, and what to say of all else."""

from __future__ import annotations

BOM = "\ufeff"
"""The mark by which Excel recognises UTF-8, at the very beginning of a file."""

SAVE_AS_UTF8 = "save it as UTF-8 (in an editor: 'Save as', with the encoding UTF-8)"
"""What to do about a file in another encoding."""

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_DOS_END = b"\x1a"


class NotUtf8Error(ValueError):
    """Bytes that are no UTF-8 text.

    Args:
        found: what was found, and what to do about it.
        position: where, in bytes.
        is_text: whether they may be text in an encoding of one region.
    """

    def __init__(self, found: str, position: int, is_text: bool = False) -> None:
        super().__init__(found)
        self.found = found
        self.position = position
        self.is_text = is_text


def without_dos_end(data: bytes) -> bytes:
    """The bytes without a Ctrl-Z at the end, which DOS programs put there."""
    rest = data.rstrip(_DOS_END + b" \t\r\n")
    return rest + b"\n" if _DOS_END in data[len(rest) :] else data


def utf8_text(data: bytes) -> str:
    """The text of bytes in UTF-8, without a byte order mark or a Ctrl-Z at the end.

    Raises:
        NotUtf8Error: they are none.
    """
    if data.startswith(_UTF16):
        raise NotUtf8Error(f"is UTF-16 text; {SAVE_AS_UTF8}", 0)
    if (null := data.find(b"\0")) >= 0:
        raise NotUtf8Error("found a null byte: this is not text", null)
    try:
        return without_dos_end(data).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"found the byte 0x{data[error.start]:02x}: this is not UTF-8 text; {SAVE_AS_UTF8}"
        raise NotUtf8Error(found, error.start, is_text=True) from error
