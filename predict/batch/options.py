"""How photographs are predicted and what is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from beetle_lm.predict.batch.result_files import Format
from beetle_lm.predict.images.orientation import ExifFrame
from beetle_lm.predict.images.read import MAX_PIXELS
from beetle_lm.predict.scales.sources import ScaleSource

Pages = Literal["first", "all"]
"""Which pictures of a file are photographs: the first, or each."""

Flagged = Literal["keep", "missing", "drop"]
"""How the landmarks of flagged photographs are written: as others, as missing, or not at all."""


CurvesAs = Literal["curves", "append"]
"""How semilandmarks are written: as curves, or as further landmarks."""


@dataclass(frozen=True)
class Options:
    """How photographs are predicted and what is written.

    Args:
        formats: landmark files to write.
        exif: frame of the written coordinates.
        min_score: landmarks with a lower score are written as missing.
        flagged: how the landmarks of flagged photographs are written.
        curves: how semilandmarks are written.
        scale: where the scales of photographs come from; None where they are not known.
        overlay: also draw the landmarks on the photographs, and an overview of some of them.
        batch_size: photographs that go through the model at once.
        workers: threads that read photographs.
        max_pixels: photographs of more pixels are refused.
        isolate: decode photographs in processes of their own.
        pages: which pictures of TIFF files that hold several are photographs.
        many: all specimens of a photograph are looked for, and each has rows of its own.
    """

    formats: tuple[Format, ...] = ("tps", "csv")
    exif: ExifFrame = "apply"
    min_score: float = 0.0
    flagged: Flagged = "keep"
    curves: CurvesAs = "curves"
    scale: ScaleSource | None = None
    overlay: bool = False
    batch_size: int = 8
    workers: int = 2
    max_pixels: int = MAX_PIXELS
    isolate: bool = False
    pages: Pages = "first"
    many: bool = False
