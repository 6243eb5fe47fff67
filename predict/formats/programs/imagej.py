"""Points placed in ImageJ or Fiji: lists of coordinates, tables of results, and selections.

"Save As > XY Coordinates" writes a line with x and y for each point, "Measure" a table with the
columns X and Y, and the name of the picture where "Display label" is on. A selection is a file
``.roi``; the ROI manager writes several into a ``.zip``. y points down; the numbers are pixels
where the picture has no scale in ImageJ.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from beetle_lm.errors import LandmarkFileError, require_extra
from beetle_lm.predict.formats.csv import unguarded
from beetle_lm.predict.formats.programs.found import Contents, Found, coordinate
from beetle_lm.predict.formats.rows import Row, Rows
from beetle_lm.predict.formats.text import read_bytes
from beetle_lm.text import counted, printable, shown

ROI, ZIP = b"Iout", b"PK\x03\x04"
"""How a file of one selection and one of several begin."""

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_PAIR = re.compile(rf"[ ]*{_NUMBER}(?:[ ]*[,\t][ ]*|[ ]+){_NUMBER}[ \t]*(?=[\r\n]|\Z)", re.ASCII)
_LEADING = frozenset({"", "index", "label", "x"})
_GIVEN = re.compile(r"(?:\d{4}-)?\d{4}-\d{4}(?:-\d+)?", re.ASCII)  # what ImageJ calls a point
_LARGEST, _MOST = 16 << 20, 10_000


def is_list(text: str) -> bool:
    """Whether a text is a list of coordinates: it begins with a pair of numbers."""
    return _PAIR.match(text.lstrip()) is not None


def is_table(headings: Sequence[str]) -> bool:
    """Whether a table with that first row is one of ImageJ's results with points."""
    return {"X", "Y"} <= set(headings) and headings[0].lower() in _LEADING


def from_list(path: Path, text: str) -> Contents:
    """The specimen of a list, which goes by the file's name.

    Raises:
        LandmarkFileError: a line has no two numbers.
    """
    points: dict[str, tuple[float, float]] = {}
    first = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        if not _PAIR.fullmatch(line.rstrip()):
            found = f"expected x and y as in the lines before, found {shown(line.strip())}"
            raise LandmarkFileError(path, number, found)
        x, y = re.split(r"[\s,]+", line.strip())
        first = first or number
        points[str(len(points) + 1)] = coordinate(path, number, x), coordinate(path, number, y)
    return Contents([Found(path.stem, points, first)])


def from_table(path: Path, text: str) -> Contents:
    """The specimens of a table: by the picture in the labels, or the file's name without them.

    Raises:
        LandmarkFileError: something is not as ImageJ writes it, or points are of several slices.
    """
    rows = Rows(path, text)
    header = next(iter(rows))
    columns = [cell.strip() for cell in header.cells]
    x, y = columns.index("X"), columns.index("Y")
    label = columns.index("Label") if "Label" in columns else None
    slices = columns.index("Slice") if "Slice" in columns else None
    own: dict[str, list[tuple[Row, str]]] = {}
    for row in rows.checked(rows, columns, 2):
        picture, _, name = ("", "", "")
        if label is not None:
            picture, _, name = unguarded(rows.name(row, label)).partition(":")
        own.setdefault(picture or path.stem, []).append((row, name))
    if not own:
        raise rows.error(header.line, "holds no landmarks: no row after the first")
    specimens = []
    for picture, found in own.items():
        if slices is not None and len({row.cells[slices] for row, _ in found}) > 1:
            what = f"the points of {shown(picture)} are of several slices; measure one at a time"
            raise rows.error(found[0][0].line, what)
        points = [tuple(rows.points(row, [(x, y)])[0].tolist()) for row, _ in found]
        names = _names([name for _, name in found])
        specimens.append(Found(picture, dict(zip(names, points, strict=True)), found[0][0].line))
    return Contents(specimens)


def from_selections(path: Path) -> Contents:
    """The specimens of one or several selections.

    Of several points each, every selection is a specimen; single points are one specimen together.
    A specimen that is alone goes by the file's name.

    Raises:
        LandmarkFileError: a file is damaged, or holds no points.
        MissingExtraError: roifile is not installed.
    """
    with require_extra("imagej"):
        from roifile import ROI_TYPE, ImagejRoi
    several: list[tuple[str, list[tuple[float, float]]]] = []
    others = 0
    for name, content in _files(path, read_bytes(path)):
        try:
            roi = ImagejRoi.frombytes(content)
            is_points = roi.roitype == ROI_TYPE.POINT
            places = np.asarray(roi.coordinates()).tolist() if is_points else []
            named = str(roi.name or name)
        except Exception as error:  # roifile raises whatever a damaged file leads to
            found = f"{shown(name)} is damaged: {printable(str(error))[:200]}"
            raise LandmarkFileError(path, None, found) from error
        if places:
            several.append((named, [_place(path, place) for place in places]))
        else:
            others += 1
    left_out = counted(others, "selection that is", "selections that are")
    remarks = [f"{left_out} no points left out"] if others else []
    lists = [each for each in several if len(each[1]) > 1]
    if len(lists) > 1 or not lists:
        single = [(name, places[0]) for name, places in several if len(places) == 1]
        specimens = [Found(name, _numbered(places), 0) for name, places in lists]
        if single and lists:
            found = "has single points beside selections of several; save those of one picture"
            raise LandmarkFileError(path, None, found)
        if single:
            names = _names([name for name, _ in single])
            own = dict(zip(names, (place for _, place in single), strict=True))
            specimens = [Found(path.stem, own, 0)]
        return Contents(specimens, (), remarks)
    if len(several) > 1:
        found = "has single points beside a selection of several; save those of one picture"
        raise LandmarkFileError(path, None, found)
    return Contents([Found(path.stem, _numbered(lists[0][1]), 0)], (), remarks)


def _files(path: Path, data: bytes) -> list[tuple[str, bytes]]:
    """The selections with their names."""
    if data.startswith(ROI):
        return [(path.stem, data)]
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inside = [one for one in archive.infolist() if one.filename.lower().endswith(".roi")]
            if len(inside) > _MOST or any(one.file_size > _LARGEST for one in inside):
                raise LandmarkFileError(path, None, "holds more than selections of points can")
            if sum(one.file_size for one in inside) > 4 * _LARGEST:
                raise LandmarkFileError(path, None, "holds more than selections of points can")
            if not inside:
                raise LandmarkFileError(path, None, "is an archive without selections (.roi)")
            return [(Path(one.filename).stem, archive.read(one)) for one in inside]
    except LandmarkFileError:
        raise
    except Exception as error:  # zipfile raises whatever a damaged file leads to
        raise LandmarkFileError(path, None, "is a damaged archive") from error


def _place(path: Path, place: Sequence[float]) -> tuple[float, float]:
    return coordinate(path, None, place[0]), coordinate(path, None, place[1])


def _numbered(places: Sequence[tuple[float, float]]) -> dict[str, tuple[float, float]]:
    return {str(number): place for number, place in enumerate(places, start=1)}


def _names(given: Sequence[str]) -> list[str]:
    """The landmarks' names, where a person gave them all; else their numbers."""
    own = all(given) and len(set(given)) == len(given)
    if own and not any(_GIVEN.fullmatch(name) for name in given):
        return list(given)
    return [str(number) for number in range(1, len(given) + 1)]
