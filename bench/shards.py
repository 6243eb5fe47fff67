"""Photographs shared by several processes, beside one process: wall time, and the same bytes.

    python bench/shards.py [DATA] [-n 400] [--repeats 3]

Two shards at once and `gather` take turns with one `predict` of two reading threads. DATA has the
carabids of bench/README.md; without it photographs are drawn.
"""

from __future__ import annotations

import argparse
import filecmp
import shlex
import sys
import tempfile
from pathlib import Path

from fresh import beetle_lm, machine, medians
from photographs import copies, sources

ALLOWED = 1.05
TABLES = ("landmarks.tps", "landmarks.csv", "predictions.csv", "specimens.csv")


def sharded(photographs: Path, part: str, out: Path, shards: int) -> list[object]:
    """A command that runs shards at once, and gathers."""
    call = [*beetle_lm("predict", photographs, "--part", part, "-o", out, "-q")]
    lines = [
        shlex.join(map(str, [*call, "--workers", 1, "--threads", 1, "--shard", f"{one}/{shards}"]))
        + " &"
        for one in range(1, shards + 1)
    ]
    gather = shlex.join(map(str, beetle_lm("gather", out, "-q")))
    return ["sh", "-c", " ".join((*lines, "wait;", gather))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("-n", "--number", type=int, default=400)
    parser.add_argument("--part", default="elytra")
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    print(f"{given.number} photographs of 3264 x 2448; {machine()}\n")
    with tempfile.TemporaryDirectory() as made:
        folder, turn = Path(made), 0
        source = sources(given.data, given.part, folder)["baseline"]
        photographs = copies(source.files, given.number, folder / "photographs")

        def one() -> list[object]:
            nonlocal turn
            turn += 1
            call = beetle_lm("predict", photographs, "--part", given.part, "-q")
            return [*call, "--workers", given.shards, "-o", folder / f"one-{turn}"]

        def several() -> list[object]:
            return sharded(photographs, given.part, folder / f"several-{turn}", given.shards)

        used = medians({"one": one, "several": several}, given.repeats)
        same = all(
            filecmp.cmp(folder / "one-1" / name, folder / "several-1" / name, shallow=False)
            for name in TABLES
        )
    ratio = used["several"].wall / used["one"].wall
    print("| | wall s | CPU s |\n|---|---:|---:|")
    print(f"| one process | {used['one'].wall:.2f} | {used['one'].cpu:.2f} |")
    told = f"{given.shards} shards and gather"
    print(f"| {told} | {used['several'].wall:.2f} | {used['several'].cpu:.2f} |")
    print(
        f"\n{told}: {ratio:.2f} of one process (asked: {ALLOWED}); the tables are"
        + (" the same" if same else " DIFFERENT")
    )
    if ratio > ALLOWED or not same:
        sys.exit(1)


if __name__ == "__main__":
    main()
