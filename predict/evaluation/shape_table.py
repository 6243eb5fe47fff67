"""The comparison of shapes as a table for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.table import Table

from beetle_lm.predict.evaluation.anova import Source
from beetle_lm.predict.evaluation.resampling import PERMUTATIONS, RESAMPLES
from beetle_lm.predict.evaluation.shapes import ShapeComparison

_SHOWN_COMPONENTS = 5


def anova_table(
    title: str, sources: Sequence[Source], shares: Sequence[float] | None = None
) -> Table:
    """A Procrustes ANOVA.

    Args:
        title: what stands above it.
        sources: its rows.
        shares: R2 of each; None leaves the column out.
    """
    table = Table(title=title, box=None, padding=(0, 1), header_style="bold")
    for heading in ("source", "df", "SS", "MS", "F", *([] if shares is None else ["R2"]), "P"):
        table.add_column(heading, justify="left" if heading == "source" else "right")
    for index, row in enumerate(sources):
        r2 = [] if shares is None else [_number(shares[index], ".3f")]
        cells = (f"{row.ss:.4g}", f"{row.ms:.4g}", _number(row.f, ".2f"), *r2)
        table.add_row(row.name, str(row.df), *cells, _number(row.p, ".3g"))
    return table


def shape_tables(shapes: ShapeComparison) -> list[Table]:
    """The Procrustes ANOVA of manual and predicted shapes, and what sums them up."""
    title = f"Shapes: Procrustes ANOVA of {len(shapes.images)} specimens"
    anova = anova_table(title, shapes.sources, shapes.share_of_variance)
    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column("shapes")
    for heading in ("found", "95 % confidence", "P"):
        table.add_column(heading, justify="right", no_wrap=True)
    nothing = float("nan")
    for name, found, p in (
        (
            "repeatability: share of the variance that lies between specimens",
            shapes.repeatability,
            nothing,
        ),
        ("Procrustes variance (disparity) of the manual shapes", shapes.manual_variance, nothing),
        ("Procrustes variance of the predicted shapes", shapes.predicted_variance, nothing),
        ("predicted / manual", shapes.variance_ratio, shapes.variance_p),
        ("Procrustes distance between the mean shapes", shapes.mean_distance, shapes.sources[1].p),
    ):
        value, low, high = map(_number, (found.value, found.low, found.high))
        limits = f"{low} to {high}" if low and high else ""
        table.add_row(name, value, limits, _number(p))
    return [anova, table]


def shape_sentences(shapes: ShapeComparison) -> list[str]:
    """What the tables do not hold, and how P and confidence were found."""
    scores = [
        f"PC{number} {_number(r, '.2f') or '-'}"
        for number, r in enumerate(shapes.components.correlations[:_SHOWN_COMPONENTS], start=1)
    ]
    angle = _number(shapes.first_axis_angle, ".1f") or "-"
    return [
        f"Scores, correlation of manual with predicted: {', '.join(scores)};"
        f" their first components are {angle} degrees apart",
        "Procrustes distances between specimens, correlation of manual with predicted:"
        f" {_number(shapes.distance_correlation, '.2f') or '-'}",
        f"P by {PERMUTATIONS} permutations within specimens (of specimens: paired at random),"
        f" confidence by {RESAMPLES} resamples of specimens",
    ]


def _number(value: float, form: str = ".3g") -> str:
    return "" if math.isnan(value) else format(value, form)
