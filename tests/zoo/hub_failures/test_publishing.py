"""Whatever the Hub does while a model is published: one sentence, and soon."""

from __future__ import annotations

import re
import time

import pytest
from hub_server import HubServer
from kinds import WriteModel
from published import publish, sentence

from beetle_lm.errors import HubError


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("how", "where", "what"),
    [
        ("hang", "create", "no useful answer for"),
        ("hang", "PUT /lfs/", "no useful answer for"),
        ("hang", "/commit/", "no useful answer for"),
        ("403", "/api/repos/create", "set HF_TOKEN to a token that may write to lab"),
        ("401", "PUT /lfs/", "set HF_TOKEN to a token that may write to lab"),
        ("html", "preupload", "does not answer as a Hub does"),
        ("500", "/commit/", "out of order|no useful answer for"),  # the client retries
    ],
)
def test_publishing_to_a_hub_that_fails(
    hub: HubServer, write_model: WriteModel, how: str, where: str, what: str
) -> None:
    hub.fail(how, where)
    started = time.monotonic()
    with pytest.raises(HubError) as error:
        publish(write_model("dots.onnx"), "v1")
    assert time.monotonic() - started < 3
    assert sentence(error).startswith("hf:lab/dots cannot be published")
    assert re.search(what, sentence(error)), sentence(error)
    assert all(len(made.commits) == 1 for made in hub.repositories.values())
    hub.work()
    publish(write_model("dots.onnx"), "v1")


def test_publishing_where_one_may_not(hub: HubServer, write_model: WriteModel) -> None:
    with pytest.raises(HubError, match="may write to others"):
        publish(write_model("dots.onnx"), "v1", name="others/dots")
