"""imglab's files, which dlib and ml-morph train from.

``<dataset><images><image file="a.jpg"><box top left width height><part name="00" x="1" y="2"/>``:
a box is a specimen, its parts are the landmarks, y down
(http://dlib.net/imaging.html, the tool imglab).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.programs.found import Found, Placed, coordinate
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
        boxes = [box for box in image.all("box") if any(box.all("part"))]
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


def text(placed: Sequence[Placed]) -> str:
    """The file that imglab opens and dlib trains from: a box about the landmarks of each specimen.

    Parts are called 00, 01, ..., for dlib sorts them as text; they are whole pixels, for it reads
    no others. Missing landmarks are left out, specimens without any have no box.
    """
    lines = ["<?xml version='1.0' encoding='UTF-8'?>", "<dataset>", "<images>"]
    for one in placed:
        digits = max(2, len(str(len(one.xy) - 1)))
        lines.append(f"  <image file={quoteattr(one.name)}>")
        there = np.flatnonzero(np.isfinite(one.xy[:, 0])).tolist()
        if there:
            left, top, width, height = np.rint(one.box).astype(int).tolist()
            lines.append(f"    <box top='{top}' left='{left}' width='{width}' height='{height}'>")
            for number in there:
                x, y = np.rint(one.xy[number]).astype(int).tolist()
                lines.append(f"      <part name='{number:0{digits}}' x='{x}' y='{y}'/>")
            lines.append("    </box>")
        lines.append("  </image>")
    return "\n".join([*lines, "</images>", "</dataset>"]) + "\n"
