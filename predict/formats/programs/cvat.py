"""CVAT's own format, "CVAT for images 1.1".

``<annotations><image name="a.jpg"><points label="tip" points="1.0,2.0"/>``, or with all landmarks
in one ``points``, or a ``<skeleton>`` of such points for each specimen; y down
(https://docs.cvat.ai, "CVAT for image format").
"""

from __future__ import annotations

from pathlib import Path

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.programs.found import MISSING, Found, coordinate
from beetle_lm.predict.formats.programs.xml import Node
from beetle_lm.text import shown


def specimens(path: Path, root: Node) -> list[Found]:
    """A specimen for each skeleton, or for the points of an image together.

    Raises:
        LandmarkFileError: something is not as CVAT writes it.
    """
    found = []
    for image in root.all("image"):
        name = image.attributes.get("name")
        if not name:
            raise LandmarkFileError(path, image.line, "an image without name=")
        skeletons = list(image.all("skeleton"))
        found += [Found(name, _points(path, one), one.line) for one in skeletons]
        own = _points(path, image)
        if own or not skeletons:
            found.append(Found(name, own, image.line))
    return found


def _points(path: Path, node: Node) -> dict[str, tuple[float, float]]:
    points: dict[str, tuple[float, float]] = {}
    for each in node.all("points"):
        label = each.attributes.get("label", "")
        pairs = [pair for pair in each.attributes.get("points", "").split(";") if pair]
        for number, pair in enumerate(pairs, start=1):
            x, comma, y = pair.partition(",")
            if not comma:
                raise LandmarkFileError(path, each.line, f"{shown(pair)} is no point x,y")
            # One landmark for each label, or the landmarks of a specimen under one label.
            key = label if len(pairs) == 1 else str(number)
            if key in points:
                found = (
                    f"{shown(key)} is placed twice; several specimens of an image need skeletons"
                )
                raise LandmarkFileError(path, each.line, found)
            place = coordinate(path, each.line, x), coordinate(path, each.line, y)
            points[key] = MISSING if each.attributes.get("outside") == "1" else place
    return points
