"""The options of `beetle-lm predict`, what it says, and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from results import read_table

pytest.importorskip("onnxruntime")

from kinds import Command, Draw
from squares import POINTS, SIZE


def test_photographs_of_more_pixels_than_allowed_are_refused(
    command: Command, model: Path, photos: Path, tmp_path: Path, draw: Draw
) -> None:
    Image.fromarray(draw((401, 300), POINTS)).save(photos / "large.png")
    call = ("predict", photos, "-m", model, "--overlay", "--max-pixels", SIZE[0] * SIZE[1])
    done = command(*call, "-o", tmp_path / "out")
    assert done.code == 3
    assert "failed: large.png is too large to be decoded: 401 x 300 pixels" in done.err
    specimens = read_table(tmp_path / "out" / "specimens.csv")
    assert [row["status"] for row in specimens] == ["ok", "ok", "failed"]


def test_quiet_verbose_and_json(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    quiet = command("predict", photos, "-m", model, "-o", tmp_path / "1", "-q")
    assert quiet.err == ""
    verbose = command("predict", photos, "-m", model, "-o", tmp_path / "2", "-v")
    assert "a.png: mean score 1.00" in verbose.err
    as_json = command("predict", photos, "-m", model, "-o", tmp_path / "3", "--json")
    summary = json.loads(as_json.out)
    assert summary["output"] == str(tmp_path / "3")
    assert summary["counts"]["ok"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either --part NAME or --model FILE"),
        (["--part", "elytra", "--model", "m.onnx"], "give either --part NAME or --model FILE"),
        (["-m", "m.onnx", "--device", "gpu"], "'--device'"),
        (["-m", "m.onnx", "--exif", "turn"], "'--exif'"),
        (["-m", "m.onnx", "--format", "xlsx"], "--format must be tps, csv, parquet or several"),
        (["-m", "m.onnx", "--scale", "-1"], "--scale -1: a scale must be above 0, got -1.0"),
        (["-m", "m.onnx", "--scale", "nan"], "a scale must be above 0"),
        (["-m", "m.onnx", "--scale", "0,5"], "--scale must be a number above 0 or a table"),
        (["-m", "m.onnx", "--scale", "1", "--scale-from", "grid"], "--scale or --scale-from"),
        (["-m", "m.onnx", "--scale-from", "ruler"], "--scale-from must be grid or bar:LENGTH"),
        (["-m", "m.onnx", "--scale-from", "bar"], "--scale-from must be grid or bar:LENGTH"),
        (["-m", "m.onnx", "--scale-from", "bar:x"], "--scale-from must be grid or bar:LENGTH"),
        (["-m", "m.onnx", "--scale-from", "bar:0"], "length of a scale bar must be above 0"),
    ],
)
def test_wrong_usage(command: Command, photos: Path, arguments: list[str], message: str) -> None:
    done = command("predict", photos, *arguments)
    assert done.code == 2
    assert message in done.err


def test_help_and_program_work_as_a_process(model: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call = [sys.executable, "-m", "beetle_lm", "predict", str(photos), "-m", str(model)]
    done = subprocess.run(
        [*call, "-o", str(out)], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"2 images: landmarks on 2; results in {out}\n"
    assert done.stderr == "dots, model 1.0, on CPUExecutionProvider\n"  # no bar without a terminal
