"""Curves in the pages, in a real browser: drawn, moved, kept, corrected, and what is then saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from annotating import CORNERS, OpenPage, accept, at, click_all, number, says
from pages import ODD, SIZE, draw_photographs, quadrangle, review, served

from beetle_lm.predict.curves import distances, evenly_spaced, through
from beetle_lm.predict.formats.tps import TpsRecord, read_tps, write_tps
from beetle_lm.web.project import CORRECTED, Project, annotation_project
from beetle_lm.zoo.model_file.parts import Curve, PartSpec

if TYPE_CHECKING:
    from playwright.sync_api import Page

Xy = tuple[float, float]
CURVED = PartSpec(
    "wing",
    CORNERS,
    curves=(Curve("front", 1, 2, 20), Curve("hind", 3, 4, 10), Curve("all", 1, 1, 30)),
)


def project(folder: Path, count: int = 2) -> Project:
    photographs = draw_photographs(folder / "photographs", [f"{i:02}.png" for i in range(count)])
    return annotation_project([photographs], folder / "wing.tps", CURVED)


def beside(first: Sequence[float], second: Sequence[float], away: float) -> list[Xy]:
    """Three points between two others, the middle one farthest from the straight line."""
    ends = np.array([first, second], float)
    across = np.array([ends[1, 1] - ends[0, 1], ends[0, 0] - ends[1, 0]])
    across *= away / np.linalg.norm(across)
    shares = [(0.25, 0.7), (0.5, 1.0), (0.75, 0.7)]
    found = [ends[0] + share * (ends[1] - ends[0]) + bow * across for share, bow in shares]
    return [(float(x), float(y)) for x, y in found]


def draw(page: Page, points: Sequence[Xy]) -> None:
    for point in points:
        page.mouse.click(*at(page, point))


def handles(page: Page, curve: int) -> int:
    return page.locator(f'.curve[data-curve="{curve}"] .handle').count()


def notes(page: Page) -> list[str]:
    return page.locator("#curves small").all_inner_texts()


def drag(page: Page, begin: Xy, end: Xy) -> None:
    page.mouse.move(*begin)
    page.mouse.down()
    page.mouse.move((begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2, steps=2)
    page.mouse.move(*end, steps=2)
    page.mouse.up()


def lines(record: TpsRecord) -> dict[str, Any]:
    assert record.curve_names is not None
    return dict(zip(record.curve_names, record.curves_in_image(SIZE[1]), strict=True))


def test_curves_are_drawn_between_landmarks(tmp_path: Path, open_page: OpenPage) -> None:
    with served(project(tmp_path)) as address:
        page = open_page(address)
        corners = quadrangle(number(page))
        name = page.locator("#name").inner_text()
        page.keyboard.press("c")
        assert "Place landmark 1 and 2 first" in page.locator("#toast").inner_text()
        click_all(page)
        assert "Curve front: click points along it, from landmark 1 to 2" in (
            page.locator("#hint").inner_text()
        )
        front = beside(corners[0], corners[1], 40)
        draw(page, [*front, (320, 300)])
        assert handles(page, 0) == 4 and page.locator(".mark").count() == 4
        page.keyboard.press("Escape")  # takes the last point back
        assert handles(page, 0) == 3
        page.mouse.click(*at(page, corners[1]))  # its last landmark ends it
        assert "Curve hind: click points along it" in page.locator("#hint").inner_text()
        hind = beside(corners[2], corners[3], 30)
        draw(page, hind[:2])
        page.mouse.dblclick(*at(page, hind[2]))
        assert handles(page, 1) == 3
        says(page, "#hint", "all round from landmark 1")
        page.keyboard.press("m")
        assert notes(page) == ["", "", "missing"]
        page.keyboard.press("Escape")
        accept(page)
    [record] = [each for each in read_tps(tmp_path / "wing.tps") if each.image == name]
    assert record.curve_names == ("front", "hind", "all")
    found = lines(record)
    assert [len(points) for points in found.values()] == [42, 42, 62]
    assert np.isnan(found["all"]).all()
    for drawn, between, curve in ((front, (0, 1), "front"), (hind, (2, 3), "hind")):
        ends = [corners[each] for each in between]
        line = through(np.array([ends[0], *drawn, ends[1]]))
        assert distances(found[curve], line).max() < 1.2  # a click is on a whole pixel
        np.testing.assert_array_equal(
            found[curve][[0, -1]], record.in_image(SIZE[1])[list(between)]
        )


def test_points_are_moved_put_in_and_taken_away(tmp_path: Path, open_page: OpenPage) -> None:
    site_project = project(tmp_path)
    corners = quadrangle(0)
    front = np.array(beside(corners[0], corners[1], 40))
    site_project.save(0, 0, "draft", np.array(corners), 0.0, [front, None, None])
    with served(site_project) as address:
        page = open_page(address)
        page.locator("#order").select_option("name")
        page.locator('.photo[title^="00.png"]').click()
        says(page, "#name", "00.png")
        assert notes(page) == ["", "not drawn", "not drawn"]
        page.locator("#curves button").first.click()
        line = through(np.array([corners[0], *front, corners[1]]))
        place = evenly_spaced(line, 9)[1]  # between the landmark and the first point
        x, y = at(page, (place[0], place[1]))
        drag(page, (x, y), (x, y - 12))  # puts a point in, and moves it
        assert handles(page, 0) == 4
        page.keyboard.press("u")
        page.keyboard.press("u")
        assert handles(page, 0) == 3
        middle = at(page, (front[1][0], front[1][1]))
        drag(page, middle, (middle[0], middle[1] - 30))
        page.keyboard.press("Shift+ArrowUp")
        page.keyboard.press("PageDown")  # keeps what was begun
        says(page, "#name", "01.png")
        stored = site_project.store.row("00.png").curves
    assert stored is not None and stored["front"].points.shape == (3, 2)
    scale = (middle[1] - y) / (front[1][1] - place[1])
    moved = front + np.array([[0, 0], [0, -30 / scale - 10], [0, 0]])
    assert np.abs(stored["front"].points - moved).max() < 0.6
    with served(project(tmp_path)) as address:  # a new server
        page = open_page(address)
        page.locator("#order").select_option("name")
        page.locator('.photo[title^="00.png"]').click()
        says(page, "#name", "00.png")
        assert handles(page, 0) == 3
        page.keyboard.press("Shift+C")
        assert page.locator(".curve").count() == 0
        page.keyboard.press("Shift+C")
        start = at(page, corners[0])
        drag(page, start, (start[0] - 40, start[1] + 20))  # the curve's end moves along
        page.locator("#curves button").first.click()
        page.mouse.click(*at(page, (moved[2][0], moved[2][1])))
        page.keyboard.press("Delete")
        assert handles(page, 0) == 2
        page.keyboard.press("Escape")
        page.keyboard.press("Enter")
        assert "Curves hind, all are not drawn" in page.locator("#toast").inner_text()
        accept(page)
    [record] = read_tps(tmp_path / "wing.tps")
    xy = record.in_image(SIZE[1])
    assert np.abs(xy[0] - corners[0]).max() > 15
    line = through(np.array([xy[0], *stored["front"].points[:2], xy[1]]))
    assert distances(lines(record)["front"], line).max() < 0.1
    np.testing.assert_array_equal(lines(record)["front"][0], xy[0])


def test_a_closed_curve(tmp_path: Path, open_page: OpenPage) -> None:
    with served(project(tmp_path)) as address:
        page = open_page(address)
        corners = quadrangle(number(page))
        click_all(page)
        page.locator("#curves button").nth(2).click()
        draw(page, corners[1:2])  # a landmark that is not its end is no point
        assert handles(page, 2) == 0
        inner = [(x + (10 if x < 320 else -10), y) for x, y in corners[1:]]
        draw(page, [*inner, corners[0]])
        assert handles(page, 2) == 3
        says(page, "#hint", "Curve front")  # goes on with what is not drawn
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        accept(page)
    [record] = read_tps(tmp_path / "wing.tps")
    outline = lines(record)["all"]
    np.testing.assert_array_equal(outline[0], outline[-1])
    line = through(np.array([corners[0], *inner, corners[0]]))
    assert distances(outline, line).max() < 1.5


def test_review_shows_and_corrects_curves(
    predicted: Callable[..., Path], open_page: OpenPage
) -> None:
    out = predicted()
    records = []
    for record in read_tps(out / "landmarks.tps"):
        ends = record.points[:2]
        bow = np.array([ends[0], *beside(ends[0], ends[1], 25), ends[1]])
        spaced = evenly_spaced(through(bow), 22)
        records.append(replace(record, curves=(spaced,), curve_names=("edge",)))
    write_tps(out / "landmarks.tps", records)
    text = (out / "landmarks.tps").read_text(encoding="utf-8")
    with served(review(out)) as address:
        page = open_page(address)
        page.locator("#order").select_option("name")
        page.locator('.photo[title^="a "]').click()
        says(page, "#name", ODD[0])
        count = handles(page, 0)
        assert 2 <= count <= 8  # as few as make the same line
        page.keyboard.press("Enter")
        says(page, "#name", ODD[1])
        box = page.locator('.curve[data-curve="0"] .handle').nth(count // 2).bounding_box()
        assert box is not None
        begin = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        drag(page, begin, (begin[0], begin[1] + 40))
        mark = page.locator('.mark[data-index="0"] .dot').bounding_box()
        assert mark is not None
        begin = mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2
        drag(page, begin, (begin[0] - 30, begin[1]))
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.querySelector('#name').textContent[0] !== 'b'")
    _, changed = read_tps(out / CORRECTED)
    assert (out / CORRECTED).read_text(encoding="utf-8").startswith(text[: text.index("LM=", 5)])
    assert changed.curve_names == ("edge",) and len(changed.curves[0]) == 22
    np.testing.assert_array_equal(changed.curves[0][[0, -1]], changed.points[:2])
    before = next(each for each in records if each.image == ODD[1])
    assert np.hypot(*(changed.points[0] - before.points[0])) > 10
    off = distances(changed.curves[0], through(before.curves[0]))
    assert off.max() > 15 and off[-3:].max() < 2
    assert (out / "landmarks.tps").read_text(encoding="utf-8") == text
