"""What the folder of results holds, and how the photographs are called in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from beetle_lm.errors import OutputError
from beetle_lm.predict.textfile import base_name

Format = Literal["tps", "csv"]
"""A kind of landmark file."""

RESULTS = (
    "landmarks.tps",
    "landmarks.csv",
    "predictions.csv",
    "specimens.csv",
    "overlays",
    "overview.jpg",
    "evaluation",
    "run.json",
)
"""All that a run may write, in the order in which it is moved into place."""


def refuse_existing(folder: Path, overwrite: bool) -> None:
    """Makes sure that results in a folder replace nothing unasked, and only earlier results.

    Raises:
        OutputError: the folder is a file, or holds results and `overwrite` is False, or holds
            files that are called like results but have no run.json with them.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file, results need a folder; give another one with -o")
    existing = [name for name in RESULTS if (folder / name).exists()]
    if existing and RESULTS[-1] not in existing:
        raise OutputError(
            f"{folder} holds {existing[0]}, but no {RESULTS[-1]}: it is not from an earlier run and"
            " is never overwritten; name another folder with -o"
        )
    if existing and not overwrite:
        raise OutputError(
            f"{folder} holds results already; --overwrite replaces them, -o names another folder"
        )


def planned(formats: Sequence[Format], overlay: bool, evaluation: bool) -> list[str]:
    """Names of the results that a run with these options writes."""
    left_out = set()
    if "tps" not in formats:
        left_out.add("landmarks.tps")
    if "csv" not in formats:
        left_out |= {"landmarks.csv", "predictions.csv"}
    if not overlay:
        left_out |= {"overlays", "overview.jpg"}
    if not evaluation:
        left_out.add("evaluation")
    return [name for name in RESULTS if name not in left_out]


def is_result(path: Path) -> bool:
    """Whether a picture was made by an earlier run, and is no photograph to predict."""
    if path.name == "overview.jpg" and (path.parent / "run.json").is_file():
        return True
    return any(
        folder.name in ("overlays", "evaluation") and (folder.parent / "run.json").is_file()
        for folder in path.parents
    )


def unique_ids(names: Sequence[str]) -> dict[str, str]:
    """An identifier for each name: without its ending where that is unique, else the whole name."""
    stems = Counter(_stem(name) for name in names)
    ids = {name: _stem(name) if stems[_stem(name)] == 1 else name for name in names}
    return ids if len(set(ids.values())) == len(ids) else {name: name for name in names}


def _stem(name: str) -> str:
    return PurePosixPath(name).with_suffix("").as_posix()


def shared_base_names(names: Sequence[str]) -> list[str]:
    """The file names that photographs in different folders have in common."""
    counts = Counter(base_name(name) for name in names)
    return [name for name, count in counts.items() if count > 1]
