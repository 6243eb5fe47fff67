"""`beetle-lm zoo`: what is printed, and the exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hub_server import HubServer
from kinds import Command, WriteModel

from beetle_lm.zoo.entries import Registry
from beetle_lm.zoo.model_file.manifest import Manifest, file_sha256
from beetle_lm.zoo.model_file.parts import PARTS

pytestmark = pytest.mark.usefixtures("hub")


def test_list_names_every_part(command: Command) -> None:
    listed = command("zoo", "list", "--json")
    known = {model["name"]: model for model in json.loads(listed.out)}
    assert set(known) == set(PARTS)
    assert known["elytra"]["landmarks"] == 11


def test_show_a_file(command: Command, write_model: WriteModel) -> None:
    path = write_model("m.onnx")
    shown = command("zoo", "show", path)
    assert shown.code == 0
    for wanted in ("dots", "96 x 72 pixels, colour", "drawn squares", "Apache-2.0", "not measured"):
        assert wanted in shown.out
    assert file_sha256(path) in shown.out
    assert "green" in shown.out
    as_json = command("zoo", "show", path, "--json")
    assert Manifest.from_json(as_json.out) == Manifest.of_file(path)


def test_show_prints_entries_for_a_registry(
    command: Command, write_model: WriteModel, tmp_path: Path
) -> None:
    path = write_model("m.onnx")
    entry = json.loads(command("zoo", "show", path, "--entry").out)
    registry = tmp_path / "registry.json"
    registry.write_text(json.dumps({"models": {"dots": entry}}), encoding="utf-8")
    models = Registry.from_json(registry.read_text(encoding="utf-8"), str(registry)).models
    assert models["dots"].file == "m.onnx"
    assert command("zoo", "show", "dots", "--zoo", registry).code == 0


def test_show_what_is_not_there(command: Command, tmp_path: Path) -> None:
    for name, said in (
        ("elytrum", "did you mean 'elytra'"),
        (str(tmp_path / "gone.onnx"), "cannot be read"),
        ("hf:lab/gone", "no such repository"),
    ):
        done = command("zoo", "show", name)
        assert (done.code, done.out) == (1, "")
        assert said in done.err
    assert command("zoo", "show", "hf:nonsense").code == 2


def test_verify_tells_what_is_damaged(command: Command, write_model: WriteModel) -> None:
    assert command("zoo", "verify").code == 0
    for name in ("one", "two"):
        command("zoo", "push", write_model(f"{name}.onnx", part=name), f"lab/{name}")
        pulled = command("zoo", "pull", f"hf:lab/{name}")
    path = Path(pulled.out.strip())
    assert command("zoo", "verify").out.count("ok  hf:lab/") == 2
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    done = command("zoo", "verify")
    assert done.code == 1
    assert f"damaged  hf:lab/two@main  {path}" in done.out
    assert "ok  hf:lab/one@main" in done.out
    assert "`beetle-lm zoo pull NAME` repairs" in done.err
    checked = {
        model["name"]: model["ok"] for model in json.loads(command("zoo", "verify", "--json").out)
    }
    bundled = dict.fromkeys(PARTS, True)
    assert checked == bundled | {"hf:lab/one@main": True, "hf:lab/two@main": False}
    path.unlink()
    assert command("zoo", "verify").code == 1
    assert command("zoo", "pull", "hf:lab/two").code == 0
    assert command("zoo", "verify").code == 0


def test_remove_keeps_files_that_another_name_needs(
    command: Command, write_model: WriteModel
) -> None:
    command("zoo", "push", write_model("m.onnx"), "lab/dots", "--tag", "v1")
    for revision in ("", "@v1"):
        path = Path(command("zoo", "pull", f"hf:lab/dots{revision}").out.strip())
    assert command("zoo", "remove", "hf:lab/dots@v1").out == "removed hf:lab/dots@v1\n"
    assert path.is_file()
    done = command("zoo", "remove", "hf:lab/dots@v1")
    assert (done.code, done.out) == (1, "")
    assert "was not pulled; `beetle-lm zoo list` shows what was" in done.err
    command("zoo", "pull", "hf:lab/dots@v1")
    done = command("zoo", "remove", "hf:lab/dots")
    assert done.out.splitlines() == ["removed hf:lab/dots@main", "removed hf:lab/dots@v1"]
    assert not path.exists()


def test_remote_list(command: Command, write_model: WriteModel, hub: HubServer) -> None:
    assert "has no beetle-lm models that you may see" in command("zoo", "list", "--remote", "x").out
    command("zoo", "push", write_model("m.onnx"), "lab/dots", "--private")
    found = json.loads(command("zoo", "list", "--remote", "lab", "--json").out)
    assert found == [{"name": "hf:lab/dots", "changed": "2026-01-02", "private": True}]
    assert command("zoo", "list", "--remote", "a b").code == 2


def test_push_refuses_what_it_cannot_mean(command: Command, write_model: WriteModel) -> None:
    path = write_model("m.onnx")
    assert command("zoo", "push", path, "dots").code == 2
    assert command("zoo", "push", path, "lab/dots", "--tag", "a b").code == 2
    assert command("zoo", "push", path.parent, "lab/dots").code == 1


def test_part_without_model_says_what_to_do(command: Command, tmp_path: Path) -> None:
    done = command("zoo", "pull", "no-such-part")
    assert done.code == 1
    assert "unknown part" in done.err


@pytest.mark.parametrize("name", ["list", "show", "pull", "push", "verify", "remove"])
def test_help_needs_no_hub(name: str) -> None:
    code = (
        f"import sys; sys.argv = ['beetle-lm', 'zoo', {name!r}, '--help']\n"
        "from beetle_lm.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "assert 'huggingface_hub' not in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_bundled_and_pulled_models_need_no_client(
    command: Command, write_model: WriteModel
) -> None:
    command("zoo", "push", write_model("m.onnx"), "lab/dots")
    command("zoo", "pull", "hf:lab/dots")
    code = (
        "import sys\nfrom beetle_lm.zoo.registry import resolve\n"
        "resolve('hf:lab/dots')\nassert 'huggingface_hub' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
