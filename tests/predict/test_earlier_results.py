"""Pictures that earlier runs left among photographs are none; those of other programs are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kinds import Command, Draw, WriteModel
from squares import POINTS, write_manual
from stopped_runs import write_photos

from beetle_lm.errors import ImageError
from beetle_lm.predict.images.read import find_images
from beetle_lm.predict.inputs import photographs

NAMES = ["00.png", "01.png", "02.png"]


@pytest.fixture
def photos(command: Command, write_model: WriteModel, draw: Draw, tmp_path: Path) -> Path:
    """Three photographs, and in their folder all that a run and an evaluation leave."""
    folder = tmp_path / "photos"
    write_photos(folder, draw, 3)
    write_manual(tmp_path / "manual.tps", dict.fromkeys(NAMES, POINTS))
    call = ("predict", folder, "-m", write_model(), "--reference", tmp_path / "manual.tps")
    assert command(*call, "--overlay", "-o", folder / "out").code == 0
    assert command("review-list", folder / "out").code == 0
    done = folder / "out" / "landmarks.tps"
    compared = ("evaluate", done, tmp_path / "manual.tps", "-o", folder / "compared")
    assert command(*compared, "--images", folder).code == 0
    pictures = [path for path in folder.rglob("*.*g") if path.parent != folder]
    assert len(pictures) == 3 + 2 + 3 + 3
    return folder


def found(folder: Path) -> list[str]:
    return [image.name for image in find_images([folder], recursive=True)]


def test_every_search_passes_over_results(photos: Path) -> None:
    assert found(photos) == NAMES
    assert [image.name for image in find_images([str(photos / "**" / "*")])] == NAMES
    for folder in ("out/overlays", "out", "compared"):
        with pytest.raises(ImageError, match="but results of earlier runs"):
            find_images([photos / folder], recursive=True)
    with pytest.raises(ImageError, match="but results of earlier runs"):
        list(photographs(photos / "out" / "overlays"))


def test_no_command_takes_results_for_photographs(
    command: Command, photos: Path, tmp_path: Path
) -> None:
    manual = tmp_path / "manual.tps"
    table = tmp_path / "table.csv"
    assert command("convert", manual, table, "--images", photos).code == 0
    assert table.read_text(encoding="utf-8").count(".png") == 3
    done = command("evaluate", photos / "out" / "landmarks.csv", manual, "--images", photos)
    assert (done.code, done.err) == (0, "")


def test_results_that_are_being_moved_are_results(photos: Path) -> None:
    (photos / "out" / "run.json").unlink()
    (photos / "out" / ".incomplete.moving").touch()
    assert found(photos) == NAMES


@pytest.mark.parametrize(
    "summary", [None, "{}", "[]", "no JSON", '{"program": "counter", "parts": {"a": 1}}']
)
def test_overlays_of_other_programs_are_photographs(
    tmp_path: Path, draw: Draw, summary: str | None
) -> None:
    write_photos(tmp_path / "overlays", draw, 1)
    write_photos(tmp_path / "evaluation", draw, 1)
    for name in ("overview.jpg", "review.jpg", "distances.png", "losses.png"):
        (tmp_path / name).touch()
    if summary is not None:
        (tmp_path / "run.json").write_text(summary, encoding="utf-8")
        (tmp_path / "summary.json").write_text(summary, encoding="utf-8")
    assert len(found(tmp_path)) == 6


def test_a_folder_of_overlays_beside_a_run_that_drew_none_holds_photographs(
    tmp_path: Path, draw: Draw
) -> None:
    write_photos(tmp_path / "overlays" / "left", draw, 2)
    run = {"beetle_lm": "1", "options": {"overlay": False}}
    (tmp_path / "run.json").write_text(json.dumps(run), encoding="utf-8")
    assert found(tmp_path) == ["overlays/left/00.png", "overlays/left/01.png"]


def test_what_a_training_and_a_report_draw_is_no_photograph(tmp_path: Path) -> None:
    for name in ("job/config.toml", "job/log.csv", "job/losses.png", "report/report.html"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "report" / "figures").mkdir()
    (tmp_path / "report" / "figures" / "figure-10.png").touch()
    with pytest.raises(ImageError, match="but results of earlier runs"):
        find_images([tmp_path], recursive=True)
