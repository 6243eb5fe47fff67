"""Results as a Parquet file: the same as the text tables, which can be made of it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("pyarrow")

import pyarrow as pa
from kinds import Command, Draw, WriteModel
from PIL import Image
from pyarrow import parquet
from results import read_table
from squares import POINTS, SIZE, write_manual

from beetle_lm.errors import LandmarkFileError, MissingExtraError
from beetle_lm.origin import install
from beetle_lm.predict.batch.review import Results, review
from beetle_lm.predict.formats.parquet import About, ParquetResults, ParquetWriter, check_installed
from beetle_lm.predict.formats.result_row import ResultRow
from beetle_lm.zoo.model_file.parts import PartSpec
from beetle_lm.zoo.model_file.shape_space import Limits

TEXT = ("landmarks.tps", "landmarks.csv", "predictions.csv")


@pytest.fixture
def photos(tmp_path: Path, draw: Draw) -> Path:
    """Nine photographs in two folders: good ones, two that lack some squares, and no image."""
    folder = tmp_path / "photos"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
    for i in range(6):
        points = [(x + 3 * i, y + 2 * i) for x, y in POINTS]
        Image.fromarray(draw(SIZE, points)).save(folder / "ab"[i % 2] / f"{i // 2}.png")
    Image.fromarray(draw(SIZE, POINTS[:1])).save(folder / "a" / "7.png")
    Image.fromarray(draw(SIZE, [])).save(folder / "b" / "8.png")
    (folder / "b" / "9.png").write_text("no image", encoding="utf-8")
    return folder


@pytest.fixture
def flagging(write_model: WriteModel) -> Path:
    return write_model("flagging.onnx", limits=Limits(1.0, 50.0, (-180.0, 180.0), (0.0, 9.0)))


@pytest.mark.parametrize("flagged", ["keep", "missing", "drop"])
def test_the_text_tables_can_be_made_of_it(
    command: Command, flagging: Path, photos: Path, tmp_path: Path, flagged: str
) -> None:
    out, alone = tmp_path / "out", tmp_path / "alone"
    call = ("predict", photos, "-r", "-m", flagging, "--flagged", flagged, "--scale", "0.5")
    assert command(*call, "--format", "tps,csv,parquet", "-o", out).code == 3
    assert command(*call, "--format", "parquet", "-o", alone).code == 3
    names = sorted(path.name for path in alone.iterdir())
    assert names == ["landmarks.parquet", "methods.txt", "run.json"]
    file = alone / "landmarks.parquet"
    assert file.read_bytes() == (out / "landmarks.parquet").read_bytes()
    for name, to in zip(TEXT, ("tps", "wide", "tidy"), strict=True):
        made = tmp_path / name
        assert command("convert", file, made, "--to", to).code == 0
        assert made.read_bytes() == (out / name).read_bytes()


def test_what_readers_of_columns_find(
    command: Command, flagging: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    call = ("predict", photos, "-r", "-m", flagging, "--min-score", "0.9")
    assert command(*call, "--format", "csv,parquet", "-o", out).code == 3
    table = parquet.read_table(out / "landmarks.parquet")
    rows = table.to_pylist()
    specimens = read_table(out / "specimens.csv")
    assert [row["image"] for row in rows] == [row["image"] for row in specimens]
    assert [row["status"] for row in rows] == [row["status"] for row in specimens]
    assert rows[-1]["status"] == "failed" and rows[-1]["x1"] is None
    assert "not an image" in rows[-1]["reason"] and rows[-1]["width"] is None
    assert (rows[0]["width"], rows[0]["height"]) == SIZE and rows[0]["reason"] is None
    tidy = {(row["image"], row["landmark"]): row for row in read_table(out / "predictions.csv")}
    found = [
        (row, number, tidy[row["image"], str(number)])
        for row in rows
        for number in range(1, 4)
        if row["status"] != "failed"
    ]
    assert {cell["x"] == "" for _, _, cell in found} == {True, False}
    for row, number, cell in found:
        x, y = row[f"x{number}"], row[f"y{number}_down"]
        assert ("" if x is None else f"{x:.5f}") == cell["x"]
        assert (y is None) == (x is None)
        assert row[f"score{number}"] == pytest.approx(float(cell["score"]), abs=6e-5)
        error = float(cell["expected_error_px"])
        assert row[f"expected_error{number}_px"] == pytest.approx(error, abs=6e-4)
    told = json.loads(table.schema.metadata[b"beetle_lm"])
    assert told["frame"] == "upright" and told["part"]["name"] == "dots"


def test_review_list_and_review_read_it(
    command: Command, flagging: Path, photos: Path, tmp_path: Path
) -> None:
    text, alone = tmp_path / "text", tmp_path / "alone"
    call = ("predict", photos, "-r", "-m", flagging)
    assert command(*call, "-o", text).code == 3
    assert command(*call, "--format", "parquet", "-o", alone).code == 3
    found, there = review(alone, 4), review(text, 4)
    assert found.counts == there.counts
    assert [one.image for one in found.worst] == [one.image for one in there.worst]
    assert [one.reason for one in found.worst] == [one.reason for one in there.worst]
    for folder in (text, alone):
        assert command("review-list", folder, "-n", "4").code == 0
    for name in ("review.csv", "review.tps"):
        assert (alone / name).read_bytes() == (text / name).read_bytes()
    for one, other in zip(
        Results.read(alone)[0].specimens(), Results.read(text)[0].specimens(), strict=True
    ):
        assert (one.image, one.status, one.reason, one.size) == (
            *(other.image, other.status, other.reason, other.size),
        )
        assert (one.xy is None) == (other.xy is None)
        if one.xy is not None and other.xy is not None:
            np.testing.assert_allclose(one.xy, other.xy, atol=6e-6)


def test_evaluate_reads_it_with_its_sizes(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    manual = tmp_path / "manual.tps"
    write_manual(manual, {"a/0.png": POINTS, "b/0.png": POINTS}, right=2)
    out = tmp_path / "out"
    call = ("predict", photos, "-r", "-m", model, "--format", "tps,csv,parquet", "-o", out)
    assert command(*call).code == 3
    found = command("evaluate", out / "landmarks.parquet", manual, "--json")
    assert found.code == 0
    expected = command("evaluate", out / "predictions.csv", manual, "--json")
    one, other = json.loads(found.out), json.loads(expected.out)
    assert one["specimens"] == other["specimens"]
    assert one.keys() == other.keys()


def test_shards_write_it(command: Command, model: Path, photos: Path, tmp_path: Path) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    call = ("predict", photos, "-r", "-m", model, "-b", "2", "--format", "parquet", "-o")
    assert command(*call, whole).code == 3
    for number in (1, 2):
        command(*call, out, "--shard", f"{number}/2")
    assert command("gather", out).code == 3
    name = "landmarks.parquet"
    assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_many_rows_go_through_in_groups(tmp_path: Path) -> None:
    about = About(PartSpec.numbered("dots", 2), stored=False)
    points = np.array([[1.25, 2.5], [np.nan, np.nan]])
    with ParquetWriter(tmp_path / "many.parquet", about) as writer:
        for i in range(12_001):
            score = np.array([0.5, i / 12_001])
            size = (100, 50)
            writer.add(ResultRow(f"{i}.jpg", "ok", "", size, points, score, score * 2, None, ""))
    results = ParquetResults(tmp_path / "many.parquet")
    assert len(results) == 12_001
    assert parquet.ParquetFile(tmp_path / "many.parquet").num_row_groups == 3
    for i, row in enumerate(results):
        assert row.image == f"{i}.jpg"
        assert row.score is not None and row.score[1] == i / 12_001
        assert row.xy is not None and np.isnan(row.xy[1]).all()


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all" * 10])
def test_damaged_files_are_a_sentence(command: Command, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "landmarks.parquet"
    path.write_bytes(content)
    done = command("convert", path, tmp_path / "out.tps")
    assert done.code == 1
    assert f"error: {path}: " in done.err
    assert not (tmp_path / "out.tps").exists()


def test_files_of_others_and_cut_files_are_a_sentence(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    path = tmp_path / "other.parquet"
    parquet.write_table(pa.table({"x": [1, 2]}), path)
    with pytest.raises(LandmarkFileError, match="expected a Parquet file of landmarks"):
        ParquetResults(path)
    call = ("predict", photos, "-r", "-m", model, "--format", "parquet", "-o", tmp_path / "out")
    assert command(*call).code == 3
    whole = (tmp_path / "out" / "landmarks.parquet").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert command("convert", path, tmp_path / "out.tps").code == 1
    path.write_bytes(whole[:40] + bytes(60) + whole[100:])
    done = command("convert", path, tmp_path / "out.tps")
    assert done.code in (0, 1) and "Traceback" not in done.err
    shutil.rmtree(tmp_path / "out")


def test_without_pyarrow_it_is_refused_before_anything_runs(
    command: Command, model: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=re.escape(install("parquet"))):
        check_installed()
    call = ("predict", photos, "-r", "-m", model, "--format", "parquet", "-o", tmp_path / "out")
    refused = command(*call)
    assert refused.code == 1 and install("parquet") in refused.err
    assert not (tmp_path / "out").exists()
