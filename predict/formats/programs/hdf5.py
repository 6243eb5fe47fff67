"""HDF5: DeepLabCut's ``CollectedData_NAME.h5``, and SLEAP's projects, which are HDF5, too.

DeepLabCut writes tables of pandas, whose layout is read here with h5py alone. Of its two layouts
the one called table keeps the headings pickled; nothing but lists, tuples and strings is unpickled.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from beetle_lm.errors import LandmarkFileError, require_extra
from beetle_lm.predict.formats.coordinates import GREATEST
from beetle_lm.predict.formats.programs import deeplabcut, sleap
from beetle_lm.predict.formats.programs.found import Contents
from beetle_lm.predict.landmarks import Floats

MAGIC = b"\x89HDF\r\n\x1a\n"
"""How such a file begins."""

_KINDS = "projects of SLEAP (.slp), labels of DeepLabCut"


def contents(path: Path) -> Contents:
    """The specimens of a file.

    Raises:
        LandmarkFileError: it is damaged, or of another program.
        MissingExtraError: the library is missing that reads it.
    """
    with require_extra("sleap" if path.suffix.lower() == ".slp" else "deeplabcut"):
        import h5py
    try:
        with h5py.File(path, "r") as file:
            is_project = {"metadata", "instances"} <= file.keys()
            table = None if is_project else _table(file)
    except LandmarkFileError:
        raise
    except Exception as error:  # h5py has many
        raise LandmarkFileError(path, None, "is damaged, or no HDF5") from error
    if is_project:
        return sleap.from_project(path)
    if table is None:
        raise LandmarkFileError(path, None, f"is HDF5, but of none of these: {_KINDS}")
    return _deeplabcut(path, *table)


def _deeplabcut(
    path: Path, columns: list[tuple[str, ...]], images: list[str], values: Floats
) -> Contents:
    if any(len(column) not in (3, 4) for column in columns):
        found = "is a table of pandas, but not one of DeepLabCut: scorer, bodyparts and coords"
        raise LandmarkFileError(path, None, found)
    if (np.abs(values) >= GREATEST).any():
        raise LandmarkFileError(path, None, "no photograph has coordinates like those in it")
    named = [
        deeplabcut.Column(column[1] if len(column) == 4 else "", column[-2], column[-1].lower())
        for column in columns
    ]
    layout = deeplabcut.layout_of(path, None, named)
    specimens = deeplabcut.of_rows(images, layout, values.tolist())
    return Contents(specimens, list(next(iter(layout.values()))))


def _table(file: Any) -> tuple[list[tuple[str, ...]], list[str], Floats] | None:
    """Headings, names of the rows and values; None where there is no table of pandas."""
    kinds = {key: group.attrs.get("pandas_type") for key, group in file.items()}
    key = next((key for key, kind in kinds.items() if kind in (b"frame", b"frame_table")), None)
    if key is None:
        return None
    group = file[key]
    if kinds[key] == b"frame":
        blocks = range(int(group.attrs["nblocks"]))
        columns = [name for i in blocks for name in _axis(group, f"block{i}_items")]
        values = np.concatenate([group[f"block{i}_values"][:] for i in blocks], axis=1)
        images, order = _axis(group, "axis1"), _axis(group, "axis0")
    else:
        rows = group["table"]
        values_in = [name for name in rows.dtype.names if name.startswith("values_block_")]
        headings = [_unpickled(rows.attrs[f"{name}_kind"]) for name in values_in]
        columns = [tuple(map(str, name)) for names in headings for name in names]
        ((_, named),) = _unpickled(group.attrs["non_index_axes"])
        order = [tuple(map(str, name)) for name in named]
        values = np.concatenate([rows[name] for name in values_in], axis=1)
        fields = [name for name in rows.dtype.names if name not in values_in]
        images = [tuple(_text(row[name]) for name in fields) for row in rows[:]]
    values = np.asarray(values, np.float64)
    if values.shape != (len(images), len(columns)) or len(columns) != len(order):
        raise ValueError("headings and values differ in number")
    at = {column: index for index, column in enumerate(columns)}  # blocks are by kind of number
    values = values[:, [at[column] for column in order]]
    return order, ["/".join(image) for image in images], values


def _axis(group: Any, name: str) -> list[tuple[str, ...]]:
    """The headings along an axis, each of one or more texts."""
    if name in group:
        return [(_text(each),) for each in group[name][:]]
    levels = []
    for number in range(int(group.attrs[f"{name}_nlevels"])):
        texts = [_text(each) for each in group[f"{name}_level{number}"][:]]
        levels.append([texts[i] for i in group[f"{name}_label{number}"][:]])
    return list(zip(*levels, strict=True))


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _unpickled(data: bytes) -> Any:
    return _Plain(io.BytesIO(data)).load()


class _Plain(pickle.Unpickler):
    """Reads pickles of built-in values only."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} is no heading")
