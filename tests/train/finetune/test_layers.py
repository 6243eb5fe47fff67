"""`beetle-lm train --init`: which layers are taken over, and how they learn on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fine_tuning import farthest
from kinds import FineTune, Pretrained

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from safetensors.torch import load_file  # noqa: E402
from torch import Tensor  # noqa: E402

from beetle_lm.export.to_onnx import Exportable  # noqa: E402
from beetle_lm.predict.session import Session  # noqa: E402
from beetle_lm.train.engine.calibration import DEFAULT  # noqa: E402
from beetle_lm.train.engine.checkpoint import load_checkpoint  # noqa: E402
from beetle_lm.train.engine.log import EpochLog, TrainingLog  # noqa: E402
from beetle_lm.train.finetune import open_source  # noqa: E402
from beetle_lm.train.methods import build_network  # noqa: E402


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
