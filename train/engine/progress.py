"""Progress of trainings on stderr: how far they are, and how long they will take."""

from __future__ import annotations

import math
import time

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from beetle_lm.console import console
from beetle_lm.train.engine.log import EpochLog

_SECONDS = 15.0  # between lines, where stderr is no terminal
_MEASURED = 1.0  # seconds of training that say how long all of it takes


class TrainingProgress:
    """A bar on a terminal, a line every now and then elsewhere.

    The time that is left follows from all that was done so far, not from the last epochs alone: an
    epoch may take minutes. The first steps do not count, for much is prepared in them: on a GPU
    they take as long as some hundred others.

    Args:
        epochs: of all trainings together.
        quiet: show nothing.
    """

    def __init__(self, epochs: int, quiet: bool) -> None:
        self._quiet = quiet
        self._epochs = epochs
        self._before = 0  # epochs of the trainings that ended
        self._at: float | None = None  # epochs of the present one; None before its first step
        self._warm = False  # whether steps of the present training have been told before
        self._moved, self._done, self._seconds = 0.0, 0.0, 0.0
        self._told = 0.0
        self._foretold = False
        self._console = console(err=True, highlight=False)
        self._bar = Progress(
            TextColumn("epoch"),
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.description}"),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=epochs, left="")

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """One line, unless quiet."""
        if not self._quiet:
            self._console.print(text, soft_wrap=True, markup=False)

    def step(self, epochs: float) -> None:
        """Takes note that a training has come so far.

        Args:
            epochs: how many of its epochs are done, also in part.
        """
        now = time.monotonic()
        if self._at is not None and epochs <= self._at:  # another training begins
            self._before += round(self._at)
            self._at = None
        if self._at is not None and (self._warm or epochs - self._at >= 1):
            self._seconds += now - self._moved
            self._done += epochs - self._at
        self._warm = self._at is not None
        self._at, self._moved = epochs, now
        left = self._left()
        if not self._foretold and left and (self._seconds > _MEASURED or epochs >= 1):
            self._foretold = True
            self.say(f"this will take {left}")
        self._bar.update(self._task, completed=self._before + epochs, left=left and f"{left} left")
        if self._foretold and epochs % 1 and self._is_time_to_tell():
            self.say(f"epoch {int(epochs) + 1}, {epochs % 1:.0%} done{left and f', {left} left'}")

    def epoch(self, log: EpochLog) -> None:
        """Shows an epoch's outcome."""
        self.step(float(log.epoch))
        error = "" if math.isnan(log.validation_px) else f", validation {log.validation_px:.2f} px"
        text = f"loss {log.training_loss:.3g}{error}"
        self._bar.update(self._task, description=text)
        if self._bar.disable and (log.epoch == 1 or self._is_time_to_tell()):
            left = self._left()
            self.say(f"epoch {log.epoch}: {text}{left and f', {left} left'}")

    def _is_time_to_tell(self) -> bool:
        if not self._bar.disable or time.monotonic() - self._told < _SECONDS:
            return False
        self._told = time.monotonic()
        return True

    def _left(self) -> str:
        """How long the rest takes, in words; empty while nothing is known or nothing is left."""
        rest = self._epochs - self._before - (self._at or 0)
        if rest <= 0 or self._done <= 0:
            return ""
        return about(rest * self._seconds / self._done)


def about(seconds: float) -> str:
    """A duration in words, not more exactly than it can be known."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"about {minutes} min"
    hours, rest = divmod(round(minutes / 10) * 10, 60)
    if hours >= 24:
        return f"about {round(seconds / 3600)} h"
    return f"about {hours} h" + (f" {rest} min" if rest else "")
