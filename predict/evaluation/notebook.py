"""The plots and tables of an evaluation for a notebook, by the names of their files."""

from __future__ import annotations

from typing import Any, Literal, get_args

from beetle_lm.errors import LandmarkError
from beetle_lm.predict.data_frame import data_frame
from beetle_lm.predict.drawing.figure import Plot
from beetle_lm.predict.evaluation import plots, report, shape_plots
from beetle_lm.predict.evaluation.metrics import Evaluation

PlotName = Literal["distances", "cumulative", "shape_pca", "shape_errors"]


def plot_of(evaluation: Evaluation, name: PlotName) -> Plot:
    """See `Evaluation.plot`."""
    if name not in get_args(PlotName):
        names = ", ".join(map(repr, get_args(PlotName)))
        raise ValueError(f"a plot is one of {names}, not {name!r}")
    if name in ("distances", "cumulative"):
        draw = plots.distances if name == "distances" else plots.cumulative
        return draw(evaluation)
    if evaluation.shapes is None:
        raise LandmarkError(evaluation.shape_remarks[-1])
    return (shape_plots.scores if name == "shape_pca" else shape_plots.errors)(evaluation.shapes)


def table_of(evaluation: Evaluation, name: str) -> Any:
    """See `Evaluation.table`."""
    tables = report.tables(evaluation)
    if name not in report.TABLES:
        raise ValueError(f"a table is one of {', '.join(map(repr, report.TABLES))}, not {name!r}")
    if name not in tables:
        is_of_shapes = name.startswith("shape")
        told = evaluation.shape_remarks[-1] if is_of_shapes else "no curves are compared"
        raise LandmarkError(told)
    rows = tables[name]
    return data_frame(list(rows[0]), [list(row.values()) for row in rows])
