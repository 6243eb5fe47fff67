"""Kills on a Ray cluster of two nodes, at random moments: the tables stay the same.

    pip install ".[ray]"
    python bench/ray_kills.py [PHOTOGRAPHS] [--kills 30]

Each round starts two nodes and a run on them, and kills with SIGKILL a process that computes, the
second node, the command itself, or Ray's own process on the head, with which the cluster is lost. A
command that ended is resumed without Ray; one that lost its cluster has to have said so. In the end
the tables are compared with those of one machine. Linux only.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from fresh import beetle_lm, run

TABLES = ("landmarks.tps", "landmarks.csv", "predictions.csv", "specimens.csv")
DRAWN = 120
WORKERS = (b"ray::_compute", b"ray::IDLE")  # not the agents, with which their nodes end
VICTIMS = ("process", "node", "command", "head")
LOST = "error: the Ray "
START = 600.0  # seconds


def descendants(pid: int) -> list[int]:
    found = []
    with suppress(OSError):
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def computing() -> list[int]:
    """The processes of the nodes that this program started which compute, or wait to."""
    found = []
    for pid in descendants(os.getpid()):
        with suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(WORKERS):
                found.append(pid)
    return found


def kill(victim: str, command: subprocess.Popen[str], cluster: Any, second: Any) -> None:
    if victim == "command":
        command.kill()
    elif victim == "head":
        os.kill(cluster.head_node.all_processes["raylet"][0].process.pid, signal.SIGKILL)
    elif victim == "node":
        cluster.remove_node(second, allow_graceful=False)
    elif pids := computing():
        with suppress(ProcessLookupError):
            os.kill(random.choice(pids), signal.SIGKILL)


def rounds(photographs: Path, part: str, folder: Path, kills: int, seconds: float) -> Counter[str]:
    from ray.cluster_utils import Cluster

    chance, told = random.Random(0), Counter[str]()
    begin = time.monotonic()
    for number in range(kills):
        if time.monotonic() - begin > seconds:
            break
        out, victim = folder / f"out-{number}", VICTIMS[number % len(VICTIMS)]
        # At the address of this machine: Ray takes 127.0.0.1 for it where it connects.
        node = {"num_cpus": 1, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=node)
        second = cluster.add_node(num_cpus=1)
        call = beetle_lm("predict", photographs, "--part", part, "-o", out, "--engine", "ray")
        call += ["--address", cluster.address, "--resume", "-q"]
        command = subprocess.Popen([*map(str, call)], stderr=subprocess.PIPE, text=True)
        until = time.monotonic() + START
        while not list(out.glob(".incomplete/part-1/rows*")) and command.poll() is None:
            assert time.monotonic() < until, "nothing happens"
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 3))
        kill(victim, command, cluster, second)
        _, said = command.communicate(timeout=START)
        told[f"{victim}: ended with {command.returncode}"] += 1
        if command.returncode:
            sentences = [line for line in said.splitlines() if line.startswith(LOST)]
            print(f"{victim}: {' '.join(sentences) or said.strip()[-200:]}", flush=True)
            if victim == "head" and not sentences:
                raise SystemExit(f"round {number}: nothing said that the cluster is lost: {said}")
            run([*call[: call.index("--engine")], "--resume", "-q"])
        cluster.shutdown()
        if not all(filecmp.cmp(folder / "one" / name, out / name, False) for name in TABLES):
            raise SystemExit(f"round {number}, {victim}: DIFFERENT tables in {out}")
        print(f"round {number + 1} of {kills}, {victim}: the same", flush=True)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("photographs", nargs="?", type=Path, help="else some are drawn")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="the most it takes")
    parser.add_argument("--part", default="elytra")
    given = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        photographs = given.photographs
        if photographs is None:
            run(beetle_lm("render", given.part, "-n", DRAWN, "-o", folder / "drawn", "-q"))
            photographs = folder / "drawn" / given.part / "images"
        one = beetle_lm("predict", photographs, "--part", given.part, "--device", "cpu")
        run([*one, "-o", folder / "one", "-q"])
        told = rounds(photographs, given.part, folder, given.kills, 60 * given.minutes)
    for what, count in sorted(told.items()):
        print(f"{what}: {count} times")


if __name__ == "__main__":
    main()
