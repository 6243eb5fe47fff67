"""Time of `beetle-lm train` with default options, and what a processor with AVX2 alone would take.

    python bench/training_time.py DATA [--epochs 16] [-o runs/training-time]

Trains on the 36 wings of `bench/accuracy.py`, which also says what DATA holds, with as many threads
as training takes by itself: as the processor is, and with its libraries told that it has AVX2 and
nothing newer, so that they compute in 32 bit as most laptops do. Prints a line for each.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from accuracy import Row, compose

AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
# What torch says of the processor is not asked of these libraries.
AS_AVX2 = """
import runpy, torch
torch.cpu.get_capabilities = lambda: {"avx2": True}
runpy.run_module("beetle_lm", run_name="__main__", alter_sys=True)
"""
KINDS: dict[str, tuple[list[str], dict[str, str]]] = {
    "as it is": (["-m", "beetle_lm"], {}),
    "AVX2 alone": (["-c", AS_AVX2], AVX2),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/training-time"))
    parser.add_argument("--epochs", type=int, default=16)
    options = parser.parse_args()
    compose(Row.of("wings"), options.data, options.output)
    for kind, (program, environment) in KINDS.items():
        run = options.output / kind.replace(" ", "-")
        begin = time.perf_counter()
        subprocess.run(
            [
                sys.executable, *program, "train", options.output / "training",
                options.output / "training.tps", "--part", "wing", "-o", run, "--epochs",
                str(options.epochs), "--quiet",
            ],
            env=os.environ | environment,
            check=True,
        )  # fmt: skip
        minutes, seconds = divmod(time.perf_counter() - begin, 60)
        print(f"{kind}: {options.epochs} epochs in {minutes:.0f}:{seconds:02.0f} minutes")


if __name__ == "__main__":
    main()
