"""Runs that are stopped in the middle, and what they leave."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kinds import Draw
from PIL import Image
from squares import POINTS, SIZE

from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.plan import Request, Task, plan_one
from beetle_lm.predict.batch.progress import Observer
from beetle_lm.predict.batch.runner import run_plan
from beetle_lm.predict.result import Result

UNFINISHED = ".incomplete"
ROWS = f"{UNFINISHED}/part-1/rows"
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")


def write_photos(folder: Path, draw: Draw, count: int) -> None:
    folder.mkdir(parents=True)
    for i in range(count):
        points = [(x + 3 * i, y + 2 * i) for x, y in POINTS]
        Image.fromarray(draw(SIZE, points)).save(folder / f"{i:02}.png")


def files(folder: Path) -> dict[str, object]:
    """All that is in a folder; of run.json what does not tell the time or the place."""
    found: dict[str, object] = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            found[name] = "folder"
        elif path.name == "run.json":
            found[name] = timeless(json.loads(path.read_text(encoding="utf-8")))
        else:
            found[name] = path.read_bytes()
    return found


def timeless(run: Any) -> Any:
    if isinstance(run, dict):
        left_out = ("started", "seconds", "output")
        return {key: timeless(value) for key, value in run.items() if key not in left_out}
    return run


class Stopping(Observer):
    """Ends a run as Ctrl-C does, after so many photographs."""

    def __init__(self, after: int) -> None:
        self.left = after

    def placed(self, task: Task, result: Result) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def stop_early(photos: Path, model: Path, out: Path, after: int = 9, **given: Any) -> None:
    request = Request([str(photos)], out, reference=given.pop("reference", None))
    plan = plan_one(request, model, options=Options(**{"batch_size": 2, **given}))
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan, observer=Stopping(after))


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> bool:
    """Whether the condition came true while the process ran."""
    until = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.001)
    assert process.poll() is not None, "the process hangs"
    return False


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def is_whole(done: Any) -> bool:
    """Whether a run came to its end, or had come to it before and only not tidied up."""
    return done.code == 0 or "holds results already" in done.err
