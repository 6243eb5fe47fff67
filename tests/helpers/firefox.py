"""A Firefox as distributions have it, driven by its own remote protocol, Marionette."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_PATIENCE = 60.0  # seconds
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # key of an element in WebDriver's answers
_PREFERENCES = {
    "marionette.port": 0,  # any that is free; the profile says which
    "browser.download.folderList": 2,
    "browser.download.useDownloadDir": True,
    "browser.download.alwaysOpenPanel": False,
    "browser.helperApps.neverAsk.saveToDisk": "text/plain",
    # Nothing is asked of anybody.
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.enabled": False,
    "startup.homepage_welcome_url": "about:blank",
    "browser.startup.homepage": "about:blank",
}


def firefox() -> str:
    """The path of a Firefox; without it the test is skipped."""
    given = os.environ.get("BEETLE_LM_FIREFOX")
    path = given or next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
    if path is None:
        pytest.skip("no Firefox is installed: `apt-get install firefox-esr`, or BEETLE_LM_FIREFOX")
    return path


class Window:
    """The one window of a Firefox."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), _PATIENCE)
        self._stream = self._socket.makefile("rb")
        self._number = 0
        self._read()  # it introduces itself
        self._ask("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {}}})
        self._ask("WebDriver:SetTimeouts", {"script": 60_000})

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def go(self, address: str) -> None:
        self._ask("WebDriver:Navigate", {"url": address})

    def run(self, script: str, *arguments: Any) -> Any:
        """What the body of a function gives."""
        found = self._ask("WebDriver:ExecuteScript", {"script": script, "args": list(arguments)})
        return found["value"]

    def wait(self, condition: str, *arguments: Any) -> None:
        """Waits until an expression is true."""
        deadline = time.monotonic() + _PATIENCE
        while not self.run(f"return Boolean({condition})", *arguments):
            assert time.monotonic() < deadline, condition
            time.sleep(0.05)

    def choose(self, selector: str, *files: Path) -> None:
        """Chooses files in a field."""
        text = "\n".join(map(str, files))
        self._ask("WebDriver:ElementSendKeys", {"id": self._element(selector), "text": text})

    def drag(self, begin: tuple[float, float], end: tuple[float, float]) -> None:
        """Drags what is at a place of the window to another."""
        moves: list[dict[str, Any]] = []
        for (x, y), then in ((begin, "pointerDown"), (end, "pointerUp")):
            moves.append({"type": "pointerMove", "x": round(x), "y": round(y), "duration": 50})
            moves.append({"type": then, "button": 0})
        actions = [
            {
                "type": "pointer",
                "id": "mouse",
                "parameters": {"pointerType": "mouse"},
                "actions": moves,
            }
        ]
        self._ask("WebDriver:PerformActions", {"actions": actions})

    def photograph(self, path: Path) -> None:
        """A picture of what is to be seen."""
        found = self._ask("WebDriver:TakeScreenshot", {"full": False})
        path.write_bytes(base64.b64decode(found["value"]))

    def _element(self, selector: str) -> str:
        wanted = {"using": "css selector", "value": selector}
        found = self._ask("WebDriver:FindElement", wanted)
        return str(found["value"][_ELEMENT])

    def _ask(self, command: str, parameters: dict[str, Any]) -> Any:
        self._number += 1
        text = json.dumps([0, self._number, command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(text), text))
        _, _, problem, result = self._read()
        assert problem is None, f"{command}: {problem['message']}"
        return result

    def _read(self) -> Any:
        length = b""
        while (byte := self._stream.read(1)) != b":":
            assert byte, "Firefox has ended"
            length += byte
        return json.loads(self._stream.read(int(length)))


@contextmanager
def window(folder: Path, downloads: Path) -> Iterator[Window]:
    """A Firefox without a window that can be seen.

    Args:
        folder: for its profile.
        downloads: where it puts what is downloaded.
    """
    path = firefox()
    for each in (folder, downloads):
        each.mkdir(parents=True)
    preferences = {**_PREFERENCES, "browser.download.dir": str(downloads)}
    lines = (f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in preferences.items())
    (folder / "user.js").write_text("".join(lines), encoding="utf-8")
    process = subprocess.Popen(
        [path, "--headless", "--marionette", "--no-remote", "--profile", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"HOME": str(folder), "MOZ_HEADLESS_WIDTH": "1280"},
    )
    try:
        port = folder / "MarionetteActivePort"
        deadline = time.monotonic() + _PATIENCE
        while not (port.is_file() and port.read_text().strip()):
            assert process.poll() is None and time.monotonic() < deadline, "Firefox does not start"
            time.sleep(0.05)
        opened = Window(int(port.read_text()))
        try:
            yield opened
        finally:
            opened.close()
    finally:
        process.kill()
        process.wait()
