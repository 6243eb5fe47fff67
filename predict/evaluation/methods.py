"""An evaluation in the words of a paper's methods, out of its summary and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from beetle_lm.citation import SHAPE_SOURCES, SOFTWARE
from beetle_lm.predict.evaluation.table import UNIT_NAMES
from beetle_lm.text import counted

Entries = Mapping[str, Any]


def methods_text(summary: Entries) -> str:
    """The paragraphs of `methods.txt`, with what is to be cited.

    Args:
        summary: the content of summary.json; None where a figure is unknown.
    """
    shapes = summary["shapes"]
    compared = shapes["specimens"] > 0
    paragraphs = [
        " ".join(_distances(summary)),
        *([" ".join(_shapes(shapes))] if compared else []),
        "\n".join(["To cite:", SOFTWARE, *(SHAPE_SOURCES if compared else ())]),
    ]
    return "\n\n".join(paragraphs) + "\n"


def _distances(summary: Entries) -> Iterator[str]:
    yield (
        f"Predicted landmarks of {counted(summary['specimens'], 'specimen')} were compared with"
        f" landmarks placed by hand, {summary['landmarks']} on each, with beetle-lm"
        f" {summary['beetle_lm']}."
    )
    means = [
        f"{_number(spread['mean'])} {UNIT_NAMES[unit]} (median {_number(spread['median'])}, 95 %"
        f" below {_number(spread['p95'])})"
        for unit, spread in summary["distance"].items()
    ]
    yield f"The mean distance between predicted and manual landmarks was {', '.join(means)}."
    predicted, manual = summary["missing"]["predicted"], summary["missing"]["manual"]
    if predicted or manual:
        yield (
            f"{predicted} predicted and {counted(manual, 'manual landmark')} were missing and left"
            " out."
        )


def _shapes(shapes: Entries) -> Iterator[str]:
    specimens, method, residuals = shapes["anova"]
    variance, distance = shapes["procrustes_variance"], shapes["distance_of_mean_shapes"]
    yield (
        f"The manual and predicted shapes of {shapes['specimens']} specimens that lack no landmark"
        " were superimposed together (generalised Procrustes analysis without reflections,"
        " projected into the tangent space). In a Procrustes ANOVA (Goodall 1991; Klingenberg &"
        " McIntyre 1998) specimens made up"
        f" {_share(specimens)}, the difference between manual and predicted shapes made up"
        f" {_share(method)}, and residuals {_percent(residuals)} of the sum of squares."
    )
    yield (
        f"Repeatability (intraclass correlation, Fruciano 2016) was"
        f" {_within(shapes['repeatability'])}."
    )
    yield (
        "Procrustes variance (Zelditch et al. 2012) was"
        f" {_within(variance['manual'])} of the manual and {_within(variance['predicted'])} of the"
        f" predicted shapes, predicted over manual {_within(variance['predicted_over_manual'])},"
        f" P = {_number(variance['p'])}."
    )
    yield f"The Procrustes distance between the mean shapes was {_within(distance)}."
    yield (
        "In brackets are 95 % confidence intervals, by"
        f" {shapes['resamples']} bootstrap resamples of specimens; P is by"
        f" {shapes['permutations']} permutations, of manual and predicted within specimens or, for"
        " specimens, of the pairs."
    )


def _share(row: Entries) -> str:
    residual = "" if row["f"] is None else f", F = {_number(row['f'])}, P = {_number(row['p'])}"
    return f"{_percent(row)} (df = {row['df']}{residual})"


def _percent(row: Entries) -> str:
    return "an unknown part" if row["r2"] is None else f"{row['r2']:.1%}"


def _within(found: Entries) -> str:
    if found["low"] is None:
        return _number(found["value"])
    return f"{_number(found['value'])} ({_number(found['low'])} to {_number(found['high'])})"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"
