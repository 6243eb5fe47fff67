"""Opening a model: what is refused, and what the provider really is."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from kinds import WriteModel

from beetle_lm.errors import DeviceError, ModelError
from beetle_lm.origin import install
from beetle_lm.predict.session import CPU, CUDA, Session, create
from beetle_lm.zoo.model_file.card import CARD_FORMAT, CARD_KEY, ModelCard

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def changed_card(path: Path, **changes: object) -> str:
    """The card of a model file with other entries."""
    model = onnx.load(path)
    entries = json.loads(next(p.value for p in model.metadata_props if p.key == CARD_KEY))
    return json.dumps({**entries, **changes})


def test_opens_a_model(write_model: WriteModel) -> None:
    path = write_model()
    session = Session.open(path, "cpu", threads=1)
    assert session.card.spec.landmark_names == ("red", "green", "blue")
    assert (session.card.input_size, session.card.channels) == ((96, 72), 3)
    assert session.provider == CPU
    assert session.batch_size is None
    assert len(session.sha256) == 64
    assert session.runtime_version == onnxruntime.__version__


def test_runs_a_batch(write_model: WriteModel) -> None:
    batch = np.full((2, 3, 72, 96), 255, np.uint8)
    batch[1, 1:, 30:40, 20:30] = 0  # red
    placed = Session.open(write_model()).run(batch)
    xy, score = placed.xy, placed.score
    assert (xy.shape, score.shape) == ((2, 3, 2), (2, 3))
    assert xy[1, 0] == pytest.approx((25, 35))
    assert score.tolist() == [[0, 0, 0], [1, 0, 0]]
    assert placed.expected_error.tolist() == [[40, 40, 40], [0, 40, 40]]


def test_says_when_a_batch_cannot_be_run(write_model: WriteModel) -> None:
    session = Session.open(write_model())
    with pytest.raises(ModelError, match=r"model\.onnx cannot be run on a batch of 1"):
        session.run(np.zeros((1, 3, 10, 10), np.uint8))


def test_auto_says_what_it_took(write_model: WriteModel) -> None:
    session = Session.open(write_model(), "auto")
    expected = CUDA if CUDA in onnxruntime.get_available_providers() else CPU
    assert session.provider in (expected, CPU)


def test_model_without_a_card(write_model: WriteModel) -> None:
    with pytest.raises(ModelError, match=r"other\.onnx is not a beetle-lm model.*no card"):
        Session.open(write_model("other.onnx", with_card=False))


def test_card_of_another_version(write_model: WriteModel) -> None:
    card = changed_card(write_model(), format=CARD_FORMAT + 1)
    with pytest.raises(ModelError, match=rf"new\.onnx: .*format version {CARD_FORMAT + 1}"):
        Session.open(write_model("new.onnx", card=card))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_width": 100}, r"'image' as tensor\(uint8\) of \['N', 3, 72, 100\]"),
        ({"channels": 1}, "'image'"),
        (
            {"part": {"name": "dots", "landmark_names": ["a", "b"], "mirror_pairs": []}},
            r"'landmarks' as tensor\(float\) of \['N', 2, 2\]",
        ),
    ],
)
def test_card_that_does_not_fit_the_graph(
    write_model: WriteModel, changes: dict[str, object], message: str
) -> None:
    card = changed_card(write_model(), **changes)
    with pytest.raises(ModelError, match=message):
        Session.open(write_model("odd.onnx", card=card))


def test_outputs_of_another_name(write_model: WriteModel) -> None:
    path = write_model()
    model = onnx.load(path)
    model.graph.output[2].name = "doubt"
    last = next(node for node in model.graph.node if node.output[0] == "expected_error")
    last.output[0] = "doubt"
    onnx.save(model, path)
    with pytest.raises(ModelError, match="lacks the output 'expected_error'"):
        Session.open(path)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", bytes(1000)])
def test_file_that_is_no_model(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "page.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"page\.onnx cannot be loaded as a model"):
        Session.open(tmp_path / "page.onnx")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.onnx cannot be read"):
        Session.open(tmp_path / "gone.onnx")


def test_weights_in_a_second_file_are_refused_even_where_it_is_there(
    write_model: WriteModel, tmp_path: Path
) -> None:
    whole = onnx.load(write_model())
    path = tmp_path / "split.onnx"
    onnx.save_model(whole, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    assert (tmp_path / "w.bin").stat().st_size > 0
    with pytest.raises(ModelError, match=r"split\.onnx cannot be loaded as a model"):
        Session.open(path)


def test_operators_of_others_are_refused(write_model: WriteModel) -> None:
    path = write_model()
    model = onnx.load(path)
    model.graph.node[0].domain = "com.example"
    model.opset_import.append(onnx.helper.make_opsetid("com.example", 1))
    onnx.save(model, path)
    with pytest.raises(ModelError, match="cannot be loaded as a model"):
        Session.open(path)


def test_cuda_that_the_package_lacks_is_an_error(write_model: WriteModel) -> None:
    if CUDA in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    with pytest.raises(DeviceError, match=f"no CUDA provider.*{re.escape(install('gpu'))}"):
        Session.open(write_model(), "cuda")


def runtime_without_a_card_in_the_machine() -> SimpleNamespace:
    """onnxruntime-gpu as it is on a machine without a GPU: lists CUDA, gives the CPU."""

    def preload() -> None:
        print("Failed to load libcublasLt.so.12")

    return SimpleNamespace(
        get_available_providers=lambda: [CUDA, CPU],
        preload_dlls=preload,
        set_default_logger_severity=onnxruntime.set_default_logger_severity,
        SessionOptions=onnxruntime.SessionOptions,
        InferenceSession=lambda data, options, providers: onnxruntime.InferenceSession(
            data, options, providers=[CPU]
        ),
    )


def test_cuda_that_is_silently_not_obtained_is_an_error(
    write_model: WriteModel, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime, data = runtime_without_a_card_in_the_machine(), write_model().read_bytes()
    with pytest.raises(DeviceError, match=r"could not start it \(Failed to load libcublasLt"):
        create(runtime, data, "model.onnx", "cuda", None)
    assert create(runtime, data, "model.onnx", "auto", None).get_providers() == [CPU]
    assert capsys.readouterr().out == ""  # stdout is for results


def test_no_runtime_installed(write_model: WriteModel, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_model()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DeviceError, match=re.escape(install("cpu"))):
        Session.open(path)


def test_what_is_left_of_two_runtimes(
    write_model: WriteModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_model()
    monkeypatch.setitem(sys.modules, "onnxruntime", ModuleType("onnxruntime"))
    with pytest.raises(DeviceError, match="pip uninstall -y onnxruntime onnxruntime-gpu"):
        Session.open(path)


def test_fixed_batch_is_known(write_model: WriteModel) -> None:
    assert Session.open(write_model(batch=4)).batch_size == 4


@pytest.mark.parametrize("batch", [0, 257, 200_000, 2_000_000_000])
def test_a_batch_that_nobody_can_give_is_refused(write_model: WriteModel, batch: int) -> None:
    with pytest.raises(ModelError, match=rf"takes {batch} photographs of 20736 bytes at once"):
        Session.open(write_model(batch=batch))


def test_a_batch_of_large_inputs_is_refused(write_model: WriteModel) -> None:
    Session.open(write_model(size=(2048, 2048), batch=8, channels=1))
    with pytest.raises(ModelError, match="takes 80 photographs of 4194304 bytes at once"):
        Session.open(write_model(size=(2048, 2048), batch=80, channels=1))


def test_card_in_the_file_is_the_card_that_was_written(write_model: WriteModel) -> None:
    path = write_model()
    assert ModelCard.from_json(changed_card(path)) == Session.open(path).card
