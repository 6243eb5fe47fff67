"""Milliseconds per image of models alone, decoding apart.

    python bench/model_time.py [--models bundled paper FILE ...]

For each model, batches of 1, 8 and 32 with 1 and 2 threads; the median of several runs after a
first one that does not count. The models are those that come with the package; the paper's third
network in 32 bit, with weights in 16 bit and with dense layers in 8 bit, made here of random
weights (which takes `pip install ".[train]"`; left out with a remark where that is missing); and
any model files. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from beetle_lm.predict.session import Session
from beetle_lm.zoo.registry import bundled_models, named_model

BATCHES, THREADS, RUNS = (1, 8, 32), (1, 2), 7
KINDS = ("bundled", "paper")


def milliseconds(session: Session, batch: int) -> float:
    """Median time of an image in a batch of that size."""
    width, height = session.card.input_size
    shape = (batch, session.card.channels, height, width)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    session.run(images)
    times = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        session.run(images)
        times.append((time.perf_counter() - begin) * 1000 / batch)
    return statistics.median(times)


def models(kinds: Sequence[str], folder: Path) -> Iterator[tuple[str, Path]]:
    if "bundled" in kinds:
        yield from ((name, named_model(name)) for name in bundled_models())
    yield from ((kind, Path(kind)) for kind in kinds if kind not in KINDS)
    if "paper" in kinds:
        try:
            from paper_models import STORAGES, random_checkpoint, write_model
        except ModuleNotFoundError as error:
            print(f"paper-3 is left out: {error.name} is not installed", file=sys.stderr)
            return
        checkpoint = random_checkpoint()
        for storage, about in STORAGES.items():
            path = folder / f"{storage}.onnx"
            write_model(checkpoint, storage, path)
            yield f"paper-3, {about}", path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--models", nargs="+", metavar="bundled|paper|FILE", default=KINDS)
    kinds = parser.parse_args().models
    columns = [(threads, batch) for threads in THREADS for batch in BATCHES]
    heads = [f"{threads} thread{'s' * (threads > 1)}, batch {batch}" for threads, batch in columns]
    print(f"| model | landmarks | MB | {' | '.join(heads)} |")
    print("|---|---|---|" + "---|" * len(heads))
    with tempfile.TemporaryDirectory(prefix="model-time-") as folder:
        for name, path in models(kinds, Path(folder)):
            times, count, size = [], 0, path.stat().st_size / 1e6
            for threads, batch in columns:
                session = Session.open(path, "cpu", threads)
                count = len(session.card.spec)
                times.append(f"{milliseconds(session, batch):.1f}")
            print(f"| {name} | {count} | {size:.1f} | {' | '.join(times)} |", flush=True)


if __name__ == "__main__":
    main()
