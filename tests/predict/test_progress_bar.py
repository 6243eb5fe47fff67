"""The bar on a terminal: what is said comes above it, and nothing of it stays."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from kinds import Draw
from processes import command_line
from stopped_runs import write_photos

pytest.importorskip("onnxruntime")

ERASED = re.compile(r"[^\n]*\r\n(?:\x1b\[\?25h)?\r\x1b\[1A\x1b\[2K")  # a line, from the next one
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_nothing_of_the_bar_stays(model: Path, draw: Draw, tmp_path: Path) -> None:
    import pty

    photos = tmp_path / "photos"
    write_photos(photos, draw, 12)
    (photos / "broken.png").write_text("no image", encoding="utf-8")
    call = command_line("predict", photos, "-m", model, "-b", "2", "--overlay", "-o", tmp_path)
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm", COLUMNS="100", LINES="30")
        os.execv(call[0], call)
    said = b""
    while True:
        try:
            read = os.read(terminal, 4096)
        except OSError:  # the program has ended
            break
        if not read:
            break
        said += read
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
    text = said.decode()
    assert "━" in text
    text = ERASED.sub("", text)
    lines = [line.rpartition("\x1b[2K")[2] for line in text.split("\r\n")]  # what is not erased
    shown = [CONTROL.sub("", line) for line in lines]
    told = [line for line in shown if line.strip()]
    assert told[0] == "dots, model 1.0, on CPUExecutionProvider"
    assert told[1].startswith("failed: broken.png")
    assert told[2].startswith("13 images: landmarks on 12, 1 failed; results in")
    assert not [line for line in told if "━" in line]
