"""Training time of plain 3 x 3 residual blocks against inverted residuals with depthwise ones.

    python bench/blocks.py

Prints milliseconds of a training step (16 grey images of 256 x 192, two threads) for coarse stages
of about the same number of weights in the shape of `compact`, and the ratio of the two.
"""

from __future__ import annotations

import statistics
import time

import torch
from torch import Tensor, nn

from beetle_lm.train.engine.device import mixed_precision
from beetle_lm.train.heatmap import networks


class InvertedResidual(nn.Module):
    def __init__(self, width: int, expansion: int = 4) -> None:
        super().__init__()
        inner = width * expansion
        self.layers = nn.Sequential(
            nn.Conv2d(width, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, inner, 3, 1, 1, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.layers(x)
        return x + added


class Depthwise(networks.Plain):
    depths = (1, 2, 3, 4)
    block = InvertedResidual


def step_ms(network: networks.LandmarkNetwork, runs: int = 9) -> float:
    network = network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's
    images = torch.rand(16, 1, 192, 256).contiguous(memory_format=torch.channels_last)
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        with mixed_precision(torch.device("cpu")):
            _, output = network._coarse(images)
        output.float().square().mean().backward()  # type: ignore[no-untyped-call]  # torch's
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times[2:])


def main() -> None:
    torch.set_num_threads(2)
    plain, depthwise = networks.Plain(11, 1), Depthwise(11, 1)
    results = {}
    for name, network in (("plain 3 x 3", plain), ("inverted residual", depthwise)):
        weights = sum(parameter.numel() for parameter in network.parameters())
        results[name] = step_ms(network)
        print(f"{name}: {weights / 1e6:.2f} M weights, {results[name]:.0f} ms")
    print(f"ratio {results['inverted residual'] / results['plain 3 x 3']:.1f}")


if __name__ == "__main__":
    main()
