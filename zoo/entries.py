"""A registry: a JSON file that names models.

    {"models": {"elytra": {
        "file": "elytra.onnx",
        "version": "1.0",
        "sha256": "...",
        "provenance": "the data that it was trained on, in words",
        "licence": "Apache-2.0",
        "metrics": [{"data": "...", "photographs": 58, "mean_px_256x192": 2.5}]}}}

`file` lies in the package's folder ``weights`` for the registry of the package itself, and beside
the registry for one that an organisation keeps; there it may also be a path, a web address or
``hf:org/name@revision``. `ModelEntry.of_file` makes the entry of a model.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from beetle_lm.entries import load, parse_json
from beetle_lm.errors import ModelError
from beetle_lm.zoo.hub.name import HUB_PREFIX
from beetle_lm.zoo.model_file.card import Metrics
from beetle_lm.zoo.model_file.manifest import Manifest


def is_address(source: str) -> bool:
    """Whether something is a web address, not a path."""
    return source.startswith(("http://", "https://"))


@dataclass(frozen=True)
class ModelEntry:
    """One model as a registry names it.

    Args:
        file: its file; see above for what it is relative to.
        version: the model's own version.
        sha256: SHA-256 of the file.
        provenance: the data that the model was trained on, in words.
        licence: SPDX expression, or a sentence where none applies.
        metrics: measured errors, and what they were measured on.
    """

    file: str
    version: str
    sha256: str
    provenance: str
    licence: str
    metrics: tuple[Metrics, ...]

    @classmethod
    def of_file(cls, path: Path) -> ModelEntry:
        """The entry of a model file.

        Raises:
            ModelError: the file is not a beetle-lm model.
        """
        manifest = Manifest.of_file(path)
        card = manifest.card
        return cls(
            path.name, card.version, manifest.sha256, card.provenance, card.licence, card.metrics
        )

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Registry:
    """Models by name.

    Args:
        where: path or web address of the registry.
        models: its entries.
    """

    where: str
    models: dict[str, ModelEntry]

    @classmethod
    def from_json(cls, text: str | bytes, where: str) -> Registry:
        """Reads a registry strictly.

        Raises:
            ModelError: it is not as it should be; the message names the entry.
        """
        damaged = f"{where} is not a registry, or is damaged"
        file = load(_RegistryFile, parse_json(text, damaged, ModelError), damaged, ModelError)
        return cls(where, file.models)

    def source(self, name: str) -> str:
        """Where the file of a model is: ``hf:...``, a web address or a path."""
        file = self.models[name].file
        if file.startswith(HUB_PREFIX) or is_address(file):
            return file
        if is_address(self.where):
            return urljoin(self.where, file)
        return str(Path(self.where).absolute().parent / file)


@dataclass(frozen=True)
class _RegistryFile:
    models: dict[str, ModelEntry]
