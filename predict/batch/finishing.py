"""From the rows of all photographs to the results of a part, and of several together."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from beetle_lm.predict.batch import provenance
from beetle_lm.predict.batch.job import Job
from beetle_lm.predict.batch.journal import seconds_of
from beetle_lm.predict.batch.methods import methods_text
from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.outcome import Outcome, outcome_of
from beetle_lm.predict.batch.partitions import Partitions
from beetle_lm.predict.batch.plan import Plan, Task
from beetle_lm.predict.batch.progress import Finished
from beetle_lm.predict.batch.result_files import METHODS
from beetle_lm.predict.batch.staging import Staged, writing
from beetle_lm.predict.batch.writers import ResultFiles
from beetle_lm.predict.drawing.overlay import jpeg
from beetle_lm.predict.drawing.overview import Selection, overview
from beetle_lm.predict.images.earlier import OVERVIEW
from beetle_lm.predict.images.read import Read
from beetle_lm.predict.images.reading import Reader
from beetle_lm.predict.scales.sources import ScaleOf


def finish(
    job: Job,
    task: Task,
    options: Options,
    partitions: Partitions,
    reader: Reader,
    shown: Selection,
    scales: ScaleOf | None,
    check: Callable[[], None] = lambda: None,
) -> Finished:
    """Writes all results of a part and moves them into place; goes on where that was cut short.

    Args:
        job: the part as it was begun.
        task: what was predicted and where to.
        options: what is written and how.
        partitions: all of them are there.
        reader: reads photographs to draw them.
        shown: what the overview shows; takes what it lacks.
        scales: gives the photographs' scales; None where they are not known.
        check: raises where these are not the rows of this run.

    Raises:
        OutputError: the folder cannot be written, or a partition is damaged.
    """
    staged, source, summary = job.staged, job.source, job.staged.whole
    if summary is None:
        with writing(task.folder):
            staged.results.mkdir(exist_ok=True)
        with ResultFiles(staged.results, source.spec, partitions.all_names, options) as files:
            outcome = outcome_of(partitions, task, source, options, reader, shown, scales, files)
        written = files.paths + _write_pictures(outcome, task, source.spec.name, staged, reader)
        with writing(task.folder):
            seconds = seconds_of(staged.path)
        folder = task.images[0].folder
        summary = provenance.summary(source, folder, options, outcome.counts, job.started, seconds)
        written.append(staged.results / METHODS)
        with writing(written[-1]):
            written[-1].write_text(methods_text(summary), encoding="utf-8", newline="\n")
        check()
        staged.seal(summary, written)
    else:
        outcome = outcome_of(partitions, task, source, options, reader, shown, scales)
    staged.place()
    return Finished(task.folder, summary, outcome)


def write_together(plan: Plan, staged: Staged, done: Sequence[Finished]) -> dict[str, Any]:
    """Writes what belongs to all parts together; none of it stays if it is cut short.

    Args:
        plan: the whole run.
        staged: what is kept of the results of all parts together.
        done: what was done for each part.

    Returns:
        The summary of the run, as JSON values.

    Raises:
        OutputError: the folder cannot be written.
    """
    if plan.together is None:
        return _told(done[0], plan)
    summary = _summary(plan, done)
    if staged.whole is None:
        written = []
        shown = {task.part: one.outcome.shown for task, one in zip(plan.tasks, done, strict=True)}
        with writing(staged.folder):
            staged.results.mkdir(exist_ok=True)
            if any(selection.cells for selection in shown.values()):
                written.append(staged.results / OVERVIEW)
                written[-1].write_bytes(jpeg(overview(shown)))
        staged.seal(summary, written)
    staged.place()
    return summary


def _write_pictures(
    outcome: Outcome, task: Task, name: str, staged: Staged, read: Read
) -> list[Path]:
    """Writes the evaluation and the overview, where there are any; returns which files."""
    written = []
    if outcome.evaluation is not None and task.reference is not None:
        from beetle_lm.predict.evaluation import report  # imports matplotlib

        upright = frozenset(filter(task.reference.is_drawn_upright, outcome.evaluation.images))
        images = {image.name: image for image in task.images if image.name in upright}
        folder = staged.results / "evaluation"
        shutil.rmtree(folder, ignore_errors=True)  # half written by a run that was killed
        report.write_evaluation(outcome.evaluation, folder, images.get, read=read)
        written += [folder / file for file in report.FILES if (folder / file).exists()]
    if outcome.shown.cells:
        written.append(staged.results / OVERVIEW)
        with writing(written[-1]):
            written[-1].write_bytes(jpeg(overview({name: outcome.shown})))
    return written


def _told(finished: Finished, plan: Plan) -> dict[str, Any]:
    return {"output": plan.told(finished.folder), **finished.summary}


def _summary(plan: Plan, done: Sequence[Finished]) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    for finished in done:
        counts.update(finished.summary["counts"])
    return {
        "output": plan.told(plan.output),
        "counts": dict(counts),
        "parts": {one.folder.name: _told(one, plan) for one in done},
    }
