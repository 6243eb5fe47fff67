"""Checkpoints: weights with everything needed to use them, in safetensors files (no pickle)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from beetle_lm.entries import Range, load, parse_json
from beetle_lm.errors import CheckpointError, Hint, OutputError
from beetle_lm.files import replacing
from beetle_lm.train.engine.assessment import Assessment
from beetle_lm.train.engine.locator import Locator
from beetle_lm.zoo.model_file.card import Fit
from beetle_lm.zoo.model_file.parts import PartSpec
from beetle_lm.zoo.model_file.shape_space import ShapeSpace

WEIGHTS, LAST = "weights.safetensors", "last.safetensors"
"""File names in a run folder: the weights of a finished run, and the state to go on from."""

_KEY = "beetle_lm"


@dataclass(frozen=True)
class Checkpoint:
    """A network's weights and what they belong to.

    Args:
        tensors: the weights by name; in `last.safetensors` the optimiser's state as well.
        recipe: how the network was trained, as a table; its entry `network` names the network.
        spec: the part.
        input_width: width of the network's input in pixels.
        input_height: height of the network's input in pixels.
        fit: how photographs are fitted into the input.
        seed: of the training.
        epoch: number of epochs trained.
        validation_px: mean landmark error on the validation photographs, in input pixels; NaN
            where there were none.
        shapes: of the specimens that it is trained on; None where there are too few.
        assessment: how its landmarks are judged; None until the training is finished.
    """

    tensors: dict[str, Tensor]
    recipe: dict[str, Any]
    spec: PartSpec
    input_width: Annotated[int, Range(1)]
    input_height: Annotated[int, Range(1)]
    fit: Fit
    seed: Annotated[int, Range(0)]
    epoch: Annotated[int, Range(0)]
    validation_px: Annotated[float, Range(0, nan=True)]
    shapes: ShapeSpace | None = None
    assessment: Assessment | None = None

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the network's input, in pixels."""
        return self.input_width, self.input_height

    def restored(self, network: Locator) -> Locator:
        """A network with these weights, knowing what shapes are likely, ready to predict.

        Args:
            network: fresh, of the kind that the recipe names; it is changed.

        Raises:
            CheckpointError: the weights are those of another network.
        """
        try:
            network.load_state_dict(self.tensors)
        except RuntimeError as error:
            raise CheckpointError(
                f"the weights do not fit the network '{self.recipe['network']}': {error}"
            ) from error
        network.expect(self.shapes, self.recipe)
        return network.eval()


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint; the file is replaced whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    config = {name: value for name, value in vars(checkpoint).items() if name != "tensors"}
    config["spec"] = checkpoint.spec.to_dict()
    for name in ("shapes", "assessment"):
        if config[name] is not None:
            config[name] = asdict(config[name])
    tensors = {name: tensor.contiguous().cpu() for name, tensor in checkpoint.tensors.items()}
    try:
        with replacing(path) as unfinished:
            save_file(tensors, unfinished, metadata={_KEY: json.dumps(config)})
    except (SafetensorError, OSError) as error:
        raise OutputError(f"{path} cannot be written: {error}", Hint.RESUME) from error


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads a checkpoint, or that of a finished run folder.

    Raises:
        CheckpointError: there is none, or it is damaged or of another program.
    """
    if path.is_dir():
        if not (path / WEIGHTS).is_file():
            runs = sorted(
                child.name for child in path.glob("fold-*") if (child / WEIGHTS).is_file()
            )
            hint = (
                f"; it holds the folds of a cross-validation, give one: {runs[0]}" if runs else ""
            )
            raise CheckpointError(
                f"{path} has no {WEIGHTS}: it is not a finished training run{hint}"
            )
        path = path / WEIGHTS
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint {path}")
    wrong = f"{path} is not a checkpoint of beetle-lm, or damaged"
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {})[_KEY]
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError) as error:
        raise CheckpointError(wrong) from error
    config = parse_json(text, wrong, CheckpointError)
    if isinstance(config, dict):
        config |= {"tensors": tensors}
    return load(Checkpoint, config, wrong, CheckpointError)
