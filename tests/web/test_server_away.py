"""The server is killed, suspended, or out of reach: the page says so and loses nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from annotating import OpenPage, accept, at, click_all, number, off, project
from pages import draw_photographs, quadrangle, served
from processes import command_line

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page, Route

posix = pytest.mark.skipif(os.name != "posix", reason="processes are not suspended in this way")


@contextmanager
def running(folder: Path, *options: object) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`annotate` as a process of its own, ended for good at the end."""
    photographs = draw_photographs(folder / "photographs", ["00.png", "01.png", "02.png"])
    arguments = ("annotate", photographs, "--part", "wing", "--landmarks", 4, "--no-browser")
    command = command_line(*arguments, "-o", folder / "wing.tps", *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


def told(page: Page, text: str) -> str:
    """What the page says of the server once it says a text."""
    page.wait_for_function(
        "text => document.querySelector('#away').textContent.includes(text)", arg=text
    )
    return page.locator("#away").inner_text()


def is_quiet(page: Page) -> None:
    """Waits until the page says nothing of the server."""
    page.wait_for_selector("#away", state="hidden")


def goes_on(page: Page, first: int) -> None:
    """Waits until another photograph is shown than the first one."""
    page.wait_for_function(
        "name => document.querySelector('#name').textContent !== name", arg=f"{first:02}.png"
    )


def test_killed_and_started_anew(tmp_path: Path, open_page: OpenPage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with running(tmp_path, "--port", port) as (address, process):
        page = open_page(address)
        click_all(page)
        accept(page)
        second = number(page)
        click_all(page)
        process.kill()
        process.wait()
        page.keyboard.press("Enter")
        said = told(page, "not there")
        assert "What was accepted is on the disk" in said and "tries again" in said
        assert f"--no-browser -o {tmp_path / 'wing.tps'} --port {port}" in said
        assert str(Path.cwd()) in said
        assert f"What you changed on {second:02}.png is not saved" in said
        page.keyboard.press("Enter")
        page.wait_for_selector("#toast:not([hidden])")
        assert "is not saved yet" in page.locator("#toast").inner_text()
        assert number(page) == second and page.locator("#state").inner_text() == ""
        assert page.locator("#counts").inner_text().startswith("1 of 3 done")
        page.locator("#train").click()
        assert page.locator("#training-start").is_hidden()
        page.locator("#training-close").click()
        page.locator("#finish").click()
        page.locator("#end-now").click()
        page.wait_for_function(
            "() => document.querySelector('#end-about').textContent.includes('does not answer')"
        )
        page.locator("#end-close").click()
    with running(tmp_path, "--port", port) as (address, _):
        said = told(page, "started anew")
        assert f"What you changed on {second:02}.png" in said and "done again there" in said
        asked: list[str] = []

        def leave(dialog: Dialog) -> None:
            asked.append(dialog.type)
            dialog.accept()

        page.on("dialog", leave)
        page.close(run_before_unload=True)
        other = open_page(address)
        assert asked == ["beforeunload"]  # closing it would have lost the changes
        assert other.locator("#counts").inner_text().startswith("1 of 3 done")
        assert number(other) == second
    assert len(off(tmp_path / "wing.tps")) == 1


@posix
def test_suspended(tmp_path: Path, open_page: OpenPage) -> None:
    with running(tmp_path) as (address, process):
        page = open_page(address)
        first = number(page)
        click_all(page)
        page.clock.install()
        process.send_signal(signal.SIGSTOP)
        page.keyboard.press("Enter")
        page.clock.run_for(7000)
        said = told(page, "does not answer")
        assert "goes on as soon as it does" in said and f"{first:02}.png is not saved" in said
        process.send_signal(signal.SIGCONT)
        page.clock.resume()
        is_quiet(page)
        goes_on(page, first)
        assert page.locator("#counts").inner_text().startswith("1 of 3 done")
    assert list(off(tmp_path / "wing.tps")) == [f"{first:02}.png"]


def test_out_of_reach_for_a_while(tmp_path: Path, open_page: OpenPage) -> None:
    """Also what was asked for meanwhile comes: landmarks, pictures, small pictures."""
    with served(project(tmp_path, 24)) as address:
        page = open_page(address, 800, 600)  # few small pictures are fetched at once
        page.locator("#order").select_option("name")
        page.wait_for_selector('.photo[title^="00.png"]')
        first = number(page)
        click_all(page)
        page.context.set_offline(True)
        page.keyboard.press("Enter")
        told(page, "not there")
        x, y = at(page, quadrangle(first)[2])
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 9, y + 9, steps=2)
        page.mouse.up()  # while it is being saved
        page.context.set_offline(False)
        is_quiet(page)
        goes_on(page, first)
        page.context.set_offline(True)
        page.locator("#strip").evaluate("strip => strip.scrollLeft = 5000")
        small = page.locator('.photo[title="23.png"] img')
        small.wait_for(state="detached")
        page.locator('.photo[title="23.png"]').click()
        told(page, "not there")
        page.context.set_offline(False)
        page.wait_for_function("() => document.querySelector('#name').textContent === '23.png'")
        small.wait_for()
        assert page.locator(".plane img").evaluate("image => image.naturalWidth") == 640
    [away] = off(tmp_path / "wing.tps").values()
    assert away > 5  # what was moved while it was being saved is saved, too


def test_an_answer_that_is_lost(tmp_path: Path, open_page: OpenPage) -> None:
    """It is saved, and nobody hears of it: asking again is no change in another tab."""
    made = project(tmp_path)
    with served(made) as address:
        page = open_page(address)
        first = number(page)
        click_all(page)
        lost: list[int] = []

        def answer(route: Route) -> None:
            if route.request.method == "POST" and not lost:
                lost.append(route.fetch().status)
                route.abort("connectionreset")
            else:
                route.continue_()

        page.route("**/api/photographs/*", answer)
        accept(page)
        assert lost == [200] and number(page) != first
        assert page.locator("#toast").is_hidden()
        page.unroute_all(behavior="wait")
        [row] = [row for row in made.store.rows() if row.state == "accepted"]
        assert row.name == f"{first:02}.png" and row.revision == 1


def test_an_error_of_the_server_is_told(
    tmp_path: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = project(tmp_path)

    def broken(*arguments: Any) -> None:
        raise ZeroDivisionError("nothing to divide by")

    with served(made) as address:
        page = open_page(address)
        first = number(page)
        click_all(page)
        monkeypatch.setattr(made, "save", broken)
        page.keyboard.press("Enter")
        page.wait_for_function(
            "() => document.querySelector('#toast').textContent.includes('the server failed')"
        )
        assert "divide" in page.locator("#toast").inner_text() and number(page) == first
        monkeypatch.undo()
        accept(page)
    assert list(off(tmp_path / "wing.tps")) == [f"{first:02}.png"]
