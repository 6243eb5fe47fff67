"""Reads a network's weights back out of a model file, so that training can start from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import numpy_helper
from torch import Tensor

from beetle_lm.errors import CheckpointError

NETWORK = "network."
"""The prefix of the names of the network's tensors in a model file."""

_PRIOR = NETWORK + "prior."  # learned from shapes, not weights: no training takes it over

HALF = ".half"
"""The suffix of the name of a tensor that is stored in 16 bit."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """The network's tensors in a model file, by their names in the network, as float32.

    The number of batches that batch normalisation counts, and nothing reads, is not among them.

    Raises:
        CheckpointError: the file is damaged.
    """
    weights = {}
    try:
        model = onnx.load(path, load_external_data=False)
        for stored in model.graph.initializer:
            if not stored.name.startswith(NETWORK) or stored.name.startswith(_PRIOR):
                continue
            name = stored.name.removeprefix(NETWORK).removesuffix(HALF)
            if stored.data_location != onnx.TensorProto.EXTERNAL:
                weights[name] = torch.from_numpy(numpy_helper.to_array(stored).astype(np.float32))
    except (DecodeError, OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged: its weights cannot be read") from error
    return weights
