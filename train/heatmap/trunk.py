"""Features that were learned from photographs of everything: EfficientNet-Lite0 up to stride 16."""

from __future__ import annotations

from importlib import resources

from safetensors.torch import load
from torch import Tensor, nn

LEVELS = (16, 24, 40, 112)
"""Channels of the features at strides 2, 4, 8 and 16."""

_BLOCKS = (
    # channels in and out, expansion, kernel, stride
    (32, 16, 1, 3, 1),
    (16, 24, 6, 3, 2),
    (24, 24, 6, 3, 1),
    (24, 40, 6, 5, 2),
    (40, 40, 6, 5, 1),
    (40, 80, 6, 3, 2),
    (80, 80, 6, 3, 1),
    (80, 80, 6, 3, 1),
    (80, 112, 6, 5, 1),
    (112, 112, 6, 5, 1),
    (112, 112, 6, 5, 1),
)
_LAST_OF_LEVEL = (0, 2, 4, 10)
_FIXED = 5  # blocks that stay as they are: those up to stride 8
_EPS = 1e-3
_STEM = 32
_WEIGHTS = "trunk.safetensors"


class Trunk(nn.Module):
    """The first eleven blocks of EfficientNet-Lite0 with the weights that it has from ImageNet.

    The first five stay as they are, and so do the filters of all depthwise convolutions, whose
    gradients take longer than all others together; how the channels are mixed goes on learning.
    The weights come with the package (`bench/cut_trunk.py`).

    The architecture: Tan and Le 2019 (EfficientNet), Sandler et al. 2018 (its blocks); Lite0: the
    same without squeeze and excitation, and with ReLU6.

    Args:
        channels: of the images: 3, or 1 for grey ones, whose grey counts as all three.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem = _convolution(channels, _STEM, 3, stride=2, fixed=True)
        self.blocks = nn.ModuleList(
            InvertedResidual(*block, fixed=index < _FIXED) for index, block in enumerate(_BLOCKS)
        )
        weights = _learned_weights()
        stem = weights["stem.0.weight"]
        if channels == 1:
            weights["stem.0.weight"] = stem.sum(dim=1, keepdim=True)
        # But for the number of batches seen; `assign`: also where only shapes are asked for.
        self.load_state_dict(weights, strict=False, assign=True)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Standardised images (N, C, H, W) to features of all `LEVELS`, the finest first."""
        return self._run(images, len(_BLOCKS))

    def first_levels(self, images: Tensor) -> list[Tensor]:
        """The features at strides 2, 4 and 8 alone, whose layers stay as they are."""
        return self._run(images, _FIXED)

    def _run(self, images: Tensor, count: int) -> list[Tensor]:
        x = self.stem(images)
        levels = []
        for index, block in enumerate(self.blocks[:count]):
            x = block(x)
            if index in _LAST_OF_LEVEL:
                levels.append(x)
        return levels


class InvertedResidual(nn.Module):
    """A wide depthwise convolution between two narrow layers (Sandler et al. 2018).

    Args:
        inputs: channels in.
        outputs: channels out.
        expansion: how many times as wide the convolution is.
        kernel: its side.
        stride: its stride.
        fixed: nothing of it learns.
    """

    def __init__(
        self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int, *, fixed: bool
    ) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = nn.Identity() if wide == inputs else _convolution(inputs, wide, fixed=fixed)
        self.depthwise = _convolution(wide, wide, kernel, stride, groups=wide, fixed=fixed)
        self.depthwise[0].requires_grad_(False)
        self.project = _convolution(wide, outputs, fixed=fixed, bounded=False)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.adds else y


def _convolution(
    inputs: int,
    outputs: int,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    *,
    fixed: bool,
    bounded: bool = True,
) -> nn.Sequential:
    """A convolution with batch normalisation, which is in its weights where these are fixed."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=fixed)
    ]
    if fixed:
        layers[0].requires_grad_(False)
    else:
        layers.append(nn.BatchNorm2d(outputs, eps=_EPS))
    if bounded:
        layers.append(nn.ReLU6(inplace=True))
    return nn.Sequential(*layers)


def _learned_weights() -> dict[str, Tensor]:
    file = resources.files("beetle_lm.train.heatmap").joinpath(_WEIGHTS)
    return {name: tensor.float() for name, tensor in load(file.read_bytes()).items()}
