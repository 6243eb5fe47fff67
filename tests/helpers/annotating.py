"""Annotating drawn photographs in the page, as one does it with mouse and keyboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pages import SIZE, draw_photographs, quadrangle

from beetle_lm.predict.formats.tps import read_tps
from beetle_lm.web.project import Project, annotation_project
from beetle_lm.zoo.model_file.parts import PartSpec

if TYPE_CHECKING:
    from playwright.sync_api import Page

OpenPage = Callable[..., Any]
"""Opens a page at an address: the fixture `open_page`."""

CORNERS = ("front left", "front right", "hind right", "hind left")


def project(folder: Path, count: int = 3) -> Project:
    photographs = draw_photographs(folder / "photographs", [f"{i:02}.png" for i in range(count)])
    return annotation_project([photographs], folder / "wing.tps", PartSpec("wing", CORNERS))


def at(page: Page, xy: tuple[float, float]) -> tuple[float, float]:
    box = page.locator(".plane img").bounding_box()
    assert box is not None
    return box["x"] + xy[0] / SIZE[0] * box["width"], box["y"] + xy[1] / SIZE[1] * box["height"]


def number(page: Page) -> int:
    """The number of the photograph that is shown."""
    return int(page.locator("#name").inner_text()[:2])


def click_all(page: Page) -> None:
    for corner in quadrangle(number(page)):
        page.mouse.click(*at(page, corner))


def correct_all(page: Page) -> None:
    """Drags every landmark that is proposed to where it belongs."""
    page.wait_for_selector(".mark")
    for index, corner in enumerate(quadrangle(number(page))):
        box = page.locator(f'.mark[data-index="{index}"] .dot').bounding_box()
        assert box is not None
        x, y = at(page, corner)
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(x + 1, y, steps=2)
        page.mouse.move(x, y)
        page.mouse.up()


def says(page: Page, selector: str, text: str, timeout: float = 10_000) -> None:
    """Waits until an element says a text."""
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector).textContent.includes(text)",
        arg=[selector, text],
        timeout=timeout,
    )


def in_strip(page: Page) -> list[str]:
    """The titles of the small pictures that are there, from left to right."""
    titles: list[str] = page.locator("#strip").evaluate(
        """strip => [...strip.querySelectorAll(".photo")]
          .sort((a, b) => a.getBoundingClientRect().left - b.getBoundingClientRect().left)
          .map((photo) => photo.title)"""
    )
    return titles


def accept(page: Page) -> None:
    before = page.locator("#name").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_function(
        "name => document.querySelector('#name').textContent !== name"
        " || document.querySelector('#end').open",
        arg=before,
    )


def off(file: Path) -> dict[str, float]:
    """By how much the farthest landmark of each record is off."""
    return {
        record.image or "": float(
            np.abs(record.in_image(SIZE[1]) - quadrangle(int(str(record.image)[:2]))).max()
        )
        for record in read_tps(file)
        if record.is_annotated
    }
