"""Results as one table, with pandas and without."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kinds import Draw, WriteModel
from squares import POINTS

from beetle_lm import Landmarks, Predictor, Result, results_table
from beetle_lm.errors import LandmarkError
from beetle_lm.predict.formats.own_tables import TIDY_COLUMNS
from beetle_lm.predict.formats.tables import read_table
from beetle_lm.zoo.model_file.parts import PartSpec
from beetle_lm.zoo.model_file.shape_space import Limits

pytest.importorskip("onnxruntime")
WIDE = ["image", "status", "reason", "width", "height", "mean_expected_error_px"]
COORDINATES = ["x1", "y1_down", "x2", "y2_down", "x3", "y3_down"]


@pytest.fixture
def results(write_model: WriteModel, draw: Draw, tmp_path: Path) -> list[Result]:
    """One that is well, one that is flagged, one that failed."""
    limits = Limits(20.0, 20.0, (-180.0, 180.0), (0.0, 100.0))
    predictor = Predictor.load(write_model(limits=limits), "cpu")
    pictures = draw((400, 300), POINTS), draw((400, 300), POINTS[:2])
    return list(predictor.predict([*pictures, "missing.jpg"]))


@pytest.fixture
def no_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hidden:
        @staticmethod
        def find_spec(name: str, path: object, target: object = None) -> None:
            if name == "pandas":
                raise ModuleNotFoundError("No module named 'pandas'", name="pandas")

    monkeypatch.delitem(sys.modules, "pandas", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Hidden, *sys.meta_path])


def test_wide_has_a_row_for_each_photograph(results: list[Result]) -> None:
    pytest.importorskip("pandas")
    table = results_table(results)
    assert list(table.columns) == WIDE + COORDINATES
    assert table["image"].tolist() == ["array 1", "array 2", "missing.jpg"]
    assert table["status"].tolist() == ["ok", "flagged", "failed"]
    assert table["reason"].tolist() == ["", results[1].flag, results[2].error]
    assert table["width"].tolist()[:2] == [400, 400] and np.isnan(table["height"][2])
    assert table["mean_expected_error_px"][1] == pytest.approx(40 * 400 / 96 / 3, abs=0.01)
    xy = table[COORDINATES].to_numpy().reshape(3, 3, 2)
    assert xy[0] == pytest.approx(np.array(POINTS), abs=0.5)
    assert np.isnan(xy[2]).all()


def test_tidy_has_a_row_for_each_landmark(results: list[Result]) -> None:
    pytest.importorskip("pandas")
    table = results_table(iter(results), layout="tidy")
    assert tuple(table.columns) == TIDY_COLUMNS
    assert table["image"].tolist() == [name for name in results_names(results) for _ in range(3)]
    assert table["landmark"].tolist() == [1, 2, 3] * 3
    assert table["name"].tolist() == ["red", "green", "blue"] * 3
    assert table["score"].tolist()[:6] == [1, 1, 1, 1, 1, 0]
    assert table[["x", "y"]].to_numpy()[:3] == pytest.approx(np.array(POINTS), abs=0.5)
    assert table["expected_error_px"][5] == pytest.approx(40 * 400 / 96, abs=0.01)
    assert table.iloc[6:][["x", "y", "score", "expected_error_px"]].isna().all(axis=None)


def results_names(results: list[Result]) -> list[str]:
    return [result.name for result in results]


@pytest.mark.usefixtures("no_pandas")
@pytest.mark.parametrize("layout", ["wide", "tidy"])
def test_without_pandas_it_is_a_list_of_dicts(results: list[Result], layout: Any) -> None:
    table = results_table(results, layout)
    assert isinstance(table, list) and len(table) == {"wide": 3, "tidy": 9}[layout]
    columns = WIDE + COORDINATES if layout == "wide" else list(TIDY_COLUMNS)
    assert [list(row) for row in table] == [columns] * len(table)
    first = [table[0]["x1"], table[0]["y1_down"]] if layout == "wide" else None
    assert first is None or first == pytest.approx(POINTS[0], abs=0.5)
    kinds = {type(value) for row in table for value in row.values()}
    assert kinds <= {str, int, float}
    shown = table._repr_html_()  # type: ignore[attr-defined]
    assert shown.count("<tr>") == len(table) + 1 and f"<th>{columns[-1]}</th>" in shown


@pytest.mark.parametrize("layout", ["wide", "tidy"])
def test_written_as_csv_it_is_a_table_of_landmarks(
    results: list[Result], tmp_path: Path, layout: Any
) -> None:
    pytest.importorskip("pandas")
    path = tmp_path / "table.csv"
    results_table(results, layout).to_csv(path, index=False)
    read = read_table(path)
    assert [(each.image, each.y_up) for each in read] == [
        (name, False) for name in results_names(results)
    ]
    landmarks = results[0].landmarks
    assert landmarks is not None
    assert read[0].points == pytest.approx(landmarks.xy)
    assert np.isnan(read[2].points).all()


@pytest.mark.parametrize("layout", ["wide", "tidy"])
def test_where_all_failed_or_nothing_is_there(results: list[Result], layout: Any) -> None:
    pytest.importorskip("pandas")
    failed = results_table(results[2:], layout)
    assert len(failed) == (1 if layout == "wide" else 0)
    assert list(failed.columns) == (WIDE if layout == "wide" else list(TIDY_COLUMNS))
    assert len(results_table([], layout)) == 0


def test_landmarks_without_scores(results: list[Result]) -> None:
    pytest.importorskip("pandas")
    landmarks = Landmarks(PartSpec.numbered("dots", 1), np.array([[3.0, 4.0]]))
    one = [Result("a.jpg", (10, 10), 1, landmarks, None)]
    assert results_table(one)[["x1", "y1_down"]].to_numpy().tolist() == [[3.0, 4.0]]
    tidy = results_table(one, "tidy")
    assert tidy[["score", "expected_error_px"]].isna().all(axis=None)


def test_results_of_several_parts_are_refused(results: list[Result]) -> None:
    other = Landmarks(PartSpec.numbered("wing", 1), np.array([[3.0, 4.0]]))
    mixed = [*results, Result("a.jpg", (10, 10), 1, other, None)]
    with pytest.raises(LandmarkError, match="these are of several: dots and wing"):
        results_table(mixed)


def test_an_unknown_layout(results: list[Result]) -> None:
    with pytest.raises(ValueError, match="is 'wide' or 'tidy', not 'long'"):
        results_table(results, "long")  # type: ignore[arg-type]
