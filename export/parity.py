"""The gate of every export: the file must give the landmarks of the network it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from beetle_lm.errors import Hint, ParityError
from beetle_lm.export.to_onnx import Storage
from beetle_lm.predict.images.read import read_image
from beetle_lm.predict.session import Session
from beetle_lm.predict.views.placement import Placement
from beetle_lm.text import counted
from beetle_lm.train.engine.checkpoint import Checkpoint
from beetle_lm.train.methods import recipe_of, trained_network

LIMIT_PX = 0.02
"""Greatest difference allowed between a file and its network, in pixels of the model's input."""

INT8_LIMIT_PX = 0.25
"""The same for a file with layers in 8 bit."""


@dataclass(frozen=True)
class ParityReport:
    """How far a file's landmarks are from those of its network.

    Args:
        photographs: how many were compared.
        max_px: greatest difference of a coordinate, in pixels of the model's input.
    """

    photographs: int
    max_px: float

    def __str__(self) -> str:
        return f"max {self.max_px:.4f} px over {counted(self.photographs, 'photograph')}"


def check_parity(
    model: Path,
    checkpoint: Checkpoint,
    photographs: Sequence[Path],
    storage: Storage = "float32",
) -> ParityReport:
    """Compares an ONNX file with the network on real photographs, on the CPU.

    Args:
        model: the ONNX file.
        checkpoint: what it was made from.
        photographs: any number of image files, at least one.
        storage: how the file's weights are stored.

    Raises:
        ParityError: there is no photograph, or the difference is more than `LIMIT_PX`, or than
            `INT8_LIMIT_PX` where layers are in 8 bit.
    """
    if not photographs:
        raise ParityError(
            "the export is checked on photographs and there are none", Hint.CHECKED_ON_PHOTOGRAPHS
        )
    images = np.stack([_input(path, checkpoint) for path in photographs])
    with torch.inference_mode():
        wanted = trained_network(checkpoint).locate(torch.from_numpy(images))
    found = Session.open(model, device="cpu").run(images)
    pairs = (found.xy, wanted.xy), (found.semilandmarks, wanted.semilandmarks)
    off = [float(np.abs(ours - theirs.numpy()).max()) for ours, theirs in pairs if ours.size]
    report = ParityReport(len(photographs), max(off))
    limit = INT8_LIMIT_PX if storage == "int8" else LIMIT_PX
    if not report.max_px <= limit:
        raise ParityError(
            f"the exported file differs from the network by {report.max_px:.3f} px (at most"
            f" {limit} px is allowed); nothing was written"
        )
    return report


def _input(path: Path, checkpoint: Checkpoint) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    picture = read_image(path, recipe_of(checkpoint).channels, at_least=checkpoint.input_size)
    placement = Placement.fit(picture.frame, checkpoint.input_size, checkpoint.fit)
    return np.atleast_3d(placement.render(picture)).transpose(2, 0, 1)
