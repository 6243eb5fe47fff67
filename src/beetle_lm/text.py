"""Text that comes from strangers, made fit for a message, a file or a line."""

from __future__ import annotations

import re
from decimal import Decimal

CONTROL_CHARACTER = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What ends a line, commands a terminal, turns the direction of text, or is half a character."""

_SHOWN = 60
_SURROGATE = re.compile("[\ud800-\udfff]")


def shown(text: str) -> str:
    """What was found in a file, quoted, and cut where it is long."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def counted(count: int, one: str, several: str = "") -> str:
    """A number of things: '1 photograph', '2 photographs'.

    Args:
        count: how many.
        one: what one is called.
        several: what several are called, where that is not `one` with an s.
    """
    return f"{count} {one if count == 1 else several or one + 's'}"


def encodable(text: str) -> str:
    """The text with what UTF-8 cannot hold (file names that are no text on Linux) as %FF.

    Names that differ only there stay different, as they would not with '?'.
    """
    return _SURROGATE.sub(lambda found: _escaped(ord(found[0])), text)


def printable(text: str) -> str:
    """The text on one line of a message: escapes for what ends lines or commands a terminal."""
    return CONTROL_CHARACTER.sub(lambda found: repr(found[0])[1:-1], encodable(text))


def harmless(text: str) -> str:
    """The text on as many lines as it has, otherwise `printable`."""
    return "\n".join(map(printable, text.split("\n")))


def harmless_json(text: str) -> str:
    """The same JSON, without control characters but for the line ends between its values."""
    return CONTROL_CHARACTER.sub(
        lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text
    )


def fixed(value: float, decimals: int) -> str:
    """A number in fixed point, never with an exponent and never as minus zero."""
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def precise(value: float, decimals: int) -> str:
    """A number in fixed point with all its digits, and no fewer than so many decimals."""
    text = fixed(value, decimals)
    return text if float(text) == value else f"{Decimal(repr(value)):f}"


def file_name(text: str) -> str:
    """What can stand in the name of a file or folder on every system."""
    return "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in text)


def base_name(image: str) -> str:
    """The name of a photograph without its folders, whichever system wrote it."""
    return image.replace("\\", "/").rsplit("/", 1)[-1]


def _escaped(surrogate: int) -> str:
    byte = surrogate - 0xDC00  # so Python shows a byte of a name that it cannot decode
    return f"%{byte:02X}" if 0x80 <= byte <= 0xFF else f"%u{surrogate:04X}"
