"""Milliseconds per image of the bundled models alone, decoding apart.

    python bench/model_time.py

For each model, batches of 1, 8 and 32 with 1 and 2 threads; the median of several runs after a
first one that does not count. Prints a Markdown table.
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from beetle_lm.predict.session import Session
from beetle_lm.zoo.registry import bundled_models, named_model

BATCHES, THREADS, RUNS = (1, 8, 32), (1, 2), 7


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


def main() -> None:
    columns = [(threads, batch) for threads in THREADS for batch in BATCHES]
    heads = [f"{threads} thread{'s' * (threads > 1)}, batch {batch}" for threads, batch in columns]
    print(f"| model | landmarks | {' | '.join(heads)} |")
    print("|---|---|" + "---|" * len(heads))
    for name in bundled_models():
        times, count = [], 0
        for threads, batch in columns:
            session = Session.open(named_model(name), "cpu", threads)
            count = len(session.card.spec)
            times.append(f"{milliseconds(session, batch):.1f}")
        print(f"| {name} | {count} | {' | '.join(times)} |", flush=True)


if __name__ == "__main__":
    main()
