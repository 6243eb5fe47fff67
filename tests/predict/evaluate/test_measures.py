"""`evaluate` from Python: distances, bias, shares, agreement, Procrustes distances."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from compared import SIZE, SQUARE
from growth import MOST_GROWTH, growth
from results import read_table

from beetle_lm.errors import LandmarkError, RequestError
from beetle_lm.predict.evaluation.metrics import evaluate
from beetle_lm.predict.evaluation.report import summary, write_evaluation
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.landmarks import Floats, centroid_size
from beetle_lm.predict.procrustes import mean_shape, procrustes_distance
from beetle_lm.zoo.model_file.parts import PartSpec


def records(shapes: dict[str, Floats], scale: float | None = None) -> list[Record]:
    return [Record(xy, name, scale=scale) for name, xy in shapes.items()]


def test_distances_bias_and_shares_are_exact(
    predicted: dict[str, Floats], manual: dict[str, Floats]
) -> None:
    evaluation = evaluate(
        records(predicted), records(manual), dict.fromkeys(manual, SIZE), scale=0.5
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
        evaluation = evaluate(records(shapes), records(manual), sizes)
        assert evaluation.overall("px_256x192").mean == pytest.approx(expected)


def test_agreement_is_that_of_x_and_y_and_independent_of_the_origin(
    predicted: dict[str, Floats], manual: dict[str, Floats]
) -> None:
    agreement = evaluate(records(predicted), records(manual), {}).agreement
    given, true = np.concatenate(list(predicted.values())), np.concatenate(list(manual.values()))
    residual = np.square(given - true).sum(axis=0)
    r2 = 1 - residual / np.square(true - true.mean(axis=0)).sum(axis=0)
    assert agreement.r2 == pytest.approx(r2.mean())
    assert agreement.r2 < agreement.explained_variance < 1
    assert 0.9 < agreement.pearson < 1
    flipped = evaluate(
        records({name: xy * (1, -1) for name, xy in predicted.items()}),
        records({name: xy * (1, -1) for name, xy in manual.items()}),
        {},
    )
    assert flipped.agreement.r2 == pytest.approx(agreement.r2)


def test_procrustes_distance_sees_shape_only(capsys: pytest.CaptureFixture[str]) -> None:
    shape = np.array([[0.0, 0.0], [4.0, 1.0], [5.0, 6.0], [1.0, 3.0]])
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    manual = {f"{i}.png": shape * (1 + i) + 7 * i for i in range(3)}
    same = {name: 3 * xy @ turn - 20 for name, xy in manual.items()}
    evaluation = evaluate(records(same), records(manual), {})
    assert evaluation.procrustes_distance == pytest.approx(0.0, abs=1e-9)
    other = {name: xy * (1, 1.5) for name, xy in manual.items()}
    mirrored = {name: xy * (-1, 1) for name, xy in manual.items()}
    for shapes in (other, mirrored):
        assert evaluate(records(shapes), records(manual), {}).procrustes_distance > 0.05
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
    evaluation = evaluate(records(predicted), records(manual), {})
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
    evaluation = evaluate(records(predicted), records(manual), {})
    assert evaluation.ranks == (2, None, 1)
    write_evaluation(evaluation, tmp_path / "out")
    row = read_table(tmp_path / "out" / "per_specimen.csv")[1]
    assert (row["image"], row["rank"], row["mean_px"], row["missing"]) == ("b.png", "", "", "4")


def test_specimens_match_by_name_and_the_rest_is_listed() -> None:
    evaluation = evaluate(
        records({"x/A.JPG": SQUARE, "new.png": SQUARE, "b.png": SQUARE}),
        records({"b.png": SQUARE, "old.png": SQUARE, "a.jpg": SQUARE}),
        {},
    )
    assert evaluation.images == ("x/A.JPG", "b.png")
    assert (evaluation.only_predicted, evaluation.only_manual) == (("new.png",), ("old.png",))


def test_names_in_other_folders_are_not_taken_for_the_same() -> None:
    evaluation = evaluate(
        records({"x/a.png": SQUARE, "y/a.png": SQUARE + 50}),
        records({"x/a.png": SQUARE}),
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
        evaluate(records(predicted), records(manual), {})


def test_an_image_that_occurs_twice_is_refused() -> None:
    twice = [Record(SQUARE, "a.png", line=1), Record(SQUARE, "a.png", line=8)]
    with pytest.raises(LandmarkError, match=r"manual .* a\.png twice \(lines 1 and 8\)"):
        evaluate(records({"a.png": SQUARE}), twice, {})


def test_the_part_must_have_as_many_landmarks() -> None:
    one = records({"a.png": SQUARE})
    with pytest.raises(LandmarkError, match=r"a\.png has 4 .* wing has 5"):
        evaluate(one, one, {}, PartSpec.numbered("wing", 5))
    assert evaluate(one, one, {}, PartSpec.numbered("wing", 4)).spec.name == "wing"


def test_images_of_several_sizes_are_ranked_by_share_of_centroid_size() -> None:
    small, large = SQUARE, SQUARE * 10
    evaluation = evaluate(
        records(
            {"small.png": small + np.array([4.0, 0.0]), "large.png": large + np.array([20.0, 0.0])}
        ),
        records({"small.png": small, "large.png": large}),
        {"small.png": SIZE, "large.png": (5120, 3840)},
    )
    assert evaluation.unit == "percent_centroid_size"
    assert evaluation.ranks == (1, 2)


def test_what_is_not_annotated_is_not_compared(manual: dict[str, Floats]) -> None:
    holed = {name: xy.copy() for name, xy in manual.items()}
    holed["a.png"][0] = 0
    true = records(holed | {"new.png": np.zeros((4, 2)), "new2.png": np.empty((0, 2))})
    evaluation = evaluate(records(manual), true, {})
    assert evaluation.overall("px").mean == 0.0
    assert evaluation.missing == (0, 1)
    assert evaluation.only_manual == ()
    assert "2 not annotated yet, not compared: new.png, new2.png" in evaluation.notes
    assert any("1 landmark at 0 0" in note for note in evaluation.notes)
    with pytest.raises(LandmarkError, match="none of the 2 manual records is annotated yet"):
        evaluate(records(manual), true[-2:], {})


def test_coordinates_and_scales_that_no_photograph_has(manual: dict[str, Floats]) -> None:
    for value in (1e9, 1e308):
        far = records(dict.fromkeys(manual, np.array([[value, 1.0], *SQUARE[1:]])))
        for one, other in ((far, records(manual)), (records(manual), far)):
            with pytest.raises(LandmarkError, match="as no photograph has"):
                evaluate(one, other, {})
        with pytest.raises(RequestError, match="units per pixel"):
            evaluate(records(manual), records(manual), {}, scale=value)


def test_the_summary_takes_time_linear_in_the_number_of_landmarks() -> None:
    rng = np.random.default_rng(1)

    def report(times: int) -> None:
        shapes = {name: rng.uniform(10, 700, (times, 2)) for name in ("a.png", "b.png")}
        evaluation = evaluate(records(shapes), records(shapes), dict.fromkeys(shapes, SIZE))
        summary(evaluation)

    report(10)
    assert growth(report, 50) < MOST_GROWTH
