"""The smooth displacement that uncertain matches agree on."""

from __future__ import annotations

import numpy as np

from beetle_lm.predict.templates.gaussian_process import smoothed
from beetle_lm.predict.templates.oriented_gradients import Matches


def test_matches_that_the_others_contradict_count_less() -> None:
    places = np.stack(np.meshgrid(np.arange(0, 300, 20.0), np.arange(0, 300, 20.0)), -1)
    places = places.reshape(-1, 2)
    slipped = np.hypot(*(places - (40, 200)).T) < 50  # as teeth do, all to the same side
    shift = np.where(slipped[:, None], (3.0, 25.0), (3.0, 0.0))
    found = Matches(shift, np.repeat(4 * np.eye(2)[None], len(places), axis=0))
    displaced = smoothed(places, found, places, 100, 0, 100)
    assert slipped.sum() > 15
    assert np.abs(displaced - (3.0, 0.0)).max() < 1.0
