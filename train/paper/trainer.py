"""Training one of the paper's networks: from photographs to its checkpoint and log."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from beetle_lm.errors import UsageError
from beetle_lm.train.data.dataset import AnnotatedImages, Specimen, load_tensors
from beetle_lm.train.engine.assessment import Assessment, assess, learn_shapes
from beetle_lm.train.engine.calibration import Calibration
from beetle_lm.train.engine.checkpoint import (
    LAST,
    WEIGHTS,
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from beetle_lm.train.engine.job import Job
from beetle_lm.train.finetune import Transfer
from beetle_lm.train.heatmap.loop import EpochLog, predict
from beetle_lm.train.heatmap.networks import build_network
from beetle_lm.train.paper.augment import VERSIONS, seven_versions
from beetle_lm.train.paper.log import PaperLog
from beetle_lm.train.paper.loop import GreyImages, PaperEpoch, fit
from beetle_lm.train.paper.networks import PAPER_INPUT
from beetle_lm.train.paper.recipe import PaperRecipe
from beetle_lm.zoo.model_file.parts import PartSpec


def check(recipe: PaperRecipe, data: AnnotatedImages, transfer: Transfer | None) -> None:
    """Makes sure that a recipe can be followed.

    Raises:
        UsageError: it starts from another training and there is none, or there are further shapes,
            which these networks cannot be taught.
    """
    if recipe.pretrained and transfer is None:
        raise UsageError(f"the recipe {recipe.name} starts from another training: add --init")
    if len(data.shapes):
        raise UsageError(f"--shapes cannot go with the recipe {recipe.name}: it warps no images")


def train(
    job: Job,
    data: AnnotatedImages,
    training: Sequence[Specimen],
    run: Path,
    device: torch.device,
    report: Callable[[EpochLog], None],
    transfer: Transfer | None,
) -> tuple[Checkpoint, dict[str, Any]]:
    """Trains one of the paper's networks, or goes on where an earlier call was stopped.

    As in the paper, the seven images of each photograph are put together with those of all others
    and then divided at random into those to learn from and those that validate: a photograph has
    images among both, so a validation loss tells nothing of new photographs, and nothing is
    chosen by it.

    Args:
        job: what to do.
        data: the part and its photographs.
        training: the photographs that the job trains on.
        run: the run folder, which is there.
        device: where to train.
        report: called after every epoch.
        transfer: what to take over from the source that the job names.

    Returns:
        The checkpoint of the last epoch, and what was measured.

    Raises:
        CheckpointError: the last state cannot be read.
    """
    recipe = job.recipe
    assert isinstance(recipe, PaperRecipe)
    start = _start(job, recipe, data.spec, run, transfer)
    images, xy = versions(data.spec, training, recipe.brightening, job.seed, device)
    learnt, validating = divide(len(images), recipe.validation_share, job.seed)
    every = GreyImages(images, xy)
    log = PaperLog(run, start.epoch)

    def logged(epoch: PaperEpoch) -> None:
        log.append(epoch)
        report(epoch)

    parts = every.at(learnt.to(device)), every.at(validating.to(device))
    last = start if start.epoch == recipe.epochs else fit(run, start, *parts, logged)
    poses = xy[::VERSIONS].cpu().double().numpy()
    last = dataclasses.replace(last, shapes=learn_shapes(poses, poses[:0]))
    last = dataclasses.replace(last, assessment=_assessment(last, every, device))
    save_checkpoint(run / WEIGHTS, last)
    log.plot(run / "losses.png")
    end = log.epochs[-1]
    return last, {
        "epoch": last.epoch,
        "input": list(PAPER_INPUT),
        "training": {
            "photographs": len(training), "images": len(learnt), "loss": end.training_loss,
        },
        "validation": {
            "photographs": 0, "mean_px_of_input": None, "images": len(validating),
            "loss": end.validation_loss if len(validating) else None,
        },
    }  # fmt: skip


def versions(
    spec: PartSpec,
    specimens: Sequence[Specimen],
    brightening: int,
    seed: int,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """The seven images of each photograph, (7 N, 1, 192, 256) uint8, and landmarks (7 N, K, 2)."""
    loaded = load_tensors(spec, specimens, PAPER_INPUT, 3, "stretch", for_training=False)
    generator = torch.Generator(device).manual_seed(seed)
    images = seven_versions(loaded.images.to(device), brightening, generator)
    return images, loaded.xy.to(device).repeat_interleave(VERSIONS, dim=0)


def divide(count: int, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Rows of `count` images to learn from, and of those that validate: a share, at random."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    learnt = count - min(round(share * count), count - 1)
    return order[:learnt].sort().values, order[learnt:].sort().values


def _start(
    job: Job, recipe: PaperRecipe, spec: PartSpec, run: Path, transfer: Transfer | None
) -> Checkpoint:
    """The state to go on from, the weights of a finished run, or fresh ones."""
    for name in (LAST, WEIGHTS):
        if (run / name).exists():
            return load_checkpoint(run / name)
    torch.manual_seed(job.seed)
    fresh = build_network(recipe.network, len(spec), recipe.channels).state_dict()
    return Checkpoint(
        tensors=fresh | (transfer.weights() if transfer else {}),
        recipe=recipe,
        spec=spec,
        input_width=PAPER_INPUT[0],
        input_height=PAPER_INPUT[1],
        fit="stretch",
        seed=job.seed,
        epoch=0,
        validation_px=float("nan"),
    )


def _assessment(last: Checkpoint, every: GreyImages, device: torch.device) -> Assessment:
    """By the photographs that it was trained on: there are no others."""
    own = slice(None, None, VERSIONS)  # the photographs themselves are the first of their seven
    images, xy = every.images[own], every.xy[own].cpu()
    found, spread = predict(last.network().to(device), images, device)
    error = (found - xy).norm(dim=2)
    calibration = Calibration.fit(spread.double().numpy(), error.double().numpy())
    expected = calibration.expected(spread.double(), last.input_size).numpy()
    poses = xy.double().numpy()
    # The paper's augmentation turns nothing and changes no size.
    return assess(calibration, expected, True, poses, last.shapes, 0.0, 1.0, last.input_size)
