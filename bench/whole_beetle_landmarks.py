"""Landmarks of whole ground beetles, made from hand-drawn masks of their parts.

    python bench/whole_beetle_landmarks.py DATA -o landmarks.tps

DATA/beetleflow holds photographs of ground beetles and masks of their parts (BeetleFlow,
Imageomics, doi 10.57967/hf/8716, CC BY 4.0). No human placed these landmarks: they follow from the
masks by the rules below. The part `carabid` names them.

The outline of each part (head, pronotum, elytra) is seen in a frame of its own: the axis of head
and pronotum is the line through the middles of head and elytra, that of the elytra is their own
long axis. Eight points follow: where the axis crosses the front and the hind edge, the two widest
points, and four corners, which lie farthest out along the diagonals of the part's bounding box. A
widest point or a corner is the mean of all outline points that reach nearly as far, so that a
straight edge gives its middle and one pixel does not decide.

What masks hold beside the part is removed first: holes and bites of a pin are filled, stubs of
antennae, palps and legs are opened away. A point that a pin covers is missing, and so is the hind
end of elytra whose mask holds the end of the abdomen.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.formats.tps import TpsRecord, write_tps

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

HEAD, PRONOTUM, ELYTRA = range(3)
# Values of the masks: of those with five and of those with nine kinds.
FIVE = {"head": (1,), "pronotum": (2,), "elytra": (3,), "others": (4, 5)}
NINE = {"head": (1, 2, 3), "pronotum": (4,), "elytra": (5,), "others": (7, 8), "pin": (9,)}
SUPPORT = 0.02  # of a part's extent: outline points that lie as far out but for this count
BAND = 0.06  # half the width, as a share of the part's, of the band about the axis
STUB = {
    "head": 0.09,
    "pronotum": 0.05,
    "elytra": 0.07,
}  # radius of the opening, of the part's width
NEAR = 0.02  # of the elytra's width: a landmark so near to the pin is missing

# Seen on the photographs: masks of the elytra that hold the end of the abdomen, or a wing, as well.
TAILS = (178, 217, 226, 229, 233, 246, 248, 330, 333, 480)
HIND_END = (19, 20, 21)  # landmarks (from 0) that such a mask misplaces
SPREAD = 0.86  # share of its convex hull that a pair of elytra fills, unless they stand wide open


@dataclass(frozen=True)
class Parts:
    """Cleaned masks of a beetle (H, W), and where a pin or a leg covers or adjoins the outline."""

    masks: tuple[Mask, Mask, Mask]
    pin: Mask


def read_parts(data: Path, name: str, kinds: int | None = None) -> Parts:
    """Reads and cleans the masks of one photograph.

    Args:
        data: the folder of the data set.
        name: of the photograph, without ending.
        kinds: 5 or 9; by default nine kinds where there are.
    """
    nine = (data / "masks9" / f"{name}.png").exists() if kinds is None else kinds == 9
    folder, values = ("masks9", NINE) if nine else ("masks5", FIVE)
    drawn = cv2.imread(str(data / folder / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
    assert drawn is not None, name
    pin = np.isin(drawn, values.get("pin", ()))
    parts = []
    for part in ("head", "pronotum", "elytra"):
        mask = np.isin(drawn, values[part])
        parts.append(cleaned(mask, pin, STUB[part]))
    return Parts((parts[0], parts[1], parts[2]), pin)


def cleaned(mask: Mask, pin: Mask, stub: float) -> Mask:
    """The largest piece without stubs; what the pin covers within its outline is filled."""
    mask = largest(mask)
    width = 2 * math.sqrt(mask.sum() / math.pi)
    if pin.any():
        mask = mask | (pin & closed(mask, 0.35 * width))
    mask = filled(closed(mask, 0.03 * width))
    return filled(largest(opened(mask, stub * width)))


def largest(mask: Mask) -> Mask:
    """The largest piece of a mask."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return mask
    return np.asarray(labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()))


def filled(mask: Mask) -> Mask:
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    drawn = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(drawn, outlines, -1, 1, cv2.FILLED)
    return drawn.astype(bool)


def _ball(radius: float) -> NDArray[np.uint8]:
    side = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _padded(mask: Mask, radius: float, operation: int) -> Mask:
    edge = max(1, round(radius)) + 2
    wide = cv2.copyMakeBorder(
        mask.astype(np.uint8), edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=0
    )
    done = cv2.morphologyEx(wide, operation, _ball(radius))
    return np.asarray(done[edge:-edge, edge:-edge] > 0)


def closed(mask: Mask, radius: float) -> Mask:
    return _padded(mask, radius, cv2.MORPH_CLOSE)


def opened(mask: Mask, radius: float) -> Mask:
    return _padded(mask, radius, cv2.MORPH_OPEN)


def outline(mask: Mask) -> Floats:
    """(M, 2) points of a mask's outline between pixels, smoothed by half a pixel or so."""
    scale = 4
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0)
    large = cv2.resize(
        cv2.copyMakeBorder(soft, 2, 2, 2, 2, cv2.BORDER_REPLICATE), None, fx=scale, fy=scale
    )
    outlines, _ = cv2.findContours(
        (large > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    longest = max(outlines, key=len)[:, 0].astype(np.float64)
    return (longest + 0.5) / scale - 2.0


def middle(mask: Mask) -> Floats:
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5])


def long_axis(mask: Mask, towards: Floats) -> Floats:
    """The unit vector along a mask's long axis, to the same side as another vector."""
    rows, columns = np.nonzero(mask)
    _, vectors = np.linalg.eigh(np.cov(np.stack((columns, rows)).astype(np.float64)))
    axis = vectors[:, 1]
    return np.asarray(axis if axis @ towards > 0 else -axis)


def farthest(points: Floats, along: Floats) -> Floats:
    """The place on the outermost line across `along` that is the middle of all that nearly touch.

    Args:
        points: (M, 2) of an outline whose width and length are 1.
        along: (2,) the direction.
    """
    reach = points @ along
    weight = np.exp((reach - reach.max()) / SUPPORT)
    mean = (weight[:, None] * points).sum(axis=0) / weight.sum()
    short = reach.max() - mean @ along
    return np.asarray(mean + along * short / (along @ along))


def eight(mask: Mask, forward: Floats) -> Floats:
    """The eight points (8, 2) of a part whose anterior end lies in the direction `forward`."""
    right = np.array([-forward[1], forward[0]])  # the beetle's right as seen from above, y down
    line, centre = outline(mask), middle(mask)
    frame = np.stack(((line - centre) @ right, (line - centre) @ forward), axis=1)
    width, length = np.ptp(frame, axis=0)
    size = np.array([width, length])
    unit = frame / size
    points = np.empty((8, 2))
    near = np.abs(unit[:, 0]) < BAND
    for index, sign in ((0, 1.0), (4, -1.0)):
        edge = unit[near & (unit[:, 1] * sign > 0)]
        points[index] = 0.0, np.median(edge[:, 1])
    diagonals = {1: (1, 1), 2: (1, 0), 3: (1, -1), 5: (-1, -1), 6: (-1, 0), 7: (-1, 1)}
    for index, along in diagonals.items():
        points[index] = farthest(unit, np.array(along, np.float64))
    points = points * size
    return np.asarray(centre + points[:, :1] * right + points[:, 1:] * forward)


def landmarks(parts: Parts) -> Floats:
    """The 24 landmarks in pixels of the photograph, y down: head, pronotum, elytra."""
    head, pronotum, elytra = parts.masks
    forward = middle(head) - middle(elytra)
    forward /= np.linalg.norm(forward)
    own = long_axis(elytra, forward)
    return np.concatenate((eight(head, forward), eight(pronotum, forward), eight(elytra, own)))


def unseen(points: Floats, pin: Mask, width: float) -> NDArray[np.bool_]:
    """Which points (24, 2) a pin covers: what the masks say there is a guess."""
    if not pin.any():
        return np.zeros(len(points), bool)
    radius = max(1.0, NEAR * width)
    near = cv2.dilate(pin.astype(np.uint8), _ball(radius))
    height, length = near.shape
    columns = np.clip(points[:, 0].astype(int), 0, length - 1)
    rows = np.clip(points[:, 1].astype(int), 0, height - 1)
    return np.asarray(near[rows, columns] > 0)


def spread(elytra: Mask) -> bool:
    """Whether the elytra stand so wide open that they have no outline in common."""
    hull = cv2.convexHull(outline(elytra).astype(np.float32))
    return bool(elytra.sum() < SPREAD * cv2.contourArea(hull))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    folder = options.data / "beetleflow"
    records, without = [], []
    for path in sorted((folder / "images").glob("*.jpg")):
        parts = read_parts(folder, path.stem)
        if not all(mask.any() for mask in parts.masks):
            without.append(path.name)
            continue
        points = landmarks(parts)
        width = 2 * math.sqrt(parts.masks[ELYTRA].sum() / math.pi)
        points[unseen(points, parts.pin, width)] = np.nan
        if int(path.stem.removeprefix("bf_")) in TAILS:
            points[list(HIND_END)] = np.nan
        if spread(parts.masks[ELYTRA]):
            points[16:] = np.nan
        height, length = parts.pin.shape
        points = np.clip(points, 0.0, (length, height))  # NaN stays NaN
        points[:, 1] = height - points[:, 1]
        records.append(TpsRecord(points=points, image=path.name))
    write_tps(options.output, records)
    print(
        f"{len(records)} beetles, {sum(np.isnan(r.points[:, 0]).sum() for r in records)} points"
        f" under pins left out; not all parts are drawn of: {', '.join(without) or 'none'}"
    )


if __name__ == "__main__":
    main()
