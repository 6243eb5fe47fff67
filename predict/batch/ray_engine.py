"""A run on Ray: each partition is a task of the cluster; results are gathered where it was begun.

Ray schedules, retries what dies, and starts its processes, which keep their models between tasks.
They see the photographs and the folder of results by the same paths.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import Any

from beetle_lm.errors import BeetleLMError, EngineError, Hint, OutputError
from beetle_lm.libraries import require_extra
from beetle_lm.predict.batch import provenance
from beetle_lm.predict.batch.finishing import finish, write_together
from beetle_lm.predict.batch.job import Job
from beetle_lm.predict.batch.journal import ROWS
from beetle_lm.predict.batch.listed_images import ListedImages
from beetle_lm.predict.batch.plan import Plan, Task
from beetle_lm.predict.batch.progress import Finished, Observer
from beetle_lm.predict.batch.runner import Part, begun_jobs, compute, unfinished
from beetle_lm.predict.batch.source import Sources
from beetle_lm.predict.batch.staging import UnfinishedRun, locked
from beetle_lm.predict.drawing.overview import Selection
from beetle_lm.predict.images.reading import Threads, reading

_RETRIES = 2  # after which a photograph is taken to be what kills the processes
_AHEAD = 2  # tasks for each core that wait or run
_OF_A_GPU = 0.25  # that a process has for itself: memory for four of them, whose threads decode
_PATIENCE = 1.0  # seconds between looks at what has ended
_LOOK = 3.0  # seconds between looks at Ray's own process here, with which this one would end
_LEAVING = 20.0  # seconds to leave a cluster that is gone
_SILENCE = 60.0  # seconds without an answer, after which a cluster is given up

_log = logging.getLogger("beetle_lm")


class LostClusterError(EngineError):
    """A cluster that was there is no more."""


Load = Callable[[Sequence[Task], Plan], Sources]
"""Makes ready what places the landmarks of some parts, in any process."""


@dataclass(frozen=True, eq=False)
class _Order:
    """What a process needs to compute partitions of some parts: a few kB, and no names."""

    key: str
    plan: Plan
    tasks: tuple[Task, ...]
    first: int
    photographs: Path | str
    load: Load
    isolate: bool = False


@dataclass(frozen=True)
class _Computed:
    """What came of a partition: how many photographs it has, or what went wrong for all."""

    photographs: int
    error: str | None = None
    hint: Hint | None = None


def run_on_ray(
    plan: Plan, load: Load, observer: Observer | None = None, address: str | None = None
) -> dict[str, Any]:
    """Predicts all parts on a Ray cluster; the results are those of `run_plan`, byte for byte.

    Args:
        plan: what is predicted, how, and where to; nothing is drawn.
        load: makes ready what places the landmarks of some parts, in any process.
        observer: is told what happens.
        address: of the cluster, 'auto' for the one of this machine; None starts one on this
            machine, which ends with the run.

    Returns:
        The summary of the run, as `run_plan` gives it.

    Raises:
        MissingExtraError: Ray is not installed.
        EngineError: the cluster cannot be had, or loses a partition again and again.
        And all that `run_plan` raises.
    """
    observer = observer or Observer()
    done: list[Finished] = []
    run = unfinished(plan)
    with ExitStack() as stack:
        stack.enter_context(run)
        ray = stack.enter_context(_cluster(address))
        reader = stack.enter_context(reading(plan.options.max_pixels, plan.options.isolate))
        for tasks in plan.groups:
            with ExitStack() as own:
                for task in tasks:
                    if task.folder != plan.output:
                        own.enter_context(locked(task.folder))
                sources = load(tasks, plan)
                staged = [run.part(n, task.folder) for n, task in enumerate(tasks, len(done) + 1)]
                jobs = begun_jobs(sources, tasks, staged, plan, _cores(ray))
                scale, names = plan.options.scale, jobs[0].names()
                scales = None if scale is None else scale.among(names)
                partitions = [job.partitions(names) for job in jobs]
                whole = set.intersection(*(one.whole() for one in partitions))
                spans = {n: len(partitions[0].span(n)) for n in partitions[0].numbers}
                before = sum(spans[number] for number in whole)
                for task, source in zip(tasks, sources.parts, strict=True):
                    observer.started(task, source, before, len(names))
                order = _order(plan, tasks, jobs, len(done) + 1, load)
                missing = [number for number in spans if number not in whole]
                for computed in _computed(ray, order, missing):
                    before += computed.photographs
                    for task in tasks:
                        observer.computed(task, computed.photographs)
                        observer.kept(task, before)
                finished = []
                for task, job, one in zip(tasks, jobs, partitions, strict=True):
                    shown = Selection(names)
                    finished.append(finish(job, task, plan.options, one, reader, shown, scales))
            for task, ended in zip(tasks, finished, strict=True):
                observer.finished(task, ended)
            done += finished
        summary = write_together(plan, run.together, done)
        run.finish()
    return summary


def _order(
    plan: Plan, tasks: Sequence[Task], jobs: Sequence[Job], first: int, load: Load
) -> _Order:
    """The plan without names, and with paths that are the same in every process."""
    bare = {
        task.folder: replace(
            task,
            images=(),
            reference=None,
            file=task.file.absolute(),
            folder=task.folder.absolute(),
        )
        for task in plan.tasks
    }
    everything = replace(
        plan,
        tasks=tuple(bare.values()),
        together=None if plan.together is None else plan.together.absolute(),
        finder=None if plan.finder is None else plan.finder.absolute(),
    )
    mine = tuple(bare[task.folder] for task in tasks)
    key = "-".join(job.key for job in jobs)
    return _Order(key, everything, mine, first, tasks[0].images[0].folder, load)


def _computed(ray: Any, order: _Order, numbers: Sequence[int]) -> Iterator[_Computed]:
    """Has partitions computed, in any order.

    Raises:
        EngineError: a partition ends every process that computes it, or one cannot do its work.
    """
    orders = {isolated: ray.put(replace(order, isolate=isolated)) for isolated in (False, True)}
    on_gpu = _fraction_of_a_gpu(order)
    remote = ray.remote(_compute).options(num_cpus=1, num_gpus=on_gpu, max_retries=_RETRIES)
    todo = deque((number, order.plan.options.isolate) for number in numbers)
    running: dict[Any, tuple[int, bool]] = {}
    asked = looked = 0.0
    try:
        while todo or running:
            if time.monotonic() - asked > _SILENCE / 2:
                most, asked = _AHEAD * _cores(ray), time.monotonic()
            while todo and len(running) < most:
                number, isolated = todo.popleft()
                running[remote.remote(orders[isolated], number)] = number, isolated
            if time.monotonic() - looked > _LOOK:
                _check_node(ray)
                looked = time.monotonic()
            for ended in ray.wait(list(running), timeout=_PATIENCE)[0]:
                number, isolated = running.pop(ended)
                try:
                    computed = ray.get(ended)
                except ray.exceptions.RayTaskError:  # a defect
                    raise
                except ray.exceptions.RayError as error:
                    reason = str(error).strip().split("\n", 1)[0]
                    if isolated:
                        raise EngineError(
                            f"partition {number} ends every process that computes it: {reason}"
                        ) from error
                    _log.warning(
                        "partition %d ended its process %d times, and is computed with each"
                        " photograph decoded in a process of its own",
                        number,
                        _RETRIES + 1,
                    )
                    todo.appendleft((number, True))
                    continue
                if computed.error is not None:
                    raise EngineError(computed.error, computed.hint)
                yield computed
    finally:
        running.clear()  # Ray drops what nobody waits for


def _cores(ray: Any) -> int:
    """How many cores the cluster has.

    Raises:
        LostClusterError: it does not answer: its head is gone, for which Ray itself waits for ever.
    """
    found: list[int] = []

    def ask() -> None:
        with contextlib.suppress(Exception):  # which is no answer either
            found.append(int(ray.cluster_resources().get("CPU", 1)))

    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_SILENCE)
    if not found:
        raise LostClusterError("the Ray cluster does not answer any more", Hint.RESUME_LATER)
    return max(1, found[0])


def _check_node(ray: Any) -> None:
    """Makes sure that Ray's process on this machine is there, without which Ray ends this one.

    Raises:
        LostClusterError: it is gone.
    """
    node = getattr(ray._private.worker, "_global_node", None)
    name = getattr(node, "raylet_socket_name", None)
    if name is None:
        return
    with socket.socket(socket.AF_UNIX) as asked:
        try:
            asked.connect(name)
        except (ConnectionRefusedError, FileNotFoundError) as error:
            raise LostClusterError(
                "the Ray node of this machine has ended", Hint.RESUME_LATER
            ) from error
        except OSError:  # it has much to do
            return


def _fraction_of_a_gpu(order: _Order) -> float:
    device = getattr(order.load, "keywords", {}).get("device")
    return _OF_A_GPU if device == "cuda" else 0.0


@contextmanager
def _cluster(address: str | None) -> Iterator[Any]:
    """Ray, connected to a cluster: one that is there, or one that lasts as long as the context.

    Raises:
        MissingExtraError: Ray is not installed.
        EngineError: the cluster cannot be had.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    with require_extra("ray"):
        import ray
    # "local", or else it would look for a cluster, and wait for one that is no more.
    own = {"address": "local", "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    given: dict[str, Any] = own if address is None else {"address": address}
    with contextlib.redirect_stdout(sys.stderr):  # stdout is for results, and Ray talks there
        try:
            ray.init(**given, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            where = "can be started" if address is None else f"can be reached at {address}"
            reason = str(error).strip().split("\n", 1)[0]
            raise EngineError(f"no Ray cluster {where}: {reason}") from error
        try:
            yield ray
        except LostClusterError:  # then to leave it may take for ever
            atexit.unregister(ray.shutdown)
            leaving = Thread(target=ray.shutdown, daemon=True)
            leaving.start()
            leaving.join(_LEAVING)
            raise
        except BaseException:
            ray.shutdown()
            raise
        ray.shutdown()


class _Crew:
    """What a process keeps between partitions: models, threads, and who reads photographs."""

    def __init__(self, order: _Order) -> None:
        self.order = order
        self.sources = order.load(order.tasks, order.plan)
        run = UnfinishedRun(order.plan.output, [])
        staged = [run.part(n, task.folder) for n, task in enumerate(order.tasks, order.first)]
        jobs = [Job.read(one) for one in staged]
        self.jobs = [job for job in jobs if job is not None]
        if len(self.jobs) < len(jobs):
            raise OutputError(f"{run.path} is not there, or not for this machine to see")
        self.names = self.jobs[0].names()
        images = ListedImages(self.names, order.photographs, order.plan.options)
        self.tasks = [replace(task, images=images) for task in order.tasks]
        self._check()
        self._stack = ExitStack()
        options = order.plan.options
        self.reader = self._stack.enter_context(reading(options.max_pixels, order.isolate))
        self.threads = self._stack.enter_context(Threads(1))

    def _check(self) -> None:
        """Makes sure that this machine makes the same rows as the others."""
        plan, most = self.order.plan, min(self.order.plan.options.batch_size, len(self.names))
        parts = [task.part for task in plan.tasks]
        for source, job in zip(self.sources.parts, self.jobs, strict=True):
            size = source.batch_size or most
            own = provenance.settings(source, None, parts, plan.options, size)
            manual = "file of manual landmarks"  # which only who gathers has to have
            job.check_settings({**own, manual: job.settings[manual]})

    def compute(self, number: int) -> int:
        """Computes a partition, unless it is there; returns how many photographs it has."""
        plan, size = self.order.plan, self.jobs[0].batch_size
        journal = f"{ROWS}-{socket.gethostname()}-{os.getpid()}"
        with ExitStack() as stack:
            parts = [
                Part(
                    *(source, task, self.names, job, plan, size),
                    *([number], journal, self.threads, Observer(), stack),
                )
                for source, task, job in zip(self.sources.parts, self.tasks, self.jobs, strict=True)
            ]
            compute(self.sources, parts, plan, self.threads, self.reader)
            return parts[0].work.total

    def close(self) -> None:
        """Ends threads and processes that read photographs."""
        self._stack.close()


_crews: list[_Crew] = []  # of this process: one at most


def _compute(order: _Order, number: int) -> _Computed:
    """Computes a partition in a process of the cluster."""
    try:
        if not (_crews and _is_same(_crews[0].order, order)):
            while _crews:
                _crews.pop().close()
            _crews.append(_Crew(order))
        return _Computed(_crews[0].compute(number))
    except BeetleLMError as error:
        return _Computed(0, f"{error} (on {socket.gethostname()})", error.hint)


def _is_same(one: _Order, other: _Order) -> bool:
    mine, others = ((it.key, it.plan.output, it.isolate) for it in (one, other))
    return mine == others
