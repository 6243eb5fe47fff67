"""From the name of a model to its file."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from importlib import resources
from pathlib import Path

from beetle_lm.errors import Hint, HubError, ModelError, OutputError, PartError
from beetle_lm.zoo.entries import ModelEntry, Registry, is_address
from beetle_lm.zoo.hub.client import Hub
from beetle_lm.zoo.hub.name import HUB_PREFIX, HubModel
from beetle_lm.zoo.model_file.manifest import file_sha256
from beetle_lm.zoo.model_file.parts import PARTS, find_part
from beetle_lm.zoo.pull import check_file, pull_file, pull_from_hub
from beetle_lm.zoo.store import Store

ZOO_VARIABLE = "BEETLE_LM_ZOO"
"""The environment variable that names an organisation's registry."""

_COPIES = "registries"  # folder in the store
_log = logging.getLogger("beetle_lm")


def bundled_models() -> dict[str, ModelEntry]:
    """The models that come with the package, by the name of their part."""
    text = resources.files("beetle_lm.zoo").joinpath("registry.json").read_text(encoding="utf-8")
    return Registry.from_json(text, "registry.json").models


def organisation_registry(
    where: str | None, store: Store, hub: Hub, renew: bool = False
) -> Registry | None:
    """The registry that was asked for, or that BEETLE_LM_ZOO names; None if neither.

    One from the web is fetched once and then used as it was, until it is renewed; one in a file is
    read each time. Where it cannot be reached the last copy serves, with a warning.

    Args:
        where: web address, file (``.json``), or folder with a ``registry.json``; None for the
            environment's.
        store: where copies are kept.
        hub: what fetches from the web.
        renew: fetch it again.

    Raises:
        HubError: it cannot be fetched, and there is no copy.
        ModelError: it cannot be read or is not as it should be.
    """
    where = where or os.environ.get(ZOO_VARIABLE)
    if not where:
        return None
    on_web = is_address(where)
    if not on_web:
        path = Path(where).absolute()
        where = str(path if path.suffix.lower() == ".json" else path / "registry.json")
    copy = store.read_text(_COPIES, where)
    if on_web and copy is not None and not renew:
        return Registry.from_json(copy, where)
    try:
        text = b"".join(hub.download(where, where)) if on_web else Path(where).read_bytes()
    except (HubError, OSError) as error:
        if copy is not None:
            _log.warning("the last copy of the registry is used: %s", error)
            return Registry.from_json(copy, where)
        if isinstance(error, HubError):
            raise
        raise ModelError(
            f"the registry {where} cannot be read: {error.strerror or error}", Hint.REGISTRY
        ) from error
    registry = Registry.from_json(text, where)
    if renew or on_web:
        with contextlib.suppress(OutputError):  # it is only for the day without a network
            # In UTF-8 without a byte order mark, whatever encoding an editor saved it in.
            store.write_text(_COPIES, where, json.dumps(json.loads(text)))
    return registry


def resolve(name: str, zoo: str | None = None) -> Path:
    """The checked local file of a model; one of the Hub is pulled when it is first asked for.

    The name of a part means its bundled model even where a folder of that name exists, as it does
    for people who keep their photographs in a folder ``elytra``.

    Args:
        name: the name of a part or of a model in the organisation's registry, the path of an ONNX
            file, or ``hf:org/name@revision``.
        zoo: the organisation's registry, a web address or a file; BEETLE_LM_ZOO where not given.

    Raises:
        PartError: the name is neither a path nor a part.
        HubError: the model has to be fetched, and cannot be.
        ModelError: there is no such file, no model for the part, or a damaged one.
        RequestError: ``hf:`` is not followed by ``org/name@revision``.
    """
    if name.startswith(HUB_PREFIX):
        store = Store()
        pulled = pull_from_hub(HubModel.parse(name), store, Hub.from_environment(), renew=False)
        return store.path(pulled)
    path = Path(name)
    if name not in PARTS and (is_model_file(name) or len(path.parts) > 1):
        return _model_file(path)
    try:
        return named_model(name, zoo)
    except PartError:
        if path.is_dir():
            return _model_file(path)
        raise


def is_model_file(name: str) -> bool:
    """Whether a name means a file, by its ending or because there is one."""
    return Path(name).suffix.lower() == ".onnx" or Path(name).is_file()


def _model_file(path: Path) -> Path:
    if path.is_dir():
        raise ModelError(
            f"{path} is a folder, not a model; `beetle-lm export` makes one from a training run"
        )
    if not path.is_file():
        raise ModelError(f"there is no model file {path}")
    return path


def known_names(zoo: str | None = None) -> frozenset[str]:
    """The five parts, and what the organisation's registry names.

    Raises:
        HubError: the registry cannot be fetched, and there is no copy of it.
        ModelError: it is not as it should be.
    """
    registry = organisation_registry(zoo, Store(), Hub.from_environment())
    return frozenset(PARTS) | frozenset({} if registry is None else registry.models)


def named_model(name: str, zoo: str | None = None) -> Path:
    """The checked file of a model that the organisation's registry or the package's names.

    Raises:
        PartError: there is no such name.
        HubError: the model has to be fetched, and cannot be.
        ModelError: there is no model of that name, or a damaged one.
    """
    store, hub = Store(), Hub.from_environment()
    registry = organisation_registry(zoo, store, hub)
    if registry is None or name not in registry.models:
        return bundled_model(name)
    return model_of_registry(registry, name, store, hub)


def model_of_registry(
    registry: Registry, name: str, store: Store, hub: Hub, pull: bool = False
) -> Path:
    """The checked file of a model that an organisation's registry names.

    Args:
        registry: the registry.
        name: one of its models.
        store: where pulled models are kept.
        hub: what fetches.
        pull: have it in the store, up to date and whole; otherwise what is there will do.

    Raises:
        HubError: the model has to be fetched, and cannot be.
        ModelError: it is damaged, or not the one that the registry names.
    """
    source, sha256 = registry.source(name), registry.models[name].sha256
    if source.startswith(HUB_PREFIX):
        model = HubModel.parse(source)
        known = store.find(str(model))
        renew = pull or (known is not None and known.manifest.sha256 != sha256)
        return store.path(pull_from_hub(model, store, hub, renew, sha256))
    path = Path(source)
    if not pull and not is_address(source) and path.is_file():
        check_file(path, sha256, source)
        return path
    return store.path(pull_file(source, name, sha256, store, hub, renew=pull))


def pull(name: str, zoo: str | None, store: Store, hub: Hub) -> Path:
    """Makes sure that a model is here and up to date; fetches it again if it has changed.

    Raises:
        PartError: there is no such name.
        HubError: it cannot be fetched.
        ModelError: it is not what it should be.
        RequestError: ``hf:`` is not followed by ``org/name@revision``.
    """
    if name.startswith(HUB_PREFIX):
        return store.path(pull_from_hub(HubModel.parse(name), store, hub, renew=True))
    registry = organisation_registry(zoo, store, hub, renew=True)
    if registry is None or name not in registry.models:
        return bundled_model(name)  # there is nothing to fetch
    return model_of_registry(registry, name, store, hub, pull=True)


def remove(name: str, zoo: str | None, store: Store, hub: Hub) -> list[str]:
    """Removes a pulled model; without a revision, all pulled revisions of it.

    Returns:
        The sources of what was removed.

    Raises:
        ModelError: nothing of that name was pulled.
        OutputError: it cannot be removed.
    """
    if name.startswith(HUB_PREFIX):
        model = HubModel.parse(name)
        every = "@" not in name
        wanted = f"{HUB_PREFIX}{model.repository}@" if every else str(model)
    else:
        registry = organisation_registry(zoo, store, hub)
        known = registry is not None and name in registry.models
        every, wanted = False, registry.source(name) if registry and known else name
    found = [
        record
        for record in store.records()
        if record.source == wanted or (every and record.source.startswith(wanted))
    ]
    if not found:
        raise ModelError(f"{name} was not pulled; `beetle-lm zoo list` shows what was")
    for record in found:
        store.remove(record)
    return [record.source for record in found]


def bundled_model(name: str) -> Path:
    """The checked file of the model that comes with the package for a part.

    Raises:
        PartError: there is no such part.
        ModelError: no model for the part is bundled, or its file is damaged.
    """
    part = find_part(name)
    entry = bundled_models().get(part.name)
    if entry is None:
        raise ModelError(
            f"no model for {part.name} comes with this version; train one with `beetle-lm train`",
            Hint.MODEL_FILE,
        )
    bundled = bundled_path(entry)
    try:
        found = file_sha256(bundled)
    except ModelError as error:
        raise ModelError(f"{bundled} cannot be read; install beetle-lm again") from error
    if found != entry.sha256:
        raise ModelError(
            f"{bundled} is damaged: its SHA-256 is {found}, not {entry.sha256}; install beetle-lm"
            " again"
        )
    return bundled


def bundled_path(entry: ModelEntry) -> Path:
    """Where the file of a bundled model lies, whether it is whole or not."""
    return Path(str(resources.files("beetle_lm.zoo").joinpath("weights", entry.file)))
