"""Time and memory of gathering: made-up rows of up to a million photographs.

python bench/gathering.py [-n 10000 100000 1000000] [--formats parquet tps,csv]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import cast

import numpy as np
from fresh import beetle_lm, machine, peak_memory

from beetle_lm.predict.batch.job import Job
from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.partitions import partition_size
from beetle_lm.predict.batch.plan import Plan, Task
from beetle_lm.predict.batch.request_record import record_of
from beetle_lm.predict.batch.result_files import Format
from beetle_lm.predict.batch.rows import row_of
from beetle_lm.predict.batch.source import SourceRecord
from beetle_lm.predict.batch.staging import UnfinishedRun
from beetle_lm.predict.images.read import ImageFile
from beetle_lm.predict.landmarks import Landmarks
from beetle_lm.predict.result import Result
from beetle_lm.zoo.model_file.parts import PartSpec

ALLOWED = 300  # MB
BATCH, LANDMARKS, SIZE = 8, 8, (3264, 2448)


def made_up(names: list[str], spec: PartSpec, seed: int) -> Iterator[bytes]:
    """Rows of landmarks at random: one in a hundred photographs is flagged, one in 1000 failed."""
    random = np.random.default_rng(seed)
    values = random.random((len(names), LANDMARKS, 4))
    for index, name in enumerate(names):
        value = values[index]
        landmarks = Landmarks(spec, value[:, :2] * SIZE, value[:, 2], value[:, 3] * 20)
        flag = "shape unlike those of the training" if index % 100 == 0 else None
        result = Result(name, SIZE, 1, landmarks, None, flag)
        if index % 1000 == 1:
            result = Result(name, None, 1, None, f"{name} is empty")
        yield row_of(result)


def make(out: Path, photographs: int, formats: tuple[Format, ...]) -> None:
    """A run of which all partitions are there."""
    spec = PartSpec.numbered("made up", LANDMARKS)
    names = [f"drawer_{one // 1000:05d}/photograph_{one:08d}.jpg" for one in range(photographs)]
    images = [ImageFile(Path("/nowhere", name), name) for name in names]
    options = Options(formats=formats, batch_size=BATCH)
    task = Task("made up", Path("none.onnx"), images, out, None)
    plan = Plan((task,), options)
    run = UnfinishedRun(out, [out], resume=True, request=record_of(plan))
    templates = {"templates": ["none.jpg"], "sha256": "none"}
    made = {"part": "made up", "landmarks": LANDMARKS, "semilandmarks": 0, **templates}
    model = {"model": made, "provider": "none"}
    with run.shared("1-of-1"):
        size = partition_size(photographs, BATCH)
        settings = {"file of manual landmarks": None}
        job = Job.begin(run.part(1, out), settings, images, size, SourceRecord(spec, model, {}))
        partitions = job.partitions(names)
        for number in partitions.numbers:
            partitions.write(number, made_up(list(partitions.names(number)), spec, number))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "-n", "--numbers", type=int, nargs="+", default=[10_000, 100_000, 1_000_000]
    )
    parser.add_argument("--formats", nargs="+", default=["parquet", "tps,csv"])
    given = parser.parse_args()
    print(f"{machine()}\n\n| photographs | formats | seconds | peak MB | bytes each |")
    print("|---:|---|---:|---:|---:|", flush=True)
    highest = 0.0
    for number in given.numbers:
        for formats in given.formats:
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "out"
                chosen = cast(tuple[Format, ...], tuple(formats.split(",")))
                # In a process of its own: what it needs would count as that of its children.
                making = get_context("spawn").Process(target=make, args=(out, number, chosen))
                making.start()
                making.join()
                begin = time.perf_counter()
                memory = peak_memory(["sh", "-c", _gather(out)])
                seconds = time.perf_counter() - begin
                size = sum(file.stat().st_size for file in out.iterdir())
            highest = max(highest, memory)
            told = f"| {number} | {formats} | {seconds:.1f} | {memory:.0f} | {size / number:.0f} |"
            print(told, flush=True)
    print(f"\nat most {highest:.0f} MB (asked: {ALLOWED})")
    sys.exit(highest > ALLOWED)


def _gather(out: Path) -> str:
    """Gathers; that some photographs failed is no error here."""
    command = " ".join(map(str, beetle_lm("gather", out, "-q")))
    return f"{command} || test $? = 3"


if __name__ == "__main__":
    main()
