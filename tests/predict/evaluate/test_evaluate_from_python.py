"""`beetle_lm.evaluate`: files, results and records against each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from kinds import Draw, WriteModel
from PIL import Image
from squares import POINTS

from beetle_lm import Evaluation, Predictor, Result, TpsRecord, evaluate, read_tps, write_tps
from beetle_lm.errors import LandmarkError, RequestError
from beetle_lm.predict.images.orientation import ExifFrame, to_stored, turn_upright

pytest.importorskip("onnxruntime")
OFF = np.array([3.0, -4.0])
Manual = Callable[..., Path]


@pytest.fixture
def photographs(draw: Draw, tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(draw((400, 300), POINTS)).save(folder / name)
    return folder


@pytest.fixture
def results(write_model: WriteModel, photographs: Path) -> list[Result]:
    return list(Predictor.load(write_model(), "cpu").predict(photographs))


@pytest.fixture
def manual(tmp_path: Path) -> Manual:
    """Writes a TPS file whose landmarks are 5 px off what is drawn."""

    def write(*names: str, size: tuple[int, int] = (400, 300), scale: float | None = None) -> Path:
        path = tmp_path / "manual.tps"
        xy = np.array(POINTS) + OFF
        write_tps(path, [TpsRecord.from_image_xy(xy, size, name, scale=scale) for name in names])
        return path

    return write


def records_of(results: list[Result]) -> list[TpsRecord]:
    return [
        TpsRecord.from_image_xy(each.landmarks.xy, each.size, each.name)
        for each in results
        if each.landmarks is not None and each.size is not None
    ]


def assert_5_px(evaluation: Evaluation, specimens: int = 3) -> None:
    assert len(evaluation.images) == specimens
    assert evaluation.distances("px") == pytest.approx(np.full((specimens, 3), 5.0), abs=0.1)
    assert evaluation.bias == pytest.approx(np.tile(-OFF, (3, 1)), abs=0.1)


def test_results_against_a_file(results: list[Result], manual: Manual) -> None:
    evaluation = evaluate(iter(results), str(manual("a.png", "b.png", "c.png")))
    assert_5_px(evaluation)
    assert evaluation.units == ("px", "px_256x192", "percent_centroid_size")
    assert evaluation.sizes.tolist() == [[400, 300]] * 3
    assert evaluation.spec.landmark_names == ("red", "green", "blue")


def test_specimens_that_only_one_side_has(results: list[Result], manual: Manual) -> None:
    failed = Result("b.png", None, 1, None, "cannot be read")
    evaluation = evaluate([results[0], failed], manual("x.png", "b.png", "a.png"))
    assert_5_px(evaluation, 1)
    assert evaluation.only_manual == ("x.png", "b.png")
    told = str(evaluation)
    assert "not compared, in the manual landmarks but without predictions (2): x.png, b.png" in told


def test_two_files(results: list[Result], manual: Manual, tmp_path: Path) -> None:
    write_tps(tmp_path / "predicted.tps", records_of(results))
    true = manual("a.png", "b.png", "c.png", scale=0.01)
    without = evaluate(tmp_path / "predicted.tps", true)
    assert_5_px(without)
    assert without.units == ("px", "units", "percent_centroid_size")
    assert without.overall("units").mean == pytest.approx(0.05, abs=0.001)
    sized = evaluate(tmp_path / "predicted.tps", true, image_size=(400, 300), scale=2.0)
    assert "px_256x192" in sized.units
    assert sized.overall("units").mean == pytest.approx(10, abs=0.2)


def test_the_folder_of_the_photographs_gives_sizes(
    results: list[Result], manual: Manual, photographs: Path
) -> None:
    evaluation = evaluate(records_of(results), manual("a.png"), images=str(photographs))
    assert_5_px(evaluation, 1)
    assert evaluation.sizes.tolist() == [[400, 300]]


def test_two_lists_of_records(results: list[Result], manual: Manual) -> None:
    assert_5_px(evaluate(records_of(results), read_tps(manual("a.png", "b.png", "c.png"))))


def test_manual_landmarks_in_a_table_count_y_downwards(
    results: list[Result], tmp_path: Path
) -> None:
    xy = (np.array(POINTS) + OFF).ravel().tolist()
    table = tmp_path / "manual.csv"
    header = "image,x1,y1_down,x2,y2_down,x3,y3_down"
    table.write_text(f"{header}\na.png,{','.join(map(str, xy))}\n")
    assert_5_px(evaluate(results, table), 1)
    assert_5_px(evaluate(records_of(results), table, image_size=(400, 300)), 1)
    with pytest.raises(RequestError, match=r"the height of .*a\.png is needed"):
        evaluate(records_of(results), table)


@pytest.mark.parametrize("exif", ["apply", "stored"])
def test_results_are_put_into_the_frame_of_the_manual_landmarks(
    write_model: WriteModel, draw: Draw, tmp_path: Path, exif: ExifFrame
) -> None:
    tag = Image.Exif()
    tag[274] = 6
    stored = Image.fromarray(turn_upright(draw((400, 300), POINTS), 8))
    stored.save(tmp_path / "turned.png", exif=tag)
    results = list(Predictor.load(write_model(), "cpu").predict(tmp_path / "turned.png"))
    xy, size = np.array(POINTS), (400, 300)
    if exif == "stored":
        xy, size = to_stored(xy, 6, size), (300, 400)
    true = [TpsRecord.from_image_xy(xy, size, "turned.png")]
    evaluation = evaluate(results, true, exif=exif)
    assert evaluation.overall("px").mean == pytest.approx(0, abs=0.1)
    assert evaluation.sizes.tolist() == [list(size)]


def test_an_evaluation_prints_as_a_table(results: list[Result], manual: Manual) -> None:
    evaluation = evaluate(results, manual("a.png", "b.png", "c.png"))
    lines = str(evaluation).splitlines()
    assert "Distance of predicted from manual landmarks" in lines[0]
    assert any(line.split()[:3] == ["2", "green", "3"] for line in lines)
    assert "3 specimens of 3 landmarks" in lines
    mean = evaluation.overall("px").mean
    assert repr(evaluation) == (
        f"<Evaluation of 3 specimens of 3 landmarks, mean distance {mean:.2f} px>"
    )
    page = evaluation._repr_html_()
    assert page.startswith("<pre>") and page.endswith("</pre>")
    assert "2  green" in page


def test_names_in_a_notebook_are_no_markup(results: list[Result]) -> None:
    records = [TpsRecord.from_image_xy(np.array(POINTS), (400, 300), name) for name in ("a", "<b>")]
    page = evaluate(records, records[:1])._repr_html_()
    assert "&lt;b&gt;" in page and "<b>" not in page


def test_what_does_not_fit_together(
    results: list[Result], manual: Manual, photographs: Path
) -> None:
    true = manual("a.png")
    with pytest.raises(RequestError, match="not both"):
        evaluate(results, true, images=photographs, image_size=(400, 300))
    with pytest.raises(RequestError, match="above 0, got -1"):
        evaluate(results, true, scale=-1)
    with pytest.raises(LandmarkError, match="no specimen is in both"):
        evaluate(results, manual("other.png"))
    with pytest.raises(TypeError, match="as results or as records, not as int"):
        evaluate([1, 2], true)  # type: ignore[arg-type]
    with pytest.raises(LandmarkError, match="elytra has 11"):
        evaluate(results, manual("a.png"), part="elytra")


def test_plots_and_tables_of_a_notebook(results: list[Result], manual: Manual) -> None:
    evaluation = evaluate(results, manual("a.png", "b.png", "c.png"))
    for name in ("distances", "cumulative"):
        shown = evaluation.plot(name)._repr_png_()  # type: ignore[attr-defined]
        assert shown.startswith(b"\x89PNG")
    rows = evaluation.table("per_specimen")
    assert len(rows) == 3
    ranks = rows["rank"] if hasattr(rows, "columns") else [row["rank"] for row in rows]
    assert sorted(ranks) == [1, 2, 3]
    for ask in (lambda: evaluation.plot("shape_pca"), lambda: evaluation.table("shape_anova")):
        with pytest.raises(LandmarkError, match="that needs 6 specimens"):
            ask()
    with pytest.raises(LandmarkError, match="no curves are compared"):
        evaluation.table("per_curve")
    with pytest.raises(ValueError, match="a plot is one of 'distances', 'cumulative'"):
        evaluation.plot("histogram")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a table is one of 'per_landmark'"):
        evaluation.table("all")  # type: ignore[arg-type]
