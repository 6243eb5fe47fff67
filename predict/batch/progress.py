"""What a run reports while it lasts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beetle_lm.predict.batch.outcome import Outcome
from beetle_lm.predict.batch.plan import Task
from beetle_lm.predict.batch.source import Source
from beetle_lm.predict.result import Result


@dataclass(frozen=True, eq=False)
class Finished:
    """What a run did for one part.

    Args:
        folder: where the results are.
        summary: the content of run.json.
        outcome: what came of the photographs.
    """

    folder: Path
    summary: dict[str, Any]
    outcome: Outcome


class Observer:
    """Is told how a run proceeds; this one ignores it."""

    def started(self, task: Task, source: Source, done: int, total: int) -> None:
        """A part begins: so many photographs, of which `done` were done by an earlier run."""

    def placed(self, task: Task, result: Result) -> None:
        """A photograph is done, or failed."""

    def computed(self, task: Task, count: int) -> None:
        """So many photographs more are done by processes of a cluster; some may have failed."""

    def kept(self, task: Task, count: int) -> None:
        """So many photographs are on the disk, to stay whatever happens."""

    def finished(self, task: Task, finished: Finished) -> None:
        """All results of a part are in their folder."""
