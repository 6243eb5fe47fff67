"""A training ends with its server, even a killed one, and the page goes on with it next time."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from annotating import OpenPage, project, says
from pages import draw_photographs, quadrangle, served
from processes import command_line
from training_data import small_recipe

from beetle_lm.predict.batch.lock import FolderLock, HeldError
from beetle_lm.web.runs import Run, Runs

EPOCHS = 15


def asked(address: str, path: str, body: object = None) -> Any:
    """What the server answers the page."""
    own = urlsplit(address)
    headers = {"Content-Type": "application/json", "Origin": f"http://{own.netloc}"}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address + path, content, {} if body is None else headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def training(address: str) -> dict[str, Any]:
    told: dict[str, Any] = asked(address, "api/news?since=0")["training"]
    return told


def wait_until(there: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.05)


@contextmanager
def annotating(command: list[str]) -> Iterator[str]:
    """The address of the page of a server that is killed in the end."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        try:
            assert running.stdout is not None
            yield running.stdout.readline().strip()
        finally:
            running.kill()


def is_at_work(run: Path) -> bool:
    try:
        with FolderLock(run):
            return False
    except HeldError:
        return True


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="it ends with the next line that it says")
def test_a_training_goes_on_after_its_server_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # so small a network is no faster with more
    photographs = draw_photographs(tmp_path / "photographs", [f"{i:02}.png" for i in range(6)])
    recipe = small_recipe(tmp_path / "small.toml", epochs=EPOCHS)
    part = ("--part", "wing", "--landmarks", 4, "--recipe", recipe, "-o", tmp_path / "wing.tps")
    command = command_line("annotate", photographs, *part, "--no-browser")
    run = Runs(tmp_path / "wing-training", "wing").run(1)
    with annotating(command) as address:
        for i in range(4):
            record = {"revision": 0, "state": "accepted", "xy": quadrangle(i), "seconds": 0}
            asked(address, f"api/photographs/{i}", record)
        asked(address, "api/train", {"act": "start"})
        wait_until(lambda: run.epochs_done >= 2, 60)
        assert is_at_work(run.folder)
    wait_until(lambda: not is_at_work(run.folder), 10)
    done = run.epochs_done
    assert run.is_resumable and 2 <= done < EPOCHS
    with annotating(command) as address:
        status = training(address)
        assert status["stage"] == "cut off" and status["resumable"]
        assert (status["photographs"], status["epoch"], status["epochs"]) == (4, done, EPOCHS)
        asked(address, "api/train", {"act": "resume"})
        wait_until(lambda: run.epochs_done == EPOCHS, 60)
        status = training(address)
        assert (status["stage"], status["photographs"]) == ("running", 4)  # the model is written
    with (run.folder / "log.csv").open(newline="") as stream:
        epochs = [int(row["epoch"]) for row in csv.DictReader(stream)]
    assert epochs == list(range(1, EPOCHS + 1))  # none of them twice
    assert not (run.folder.parent / "run-2").exists()


def test_the_page_says_that_a_training_was_cut_off(tmp_path: Path, open_page: OpenPage) -> None:
    site_project = project(tmp_path, 6)
    for i in range(5):
        site_project.save(i, 0, "accepted", np.array(quadrangle(i)), 0.0)
    run = site_project.runs.new()
    run.folder.mkdir()
    (run.folder / "config.toml").write_text("[recipe]\nepochs = 80\n", encoding="utf-8")
    (run.folder / "log.csv").write_text("epoch,loss\n1,9\n2,8\n3,7\n", encoding="utf-8")
    run.landmarks.write_text("LM=4\n" * 4, encoding="utf-8")
    with served(site_project) as address:
        page = open_page(address)
        says(page, "#toast", "was cut off")
        page.locator("#train").click()
        about = page.locator("#training-about").inner_text()
        assert "on 4 photographs, was cut off after 3 of 80 epochs" in about
        assert "the 5 that are accepted now" in about
        assert page.locator("#training-resume").inner_text() == "Go on"
        assert page.locator("#training-start").inner_text() == "Start anew"


def test_only_the_last_training_is_gone_on_with(tmp_path: Path) -> None:
    runs = Runs(tmp_path / "wing-training", "wing")

    def resumable() -> Run | None:
        return runs.resumable

    assert resumable() is None
    for number in (9, 10):
        run = runs.run(number)
        run.folder.mkdir(parents=True)
        run.landmarks.touch()
    assert resumable() is None  # nothing was begun
    for number in (9, 10):
        (runs.run(number).folder / "config.toml").touch()
    assert resumable() == runs.run(10)
    runs.run(10).model.touch()
    assert resumable() is None and runs.trained_model == runs.run(10).model
    assert runs.new() == runs.run(11)


def test_a_training_goes_on_from_what_it_started_from(tmp_path: Path) -> None:
    run = Runs(tmp_path, "wing").run(1)
    assert (run.start, run.epochs, run.epochs_done, run.photographs) == ("", 0, 0, 0)
    run.folder.mkdir()
    (run.folder / "config.toml").write_text('init = "a.onnx"\n[recipe]\nepochs = 8\n')
    assert (run.start, run.epochs) == ("a.onnx", 8)
    (run.folder / "config.toml").write_text("epochs = ")
    assert (run.start, run.epochs) == ("", 0)
