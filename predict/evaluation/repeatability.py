"""How exactly people place landmarks: two annotations of the same photographs held together."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from beetle_lm.errors import LandmarkError
from beetle_lm.predict.evaluation.anova import Source, procrustes_anova, repeatability_of
from beetle_lm.predict.evaluation.metrics import Evaluation
from beetle_lm.predict.formats.names import NameIndex
from beetle_lm.predict.landmarks import Floats, centroid_size
from beetle_lm.predict.procrustes import superimpose_together

_FEWEST = 3  # specimens, and landmarks of a shape
_NAN = float("nan")


@dataclass(frozen=True, eq=False)
class Repeatability:
    """Two annotations of the same photographs, and how well they agree.

    Args:
        names: (n) of the landmarks.
        specimens: how many specimens both have.
        counts: (n) specimens in which both have the landmark.
        sd: (n,) standard deviation of one placing of each landmark about the mean of both, over x
            and y together, in pixels: the root of the mean of d^2 / 2, where d is the distance
            between both.
        sd_percent: (n,) the same in percent of the specimens' centroid size.
        between: (n,) mean distance between both annotations, in pixels.
        whole: how many specimens lack no landmark: those of the analysis of variance.
        sources: rows of the Procrustes ANOVA (Goodall's F): specimens, annotations, residuals;
            empty where fewer than 3 specimens are whole.
        repeatability: the share of the variance of shape that lies between specimens, and not
            between placings of one: the intraclass correlation (MS_specimens - MS_within) /
            (MS_specimens + MS_within), where `within` is annotations and residuals; NaN where
            unknown.
        model: (n,) mean distance of a model's landmarks from a person's, in pixels; None where no
            model was compared.
    """

    names: tuple[str, ...]
    specimens: int
    counts: tuple[int, ...]
    sd: Floats
    sd_percent: Floats
    between: Floats
    whole: int
    sources: tuple[Source, ...]
    repeatability: float
    model: Floats | None = None

    @property
    def model_over_person(self) -> float:
        """How far a model is from a person, over how far another person is; 1 for the same.

        NaN without a model, and where the two annotations are the same.
        """
        person = float(np.nanmean(self.between))
        return _NAN if self.model is None or person == 0 else float(np.nanmean(self.model)) / person

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values; null where unknown."""
        told: dict[str, Any] = {
            "specimens": self.specimens,
            "landmarks": [
                {
                    "landmark": index + 1,
                    "name": name,
                    "n": self.counts[index],
                    "sd_px": _json(self.sd[index]),
                    "sd_percent_centroid_size": _json(self.sd_percent[index]),
                    "between_px": _json(self.between[index]),
                    **({} if self.model is None else {"model_px": _json(self.model[index])}),
                }
                for index, name in enumerate(self.names)
            ],
            "anova": {
                "specimens": self.whole,
                "sources": [
                    {name: _json(value) for name, value in {**asdict(row), "ms": row.ms}.items()}
                    for row in self.sources
                ],
                "repeatability": _json(self.repeatability),
            },
        }
        if self.model is not None:
            told["model_over_person"] = _json(self.model_over_person)
        return told


def repeatability(people: Evaluation, model: Evaluation | None = None) -> Repeatability:
    """What two annotations say of how exactly landmarks are placed.

    Args:
        people: both annotations; which is called predicted and which manual makes no difference.
        model: a model's landmarks compared with one of both, of the same specimens or some of them.

    Raises:
        LandmarkError: the model's landmarks are those of another part.
    """
    first, second = people.predicted, people.manual
    far = np.linalg.norm(first - second, axis=2)
    sizes = np.array([centroid_size(xy) or np.nan for xy in (first + second) / 2])
    there = np.isfinite(far)
    whole = there.all(axis=1)
    sources, share = _anova(first[whole], second[whole])
    return Repeatability(
        people.spec.landmark_names,
        len(people.images),
        tuple(int(count) for count in there.sum(axis=0)),
        _root_of_mean(far**2 / 2),
        100 * _root_of_mean((far / sizes[:, None]) ** 2 / 2),
        _mean(far),
        int(whole.sum()),
        sources,
        share,
        None if model is None else _off(people, model),
    )


def _anova(first: Floats, second: Floats) -> tuple[tuple[Source, ...], float]:
    """Rows of the Procrustes ANOVA and the repeatability of whole specimens (S, n, 2)."""
    count, landmarks = first.shape[:2]
    if count < _FEWEST or landmarks < _FEWEST:
        return (), _NAN
    from scipy.stats import f as f_of

    every = np.concatenate([first, second])
    laid = superimpose_together(every)
    if laid is None:
        return (), _NAN
    sources = procrustes_anova(laid[:count], laid[count:], "annotations")
    rest = sources[2]
    tested = (
        row if math.isnan(row.f) else replace(row, p=float(f_of.sf(row.f, row.df, rest.df)))
        for row in sources
    )
    return tuple(tested), repeatability_of(sources)


def _off(people: Evaluation, model: Evaluation) -> Floats:
    """(n,) mean distance of a model from both annotations, over the specimens of all three."""
    if len(model.spec) != len(people.spec):
        raise LandmarkError(
            f"the model has {len(model.spec)} landmarks, the annotations have {len(people.spec)}"
        )
    placed = dict(zip(model.images, model.predicted, strict=True))
    names = NameIndex(placed)  # the model's file and the people's may write names otherwise
    far = [
        np.linalg.norm(placed[found] - each[row], axis=1)
        for row, name in enumerate(people.images)
        if (found := names.find(name)) is not None
        for each in (people.predicted, people.manual)
    ]
    if not far:
        raise LandmarkError("the model has no landmarks of the specimens that were annotated twice")
    return _mean(np.array(far))


def _root_of_mean(squares: Floats) -> Floats:
    return np.asarray(np.sqrt(_mean(squares)), np.float64)


def _mean(values: Floats) -> Floats:
    """(n,) means of the columns, NaN left out."""
    there = np.isfinite(values)
    sums = np.where(there, values, 0.0).sum(axis=0)
    unknown = np.full(len(sums), np.nan)
    means = np.divide(sums, there.sum(axis=0), out=unknown, where=there.any(axis=0))
    return np.asarray(means, np.float64)


def _json(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
