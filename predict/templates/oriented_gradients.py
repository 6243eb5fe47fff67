"""Comparing places in two pictures by the directions of their edges, whatever the lighting."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.landmarks import Floats

_DIRECTIONS = 8
_SHARPNESS = 3  # of the directions: cos ** 3
_LEAST = 0.02  # an edge this weak, in lightness, counts half
_AROUND = 3.0  # cells over which the strength of edges is normalised
_FAINT = 0.05  # patches with less than this share of the template's edges are not amplified

Cells = NDArray[np.float32]
"""(H, W, 8) strength of the edges facing each of eight directions, around 1 on edges."""


@dataclass(frozen=True, eq=False)
class Matches:
    """Where places of a template lie in another picture, judged by their surroundings.

    Args:
        shift: (n, 2) how far off they are, in pixels.
        covariance: (n, 2, 2) of the shift, in square pixels: large along an edge, small across it.
    """

    shift: Floats
    covariance: Floats


def cells(lightness: NDArray[np.float32], step: int) -> Cells:
    """Edges by direction, in cells of `step` pixels.

    Args:
        lightness: (H, W), 1 on the background, 0 on the specimen.
        step: pixels that a cell is wide.
    """
    size = lightness.shape[1] // step, lightness.shape[0] // step
    coarser = max(1, step // 2)  # large cells need no small pixels
    if coarser > 1:
        shrunk = (size[0] * step // coarser, size[1] * step // coarser)
        whole = np.ascontiguousarray(lightness[: size[1] * step, : size[0] * step])
        lightness = np.asarray(cv2.resize(whole, shrunk, interpolation=cv2.INTER_AREA), np.float32)
    width = step / coarser
    smooth = cv2.GaussianBlur(lightness, (0, 0), max(0.6, 0.45 * width))
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / (8 * coarser))
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / (8 * coarser))
    strength = np.sqrt(across * across + down * down) + 1e-9
    found = np.empty((size[1], size[0], _DIRECTIONS), np.float32)
    for number, angle in enumerate(np.linspace(0, 2 * np.pi, _DIRECTIONS, endpoint=False)):
        facing = across * np.float32(np.cos(angle)) + down * np.float32(np.sin(angle))
        facing = np.maximum(facing / strength, 0) ** _SHARPNESS * strength
        facing = cv2.GaussianBlur(facing, (0, 0), 0.5 * width)
        found[..., number] = cv2.resize(facing, size, interpolation=cv2.INTER_AREA)
    around = cv2.GaussianBlur(np.sqrt(np.square(found).sum(axis=2)), (0, 0), _AROUND)
    return np.asarray(found / (around + _LEAST)[..., None], np.float32)


def likeness(template: Cells, other: Cells, places: Floats, step: int, half: int) -> Floats:
    """How alike two pictures are at the same places: (n,) from 0 to 1.

    Args:
        template: cells of the template.
        other: cells of the other picture, in the same frame and of the same shape.
        places: (n, 2) in pixels of the template.
        step: pixels that a cell is wide.
        half: cells from the centre of a patch to its edge.
    """
    size = (2 * half + 1, 2 * half + 1)
    both, one, two = (
        cv2.boxFilter(product.sum(axis=2), -1, size, borderType=cv2.BORDER_REPLICATE)
        for product in (template * other, template * template, other * other)
    )
    alike = both / np.sqrt(np.maximum(one, 1e-6) * np.maximum(two, 1e-6))
    x, y = _cell_of(places, template, step).T
    return np.asarray(alike[y, x], np.float64)


def match(
    template: Cells,
    other: Cells,
    places: Floats,
    step: int,
    half: int,
    reach: int,
    softness: float,
    spread: float,
) -> Matches:
    """Searches for the surroundings of places near where they are expected.

    Each possible shift is weighted by how alike the patches are; the weights give the mean and the
    covariance of the shift.

    Args:
        template: cells of the template.
        other: cells of the other picture, in the same frame and of the same shape.
        places: (n, 2) in pixels of the template.
        step: pixels that a cell is wide.
        half: cells from the centre of a patch to its edge.
        reach: cells to search in every direction.
        softness: difference in likeness over which a weight falls to 1 / e.
        spread: pixels by which shifts are expected to be off.
    """
    margin = half + reach
    around = ((margin, margin), (margin, margin), (0, 0))
    padded, searched = np.pad(template, around), np.pad(other, around)
    y, x = (axis.ravel() for axis in np.mgrid[-reach : reach + 1, -reach : reach + 1])
    moments = np.stack((x, y, x * x, x * y, y * y), axis=1).astype(np.float64)
    expected = -(x**2 + y**2) * step**2 / (2 * spread**2)
    weights = np.empty((len(places), len(x)))
    for number, (left, top) in enumerate(_cell_of(places, template, step)):
        patch = padded[top + reach :, left + reach :][: 2 * half + 1, : 2 * half + 1]
        window = searched[top:, left:][: 2 * margin + 1, : 2 * margin + 1]
        weights[number] = _likeness(patch, window, half, reach).ravel() / softness + expected
    weights = np.exp(weights - weights.max(axis=1, keepdims=True))
    found = (weights / weights.sum(axis=1, keepdims=True)) @ moments
    mean = found[:, :2]
    products = found[:, [2, 3, 3, 4]].reshape(-1, 2, 2)
    covariance = products - mean[:, :, None] * mean[:, None, :]
    least = (0.3 * step) ** 2 * np.eye(2)  # shifts are whole cells
    return Matches(mean * step, covariance * step**2 + least)


def _likeness(patch: Cells, window: Cells, half: int, reach: int) -> NDArray[np.float32]:
    product = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for first in range(0, _DIRECTIONS, 4):  # OpenCV takes four channels at once
        ours = np.ascontiguousarray(patch[..., first : first + 4])
        theirs = np.ascontiguousarray(window[..., first : first + 4])
        product += cv2.matchTemplate(theirs, ours, cv2.TM_CCORR)
    side = 2 * half + 1
    squares = cv2.boxFilter(
        np.square(window).sum(axis=2), -1, (side, side), normalize=False,
        borderType=cv2.BORDER_CONSTANT,
    )[half : half + 2 * reach + 1, half : half + 2 * reach + 1]  # fmt: skip
    own = float(np.sqrt(np.square(patch).sum())) + 1e-6
    norm = own * np.sqrt(np.maximum(squares, 1e-9)) + _FAINT * own**2
    return np.asarray(product / norm, np.float32)


def _cell_of(places: Floats, grid: Cells, step: int) -> NDArray[np.int64]:
    nearest = np.rint(places / step - 0.5).astype(np.int64)
    return np.clip(nearest, 0, (grid.shape[1] - 1, grid.shape[0] - 1))
