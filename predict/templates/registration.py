"""Registering an annotated specimen to another one: outline first, then everything with edges."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.templates.contour import apply, similarity_maps, size_of
from beetle_lm.predict.templates.gaussian_process import smoothed
from beetle_lm.predict.templates.oriented_gradients import Matches, cells, likeness, match
from beetle_lm.predict.templates.segmentation import Specimen

_SIZE = 140.0  # of every template's outline (`size_of`), in pixels of its frame
_BORDER = 40  # pixels around it
_EVERY = 18  # pixels between the places that are compared
_NEAR = 15  # pixels around the specimen in which there are such places
_FIELD = 8  # pixels between the points at which the field is worked out
_AFFINE_EVERY = 3  # places are enough for an affine map
_POSES = 2  # starting poses for each kind of outline


@dataclass(frozen=True)
class Stage:
    """One round: match patches, smooth their shifts, and warp the picture again.

    Args:
        step: pixels that a cell is wide.
        half: cells from the centre of a patch to its edge.
        reach: cells to search in every direction.
        spread: pixels by which shifts are expected to be off.
        length: pixels within which displacements are similar.
        height: standard deviation of the smooth displacement in pixels; 0: affine only.
    """

    step: int
    half: int
    reach: int
    spread: float
    length: float
    height: float


AFFINE = (Stage(6, 6, 6, 15, 100, 0), Stage(6, 6, 5, 12, 100, 0))
"""Run from each starting pose; the best result continues."""

SETTLING = (Stage(6, 6, 5, 10, 100, 0), Stage(4, 6, 5, 10, 100, 0), Stage(4, 6, 5, 8, 100, 0))
"""Run from the best: still affine, with all places. Where shapes differ this can lead away from a
good pose, so the original pose is kept as well, and the one that fits better after bending is
taken."""

BENDING = (
    Stage(6, 5, 4, 8, 140, 7),
    Stage(4, 5, 5, 7, 120, 9),
    Stage(4, 5, 4, 6, 90, 9),
    Stage(3, 5, 4, 6, 80, 9),
    Stage(2, 6, 5, 5, 70, 9),
)
"""Finer and finer, and less and less stiff."""

CLOSE = (Stage(2, 5, 3, 3, 30, 9), Stage(2, 4, 3, 2, 20, 9))
"""In the end small patches move almost independently: nearer to the truth where the template is in
the right place, but more alike where it is not, too, so the starts are compared before this."""

_SOFTNESS = 0.05
JUDGED = Stage(3, 6, 0, 0, 0, 0)
"""How patches are compared to judge how well a template fits."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A template registered to a specimen.

    Args:
        xy: (n, 2) its landmarks, in pixels of the specimen's scaled picture.
        likeness: (n,) how alike the surroundings of each landmark are, from 0 to 1.
        overall: the mean likeness of all places on and near the specimen.
        size: of the specimen, in the same pixels.
    """

    xy: Floats
    likeness: Floats
    overall: float
    size: float


class Template:
    """An annotated specimen, in a frame in which all templates have one size.

    Args:
        specimen: the specimen.
        xy: (n, 2) its landmarks, in pixels of its scaled picture; none missing.
    """

    def __init__(self, specimen: Specimen, xy: Floats) -> None:
        outline = specimen.outlines[0]
        scale = _SIZE / size_of(outline)
        corner = np.minimum(outline.min(axis=0), xy.min(axis=0)) * scale - _BORDER
        end = np.maximum(outline.max(axis=0), xy.max(axis=0)) * scale + _BORDER
        into = np.array([[scale, 0, -corner[0]], [0, scale, -corner[1]]])
        size = (int(end[0] - corner[0]), int(end[1] - corner[1]))
        lightness = cv2.warpAffine(
            specimen.lightness, into, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
        )
        mask = cv2.warpAffine(specimen.mask, into, size)
        near = cv2.dilate(mask, np.ones((_NEAR, _NEAR), np.uint8))
        around = _grid(size, _EVERY)
        on_it = near[tuple(around.astype(int).T[::-1])] > 0
        steps = {stage.step for stage in (*AFFINE, *SETTLING, *BENDING, *CLOSE, JUDGED)}
        self.landmarks = len(xy)
        self.places = np.vstack((apply(into, xy), around[on_it]))
        self.size = size
        self.grid = _grid(size, 1).reshape(size[1], size[0], 2).astype(np.float32)
        self.back = np.asarray(cv2.invertAffineTransform(into), np.float64)
        self.outlines = specimen.outlines
        self.cells = {step: cells(np.asarray(lightness), step) for step in steps}

    def fit(self, specimen: Specimen) -> Fit:
        """Registers the template to a specimen in any rotation."""
        poses = [
            pose
            for own, other in zip(self.outlines, specimen.outlines, strict=True)
            for pose in similarity_maps(own, other, _POSES)
        ]
        starts = [_Registration(self, specimen, pose) for pose in poses]
        affine = max(
            (start.through(AFFINE, _AFFINE_EVERY) for start in starts), key=_Registration.overall
        ).through(SETTLING)
        as_posed = max(starts, key=_Registration.overall)
        bent = max(
            (start.through(BENDING) for start in (affine, as_posed)), key=_Registration.overall
        )
        registered = bent.through(CLOSE)
        alike = registered.likeness()
        size = size_of(specimen.outlines[0])
        return Fit(registered.landmarks(), alike[: self.landmarks], float(alike.mean()), size)


class _Registration:
    """A template on a specimen: displaced in its own frame, then moved by an affine map."""

    def __init__(self, template: Template, specimen: Specimen, pose: Floats) -> None:
        self._template, self._specimen = template, specimen
        self._map = np.c_[pose[:, :2] @ template.back[:, :2], apply(pose, template.back[:, 2])]
        self._displacement = np.zeros_like(template.places)
        width, height = template.size
        self._field = np.zeros((height, width, 2), np.float32)

    def through(self, stages: Sequence[Stage], every: int = 1) -> _Registration:
        """A copy after these stages, with one of `every` places; this one stays as it is."""
        changed = copy(self)
        for stage in stages:
            changed._improve(stage, every)
        return changed

    def _improve(self, stage: Stage, every: int) -> None:
        template, step = self._template, stage.step
        places = template.places[::every]
        found = match(
            template.cells[step],
            cells(self._picture(), step),
            places,
            step,
            stage.half,
            stage.reach,
            _SOFTNESS,
            stage.spread,
        )
        seen = places + found.shift
        whole = Matches(seen + _sampled(self._field, seen) - places, found.covariance)
        knots = _grid(template.size, _FIELD)
        displaced = smoothed(
            places,
            whole,
            np.vstack((template.places, knots)),
            stage.length,
            stage.height,
            _SIZE,
        )
        count = len(template.places)
        self._displacement = displaced[:count]
        self._field = _filled(displaced[count:], template.size)

    def likeness(self) -> Floats:
        """(places,) how alike both are at the template's current position."""
        step = JUDGED.step
        other = cells(self._picture(), step)
        template = self._template
        return likeness(template.cells[step], other, template.places, step, JUDGED.half)

    def overall(self) -> float:
        """The mean likeness of all places."""
        return float(self.likeness().mean())

    def landmarks(self) -> Floats:
        """(n, 2) in pixels of the specimen's scaled picture."""
        displaced = self._template.places + self._displacement
        return apply(self._map, displaced[: self._template.landmarks])

    def _picture(self) -> NDArray[np.float32]:
        """The specimen warped into the template's frame."""
        source = self._template.grid + self._field
        linear, shift = self._map[:, :2].astype(np.float32), self._map[:, 2] - 0.5
        x, y = (
            source[..., 0] * linear[axis, 0]
            + source[..., 1] * linear[axis, 1]
            + np.float32(shift[axis])
            for axis in (0, 1)
        )
        warped = cv2.remap(
            self._specimen.lightness, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(warped, np.float32)


def _grid(size: tuple[int, int], step: int) -> Floats:
    """(n, 2) centres of squares, row by row."""
    x = np.arange(step / 2, size[0], step)
    y = np.arange(step / 2, size[1], step)
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def _filled(values: Floats, size: tuple[int, int]) -> NDArray[np.float32]:
    """(height, width, 2) from values at the points of `_grid` with `_FIELD` between them."""
    columns, rows = (len(np.arange(_FIELD / 2, side, _FIELD)) for side in size)
    knots = values.reshape(rows, columns, 2).astype(np.float32)
    filled = cv2.resize(knots, (columns * _FIELD, rows * _FIELD))
    room = ((0, max(0, size[1] - len(filled))), (0, max(0, size[0] - filled.shape[1])), (0, 0))
    return np.asarray(np.pad(filled, room, "edge")[: size[1], : size[0]], np.float32)


def _sampled(field: NDArray[np.float32], at: Floats) -> Floats:
    x, y = (at - 0.5).astype(np.float32).T[:, :, None]
    return np.stack([_remapped(field[..., axis], x, y)[:, 0] for axis in (0, 1)], axis=-1)


def _remapped(
    values: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]
) -> NDArray[np.float32]:
    plane = np.ascontiguousarray(values)
    found = cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)
