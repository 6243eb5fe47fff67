"""One training run: from photographs and landmarks to a run folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from beetle_lm.errors import Hint, OutputError, RequestError, TrainingDataError
from beetle_lm.files import write_text
from beetle_lm.predict.evaluation.metrics import Evaluation
from beetle_lm.train.data.dataset import AnnotatedImages, Specimen, load_tensors
from beetle_lm.train.engine.checkpoint import LAST
from beetle_lm.train.engine.log import EpochLog
from beetle_lm.train.engine.method import Task
from beetle_lm.train.engine.recipe import Recipe
from beetle_lm.train.engine.tested import EVALUATION, PREDICTIONS, evaluate_test, predict_test
from beetle_lm.train.finetune import Transfer
from beetle_lm.train.job import CONFIG, Job
from beetle_lm.train.methods import method_of, trained_network

METRICS = "metrics.json"
"""File name in a run folder: what was measured."""


def is_finished(run: Path) -> bool:
    """Whether the training of a run folder has ended."""
    return (run / METRICS).is_file()


def train(
    job: Job,
    data: AnnotatedImages,
    run: Path,
    device: torch.device,
    resume: bool,
    report: Callable[[EpochLog], None],
    transfer: Transfer | None = None,
    stepped: Callable[[float], None] = lambda _: None,
) -> tuple[dict[str, Any], Evaluation | None]:
    """Trains one network and fills its run folder.

    The folder gets `config.toml`, `log.csv`, `losses.png`, `weights.safetensors`,
    `last.safetensors`, `metrics.json` and, where there are test photographs,
    `test_predictions.csv` and `test/`.

    Args:
        job: what to do.
        data: the photographs that the job names.
        run: the run folder; made where missing.
        device: where to train.
        resume: go on from the last state where there is one.
        report: called after every epoch.
        transfer: what to take over from the source that the job names.
        stepped: called every now and then with the number of epochs that are done, also in part.

    Returns:
        The content of `metrics.json`, and the comparison of the test photographs where there are
        any.

    Raises:
        RequestError: the recipe cannot be followed with these data.
        TrainingDataError: a landmark is missing in all photographs to train on, or these are too
            long and narrow.
        OutputError: the folder has another run, or a run and `resume` is not set.
        CheckpointError: the last state cannot be read.
    """
    recipe = job.recipe
    by_name = {specimen.name: specimen for specimen in data.specimens}
    training, validation, test = (
        [by_name[name] for name in names] for names in (job.training, job.validation, job.test)
    )
    _check(recipe, data, training, transfer)
    _prepare(run, job, resume)
    task = Task(
        run=run,
        spec=data.spec,
        training=training,
        validation=validation,
        shapes=data.shapes,
        weights=transfer.weights() if transfer else {},
        seed=job.seed,
        device=device,
        report=report,
        stepped=stepped,
    )
    trained, metrics = method_of(recipe.network).train(recipe, task)
    evaluation = None
    if test:
        images = load_tensors(
            data.spec,
            test,
            trained.input_size,
            recipe.channels,
            trained.fit,
            for_training=False,
        )
        predict_test(trained_network(trained), images, test, run / PREDICTIONS, device)
        evaluation = evaluate_test([run / PREDICTIONS], test, run / EVALUATION)
        metrics["test"] = {
            "photographs": len(test),
            "mean_px": evaluation.overall("px").mean,
            "mean_px_256x192": evaluation.overall("px_256x192").mean,
        }
    write_text(run / METRICS, [json.dumps(metrics, indent=1), "\n"])
    return metrics, evaluation


def _check(
    recipe: Recipe,
    data: AnnotatedImages,
    training: Sequence[Specimen],
    transfer: Transfer | None,
) -> None:
    """Makes sure that a recipe can be followed."""
    if recipe.pretrained and transfer is None:
        raise RequestError(
            f"the recipe {recipe.name} starts from another training", Hint.START_FROM_WEIGHTS
        )
    if len(data.shapes) and not recipe.learns_shapes:
        raise RequestError(
            f"the recipe {recipe.name} has no use for further shapes", Hint.NO_SHAPES
        )
    nowhere = np.all([specimen.landmarks.missing for specimen in training], axis=0)
    if nowhere.any():
        numbers = ", ".join(str(number) for number in np.flatnonzero(nowhere) + 1)
        raise TrainingDataError([f"no photograph to train on has landmark {numbers}"])
    recipe.check(training)


def _prepare(run: Path, job: Job, resume: bool) -> None:
    """Makes the run folder, or makes sure that an earlier run there was asked to do the same."""
    if (run / CONFIG).exists() or (run / LAST).exists():
        if not resume:
            raise OutputError(f"{run} holds a training run already", Hint.UNFINISHED_RUN)
        earlier = Job.read(run)
        changed = [
            field.name.replace("_sha256", " file")
            for field in dataclasses.fields(Job)
            if getattr(earlier, field.name) != getattr(job, field.name)
        ]
        if changed:
            raise OutputError(
                f"{run} cannot be resumed: it was started with another {', '.join(changed)}",
                Hint.START_ANEW,
            )
        return
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{run} cannot be made: {error.strerror or error}") from error
    write_text(run / CONFIG, [job.to_toml()])
