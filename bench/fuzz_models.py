"""Holds our reader of ONNX files against two protobuf runtimes, on model files that attack it.

    python bench/fuzz_models.py --cases 1000000

Each case is a small model with one to four changes: fields that no model of ours may have
(operators of others, weights in a second file, functions) at random places, and fields written as
no writer writes them: numbers of more than 32 bits, whole numbers with bytes in vain, other kinds,
groups, a message in two halves, wrong lengths, random bytes. What our reader lets pass
is read again by the protobuf runtime of Python (upb) and by that in C++, which onnxruntime has too
and which the package onnx brings. A difference ends the run, and the case is written to
fuzz_models.onnx:

- one of them sees a forbidden field where ours saw none, or another card;
- ours refuses what is written as the runtime writes it, and holds nothing that is forbidden.

The same seed gives the same cases.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper
from onnx.onnx_cpp2py_export import inliner

from beetle_lm.errors import ModelError
from beetle_lm.zoo.model_file.card import CARD_FORMAT, CARD_KEY, ModelCard
from beetle_lm.zoo.model_file.onnx import card_in, refuse_foreign

CARD = {
    "format": CARD_FORMAT,
    "part": {"name": "dots", "landmark_names": ["a", "b", "c"], "mirror_pairs": []},
    **{"input_width": 96, "input_height": 72, "channels": 3, "fit": "letterbox"},
    **{"version": "1.0", "weights_sha256": "0" * 64, "metrics": [], "provenance": "drawn"},
    **{"licence": "none", "shapes": None},
    "limits": {"mean_error": 3, "landmark_error": 8, "rotation": [-20, 20], "size": [0.2, 0.8]},
}
STANDARD = ("", "ai.onnx")
VARINT, EIGHT_BYTES, LENGTH_FIRST, GROUP, END_OF_GROUP, FOUR_BYTES = range(6)  # kinds

# Of onnx.proto: by message and number of a field, the message inside it.
MESSAGES = {
    ("Model", 7): "Graph",
    ("Model", 14): "Entry",
    ("Graph", 1): "Node",
    ("Graph", 5): "Tensor",
    ("Graph", 15): "Sparse",
    ("Node", 5): "Attribute",
    **{("Attribute", number): "Tensor" for number in (5, 10)},
    **{("Attribute", number): "Graph" for number in (6, 11)},
    **{("Attribute", number): "Sparse" for number in (22, 23)},
    **{("Sparse", number): "Tensor" for number in (1, 2)},
}


class Field:
    """One field; `value` is a number, bytes, or a list of fields. The rest is how it is written."""

    def __init__(self, number: int, kind: int, value: int | bytes | list[Field], message: str = ""):
        self.number, self.kind, self.value, self.message = number, kind, value, message
        self.high = 0  # bits of the tag above the 32nd
        self.padding = [0, 0]  # bytes in vain: of the tag, of the length or value
        self.longer = 0  # than it is, says the length

    def copy(self) -> Field:
        inner = self.value
        value = [one.copy() for one in inner] if isinstance(inner, list) else inner
        field = Field(self.number, self.kind, value, self.message)
        field.high, field.padding, field.longer = self.high, list(self.padding), self.longer
        return field

    def written(self) -> bytes:
        tag = varint((self.high << 32) | (self.number << 3) | self.kind, self.padding[0])
        value = self.value
        if isinstance(value, int):
            return tag + varint(value, self.padding[1])
        content = value if isinstance(value, bytes) else b"".join(one.written() for one in value)
        if self.kind == GROUP:
            return tag + content + varint((self.number << 3) | END_OF_GROUP)
        if self.kind != LENGTH_FIRST:
            return tag + content
        return tag + varint(max(0, len(content) + self.longer), self.padding[1]) + content


def varint(value: int, padding: int = 0) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    for _ in range(padding):
        written[-1] |= 0x80
        written.append(0)
    return bytes(written)


def fields_of(data: bytes, message: str = "Model") -> list[Field]:
    """What a well-formed message holds."""
    found, at = [], 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at, value, shift = at + 1, value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = number()
        kind, inner = tag & 7, MESSAGES.get((message, tag >> 3), "")
        if kind == VARINT:
            found.append(Field(tag >> 3, kind, number()))
            continue
        length = {EIGHT_BYTES: 8, FOUR_BYTES: 4}.get(kind) or number()
        content, at = data[at : at + length], at + length
        value = fields_of(content, inner) if inner else content
        found.append(Field(tag >> 3, kind, value, inner))
    return found


def seed_model() -> bytes:
    """A model with a tensor in each place that can hold one, and graphs inside a node."""
    kind = TensorProto.FLOAT
    weights = helper.make_tensor("w", kind, [1], [1.0])
    index = helper.make_tensor("i", TensorProto.INT64, [1], [0])
    sparse = helper.make_sparse_tensor(weights, index, [3])
    inner = helper.make_node("Constant", [], ["y"], value=weights)
    branch = helper.make_graph([inner], "b", [], [helper.make_tensor_value_info("y", kind, [1])])
    nodes = [
        helper.make_node("Constant", [], ["c"], value=weights),
        helper.make_node("Constant", [], ["s"], sparse_value=sparse),
        helper.make_node("If", ["c"], ["z"], then_branch=branch, else_branch=branch),
        helper.make_node("Relu", ["z"], ["o"], domain="ai.onnx"),
    ]
    output = helper.make_tensor_value_info("o", kind, [1])
    graph = helper.make_graph(nodes, "g", [], [output], [weights], sparse_initializer=[sparse])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.metadata_props.add(key=CARD_KEY, value=json.dumps(CARD))
    return bytes(model.SerializeToString())


def forbidden(message: str, rng: random.Random) -> Field:
    """A field that no model of ours may have, in a message of that kind; else one without sense."""
    entry = [Field(1, LENGTH_FIRST, b"location"), Field(2, LENGTH_FIRST, b"secret")]
    if message == "Node":
        return Field(7, LENGTH_FIRST, rng.choice((b"com.microsoft", b"x", b"ai.onnx.ml")))
    if message == "Tensor":
        if rng.random() < 0.5:
            return Field(14, VARINT, rng.choice((1, 1, 1 | 1 << 32, 1 << 32, 2)))
        return Field(13, LENGTH_FIRST, entry)
    if message == "Model":
        return Field(25, LENGTH_FIRST, [Field(1, LENGTH_FIRST, b"F")])
    if message == "Entry":
        return Field(rng.choice((1, 2)), LENGTH_FIRST, rng.choice((CARD_KEY.encode(), b"{}", b"")))
    return Field(rng.randrange(1, 30), VARINT, rng.randrange(3))


def messages_of(fields: list[Field], message: str) -> Iterator[tuple[str, list[Field]]]:
    yield message, fields
    for field in fields:
        if isinstance(field.value, list) and field.message:
            yield from messages_of(field.value, field.message)


def changed(seed: list[Field], rng: random.Random) -> bytes:
    """The model with one to four changes."""
    model = [field.copy() for field in seed]
    for _ in range(rng.randrange(1, 5)):
        message, fields = rng.choice(list(messages_of(model, "Model")))
        if not fields:
            continue
        field = rng.choice(fields)
        if rng.random() < 0.3:
            field = forbidden(message, rng)
            fields.insert(rng.randrange(len(fields) + 1), field)
        if rng.random() < 0.8:
            rng.choice(CHANGES)(field, fields, rng)
    data = bytearray(b"".join(field.written() for field in model))
    if rng.random() < 0.2 and data:
        for _ in range(rng.randrange(1, 3)):
            data[rng.randrange(len(data))] = rng.choice((0, 1, 0x80, 0xFF, rng.randrange(256)))
    return bytes(data)


def raise_tag(field: Field, fields: list[Field], rng: random.Random) -> None:
    field.high = rng.choice((1, 2, 8, 1 << 20, rng.randrange(1, 1 << 32)))


def pad(field: Field, fields: list[Field], rng: random.Random) -> None:
    field.padding[rng.randrange(2)] = rng.choice((1, 1, 2, 3, 4, 8))


def change_kind(field: Field, fields: list[Field], rng: random.Random) -> None:
    field.kind = rng.randrange(8)


def change_number(field: Field, fields: list[Field], rng: random.Random) -> None:
    field.number = rng.choice((0, 7, 13, 14, 25, field.number + (1 << 29), rng.randrange(40)))


def change_length(field: Field, fields: list[Field], rng: random.Random) -> None:
    field.longer = rng.choice((-2, -1, 1, 2, 200, 1 << 31, 1 << 32, 1 << 64))


def halve(field: Field, fields: list[Field], rng: random.Random) -> None:
    half = field.copy()
    if isinstance(field.value, list) and isinstance(half.value, list) and field.value:
        cut = rng.randrange(len(field.value))
        del field.value[cut:]
        del half.value[:cut]
    fields.insert(rng.randrange(len(fields) + 1), half)


def shuffle(field: Field, fields: list[Field], rng: random.Random) -> None:
    rng.shuffle(fields)


def repeat(field: Field, fields: list[Field], rng: random.Random) -> None:
    fields.insert(rng.randrange(len(fields) + 1), field.copy())


CHANGES = (raise_tag, pad, change_kind, change_number, change_length, halve, shuffle, repeat)


def offends(message: Any) -> bool:
    """Whether a message as protobuf read it holds what no model of ours may have."""
    kind = message.DESCRIPTOR.name
    if kind == "NodeProto" and message.domain not in STANDARD:
        return True
    if kind == "TensorProto" and (message.external_data or message.data_location):
        return True
    if kind == "ModelProto" and message.functions:
        return True
    for field, value in message.ListFields():
        if field.message_type is not None and any(
            map(offends, value if field.is_repeated else [value])
        ):
            return True
    return False


def card_of(message: Any) -> ModelCard | None:
    texts = [entry.value for entry in message.metadata_props if entry.key == CARD_KEY]
    try:
        return ModelCard.from_json(texts[-1]) if texts else None
    except ModelError:
        return None


def by_python(data: bytes) -> Any | None:
    try:
        return onnx.ModelProto.FromString(data)
    except Exception:  # the classes of its errors differ with its version
        return None


def by_c(data: bytes) -> Any | None:
    """What the runtime in C++ makes of it, which only writes it down again."""
    try:
        return onnx.ModelProto.FromString(inliner.inline_selected_functions(data, [], False))
    except Exception:
        return None


def ours(data: bytes) -> tuple[bool, ModelCard | None]:
    """Whether our reader lets it pass, and its card."""
    try:
        refuse_foreign(io.BytesIO(data), "a.onnx")
    except ModelError:
        return False, None
    try:
        return True, card_in(io.BytesIO(data), "a.onnx")
    except ModelError:
        return True, None


def difference(data: bytes, counts: Counter[str]) -> str | None:
    """In what the readers differ, if it matters."""
    passes, card = ours(data)
    counts["passed" if passes else "refused"] += 1
    python = by_python(data)
    if not passes:
        if python is None:
            return None
        counts["refused, though protobuf reads it"] += 1
        if offends(python):
            return None
        python.DiscardUnknownFields()
        plain = python.SerializeToString() == data
        return "a plain model is refused" if plain else None
    for name, read in (("Python", python), ("C++", by_c(data))):
        if read is None:
            counts[f"passed, and refused by protobuf in {name}"] += 1
        elif offends(read):
            return f"protobuf in {name} reads what may not be in a model"
        elif card is not None and card_of(read) != card:
            return f"protobuf in {name} reads another card"
    return None


def run(cases: int, seed: int) -> tuple[Counter[str], tuple[str, bytes] | None]:
    """Counts of what came of the cases, and the first that differs, if any."""
    rng, counts = random.Random(seed), Counter[str]()
    whole = seed_model()
    fields = fields_of(whole)
    if b"".join(field.written() for field in fields) != whole or difference(whole, counts):
        raise AssertionError("the model that is changed is not whole itself")
    for _ in range(cases):
        data = changed(fields, rng)
        if what := difference(data, counts):
            return counts, (what, data)
    return counts, None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = time.monotonic()
    counts, found = run(options.cases, options.seed)
    for name, count in sorted(counts.items()):
        print(f"{count:>9}  {name}")
    print(f"{time.monotonic() - started:9.0f}  seconds")
    if found is not None:
        Path("fuzz_models.onnx").write_bytes(found[1])
        raise SystemExit(f"{found[0]}: fuzz_models.onnx")
    print("no difference")


if __name__ == "__main__":
    main()
