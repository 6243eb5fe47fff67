"""`beetle-lm evaluate`: which files it compares, and what it writes."""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from compared import SIZE, SQUARE
from kinds import Command
from PIL import Image
from results import read_table

from beetle_lm import evaluate
from beetle_lm.predict.evaluation.report import FILES, PER_CURVE, SHAPES
from beetle_lm.predict.landmarks import Floats


def write_tps(
    path: Path, shapes: dict[str, Floats], height: int = SIZE[1], extra: str = ""
) -> Path:
    blocks = []
    for number, (name, xy) in enumerate(shapes.items()):
        rows = [
            "-1.00000 -1.00000" if math.isnan(x) else f"{x:.5f} {height - y:.5f}"
            for x, y in xy.tolist()
        ]
        blocks.append("\n".join([f"LM={len(xy)}", *rows, f"IMAGE={name}", f"ID={number}"]) + extra)
    path.write_text("\n".join(blocks) + "\n", encoding="utf-8")
    return path


def write_wide_csv(path: Path, shapes: dict[str, Floats]) -> Path:
    count = len(next(iter(shapes.values())))
    header = ",".join(["image", *(f"x{i},y{i}_down" for i in range(1, count + 1))])
    rows = [",".join([name, *(f"{v:.5f}" for v in xy.ravel())]) for name, xy in shapes.items()]
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def run(command: Command) -> Command:
    return partial(command, "evaluate")


def test_the_command_writes_tables_summary_and_plots(
    predicted: dict[str, Floats], manual: dict[str, Floats], tmp_path: Path, run: Command
) -> None:
    photographs = tmp_path / "photographs" / "day 1"
    photographs.mkdir(parents=True)
    for name in manual:
        picture = np.full((SIZE[1], SIZE[0], 3), 200, np.uint8)
        assert cv2.imwrite(str(photographs / name), picture)
    toml = tmp_path / "square.toml"
    toml.write_text('name = "square"\nlandmark_names = ["$a", "[b]", "c", "d"]\n', encoding="utf-8")
    out = tmp_path / "out"
    result = run(
        write_tps(tmp_path / "p.tps", predicted | {"new.png": SQUARE}),
        write_tps(tmp_path / "m.tps", manual | {"old.png": SQUARE}, extra="\nSCALE=0.01"),
        *("--images", photographs.parent, "--part", toml, "-o", out),
    )
    assert result.code == 0, result.err
    assert "[b]" in result.out
    assert "20.00" in result.out
    assert "without manual landmarks (1): new.png" in result.err
    assert "without predictions (1): old.png" in result.err
    assert sorted(path.name for path in out.iterdir()) == sorted(set(FILES) - {PER_CURVE, *SHAPES})
    rows = read_table(out / "per_landmark.csv")
    assert [row["name"] for row in rows] == ["$a", "[b]", "c", "d"]
    assert float(rows[0]["mean_px"]) == pytest.approx(20.0)
    assert float(rows[0]["mean_px_256x192"]) == pytest.approx(10.0)
    assert float(rows[0]["mean_units"]) == pytest.approx(0.2)
    assert float(rows[0]["bias_down_px"]) == pytest.approx(-16.0)
    specimens = read_table(out / "per_specimen.csv")
    assert [(row["image"], row["rank"]) for row in specimens] == [
        ("a.png", "3"),
        ("b.png", "2"),
        ("c.png", "1"),
    ]
    assert float(specimens[2]["distance_1_px"]) == pytest.approx(45.0)
    assert specimens[2]["worst_landmark"] == "1"
    told = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert told["only_in_predicted"] == ["new.png"]
    assert told["only_in_manual"] == ["old.png"]
    assert (told["worst"], told["median"], told["best"]) == ("c.png", "b.png", "a.png")
    for name in ("distances.png", "cumulative.png", "specimens.png"):
        plot = cv2.imread(str(out / name))
        assert plot is not None
        assert plot.std() > 5
    specimens_plot = cv2.imread(str(out / "specimens.png"))
    assert specimens_plot is not None
    ground = np.all(specimens_plot == 200, axis=2).mean()
    assert ground > 0.2  # the photographs lie below the landmarks


def test_json_and_table_files_are_compared_too(
    predicted: dict[str, Floats], manual: dict[str, Floats], tmp_path: Path, run: Command
) -> None:
    files = write_wide_csv(tmp_path / "p.csv", predicted), write_tps(tmp_path / "m.tps", manual)
    result = run(*files, "--image-size", "512x384", "--json", "--scale", "2")
    assert result.code == 0, result.err
    told = json.loads(result.out)
    assert told["distance"]["px"]["mean"] == pytest.approx(5.0)
    assert told["distance"]["units"]["mean"] == pytest.approx(10.0)
    assert told["per_landmark"][0]["bias_px"] == pytest.approx([12.0, -16.0])
    without = run(*files)
    assert without.code == 2
    assert "--image-size" in without.err


def test_sizes_come_from_the_output_folder_of_predict(
    predicted: dict[str, Floats], manual: dict[str, Floats], tmp_path: Path, run: Command
) -> None:
    table = "image,status,width,height\n" + "".join(f"{n},ok,512,384\n" for n in predicted)
    (tmp_path / "specimens.csv").write_text(table + "bad.png,failed,,\n", encoding="utf-8")
    files = write_wide_csv(tmp_path / "p.csv", predicted), write_tps(tmp_path / "m.tps", manual)
    told = json.loads(run(*files, "--json").out)
    assert told["distance"]["px_256x192"]["mean"] == pytest.approx(2.5)


def test_two_tps_files_need_no_sizes(
    predicted: dict[str, Floats], manual: dict[str, Floats], tmp_path: Path, run: Command
) -> None:
    files = write_tps(tmp_path / "p.tps", predicted), write_tps(tmp_path / "m.tps", manual)
    result = run(*files, "--json")
    assert result.code == 0, result.err
    assert "--images DIR or --image-size WxH" in result.err
    told = json.loads(result.out)
    assert told["distance"]["px"]["mean"] == pytest.approx(5.0)
    assert "px_256x192" not in told["distance"]
    assert told["shares_256x192"]["below_mean"] is None
    assert told["per_landmark"][0]["bias_px"] == pytest.approx([12.0, -16.0])


def test_specimens_without_a_photograph_are_compared_where_both_are_tps(
    predicted: dict[str, Floats], manual: dict[str, Floats], tmp_path: Path, run: Command
) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    assert cv2.imwrite(str(photographs / "a.png"), np.zeros((SIZE[1], SIZE[0]), np.uint8))
    files = write_tps(tmp_path / "p.tps", predicted), write_tps(tmp_path / "m.tps", manual)
    result = run(*files, "--images", photographs, "--json")
    assert result.code == 0, result.err
    told = json.loads(result.out)
    assert told["distance"]["px"]["mean"] == pytest.approx(5.0)
    assert told["distance"]["px_256x192"]["count"] == 4
    assert "the size of the image is unknown: b.png, c.png" in result.err


def test_an_earlier_evaluation_is_not_overwritten_unasked(
    predicted: dict[str, Floats], manual: dict[str, Floats], tmp_path: Path, run: Command
) -> None:
    files = write_tps(tmp_path / "p.tps", predicted), write_tps(tmp_path / "m.tps", manual)
    out = tmp_path / "out"
    out.mkdir()
    (out / "summary.json").write_text("mine", encoding="utf-8")
    refused = run(*files, "-o", out)
    assert refused.code == 1
    assert "--overwrite" in refused.err
    assert (out / "summary.json").read_text(encoding="utf-8") == "mine"
    assert run(*files, "-o", out, "--overwrite").code == 0
    assert json.loads((out / "summary.json").read_text(encoding="utf-8"))["specimens"] == 3
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    assert run(*files, "-o", blocked).code == 1
    assert run(*files, "-o", blocked / "out").code == 1


@pytest.mark.parametrize(
    "options",
    [
        ("--image-size", "512"),
        ("--image-size", "0x384"),
        ("--scale", "0"),
        ("--scale", "nan"),
        ("--images", ".", "--image-size", "5x5"),
    ],
)
def test_wrong_options_are_usage_errors(options: tuple[str, ...], run: Command) -> None:
    assert run("p.tps", "m.tps", *options).code == 2


def test_a_table_with_y_up_and_one_with_y_down_need_the_height(
    predicted: dict[str, Floats], manual: dict[str, Floats], tmp_path: Path, run: Command
) -> None:
    down = write_wide_csv(tmp_path / "p.csv", predicted)
    up = write_wide_csv(tmp_path / "m.csv", {name: xy * (1, -1) for name, xy in manual.items()})
    text = up.read_text(encoding="utf-8").replace("_down", "_up")
    up.write_text(text, encoding="utf-8")
    assert run(down, up).code == 2
    result = run(up, up, "--json")
    assert json.loads(result.out)["distance"]["px"]["mean"] == 0.0


@pytest.mark.parametrize(("frame", "size"), [("apply", (240, 320)), ("stored", (320, 240))])
def test_turned_photographs_have_the_size_of_the_frame(
    frame: str, size: tuple[int, int], tmp_path: Path, run: Command
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    Image.new("L", (320, 240)).save(photographs / "turned.jpg", exif=exif)
    true, out = {"turned.jpg": SQUARE}, tmp_path / "out"
    result = run(
        write_tps(tmp_path / "p.tps", {"turned.jpg": SQUARE + np.array([10.0, 0.0])}),
        write_tps(tmp_path / "m.tps", true),
        *("--images", photographs, "--exif", frame, "-o", out),
    )
    assert result.code == 0, result.err
    [row] = read_table(out / "per_specimen.csv")
    assert float(row["mean_px_256x192"]) == pytest.approx(10.0 * 256 / size[0], abs=1e-3)


def test_curves_are_told_of(run: Command, tmp_path: Path, manual: dict[str, Floats]) -> None:
    plain, curved = write_tps(tmp_path / "plain.tps", manual), tmp_path / "curved.tps"
    text = plain.read_text(encoding="utf-8").replace(
        "IMAGE=", "CURVES=1\nPOINTS=2\n1 2\n3 4\nIMAGE="
    )
    curved.write_text(text, encoding="utf-8")
    assert "curves" not in run(plain, plain).err
    out = tmp_path / "out"
    told = "the manual curves are not compared: there are no predicted ones"
    done = run(plain, curved, "-o", out)
    assert done.code == 0 and done.err.count("curves") == done.err.count(told) == 1
    notes = json.loads((out / "summary.json").read_text(encoding="utf-8"))["notes"]
    assert told in notes
    assert "the predicted curves are not compared" in run(curved, plain).err
    assert told in evaluate(plain, curved).notes
    lines = [line for line in text.splitlines() if not line[:1].isdigit() or line in ("1 2", "3 4")]
    curved.write_text("\n".join(lines).replace("LM=4", "LM=0") + "\n", encoding="utf-8")
    alone = run(plain, curved)
    assert alone.code == 1 and "are curves without landmarks (LM=0)" in alone.err


def test_curves_are_compared_as_lines(run: Command, tmp_path: Path) -> None:
    """Three points on a line are the same curve as two others, shifted by 3 px."""
    head = "LM=2\n10 10\n110 10\nCURVES=1\n"
    tail = "IMAGE=a.png\nID=a\n"
    one, other = tmp_path / "p.tps", tmp_path / "m.tps"
    one.write_text(f"{head}POINTS=3\n10 13\n40 13\n110 13\n{tail}", encoding="utf-8")
    other.write_text(f"{head}POINTS=2\n10 10\n110 10\n{tail}", encoding="utf-8")
    out = tmp_path / "out"
    done = run(one, other, "-o", out)
    assert done.code == 0, done.err
    assert "curve 1" in done.out
    [row] = read_table(out / "per_curve.csv")
    assert float(row["mean_px"]) == pytest.approx(3.0)
    assert float(row["hausdorff_px"]) == pytest.approx(3.0)
    size = 50 * 2**0.5  # of two landmarks 100 px apart
    assert float(row["mean_percent_centroid_size"]) == pytest.approx(300 / size, rel=1e-4)
    [curve] = json.loads((out / "summary.json").read_text(encoding="utf-8"))["per_curve"]
    assert curve["distance"]["px"]["mean"] == pytest.approx(3.0)
    other.write_text(f"{head.replace('=1', '=0')}{tail}", encoding="utf-8")
    assert run(one, other, "-o", out, "--overwrite").code == 0
    assert not (out / "per_curve.csv").exists()
