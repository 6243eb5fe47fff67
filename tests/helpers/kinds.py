"""What the fixtures that several tests use are to a type checker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Finished:
    """What a command said. `err` holds the warnings too."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Pretrained:
    """A run on four corners with its model files, and photographs with three of the corners."""

    data: tuple[Path, Path]
    three: tuple[Path, Path]
    run: Path
    full: Path
    half: Path


@dataclass(frozen=True)
class Exported:
    """The model files of one network, and what the export of the first said."""

    full: Path
    half: Path
    said: str


class FineTune(Protocol):
    """Trains from another network; `changes` are those of the recipe."""

    def __call__(
        self,
        source: str | Path,
        *options: object,
        data: tuple[Path, Path] = ...,
        part: str = ...,
        **changes: object,
    ) -> Finished: ...


Command = Callable[..., Finished]
Draw = Callable[..., NDArray[np.uint8]]
WriteFile = Callable[[str | bytes], Path]
WriteModel = Callable[..., Path]

TrainArguments = tuple[str, Path, Path, *tuple[object, ...]]
"""The word `train`, the photographs, their landmarks, and options."""
