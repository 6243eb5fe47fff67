"""A thousand workers, some slow and all mortal: how large shares should be. Takes seconds of CPU.

    python bench/cluster_simulation.py [--photographs 10000000] [--workers 1000]

Nothing is predicted. Workers draw their speed and the moments at which they die; what is computed
is when the last photograph is done, and what share of the work was done twice. In the first table
partitions are handed out one by one, and one whose worker dies begins anew. In the second a job
array has more tasks than run at once; a task that dies is started again and goes on at its mark.
"""

from __future__ import annotations

import argparse
import heapq
from dataclasses import dataclass

import numpy as np

PHOTOGRAPH = 0.0305  # seconds of one core, bench/README.md
START = 1.5  # seconds: a process that loads its model, and lists a folder
HAND_OUT = 0.1  # seconds: a task of an engine, and a partition's file
MARK = 10.0  # seconds between marks, at most
SLOW, SLOWNESS, SPREAD = 0.02, 3.0, 0.15  # of the workers, how much; sigma of the logarithms
BETWEEN_DEATHS, DOWN = 2 * 3600.0, 300.0  # seconds, of one worker


@dataclass(frozen=True)
class Came:
    """What came of a run: hours until all is done, the share of work done twice, and deaths."""

    hours: float
    twice: float
    deaths: int


def simulate(tasks: int, size: float, workers: int, start: float, mark: float | None) -> Came:
    """Workers take one task after the other.

    Args:
        tasks: how many there are.
        size: photographs in each.
        workers: how many work at once.
        start: seconds before a task's first photograph.
        mark: seconds between marks, at which a task that died goes on; None for from the beginning.
    """
    random = np.random.default_rng(0)
    speed = np.exp(random.normal(0, SPREAD, workers))
    speed[random.random(workers) < SLOW] *= SLOWNESS
    death = random.exponential(BETWEEN_DEATHS, workers)
    free = [(0.0, worker) for worker in range(workers)]
    waiting = [size * PHOTOGRAPH] * tasks  # seconds of a worker of speed 1
    lost = done = last = 0.0
    deaths = 0
    while waiting:
        now, worker = heapq.heappop(free)
        left = waiting.pop()
        end = now + start + left * speed[worker]
        if death[worker] >= end:
            done += left
            last = max(last, end)
        else:
            at = death[worker]
            worked = max(0.0, at - now - start) / speed[worker]
            kept = 0.0
            if mark is not None:
                kept = max(0.0, worked - random.random() * mark / speed[worker])
            lost += worked - kept
            done += kept
            waiting.insert(0, left - kept)
            end = at + DOWN
            death[worker] = end + random.exponential(BETWEEN_DEATHS)
            deaths += 1
        heapq.heappush(free, (max(now, end), worker))
    return Came(last / 3600, lost / done, deaths)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--photographs", type=int, default=10_000_000)
    parser.add_argument("--workers", type=int, default=1000)
    given = parser.parse_args()
    ideal = given.photographs * PHOTOGRAPH / given.workers / 3600
    print(
        f"{given.photographs} photographs, {given.workers} workers of one core, {SLOW:.0%} of them"
        f" {SLOWNESS:g} times as slow; each dies every {BETWEEN_DEATHS / 3600:g} hours and is away"
        f" for {DOWN / 60:g} minutes. Were all alike and immortal: {1000 * ideal:.0f} core hours in"
        f" {60 * ideal:.1f} minutes.\n"
    )
    print("| partition | files | minutes | of the ideal | done twice | deaths |")
    print("|---:|---:|---:|---:|---:|---:|")
    for size in (50, 100, 250, 500, 1000, 2500, 5000, 10_000):
        tasks = -(-given.photographs // size)
        came = simulate(tasks, size, given.workers, HAND_OUT, None)
        print(f"| {size} | {tasks} | {_told(came, ideal)} |")
    print(
        "\n| tasks of the array | photographs each | minutes | of the ideal | done twice | deaths |"
    )
    print("|---:|---:|---:|---:|---:|---:|")
    for times in (1, 2, 4, 10, 30):
        tasks = times * given.workers
        came = simulate(tasks, given.photographs / tasks, given.workers, START, MARK)
        print(f"| {tasks} | {given.photographs // tasks} | {_told(came, ideal)} |")


def _told(came: Came, ideal: float) -> str:
    minutes = came.hours * 60
    return f"{minutes:.1f} | {came.hours / ideal:.2f} | {came.twice:.2%} | {came.deaths}"


if __name__ == "__main__":
    main()
