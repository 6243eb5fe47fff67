"""A Hub that holds a model, and less patience with it."""

from __future__ import annotations

import pytest
from hub_server import HubServer
from kinds import WriteModel
from published import publish

from beetle_lm.zoo.hub import client as hub_module


@pytest.fixture
def published(hub: HubServer, write_model: WriteModel) -> HubServer:
    publish(write_model("dots.onnx"), "v1")
    return hub


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "PATIENCE", 0.4)
