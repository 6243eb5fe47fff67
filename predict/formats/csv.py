"""Rows as lines of CSV, and names that no spreadsheet takes for formulas.

A spreadsheet runs a cell that begins with '=', '+', '-' or '@', and takes whatever follows its own
separator for a cell. `guarded` puts an apostrophe in front of each such place, `unguarded` removes
it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# A place where a cell may begin, whichever separator and quotes a spreadsheet goes by, and what
# makes it a formula; the wide signs count where Japanese or Chinese is written.
_BEGIN = '(?:^|(?<=[,;\\t\\r\\n"]))'
_FORMULA = "'*[ ]*[=+\\-@＝＋－＠]"  # noqa: RUF001
_TO_GUARD = re.compile(f"{_BEGIN}(?={_FORMULA})")
_GUARD = re.compile(f"{_BEGIN}'(?={_FORMULA})")
_TO_QUOTE = re.compile('[";\\t\\r\\n]')


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula; all other text stays as it is."""
    return _TO_GUARD.sub("'", text)


def unguarded(text: str) -> str:
    """The text that `guarded` was given."""
    return _GUARD.sub("", text)


def csv_line(cells: Iterable[object], delimiter: str = ",") -> str:
    """A line of CSV, ending in a line feed; names and other free text must be `guarded` first."""
    return delimiter.join(_quoted(str(cell), delimiter) for cell in cells) + "\n"


def _quoted(text: str, delimiter: str) -> str:
    # The csv module of Python 3.11 leaves a carriage return without quotes and then reads two rows.
    if delimiter in text or _TO_QUOTE.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text
