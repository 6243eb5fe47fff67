"""Damaging files at random."""

from __future__ import annotations

import random
from collections.abc import Sequence


def mutated(content: bytes, rng: random.Random, pieces: Sequence[bytes], most: int) -> bytes:
    """The content with 1 to `most` changes: a byte, a gap, one of the pieces, or a repetition."""
    data = bytearray(content)
    for _ in range(rng.randrange(1, most + 1)):
        at, kind = rng.randrange(len(data)), rng.randrange(4)
        if kind == 0:
            data[at] = rng.randrange(256)
        elif kind == 1:
            del data[at : at + rng.randrange(1, 9)]
        elif kind == 2:
            data[at:at] = rng.choice(pieces)
        else:
            data[at:at] = data[: rng.randrange(40)]
    return bytes(data)
