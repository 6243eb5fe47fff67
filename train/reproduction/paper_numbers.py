"""What the paper prints, from `paper_numbers.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class PaperNumbers:
    """The numbers of the paper's tables; a part that the paper does not know has none.

    Args:
        photographs: number of photographs by part.
        improvement: percent by fine-tuning, by part.
        correlation: `r2`, `explained_variance` and `pearson` of the pronotum from scratch.
        shares: `below_mean`, `mean_to_far` and `above_far` of landmark 1 of the pronotum from
            scratch, 0 to 1.
        losses: by `scratch` or `finetune`, part, and `training` or `validation`: one per round.
        distances: by `scratch` or `finetune` and part: px at 256 x 192, one per landmark.
    """

    photographs: dict[str, int]
    improvement: dict[str, float]
    correlation: dict[str, float]
    shares: dict[str, float]
    losses: dict[str, dict[str, dict[str, list[float]]]]
    distances: dict[str, dict[str, list[float]]]


@cache
def paper_numbers() -> PaperNumbers:
    """The numbers of the paper's tables."""
    file = resources.files("beetle_lm.train.reproduction").joinpath("paper_numbers.toml")
    return PaperNumbers(**tomllib.loads(file.read_text("utf-8")))
