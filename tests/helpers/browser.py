"""The modules of the page in node, and what the page takes from others."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

RUNTIME = "BEETLE_LM_RUNTIME"
_ANSWERS = Path(__file__).parents[1] / "web" / "answers.mjs"

Asked = tuple[str, dict[str, Any]]


def runtime() -> Path:
    """The folder with the files of npm that the page needs; without it the test is skipped."""
    folder = os.environ.get(RUNTIME)
    if not folder:
        pytest.skip(
            "no files of npm's onnxruntime-web, utif2 and pako: `npm install` them in a folder, and"
            f" name its node_modules in {RUNTIME}"
        )
    return Path(folder)


def ask(asked: Sequence[Asked], **environment: str) -> list[Any]:
    """What the modules answer to questions, each a name and arguments; see `answers.mjs`.

    An error of theirs is given as a `Problem`.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the modules of the page are not tried")
    done = subprocess.run(
        [node, str(_ANSWERS)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    return [
        each["answer"] if "answer" in each else Problem(each["problem"])
        for each in json.loads(done.stdout)
    ]


class Problem(str):
    """The message of an error."""

    __slots__ = ()


def unpacked(text: str) -> NDArray[np.uint8]:
    """Bytes as the modules give them."""
    return np.frombuffer(base64.b64decode(text), np.uint8)


class _Files(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".mjs": "text/javascript",
        ".js": "text/javascript",
    }

    def __init__(self, asked: list[str], *arguments: Any, **options: Any) -> None:
        self.asked = asked
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def hosted(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The address of a folder on a host of static files, and which paths were asked for."""
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, asked, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        server.server_close()
