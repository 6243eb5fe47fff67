"""Cross-validation: every photograph is predicted once by a network that never saw it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch

from beetle_lm.predict.evaluation.metrics import Evaluation
from beetle_lm.train.data.dataset import AnnotatedImages
from beetle_lm.train.data.folds import folds, split
from beetle_lm.train.engine.log import EpochLog
from beetle_lm.train.engine.tested import EVALUATION, PREDICTIONS, evaluate_test
from beetle_lm.train.finetune import Transfer
from beetle_lm.train.job import Job
from beetle_lm.train.run import is_finished, train


def fold_folder(folder: Path, fold: int) -> Path:
    """The run folder of a fold, counted from 1."""
    return folder / f"fold-{fold}"


def cross_validate(
    job: Job,
    data: AnnotatedImages,
    folder: Path,
    count: int,
    validation_share: float,
    device: torch.device,
    resume: bool,
    report: Callable[[EpochLog], None],
    transfer: Transfer | None = None,
    stepped: Callable[[float], None] = lambda _: None,
) -> Evaluation:
    """Trains one network for each fold in `fold-1`, `fold-2`, ... and compares all.

    In each run the photographs of one fold are tested; the others are split anew into those that
    train and those that validate, so that the test photographs take part in neither. Finished folds
    are not trained again when a cross-validation is resumed.

    Args:
        job: what to do; its own division of the photographs is replaced.
        data: the photographs.
        folder: where the runs go.
        count: number of folds.
        validation_share: share of the photographs outside the fold that validates.
        device: where to train.
        resume: go on with earlier runs.
        report: called after every epoch of every fold.
        transfer: what each network takes over from the source that the job names.
        stepped: called every now and then with the number of epochs of a fold that are done, also
            in part.

    Returns:
        The comparison of all photographs, which is also written to `test/`.
    """
    names = [specimen.name for specimen in data.specimens]
    predictions = []
    for fold, test in enumerate(folds(names, count, job.seed), start=1):
        kept_aside = set(test)
        rest = [name for name in names if name not in kept_aside]
        training, validation = split(rest, validation_share, job.seed)
        run = fold_folder(folder, fold)
        fold_job = dataclasses.replace(
            job, training=tuple(training), validation=tuple(validation), test=tuple(test)
        )
        if not (resume and is_finished(run)):
            train(fold_job, data, run, device, resume, report, transfer, stepped)
        predictions.append(run / PREDICTIONS)
    return evaluate_test(predictions, data.specimens, folder / EVALUATION)
