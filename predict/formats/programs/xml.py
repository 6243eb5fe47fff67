"""XML as a tree that knows its lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

from beetle_lm.errors import LandmarkFileError

_DEEPEST = 100


@dataclass
class Node:
    """An element, with its attributes, the line where it begins, and what is in it."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list[Node] = field(default_factory=list)

    def all(self, tag: str) -> Iterator[Node]:
        """The children of that name."""
        return (child for child in self.children if child.tag == tag)


def parse_xml(path: Path, text: str) -> Node:
    """The root of a document.

    Definitions of entities, by which a small file can become a huge one or another file be read,
    are refused; no annotation program writes any.

    Raises:
        LandmarkFileError: it is not well formed; names the line.
    """
    parser = expat.ParserCreate()
    top = Node("", {}, 0)
    open_: list[Node] = [top]

    def begin(tag: str, attributes: dict[str, str]) -> None:
        node = Node(tag, attributes, parser.CurrentLineNumber)
        open_[-1].children.append(node)
        open_.append(node)
        if len(open_) > _DEEPEST:
            raise LandmarkFileError(path, node.line, "elements are nested too deeply")

    def end(_: str) -> None:
        open_.pop()

    def refuse(*_: Any) -> None:
        found = "defines an entity, which no annotation program does"
        raise LandmarkFileError(path, parser.CurrentLineNumber, found)

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(text.encode("utf-8"), True)
    except expat.ExpatError as error:
        found = f"is not well-formed XML: {expat.ErrorString(error.code)}"
        raise LandmarkFileError(path, error.lineno, found) from error
    return top.children[0]
