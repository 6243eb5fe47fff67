"""The size of images as an option gives it."""

from __future__ import annotations

import re

from beetle_lm.errors import UsageError


def parse_size(text: str, option: str) -> tuple[int, int]:
    """Width and height in pixels from a text such as 3264x2448, given with that option.

    Raises:
        UsageError: the text is no such pair of numbers above 0.
    """
    match = re.fullmatch(r"([1-9]\d{0,6})[xX]([1-9]\d{0,6})", text.strip(), re.ASCII)
    if match is None:
        raise UsageError(f"{option} needs width x height in pixels such as 3264x2448, got {text!r}")
    return int(match[1]), int(match[2])
