"""Where the numbers of landmarks are written in pictures."""

from __future__ import annotations

import numpy as np

from beetle_lm.predict.landmarks import Floats


def label_places(
    xy: Floats, reach: Floats | float, low: Floats | float, high: Floats | float
) -> Floats:
    """A place beside each landmark, in the direction with the most room.

    Args:
        xy: (n, 2) landmarks; NaN where missing.
        reach: distance of a place from its landmark, or (n,) of each from its own.
        low: least x and y that a place may have.
        high: greatest x and y that a place may have.

    Returns:
        (n, 2) centres of the numbers, NaN where the landmark is missing.
    """
    angles = np.arange(8) * np.pi / 4
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    reaches = np.broadcast_to(reach, len(xy))
    taken = np.array(xy)  # by landmarks, later also by numbers; NaN takes no room
    chosen = np.full(xy.shape, np.nan)
    for index in np.flatnonzero(~np.isnan(xy).any(axis=1)):
        places = np.clip(xy[index] + around * reaches[index], low, high)
        others = np.delete(taken, index, axis=0)
        distances = np.linalg.norm(places[:, None] - others, axis=2)
        room = np.nan_to_num(distances, nan=np.inf).min(axis=1, initial=np.inf)
        chosen[index] = places[int(room.argmax())]
        taken = np.concatenate([taken, chosen[index][np.newaxis]])
    return chosen
