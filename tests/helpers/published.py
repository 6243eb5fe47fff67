"""A model on the Hub, and what is held against it."""

from __future__ import annotations

from pathlib import Path

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


def kept() -> list[Path]:
    return [path for path in Store().folder.rglob("*") if path.is_file()]


def sentence(error: pytest.ExceptionInfo[BeetleLMError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 600
    assert "hf_secret" not in text
    return text
