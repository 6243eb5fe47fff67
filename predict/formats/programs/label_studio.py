"""Label Studio's export as JSON: key points in percent of the photograph's sides, y down.

A list of tasks, each with ``data`` (which names the photograph) and ``annotations``, whose
``result`` has items of the type ``keypointlabels`` (https://labelstud.io/guide/export).
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.programs.found import Found, coordinate
from beetle_lm.predict.formats.programs.json import Lines
from beetle_lm.text import shown

_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")  # what it puts before the names of uploaded files


def specimens(path: Path, tasks: list[Any], lines: Lines) -> list[Found]:
    """A specimen for each task, by its last annotation that was not cancelled.

    Raises:
        LandmarkFileError: something is not as Label Studio writes it.
    """
    found = []
    for number, task in enumerate(tasks, start=1):
        try:
            told = task["data"]["image"] if "image" in task["data"] else _only(task["data"])
            done = [each for each in task["annotations"] if not each.get("was_cancelled")]
            results = done[-1]["result"] if done else []
            points = {}
            line = lines.of(told)
            for item in (each for each in results if each.get("type") == "keypointlabels"):
                (name,) = item["value"]["keypointlabels"]
                if name in points:
                    twice = f"task {number} has {shown(str(name))} twice"
                    raise LandmarkFileError(path, line, twice)
                points[str(name)] = (
                    coordinate(path, line, item["value"]["x"])
                    * coordinate(path, line, item["original_width"], "width") / 100,
                    coordinate(path, line, item["value"]["y"])
                    * coordinate(path, line, item["original_height"], "height") / 100,
                )  # fmt: skip
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"task {number} is not as Label Studio exports it as JSON"
            raise LandmarkFileError(path, None, what) from error
        found.append(Found(_name(told), points, line))
    return found


def _name(told: str) -> str:
    """Of the photograph behind an address, or in the storage that ``?d=`` tells of."""
    parts = urlsplit(told)
    place = parse_qs(parts.query).get("d", [unquote(parts.path)])[0]
    return _UPLOADED.sub("", PurePosixPath(place).name, count=1) or told


def _only(data: dict[str, Any]) -> str:
    """The value that names the photograph where no field is called so."""
    (name,) = (value for value in data.values() if isinstance(value, str))
    return name
