"""Which photographs a model was made with, in a few kilobytes of its card."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from beetle_lm.errors import ModelError
from beetle_lm.zoo.model_file import bounds

MOST_KEPT = 512
"""Photographs whose checksums a card has at most: of more, some that are evenly spaced by name."""

_BYTES = 6  # of each checksum: one in 10^9 of a thousand photographs is taken for another


@dataclass(frozen=True)
class SeenPhotographs:
    """The photographs that a model was trained or validated on, by their checksums.

    Args:
        number: how many there were.
        checksums: the first 6 bytes of the SHA-256 of the files, one after the other, in Base64; at
            most 512 of them.

    Raises:
        ModelError: that is not what they are.
    """

    number: int
    checksums: str

    def __post_init__(self) -> None:
        try:
            kept = len(base64.b64decode(self.checksums[: 10 * _BYTES * MOST_KEPT], validate=True))
        except (binascii.Error, ValueError) as error:
            raise ModelError("the checksums of its photographs are damaged") from error
        if kept % _BYTES or not kept // _BYTES <= min(self.number, MOST_KEPT):
            raise ModelError("the checksums of its photographs are damaged")
        if self.number > bounds.MOST_COUNTED:
            raise ModelError("an impossible number of photographs")

    @classmethod
    def of(cls, number: int, files: Sequence[Path]) -> SeenPhotographs:
        """Takes the checksums of some of the photographs.

        Args:
            number: how many there were.
            files: those that are at hand.

        Raises:
            OSError: a file cannot be read.
        """
        step = max(1, -(-len(files) // MOST_KEPT))
        kept = sorted(map(_checksum, files[::step]))
        return cls(number, base64.b64encode(b"".join(kept)).decode("ascii"))

    @property
    def is_complete(self) -> bool:
        """Whether the checksums of all photographs are there."""
        return len(self._kept) == self.number

    def has(self, checksum: bytes) -> bool:
        """Whether a file of that SHA-256 is a photograph of the model, as far as is known."""
        return checksum[:_BYTES] in self._kept

    @cached_property
    def _kept(self) -> frozenset[bytes]:
        whole = base64.b64decode(self.checksums)
        return frozenset(whole[at : at + _BYTES] for at in range(0, len(whole), _BYTES))


def _checksum(file: Path) -> bytes:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()[:_BYTES]
