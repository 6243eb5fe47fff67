"""Runs a plan: one part after the other, or together those that are found on the same photographs.

One worker computes all partitions of the photographs of a part and writes its results before the
next part begins; or several workers compute a share of the partitions each.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

from beetle_lm.predict.batch import provenance
from beetle_lm.predict.batch.finishing import finish, write_together
from beetle_lm.predict.batch.job import Job
from beetle_lm.predict.batch.journal import ROWS
from beetle_lm.predict.batch.overlays import Overlays, Pictures
from beetle_lm.predict.batch.partitions import partition_size
from beetle_lm.predict.batch.plan import Plan, Task
from beetle_lm.predict.batch.progress import Finished, Observer
from beetle_lm.predict.batch.request_record import record_of
from beetle_lm.predict.batch.source import Source, SourceRecord, Sources
from beetle_lm.predict.batch.staging import Staged, UnfinishedRun, locked, writing
from beetle_lm.predict.batch.work import Work
from beetle_lm.predict.drawing.overview import Selection
from beetle_lm.predict.formats.identifiers import unique_ids
from beetle_lm.predict.images.read import ImageFile, Picture
from beetle_lm.predict.images.reading import Reader, Threads, reading
from beetle_lm.predict.predictor import Predictor, Together, searching
from beetle_lm.predict.result import Result
from beetle_lm.predict.scales.reading import ScaleReader
from beetle_lm.predict.scales.sources import ScaleOf
from beetle_lm.predict.session import Device, Session
from beetle_lm.predict.views.finding import Finder, OnWhole


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
        ModelError: a model that is to search does not know what shapes it was trained on.
    """
    threads = threads or _half_of_the_cores()
    sessions = [Session.open(task.file, device, threads) for task in tasks]
    many = plan.options.many
    if plan.finder is None:
        aims = [searching(one.card, many=many) if plan.search else None for one in sessions]
        return Together([Predictor(*pair) for pair in zip(sessions, aims, strict=True)])
    finder = Finder(Session.open(plan.finder, device, threads), many=many)
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
    run = unfinished(plan)
    with ExitStack() as stack:
        stack.enter_context(run)
        reader = stack.enter_context(reading(plan.options.max_pixels, plan.options.isolate))
        threads = stack.enter_context(Threads(plan.options.workers))
        for tasks in plan.groups:
            with ExitStack() as own:
                for task in tasks:
                    if task.folder != plan.output:
                        own.enter_context(locked(task.folder))
                sources = load(tasks, plan)
                staged = [run.part(n, task.folder) for n, task in enumerate(tasks, len(done) + 1)]
                jobs = begun_jobs(sources, tasks, staged, plan)
                scale = plan.options.scale
                scales = None if scale is None else scale.among(jobs[0].names())
                parts = _parts(sources, tasks, jobs, plan, threads, observer, own)
                compute(sources, parts, plan, threads, reader)
                finished = [part.finish(reader, scales) for part in parts]
            for task, one in zip(tasks, finished, strict=True):
                observer.finished(task, one)
            done += finished
        summary = write_together(plan, run.together, done)
        run.finish()
    return summary


def run_shard(
    plan: Plan,
    load: Callable[[Sequence[Task], Plan], Sources] = load_models,
    observer: Observer | None = None,
) -> dict[str, Any]:
    """Computes the share of one worker of several, and writes no results.

    Any number of workers may be at it at once, each with a shard of its own. What is there of a
    shard is not computed again. `Gathering` writes the results when all partitions are there.

    Args:
        plan: what is predicted, how, and where to; it has a shard.
        load: makes ready what places the landmarks of some parts.
        observer: is told what happens.

    Returns:
        The folder, the shard, how many partitions and photographs it has, and how many of the
        photographs that were computed now failed, as JSON values.

    Raises:
        OutputError: the folder cannot be written, a run that is not shared is writing into it, the
            same shard is at work, or the folder holds results or a run with other settings.
        And all else that `run_plan` raises.
    """
    observer = observer or Observer()
    assert plan.shard is not None
    run, done = unfinished(plan), 0
    counts = Counter(partitions=0, photographs=0, failed=0)
    with ExitStack() as stack:
        stack.enter_context(run.shared(plan.shard.file_name))
        reader = stack.enter_context(reading(plan.options.max_pixels, plan.options.isolate))
        threads = stack.enter_context(Threads(plan.options.workers))
        for tasks in plan.groups:
            sources = load(tasks, plan)
            staged = [run.part(n, task.folder) for n, task in enumerate(tasks, done + 1)]
            with ExitStack() as own:
                with run.alone():
                    jobs = begun_jobs(sources, tasks, staged, plan, plan.shard.of)
                parts = _parts(sources, tasks, jobs, plan, threads, observer, own)
                compute(sources, parts, plan, threads, reader)
                for part in parts:
                    counts.update(part.counts)
            done += len(tasks)
    return {"output": plan.told(plan.output), "shard": str(plan.shard), **counts}


def unfinished(plan: Plan) -> UnfinishedRun:
    """What is kept of a run, in the folder of its results."""
    folders = [task.folder for task in plan.tasks]
    resume = plan.resume or plan.shard is not None
    request = record_of(plan)
    return UnfinishedRun(plan.output, folders, plan.overwrite, resume, request, plan.mirror)


def begun_jobs(
    sources: Sources,
    tasks: Sequence[Task],
    staged: Sequence[Staged],
    plan: Plan,
    workers: int = 1,
) -> list[Job]:
    """Begins some parts, or makes sure that they were begun with the same.

    Args:
        sources: what places the landmarks, for each part.
        tasks: what is predicted; the photographs are those of all alike.
        staged: where what is done of each is kept.
        plan: the whole run.
        workers: how many share the photographs.

    Raises:
        OutputError: a part was begun with other settings or photographs, what was kept of it is
            damaged, or the folder cannot be written.
        LandmarkError: manual landmarks are not those of the part.
    """
    # As if all photographs were still to be done: another batch size may change last digits.
    most = min(plan.options.batch_size, len(tasks[0].images))
    size = partition_size(len(tasks[0].images), sources.parts[0].batch_size or most, workers)
    parts, jobs = [task.part for task in plan.tasks], []
    for source, task, one in zip(sources.parts, tasks, staged, strict=True):
        if task.reference is not None:
            task.reference.check(source.spec)
        batch_size = source.batch_size or most
        settings = provenance.settings(source, task.reference, parts, plan.options, batch_size)
        with writing(one.folder):
            job = Job.read(one)
            if job is None:
                told = SourceRecord.of(source, task.images, task.reference)
                job = Job.begin(one, settings, task.images, size, told)
            else:
                job.check(settings, task.images, plan.takes)
        jobs.append(job)
    return jobs


def _parts(
    sources: Sources,
    tasks: Sequence[Task],
    jobs: Sequence[Job],
    plan: Plan,
    threads: Threads,
    observer: Observer,
    stack: ExitStack,
) -> list[Part]:
    """The parts of those partitions that the plan's worker takes."""
    names = jobs[0].names()
    numbers = [one for one in jobs[0].numbers(len(names)) if plan.takes(one)]
    journal = ROWS if plan.shard is None else f"{ROWS}-{plan.shard.file_name}"
    return [
        Part(
            *(source, task, names, job, plan, jobs[0].batch_size),
            *(numbers, journal, threads, observer, stack),
        )
        for source, task, job in zip(sources.parts, tasks, jobs, strict=True)
    ]


def compute(
    sources: Sources, parts: Sequence[Part], plan: Plan, threads: Threads, reader: Reader
) -> None:
    """Places the landmarks of some parts on the photographs that none of them has kept.

    Args:
        sources: what places the landmarks, for each part.
        parts: take them; the photographs are those of all alike.
        plan: the whole run.
        threads: in which photographs are read, and drawn on.
        reader: reads the photographs.
    """
    scale, asked = plan.options.scale, deque[tuple[int, ImageFile]]()
    marks, reads = None, reader
    if scale is not None and scale.mark is not None:
        reads = marks = ScaleReader(reader, scale.mark)
    pictures = Pictures(reads) if plan.options.overlay else None
    read = reads if pictures is None else pictures.read

    def images(numbers: Sequence[int]) -> Iterator[ImageFile]:
        """The photographs to read; how far a partition is done is asked when its turn comes."""
        for number in numbers:
            span = parts[0].work.partitions.span(number)
            for index in span[min(part.work.kept(number) for part in parts) :]:
                asked.append((index, parts[0].task.images[index]))
                yield asked[-1][1]

    begun = sorted({part.work.begun for part in parts if part.work.begun is not None})
    rest = [number for number in parts[0].work.numbers if number not in begun]
    # What is in work is done first, and apart: all else then starts and ends with whole batches.
    for numbers in [*([number] for number in begun), rest]:
        batch_size = parts[0].work.batch_size
        with closing(sources.place(images(numbers), batch_size, threads, read)) as placed:
            for results in placed:
                index, image = asked.popleft()
                picture = None if pictures is None else pictures.take(image)
                read_scale = None if marks is None else marks.take(image)
                for part, result in zip(parts, results, strict=True):
                    part.take(index, replace(result, scale=read_scale), picture)
    for part in parts:
        part.work.all_added()


class Part:
    """A part while a worker computes its share of it.

    Args:
        source: places its landmarks.
        task: what is predicted.
        names: of all photographs, in their order.
        job: the part as it was begun.
        plan: the whole run.
        batch_size: photographs that go through the models at once.
        numbers: the partitions that the worker takes.
        journal: the name of its file.
        threads: draw.
        observer: is told what happens.
        stack: what is done is kept when it ends.
    """

    def __init__(
        self,
        source: Source,
        task: Task,
        names: Sequence[str],
        job: Job,
        plan: Plan,
        batch_size: int,
        numbers: Sequence[int],
        journal: str,
        threads: Threads,
        observer: Observer,
        stack: ExitStack,
    ) -> None:
        self.task = task
        self.counts = Counter[str]()
        self._job, self._plan, self._observer = job, plan, observer
        self._shown, self._overlays = Selection(names), None
        if plan.options.overlay:
            ids, folder = unique_ids(names), job.staged.results
            self._overlays = Overlays(task, plan.options, threads, folder, ids, self._shown)
        self.work = stack.enter_context(
            Work(
                task.folder,
                job.partitions(names),
                numbers,
                batch_size,
                job.staged.path / journal,
                lambda count: observer.kept(task, count),
            )
        )
        observer.started(task, source, self.work.done, self.work.total)
        self.counts.update(partitions=len(numbers), photographs=self.work.total)

    def take(self, index: int, result: Result, picture: Picture | None) -> None:
        """Takes the result of the photograph of that index, unless it is kept already."""
        if not self.work.wants(index):
            return
        drawing = None
        if picture is not None and self._overlays is not None:
            drawing = self._overlays.draw(picture, result)
        self.work.add(index, result, drawing)
        self.counts["failed"] += result.landmarks is None
        self._observer.placed(self.task, result)

    def finish(self, reader: Reader, scales: ScaleOf | None) -> Finished:
        """Writes all results and moves them into place."""
        return finish(
            self._job,
            self.task,
            self._plan.options,
            self.work.partitions,
            reader,
            self._shown,
            scales,
            self.work.check,
        )


def _half_of_the_cores() -> int:
    has_affinity = hasattr(os, "sched_getaffinity")  # on Linux: fewer than there are in a container
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return max(1, cores // 2)
