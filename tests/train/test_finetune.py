"""`beetle-lm train --init`: what is taken over from where, and how it learns on."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hub_server import HubServer
from kinds import Command, FineTune, Finished, Pretrained, WriteModel
from training_data import draw_set, small_recipe, tps_record

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from safetensors.torch import load_file  # noqa: E402
from torch import Tensor  # noqa: E402

from beetle_lm.cli import app  # noqa: E402
from beetle_lm.export.to_onnx import Exportable  # noqa: E402
from beetle_lm.predict.formats.tps import read_tps  # noqa: E402
from beetle_lm.predict.session import Session  # noqa: E402
from beetle_lm.train.engine.calibration import DEFAULT  # noqa: E402
from beetle_lm.train.engine.checkpoint import load_checkpoint  # noqa: E402
from beetle_lm.train.engine.log import EpochLog, TrainingLog  # noqa: E402
from beetle_lm.train.finetune import open_source  # noqa: E402
from beetle_lm.train.methods import build_network  # noqa: E402
from beetle_lm.zoo.model_file.manifest import file_sha256  # noqa: E402

NEW_HEAD = "new: the head, for 3 landmarks instead of 4"


def farthest(first: Mapping[str, Tensor], second: Mapping[str, Tensor], head: bool) -> float:
    """Greatest difference of a parameter of the head, or of all others."""
    names = [
        name
        for name in first
        if name.startswith("head.") == head and name.endswith((".weight", ".bias"))
    ]
    return max(float((first[name] - second[name]).abs().max()) for name in names)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Pretrained:
    folder = tmp_path_factory.mktemp("pretrained")
    data = draw_set(folder, 12)
    three = draw_set(folder / "three", 6, seed=1)
    records = read_tps(three[1])
    cut = [tps_record(str(r.image), [[x, 72 - y] for x, y in r.points[:3]]) for r in records]
    three[1].write_text("".join(cut), encoding="utf-8")
    run, full, half = (folder / name for name in ("run", "full.onnx", "half.onnx"))
    # Long enough for clear peaks: a file whose peaks are ties differs from its network by a cell.
    recipe = small_recipe(
        folder / "nano.toml", network="nano", epochs=1, steps_per_epoch=160, batch_size=8,
        averaging=0.95,
    )  # fmt: skip
    for arguments in (
        ("train", "--no-export", *data, "--part", "quad", "--recipe", recipe, "-o", run, "-q"),
        ("export", run, "-o", full),
        ("export", run, "-o", half, "--fp16", "--model-version", "2.0"),
    ):
        app([str(argument) for argument in arguments], standalone_mode=False)
    return Pretrained(data, three, run, full, half)


@pytest.fixture
def fine_tune(command: Command, pretrained: Pretrained, tmp_path: Path) -> FineTune:
    """``fine_tune(source, *options, data=..., part=..., **changes of the recipe)``."""

    def call(
        source: str | Path,
        *options: object,
        data: tuple[Path, Path] = pretrained.three,
        part: str = "triangle",
        **changes: object,
    ) -> Finished:
        entries = {"network": "nano", "epochs": 1, "steps_per_epoch": 1} | changes
        recipe = small_recipe(tmp_path / "tune.toml", **entries)
        return command(
            "train", "--no-export", *data, "--part", part, "--recipe", recipe, "--init", source,
            "-o", tmp_path / "tuned", *options,
        )  # fmt: skip

    return call


@pytest.mark.parametrize("precision", ["full", "half"])
def test_the_weights_in_a_model_file_predict_as_the_file_does(
    pretrained: Pretrained, precision: str
) -> None:
    path = getattr(pretrained, precision)
    source = open_source(str(path))
    network = build_network(source.networks[0], len(source.spec), source.channels)
    found = network.load_state_dict(source.tensors, strict=False)
    assert not found.unexpected_keys
    assert all(name.endswith("num_batches_tracked") for name in found.missing_keys)
    paths = sorted((pretrained.data[0]).glob("*.png"))
    session = Session.open(path, device="cpu")
    network.expect(session.card.shapes, load_checkpoint(pretrained.run).recipe)
    grey = [pixels for path in paths if (pixels := cv2.imread(str(path), 0)) is not None]
    images = np.stack([cv2.resize(pixels, session.card.input_size)[None] for pixels in grey])
    with torch.inference_mode():
        exportable = Exportable(network.eval(), DEFAULT)
        own, own_scores, own_errors = exportable(torch.from_numpy(images))
    placed = session.run(images.astype(np.uint8))
    assert np.abs(own.numpy() - placed.xy).max() < 0.01
    assert np.abs(own_scores.numpy() - placed.score).max() < 1e-3
    assert own_errors.numpy() == pytest.approx(placed.expected_error, rel=0.01)


def test_a_model_file_holds_the_weights_that_were_trained(pretrained: Pretrained) -> None:
    trained = load_checkpoint(pretrained.run).tensors
    full, half = (open_source(str(path)).tensors for path in (pretrained.full, pretrained.half))
    assert full.keys() == half.keys()
    assert {n for n in trained if "num_batches" not in n} == full.keys()
    for name, tensor in full.items():
        assert torch.equal(tensor, trained[name])
        assert torch.allclose(half[name], tensor, rtol=1e-3, atol=1e-6)
    assert pretrained.half.stat().st_size < 0.6 * pretrained.full.stat().st_size


def tuned(tmp_path: Path, name: str = "weights.safetensors") -> dict[str, Tensor]:
    return load_file(tmp_path / "tuned" / name)


def test_the_same_part_keeps_its_head(
    pretrained: Pretrained, fine_tune: FineTune, tmp_path: Path
) -> None:
    done = fine_tune(pretrained.full, data=pretrained.data, part="quad", body_rate=0)
    assert done.code == 0
    assert f"loaded all 70 layers from {pretrained.full} (quad 1)" in done.err
    first, second = open_source(str(pretrained.full)).tensors, tuned(tmp_path)
    assert farthest(first, second, head=True) == farthest(first, second, head=False) == 0


def test_another_part_of_as_many_landmarks_gets_a_new_head(
    pretrained: Pretrained, fine_tune: FineTune, tmp_path: Path
) -> None:
    done = fine_tune(pretrained.full, data=pretrained.data, part="window", body_rate=0)
    assert "new: the head, for the landmarks of window instead of quad" in done.err
    first, second = open_source(str(pretrained.full)).tensors, tuned(tmp_path)
    assert farthest(first, second, head=False) == 0 < farthest(first, second, head=True)
    named = tmp_path / "quad.toml"
    named.write_text('landmark_names = ["a", "b", "c", "d"]', encoding="utf-8")
    done = fine_tune(
        pretrained.full, "-o", tmp_path / "named", data=pretrained.data, part=str(named)
    )
    assert "69 of 70 layers" in done.err
    assert "new: the head, for landmarks of other names" in done.err


def test_colour_from_grey_starts_with_a_new_first_layer(
    pretrained: Pretrained, fine_tune: FineTune
) -> None:
    done = fine_tune(pretrained.half, channels=3)
    assert done.code == 0
    assert "loaded 67 of 70 layers" in done.err
    for layer in ("stem.0.0", "patch_stem.0"):
        assert f"the layer {layer}, for 3 channels instead of 1" in done.err


def test_the_body_takes_smaller_steps_than_the_head(
    pretrained: Pretrained, fine_tune: FineTune, tmp_path: Path
) -> None:
    moved = {}
    heads = []
    start = open_source(str(pretrained.run)).tensors
    for share in (1e-3, 1.0):
        done = fine_tune(pretrained.run, "-o", tmp_path / str(share), body_rate=share)
        assert done.code == 0
        ended = load_file(tmp_path / str(share) / "last.safetensors")
        network = {n[8:]: t for n, t in ended.items() if n.startswith("network.")}
        heads.append(network["head.second.weight"])
        moved[share] = farthest(start, network, head=False)
    # AdamW's first step moves each weight by the learning rate, 3e-3.
    assert moved[1e-3] == pytest.approx(3e-6, rel=0.2)
    assert moved[1.0] == pytest.approx(3e-3, rel=0.2)
    assert torch.equal(*heads)


def test_an_interrupted_run_goes_on_to_the_same_weights(
    pretrained: Pretrained, fine_tune: FineTune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source.onnx"
    shutil.copy(pretrained.half, source)
    long: dict[str, Any] = {"epochs": 4, "steps_per_epoch": 2, "body_rate": 0.1}
    assert fine_tune(source, "-o", tmp_path / "whole", **long).code == 0
    append = TrainingLog.append

    def interrupted(self: TrainingLog[EpochLog], epoch: EpochLog) -> None:
        append(self, epoch)
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TrainingLog, "append", interrupted)
        assert fine_tune(source, **long).code == 130
    assert load_checkpoint(tmp_path / "tuned" / "last.safetensors").epoch == 1
    shutil.copy(pretrained.full, source)
    done = fine_tune(source, "--resume", **long)
    assert done.code == 1 and "it was started with another init file" in done.err
    shutil.copy(pretrained.half, source)
    assert fine_tune(source, "--resume", **long).code == 0
    for name in ("weights.safetensors", "last.safetensors"):
        resumed, whole = tuned(tmp_path, name), load_file(tmp_path / "whole" / name)
        assert resumed.keys() == whole.keys()
        assert all(torch.equal(resumed[n], whole[n]) for n in whole)


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
