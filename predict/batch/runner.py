"""Runs a plan: one part after the other, each whole before the next begins."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from beetle_lm.files import sync_files, write_json
from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.part_run import run_task, write_drawing
from beetle_lm.predict.batch.plan import Plan, Task
from beetle_lm.predict.batch.progress import Finished, Observer
from beetle_lm.predict.batch.source import Placer
from beetle_lm.predict.batch.staging import UnfinishedRun, locked, place, remove_stale, writing
from beetle_lm.predict.drawing.overview import Selection, overview
from beetle_lm.predict.images.sandbox import reading
from beetle_lm.predict.predictor import Predictor
from beetle_lm.predict.session import Device


def load_model(task: Task, device: Device = "auto", threads: int | None = None) -> Predictor:
    """Loads the model of a part; see `Predictor.load`.

    Args:
        task: names the model.
        device: what the model runs on.
        threads: CPU threads that it may use; None takes half of the cores, because threads that
            read photographs want the others.
    """
    return Predictor.load(task.source, device, threads or _half_of_the_cores())


def run_plan(
    plan: Plan,
    options: Options,
    load: Callable[[Task], Placer] = load_model,
    observer: Observer | None = None,
) -> dict[str, Any]:
    """Predicts all parts; for several also writes run.json, and the overview, of all together.

    What is done stays on the disk when this is stopped, and the same plan with `resume` goes on.

    Args:
        plan: what is predicted, and where to.
        options: how, and what is written.
        load: makes ready what places the landmarks of a part.
        observer: is told what happens.

    Returns:
        The summary, as `--json` prints it.

    Raises:
        OutputError: a folder cannot be written, another run is writing into it, or it holds an
            unfinished run of another kind.
        ModelError: a model cannot be run.
        DeviceError: there is no runtime, or not the device that was asked for.
        IsolationError: the processes that decode cannot be started.
    """
    observer = observer or Observer()
    parts = [task.part for task in plan.tasks]
    done = []
    with ExitStack() as stack:
        run = stack.enter_context(UnfinishedRun(plan.output, plan.overwrite, plan.resume))
        read = stack.enter_context(reading(options.max_pixels, options.isolate))
        for number, task in enumerate(plan.tasks, start=1):
            with ExitStack() as own:
                if task.folder != plan.output:
                    own.enter_context(locked(task.folder))
                placer = load(task)
                path = run.part(number)
                done.append(run_task(placer, task, path, parts, options, read, observer))
            observer.finished(task, done[-1])
        summary = _told(done[0])
        if plan.together is not None:
            summary = _summary(plan, done)
            shown = {part: one.shown for part, one in zip(parts, done, strict=True)}
            _write(plan.together, run.path / "results", summary, shown)
        run.finish()
    return summary


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


def _write(
    folder: Path, unfinished: Path, summary: dict[str, Any], shown: dict[str, Selection]
) -> None:
    """Writes what belongs to all parts together; nothing of it is kept if it is cut short."""
    with writing(folder):
        unfinished.mkdir(exist_ok=True)
        if any(selection.cells for selection in shown.values()):
            write_drawing(unfinished / "overview.jpg", overview(shown))
            sync_files([unfinished / "overview.jpg"])
        write_json(unfinished / "run.json", summary)
        remove_stale(unfinished, folder)
        place(unfinished, folder)
