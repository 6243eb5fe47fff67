"""Quality flags: why the landmarks of a photograph should be looked at."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.procrustes import mahalanobis, superimpose
from beetle_lm.zoo.model_file.card import ModelCard


def quality_flag(card: ModelCard, xy: Floats, expected_error: Floats, pixels: float) -> str | None:
    """Holds landmarks against what their model knows of right ones.

    Args:
        card: the model's.
        xy: (n, 2) landmarks in pixels of the model's input.
        expected_error: (n,) in the same pixels.
        pixels: of the photograph that one pixel of the input covers in length.

    Returns:
        The reasons to look at the photograph, in words; None where there are none.
    """
    reasons = [*_errors(card, expected_error, pixels), *_pose_and_shape(card, xy)]
    return "; ".join(reasons) or None


def _errors(card: ModelCard, expected: Floats, pixels: float) -> Iterator[str]:
    limits, mean, worst = card.limits, float(expected.mean()), int(expected.argmax())
    if mean > limits.mean_error:
        limit = limits.mean_error * pixels
        yield f"expected error {mean * pixels:.1f} px on average (limit {limit:.1f})"
    elif expected[worst] > limits.landmark_error:
        error, limit = expected[worst] * pixels, limits.landmark_error * pixels
        yield f"expected error {error:.1f} px at landmark {worst + 1} (limit {limit:.1f})"


def _pose_and_shape(card: ModelCard, xy: Floats) -> Iterator[str]:
    if card.shapes is None:
        return
    mean = np.array(card.shapes.mean)
    found = superimpose(xy, mean)
    if found is None:
        yield "all landmarks lie in one point"
        return
    limits = card.limits
    if not limits.rotation[0] <= found.rotation <= limits.rotation[1]:
        way = "clockwise" if found.rotation > 0 else "anticlockwise"
        yield f"turned {abs(found.rotation):.0f} degrees {way}, more than in training"
    size = found.size / math.hypot(*card.input_size)
    if not limits.size[0] <= size <= limits.size[1]:
        yield f"{'larger' if size > limits.size[1] else 'smaller'} in the picture than in training"
    distance = mahalanobis(found.shape - mean, card.shapes)
    limit = card.shapes.distance_limit
    if distance > limit:
        yield f"shape unlike those of the training (distance {distance:.1f}, limit {limit:.1f})"
