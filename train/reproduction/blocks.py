"""The pieces of a report, and how they are written: Markdown, HTML that stands alone, CSV."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from beetle_lm.predict.formats.csv import csv_line, guarded

Cell = str | int | float | None


@dataclass(frozen=True)
class Table:
    """Numbers under headings.

    Args:
        key: name of its CSV file, without the ending.
        title: above it.
        columns: the headings.
        rows: as long as `columns`, None where there is nothing.
        decimals: of the numbers that are not whole.
    """

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    decimals: int = 2

    def csv(self) -> str:
        """The table as CSV, numbers with six digits."""
        lines = [csv_line(map(guarded, self.columns))]
        lines += [csv_line(_csv_cell(cell) for cell in row) for row in self.rows]
        return "".join(lines)

    def shown(self, cell: Cell) -> str:
        """A cell as it is read."""
        if cell is None or (isinstance(cell, float) and math.isnan(cell)):
            return ""
        return f"{cell:.{self.decimals}f}" if isinstance(cell, float) else str(cell)


@dataclass(frozen=True)
class Picture:
    """A figure.

    Args:
        key: name of its files, without the ending.
        title: below it.
        png: the file.
        numbers: what is drawn.
    """

    key: str
    title: str
    png: bytes
    numbers: Table


@dataclass(frozen=True)
class Heading:
    """A heading of the second level."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """Some sentences."""

    text: str


Block = Table | Picture | Heading | Paragraph


def markdown(title: str, blocks: Sequence[Block]) -> str:
    """A report as Markdown, whose pictures are files in `figures/` and tables in `tables/`."""
    return "\n".join([f"# {title}", *("\n" + _markdown(block) for block in blocks), ""])


def page(title: str, blocks: Sequence[Block]) -> str:
    """A report as one HTML file with its pictures inside."""
    body = "\n".join(_html(block) for block in blocks)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{html.escape(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


_STYLE = (
    "body{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;margin:.5em 0 1.5em;font-size:.9em}"
    "th,td{border:1px solid #ccc;padding:.2em .6em}th{background:#f3f3f3;text-align:left}"
    "td.number{text-align:right;font-variant-numeric:tabular-nums}"
    "figure{margin:1.5em 0}img{max-width:100%}figcaption,caption{text-align:left;font-weight:bold}"
)


def _markdown(block: Block) -> str:
    if isinstance(block, Heading):
        return f"## {block.text}"
    if isinstance(block, Paragraph):
        return block.text
    if isinstance(block, Picture):
        return (
            f"![{block.title}](figures/{block.key}.png)\n\n**{block.title}**"
            f" ([numbers](figures/{block.key}.csv))"
        )
    aligned = ["---:" if _is_number(block, i) else "---" for i in range(len(block.columns))]
    lines = [block.columns, tuple(aligned)]
    lines += [tuple(block.shown(cell) for cell in row) for row in block.rows]
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    return f"**{block.title}** ([numbers](tables/{block.key}.csv))\n\n{text}"


def _html(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h2>{html.escape(block.text)}</h2>"
    if isinstance(block, Paragraph):
        return f"<p>{html.escape(block.text)}</p>"
    if isinstance(block, Picture):
        data = base64.b64encode(block.png).decode("ascii")
        title = html.escape(block.title)
        return (
            f'<figure><img alt="{title}" src="data:image/png;base64,{data}">'
            f"<figcaption>{title}</figcaption></figure>"
        )
    heads = "".join(f"<th>{html.escape(column)}</th>" for column in block.columns)
    rows = "\n".join(
        "<tr>" + "".join(_html_cell(block, cell) for cell in row) + "</tr>" for row in block.rows
    )
    title = html.escape(block.title)
    return f"<table><caption>{title}</caption>\n<tr>{heads}</tr>\n{rows}\n</table>"


def _html_cell(table: Table, cell: Cell) -> str:
    kind = "" if isinstance(cell, str) else ' class="number"'
    return f"<td{kind}>{html.escape(table.shown(cell))}</td>"


def _is_number(table: Table, column: int) -> bool:
    return not any(isinstance(row[column], str) for row in table.rows)


def _csv_cell(cell: Cell) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    return guarded(cell) if isinstance(cell, str) else f"{cell:.6g}"
