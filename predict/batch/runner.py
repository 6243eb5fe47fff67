"""Runs a plan: one part after the other, each whole before the next begins."""

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
from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.outcome import Outcome, outcome_of
from beetle_lm.predict.batch.overlays import Overlays
from beetle_lm.predict.batch.plan import Plan, Task
from beetle_lm.predict.batch.progress import Finished, Observer
from beetle_lm.predict.batch.result_files import unique_ids
from beetle_lm.predict.batch.source import Source
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
from beetle_lm.predict.images.read import Read
from beetle_lm.predict.images.reading import Reader, Threads, reading
from beetle_lm.predict.predictor import Predictor
from beetle_lm.predict.scales.reading import ScaleReader
from beetle_lm.predict.session import Device


def load_model(task: Task, device: Device = "auto", threads: int | None = None) -> Predictor:
    """Loads the model of a part; see `Predictor.load`.

    Args:
        task: names the model.
        device: what the model runs on.
        threads: CPU threads that it may use; None takes half of the cores, because threads that
            read photographs want the others.
    """
    return Predictor.load(task.file, device, threads or _half_of_the_cores())


def run_plan(
    plan: Plan,
    load: Callable[[Task], Source] = load_model,
    observer: Observer | None = None,
) -> dict[str, Any]:
    """Predicts all parts; for several also writes run.json, and the overview, of all together.

    What is done stays on the disk when this is stopped, and the same plan with `resume` continues.
    The plan itself does not change: running it twice gives the same results twice.

    Args:
        plan: what is predicted, how, and where to.
        load: makes ready what places the landmarks of a part.
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
    parts = [task.part for task in plan.tasks]
    done = []
    folders = [task.folder for task in plan.tasks]
    unfinished = UnfinishedRun(plan.output, folders, plan.overwrite, plan.resume)
    with ExitStack() as stack:
        run = stack.enter_context(unfinished)
        reader = stack.enter_context(reading(plan.options.max_pixels, plan.options.isolate))
        threads = stack.enter_context(Threads(plan.options.workers))
        for number, task in enumerate(plan.tasks, start=1):
            with ExitStack() as own:
                if task.folder != plan.output:
                    own.enter_context(locked(task.folder))
                source = load(task)
                staged = run.part(number, task.folder)
                done.append(
                    run_part(source, task, staged, parts, plan.options, reader, threads, observer)
                )
            observer.finished(task, done[-1])
        summary = _told(done[0])
        if plan.together is not None:
            summary = _summary(plan, done)
            shown = {part: one.outcome.shown for part, one in zip(parts, done, strict=True)}
            _write_together(run.together, summary, shown)
        run.finish()
    return summary


def run_part(
    source: Source,
    task: Task,
    staged: Staged,
    parts: Sequence[str],
    options: Options,
    reader: Reader,
    threads: Threads,
    observer: Observer,
) -> Finished:
    """Predicts the photographs of a part, or the rest of them, and writes all results.

    Args:
        source: what places the landmarks.
        task: what is predicted and where to.
        staged: where what is done is kept; the part is resumed if it was begun there.
        parts: the parts of the whole run.
        options: how, and what is written.
        reader: reads the photographs.
        threads: in which they are read, and drawn on.
        observer: is told what happens.
    """
    if task.reference is not None:
        task.reference.check(source.spec)
    # As if all photographs were still to be done: another batch size may change the last digits.
    batch_size = source.batch_size or min(options.batch_size, len(task.images))
    names = [image.name for image in task.images]
    ids, shown = unique_ids(names), Selection(names)
    scales = None if options.scale is None else options.scale.among(names)
    with UnfinishedPart(
        staged,
        source.spec,
        provenance.settings(source, task.reference, parts, options, batch_size),
        task.images,
        batch_size,
        lambda count: observer.kept(task, count),
    ) as part:
        done, summary = part.rows.count, staged.whole
        observer.started(task, source, done)
        if summary is None:
            rest = task.images[done:]
            overlays = marks = None
            reads = reader
            if options.scale is not None and options.scale.mark is not None:
                reads = marks = ScaleReader(reader, options.scale.mark)
            if options.overlay:
                overlays = Overlays(task, options, reads, threads, staged.results, ids, shown)
            read = reads if overlays is None else overlays.read
            with closing(source.place(rest, batch_size, threads, read)) as results:
                for image, placed in zip(rest, results, strict=True):
                    scale = None if marks is None else marks.take(image.path)
                    result = replace(placed, scale=scale)
                    part.add(result, None if overlays is None else overlays.draw(image, result))
                    observer.placed(task, result)
            part.all_added()
            files = ResultFiles(staged.results, source.spec, ids, options.formats)
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
        paths = {image.name: image.path for image in task.images if image.name in upright}
        folder = staged.results / "evaluation"
        shutil.rmtree(folder, ignore_errors=True)  # half written by a run that was killed
        report.write_evaluation(outcome.evaluation, folder, paths.get, read=read)
        written += [folder / file for file in report.FILES]
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
        "parts": {task.part: _told(one) for task, one in zip(plan.tasks, done, strict=True)},
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
