"""What results files say of one photograph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from beetle_lm.predict.formats.tps import TpsRecord
from beetle_lm.predict.landmarks import Floats, curve_points
from beetle_lm.zoo.model_file.parts import PartSpec


@dataclass(frozen=True, eq=False)
class ResultRow:
    """What came of one photograph, as it is written.

    Args:
        image: its name.
        status: 'ok', 'flagged' or 'failed'.
        reason: why it is not ok; empty where it is.
        size: width and height in the frame of the landmarks; None where it was not read.
        xy: (n, 2) pixels, y down; NaN where a landmark is left out, and None where there are none.
        score: (n,) from 0 to 1; None where it failed.
        expected_error: (n,) pixels; None where it failed.
        units_per_px: its scale, None where unknown.
        scale_note: what there is to say of its scale.
        semilandmarks: (s, 2) of the part's curves, like `xy`; s is 0 where it has none.
        semilandmark_error: (s,) pixels; None where it failed.
    """

    image: str
    status: str
    reason: str
    size: tuple[int, int] | None
    xy: Floats | None
    score: Floats | None
    expected_error: Floats | None
    units_per_px: float | None
    scale_note: str
    semilandmarks: Floats | None = None
    semilandmark_error: Floats | None = None

    def appended(self) -> Self:
        """The same with the semilandmarks as further landmarks, whose scores nobody gave."""
        if self.xy is None or self.semilandmarks is None:
            return self
        assert self.score is not None
        assert self.expected_error is not None and self.semilandmark_error is not None
        unknown = np.full(len(self.semilandmarks), np.nan)
        return replace(
            self,
            xy=np.concatenate((self.xy, self.semilandmarks)),
            score=np.concatenate((self.score, unknown)),
            expected_error=np.concatenate((self.expected_error, self.semilandmark_error)),
            semilandmarks=None,
            semilandmark_error=None,
        )

    def tps_record(self, id: str, spec: PartSpec) -> TpsRecord | None:
        """The record of the photograph in a TPS file; None where it stands in no landmark file.

        Args:
            id: identifies it.
            spec: the part.
        """
        if self.xy is None or self.size is None:
            return None
        curves = None
        if spec.curves and self.semilandmarks is not None:
            curves = curve_points(spec, self.xy, self.semilandmarks)
        record = TpsRecord.from_image_xy(
            self.xy, self.size, self.image, id, self.units_per_px, curves
        )
        if self.status == "flagged":
            record = replace(record, comments=(f"flagged: {self.reason}",))
        return record
