"""The page without a server against `predict`: landmarks, time and memory.

Writes the page with all bundled models, and opens it in a Chromium. On photographs of all parts the
landmarks of both are held against each other; one photograph of 3264 x 2448 is dropped again and
again, and predicted; and 500 links to it are dropped at once.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from browser import hosted
from fresh import beetle_lm, run
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from beetle_lm.predict.images.read import read_header
from beetle_lm.web.site.third_party import third_party
from beetle_lm.web.site.write import runtime_files, site_files, write_site
from beetle_lm.zoo.hub.client import Hub
from beetle_lm.zoo.model_file.onnx import read_card
from beetle_lm.zoo.registry import resolve
from beetle_lm.zoo.store import Store

PARTS = ("elytra", "head", "pronotum", "left-mandible", "right-mandible", "carabid")
LARGE = (3264, 2448)
WARM = 3  # drops of one photograph; the first ones are slower
ROUNDS, DROPS, MORE = 5, 4, 40  # alternately: `predict` of two photographs and of more, and drops
ENDINGS = {".jpg", ".png", ".tif"}
# From the drop to the frame that shows another photograph with its landmarks, and until that frame
# is complete: further ones can be begun while its tiles are being drawn, but not a third.
_WATCH = """() => {
  const input = document.querySelector("#files");
  const view = document.querySelector("#view");
  window.shown = new Promise((resolve) => {
    const once = { once: true, capture: true };
    input.addEventListener("change", () => {
      const begun = performance.now();
      const before = document.querySelector(".plane img");
      document.querySelector(".points").replaceChildren();
      const observer = new MutationObserver(() => {
        const shown = document.querySelector(".plane img");
        if (!shown || shown === before || !document.querySelector(".mark")) return;
        observer.disconnect();
        const times = [];
        const frame = () => {
          times.push(performance.now() - begun);
          if (times.length === 4) return resolve([times[1], times[3]]);
          view.style.outline = `${times.length}px solid transparent`;
          requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
      });
      observer.observe(view, { childList: true, subtree: true });
    }, once);
  });
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--photographs", type=int, default=40)
    parser.add_argument("--many", type=int, default=500)
    parser.add_argument("--runtime", type=Path, help="as of `beetle-lm site`")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        given = third_party(arguments.runtime, Store(), Hub.from_environment())
        files = runtime_files(given)
        for page, parts in (("all", PARTS), ("one", PARTS[:1])):
            models = {part: resolve(part) for part in parts}
            write_site(site_files(models, files), folder / page, overwrite=False)
        browser = playwright.chromium.launch(
            executable_path=arguments.chromium, args=["--no-sandbox"]
        )
        first_visit(browser, folder / "one")
        with hosted(folder / "all") as (address, _):
            compare(browser, address, arguments.data, arguments.photographs, folder)
            large = large_photograph(arguments.data)
            speed(browser, address, large, folder)
            memory(browser, address, large, arguments.many, folder)
        browser.close()


def opened(context: BrowserContext, address: str, part: str) -> Page:
    """The page with the model of a part, on the second visit, when it may use several threads."""
    page = context.new_page()
    page.set_default_timeout(600_000)
    for _ in range(2):
        page.goto("about:blank")
        page.goto(f"{address}#{part}")
        page.wait_for_selector("body.ready")
    return page


def first_visit(browser: Browser, folder: Path) -> None:
    with hosted(folder) as (address, asked):
        page = browser.new_page()
        begun = time.monotonic()
        page.goto(address)
        page.wait_for_selector("body.ready")
        seconds = time.monotonic() - begun
        page.wait_for_timeout(500)
        names = ["index.html" if path == "/" else path[1:] for path in asked]
        sent = sum((folder / name).stat().st_size for name in names if (folder / name).is_file())
        page.close()
    print(f"first visit: {sent / 1e6:.2f} MB over the wire, unpacked, ready in {seconds:.1f} s")


def photographs(data: Path, count: int) -> dict[str, list[Path]]:
    """Some photographs of each part, evenly spaced by name."""
    found = {}
    for number, part in enumerate(PARTS):
        where = data / "beetleflow" if part == "carabid" else data / "carabids" / part
        every = [
            path for path in sorted((where / "images").iterdir()) if path.suffix.lower() in ENDINGS
        ]
        wanted = count // len(PARTS) + (number < count % len(PARTS))
        found[part] = every[:: max(1, len(every) // wanted)][:wanted]
    return found


def drop(page: Page, files: Sequence[Path]) -> None:
    page.set_input_files("#files", list(map(str, files)))
    page.wait_for_function(
        "text => document.querySelector('#counts').textContent.startsWith(text)",
        arg=f"{len(files)} placed",
    )


def download(page: Page, name: str, path: Path) -> list[dict[str, str]]:
    page.locator("#download").click()
    with page.expect_download() as taken:
        page.locator("#results-files button", has_text=name).click()
    taken.value.save_as(path)
    return rows(path)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def compare(browser: Browser, address: str, data: Path, count: int, folder: Path) -> None:
    total, worst, differing = 0, 0.0, 0
    for part, files in photographs(data, count).items():
        out, given = folder / f"out-{part}", folder / f"in-{part}"
        given.mkdir()
        for path in files:
            (given / path.name).symlink_to(path)
        run([*beetle_lm("predict"), str(given), "--part", part, "-o", str(out), "--quiet"])
        context = browser.new_context()
        page = opened(context, address, part)
        drop(page, files)
        mine = download(page, "predictions.csv", folder / f"{part}.csv")
        page.locator("#results button", has_text="Close").click()
        flags = download(page, "specimens.csv", folder / f"{part}-specimens.csv")
        context.close()
        size = read_card(resolve(part)).input_size
        scale = {path.name: max(np.divide(read_header(path).size, size).tolist()) for path in files}
        off = [
            abs(float(one[axis]) - float(other[axis])) / scale[one["image"]]
            for one, other in zip(mine, rows(out / "predictions.csv"), strict=True)
            for axis in ("x", "y")
        ]
        unlike = sum(
            (one["image"], one["status"], one["reason"])
            != (other["image"], other["status"], other["reason"])
            for one, other in zip(flags, rows(out / "specimens.csv"), strict=True)
        )
        flagged = sum(one["status"] == "flagged" for one in flags)
        print(
            f"{part}: {len(files)} photographs, at most {max(off):.4f} px of the input from"
            f" `predict`; {flagged} flagged, {unlike} by another reason"
        )
        total, worst, differing = total + len(files), max(worst, *off), differing + unlike
    print(f"all: {total} photographs, at most {worst:.4f} px of the input, {differing} other flags")


def large_photograph(data: Path) -> Path:
    every = sorted((data / "carabids").glob("*/images/*.JPG"))
    every += sorted((data / "carabids_more" / "images").glob("*.jpg"))
    return next(path for path in every if read_header(path).size in (LARGE, LARGE[::-1]))


def links(photograph: Path, count: int, folder: Path) -> list[Path]:
    folder.mkdir()
    found = [folder / f"{number:04}.jpg" for number in range(count)]
    for path in found:
        path.symlink_to(photograph)
    return found


def speed(browser: Browser, address: str, photograph: Path, folder: Path) -> None:
    megabytes = photograph.stat().st_size / 1e6
    print(f"{photograph.name}: {LARGE[0]} x {LARGE[1]}, {megabytes:.1f} MB")
    given = {count: folder / f"speed-{count}" for count in (2, 2 + MORE)}
    for count, where in given.items():
        links(photograph, count, where)
    drops = links(photograph, WARM + ROUNDS * DROPS, folder / "drops")
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = opened(context, address, PARTS[0])
    first, *_ = [dropped(page, drops.pop()) for _ in range(WARM)]
    predicted: dict[int, list[float]] = {count: [] for count in given}
    taken = []
    for number in range(ROUNDS):
        for count, where in given.items():
            out = folder / f"out-{count}-{number}"
            begun = time.monotonic()
            run([*beetle_lm("predict"), str(where), "--part", PARTS[0], "-o", str(out), "--quiet"])
            predicted[count].append(time.monotonic() - begun)
        taken += [dropped(page, drops.pop()) for _ in range(DROPS)]
    context.close()
    for told, middle in (("median", statistics.median), ("least", min)):
        few, many = (middle(each) for each in predicted.values())
        once = (many - few) / MORE
        shown, complete = (middle(each) for each in zip(*taken, strict=True))
        print(
            f"from drop to overlay {shown:.3f} s, {complete:.3f} s until all is drawn; `predict`"
            f" {once:.3f} s for one more: {shown / once:.1f} times as long ({told};"
            f" {first[0]:.3f} s the first time)"
        )


def dropped(page: Page, photograph: Path) -> tuple[float, float]:
    """Seconds from the drop of a photograph to its overlay, and until all of that is drawn."""
    page.evaluate(_WATCH)
    page.set_input_files("#files", str(photograph))
    shown, complete = page.evaluate("window.shown")
    page.wait_for_timeout(500)
    return shown / 1000, complete / 1000


def memory(browser: Browser, address: str, photograph: Path, count: int, folder: Path) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = opened(context, address, PARTS[0])
    begun = time.monotonic()
    page.set_input_files("#files", list(map(str, links(photograph, count, folder / "many"))))
    told = []
    for share in (0.1, 0.4, 0.7, 1.0):
        done = int(share * count)
        page.wait_for_function(
            "done => parseInt(document.querySelector('#counts').textContent) >= done",
            arg=done,
        )
        told.append(f"{largest_renderer() / 1e6:.0f} MB after {done}")
    seconds = (time.monotonic() - begun) / count
    context.close()
    print(
        f"memory of the page's process over {count} photographs, {seconds:.3f} s each:"
        f" {', '.join(told)}"
    )


def largest_renderer() -> int:
    """Bytes of memory that the largest of the browser's processes for pages takes for itself."""
    parents, found = {}, []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = int(stat[1])
            if b"--type=renderer" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    sizes = [0]
    for process in found:
        above = process
        while above in parents and above != os.getpid():
            above = parents[above]
        if above == os.getpid():
            with contextlib.suppress(OSError, StopIteration):
                lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
                line = next(line for line in lines if line.startswith("Pss:"))
                sizes.append(int(line.split()[1]) * 1024)
    return max(sizes)


if __name__ == "__main__":
    main()
