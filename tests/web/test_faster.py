"""In which runtime the page without a server runs a model, and whether WebGPU agrees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import ask, hosted
from kinds import WriteModel
from pages import ODD

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage

BEGINS = "Runs in WebAssembly."
WEBGPU = "Runs in WebGPU, which gave the same landmarks as WebAssembly in less time."
LONGER = "Runs in WebAssembly: WebGPU gave the same landmarks, but took longer."
OTHER = "Runs in WebAssembly: WebGPU gave other landmarks on the first photograph."
ABSENT = "Runs in WebAssembly: this browser offers no WebGPU here."
LOST = "Runs in WebAssembly: WebGPU failed (the device is lost)."
WASM: dict[str, Any] = {"x": 2.0, "error": 1.0, "takes": 100}  # ms
GOOD: dict[str, Any] = {**WASM, "x": 2.049, "takes": 0}


STAYS: list[tuple[dict[str, Any] | None, str]] = [
    (None, ABSENT),
    ({**GOOD, "x": 2.051}, OTHER),
    ({**GOOD, "error": None}, OTHER),  # not a number
    ({**GOOD, "takes": 300}, LONGER),
    ({**GOOD, "refuses": True}, "Runs in WebAssembly: WebGPU failed (cannot be loaded)."),
    ({**GOOD, "breaks": 1}, LOST),
    ({**GOOD, "breaks": 2}, LOST),
]


def chosen(*webgpu: dict[str, Any] | None, then: str = "run") -> list[Any]:
    """What is told, and what runs two photographs after the first."""
    return ask([("faster", {"wasm": WASM, "webgpu": each, "then": then}) for each in webgpu])


def test_webgpu_runs_where_it_agrees_and_takes_less_time() -> None:
    assert chosen(GOOD) == [{"told": [BEGINS, WEBGPU], "log": ["webgpu", "webgpu"]}]


def test_webassembly_stays() -> None:
    found = chosen(*(webgpu for webgpu, _ in STAYS))
    for (webgpu, words), each in zip(STAYS, found, strict=True):
        assert each == {"told": [BEGINS, words], "log": ["wasm", "wasm"]}, webgpu


def test_webassembly_goes_on_when_the_device_is_lost() -> None:
    [found] = chosen({**GOOD, "breaks": 3})
    assert found["log"] == ["webgpu", "webgpu is closed", "wasm", "wasm"]
    assert found["told"] == [BEGINS, WEBGPU, LOST]


def test_another_model_is_opened_meanwhile() -> None:
    [found] = chosen(GOOD, then="close")
    assert found["told"] == [BEGINS]
    assert found["log"][0] == "wasm" and found["log"].count("wasm") == 1
    assert {"wasm is closed", "webgpu is closed"} <= set(found["log"])


def test_webgpu_gives_the_same_landmarks(
    browser_with_webgpu: Browser,
    write_model: WriteModel,
    write_page: Callable[..., Path],
    photographs: Path,
) -> None:
    """By Chromium's own adapter, which computes on the processor and is seldom the faster one."""
    problems: list[str] = []

    def heard(said: ConsoleMessage) -> None:
        if said.type == "error":
            problems.append(said.text)

    page = browser_with_webgpu.new_page()
    page.set_default_timeout(30_000)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", heard)
    large = "/runtime/ort-wasm-simd-threaded.jsep.wasm.gz"
    with hosted(write_page(dots=write_model())) as (address, asked):
        page.goto(address)
        page.wait_for_selector("body.ready")
        if not page.evaluate("async () => Boolean(await navigator.gpu?.requestAdapter())"):
            pytest.skip("this Chromium has no software adapter for WebGPU")
        assert page.locator("#runtime").text_content() == BEGINS
        assert large not in asked
        page.set_input_files("#files", str(photographs / ODD[0]))
        page.wait_for_function(
            "words => document.querySelector('#runtime').textContent !== words", arg=BEGINS
        )
        assert page.locator("#runtime").text_content() in (WEBGPU, LONGER)
        assert large in asked
    assert problems == []
