"""The networks: photographs in, a coarse and a fine heat map of every landmark out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from beetle_lm.train.engine.locator import Located, Locator
from beetle_lm.train.heatmap.bands import REACH
from beetle_lm.train.heatmap.curve_stage import CurveStage
from beetle_lm.train.heatmap.heat_maps import covariance, mean, peak, spread, spread_beyond
from beetle_lm.train.heatmap.layers import Residual, convolution, doubled, squares
from beetle_lm.train.heatmap.shape_prior import ShapePrior
from beetle_lm.train.heatmap.trunk import LEVELS, Trunk
from beetle_lm.zoo.model_file.parts import Curve
from beetle_lm.zoo.model_file.shape_space import ShapeSpace

STRIDE = 8
"""Pixels of the input per cell of the coarse stage's heat maps, and of the features that both
stages share."""

MULTIPLE = 64
"""What the width and height of the input must be multiples of."""

PATCH = 64
"""Width and height of the fine stage's patches, in pixels of the input."""

PATCH_STRIDE = 2
"""Pixels of the input per cell of a patch's heat map."""


def exposure(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and contrast (N, 1, 1, 1) of images (N, C, H, W), by which they are standardised."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    spread = (images - mean).square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return mean, spread + 5.0


class LandmarkNetwork(Locator):
    """A network of two stages: a coarse one over the whole image, a fine one around each landmark.

    The coarse stage sees the image shrunk: features at several strides, which a kind of network of
    its own makes, and a top-down path through them (a feature pyramid). The fine stage sees a patch
    of the input itself around each landmark, together with the coarse stage's features there.
    Curves have a fine stage of their own, which sees them straightened (`curve_stage.py`).

    Args:
        landmarks: their number K.
        channels: of the images, C.
        curves: of the part.
    """

    shrunk: int
    """How many times smaller than the input the coarse stage's image is, along each side."""

    top_down = 48
    patch_widths: tuple[int, int, int] = (16, 32, 24)
    block: type[nn.Module] = Residual

    def __init__(self, landmarks: int, channels: int, curves: Sequence[Curve] = ()) -> None:
        super().__init__()
        self.prior: ShapePrior | None = None
        widths = self._build_levels(channels)
        self.lateral = nn.ModuleList(nn.Conv2d(width, self.top_down, 1) for width in widths)
        self.smooth = nn.ModuleList(self.block(self.top_down) for _ in widths)
        for name, layer in self._patch_layers(channels).items():
            self.add_module(f"patch_{name}", layer)
        shallow, deep, last = self.patch_widths
        self.context = nn.Conv2d(self.top_down, deep, 1)
        self.patch_blocks = nn.Sequential(self.block(deep), self.block(deep))
        self.patch_up = convolution(deep + shallow, last)
        self.head = nn.ModuleDict(
            {
                "first": nn.Conv2d(self.top_down, landmarks, 1),
                "second": nn.Conv2d(landmarks * last, landmarks, 1, groups=landmarks),
            }
        )
        self.curves: CurveStage | None = None
        if curves:
            layers = self._patch_layers(channels)
            self.curves = CurveStage(
                landmarks, curves, layers, self.top_down, self.patch_widths, self.block
            )

    @property
    def learned_before(self) -> frozenset[str]:
        """Names of the parameters that fresh networks have from elsewhere already."""
        return frozenset()

    @abstractmethod
    def _build_levels(self, channels: int) -> Sequence[int]:
        """Makes the layers of `_levels`; returns how many channels each level has."""

    @abstractmethod
    def _levels(self, whole: Tensor) -> list[Tensor]:
        """Features of standardised images (N, C, h, w), the first at the shared stride.

        Those that follow have half the width and height of the ones before.
        """

    @abstractmethod
    def _patch_layers(self, channels: int) -> Mapping[str, nn.Module]:
        """New layers for `_patch_features`, by name."""

    @abstractmethod
    def _patch_features(
        self, patches: Tensor, layers: Callable[[str], nn.Module]
    ) -> tuple[Tensor, Tensor]:
        """Features (M, shallow, 32, 32) and (M, deep, 16, 16) of patches (M, C, 64, 64)."""

    def expect(self, shapes: ShapeSpace | None, recipe: Mapping[str, Any]) -> None:
        """Lets `locate` know what shapes are likely; the weights do not change."""
        taught = recipe["target_sigma"] * PATCH_STRIDE
        self.prior = None if shapes is None else ShapePrior(shapes, taught)

    def forward(
        self,
        whole: Tensor,
        patches: Tensor,
        centres: Tensor,
        bands: Tensor | None = None,
        cells: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """Both stages, the fine one at given places, as training needs them.

        Args:
            whole: (N, C, H / shrunk, W / shrunk) grey levels from 0 to 255 of images of the input's
                size, shrunk.
            patches: (N, K, C, 64, 64) grey levels of the same images in full.
            centres: (N, K, 2) of the patches, in pixels of the input.
            bands: (N, B, C, 64, 64) along curves, where the part has any.
            cells: (N, B, 64, 2) where the bands' cells lie, in pixels of the input.

        Returns:
            Logits (N, K, H / 8, W / 8) of the coarse stage; the centre of cell (i, j) lies at
            ((j + 0.5) * 8, (i + 0.5) * 8) in input pixels. Logits (N, K, 32, 32) of the fine stage;
            that of cell (i, j) at ((j + 0.5) * 2, (i + 0.5) * 2) in pixels of the patch. With
            bands also those (N, Q, H / 8, W / 8) of the knots, and those (N, B, 32, 32) of the
            bands: that of cell (i, j) at station j, (i + 0.5) * 2 - 32 pixels to the right.
        """
        level, contrast = exposure(whole)
        features, coarse = self._coarse((whole - level) / contrast)
        standard = (patches - level[:, None]) / contrast[:, None]
        fine = self._fine(features, standard, centres)
        if bands is None or cells is None or self.curves is None:
            return coarse, fine
        standard = (bands - level[:, None]) / contrast[:, None]
        of_bands = self._across(self.curves, features, standard, cells)
        return coarse, fine, self.curves.knots(features), of_bands

    def locate(self, images: Tensor) -> Located:
        """Landmarks of images: the fine stage goes where the coarse one found each.

        Everything that places landmarks goes through here: validation, prediction, the exported
        file.

        Args:
            images: (N, C, H, W) of 0 to 255 in any number type; H and W are multiples of
                `MULTIPLE`.

        Returns:
            Landmarks (N, K, 2) in pixels of the input, by the shape prior where there is one,
            and spreads (N, K) in the same unit: the mean distance of the fine stage's probability
            from the landmark, and of what the coarse stage places outside the patch. The same of
            the curves, across these.
        """
        images = images.float()
        whole = F.avg_pool2d(images, self.shrunk)
        level, contrast = exposure(whole)
        features, logits = self._coarse((whole - level) / contrast)
        centres = peak(logits, STRIDE)
        patches = cut_patches(images, centres)
        fine = self._fine(features, (patches - level[:, None]) / contrast[:, None], centres)
        corners = centres - PATCH / 2
        placed = mean(fine, PATCH_STRIDE)
        xy = placed + corners
        if self.prior is not None:
            xy = self.prior(xy, covariance(fine, placed, PATCH_STRIDE))
        near = spread(fine, xy - corners, PATCH_STRIDE)
        near = near + spread_beyond(logits, xy, STRIDE, PATCH / 2)
        if self.curves is None:
            return Located.without_curves(xy, near)
        logits = self.curves.knots(features)
        knots = peak(logits, STRIDE)
        points = torch.cat((xy, knots), dim=1)
        bands = (self.curves.cut(images, points) - level[:, None]) / contrast[:, None]
        cells = self.curves.bands.grid(points, "cell")
        found = self._across(self.curves, features, bands, cells)
        unsure = spread_beyond(logits, knots, STRIDE, REACH)
        return Located(xy, near, *self.curves.semilandmarks(found, points, unsure))

    def _coarse(self, whole: Tensor) -> tuple[Tensor, Tensor]:
        """Standardised images (N, C, h, w) to the shared features, and logits of the same size."""
        levels = self._levels(whole)
        merged = self.smooth[-1](self.lateral[-1](levels[-1]))
        for level in range(len(levels) - 2, -1, -1):
            merged = doubled(merged)
            merged = self.smooth[level](merged + self.lateral[level](levels[level]))
        return merged, self.head["first"](merged)

    def _fine(self, features: Tensor, patches: Tensor, centres: Tensor) -> Tensor:
        """Standardised patches (N, K, C, 64, 64) to logits (N, K, 32, 32)."""
        landmarks = patches.shape[1]
        context = squares(self.context(features).float(), centres / STRIDE, PATCH // STRIDE)
        shallow, deep = self._patch_features(
            patches.flatten(0, 1), lambda name: self.get_submodule(f"patch_{name}")
        )
        x = F.relu(deep + doubled(context.flatten(0, 1)))
        x = doubled(self.patch_blocks(x))
        x = self.patch_up(torch.cat((x, shallow), dim=1))
        side = PATCH // PATCH_STRIDE
        logits: Tensor = self.head["second"](x.reshape(-1, landmarks * x.shape[1], side, side))
        return logits

    def _across(self, stage: CurveStage, features: Tensor, bands: Tensor, cells: Tensor) -> Tensor:
        """Standardised bands (N, B, C, 64, 64) to logits (N, B, 32, 32)."""
        seen = self._patch_features(bands.flatten(0, 1), stage.get_submodule)
        logits: Tensor = stage(features, *seen, cells, STRIDE)
        return logits


class Plain(LandmarkNetwork):
    """All its layers learn from the photographs of the part alone.

    Plain 3 x 3 convolutions, because they train twice as fast on a CPU as inverted residuals of
    about the same number of weights (`bench/blocks.py`).
    """

    shrunk = 2
    widths: tuple[int, ...] = (32, 48, 64, 96)
    depths: tuple[int, ...] = (1, 1, 2, 2)

    def _build_levels(self, channels: int) -> Sequence[int]:
        self.stem = nn.Sequential(
            convolution(channels, 16, stride=2), convolution(16, self.widths[0], stride=2)
        )
        stages: list[nn.Module] = []
        inputs = self.widths[0]
        for index, (width, depth) in enumerate(zip(self.widths, self.depths, strict=True)):
            down = [] if index == 0 else [convolution(inputs, width, stride=2)]
            stages.append(nn.Sequential(*down, *(self.block(width) for _ in range(depth))))
            inputs = width
        self.stages = nn.ModuleList(stages)
        return self.widths

    def _levels(self, whole: Tensor) -> list[Tensor]:
        x = self.stem(whole)
        levels = []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        return levels

    def _patch_layers(self, channels: int) -> Mapping[str, nn.Module]:
        shallow, deep, _ = self.patch_widths
        return {
            "stem": convolution(channels, shallow, stride=2),
            "down": convolution(shallow, deep, stride=2),
        }

    def _patch_features(
        self, patches: Tensor, layers: Callable[[str], nn.Module]
    ) -> tuple[Tensor, Tensor]:
        shallow = layers("stem")(patches)
        return shallow, layers("down")(shallow)


class Nano(Plain):
    """Half as wide: a third of the time, a quarter of the weights."""

    widths = (16, 24, 32, 48)
    top_down = 24
    patch_widths = (8, 16, 16)


class Fine(Plain):
    """Half as wide again: twice the weights and the time."""

    widths = (48, 72, 96, 144)
    top_down = 64
    patch_widths = (16, 48, 32)


class Pretrained(LandmarkNetwork):
    """Its features were learned from photographs of everything, and go on learning.

    The coarse stage sees a quarter of the input's width and height, which is near enough for a
    patch to lie around the landmark; the trunk's first blocks see the patches too.
    """

    shrunk = 4
    patch_widths = (LEVELS[0], 32, 24)

    @property
    def learned_before(self) -> frozenset[str]:
        """Names of the trunk's parameters."""
        return frozenset(f"trunk.{name}" for name, _ in self.trunk.named_parameters())

    def _build_levels(self, channels: int) -> Sequence[int]:
        self.trunk = Trunk(channels)
        return LEVELS

    def _levels(self, whole: Tensor) -> list[Tensor]:
        levels: list[Tensor] = self.trunk(whole)
        return levels

    def _patch_layers(self, channels: int) -> Mapping[str, nn.Module]:
        deep = self.patch_widths[1]
        return {
            name: nn.Sequential(nn.Conv2d(width, deep, 1, bias=False), nn.BatchNorm2d(deep))
            for name, width in zip(("down", "deep"), LEVELS[1:3], strict=True)
        }

    def _patch_features(
        self, patches: Tensor, layers: Callable[[str], nn.Module]
    ) -> tuple[Tensor, Tensor]:
        shallow, deep, deepest = self.trunk.first_levels(patches)
        return shallow, layers("down")(deep) + doubled(layers("deep")(deepest))


def cut_patches(images: Tensor, centres: Tensor) -> Tensor:
    """Patches of images around points, between pixels too.

    Args:
        images: (N, C, H, W); beyond their edges they go on as they end.
        centres: (N, K, 2) in pixels.

    Returns:
        (N, K, C, 64, 64).
    """
    return squares(images, centres, PATCH)


def patch_points(centres: Tensor) -> Tensor:
    """Where the pixels of patches lie: (N, K, 64 * 64, 2) for centres (N, K, 2)."""
    steps = torch.arange(PATCH, device=centres.device, dtype=torch.float32) + (0.5 - PATCH / 2)
    offsets = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=2).flatten(0, 1)
    return centres[:, :, None] + offsets


NETWORKS: dict[str, type[LandmarkNetwork]] = {
    "nano": Nano,
    "compact": Plain,
    "fine": Fine,
    "pretrained": Pretrained,
}
