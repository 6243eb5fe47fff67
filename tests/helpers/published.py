"""A model on the Hub, and what is held against it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beetle_lm.errors import BeetleLMError
from beetle_lm.zoo.hub.client import Hub
from beetle_lm.zoo.hub.name import HubModel
from beetle_lm.zoo.hub.publish import push
from beetle_lm.zoo.store import Store

NAME = "hf:lab/dots@v1"
INFORMATION, CARD, MODEL = "GET /api/models/", "card.json", "GET /lfs/"


def publish(path: Path, tag: str | None = None, name: str = "lab/dots") -> HubModel:
    return push(path, name, Hub.from_environment(), private=False, tag=tag)


def enlarged(path: Path, seed: int = 0, size: int = 5_000_000) -> Path:
    """Adds that many bytes of noise to a model file."""
    import onnx
    from onnx import numpy_helper

    proto = onnx.load(path)
    noise = np.random.default_rng(seed).integers(0, 256, size).astype(np.uint8)
    proto.graph.initializer.append(numpy_helper.from_array(noise, "unused"))
    path.write_bytes(proto.SerializeToString())
    return path


def kept() -> list[Path]:
    return [path for path in Store().folder.rglob("*") if path.is_file()]


def sentence(error: pytest.ExceptionInfo[BeetleLMError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 600
    assert "hf_secret" not in text
    return text
