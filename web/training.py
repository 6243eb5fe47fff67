"""A training that the page starts: a process of its own, watched by what it writes."""

from __future__ import annotations

import csv
import importlib.util
import os
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from beetle_lm.errors import BeetleLMError, OutputError, RequestError
from beetle_lm.files import write_text
from beetle_lm.predict.formats.tps import format_record
from beetle_lm.text import printable
from beetle_lm.web.project import Project

Stage = Literal["none", "running", "done", "failed", "stopped"]

FEWEST = 4
"""Accepted photographs that a training needs at least."""

_LINES = 12  # of what the process said that are shown
_SECONDS = 1.0  # between looks at how far it is
_LEFT = re.compile(r"(?:will take|,) (about [\w ]+?)(?: left)?$")
_DONE = re.compile(r"epoch (\d+), (\d+)% done")

CommandOf = Callable[[Path, Path], Sequence[str]]
"""Gives the arguments of the command that trains on a landmark file into a run folder."""


def is_installed() -> bool:
    """Whether what training needs is installed."""
    return importlib.util.find_spec("torch") is not None


class Training:
    """Starts trainings on what is accepted, one at a time.

    Args:
        project: what is trained on.
        command_of: gives the command.
        trained: called with the model's file when it is there.
    """

    def __init__(
        self, project: Project, command_of: CommandOf, trained: Callable[[Path], None]
    ) -> None:
        self._project, self._command_of, self._trained = project, command_of, trained
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._stage: Stage = "none"
        self._said: list[str] = []
        self._epoch, self._epochs, self._count = 0.0, 0, 0
        self._left = ""
        self._model = ""
        self._problem = ""

    @property
    def is_running(self) -> bool:
        """Whether one is at work."""
        return self._stage == "running"

    def status(self) -> dict[str, Any]:
        """How far it is, as JSON values; `left` is in words, empty where unknown."""
        return {
            "stage": self._stage,
            "photographs": self._count,
            "epoch": self._epoch,
            "epochs": self._epochs,
            "left": self._left,
            "model": self._model,
            "said": self._said[-_LINES:],
            "problem": self._problem,
        }

    def start(self) -> None:
        """Starts a training on all accepted photographs.

        Raises:
            RequestError: one is at work, or too few photographs are accepted.
            OutputError: its files cannot be written.
        """
        with self._lock:
            if self.is_running:
                raise RequestError("a training is at work already")
            rows = self._project.store.rows_with_landmarks("accepted")
            records = self._project.records.accepted(rows)
            if len(records) < FEWEST:
                raise RequestError(f"a training needs {FEWEST} accepted photographs at least")
            run = self._new_folder()
            landmarks = run.with_name(f"{run.name}.tps")
            write_text(
                landmarks,
                (
                    format_record(replace(record, image=name, id=name), keep_folders=True)
                    for name, record in records.items()
                ),
            )
            self._stage, self._said, self._problem = "running", [], ""
            self._epoch, self._epochs, self._left = 0.0, 0, ""
            self._count = len(records)
            self._process = _started(self._command_of(landmarks, run))
            threading.Thread(target=self._watch, args=(self._process, run), daemon=True).start()

    def stop(self) -> None:
        """Ends the training that is at work, if there is one."""
        process = self._process
        if process is not None and self.is_running:
            self._stage = "stopped"
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()

    def _new_folder(self) -> Path:
        work = self._project.work
        try:
            work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{work} cannot be made: {error.strerror or error}") from error
        number = 1 + sum(1 for _ in work.glob("run-*.tps"))
        return work / f"run-{number}"

    def _watch(self, process: subprocess.Popen[str], run: Path) -> None:
        listening = threading.Thread(target=self._listen, args=(process,), daemon=True)
        listening.start()
        while not _has_ended(process, _SECONDS):
            self._epochs = self._epochs or _epochs_of(run)
            self._epoch = max(self._epoch, float(_epochs_done(run)))
        listening.join(timeout=5)
        if self._stage == "stopped":
            return
        model = self._project.model_of(run)
        if process.returncode == 0 and model.is_file():
            self._epoch, self._left, self._model = float(self._epochs), "", printable(str(model))
            self._stage = "done"
            try:
                self._trained(model)
            except BeetleLMError as error:
                self._problem = str(error)
        else:
            errors = [line for line in self._said if line.startswith("error: ")]
            said = errors or self._said[-1:] or ["the training ended without a word"]
            self._problem = said[0].removeprefix("error: ")
            self._stage = "failed"

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip():
                self.hear(printable(line.strip()))
        process.stdout.close()

    def hear(self, line: str) -> None:
        """Takes a line of the training, which every now and then says how far it is."""
        self._said.append(line)
        del self._said[: -10 * _LINES]
        if left := _LEFT.search(line):
            self._left = left[1]
        if done := _DONE.match(line):
            self._epoch = max(self._epoch, int(done[1]) - 1 + int(done[2]) / 100)


def _started(arguments: Sequence[str]) -> subprocess.Popen[str]:
    """The command line as a process that leaves the page its turn."""
    code = "from beetle_lm.__main__ import main; main()"
    lower = "import os; os.nice(10); " if hasattr(os, "nice") else ""
    return subprocess.Popen(
        [sys.executable, "-c", lower + code, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=sys.platform != "win32",  # Ctrl-C is for the server, which ends it
    )


def _has_ended(process: subprocess.Popen[str], seconds: float) -> bool:
    """Whether a process ends within so many seconds."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _epochs_of(run: Path) -> int:
    try:
        recipe = tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))["recipe"]
        return int(recipe["epochs"])
    except (OSError, ValueError, KeyError, TypeError):  # not yet there
        return 0


def _epochs_done(run: Path) -> int:
    try:
        with (run / "log.csv").open(encoding="utf-8", newline="") as stream:
            return sum(1 for _ in csv.reader(stream)) - 1
    except OSError:
        return 0
