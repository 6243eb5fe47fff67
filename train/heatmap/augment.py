"""Augmentation of whole batches: pose, shape, light, sharpness, occlusion.

The geometry runs backwards, as warping does: an output point p shows the source point
``A(p + d(p))``, where A is an affine map and d a smooth displacement field. Landmarks go the other
way, by solving that equation for p.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from beetle_lm.train.heatmap.appearance import change_appearance
from beetle_lm.train.heatmap.bands import Bands
from beetle_lm.train.heatmap.drawn_bands import DrawnBands, draw_bands
from beetle_lm.train.heatmap.networks import PATCH, patch_points
from beetle_lm.train.heatmap.randomness import Random
from beetle_lm.train.heatmap.recipe import Augmentation
from beetle_lm.train.heatmap.warps import (
    aligned,
    circle,
    pixel_centres,
    solve_displacement,
    thin_plate_spline,
)

_FIELD_STEP = 16  # smooth fields are computed on every sixteenth pixel and interpolated
_FEWEST_COMMON = 4  # landmarks; aligning fewer leaves hardly any difference of shape
_OFF_CENTRE = PATCH / 4  # px; how far from its landmark the coarse stage may put a patch


@dataclass(frozen=True)
class TrainingBatch:
    """A batch of augmented images, as both stages of a network see them.

    Args:
        whole: (N, C, H / shrunk, W / shrunk) float32 of 0 to 255, the images at the coarse stage's
            resolution.
        patches: (N, K, C, 64, 64) float32 of 0 to 255, around the landmarks, in full.
        centres: (N, K, 2) of the patches, in pixels of the input.
        xy: (N, K, 2) landmarks in pixels of the input, NaN where missing; they may lie outside.
        strips: (N, B, C, 64, 64) bands along curves, as the patches; B is 0 where there are none.
        drawn: where the bands lie, and where the curves are in them.
    """

    whole: Tensor
    patches: Tensor
    centres: Tensor
    xy: Tensor
    strips: Tensor
    drawn: DrawnBands | None


@dataclass(frozen=True)
class Augmenter:
    """Draws augmented batches from stored images.

    Args:
        settings: the bounds of the augmentation.
        input_size: width and height of the network's input in pixels; the stored images may be
            larger.
        shrunk: how many times smaller than the input the coarse stage's image is, along each side.
        mirror_order: `PartSpec.mirror_order`; None never mirrors.
        mirror_curves: `PartSpec.mirror_curves`; where there are curves, None never mirrors.
        bands: of the part's curves, None where it has none.
    """

    settings: Augmentation
    input_size: tuple[int, int]
    shrunk: int
    mirror_order: tuple[int, ...] | None
    mirror_curves: tuple[tuple[int, bool], ...] | None = ()
    bands: Bands | None = None

    @property
    def _mirrors(self) -> bool:
        return self.mirror_order is not None and self.mirror_curves is not None

    def __call__(
        self,
        images: Tensor,
        xy: Tensor,
        partners: Tensor,
        generator: torch.Generator,
        lines: Tensor | None = None,
    ) -> TrainingBatch:
        """One augmented image for each given one.

        Args:
            images: (N, C, H', W') uint8 stored images.
            xy: (N, K, 2) their landmarks in input pixels (not stored pixels), NaN where missing.
            partners: (N, K, 2) landmarks of other specimens in any position, size and unit,
                towards whose shape images are warped; NaN where missing.
            generator: source of all randomness, on the images' device.
            lines: (N, C, P, 2) points on their curves in input pixels, NaN where missing; None
                where the part has no curves.
        """
        random = Random(generator, images.device, len(images))
        width, height = self.input_size
        matrix, shift, mirrored = self._affine(random)
        field = self._displacement(xy, partners, random)

        size = torch.tensor([width, height], device=images.device, dtype=torch.float32)
        centre = size / 2
        if lines is None:
            lines = xy.new_empty((len(xy), 0, 2, 2))
        every = torch.cat((xy, lines.flatten(1, 2)), dim=1)
        towards = torch.linalg.solve(matrix, (every - centre - shift[:, None]).transpose(1, 2))
        moved = solve_displacement(towards.transpose(1, 2) + centre, field, size)
        landmarks, lines = moved[:, : xy.shape[1]], moved[:, xy.shape[1] :].view(lines.shape)
        if self._mirrors:
            assert self.mirror_order is not None and self.mirror_curves is not None
            order = torch.tensor(self.mirror_order, device=images.device)
            landmarks = torch.where(mirrored[:, None, None], landmarks[:, order], landmarks)
            if self.mirror_curves:
                ways = ((lines[:, index], back) for index, back in self.mirror_curves)
                swapped = torch.stack([w.flip(1) if back else w for w, back in ways], dim=1)
                lines = torch.where(mirrored[:, None, None, None], swapped, lines)
        drawn = None if self.bands is None else draw_bands(self.bands, landmarks, lines, random)

        # The displacements in the source, on the coarse grid, in units of -1 to 1.
        bent = torch.einsum("nij,njhw->nihw", matrix, field) * 2.0 / size[:, None, None]
        off = (random.uniform(*xy.shape[1:]) * 2.0 - 1.0) * _OFF_CENTRE
        centres = torch.nan_to_num(landmarks) + off
        stored = images.float() / 255.0
        whole = F.grid_sample(
            F.avg_pool2d(stored, self.shrunk),  # averaged, or thin lines would come and go
            self._grid(matrix, shift, bent, size),
            padding_mode="border",
            align_corners=False,
        )
        points = patch_points(centres)
        if drawn is not None:  # bands are as large as patches
            points = torch.cat((points, drawn.columns), dim=1)
        straight = torch.einsum("nij,nkpj->nkpi", matrix, points - centre) + shift[:, None, None]
        where = points / size * 2.0 - 1.0
        curved = F.grid_sample(bent, where, padding_mode="border", align_corners=False)
        seen = straight * 2.0 / size + curved.permute(0, 2, 3, 1)
        squares = F.grid_sample(stored, seen, padding_mode="border", align_corners=False)
        squares = squares.permute(0, 2, 1, 3).reshape(*points.shape[:2], -1, PATCH, PATCH)
        whole, squares = change_appearance(whole, squares, self.shrunk, self.settings, random)
        patches, strips = torch.tensor_split(squares * 255.0, (xy.shape[1],), dim=1)
        return TrainingBatch(whole * 255.0, patches, centres, landmarks, strips, drawn)

    def _grid(self, matrix: Tensor, shift: Tensor, bent: Tensor, size: Tensor) -> Tensor:
        """Where pixels of the whole image lie in their source, -1 to 1: (N, h, w, 2)."""
        width, height = (side // self.shrunk for side in self.input_size)
        theta = torch.cat(
            (matrix * size / size[:, None], shift[:, :, None] * 2.0 / size[:, None]), 2
        )
        straight = F.affine_grid(theta, [len(matrix), 1, height, width], align_corners=False)
        curved = F.interpolate(bent, (height, width), mode="bilinear", align_corners=False)
        return straight + curved.permute(0, 2, 3, 1)

    def _affine(self, random: Random) -> tuple[Tensor, Tensor, Tensor]:
        """Matrices (N, 2, 2) and shifts (N, 2) from output to source, and which are mirrored."""
        settings = self.settings
        angle = random.symmetric() * math.radians(settings.rotation)
        zoom = torch.exp(random.symmetric() * math.log(max(settings.scale, 1.0)))
        stretch = torch.exp(random.symmetric() * math.log(max(settings.stretch, 1.0)) / 2)
        mirrored = random.uniform() < (0.5 if self._mirrors else 0.0)
        cosine, sine = torch.cos(angle) * zoom, torch.sin(angle) * zoom
        rotation = torch.stack((cosine, -sine, sine, cosine), dim=1).view(-1, 2, 2)
        sign = torch.where(mirrored, -1.0, 1.0)
        proportions = torch.stack((stretch * sign, 1.0 / stretch), dim=1)
        shift = torch.stack((random.symmetric(), random.symmetric()), dim=1) * settings.shift
        shift = shift * torch.tensor(self.input_size, device=shift.device)
        return rotation * proportions[:, None, :], shift, mirrored

    def _displacement(self, xy: Tensor, partners: Tensor, random: Random) -> Tensor:
        """Smooth displacement fields in input pixels, (N, 2, H / 8, W / 8)."""
        width, height = self.input_size
        rows, columns = height // _FIELD_STEP, width // _FIELD_STEP
        elastic = random.smooth(2, 4, rows, columns) * (self.settings.elastic * width)
        amount = random.uniform() * (random.uniform() < self.settings.shape_transfer)
        onto = aligned(partners, xy)
        common = torch.isfinite(onto).all(dim=2)
        common &= common.sum(dim=1, keepdim=True) >= _FEWEST_COMMON
        held = common[:, :, None]
        target = xy + amount[:, None, None] * (onto - xy)
        known = torch.where(held, target, circle(xy, width))
        values = torch.where(held, xy - target, 0.0)
        points = pixel_centres(columns, rows, xy.device) * _FIELD_STEP
        spline = thin_plate_spline(known / width, values, ~common, points.reshape(-1, 2) / width)
        transfer = spline.transpose(1, 2).reshape(-1, 2, rows, columns)
        return elastic + transfer
