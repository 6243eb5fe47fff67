"""Results as lines of text, each with all its digits and a checksum."""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np

from beetle_lm.errors import Hint
from beetle_lm.predict.landmarks import Floats, Landmarks
from beetle_lm.predict.result import Result
from beetle_lm.predict.scales.scale import Scale
from beetle_lm.zoo.model_file.parts import PartSpec

_CHECKSUM = 9  # 8 hexadecimal digits and a space


def line_of(record: dict[str, Any]) -> bytes:
    """A JSON object as a line: its checksum, and its text."""
    text = json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"
    return b"%08x " % zlib.crc32(text) + text


def content_of(line: bytes) -> bytes:
    """The JSON of a line, as text; nothing where the line is damaged, or has no end."""
    text = line[_CHECKSUM:]
    return text if line[:_CHECKSUM] == b"%08x " % zlib.crc32(text) else b""


def row_of(result: Result) -> bytes:
    """The line of a result; the same result always has the same line."""
    return line_of(_record(result))


def begins(row: bytes, name: str) -> bool:
    """Whether a line is whole, and the row of the photograph of a name."""
    return content_of(row).startswith(b'{"image":%s,' % json.dumps(name).encode("ascii"))


def result_of(row: bytes, spec: PartSpec) -> Result:
    """The result that a whole row was made of.

    Args:
        row: the line.
        spec: the part.
    """
    return _result(json.loads(row[_CHECKSUM:]), spec)


def _record(result: Result) -> dict[str, Any]:
    record: dict[str, Any] = {
        "image": result.name,
        "size": result.size,
        "orientation": result.orientation,
        "error": result.error,
    }
    if result.hint is not None:
        record["hint"] = result.hint.name
    if result.scale is not None:
        record["scale"] = [result.scale.units_per_px, result.scale.note]
    if result.landmarks is not None:
        record["xy"] = result.landmarks.xy.tolist()
        record["score"] = _listed(result.landmarks.score)
        record["expected_error"] = _listed(result.landmarks.expected_error)
        record["flag"] = result.flag
        if result.landmarks.semilandmarks is not None:
            record["semilandmarks"] = result.landmarks.semilandmarks.tolist()
            record["semilandmark_error"] = _listed(result.landmarks.semilandmark_error)
    if result.box is not None:
        record["box"] = result.box.tolist()
    if result.specimen is not None:
        record["specimen"] = result.specimen
    if result.others:
        record["others"] = [_record(other) for other in result.others]
    if result.unsure:
        record["unsure"] = [place.tolist() for place in result.unsure]
    return record


def _result(record: dict[str, Any], spec: PartSpec) -> Result:
    landmarks = None
    if "xy" in record:
        landmarks = Landmarks(
            spec,
            np.array(record["xy"]),
            _array(record["score"]),
            _array(record["expected_error"]),
            _array(record.get("semilandmarks")),
            _array(record.get("semilandmark_error")),
        )
    size = record["size"]
    return Result(
        record["image"],
        None if size is None else (size[0], size[1]),
        record["orientation"],
        landmarks,
        record["error"],
        record.get("flag"),
        hint=Hint[record["hint"]] if "hint" in record else None,
        box=np.array(record["box"]) if "box" in record else None,
        scale=Scale(*record["scale"]) if "scale" in record else None,
        specimen=record.get("specimen"),
        others=tuple(_result(other, spec) for other in record.get("others", ())),
        unsure=tuple(np.array(place) for place in record.get("unsure", ())),
    )


def _listed(values: Floats | None) -> list[float] | None:
    return None if values is None else values.tolist()


def _array(values: list[Any] | None) -> Floats | None:
    return None if values is None else np.array(values)
