"""What came of one photograph."""

from __future__ import annotations

from dataclasses import dataclass

from beetle_lm.predict.landmarks import Landmarks


@dataclass(frozen=True, eq=False)
class Result:
    """What came of one photograph: landmarks, or the reason why there are none.

    Args:
        name: the image's name: as found or given, 'array 1' and so on for pixels.
        size: width and height of the upright photograph; None where it could not be read.
        orientation: EXIF orientation of the file, 1 to 8.
        landmarks: in pixels of the upright photograph, inside it; None where it failed.
        error: one sentence on what went wrong; None where nothing did.
        flag: the quality flag: why the photograph should be looked at, in words; None where nothing
            speaks against its landmarks.
    """

    name: str
    size: tuple[int, int] | None
    orientation: int
    landmarks: Landmarks | None
    error: str | None
    flag: str | None = None
