"""What several tests need: a tiny model, drawn photographs with known landmarks, a command line."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hub_server import HubServer
from kinds import Command, Draw, Finished, WriteModel
from numpy.typing import NDArray

from beetle_lm.zoo.entries import ModelEntry
from beetle_lm.zoo.model_file.card import CARD_KEY, Fit, ModelCard
from beetle_lm.zoo.model_file.parts import PartSpec
from beetle_lm.zoo.model_file.shape_space import Limits, ShapeSpace
from beetle_lm.zoo.model_file.whole import WholeSpecimen

UNLIMITED = Limits(1e3, 1e3, (-180.0, 180.0), (0.0, 100.0))
COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


def pytest_configure() -> None:
    """Lets each process compute in one thread: two workers on two cores are in each other's way."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two workers for folders of tests; none for single files, which they would only hold up."""
    return 2 if all(Path(argument).is_dir() for argument in config.args) else 0


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; the test is skipped where there is none."""
    folder = Path(__file__).parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real data are not at hand ({folder})")
    return folder


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Command:
    """Runs the command line in this process: ``command("predict", folder, "-o", out)``."""
    from beetle_lm.cli import run

    def call(*arguments: object) -> Finished:
        monkeypatch.setattr(sys, "argv", ["beetle-lm", *map(str, arguments)])
        caplog.clear()
        capsys.readouterr()
        try:
            code: object = run()
        except SystemExit as exit_:
            code = exit_.code
        said = capsys.readouterr()
        warned = [
            f"warning: {r.getMessage()}" for r in caplog.records if r.levelno >= logging.WARNING
        ]
        return Finished(int(str(code or 0)), said.out, said.err + "\n".join(warned))

    return call


@pytest.fixture
def tps(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Writes a TPS file from text or bytes."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "some.tps"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub on loopback that the environment names, a token for it, and an empty HF_HOME."""
    from huggingface_hub import close_session, constants
    from huggingface_hub.utils import _http

    close_session()  # a client of its own, which no call that an earlier test gave up can close
    monkeypatch.setattr(_http, "close_session", lambda: None)
    logger = logging.getLogger("huggingface_hub")  # such a call may still tell of its retries
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    with HubServer() as server:
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        monkeypatch.setenv("HF_TOKEN", server.token)
        # The client reads these when it is imported.
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        for name in ("HF_HUB_OFFLINE", "BEETLE_LM_ZOO"):
            monkeypatch.delenv(name, raising=False)
        yield server
    logger.setLevel(level)


def dots_spec(name: str = "dots") -> PartSpec:
    """The part that the tiny models know."""
    return PartSpec(name, ("red", "green", "blue"))


@pytest.fixture
def draw() -> Draw:
    """Draws a white photograph with a red, a green and a blue square around three points.

    ``draw((width, height), [(x, y), ...], side=20)``: the squares' corners lie between pixels, so
    that the points, given in halves of `side`, are their exact centres.
    """

    def drawn(
        size: tuple[int, int], points: Sequence[tuple[float, float]], side: int = 20
    ) -> NDArray[np.uint8]:
        pixels = np.full((size[1], size[0], 3), 255, np.uint8)
        for (x, y), colour in zip(points, COLOURS, strict=False):
            left, top = round(x - side / 2), round(y - side / 2)
            pixels[top : top + side, left : left + side] = colour
        return pixels

    return drawn


@pytest.fixture
def write_model(tmp_path: Path) -> WriteModel:
    """Writes a tiny model that finds coloured squares: ``write_model(channels=3, ...)``.

    With 3 channels its landmarks are the centroids of red, green and blue. With 1 channel all
    three are at the centroid of what is dark, moved by (0, 0), (6, 0) and (0, 4) input pixels.
    A landmark whose colour is absent gets score 0 and an expected error of 40 input pixels; nothing
    is flagged unless `shapes` or `limits` are given.
    """
    pytest.importorskip("onnx")

    def write(
        name: str = "model.onnx",
        *,
        channels: int = 3,
        size: tuple[int, int] = (96, 72),
        fit: Fit = "letterbox",
        part: str = "dots",
        batch: int | str = "N",
        card: str | None = None,
        with_card: bool = True,
        shapes: ShapeSpace | None = None,
        limits: Limits = UNLIMITED,
        whole: WholeSpecimen | None = None,
    ) -> Path:
        model_card = ModelCard(
            spec=dots_spec(part),
            input_width=size[0],
            input_height=size[1],
            channels=channels,
            fit=fit,
            version="1.0",
            weights_sha256="0" * 64,
            metrics=(),
            provenance="drawn squares",
            licence="Apache-2.0",
            shapes=shapes,
            limits=limits,
            whole=whole,
        )
        text = (model_card.to_json() if card is None else card) if with_card else None
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_dots_model(channels, size, batch, text))
        return path

    return write


@pytest.fixture
def model(write_model: WriteModel) -> Path:
    """A tiny model that finds red, green and blue squares."""
    return write_model()


@pytest.fixture
def write_zoo(
    tmp_path: Path, write_model: WriteModel, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """Writes models and a registry that names them: ``write_zoo("head", "wing", channels=1)``."""

    def write(*parts: str, **options: Any) -> Path:
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))
        monkeypatch.delenv("BEETLE_LM_ZOO", raising=False)
        models = {
            part: ModelEntry.of_file(
                write_model(f"zoo/{part}.onnx", part=part, **options)
            ).to_dict()
            for part in parts
        }
        registry = tmp_path / "zoo" / "registry.json"
        registry.write_text(json.dumps({"models": models}), encoding="utf-8")
        return registry

    return write


@pytest.fixture
def zoo(write_zoo: Callable[..., Path]) -> Path:
    """A registry with models for elytra, head and wing, and none for pronotum."""
    return write_zoo("elytra", "head", "wing")


@pytest.fixture
def limited_files() -> Iterator[Callable[[int], None]]:
    """Limits the size of the files that this process writes."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda bytes_: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _dots_model(channels: int, size: tuple[int, int], batch: int | str, card: str | None) -> bytes:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    width, height = size
    constants = {
        "x": np.broadcast_to(np.arange(width) + 0.5, (1, 1, height, width)),
        "y": np.broadcast_to((np.arange(height) + 0.5)[:, None], (1, 1, height, width)),
        "tiny": np.array(1e-6),
        "full": np.array(255.0 * 4),
        "white": np.array(255.0),
        "one": np.array(1.0),
        "forty": np.array(40.0),
        "shift": np.array([[[0, 0], [6, 0], [0, 4]]] if channels == 1 else [[[0, 0]] * 3]),
    }
    tensors = [
        numpy_helper.from_array(np.ascontiguousarray(value, np.float32), key)
        for key, value in constants.items()
    ]
    tensors.append(numpy_helper.from_array(np.array([2, 3]), "plane"))
    tensors.append(numpy_helper.from_array(np.array([2]), "last"))
    node = helper.make_node
    nodes = [node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT)]
    if channels == 3:
        nodes.append(node("Split", ["pixels"], ["r", "g", "b"], axis=1, num_outputs=3))
        for own, first, second in (("r", "g", "b"), ("g", "r", "b"), ("b", "r", "g")):
            nodes += [
                node("Sub", [own, first], [f"{own}1"]),
                node("Sub", [own, second], [f"{own}2"]),
                node("Min", [f"{own}1", f"{own}2"], [f"{own}3"]),
                node("Relu", [f"{own}3"], [f"{own}4"]),
            ]
        nodes.append(node("Concat", ["r4", "g4", "b4"], ["weight"], axis=1))
    else:
        nodes.append(node("Sub", ["white", "pixels"], ["dark"]))
        nodes.append(node("Concat", ["dark"] * 3, ["weight"], axis=1))
    nodes += [
        node("ReduceSum", ["weight", "plane"], ["mass"], keepdims=0),
        node("Add", ["mass", "tiny"], ["divisor"]),
        node("Div", ["mass", "full"], ["share"]),
        node("Min", ["share", "one"], ["score"]),
        node("Sub", ["one", "score"], ["lack"]),
        node("Mul", ["lack", "forty"], ["expected_error"]),
    ]
    for axis in "xy":
        nodes += [
            node("Mul", ["weight", axis], [f"{axis}_weighted"]),
            node("ReduceSum", [f"{axis}_weighted", "plane"], [f"{axis}_sum"], keepdims=0),
            node("Div", [f"{axis}_sum", "divisor"], [f"{axis}_mean"]),
            node("Unsqueeze", [f"{axis}_mean", "last"], [f"{axis}_column"]),
        ]
    nodes += [
        node("Concat", ["x_column", "y_column"], ["centroids"], axis=2),
        node("Add", ["centroids", "shift"], ["landmarks"]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "dots",
        [value("image", TensorProto.UINT8, [batch, channels, height, width])],
        [
            value("landmarks", TensorProto.FLOAT, [batch, 3, 2]),
            value("score", TensorProto.FLOAT, [batch, 3]),
            value("expected_error", TensorProto.FLOAT, [batch, 3]),
        ],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    if card is not None:
        helper.set_model_props(model, {CARD_KEY: card})
    onnx.checker.check_model(model)
    serialised: bytes = model.SerializeToString()
    return serialised
