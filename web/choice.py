"""Which photographs to annotate next: at first those that differ most, later the least sure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from beetle_lm.predict.images.read import Picture
from beetle_lm.predict.landmarks import Floats
from beetle_lm.web.records import Row

SIDE = 24
"""Pixels of the longer side of what photographs are compared by."""

_LEAST_SURE = 0.25  # of the photographs that are left, of which those are taken that differ


def embedding(picture: Picture) -> Floats:
    """A photograph in few numbers: small, grey, without its mean brightness and contrast.

    Args:
        picture: the photograph, at any scale.

    Returns:
        (SIDE * SIDE + 2,) numbers; near each other for photographs that look alike.
    """
    grey = picture.pixels if picture.pixels.ndim == 2 else picture.pixels.mean(axis=2)
    small = cv2.resize(grey.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    mean, spread = float(small.mean()), float(small.std())
    flat = (small.astype(np.float64).ravel() - mean) / max(spread, 1.0)
    return np.concatenate([flat / SIDE, [mean / 255, spread / 128]])


def farthest_first(embeddings: Mapping[str, Floats], done: Sequence[str], number: int) -> list[str]:
    """The photographs that differ most from those that are done, and from each other.

    Args:
        embeddings: of photographs, those that are done among them.
        done: names of those that are done.
        number: how many to give at most.
    """
    names = [name for name in embeddings if name not in set(done)]
    if not names:
        return []
    points = np.array([embeddings[name] for name in names])
    begun = [embeddings[name] for name in done if name in embeddings]
    if begun:
        nearest = np.min([np.linalg.norm(points - each, axis=1) for each in begun], axis=0)
    else:  # first the one in the middle, which is most like the others
        middle = np.linalg.norm(points - np.median(points, axis=0), axis=1)
        nearest = np.full(len(names), np.inf)
        nearest[middle.argmin()] = np.finfo(float).max
        nearest[np.isinf(nearest)] = 0.0
    chosen: list[str] = []
    while len(chosen) < min(number, len(names)):
        best = int(nearest.argmax())
        chosen.append(names[best])
        distance = np.linalg.norm(points - points[best], axis=1)
        nearest = distance if len(chosen) == 1 and not begun else np.minimum(nearest, distance)
        nearest[[names.index(name) for name in chosen]] = -1.0
    return chosen


def next_photographs(
    rows: Sequence[Row], embeddings: Mapping[str, Floats], number: int = 10
) -> list[str]:
    """What to annotate next.

    Args:
        rows: all photographs.
        embeddings: of some of them at least.
        number: how many to give at most.
    """
    left = [row for row in rows if row.state in ("open", "draft")]
    done = [row.name for row in rows if row.state == "accepted"]
    known = [row for row in left if row.error is not None and row.origin == "model"]
    failed = [row.name for row in left if row.status == "failed"]
    if not known:
        open_ones = {row.name for row in left} | set(done)
        some = {name: each for name, each in embeddings.items() if name in open_ones}
        return farthest_first(some, done, number)
    known.sort(key=lambda row: -(row.error or 0.0))
    least_sure = known[: max(number, round(_LEAST_SURE * len(known)))]
    some = {row.name: embeddings[row.name] for row in least_sure if row.name in embeddings}
    chosen = farthest_first(some, [], number) or [row.name for row in least_sure[:number]]
    order = {row.name: place for place, row in enumerate(known)}
    return [*failed, *sorted(chosen, key=lambda name: order[name])][:number]
