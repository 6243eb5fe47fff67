"""imglab's files, which dlib and ml-morph train from.

``<dataset><images><image file="a.jpg"><box top left width height><part name="00" x="1" y="2"/>``:
a box is a specimen, its parts are the landmarks, y down
(http://dlib.net/imaging.html, the tool imglab).
"""

from __future__ import annotations

from pathlib import Path

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.programs.found import Found, coordinate
from beetle_lm.predict.formats.programs.xml import Node
from beetle_lm.text import shown


def specimens(path: Path, root: Node) -> list[Found]:
    """Every box that has parts.

    Raises:
        LandmarkFileError: something is not as imglab writes it.
    """
    found = []
    for image in (image for images in root.all("images") for image in images.all("image")):
        name = image.attributes.get("file")
        if not name:
            raise LandmarkFileError(path, image.line, "an image without file=")
        boxes = list(image.all("box"))
        for box in boxes:
            points = {}
            for part in box.all("part"):
                label = part.attributes.get("name", "")
                if label in points:
                    twice = f"a second part {shown(label)} of a box"
                    raise LandmarkFileError(path, part.line, twice)
                points[label] = (
                    coordinate(path, part.line, part.attributes.get("x")),
                    coordinate(path, part.line, part.attributes.get("y")),
                )
            found.append(Found(name, points, box.line))
        if not boxes:
            found.append(Found(name, {}, image.line))
    return found
