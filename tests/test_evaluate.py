"""`beetle-lm evaluate` and its Python API, on drawn shapes whose errors are known."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from beetle_lm.errors import LandmarkError
from beetle_lm.predict.annotations import Annotation
from beetle_lm.predict.evaluate import evaluate
from beetle_lm.predict.evaluation_report import FILES, summary, write_evaluation
from beetle_lm.predict.landmarks import Floats, centroid_size
from beetle_lm.predict.shape import mean_shape, procrustes_distance
from beetle_lm.zoo.parts import PartSpec

Run = Callable[..., Any]

SQUARE = np.array([[100.0, 100.0], [300.0, 100.0], [300.0, 300.0], [100.0, 300.0]])
SIZE = (512, 384)  # twice 256 x 192


def annotations(shapes: dict[str, Floats], scale: float | None = None) -> list[Annotation]:
    return [Annotation(name, xy, scale=scale) for name, xy in shapes.items()]


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
def run(command: Run) -> Run:
    return partial(command, "evaluate")


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def manual() -> dict[str, Floats]:
    return {f"{name}.png": SQUARE + 2 * shift for shift, name in enumerate("abc")}


@pytest.fixture
def predicted(manual: dict[str, Floats]) -> dict[str, Floats]:
    """Landmark 1 is off by 5, 10 and 45 px (3 : 4), the others sit exactly."""
    moved = {name: xy.copy() for name, xy in manual.items()}
    for xy, factor in zip(moved.values(), (1, 2, 9), strict=True):
        xy[0] += (3 * factor, -4 * factor)
    return moved


def test_distances_bias_and_shares_are_exact(
    predicted: dict[str, Floats], manual: dict[str, Floats]
) -> None:
    evaluation = evaluate(
        annotations(predicted), annotations(manual), dict.fromkeys(manual, SIZE), scale=0.5
    )
    first, second = evaluation.per_landmark("px")[:2]
    assert (first.count, first.mean, first.median) == (3, 20.0, 10.0)
    assert first.sd == pytest.approx(math.sqrt((15**2 + 10**2 + 25**2) / 2))
    assert first.p95 == pytest.approx(10 + 0.9 * 35)
    assert (second.mean, second.p95) == (0.0, 0.0)
    assert evaluation.per_landmark("px_256x192")[0].mean == pytest.approx(10.0)
    assert evaluation.per_landmark("units")[0].mean == pytest.approx(10.0)
    percent = 100 * 20 / centroid_size(SQUARE)
    assert evaluation.per_landmark("percent_centroid_size")[0].mean == pytest.approx(percent)
    assert evaluation.bias[0].tolist() == pytest.approx([12.0, -16.0])
    assert evaluation.overall("px").mean == pytest.approx(5.0)
    assert evaluation.specimen_means("px").tolist() == pytest.approx([1.25, 2.5, 11.25])
    assert evaluation.ranks == (3, 2, 1)
    # At 256 x 192 landmark 1 is off by 2.5, 5 and 22.5 px.
    shares = evaluation.shares_per_landmark()[0]
    assert shares.below_mean == pytest.approx(2 / 3)
    assert (shares.mean_to_far, shares.above_far) == pytest.approx((0.0, 1 / 3))
    total = evaluation.shares()  # mean of all: 2.5
    assert total.below_mean == pytest.approx(9 / 12)
    assert (total.mean_to_far, total.above_far) == pytest.approx((2 / 12, 1 / 12))


def test_the_image_is_stretched_to_256_x_192_along_each_axis(manual: dict[str, Floats]) -> None:
    right = {name: xy + np.array([8.0, 0.0]) for name, xy in manual.items()}
    down = {name: xy + np.array([0.0, 8.0]) for name, xy in manual.items()}
    sizes = dict.fromkeys(manual, (1024, 384))
    for shapes, expected in ((right, 2.0), (down, 4.0)):
        evaluation = evaluate(annotations(shapes), annotations(manual), sizes)
        assert evaluation.overall("px_256x192").mean == pytest.approx(expected)


def test_agreement_is_that_of_x_and_y_and_independent_of_the_origin(
    predicted: dict[str, Floats], manual: dict[str, Floats]
) -> None:
    agreement = evaluate(annotations(predicted), annotations(manual), {}).agreement
    given, true = np.concatenate(list(predicted.values())), np.concatenate(list(manual.values()))
    residual = np.square(given - true).sum(axis=0)
    r2 = 1 - residual / np.square(true - true.mean(axis=0)).sum(axis=0)
    assert agreement.r2 == pytest.approx(r2.mean())
    assert agreement.r2 < agreement.explained_variance < 1
    assert 0.9 < agreement.pearson < 1
    flipped = evaluate(
        annotations({name: xy * (1, -1) for name, xy in predicted.items()}),
        annotations({name: xy * (1, -1) for name, xy in manual.items()}),
        {},
    )
    assert flipped.agreement.r2 == pytest.approx(agreement.r2)


def test_procrustes_distance_sees_shape_only(capsys: pytest.CaptureFixture[str]) -> None:
    shape = np.array([[0.0, 0.0], [4.0, 1.0], [5.0, 6.0], [1.0, 3.0]])
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    manual = {f"{i}.png": shape * (1 + i) + 7 * i for i in range(3)}
    same = {name: 3 * xy @ turn - 20 for name, xy in manual.items()}
    evaluation = evaluate(annotations(same), annotations(manual), {})
    assert evaluation.procrustes_distance == pytest.approx(0.0, abs=1e-9)
    other = {name: xy * (1, 1.5) for name, xy in manual.items()}
    mirrored = {name: xy * (-1, 1) for name, xy in manual.items()}
    for shapes in (other, mirrored):
        assert evaluate(annotations(shapes), annotations(manual), {}).procrustes_distance > 0.05
    assert capsys.readouterr().out == ""  # morphops prints; results go to stdout


def test_procrustes_distance_of_known_shapes() -> None:
    line = np.array([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    bent = np.array([[-1.0, 0.0], [0.0, 1.5], [1.0, 0.0]])
    # Both centred and of size 1; bent: size^2 = 2 + 1.5; the inner product is 2 / sqrt(2 * 3.5).
    expected = math.sqrt(2 - 2 * 2 / math.sqrt(2 * 3.5))
    assert procrustes_distance(line, bent) == pytest.approx(expected)
    assert mean_shape(SQUARE[None, :2]) is None  # two points have no shape
    assert mean_shape(np.full((2, 4, 2), 3.0)) is None  # nor has a single place


def test_missing_landmarks_are_left_out_and_counted(
    predicted: dict[str, Floats], manual: dict[str, Floats]
) -> None:
    predicted["c.png"][0] = np.nan
    manual["a.png"][1, 0] = np.nan
    evaluation = evaluate(annotations(predicted), annotations(manual), {})
    assert evaluation.missing == (1, 1)
    assert [spread.count for spread in evaluation.per_landmark("px")] == [2, 2, 3, 3]
    assert evaluation.per_landmark("px")[0].mean == pytest.approx(7.5)
    assert not np.isnan(evaluation.procrustes_distance)  # b is whole
    assert any("1 predicted and 1 manual" in note for note in evaluation.notes)
    assert summary(evaluation)["missing"] == {"predicted": 1, "manual": 1}


def test_a_specimen_without_any_landmark_has_no_rank(
    predicted: dict[str, Floats], manual: dict[str, Floats], tmp_path: Path
) -> None:
    predicted["b.png"][:] = np.nan
    evaluation = evaluate(annotations(predicted), annotations(manual), {})
    assert evaluation.ranks == (2, None, 1)
    write_evaluation(evaluation, tmp_path / "out")
    row = read_csv(tmp_path / "out" / "per_specimen.csv")[1]
    assert (row["image"], row["rank"], row["mean_px"], row["missing"]) == ("b.png", "", "", "4")


def test_specimens_match_by_name_and_the_rest_is_listed() -> None:
    evaluation = evaluate(
        annotations({"x/A.JPG": SQUARE, "new.png": SQUARE, "b.png": SQUARE}),
        annotations({"b.png": SQUARE, "old.png": SQUARE, "a.jpg": SQUARE}),
        {},
    )
    assert evaluation.images == ("x/A.JPG", "b.png")
    assert (evaluation.only_predicted, evaluation.only_manual) == (("new.png",), ("old.png",))


def test_names_in_other_folders_are_not_taken_for_the_same() -> None:
    evaluation = evaluate(
        annotations({"x/a.png": SQUARE, "y/a.png": SQUARE + 50}),
        annotations({"x/a.png": SQUARE}),
        {},
    )
    assert evaluation.images == ("x/a.png",)
    assert evaluation.only_predicted == ("y/a.png",)


@pytest.mark.parametrize(
    ("predicted", "manual", "said"),
    [
        ({"a.png": SQUARE}, {"b.png": SQUARE}, r"no specimen is in both .*a\.png.*b\.png"),
        ({}, {"b.png": SQUARE}, "no predicted landmarks"),
        ({"a.png": SQUARE}, {"a.png": SQUARE[:3]}, r"a\.png has 4 predicted .* has 3"),
        ({"x/a.png": SQUARE, "y/a.png": SQUARE}, {"a.png": SQUARE}, "several images"),
        ({"a.png": SQUARE * np.nan}, {"a.png": SQUARE}, "no landmark is there"),
    ],
)
def test_what_cannot_be_compared_is_said(
    predicted: dict[str, Floats], manual: dict[str, Floats], said: str
) -> None:
    with pytest.raises(LandmarkError, match=said):
        evaluate(annotations(predicted), annotations(manual), {})


def test_an_image_that_occurs_twice_is_refused() -> None:
    twice = [Annotation("a.png", SQUARE, line=1), Annotation("a.png", SQUARE, line=8)]
    with pytest.raises(LandmarkError, match=r"manual .* a\.png twice \(lines 1 and 8\)"):
        evaluate(annotations({"a.png": SQUARE}), twice, {})


def test_the_part_must_have_as_many_landmarks() -> None:
    one = annotations({"a.png": SQUARE})
    with pytest.raises(LandmarkError, match=r"a\.png has 4 .* wing has 5"):
        evaluate(one, one, {}, PartSpec.numbered("wing", 5))
    assert evaluate(one, one, {}, PartSpec.numbered("wing", 4)).spec.name == "wing"


def test_images_of_several_sizes_are_ranked_by_share_of_centroid_size() -> None:
    small, large = SQUARE, SQUARE * 10
    evaluation = evaluate(
        annotations(
            {"small.png": small + np.array([4.0, 0.0]), "large.png": large + np.array([20.0, 0.0])}
        ),
        annotations({"small.png": small, "large.png": large}),
        {"small.png": SIZE, "large.png": (5120, 3840)},
    )
    assert evaluation.unit == "percent_centroid_size"
    assert evaluation.ranks == (1, 2)


def test_the_command_writes_tables_summary_and_plots(
    predicted: dict[str, Floats], manual: dict[str, Floats], tmp_path: Path, run: Run
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
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    rows = read_csv(out / "per_landmark.csv")
    assert [row["name"] for row in rows] == ["$a", "[b]", "c", "d"]
    assert float(rows[0]["mean_px"]) == pytest.approx(20.0)
    assert float(rows[0]["mean_px_256x192"]) == pytest.approx(10.0)
    assert float(rows[0]["mean_units"]) == pytest.approx(0.2)
    assert float(rows[0]["bias_down_px"]) == pytest.approx(-16.0)
    specimens = read_csv(out / "per_specimen.csv")
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
    ground = (cv2.imread(str(out / "specimens.png")) == 200).all(axis=2).mean()
    assert ground > 0.2  # the photographs lie below the landmarks


def test_json_and_table_files_are_compared_too(
    predicted: dict[str, Floats], manual: dict[str, Floats], tmp_path: Path, run: Run
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
    predicted: dict[str, Floats], manual: dict[str, Floats], tmp_path: Path, run: Run
) -> None:
    table = "image,status,width,height\n" + "".join(f"{n},ok,512,384\n" for n in predicted)
    (tmp_path / "specimens.csv").write_text(table + "bad.png,failed,,\n", encoding="utf-8")
    files = write_wide_csv(tmp_path / "p.csv", predicted), write_tps(tmp_path / "m.tps", manual)
    told = json.loads(run(*files, "--json").out)
    assert told["distance"]["px_256x192"]["mean"] == pytest.approx(2.5)


def test_two_tps_files_need_no_sizes(
    predicted: dict[str, Floats], manual: dict[str, Floats], tmp_path: Path, run: Run
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
    predicted: dict[str, Floats], manual: dict[str, Floats], tmp_path: Path, run: Run
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
    predicted: dict[str, Floats], manual: dict[str, Floats], tmp_path: Path, run: Run
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
def test_wrong_options_are_usage_errors(options: tuple[str, ...], run: Run) -> None:
    assert run("p.tps", "m.tps", *options).code == 2


def test_a_table_with_y_up_and_one_with_y_down_need_the_height(
    predicted: dict[str, Floats], manual: dict[str, Floats], tmp_path: Path, run: Run
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
    frame: str, size: tuple[int, int], tmp_path: Path, run: Run
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
    [row] = read_csv(out / "per_specimen.csv")
    assert float(row["mean_px_256x192"]) == pytest.approx(10.0 * 256 / size[0], abs=1e-3)
