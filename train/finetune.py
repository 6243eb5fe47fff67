"""Starting from the weights of another training."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from torch import Tensor

from beetle_lm.train.checkpoint import Checkpoint
from beetle_lm.train.networks import build_network


@dataclass(frozen=True)
class Transfer:
    """What was taken over from a checkpoint.

    Args:
        loaded: names of the tensors that were.
        fresh: names of those that start anew, because the checkpoint has none of that name and
            shape.
    """

    loaded: tuple[str, ...]
    fresh: tuple[str, ...]


def start_from(start: Checkpoint, source: Checkpoint) -> tuple[Checkpoint, Transfer]:
    """A checkpoint at epoch 0 with all weights of another that fit by name and shape.

    Args:
        start: the configuration to train.
        source: the weights to take over, of any part.
    """
    network = build_network(start.recipe.network, len(start.spec), start.recipe.channels)
    tensors: dict[str, Tensor] = dict(network.state_dict())
    loaded = [
        name
        for name, tensor in tensors.items()
        if name in source.tensors and source.tensors[name].shape == tensor.shape
    ]
    fresh = [name for name in tensors if name not in set(loaded)]
    tensors |= {name: source.tensors[name] for name in loaded}
    return dataclasses.replace(start, tensors=tensors), Transfer(tuple(loaded), tuple(fresh))
