"""The jobs of a reproduction: independent of each other, each in a folder of its own."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from beetle_lm.errors import Hint, OutputError
from beetle_lm.predict.batch.lock import FolderLock, HeldError
from beetle_lm.train.data.dataset import AnnotatedImages
from beetle_lm.train.engine.checkpoint import LAST, WEIGHTS
from beetle_lm.train.engine.log import EpochLog
from beetle_lm.train.engine.recipe import Recipe
from beetle_lm.train.finetune import open_source, transfer_from
from beetle_lm.train.job import Job, make_job
from beetle_lm.train.reproduction.data import IMAGES, LANDMARKS, PartData, pretraining_data
from beetle_lm.train.run import METRICS, train

JOBS, PRETRAINING = "jobs", "pretraining"
"""Folders below that of the report: of all jobs, and of those that train on three parts at once."""


class RoundJob(Protocol):
    """What there is to do for a round; one that is done is never done again."""

    @property
    def folder(self) -> Path:
        """Its own folder."""

    @property
    def source(self) -> Path | None:
        """The folder of the job that has to be done first."""

    @property
    def epochs(self) -> int:
        """Number of epochs, for the progress."""

    @property
    def name(self) -> str:
        """The job in words."""

    @property
    def is_done(self) -> bool:
        """Whether the job is done."""

    def run(
        self,
        device: torch.device,
        report: Callable[[EpochLog], None],
        stepped: Callable[[float], None],
    ) -> None:
        """Does the job, or goes on with it.

        Args:
            device: where to train.
            report: called after every epoch.
            stepped: called every now and then with the epochs that are done, also in part.
        """


_WAIT = 2.0  # seconds until jobs that another process does are tried again


@dataclass(frozen=True, eq=False)
class Training:
    """A job, and what it needs.

    Args:
        folder: the run folder, which says that the job is done by holding `metrics.json`.
        job: what to do.
        data: the photographs.
        source: run folder of the pre-training to start from, which has to be done first.
        keep: whether the weights stay when the job is done.
    """

    folder: Path
    job: Job
    data: AnnotatedImages
    source: Path | None = None
    keep: bool = False

    @property
    def epochs(self) -> int:
        """Number of epochs."""
        return self.job.recipe.epochs

    @property
    def name(self) -> str:
        """The job in words."""
        return " ".join(self.folder.parts[self.folder.parts.index(JOBS) + 1 :])

    @property
    def is_done(self) -> bool:
        """Whether the job is done.

        Raises:
            OutputError: another job was done in this folder.
        """
        if not (self.folder / METRICS).is_file():
            return False
        done = Job.read(self.folder)
        # What the source's weights were is checked when the training begins.
        if dataclasses.replace(done, init_sha256=self.job.init_sha256) != self.job:
            raise OutputError(
                f"{self.folder} was done with other data or options", Hint.OTHER_REPORT
            )
        return True

    def run(
        self,
        device: torch.device,
        report: Callable[[EpochLog], None],
        stepped: Callable[[float], None],
    ) -> None:
        """Does the job, or goes on with it."""
        job, transfer = self.job, None
        if self.source is not None:
            source = open_source(str(self.source))
            transfer = transfer_from(source, job.recipe, self.data.spec)
            job = dataclasses.replace(job, init_sha256=source.sha256)
        train(job, self.data, self.folder, device, True, report, transfer, stepped)
        if not self.keep:
            for name in (WEIGHTS, LAST):
                (self.folder / name).unlink(missing_ok=True)


def round_folder(report: Path, part: str, method: str, number: int) -> Path:
    """The run folder of a round, counted from 0."""
    return report / JOBS / part / method / f"round-{number + 1}"


def part_training(
    report: Path, part: PartData, recipe: Recipe, number: int, seed: int, keep: bool
) -> Training:
    """One round of one method on one part.

    Args:
        report: the folder of the report.
        part: the part.
        recipe: how to train.
        number: of the round, from 0.
        seed: of everything random.
        keep: whether the weights stay.
    """
    source = _pretraining_folder(report, number) if recipe.pretrained else None
    job = make_job(
        part.data,
        part.folder / IMAGES,
        part.folder / LANDMARKS,
        "apply",
        recipe,
        seed,
        recipe.with_validation_share(None)[1],
        part.tests[number],
        init=f"{PRETRAINING} round-{number + 1}" if source else "",
    )
    folder = round_folder(report, part.name, recipe.name, number)
    return Training(folder, job, part.data, source, keep)


def pretraining(
    report: Path, parts: Sequence[PartData], recipe: Recipe, number: int, seed: int
) -> Training:
    """A round's pre-training: on the photographs of three parts that the round does not test.

    So no photograph that is tested after fine-tuning was seen in pre-training either.

    Args:
        report: the folder of the report.
        parts: pronotum, elytra and head, or those of them that are there.
        recipe: how to train.
        number: of the round, from 0.
        seed: of everything random.
    """
    files = [part.folder / LANDMARKS for part in parts]
    data = pretraining_data(parts)
    job = Job(
        images=str(parts[0].folder.parent),
        landmarks=", ".join(map(str, files)),
        landmarks_sha256=hashlib.sha256(b"".join(map(Path.read_bytes, files))).hexdigest(),
        exif="apply",
        part=data.spec.name,
        seed=seed,
        init="",
        training=tuple(f"{part.name}/{name}" for part in parts for name in part.training(number)),
        validation=(),
        test=(),
        recipe=recipe,
    )
    return Training(_pretraining_folder(report, number), job, data, keep=True)


def _pretraining_folder(report: Path, number: int) -> Path:
    return report / JOBS / PRETRAINING / f"round-{number + 1}"


def do_all(
    jobs: Iterable[RoundJob],
    device: torch.device,
    report: Callable[[EpochLog], None],
    stepped: Callable[[float], None],
    say: Callable[[str], None],
) -> None:
    """Does all jobs, each as soon as what it needs is there.

    Several processes may share the jobs of one report: each locks the folder of the job that it
    does, and the others do another one, or wait for it.

    Args:
        jobs: each after its source.
        device: where to train.
        report: called after every epoch.
        stepped: called every now and then with the epochs of a job that are done, also in part.
        say: called with a sentence when a job begins.
    """
    open_jobs = [one for one in jobs if not one.is_done]
    waited = False
    while open_jobs:
        held = []
        for one in open_jobs:
            if one.is_done:
                continue
            if one.source is not None and not (one.source / METRICS).is_file():
                held.append(one)  # another process does its source
                continue
            try:
                one.folder.mkdir(parents=True, exist_ok=True)
                with FolderLock(one.folder):
                    if not one.is_done:
                        say(one.name)
                        one.run(device, report, stepped)
            except HeldError:
                held.append(one)
            except OSError as error:
                reason = error.strerror or error
                raise OutputError(f"{one.folder} cannot be written: {reason}") from error
        if len(held) == len(open_jobs):
            if not waited:
                say(f"waiting for {held[0].name}, which another process does")
            waited = True
            time.sleep(_WAIT)
        open_jobs = held
