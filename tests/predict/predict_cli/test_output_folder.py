"""Where `beetle-lm predict` writes, and what it never touches."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")

from kinds import Command, WriteModel
from results import EVERYTHING, listed


def test_results_are_not_overwritten_unasked(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ("predict", photos, "-m", model, "-o", out)
    assert command(*arguments, "--overlay").code == 0
    before = (out / "run.json").read_bytes()
    refused = command(*arguments)
    assert refused.code == 1
    assert "holds results already; --overwrite replaces them" in refused.err
    assert (out / "run.json").read_bytes() == before
    replaced = command(*arguments, "--overwrite", "--format", "tps")
    assert replaced.code == 0
    # nothing old among them
    assert listed(out) == ["landmarks.tps", "methods.txt", "run.json", "specimens.csv"]


def test_files_of_the_user_are_never_overwritten(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    manual = photos / "landmarks.tps"
    manual.write_text("LM=0\nID=mine\n", encoding="utf-8")
    done = command("predict", photos, "-m", model, "-o", photos, "--overwrite")
    assert done.code == 1
    assert "not from an earlier run and is never overwritten" in done.err
    assert manual.read_text(encoding="utf-8") == "LM=0\nID=mine\n"


def test_other_files_in_the_folder_of_results_stay(
    command: Command, model: Path, photos: Path
) -> None:
    assert command("predict", photos, "-m", model, "-o", photos).code == 0
    assert listed(photos) == sorted([*EVERYTHING, "a.png", "b Ü.JPG", "sub"])


def test_overlays_of_an_earlier_run_are_no_photographs(
    command: Command, model: Path, photos: Path
) -> None:
    out = photos / "out"
    arguments = ("predict", photos, "-r", "-m", model, "-o", out, "--overlay")
    assert command(*arguments).code == 0
    again = command(*arguments, "--overwrite")
    assert again.out.startswith("3 images")


def test_dry_run_writes_nothing(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = command("predict", photos, "-m", model, "-o", out, "--dry-run", "--format", "csv")
    assert done.code == 0
    assert not out.exists()
    assert str(photos / "a.png") in done.out
    assert str(out / "landmarks.csv") in done.out
    assert "landmarks.tps" not in done.out
    assert "sub" not in done.out.replace(str(tmp_path), "")


def test_folder_of_results_is_named_by_the_part(
    command: Command,
    write_model: WriteModel,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    model = write_model(part="left wing/dorsal")
    assert command("predict", photos, "--model", model).code == 0
    assert (tmp_path / "beetle-lm-left-wing-dorsal" / "run.json").is_file()
    again = command("predict", photos, "--model", model)
    assert again.code == 1
    assert "holds results already" in again.err


def test_leftovers_that_nobody_can_go_on_with_do_no_harm(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / ".incomplete" / "overlays").mkdir(parents=True)
    (out / ".incomplete" / "landmarks.tps").write_text("LM=3\n", encoding="utf-8")
    assert command("predict", photos, "-m", model, "-o", out).code == 0
    assert listed(out) == EVERYTHING
