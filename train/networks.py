"""The networks: photographs in, one heat map per landmark out."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from beetle_lm.errors import RecipeError

HEAD = "head"
"""The layer of every network that knows the landmarks: all before it serves any part."""


class LandmarkNetwork(nn.Module):
    """A network that gives one heat map per landmark.

    `forward` takes images (N, C, H, W) of grey levels from 0 to 255 in any number type, H and W
    multiples of `multiple`, and returns logits (N, K, H / stride, W / stride). The centre of heat
    map cell (i, j) lies at ((j + 0.5) * stride, (i + 0.5) * stride) in input pixels.
    """

    stride: int
    multiple: int

    def __init__(self, landmarks: int, channels: int) -> None:
        super().__init__()

    def locate(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images as `forward` takes them to landmarks (N, K, 2) and spreads (N, K); see `decode`.

        All that places landmarks goes through here: validation, prediction, the exported file.
        """
        return decode(self(images), self.stride)


def standardised(images: Tensor) -> Tensor:
    """Images (N, C, H, W) of 0 to 255 with mean 0 and variance 1 each, whatever the exposure."""
    images = images.float() / 255.0
    centred = images - images.mean(dim=(1, 2, 3), keepdim=True)
    spread = centred.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return centred / (spread + 0.02)


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to the same."""
        return F.relu(x + self.second(self.first(x)))


class Compact(LandmarkNetwork):
    """Residual stages from stride 4 to stride 32 and a top-down path back to stride 4.

    Plain 3 x 3 convolutions, because they train twice as fast on a CPU as inverted residuals of
    about the same number of weights (`bench/blocks.py`).
    """

    stride = 4
    multiple = 32
    widths: tuple[int, ...] = (32, 48, 64, 96)
    depths: tuple[int, ...] = (1, 1, 2, 2)
    top_down = 48
    block: type[nn.Module] = _Residual

    def __init__(self, landmarks: int, channels: int) -> None:
        super().__init__(landmarks, channels)
        self.stem = nn.Sequential(
            _convolution(channels, 16, stride=2), _convolution(16, self.widths[0], stride=2)
        )
        stages: list[nn.Module] = []
        inputs = self.widths[0]
        for index, (width, depth) in enumerate(zip(self.widths, self.depths, strict=True)):
            down = [] if index == 0 else [_convolution(inputs, width, stride=2)]
            stages.append(nn.Sequential(*down, *(self.block(width) for _ in range(depth))))
            inputs = width
        self.stages = nn.ModuleList(stages)
        self.lateral = nn.ModuleList(nn.Conv2d(width, self.top_down, 1) for width in self.widths)
        self.smooth = nn.ModuleList(self.block(self.top_down) for _ in self.widths)
        self.head = nn.Conv2d(self.top_down, landmarks, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) of 0 to 255 to logits (N, K, H / 4, W / 4)."""
        x = self.stem(standardised(images))
        levels = []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        merged = self.smooth[-1](self.lateral[-1](levels[-1]))
        for level in range(len(levels) - 2, -1, -1):
            merged = F.interpolate(merged, scale_factor=2.0, mode="bilinear", align_corners=False)
            merged = self.smooth[level](merged + self.lateral[level](levels[level]))
        logits: Tensor = self.head(merged)
        return logits


class Nano(Compact):
    """`Compact` at half its width: a third of the time, a quarter of the weights."""

    widths = (16, 24, 32, 48)
    top_down = 24


def decode(logits: Tensor, stride: int, radius: float = 3.0) -> tuple[Tensor, Tensor]:
    """Heat maps to landmarks: the mean position of the probability around its highest peak.

    Args:
        logits: (N, K, h, w).
        stride: input pixels per heat map cell.
        radius: of the square around the peak that is averaged, in cells.

    Returns:
        Landmarks (N, K, 2), x and y in input pixels, and spreads (N, K), in input pixels too: the
        mean distance from the landmark over all of its heat map's probability.
    """
    height, width = logits.shape[2:]
    probability = logits.float().flatten(2).softmax(dim=2)
    xs = torch.arange(width, device=logits.device, dtype=torch.float32).repeat(height)
    ys = torch.arange(height, device=logits.device, dtype=torch.float32).repeat_interleave(width)
    peak = probability.argmax(dim=2, keepdim=True)
    peak_y = torch.div(peak, width, rounding_mode="floor").float()
    peak_x = peak.float() - peak_y * width
    near = ((xs - peak_x).abs() <= radius) & ((ys - peak_y).abs() <= radius)
    local = probability * near
    share = local.sum(dim=2)
    x = (local * xs).sum(dim=2) / share
    y = (local * ys).sum(dim=2) / share
    distance = ((xs - x[..., None]).square() + (ys - y[..., None]).square()).sqrt()
    spread = (probability * distance).sum(dim=2)
    return (torch.stack((x, y), dim=2) + 0.5) * stride, spread * stride


NETWORKS: dict[str, type[LandmarkNetwork]] = {"compact": Compact, "nano": Nano}


def build_network(name: str, landmarks: int, channels: int) -> LandmarkNetwork:
    """A network with fresh weights.

    Raises:
        RecipeError: there is no network of that name.
    """
    if name not in NETWORKS:
        raise RecipeError(f"unknown network '{name}'; there are: {', '.join(sorted(NETWORKS))}")
    return NETWORKS[name](landmarks, channels)
