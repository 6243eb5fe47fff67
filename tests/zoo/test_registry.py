"""From the name of a model to its file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beetle_lm.errors import ModelError, PartError
from beetle_lm.zoo import registry
from beetle_lm.zoo.entries import ModelEntry
from beetle_lm.zoo.model_file.parts import PARTS


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package folder with one bundled model, of the elytra; returns the model's file."""
    package = tmp_path / "package"
    (package / "weights").mkdir(parents=True)
    model = package / "weights" / "elytra.onnx"
    model.write_bytes(b"weights")
    entry = {
        "file": "elytra.onnx",
        "version": "0.3",
        "sha256": hashlib.sha256(b"weights").hexdigest(),
        "provenance": "drawn beetles",
        "licence": "Apache-2.0",
        "metrics": [],
    }
    text = json.dumps({"models": {"elytra": entry}})
    (package / "registry.json").write_text(text, encoding="utf-8")
    monkeypatch.setattr("beetle_lm.zoo.registry.resources.files", lambda name: package)
    return model


def test_part_names_its_bundled_model(bundle: Path) -> None:
    assert registry.resolve("elytra") == bundle
    assert registry.bundled_model("elytra") == bundle


def test_part_is_meant_even_where_a_folder_has_its_name(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elytra").mkdir()  # where the photographs are
    assert registry.resolve("elytra") == bundle


def test_damaged_bundled_model(bundle: Path) -> None:
    bundle.write_bytes(b"weight")
    with pytest.raises(ModelError, match="is damaged: its SHA-256"):
        registry.resolve("elytra")


def test_missing_bundled_model(bundle: Path) -> None:
    bundle.unlink()
    with pytest.raises(ModelError, match="cannot be read; install beetle-lm again"):
        registry.resolve("elytra")


def test_part_without_a_model(bundle: Path) -> None:
    with pytest.raises(ModelError, match="no model for head comes with this version"):
        registry.resolve("head")


def test_file_folder_and_neither(tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    path.touch()
    assert registry.resolve(str(path)) == path
    with pytest.raises(ModelError, match="is a folder, not a model; `beetle-lm export"):
        registry.resolve(str(tmp_path))
    for name in (str(tmp_path / "gone.onnx"), "gone.onnx", str(Path("runs", "gone"))):
        with pytest.raises(ModelError, match="there is no model file"):
            registry.resolve(name)


def test_file_without_the_usual_ending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mymodel").touch()
    assert registry.resolve("mymodel") == Path("mymodel")


def test_unknown_part() -> None:
    with pytest.raises(PartError, match="did you mean 'pronotum'"):
        registry.resolve("pronotom")


def test_every_bundled_model_is_whole() -> None:
    for name, entry in registry.bundled_models().items():
        written = ModelEntry.of_file(registry.bundled_model(name))
        assert entry == written, "print the entry with `beetle-lm zoo show FILE --entry`"


def test_zoo_list_and_show(command: Callable[..., Any], bundle: Path) -> None:
    listed = command("zoo", "list")
    assert listed.code == 0
    assert all(name in listed.out for name in PARTS)
    (row,) = [line for line in listed.out.splitlines() if "elytra" in line]
    assert "11" in row
    assert "0.3" in row
    shown = command("zoo", "show", "head")
    assert "supraorbital pore, hind right" in shown.out
    assert command("zoo", "show", "tail").code == 1
