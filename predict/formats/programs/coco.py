"""Keypoints in the format of COCO, as CVAT, Roboflow, LabelMe's converters and many write them.

``images`` with ``id`` and ``file_name``; ``annotations`` with ``image_id``, ``category_id`` and
``keypoints`` x1, y1, v1, x2, ...; v = 0 is a keypoint that is not labelled; ``categories`` name the
keypoints; y down (https://cocodataset.org/#format-data).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.programs.found import MISSING, Contents, Found, Placed, coordinate
from beetle_lm.predict.formats.programs.json import Lines


def contents(path: Path, value: dict[str, Any], lines: Lines) -> Contents:
    """Every annotation that has keypoints, in the order of the images; and the keypoints' names.

    Raises:
        LandmarkFileError: something is not as the format has it.
    """
    try:
        images = {image["id"]: str(image["file_name"]) for image in value["images"]}
        named = {each["id"]: each.get("keypoints") or [] for each in value.get("categories", [])}
        by_image: dict[Any, list[Any]] = {key: [] for key in images}
        for number, each in enumerate(value["annotations"], start=1):
            if each["image_id"] not in by_image:
                found = f"annotation {number} is of an image that is not listed"
                raise LandmarkFileError(path, None, found)
            by_image[each["image_id"]].append(each)
        kinds = {
            each.get("category_id")
            for annotations in by_image.values()
            for each in annotations
            if each.get("keypoints")
        }
    except (KeyError, TypeError, AttributeError) as error:
        found = "is not as COCO has it: an image, annotation or category is damaged"
        raise LandmarkFileError(path, None, found) from error
    if len(kinds) > 1:
        what = "has keypoints of several categories; export one category at a time"
        raise LandmarkFileError(path, None, what)
    order = [str(name) for name in named.get(next(iter(kinds), None), [])]
    found_ = []
    for key, name in images.items():
        line = lines.of(name)
        with_points = [each for each in by_image[key] if each.get("keypoints")]
        for each in with_points:
            points = _points(path, line, each["keypoints"], order)
            found_.append(Found(name, points, line))
        if not with_points:
            found_.append(Found(name, {}, line))
    return Contents(found_, order)


def text(part: str, names: Sequence[str], placed: Sequence[Placed]) -> str:
    """The format, with one category and an annotation for each specimen.

    Args:
        part: the category's name.
        names: of the landmarks.
        placed: the specimens, each with all landmarks.
    """
    images = []
    annotations = []
    for number, one in enumerate(placed, start=1):
        size = {} if one.size is None else {"width": one.size[0], "height": one.size[1]}
        images.append({"id": number, "file_name": one.name, **size})
        there = np.isfinite(one.xy[:, 0])
        visible = np.column_stack((np.nan_to_num(one.xy), np.where(there, 2, 0)))
        left, top, width, height = one.box
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "keypoints": visible.ravel().tolist(),
                "num_keypoints": int(there.sum()),
                "bbox": [left, top, width, height],
                "area": width * height,
                "iscrowd": 0,
            }
        )
    category = {"id": 1, "name": part, "keypoints": list(names), "skeleton": []}
    whole = {"images": images, "annotations": annotations, "categories": [category]}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _points(
    path: Path, line: int, keypoints: object, order: list[str]
) -> dict[str, tuple[float, float]]:
    if not isinstance(keypoints, list) or len(keypoints) % 3:
        raise LandmarkFileError(path, line, "keypoints are no list of x, y and visibility")
    count = len(keypoints) // 3
    if order and count != len(order):
        found = f"{count} keypoints, but their category has {len(order)}"
        raise LandmarkFileError(path, line, found)
    names = order or [str(number) for number in range(1, count + 1)]
    points = {}
    for number, name in enumerate(names):
        x, y, seen = keypoints[3 * number : 3 * number + 3]
        place = coordinate(path, line, x), coordinate(path, line, y)
        points[name] = place if coordinate(path, line, seen, "visibility") > 0 else MISSING
    return points
