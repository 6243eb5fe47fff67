"""A static Space on the Hub: a page that anyone can try a model on, in the browser."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from beetle_lm.errors import HubError
from beetle_lm.zoo.hub.client import Hub, WatchedBytes, added
from beetle_lm.zoo.hub.errors import Attempt
from beetle_lm.zoo.hub.model_page import hub_licence, one_line
from beetle_lm.zoo.hub.name import HubModel
from beetle_lm.zoo.hub.watch import Give
from beetle_lm.zoo.model_file.card import ModelCard
from beetle_lm.zoo.model_file.manifest import PAGE_FILE

if TYPE_CHECKING:
    from beetle_lm.zoo.hub.client import Api

_KIND = "space"
_MARK = "models.json"  # a Space that holds it is one of ours
_OWN = frozenset({".gitattributes", PAGE_FILE, "index.html", "style.css"})  # of a new static Space
# With these the browser lets the page use several threads.
_ISOLATED = {
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "cross-origin",
}


def push_space(
    files: Mapping[str, bytes], card: ModelCard, model: HubModel, hub: Hub, private: bool
) -> str:
    """Publishes a page as a static Space that has the name of the model's repository.

    Args:
        files: of the page, by their paths.
        card: of the model.
        model: the model that it shows.
        hub: where to.
        private: make a new Space private.

    Returns:
        The address of the Space.

    Raises:
        HubError: there is another Space of this name, or the Hub cannot be asked.
    """
    name = model.repository

    def upload(api: Api, give: Give[str]) -> None:
        api.create_repo(
            name, repo_type=_KIND, space_sdk="static", private=private or None, exist_ok=True
        )
        info = api.space_info(name)
        there = {sibling.rfilename for sibling in info.siblings or []}
        if _MARK not in there and there - _OWN:
            raise HubError(
                f"the Space {name} shows something other than a beetle-lm model; nothing was"
                " uploaded to it; the model is published all the same"
            )
        page = {PAGE_FILE: space_readme(card, model, hub.endpoint).encode(), **files}
        parts = [
            added(path, WatchedBytes(content, lambda: give(None))) for path, content in page.items()
        ]
        message = f"{card.spec.name}, version {card.version}"
        api.create_commit(name, parts, repo_type=_KIND, commit_message=message)
        give(space_address(model, hub))

    failed = f"the Space {name} cannot be published"
    attempt = Attempt(failed, "and push again", hub.endpoint, name, right="write")
    (address,) = hub.ask(attempt, upload)
    return address


def space_address(model: HubModel, hub: Hub) -> str:
    """Where the Space of a model is, or will be."""
    return f"{hub.endpoint}/spaces/{model.repository}"


def space_readme(card: ModelCard, model: HubModel, endpoint: str) -> str:
    """The README.md of a Space: YAML for the Hub, then a sentence for people."""
    part = one_line(card.spec.name)
    fields = {
        "title": f"{card.spec.name}: landmarks"[:60],
        "sdk": "static",
        "app_file": "index.html",
        "pinned": False,
        **hub_licence(card.licence),
        "models": [model.repository],
        "tags": ["beetle-lm", "landmarks", "morphometrics"],
        "short_description": f"{len(card.spec)} landmarks, in your browser",
        "custom_headers": _ISOLATED,
    }
    # Every JSON value is a YAML value, and needs no library to be quoted rightly.
    lines = (f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items())
    told = (
        f"Places {len(card.spec)} landmarks on photographs of the part *{part}*, with the model"
        f" [{model.repository}]({endpoint}/{model.repository}). Photographs stay on your computer:"
        " nothing is uploaded."
    )
    return "\n".join(("---", *lines, "---", "", told, ""))
