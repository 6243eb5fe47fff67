"""Pronota put together from crops: photographs for specimens of which only crops are public.

The authors published crops of 200 x 200 around the landmarks of some 200 pronota. A photograph of
another specimen is warped onto a specimen's manual landmarks by a thin-plate spline (Bookstein
1989), and the crops are laid over it. Each crop shows through a soft ellipse of random size and
place, so that no outline tells where the landmark is.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from accuracy import is_left_out, specimen_number
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

from beetle_lm.predict.formats.tps import TpsRecord, read_tps

Floats = NDArray[np.floating]
PHOTOGRAPH, CROP, REDUCTION = (3264, 2448), 200, 4
SIZE = (PHOTOGRAPH[0] // REDUCTION, PHOTOGRAPH[1] // REDUCTION)
SIDE = CROP // REDUCTION
FEWEST_CROPS = 7  # of the 8 landmarks
_FEATHER, _KNOT = 6, 8


@dataclass(frozen=True, eq=False)
class Crop:
    """A crop and the place of its top left corner, in pixels of the reduced photograph."""

    grey: Floats
    corner: tuple[float, float]


def patched(data: Path, folder: Path) -> list[TpsRecord]:
    """Writes a picture for each specimen with enough crops and no photograph.

    Specimens that test the models are left out.

    Args:
        data: the folder with `carabids/`.
        folder: where the pictures go.

    Returns:
        The landmarks of the pictures.
    """
    carabids, rng = data / "carabids", np.random.default_rng(0)
    photographs = [
        grey_photograph(carabids / "pronotum" / "images", record)
        for record in read_tps(carabids / "pronotum" / "landmarks.tps")
        if not is_left_out(specimen_number(record.image or ""))
    ]
    seen = {specimen_number(path.name) for path in (carabids / "pronotum" / "images").iterdir()}
    manual = {
        specimen_number(record.image or ""): record.in_image(PHOTOGRAPH[1]) / REDUCTION
        for record in read_tps(carabids / "manual" / "pronotum.tps")
    }
    records = []
    for specimen, crops in read_crops(carabids / "pronotum_patches").items():
        if is_left_out(specimen) or specimen in seen or len(crops) < FEWEST_CROPS:
            continue
        picture, xy = photographs[rng.integers(len(photographs))]
        picture = lay_over(warp(picture, xy, manual[specimen]), crops, rng)
        name = f"patched_{specimen:03d}.png"
        cv2.imwrite(str(folder / name), picture.clip(0, 255).astype(np.uint8))
        records.append(TpsRecord.from_image_xy(manual[specimen], SIZE, name))
    return records


def grey_photograph(images: Path, record: TpsRecord) -> tuple[Floats, Floats]:
    """A photograph of the reduced size and its landmarks, y down."""
    picture = cv2.imread(str(images / (record.image or "")), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    height, width = picture.shape
    smaller = cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA)
    return smaller.astype(np.float32), record.in_image(height) * (SIZE[0] / width)


def read_crops(folder: Path) -> dict[int, list[Crop]]:
    """The crops of each specimen."""
    crops: dict[int, list[Crop]] = {}
    with (folder / "index.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            grey = cv2.imread(str(folder / row["file"]), cv2.IMREAD_GRAYSCALE)
            assert grey is not None
            smaller = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
            corner = (int(row["origin_x"]) / REDUCTION, int(row["origin_y"]) / REDUCTION)
            crops.setdefault(int(row["specimen"]), []).append(
                Crop(smaller.astype(np.float32), corner)
            )
    return dict(sorted(crops.items()))


def warp(picture: Floats, xy: Floats, goal: Floats) -> Floats:
    """A picture whose landmarks `xy` come to lie on `goal`, both (K, 2)."""
    width, height = SIZE
    knots_x, knots_y = np.arange(0, width + _KNOT, _KNOT), np.arange(0, height + _KNOT, _KNOT)
    knots = np.stack(np.meshgrid(knots_x, knots_y), axis=-1).astype(float)
    spline = RBFInterpolator(goal, xy, kernel="thin_plate_spline")
    sources = spline(knots.reshape(-1, 2)).reshape(knots.shape).astype(np.float32)
    ys, xs = np.mgrid[:height, :width].astype(np.float32) / _KNOT
    source = cv2.remap(sources, xs, ys, cv2.INTER_LINEAR)
    x, y = cv2.split(source)
    warped = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return warped.astype(np.float32)


def lay_over(picture: Floats, crops: Sequence[Crop], rng: np.random.Generator) -> Floats:
    """The picture with the crops over it, their light and contrast made those of the picture."""
    width, height = SIZE
    layers = [cv2.warpAffine(crop.grey, _to(crop), (width, height)) for crop in crops]
    whole = [cv2.warpAffine(np.ones_like(crop.grey), _to(crop), (width, height)) for crop in crops]
    theirs = np.concatenate([layer[mask == 1] for layer, mask in zip(layers, whole, strict=True)])
    below = np.concatenate([picture[mask == 1] for mask in whole])
    gain = np.clip(below.std() / max(theirs.std(), 1.0), 0.4, 2.5)
    total, weight = np.zeros_like(picture), np.zeros_like(picture)
    for crop in crops:
        soft = _ellipse(rng)
        grey = (crop.grey - theirs.mean()) * gain + below.mean()
        total += cv2.warpAffine(grey * soft, _to(crop), (width, height))
        weight += cv2.warpAffine(soft, _to(crop), (width, height))
    share = weight.clip(0, 1)
    laid: Floats = picture * (1 - share) + share * total / weight.clip(1e-3)
    return laid


def _to(crop: Crop) -> Floats:
    return np.array([[1, 0, crop.corner[0]], [0, 1, crop.corner[1]]], np.float32)


def _ellipse(rng: np.random.Generator) -> Floats:
    """(SIDE, SIDE) weights: 1 inside a random ellipse, falling to 0 at its rim and the crop's."""
    middle = SIDE / 2
    centre, radii = middle + rng.uniform(-8, 8, 2), rng.uniform(12, 22, 2)
    ys, xs = np.mgrid[:SIDE, :SIDE] + 0.5
    outward = np.hypot((xs - centre[0]) / radii[0], (ys - centre[1]) / radii[1])
    inside = (1 - outward) * radii.min()
    edge = middle - np.maximum(abs(xs - middle), abs(ys - middle))
    soft = (inside / _FEATHER).clip(0, 1) * (edge / _FEATHER).clip(0, 1)
    return np.asarray(soft, np.float32)
