"""Results to review, photographs to annotate, and a browser to do it in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import runtime
from kinds import Command, WriteModel
from pages import odd_photographs

from beetle_lm.web.site.third_party import third_party
from beetle_lm.web.site.write import runtime_files, site_files, write_site
from beetle_lm.zoo.hub.client import Hub
from beetle_lm.zoo.model_file.shape_space import Limits
from beetle_lm.zoo.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

    OpenPage = Callable[..., Page]

PLAIN = ("--no-sandbox",)
WITHOUT_WEBGPU = "--disable-features=WebGPUService"  # on every computer alike
SOFTWARE_WEBGPU = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")
LIMITS = Limits(5.0, 20.0, (-180.0, 180.0), (0.0, 10.0))


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Those of `odd_photographs`."""
    return odd_photographs(tmp_path / "photographs")


@pytest.fixture(scope="session")
def runtime_of_page() -> dict[str, bytes]:
    """What the page without a server takes from others."""
    return runtime_files(third_party(runtime(), Store(), Hub()))


@pytest.fixture
def write_page(runtime_of_page: dict[str, bytes], tmp_path: Path) -> Callable[..., Path]:
    """Writes a page for models by their names: ``write_page(dots=path)`` is its folder."""

    def write(**models: Path) -> Path:
        folder = tmp_path / "page"
        write_site(site_files(models, runtime_of_page), folder, overwrite=True)
        return folder

    return write


@pytest.fixture
def predicted(
    command: Command, write_model: WriteModel, photographs: Path, tmp_path: Path
) -> Callable[..., Path]:
    """Predicts the photographs: ``predicted("--exif", "stored")`` is the folder of results."""
    pytest.importorskip("onnxruntime")

    def predict(*options: object) -> Path:
        model = write_model(limits=LIMITS)
        out = tmp_path / "out"
        assert command("predict", photographs, "-m", model, "-o", out, *options).code == 3
        return out

    return predict


def chromium() -> str | None:
    """The path of a Chromium: that of the environment, or one that the system has."""
    given = os.environ.get("BEETLE_LM_CHROMIUM")
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return given or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium without a window; tests that need it are skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = chromium()
    if path is None:
        pytest.skip("no Chromium is installed: `apt-get install chromium`, or BEETLE_LM_CHROMIUM")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=path, args=[*PLAIN, WITHOUT_WEBGPU])
        yield launched
        launched.close()


@pytest.fixture
def browser_with_webgpu(browser: Browser) -> Iterator[Browser]:
    """A Chromium whose WebGPU is computed by the processor, where it can be."""
    launched = browser.browser_type.launch(
        executable_path=chromium(), args=[*PLAIN, *SOFTWARE_WEBGPU]
    )
    yield launched
    launched.close()


@pytest.fixture(scope="session")
def windows(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Browser windows by their size and zoom, which pages of several tests share."""
    kept: dict[tuple[int, int, float], BrowserContext] = {}

    def window(width: int, height: int, zoom: float) -> BrowserContext:
        key = width, height, zoom
        if key not in kept:
            kept[key] = browser.new_context(
                viewport={"width": width, "height": height}, device_scale_factor=zoom
            )
        return kept[key]

    yield window
    for context in kept.values():
        context.close()


@pytest.fixture
def open_page(windows: Callable[..., BrowserContext]) -> Iterator[OpenPage]:
    """Opens a page, and fails where its console tells of an error."""
    problems: list[str] = []
    pages: list[Page] = []

    def heard(said: ConsoleMessage) -> None:
        # The browser tells of every answer that is no success: those have tests of their own.
        if said.type == "error" and "Failed to load resource" not in said.text:
            problems.append(said.text)

    def opened(address: str, width: int = 1280, height: int = 800, zoom: float = 1.0) -> Page:
        page = windows(width, height, zoom).new_page()
        pages.append(page)
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", heard)
        page.goto(address)
        page.wait_for_selector("body.ready")
        return page

    yield opened
    for page in pages:
        page.context.set_offline(False)
        page.close()
    assert problems == []
