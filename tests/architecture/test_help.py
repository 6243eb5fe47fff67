"""What `--help` shows of every command."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import typer
from typer.testing import CliRunner

from beetle_lm import cli

_CROWDED = 12
"""Options that fit into one panel."""


def _commands() -> Iterator[list[str]]:
    for name, command in typer.main.get_command(cli.app).commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", None)
        yield from [[name, each] for each in below] if below else [[name]]


@pytest.mark.parametrize("command", list(_commands()), ids=" ".join)
def test_help_shows_no_type_beside_flags_and_panels_where_there_are_many(
    command: list[str],
) -> None:
    shown = CliRunner().invoke(cli.app, [*command, "--help"], env={"COLUMNS": "120"}).stdout
    assert "<bool>" not in shown and "BOOLEAN" not in shown
    panels = shown.split("╭─ ")[1:]
    for panel in panels:
        options = [line for line in panel.splitlines() if line.lstrip("│ *").startswith("--")]
        assert len(options) <= _CROWDED, f"{panel.split()[0]}: {len(options)} options"
