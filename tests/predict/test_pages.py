"""`--pages all`: each picture of a TIFF file with several of them is a photograph of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from kinds import Command, Draw
from numpy.typing import NDArray
from PIL import Image
from processes import command_line
from results import read_table
from squares import POINTS, SIZE, shifted, write_manual
from stopped_runs import Stopping, files
from tiff_files import RGB, TiffPage, tiff_file

pytest.importorskip("onnxruntime")

from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.plan import Request, plan_one
from beetle_lm.predict.batch.runner import run_plan

PAGES = 11


def thumbnail(pixels: NDArray[np.uint8]) -> TiffPage:
    return TiffPage(np.ascontiguousarray(pixels[::4, ::4]), RGB, subfile=1)


@pytest.fixture
def pages(draw: Draw) -> list[NDArray[np.uint8]]:
    """Specimens that lie differently on each page."""
    return [draw(SIZE, [(x + 5 * i, y + 3 * i) for x, y in POINTS]) for i in range(PAGES)]


@pytest.fixture
def photos(tmp_path: Path, pages: list[NDArray[np.uint8]]) -> Path:
    """A stack with a thumbnail of each picture, and a photograph of the usual kind."""
    folder = tmp_path / "photos"
    folder.mkdir()
    stack = [each for page in pages for each in (TiffPage(page, RGB), thumbnail(page))]
    (folder / "stack.tif").write_bytes(tiff_file(*stack))
    Image.fromarray(pages[0]).save(folder / "usual.png")
    return folder


@pytest.fixture
def split(photos: Path, pages: list[NDArray[np.uint8]]) -> Path:
    """The same pictures in a file each."""
    folder = photos.with_name("split")
    folder.mkdir()
    for number, page in enumerate(pages, start=1):
        (folder / f"stack_page{number}.tif").write_bytes(tiff_file(TiffPage(page, RGB)))
    shutil.copy(photos / "usual.png", folder)
    return folder


def rows(folder: Path, table: str = "specimens.csv") -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for row in read_table(folder / table):
        found.setdefault(row["image"], []).append(row)
    return found


@pytest.mark.parametrize("isolate", [[], ["--isolate"]])
def test_pages_are_what_they_are_in_files_of_their_own(
    command: Command, model: Path, photos: Path, split: Path, tmp_path: Path, isolate: list[str]
) -> None:
    manual = tmp_path / "manual.tps"
    names = [f"stack_page{number}.tif" for number in range(1, PAGES + 1)]
    write_manual(manual, {name: shifted(0) for name in (*names, "usual.png")})
    call = ("-m", model, "-b", "1", "--overlay", "--reference", manual, *isolate, "-o")
    assert command("predict", photos, "--pages", "all", *call, tmp_path / "pages").code == 0
    assert command("predict", split, *call, tmp_path / "files").code == 0
    of_pages, of_files = rows(tmp_path / "pages"), rows(tmp_path / "files")
    assert list(of_pages) == [*names, "usual.png"]
    assert of_pages == of_files
    for table in ("landmarks.csv", "predictions.csv", "evaluation/per_specimen.csv"):
        assert rows(tmp_path / "pages", table) == rows(tmp_path / "files", table)
    for name in (*names, "usual.png"):
        overlays = [tmp_path / out / "overlays" / name for out in ("pages", "files")]
        drawn = [path.with_suffix(".jpg").read_bytes() for path in overlays]
        assert drawn[0] == drawn[1]
    tps = (tmp_path / "pages" / "landmarks.tps").read_text(encoding="utf-8")
    assert "IMAGE=stack_page11.tif\nID=stack_page11\n" in tps
    run = json.loads((tmp_path / "pages" / "run.json").read_text(encoding="utf-8"))
    assert run["options"]["pages"] == "all" and run["counts"]["images"] == PAGES + 1


@pytest.mark.parametrize("isolate", [[], ["--isolate"]])
def test_the_first_picture_is_read_and_a_hint_given(
    model: Path, photos: Path, tmp_path: Path, isolate: list[str]
) -> None:
    call = command_line("predict", photos, "-m", model, "-o", tmp_path / "out", *isolate)
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    assert list(rows(tmp_path / "out")) == ["stack.tif", "usual.png"]
    assert (
        "warning: stack.tif holds 11 pictures, of which the first is read; --pages all takes each"
        " for a photograph\n" in done.stderr
    )
    manual = tmp_path / "manual.tps"
    write_manual(manual, {"stack.tif": POINTS})
    predicted = tmp_path / "out" / "landmarks.tps"
    drawn = ("--images", photos, "-o", tmp_path / "evaluation")  # without the option
    compared = subprocess.run(
        command_line("evaluate", predicted, manual, *drawn),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "warning: stack.tif holds 11 pictures, of which the first is read\n" in compared.stderr


def test_a_dry_run_lists_pages(command: Command, model: Path, photos: Path) -> None:
    done = command("predict", photos, "-m", model, "--pages", "all", "--dry-run")
    assert "would read 12 images:" in done.out
    assert f"  {photos / 'stack.tif'}, page 11\n  {photos / 'usual.png'}\n" in done.out


def test_a_damaged_page_fails_alone(
    command: Command, model: Path, pages: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    path = tmp_path / "stack.tif"
    images = [Image.fromarray(page) for page in pages[:3]]
    images[0].save(path, save_all=True, append_images=images[1:], compression="tiff_adobe_deflate")
    with Image.open(path) as opened:
        opened.seek(1)
        start = opened.tag_v2[273][0]  # type: ignore[attr-defined]
    data = bytearray(path.read_bytes())
    data[start + 10 : start + 30] = bytes(20)
    path.write_bytes(data)
    out = tmp_path / "out"
    done = command("predict", path, "-m", model, "--pages", "all", "-o", out)
    assert done.code == 3
    assert "failed: page 2 of stack.tif is damaged" in done.err
    assert [row["status"] for [row] in rows(out).values()] == ["ok", "failed", "ok"]


def test_a_run_over_pages_goes_on_where_it_was_stopped(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    call = ("predict", photos, "-m", model, "-b", "2", "--overlay", "-o")
    assert command(*call, whole, "--pages", "all").code == 0
    options = Options(batch_size=2, overlay=True, pages="all")
    with pytest.raises(KeyboardInterrupt):
        run_plan(
            plan_one(Request([str(photos)], out), model, options=options), observer=Stopping(7)
        )
    other = command(*call, out, "--resume")
    assert other.code == 1 and "another choice of pages (all then, first now)" in other.err
    done = command(*call, out, "--resume", "--pages", "all")
    assert done.code == 0 and "going on after 6 of 12 images" in done.err
    assert files(out) == files(whole)


def test_a_stack_that_has_changed_is_not_gone_on_with(
    command: Command, model: Path, photos: Path, tmp_path: Path, pages: list[NDArray[np.uint8]]
) -> None:
    out = tmp_path / "out"
    options = Options(batch_size=2, pages="all")
    with pytest.raises(KeyboardInterrupt):
        run_plan(
            plan_one(Request([str(photos)], out), model, options=options), observer=Stopping(7)
        )
    call = ("predict", photos, "-m", model, "-b", "2", "-o", out, "--resume", "--pages", "all")
    # In the order of text it comes before stack_page1.tif, among the files behind stack.tif.
    Image.fromarray(pages[0]).save(photos / "stack_a.png")
    new = command(*call)
    assert new.code == 1 and "other photographs (stack_a.png is new)" in new.err
    (photos / "stack_a.png").unlink()
    (photos / "usual.png").unlink()
    gone = command(*call)
    assert gone.code == 1 and "the photograph usual.png, which is not there now" in gone.err


def test_a_page_is_found_again_by_its_name(
    command: Command, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert command("predict", photos, "-m", model, "-o", out, "--pages", "all").code == 0
    listed = command("review-list", out)
    assert listed.code == 0 and "not in the picture" not in listed.err
    for moved in (["--images", photos], []):
        assert command("review-list", out, *moved).err == ""
    # Sizes of photographs turn y; the tables of the run are elsewhere.
    alone = tmp_path / "alone.csv"
    shutil.copy(out / "predictions.csv", alone)
    converted = command("convert", alone, tmp_path / "alone.tps", "--images", photos)
    assert converted.code == 0, converted.err
    first = (out / "landmarks.tps").read_text(encoding="utf-8").split("IMAGE=")[0]
    assert (tmp_path / "alone.tps").read_text(encoding="utf-8").startswith(first)
    manual = tmp_path / "manual.tps"
    write_manual(manual, {"stack_page3.tif": POINTS, "stack_page4": POINTS})
    call = ("evaluate", alone, manual, "--images", photos, "-o", tmp_path / "evaluation", "--json")
    compared = command(*call)
    assert compared.code == 0, compared.err
    assert json.loads(compared.out)["distance"]["px"]["mean"] == pytest.approx(
        np.mean([np.hypot(5 * i, 3 * i) for i in (2, 3)]), abs=0.2
    )
    assert "without its photograph" not in compared.err


def test_names_of_pages_are_those_of_no_other_file(
    command: Command, model: Path, photos: Path, tmp_path: Path, draw: Draw
) -> None:
    Image.fromarray(draw(SIZE, shifted(3))).save(photos / "stack_page2.tif")
    out = tmp_path / "out"
    assert command("predict", photos, "-m", model, "-o", out, "--pages", "all").code == 0
    x = {
        name: [float(row["x"]) for row in found]
        for name, found in rows(out, "predictions.csv").items()
    }
    assert x["stack_page2.tif"] == pytest.approx([x for x, _ in shifted(3)], abs=0.3)
    assert x["stack_page2~.tif"] == pytest.approx([x + 5 for x, _ in POINTS], abs=0.3)
    assert len(x) == PAGES + 2
    assert "not in the picture" not in command("review-list", out).err


def test_only_what_is_a_picture_counts(
    command: Command, model: Path, pages: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.tif").write_bytes(tiff_file(TiffPage(pages[0], RGB), thumbnail(pages[0])))
    unsaid = thumbnail(pages[1])
    unsaid.subfile = None
    stack = tiff_file(*(TiffPage(page, RGB) for page in pages[:2]), unsaid)
    (folder / "b.tif").write_bytes(stack)
    images = [Image.fromarray(page) for page in pages[:3]]
    images[0].save(folder / "c.gif", save_all=True, append_images=images[1:])
    (folder / "d.tif").write_bytes(stack[:20])
    done = command("predict", folder, "-m", model, "-o", tmp_path / "out", "--pages", "all")
    assert done.code == 3
    assert list(rows(tmp_path / "out")) == ["a.tif", "b_page1.tif", "b_page2.tif", "c.gif", "d.tif"]
    assert (
        "b.tif: 1 page taken for thumbnails, because of the shape of one that is"
        " much larger" in done.err
    )


def test_parts_of_pages(command: Command, zoo: Path, photos: Path, tmp_path: Path) -> None:
    root, out = tmp_path / "parts", tmp_path / "out"
    shutil.move(photos, root / "head" / "images")
    done = command("predict", root, "--zoo", zoo, "--pages", "all", "-o", out)
    assert done.code == 0
    assert len(rows(out / "head")) == PAGES + 1
