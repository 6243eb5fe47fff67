"""The comparison of shapes as tables and a summary."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from beetle_lm.predict.evaluation.resampling import PERMUTATIONS, RESAMPLES
from beetle_lm.predict.evaluation.shapes import Ellipse, ShapeComparison
from beetle_lm.zoo.model_file.parts import PartSpec

Rows = list[dict[str, object]]


def shape_summary(shapes: ShapeComparison | None, remarks: tuple[str, ...]) -> dict[str, Any]:
    """All but single specimens and landmarks, as JSON values; NaN where unknown."""
    if shapes is None:
        return {"specimens": 0, "notes": list(remarks)}
    components = shapes.components
    return {
        "specimens": len(shapes.images),
        "notes": list(remarks),
        "anova": anova_rows(shapes),
        "repeatability": asdict(shapes.repeatability),
        "procrustes_variance": {
            "manual": asdict(shapes.manual_variance),
            "predicted": asdict(shapes.predicted_variance),
            "predicted_over_manual": asdict(shapes.variance_ratio),
            "p": shapes.variance_p,
        },
        "distance_of_mean_shapes": {**asdict(shapes.mean_distance), "p": shapes.sources[1].p},
        "components": [
            {"component": number, "share": share, "correlation": correlation}
            for number, (share, correlation) in enumerate(
                zip(components.shares.tolist(), components.correlations.tolist(), strict=True),
                start=1,
            )
        ],
        "angle_of_first_components": shapes.first_axis_angle,
        "correlation_of_distances": shapes.distance_correlation,
        "permutations": PERMUTATIONS,
        "resamples": RESAMPLES,
    }


def anova_rows(shapes: ShapeComparison) -> Rows:
    """The rows of `shape_anova.csv`."""
    return [
        {
            "source": row.name,
            "df": row.df,
            "ss": row.ss,
            "ms": row.ms,
            "f": row.f,
            "r2": share,
            "p": row.p,
        }
        for row, share in zip(shapes.sources, shapes.share_of_variance, strict=True)
    ]


def score_rows(shapes: ShapeComparison) -> Rows:
    """The rows of `shape_scores.csv`: one for each specimen."""
    components = shapes.components
    rows: Rows = []
    for index, (image, distance) in enumerate(
        zip(shapes.images, shapes.pair_distances.tolist(), strict=True)
    ):
        row: dict[str, object] = {"image": image, "procrustes_distance": distance}
        for side in ("manual", "predicted"):
            scores = getattr(components, side)[index].tolist()
            row |= {f"{side}_pc{number}": score for number, score in enumerate(scores, start=1)}
        rows.append(row)
    return rows


def landmark_rows(shapes: ShapeComparison, spec: PartSpec) -> Rows:
    """The rows of `shape_landmarks.csv`: where landmarks lie, how they vary, and their errors.

    All lengths are shares of centroid size; y points down.
    """
    rows: Rows = []
    for index, name in enumerate(spec.landmark_names):
        x, y = shapes.mean[index].tolist()
        error = Ellipse.of(shapes.errors[:, index])
        variation = Ellipse.of(shapes.manual[:, index])
        rows.append(
            {
                "landmark": index + 1,
                "name": name,
                "mean_x": x,
                "mean_y_down": y,
                "error_x": error.middle[0],
                "error_y_down": error.middle[1],
                "error_major": error.major,
                "error_minor": error.minor,
                "error_angle": error.angle,
                "variation_major": variation.major,
                "variation_minor": variation.minor,
                "variation_angle": variation.angle,
            }
        )
    return rows
