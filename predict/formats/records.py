"""What a landmark file holds: a record for each specimen, whichever kind of file it came from.

TPS files, and some tables, count y upwards from the image's bottom edge. A record keeps the
coordinates as its file has them and says so (`Record.y_up`); it turns them once the image's height
is known. Nothing outside this room sees an upward y.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from beetle_lm.errors import LandmarkError
from beetle_lm.predict.images.header import Header
from beetle_lm.predict.images.orientation import ExifFrame, to_upright
from beetle_lm.predict.images.specimens import number_of, specimen_name
from beetle_lm.predict.landmarks import Floats


@dataclass(frozen=True, eq=False)
class Record:
    """The landmarks of one specimen as a landmark file gives them.

    Args:
        points: (n, 2) coordinates in pixels; NaN in both where a landmark is missing.
        image: name of the photograph as the file gives it, None where it gives none.
        id: identifier, None where the file gives none.
        scale: units per pixel, None where unknown. The coordinates are not multiplied by it.
        line: where the record begins in its file, counted from 1; 0 for one that was never read, or
            from a file that has no lines.
        number: the record's place in its file, counted from 1; 0 for one that was never read.
        y_up: True where y points up from the bottom edge of the image, False where `points` are
            image coordinates.
        names: the landmarks' names, None where the file has none.
        score: (n,) scores from 0 to 1, NaN where unknown; None where the file has none.
        expected_error: (n,) expected errors in pixels, in the same way.
        curves: the (m, 2) points of each curve, in the same frame as `points`; NaN where missing.
        curve_names: what the curves are called, None where the file does not say.
        control_points: whether every second point of a curve lies beside it, as the control point
            of a quadratic Bézier curve; None where the file does not say.

    Raises:
        LandmarkError: points are not (n, 2), or a coordinate is infinite.
    """

    points: Floats
    image: str | None = None
    id: str | None = None
    scale: float | None = None
    line: int = 0
    number: int = 0
    y_up: bool = False
    names: tuple[str, ...] | None = None
    score: Floats | None = None
    expected_error: Floats | None = None
    curves: tuple[Floats, ...] = ()
    curve_names: tuple[str, ...] | None = None
    control_points: bool | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", checked_points(self.points))
        object.__setattr__(self, "curves", tuple(checked_points(curve) for curve in self.curves))

    @property
    def name(self) -> str:
        """What the specimen goes by: its image, without one its ID, else its place in the file.

        An ID that tells its number in the photograph gives it the name of a specimen (see
        `beetle_lm.predict.images.specimens`).
        """
        number = None if self.id is None else number_of(self.id)
        if self.image and number is not None and number_of(self.image) is None:
            return specimen_name(self.image, number)
        return self.image or self.id or str(self.number)

    @property
    def place(self) -> str:
        """Where the record stands in its file, for messages."""
        return f"line {self.line}" if self.line else f"record {self.number}"

    @property
    def is_named(self) -> bool:
        """Whether the file names the specimen, by an image or an ID."""
        return bool(self.image or self.id)

    @property
    def is_annotated(self) -> bool:
        """Whether landmarks were placed: some are there, and not all in one place.

        Programs that digitise begin with such records and fill them in one by one.
        """
        there = self.points[~np.isnan(self.points[:, 0])]
        if len(there) > 1:
            return bool((there != there[0]).any())
        return len(there) == 1 and bool(there.any())

    def in_image(self, height: float) -> Floats:
        """The landmarks (n, 2) in image coordinates, y down.

        Args:
            height: height of the image in pixels; of no effect where the file counts y downwards.
        """
        return self._in_image(self.points, height)

    def curves_in_image(self, height: float) -> tuple[Floats, ...]:
        """The points of the curves in image coordinates, as the landmarks of `in_image`."""
        return tuple(self._in_image(curve, height) for curve in self.curves)

    def _in_image(self, points: Floats, height: float) -> Floats:
        return flip_y(points, height) if self.y_up else points

    @property
    def y_down(self) -> Floats:
        """The landmarks (n, 2) with y down where the image's height is unknown.

        Differences between landmarks are right. Places are too where the file counts y downwards;
        else all of them are off by the height.
        """
        return self.in_image(0.0)

    def upright(self, photograph: Header, frame: ExifFrame) -> Floats:
        """The landmarks (n, 2) in image coordinates of the upright photograph.

        Args:
            photograph: header of the photograph.
            frame: what the landmarks were placed on.
        """
        return self._upright(self.points, photograph, frame)

    def curves_upright(self, photograph: Header, frame: ExifFrame) -> tuple[Floats, ...]:
        """The points of the curves, as the landmarks of `upright`."""
        return tuple(self._upright(curve, photograph, frame) for curve in self.curves)

    def _upright(self, points: Floats, photograph: Header, frame: ExifFrame) -> Floats:
        xy = self._in_image(points, photograph.size_in(frame)[1])
        if frame == "apply":
            return xy
        return to_upright(xy, photograph.orientation, photograph.size)


def places(first: Record, second: Record) -> str:
    """Where two records of one file stand in it, for messages."""
    if first.line and second.line:
        return f"lines {first.line} and {second.line}"
    return f"records {first.number} and {second.number}"


def flip_y(xy: Floats, height: float) -> Floats:
    """Coordinates (..., 2) with y up from the bottom edge as ones with y down from the top edge.

    It is its own inverse.

    Args:
        xy: coordinates in pixels; NaN stays NaN.
        height: height of the image in pixels.
    """
    return np.stack([xy[..., 0], height - xy[..., 1]], axis=-1)


def checked_points(points: Floats) -> Floats:
    """A copy of points that are (n, 2) and finite, with NaN in both coordinates or in none.

    Raises:
        LandmarkError: they are not.
    """
    points = np.array(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise LandmarkError(f"the points of a record must be (n, 2), got {points.shape}")
    points[np.isnan(points).any(axis=1)] = np.nan
    if np.isinf(points).any():
        raise LandmarkError("a coordinate is infinite")
    return points
