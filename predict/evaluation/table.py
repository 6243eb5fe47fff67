"""An evaluation as a table for the terminal."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from beetle_lm.console import console
from beetle_lm.predict.evaluation.curves import CurveComparison
from beetle_lm.predict.evaluation.metrics import Evaluation, Unit
from beetle_lm.predict.evaluation.shape_table import shape_sentences, shape_tables
from beetle_lm.predict.evaluation.statistics import FAR, Spread
from beetle_lm.text import counted

_MOST_NAMES, _WIDTH = 20, 160
_OF_LENGTHS = {"units": "mean\nunits", "percent_centroid_size": "mean\n% c. size"}
UNIT_NAMES = {
    "px": "px",
    "px_256x192": "px at 256 x 192",
    "units": "units",
    "percent_centroid_size": "% of centroid size",
}
"""What the units are called in tables and plots."""


def show(evaluation: Evaluation) -> None:
    """Prints the distances per landmark and overall, and a summary below them."""
    console(width=_WIDTH).print(_shown(evaluation))  # a truncated table is of no use in a file


def text(evaluation: Evaluation) -> str:
    """What `show` prints, and then what was not compared or left out."""
    stream = io.StringIO()
    Console(file=stream, width=_WIDTH, color_system=None, force_jupyter=False).print(
        _shown(evaluation)
    )
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    return "\n".join([*lines, *unmatched(evaluation), *evaluation.notes])


def unmatched(evaluation: Evaluation) -> list[str]:
    """Sentences on the specimens that only one file holds; none where all are in both."""
    lines = []
    for names, where, lacking in (
        (evaluation.only_predicted, "predictions", "manual landmarks"),
        (evaluation.only_manual, "manual landmarks", "predictions"),
    ):
        if names:
            lines.append(
                f"not compared, in the {where} but without {lacking} ({len(names)}): {_some(names)}"
            )
    return lines


def _shown(evaluation: Evaluation) -> Group:
    tables: list[Table | Text] = [_distances(evaluation)]
    if evaluation.curves is not None:
        tables += [Text(), _curves(evaluation, evaluation.curves)]
    if evaluation.shapes is not None:
        tables += [part for table in shape_tables(evaluation.shapes) for part in (Text(), table)]
    return Group(*tables, *(Text(line) for line in _sentences(evaluation)))


def _distances(evaluation: Evaluation) -> Table:
    named = evaluation.spec.landmark_names != tuple(
        str(number) for number in range(1, len(evaluation.spec) + 1)
    )
    others = [unit for unit in evaluation.units if unit != "px"]
    lines = Table(
        title="Distance of predicted from manual landmarks, in px unless stated",
        box=None,
        padding=(0, 1),
        header_style="bold",
    )
    lines.add_column("landmark", justify="right")
    if named:
        lines.add_column("name")
    headings = {"px_256x192": "mean\n256x192", "units": "mean\nunits"}
    for heading in (
        "n",
        "mean",
        "sd",
        "median",
        "95 %",
        *(headings.get(unit, "mean\n% c. size") for unit in others),
        "bias\nright",
        "bias\ndown",
    ):
        lines.add_column(heading, justify="right", no_wrap=True)
    spreads = {unit: evaluation.per_landmark(unit) for unit in evaluation.units}
    overall = {unit: evaluation.overall(unit) for unit in evaluation.units}
    for index, name in enumerate(evaluation.spec.landmark_names):
        right, down = evaluation.bias[index].tolist()
        lines.add_row(
            str(index + 1),
            *([Text(name)] if named else []),
            *_figures(spreads["px"][index]),
            *(_figure(spreads[unit][index].mean) for unit in others),
            _figure(right, "+"),
            _figure(down, "+"),
            end_section=index + 1 == len(evaluation.spec),
        )
    lines.add_row(
        "all",
        *([""] if named else []),
        *_figures(overall["px"]),
        *(_figure(overall[unit].mean) for unit in others),
        style="bold",
    )
    return lines


def _curves(evaluation: Evaluation, curves: CurveComparison) -> Table:
    lines = Table(
        title="Distance of semilandmarks from manual curves, in px unless stated",
        box=None,
        padding=(0, 1),
        header_style="bold",
    )
    others = [unit for unit in evaluation.units if unit in _OF_LENGTHS]
    lines.add_column("curve")
    for heading in (
        *("n", "mean", "sd", "median", "95 %"),
        *(_OF_LENGTHS[unit] for unit in others),
        "Hausdorff\nmean",
        "Hausdorff\n95 %",
    ):
        lines.add_column(heading, justify="right", no_wrap=True)
    rows = [*zip(curves.names, curves.distances, curves.hausdorff.T, strict=True)]
    if len(rows) > 1:
        rows.append(("all", curves.together(), curves.hausdorff.ravel()))
    for name, distances, hausdorff in rows:
        greatest = Spread.of(hausdorff)
        lines.add_row(
            Text(name),
            *_figures(Spread.of(distances)),
            *(_figure(Spread.of(evaluation.in_unit(distances, unit)).mean) for unit in others),
            _figure(greatest.mean),
            _figure(greatest.p95),
        )
    return lines


def _figures(spread: Spread) -> tuple[str, ...]:
    values = (spread.mean, spread.sd, spread.median, spread.p95)
    return (str(spread.count), *(_figure(value) for value in values))


def _figure(value: float, sign: str = "") -> str:
    if math.isnan(value):
        return "-"
    return f"{value:{sign}.2f}"


def _sentences(evaluation: Evaluation) -> list[str]:
    specimens, missing = len(evaluation.images), sum(evaluation.missing)
    left_out = f", {counted(missing, 'missing landmark')} left out" if missing else ""
    landmarks = counted(len(evaluation.spec), "landmark")
    lines = ["", f"{counted(specimens, 'specimen')} of {landmarks}{left_out}"]
    for unit in evaluation.units:
        means = Spread.of(evaluation.specimen_means(unit))
        lines.append(
            f"Mean distance of a specimen, {UNIT_NAMES[unit]}: mean {_figure(means.mean)},"
            f" median {_figure(means.median)}, 95 % below {_figure(means.p95)}"
        )
    if evaluation.curves is not None:
        relative = "percent_centroid_size" in evaluation.units
        of_lengths: Unit = "percent_centroid_size" if relative else "px"
        off = evaluation.in_unit(evaluation.curves.together(), of_lengths)
        means = Spread.of(np.array([Spread.of(row).mean for row in off]))
        lines.append(
            "Mean distance of a specimen's semilandmarks from its curves,"
            f" {UNIT_NAMES[of_lengths]}: mean {_figure(means.mean)}, median"
            f" {_figure(means.median)}, 95 % below {_figure(means.p95)}"
        )
    shares = evaluation.shares()
    if not math.isnan(shares.above_far):
        lines.append(
            f"At 256 x 192: {shares.below_mean:.1%} of the landmarks below the mean,"
            f" {shares.mean_to_far:.1%} from the mean to {FAR:.0f} px, {shares.above_far:.1%}"
            f" above {FAR:.0f} px"
        )
    agreement = evaluation.agreement
    lines.append(
        f"Coordinates (mean of x and y): r2 {agreement.r2:.4f}, explained variance"
        f" {agreement.explained_variance:.4f}, Pearson {agreement.pearson:.4f}"
    )
    if evaluation.shapes is not None:
        lines += shape_sentences(evaluation.shapes)
    elif not math.isnan(evaluation.procrustes_distance):
        lines.append(
            "Procrustes distance between the mean shapes, predicted and manual:"
            f" {evaluation.procrustes_distance:.5f}"
        )
    return [*lines, *(line[0].upper() + line[1:] for line in evaluation.shape_remarks)]


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_NAMES
    more = f" and {rest} more, which the JSON summary lists" if rest > 0 else ""
    return ", ".join(names[:_MOST_NAMES]) + more
