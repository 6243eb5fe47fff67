"""The paper's third network as a model file, with random weights: it serves for speed alone."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from beetle_lm.export.to_onnx import Storage, make_card, to_onnx
from beetle_lm.train.engine.assessment import Assessment
from beetle_lm.train.engine.calibration import DEFAULT
from beetle_lm.train.engine.checkpoint import Checkpoint
from beetle_lm.train.methods import build_network, load_recipe
from beetle_lm.train.paper.networks import PAPER_INPUT
from beetle_lm.zoo.model_file.parts import PARTS
from beetle_lm.zoo.model_file.shape_space import Limits

STORAGES: dict[Storage, str] = {"float32": "float32", "float16": "fp16 weights", "int8": "int8"}


def random_checkpoint() -> Checkpoint:
    """`paper-3` for the pronotum as it is before any training, always with the same weights."""
    torch.manual_seed(0)
    recipe = load_recipe("paper-scratch")
    return Checkpoint(
        tensors=build_network(recipe.network, len(PARTS["pronotum"]), recipe.channels).state_dict(),
        recipe=recipe.to_dict(),
        spec=PARTS["pronotum"],
        input_width=PAPER_INPUT[0],
        input_height=PAPER_INPUT[1],
        fit="stretch",
        seed=0,
        epoch=0,
        validation_px=math.nan,
        assessment=Assessment(DEFAULT, Limits(1e3, 1e3, (-180.0, 180.0), (0.0, 100.0))),
    )


def write_model(checkpoint: Checkpoint, storage: Storage, path: Path) -> None:
    """Writes the model file that `beetle-lm export` would write, but for the comparison."""
    card = make_card(checkpoint, "0", (), "random weights", "not stated")
    to_onnx(checkpoint, card, path, storage)
