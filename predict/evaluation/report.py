"""An evaluation as files: tables, summary and plots."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from beetle_lm import __version__
from beetle_lm.errors import Hint, OutputError
from beetle_lm.files import write_bytes
from beetle_lm.predict.evaluation.curves import CurveComparison
from beetle_lm.predict.evaluation.methods import methods_text
from beetle_lm.predict.evaluation.metrics import Evaluation, Unit
from beetle_lm.predict.evaluation.shape_report import (
    Rows,
    anova_rows,
    landmark_rows,
    score_rows,
    shape_summary,
)
from beetle_lm.predict.evaluation.statistics import Spread
from beetle_lm.predict.formats.csv import csv_line, guarded
from beetle_lm.predict.formats.sizes import PhotographOf
from beetle_lm.predict.images.earlier import PLOTS, SHAPE_PLOTS
from beetle_lm.predict.images.read import Read, read_image
from beetle_lm.text import encodable

METHODS = "methods.txt"
"""The comparison in the words of a paper's methods."""

PER_CURVE = "per_curve.csv"
"""Written where curves are compared."""

SHAPES = ("shape_anova.csv", "shape_scores.csv", "shape_landmarks.csv", *SHAPE_PLOTS)
"""Written where shapes are compared."""

TABLES = (
    "per_landmark",
    "per_specimen",
    "per_curve",
    "shape_anova",
    "shape_scores",
    "shape_landmarks",
)
"""Names of the tables."""

FILES = (
    *(f"{name}.csv" for name in TABLES),
    "summary.json",
    METHODS,
    *PLOTS,
)
"""What `write_evaluation` may write."""


def write_evaluation(
    evaluation: Evaluation,
    folder: Path,
    photograph_of: PhotographOf = lambda _: None,
    overwrite: bool = False,
    read: Read = read_image,
) -> None:
    """Writes the files named in `FILES` into a folder, which is created if need be.

    Args:
        evaluation: what to write.
        folder: where to write.
        photograph_of: finds the photograph of an image name, None where there is none; the worst,
            the median and the best specimen are drawn on theirs.
        overwrite: replace the files of an earlier evaluation.
        read: reads the photographs.

    Raises:
        OutputError: the folder cannot be written, or holds an evaluation already.
    """
    from beetle_lm.predict.drawing.figure import png, vector
    from beetle_lm.predict.evaluation import plots, shape_plots

    refuse_existing(folder, overwrite)
    contents = {
        **{f"{name}.csv": _csv_text(rows) for name, rows in tables(evaluation).items()},
        "summary.json": encodable(json_text(evaluation) + "\n").encode("utf-8"),
        METHODS: encodable(methods_text(summary(evaluation))).encode("utf-8"),
        "distances.png": png(plots.distances(evaluation)),
        "cumulative.png": png(plots.cumulative(evaluation)),
        "specimens.png": png(plots.specimens(evaluation, photograph_of, read)),
    }
    if evaluation.shapes is not None:
        drawn = {
            "shape_pca": shape_plots.scores(evaluation.shapes),
            "shape_errors": shape_plots.errors(evaluation.shapes),
        }
        for name, figure in drawn.items():
            contents[f"{name}.svg"] = vector(figure, "svg")
            contents[f"{name}.pdf"] = vector(figure, "pdf")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}") from error
    for name, content in contents.items():
        write_bytes(folder / name, [content])
    for name in FILES:
        if name not in contents:
            (folder / name).unlink(missing_ok=True)  # of an earlier evaluation


def tables(evaluation: Evaluation) -> dict[str, Rows]:
    """The tables that there are of an evaluation, by their names."""
    found = {
        "per_landmark": _landmark_rows(evaluation),
        "per_specimen": _specimen_rows(evaluation),
    }
    if evaluation.curves is not None:
        found["per_curve"] = _curve_rows(evaluation, evaluation.curves)
    if (shapes := evaluation.shapes) is not None:
        found["shape_anova"] = anova_rows(shapes)
        found["shape_scores"] = score_rows(shapes)
        found["shape_landmarks"] = landmark_rows(shapes, evaluation.spec)
    return found


def refuse_existing(folder: Path, overwrite: bool) -> None:
    """Makes sure that writing an evaluation into a folder replaces nothing by accident.

    Raises:
        OutputError: the folder is a file, or holds files of an evaluation and `overwrite` is False.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; give a folder")
    existing = [name for name in FILES if (folder / name).exists()]
    if existing and not overwrite:
        raise OutputError(f"{folder} holds {existing[0]} already", Hint.REPLACE_OR_ANOTHER_NAME)


def summary(evaluation: Evaluation) -> dict[str, Any]:
    """The whole evaluation except for single specimens, as JSON values; None where unknown.

    Distances are given in each unit of `Evaluation.units`; shares from 0 to 1.
    """
    units = evaluation.units
    by_rank = _images_by_rank(evaluation)
    missing = evaluation.missing
    spreads = {unit: evaluation.per_landmark(unit) for unit in units}
    landmarks = [
        {
            "landmark": number,
            "name": name,
            "distance": {unit: asdict(spreads[unit][number - 1]) for unit in units},
            "shares_256x192": asdict(shares),
            "bias_px": list(bias),
        }
        for number, (name, shares, bias) in enumerate(
            zip(
                evaluation.spec.landmark_names,
                evaluation.shares_per_landmark(),
                evaluation.bias.tolist(),
                strict=True,
            ),
            start=1,
        )
    ]
    entries: dict[str, Any] = {
        "beetle_lm": __version__,
        "part": evaluation.spec.name,
        "specimens": len(evaluation.images),
        "landmarks": len(evaluation.spec),
        "missing": {"predicted": missing[0], "manual": missing[1]},
        "only_in_predicted": list(evaluation.only_predicted),
        "only_in_manual": list(evaluation.only_manual),
        "notes": list(evaluation.notes),
        "distance": {unit: asdict(evaluation.overall(unit)) for unit in units},
        "specimen_mean_distance": {
            unit: asdict(Spread.of(evaluation.specimen_means(unit))) for unit in units
        },
        "ranked_by": evaluation.unit,
        "worst": by_rank[0],
        "median": by_rank[len(by_rank) // 2],
        "best": by_rank[-1],
        "shares_256x192": asdict(evaluation.shares()),
        "agreement": {"unit": evaluation.agreement_unit, **asdict(evaluation.agreement)},
        "procrustes_distance_of_mean_shapes": evaluation.procrustes_distance,
        "shapes": shape_summary(evaluation.shapes, evaluation.shape_remarks),
        "per_landmark": landmarks,
    }
    if evaluation.curves is not None:
        entries["per_curve"] = _curves(evaluation, evaluation.curves)
    known: dict[str, Any] = _none_for_nan(entries)
    return known


def json_text(evaluation: Evaluation) -> str:
    """`summary` as JSON."""
    return json.dumps(summary(evaluation), indent=2, ensure_ascii=False, allow_nan=False)


def _images_by_rank(evaluation: Evaluation) -> list[str]:
    ranked = [
        (rank, name) for rank, name in zip(evaluation.ranks, evaluation.images, strict=True) if rank
    ]
    return [name for _, name in sorted(ranked)]


def _curves(evaluation: Evaluation, curves: CurveComparison) -> list[dict[str, Any]]:
    units: list[Unit] = [unit for unit in evaluation.units if unit != "px_256x192"]
    return [
        {
            "curve": name,
            "distance": {
                unit: asdict(Spread.of(evaluation.in_unit(distances, unit))) for unit in units
            },
            "hausdorff": {
                unit: asdict(Spread.of(evaluation.in_unit(greatest[:, None], unit)))
                for unit in units
            },
        }
        for name, distances, greatest in zip(
            curves.names, curves.distances, curves.hausdorff.T, strict=True
        )
    ]


def _curve_rows(evaluation: Evaluation, curves: CurveComparison) -> Rows:
    """What `per_curve.csv` has: a row for each curve of each specimen."""
    sizes = evaluation.in_unit(np.ones((len(evaluation.images), 1)), "percent_centroid_size")
    return [
        {
            "image": image,
            "curve": name,
            "mean_px": (spread := Spread.of(distances[row])).mean,
            "p95_px": spread.p95,
            "hausdorff_px": float(curves.hausdorff[row, column]),
            "mean_percent_centroid_size": spread.mean * float(sizes[row, 0]),
        }
        for row, image in enumerate(evaluation.images)
        for column, (name, distances) in enumerate(zip(curves.names, curves.distances, strict=True))
    ]


def _landmark_rows(evaluation: Evaluation) -> Rows:
    rows: Rows = []
    specimens = len(evaluation.images)
    spreads = {unit: evaluation.per_landmark(unit) for unit in evaluation.units}
    shares = evaluation.shares_per_landmark() if "px_256x192" in evaluation.units else None
    for index, name in enumerate(evaluation.spec.landmark_names):
        count = spreads["px"][index].count
        row: dict[str, object] = {
            "landmark": index + 1,
            "name": name,
            "specimens": count,
            "missing": specimens - count,
        }
        for unit in evaluation.units:
            spread = spreads[unit][index]
            row |= {
                f"mean_{unit}": spread.mean,
                f"sd_{unit}": spread.sd,
                f"median_{unit}": spread.median,
                f"p95_{unit}": spread.p95,
            }
        if shares is not None:
            row |= {
                "share_below_mean": shares[index].below_mean,
                "share_mean_to_10px_256x192": shares[index].mean_to_far,
                "share_above_10px_256x192": shares[index].above_far,
            }
        bias_x, bias_y = evaluation.bias[index].tolist()
        rows.append(row | {"bias_right_px": bias_x, "bias_down_px": bias_y})
    return rows


def _specimen_rows(evaluation: Evaluation) -> Rows:
    pixels = evaluation.distances("px")
    means = {unit: evaluation.specimen_means(unit) for unit in evaluation.units}
    rows: Rows = []
    for index, image in enumerate(evaluation.images):
        known = ~np.isnan(pixels[index])
        spread = Spread.of(pixels[index])
        worst = int(np.nanargmax(pixels[index])) if known.any() else None
        row: dict[str, object] = {
            "image": image,
            "rank": evaluation.ranks[index],
            "landmarks": spread.count,
            "missing": len(known) - spread.count,
        }
        row |= {f"mean_{unit}": float(values[index]) for unit, values in means.items()}
        row |= {
            "median_px": spread.median,
            "max_px": None if worst is None else float(pixels[index, worst]),
            "worst_landmark": None if worst is None else worst + 1,
        }
        row |= {
            f"distance_{number}_px": float(distance)
            for number, distance in enumerate(pixels[index], start=1)
        }
        rows.append(row)
    return rows


def _csv_text(rows: Rows) -> bytes:
    lines = [csv_line(rows[0]), *(csv_line(map(_cell, row.values())) for row in rows)]
    return encodable("".join(lines)).encode("utf-8")


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    if isinstance(value, str):
        return guarded(value)
    return "" if value is None else value


def _none_for_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _none_for_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_none_for_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
