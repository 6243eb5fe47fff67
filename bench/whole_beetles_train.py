"""Trains the model of whole ground beetles on photographs with landmarks and masks.

    python bench/whole_beetle_landmarks.py DATA -o carabid.tps
    python bench/whole_beetles_train.py DATA carabid.tps -o RUN [--fold 1] [--steps 3000]

Half of the pictures show beetles in any pose, as the finder's first stage sees them, the other half
upright and at one size, as its second stage sees them once the first has turned the photograph.
Photographs whose number is divisible by 5 are never read. `--fold 1` keeps those whose number ends
in 1 or 6 aside and measures on them; `--fold 0` trains on all.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import math
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from beetle_lm.predict.formats.tps import read_tps
from beetle_lm.predict.views.placement import Halved
from beetle_lm.train.engine.assessment import learn_shapes
from beetle_lm.train.engine.checkpoint import WEIGHTS, Checkpoint, load_checkpoint, save_checkpoint
from beetle_lm.train.engine.device import mixed_precision
from beetle_lm.train.engine.onnx_weights import read_weights
from beetle_lm.train.engine.schedule import warm_up_cosine
from beetle_lm.train.heatmap.losses import heat_map_loss
from beetle_lm.train.heatmap.networks import (
    NETWORKS,
    PATCH,
    PATCH_STRIDE,
    SHRUNK,
    STRIDE,
    LandmarkNetwork,
    _doubled,
    _offsets,
    _sampled,
    cut_patches,
    exposure,
)
from beetle_lm.train.heatmap.recipe import HeatMapRecipe
from beetle_lm.train.methods import load_recipe
from beetle_lm.zoo.model_file.parts import PartSpec, find_part
from beetle_lm.zoo.model_file.shape_space import ShapeSpace

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]

SIDE = 320  # of the square input, in pixels
LENGTH = 0.88  # of an upright beetle, as a share of the input's side
UPRIGHT = 0.55  # share of the pictures that are as the second pass sees them
SMALLEST = 0.28  # the least length of a beetle in any pose, as a share of the input's side
FRONT, APEX = 0, 20  # landmarks that a beetle's length is measured between


class Slim(LandmarkNetwork):
    """The compact network with a fine stage a fourth as heavy: 24 patches are many."""

    patch_widths = (8, 16, 16)


NETWORKS["slim"] = Slim


@dataclass(frozen=True)
class Beetle:
    """A photograph in grey, how much of each pixel is beetle, and its landmarks."""

    name: str
    image: Image
    alpha: Image
    xy: Floats  # (24, 2) in pixels, y down, NaN where missing
    length: float  # px
    levels: Halved = field(init=False)
    alphas: Halved = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", Halved(self.image))
        object.__setattr__(self, "alphas", Halved(self.alpha))


def number_of(name: str) -> int:
    return int("".join(c for c in Path(name).stem if c.isdigit()))


def body_length(xy: Floats) -> float:
    """The length of a beetle, or an estimate where its ends are missing."""
    if np.isfinite(xy[[FRONT, APEX]]).all():
        return float(np.linalg.norm(xy[FRONT] - xy[APEX]))
    known = xy[np.isfinite(xy[:, 0])]
    return float(np.linalg.norm(np.ptp(known, axis=0)))


def read_beetles(data: Path, tps: Path, names: list[str] | None = None) -> list[Beetle]:
    folder = data / "beetleflow"
    beetles = []
    for record in read_tps(tps):
        name = record.image or ""
        if number_of(name) % 5 == 0 and names is None:
            continue
        if names is not None and name not in names:
            continue
        image = cv2.imread(str(folder / "images" / name), cv2.IMREAD_GRAYSCALE)
        assert image is not None, name
        alpha = np.zeros(image.shape, np.uint8)
        for masks in ("masks5", "masks9"):
            path = folder / masks / f"{Path(name).stem}.png"
            if path.exists():
                mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
                assert mask is not None, path
                alpha[mask > 0] = 255
        wide = cv2.dilate(alpha, np.ones((3, 3), np.uint8))
        soft = np.asarray(cv2.GaussianBlur(wide, (0, 0), 1.0), np.uint8)
        xy = record.in_image(image.shape[0])
        grey = np.asarray(image, np.uint8)
        beetles.append(Beetle(name, grey, soft, xy, body_length(xy)))
    return beetles


def empty_ground(beetle: Beetle) -> Image:
    """The photograph's ground with the beetle painted over."""
    image, alpha = beetle.image, beetle.alpha
    scale = min(1.0, 240 / max(image.shape))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    covered = np.asarray(cv2.resize(alpha, small.shape[::-1]) > 8, np.uint8)
    mask = cv2.dilate(covered, np.ones((5, 5), np.uint8))
    return np.asarray(cv2.inpaint(small, mask, 4, cv2.INPAINT_TELEA), np.uint8)


def similarity(source: Floats, goal: Floats) -> Floats:
    """The (2, 3) map that turns, scales and shifts points (K, 2) nearest to others; NaN ignored."""
    known = np.isfinite(source[:, 0]) & np.isfinite(goal[:, 0])
    a, b = (p[known, 0] + 1j * p[known, 1] for p in (source, goal))
    ma, mb = a.mean(), b.mean()
    turn = ((a - ma).conj() * (b - mb)).sum() / (np.abs(a - ma) ** 2).sum()
    shift = mb - turn * ma
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def apply(matrix: Floats, xy: Floats) -> Floats:
    return np.asarray(xy @ matrix[:, :2].T + matrix[:, 2])


def inverse(matrix: Floats) -> Floats:
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)


def turned_about(x: float, y: float, degrees: float, zoom: float) -> Floats:
    """The (2, 3) map that turns and enlarges about a point."""
    return np.asarray(cv2.getRotationMatrix2D((x, y), degrees, zoom), np.float64)


def upright_goal(mean: Floats) -> Floats:
    """The mean shape, upright and centred in the input, in its pixels."""
    axis = mean[FRONT] - mean[APEX]
    size = LENGTH * SIDE / np.linalg.norm(axis)
    middle = (mean.min(axis=0) + mean.max(axis=0)) / 2
    return np.asarray((mean - middle) * size + SIDE / 2)


def warped(halved: Halved, matrix: Floats, border: int, value: float = 0.0) -> Image:
    """A picture under a map to the input, as the predictor renders it."""
    return halved.warped(matrix, (SIDE, SIDE), border, value)


class Sampler:
    """Draws pictures of the input's size with their landmarks."""

    def __init__(self, beetles: list[Beetle], goal: Floats, order: NDArray[np.int64], seed: int):
        self.beetles, self.goal, self.order = beetles, goal, order
        self.grounds = [empty_ground(beetle) for beetle in beetles]
        self.random = np.random.default_rng(seed)
        self.queue: list[int] = []

    def batch(self, count: int) -> tuple[Tensor, Tensor]:
        pairs = [self.one() for _ in range(count)]
        images = torch.from_numpy(np.stack([image for image, _ in pairs]))[:, None]
        return images.float(), torch.from_numpy(np.stack([xy for _, xy in pairs])).float()

    def one(self) -> tuple[NDArray[np.float32], Floats]:
        random = self.random
        if not self.queue:
            self.queue = random.permutation(len(self.beetles)).tolist()
        beetle = self.beetles[self.queue.pop()]
        upright = random.random() < UPRIGHT
        matrix = self.pose(beetle, upright)
        image = self.picture(beetle, matrix)
        xy = apply(matrix, beetle.xy)
        if random.random() < 0.5:
            image = image[:, ::-1]
            xy = (np.array([SIDE, 0]) + xy * np.array([-1, 1]))[self.order]
        outside = ((xy <= 0) | (xy >= SIDE)).any(axis=1)
        xy[outside] = np.nan
        return self.seen(np.ascontiguousarray(image), xy, upright), xy

    def pose(self, beetle: Beetle, upright: bool) -> Floats:
        """The map from the photograph to the input."""
        random = self.random
        centre = np.nanmean(beetle.xy, axis=0)
        if upright:
            base = similarity(beetle.xy, self.goal)
            angle, zoom = random.normal(0, 5), math.exp(random.normal(0, 0.06))
            shift = random.normal(0, 0.02 * SIDE, 2)
            middle = apply(base, centre[None])[0]
        else:
            scale = SIDE / beetle.length
            base = np.array([[scale, 0.0, 0.0], [0.0, scale, 0.0]])
            angle = random.uniform(-180, 180)
            share = math.exp(random.uniform(math.log(SMALLEST), math.log(0.98)))
            zoom = share
            middle = apply(base, centre[None])[0]
            free = SIDE * max(0.04, 0.56 - 0.5 * share)
            shift = np.array([SIDE / 2, SIDE / 2]) + random.uniform(-free, free, 2) - middle
        stretch = math.exp(random.normal(0, 0.05))
        radians, tilt = math.radians(angle), random.uniform(0, math.pi)
        turn = np.array([[math.cos(radians), -math.sin(radians)],
                         [math.sin(radians), math.cos(radians)]])  # fmt: skip
        across = np.array([[math.cos(tilt), -math.sin(tilt)], [math.sin(tilt), math.cos(tilt)]])
        change = turn @ across @ np.diag([stretch, 1 / stretch]) @ across.T * zoom
        linear = change @ base[:, :2]
        moved = change @ (base[:, 2] - middle) + middle + shift
        return np.concatenate((linear, moved[:, None]), axis=1)

    def picture(self, beetle: Beetle, matrix: Floats) -> Image:
        random = self.random
        kind = random.random()
        border = cv2.BORDER_REPLICATE if random.random() < 0.65 else cv2.BORDER_CONSTANT
        value = float(random.choice([0.0, 255.0, random.uniform(0, 255)]))
        image = warped(beetle.levels, matrix, border, value)
        if kind < 0.6:
            return image
        alpha = warped(beetle.alphas, matrix, cv2.BORDER_CONSTANT) / 255.0
        ground = self.ground()
        mixed = image * alpha + ground * (1 - alpha)
        return np.asarray(mixed.clip(0, 255), np.uint8)

    def ground(self) -> NDArray[np.float32]:
        """Some other ground: that of another photograph, or paper, with labels or without."""
        random = self.random
        if random.random() < 0.6:
            source = self.grounds[int(random.integers(len(self.grounds)))]
            height, width = source.shape
            zoom = SIDE / min(height, width) * random.uniform(0.8, 2.5)
            angle = random.uniform(-180, 180)
            matrix = turned_about(width / 2, height / 2, angle, zoom)
            matrix[:, 2] += SIDE / 2 - np.array([width, height]) / 2
            return np.asarray(
                cv2.warpAffine(source, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT),
                np.float32,
            )
        level = random.uniform(60, 255) if random.random() < 0.85 else random.uniform(0, 60)
        coarse = random.normal(0, random.uniform(0, 18), (6, 6)).astype(np.float32)
        plain = level + cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        if random.random() < 0.5:
            self.label(plain)
        return np.asarray(plain, np.float32)

    def label(self, image: NDArray[np.float32]) -> None:
        """Draws a label of text, as lies under pinned beetles."""
        random = self.random
        card = np.full((SIDE, SIDE), int(random.uniform(180, 255)), np.uint8)
        size, ink = random.uniform(0.4, 1.6), int(random.uniform(0, 90))
        letters = np.array(list("ABCDEFGHIKLMNOPRSTUVWabcdeghiklmnoprstu0123456789.,: "))
        for row in np.arange(8, SIDE, 30 * size):
            text = "".join(random.choice(letters, int(26 / size)))
            cv2.putText(card, text, (4, int(row)), cv2.FONT_HERSHEY_SIMPLEX, size, ink,
                        max(1, round(2 * size)))  # fmt: skip
        matrix = turned_about(SIDE / 2, SIDE / 2, random.uniform(-180, 180), 1.0)
        matrix[:, 2] += random.uniform(-0.5, 0.5, 2) * SIDE
        inside = cv2.warpAffine(np.ones((SIDE, SIDE), np.float32), matrix, (SIDE, SIDE)) > 0.5
        image[inside] = cv2.warpAffine(card, matrix, (SIDE, SIDE))[inside]

    def seen(self, image: Image, xy: Floats, upright: bool) -> NDArray[np.float32]:
        """What covers the beetle, light, sharpness and noise."""
        random = self.random
        picture = image.astype(np.float32)
        length = body_length(xy) if np.isfinite(xy[:, 0]).sum() > 3 else SIDE / 2
        if random.random() < 0.35:
            self.pin(picture, xy, length)
        for _ in range(int(random.integers(0, 3)) if random.random() < 0.3 else 0):
            self.limb(picture, length)
        if random.random() < 0.15:
            self.patch(picture, length)
        gamma = math.exp(random.normal(0, 0.3))
        picture = 255 * np.power(picture.clip(0, 255) / 255, gamma)
        mean = picture.mean()
        picture = (picture - mean) * math.exp(random.normal(0, 0.3)) + mean + random.normal(0, 15)
        if random.random() < 0.5:
            coarse = random.normal(0, 22, (3, 3)).astype(np.float32)
            picture += cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        if random.random() < 0.04:
            picture = 255 - picture
        few = 0.15 if upright else 0.35
        if random.random() < few:  # a photograph with few pixels
            share = random.uniform(0.35, 0.9)
            small = cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
            picture = cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        elif random.random() < 0.4:
            blur = 1.2 if upright else 1.8
            picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.3, blur))
        picture = picture + random.normal(0, random.uniform(0, 8), picture.shape)
        return np.asarray(picture.clip(0, 255), np.float32)

    def pin(self, picture: NDArray[np.float32], xy: Floats, length: float) -> None:
        random = self.random
        known = xy[np.isfinite(xy[:, 0])]
        if len(known) < 3:
            return
        weights = random.dirichlet(np.ones(len(known)) * 0.5)
        x, y = weights @ known
        radius = length * random.uniform(0.025, 0.09)
        level = random.uniform(60, 240)
        if random.random() < 0.5:
            angle, reach = random.uniform(0, 2 * math.pi), length * random.uniform(0.05, 0.25)
            end = (int(x + reach * math.cos(angle)), int(y + reach * math.sin(angle)))
            cv2.line(picture, (int(x), int(y)), end, random.uniform(10, 120),
                     max(1, round(radius * 0.5)), cv2.LINE_AA)  # fmt: skip
        for step in range(4):
            share = 1 - step / 4.5
            centre = (int(x - radius * 0.1 * step), int(y - radius * 0.1 * step))
            cv2.circle(picture, centre, max(1, round(radius * share)),
                       min(255.0, level * (0.7 + 0.12 * step)), -1, cv2.LINE_AA)  # fmt: skip

    def limb(self, picture: NDArray[np.float32], length: float) -> None:
        random = self.random
        start = random.uniform(0, SIDE, 2)
        steps = random.normal(0, length * 0.2, (3, 2)).cumsum(axis=0)
        line = np.concatenate((start[None], start + steps)).astype(np.int32)
        width = max(1, round(length * random.uniform(0.008, 0.03)))
        cv2.polylines(picture, [line], False, random.uniform(0, 110), width, cv2.LINE_AA)

    def patch(self, picture: NDArray[np.float32], length: float) -> None:
        random = self.random
        size = length * random.uniform(0.08, 0.35, 2)
        box = (tuple(random.uniform(0, SIDE, 2)), tuple(size), random.uniform(0, 180))
        corners = cv2.boxPoints(box).astype(np.int32)
        cv2.fillConvexPoly(picture, corners, random.uniform(0, 255), cv2.LINE_AA)


def ahead(sampler: Sampler, batch: int, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches that a thread draws while the network learns from the one before."""
    drawn: queue.Queue[tuple[Tensor, Tensor]] = queue.Queue(3)

    def draw() -> None:
        for _ in range(steps):
            drawn.put(sampler.batch(batch))

    threading.Thread(target=draw, daemon=True).start()
    for _ in range(steps):
        yield drawn.get()


def both_stages(
    network: LandmarkNetwork, images: Tensor, xy: Tensor, picked: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The logits of both stages, those of the second for picked landmarks (N, k) alone.

    Returns the patches' centres (N, k, 2) as well.
    """
    whole = F.avg_pool2d(images, SHRUNK)
    level, contrast = exposure(whole)
    standard = ((whole - level) / contrast).contiguous(memory_format=torch.channels_last)
    features, first = network._coarse(standard)
    chosen = xy.gather(1, picked[..., None].expand(-1, -1, 2))
    off = (torch.rand_like(chosen) * 2 - 1) * (PATCH / 4)
    centres = torch.nan_to_num(chosen, nan=SIDE / 2) + off
    patches = (cut_patches(images, centres) - level[:, None]) / contrast[:, None]
    context = _sampled(
        network.context(features).float(), centres / (SHRUNK * STRIDE),
        _offsets(PATCH // (SHRUNK * STRIDE), centres),
    )  # fmt: skip
    flat = patches.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    fine = network.patch_stem(flat)
    x = F.relu(network.patch_down(fine) + _doubled(context.flatten(0, 1)))
    x = _doubled(network.patch_blocks(x))
    x = network.patch_up(torch.cat((x, fine), dim=1))
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
    looks = ((first, xy, SHRUNK * STRIDE), (second, chosen - centres + PATCH / 2, PATCH_STRIDE))
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
    with torch.inference_mode(), mixed_precision(torch.device("cpu")):
        batch = torch.from_numpy(np.stack(images))[:, None]
        found = [network.locate(part) for part in torch.split(batch, 15)]  # type: ignore[operator]
    xy, spread = (torch.cat(values).double().numpy() for values in zip(*found, strict=True))
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
    steps, batch = recipe.steps_per_epoch, recipe.batch_size
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(network).eval()
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    sampler = Sampler(task.training, task.goal, np.array(task.spec.mirror_order), task.seed)
    begin, losses = time.perf_counter(), list[float]()
    for step, (images, xy) in enumerate(ahead(sampler, batch, steps), start=1):
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate * warm_up_cosine(step - 1, steps)
        network.train()
        loss = loss_of(network, images, xy, recipe, task.picked)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        losses.append(float(loss.detach()))
        follow(average, network, min(recipe.averaging, step / (step + 10)))
        if step % task.every == 0 or step == steps:
            said = f"{step:5d} {time.perf_counter() - begin:6.0f} s  loss {np.mean(losses):.3f}"
            losses.clear()
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
    parser.add_argument("--every", type=int, default=200)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    options.output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    beetles = read_beetles(options.data, options.tps)
    kept = {options.fold % 5} if options.fold else set()
    training = [b for b in beetles if number_of(b.name) % 5 not in kept]
    base = load_recipe("compact")
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
        options.every, options.seed,
    )  # fmt: skip
    print(f"{len(training)} train, {len(task.validation)} validate", flush=True)
    network = NETWORKS[recipe.network](len(task.spec), 1)
    if options.init:
        start(network, options.init)
    network.expect(task.shapes, recipe.to_dict())
    average = fit(network, task, options.output)
    weights = {name: tensor.clone() for name, tensor in average.state_dict().items()}
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
        tensors = torch.load(path, weights_only=True)
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
