"""`evaluate --repeated`: two annotations of the same photographs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from kinds import Command
from numpy.typing import NDArray
from training_data import tps_record

from beetle_lm.predict.evaluation.metrics import Evaluation
from beetle_lm.predict.evaluation.repeatability import Repeatability, repeatability
from beetle_lm.zoo.model_file.parts import PartSpec

Points = NDArray[np.float64]
BASE = np.array([[200, 100], [400, 90], [420, 300], [300, 380], [180, 310]], np.float64)
HEIGHT = 480


def annotated(specimens: int, varies: float, noise: float, seed: int = 0) -> tuple[Points, Points]:
    """Two annotations (S, n, 2) of specimens that vary so many pixels, placed that exactly."""
    rng = np.random.default_rng(seed)
    true = BASE + rng.normal(0, varies, (specimens, *BASE.shape))
    first, second = (true + rng.normal(0, noise, true.shape) for _ in range(2))
    return first, second


def found(first: Points, second: Points, model: Points | None = None) -> Repeatability:
    names = tuple(f"{i}.jpg" for i in range(len(first)))
    spec = PartSpec.numbered("part", len(BASE))
    unknown = np.full((len(first), 2), np.nan), np.full(len(first), np.nan)
    people = Evaluation(spec, names, first, second, *unknown)
    placed = None if model is None else Evaluation(spec, names, model, second, *unknown)
    return repeatability(people, placed)


def test_standard_deviations_are_those_of_the_placing() -> None:
    first, second = annotated(400, 10.0, 1.5)
    result = found(first, second)
    assert np.abs(result.sd - 1.5 * np.sqrt(2)).max() < 0.2  # of x and y together
    size = np.sqrt(((BASE - BASE.mean(axis=0)) ** 2).sum())
    assert np.abs(result.sd_percent / result.sd - 100 / size).max() < 0.01


@pytest.mark.parametrize(("varies", "noise"), [(10.0, 0.5), (4.0, 4.0), (3.0, 6.0)])
def test_repeatability_is_the_share_between_specimens(varies: float, noise: float) -> None:
    result = found(*annotated(300, varies, noise))
    assert abs(result.repeatability - varies**2 / (varies**2 + noise**2)) < 0.06


def test_the_same_twice_is_wholly_repeatable() -> None:
    first, _ = annotated(10, 5.0, 0.0)
    result = found(first, first)
    assert result.repeatability == pytest.approx(1.0)
    assert (result.sd == 0).all() and result.sources[2].ss == 0


def test_chance_is_not_repeatable() -> None:
    rng = np.random.default_rng(1)
    first, second = (BASE + rng.normal(0, 3, (150, *BASE.shape)) for _ in range(2))
    result = found(first, second)
    assert abs(result.repeatability) < 0.2
    assert result.sources[0].p > 0.001


def test_rows_of_the_analysis() -> None:
    first, second = annotated(50, 5.0, 1.0)
    second = second + (0, 3) * (np.arange(len(BASE)) == 2)[:, None]  # one does it otherwise
    specimens, annotations, residuals = found(first, second).sources
    free = 2 * len(BASE) - 4
    assert (specimens.df, annotations.df, residuals.df) == (49 * free, free, 49 * free)
    assert specimens.f > 5 and annotations.f > 5 and annotations.p < 1e-6
    fair = found(*annotated(50, 5.0, 1.0)).sources[1]
    assert fair.p > 0.001


def test_place_size_and_turn_of_a_specimen_are_no_shape() -> None:
    first, second = annotated(30, 5.0, 1.0)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    before = found(first, second)
    after = found(first @ turn.T * 3 + 100, second @ turn.T * 3 + 100)
    assert after.repeatability == pytest.approx(before.repeatability, abs=1e-6)


def test_missing_landmarks_take_no_part() -> None:
    first, second = annotated(20, 5.0, 1.0)
    first[0, 2] = second[1, 2] = np.nan
    result = found(first, second)
    assert result.counts == (20, 20, 18, 20, 20) and result.whole == 18
    assert np.isfinite(result.sd).all() and 0.5 < result.repeatability < 1
    assert found(first[:2], second[:2]).sources == ()


def test_a_model_against_a_person() -> None:
    first, second = annotated(200, 8.0, 2.0)
    third, _ = annotated(200, 8.0, 2.0)
    rng = np.random.default_rng(5)
    true = (first + second) / 2
    as_good = found(first, second, third)
    assert as_good.model_over_person == pytest.approx(0.5, abs=0.05)  # `third` is `first` itself
    worse = found(first, second, true + rng.normal(0, 6, true.shape))
    assert worse.model_over_person > 1.8


def test_the_command(command: Command, tmp_path: Path) -> None:
    first, second = annotated(12, 6.0, 1.0)
    files = []
    for name, each in (("a.tps", first), ("b.tps", second), ("model.tps", (first + second) / 2)):
        path = tmp_path / name
        records = [tps_record(f"{i}.jpg", xy, HEIGHT) for i, xy in enumerate(each)]
        path.write_text("".join(records), encoding="utf-8")
        files.append(path)
    done = command("evaluate", *files[:2], "--repeated", "--model", files[2])
    assert done.code == 0
    assert "Procrustes ANOVA of 12 specimens" in done.out and "repeatability 0.9" in done.out
    assert "the model is 0.50 times as far from a person as another person is" in done.out
    told = json.loads(command("evaluate", *files[:2], "--repeated", "--json").out)
    assert told["specimens"] == 12 and len(told["landmarks"]) == len(BASE)
    assert 0.9 < told["anova"]["repeatability"] < 1 and "model_over_person" not in told
    assert command("evaluate", *files[:2], "--model", files[2]).code == 2
    assert command("evaluate", *files[:2], "--repeated", "-o", tmp_path / "out").code == 2


def test_what_is_wrong_in_either_file_is_told(command: Command, tmp_path: Path) -> None:
    first, second = annotated(12, 6.0, 1.0)
    first[3] = first[3][[2, 1, 0, 3, 4]]
    second[5] = second[5][[0, 1, 2, 4, 3]]
    paths = [tmp_path / name for name in ("a.tps", "b.tps")]
    for path, each, last in zip(paths, (first, second), (11, 12), strict=True):
        records = [tps_record(f"{i}.jpg", xy, HEIGHT) for i, xy in enumerate(each[:last])]
        path.write_text("".join(records), encoding="utf-8")
    with paths[0].open("a") as stream:
        stream.write("LM=1\n0 0\nIMAGE=waiting.jpg\n")
    done = command("evaluate", *paths, "--repeated")
    assert done.code == 0
    assert "first file, 3.jpg: landmarks 1 and 3 look swapped" in done.err
    assert "second file, 5.jpg: landmarks 4 and 5 look swapped" in done.err
    assert "not compared, in the second file alone: 1 specimen: 11.jpg" in done.err


def test_names_of_the_models_file_may_be_written_otherwise(
    command: Command, tmp_path: Path
) -> None:
    first, second = annotated(12, 6.0, 1.0)
    files = []
    for name, each, image in (
        ("a.tps", first, "photos\\{}.JPG"),
        ("b.tps", second, "{}.jpg"),
        ("model.tps", (first + second) / 2, "{}.tif"),
    ):
        records = [tps_record(image.format(i), xy, HEIGHT) for i, xy in enumerate(each)]
        (tmp_path / name).write_text("".join(records), encoding="utf-8")
        files.append(tmp_path / name)
    done = command("evaluate", *files[:2], "--repeated", "--model", files[2])
    assert (done.code, done.err) == (0, "")
    assert "the model is 0.50 times as far from a person as another person is" in done.out


def test_two_annotations_that_are_the_same_tell_nothing_of_a_person(
    command: Command, tmp_path: Path
) -> None:
    shapes = Path(__file__).parents[3] / "examples" / "pronotum" / "landmarks.tps"
    done = command("evaluate", shapes, shapes, "--repeated", "--model", shapes)
    assert done.code == 0
    assert "both annotations are the same: they do not tell how exact a person is" in done.out
    assert "nan" not in done.out
