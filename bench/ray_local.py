"""Ray on this machine beside one process: time for each photograph, and the same bytes.

    pip install ".[ray]"
    python bench/ray_local.py [DATA] [-n 400] [--few 16] [--repeats 3]

One `predict` of two reading threads, and one on a Ray cluster of two cores that lasts as long as
its run, take turns on many photographs and on few; what the many take longer is the time without
the start. The shortest of each count. DATA has the carabids of bench/README.md; without it
photographs are drawn.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import sys
import tempfile
from pathlib import Path

from fresh import beetle_lm, machine, run
from photographs import copies, sources

ALLOWED = 1.15
CORES = 2
TABLES = ("landmarks.tps", "landmarks.csv", "predictions.csv", "specimens.csv")


def shortest(
    folder: Path, photographs: dict[str, Path], part: str, repeats: int
) -> dict[str, float]:
    """Seconds of each kind of run on many photographs and on few, which take turns."""
    found: dict[str, float] = {}
    for turn in range(repeats):
        for name, images in photographs.items():
            call = beetle_lm("predict", images, "--part", part, "--device", "cpu", "-q")
            for kind, options in (
                ("one", ["--workers", CORES]),
                ("ray", ["--engine", "ray"]),
            ):
                out = folder / f"{kind}-{name}-{turn}"
                wall = run([*call, *options, "-o", out]).wall
                key = f"{kind} {name}"
                found[key] = min(wall, found.get(key, wall))
                print(f"{key}: {wall:.2f} s", file=sys.stderr, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("-n", "--number", type=int, default=400)
    parser.add_argument("--few", type=int, default=16)
    parser.add_argument("--part", default="elytra")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    os.environ["RAY_OVERRIDE_RESOURCES"] = f'{{"CPU": {CORES}}}'
    print(f"{given.number} photographs of 3264 x 2448; {machine()}\n")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        source = sources(given.data, given.part, folder)["baseline"]
        photographs = {
            "many": copies(source.files, given.number, folder / "many"),
            "few": copies(source.files, given.few, folder / "few"),
        }
        used = shortest(folder, photographs, given.part, given.repeats)
        same = all(
            filecmp.cmp(folder / "one-many-0" / name, folder / "ray-many-0" / name, shallow=False)
            for name in TABLES
        )
    each = {kind: used[f"{kind} many"] - used[f"{kind} few"] for kind in ("one", "ray")}
    ratio = each["ray"] / each["one"]
    print("| | many, s | few, s | difference |\n|---|---:|---:|---:|")
    for kind, told in (("one", "one process"), ("ray", "Ray, local")):
        many, few = used[f"{kind} many"], used[f"{kind} few"]
        print(f"| {told} | {many:.2f} | {few:.2f} | {each[kind]:.2f} |")
    print(
        f"\nRay without its start: {ratio:.2f} of one process (asked: {ALLOWED}); the tables are"
        + (" the same" if same else " DIFFERENT")
    )
    if ratio > ALLOWED or not same:
        sys.exit(1)


if __name__ == "__main__":
    main()
