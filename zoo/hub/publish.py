"""From a model file to a repository on the Hub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from beetle_lm.errors import HubError, ModelError, RequestError
from beetle_lm.zoo.hub.client import Hub, WatchedBytes, added
from beetle_lm.zoo.hub.errors import Attempt
from beetle_lm.zoo.hub.model_page import model_page
from beetle_lm.zoo.hub.name import HUB_PREFIX, REVISION, HubModel
from beetle_lm.zoo.hub.watch import Give
from beetle_lm.zoo.model_file.manifest import MANIFEST_FILE, MODEL_FILE, PAGE_FILE, Manifest

if TYPE_CHECKING:
    from beetle_lm.zoo.hub.client import Api


def push(
    path: Path, repository: str, hub: Hub, private: bool, tag: str | None, space: str | None = None
) -> HubModel:
    """Publishes a model with its page and its card, as one commit.

    Args:
        path: a model of beetle-lm's.
        repository: ``org/name``; it is made where there is none.
        hub: where to.
        private: make a new repository private, and refuse one that is public.
        tag: is given to the commit, if any.
        space: address of a Space that the model's page tells of, if there is one.

    Returns:
        What others pull it by: the tag, or the commit where there is none.

    Raises:
        RequestError: the repository's name or the tag cannot be one.
        ModelError: the file is not a beetle-lm model; nothing was published.
        HubError: the repository is somebody else's, public, or has the tag already; or the Hub
            cannot be asked.
    """
    if tag is not None and (not re.fullmatch(REVISION, tag) or ".." in tag):
        raise RequestError(f"{tag!r} cannot be a tag; write something like v1")
    model = HubModel.parse(repository if tag is None else f"{repository}@{tag}")
    manifest = Manifest.of_file(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
    card, page = manifest.to_json().encode(), model_page(manifest, model, space).encode()
    message = f"{manifest.card.spec.name}, version {manifest.card.version}"

    def upload(api: Api, give: Give[str]) -> None:
        api.create_repo(model.repository, private=private or None, exist_ok=True)
        _check_repository(api, model, private, tag)
        files = [
            added(MODEL_FILE, WatchedBytes(content, lambda: give(None))),
            added(MANIFEST_FILE, card),
            added(PAGE_FILE, page),
        ]
        commit = api.create_commit(model.repository, files, commit_message=message).oid
        if tag is not None:
            api.create_tag(model.repository, tag=tag, revision=commit)
        give(commit)

    failed = f"{HUB_PREFIX}{model.repository} cannot be published"
    attempt = Attempt(failed, "and push again", hub.endpoint, model.repository, right="write")
    (commit,) = hub.ask(attempt, upload)
    return HubModel(model.repository, tag or commit)


def _check_repository(api: Api, model: HubModel, private: bool, tag: str | None) -> None:
    info = api.model_info(model.repository)
    names = {sibling.rfilename for sibling in info.siblings or []}
    if private and not info.private:
        raise HubError(
            f"{model.repository} exists and is public; nothing was uploaded; make it private at"
            f" {api.endpoint}/{model.repository}/settings, or choose another name"
        )
    if MANIFEST_FILE not in names and names - {".gitattributes", "README.md", "LICENSE"}:
        raise HubError(
            f"{model.repository} holds something other than a beetle-lm model; nothing was"
            " uploaded; choose another name"
        )
    if tag is not None:
        refs = api.list_repo_refs(model.repository)
        if tag in {ref.name for ref in (*refs.tags, *refs.branches)}:
            raise HubError(
                f"{model.repository} already has a tag or branch {tag}; nothing was uploaded; what"
                " others have pulled must stay what it is: choose another tag"
            )
