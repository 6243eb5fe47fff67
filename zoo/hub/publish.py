"""From a model file to a repository on the Hub."""

from __future__ import annotations

from pathlib import Path

from beetle_lm.errors import ModelError
from beetle_lm.zoo.hub.client import Hub
from beetle_lm.zoo.hub.model_page import model_page
from beetle_lm.zoo.hub.name import HubModel
from beetle_lm.zoo.model_file.manifest import MANIFEST_FILE, MODEL_FILE, PAGE_FILE, Manifest


def push(path: Path, repository: str, hub: Hub, private: bool, tag: str | None) -> HubModel:
    """Publishes a model with its page and its card, as one commit.

    Args:
        path: a model of beetle-lm's.
        repository: ``org/name``; it is made where there is none.
        hub: where to.
        private: make a new repository private, and refuse one that is public.
        tag: is given to the commit, if any.

    Returns:
        What others pull it by: the tag, or the commit where there is none.

    Raises:
        UsageError: the repository's name or the tag cannot be one.
        ModelError: the file is no model of beetle-lm's; nothing was published.
        HubError: it cannot be published.
    """
    model = HubModel.parse(f"{repository}@{tag}" if tag else repository)
    manifest = Manifest.of_file(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
    files = {
        MODEL_FILE: content,
        MANIFEST_FILE: manifest.to_json().encode("utf-8"),
        PAGE_FILE: model_page(manifest, model).encode("utf-8"),
    }
    message = f"{manifest.card.spec.name}, version {manifest.card.version}"
    commit = hub.publish(model, files, message, private, tag)
    return HubModel(model.repository, tag or commit)
