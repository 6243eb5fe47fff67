"""The results of a run that several workers shared, by the partitions that they left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from beetle_lm.errors import Hint, LandmarkFileError, OutputError
from beetle_lm.predict.batch.finishing import finish, write_together
from beetle_lm.predict.batch.job import Job
from beetle_lm.predict.batch.listed_images import ListedImages
from beetle_lm.predict.batch.mirror import Mirror
from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.plan import Plan, Task
from beetle_lm.predict.batch.progress import Finished, Observer
from beetle_lm.predict.batch.reference import Reference
from beetle_lm.predict.batch.request_record import Requested, Wanted
from beetle_lm.predict.batch.result_files import is_unfinished
from beetle_lm.predict.batch.shard import Shard
from beetle_lm.predict.batch.staging import REQUEST, Staged, UnfinishedRun, damaged, locked
from beetle_lm.predict.drawing.overview import Selection
from beetle_lm.predict.images.reading import reading
from beetle_lm.predict.scales.sources import ScaleOf


class MissingError(OutputError):
    """Not all partitions of a run are there.

    Args:
        message: how many.
        shards: whose partitions they are; empty where the run was not shared.
        command: how the user asked for the run.
        directory: where.
    """

    def __init__(
        self, message: str, shards: Sequence[Shard], command: Sequence[str], directory: Path
    ) -> None:
        super().__init__(message)
        self.shards, self.command, self.directory = tuple(shards), tuple(command), directory


class Gathering:
    """A run whose partitions are all there, and whose results are to be written.

    Args:
        run: what was kept of it.
        plan: what was predicted, how, and where to.
        jobs: the parts as they were begun.
    """

    def __init__(self, run: UnfinishedRun, plan: Plan, jobs: Sequence[Job]) -> None:
        self.plan = plan
        self._run, self._jobs = run, jobs

    def finish(self, observer: Observer | None = None) -> dict[str, Any]:
        """Writes the results; goes on where that was cut short.

        They are those of one worker, byte for byte.

        Args:
            observer: is told what happens.

        Returns:
            The summary of the run, as `run_plan` gives it.

        Raises:
            OutputError: a partition is damaged, or the folder cannot be written.
        """
        observer, options = observer or Observer(), self.plan.options
        done: list[Finished] = []
        known: dict[str, ScaleOf] = {}  # by the list of photographs, which parts may have in common
        with reading(options.max_pixels, options.isolate) as reader:
            for task, job in zip(self.plan.tasks, self._jobs, strict=True):
                names = job.names()
                if options.scale is not None and job.photographs not in known:
                    known[job.photographs] = options.scale.among(names)
                scales = known.get(job.photographs)
                partitions, shown = job.partitions(names), Selection(names)
                with ExitStack() as own:
                    if task.folder != self.plan.output:
                        own.enter_context(locked(task.folder))
                    done.append(finish(job, task, options, partitions, reader, shown, scales))
                observer.finished(task, done[-1])
        summary = write_together(self.plan, self._run.together, done)
        self._run.finish()
        return summary


@contextmanager
def gathering(folder: Path, mirror: Mirror | None = None) -> Iterator[Gathering]:
    """Opens a run to write its results, and keeps all others out of it meanwhile.

    Args:
        folder: the folder of results of the run.
        mirror: the folder's, where it stands for one of a store.

    Raises:
        MissingError: partitions are not there yet.
        OutputError: there is no unfinished run, workers are still at it, or what was kept of it is
            damaged.
        LandmarkFileError: manual landmarks or scales cannot be read, or have changed.
    """
    if not is_unfinished(folder):
        raise OutputError(f"{folder} holds no unfinished run", Hint.SHARDED_FOLDER)
    with UnfinishedRun(folder, [], resume=True, mirror=mirror) as run:
        try:
            requested = Requested.of(run.request, folder)
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(run.path / REQUEST) from error
        staged = [run.part(n, one.folder) for n, one in enumerate(requested.tasks, 1)]
        jobs = [job for one in staged if (job := _checked(one)) is not None]
        names = [job.names() for job in jobs]
        _refuse_missing(folder, requested, jobs, names)
        tasks = [
            _task(one, job, listed, requested.options)
            for one, job, listed in zip(requested.tasks, jobs, names, strict=True)
        ]
        plan = Plan(tuple(tasks), requested.options, requested.together, mirror=mirror)
        yield Gathering(run, plan, jobs)


def _checked(staged: Staged) -> Job | None:
    job = Job.read(staged)
    if job is not None:
        job.check_record()
    return job


def _refuse_missing(
    folder: Path, requested: Requested, jobs: Sequence[Job], names: Sequence[Sequence[str]]
) -> None:
    missing, count = 0, 0
    of = requested.shards
    shards: set[int] = set()
    for job, listed in zip(jobs, names, strict=True):
        partitions = job.partitions(listed)
        lacking = set(partitions.numbers) - partitions.whole()
        missing, count = missing + len(lacking), count + len(partitions.numbers)
        if of is not None:
            shards |= {(number - 1) % of + 1 for number in lacking}
    if of is not None and len(jobs) < len(requested.tasks):  # which no worker has come to
        shards = set(range(1, of + 1))
    if missing or len(jobs) < len(requested.tasks):
        told = f"{missing} of {count} partitions are not there yet"
        if len(jobs) < len(requested.tasks):
            told = "the last parts are not begun yet"
        raise MissingError(
            f"{folder} cannot be gathered: {told}",
            [Shard(number, of) for number in sorted(shards)] if of is not None else [],
            requested.command,
            requested.directory,
        )


def _task(wanted: Wanted, job: Job, names: Sequence[str], options: Options) -> Task:
    images = ListedImages(names, wanted.photographs, options)
    reference = None
    if wanted.reference is not None:
        reference = Reference.read(wanted.reference, images, options.exif, many=options.many)
        if reference.sha256 != job.settings["file of manual landmarks"]:
            found = "has changed since the run was begun"
            raise LandmarkFileError(wanted.reference, None, found)
    return Task(wanted.part, wanted.file, images, wanted.folder, reference, wanted.measures)
