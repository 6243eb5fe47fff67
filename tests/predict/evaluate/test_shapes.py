"""Manual and predicted landmarks compared as shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import numpy as np
import pytest
from kinds import Command
from numpy.typing import NDArray
from results import read_table
from training_data import tps_record

from beetle_lm.predict.drawing.figure import vector
from beetle_lm.predict.evaluation import shape_plots
from beetle_lm.predict.evaluation.report import FILES, PER_CURVE, SHAPES
from beetle_lm.predict.evaluation.shapes import (
    ELLIPSE,
    FEWEST,
    Ellipse,
    ShapeComparison,
    compare_shapes,
)
from beetle_lm.predict.images.find import find_images

Points = NDArray[np.float64]
BASE = np.array([[200, 100], [400, 90], [420, 300], [300, 380], [180, 310]], np.float64)
SIZE = float(np.sqrt(((BASE - BASE.mean(axis=0)) ** 2).sum()))
HEIGHT = 480
KINDS: tuple[Literal["svg", "pdf"], ...] = ("svg", "pdf")


def drawn(
    specimens: int, varies: float, noise: float, seed: int = 0, base: Points = BASE
) -> tuple[Points, Points]:
    """Manual and predicted landmarks (S, n, 2): predicted are manual ones and noise, in pixels."""
    rng = np.random.default_rng(seed)
    manual = base + rng.normal(0, varies, (specimens, *base.shape))
    return manual, manual + rng.normal(0, noise, manual.shape)


def names_of(specimens: Points) -> list[str]:
    return [f"{number}.jpg" for number in range(len(specimens))]


def compared(manual: Points, predicted: Points) -> ShapeComparison:
    found, _ = compare_shapes(names_of(manual), predicted, manual)
    assert found is not None
    return found


def test_figures_are_those_of_r() -> None:
    # Eight specimens by a formula; superimposed, projected and analysed with R 4.2 (lm, prcomp),
    # and all 256 ways to swap manual and predicted gone through.
    s, k, c = np.ogrid[1:9, 1:6, 1:3]
    manual = BASE + 12 * np.sin(3 * s + 7 * k + 11 * c)
    predicted = manual + 5 * np.sin(13 * s + 5 * k + 2 * c)
    predicted[:, 2, 1] += 4
    found = compared(manual, predicted)
    specimens, method, rest = found.sources
    sums = [row.ss for row in found.sources]
    assert sums == pytest.approx([0.0117833394, 0.000422261089, 0.000279704503], rel=1e-7)
    assert (specimens.df, method.df, rest.df) == (42, 6, 42)
    assert (specimens.f, method.f) == pytest.approx((42.1278146, 10.5676798), rel=1e-7)
    assert found.repeatability.value == pytest.approx(0.900912772, rel=1e-7)
    assert found.manual_variance.value == pytest.approx(0.000856268203, rel=1e-7)
    assert found.predicted_variance.value == pytest.approx(0.000867023785, rel=1e-7)
    assert found.components.shares[:3] == pytest.approx([0.853024401, 0.0937170524, 0.0487838607])
    assert found.components.correlations[:2] == pytest.approx([0.978305614, 0.994383636])
    assert found.first_axis_angle == pytest.approx(1.23489393, rel=1e-5)
    assert found.mean_distance.value == pytest.approx(0.0102744962, rel=1e-7)
    assert found.distance_correlation == pytest.approx(0.955164831, rel=1e-7)
    assert method.p == pytest.approx(0.0156, abs=0.012)
    assert found.variance_p == pytest.approx(0.953, abs=0.03)


@pytest.mark.parametrize(("varies", "noise"), [(10.0, 1.0), (6.0, 6.0)])
def test_noise_of_known_size_is_found_again(varies: float, noise: float) -> None:
    found = compared(*drawn(250, varies, noise))
    share = varies**2 / (varies**2 + noise**2 / 2)
    assert found.repeatability.value == pytest.approx(share, abs=0.04)
    assert found.repeatability.low < share < found.repeatability.high
    larger = 1 + noise**2 / varies**2
    assert found.variance_ratio.low < larger < found.variance_ratio.high
    free = 2 * len(BASE) - 4
    assert found.manual_variance.value == pytest.approx(free * varies**2 / SIZE**2, rel=0.12)
    area = np.mean([np.prod(axes(found.errors[:, index])) for index in range(len(BASE))])
    # A superimposition takes 4 of the 2 n coordinates' errors away.
    assert area == pytest.approx((ELLIPSE * noise / SIZE) ** 2 * free / (2 * len(BASE)), rel=0.15)
    assert found.sources[0].p == pytest.approx(0.001)


def axes(points: Points) -> tuple[float, float]:
    ellipse = Ellipse.of(points)
    return ellipse.major, ellipse.minor


def test_chance_gives_every_probability_alike() -> None:
    found = [compared(*drawn(10, 5.0, 5.0, seed)) for seed in range(60)]
    p = np.sort([one.sources[1].p for one in found])
    assert np.abs(p - (np.arange(60) + 0.5) / 60).max() < 0.2  # Kolmogorov-Smirnov, 1 %
    assert np.mean([one.mean_distance.low == 0 for one in found]) > 0.9


def test_landmarks_that_are_all_placed_elsewhere_are_seen() -> None:
    manual, predicted = drawn(30, 5.0, 1.0)
    predicted[:, 2] += (0, 4)
    found = compared(manual, predicted)
    assert found.sources[1].p == pytest.approx(0.001)
    assert 0 < found.mean_distance.low < found.mean_distance.value < found.mean_distance.high
    middle = Ellipse.of(found.errors[:, 2]).middle
    assert middle[1] * SIZE > 1.5  # downwards, as in the picture


def test_place_size_and_turn_are_no_shape_and_a_mirror_is() -> None:
    manual, predicted = drawn(12, 5.0, 2.0)
    turn = np.exp(1j * np.linspace(0, 6, 12))[:, None] * np.linspace(1, 3, 12)[:, None]
    points = predicted @ (1, 1j) * turn + 1000j
    moved = np.stack([points.real, points.imag], axis=-1)
    one, other = compared(manual, predicted), compared(manual, moved)
    assert [row.ss for row in one.sources] == pytest.approx([row.ss for row in other.sources])
    assert compared(manual, manual * (-1, 1)).pair_distances.min() > 0.3


def test_the_same_twice() -> None:
    manual, _ = drawn(8, 5.0, 0.0)
    found = compared(manual, manual)
    assert found.repeatability.value == pytest.approx(1)
    assert found.mean_distance.value == 0 and found.variance_p == 1
    assert np.isnan([found.sources[0].f, found.sources[1].p]).all()


def test_what_cannot_be_compared_is_said() -> None:
    manual, predicted = drawn(FEWEST + 2, 5.0, 1.0)
    names = names_of(manual)
    predicted[0, 1], manual[1] = np.nan, (50.0, 60.0)
    found, remarks = compare_shapes(names, predicted, manual)
    assert found is not None and found.images == tuple(names[2:])
    assert remarks == (
        "not compared as shapes, all landmarks lie in one point: 1.jpg",
        "not compared as shapes: 1 specimen lacks a landmark",
    )
    found, remarks = compare_shapes(names[1:-1], predicted[1:-1], manual[1:-1])
    assert found is None and "needs 6 specimens that lack no landmark" in remarks[-1]
    found, remarks = compare_shapes(names, predicted[:, :2], manual[:, :2])
    assert found is None and remarks == ("shapes are not compared: 2 landmarks have none",)


def test_a_specimen_that_outweighs_all_others_is_named() -> None:
    manual, predicted = drawn(25, 3.0, 1.0)
    manual[4] *= (-1, 1)  # digitised on a mirrored picture
    _, [remark] = compare_shapes(names_of(manual), predicted, manual)
    assert remark.startswith("4.jpg alone makes up") and "of the manual shapes" in remark


def test_the_command_writes_tables_and_figures(command: Command, tmp_path: Path) -> None:
    manual, predicted = drawn(12, 8.0, 2.0)
    files = []
    for name, every in (("p.tps", predicted), ("m.tps", manual)):
        files.append(tmp_path / name)
        records = (tps_record(f"{i}.jpg", xy, HEIGHT) for i, xy in enumerate(every))
        files[-1].write_text("".join(records), encoding="utf-8")
    out = tmp_path / "out"
    result = command("evaluate", *files, "--image-size", f"640x{HEIGHT}", "-o", out)
    assert result.code == 0, result.err
    assert "Procrustes ANOVA of 12 specimens" in result.out
    assert {path.name for path in out.iterdir()} == set(FILES) - {PER_CURVE}
    told = json.loads((out / "summary.json").read_text(encoding="utf-8"))["shapes"]
    rows = read_table(out / "shape_anova.csv")
    assert [row["source"] for row in rows] == ["specimens", "method", "residuals"]
    assert float(rows[0]["r2"]) == pytest.approx(told["anova"][0]["r2"], rel=1e-4)
    assert sum(float(row["r2"]) for row in rows) == pytest.approx(1, abs=1e-4)
    assert told["specimens"] == 12 and told["repeatability"]["value"] > 0.8
    assert len(read_table(out / "shape_scores.csv")) == 12
    assert [row["landmark"] for row in read_table(out / "shape_landmarks.csv")] == list("12345")
    for name in ("shape_pca", "shape_errors"):
        assert ElementTree.parse(out / f"{name}.svg").getroot().tag.endswith("svg")
        assert (out / f"{name}.pdf").read_bytes().startswith(b"%PDF")

    # The next one has too few specimens: it says so, and leaves no figure of this one.
    files[0].write_text("".join(tps_record(f"{i}.jpg", predicted[i], HEIGHT) for i in range(3)))
    result = command("evaluate", *files, "-o", out, "--overwrite")
    assert "Shapes are not compared: that needs 6 specimens" in result.out
    assert not set(SHAPES) & {path.name for path in out.iterdir()}


def test_figures_are_the_same_bytes_each_time() -> None:
    found = compared(*drawn(8, 5.0, 1.0))
    for kind in KINDS:
        one, other = (vector(shape_plots.errors(found), kind) for _ in range(2))
        assert one == other


def test_figures_are_no_pictures_that_could_not_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "shape_pca.pdf").touch()
    find_images([tmp_path])
    assert "shape_pca.pdf" in caplog.text
    caplog.clear()
    (tmp_path / "summary.json").write_text('{"beetle_lm": "0.1.0"}')
    find_images([tmp_path])
    assert not caplog.text
