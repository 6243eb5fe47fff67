"""Programs as fresh processes: how long they take, processor time, and peak memory."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

Command = Sequence[object]


@dataclass(frozen=True)
class Used:
    """What a program needed.

    Args:
        wall: seconds that passed.
        cpu: seconds of all its threads and processes.
    """

    wall: float
    cpu: float


def beetle_lm(*arguments: object) -> list[object]:
    return [sys.executable, "-m", "beetle_lm", *arguments]


def run(command: Command) -> Used:
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    _checked(subprocess.run([*map(str, command)], capture_output=True, text=True, check=False))
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Used(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def medians(programs: Mapping[str, Callable[[], Command]], repeats: int) -> dict[str, Used]:
    """Medians of programs that take turns, after a first turn that does not count.

    Args:
        programs: by name, what gives the command of the next run.
        repeats: turns that count.
    """
    found: dict[str, list[Used]] = {name: [] for name in programs}
    for turn in range(repeats + 1):
        for name, command in programs.items():
            used = run(command())
            if turn:
                found[name].append(used)
    return {
        name: Used(statistics.median(u.wall for u in runs), statistics.median(u.cpu for u in runs))
        for name, runs in found.items()
    }


def peak_memory(command: Command) -> float:
    """Peak resident memory of a program and all processes that it starts, in MB. Linux only.

    The sum over the processes is looked at every 20 ms; a peak of a single one is never missed.
    """
    process = subprocess.Popen(
        [*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    highest = 0
    while True:
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        highest = max(highest, sum(map(_resident, _tree(process.pid))))
        time.sleep(0.02)
    assert process.stderr is not None
    with process.stderr:
        process.returncode = os.waitstatus_to_exitcode(status)
        _checked(
            subprocess.CompletedProcess(process.args, process.returncode, "", process.stderr.read())
        )
    return max(highest, usage.ru_maxrss) / 1024


def _tree(pid: int) -> list[int]:
    found = [pid]
    with suppress(OSError):
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                found += _tree(int(child))
    return found


def _resident(pid: int) -> int:
    """Kilobytes; 0 for a process that has just ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


def _checked(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        raise SystemExit(f"{done.args} ended with {done.returncode}:\n{done.stderr}")


def cores() -> int:
    """How many this process may use, on Linux less than there are under `taskset`."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> str:
    """Cores, and how busy they were with other things when this began."""
    load = os.getloadavg()[0]
    busy = "; TOO BUSY for figures of wall time" if load > 0.3 * cores() else ""
    return f"{cores()} cores, load average {load:.1f} before this began{busy}"
