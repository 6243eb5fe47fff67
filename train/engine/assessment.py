"""How a trained network's landmarks are judged: expected errors, and what flags a photograph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats
from sklearn.covariance import oas

from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.procrustes import mean_shape, superimpose_all
from beetle_lm.train.engine.calibration import Calibration
from beetle_lm.zoo.model_file.shape_space import Limits, ShapeSpace, rounded

_FEWEST_SHAPES = 4  # fewer do not say how shapes vary
_MOST_COMPONENTS = 12
_LEAST_VARIANCE = 1e-10  # squared centroid sizes: landmarks are not clicked more exactly
_MOST_LEFT_OUT = 300  # shapes, to learn how far the others reach
_TAIL = 0.002  # share of correct photographs that each limit may flag
_LEAST_FREEDOM = 3  # degrees of Student's t; with fewer, its quantiles explode
_LEAST_SCATTER = 0.1  # of logarithms, where a few values are alike by chance
_LEAST_ROTATION, _LEAST_ZOOM = 5.0, 1.1  # of a pose: allowed even without augmentation
_HONEST, _SEEN = 1.5, 3.0  # limits over the errors of photographs not trained on, trained on
_LEAST_ERROR = 0.01  # share of the input's diagonal: below this nothing is flagged
_MOST_ERROR = 0.03  # above this everything is, however unsure the network is of its own


@dataclass(frozen=True)
class Assessment:
    """What is known of a trained network's landmarks.

    Args:
        calibration: from spreads to expected errors.
        limits: beyond which a photograph is flagged.
        of_curves: from spreads across curves to expected errors; None where there are none.
    """

    calibration: Calibration
    limits: Limits
    of_curves: Calibration | None = None

    def to_dict(self) -> dict[str, Any]:
        """The assessment as JSON values, which `beetle_lm.entries.load` reads back."""
        return asdict(self)


def learn_shapes(poses: Floats, further: Floats) -> ShapeSpace | None:
    """The shapes of correct landmarks: their mean, and how far another specimen's may be from it.

    Args:
        poses: (N, K, 2) landmarks of the training photographs in pixels of the input.
        further: (M, K, 2) landmarks of other specimens at any place, in any size and unit.

    Returns:
        None where fewer than 4 specimens have all landmarks, or K is below 3.
    """
    every = np.concatenate((poses, further))
    mean = mean_shape(every) if every.shape[1] > 2 else None
    if mean is None:
        return None
    mean = _turned(mean, [each.rotation for each in superimpose_all(poses, mean)])
    shapes = np.stack([each.shape.ravel() for each in superimpose_all(every, mean)])
    if len(shapes) < _FEWEST_SHAPES:
        return None
    freedom = 2 * len(mean) - 4
    variances, components = _principal(shapes, freedom)
    kept = min(len(shapes) - 1, freedom - 1, _MOST_COMPONENTS)
    return ShapeSpace(
        specimens=len(shapes),
        mean=tuple(rounded(point) for point in mean.tolist()),
        components=tuple(rounded(component) for component in components[:kept].tolist()),
        variances=rounded(variances[:kept]),
        rest_variance=rounded([float(variances[kept:freedom].mean())])[0],
        distance_limit=rounded([_distance_limit(shapes, freedom)])[0],
    )


def assess(
    calibration: Calibration,
    expected: Floats,
    seen: bool,
    poses: Floats,
    shapes: ShapeSpace | None,
    rotation: float,
    zoom: float,
    input_size: tuple[int, int],
) -> Assessment:
    """Learns from correct landmarks beyond which limits others are flagged.

    Args:
        calibration: from spreads to expected errors.
        expected: (N, K) expected errors of annotated photographs, in pixels of the input; NaN where
            a landmark is missing.
        seen: the network was trained on them, and is more certain of them than of others.
        poses: (N, K, 2) landmarks of the training photographs in pixels of the input.
        shapes: what `learn_shapes` made of them.
        rotation: how far training turned the photographs, in degrees.
        zoom: how much larger or smaller it made them, as a factor.
        input_size: width and height of the network's input.
    """
    diagonal = math.hypot(*input_size)
    turns, size = (-180.0, 180.0), (0.0, 1.0)
    fitted = superimpose_all(poses, np.array(shapes.mean)) if shapes else []
    if fitted:
        reach = max(rotation, _LEAST_ROTATION)
        low, high = _range([each.rotation for each in fitted], reach)
        turns = max(-180.0, low), min(180.0, high)
        reach = math.log(max(zoom, _LEAST_ZOOM))
        low, high = _range([math.log(each.size / diagonal) for each in fitted], reach)
        size = math.exp(low), math.exp(high)
    expected = expected[np.isfinite(expected).any(axis=1)]
    allowance, least = _SEEN if seen else _HONEST, _LEAST_ERROR * diagonal
    mean_limit = max(least, allowance * _upper_limit(np.nanmean(expected, axis=1)))
    mean_limit = min(mean_limit, _MOST_ERROR * diagonal)
    landmark_limit = max(
        2 * least, mean_limit, allowance * _upper_limit(np.nanmax(expected, axis=1))
    )
    landmark_limit = min(landmark_limit, 2 * _MOST_ERROR * diagonal)
    limits = Limits(*_rounded((mean_limit, landmark_limit)), _rounded(turns), _rounded(size))
    return Assessment(calibration, limits)


def _turned(mean: Floats, degrees: Sequence[float]) -> Floats:
    """The mean shape, turned as the mean photograph is."""
    angle = float(np.angle(np.exp(1j * np.radians(degrees)).sum())) if degrees else 0.0
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.asarray(mean @ np.array([[cosine, sine], [-sine, cosine]]), np.float64)


def _principal(shapes: Floats, freedom: int) -> tuple[Floats, Floats]:
    """Variances and principal components of shapes (N, 2n), shrunk towards equal variances.

    The shrinkage is that of Chen et al. (2010), "Shrinkage algorithms for MMSE covariance
    estimation": the fewer the specimens, the stronger. The variances are those of a further
    specimen about the mean of these, which is not quite the mean of all.
    """
    _, sizes, components = np.linalg.svd(shapes - shapes.mean(axis=0), full_matrices=True)
    variances = np.zeros(freedom)
    found = min(len(sizes), freedom)
    variances[:found] = sizes[:found] ** 2 / len(shapes)
    scores = (shapes - shapes.mean(axis=0)) @ components[:freedom].T
    share = float(oas(scores, assume_centered=True)[1])
    variances = (1 - share) * variances + share * variances.mean()
    variances *= (len(shapes) + 1) / (len(shapes) - 1)
    return np.maximum(variances, _LEAST_VARIANCE), components[:freedom]


def _distance_limit(shapes: Floats, freedom: int) -> float:
    """How far from the others a shape of the same kind may be.

    Each shape's distance is measured by statistics that leave it out, as they leave out a new
    photograph.
    """
    picked = np.unique(
        np.linspace(0, len(shapes) - 1, min(len(shapes), _MOST_LEFT_OUT)).astype(int)
    )
    distances = []
    for index in picked:
        others = np.delete(shapes, index, axis=0)
        variances, components = _principal(others, freedom)
        scores = components @ (shapes[index] - others.mean(axis=0))
        squared = (scores**2 + _LEAST_VARIANCE) / variances
        distances.append(math.sqrt(float(squared.sum())))
    return _upper_limit(np.array(distances))


def _range(values: Sequence[float], reach: float) -> tuple[float, float]:
    """What training covered: the values, as far as augmentation reached, and what is like them."""
    beyond = _beyond(len(values)) * float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    mean = float(np.mean(values))
    return min(min(values) - reach, mean - beyond), max(max(values) + reach, mean + beyond)


def _beyond(count: int) -> float:
    """How many standard deviations from the mean of `count` values hardly any other lies.

    The fewer the values, the more.
    """
    quantile = float(stats.t.ppf(1 - _TAIL, max(_LEAST_FREEDOM, count - 1)))
    return quantile * math.sqrt(1 + 1 / count)


def _upper_limit(values: Floats) -> float:
    """What hardly any such value exceeds, by their log-normal distribution and their greatest."""
    logs = np.log(np.maximum(values, 1e-9))
    scatter = max(_LEAST_SCATTER, float(logs.std(ddof=1)) if len(values) > 1 else 0.0)
    limit = math.exp(float(logs.mean()) + _beyond(len(values)) * scatter)
    return max(float(values.max()), limit)


def _rounded(pair: tuple[float, float]) -> tuple[float, float]:
    low, high = rounded(pair)
    return low, high
