"""A method of training that takes no time."""

from __future__ import annotations

from pathlib import Path

import pytest

from beetle_lm.train import methods


@pytest.fixture
def mean_recipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The recipe of a third method, which is registered; its network answers the mean shape.

    It is trained and exported in no time: for tests of what all methods have in common.
    """
    pytest.importorskip("torch")
    from mean_shape_method import MEAN_SHAPE

    monkeypatch.setattr(methods, "METHODS", (*methods.METHODS, MEAN_SHAPE))
    path = tmp_path / "mean.toml"
    path.write_text('name = "mean"\nnetwork = "mean-shape"\nepochs = 2\n', encoding="utf-8")
    return path
