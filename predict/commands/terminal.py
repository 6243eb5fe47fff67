"""What the terminal shows of a run."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Any, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.progress import TimeRemainingColumn as TimeLeft

from beetle_lm.console import console, echo
from beetle_lm.hints import sentence_for
from beetle_lm.predict.batch.options import Flagged
from beetle_lm.predict.batch.plan import Plan, Task
from beetle_lm.predict.batch.progress import Finished, Observer
from beetle_lm.predict.batch.result_files import has_tables, is_unfinished, planned
from beetle_lm.predict.batch.source import Source
from beetle_lm.predict.evaluation import table as evaluation_table
from beetle_lm.predict.evaluation.metrics import Evaluation
from beetle_lm.predict.formats.parquet import PARQUET
from beetle_lm.predict.images.orientation import ExifFrame
from beetle_lm.predict.result import Result
from beetle_lm.text import counted, printable

_TOLD = 10  # failures
_SPEED_OF = 600.0  # seconds before now, from which the time left is computed


def tell_plan(plan: Plan) -> None:
    """Prints what would be read and written."""
    options = plan.options
    for task in plan.tasks:
        of_part = "" if plan.together is None else f" of {task.part}"
        echo(f"would read {_counted(len(task.images))}{of_part}:")
        for image in task.images:
            page = "" if image.page is None else f", page {image.page.number}"
            echo(f"  {image.place}{page}")
    echo("would write:")
    for task in plan.tasks:
        compared = task.reference is not None
        appended = options.curves == "append"
        for name in planned(
            options.formats,
            options.overlay,
            compared,
            task.measures,
            task.curved,
            appended,
            many=options.many,
        ):
            echo(f"  {plan.told(task.folder / name)}")
    if plan.together is not None:
        for name in ("overview.jpg", "run.json") if options.overlay else ("run.json",):
            echo(f"  {plan.told(plan.together / name)}")


class Terminal(Observer):
    """Shows a run while it lasts, as a context, and says afterwards what came of it.

    Args:
        plan: what is predicted.
        options: those of the command, which hints may name.
        quiet: nothing but problems.
        verbose: a line per image instead of a bar.
    """

    def __init__(self, plan: Plan, options: Collection[str], quiet: bool, verbose: bool) -> None:
        self._plan = plan
        self._quiet, self._verbose = quiet, verbose
        self._done: list[tuple[Task, Finished]] = []
        self._kept: dict[str, int] = {}
        self._placed = self._resumed = 0
        shown = console(err=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeLeft())
        hidden = quiet or verbose or not shown.is_terminal
        self._bar = Progress(
            *columns,
            console=shown,
            transient=True,
            disable=hidden,
            speed_estimate_period=_SPEED_OF,
        )
        self._warnings: list[tuple[logging.StreamHandler[Any], Any]] = []
        self._options = options
        self._total = 0 if plan.shard else sum(len(task.images) for task in plan.tasks)
        self._failures: list[tuple[Task, Result]] = []  # of a shard, which has no outcome
        self._failed_of_shard = 0
        self._row = self._bar.add_task("landmarks", total=self._total)

    @property
    def failed(self) -> int:
        """How many photographs have no landmarks so far."""
        return sum(finished.outcome.failed for _, finished in self._done) + self._failed_of_shard

    @property
    def has_begun(self) -> bool:
        """Whether any photograph is done."""
        return bool(self._kept)

    def __enter__(self) -> Self:
        before = sys.stderr
        self._bar.start()
        if sys.stderr is not before:  # what is written there now comes above the bar
            for handler in logging.getLogger().handlers:
                if isinstance(handler, logging.StreamHandler) and handler.stream is before:
                    self._warnings.append((handler, before))
                    handler.setStream(sys.stderr)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
        for handler, stream in self._warnings:
            handler.setStream(stream)
        self._warnings = []

    def started(self, task: Task, source: Source, done: int, total: int) -> None:
        """Names the model or the templates, and says where a run is resumed."""
        self._resumed += done
        self._total += total if self._plan.shard else 0
        # Anew: the speed is that of this part, and not of what was done by an earlier run.
        self._bar.reset(
            self._row,
            total=self._total,
            completed=self._placed + self._resumed,
            description=task.part,
        )
        if not self._quiet:
            self._say(source.title)
            if done:
                self._say(f"going on after {done} of {_counted(total)}")

    def placed(self, task: Task, result: Result) -> None:
        """Counts one photograph."""
        self._placed += 1
        self._bar.advance(self._row)
        if self._plan.shard is not None and result.landmarks is None:
            self._failed_of_shard += 1
            if len(self._failures) < _TOLD:
                self._failures.append((task, result))
        if self._verbose:
            self._say(self._line(task, result))

    def computed(self, task: Task, count: int) -> None:
        """Counts photographs that a cluster did."""
        self._placed += count
        self._bar.advance(self._row, count)
        if self._verbose:
            self._say(f"{self._of_part(task)}{_counted(count)} more")

    def kept(self, task: Task, count: int) -> None:
        """Remembers how much is done."""
        self._kept[task.part] = count

    def finished(self, task: Task, finished: Finished) -> None:
        """Remembers what came of one part, and says in which frame the coordinates are."""
        is_told = bool(self._done) and self._plan.finder is not None  # of the same photographs
        self._done.append((task, finished))
        if finished.outcome.turned and not is_told:
            warning = _frame_warning(finished.outcome.turned, self._plan.options.exif)
            self._say(f"warning: {warning}")

    def what_stays(self) -> str | None:
        """Says what is kept of a run that did not finish, and how to resume it, if anything is."""
        if not is_unfinished(self._plan.output):
            return None
        done, parts = sum(self._kept.values()), ", ".join(task.part for task, _ in self._done)
        there = f" ({parts} finished)" if parts and self._plan.together is not None else ""
        of_shard = f" of shard {self._plan.shard}" if self._plan.shard else ""
        told = f"{done} of {_counted(self._total)}{of_shard} done{there}, kept in"
        goes_on = "the same command goes on"
        if not self._plan.shard:
            goes_on = "the same command with --resume goes on"
        return (f"{told} {self._plan.told(self._plan.output)}; " if done else "") + goes_on

    def tell_problems(self) -> None:
        """Says on stderr what failed, and what could not be compared."""
        for task, result in self._failures:
            echo(self._line(task, result), err=True)
        if self._failed_of_shard > len(self._failures):
            echo(f"and {self._failed_of_shard - len(self._failures)} more failed", err=True)
        for task, finished in self._done:
            outcome = finished.outcome
            for result in outcome.failures:
                echo(self._line(task, result), err=True)
            if outcome.failed > len(outcome.failures):
                rest = outcome.failed - len(outcome.failures)
                table = "specimens.csv" if has_tables(self._plan.options.formats) else PARQUET
                echo(f"and {rest} more failed; {table} has all reasons", err=True)
            for hint in outcome.hints:
                if sentence := sentence_for(hint, self._options):
                    echo(f"{self._of_part(task)}{sentence}", err=True)
            if outcome.evaluation is not None:
                unmatched = evaluation_table.unmatched(outcome.evaluation)
                for line in (*unmatched, *outcome.evaluation.notes):
                    echo(self._of_part(task) + line, err=True)

    def tell_results(self, summary: Mapping[str, Any]) -> None:
        """Prints a line per part; the comparison as a table if there is one part.

        Args:
            summary: of the run, or of the shard.
        """
        if self._plan.shard is not None:
            failed = f", {self._failed_of_shard} failed" if self._failed_of_shard else ""
            out = self._plan.told(self._plan.output)
            echo(
                f"shard {self._plan.shard} is done: {_counted(summary['photographs'])} in"
                f" {counted(summary['partitions'], 'partition')}{failed};"
                f" `beetle-lm gather {out}` writes the results when all shards are"
            )
            return
        several = self._plan.together is not None
        for task, finished in self._done:
            outcome = finished.outcome
            compared = ""
            if outcome.evaluation is not None and several:
                compared = f", on average {_mean(outcome.evaluation)} from the manual ones"
            elif outcome.evaluation is not None:
                evaluation_table.show(outcome.evaluation)
            flagged = f", {outcome.flagged} flagged" if outcome.flagged else ""
            scaleless = f", {outcome.scaleless} without a scale" if outcome.scaleless else ""
            failed = f", {outcome.failed} failed" if outcome.failed else ""
            placed = str(outcome.images - outcome.failed)
            if outcome.specimens is not None:
                placed = counted(outcome.specimens, "specimen")
            if outcome.unsure:
                more = "place that stands", "places that stand"
                told = f"{counted(outcome.unsure, *more)} out of the ground"
                failed += f"; the model is unsure of {told}"
            echo(
                f"{self._of_part(task)}{_counted(outcome.images)}: landmarks on"
                f" {placed}{compared}{flagged}{scaleless}{failed};"
                f" results in {self._plan.told(finished.folder)}"
            )
        if several and any(finished.outcome.shown.cells for _, finished in self._done):
            echo(f"all parts in one picture: {self._plan.output / 'overview.jpg'}")
        if to_check := sum(finished.outcome.flagged for _, finished in self._done):
            stored = self._plan.mirror is not None
            reviewed = "COPY" if stored else self._plan.output
            of = ", of a copy on this machine" if stored else ""
            echo(
                f"`beetle-lm review {reviewed}` shows what to check first{of}:"
                f" {_kept(to_check, self._plan.options.flagged)}"
            )

    def _say(self, text: str) -> None:
        """Prints on stderr, above the bar where there is one."""
        if self._bar.disable:
            echo(text, err=True)
        else:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _line(self, task: Task, result: Result) -> str:
        name = printable(result.name)
        if result.error is not None:
            named = f"{name}: " if "/" in name else ""
            return f"failed: {self._of_part(task)}{named}{result.error}"
        if result.specimen is not None:
            return f"{self._of_part(task)}{name}: {result.note}"
        scores = None if result.landmarks is None else result.landmarks.score
        flagged = "" if result.flag is None else f", flagged: {result.flag}"
        return f"{self._of_part(task)}{name}: " + (
            "" if scores is None else f"mean score {scores.mean():.2f}{flagged}"
        )

    def _of_part(self, task: Task) -> str:
        return "" if self._plan.together is None else f"{task.part}: "


def _frame_warning(turned: int, exif: ExifFrame) -> str:
    count = counted(turned, "photograph carries", "photographs carry")
    upright, stored = (
        "the upright picture, as viewers show it",
        "the pixels as they are stored, which tpsDig and geomorph show",
    )
    used, other, way = (
        (upright, stored, "stored") if exif == "apply" else (stored, upright, "apply")
    )
    return (
        f"{count} an EXIF orientation: coordinates are those of {used}; --exif {way} gives those of"
        f" {other}"
    )


def _kept(flagged: int, choice: Flagged) -> str:
    """What the landmark files have of flagged photographs."""
    one = flagged == 1
    count = counted(flagged, "flagged specimen")
    if choice == "drop":
        return f"{count} {'is' if one else 'are'} not in the landmark files"
    if choice == "missing":
        return f"{count} {'has' if one else 'have'} only missing landmarks in the landmark files"
    return (
        f"{count} {'is' if one else 'are'} in the landmark files,{'' if one else ' each'} with a"
        f" COMMENT in the TPS file; --flagged missing or drop keeps {'it' if one else 'them'} out"
    )


def _mean(evaluation: Evaluation) -> str:
    mean = f"{evaluation.overall('px').mean:.2f} px"
    if "px_256x192" not in evaluation.units:
        return mean
    return f"{mean} ({evaluation.overall('px_256x192').mean:.2f} px at 256 x 192)"


def _counted(images: int) -> str:
    return counted(images, "image")
