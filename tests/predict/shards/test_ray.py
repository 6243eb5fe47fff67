"""Runs on Ray: the results are those of one machine, whatever dies."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from processes import command_line

pytest.importorskip("onnxruntime")
pytest.importorskip("ray", reason='Ray is not installed: pip install "beetle-lm[ray]"')

import deadly
from kinds import Command, Draw
from stopped_runs import UNFINISHED, files, write_photos

from beetle_lm.errors import EngineError
from beetle_lm.predict.batch import ray_engine
from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.plan import Plan, Request, plan_one
from beetle_lm.predict.batch.progress import Observer
from beetle_lm.predict.batch.ray_engine import run_on_ray
from beetle_lm.predict.batch.runner import load_models

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Ray's own files and processes
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes of a cluster import the helpers of the tests."""
    monkeypatch.setenv("PYTHONPATH", str(Path(deadly.__file__).parent))


@pytest.fixture
def whole(command: Command, model: Path, photos: Path, tmp_path: Path) -> Path:
    call = ("predict", photos, "-m", model, "-b", "2", "--device", "cpu", "-o", tmp_path / "whole")
    assert command(*call).code == 3
    return tmp_path / "whole"


def plan_of(photos: Path, model: Path, out: Path, *, resume: bool = False) -> Plan:
    request = Request([str(photos)], out, resume=resume)
    return plan_one(request, model, options=Options(batch_size=2))


def test_results_are_those_of_one_machine_and_stdout_is_clean(
    command: Command, model: Path, photos: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    call = ("predict", photos, "-m", model, "-b", "2", "--engine", "ray", "--json", "-o", out)
    done = command(*call)
    assert done.code == 3, done.err
    assert json.loads(done.out)["counts"]["images"] == 13
    assert "failed: 04.png is not an image" in done.err
    assert files(out) == files(whole)


@pytest.mark.parametrize("times", [2, 12])
def test_processes_that_die_are_replaced(
    model: Path,
    photos: Path,
    whole: Path,
    tmp_path: Path,
    times: int,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    deaths = tmp_path / "deaths"
    deaths.mkdir()
    load = partial(deadly.load, deaths=deaths, times=times, driver=os.getpid())
    run_on_ray(plan_of(photos, model, tmp_path / "out"), load)
    assert len(list(deaths.iterdir())) >= times
    assert ("ended its process 3 times" in caplog.text) == (times == 12)
    assert capsys.readouterr().out == ""
    assert files(tmp_path / "out") == files(whole)


def test_what_ends_every_process_is_a_sentence(model: Path, photos: Path, tmp_path: Path) -> None:
    deaths, out = tmp_path / "deaths", tmp_path / "out"
    deaths.mkdir()
    load = partial(deadly.load, deaths=deaths, times=1000, driver=os.getpid())
    with pytest.raises(EngineError, match="ends every process that computes it"):
        run_on_ray(plan_of(photos, model, out), load)
    assert not out.exists()


class StoppingAt(Observer):
    """Ends a run as Ctrl-C does, when a partition is done."""

    def kept(self, task: object, count: int) -> None:
        if 0 < count < 13:
            raise KeyboardInterrupt


def test_ctrl_c_leaves_what_is_done_and_nothing_running(
    command: Command, model: Path, photos: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run_on_ray(plan_of(photos, model, out), partial(load_models, device="cpu"), StoppingAt())
    import ray

    assert not ray.is_initialized()
    assert (out / UNFINISHED).exists()
    done = command("predict", photos, "-m", model, "-b", "2", "-o", out, "--resume")
    assert done.code == 3 and "going on after" in done.err
    assert files(out) == files(whole)


class Silent:
    """A cluster whose head is gone, for whose answer Ray waits for ever."""

    def cluster_resources(self) -> dict[str, float]:
        time.sleep(5)
        return {"CPU": 2.0}


def test_a_cluster_that_does_not_answer_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine, "_SILENCE", 0.05)
    with pytest.raises(EngineError, match="does not answer any more"):
        ray_engine._cores(Silent())
    node = SimpleNamespace(raylet_socket_name=str(tmp_path / "gone"))
    worker = SimpleNamespace(_global_node=node)
    with pytest.raises(EngineError, match="the Ray node of this machine has ended"):
        ray_engine._check_node(SimpleNamespace(_private=SimpleNamespace(worker=worker)))


@pytest.fixture
def killed() -> Iterator[list[subprocess.Popen[str]]]:
    """Drivers with sessions of their own, of which nothing stays."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def test_a_driver_that_is_killed_is_resumed(
    command: Command,
    model: Path,
    draw: Draw,
    tmp_path: Path,
    killed: list[subprocess.Popen[str]],
) -> None:
    photos, whole, out = tmp_path / "many", tmp_path / "whole", tmp_path / "out"
    write_photos(photos, draw, 60)
    call = ("predict", photos, "-m", model, "-b", "2", "--device", "cpu")
    assert command(*call, "-o", whole).code == 0
    chance, partitions = random.Random(3), out / UNFINISHED / "part-1" / "partitions"
    for _ in range(2):
        arguments = command_line(*call, "-o", out, "--engine", "ray", "--resume")
        process = subprocess.Popen(
            arguments, stderr=subprocess.DEVNULL, text=True, start_new_session=True
        )
        killed.append(process)
        before = len(list(partitions.glob("*")))
        until = time.monotonic() + 120
        while process.poll() is None and len(list(partitions.glob("*"))) == before:
            assert time.monotonic() < until
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.1))
        process.kill()
        process.wait()
    if (out / UNFINISHED).exists():
        assert command(*call, "-o", out, "--resume").code == 0
    assert files(out) == files(whole)


def test_usage_and_a_cluster_that_is_not_there(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    call = ("predict", photos, "-m", model, "-o", tmp_path / "out")
    for options, told in (
        (("--address", "auto"), "--address goes with --engine ray"),
        (("--engine", "ray", "--shard", "1/2"), "give either --engine or --shard, not both"),
        (("--engine", "ray", "--overlay"), "--engine draws nothing: leave --overlay out"),
    ):
        wrong = command(*call, *options)
        assert wrong.code == 2 and told in wrong.err
    wrong = command(*call, "--engine", "ray", "--address", "auto")
    assert wrong.code == 1
    assert "error: no Ray cluster can be reached at auto: " in wrong.err
    assert not (tmp_path / "out").exists()
