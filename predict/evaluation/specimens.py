"""Which predicted specimen is which manual one: by name, and by place where several share one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from beetle_lm.predict.formats.names import pair_by_image, pair_by_photograph
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.images.specimens import number_of
from beetle_lm.predict.landmarks import Floats, centroid_size

Placed = Callable[[Record, Record], tuple[Floats, Floats]]
"""The landmarks (n, 2) of two records of one photograph in one frame."""


def pair_specimens(
    predicted: Sequence[Record], manual: Sequence[Record], placed: Placed
) -> list[tuple[Record, Record]]:
    """The specimens that are in both lists, in the order of the predictions.

    Where the predictions number the specimens of their photographs, each is paired with the manual
    specimen of the photograph whose middle is nearest to its own, the nearest pair of all first;
    one that lies outside all manual specimens is paired with none.

    Args:
        predicted: the predictions.
        manual: the landmarks placed by hand.
        placed: brings both into one frame.

    Raises:
        LandmarkError: as `pair_by_image`.
        RequestError: as `placed`.
    """
    if all(number_of(record.name) is None for record in predicted):
        return pair_by_image(predicted, manual)
    pairs = []
    for found, true in pair_by_photograph(predicted, manual):
        other = dict(_nearest(found, true, placed))
        pairs += [(one, true[other[i]]) for i, one in enumerate(found) if i in other]
    return pairs


def _nearest(
    found: Sequence[Record], true: Sequence[Record], placed: Placed
) -> list[tuple[int, int]]:
    """The indices of predicted and manual specimens that belong together."""
    apart = []
    for i, one in enumerate(found):
        for j, other in enumerate(true):
            if len(one.points) != len(other.points):  # told when they are compared
                return [(i, i) for i in range(min(len(found), len(true)))]
            xy, manual = placed(one, other)
            there = ~np.isnan(xy[:, 0]) & ~np.isnan(manual[:, 0])
            if there.any():
                far = np.linalg.norm(xy[there].mean(axis=0) - manual[there].mean(axis=0))
                radius = centroid_size(manual) / np.sqrt((~np.isnan(manual[:, 0])).sum())
                apart += [(float(far), i, j)] if far < radius else []
    pairs: dict[int, int] = {}
    for _, i, j in sorted(apart):
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    return list(pairs.items())
