"""Pictures of whole ground beetles to learn from: photographs with landmarks and masks, varied.

Half of the pictures show beetles in any pose, as the finder's first stage sees them, the other half
upright and at one size, as its second stage sees them once the first has turned the photograph.
Beetles are put on other grounds, and pins, legs and labels cover them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from beetle_lm.predict.formats.tps import read_tps
from beetle_lm.predict.views.placement import Halved

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]

SIDE = 320  # of the square input, in pixels
LENGTH = 0.88  # of an upright beetle, as a share of the input's side
UPRIGHT = 0.55  # share of the pictures that are as the second pass sees them
SMALLEST = 0.28  # the least length of a beetle in any pose, as a share of the input's side
FRONT, APEX = 0, 20  # landmarks that a beetle's length is measured between


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
    """Draws pictures of the input's size with their landmarks, before what light does to them."""

    def __init__(
        self,
        beetles: list[Beetle],
        grounds: list[Image],
        goal: Floats,
        order: NDArray[np.int64],
        seed: int,
    ):
        self.beetles, self.grounds, self.goal, self.order = beetles, grounds, goal, order
        self.random = np.random.default_rng(seed)
        self.queue: list[int] = []

    def one(self) -> tuple[Image, Floats]:
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

    def seen(self, image: Image, xy: Floats, upright: bool) -> Image:
        """What covers the beetle, and how sharp the photograph is."""
        random = self.random
        picture: NDArray[Any] = image.astype(np.float32)
        length = body_length(xy) if np.isfinite(xy[:, 0]).sum() > 3 else SIDE / 2
        if random.random() < 0.35:
            self.pin(picture, xy, length)
        for _ in range(int(random.integers(0, 3)) if random.random() < 0.3 else 0):
            self.limb(picture, length)
        if random.random() < 0.15:
            self.patch(picture, length)
        few = 0.15 if upright else 0.35
        if random.random() < few:  # a photograph with few pixels
            share = random.uniform(0.35, 0.9)
            small = cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
            picture = cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        elif random.random() < 0.4:
            blur = 1.2 if upright else 1.8
            picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.3, blur))
        return np.asarray(picture.clip(0, 255), np.uint8)

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


class Pictures(IterableDataset[tuple[Tensor, Tensor]]):
    """Endless pictures (1, SIDE, SIDE) uint8 with their landmarks (24, 2), for `DataLoader`."""

    def __init__(
        self, beetles: list[Beetle], goal: Floats, order: tuple[int, ...], seed: int
    ) -> None:
        super().__init__()
        self.beetles, self.goal, self.order, self.seed = beetles, goal, np.array(order), seed
        self.grounds = [empty_ground(beetle) for beetle in beetles]

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = get_worker_info()
        cv2.setNumThreads(1)
        seed = self.seed * 1000 + (worker.id if worker else 0)
        sampler = Sampler(self.beetles, self.grounds, self.goal, self.order, seed)
        while True:
            image, xy = sampler.one()
            yield torch.from_numpy(image)[None], torch.from_numpy(xy).float()


def batches(
    pictures: Pictures, size: int, workers: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches on the device, as photographs in all kinds of light: images and landmarks."""
    loader = DataLoader(
        pictures, size, num_workers=workers, prefetch_factor=4, pin_memory=device.type == "cuda"
    )
    for images, xy in loader:
        moved = images.to(device, non_blocking=True)
        yield in_some_light(moved), xy.to(device, non_blocking=True)


def in_some_light(images: Tensor) -> Tensor:
    """Images (N, 1, H, W) of 0 to 255 with another gamma, contrast, light and noise, as floats."""
    count, device = len(images), images.device

    def normal(mean: float, deviation: float) -> Tensor:
        return torch.randn(count, 1, 1, 1, device=device) * deviation + mean

    def chance(share: float) -> Tensor:
        return torch.rand(count, 1, 1, 1, device=device) < share

    picture = 255 * (images.float() / 255).pow(normal(0, 0.3).exp())
    mean = picture.mean(dim=(1, 2, 3), keepdim=True)
    picture = (picture - mean) * normal(0, 0.3).exp() + mean + normal(0, 15)
    coarse = torch.randn(count, 1, 3, 3, device=device) * 22 * chance(0.5)
    light = F.interpolate(coarse, images.shape[2:], mode="bicubic", align_corners=False)
    picture = picture + light
    picture = torch.where(chance(0.04), 255 - picture, picture)
    noise = torch.randn_like(picture) * torch.rand(count, 1, 1, 1, device=device) * 8
    return (picture + noise).clamp(0, 255)
