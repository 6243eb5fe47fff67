"""What fresh networks of the default kind have learned before: all layers but the heads.

The trunk was taught by ImageNet, and all of it by whole ground beetles (`body.md`).
"""

from __future__ import annotations

from importlib import resources

from safetensors.torch import load
from torch import Tensor

_FILE = "body.safetensors"
_STEM = "trunk.stem.0.weight"


def learned_weights(channels: int) -> dict[str, Tensor]:
    """Weights by their names in the network, batch normalisation's counters left out.

    Args:
        channels: of the images: 3, or 1 for grey ones, whose grey counts as all three.
    """
    file = resources.files("beetle_lm.train.heatmap").joinpath(_FILE)
    weights = {name: tensor.float() for name, tensor in load(file.read_bytes()).items()}
    if channels == 1:
        weights[_STEM] = weights[_STEM].sum(dim=1, keepdim=True)
    return weights
