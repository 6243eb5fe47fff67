"""From a source to a checked file in the store."""

from __future__ import annotations

import logging
from collections.abc import Generator
from pathlib import Path

from beetle_lm.errors import HubError, ModelError
from beetle_lm.zoo.entries import is_address
from beetle_lm.zoo.hub.client import Hub
from beetle_lm.zoo.hub.name import HUB_PREFIX, HubModel
from beetle_lm.zoo.model_file.bounds import LARGEST_MODEL
from beetle_lm.zoo.model_file.manifest import MANIFEST_FILE, MODEL_FILE, Manifest, file_sha256
from beetle_lm.zoo.model_file.onnx import check_contents, read_card
from beetle_lm.zoo.store import Pulled, Store

_PIECE = 1 << 20  # bytes that are copied at once
_log = logging.getLogger("beetle_lm")


def pull_from_hub(
    model: HubModel, store: Store, hub: Hub, renew: bool, sha256: str | None = None
) -> Pulled:
    """A model of the Hub, out of the store or fetched into it.

    What was pulled once stays what it is, and needs no network, until it is renewed.

    Args:
        model: which model.
        store: where it is kept.
        hub: where it is fetched.
        renew: ask the Hub what the revision means now, even if it was pulled before.
        sha256: what a registry says of the model file.

    Raises:
        HubError: it cannot be fetched, or is not what was promised.
        ModelError: the file in the store is damaged.
        OutputError: the store cannot be written.
    """
    record = store.find(str(model))
    if record is not None and not renew:
        _check_promise(record.manifest.sha256, sha256, str(model))
        return checked(record, store)
    commit = hub.commit_of(model)
    if record is not None and record.commit != commit and model.revision != "main":
        _log.warning("%s was commit %s and is %s now", model, record.commit[:12], commit[:12])
    manifest = _manifest(model, commit, store, hub)
    _check_promise(manifest.sha256, sha256, str(model))
    address = hub.address(model, commit, MODEL_FILE)
    return store.add(
        str(model),
        commit,
        model.repository.replace("/", "--"),
        manifest.sha256,
        lambda start: hub.download(model, address, manifest.size, start),
        lambda path: _check_published(path, manifest, str(model)),
    )


def read_manifest(model: HubModel, store: Store, hub: Hub) -> Manifest:
    """What is said of a model of the Hub, without fetching the model itself.

    Raises:
        HubError: the Hub cannot be asked, or it is not a beetle-lm model.
    """
    record = store.find(str(model))
    if record is not None:
        return record.manifest
    return _manifest(model, hub.commit_of(model), store, hub)


def pull_file(
    source: str, name: str, sha256: str, store: Store, hub: Hub, renew: bool = False
) -> Pulled:
    """A model file from the web or another folder, out of the store or copied into it.

    Args:
        source: web address, or path of a file.
        name: the model's name.
        sha256: SHA-256 of the file, as a registry gives it.
        store: where it is kept.
        hub: what fetches from the web.
        renew: replace the file in the store if it is damaged.

    Raises:
        HubError: it cannot be fetched.
        ModelError: it cannot be read, or is not what the registry promises.
        OutputError: the store cannot be written.
    """
    record = store.find(source)
    known = record is not None and record.manifest.sha256 == sha256
    if record is not None and known and not (renew and not store.is_whole(record)):
        return checked(record, store)
    if not is_address(source):
        check_file(Path(source), sha256, source)  # so that what fails below is the store

    def pieces(start: int) -> Generator[bytes, None, None]:
        if is_address(source):
            return hub.download(source, source, LARGEST_MODEL, start)
        return _pieces_of(Path(source), start)

    def check(path: Path) -> Manifest:
        check_file(path, sha256, source)
        return Manifest.of_file(path)

    return store.add(source, "", name, sha256, pieces, check)


def _pieces_of(path: Path, start: int) -> Generator[bytes, None, None]:
    with path.open("rb") as stream:
        stream.seek(start)
        while piece := stream.read(_PIECE):
            yield piece


def check_file(path: Path, sha256: str, source: str) -> None:
    """Checks a file against its SHA-256 in a registry.

    Raises:
        ModelError: it cannot be read or is another one.
    """
    _check_promise(file_sha256(path), sha256, source)


def checked(record: Pulled, store: Store) -> Pulled:
    """A model of the store, if its file is whole.

    Raises:
        ModelError: it is not.
    """
    if not store.is_whole(record):
        raise ModelError(
            f"{record.source} is damaged or gone: {store.path(record)} is not the file that was"
            f" pulled; `beetle-lm zoo pull {record.source}` fetches it again"
        )
    return record


def _check_published(path: Path, manifest: Manifest, source: str) -> Manifest:
    size, found = path.stat().st_size, file_sha256(path)
    if size < manifest.size:
        raise ModelError(
            f"{source}: the model file was cut short in transit, {size} of {manifest.size} bytes;"
            " try again"
        )
    if found != manifest.sha256:
        raise ModelError(
            f"{source}: the model file is not the one that was published: its SHA-256 is {found},"
            f" not {manifest.sha256}; nothing was kept; try again, and if that does not help tell"
            " those who published it"
        )
    check_contents(path)
    if read_card(path) != manifest.card:
        raise ModelError(
            f"{source}: the card beside the model is not the one inside it; nothing was kept;"
            " publish the model again with `beetle-lm zoo push`"
        )
    return manifest


def _manifest(model: HubModel, commit: str, store: Store, hub: Hub) -> Manifest:
    for record in store.records():
        same = record.source.startswith(f"{HUB_PREFIX}{model.repository}@")
        if same and record.commit == commit:
            return record.manifest
    try:
        address = hub.address(model, commit, MANIFEST_FILE)
        return Manifest.from_json(b"".join(hub.download(model, address)))
    except HubError:
        raise
    except ModelError as error:
        raise HubError(f"{model} cannot be pulled: {error}; tell those who published it") from error


def _check_promise(found: str, sha256: str | None, source: str) -> None:
    if sha256 not in (None, found):
        raise ModelError(
            f"{source} is damaged, or not the file that the registry names: its SHA-256 is {found},"
            f" not {sha256}; ask whoever maintains the registry"
        )
