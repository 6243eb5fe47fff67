"""How far predicted curves are from manual ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from beetle_lm.errors import LandmarkError
from beetle_lm.predict.curves import distances, evenly_spaced
from beetle_lm.predict.formats.curves import curves_in_order, with_lines
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.landmarks import Floats
from beetle_lm.zoo.model_file.parts import DEFAULT_SEMILANDMARKS, Curve, PartSpec

_FINE = 200  # points by which a line is compared as a whole


@dataclass(frozen=True, eq=False)
class CurveComparison:
    """Predicted and manual curves of the same specimens.

    Distances are those of the predicted semilandmarks, evenly spaced between the curve's ends, from
    the manual curve as a line: along the curve a semilandmark has no exact place.

    Args:
        names: of the C curves.
        distances: for each curve (S, n) in pixels, of its n semilandmarks on S specimens; NaN where
            either curve is missing.
        hausdorff: (S, C) in pixels: the greatest distance of any point of either curve from the
            other.
    """

    names: tuple[str, ...]
    distances: tuple[Floats, ...]
    hausdorff: Floats

    def together(self) -> Floats:
        """(S, all n) the distances of all curves."""
        return np.concatenate(self.distances, axis=1)


def compare_curves(
    pairs: Sequence[tuple[Record, Record]], heights: Sequence[float], spec: PartSpec
) -> tuple[CurveComparison | None, list[str]]:
    """Compares the curves of specimens.

    Args:
        pairs: a predicted and a manual record of each specimen.
        heights: of the images in pixels; of no effect where both sides count y the same way.
        spec: the part; where it has no curves they are taken in the order of the files.

    Returns:
        The comparison, None where no specimen has curves on both sides; and sentences on what was
        read or left out.
    """
    sides = [with_lines([pair[side] for pair in pairs]) for side in (0, 1)]
    predicted, manual = (records for records, _ in sides)
    have = [any(record.curves for record in records) for records in (predicted, manual)]
    if not all(have):
        there, lacking = ("predicted", "manual") if have[0] else ("manual", "predicted")
        told = f"the {there} curves are not compared: there are no {lacking} ones"
        return None, [told] if any(have) else []
    remarks = [
        f"{side}: {remark}"
        for side, (_, remark) in zip(("predicted", "manual"), sides, strict=True)
        if remark
    ]
    part = spec if spec.curves else replace(spec, curves=_curves_in([*predicted, *manual]))
    semilandmarks = [curve.semilandmarks for curve in part.curves]
    found = [np.full((len(pairs), n), np.nan) for n in semilandmarks]
    hausdorff = np.full((len(pairs), len(part.curves)), np.nan)
    for row, (one, other, height) in enumerate(zip(predicted, manual, heights, strict=True)):
        try:
            lines = [_in_image(record, part, height) for record in (one, other)]
        except LandmarkError as error:
            remarks.append(f"the curves of {one.name} are not compared: {error}")
            continue
        for index, (ours, theirs) in enumerate(zip(*lines, strict=True)):
            if len(ours) < 2 or len(theirs) < 2:
                continue
            points = evenly_spaced(ours, semilandmarks[index] + 2)[1:-1]
            found[index][row] = distances(points, theirs)
            one_way, back = evenly_spaced(ours, _FINE), evenly_spaced(theirs, _FINE)
            hausdorff[row, index] = max(
                distances(one_way, theirs).max(), distances(back, ours).max()
            )
    names = tuple(curve.name for curve in part.curves)
    return CurveComparison(names, tuple(found), hausdorff), remarks


def _curves_in(records: Sequence[Record]) -> tuple[Curve, ...]:
    """The curves of records whose part says nothing of them, by their names or numbers."""
    longest = max(records, key=lambda record: len(record.curves))
    names = next((r.curve_names for r in records if r.curve_names), None)
    if names is None or len(names) < len(longest.curves):
        names = tuple(f"curve {number + 1}" for number in range(len(longest.curves)))
    return tuple(Curve(name, 1, 1, DEFAULT_SEMILANDMARKS) for name in names)


def _in_image(record: Record, part: PartSpec, height: float) -> tuple[Floats, ...]:
    """The lines of a record in the order of its part, y down."""
    lines = curves_in_order(record, part)
    return Record(np.empty((0, 2)), curves=lines, y_up=record.y_up).curves_in_image(height)
