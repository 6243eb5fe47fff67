"""The page of `review` in a real browser: what one does with it, and what is on the disk then."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from kinds import Command
from pages import ODD, review, served, squares
from PIL import Image
from squares import POINTS, SIZE

from beetle_lm.predict.formats.tps import read_tps
from beetle_lm.web.project import CORRECTED, CORRECTIONS, review_projects

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

    OpenPage = Callable[..., Page]

Xy = list[float]
_MISSING = float("nan")


def landmarks(page: Page) -> list[Xy | None]:
    """Where landmarks are in the photograph, by where they are seen on it."""
    found: list[Xy | None] = page.evaluate(
        """([width, height]) => {
          const image = document.querySelector('.plane img').getBoundingClientRect();
          return [0, 1, 2].map((index) => {
            const mark = document.querySelector(`.mark[data-index="${index}"] .dot`);
            if (!mark) return null;
            const box = mark.getBoundingClientRect();
            return [
              ((box.left + box.right) / 2 - image.left) / image.width * width,
              ((box.top + box.bottom) / 2 - image.top) / image.height * height,
            ];
          });
        }""",
        SIZE,
    )
    return found


def on_page(page: Page, xy: tuple[float, float]) -> tuple[float, float]:
    """Where a place of the upright, unturned photograph is in the window."""
    box = page.locator(".plane img").bounding_box()
    assert box is not None
    return box["x"] + xy[0] / SIZE[0] * box["width"], box["y"] + xy[1] / SIZE[1] * box["height"]


def drag(page: Page, index: int, to: tuple[float, float]) -> None:
    """Drags a landmark to a place of the photograph."""
    now = landmarks(page)[index]
    assert now is not None
    begin, end = on_page(page, (now[0], now[1])), on_page(page, to)
    page.mouse.move(*begin)
    page.mouse.down()
    page.mouse.move((begin[0] + end[0]) / 2, begin[1], steps=3)
    page.mouse.move(*end, steps=3)
    page.mouse.up()


def shown(page: Page) -> str:
    return page.locator("#name").inner_text()


def show(page: Page, name: str) -> None:
    page.locator("#order").select_option("name")
    page.locator(f'.photo[title^="{name[:1]} "]').click()
    page.wait_for_function("name => document.querySelector('#name').textContent === name", arg=name)


def accept(page: Page) -> None:
    before = shown(page)
    page.keyboard.press("Enter")
    page.wait_for_function(
        "name => document.querySelector('#name').textContent !== name", arg=before
    )


def corrected(out: Path) -> dict[str | None, np.ndarray[Any, Any]]:
    """The landmarks of `corrected.tps`, y down, as all photographs are equally high."""
    height = {record.image: SIZE[1] for record in read_tps(out / CORRECTED)}
    return {
        record.image: record.in_image(height[record.image]) for record in read_tps(out / CORRECTED)
    }


def test_worst_first(predicted: Callable[..., Path], open_page: OpenPage) -> None:
    with served(review(predicted())) as address:
        page = open_page(address)
        page.wait_for_function("() => document.querySelectorAll('.photo').length === 5")
        titles = [each.get_attribute("title") for each in page.locator(".photo").all()]
        assert [title and title.partition(" · ")[0] for title in titles][:2] == [ODD[4], ODD[2]]
        assert shown(page) == ODD[4]
        page.wait_for_function(
            "() => document.querySelector('#reason').textContent.includes('e broken.png')"
        )
        page.keyboard.press("Enter")
        page.wait_for_function(
            "() => document.querySelector('#toast').textContent.includes('cannot be shown')"
        )
        page.keyboard.press("x")
        page.wait_for_function("() => document.querySelector('#name').textContent[0] === 'c'")
        page.wait_for_function(
            "() => document.querySelector('#reason').textContent.includes('expected error')"
        )
        page.wait_for_function(
            "() => document.querySelector('#counts').textContent.startsWith('1 of 5 done')"
        )


def test_several_parts(command: Command, zoo: Path, tmp_path: Path, open_page: OpenPage) -> None:
    for part in ("elytra", "head", "wing"):
        folder = tmp_path / "in" / part
        folder.mkdir(parents=True)
        Image.fromarray(squares(POINTS)).save(folder / f"{part[0]} 1.png")
    out = tmp_path / "out"
    assert command("predict", tmp_path / "in", "--zoo", zoo, "-o", out).code == 0
    projects = review_projects(out)
    with served(*projects) as address:
        page = open_page(address)
        parts = page.locator("#parts")
        assert parts.locator("[aria-current]").inner_text() == "elytra"
        show(page, "e 1.png")
        drag(page, 0, (150.0, 150.0))
        parts.get_by_text("wing").click()  # keeps what was begun
        page.wait_for_function("() => document.querySelector('#name').textContent === 'w 1.png'")
        page.wait_for_selector(".mark")
        drag(page, 1, (250.0, 120.0))
        page.keyboard.press("Enter")
        page.wait_for_selector("#end[open]")
        assert str(out / "wing" / CORRECTED) in page.locator("#end-about").inner_text()
        assert page.locator("#others a").all_inner_texts() == ["elytra", "head"]
        page.locator("#others").get_by_text("elytra").click()
        page.wait_for_selector("#state.draft")
        page.keyboard.press("Enter")
        page.locator("#end-now").click()
        page.wait_for_function(
            "() => document.querySelector('#end-about').textContent.includes('has ended')"
        )
    for part, (landmark, to) in {"elytra": (0, (150, 150)), "wing": (1, (250, 120))}.items():
        assert np.abs(corrected(out / part)[f"{part[0]} 1.png"][landmark] - to).max() < 0.2
        assert (out / part / CORRECTIONS).read_text().count("\n") == 2
    assert (out / "head" / CORRECTED).read_text() == ""


def test_drag_at_two_zooms(predicted: Callable[..., Path], open_page: OpenPage) -> None:
    out = predicted()
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    first = (POINTS[0][0] + 12.3, POINTS[0][1] - 7.6)
    second = (POINTS[1][0] - 3.37, POINTS[1][1] + 2.21)
    with served(review(out)) as address:
        page = open_page(address, zoom=1.25)
        show(page, ODD[0])
        drag(page, 0, first)
        x, y = on_page(page, POINTS[1])
        page.mouse.move(x, y)
        page.mouse.wheel(0, -900)
        there = landmarks(page)[1]
        assert there is not None  # it stays under the cursor
        assert np.hypot(*np.subtract(there, POINTS[1])) < 0.3
        drag(page, 1, second)
        accept(page)
    xy = corrected(out)[ODD[0]]
    assert np.abs(xy - [first, second, POINTS[2]]).max() < 0.1
    for name, content in before.items():
        assert (out / name).read_bytes() == content
    with (out / CORRECTIONS).open(encoding="utf-8", newline="") as stream:
        moves = list(csv.DictReader(stream))
    assert [(move["image"], move["landmark"], move["name"]) for move in moves] == [
        (ODD[0], "1", "red"),
        (ODD[0], "2", "green"),
    ]
    assert abs(float(moves[0]["x_after"]) - first[0]) < 0.1
    assert abs(float(moves[0]["x_before"]) - POINTS[0][0]) < 0.5
    assert abs(float(moves[0]["moved_px"]) - np.hypot(12.3, 7.6)) < 0.5
    assert moves[0]["proposed_by"] == "model" and moves[0]["time"].endswith("+00:00")


def test_what_is_accepted_as_it_is_stays_as_it_is(
    predicted: Callable[..., Path], open_page: OpenPage
) -> None:
    out = predicted("--scale", "0.0125")
    text = (out / "landmarks.tps").read_text(encoding="utf-8")
    own = "ID=mine 7\nSCALE=0.0125\nCOMMENT=from the attic\nVARIABLES=a 1\n"
    wide = text.replace("ID=a good\nSCALE=0.0125\n", own)
    begin = "IMAGE=a good.png"
    wide = wide.replace(begin, f"CURVES=1\nPOINTS=2\n1.00000 2.00000\n3.00000 4.00000\n{begin}")
    (out / "landmarks.tps").write_text(wide, encoding="utf-8")
    with served(review(out)) as address:
        page = open_page(address)
        show(page, ODD[0])
        accept(page)
    kept = (out / CORRECTED).read_text(encoding="utf-8")
    assert kept == wide[: wide.index("LM=", 5)]
    assert "ID=mine 7" in kept and "COMMENT=from the attic" in kept and "CURVES=1" in kept
    assert "SCALE=0.0125" in kept


@pytest.mark.parametrize("frame", ["apply", "stored"])
def test_coordinates_come_out_in_the_frame_of_the_run(
    predicted: Callable[..., Path], open_page: OpenPage, frame: str
) -> None:
    out = predicted("--exif", frame)
    [record] = [each for each in read_tps(out / "landmarks.tps") if each.image == ODD[3]]
    target = (POINTS[2][0] + 20.0, POINTS[2][1] + 10.0)
    with served(review(out)) as address:
        page = open_page(address)
        show(page, ODD[3])
        seen = landmarks(page)
        assert np.abs(np.array(seen, float) - POINTS).max() < 1.5  # upright, whatever the frame
        drag(page, 2, target)
        accept(page)
    [after] = read_tps(out / CORRECTED)
    assert (after.points[:2] == record.points[:2]).all()
    # Stored on its side: x there runs along the height, and the left edge is the bottom.
    wanted = [target[0], SIZE[1] - target[1]] if frame == "apply" else [target[1], target[0]]
    assert np.abs(after.points[2] - wanted).max() < 0.15


def test_keys(predicted: Callable[..., Path], open_page: OpenPage) -> None:
    with served(review(predicted())) as address:
        page = open_page(address)
        show(page, ODD[0])
        press = page.keyboard.press
        start = np.array(landmarks(page), float)

        def now() -> np.ndarray[Any, Any]:
            return np.array(
                [[_MISSING] * 2 if each is None else each for each in landmarks(page)], float
            )

        def moved(by: list[Xy]) -> None:
            assert np.nan_to_num(np.abs(now() - start - by)).max() < 0.02

        press("2")
        press("ArrowRight")
        press("Shift+ArrowDown")
        moved([[0, 0], [1, 10], [0, 0]])
        press("Tab")
        press("ArrowLeft")
        press("Shift+Tab")
        press("Shift+Tab")
        press("ArrowUp")
        moved([[0, -1], [1, 10], [-1, 0]])
        for _ in range(4):
            press("u")
        moved([[0, 0], [0, 0], [0, 0]])
        press("Shift+U")
        moved([[0, 0], [1, 0], [0, 0]])
        press("u")
        press("3")
        press("m")
        assert np.isnan(now()[2]).all()
        assert "missing" in page.locator("#list li").nth(2).inner_text()
        press("m")
        press("u")
        press("u")
        press("1")
        press("s")
        assert "Swap landmark 1" in page.locator("#hint").inner_text()
        press("2")
        assert np.abs(now() - start[[1, 0, 2]]).max() < 0.02
        press("u")
        press("?")
        assert page.locator("#keys").is_visible()
        press("Escape")
        lines = page.locator(".links line")
        assert lines.count() == 2
        press("l")
        assert lines.count() == 0
        press("PageDown")
        page.wait_for_function("() => document.querySelector('#name').textContent[0] === 'b'")
        press("PageUp")
        page.wait_for_function("() => document.querySelector('#name').textContent[0] === 'a'")
        moved([[0, 0], [0, 0], [0, 0]])
        press("x")
        page.wait_for_function("() => document.querySelector('#name').textContent[0] === 'b'")
        press("PageUp")
        page.wait_for_function("() => document.querySelector('#state').textContent === 'left out'")
        press("x")
        page.wait_for_function("() => document.querySelector('#state').textContent === 'begun'")


def test_a_turned_picture_moves_as_it_is_seen(
    predicted: Callable[..., Path], open_page: OpenPage
) -> None:
    out = predicted()
    with served(review(out)) as address:
        page = open_page(address)
        show(page, ODD[0])
        page.keyboard.press("r")
        page.keyboard.press("Shift+R")
        page.keyboard.press("1")
        mark = page.locator('.mark[data-index="0"] .ring')
        before = mark.bounding_box()
        page.keyboard.press("Shift+ArrowRight")
        after = mark.bounding_box()
        assert before is not None and after is not None
        assert after["x"] > before["x"] + 5 and abs(after["y"] - before["y"]) < 0.01
        x, y = after["x"] + after["width"] / 2, after["y"] + after["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 40, y + 25, steps=4)
        page.mouse.up()
        dragged = mark.bounding_box()
        assert dragged is not None
        assert abs(dragged["x"] - after["x"] - 40) < 0.1
        assert abs(dragged["y"] - after["y"] - 25) < 0.1
        accept(page)
    xy = corrected(out)[ODD[0]]
    assert (np.abs(xy[0] - POINTS[0]) > 5).all()  # turned by a quarter and mirrored
    assert np.abs(xy[1:] - POINTS[1:]).max() < 0.5


def test_undo_after_accepting(predicted: Callable[..., Path], open_page: OpenPage) -> None:
    out = predicted()
    with served(review(out)) as address:
        page = open_page(address)
        show(page, ODD[0])
        drag(page, 0, (150.0, 150.0))
        accept(page)
        page.keyboard.press("PageUp")
        page.wait_for_function("() => document.querySelector('#name').textContent[0] === 'a'")
        page.keyboard.press("u")
        there = landmarks(page)[0]
        assert there is not None and np.hypot(*np.subtract(there, POINTS[0])) < 0.5
        accept(page)
    assert np.abs(corrected(out)[ODD[0]] - POINTS).max() < 0.5


def test_names_are_text(predicted: Callable[..., Path], open_page: OpenPage) -> None:
    out = predicted()
    with served(review(out)) as address:
        page = open_page(address)
        alerts: list[str] = []

        def alerted(dialog: Dialog) -> None:
            alerts.append(dialog.message)
            dialog.dismiss()

        page.on("dialog", alerted)
        show(page, ODD[1])
        assert shown(page) == ODD[1]
        accept(page)
        page.locator("#finish").click()
        assert "beetle-lm merge" in page.locator("#lines").inner_text()
        assert alerts == []
    assert list(corrected(out)) == [ODD[1]]


def test_two_tabs_do_not_overwrite_each_other(
    predicted: Callable[..., Path], open_page: OpenPage
) -> None:
    out = predicted()
    with served(review(out)) as address:
        one, other = open_page(address), open_page(address)
        for page, index, xy in ((one, 0, (150.0, 150.0)), (other, 1, (250.0, 120.0))):
            page.bring_to_front()
            show(page, ODD[0])
            drag(page, index, xy)
        one.bring_to_front()
        accept(one)
        other.bring_to_front()
        other.keyboard.press("Enter")
        other.wait_for_selector("#toast:not([hidden])")
        assert "another tab" in other.locator("#toast").inner_text()
        assert shown(other) == ODD[0]
        there = landmarks(other)[0]
        assert there is not None and np.hypot(*np.subtract(there, (150, 150))) < 0.2
        drag(other, 1, (250.0, 120.0))
        accept(other)
    assert np.abs(corrected(out)[ODD[0]][:2] - [(150, 150), (250, 120)]).max() < 0.2


def test_what_was_begun_is_kept_and_not_accepted(
    predicted: Callable[..., Path], open_page: OpenPage
) -> None:
    out = predicted()
    with served(review(out)) as address:
        page = open_page(address)
        show(page, ODD[0])
        drag(page, 0, (150.0, 150.0))
        page.keyboard.press("PageDown")
        page.wait_for_function("() => document.querySelector('#name').textContent[0] === 'b'")
    assert not (out / CORRECTED).read_text()
    with served(review(out)) as address:
        page = open_page(address)
        show(page, ODD[0])
        assert page.locator("#state").inner_text() == "begun"
        there = landmarks(page)[0]
        assert there is not None and np.hypot(*np.subtract(there, (150, 150))) < 0.2


def test_new_results_leave_what_is_accepted(
    predicted: Callable[..., Path], open_page: OpenPage, photographs: Path
) -> None:
    out = predicted()
    with served(review(out)) as address:
        page = open_page(address)
        show(page, ODD[0])
        drag(page, 0, (150.0, 150.0))
        accept(page)
    before = (out / CORRECTED).read_bytes()
    shutil.copy(photographs / ODD[0], photographs / "f new.png")
    predicted("--overwrite")
    project = review(out)
    project.write()
    rows = {row.name: row.state for row in project.store.rows()}
    project.close()
    assert rows[ODD[0]] == "accepted" and rows["f new.png"] == "open"
    assert (out / CORRECTED).read_bytes() == before
