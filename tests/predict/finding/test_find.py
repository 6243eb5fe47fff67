"""Parts are found on whole specimens, however they lie."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from kinds import Command, Draw, WriteModel
from numpy.typing import NDArray
from PIL import Image
from stopped_runs import Stopping

from beetle_lm.errors import RequestError
from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.plan import Request, plan_found
from beetle_lm.predict.batch.runner import run_plan
from beetle_lm.predict.formats.tps import read_tps
from beetle_lm.predict.images import header
from beetle_lm.predict.images.read import Frame, Picture
from beetle_lm.predict.predictor import Predictor
from beetle_lm.predict.session import Placed, Session
from beetle_lm.predict.views.placement import Halved, Window
from beetle_lm.zoo.entries import ModelEntry
from beetle_lm.zoo.model_file.card import ModelCard
from beetle_lm.zoo.model_file.shape_space import Limits, ShapeSpace
from beetle_lm.zoo.model_file.whole import PartWindow, WholeSpecimen

SIZE, POINTS = (400, 300), [(100.0, 80.0), (300.0, 90.0), (210.0, 230.0)]
SHAPE = np.array(POINTS) - np.mean(POINTS, axis=0)
MEAN = SHAPE / np.linalg.norm(SHAPE)
SHAPES = ShapeSpace(
    50,
    tuple((float(x), float(y)) for x, y in MEAN.tolist()),
    (),
    (),
    0.001,
    4.0,
)
# In the part's picture the red square lies left and the blue one right of the middle.
WHOLE = WholeSpecimen(
    (0.5, 0.5),
    0.3,
    (
        PartWindow("wing", (1, 3), ((-0.2, 0.0), (0.2, 0.0))),
        PartWindow("head", (1, 2), ((0.0, -0.2), (0.0, 0.2))),
    ),
)


@pytest.fixture
def finder(
    write_model: WriteModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """Writes a registry with a finder and models of its parts; returns the folder of models."""

    def write(limits: Limits | None = None, size: tuple[int, int] = (192, 144)) -> Path:
        given = {} if limits is None else {"limits": limits}
        files = {
            "carabid": write_model(
                "zoo/carabid.onnx", part="carabid", shapes=SHAPES, whole=WHOLE, size=size, **given
            ),
            **{
                part: write_model(f"zoo/{part}.onnx", part=part, size=(128, 96))
                for part in ("wing", "head", "tail")
            },
        }
        models = {part: ModelEntry.of_file(file).to_dict() for part, file in files.items()}
        registry = tmp_path / "zoo" / "registry.json"
        registry.write_text(json.dumps({"models": models}), encoding="utf-8")
        monkeypatch.setenv("BEETLE_LM_ZOO", str(registry))
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))
        return registry.parent

    return write


def turned(
    pixels: NDArray[np.uint8], points: Sequence[tuple[float, float]], degrees: float, zoom: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A photograph turned about its middle on white ground, and where its points are then."""
    height, width = pixels.shape[:2]
    side = 700
    middle = (width / 2 - 0.5, height / 2 - 0.5)
    matrix = np.array(cv2.getRotationMatrix2D(middle, degrees, zoom), np.float64)
    matrix[:, 2] += (side - np.array([width, height])) / 2
    picture = cv2.warpAffine(
        pixels, matrix, (side, side), flags=cv2.INTER_LINEAR, borderValue=(255, 255, 255)
    )
    there = (np.array(points) - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5
    return np.asarray(picture, np.uint8), there


def write(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels[..., ::-1])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("degrees", [0, 37, 90, 171, -120])
def test_a_part_is_found_however_the_specimen_lies(
    finder: Callable[..., Path], command: Command, draw: Draw, tmp_path: Path, degrees: float
) -> None:
    finder()
    pixels, points = turned(draw(SIZE, POINTS), POINTS, degrees, 0.8)
    write(tmp_path / "photos" / "a.png", pixels)
    done = command(
        "predict", tmp_path / "photos", "--part", "wing", "--find", "-o", tmp_path / "out"
    )
    assert done.code == 0, done.err
    [record] = read_tps(tmp_path / "out" / "landmarks.tps")
    assert np.abs(record.in_image(700) - points).max() < 0.5


def test_several_parts_on_one_photograph_read_once(
    finder: Callable[..., Path],
    command: Command,
    draw: Draw,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finder()
    expected = {}
    for index, degrees in enumerate((20, 140)):
        pixels, points = turned(draw(SIZE, POINTS), POINTS, degrees, 0.9)
        write(tmp_path / "photos" / f"{index}.png", pixels)
        expected[f"{index}.png"] = points
    opened: list[str] = []
    read_whole = header.read_whole

    def counted(path: Path, *given: Any) -> Any:
        opened.append(path.name)
        return read_whole(path, *given)

    monkeypatch.setattr("beetle_lm.predict.images.read.read_whole", counted)
    call = ("predict", tmp_path / "photos", "--part", "wing, head", "--find", "--overlay")
    done = command(*call, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert sorted(opened) == ["0.png", "1.png"]
    for part in ("wing", "head"):
        for record in read_tps(tmp_path / "out" / part / "landmarks.tps"):
            assert np.abs(record.in_image(700) - expected[record.image or ""]).max() < 0.5
        assert (tmp_path / "out" / part / "overlays" / "0.jpg").exists()
        summary = json.loads((tmp_path / "out" / part / "run.json").read_text())
        assert summary["finder"]["part"] == "carabid"
    assert (tmp_path / "out" / "overview.jpg").exists()
    assert "wing: 2 images: landmarks on 2" in done.out


def test_overlay_shows_the_window(
    finder: Callable[..., Path], command: Command, draw: Draw, tmp_path: Path
) -> None:
    finder()
    write(tmp_path / "photos" / "a.png", turned(draw(SIZE, POINTS), POINTS, 30, 1.0)[0])
    call = ("predict", tmp_path / "photos", "--part", "head", "--overlay")
    assert command(*call, "--find", "-o", tmp_path / "found").code == 0
    assert command(*call, "-o", tmp_path / "plain").code == 0
    found, plain = (
        np.asarray(cv2.imread(str(tmp_path / name / "overlays" / "a.jpg")), np.int64)
        for name in ("found", "plain")
    )
    changed = np.abs(found - plain).max(axis=2) > 60
    assert 500 < changed.sum() < 0.1 * changed.size


def test_resumed_run_of_several_parts_ends_with_the_same_results(
    finder: Callable[..., Path], draw: Draw, tmp_path: Path
) -> None:
    models = finder()
    for index in range(7):
        write(
            tmp_path / "photos" / f"{index}.png",
            turned(draw(SIZE, POINTS), POINTS, 50 * index, 0.8)[0],
        )
    files = {part: models / f"{part}.onnx" for part in ("wing", "head")}

    def run(out: str, after: int | None = None, resume: bool = False) -> None:
        request = Request([str(tmp_path / "photos")], tmp_path / out, resume=resume)
        plan = plan_found(request, models / "carabid.onnx", files, Options(batch_size=2))
        if after is None:
            run_plan(plan)
            return
        with pytest.raises(KeyboardInterrupt):
            run_plan(plan, observer=Stopping(after))

    run("whole")
    run("stopped", after=7)
    run("stopped", resume=True)
    for part in files:
        for name in ("landmarks.tps", "landmarks.csv", "specimens.csv"):
            paths = (tmp_path / out / part / name for out in ("whole", "stopped"))
            first, second = (path.read_bytes() for path in paths)
            assert first == second


def test_a_run_that_finds_its_part_is_not_resumed_without(
    finder: Callable[..., Path], command: Command, draw: Draw, tmp_path: Path
) -> None:
    models, out = finder(), tmp_path / "out"
    for name in ("a.png", "b.png"):
        write(tmp_path / "photos" / name, draw(SIZE, POINTS))
    request = Request([str(tmp_path / "photos")], out)
    plan = plan_found(
        request, models / "carabid.onnx", {"wing": models / "wing.onnx"}, Options(batch_size=1)
    )
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan, observer=Stopping(2))
    call = ("predict", tmp_path / "photos", "--part", "wing", "-b", "1", "-o", out, "--resume")
    refused = command(*call)
    assert refused.code == 1 and "another finder (" in refused.err
    assert command(*call, "--find").code == 0


def test_what_concerns_the_photographs_is_told_once(
    finder: Callable[..., Path], command: Command, draw: Draw, tmp_path: Path
) -> None:
    finder()
    exif = Image.Exif()
    exif[274] = 6
    (tmp_path / "photos").mkdir()
    Image.fromarray(draw(SIZE, POINTS)).save(tmp_path / "photos" / "a.jpg", exif=exif)
    (tmp_path / "scales.csv").write_text("b.jpg,1\n")
    call = ("predict", tmp_path / "photos", "--part", "wing,head", "--find", "-o", tmp_path / "out")
    done = command(*call, "--scale", tmp_path / "scales.csv")
    assert done.code == 0
    assert done.err.count("carries an EXIF orientation") == 1
    assert done.err.count("has no scale in") == 1


def test_models_that_take_fixed_batches(
    finder: Callable[..., Path], write_model: WriteModel, draw: Draw, tmp_path: Path
) -> None:
    models = finder()
    for index in range(3):
        write(tmp_path / "photos" / f"{index}.png", draw(SIZE, POINTS))
    files = {
        "wing": write_model("fixed/wing.onnx", part="wing", size=(128, 96), batch=2),
        "head": write_model("fixed/head.onnx", part="head", size=(128, 96), batch=5),
    }
    request = Request([str(tmp_path / "photos")], tmp_path / "out")
    summary = run_plan(plan_found(request, models / "carabid.onnx", files))
    assert summary["counts"]["images"] == 6 and not summary["counts"]["failed"]


def test_models_of_one_part_by_names_of_a_laboratory(
    finder: Callable[..., Path], command: Command, draw: Draw, tmp_path: Path
) -> None:
    path = finder() / "registry.json"
    registry = json.loads(path.read_text(encoding="utf-8"))
    for name in ("our wing", "our-wing"):
        registry["models"][name] = registry["models"]["wing"]
    path.write_text(json.dumps(registry), encoding="utf-8")
    write(tmp_path / "photos" / "a.png", draw(SIZE, POINTS))
    out = tmp_path / "out"
    call = ("predict", tmp_path / "photos", "--find", "-o", out, "--part")
    refused = command(*call, "our wing,our-wing")
    assert refused.code == 2 and "the results of both would go to" in refused.err
    assert command(*call, "our wing,wing").code == 0
    assert command("review-list", out).code == 0
    assert {row["part"] for row in rows(out / "review.csv")} == {"our-wing", "wing"}


def test_an_uncertain_specimen_is_told(
    finder: Callable[..., Path], command: Command, draw: Draw, tmp_path: Path
) -> None:
    finder(limits=Limits(1.0, 2.0, (-180.0, 180.0), (0.0, 10.0)))
    drawn = draw(SIZE, POINTS)
    drawn[(drawn == (0, 255, 0)).all(axis=2)] = 255  # the green square is not there
    pixels = turned(drawn, POINTS, 10, 0.9)[0]
    write(tmp_path / "photos" / "a.png", pixels)
    out = tmp_path / "out"
    done = command("predict", tmp_path / "photos", "--part", "wing", "--find", "-o", out)
    assert done.code == 0
    assert "1 flagged specimen is in the landmark files, with a COMMENT" in done.out
    [row] = rows(out / "specimens.csv")
    assert row["status"] == "flagged"
    assert "the carabid on which it was found: expected error" in row["reason"]


def test_one_uncertain_specimen_among_many_costs_two_runs_more(
    finder: Callable[..., Path], draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at again, and for another beside it: each time alone, in no batch of black."""
    finder(limits=Limits(1.0, 2.0, (-180.0, 180.0), (0.0, 10.0)))
    for number in range(4):
        drawn = draw(SIZE, POINTS)
        if number == 2:
            drawn[(drawn == (0, 255, 0)).all(axis=2)] = 255  # the green square is not there
        write(tmp_path / "photos" / f"{number}.png", turned(drawn, POINTS, 10, 0.9)[0])
    ran: list[tuple[str, int]] = []
    run = Session.run

    def counted(session: Session, batch: NDArray[np.uint8]) -> Placed:
        ran.append((session.card.spec.name, len(batch)))
        return run(session, batch)

    monkeypatch.setattr(Session, "run", counted)
    results = list(Predictor.load("wing", find=True).predict(tmp_path / "photos", batch_size=4))
    assert [result.flag is not None for result in results] == [False, False, True, False]
    assert ran == [("carabid", 4), ("carabid", 1), ("carabid", 1), ("wing", 4)]


def test_a_specimen_that_is_cut_off_is_told(
    finder: Callable[..., Path], command: Command, draw: Draw, tmp_path: Path
) -> None:
    finder()
    pixels = turned(draw(SIZE, POINTS), POINTS, 0, 1.0)[0]
    write(tmp_path / "photos" / "a.png", pixels[: 350 + 70])  # without most of the blue square
    out = tmp_path / "out"
    assert command("predict", tmp_path / "photos", "--part", "wing", "--find", "-o", out).code == 0
    [row] = rows(out / "specimens.csv")
    assert row["status"] == "flagged"
    assert "the wing reaches beyond the edge of the photograph" in row["reason"]


def test_wrong_usage(
    finder: Callable[..., Path], command: Command, draw: Draw, tmp_path: Path
) -> None:
    finder()
    write(tmp_path / "photos" / "a.png", draw(SIZE, POINTS))
    call = ("predict", tmp_path / "photos", "-o", tmp_path / "out")
    told = {
        ("--find",): "--find needs --part NAME",
        ("--part", "wing,head"): "several parts on one photograph need --find",
        ("--part", "wing", "--find", "--search"): "either --find or --search",
        ("--search",): "--search needs --part NAME",
        ("--part", "tail", "--find"): "finds head, wing, but no part tail; --search looks",
        ("--part", "dragon", "--find"): "dragon",
        ("--part", "carabid", "--find"): "on which head, wing can be found; leave --find out",
        ("--part", "wing,head,wing", "--find"): "--part names wing twice",
        ("--part", "wing,", "--find"): "--part needs the name of a part",
    }
    for options, sentence in told.items():
        done = command(*call, *options)
        assert done.code in (1, 2), options
        assert sentence in done.err, done.err
        assert not (tmp_path / "out").exists()
        planned = command(*call, *options, "--dry-run")
        assert (planned.code, planned.err) == (done.code, done.err)


def test_a_model_of_whole_specimens_turns_them_upright(
    finder: Callable[..., Path], command: Command, draw: Draw, tmp_path: Path
) -> None:
    models = finder()
    pixels, points = turned(draw(SIZE, POINTS), POINTS, 77, 0.9)
    write(tmp_path / "photos" / "a.png", pixels)
    out = tmp_path / "out"
    assert (
        command("predict", tmp_path / "photos", "-m", models / "carabid.onnx", "-o", out).code == 0
    )
    [record] = read_tps(out / "landmarks.tps")
    assert np.abs(record.in_image(700) - points).max() < 0.5


def test_the_card_says_where_parts_lie(finder: Callable[..., Path]) -> None:
    from beetle_lm.zoo.model_file.onnx import read_card

    card = read_card(finder() / "carabid.onnx")
    assert card.whole == WHOLE
    assert ModelCard.from_json(card.to_json()) == card


@pytest.mark.parametrize("degrees", [0.0, 33.0, 180.0])
@pytest.mark.parametrize("shrink", [1.0, 0.4])
def test_a_window_shows_what_its_map_says(degrees: float, shrink: float) -> None:
    rng = np.random.default_rng(0)
    pixels = np.full((400, 500, 3), 255, np.uint8)
    points = rng.uniform((100, 100), (400, 300), (5, 2))
    for x, y in points:
        cv2.circle(
            pixels, (round((x - 0.5) * 16), round((y - 0.5) * 16)), 160, (0, 0, 0), -1, shift=4
        )
    # As if decoded at half the scale of the photograph, whose frame begins at (-8, 0).
    picture = Picture(pixels, (990, 800), Frame(-8.0, 0.0, 992.0, 800.0))
    in_image = points * 2 + (-8, 0)
    angle, scale = math.radians(degrees), shrink / 2
    linear = scale * np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    window = Window(np.c_[linear, 250 - linear @ (492, 400)], (500, 500))
    shown = 255.0 - window.render(picture, Halved(picture.pixels)).mean(axis=2)
    assert np.allclose(window.to_image(window.to_input(in_image)), in_image)
    ys, xs = np.mgrid[:500, :500] + 0.5
    for x, y in window.to_input(in_image):
        near = shown * (np.hypot(xs - x, ys - y) < 9 * max(shrink, 0.6))
        centre = np.array([(near * xs).sum(), (near * ys).sum()]) / near.sum()
        assert np.abs(centre - (x, y)).max() < 0.25


def test_from_python(finder: Callable[..., Path], draw: Draw, tmp_path: Path) -> None:
    finder()
    pixels, points = turned(draw(SIZE, POINTS), POINTS, 200, 0.7)
    predictor = Predictor.load("head", find=True)
    [result] = predictor.predict(pixels)
    assert result.landmarks is not None and result.box is not None and result.flag is None
    assert np.abs(result.landmarks.xy - points).max() < 0.5
    inside = cv2.pointPolygonTest(result.box.astype(np.float32), points[0].tolist(), False)
    assert inside > 0
    with pytest.raises(RequestError, match="no part tail"):
        Predictor.load("tail", find=True)
    with pytest.raises(RequestError, match="either found"):
        Predictor.load("head", find=True, search=True)
