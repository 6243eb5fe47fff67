"""Runs a plan: one part after the other, each whole before the next begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from beetle_lm.predict.overview import overview
from beetle_lm.predict.plan import Plan, Task
from beetle_lm.predict.predictor import Predictor, Result
from beetle_lm.predict.run import Finished, Options, predict_to_folder, write_drawing
from beetle_lm.predict.session import Device
from beetle_lm.predict.unfinished import UnfinishedFolder


class Observer:
    """Is told how a run goes on; this one does nothing with it."""

    def started(self, task: Task, predictor: Predictor) -> None:
        """The model of a part is loaded."""

    def placed(self, task: Task, result: Result) -> None:
        """A photograph is done, or failed."""

    def finished(self, task: Task, finished: Finished) -> None:
        """All results of a part are in their folder, to stay whatever comes."""


def run_plan(
    plan: Plan,
    options: Options,
    device: Device = "auto",
    threads: int | None = None,
    observer: Observer | None = None,
) -> dict[str, Any]:
    """Predicts all parts; for several also writes run.json, and the overview, of all together.

    Args:
        plan: what is predicted, and where to.
        options: how, and what is written.
        device: what the models run on.
        threads: CPU threads that a model may use; None leaves the choice to onnxruntime.
        observer: is told what happens.

    Returns:
        The summary, as `--json` prints it.

    Raises:
        OutputError: a folder cannot be written.
        ModelError: a model cannot be run.
        DeviceError: there is no runtime, or not the device that was asked for.
    """
    observer = observer or Observer()
    done = []
    with ExitStack() as stack:
        whole = None
        if plan.together is not None:
            whole = stack.enter_context(UnfinishedFolder(plan.together, options.overwrite))
        for task in plan.tasks:
            done.append(_run(task, options, device, threads, observer))
        if whole is None:
            return _told(done[0])
        summary = _summary(plan, done)
        shown = {task.part: one.shown for task, one in zip(plan.tasks, done, strict=True)}
        if any(selection.cells for selection in shown.values()):
            write_drawing(whole.path / "overview.jpg", overview(shown))
        whole.finish(summary)
    return summary


def _run(
    task: Task, options: Options, device: Device, threads: int | None, observer: Observer
) -> Finished:
    predictor = Predictor.load(task.model, device, threads)
    observer.started(task, predictor)
    finished = predict_to_folder(
        predictor,
        task.images,
        task.folder,
        options,
        task.reference,
        lambda result: observer.placed(task, result),
    )
    observer.finished(task, finished)
    return finished


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
