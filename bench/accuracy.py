"""Landmark error on photographs that took no part in training, through the command line.

    python bench/accuracy.py DATA SET [-o OUT] [-- further options of `beetle-lm train`]

Trains with default options on the training photographs of one set, exports, predicts the test
photographs, evaluates, and prints every command that it runs. SET is `wings`, `mollusk` or one of
the paper's parts; DATA is the folder that holds `wings/`, `mollusk/` and `carabids/`, described in
`bench/README.md`. Test photographs are every fifth record by image name (wings, mollusk), or the
specimens whose number ends in 0 or 5 (carabids), where the paper's fine-tuned network is evaluated
on the same specimens as well.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.tps import TpsRecord
from beetle_lm.predict.tps_reader import read_tps


def is_test(image: str, position: int, carabid: bool) -> bool:
    return specimen_number(image) % 5 == 0 if carabid else position % 5 == 0


def is_left_out(specimen: int) -> bool:
    """Whether a carabid tests the zoo's models: here (0, 5), or elsewhere (1, 4, 8)."""
    return specimen % 10 in (0, 1, 4, 5, 8)


def specimen_number(image: str) -> int:
    return int(re.findall(r"\d+", Path(image).stem)[-1])


def run(*arguments: object, shown: bool = True) -> str:
    words = ["beetle-lm", *map(str, arguments)]
    print("$", shlex.join(words), flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "beetle_lm", *words[1:]],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    if shown:
        print(done.stdout, flush=True)
    return done.stdout


def paper_errors(data: Path, part: str, specimens: Collection[int]) -> NDArray[np.float64]:
    """Errors (specimens, landmarks) of the paper's fine-tuned network in px at 256 x 192."""

    def by_number(kind: str) -> dict[int, TpsRecord]:
        path = data / "carabids" / "paper_tables" / f"{part}-{kind}-256x192.tps"
        return {specimen_number(record.image or ""): record for record in read_tps(path)}

    manual, found = by_number("manual"), by_number("finetuned")
    return np.array(
        [
            np.linalg.norm(found[n].points - manual[n].points, axis=1)
            for n in sorted(set(specimens) & set(manual) & set(found))
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("set")
    parser.add_argument("-o", "--output", type=Path)
    options, further = parser.parse_known_args()
    carabid = options.set not in ("wings", "mollusk")
    folder = options.data / ("carabids" if carabid else "") / options.set
    landmarks = folder / ("landmarks.tps" if carabid else f"{options.set}.tps")
    out = options.output or Path("runs") / options.set
    out.mkdir(parents=True, exist_ok=True)

    images = sorted(record.image or "" for record in read_tps(landmarks))
    test = [image for i, image in enumerate(images) if is_test(image, i, carabid)]
    (out / "test.txt").write_text("\n".join(test) + "\n", encoding="utf-8")
    (out / "photographs").mkdir(exist_ok=True)
    for image in test:
        shutil.copy(folder / "images" / image, out / "photographs" / image)

    begin = time.perf_counter()
    further = [word for word in further if word != "--"]
    run(
        "train", folder / "images", landmarks, "--part", options.set, "--test", out / "test.txt",
        "-o", out / "run", *further,
    )  # fmt: skip
    minutes = (time.perf_counter() - begin) / 60
    run("export", out / "run", "-o", out / "model.onnx", "--fp16", "--overwrite")
    run(
        "predict", out / "photographs", "--model", out / "model.onnx", "-o", out / "predicted",
        "--overlay", "--overwrite",
    )  # fmt: skip
    said = run(
        "evaluate", out / "predicted" / "landmarks.tps", landmarks, "--images",
        out / "photographs", "-o", out / "evaluation", "--overwrite", "--json", shown=False,
    )  # fmt: skip
    size = (out / "model.onnx").stat().st_size / 1e6
    print(f"training {minutes:.1f} minutes, model {size:.1f} MB, {len(test)} test photographs")
    measured = json.loads(said)
    for unit, name in (("px", "px"), ("px_256x192", "px at 256 x 192")):
        if unit in measured["distance"]:
            over = measured["distance"][unit]
            specimens = measured["specimen_mean_distance"][unit]
            print(
                f"{name}: mean {over['mean']:.2f}, median {over['median']:.2f}, 95 %"
                f" {over['p95']:.2f}; median over specimens {specimens['median']:.2f}"
            )
    if carabid:
        theirs = paper_errors(options.data, options.set, {specimen_number(i) for i in test})
        theirs = theirs.mean(axis=1)
        print(
            f"the paper's fine-tuned network on {len(theirs)} of the same specimens, px at"
            f" 256 x 192: mean {np.mean(theirs):.2f}, median over specimens {np.median(theirs):.2f}"
        )


if __name__ == "__main__":
    main()
