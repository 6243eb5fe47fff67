"""From the name of a model to its file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from beetle_lm.errors import ModelError
from beetle_lm.zoo.parts import PARTS, find_part

HUB_PREFIX = "hf:"


@dataclass(frozen=True)
class ModelEntry:
    """One bundled model as `registry.json` names it.

    Args:
        file: name of the ONNX file in the package's `weights` folder.
        version: the model's own version.
        sha256: SHA-256 of the file.
    """

    file: str
    version: str
    sha256: str


def bundled_models() -> dict[str, ModelEntry]:
    """The models that come with the package, by the name of their part."""
    text = resources.files("beetle_lm.zoo").joinpath("registry.json").read_text(encoding="utf-8")
    return {name: ModelEntry(**entry) for name, entry in json.loads(text)["models"].items()}


def resolve(name: str) -> Path:
    """The checked local file of a model named by its part, or by the path of an ONNX file.

    The name of a part means its bundled model even where a folder of that name exists, as it does
    for those who keep their photographs in a folder ``elytra``.

    Raises:
        PartError: the name is neither a path nor a part.
        ModelError: there is no such file, no bundled model for the part, or a damaged one.
    """
    if name.startswith(HUB_PREFIX):
        raise ModelError(
            f"{name}: models cannot be pulled from the Hub yet; download the .onnx file and give"
            " its path"
        )
    path = Path(name)
    is_path = path.exists() or path.suffix.lower() == ".onnx" or len(path.parts) > 1
    if name in PARTS or not is_path:
        return bundled_model(name)
    if path.is_dir():
        raise ModelError(
            f"{name} is a folder, not a model; `beetle-lm export {name} -o model.onnx` makes one"
            " from a training run"
        )
    if not path.is_file():
        raise ModelError(f"there is no model file {name}")
    return path


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
            f"no model for {part.name} comes with this version; train one with `beetle-lm train`"
            " and give its file with --model"
        )
    bundled = Path(str(resources.files("beetle_lm.zoo").joinpath("weights", entry.file)))
    try:
        found = hashlib.sha256(bundled.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"{bundled} cannot be read; install beetle-lm again") from error
    if found != entry.sha256:
        raise ModelError(
            f"{bundled} is damaged: its SHA-256 is {found}, not {entry.sha256}; install beetle-lm"
            " again"
        )
    return bundled


def listing() -> list[tuple[str, int, str]]:
    """Name, number of landmarks and model version ('none' where there is none) of every part."""
    models = bundled_models()
    return [
        (name, len(part), models[name].version if name in models else "none")
        for name, part in PARTS.items()
    ]
