"""JSON, and where in its text a name stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from beetle_lm.errors import LandmarkFileError


def parse_json(path: Path, text: str) -> Any:
    """The value of a text.

    Raises:
        LandmarkFileError: it is no JSON; names the line.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        found = f"is not valid JSON: {error.msg}"
        raise LandmarkFileError(path, error.lineno, found) from error
    except (RecursionError, ValueError) as error:  # too deep, or a number of too many digits
        raise LandmarkFileError(path, None, "is JSON that is too deep or too long") from error


_MOST_MISSES = 20  # each goes through the rest of the text


class Lines:
    """The lines of a text in which names stand, asked for in the order of the text."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._line, self._misses = text, 0, 1, 0

    def of(self, name: str) -> int:
        """The line of the next place where a string is; where there is none, of the last."""
        if self._misses < _MOST_MISSES:
            quoted = (json.dumps(name), json.dumps(name, ensure_ascii=False))
            at = next((at for one in quoted if (at := self._text.find(one, self._at)) >= 0), None)
            if at is None:
                self._misses += 1
            else:
                self._line += self._text.count("\n", self._at, at)
                self._at = at
        return self._line
