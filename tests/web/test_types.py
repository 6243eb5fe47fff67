"""The modules of the page: their types, which stand in comments, and what imports what."""

from __future__ import annotations

import re
import shutil
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"
APP, BROWSER = WEB / "app", WEB / "browser"
MODULES = sorted((*APP.glob("*.js"), *BROWSER.glob("*.js")))
OPTIONS = (
    *("--noEmit", "--allowJs", "--checkJs", "--strict", "--skipLibCheck", "--target", "es2022"),
    *("--module", "es2022", "--moduleResolution", "bundler", "--lib", "es2022,dom,dom.iterable"),
)


def test_every_module_is_checked() -> None:
    for module in MODULES:
        assert module.read_text(encoding="utf-8").startswith("// @ts-check\n"), module.name


def test_types_fit() -> None:
    tsc = shutil.which("tsc")
    if tsc is None:
        pytest.skip("TypeScript is not installed: `npm install -g typescript`")
    done = subprocess.run(
        [tsc, *OPTIONS, *map(str, MODULES)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "" and done.returncode == 0


def imports(folder: Path) -> dict[str, set[str]]:
    """What each module of a folder imports when it runs; what a comment imports is but a type."""
    pattern = re.compile(r'^(?:import|\}) .*from "(.+)";$', re.MULTILINE)
    return {
        module.name: {
            (folder / name).resolve().relative_to(WEB).as_posix()
            for name in pattern.findall(module.read_text(encoding="utf-8"))
        }
        for module in folder.glob("*.js")
    }


def test_what_pages_share_knows_no_server() -> None:
    shared = {name for names in imports(BROWSER).values() for name in names if "app/" in name}
    waiting = sorted(shared)
    while waiting:
        name = waiting.pop()
        text = (WEB / name).read_text(encoding="utf-8")
        assert "fetch(" not in text and "api.js" not in text, name
        more = imports(APP)[name.removeprefix("app/")] - shared
        shared |= more
        waiting += more
    viewers = {"app/viewer.js", "app/lens.js", "app/history.js", "app/scheme.js", "app/model.js"}
    assert viewers <= shared


def test_only_one_module_knows_the_runtime() -> None:
    texts = {module.name: module.read_text(encoding="utf-8") for module in BROWSER.glob("*.js")}
    assert [name for name, text in texts.items() if "ort.wasm" in text] == ["network.js"]


def test_no_modules_import_each_other_in_a_circle() -> None:
    app = {f"app/{name}": names for name, names in imports(APP).items()}
    assert list(TopologicalSorter(app).static_order())[-1] == "app/main.js"
    browser = {f"browser/{name}": names for name, names in imports(BROWSER).items()}
    list(TopologicalSorter({**app, **browser}).static_order())


def test_what_the_page_knows_is_apart_from_what_is_drawn_and_sent() -> None:
    assert imports(APP)["state.js"] == {"app/history.js", "app/model.js", "app/order.js"}
    assert imports(BROWSER)["sheet.js"] == {"browser/tables.js"}
