"""Every command line in the documents is one that the program takes."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from beetle_lm import cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").glob("*.md")]
)

_OF_ALL = ("--help", "--version", "-V", "--install-completion")
_AT_HAND = ("predict examples", "doctor", "zoo list", "zoo verify")
"""How commands begin that need nothing but what comes with the package."""


def _lines(text: str) -> Iterator[str]:
    """Command lines in blocks of shell, where they may go on after a backslash, or in backticks."""
    fence = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.M | re.S)
    for language, block in fence.findall(text):
        if language in ("", "sh", "bash", "console", "powershell"):
            yield from re.sub(r"\\\n\s*", " ", block).splitlines()
    outside = fence.sub("", text)
    yield from (" ".join(each.split()) for each in re.findall(r"`([^`]+)`", outside))


def _commands(document: Path) -> Iterator[str]:
    for line in _lines(document.read_text(encoding="utf-8")):
        called = re.search(r"(?:^|[\s/])beetle-lm ([a-z-].*)$", line.split(" #")[0])
        if called:
            yield re.split(r"\s(?:&&|\|\||;|\||>|2>|&)(?:\s|$)", called[1])[0].strip()


def _arguments(text: str) -> list[str]:
    """What the shell would make of it; a variable stands for a number."""
    text = re.sub(r"\$\(\(.*?\)\)|\$\{.*?\}|\$\w+|\{\}", "1", text)
    return shlex.split(text.rstrip('"') if text.count('"') % 2 else text)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_in_documents_are_taken(document: Path) -> None:
    program: Any = typer.main.get_command(cli.app)
    for text in _commands(document):
        name, *arguments = _arguments(text)
        command = program.commands.get(name)
        if command is None:
            assert name in _OF_ALL, f"there is no `beetle-lm {text}`"
            continue
        if hasattr(command, "commands"):
            assert arguments and arguments[0] in command.commands, f"`beetle-lm {text}`"
            command, arguments = command.commands[arguments[0]], arguments[1:]
        whole = bool(arguments) and "..." not in arguments
        try:
            command.make_context(name, [*arguments], resilient_parsing=not whole)
        except Exception as error:
            if whole and any(not one.startswith("-") for one in arguments):
                raise AssertionError(f"`beetle-lm {text}`: {error}") from error


@pytest.mark.parametrize(
    "text",
    sorted(
        one
        for one in {each for path in DOCUMENTS for each in _commands(path)}
        if one.startswith(_AT_HAND) and "ORG" not in one
    ),
)
def test_commands_on_the_examples_do_what_they_say(text: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    done = subprocess.run(
        [sys.executable, "-m", "beetle_lm", *_arguments(text)],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
