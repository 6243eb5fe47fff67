"""Predicted against manual landmarks as shapes: what place, size and turn leave of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from beetle_lm.predict.evaluation.anova import Sources, procrustes_anova, repeatability_of
from beetle_lm.predict.evaluation.resampling import (
    Estimate,
    Resamples,
    distance_within,
    paired_at_random,
    ratio,
    swapped,
    within,
)
from beetle_lm.predict.formats.names import listed
from beetle_lm.predict.landmarks import Floats, centroid_size
from beetle_lm.predict.procrustes import superimpose_together
from beetle_lm.text import counted

FEWEST = 6
"""Specimens without which nothing is said: of 5, two labels can be swapped in 32 ways, and no
probability of such permutations is below 0.05."""

ELLIPSE = float(np.sqrt(-2 * np.log(0.05)))
"""Standard deviations from its middle to the ellipse that holds 95 % of a normal distribution."""

_FEWEST_LANDMARKS = 3
_FEWEST_COMPONENTS, _MOST_COMPONENTS, _MOST_OF_VARIANCE = 2, 10, 0.95
_MOST_PAIRED = 500  # specimens whose pairwise distances are compared
_MUCH, _TIMES_ITS_SHARE = 0.25, 5  # of the variance, for one specimen
_NOTHING = 1e-12  # that rounding may leave of shapes of size 1


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of all shapes, manual and predicted together.

    As many as hold 95 % of the variance, at least 2 and at most 10.

    Args:
        shares: (k,) of the variance, from 0 to 1.
        axes: (k, n, 2) directions in shape space, of length 1.
        manual: (S, k) scores of the manual shapes.
        predicted: (S, k) scores of the predicted shapes.
    """

    shares: Floats
    axes: Floats
    manual: Floats
    predicted: Floats

    @property
    def correlations(self) -> Floats:
        """(k,) Pearson's r of manual with predicted scores; NaN where either is constant."""
        pairs = zip(self.manual.T, self.predicted.T, strict=True)
        return np.array([_correlation(one, other) for one, other in pairs])


@dataclass(frozen=True, eq=False)
class ShapeComparison:
    """Predicted and manual shapes of the same specimens.

    Shapes are Procrustes coordinates: all manual and predicted configurations are superimposed
    together (generalised Procrustes analysis), scaled to centroid size 1, never reflected, y down.

    Args:
        images: (S) names of the specimens that lack no landmark on either side.
        manual: (S, n, 2) shapes.
        predicted: (S, n, 2) shapes.
        sources: the Procrustes ANOVA: specimens, method (manual or predicted) and residuals. The
            probability of `method` is that of swapping the two within specimens at random, the
            probability of `specimens` that of pairing specimens at random.
        repeatability: the share of the variance of shape that lies between specimens, and not
            between manual and predicted: the intraclass correlation.
        manual_variance: Procrustes variance (disparity) of the manual shapes: the mean squared
            Procrustes distance from their mean, divided by S - 1.
        predicted_variance: the same of the predicted shapes.
        variance_ratio: the predicted over the manual variance.
        variance_p: probability of such a difference of the variances, or a larger one, when manual
            and predicted are swapped within specimens at random.
        mean_distance: Procrustes distance between the mean shapes. Its probability is that of
            `method`.
        components: principal components of all shapes together.
        first_axis_angle: angle in degrees between the first principal components of the manual
            and of the predicted shapes, each taken alone.
        distance_correlation: Pearson's r of the distances between any two specimens, manual and
            predicted; of 500 specimens where there are more.
    """

    images: tuple[str, ...]
    manual: Floats
    predicted: Floats
    sources: Sources
    repeatability: Estimate
    manual_variance: Estimate
    predicted_variance: Estimate
    variance_ratio: Estimate
    variance_p: float
    mean_distance: Estimate
    components: Components
    first_axis_angle: float
    distance_correlation: float

    @property
    def mean(self) -> Floats:
        """(n, 2) the mean of the manual shapes."""
        return np.asarray(self.manual.mean(axis=0), np.float64)

    @property
    def errors(self) -> Floats:
        """(S, n, 2) predicted minus manual shapes: of the errors what changes the shape."""
        return np.asarray(self.predicted - self.manual, np.float64)

    @property
    def share_of_variance(self) -> tuple[float, ...]:
        """R2: the share that each of `sources` has of the sum of squares; NaN where that is 0."""
        total = sum(row.ss for row in self.sources)
        return tuple(row.ss / total if total > 0 else float("nan") for row in self.sources)

    @property
    def pair_distances(self) -> Floats:
        """(S,) Procrustes distance of each predicted shape from the manual one."""
        return np.asarray(np.linalg.norm(self.errors, axis=(1, 2)), np.float64)


@dataclass(frozen=True)
class Ellipse:
    """Where 95 % of points lie about their mean, if they are normally distributed.

    Args:
        middle: x and y of the mean.
        major: half of the longer axis.
        minor: half of the shorter axis.
        angle: of the longer axis, in degrees from 0 to 180, from x to y.
    """

    middle: tuple[float, float]
    major: float
    minor: float
    angle: float

    @classmethod
    def of(cls, points: Floats) -> Ellipse:
        """The ellipse of points (S, 2), two at least."""
        values, vectors = np.linalg.eigh(np.cov(points.T))
        minor, major = (ELLIPSE * np.sqrt(np.maximum(values, 0.0))).tolist()
        x, y = vectors[:, 1].tolist()
        right, down = points.mean(axis=0).tolist()
        return cls((right, down), major, minor, float(np.degrees(np.arctan2(y, x))) % 180)


def compare_shapes(
    images: Sequence[str], predicted: Floats, manual: Floats
) -> tuple[ShapeComparison | None, tuple[str, ...]]:
    """Compares the shapes of the specimens that lack no landmark on either side.

    Args:
        images: (S) names of the specimens.
        predicted: (S, n, 2) image pixels, y down, NaN missing.
        manual: (S, n, 2) the same of the manual landmarks.

    Returns:
        The comparison, None where too few specimens or landmarks allow none; and sentences on what
        was left out.
    """
    if manual.shape[1] < _FEWEST_LANDMARKS:
        given = counted(manual.shape[1], "landmark")
        return None, (f"shapes are not compared: {given} have none",)
    whole = np.asarray(np.isfinite(predicted + manual).all(axis=(1, 2)))
    in_one_point = [
        centroid_size(one) == 0 or centroid_size(other) == 0
        for one, other in zip(predicted, manual, strict=True)
    ]
    shapeless = whole & np.array(in_one_point)
    remarks = []
    if shapeless.any():
        without = [name for name, has_none in zip(images, shapeless, strict=True) if has_none]
        remarks.append(f"not compared as shapes, all landmarks lie in one point: {listed(without)}")
    kept = whole & ~shapeless
    count = int(kept.sum())
    if count < FEWEST:
        lacking = f"{FEWEST} specimens that lack no landmark on either side, and there are {count}"
        return None, (*remarks, f"shapes are not compared: that needs {lacking}")
    if not whole.all():
        incomplete = counted(int((~whole).sum()), "specimen lacks", "specimens lack")
        remarks.append(f"not compared as shapes: {incomplete} a landmark")
    names = tuple(name for name, is_kept in zip(images, kept, strict=True) if is_kept)
    compared = _compared(names, predicted[kept], manual[kept])
    return compared, (*remarks, *_outweighing(compared))


def _compared(images: tuple[str, ...], predicted: Floats, manual: Floats) -> ShapeComparison:
    count, landmarks = len(images), manual.shape[1]
    laid = superimpose_together(np.concatenate([manual, predicted]))
    if laid is None:
        raise AssertionError("whole specimens that do not lie in one point have a shape")
    ours, theirs = laid[:count], laid[count:]
    flat, other = ours.reshape(count, -1), theirs.reshape(count, -1)
    specimens, method, rest = procrustes_anova(ours, theirs, "method")
    of_method, of_variance = swapped(flat, other)
    if rest.ss > 0:
        specimens = replace(specimens, p=paired_at_random(flat, other))
        method = replace(method, p=of_method)
    sources = specimens, method, rest
    drawn = Resamples.of(flat, other)
    one, two = _variance(flat), _variance(other)
    shift = float(np.linalg.norm(other.mean(axis=0) - flat.mean(axis=0)))
    pairs = np.unique(np.linspace(0, count - 1, min(count, _MOST_PAIRED)).astype(int))
    return ShapeComparison(
        images,
        ours,
        theirs,
        sources,
        within(drawn.repeatability, repeatability_of(sources)),
        within(drawn.manual_variance, one),
        within(drawn.predicted_variance, two),
        within(
            ratio(drawn.predicted_variance, drawn.manual_variance),
            two / one if one > _NOTHING**2 else float("nan"),
        ),
        of_variance,
        distance_within(drawn.mean_distance_squared, shift),
        _components(flat, other, landmarks),
        _first_axis_angle(flat, other),
        _correlation(_pairwise(flat[pairs]), _pairwise(other[pairs])),
    )


def _outweighing(shapes: ShapeComparison) -> Iterator[str]:
    """Specimens on which the figures hang, in words."""
    for side, every in (("manual", shapes.manual), ("predicted", shapes.predicted)):
        squares = ((every - every.mean(axis=0)) ** 2).sum(axis=(1, 2))
        largest = int(squares.argmax())
        part = float(squares[largest] / squares.sum()) if squares.any() else 0.0
        if part > max(_MUCH, _TIMES_ITS_SHARE / len(every)):
            yield (
                f"{shapes.images[largest]} alone makes up {part:.0%} of the variance of the {side}"
                " shapes: are its landmarks right?"
            )


def _components(manual: Floats, predicted: Floats, landmarks: int) -> Components:
    every = np.concatenate([manual, predicted])
    centred = every - every.mean(axis=0)
    _, values, axes = np.linalg.svd(centred, full_matrices=False)
    squares = values**2
    shares = squares / squares.sum() if squares.sum() > 0 else np.zeros_like(squares)
    enough = 1 + int(np.searchsorted(np.cumsum(shares), _MOST_OF_VARIANCE))
    kept = min(max(enough, _FEWEST_COMPONENTS), _MOST_COMPONENTS, len(axes))
    axes = axes[:kept]
    # An axis may point either way: to where its largest part is positive.
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    axes = axes * np.where(largest < 0, -1.0, 1.0)
    scores = centred @ axes.T
    return Components(
        shares[:kept],
        axes.reshape(kept, landmarks, 2),
        scores[: len(manual)],
        scores[len(manual) :],
    )


def _first_axis_angle(manual: Floats, predicted: Floats) -> float:
    firsts = []
    for shapes in (manual, predicted):
        _, values, axes = np.linalg.svd(shapes - shapes.mean(axis=0), full_matrices=False)
        if not values[0] > _NOTHING:
            return float("nan")
        firsts.append(axes[0])
    return float(np.degrees(np.arccos(min(1.0, abs(float(firsts[0] @ firsts[1]))))))


def _variance(shapes: Floats) -> float:
    return float(((shapes - shapes.mean(axis=0)) ** 2).sum()) / (len(shapes) - 1)


def _pairwise(shapes: Floats) -> Floats:
    """Distances between any two of the shapes (S, p), each pair once."""
    products = shapes @ shapes.T
    squares = np.diag(products)[:, None] + np.diag(products) - 2 * products
    every = np.sqrt(np.maximum(0.0, squares))
    return np.asarray(every[np.triu_indices(len(shapes), 1)], np.float64)


def _correlation(one: Floats, other: Floats) -> float:
    """Pearson's r; NaN where either is constant."""
    if not (np.ptp(one) > _NOTHING and np.ptp(other) > _NOTHING):
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])
