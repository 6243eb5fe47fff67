"""A training that the page starts: a process of its own, watched by what it writes."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from beetle_lm.errors import BeetleLMError, RequestError
from beetle_lm.files import write_text
from beetle_lm.predict.formats.tps import format_record
from beetle_lm.text import printable
from beetle_lm.web.process import started
from beetle_lm.web.project import Project
from beetle_lm.web.runs import Run

Stage = Literal["none", "running", "done", "failed", "stopped", "cut off"]

FEWEST = 4
"""Accepted photographs that a training needs at least."""

_LINES = 12  # of what the process said that are shown
_SECONDS = 1.0  # between looks at how far it is
_LEFT = re.compile(r"(?:will take|,) (about [\w ]+?)(?: left)?$")
_DONE = re.compile(r"epoch (\d+), (\d+)% done")

CommandOf = Callable[[Run, bool], Sequence[str]]
"""Gives the arguments of the command that begins a training, or goes on with it."""


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
        self._resumable = project.runs.resumable
        if self._resumable is not None:  # the server ended before it, in whatever way
            self._take(self._resumable)
            self._stage = "cut off"

    @property
    def is_running(self) -> bool:
        """Whether one is at work."""
        return self._stage == "running"

    def status(self) -> dict[str, Any]:
        """How far it is, as JSON values; `left` is in words, empty where unknown.

        `resumable` is whether the last one did not come to its end and can be gone on with.
        """
        return {
            "stage": self._stage,
            "photographs": self._count,
            "epoch": self._epoch,
            "epochs": self._epochs,
            "left": self._left,
            "model": self._model,
            "said": self._said[-_LINES:],
            "problem": self._problem,
            "resumable": self._resumable is not None,
        }

    def start(self) -> None:
        """Starts a training on all accepted photographs.

        Raises:
            RequestError: one is at work, or too few photographs are accepted.
            OutputError: its files cannot be written.
        """
        with self._lock:
            self._check_idle()
            rows = self._project.store.rows_with_landmarks("accepted")
            records = self._project.records.accepted(rows)
            if len(records) < FEWEST:
                raise RequestError(f"a training needs {FEWEST} accepted photographs at least")
            run = self._project.runs.new()
            write_text(
                run.landmarks,
                (
                    format_record(replace(record, image=name, id=name), keep_folders=True)
                    for name, record in records.items()
                ),
            )
            self._begin(run, resume=False)

    def resume(self) -> None:
        """Goes on with the last training, on the photographs that it began with.

        Raises:
            RequestError: one is at work, or the last one came to its end.
            OutputError: its files cannot be written.
        """
        with self._lock:
            self._check_idle()
            if self._resumable is None:
                raise RequestError("there is no training to go on with")
            self._begin(self._resumable, resume=True)

    def _check_idle(self) -> None:
        if self.is_running:
            raise RequestError("a training is at work already")

    def _begin(self, run: Run, resume: bool) -> None:
        command = self._command_of(run, resume)
        self._resumable = None
        self._take(run)
        self._stage, self._said, self._problem, self._left = "running", [], "", ""
        self._process = started(command)
        threading.Thread(target=self._watch, args=(self._process, run), daemon=True).start()

    def _take(self, run: Run) -> None:
        self._count = run.photographs
        self._epoch, self._epochs = float(run.epochs_done), run.epochs

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

    def _watch(self, process: subprocess.Popen[str], run: Run) -> None:
        listening = threading.Thread(target=self._listen, args=(process,), daemon=True)
        listening.start()
        while not _has_ended(process, _SECONDS):
            self._epochs = self._epochs or run.epochs
            self._epoch = max(self._epoch, float(run.epochs_done))
        listening.join(timeout=5)
        self._resumable = run if run.is_resumable else None
        if self._stage == "stopped":
            return
        if process.returncode == 0 and run.model.is_file():
            self._epoch, self._left = float(self._epochs), ""
            self._model = printable(str(run.model))
            self._stage = "done"
            try:
                self._trained(run.model)
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


def _has_ended(process: subprocess.Popen[str], seconds: float) -> bool:
    """Whether a process ends within so many seconds."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
