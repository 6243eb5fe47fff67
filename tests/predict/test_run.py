"""Runs from Python: what a plan is, and the way from the command line to the model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("onnxruntime")

import onnxruntime
from kinds import Command, Draw
from squares import POINTS, SIZE, write_manual
from stopped_runs import files, write_photos

from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.plan import Plan, Request, plan_one, plan_parts
from beetle_lm.predict.batch.progress import Finished, Observer
from beetle_lm.predict.batch.runner import run_plan


class Finishing(Observer):
    """Keeps what a run reports at the end of each part."""

    def __init__(self) -> None:
        self.parts: list[Finished] = []

    def finished(self, task: object, finished: Finished) -> None:
        self.parts.append(finished)


def run_twice(plan: Plan, out: Path) -> list[list[Finished]]:
    """Runs a plan twice and makes sure that all files are the same."""
    reports, written = [], []
    for _ in range(2):
        observer = Finishing()
        run_plan(plan, observer=observer)
        reports.append(observer.parts)
        written.append(files(out))
    assert written[0] == written[1]
    return reports


def test_a_plan_run_twice_gives_the_same_twice(model: Path, draw: Draw, tmp_path: Path) -> None:
    photos, out, manual = tmp_path / "photos", tmp_path / "out", tmp_path / "manual.tps"
    write_photos(photos, draw, 5)
    write_manual(manual, {f"{i:02}.png": POINTS for i in (1, 3)}, right=2)
    request = Request([str(photos)], out, reference=manual, overwrite=True)
    plan = plan_one(request, model, options=Options(overlay=True, batch_size=2))
    (first,), (second,) = run_twice(plan, out)
    assert first.outcome.counts == second.outcome.counts
    assert first.outcome.evaluation is not None and second.outcome.evaluation is not None
    assert second.outcome.evaluation.images == ("01.png", "03.png")
    assert second.outcome.evaluation.only_predicted == ("00.png", "02.png", "04.png")
    assert first.outcome.evaluation.overall("px") == second.outcome.evaluation.overall("px")


def test_a_plan_of_several_parts_run_twice_gives_the_same_twice(
    zoo: Path, draw: Draw, tmp_path: Path
) -> None:
    photos, out, manual = tmp_path / "photos", tmp_path / "out", tmp_path / "manual"
    for part in ("elytra", "head"):
        write_photos(photos / part, draw, 3)
        (manual / part).mkdir(parents=True)
        write_manual(manual / part / "landmarks.tps", {"01.png": POINTS}, right=1)
    request = Request([str(photos)], out, reference=manual, overwrite=True)
    plan = plan_parts(request, str(zoo), Options(overlay=True))
    assert plan is not None
    for parts in run_twice(plan, out):
        assert [one.outcome.images for one in parts] == [3, 3]
        assert all(one.outcome.evaluation is not None for one in parts)


@pytest.mark.parametrize("options", [(), ("--overlay",), ("--isolate",)])
def test_from_the_command_to_the_model_in_six_calls(
    command: Command,
    model: Path,
    draw: Draw,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
) -> None:
    Image.fromarray(draw(SIZE, POINTS)).save(tmp_path / "a.png")
    stacks: list[list[str]] = []
    run = onnxruntime.InferenceSession.run

    def counted(self: Any, *arguments: Any) -> Any:
        calls, frame = [], sys._getframe(1)
        while frame is not None:
            if frame.f_globals.get("__name__", "").startswith("beetle_lm."):
                calls.append(frame.f_code.co_qualname)
                if calls[-1] == "predict":
                    break
            frame = frame.f_back  # type: ignore[assignment]
        stacks.append(calls[::-1])
        return run(self, *arguments)

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", counted)
    call = ("predict", tmp_path / "a.png", "-m", model, "-o", tmp_path / "out", *options)
    assert command(*call).code == 0
    [calls] = stacks
    assert (calls[0], calls[-1]) == ("predict", "Session.run")
    assert len(calls) <= 6, calls
