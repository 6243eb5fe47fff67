"""Progress of trainings on stderr."""

from __future__ import annotations

import math
import time

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from beetle_lm.console import console
from beetle_lm.train.engine.log import EpochLog

_SECONDS = 15.0  # between lines, where stderr is no terminal


class TrainingProgress:
    """A bar on a terminal, a line every now and then elsewhere.

    Args:
        epochs: of all trainings together.
        quiet: show nothing.
    """

    def __init__(self, epochs: int, quiet: bool) -> None:
        self._quiet = quiet
        self._told = 0.0
        self._console = console(err=True, highlight=False)
        self._bar = Progress(
            TextColumn("epoch"),
            MofNCompleteColumn(),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=epochs)

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """One line, unless quiet."""
        if not self._quiet:
            self._console.print(text, soft_wrap=True, markup=False)

    def epoch(self, log: EpochLog) -> None:
        """Shows an epoch's outcome."""
        error = "" if math.isnan(log.validation_px) else f", validation {log.validation_px:.2f} px"
        text = f"loss {log.training_loss:.3g}{error}"
        self._bar.update(self._task, advance=1, description=text)
        if self._bar.disable and (log.epoch == 1 or time.monotonic() - self._told > _SECONDS):
            self._told = time.monotonic()
            self.say(f"epoch {log.epoch}: {text}")
