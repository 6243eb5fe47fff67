"""One training run: from photographs and landmarks to a run folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from beetle_lm.errors import DeviceError, OutputError
from beetle_lm.files import write_text
from beetle_lm.predict.evaluation.metrics import Evaluation
from beetle_lm.predict.landmarks import Floats
from beetle_lm.train.data.dataset import (
    AnnotatedImages,
    Specimen,
    TensorSet,
    input_size,
    load_tensors,
)
from beetle_lm.train.engine.assessment import Assessment, assess, learn_shapes
from beetle_lm.train.engine.calibration import FEWEST, Calibration
from beetle_lm.train.engine.checkpoint import (
    LAST,
    WEIGHTS,
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from beetle_lm.train.engine.job import CONFIG, Job
from beetle_lm.train.engine.log import TrainingLog
from beetle_lm.train.engine.tested import EVALUATION, PREDICTIONS, evaluate_test, predict_test
from beetle_lm.train.finetune import Transfer
from beetle_lm.train.heatmap.loop import EpochLog, fit, predict
from beetle_lm.train.heatmap.networks import LandmarkNetwork, build_network
from beetle_lm.train.heatmap.poses import fit_to_poses
from beetle_lm.train.heatmap.recipe import Recipe
from beetle_lm.train.paper import trainer as paper_run
from beetle_lm.train.paper.recipe import PaperRecipe
from beetle_lm.zoo.model_file.card import Fit

METRICS = "metrics.json"
"""File name in a run folder: what was measured."""

_FIT: Fit = "letterbox"
_MOST_JUDGED = 100  # training photographs whose expected errors are looked at


def choose_device(name: str) -> torch.device:
    """'cpu', 'cuda', or with 'auto' the GPU where there is one.

    Raises:
        DeviceError: CUDA was asked for and cannot be had.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise DeviceError(
            "CUDA was asked for and torch cannot use it here; `beetle-lm doctor` says what is"
            " installed, --device cpu trains without"
        )
    return torch.device("cuda" if name != "cpu" and available else "cpu")


def train(
    job: Job,
    data: AnnotatedImages,
    run: Path,
    device: torch.device,
    resume: bool,
    report: Callable[[EpochLog], None],
    transfer: Transfer | None = None,
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

    Returns:
        The content of `metrics.json`, and the comparison of the test photographs where there are
        any.

    Raises:
        UsageError: the recipe cannot be followed with these data.
        OutputError: the folder has another run, or a run and `resume` is not set.
        CheckpointError: the last state cannot be read.
    """
    if isinstance(job.recipe, PaperRecipe):
        paper_run.check(job.recipe, data, transfer)
    _prepare(run, job, resume)
    by_name = {specimen.name: specimen for specimen in data.specimens}
    training, validation, test = (
        [by_name[name] for name in names] for names in (job.training, job.validation, job.test)
    )
    if isinstance(job.recipe, PaperRecipe):
        trained, metrics = paper_run.train(job, data, training, run, device, report, transfer)
    else:
        trained, metrics = _train(job, data, training, validation, run, device, report, transfer)
    evaluation = None
    if test:
        images = load_tensors(
            data.spec,
            test,
            trained.input_size,
            trained.recipe.channels,
            trained.fit,
            for_training=False,
        )
        predict_test(trained.network(), images, run / PREDICTIONS, device)
        evaluation = evaluate_test([run / PREDICTIONS], test, run / EVALUATION)
        metrics["test"] = {
            "photographs": len(test),
            "mean_px": evaluation.overall("px").mean,
            "mean_px_256x192": evaluation.overall("px_256x192").mean,
        }
    write_text(run / METRICS, [json.dumps(metrics, indent=1), "\n"])
    return metrics, evaluation


def _train(
    job: Job,
    data: AnnotatedImages,
    training: list[Specimen],
    validation: list[Specimen],
    run: Path,
    device: torch.device,
    report: Callable[[EpochLog], None],
    transfer: Transfer | None,
) -> tuple[Checkpoint, dict[str, Any]]:
    """Trains a `LandmarkNetwork`; what `paper_run.train` does for those of the paper."""
    recipe = job.recipe
    assert isinstance(recipe, Recipe)
    torch.manual_seed(job.seed)
    network = build_network(recipe.network, len(data.spec), recipe.channels)
    size = input_size(training, recipe.input_pixels, LandmarkNetwork.multiple)

    def tensors(specimens: list[Specimen], for_training: bool = False) -> TensorSet:
        return load_tensors(data.spec, specimens, size, recipe.channels, _FIT, for_training)

    training_set, validation_set = tensors(training, True), tensors(validation)
    poses = training_set.xy.double().numpy()
    augmentation = fit_to_poses(recipe.augmentation, poses)
    if (run / LAST).exists():
        start = load_checkpoint(run / LAST)
    else:
        start = Checkpoint(
            tensors=network.state_dict() | (transfer.weights() if transfer else {}),
            recipe=dataclasses.replace(recipe, augmentation=augmentation),
            spec=data.spec,
            input_width=size[0],
            input_height=size[1],
            fit=_FIT,
            seed=job.seed,
            epoch=0,
            validation_px=float("nan"),
            shapes=learn_shapes(poses, data.shapes),
        )

    log = TrainingLog(run, start.epoch)

    def logged(epoch: EpochLog) -> None:
        log.append(epoch)
        report(epoch)

    further_shapes = torch.from_numpy(data.shapes).float()
    trained = fit(
        run,
        start,
        training_set,
        validation_set,
        device,
        logged,
        shapes=torch.cat((training_set.xy, further_shapes)),
        taken_over=transfer.loaded if transfer else (),
    )
    judged = tensors(training[:_MOST_JUDGED])
    assessment = _assessment(trained, poses, judged, validation_set, device)
    trained = dataclasses.replace(trained, assessment=assessment)
    save_checkpoint(run / WEIGHTS, trained)
    log.plot(run / "losses.png")
    return trained, {
        "epoch": trained.epoch,
        "input": list(size),
        "training": {"photographs": len(training)},
        "validation": {
            "photographs": len(validation),
            "mean_px_of_input": trained.validation_px if validation else None,
        },
    }


def _assessment(
    trained: Checkpoint,
    poses: Floats,
    judged: TensorSet,
    validation: TensorSet,
    device: torch.device,
) -> Assessment:
    """By the validation photographs where they are enough, or else by some that it trained on."""
    assert isinstance(trained.recipe, Recipe)
    augmentation = trained.recipe.augmentation
    seen = int(torch.isfinite(validation.xy[..., 0]).sum()) < FEWEST
    chosen = judged if seen else validation
    xy, spread = predict(trained.network().to(device), chosen.images, device)
    error = (xy - chosen.xy).norm(dim=2)
    calibration = Calibration.fit(
        spread.double().numpy(), (error * torch.nan if seen else error).double().numpy()
    )
    expected = calibration.expected(spread.double(), trained.input_size)
    return assess(
        calibration,
        torch.where(torch.isfinite(error), expected, torch.nan).numpy(),
        seen,
        poses,
        trained.shapes,
        augmentation.rotation,
        augmentation.scale,
        trained.input_size,
    )


def _prepare(run: Path, job: Job, resume: bool) -> None:
    """Makes the run folder, or makes sure that an earlier run there was asked to do the same."""
    if (run / CONFIG).exists() or (run / LAST).exists():
        if not resume:
            raise OutputError(
                f"{run} holds a training run already; --resume goes on with it, another folder"
                " starts a new one"
            )
        earlier = Job.read(run)
        changed = [
            field.name.replace("_sha256", " file")
            for field in dataclasses.fields(Job)
            if getattr(earlier, field.name) != getattr(job, field.name)
        ]
        if changed:
            raise OutputError(
                f"{run} cannot be resumed: it was started with another {', '.join(changed)}; give"
                " the options of its first start, or another folder"
            )
        return
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{run} cannot be made: {error.strerror or error}") from error
    write_text(run / CONFIG, [job.to_toml()])
