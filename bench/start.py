"""How long `beetle-lm` takes before it does anything.

    python bench/start.py [--repeats 15]

Every program is a fresh process; they take turns, after a first turn that does not count, and
medians count. Needs the checkout installed, with the `beetle-lm` command beside this Python.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path

import fresh

PHOTOGRAPH = Path(__file__).parents[1] / "examples/pronotum/images/pronotum_0001.jpg"
ASKED_HELP, ASKED_VERSION, ASKED_PREDICT = 1.5, 2.0, 1.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    program = Path(sys.executable).with_name("beetle-lm")
    numbers = count()
    print(fresh.machine() + "\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="start-") as folder:

        def predict() -> fresh.Command:
            out = Path(folder) / str(next(numbers))
            return [program, "predict", PHOTOGRAPH, "--part", "pronotum", "-o", out, "-q"]

        programs: dict[str, Callable[[], fresh.Command]] = {
            "`python -c pass`": lambda: [sys.executable, "-c", "pass"],
            "`beetle-lm --version`": lambda: [program, "--version"],
            '`python -c "import typer"`': lambda: [sys.executable, "-c", "import typer"],
            "`beetle-lm --help`": lambda: [program, "--help"],
            "`beetle-lm predict` on one photograph": predict,
        }
        found = fresh.medians(programs, repeats)
    print("| program | CPU s | wall s |\n|---|---:|---:|")
    for name, used in found.items():
        print(f"| {name} | {used.cpu:.3f} | {used.wall:.3f} |")
    none, version, typer, help_, one = found.values()
    print("\n| ratio | by CPU | by wall | asked |\n|---|---:|---:|---:|")
    for name, own, other, asked in (
        ("`--version` to `pass`", version, none, ASKED_VERSION),
        ("`--help` to `import typer`", help_, typer, ASKED_HELP),
    ):
        by_cpu, by_wall = own.cpu / other.cpu, own.wall / other.wall
        print(f"| {name} | {by_cpu:.2f} | {by_wall:.2f} | {asked} |")
    print(f"\nCPU s until the first result: {one.cpu:.2f} (asked: {ASKED_PREDICT})")


if __name__ == "__main__":
    main()
