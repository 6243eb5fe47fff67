"""Procrustes analysis of variance of shapes that were taken twice."""

from __future__ import annotations

from dataclasses import dataclass

from beetle_lm.predict.landmarks import Floats

_NAN = float("nan")


@dataclass(frozen=True)
class Source:
    """A row of the Procrustes ANOVA.

    Args:
        name: what varies.
        df: degrees of freedom.
        ss: sum of squares, in squared Procrustes distances.
        f: the mean square over that of the residuals; NaN for these.
        p: probability of such an F, or a larger one, by chance; NaN where there is no F.
    """

    name: str
    df: int
    ss: float
    f: float = _NAN
    p: float = _NAN

    @property
    def ms(self) -> float:
        """The mean square."""
        return self.ss / self.df if self.df else _NAN


Sources = tuple[Source, Source, Source]
"""Specimens, what differs within them, and residuals."""


def procrustes_anova(first: Floats, second: Floats, repeated: str) -> Sources:
    """The rows of the analysis, without probabilities (Goodall 1991; Klingenberg & McIntyre 1998).

    Args:
        first: (S, n, 2) shapes of the specimens, superimposed together with `second`.
        second: (S, n, 2) the same specimens once more.
        repeated: what the two are, in the table: 'annotations', say.
    """
    count, landmarks = first.shape[:2]
    difference = second - first
    middle = (first + second) / 2
    specimens = 2 * float(((middle - middle.mean(axis=0)) ** 2).sum())
    within = float((difference**2).sum()) / 2
    twice = count * float((difference.mean(axis=0) ** 2).sum()) / 2
    free = 2 * landmarks - 4  # of a shape: without place, size and turn
    rest = Source("residuals", (count - 1) * free, max(0.0, within - twice))

    def tested(name: str, degrees: int, squares: float) -> Source:
        f = squares / degrees / rest.ms if rest.ms > 0 else _NAN
        return Source(name, degrees, squares, f)

    return tested("specimens", (count - 1) * free, specimens), tested(repeated, free, twice), rest


def repeatability_of(sources: Sources) -> float:
    """The intraclass correlation: the share of the variance of shape between specimens.

    (MS_specimens - MS_within) / (MS_specimens + MS_within), where `within` is all but specimens;
    NaN where nothing varies.
    """
    specimens, *others = sources
    inside = sum(row.ss for row in others) / sum(row.df for row in others)
    total = specimens.ms + inside
    return (specimens.ms - inside) / total if total > 0 else _NAN
