"""What the program hands to commands that lie below what they end with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Above:
    """Functions of higher pieces, given to commands of lower ones as `typer.Context.obj`.

    Args:
        model_of_run: makes the model file of a finished training run, and says in words what it
            wrote: with it `train` ends, though `export` lies above it.
        page_of_model: the files of a page that shows a model, by their paths, from the name that it
            gives the model, the model's file, and a folder of what it takes from others: with it
            `zoo push` makes a Space, though `web` lies above it.
    """

    model_of_run: Callable[[Path, Path], str]
    page_of_model: Callable[[str, Path, Path | None], Mapping[str, bytes]]
