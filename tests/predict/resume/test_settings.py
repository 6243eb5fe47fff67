"""What has to be the same where a run goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")

from kinds import Command, WriteModel
from stopped_runs import (
    UNFINISHED,
    files,
    stop_early,
)

from beetle_lm.predict.scales.sources import ScaleTable


def change_nothing(photos: Path, manual: Path) -> None:
    pass


def touch(photos: Path, manual: Path) -> None:
    os.utime(photos / "05.png", ns=(1, 1))


def rewrite(photos: Path, manual: Path) -> None:
    manual.write_text(manual.read_text(encoding="utf-8") + "COMMENT=x\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "change", "told"),
    [
        (["--min-score", "0.5"], change_nothing, "another minimum score (0.0 then, 0.5 now)"),
        (["--overlay"], change_nothing, "another choice of overlays (False then, True now)"),
        (["-b", "3"], change_nothing, "another batch size (2 then, 3 now)"),
        (["-m", "other.onnx"], change_nothing, "another model ("),
        ([], touch, "another file 05.png, which has changed since"),
        ([], lambda p, _: (p / "00.png").unlink(), "the photograph 00.png, which is not there now"),
        ([], lambda p, _: (p / "12.png").unlink(), "the photograph 12.png, which is not there now"),
        ([], lambda p, _: (p / "011.png").touch(), "other photographs (011.png is new)"),
        ([], lambda p, _: (p / "99.png").touch(), "other photographs (99.png is new)"),
        ([], rewrite, "another file of manual landmarks ("),
    ],
)
def test_nothing_else_can_be_gone_on_with(
    command: Command,
    write_model: WriteModel,
    photos: Path,
    manual: Path,
    tmp_path: Path,
    options: list[str],
    change: Callable[[Path, Path], None],
    told: str,
) -> None:
    model, out = write_model(), tmp_path / "out"
    other = write_model("other.onnx", fit="stretch")
    compared = ["--reference", manual] if change is rewrite else []
    stop_early(photos, model, out, reference=manual if compared else None)
    kept = files(out)
    change(photos, manual)
    options = [str(other) if option == "other.onnx" else option for option in options]
    call = ["predict", photos, "-o", out, *compared]
    call += [*([] if "-m" in options else ["-m", model]), *([] if "-b" in options else ["-b", "2"])]
    refused = command(*call, *options, "--resume")
    assert refused.code == 1
    assert f"error: {out} holds an unfinished run with {told}" in refused.err
    assert "start anew with --overwrite" in refused.err
    assert files(out) == kept
    anew = command(*call, *options, "--overwrite")
    assert anew.code == 3
    assert "going on" not in anew.err
    assert not (out / UNFINISHED).exists()


def test_a_table_of_scales_may_have_moved_but_not_changed(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out, table = tmp_path / "out", tmp_path / "scales.csv"
    table.write_text("00.png,0.5\n01.png,0.5\n", encoding="utf-8")
    stop_early(photos, model, out, scale=ScaleTable.read(table))
    call = ("predict", photos, "-m", model, "-b", "2", "-o", out, "--resume", "--scale")
    moved = table.rename(tmp_path / "moved.csv")
    table.write_text("00.png,0.6\n", encoding="utf-8")
    refused = command(*call, table)
    assert refused.code == 1 and "an unfinished run with another scale (" in refused.err
    assert command(*call, moved).code == 3


@pytest.mark.parametrize("way", ["finder", "choice of search"])
def test_where_a_model_looks_cannot_change(
    command: Command, model: Path, photos: Path, tmp_path: Path, way: str
) -> None:
    out = tmp_path / "out"
    stop_early(photos, model, out)
    [path] = out.glob(f"{UNFINISHED}/*/job.json")
    begun = json.loads(path.read_text(encoding="utf-8"))
    begun["settings"][way] = "1"
    path.write_text(json.dumps(begun), encoding="utf-8")
    refused = command("predict", photos, "-m", model, "-b", "2", "-o", out, "--resume")
    assert refused.code == 1
    assert f"an unfinished run with another {way} (1 then, None now)" in refused.err


def test_what_changes_no_result_may_change(
    command: Command, model: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ("predict", photos, "-m", model, "-b", "2", "--workers", "4", "--threads", "1", "-o")
    command(*call, tmp_path / "whole")
    out = tmp_path / "out"
    stop_early(photos, model, out)
    monkeypatch.chdir(tmp_path)
    assert command("predict", "photos", *call[2:], "out", "--resume").code == 3
    assert files(out) == files(tmp_path / "whole")
