"""Photographs decoded in processes of their own, which crash, hang or are killed."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kinds import Command, Draw, WriteModel
from PIL import Image
from processes import command_line
from results import read_table
from squares import POINTS

from beetle_lm.predict.images.sandbox import Isolation, WorkerLost


def test_crash_takes_down_one_call() -> None:
    with Isolation() as isolation:
        with pytest.raises(WorkerLost, match="the decoder crashed"):
            isolation.call(os.abort)
        assert isolation.call(math.sqrt, 4.0) == 2.0
        with pytest.raises(WorkerLost, match=r"crashed \(exit code 3\)"):
            isolation.call(os._exit, 3)
        assert isolation.call(math.sqrt, 9.0) == 3.0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to name")
def test_the_signal_is_named() -> None:
    with Isolation() as isolation, pytest.raises(WorkerLost, match="SIGABRT"):
        isolation.call(os.abort)


def test_call_that_takes_too_long_is_given_up() -> None:
    with Isolation(time_limit=0.5) as isolation:
        start = time.monotonic()
        with pytest.raises(WorkerLost, match=r"it took longer than 0\.5 s"):
            isolation.call(time.sleep, 600)
        assert time.monotonic() - start < 300
        assert isolation.call(math.sqrt, 4.0) == 2.0


def test_exceptions_come_back_and_the_process_stays() -> None:
    with Isolation() as isolation:
        before = isolation.call(os.getpid)
        with pytest.raises(ValueError, match="math domain error"):
            isolation.call(math.sqrt, -1.0)
        assert isolation.call(os.getpid) == before != os.getpid()


def test_process_that_ends_between_calls_is_replaced() -> None:
    with Isolation() as isolation:
        process = isolation.call(os.getpid)
        os.kill(process, signal.SIGTERM)
        time.sleep(0.5)
        assert isolation.call(math.sqrt, 4.0) == 2.0


def test_threads_call_at_once_and_nothing_is_left_running() -> None:
    with Isolation() as isolation, ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(isolation.call, os.getpid) for _ in range(20)]
        processes = {call.result() for call in calls}
        assert 1 <= len(processes) <= 2
    if sys.platform != "win32":
        for process in processes:
            with pytest.raises(ProcessLookupError):
                os.kill(process, 0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_processes_end_when_the_one_that_calls_them_is_killed() -> None:
    calling = (
        "import os, time; from beetle_lm.predict.images.sandbox import Isolation\n"
        "with Isolation() as isolation:\n"
        "    print(isolation.call(os.getpid), flush=True)\n    time.sleep(600)"
    )
    arguments = [sys.executable, "-c", calling]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        status = Path(f"/proc/{int(process.stdout.readline())}/stat")
        assert status.exists()
        process.kill()
    until = time.monotonic() + 60
    while status.exists() and ") Z " not in status.read_text(encoding="utf-8"):
        assert time.monotonic() < until
        time.sleep(0.05)


def write_photos(folder: Path, draw: Draw, size: tuple[int, int], count: int) -> None:
    folder.mkdir()
    for i in range(count):
        Image.fromarray(draw(size, POINTS)).save(folder / f"{i:03}.png")


def test_isolated_run_gives_the_same_results(
    command: Command, write_model: WriteModel, draw: Draw, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    photos = tmp_path / "photos"
    write_photos(photos, draw, (400, 300), 4)
    (photos / "bad.jpg").write_text("no image", encoding="utf-8")
    call = ("predict", photos, "-m", write_model(), "--overlay", "-o")
    assert command(*call, tmp_path / "here").code == 3
    isolated = command(*call, tmp_path / "there", "--isolate")
    assert isolated.code == 3
    assert "failed: bad.jpg is not an image that can be read" in isolated.err
    for name in ("landmarks.tps", "predictions.csv", "specimens.csv", "overview.jpg"):
        here, there = tmp_path / "here" / name, tmp_path / "there" / name
        assert here.read_bytes() == there.read_bytes()


def decoding_processes(process: int) -> list[int]:
    children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8")
    return [
        int(child)
        for child in children.split()
        if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text(encoding="utf-8")
    ]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes in /proc")
def test_photograph_fails_alone_when_its_process_dies(
    write_model: WriteModel, draw: Draw, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    photos, out = tmp_path / "photos", tmp_path / "out"
    write_photos(photos, draw, (1600, 1200), 1)
    for i in range(1, 120):
        os.link(photos / "000.png", photos / f"{i:03}.png")
    arguments = command_line(
        "predict", photos, "-m", write_model(), "-o", out, "--isolate", "--workers", "1"
    )
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 120
        while not (out / ".incomplete" / "part-1" / "rows").exists():
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        [worker] = decoding_processes(process.pid)
        os.kill(worker, signal.SIGSTOP)  # so that it is surely asked for a photograph when it dies
        time.sleep(1)
        os.kill(worker, signal.SIGKILL)
        _, said = process.communicate(timeout=300)
    assert process.returncode == 3, said
    specimens = read_table(out / "specimens.csv")
    assert len(specimens) == 120
    [failed] = [row for row in specimens if row["status"] == "failed"]
    assert failed["reason"] == (
        f"{failed['image']} cannot be decoded: the decoder crashed (SIGKILL)"
    )
