"""`beetle-lm predict --watch`: round after round, until Ctrl-C."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import typer

from beetle_lm.console import echo
from beetle_lm.predict.batch.plan import Plan, Task
from beetle_lm.predict.batch.progress import Finished
from beetle_lm.predict.batch.runner import run_plan
from beetle_lm.predict.batch.source import Source
from beetle_lm.predict.batch.watching import Loaded, States, states_in, wait_for_others
from beetle_lm.predict.commands.running import options_of, shown, tell_outcome
from beetle_lm.predict.commands.terminal import Terminal
from beetle_lm.predict.result import Result

if TYPE_CHECKING:
    from beetle_lm.predict.commands.running import Load

_PAUSE = 1.0  # seconds between two looks at the folder


def watch(
    context: typer.Context,
    folder: Path,
    recursive: bool,
    plan: Callable[[bool], Plan],
    load: Load,
    *,
    quiet: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Predicts the photographs in a folder, and again whenever there are others, until Ctrl-C.

    After each round the results are those of a run on all photographs that are there then; only
    new and changed ones are placed.

    Args:
        context: of the command.
        folder: of the photographs; may be empty at first.
        recursive: sub-folders are watched, too.
        plan: makes the plan of a round; the results of the round before may be replaced.
        load: makes the models ready.
        quiet: nothing but problems.
        verbose: a line per photograph in the first round, too.
        as_json: the summary in the end is JSON.

    Raises:
        Exit: with code 3 where photographs failed, 130 where Ctrl-C cut a round short.
        BeetleLMError: a round was stopped by an error.
    """
    loaded, options = Loaded(load), options_of(context)
    look = partial(states_in, folder, recursive)
    there: States = {}
    terminal: Terminal | None = None
    logging.getLogger("beetle_lm").addFilter(_Once())
    if not quiet:
        echo(f"watching {folder}; Ctrl-C ends it", err=True)
    try:
        while True:
            there = wait_for_others(look, there, partial(time.sleep, _PAUSE))
            with nullcontext() if terminal is None else _held_back():
                round_of = plan(terminal is not None)
                if terminal is None:
                    terminal = Terminal(round_of, options, quiet, verbose)
                else:
                    terminal = _Round(round_of, options, quiet, loaded.is_new)
                with shown(round_of, terminal):
                    summary = run_plan(round_of, loaded, terminal)
    except KeyboardInterrupt:
        if terminal is None:
            echo(f"stopped; no photograph came into {folder}", err=True)
            return
    tell_outcome(terminal, summary, as_json=as_json)


class _Round(Terminal):
    """Shows a round that is not the first: a line for each new photograph."""

    def __init__(
        self,
        plan: Plan,
        options: Collection[str],
        quiet: bool,
        is_new: Callable[[Task, str], bool],
    ) -> None:
        super().__init__(plan, options, quiet, verbose=True)
        self._is_new = is_new

    def started(self, task: Task, source: Source, done: int, total: int) -> None:
        """Says nothing: the first round named the model."""

    def placed(self, task: Task, result: Result) -> None:
        """Tells of a photograph that is new."""
        if not self._quiet and self._is_new(task, result.name):
            self._say(self._line(task, result))

    def finished(self, task: Task, finished: Finished) -> None:
        """Remembers what came of one part."""
        self._done.append((task, finished))


class _Once(logging.Filter):
    """Lets each message pass once."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is new."""
        message = record.getMessage()
        is_new = message not in self._told
        self._told.add(message)
        return is_new


@contextmanager
def _held_back() -> Iterator[None]:
    """Ctrl-C counts when the context ends, so that rounds are whole; a second one at once."""
    asked: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if asked:
        raise KeyboardInterrupt
