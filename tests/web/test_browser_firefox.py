"""The page without a server in Firefox: the same landmarks, a correction, and no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from browser import hosted
from firefox import Window, window
from kinds import Command, WriteModel
from pages import ODD
from results import read_table
from squares import SIZE

from beetle_lm.predict.formats.tps import read_tps
from beetle_lm.zoo.model_file.shape_space import Limits

LIMITS = Limits(5.0, 20.0, (-180.0, 180.0), (0.0, 10.0))


def place_of(page: Window, selector: str) -> tuple[float, float, float, float]:
    left, top, width, height = page.run(
        """const box = document.querySelector(arguments[0]).getBoundingClientRect();
        return [box.left, box.top, box.width, box.height];""",
        selector,
    )
    return left, top, width, height


def drag(page: Window, index: int, to: tuple[float, float]) -> None:
    left, top, width, height = place_of(page, f'.mark[data-index="{index}"] .dot')
    x, y, wide, high = place_of(page, ".plane img")
    end = x + to[0] / SIZE[0] * wide, y + to[1] / SIZE[1] * high
    page.drag((left + width / 2, top + height / 2), end)


def saved(page: Window, folder: Path, name: str) -> Path:
    """A file that the page gives."""
    path = folder / name
    page.run(
        """for (const button of document.querySelectorAll("#results-files button"))
          if (button.textContent === arguments[0]) button.click();""",
        name,
    )
    page.wait("true")
    for _ in range(200):
        if path.is_file() and path.stat().st_size:
            return path
        page.wait("true")
    raise AssertionError(f"{name} was not downloaded")


def test_photographs_a_correction_and_no_network(
    command: Command,
    write_model: WriteModel,
    write_page: Callable[..., Path],
    photographs: Path,
    tmp_path: Path,
) -> None:
    model = write_model(limits=LIMITS)
    out, downloads = tmp_path / "out", tmp_path / "downloads"
    assert command("predict", photographs, "-m", model, "-o", out).code == 3
    every = sorted(photographs.iterdir())
    with window(tmp_path / "profile", downloads) as page:
        with hosted(write_page(dots=model)) as (address, asked):
            page.go(address)
            page.wait("document.body.classList.contains('ready')")
            page.choose("#files", *every)
            page.wait("document.querySelector('#counts').textContent.startsWith('5 placed')")
            page.run("document.querySelector(arguments[0]).click()", f'.photo[title^="{ODD[3]}"]')
            page.wait("document.querySelector('#name').textContent === arguments[0]", ODD[3])
            page.wait("document.querySelector('.mark')")
            drag(page, 2, (120.0, 200.0))  # of a photograph that is stored on its side
            page.run("document.querySelector('#accept').click()")
            page.wait("document.querySelector('#counts').textContent.includes('1 accepted')")
            page.run("document.querySelector('#download').click()")
            for name in ("predictions.csv", "specimens.csv", "corrected.tps"):
                saved(page, downloads, name)
            origins = page.run(
                """return performance.getEntriesByType("resource").map(({ name }) => name);"""
            )
            assert origins and all(
                name.startswith((address, f"blob:{address}", "data:")) for name in origins
            )
            count = len(asked)
        page.go("about:blank")
        page.go(address)  # the host is gone
        page.wait("document.body.classList.contains('ready')")
        assert page.run("return crossOriginIsolated")
        page.choose("#files", every[0])
        page.wait("document.querySelector('#counts').textContent.startsWith('1 placed')")
        assert len(asked) == count
    mine, known = (read_table(folder / "predictions.csv") for folder in (downloads, out))
    assert len(mine) == len(known)
    for row, wanted in zip(mine, known, strict=True):
        assert (row["image"], row["name"]) == (wanted["image"], wanted["name"])
        for key in ("x", "y", "expected_error_px"):
            assert abs(float(row[key]) - float(wanted[key])) < 0.05
    states = [
        [(row["image"], row["status"]) for row in read_table(folder / "specimens.csv")]
        for folder in (downloads, out)
    ]
    assert states[0] == states[1]
    [corrected] = read_tps(downloads / "corrected.tps")
    assert corrected.image == ODD[3]
    assert np.abs(corrected.in_image(SIZE[1])[2] - (120, 200)).max() < 1.0
