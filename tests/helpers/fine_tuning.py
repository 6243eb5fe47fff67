"""What a training that starts from another network takes over."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

NEW_HEAD = "new: the head, for 3 landmarks instead of 4"


def farthest(first: Mapping[str, Tensor], second: Mapping[str, Tensor], head: bool) -> float:
    """Greatest difference of a parameter of the head, or of all others."""
    names = [
        name
        for name in first
        if name.startswith("head.") == head and name.endswith((".weight", ".bias"))
    ]
    return max(float((first[name] - second[name]).abs().max()) for name in names)
