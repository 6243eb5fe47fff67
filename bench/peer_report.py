"""What a peer of `bench/peers.py` tells of its run; the peer's own interpreter imports this."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

PASSES = 5


def options() -> argparse.Namespace:
    """The folder and the set of the row, and what is not as the peer has it by default."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("set")
    parser.add_argument("--network", help="a recipe or backbone")
    parser.add_argument("--epochs", type=int, help="of training")
    parser.add_argument("--bfloat16", action="store_true", help="train under torch's autocast")
    return parser.parse_args()


def numbers(bfloat16: bool) -> Any:
    """The context to train in."""
    import torch

    return torch.autocast("cpu", torch.bfloat16) if bfloat16 else nullcontext()


def timed(do: Callable[[], object]) -> dict[str, float]:
    """Seconds that it takes, by the clock and of the processor."""
    wall, processor = time.perf_counter(), time.process_time()
    do()
    return {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}


def report(
    folder: Path,
    version: str,
    weights: str,
    schedule: str,
    predicted: Path,
    training: dict[str, float],
    predict: Callable[[], object],
    placed_on: int | None = None,
) -> None:
    """Times the prediction of the test photographs and writes FOLDER/report.json.

    Args:
        folder: of the row.
        version: of the peer.
        weights: what the network started from.
        schedule: how long it trained.
        predicted: the file of landmarks that the peer wrote.
        training: its time.
        predict: places landmarks on the test photographs, from their files.
        placed_on: how many of them it placed any landmark on; None is all.
    """
    predict()  # the first pass fills caches
    told = {
        "version": version,
        "weights": weights,
        "schedule": schedule,
        "predicted": str(predicted),
        "placed on": placed_on,
        "training": training,
        "passes": [timed(predict) for _ in range(PASSES)],
    }
    (folder / "report.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
