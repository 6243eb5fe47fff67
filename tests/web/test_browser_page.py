"""The page without a server in a Chromium: photographs in, and files out that are `predict`'s."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from browser import hosted
from kinds import Command, WriteModel
from pages import ODD, squares
from PIL import Image
from results import read_table
from squares import POINTS, SIZE

from beetle_lm.predict.formats.tps import read_tps
from beetle_lm.zoo.model_file.shape_space import Limits
from beetle_lm.zoo.registry import resolve

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

LIMITS = Limits(5.0, 20.0, (-180.0, 180.0), (0.0, 10.0))
ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens an address in a window of its own; fails where the console tells of an error, or a
    request leaves the origin."""
    problems: list[str] = []
    contexts = []

    def opened(address: str, width: int = 1280, height: int = 800) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        origin = address.partition("#")[0]

        def asked(url: str) -> None:
            if not url.startswith((origin, "blob:", "data:")):
                problems.append(f"{url} was asked for")

        def heard(said: ConsoleMessage) -> None:
            if said.type == "error":
                problems.append(said.text)

        context.on("request", lambda request: asked(request.url))
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", heard)
        page.goto(address)
        page.wait_for_selector("body.ready")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert problems == []


def choose(page: Page, *paths: Path) -> None:
    page.set_input_files("#files", list(map(str, paths)))


def drop(page: Page, *paths: Path) -> None:
    """Drops files on the page."""
    files = [(path.name, base64.b64encode(path.read_bytes()).decode()) for path in paths]
    page.evaluate(
        """(files) => {
          const dataTransfer = new DataTransfer();
          for (const [name, text] of files) {
            const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
            dataTransfer.items.add(new File([bytes], name));
          }
          const drop = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
          document.body.dispatchEvent(drop);
        }""",
        files,
    )


def wait(page: Page, count: int) -> None:
    page.wait_for_function(
        "text => document.querySelector('#counts').textContent.startsWith(text)",
        arg=f"{count} placed",
    )


def download(page: Page, folder: Path) -> dict[str, Path]:
    """All files that the page gives."""
    folder.mkdir()
    page.locator("#download").click()
    found = {}
    for button in page.locator("#results-files button").all():
        with page.expect_download() as taken:
            button.click()
        path = folder / taken.value.suggested_filename
        taken.value.save_as(path)
        found[path.name] = path
    page.locator("#results button", has_text="Close").click()
    return found


def show(page: Page, name: str) -> None:
    page.locator("#order").select_option("name")
    page.locator(f'.photo[title^="{name}"]').first.click()
    page.wait_for_function("name => document.querySelector('#name').textContent === name", arg=name)


def drag(page: Page, index: int, to: tuple[float, float]) -> None:
    """Drags a landmark to a place of the photograph."""
    box = page.locator(".plane img").bounding_box()
    mark = page.locator(f'.mark[data-index="{index}"] .dot').bounding_box()
    assert box is not None and mark is not None
    page.mouse.move(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
    page.mouse.down()
    x, y = (
        box["x"] + to[0] / SIZE[0] * box["width"],
        box["y"] + to[1] / SIZE[1] * box["height"],
    )
    page.mouse.move(x, y - 20, steps=3)
    page.mouse.move(x, y, steps=3)
    page.mouse.up()


def tables_are_alike(one: Path, other: Path, within: float) -> None:
    """Whether two tables differ in numbers alone, and in these by little."""
    mine, theirs = read_table(one), read_table(other)
    assert len(mine) == len(theirs)
    for row, known in zip(mine, theirs, strict=True):
        assert row.keys() == known.keys()
        for key, cell in row.items():
            try:
                assert abs(float(cell) - float(known[key])) <= within, f"{one.name} {key}"
            except ValueError:
                assert cell == known[key], f"{one.name} {key}"


def test_thirty_photographs_two_of_them_damaged(
    command: Command,
    write_model: WriteModel,
    write_page: Callable[..., Path],
    photographs: Path,
    opened: Callable[..., Page],
    tmp_path: Path,
) -> None:
    model = write_model(limits=LIMITS)
    for number in range(24):
        moved = [(x + 2 * number, y + number) for x, y in POINTS]
        Image.fromarray(squares(moved)).save(photographs / f"n {number:02}.jpg", quality=95)
    cut = (photographs / "n 00.jpg").read_bytes()
    (photographs / "cut off.jpg").write_bytes(cut[: len(cut) // 2])
    out = tmp_path / "out"
    assert command("predict", photographs, "-m", model, "-o", out).code == 3
    with hosted(write_page(dots=model)) as (address, _):
        page = opened(address)
        drop(page, *photographs.iterdir())
        wait(page, 30)
        assert "2 failed" in page.locator("#counts").inner_text()
        assert page.locator("#name").inner_text() in ("cut off.jpg", "e broken.png")  # worst first
        found = download(page, tmp_path / "mine")
    assert set(found) == {"landmarks.tps", "landmarks.csv", "predictions.csv", "specimens.csv"}
    for name in ("landmarks.csv", "predictions.csv"):
        tables_are_alike(found[name], out / name, 0.02)
    mine, theirs = (read_table(folder / "specimens.csv") for folder in (tmp_path / "mine", out))
    for row, wanted in zip(mine, theirs, strict=True):
        assert (row["image"], row["status"]) == (wanted["image"], wanted["status"])
        if wanted["status"] == "flagged":
            assert row["reason"] == wanted["reason"]
    assert sum(row["status"] == "failed" for row in mine) == 2
    reason = next(row["reason"] for row in mine if row["image"] == "cut off.jpg")
    assert reason == "cut off.jpg is truncated: the end of the picture is missing"
    given, known = (read_tps(folder / "landmarks.tps") for folder in (tmp_path / "mine", out))
    assert [(record.image, record.id, record.comments) for record in given] == [
        (record.image, record.id, record.comments) for record in known
    ]
    done = command("evaluate", found["landmarks.tps"], out / "landmarks.tps")
    assert done.code == 0, done.err


def test_what_is_corrected(
    write_model: WriteModel,
    write_page: Callable[..., Path],
    photographs: Path,
    opened: Callable[..., Page],
    tmp_path: Path,
) -> None:
    with hosted(write_page(dots=write_model(limits=LIMITS))) as (address, _):
        page = opened(address)
        drop(page, *(photographs / name for name in ODD))
        wait(page, 5)
        show(page, ODD[1])
        assert page.locator("#name").inner_text() == ODD[1]  # markup in a name is a name
        drag(page, 1, (250.0, 120.0))
        page.keyboard.press("Enter")
        show(page, ODD[3])
        page.wait_for_selector(".plane img")
        drag(page, 2, (120.0, 200.0))  # stored on its side
        page.keyboard.press("Enter")
        page.wait_for_function(
            "() => document.querySelector('#counts').textContent.includes('2 accepted')"
        )
        show(page, ODD[2])  # a TIFF, which is converted to be shown
        page.wait_for_selector(".plane img")
        found = download(page, tmp_path / "mine")
    own, turned = read_tps(found["corrected.tps"])
    assert (own.image, turned.image) == (ODD[1], ODD[3])
    assert np.abs(own.in_image(SIZE[1])[1] - (250, 120)).max() < 0.5
    assert np.abs(turned.in_image(SIZE[1])[2] - (120, 200)).max() < 0.5
    before = {record.image: record for record in read_tps(found["landmarks.tps"])}
    assert np.abs(own.points - before[ODD[1]].points)[[0, 2]].max() == 0
    assert np.abs(before[ODD[3]].in_image(SIZE[1]) - POINTS).max() < 1.5


def test_a_folder_with_folders(
    command: Command,
    write_model: WriteModel,
    write_page: Callable[..., Path],
    opened: Callable[..., Page],
    tmp_path: Path,
) -> None:
    model, folder, out = write_model(limits=LIMITS), tmp_path / "beetles", tmp_path / "out"
    for number, name in enumerate(("b/one.png", "a/one.png", "two.jpg", "a/.hidden.png")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(squares([(x + 9 * number, y) for x, y in POINTS])).save(path)
    (folder / "notes.txt").write_text("no photograph")
    assert command("predict", folder, "-r", "-m", model, "-o", out).code == 0
    with hosted(write_page(dots=model)) as (address, _):
        page = opened(address)
        page.set_input_files("#folder", str(folder))
        page.wait_for_function(
            "() => document.querySelector('#toast').textContent.startsWith('1 file is no')"
        )
        wait(page, 3)
        found = download(page, tmp_path / "mine")
    tables_are_alike(found["predictions.csv"], out / "predictions.csv", 0.02)
    told = [
        [(record.image, record.id) for record in read_tps(each / "landmarks.tps")]
        for each in (tmp_path / "mine", out)
    ]
    assert told[0] == told[1]
    assert [image for image, _ in told[0]] == ["a/one.png", "b/one.png", "two.jpg"]


def test_a_model_of_ones_own_and_one_that_is_none(
    write_model: WriteModel,
    write_page: Callable[..., Path],
    photographs: Path,
    opened: Callable[..., Page],
    tmp_path: Path,
) -> None:
    grey = write_model("grey <b>.onnx", channels=1, limits=LIMITS)
    (tmp_path / "wrong.onnx").write_text("this is no model")
    with hosted(write_page(dots=write_model(limits=LIMITS))) as (address, _):
        page = opened(address)
        drop(page, tmp_path / "wrong.onnx")
        page.wait_for_function(
            "() => document.querySelector('#toast').textContent.includes('is not an ONNX file')"
        )
        assert page.locator("#models option").all_inner_texts() == ["dots"]
        drop(page, photographs / ODD[0])
        wait(page, 1)
        page.wait_for_selector(".mark")
        before = page.locator(".mark").first.get_attribute("transform")
        drop(page, grey)
        page.wait_for_function(
            "() => document.querySelector('#about-title').textContent === 'grey <b>.onnx'"
        )
        wait(page, 1)
        page.wait_for_function(
            "old => document.querySelector('.mark')?.getAttribute('transform') !== old", arg=before
        )
        page.locator("#models").select_option(label="dots")
        page.wait_for_function(
            "old => document.querySelector('.mark')?.getAttribute('transform') === old", arg=before
        )


def test_without_a_network_after_the_first_visit(
    write_model: WriteModel,
    write_page: Callable[..., Path],
    photographs: Path,
    opened: Callable[..., Page],
) -> None:
    with hosted(write_page(dots=write_model(limits=LIMITS))) as (address, asked):
        page = opened(address)
        drop(page, photographs / ODD[0])
        wait(page, 1)
        first = len(asked)
    page.reload()  # the host is gone
    page.wait_for_selector("body.ready")
    drop(page, photographs / ODD[0], photographs / ODD[3])
    wait(page, 2)
    assert page.evaluate("crossOriginIsolated")  # and several threads can be used
    page.wait_for_selector(".mark")
    assert len(asked) == first


@pytest.mark.slow
def test_bundled_models_place_landmarks_as_predict_does(
    command: Command, write_page: Callable[..., Path], opened: Callable[..., Page], tmp_path: Path
) -> None:
    parts = ("elytra", "carabid")
    photographs = tmp_path / "photographs"
    for part in parts:
        shutil.copytree(EXAMPLES / part / "images", photographs / part)
    beetles = photographs / "carabid"
    two = [Image.open(path).resize((400, 600)) for path in sorted(beetles.iterdir())[:2]]
    both = Image.new("RGB", (800, 600), "white")
    both.paste(two[0], (0, 0))
    both.paste(two[1], (400, 0))
    both.save(beetles / "two.jpg", quality=95)
    out = tmp_path / "out"
    assert command("predict", photographs, "-o", out).code == 0
    models = {part: resolve(part) for part in parts}
    with hosted(write_page(**models)) as (address, _):
        for part in parts:
            page = opened(f"{address}#{part}")
            assert page.locator("#what").inner_text() == f"Landmarks of the {part}"
            names = sorted((photographs / part).iterdir())
            choose(page, *names)
            wait(page, len(names))
            found = download(page, tmp_path / part)
            page.context.close()
            tables_are_alike(found["predictions.csv"], out / part / "predictions.csv", 0.1)
            mine, known = (
                [(row["image"], row["status"], row["reason"]) for row in read_table(path)]
                for path in (found["specimens.csv"], out / part / "specimens.csv")
            )
            assert mine == known
            assert ("measurements.csv" in found) == (part == "carabid")
    tables_are_alike(
        tmp_path / "carabid" / "measurements.csv", out / "carabid" / "measurements.csv", 0.2
    )


def test_on_a_phone_nothing_is_cut_off(
    write_model: WriteModel,
    write_page: Callable[..., Path],
    photographs: Path,
    opened: Callable[..., Page],
) -> None:
    with hosted(write_page(dots=write_model(limits=LIMITS))) as (address, _):
        page = opened(address, width=390, height=800)
        wide: Any = "() => document.documentElement.scrollWidth <= innerWidth"
        assert page.evaluate(wide)
        drop(page, photographs / ODD[0])
        wait(page, 1)
        page.wait_for_selector(".mark")
        assert page.evaluate(wide)
        for button in ("#accept", "#download", "#add", "#closer"):
            box = page.locator(button).bounding_box()
            assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390
