"""No text of a stranger's commands a terminal, wherever it comes from."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubServer
from kinds import Command, WriteModel
from PIL import Image
from processes import command_line
from published import publish

from beetle_lm.console import LogFormatter, console, echo, echo_json
from beetle_lm.text import CONTROL_CHARACTER, harmless_json

ODD = "a\x1b]0;title\x07b\x9b2Jc\u202ed\re\x7f"
ESCAPED = r"a\x1b]0;title\x07b\x9b2Jc\u202ed\re\x7f"


def assert_harmless(text: str) -> None:
    assert CONTROL_CHARACTER.search(text.replace("\n", "")) is None, repr(text)


def test_lines_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    echo(f"{ODD}\nsecond")
    echo(ODD, err=True)
    said = capsys.readouterr()
    assert (said.out, said.err) == (f"{ESCAPED}\nsecond\n", f"{ESCAPED}\n")


def test_json_stays_json(capsys: pytest.CaptureFixture[str]) -> None:
    value = {ODD: ["\ud800", "ü", 1]}
    echo_json(json.dumps(value, ensure_ascii=False, indent=2))
    out = capsys.readouterr().out
    assert_harmless(out)
    assert "ü" in out
    assert json.loads(out) == value
    assert json.loads(harmless_json(json.dumps(value))) == value


def test_tables_are_escaped_and_keep_their_colours(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.table import Table
    from rich.text import Text

    made = console(width=100)
    made.file, made._color_system = io.StringIO(), None
    table = Table("name")
    table.add_row(Text(ODD.replace("\r", "").replace("\x07", "")))  # which rich takes out itself
    made.print(table)
    assert_harmless(made.file.getvalue())
    assert r"a\x1b]0;titleb\x9b2Jc\u202ed" in made.file.getvalue()


def test_what_is_logged_is_escaped() -> None:
    record = logging.LogRecord("x", logging.WARNING, "", 0, "%s is odd", (ODD,), None)
    assert LogFormatter("%(message)s").format(record) == f"{ESCAPED} is odd"


def names_of_a_registry(folder: Path, model: Path) -> list[object]:
    entry = {"file": "m.onnx", "version": ODD, "sha256": ODD, "provenance": ODD}
    models = {ODD: {**entry, "licence": ODD, "metrics": []}}
    path = folder / "registry.json"
    path.write_text(json.dumps({"models": models}), encoding="utf-8")
    return ["zoo", "list", "--zoo", path]


def a_registry_that_is_named_so(folder: Path, model: Path) -> list[object]:
    return ["zoo", "list", "--zoo", folder / f"{ODD}.json"]


def an_operator(folder: Path, model: Path) -> list[object]:
    onnx = pytest.importorskip("onnx")
    proto = onnx.load(model)
    proto.graph.node[0].op_type = ODD
    onnx.save(proto, model)
    return ["predict", folder / "p", "-m", model, "-o", folder / "out"]


def a_tensor(folder: Path, model: Path) -> list[object]:
    onnx = pytest.importorskip("onnx")
    proto = onnx.load(model)
    proto.graph.node[0].input[0] = ODD
    onnx.save(proto, model)
    return ["predict", folder / "p", "-m", model, "-o", folder / "out"]


def photographs(folder: Path, model: Path) -> list[object]:
    name = ODD.replace("/", "")
    Image.new("RGB", (96, 72)).save(folder / "p" / f"{name}.png")
    (folder / "p" / f"{name}2.png").write_bytes(b"no picture")
    return ["predict", folder / "p", "-m", model, "-o", folder / "out", "-v"]


def a_folder(folder: Path, model: Path) -> list[object]:
    (folder / ODD).mkdir()
    Image.new("RGB", (96, 72)).save(folder / ODD / "a.png")
    return ["predict", folder / ODD, "-m", model, "-o", folder / ODD / "out", "--dry-run"]


def names_in_a_tps_file(folder: Path, model: Path) -> list[object]:
    odd = ODD.replace("\r", "")
    tps = f"LM=1\n1 2\nIMAGE={odd}\nID={odd}\nODD{odd}={odd}\n"
    (folder / "a.tps").write_text(tps, encoding="utf-8")
    (folder / "b.tps").write_text(tps + f"LM=1\n1 2\nIMAGE=b{odd}.jpg\n", encoding="utf-8")
    return ["evaluate", folder / "a.tps", folder / "b.tps"]


def a_file_that_is_not_there(folder: Path, model: Path) -> list[object]:
    return ["convert", folder / f"{ODD}.tps", folder / "b.csv"]


@pytest.mark.skipif(os.name == "nt", reason="no such names on Windows")
@pytest.mark.parametrize(
    "prepare",
    [
        names_of_a_registry,
        a_registry_that_is_named_so,
        an_operator,
        a_tensor,
        photographs,
        a_folder,
        names_in_a_tps_file,
        a_file_that_is_not_there,
    ],
)
def test_commands_print_nothing_that_commands_a_terminal(
    write_model: WriteModel, tmp_path: Path, prepare: Callable[[Path, Path], list[object]]
) -> None:
    """In a process of its own, whose libraries in C print what they like, too."""
    (tmp_path / "p").mkdir()
    Image.new("RGB", (96, 72)).save(tmp_path / "p" / "a.png")
    arguments = prepare(tmp_path, write_model())
    done = subprocess.run(
        command_line(*arguments), capture_output=True, check=False, text=True, encoding="utf-8"
    )
    assert_harmless(done.stdout + done.stderr)
    assert r"\x1b" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_what_a_hub_says(
    hub: HubServer, write_model: WriteModel, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(write_model("dots.onnx"), "v1")
    answer = hub.answer

    def odd(*arguments: Any) -> tuple[int, bytes, dict[str, str]]:
        _, body, headers = answer(*arguments)
        return 418, body, {**headers, "X-Error-Message": "a\x9b2Jb", "X-Error-Code": "\x9b31m"}

    monkeypatch.setattr(hub, "answer", odd)
    done = command("zoo", "pull", "hf:lab/dots@v1")
    assert done.code == 1
    assert r"answered 418: a\x9b2Jb" in done.err
    assert_harmless(done.err)
