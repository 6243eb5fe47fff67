"""beetle-lm itself on a row of `bench/peers.py`, measured as the others are."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from peer_report import options, report

import beetle_lm
from beetle_lm import Predictor


def beetle(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "beetle_lm", *map(str, arguments)], check=True)


def processor() -> float:
    """Seconds of the processor that programs which this one started have used."""
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    asked = options()
    folder: Path = asked.folder
    recipe = asked.network or "pretrained"
    wall, used = time.perf_counter(), processor()
    beetle(
        "train", folder / "training", folder / "training.tps", "--part", asked.set,
        "-o", folder / "run", "--recipe", recipe, "--quiet", "--no-export",
    )  # fmt: skip
    training = {"wall": time.perf_counter() - wall, "processor": processor() - used}
    model = folder / "model.onnx"
    beetle("export", folder / "run", "-o", model, "--fp16")
    beetle("predict", folder / "test", "--model", model, "-o", folder / "found")
    predictor = Predictor.load(model)
    test = sorted((folder / "test").iterdir())
    report(
        folder,
        f"beetle-lm {beetle_lm.__version__}",
        "ImageNet" if recipe == "pretrained" else "random",
        f"recipe {recipe}",
        folder / "found" / "landmarks.tps",
        training,
        lambda: list(predictor.predict(test)),
    )


if __name__ == "__main__":
    main()
