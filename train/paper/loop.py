"""The training loop of the paper's networks."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from beetle_lm.train.engine.checkpoint import LAST, WEIGHTS, Checkpoint, save_checkpoint
from beetle_lm.train.engine.memory import keep_freed_memory
from beetle_lm.train.engine.precision import mixed_precision
from beetle_lm.train.engine.schedule import linear
from beetle_lm.train.heatmap.loop import EpochLog
from beetle_lm.train.paper.networks import PAPER_NETWORKS, PaperNetwork, half_input, normalised
from beetle_lm.train.paper.recipe import PaperRecipe

_SECONDS, _SHARE = 60.0, 0.05  # so far apart at least, and so much of the time, go into saving


@dataclass(frozen=True)
class PaperEpoch(EpochLog):
    """What there is to say of one epoch; losses are mean squares of normalised coordinates.

    Args:
        momentum: in this epoch.
        validation_loss: without dropout; NaN where nothing validates.
    """

    momentum: float
    validation_loss: float


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


def fit(
    run: Path,
    start: Checkpoint,
    training: GreyImages,
    validation: GreyImages,
    report: Callable[[PaperEpoch], None],
) -> Checkpoint:
    """Trains a network as the paper does, and keeps its last weights in the run folder.

    Learning rate and momentum change from epoch to epoch. As in the authors' framework, Lasagne, a
    step adds ``learning rate * gradient`` to a velocity, which so keeps the rates of its past;
    torch multiplies the whole velocity by the present rate, so its buffers are rescaled when the
    rate changes, and both do the same.

    All randomness comes from the seed and the number of the epoch, so a run that goes on from its
    last state ends with the weights of one that was never interrupted.

    Args:
        run: an existing folder, to which `last.safetensors` is written now and then, and
            `weights.safetensors` in the end, when the other is removed.
        start: fresh or pre-trained weights and the configuration, at epoch 0; or the content of
            `last.safetensors`, to go on from.
        training: what to learn from, on the device to train on.
        validation: what is only measured, on the same device; may be empty.
        report: called after every epoch.

    Returns:
        The checkpoint of the last epoch.
    """
    recipe, device = start.recipe, training.images.device
    assert isinstance(recipe, PaperRecipe)  # `loop.fit` is for the others
    keep_freed_memory()
    network = PAPER_NETWORKS[recipe.network](len(start.spec))
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
        loss = _pass(network, optimiser, training, recipe.batch_size, start.seed, epoch)
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
) -> Tensor:
    """One pass through the training images in a new order; the mean loss, on the device.

    Nothing here waits for the device.
    """
    device = training.images.device
    torch.manual_seed(seed * 1_000_003 + epoch)  # of dropout
    order = torch.randperm(len(training), device=device)
    network.train()
    total = torch.zeros((), device=device)
    for rows in torch.split(order, batch_size):
        batch = training.at(rows)
        loss = mean_square(_found(network, batch.images), normalised(batch.xy))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        total += loss.detach() * len(rows)
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
