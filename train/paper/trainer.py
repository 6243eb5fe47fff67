"""Training one of the paper's networks: from photographs to its checkpoint and log."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from beetle_lm.errors import CheckpointError
from beetle_lm.train.data.dataset import Specimen, load_tensors
from beetle_lm.train.engine.assessment import Assessment, assess, learn_shapes
from beetle_lm.train.engine.calibration import Calibration
from beetle_lm.train.engine.checkpoint import (
    LAST,
    WEIGHTS,
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from beetle_lm.train.engine.device import keep_freed_memory, mixed_precision
from beetle_lm.train.engine.locator import predict
from beetle_lm.train.engine.log import LOG, EpochLog, TrainingLog, new_figure, save_figure
from beetle_lm.train.engine.method import Method, Metrics, Steps, Task
from beetle_lm.train.engine.schedule import linear
from beetle_lm.train.paper.augment import VERSIONS, seven_versions
from beetle_lm.train.paper.networks import (
    PAPER_INPUT,
    PAPER_NETWORKS,
    PaperNetwork,
    half_input,
    normalised,
)
from beetle_lm.train.paper.recipe import PaperRecipe
from beetle_lm.zoo.model_file.parts import PartSpec

_SECONDS, _SHARE = 60.0, 0.05  # least time between saves; greatest share of it that they take
TRAINING, VALIDATION = "#0000ff", "#008000"
"""The paper's blue and green."""


@dataclass(frozen=True)
class PaperEpoch(EpochLog):
    """What there is to say of one epoch; losses are mean squares of normalised coordinates.

    Args:
        momentum: in this epoch.
        validation_loss: without dropout; NaN where nothing validates.
    """

    momentum: float
    validation_loss: float

    formats: ClassVar[Mapping[str, str]] = {
        name: ".8g" for name in (*EpochLog.formats, "momentum", "validation_loss")
    }


@dataclass(frozen=True, eq=False)
class GreyImages:
    """Images and landmarks, ready on the device.

    Args:
        images: (N, 1, 192, 256) uint8.
        xy: (N, K, 2) in pixels of the input, NaN where missing.
    """

    images: Tensor
    xy: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def at(self, rows: Tensor) -> GreyImages:
        """The images of these rows (M,)."""
        return GreyImages(self.images[rows], self.xy[rows])


def train(recipe: PaperRecipe, task: Task) -> tuple[Checkpoint, Metrics]:
    """Trains one of the paper's networks, or goes on where an earlier call was stopped.

    As in the paper, the seven images of each photograph are put together with those of all others
    and then divided at random into those to learn from and those that validate: a photograph has
    images among both, so a validation loss says nothing about new photographs, and nothing is
    chosen by it.

    Args:
        recipe: how to train.
        task: what on, and where. No photographs are left out to validate.

    Returns:
        The checkpoint of the last epoch, and what was measured.

    Raises:
        CheckpointError: the last state cannot be read, or has no log.
        TrainingDataError: photographs cannot be decoded.
    """
    start = _start(recipe, task)
    images, xy = versions(task.spec, task.training, recipe.brightening, task.seed, task.device)
    learnt, validating = divide(len(images), recipe.validation_share, task.seed)
    every = GreyImages(images, xy)
    log = TrainingLog(task.run, PaperEpoch, start.epoch)
    if start.epoch and not log.epochs:
        raise CheckpointError(f"{task.run / LOG} is missing, so the training cannot go on")

    def logged(epoch: PaperEpoch) -> None:
        log.append(epoch)
        task.report(epoch)

    parts = every.at(learnt.to(task.device)), every.at(validating.to(task.device))
    last = start
    if start.epoch < recipe.epochs:
        last = _fit(
            recipe, start, *parts, task.run, logged, Steps(task.stepped, task.device, start.epoch)
        )
    poses = xy[::VERSIONS].cpu().double().numpy()
    last = dataclasses.replace(last, shapes=learn_shapes(poses, poses[:0]))
    last = dataclasses.replace(last, assessment=_assessment(recipe, last, every, task.device))
    save_checkpoint(task.run / WEIGHTS, last)
    figure = new_figure(4)
    draw_both_losses(figure.subplots(), log.epochs)
    save_figure(figure, task.run / "losses.png")
    end = log.epochs[-1]
    return last, {
        "epoch": last.epoch,
        "input": list(PAPER_INPUT),
        "training": {
            "photographs": len(task.training), "images": len(learnt), "loss": end.training_loss,
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
    """Seven images of each photograph, (7 N, 1, 192, 256) uint8, and landmarks (7 N, K, 2)."""
    loaded = load_tensors(spec, specimens, PAPER_INPUT, 3, "stretch", for_training=False)
    generator = torch.Generator(device).manual_seed(seed)
    images = seven_versions(loaded.images.to(device), brightening, generator)
    return images, loaded.xy.to(device).repeat_interleave(VERSIONS, dim=0)


def divide(count: int, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Rows of `count` images to learn from, and of a random share of them that validates."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    learnt = count - min(round(share * count), count - 1)
    return order[:learnt].sort().values, order[learnt:].sort().values


def _network(recipe: PaperRecipe, spec: PartSpec) -> PaperNetwork:
    return PAPER_NETWORKS[recipe.network](len(spec), recipe.channels)


def _start(recipe: PaperRecipe, task: Task) -> Checkpoint:
    """The state to go on from, the weights of a finished run, or fresh ones."""
    for name in (LAST, WEIGHTS):
        if (task.run / name).exists():
            return load_checkpoint(task.run / name)
    torch.manual_seed(task.seed)
    fresh = _network(recipe, task.spec).state_dict()
    return Checkpoint(
        tensors=fresh | dict(task.weights),
        recipe=recipe.to_dict(),
        spec=task.spec,
        input_width=PAPER_INPUT[0],
        input_height=PAPER_INPUT[1],
        fit="stretch",
        seed=task.seed,
        epoch=0,
        validation_px=float("nan"),
    )


def _assessment(
    recipe: PaperRecipe, last: Checkpoint, every: GreyImages, device: torch.device
) -> Assessment:
    """From the photographs that it was trained on: there are no others."""
    own = slice(None, None, VERSIONS)  # the photographs themselves are the first of their seven
    images, xy = every.images[own], every.xy[own].cpu()
    network = last.restored(_network(recipe, last.spec))
    found, spread, *_ = predict(network.to(device), images, device)
    error = (found - xy).norm(dim=2)
    calibration = Calibration.fit(spread.double().numpy(), error.double().numpy())
    expected = calibration.expected(spread.double(), last.input_size).numpy()
    poses = xy.double().numpy()
    # The paper's augmentation turns nothing and changes no size.
    return assess(calibration, expected, True, poses, last.shapes, 0.0, 1.0, last.input_size)


def _fit(
    recipe: PaperRecipe,
    start: Checkpoint,
    training: GreyImages,
    validation: GreyImages,
    run: Path,
    report: Callable[[PaperEpoch], None],
    steps: Steps,
) -> Checkpoint:
    """Trains a network as the paper does, and keeps its last weights in the run folder.

    Learning rate and momentum change from epoch to epoch. As in the authors' framework, Lasagne, a
    step adds ``learning rate * gradient`` to a velocity, which thereby keeps the rates of the past;
    torch multiplies the whole velocity by the present rate. Its buffers are therefore rescaled when
    the rate changes, and both do the same.

    All randomness comes from the seed and the number of the epoch, so a run that goes on from its
    last state ends with the weights of one that was never interrupted.

    Args:
        recipe: how to train.
        start: fresh or pre-trained weights at epoch 0; or the content of
            `last.safetensors`, to go on from.
        training: what to learn from, on the device to train on.
        validation: what is only measured, on the same device; may be empty.
        run: an existing folder, to which `last.safetensors` is written now and then, and
            `weights.safetensors` in the end, when the other is removed.
        report: called after every epoch.
        steps: told after every step.

    Returns:
        The checkpoint of the last epoch.
    """
    device = training.images.device
    keep_freed_memory()
    network = _network(recipe, start.spec)
    network.load_state_dict(_named(start.tensors, "network.") or start.tensors)
    network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for layer in network.layers()[: recipe.frozen]:
        layer.requires_grad_(False)
    learning = {n: p for n, p in network.named_parameters() if p.requires_grad}
    optimiser = torch.optim.SGD(
        learning.values(), lr=1.0, momentum=recipe.first_momentum, nesterov=True, fused=True
    )
    for name, velocity in _named(start.tensors, "momentum.").items():
        moved = velocity.to(device).contiguous(memory_format=_format_of(learning[name]))
        optimiser.state[learning[name]]["momentum_buffer"] = moved
    rate = _rate(recipe, max(1, start.epoch))
    saved = time.monotonic()

    last = start
    for epoch in range(start.epoch + 1, recipe.epochs + 1):
        before, rate = rate, _rate(recipe, epoch)
        momentum = linear(epoch, recipe.epochs, recipe.first_momentum, recipe.last_momentum)
        optimiser.param_groups[0] |= {"lr": rate, "momentum": momentum}
        velocities = [state["momentum_buffer"] for state in optimiser.state.values()]
        if velocities and rate != before:
            torch._foreach_mul_(velocities, before / rate)
        loss = _pass(network, optimiser, training, recipe.batch_size, start.seed, epoch, steps.done)
        measured, error = _measure(network, validation, recipe.batch_size)
        last = dataclasses.replace(start, epoch=epoch, validation_px=float(error))
        report(PaperEpoch(epoch, rate, float(loss), float(error), momentum, float(measured)))
        if epoch < recipe.epochs and time.monotonic() - saved > _SECONDS:
            begin = time.monotonic()
            state = _state(network, learning, optimiser)
            save_checkpoint(run / LAST, dataclasses.replace(last, tensors=state))
            saved = time.monotonic() + (time.monotonic() - begin) / _SHARE
    weights = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
    last = dataclasses.replace(last, tensors=weights)
    save_checkpoint(run / WEIGHTS, last)
    (run / LAST).unlink(missing_ok=True)
    return last


def _rate(recipe: PaperRecipe, epoch: int) -> float:
    return linear(epoch, recipe.epochs, recipe.first_learning_rate, recipe.last_learning_rate)


def _pass(
    network: PaperNetwork,
    optimiser: torch.optim.Optimizer,
    training: GreyImages,
    batch_size: int,
    seed: int,
    epoch: int,
    stepped: Callable[[int, float], None] = lambda *_: None,
) -> Tensor:
    """One pass through the training images in a new order; the mean loss, on the device.

    Nothing here waits for the device, but for `stepped` once a second.
    """
    device = training.images.device
    torch.manual_seed(seed * 1_000_003 + epoch)  # of dropout
    order = torch.randperm(len(training), device=device)
    network.train()
    total, done = torch.zeros((), device=device), 0
    for rows in torch.split(order, batch_size):
        batch = training.at(rows)
        loss = mean_square(_found(network, batch.images), normalised(batch.xy))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        total += loss.detach() * len(rows)
        done += len(rows)
        stepped(epoch, done / len(training))
    return total / len(training)


def _found(network: PaperNetwork, images: Tensor) -> Tensor:
    """Coordinates (N, K, 2), the last layer in 32 bit: 16 would round them by a third of a pixel.

    Args:
        network: in training or not.
        images: (N, 1, 192, 256) uint8.
    """
    grey = images.to(memory_format=torch.channels_last).float() / 255.0
    with mixed_precision(images.device):
        features = network.features(grey)
    return network.place(features.float())


def mean_square(found: Tensor, wanted: Tensor) -> Tensor:
    """The mean squared difference of coordinates (N, K, 2); those that are NaN take no part."""
    there = torch.isfinite(wanted)
    difference = torch.where(there, found - wanted.nan_to_num(), 0.0)
    return difference.square().sum() / there.sum().clamp(min=1)


@torch.inference_mode()
def _measure(
    network: PaperNetwork, validation: GreyImages, batch_size: int
) -> tuple[Tensor, Tensor]:
    """Mean square without dropout, and mean distance in pixels of the input; NaN for no images."""
    if len(validation) == 0:
        return torch.tensor(torch.nan), torch.tensor(torch.nan)
    network.eval()
    found = torch.cat(
        [_found(network, part) for part in torch.split(validation.images, batch_size)]
    )
    difference = found - normalised(validation.xy)
    pixels = (difference * half_input(found)).norm(dim=2)
    return difference.square().nanmean(), pixels.nanmean()


def _format_of(parameter: Tensor) -> torch.memory_format:
    return torch.channels_last if parameter.dim() == 4 else torch.contiguous_format


def _named(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _state(
    network: PaperNetwork, learning: dict[str, torch.nn.Parameter], optimiser: torch.optim.SGD
) -> dict[str, Tensor]:
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    for name, parameter in learning.items():
        tensors[f"momentum.{name}"] = optimiser.state[parameter]["momentum_buffer"]
    return tensors


def draw_both_losses(axes: Axes, epochs: Sequence[PaperEpoch]) -> None:
    """Training loss in blue and validation loss in green, as the paper's Figures 10 and 11."""
    numbers = [epoch.epoch for epoch in epochs]
    axes.plot(numbers, [e.training_loss for e in epochs], color=TRAINING, label="training")
    losses = [epoch.validation_loss for epoch in epochs]
    if not all(map(math.isnan, losses)):
        axes.plot(numbers, losses, color=VALIDATION, label="validation")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss (mean square)")
    axes.grid(alpha=0.3, which="both")
    axes.legend(frameon=False)


PAPER = Method(PaperRecipe, PAPER_NETWORKS, train)
"""The method of this room."""
