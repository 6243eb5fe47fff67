"""Which pictures earlier runs made: they lie beside photographs, and are none."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

SUMMARY = "run.json"
"""Name of the file that says what a folder of results was made with; it is written last."""

MOVING = ".incomplete.moving"
"""Name of a file that lies among the results while they are moved into place."""

OVERLAYS = "overlays"
"""Name of the folder, in that of the results, of photographs with their landmarks."""

OVERVIEW, REVIEW_SHEET = "overview.jpg", "review.jpg"
"""Names of the sheets of photographs that lie among the results."""

SHAPE_PLOTS = ("shape_pca.svg", "shape_pca.pdf", "shape_errors.svg", "shape_errors.pdf")
"""Names of the pictures of an evaluation that compares shapes."""

PLOTS = ("distances.png", "cumulative.png", "specimens.png", *SHAPE_PLOTS)
"""Names of the pictures of an evaluation."""

_MOST_BYTES = 64 << 20  # of a file that says what results are
_BLANK = 1000  # bytes in which a file must say something
_LOSSES, _FIGURES = "losses.png", "figures"  # of a training and of a report


class EarlierResults:
    """Tells pictures that beetle-lm made from photographs.

    Only what lies where beetle-lm writes it, beside the file that says so, is a result: a folder
    `overlays` of another program holds photographs like any. What was found out about a folder is
    remembered, so an instance is for one search.
    """

    def __init__(self) -> None:
        self._absolute: dict[Path, Path] = {}
        self._overlays: dict[Path, bool] = {}
        self._runs: dict[Path, dict[str, Any] | None] = {}

    def is_picture(self, path: Path) -> bool:
        """Whether a file is a picture that an earlier run made."""
        name, folder = path.name, self._folder_of(path)
        if name in (OVERVIEW, REVIEW_SHEET):
            return self._run(folder) is not None or _is_there(folder / MOVING)
        if name in PLOTS:
            summary = read_summary(folder / "summary.json")
            return summary is not None and "beetle_lm" in summary
        if name == _LOSSES:
            return _is_there(folder / "config.toml") and _is_there(folder / "log.csv")
        if folder.name == _FIGURES:
            return path.suffix == ".png" and _is_there(folder.parent / "report.html")
        return self._is_of_overlays(folder)

    def _folder_of(self, path: Path) -> Path:
        given = path.parent
        if given not in self._absolute:
            self._absolute[given] = Path(os.path.abspath(given))
        return self._absolute[given]

    def _is_of_overlays(self, folder: Path) -> bool:
        """Whether a folder is one of overlays, or lies in one."""
        known = self._overlays.get(folder)
        if known is None:
            known = (folder.name == OVERLAYS and self._has_overlays(folder.parent)) or (
                folder.parent != folder and self._is_of_overlays(folder.parent)
            )
            self._overlays[folder] = known
        return known

    def _has_overlays(self, folder: Path) -> bool:
        """Whether the overlays in a folder are those of a run into it."""
        run = self._run(folder)
        if run is None:
            return _is_there(folder / MOVING)
        options = run.get("options")
        return not isinstance(options, dict) or options.get("overlay") is not False

    def _run(self, folder: Path) -> dict[str, Any] | None:
        if folder not in self._runs:
            self._runs[folder] = read_run(folder)
        return self._runs[folder]


def read_run(folder: Path) -> dict[str, Any] | None:
    """What the results in a folder were made with; None where there are none of beetle-lm."""
    run = read_summary(folder / SUMMARY)
    if run is None:
        return None
    parts = run.get("parts")
    of_parts = parts.values() if isinstance(parts, dict) else ()
    is_ours = "beetle_lm" in run or any(
        isinstance(part, dict) and "beetle_lm" in part for part in of_parts
    )
    return run if is_ours else None


def is_of_another_program(folder: Path) -> bool:
    """Whether a folder has a run.json that says something, and nothing of beetle-lm."""
    try:
        with (folder / SUMMARY).open("rb") as stream:
            says_nothing = stream.read(_BLANK).strip() in (b"", b"{}")
    except OSError:
        return False
    return not says_nothing and read_run(folder) is None


def read_summary(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None where there is none, whoever wrote it."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # in a folder that is closed to us
        return False
