"""Rows as a table for pandas, or as a list that a notebook shows as one."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

_SHOWN = 60  # rows, as pandas has it
_EDGE = 5  # of those at either end that are shown of more


class Rows(list[dict[str, Any]]):
    """Rows of a table as a list of dicts by the same names, which a notebook shows as a table."""

    def _repr_html_(self) -> str:
        columns = list(self[0]) if self else []
        head, rest = (self, []) if len(self) <= _SHOWN else (self[:_EDGE], self[-_EDGE:])
        lines = [_line("th", columns), *(_line("td", row.values()) for row in head)]
        if rest:
            lines.append(_line("td", ["..."] * len(columns)))
        lines += [_line("td", row.values()) for row in rest]
        return "\n".join(["<table>", *lines, "</table>", f"<p>{len(self)} rows</p>"])


def data_frame(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Any:
    """A pandas DataFrame where pandas is installed, else `Rows`."""
    try:
        import pandas
    except ModuleNotFoundError as error:
        if error.name != "pandas":  # it is there, and broken
            raise
        return Rows(dict(zip(columns, row, strict=True)) for row in rows)
    return pandas.DataFrame(rows, columns=list(columns))


def _line(kind: str, values: Any) -> str:
    cells = (f"<{kind}>{html.escape(_cell(value))}</{kind}>" for value in values)
    return f"<tr>{''.join(cells)}</tr>"


def _cell(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
