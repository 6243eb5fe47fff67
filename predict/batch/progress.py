"""What a run tells of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beetle_lm.predict.batch.plan import Task
from beetle_lm.predict.batch.source import Placer
from beetle_lm.predict.drawing.overview import Selection
from beetle_lm.predict.evaluation.metrics import Evaluation
from beetle_lm.predict.result import Result


@dataclass(frozen=True, eq=False)
class Finished:
    """What a run did.

    Args:
        folder: where the results are.
        summary: the content of run.json.
        images: how many photographs there were.
        failed: how many of them have no landmarks.
        flagged: how many have landmarks that are to be looked at.
        failures: the first ten that have no landmarks.
        evaluation: the comparison with manual landmarks, where there are any.
        shown: what the overview shows; nothing without overlays.
    """

    folder: Path
    summary: dict[str, Any]
    images: int
    failed: int
    flagged: int
    failures: tuple[Result, ...]
    evaluation: Evaluation | None
    shown: Selection


class Observer:
    """Is told how a run goes on; this one does nothing with it."""

    def started(self, task: Task, placer: Placer, done: int) -> None:
        """A part begins; so many of its photographs were done by an earlier run."""

    def placed(self, task: Task, result: Result) -> None:
        """A photograph is done, or failed."""

    def kept(self, task: Task, count: int) -> None:
        """So many photographs are on the disk, to stay whatever comes."""

    def finished(self, task: Task, finished: Finished) -> None:
        """All results of a part are in their folder."""
