"""Training a heat map network: from photographs to its checkpoint and log."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Collection, Iterator, Sequence

import torch
from torch import Tensor, nn

from beetle_lm.predict.landmarks import Floats
from beetle_lm.train.data.dataset import Specimen, TensorSet, input_size, load_tensors
from beetle_lm.train.engine.assessment import Assessment, assess, learn_shapes
from beetle_lm.train.engine.calibration import CURVES, FEWEST, Calibration
from beetle_lm.train.engine.checkpoint import (
    LAST,
    WEIGHTS,
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from beetle_lm.train.engine.curve_errors import curve_errors
from beetle_lm.train.engine.device import mixed_precision
from beetle_lm.train.engine.locator import predict
from beetle_lm.train.engine.log import EpochLog, TrainingLog, draw_losses
from beetle_lm.train.engine.method import Method, Metrics, Steps, Task
from beetle_lm.train.engine.schedule import warm_up_cosine
from beetle_lm.train.heatmap.augment import Augmenter, TrainingBatch
from beetle_lm.train.heatmap.curve_stage import CELL
from beetle_lm.train.heatmap.losses import band_loss, heat_map_loss, knot_loss
from beetle_lm.train.heatmap.networks import (
    MULTIPLE,
    NETWORKS,
    PATCH,
    PATCH_STRIDE,
    STRIDE,
    LandmarkNetwork,
)
from beetle_lm.train.heatmap.poses import fit_to_poses
from beetle_lm.train.heatmap.recipe import HeatMapRecipe
from beetle_lm.zoo.model_file.card import Fit
from beetle_lm.zoo.model_file.parts import PartSpec

_FIT: Fit = "letterbox"
_MOST_JUDGED = 100  # training photographs from which expected errors are learned


def train(recipe: HeatMapRecipe, task: Task) -> tuple[Checkpoint, Metrics]:
    """Trains a heat map network, or goes on where an earlier call was stopped.

    Args:
        recipe: how to train.
        task: what on, and where.

    Returns:
        The checkpoint of the last epoch, and what was measured.

    Raises:
        CheckpointError: the last state cannot be read.
        TrainingDataError: photographs cannot be decoded.
    """
    torch.manual_seed(task.seed)
    fresh = _network(recipe, task.spec).state_dict()
    size = input_size(task.training, recipe.input_pixels, MULTIPLE)

    def tensors(specimens: Sequence[Specimen], for_training: bool = False) -> TensorSet:
        return load_tensors(task.spec, specimens, size, recipe.channels, _FIT, for_training)

    training, validation = tensors(task.training, True), tensors(task.validation)
    poses = training.xy.double().numpy()
    recipe = dataclasses.replace(recipe, augmentation=fit_to_poses(recipe.augmentation, poses))
    if (task.run / LAST).exists():
        start = load_checkpoint(task.run / LAST)
    else:
        start = Checkpoint(
            tensors=fresh | dict(task.weights),
            recipe=recipe.to_dict(),
            spec=task.spec,
            input_width=size[0],
            input_height=size[1],
            fit=_FIT,
            seed=task.seed,
            epoch=0,
            validation_px=float("nan"),
            shapes=learn_shapes(poses, task.shapes),
        )

    log = TrainingLog(task.run, EpochLog, start.epoch)

    def logged(epoch: EpochLog) -> None:
        log.append(epoch)
        task.report(epoch)

    trained = _fit(recipe, task, start, training, validation, logged)
    judged = tensors(task.training[:_MOST_JUDGED])
    assessment = _assessment(recipe, trained, poses, judged, validation, task.device)
    trained = dataclasses.replace(trained, assessment=assessment)
    save_checkpoint(task.run / WEIGHTS, trained)
    draw_losses(log.epochs, task.run / "losses.png")
    return trained, {
        "epoch": trained.epoch,
        "input": list(size),
        "training": {"photographs": len(training)},
        "validation": {
            "photographs": len(validation),
            "mean_px_of_input": trained.validation_px if len(validation) else None,
        },
    }


def _assessment(
    recipe: HeatMapRecipe,
    trained: Checkpoint,
    poses: Floats,
    judged: TensorSet,
    validation: TensorSet,
    device: torch.device,
) -> Assessment:
    """From the validation photographs where they suffice, or else from some it was trained on."""
    seen = int(torch.isfinite(validation.xy[..., 0]).sum()) < FEWEST
    chosen = judged if seen else validation
    network = trained.restored(_network(recipe, trained.spec))
    xy, spread, *of_curves = predict(network.to(device), chosen.images, device)
    error = (xy - chosen.xy).norm(dim=2)
    calibration = Calibration.fit(
        spread.double().numpy(), (error * torch.nan if seen else error).double().numpy()
    )
    expected = calibration.expected(spread.double(), trained.input_size)
    assessment = assess(
        calibration,
        torch.where(torch.isfinite(error), expected, torch.nan).numpy(),
        seen,
        poses,
        trained.shapes,
        recipe.augmentation.rotation,
        recipe.augmentation.scale,
        trained.input_size,
    )
    if not trained.spec.curves:
        return assessment
    places, spreads = (each.double().numpy() for each in of_curves)
    errors = curve_errors(places, chosen.lines.double().numpy(), trained.spec.curves)
    fitted = Calibration.fit(spreads, errors * math.nan if seen else errors, CURVES)
    return dataclasses.replace(assessment, of_curves=fitted)


def _network(recipe: HeatMapRecipe, spec: PartSpec) -> LandmarkNetwork:
    return NETWORKS[recipe.network](len(spec), recipe.channels, spec.curves)


def _fit(
    recipe: HeatMapRecipe,
    task: Task,
    start: Checkpoint,
    training: TensorSet,
    validation: TensorSet,
    report: Callable[[EpochLog], None],
) -> Checkpoint:
    """Trains a network and keeps its last state in the run folder after every epoch.

    The weights that are validated and returned are an exponential moving average over the steps
    (EMA). All randomness comes from the seed and the number of the epoch, so a run that goes on
    from its last state ends with the weights of one that was never interrupted.

    Args:
        recipe: how to train. Tensors that the task gives move at its `body_rate`.
        task: where to train, and the further shapes towards which photographs are warped, beside
            those of `training`.
        start: fresh or pre-trained weights at epoch 0; or the content of `last.safetensors`, to go
            on from.
        training: photographs to train on, stored larger than the input.
        validation: photographs that are only measured; may be empty.
        report: called after every epoch.

    Returns:
        The checkpoint of the last epoch.
    """
    device, spec = task.device, start.spec
    network = _network(recipe, spec)
    if start.epoch == 0:
        network.load_state_dict(start.tensors)
    network.expect(start.shapes, start.recipe)
    network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    ema = copy.deepcopy(network).eval()
    before = network.learned_before | task.weights.keys()
    optimiser = _optimiser(network, recipe, before)
    if start.epoch > 0:
        _restore(start.tensors, network, ema, optimiser)
    augment = Augmenter(
        recipe.augmentation,
        start.input_size,
        network.shrunk,
        spec.mirror_order,
        spec.mirror_curves,
        network.curves and network.curves.bands,
    )
    images, xy, lines = (t.to(device) for t in (training.images, training.xy, training.lines))
    shapes = torch.cat((xy, torch.from_numpy(task.shapes).float().to(device)))
    steps = recipe.epochs * recipe.steps_per_epoch
    progress = Steps(task.stepped, task.device, start.epoch)
    last = start

    for epoch in range(start.epoch + 1, recipe.epochs + 1):
        generator = torch.Generator(device).manual_seed(start.seed * 1_000_003 + epoch)
        network.train()
        loss_sum = torch.zeros((), device=device)
        step = (epoch - 1) * recipe.steps_per_epoch
        for rows in _batches(len(training), recipe.batch_size, recipe.steps_per_epoch, generator):
            rate = recipe.learning_rate * warm_up_cosine(step, steps)
            for group in optimiser.param_groups:
                group["lr"] = rate * group["share"]
            drawn = torch.randint(len(shapes), rows.shape, generator=generator, device=device)
            batch = augment(images[rows], xy[rows], shapes[drawn], generator, lines[rows])
            loss = _loss(network, batch, recipe, start.input_size)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            step += 1
            _update(ema, network, min(recipe.averaging, step / (step + 10)))
            loss_sum += loss.detach()
            progress.done(epoch, step / recipe.steps_per_epoch - (epoch - 1))

        error = _mean_error(predict(ema, validation.images, device)[0], validation.xy)
        # Before the state is kept: a run that is killed in between does this epoch again.
        report(EpochLog(epoch, rate, float(loss_sum) / recipe.steps_per_epoch, error))
        tensors = _state(network, ema, optimiser)
        last = dataclasses.replace(start, tensors=tensors, epoch=epoch, validation_px=error)
        save_checkpoint(task.run / LAST, last)
    weights = {name: tensor.cpu() for name, tensor in ema.state_dict().items()}
    return dataclasses.replace(last, tensors=weights)


def _loss(
    network: LandmarkNetwork,
    batch: TrainingBatch,
    recipe: HeatMapRecipe,
    input_size: tuple[int, int],
) -> Tensor:
    """That of all stages; what is missing or outside the image takes no part."""
    drawn = batch.drawn
    with mixed_precision(batch.whole.device):
        coarse, fine, *of_curves = network(
            batch.whole.contiguous(memory_format=torch.channels_last),
            batch.patches,
            batch.centres,
            batch.strips,
            drawn and drawn.cells,
        )
    size = torch.tensor(input_size, device=batch.xy.device)
    there = ((batch.xy > 0) & (batch.xy < size)).all(dim=2, keepdim=True)  # False for NaN
    xy = torch.where(there, batch.xy, torch.nan)
    in_patch = xy - batch.centres + PATCH / 2
    stages = ((coarse, xy, STRIDE), (fine, in_patch, PATCH_STRIDE))
    losses = [
        heat_map_loss(logits, target, stride, recipe.target_sigma, recipe.coordinate_weight)
        for logits, target, stride in stages
    ]
    loss = losses[0] + losses[1]
    if drawn is None:
        return loss
    knots, bands = of_curves
    weight, sigma = recipe.coordinate_weight, recipe.target_sigma
    loss = loss + knot_loss(knots, drawn.knots, drawn.normals, STRIDE, sigma, weight)
    return loss + band_loss(bands, drawn.across, CELL, sigma, weight)


def _mean_error(predicted: Tensor, manual: Tensor) -> float:
    """Mean distance of landmarks (N, K, 2); missing ones are left out; NaN where there are none."""
    if len(manual) == 0:
        return float("nan")
    return float((predicted - manual).norm(dim=2).nanmean())


def _optimiser(
    network: nn.Module, recipe: HeatMapRecipe, learned_before: Collection[str]
) -> torch.optim.Optimizer:
    """AdamW; the share of the learning rate that each group of parameters gets is its `share`."""
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            share = recipe.body_rate if name in learned_before else 1.0
            groups.setdefault(share, []).append(parameter)
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
def _update(ema: nn.Module, network: nn.Module, decay: float) -> None:
    for mean, latest in zip(ema.parameters(), network.parameters(), strict=True):
        mean.lerp_(latest, 1.0 - decay)
    for kept, current in zip(ema.buffers(), network.buffers(), strict=True):
        kept.copy_(current)


def _state(
    network: nn.Module, ema: nn.Module, optimiser: torch.optim.Optimizer
) -> dict[str, Tensor]:
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in ema.state_dict().items()}
    for name, parameter in network.named_parameters():
        for key, value in optimiser.state[parameter].items():
            tensors[f"optimiser.{key}.{name}"] = value
    return tensors


def _restore(
    tensors: dict[str, Tensor],
    network: nn.Module,
    ema: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> None:
    def part(prefix: str) -> dict[str, Tensor]:
        cut = len(prefix) + 1
        return {n[cut:]: t for n, t in tensors.items() if n.startswith(prefix + ".")}

    network.load_state_dict(part("network"))
    ema.load_state_dict(part("average"))
    for key in ("step", "exp_avg", "exp_avg_sq"):
        for name, value in part(f"optimiser.{key}").items():
            parameter = network.get_parameter(name)
            moved = value if key == "step" else value.to(parameter.device)
            optimiser.state[parameter][key] = moved.clone()


HEAT_MAPS = Method(HeatMapRecipe, NETWORKS, train)
"""The method of this room."""
