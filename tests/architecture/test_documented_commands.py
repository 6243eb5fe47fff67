"""Every command line in the documents is one that the program takes."""

from __future__ import annotations

import itertools
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import typer
from kinds import Command

from beetle_lm import cli
from beetle_lm.zoo.model_file.parts import PARTS

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").glob("*.md")]
)

_OF_ALL = ("--help", "--version", "-V", "--install-completion")


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


def _all() -> list[str]:
    return sorted({text for document in DOCUMENTS for text in _commands(document)})


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the documents call photographs, landmarks, results and models."""
    pytest.importorskip("onnxruntime")
    folder, part = tmp_path_factory.mktemp("study"), ROOT / "examples" / "pronotum"
    shutil.copytree(ROOT / "examples", folder / "examples")
    for name in ("photographs", "new-photographs"):
        shutil.copytree(part / "images", folder / name)
    tables = ("landmarks", "manual", "anna", "ben", "training", "wing", "again", "earlier")
    for name in tables:
        shutil.copy(part / "landmarks.tps", folder / f"{name}.tps")
    model = ROOT / "zoo" / "weights" / "pronotum.onnx"
    for path in ("wing.onnx", "runs/wing/wing.onnx"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(model, folder / path)
    names = ", ".join(f'"{name}"' for name in PARTS["pronotum"].landmark_names)
    (folder / "wing.toml").write_text(f'name = "wing"\nlandmark_names = [{names}]\n')
    call = ("predict", folder / "photographs", "-m", model, "--overlay", "-q")
    with suppress(SystemExit):
        cli.app([str(one) for one in (*call, "--format", "tps,csv", "-o", folder / "landmarks")])
    shutil.copy(folder / "landmarks" / "landmarks.tps", folder / "landmarks" / "corrected.tps")
    for name in ("new-landmarks", "results"):
        shutil.copytree(folder / "landmarks", folder / name)
    return folder


# What does not end by itself, has no end here, or is somebody else's.
_ELSEWHERE = ("--watch", "--engine", "--shard", "--list", "ORG", "FOLDER", "hf:", "s3:")
_KINDS = ("predict", "evaluate", "convert", "merge", "review-list", "doctor", "zoo")


def _runs_on(study: Path, text: str) -> bool:
    """Whether all that a command reads is in the study, and it ends by itself."""
    name, *arguments = _arguments(text)
    if name not in _KINDS or any(one in text for one in _ELSEWHERE):
        return False
    if name == "predict" and "--part wing" in text:
        return False
    if name == "zoo":
        return arguments[:1] in (["list"], ["verify"]) or arguments[:2] == ["show", "wing.onnx"]
    given = [one for one in arguments if "/" in one or "." in one]
    written = {arguments[i + 1] for i, one in enumerate(arguments[:-1]) if one == "-o"}
    if name == "convert":
        written.add(arguments[1])
    read = [one for one in given if one not in written]
    return bool(arguments or name == "doctor") and all((study / one).exists() for one in read)


@pytest.mark.parametrize("kind", _KINDS)
def test_commands_do_what_documents_say(
    kind: str, study: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    chosen = [text for text in _all() if text.split()[0] == kind and _runs_on(study, text)]
    assert chosen
    for number, text in enumerate(chosen):
        folder = tmp_path / str(number)
        shutil.copytree(study, folder)
        monkeypatch.chdir(folder)
        arguments = _arguments(text)
        for option, value in itertools.pairwise(arguments):
            if option == "-o" and (folder / value).is_dir():
                shutil.rmtree(folder / value)
            elif option == "-o" or (kind == "convert" and value == arguments[2]):
                (folder / value).unlink(missing_ok=True)
        done = command(*arguments)
        assert done.code == 0, f"`beetle-lm {text}`: {done.err}"
