"""What is known of the models that have names: lists, cards, checks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from beetle_lm.errors import ModelError
from beetle_lm.zoo.entries import ModelEntry
from beetle_lm.zoo.hub.client import Hub
from beetle_lm.zoo.hub.name import HUB_PREFIX, HubModel
from beetle_lm.zoo.model_file.manifest import Manifest, file_sha256
from beetle_lm.zoo.model_file.parts import PARTS, PartSpec
from beetle_lm.zoo.pull import read_manifest
from beetle_lm.zoo.registry import (
    bundled_models,
    bundled_path,
    is_model_file,
    organisation_registry,
    resolve,
)
from beetle_lm.zoo.store import Store


@dataclass(frozen=True)
class Known:
    """A part or a model as a list shows it.

    Args:
        name: what it is called by.
        landmarks: how many, where it is known.
        version: of the model; None where there is no model.
        mean_px_256x192: its measured error, where there is one.
        where: 'bundled', 'not here', 'pulled ...', or the registry that names it.
    """

    name: str
    landmarks: int | None
    version: str | None
    mean_px_256x192: float | None
    where: str


def listing(zoo: str | None, store: Store, hub: Hub) -> list[Known]:
    """The five parts, the models of the organisation's registry, and those that were pulled.

    Raises:
        HubError: the registry cannot be fetched, and there is no copy of it.
        ModelError: it is not as it should be.
    """
    registry = organisation_registry(zoo, store, hub, renew=True)
    entries = {} if registry is None else registry.models
    where = "" if registry is None else registry.where
    bundled = bundled_models()
    known = []
    for name, part in PARTS.items():
        if name not in entries:
            entry = bundled.get(name)
            known.append(_of_entry(name, len(part), entry, "bundled" if entry else "not here"))
    for name, entry in entries.items():
        count = len(PARTS[name]) if name in PARTS else None
        known.append(_of_entry(name, count, entry, where))
    for record in store.records():
        card = record.manifest.card
        error = card.metrics[0].mean_px_256x192 if card.metrics else None
        pulled = f"pulled, commit {record.commit[:12]}" if record.commit else "pulled"
        known.append(Known(record.source, len(card.spec), card.version, error, pulled))
    return known


def _of_entry(name: str, landmarks: int | None, entry: ModelEntry | None, where: str) -> Known:
    if entry is None:
        return Known(name, landmarks, None, None, where)
    error = entry.metrics[0].mean_px_256x192 if entry.metrics else None
    return Known(name, landmarks, entry.version, error, where)


def describe(name: str, zoo: str | None, store: Store, hub: Hub) -> Manifest | PartSpec:
    """The card of a model; the landmark scheme of a part that has no model here.

    A model of the Hub that was not pulled is not pulled for this; only its card is fetched.

    Raises:
        PartError: there is no such name.
        HubError: the card cannot be fetched.
        ModelError: the model is damaged.
        RequestError: ``hf:`` is not followed by ``org/name@revision``.
    """
    if name.startswith(HUB_PREFIX):
        return read_manifest(HubModel.parse(name), store, hub)
    if name in PARTS and name not in bundled_models():
        registry = organisation_registry(zoo, store, hub)
        if registry is None or name not in registry.models:
            return PARTS[name]
    if name not in PARTS and is_model_file(name):
        return Manifest.of_file(Path(name))
    return Manifest.of_file(resolve(name, zoo))


def verify(store: Store) -> list[tuple[str, Path, bool]]:
    """Hashes every bundled and every pulled model: its name, its file, whether it is whole."""
    found = []
    for name, entry in bundled_models().items():
        path = bundled_path(entry)
        try:
            whole = file_sha256(path) == entry.sha256
        except ModelError:
            whole = False
        found.append((name, path, whole))
    return [*found, *store.verify()]
