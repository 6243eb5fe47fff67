"""The library does not speak command line: options are named by commands and hints alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from beetle_lm.cli import app
from beetle_lm.errors import BeetleLMError, Hint, TrainingDataError
from beetle_lm.hints import SENTENCES, options_in, told

ROOT = Path(__file__).parents[2]
OF_COMMANDS = {"cli.py", "hints.py", "__main__.py", "commands.py"}
LIBRARY = [
    path
    for piece in ("zoo", "predict", "train", "export", "web", "src")
    for path in sorted((ROOT / piece).rglob("*.py"))
    if path.name not in OF_COMMANDS and path.parent.name != "commands"
]


def commands(command: Any) -> Iterator[Any]:
    for inner in getattr(command, "commands", {}).values():
        yield from commands(inner)
    if not hasattr(command, "commands"):
        yield command


def options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts if name[0] == "-"}


COMMANDS = list(commands(typer.main.get_command(app)))
OPTIONS = set().union(*map(options, COMMANDS))


def texts(path: Path) -> list[str]:
    """All strings of a module but its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told_of = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in told_of
    ]


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_library_names_no_options_and_knows_no_usage(path: Path) -> None:
    named = {option for text in texts(path) for option in options_in(text)} & OPTIONS
    assert named == set()
    if path.name != "errors.py":
        assert not re.search(r"\bUsageError\b", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("hint", Hint)
def test_every_hint_is_worded_for_some_command(hint: Hint) -> None:
    for sentence in SENTENCES[hint]:
        named = set(options_in(sentence))
        assert any(named <= options(command) for command in COMMANDS), sentence


def test_a_message_names_only_options_that_the_command_has() -> None:
    error = BeetleLMError("results are there", Hint.REPLACE)
    assert told(error, {"--overwrite"}) == "results are there; --overwrite replaces it"
    assert told(error, {"--resume"}) == "results are there"
    listed = TrainingDataError(["one is bad"], Hint.SKIP_BAD)
    assert told(listed, {"--skip-bad"}).splitlines()[-1].startswith("--skip-bad ")
