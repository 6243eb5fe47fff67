"""What results files say of one photograph."""

from __future__ import annotations

from dataclasses import dataclass, replace

from beetle_lm.predict.formats.tps import TpsRecord
from beetle_lm.predict.landmarks import Floats


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

    def tps_record(self, id: str) -> TpsRecord | None:
        """The record of the photograph in a TPS file; None where it stands in no landmark file.

        Args:
            id: identifies it.
        """
        if self.xy is None or self.size is None:
            return None
        record = TpsRecord.from_image_xy(self.xy, self.size, self.image, id, self.units_per_px)
        if self.status == "flagged":
            record = replace(record, comments=(f"flagged: {self.reason}",))
        return record
