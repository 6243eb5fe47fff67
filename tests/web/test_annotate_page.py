"""The page of `annotate` in a real browser: from nothing to a trained model."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from annotating import (
    CORNERS,
    OpenPage,
    accept,
    at,
    click_all,
    correct_all,
    in_strip,
    number,
    off,
    project,
    says,
)
from pages import SIZE, draw_photographs, quadrangle, served
from processes import command_line
from training_data import small_recipe

from beetle_lm.predict.formats.tps import read_tps
from beetle_lm.web.project import annotation_project
from beetle_lm.zoo.model_file.parts import PARTS, PartSpec
from beetle_lm.zoo.registry import bundled_model

if TYPE_CHECKING:
    from playwright.sync_api import Route


def test_from_nothing_with_proposals(tmp_path: Path, open_page: OpenPage) -> None:
    with served(project(tmp_path)) as address:
        page = open_page(address)
        assert page.locator("#hint").inner_text().startswith("Click landmark 1 · front left")
        assert page.locator(".mark").count() == 0
        first = number(page)
        click_all(page)
        assert page.locator("#hint").inner_text().startswith("Drag what is off")
        accept(page)
        page.wait_for_selector(".mark")  # proposed on the next
        assert page.locator(".mark").count() == 4
        assert number(page) != first
        accept(page)
        page.wait_for_selector(".mark")
        accept(page)
        page.wait_for_selector("#end[open]")  # nothing is left
        assert page.locator("#end-about").inner_text().startswith("3 photographs are accepted.")
    found = off(tmp_path / "wing.tps")
    assert len(found) == 3
    assert found.pop(f"{first:02}.png") < 0.6
    assert max(found.values()) < 20  # registration, and nobody corrected it


def test_the_bundled_model_proposes_at_once(tmp_path: Path, open_page: OpenPage) -> None:
    examples = Path(__file__).parents[2] / "examples" / "pronotum"
    out, model = tmp_path / "pronotum.tps", bundled_model("pronotum")
    spec = PARTS["pronotum"]
    with served(annotation_project([examples / "images"], out, spec, model=model)) as address:
        page = open_page(address)
        page.wait_for_selector(".mark")
        assert page.locator(".mark").count() == 8
        assert "px" in page.locator("#list").inner_text()
        accept(page)
    [record] = read_tps(out)
    exact = {each.name: each for each in read_tps(examples / "landmarks.tps")}[record.name]
    off_by = np.hypot(*(record.points - exact.points).T)
    assert off_by.mean() < 0.02 * np.hypot(816, 612)


def test_a_file_that_is_half_done(tmp_path: Path, open_page: OpenPage) -> None:
    rows = "".join(f"{x} {SIZE[1] - y}\n" for x, y in quadrangle(1))
    half = (
        "LM=0\nIMAGE=photographs\\00.PNG\nID=a 0\nSCALE=0.5\n"
        f"LM=4\n{rows}IMAGE=01.png\nID=a 1\nCOMMENT=a remark\n"
        "LM=2\n1 2\n3 4\nIMAGE=another.png\nID=of another folder\n"
    )
    (tmp_path / "wing.tps").write_text(half, encoding="utf-8")
    with served(project(tmp_path)) as address:
        page = open_page(address)
        page.locator("#order").select_option("name")
        page.wait_for_selector('.photo[title="01.png · accepted"]')
        page.locator('.photo[title^="00.png"]').click()
        page.wait_for_function("() => document.querySelector('#name').textContent === '00.png'")
        page.wait_for_selector(".mark")
        page.keyboard.press("1")
        page.keyboard.press("m")
        accept(page)
    first, second, third = read_tps(tmp_path / "wing.tps")
    assert (first.image, first.id, first.scale) == ("00.PNG", "a 0", 0.5)
    assert np.isnan(first.points[0]).all() and len(first.points) == 4
    assert np.abs(second.in_image(SIZE[1]) - quadrangle(1)).max() < 1e-4
    assert second.comments == ("a remark",)
    assert third.id == "of another folder" and third.points.tolist() == [[1, 2], [3, 4]]


def test_enter_asks_before_landmarks_are_missing(tmp_path: Path, open_page: OpenPage) -> None:
    with served(project(tmp_path)) as address:
        page = open_page(address)
        first = number(page)
        page.keyboard.press("Enter")
        assert "No landmark is placed" in page.locator("#toast").inner_text()
        for corner in quadrangle(first)[:2]:
            page.mouse.click(*at(page, corner))
        page.keyboard.press("Enter")
        assert "Landmarks 3, 4 are not placed" in page.locator("#toast").inner_text()
        assert number(page) == first
        accept(page)
    [record] = read_tps(tmp_path / "wing.tps")
    assert np.isnan(record.points[2:]).all() and not np.isnan(record.points[:2]).any()


def test_landmarks_side_by_side(tmp_path: Path, open_page: OpenPage) -> None:
    """A click beside a landmark places the next one; on it, it means the one that is there."""
    with served(project(tmp_path)) as address:
        page = open_page(address)
        x, y = at(page, (300, 200))
        page.mouse.click(x, y)
        page.mouse.click(x + 9, y)
        assert page.locator(".mark").count() == 2
        assert page.locator("#hint").inner_text().startswith("Click landmark 3")
        page.mouse.click(x + 1, y + 1)
        assert page.locator(".mark").count() == 2
        assert page.locator(".mark.selected text").inner_html() == "1"
        page.mouse.move(x + 9, y + 8)  # beside the second one: a drag moves it
        page.mouse.down()
        page.mouse.move(x + 60, y + 59, steps=3)
        page.mouse.up()
        box = page.locator('.mark[data-index="1"] .dot').bounding_box()
        assert box is not None
        assert abs(box["x"] + box["width"] / 2 - (x + 60)) < 0.6
        assert abs(box["y"] + box["height"] / 2 - (y + 51)) < 0.6
        assert page.locator(".mark").count() == 2


def test_the_magnifier_follows_the_pointer(tmp_path: Path, open_page: OpenPage) -> None:
    with served(project(tmp_path)) as address:
        page = open_page(address)
        assert page.locator("#lens.empty").count() == 1
        first = quadrangle(number(page))[0]
        page.mouse.move(*at(page, first))
        shown = page.evaluate(
            """([x, y]) => {
              const lens = document.querySelector("#lens").getBoundingClientRect();
              const image = document.querySelector("#lens img").getBoundingClientRect();
              return [image.left + image.width * x - lens.left - lens.width / 2,
                      image.top + image.height * y - lens.top - lens.height / 2];
            }""",
            [first[0] / SIZE[0], first[1] / SIZE[1]],
        )
        assert np.abs(shown).max() < 1.5
        click_all(page)
        page.keyboard.press("1")
        page.mouse.move(*at(page, (20, 20)))  # everything is placed: it shows what is selected
        assert page.locator("#lens.empty").count() == 0


def test_by_keyboard_alone_on_a_small_screen(tmp_path: Path, open_page: OpenPage) -> None:
    with served(project(tmp_path)) as address:
        page = open_page(address, 1024, 640, 1.25)  # 1280 x 800 at 125 %
        for selector in ("#accept", "#train", "#list li:last-child", "#strip", "#scheme", "#help"):
            box = page.locator(selector).bounding_box()
            assert box is not None, selector
            assert box["x"] >= 0 and box["x"] + box["width"] <= 1024
            assert box["y"] + box["height"] <= 640 or selector.startswith("#list")
        page.keyboard.press("Escape")
        reached = set()
        for _ in range(24):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.id"))
        assert {"train", "finish", "help", "order", "stage"} <= reached


def test_a_swap_is_named(tmp_path: Path, open_page: OpenPage) -> None:
    site_project = project(tmp_path, 8)
    for i in range(7):
        xy = np.array(quadrangle(i))
        if i == 3:
            xy = xy[[1, 0, 2, 3]]
        site_project.save(i, 0, "accepted", xy, 0.0)
    with served(site_project) as address:
        page = open_page(address)
        page.wait_for_selector("#odd:not([hidden])")
        assert "03.png" in page.locator("#suspects").inner_text()
        assert "swapped" in page.locator("#suspects").inner_text()
        page.locator("#suspects button").click()
        page.wait_for_function("() => document.querySelector('#name').textContent === '03.png'")


def test_a_server_that_is_killed_loses_nothing(tmp_path: Path, open_page: OpenPage) -> None:
    photographs = draw_photographs(tmp_path / "photographs", ["00.png", "01.png", "02.png"])
    arguments = ("annotate", photographs, "--part", "wing", "--landmarks", 4, "--no-browser")
    command = command_line(*arguments, "-o", tmp_path / "wing.tps")
    for _ in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            page = open_page(running.stdout.readline().strip())
            click_all(page)
            accept(page)
            page.close()  # or else what it is asking for just then fails, too
            running.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None and running.stderr is not None
        page = open_page(running.stdout.readline().decode().strip())
        assert page.locator("#counts").inner_text().startswith("2 of 3 done")
        page.locator("#finish").click()
        page.locator("#end-now").click()
        assert running.wait(20) == 0
        told = running.stderr.read().decode()
    assert "2 of 3 photographs are accepted" in told
    away = off(tmp_path / "wing.tps")
    assert set(away) == {"00.png", "01.png"}
    assert away["00.png"] < 0.6
    assert away["01.png"] < 3  # may have been proposed before it was clicked


def test_a_save_that_ends_late_is_of_its_own_photograph(
    tmp_path: Path, open_page: OpenPage
) -> None:
    site_project = project(tmp_path)
    with served(site_project) as address:
        page = open_page(address)
        page.locator("#order").select_option("name")
        page.locator('.photo[title^="00.png"]').click()
        says(page, "#name", "00.png")
        for corner in quadrangle(0)[:2]:
            page.mouse.click(*at(page, corner))
        page.keyboard.press("PageDown")  # saves what is begun
        says(page, "#name", "01.png")
        page.keyboard.press("PageUp")
        says(page, "#name", "00.png")
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        page.route("**/api/photographs/0", hold, times=1)
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")  # the others are missing
        while not held:
            page.wait_for_timeout(20)
        page.keyboard.press("PageDown")
        says(page, "#name", "01.png")
        for corner in quadrangle(1)[:2]:  # as many steps as the first one had
            page.mouse.click(*at(page, corner))
        held[0].continue_()
        page.wait_for_selector('.photo[title="00.png · accepted"]')
        page.wait_for_selector('.photo[title="01.png · begun"]')
        assert site_project.store.row("01.png").state == "draft"


@pytest.mark.slow
def test_train_in_the_page(
    tmp_path: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # so small a network is no faster with more
    site_project = project(tmp_path, 9)
    for i in range(4):
        site_project.save(i, 0, "accepted", np.array(quadrangle(i)), 0.0)
    recipe = small_recipe(tmp_path / "small.toml", epochs=8)
    with served(site_project, train=["--recipe", str(recipe)]) as address:
        page = open_page(address)
        clicked = [number(page)]
        correct_all(page)
        accept(page)
        says(page, "#counts", "5 of 9 done")
        page.locator("#train").click()
        assert "the 5 photographs that are accepted" in page.locator("#training-about").inner_text()
        page.locator("#training-start").click()
        says(page, "#training-about", "Training on 5 photographs")
        says(page, "#training-left", " left", 60_000)
        page.locator("#training-close").click()
        page.wait_for_function(  # how far it is
            "() => /Training [1-9]\\d* %/.test(document.querySelector('#train').textContent)",
            timeout=60_000,
        )
        clicked.append(number(page))  # one goes on meanwhile
        correct_all(page)
        accept(page)
        says(page, "#counts", "6 of 9 done")
        assert "Training" in page.locator("#train").inner_text()
        while len(off(tmp_path / "wing.tps")) < 6:  # written within a moment
            page.wait_for_timeout(50)
        before = (tmp_path / "wing.tps").read_bytes()
        page.wait_for_function(
            "() => document.querySelector('#order').value === 'worst'", timeout=90_000
        )
        says(page, "#toast", "worst first")
        assert page.locator(".mark").count() == 4
        assert "px" in page.locator("#list").inner_text()
        rows = site_project.store.rows()
        left = [row for row in rows if row.state == "open"]
        assert [row.origin for row in left] == ["model"] * 3
        worst = sorted(left, key=lambda row: (row.status != "flagged", -(row.error or 0)))
        assert page.locator("#name").inner_text() == worst[0].name
        # Worst first: what is left has no remark in its title, or that it is flagged.
        waiting = [title for title in in_strip(page) if "accepted" not in title]
        assert [title.partition(" · ")[0] for title in waiting] == [row.name for row in worst]
        assert page.locator("#counts").inner_text().startswith("6 of 9 done")
        page.locator("#train").click()
        about = page.locator("#training-about").inner_text()
        assert "trained on 5 photographs" in about and "run-1/wing.onnx" in about
    assert (tmp_path / "wing.tps").read_bytes() == before  # what was accepted is untouched
    away = off(tmp_path / "wing.tps")
    assert set(away) == {f"{each:02}.png" for each in (*range(4), *clicked)}
    for each in clicked:
        assert away.pop(f"{each:02}.png") < 0.6
    assert max(away.values()) < 1e-4


@pytest.mark.slow
def test_a_training_that_fails_says_why(tmp_path: Path, open_page: OpenPage) -> None:
    pytest.importorskip("torch")
    site_project = project(tmp_path, 5)
    for i in range(4):
        site_project.save(i, 0, "accepted", np.array(quadrangle(i)), 0.0)
    with served(site_project, train=["--recipe", str(tmp_path / "absent.toml")]) as address:
        page = open_page(address)
        page.locator("#train").click()
        page.locator("#training-start").click()
        page.wait_for_function(
            "() => document.querySelector('#training-about').textContent.includes('failed')",
            timeout=60_000,
        )
        assert "absent.toml" in page.locator("#training-about").inner_text()


def test_five_thousand_photographs(tmp_path: Path, open_page: OpenPage) -> None:
    folder = draw_photographs(tmp_path / "photographs", ["0000.png"])
    for i in range(1, 5000):
        (folder / f"{i:04}.png").hardlink_to(folder / "0000.png")
    spec = PartSpec("wing", CORNERS)
    many = annotation_project([folder], tmp_path / "wing.tps", spec)
    with served(many) as address:
        begun = time.monotonic()
        page = open_page(address)
        assert time.monotonic() - begun < 30  # 1 s where nothing else is at work
        assert page.locator("#counts").inner_text() == "0 of 5000 done · about 20000 clicks left"
        assert page.locator(".photo").count() < 40
        page.locator("#order").select_option("name")
        page.locator("#strip").evaluate("strip => strip.scrollLeft = 4000 * 92")
        page.wait_for_selector('.photo[title="4000.png"]')
        page.locator('.photo[title="4000.png"]').click()
        page.wait_for_function("() => document.querySelector('#name').textContent === '4000.png'")
