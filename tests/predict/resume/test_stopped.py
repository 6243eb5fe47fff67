"""Runs that were stopped by hand: what is there meanwhile, and how they go on."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from processes import command_line

from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.plan import Request, plan_one, plan_parts
from beetle_lm.predict.batch.runner import run_plan
from beetle_lm.zoo.model_file.shape_space import Limits

pytest.importorskip("onnxruntime")

from kinds import Command, Draw, WriteModel
from squares import POINTS, SIZE
from stopped_runs import (
    ROWS,
    UNFINISHED,
    Stopping,
    files,
    posix,
    size,
    stop_early,
    wait_until,
    write_photos,
)


def test_ctrl_c_while_a_part_follows_a_finished_one(
    command: Command, zoo: Path, draw: Draw, tmp_path: Path
) -> None:
    photos, whole, out = tmp_path / "photos", tmp_path / "whole", tmp_path / "out"
    for part in ("elytra", "head"):
        write_photos(photos / part, draw, 4)
        (photos / part / "bad.jpg").touch()
    call = ("predict", photos, "--zoo", zoo, "-b", "2", "--overlay", "-o")
    assert command(*call, whole).code == 3
    plan = plan_parts(Request([str(photos)], out), str(zoo), Options(batch_size=2, overlay=True))
    assert plan is not None
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan, observer=Stopping(5 + 3))
    assert sorted(path.name for path in out.iterdir()) == [UNFINISHED, "elytra"]
    assert not (out / "elytra" / UNFINISHED).exists()
    mine = (out / "elytra" / "landmarks.tps").read_text(encoding="utf-8") + "COMMENT=mine\n"
    (out / "elytra" / "landmarks.tps").write_text(mine, encoding="utf-8", newline="\n")

    done = command(*call, out, "--resume")
    assert done.code == 3
    assert "going on after 5 of 5 images" in done.err
    assert "going on after 2 of 5 images" in done.err
    assert done.err.count("failed: elytra: bad.jpg is empty") == 1
    assert f"elytra: 5 images: landmarks on 4, 1 failed; results in {out / 'elytra'}" in done.out
    found = files(out)
    assert found.pop("elytra/landmarks.tps") == mine.encode()  # corrected since, and left alone
    expected = files(whole)
    del expected["elytra/landmarks.tps"]
    assert found == expected


@posix
def test_ctrl_c_tells_what_is_done_and_a_second_run_is_refused(
    command: Command, model: Path, draw: Draw, tmp_path: Path
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    Image.fromarray(draw((2400, 1800), POINTS)).save(photos / "000.png")
    for i in range(1, 400):
        os.link(photos / "000.png", photos / f"{i:03}.png")
    call = ("predict", photos, "-m", model, "-o", out)
    process = subprocess.Popen(command_line(*call), stderr=subprocess.PIPE, text=True)
    assert wait_until(lambda: size(out / ROWS) > 0, process)
    for flags in ([], ["--resume"], ["--overwrite"]):
        second = command(*call, *flags)
        assert second.code == 1
        assert f"another run is writing into {out}" in second.err
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    last = said.splitlines()[-1]
    assert last.startswith("stopped; ")
    assert last.endswith(
        f" of 400 images done, kept in {out}; the same command with --resume goes on"
    )
    assert 0 < int(last.split()[1]) < 400
    assert [path.name for path in out.iterdir()] == [UNFINISHED]

    plain = command(*call)
    assert plain.code == 1
    assert f"{out} holds an unfinished run; --resume goes on with it, --overwrite" in plain.err


def test_expected_errors_and_flags_are_the_same_after_resuming(
    command: Command, write_model: WriteModel, photos: Path, draw: Draw, tmp_path: Path
) -> None:
    model = write_model("flagging.onnx", limits=Limits(1.0, 50.0, (-180.0, 180.0), (0.0, 9.0)))
    for i in (0, 3, 7, 11):  # one or two of the squares are not there
        Image.fromarray(draw(SIZE, POINTS[: 1 + i % 2])).save(photos / f"{i:02}.png")
    call = ("predict", photos, "-m", model, "-b", "2", "--overlay")
    command(*call, "-o", tmp_path / "whole")
    table = (tmp_path / "whole" / "specimens.csv").read_text(encoding="utf-8")
    assert table.count(",flagged,expected error ") == 4 and table.count(",failed,") == 1
    for after in (1, 6, 12):
        out = tmp_path / f"out-{after}"
        stop_early(photos, model, out, after, overlay=True)
        assert command(*call, "-o", out, "--resume").code == 3
        assert files(out) == files(tmp_path / "whole")


def test_resume_without_an_unfinished_run(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    call = ("predict", photos, "-m", model, "-o", tmp_path / "out", "--resume")
    first = command(
        *call
    )  # nothing to go on with: from the start, so that scripts can always say it
    assert first.code == 3
    assert "going on" not in first.err
    again = command(*call)
    assert again.code == 1
    assert "holds results already" in again.err


def test_earlier_results_stay_until_those_that_replace_them_are_whole(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    call = ("predict", photos, "-m", model, "-b", "2", "-o", out)
    command(*call, "--format", "csv", "--overlay")
    before = files(out)
    options = Options(batch_size=2, formats=("tps",))
    plan = plan_one(Request([str(photos)], out, overwrite=True), model, options=options)
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan, observer=Stopping(9))
    assert {name: there for name, there in files(out).items() if UNFINISHED not in name} == before
    assert command(*call, "--format", "tps", "--resume").code == 3
    names = sorted(path.name for path in out.iterdir())
    assert names == ["landmarks.tps", "methods.txt", "run.json", "specimens.csv"]


def test_nothing_is_left_of_a_run_that_did_nothing(
    model: Path, photos: Path, tmp_path: Path
) -> None:
    stop_early(photos, model, tmp_path / "out", after=1)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("workers", [1, 5])
def test_order_is_that_of_the_names_whatever_the_number_of_workers(
    command: Command, model: Path, photos: Path, tmp_path: Path, workers: int
) -> None:
    Image.new("RGB", (3000, 2000)).save(photos / "03.png")  # takes longer than those after it
    command("predict", photos, "-m", model, "-o", tmp_path / "out", "--workers", workers)
    text = (tmp_path / "out" / "specimens.csv").read_text(encoding="utf-8")
    assert [line[:6] for line in text.splitlines()[1:]] == [f"{i:02}.png" for i in range(13)]
