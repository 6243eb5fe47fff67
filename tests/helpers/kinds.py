"""What the fixtures that several tests use are to a type checker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Finished:
    """What a command said. `err` holds the warnings too."""

    code: int
    out: str
    err: str


Command = Callable[..., Finished]
Draw = Callable[..., NDArray[np.uint8]]
WriteModel = Callable[..., Path]
