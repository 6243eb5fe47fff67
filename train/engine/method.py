"""What a method of training is: its recipes, its networks and its trainer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from beetle_lm.predict.landmarks import Floats
from beetle_lm.train.data.dataset import Specimen
from beetle_lm.train.engine.checkpoint import Checkpoint
from beetle_lm.train.engine.locator import Locator
from beetle_lm.train.engine.log import EpochLog
from beetle_lm.train.engine.recipe import Recipe
from beetle_lm.zoo.model_file.parts import PartSpec

R = TypeVar("R", bound=Recipe)

_SECOND = 1.0

Metrics = dict[str, Any]
"""What was measured, for `metrics.json`."""


@dataclass(frozen=True, eq=False)
class Task:
    """What a trainer is given beside its recipe.

    Args:
        run: the run folder, which is there; with the last state of an earlier call that was
            stopped, the trainer goes on from that.
        spec: the part.
        training: the photographs to train on.
        validation: those that are only measured after every epoch; may be empty.
        shapes: (M, K, 2) landmarks of specimens without photographs, in units and at places of
            their own, y down, NaN where missing.
        weights: of another network, by their names, to start from; empty for fresh ones.
        seed: of everything random.
        device: where to train.
        report: called after every epoch.
        stepped: called every now and then with the number of epochs that are done, also in part.
    """

    run: Path
    spec: PartSpec
    training: Sequence[Specimen]
    validation: Sequence[Specimen]
    shapes: Floats
    weights: Mapping[str, Tensor]
    seed: int
    device: torch.device
    report: Callable[[EpochLog], None]
    stepped: Callable[[float], None] = lambda _: None


class Steps:
    """Tells about once a second how far a training is.

    Args:
        stepped: is told the number of epochs that are done, also in part.
        device: where the training runs.
        epochs: how many were done before.
    """

    def __init__(self, stepped: Callable[[float], None], device: torch.device, epochs: int) -> None:
        self._stepped, self._device = stepped, device
        self._told = time.monotonic()
        stepped(float(epochs))

    def done(self, epoch: int, share: float) -> None:
        """A step is done.

        Args:
            epoch: the number of the epoch, from 1.
            share: of its steps that are done.
        """
        if share >= 1 or time.monotonic() - self._told < _SECOND:
            return
        if self._device.type == "cuda":  # which is given its steps long before it does them
            torch.cuda.synchronize(self._device)
        self._told = time.monotonic()
        self._stepped(epoch - 1 + share)


@dataclass(frozen=True, eq=False)
class Method(Generic[R]):
    """A method of training.

    Args:
        recipe: the class of its recipes.
        networks: what it trains, by name: each is called with the number of landmarks and of
            channels, and has fresh weights then; where its recipe learns curves with those of the
            part, too.
        train: its trainer. It writes `weights.safetensors`, `log.csv` and `losses.png` into the run
            folder, and gives the finished checkpoint and what was measured: at least `epoch`,
            `input` (width and height), `training` and `validation` with their `photographs`.
    """

    recipe: type[R]
    networks: Mapping[str, Callable[..., Locator]]
    train: Callable[[R, Task], tuple[Checkpoint, Metrics]]
