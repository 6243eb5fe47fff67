"""`beetle-lm train --init`: from runs, checkpoints, model files and the zoo."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import pytest
from fine_tuning import NEW_HEAD, farthest
from hub_server import HubServer
from kinds import Command, FineTune, Pretrained, WriteModel

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from safetensors.torch import load_file  # noqa: E402

from beetle_lm.train.finetune import open_source  # noqa: E402
from beetle_lm.zoo.model_file.manifest import file_sha256  # noqa: E402


@pytest.mark.parametrize(
    ("source", "about"),
    [
        ("run", "quad, epoch 1"),
        ("run/weights.safetensors", "quad, epoch 1"),
        ("full.onnx", "quad 1"),
        ("half.onnx", "quad 2.0"),
    ],
)
def test_all_but_the_head_is_taken_over(
    pretrained: Pretrained, fine_tune: FineTune, tmp_path: Path, source: str, about: str
) -> None:
    path = pretrained.run.parent / source
    done = fine_tune(path, body_rate=0)
    assert done.code == 0
    assert f"loaded 69 of 70 layers from {path} ({about}); {NEW_HEAD}" in done.err
    first = open_source(str(path)).tensors
    second = load_file(tmp_path / "tuned" / "weights.safetensors")
    assert farthest(first, second, head=False) == 0
    assert second["head.second.weight"].shape[0] == 3
    config = tomllib.loads((tmp_path / "tuned" / "config.toml").read_text(encoding="utf-8"))
    file = path / "weights.safetensors" if path.is_dir() else path
    assert (config["init"], config["init_sha256"]) == (str(path), file_sha256(file))
    assert config["recipe"]["body_rate"] == 0


def test_from_a_registry(
    pretrained: Pretrained,
    fine_tune: FineTune,
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lab = tmp_path / "lab"
    lab.mkdir()
    shutil.copy(pretrained.half, lab)
    entry = json.loads(command("zoo", "show", pretrained.half, "--entry").out)
    text = json.dumps({"models": {"corners": entry}})
    (lab / "registry.json").write_text(text, encoding="utf-8")
    done = fine_tune("zoo:corners", "--zoo", lab)
    assert done.code == 0
    assert f"69 of 70 layers from zoo:corners (quad 2.0); {NEW_HEAD}" in done.err
    monkeypatch.setenv("BEETLE_LM_ZOO", str(lab))
    assert fine_tune("zoo:corners", "-o", tmp_path / "again").code == 0
    exported = tmp_path / "tuned.onnx"
    assert command("export", tmp_path / "tuned", "-o", exported).code == 0
    sha256 = file_sha256(pretrained.half)
    shown = json.loads(command("zoo", "show", exported, "--json").out)
    assert f"started from zoo:corners (SHA-256 {sha256})" in shown["card"]["provenance"]


def test_from_the_hub(
    hub: HubServer, pretrained: Pretrained, fine_tune: FineTune, command: Command
) -> None:
    assert command("zoo", "push", pretrained.half, "lab/quad", "--tag", "v1").code == 0
    done = fine_tune("hf:lab/quad@v1")
    assert done.code == 0
    assert f"from hf:lab/quad@v1 (quad 2.0); {NEW_HEAD}" in done.err


def test_every_fold_starts_from_the_source(
    pretrained: Pretrained, fine_tune: FineTune, tmp_path: Path
) -> None:
    done = fine_tune(pretrained.half, "--folds", 2, body_rate=0)
    assert done.code == 0
    assert done.err.count(NEW_HEAD) == 1
    stem = open_source(str(pretrained.half)).tensors["stem.0.0.weight"]
    for fold in ("fold-1", "fold-2"):
        weights = load_file(tmp_path / "tuned" / fold / "weights.safetensors")
        assert torch.equal(weights["stem.0.0.weight"], stem)


def merged(path: Path, folder: Path) -> Path:
    """A model file without the batch normalisations' own weights, as earlier ones were."""
    model = onnx.load(path)
    kept = [tensor for tensor in model.graph.initializer if "running" not in tensor.name]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    onnx.save(model, folder / "merged.onnx")
    return folder / "merged.onnx"


def with_damaged_weights(path: Path, folder: Path) -> Path:
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        tensor.raw_data = tensor.raw_data[:-1]
    onnx.save(model, folder / "weights.onnx")
    return folder / "weights.onnx"


def test_sources_that_cannot_be_used(
    pretrained: Pretrained, fine_tune: FineTune, write_model: WriteModel, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(pretrained.half.read_bytes()[:-1000])
    for source, message in (
        (tmp_path / "absent", "there is no checkpoint"),
        ("quad", "a model of the zoo is given as zoo:NAME"),
        (tmp_path / "absent.onnx", "there is no model file"),
        ("zoo:elitra", "did you mean 'elytra'"),
        (cut, "is not an ONNX file, or is damaged"),
        (with_damaged_weights(pretrained.half, tmp_path), "its weights cannot be read"),
        (write_model("dots.onnx"), "serves for prediction alone"),
        (merged(pretrained.half, tmp_path), "export the run that it comes from again"),
        (write_model("other.onnx", with_card=False), "is not a beetle-lm model"),
        (pretrained.run / "last.safetensors", "give a run folder or its weights.safetensors"),
    ):
        done = fine_tune(source)
        assert done.code == 1 and message in done.err, source
    done = fine_tune(pretrained.half, network="compact")
    assert done.code == 1
    assert "has the network 'nano', and the recipe 'small' trains 'compact'" in done.err
    assert fine_tune("hf:quad").code == 2
    assert not (tmp_path / "tuned").exists()
