"""TPS files as tpsDig, geomorph, MorphoJ and ml-morph exchange them: the records and the writer.

In a TPS file y points up from the image's bottom edge. Nothing outside this file knows of that:
`TpsRecord.image_xy` and `TpsRecord.from_image_xy` go to and from image coordinates.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np

from beetle_lm.errors import LandmarkError
from beetle_lm.files import write_text
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import base_name, encodable, fixed

_DECIMALS = 5
_MISSING_ROW = "-1.00000 -1.00000"

_log = logging.getLogger("beetle_lm")


def flip_y(xy: Floats, height: float) -> Floats:
    """Coordinates (..., 2) with y up from the bottom edge as ones with y down from the top edge.

    It is its own inverse.

    Args:
        xy: coordinates in pixels; NaN stays NaN.
        height: height of the image in pixels.
    """
    return np.stack([xy[..., 0], height - xy[..., 1]], axis=-1)


@dataclass(frozen=True, eq=False)
class TpsRecord:
    """One specimen of a TPS file.

    Args:
        points: (n, 2) coordinates as in the file, y up; NaN in both where a landmark is missing.
        image: name of the photograph as the file gives it, None without ``IMAGE=``.
        id: identifier, None without ``ID=``.
        scale: units per pixel, None where unknown. The coordinates are not multiplied by it.
        curves: the (m, 2) points of each curve, y up, NaN where missing.
        comments: the texts of ``COMMENT=``.
        others: lines of keys that are not known here, with the rows that follow them, as they are.
        line: where the record begins in its file, counted from 1; 0 for one that was never read.

    Raises:
        LandmarkError: an array is not (n, 2), a coordinate is infinite, both coordinates of a point
            are negative (TPS has no other way to say 'missing'), or the scale is not positive.
    """

    points: Floats
    image: str | None = None
    id: str | None = None
    scale: float | None = None
    curves: tuple[Floats, ...] = ()
    comments: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    line: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", _checked(self.points))
        object.__setattr__(self, "curves", tuple(_checked(curve) for curve in self.curves))
        if self.scale is not None and not 0 < self.scale < float("inf"):
            raise LandmarkError(
                f"a scale is a positive number of units per pixel, not {self.scale}"
            )

    def image_xy(self, height: float) -> Floats:
        """The landmarks (n, 2) in image coordinates, y down.

        Args:
            height: height of the image in pixels.
        """
        return flip_y(self.points, height)

    @classmethod
    def from_image_xy(
        cls,
        xy: Floats,
        size: tuple[int, int],
        image: str,
        id: str | None = None,
        scale: float | None = None,
    ) -> TpsRecord:
        """A record from image coordinates.

        Landmarks outside the image are moved to its edge: other programs take a negative
        coordinate for a missing landmark.

        Args:
            xy: (n, 2) image pixels, y down; NaN where a landmark is missing.
            size: width and height of the image in pixels.
            image: name of the photograph.
            id: identifier; without one the writer makes one from the name.
            scale: units per pixel, None where unknown.
        """
        inside = np.clip(xy, 0.0, np.asarray(size, np.float64))
        return cls(flip_y(inside, size[1]), image=image, id=id, scale=scale)


def _checked(points: Floats) -> Floats:
    points = np.array(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise LandmarkError(f"the points of a TPS record must be (n, 2), got {points.shape}")
    points[np.isnan(points).any(axis=1)] = np.nan
    if np.isinf(points).any():
        raise LandmarkError("a coordinate is infinite")
    if (points < 0).all(axis=1).any():
        raise LandmarkError("a point with two negative coordinates would be missing in a TPS file")
    return points


def format_record(record: TpsRecord, keep_folders: bool = False) -> str:
    """A record as TPS text, ending in a line feed.

    Coordinates are in fixed point with 5 decimals and one space between; a missing point is
    ``-1.00000 -1.00000``; ``IMAGE=`` has no folders; ``ID=`` is always there, made from the image's
    name where the record has none; ``SCALE=`` is left out where unknown. One record cannot see that
    its ID is unique in the file: `TpsFormatter` does.

    Args:
        record: the specimen.
        keep_folders: write the image's folders: where photographs in several have the same name.
    """
    lines = [f"LM={len(record.points)}", *_rows(record.points)]
    if record.curves:
        lines.append(f"CURVES={len(record.curves)}")
        for curve in record.curves:
            lines += [f"POINTS={len(curve)}", *_rows(curve)]
    if record.image is not None:
        image = record.image if keep_folders else base_name(record.image)
        lines.append(f"IMAGE={_one_line(image)}")
    lines.append(f"ID={_id_of(record)}")
    if record.scale is not None:
        lines.append(f"SCALE={Decimal(repr(float(record.scale))):f}")
    lines += [f"COMMENT={_one_line(comment)}" for comment in record.comments]
    lines += [_one_line(other) for other in record.others]
    return "\n".join(lines) + "\n"


class TpsFormatter:
    """Formats the records of one file one after the other, so that no two have the same ID.

    It warns once of what other programs would stumble over.
    """

    def __init__(self) -> None:
        self._given: dict[str, int] = {}
        self._warned = False

    def format(self, record: TpsRecord, keep_folders: bool = False) -> str:
        """As `format_record`, with the number of the repetition behind an ID that was there."""
        wanted = _id_of(record)
        unique = self._unique(wanted)
        if record.id is not None and unique != wanted:
            _log.warning("the ID %s occurs more than once; it is written as %s", wanted, unique)
        self._warn_of_name(record.image)
        return format_record(replace(record, id=unique), keep_folders)

    def _unique(self, wanted: str) -> str:
        unique = wanted
        while unique in self._given:
            self._given[wanted] += 1
            unique = f"{wanted}_{self._given[wanted]}"
        self._given[unique] = 1
        return unique

    def _warn_of_name(self, image: str | None) -> None:
        if self._warned or image is None:
            return
        name = base_name(image)
        if "ID" in name or "SCALE" in name:
            self._warned = True
            _log.warning(
                "geomorph's readland.tps may take IMAGE=%s for the line of the ID or scale, because"
                " the name contains 'ID' or 'SCALE'; rename the photograph, or read it with"
                ' specID = "imageID"',
                name,
            )


def write_tps(path: str | Path, records: Iterable[TpsRecord]) -> None:
    """Writes a TPS file whole or not at all: UTF-8 without BOM, LF line ends, unique IDs.

    Args:
        path: the file; one that is there is replaced.
        records: the specimens; `TpsRecord.from_image_xy` makes one of landmarks in pixels, y down.

    Raises:
        OutputError: the file cannot be written.
    """
    formatter = TpsFormatter()
    write_text(Path(path), (formatter.format(record) for record in records))


def _id_of(record: TpsRecord) -> str:
    name = _one_line(base_name(record.image or ""))
    return _one_line(record.id or "") or name.rpartition(".")[0] or name or "specimen"


def _rows(points: Floats) -> list[str]:
    return [
        _MISSING_ROW if math.isnan(x) else f"{fixed(x, _DECIMALS)} {fixed(y, _DECIMALS)}"
        for x, y in points.tolist()
    ]


def _one_line(text: str) -> str:
    return encodable(text.replace("\r", " ").replace("\n", " ")).strip()
