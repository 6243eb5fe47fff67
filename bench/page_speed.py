"""How fast the pages are with many large photographs: ``python bench/page_speed.py``.

Draws one photograph of 3264 x 2448, links it as often as asked for, opens the page of `annotate` in
a Chromium, and goes through some photographs as somebody does who accepts one after the other.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page, sync_playwright

from beetle_lm.train.synthetic.render import render, specimen_rng
from beetle_lm.web.project import annotation_project
from beetle_lm.zoo.model_file.parts import PARTS

SIZE = (3264, 2448)
PART = "pronotum"
SHOWN = "name => document.querySelector('#name').textContent !== name"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=int, default=10_000)
    parser.add_argument("--accept", type=int, default=40)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), arguments.photographs, arguments.accept, arguments.chromium)


def measure(folder: Path, count: int, accepted: int, chromium: str) -> None:
    from pages import served

    pixels, landmarks = render(PART, specimen_rng(0, PART, 0), SIZE)
    first = folder / "photographs" / "00000.jpg"
    first.parent.mkdir()
    cv2.imwrite(str(first), np.ascontiguousarray(pixels[..., ::-1]))
    for number in range(1, count):
        (first.parent / f"{number:05}.jpg").hardlink_to(first)
    begun = time.monotonic()
    project = annotation_project([first.parent], folder / "all.tps", PARTS[PART])
    print(f"{count} photographs of {SIZE[0]} x {SIZE[1]}, {first.stat().st_size / 1e6:.1f} MB each")
    print(f"listed and prepared in {time.monotonic() - begun:.2f} s")
    for number in range(accepted + 20, accepted + 30):
        project.save(number, 0, "accepted", landmarks.xy, 0.0)
    with served(project) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        begun = time.monotonic()
        page.goto(address)
        page.wait_for_selector("body.ready")
        print(f"page opens in {time.monotonic() - begun:.2f} s")
        page.locator("#order").select_option("name")
        page.locator(".photo").first.click()
        page.wait_for_timeout(3000)
        times, memory = accept(page, accepted)
        worst = sorted(times)[int(0.95 * len(times))]
        print(f"next photograph in {statistics.median(times):.2f} s, 95 % within {worst:.2f} s")
        print(f"memory of the server {memory[0]:.0f} MB at first, {memory[-1]:.0f} MB at the end")
        browser.close()


def accept(page: Page, count: int) -> tuple[list[float], list[float]]:
    times, memory = [], []
    for _ in range(count):
        page.wait_for_selector(".mark")
        page.wait_for_timeout(700)  # somebody looks at it
        name = page.locator("#name").inner_text()
        begun = time.monotonic()
        page.keyboard.press("Enter")
        page.wait_for_function(SHOWN, arg=name)
        times.append(time.monotonic() - begun)
        memory.append(resident())
    return times, memory


def resident() -> float:
    """Memory of this process, in which the server runs, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
