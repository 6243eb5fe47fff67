"""The training loop."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from beetle_lm.train.data.dataset import TensorSet
from beetle_lm.train.engine.checkpoint import LAST, Checkpoint, save_checkpoint
from beetle_lm.train.engine.locator import Locator
from beetle_lm.train.engine.precision import mixed_precision
from beetle_lm.train.engine.schedule import warm_up_cosine
from beetle_lm.train.heatmap.augment import Augmenter, Varied
from beetle_lm.train.heatmap.losses import heat_map_loss
from beetle_lm.train.heatmap.networks import (
    PATCH,
    PATCH_STRIDE,
    SHRUNK,
    STRIDE,
    LandmarkNetwork,
    build_network,
)
from beetle_lm.train.heatmap.recipe import Recipe


@dataclass(frozen=True)
class EpochLog:
    """What there is to say of one epoch.

    Args:
        epoch: its number, from 1.
        learning_rate: at its end.
        training_loss: mean over its steps.
        validation_px: mean landmark error on the validation photographs in input pixels; NaN
            where there are none.
    """

    epoch: int
    learning_rate: float
    training_loss: float
    validation_px: float


def fit(
    run: Path,
    start: Checkpoint,
    training: TensorSet,
    validation: TensorSet,
    device: torch.device,
    report: Callable[[EpochLog], None],
    shapes: Tensor | None = None,
    taken_over: Collection[str] = (),
) -> Checkpoint:
    """Trains a network and keeps its last state in the run folder.

    The weights that are validated and returned are an exponential moving average over the steps.
    All randomness comes from the seed and the number of the epoch, so a run that goes on from its
    last state ends with the weights of one that was never interrupted.

    Args:
        run: an existing folder, to which `last.safetensors` is written after every epoch.
        start: fresh or pre-trained weights and the configuration, at epoch 0; or the content of
            `last.safetensors`, to go on from.
        training: photographs to train on, stored larger than the input.
        validation: photographs that are only measured; may be empty.
        device: where to train.
        report: called after every epoch.
        shapes: (M, K, 2) landmarks of specimens towards whose shapes photographs are warped, in
            any position, size and unit, NaN where missing; by default those of `training`.
        taken_over: names of the tensors that were trained before; they move at the recipe's
            `body_rate`.

    Returns:
        The checkpoint of the last epoch.
    """
    recipe, spec = start.recipe, start.spec
    network = build_network(recipe.network, len(spec), recipe.channels)
    # `paper_loop.fit` is for the others.
    assert isinstance(recipe, Recipe) and isinstance(network, LandmarkNetwork)
    if start.epoch == 0:
        network.load_state_dict(start.tensors)
    network.expect(start.shapes, recipe.target_sigma)
    network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(network).eval()
    optimiser = _optimiser(network, recipe, taken_over)
    if start.epoch > 0:
        _restore(start.tensors, network, average, optimiser)
    augment = Augmenter(recipe.augmentation, start.input_size, spec.mirror_order)
    images, xy = training.images.to(device), training.xy.to(device)
    shapes = xy if shapes is None else shapes.to(device)
    steps = recipe.epochs * recipe.steps_per_epoch
    last = start

    for epoch in range(start.epoch + 1, recipe.epochs + 1):
        generator = torch.Generator(device).manual_seed(start.seed * 1_000_003 + epoch)
        network.train()
        loss_sum = torch.zeros((), device=device)
        step = (epoch - 1) * recipe.steps_per_epoch
        for batch in _batches(len(training), recipe.batch_size, recipe.steps_per_epoch, generator):
            rate = recipe.learning_rate * warm_up_cosine(step, steps)
            for group in optimiser.param_groups:
                group["lr"] = rate * group["share"]
            drawn = torch.randint(len(shapes), batch.shape, generator=generator, device=device)
            varied = augment(images[batch], xy[batch], shapes[drawn], generator)
            loss = _loss(network, varied, recipe, start.input_size)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            step += 1
            _average(average, network, min(recipe.averaging, step / (step + 10)))
            loss_sum += loss.detach()

        error = mean_error(predict(average, validation.images, device)[0], validation.xy)
        # Before the state is kept: a run that is killed in between makes this epoch again.
        report(EpochLog(epoch, rate, float(loss_sum) / recipe.steps_per_epoch, error))
        tensors = _state(network, average, optimiser)
        last = dataclasses.replace(start, tensors=tensors, epoch=epoch, validation_px=error)
        save_checkpoint(run / LAST, last)
    weights = {name: tensor.cpu() for name, tensor in average.state_dict().items()}
    return dataclasses.replace(last, tensors=weights)


def _loss(network: Locator, varied: Varied, recipe: Recipe, input_size: tuple[int, int]) -> Tensor:
    """That of both looks; landmarks that are missing or outside the image take no part."""
    with mixed_precision(varied.whole.device):
        first, second = network(
            varied.whole.contiguous(memory_format=torch.channels_last),
            varied.patches,
            varied.centres,
        )
    size = torch.tensor(input_size, device=varied.xy.device)
    there = ((varied.xy > 0) & (varied.xy < size)).all(dim=2, keepdim=True)  # False for NaN
    xy = torch.where(there, varied.xy, torch.nan)
    in_patch = xy - varied.centres + PATCH / 2
    looks = ((first, xy, SHRUNK * STRIDE), (second, in_patch, PATCH_STRIDE))
    losses = [
        heat_map_loss(logits, target, stride, recipe.target_sigma, recipe.coordinate_weight)
        for logits, target, stride in looks
    ]
    return losses[0] + losses[1]


def predict(network: Locator, images: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Landmarks (N, K, 2) and spreads (N, K) in input pixels of images (N, C, H, W) of its size."""
    if len(images) == 0:
        return torch.empty(0), torch.empty(0)
    network.eval()
    with torch.inference_mode():
        found = [network.locate(batch.to(device)) for batch in torch.split(images, 16)]
    xy, spread = zip(*found, strict=True)
    return torch.cat(xy).cpu(), torch.cat(spread).cpu()


def mean_error(predicted: Tensor, manual: Tensor) -> float:
    """Mean distance of landmarks (N, K, 2); missing ones are left out; NaN where there are none."""
    if len(manual) == 0:
        return float("nan")
    return float((predicted - manual).norm(dim=2).nanmean())


def _optimiser(
    network: nn.Module, recipe: Recipe, taken_over: Collection[str]
) -> torch.optim.Optimizer:
    """AdamW; the share of the learning rate that each group of parameters gets is its `share`."""
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        groups.setdefault(recipe.body_rate if name in taken_over else 1.0, []).append(parameter)
    return torch.optim.AdamW(
        [{"params": parameters, "share": share} for share, parameters in groups.items()],
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
    )


def _batches(count: int, size: int, number: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Indices for `number` batches: pass after pass through all images, each in a new order."""
    device = generator.device
    passes = math.ceil(size * number / count)
    order = torch.cat(
        [torch.randperm(count, generator=generator, device=device) for _ in range(passes)]
    )
    yield from torch.split(order[: size * number], size)


@torch.no_grad()
def _average(average: nn.Module, network: nn.Module, decay: float) -> None:
    for mine, theirs in zip(average.parameters(), network.parameters(), strict=True):
        mine.lerp_(theirs, 1.0 - decay)
    for kept, new in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(new)


def _state(
    network: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer
) -> dict[str, Tensor]:
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in average.state_dict().items()}
    for name, parameter in network.named_parameters():
        for key, value in optimiser.state[parameter].items():
            tensors[f"optimiser.{key}.{name}"] = value
    return tensors


def _restore(
    tensors: dict[str, Tensor],
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> None:
    def part(prefix: str) -> dict[str, Tensor]:
        cut = len(prefix) + 1
        return {n[cut:]: t for n, t in tensors.items() if n.startswith(prefix + ".")}

    network.load_state_dict(part("network"))
    average.load_state_dict(part("average"))
    for key in ("step", "exp_avg", "exp_avg_sq"):
        for name, value in part(f"optimiser.{key}").items():
            parameter = network.get_parameter(name)
            moved = value if key == "step" else value.to(parameter.device)
            optimiser.state[parameter][key] = moved.clone()
