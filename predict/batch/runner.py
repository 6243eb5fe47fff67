"""Runs a plan: one part after the other, or together those that are found on the same photographs.

What is done together is whole before the next begins.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from beetle_lm.predict.batch import provenance
from beetle_lm.predict.batch.outcome import Outcome, outcome_of
from beetle_lm.predict.batch.overlays import Overlays, Pictures
from beetle_lm.predict.batch.plan import Plan, Task
from beetle_lm.predict.batch.progress import Finished, Observer
from beetle_lm.predict.batch.result_files import unique_ids
from beetle_lm.predict.batch.source import Source, Sources
from beetle_lm.predict.batch.staging import (
    Staged,
    UnfinishedPart,
    UnfinishedRun,
    locked,
    writing,
)
from beetle_lm.predict.batch.writers import ResultFiles
from beetle_lm.predict.drawing.overlay import jpeg
from beetle_lm.predict.drawing.overview import Selection, overview
from beetle_lm.predict.images.earlier import OVERVIEW
from beetle_lm.predict.images.read import Picture, Read
from beetle_lm.predict.images.reading import Reader, Threads, reading
from beetle_lm.predict.predictor import Predictor, Together
from beetle_lm.predict.result import Result
from beetle_lm.predict.scales.reading import ScaleReader
from beetle_lm.predict.scales.sources import ScaleOf
from beetle_lm.predict.session import Device, Session
from beetle_lm.predict.views.finding import Finder, OnWhole
from beetle_lm.predict.views.search import Search


def load_models(
    tasks: Sequence[Task], plan: Plan, device: Device = "auto", threads: int | None = None
) -> Sources:
    """Loads the models of some parts; see `Predictor.load`.

    Args:
        tasks: name the models.
        plan: says how the models come to see the specimens.
        device: what the models run on.
        threads: CPU threads that each may use; None takes half of the cores, because threads that
            read photographs want the others.

    Raises:
        RequestError: the model of whole specimens does not know a part.
    """
    threads = threads or _half_of_the_cores()
    sessions = [Session.open(task.file, device, threads) for task in tasks]
    if plan.finder is None:
        return Together(
            [
                Predictor(one, Search(one.card)) if plan.search else Predictor(one)
                for one in sessions
            ]
        )
    finder = Finder(Session.open(plan.finder, device, threads))
    return Together([Predictor(one, OnWhole(finder, one.card)) for one in sessions])


def run_plan(
    plan: Plan,
    load: Callable[[Sequence[Task], Plan], Sources] = load_models,
    observer: Observer | None = None,
) -> dict[str, Any]:
    """Predicts all parts; for several also writes run.json, and the overview, of all together.

    What is done stays on the disk when this is stopped, and the same plan with `resume` continues.
    The plan itself does not change: running it twice gives the same results twice.

    Args:
        plan: what is predicted, how, and where to.
        load: makes ready what places the landmarks of some parts.
        observer: is told what happens.

    Returns:
        The summary of the run: its folder, counts, options and versions, as JSON values.

    Raises:
        OutputError: a folder cannot be written, another run is writing into it, or it holds
            results or an unfinished run that the plan must not replace or resume.
        LandmarkError: manual landmarks are not those of the model's part.
        ModelError: a model cannot be run.
        DeviceError: there is no runtime, or not the device that was asked for.
        IsolationError: the processes that decode cannot be started.
    """
    observer = observer or Observer()
    done: list[Finished] = []
    folders = [task.folder for task in plan.tasks]
    unfinished = UnfinishedRun(plan.output, folders, plan.overwrite, plan.resume)
    with ExitStack() as stack:
        run = stack.enter_context(unfinished)
        reader = stack.enter_context(reading(plan.options.max_pixels, plan.options.isolate))
        threads = stack.enter_context(Threads(plan.options.workers))
        for tasks in plan.groups:
            with ExitStack() as own:
                for task in tasks:
                    if task.folder != plan.output:
                        own.enter_context(locked(task.folder))
                sources = load(tasks, plan)
                numbers = range(len(done) + 1, len(done) + len(tasks) + 1)
                staged = [
                    run.part(number, task.folder)
                    for number, task in zip(numbers, tasks, strict=True)
                ]
                finished = run_parts(sources, tasks, staged, plan, reader, threads, observer)
            for task, one in zip(tasks, finished, strict=True):
                observer.finished(task, one)
            done += finished
        summary = _told(done[0])
        if plan.together is not None:
            summary = _summary(plan, done)
            parts = [task.part for task in plan.tasks]
            shown = {part: one.outcome.shown for part, one in zip(parts, done, strict=True)}
            _write_together(run.together, summary, shown)
        run.finish()
    return summary


def run_parts(
    sources: Sources,
    tasks: Sequence[Task],
    staged: Sequence[Staged],
    plan: Plan,
    reader: Reader,
    threads: Threads,
    observer: Observer,
) -> list[Finished]:
    """Predicts the photographs of some parts, or the rest of them, and writes all results.

    Args:
        sources: what places the landmarks, for each part.
        tasks: what is predicted and where to; the photographs are those of all alike.
        staged: where what is done of each is kept; the part is resumed if it was begun there.
        plan: the whole run.
        reader: reads the photographs.
        threads: in which they are read, and drawn on.
        observer: is told what happens.
    """
    images, scale = tasks[0].images, plan.options.scale
    scales = None if scale is None else scale.among([image.name for image in images])
    with ExitStack() as stack:
        parts = [
            _Part(source, task, one, plan, scales, threads, observer, stack)
            for source, task, one in zip(sources.parts, tasks, staged, strict=True)
        ]
        done = min(part.done for part in parts)
        marks, reads = None, reader
        if scale is not None and scale.mark is not None:
            reads = marks = ScaleReader(reader, scale.mark)
        pictures = Pictures(reads) if plan.options.overlay else None
        if done < len(images):
            rest, batch_size = images[done:], parts[0].batch_size
            read = reads if pictures is None else pictures.read
            with closing(sources.place(rest, batch_size, threads, read)) as placed:
                pairs = zip(rest, placed, strict=True)
                for index, (image, results) in enumerate(pairs, start=done):
                    picture = None if pictures is None else pictures.take(image)
                    read_scale = None if marks is None else marks.take(image)
                    for part, result in zip(parts, results, strict=True):
                        part.take(index, replace(result, scale=read_scale), picture)
        return [part.finish(reader) for part in parts]


class _Part:
    """A part while its photographs are predicted; what is done of it is kept when `stack` ends."""

    def __init__(
        self,
        source: Source,
        task: Task,
        staged: Staged,
        plan: Plan,
        scales: ScaleOf | None,
        threads: Threads,
        observer: Observer,
        stack: ExitStack,
    ) -> None:
        if task.reference is not None:
            task.reference.check(source.spec)
        self._source, self._task, self._staged = source, task, staged
        self._options, self._observer = plan.options, observer
        # As if all photographs were still to be done: another batch size may change last digits.
        self.batch_size = source.batch_size or min(plan.options.batch_size, len(task.images))
        names = [image.name for image in task.images]
        self._ids, self._shown = unique_ids(names), Selection(names)
        self._scales = scales
        self._overlays = Overlays(
            task, plan.options, threads, staged.results, self._ids, self._shown
        )
        parts = [each.part for each in plan.tasks]
        self._part = stack.enter_context(
            UnfinishedPart(
                staged,
                source.spec,
                provenance.settings(source, task.reference, parts, plan.options, self.batch_size),
                task.images,
                self.batch_size,
                lambda count: observer.kept(task, count),
            )
        )
        self.done = self._part.rows.count
        observer.started(task, source, self.done)

    def take(self, index: int, result: Result, picture: Picture | None) -> None:
        """Takes the result of the photograph of that index, unless an earlier run has done it."""
        if index < self.done:
            return
        drawing = None if picture is None else self._overlays.draw(picture, result)
        self._part.add(result, drawing)
        self._observer.placed(self._task, result)

    def finish(self, reader: Reader) -> Finished:
        """Writes all results and moves them into place."""
        part, task, source, options = self._part, self._task, self._source, self._options
        staged, shown, summary = self._staged, self._shown, self._staged.whole
        scales = self._scales
        if summary is None:
            part.all_added()
            files = ResultFiles(
                staged.results, source.spec, self._ids, options.formats, options.curves
            )
            with files:
                outcome = outcome_of(part.rows, task, source, options, reader, shown, scales, files)
            written = files.paths + _write_pictures(outcome, task, source.spec.name, staged, reader)
            summary = provenance.summary(
                source, task.images, options, outcome.counts, part.started, part.rows.seconds
            )
            part.rows.check()  # or else these are not the results of this run
            staged.seal(summary, written)
        else:
            outcome = outcome_of(part.rows, task, source, options, reader, shown, scales)
        staged.place()
        return Finished(task.folder, summary, outcome)


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


def _half_of_the_cores() -> int:
    has_affinity = hasattr(os, "sched_getaffinity")  # on Linux: fewer than there are in a container
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return max(1, cores // 2)


def _told(finished: Finished) -> dict[str, Any]:
    return {"output": str(finished.folder), **finished.summary}


def _summary(plan: Plan, done: Sequence[Finished]) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    for finished in done:
        counts.update(finished.summary["counts"])
    return {
        "output": str(plan.output),
        "counts": dict(counts),
        "parts": {one.folder.name: _told(one) for one in done},
    }


def _write_together(staged: Staged, summary: dict[str, Any], shown: dict[str, Selection]) -> None:
    """Writes what belongs to all parts together; none of it stays if it is cut short."""
    if staged.whole is None:
        written = []
        with writing(staged.folder):
            staged.results.mkdir(exist_ok=True)
            if any(selection.cells for selection in shown.values()):
                written.append(staged.results / OVERVIEW)
                written[-1].write_bytes(jpeg(overview(shown)))
        staged.seal(summary, written)
    staged.place()
