"""Label Studio's JSON: key points in percent of the photograph's sides, y down.

A list of tasks, each with ``data`` (which names the photograph) and ``annotations``, whose
``result`` has items of the type ``keypointlabels`` (https://labelstud.io/guide/export). What is
written has ``predictions`` in their place, which it shows to be corrected
(https://labelstud.io/guide/predictions).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import numpy as np

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.programs.found import Found, Placed, coordinate
from beetle_lm.predict.formats.programs.json import Lines
from beetle_lm.text import shown

_LOCAL, _DOT = "/data/local-files/?d=", 0.5  # percent of the width
_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")  # what it puts before the names of uploaded files


def specimens(path: Path, tasks: list[Any], lines: Lines) -> list[Found]:
    """A specimen for each task, by its last annotation that was not cancelled.

    Tasks that have no place for annotations are those of a file to import: their last prediction is
    read, with its scores.

    Raises:
        LandmarkFileError: something is not as Label Studio writes it.
    """
    found = []
    for number, task in enumerate(tasks, start=1):
        try:
            told = task["data"]["image"] if "image" in task["data"] else _only(task["data"])
            made = task["annotations" if "annotations" in task else "predictions"]
            done = [each for each in made if not each.get("was_cancelled")]
            results = done[-1]["result"] if done else []
            points, scores = {}, {}
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
                if "score" in item and "annotations" not in task:
                    scores[str(name)] = coordinate(path, line, item["score"], "score")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"task {number} is not as Label Studio exports it as JSON"
            raise LandmarkFileError(path, None, what) from error
        found.append(Found(_name(told), points, line, scores=scores))
    return found


def text(names: Sequence[str], placed: Sequence[Placed]) -> str:
    """The format to import, with a prediction for each specimen.

    Photographs are named as those of a local storage are; the names in the labelling configuration
    must be ``kp`` and ``image``.

    Args:
        names: of the landmarks.
        placed: the specimens, each with all landmarks and a size.
    """
    tasks = []
    for one in placed:
        assert one.size is not None
        width, height = one.size
        percent = 100 * one.xy / one.size
        known = np.full(len(names), np.nan) if one.score is None else one.score
        result = [
            {
                "id": f"p{number}",
                "type": "keypointlabels",
                "from_name": "kp",
                "to_name": "image",
                "original_width": width,
                "original_height": height,
                "image_rotation": 0,
                "value": {"x": x, "y": y, "width": _DOT, "keypointlabels": [name]},
                **({} if math.isnan(score) else {"score": score}),
            }
            for number, (name, (x, y), score) in enumerate(
                zip(names, percent.tolist(), known.tolist(), strict=True), start=1
            )
            if not math.isnan(x)
        ]
        image = f"{_LOCAL}{quote(one.name)}"
        prediction = {"model_version": "beetle-lm", "result": result}
        tasks.append({"data": {"image": image}, "predictions": [prediction]})
    return json.dumps(tasks, indent=1, ensure_ascii=False) + "\n"


def _name(told: str) -> str:
    """Of the photograph behind an address, or in the storage that ``?d=`` tells of."""
    parts = urlsplit(told)
    place = parse_qs(parts.query).get("d", [unquote(parts.path)])[0]
    return _UPLOADED.sub("", PurePosixPath(place).name, count=1) or told


def _only(data: dict[str, Any]) -> str:
    """The value that names the photograph where no field is called so."""
    (name,) = (value for value in data.values() if isinstance(value, str))
    return name
