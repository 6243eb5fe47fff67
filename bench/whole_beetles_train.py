"""Trains the model of whole ground beetles on photographs with landmarks and masks.

    python bench/whole_beetle_landmarks.py DATA -o carabid.tps
    python bench/whole_beetles_train.py DATA carabid.tps -o RUN [--fold 1] [--steps 3000]

`whole_beetles_pictures.py` draws what it learns from. Photographs whose number is divisible by 5
are never read. `--fold 1` keeps those whose number ends in 1 or 6 aside and measures on them;
`--fold 0` trains on all.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import math
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from whole_beetles_pictures import (
    SIDE,
    Beetle,
    Floats,
    Image,
    Pictures,
    apply,
    batches,
    inverse,
    number_of,
    read_beetles,
    similarity,
    turned_about,
    upright_goal,
    warped,
)

from beetle_lm.train.engine.assessment import learn_shapes
from beetle_lm.train.engine.checkpoint import WEIGHTS, Checkpoint, load_checkpoint, save_checkpoint
from beetle_lm.train.engine.device import choose_device, mixed_precision
from beetle_lm.train.engine.locator import Located
from beetle_lm.train.engine.onnx_weights import read_weights
from beetle_lm.train.engine.schedule import warm_up_cosine
from beetle_lm.train.heatmap.layers import doubled, squares
from beetle_lm.train.heatmap.losses import heat_map_loss
from beetle_lm.train.heatmap.networks import (
    NETWORKS,
    PATCH,
    PATCH_STRIDE,
    STRIDE,
    LandmarkNetwork,
    Plain,
    cut_patches,
    exposure,
)
from beetle_lm.train.heatmap.recipe import HeatMapRecipe
from beetle_lm.train.methods import load_recipe
from beetle_lm.zoo.model_file.parts import PartSpec, find_part
from beetle_lm.zoo.model_file.shape_space import ShapeSpace


class Slim(Plain):
    """The compact network with a fine stage a fourth as heavy: 24 patches are many."""

    patch_widths = (8, 16, 16)


NETWORKS["slim"] = Slim


def both_stages(
    network: LandmarkNetwork, images: Tensor, xy: Tensor, picked: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The logits of both stages, those of the second for picked landmarks (N, k) alone.

    Returns the patches' centres (N, k, 2) as well.
    """
    whole = F.avg_pool2d(images, network.shrunk)
    level, contrast = exposure(whole)
    standard = ((whole - level) / contrast).contiguous(memory_format=torch.channels_last)
    features, first = network._coarse(standard)
    chosen = xy.gather(1, picked[..., None].expand(-1, -1, 2))
    off = (torch.rand_like(chosen) * 2 - 1) * (PATCH / 4)
    centres = torch.nan_to_num(chosen, nan=SIDE / 2) + off
    patches = (cut_patches(images, centres) - level[:, None]) / contrast[:, None]
    context = squares(network.context(features).float(), centres / STRIDE, PATCH // STRIDE)
    flat = patches.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    shallow, deep = network._patch_features(
        flat, lambda name: network.get_submodule(f"patch_{name}")
    )
    x = F.relu(deep + doubled(context.flatten(0, 1)))
    x = doubled(network.patch_blocks(x))
    x = network.patch_up(torch.cat((x, shallow), dim=1))
    layer = network.head["second"]
    assert isinstance(layer, nn.Conv2d) and layer.bias is not None
    weight = layer.weight.flatten(1)[picked.flatten()]  # (N k, last)
    second = (x * weight[:, :, None, None]).sum(dim=1) + layer.bias[picked.flatten()][:, None, None]
    return first, second.view(*picked.shape, *second.shape[1:]), centres


def loss_of(
    network: LandmarkNetwork, images: Tensor, xy: Tensor, recipe: HeatMapRecipe, k: int
) -> Tensor:
    known = torch.isfinite(xy[..., 0]).float() + 1e-3
    picked = torch.multinomial(known, k)
    with mixed_precision(images.device):
        first, second, centres = both_stages(network, images, xy, picked)
    chosen = xy.gather(1, picked[..., None].expand(-1, -1, 2))
    looks = ((first, xy, STRIDE), (second, chosen - centres + PATCH / 2, PATCH_STRIDE))
    return torch.stack(
        [
            heat_map_loss(
                logits.float(), goal, stride, recipe.target_sigma, recipe.coordinate_weight
            )
            for logits, goal, stride in looks
        ]
    ).sum()


def letterbox(size: tuple[float, float]) -> Floats:
    """The map from a photograph of that width and height into the middle of the input."""
    scale = SIDE / max(size)
    return np.array([[scale, 0, (SIDE - size[0] * scale) / 2],
                     [0, scale, (SIDE - size[1] * scale) / 2]])  # fmt: skip


def located(network: nn.Module, images: list[Image]) -> tuple[Floats, Floats]:
    device = next(network.parameters()).device
    with torch.inference_mode(), mixed_precision(device):
        batch = torch.from_numpy(np.stack(images))[:, None].to(device)
        found: list[Located] = [
            network.locate(part)  # type: ignore[operator]
            for part in torch.split(batch, 15)
        ]
    xy, spread = (
        torch.cat(values).double().cpu().numpy()
        for values in ([each.xy for each in found], [each.spread for each in found])
    )
    return xy, spread


def whole_map(size: tuple[int, int], angle: float) -> Floats:
    """The map of a whole photograph, turned by degrees, into the middle of the input."""
    width, height = size
    turn = turned_about(width / 2, height / 2, angle, 1.0)
    corners = apply(turn, np.array([[0, 0], [width, 0], [width, height], [0, height]], float))
    turn[:, 2] -= corners.min(axis=0)
    wide, high = np.ptp(corners, axis=0).tolist()
    return joined(letterbox((wide, high)), turn)


def joined(second: Floats, first: Floats) -> Floats:
    """The map that does one after the other."""
    shift = second[:, :2] @ first[:, 2] + second[:, 2]
    return np.concatenate((second[:, :2] @ first[:, :2], shift[:, None]), axis=1)


def measure(
    network: nn.Module, beetles: list[Beetle], goal: Floats, angles: list[float], passes: int
) -> list[Floats]:
    """Landmarks (N, 24, 2) in pixels of the photographs after each pass."""
    maps = [whole_map(b.image.shape[::-1], angle) for b, angle in zip(beetles, angles, strict=True)]
    results = []
    for _ in range(passes):
        images = [
            warped(b.levels, m, cv2.BORDER_REPLICATE) for b, m in zip(beetles, maps, strict=True)
        ]
        found, _ = located(network, images)
        photo = [apply(inverse(m), xy) for m, xy in zip(maps, found, strict=True)]
        results.append(np.stack(photo))
        maps = [similarity(xy, goal) for xy in photo]
    return results


def errors(found: Floats, beetles: list[Beetle]) -> Floats:
    """(N, 24) distances from the landmarks in percent of the beetle's length."""
    true = np.stack([beetle.xy for beetle in beetles])
    lengths = np.array([beetle.length for beetle in beetles])
    return np.asarray(np.linalg.norm(found - true, axis=2) / lengths[:, None] * 100)


def summary(values: Floats) -> str:
    each = np.nanmean(values, axis=1)
    return f"{np.nanmean(values):.2f}/{np.median(each):.2f}/{(each > 4).mean() * 100:.0f}%"


@dataclass(frozen=True)
class Task:
    """What a run trains on and measures on."""

    training: list[Beetle]
    validation: list[Beetle]
    spec: PartSpec
    shapes: ShapeSpace
    recipe: HeatMapRecipe
    picked: int
    every: int
    seed: int
    device: torch.device
    workers: int

    @property
    def goal(self) -> Floats:
        return upright_goal(np.array(self.shapes.mean))

    @property
    def angles(self) -> list[float]:
        return list(np.random.default_rng(1).uniform(-180, 180, len(self.validation)))

    def measured(self, network: nn.Module, turned: bool) -> str:
        """Mean, median and share of failures on the photographs kept aside, after each pass."""
        if not self.validation:
            return ""
        angles = self.angles if turned else [0.0] * len(self.validation)
        passes = measure(network, self.validation, self.goal, angles, 2)
        said = " -> ".join(summary(errors(found, self.validation)) for found in passes)
        return f"  {'turned' if turned else 'as they lie'} {said}"


def fit(network: LandmarkNetwork, task: Task, output: Path) -> nn.Module:
    """Trains; returns the moving average of the weights, which is saved on the way as well."""
    recipe = task.recipe
    steps = recipe.steps_per_epoch
    network = network.to(task.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(network).eval()
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        share = recipe.body_rate if name in network.learned_before else 1.0
        groups.setdefault(share, []).append(parameter)
    optimiser = torch.optim.AdamW(
        [{"params": parameters, "share": share} for share, parameters in groups.items()],
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
    )
    order = task.spec.mirror_order
    assert order is not None
    pictures = Pictures(task.training, task.goal, order, task.seed)
    drawn = batches(pictures, recipe.batch_size, task.workers, task.device)
    begin, total = time.perf_counter(), torch.zeros((), device=task.device)
    for step, (images, xy) in enumerate(islice(drawn, steps), start=1):
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate * group["share"] * warm_up_cosine(step - 1, steps)
        network.train()
        loss = loss_of(network, images, xy, recipe, task.picked)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        total += loss.detach()
        follow(average, network, min(recipe.averaging, step / (step + 10)))
        if step % task.every == 0 or step == steps:
            said = f"{step:5d} {time.perf_counter() - begin:6.0f} s"
            said += f"  loss {float(total) / (step % task.every or task.every):.3f}"
            total.zero_()
            said += task.measured(average, turned=False)
            if step == steps:
                said += task.measured(average, turned=True)
            print(said, flush=True)
            torch.save(average.state_dict(), output / "last.pt")
    return average


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("tps", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--fold", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--network", default="slim")
    parser.add_argument("--picked", type=int, default=8, help="patches of an image in a step")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--init", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw pictures")
    parser.add_argument("--every", type=int, default=200)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    options.output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    beetles = read_beetles(options.data, options.tps)
    kept = {options.fold % 5} if options.fold else set()
    training = [b for b in beetles if number_of(b.name) % 5 not in kept]
    base = load_recipe("pretrained" if options.network == "pretrained" else "compact")
    assert isinstance(base, HeatMapRecipe)
    recipe = dataclasses.replace(
        base, name="carabid", network=options.network, input_pixels=SIDE * SIDE, epochs=1,
        steps_per_epoch=options.steps, batch_size=options.batch, learning_rate=options.rate,
        augmentation=dataclasses.replace(
            base.augmentation, least_rotation=180.0, rotation=180.0, scale=1.7
        ),
    )  # fmt: skip
    task = Task(
        training, [b for b in beetles if number_of(b.name) % 5 in kept],
        find_part("carabid"), upright_shapes(training), recipe, options.picked,
        options.every, options.seed, choose_device(options.device), options.workers,
    )  # fmt: skip
    print(f"{len(training)} train, {len(task.validation)} validate", flush=True)
    network = NETWORKS[recipe.network](len(task.spec), 1)
    if options.init:
        start(network, options.init)
    network.expect(task.shapes, recipe.to_dict())
    average = fit(network, task, options.output)
    weights = {name: tensor.cpu().clone() for name, tensor in average.state_dict().items()}
    save_checkpoint(
        options.output / WEIGHTS,
        Checkpoint(weights, recipe.to_dict(), task.spec, SIDE, SIDE, "letterbox", options.seed, 1,
                   float("nan"), task.shapes, None),
    )  # fmt: skip
    report: dict[str, Any] = {"names": [beetle.name for beetle in task.validation]}
    if task.validation:
        for name, turns in (("as they lie", [0.0] * len(task.validation)), ("turned", task.angles)):
            passes = measure(average, task.validation, task.goal, turns, 2)
            report |= {f"{name} {i}": found.tolist() for i, found in enumerate(passes, start=1)}
    (options.output / "validation.json").write_text(json.dumps(report), encoding="utf-8")


def upright_shapes(beetles: list[Beetle]) -> ShapeSpace:
    """Shapes of beetles, the mean with its anterior end up."""
    upright = []
    for beetle in beetles:
        xy = beetle.xy
        axis = np.nanmean(xy[:8], axis=0) - np.nanmean(xy[16:], axis=0)
        angle = math.atan2(axis[0], -axis[1])
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        upright.append(xy @ turn.T)
    shapes = learn_shapes(np.stack(upright), np.empty((0, 24, 2)))
    assert shapes is not None
    return shapes


def start(network: LandmarkNetwork, path: Path) -> None:
    """Takes over all layers of a model or checkpoint that have the same size."""
    if path.suffix == ".onnx":
        tensors = read_weights(path)
    elif path.suffix == ".pt":
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    else:
        tensors = load_checkpoint(path).tensors
    own = network.state_dict()
    fitting = {n: t for n, t in tensors.items() if n in own and own[n].shape == t.shape}
    network.load_state_dict({**own, **fitting})
    print(f"took over {len(fitting)} of {len(own)} tensors", flush=True)


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    for mine, theirs in zip(average.parameters(), network.parameters(), strict=True):
        mine.lerp_(theirs, 1.0 - decay)
    for kept, new in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(new)


if __name__ == "__main__":
    main()
