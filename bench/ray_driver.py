"""Memory of the process that drives a run on Ray: made-up rows of up to a million photographs.

    python bench/ray_driver.py [-n 10000 100000 1000000]

The photographs are those of a list. Where the cluster would compute a partition its rows are made
up; all else is what `predict --engine ray --format parquet` does, from the list to the results.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest.mock import patch

from fresh import machine
from gathering import ALLOWED, BATCH, LANDMARKS, made_up

from beetle_lm.predict.batch import ray_engine
from beetle_lm.predict.batch.job import Job
from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.plan import Plan, Request, Task
from beetle_lm.predict.batch.source import Alone
from beetle_lm.predict.batch.staging import UnfinishedRun
from beetle_lm.predict.images.read import ImageFile
from beetle_lm.predict.inputs import MadeWith
from beetle_lm.zoo.model_file.parts import PartSpec


class Cluster:
    """As much of Ray as the driver asks when nothing is computed."""

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}


MODEL = {
    **{"part": "made up", "landmarks": LANDMARKS, "semilandmarks": 0, "version": "0"},
    **{"sha256": "0", "licence": "none", "provenance": "", "photographs": None, "measured": []},
}


@dataclass
class MadeUp:
    """A source that places nothing."""

    spec: PartSpec = field(default_factory=lambda: PartSpec.numbered("made up", LANDMARKS))
    title: str = "made up"
    batch_size: int | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    record: Mapping[str, Any] = field(
        default_factory=lambda: {"model": dict(MODEL), "provider": "none"}
    )
    versions: Mapping[str, str] = field(default_factory=dict)

    def made_with(self, images: Sequence[ImageFile]) -> MadeWith:
        return MadeWith()

    def place(self, *given: object) -> Any:
        raise AssertionError


def computed(ray: Any, order: Any, numbers: Sequence[int]) -> Iterator[Any]:
    run = UnfinishedRun(order.plan.output, [])
    job = Job.read(run.part(1, order.plan.output))
    assert job is not None
    partitions = job.partitions(job.names())
    for number in numbers:
        names = list(partitions.names(number))
        partitions.write(number, made_up(names, job.source.spec, number))
        yield ray_engine._Computed(len(names))


def drive(folder: Path, photographs: int, told: Connection) -> None:
    names = folder / "names.txt"
    with names.open("w", encoding="utf-8") as stream:
        for one in range(photographs):
            stream.write(f"drawer_{one // 1000:05d}/photograph_{one:08d}.jpg\n")
    options = Options(formats=("parquet",), batch_size=BATCH)
    request = Request(["/nowhere"], folder / "out", listed=names)
    images = request.photographs(options)
    task = Task("made up", Path("none.onnx"), images, folder / "out", None)
    plan = Plan((task,), options)
    with (
        patch.object(ray_engine, "_cluster", lambda address: nullcontext(Cluster())),
        patch.object(ray_engine, "_computed", computed),
    ):
        ray_engine.run_on_ray(plan, lambda *_: Alone(MadeUp()))
    told.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "-n", "--numbers", type=int, nargs="+", default=[10_000, 100_000, 1_000_000]
    )
    given = parser.parse_args()
    print(f"{machine()}\n\n| photographs | seconds | peak MB |\n|---:|---:|---:|", flush=True)
    highest = 0.0
    for number in given.numbers:
        with tempfile.TemporaryDirectory() as folder:
            begin = time.perf_counter()
            mine, other = get_context("spawn").Pipe()
            arguments = (Path(folder), number, other)
            driver = get_context("spawn").Process(target=drive, args=arguments)
            driver.start()
            driver.join()
            if driver.exitcode:
                sys.exit(driver.exitcode)
            memory = mine.recv()
        highest = max(highest, memory)
        seconds = time.perf_counter() - begin
        print(f"| {number} | {seconds:.1f} | {memory:.0f} |", flush=True)
    print(f"\nat most {highest:.0f} MB (asked: {ALLOWED})")
    sys.exit(highest > ALLOWED)


if __name__ == "__main__":
    main()
