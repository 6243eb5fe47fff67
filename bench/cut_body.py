"""Makes `train/heatmap/body.safetensors`, the weights that default networks start from.

    python bench/cut_trunk.py efficientnet-lite0-57934424.pth trunk.safetensors
    python bench/whole_beetles_train.py DATA carabid.tps -o runs/body-1 --fold 1 \\
        --network pretrained --trunk trunk.safetensors --steps 2400
    python bench/whole_beetles_train.py DATA carabid.tps -o runs/body --fold 0 \\
        --network pretrained --init runs/body-1/last.pt --steps 5000
    python bench/cut_body.py runs/body/last.pt trunk.safetensors train/heatmap/body.safetensors

The network of whole ground beetles in 16 bit, without its heads and with the stem in colour, which
does not learn. Where DATA and `carabid.tps` come from stands in `whole_beetles_train.py`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("trunk", type=Path)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    given: dict[str, Tensor] = torch.load(arguments.weights, map_location="cpu", weights_only=True)
    given["trunk.stem.0.weight"] = load_file(arguments.trunk)["stem.0.weight"]
    body = {
        name: tensor.half().contiguous()
        for name, tensor in given.items()
        if not name.startswith("head.") and not name.endswith("num_batches_tracked")
    }
    save_file(body, arguments.output)
    print(f"{sum(tensor.numel() for tensor in body.values())} weights in {arguments.output}")


if __name__ == "__main__":
    main()
