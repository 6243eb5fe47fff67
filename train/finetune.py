"""Starting from the weights of another training, or of a model of the zoo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from beetle_lm.errors import CheckpointError
from beetle_lm.text import counted
from beetle_lm.train.engine.checkpoint import WEIGHTS, load_checkpoint
from beetle_lm.train.engine.locator import CURVES, HEAD
from beetle_lm.train.engine.onnx_weights import read_weights
from beetle_lm.train.engine.recipe import Recipe
from beetle_lm.train.methods import build_network, learns_curves, networks, recipe_of
from beetle_lm.zoo.hub.name import HUB_PREFIX
from beetle_lm.zoo.model_file.manifest import file_sha256
from beetle_lm.zoo.model_file.onnx import read_card
from beetle_lm.zoo.model_file.parts import PartSpec
from beetle_lm.zoo.registry import named_model, resolve

ZOO_PREFIX = "zoo:"
"""What stands before the name of a model of the zoo."""


@dataclass(frozen=True, eq=False)
class Source:
    """Weights to start a training from.

    Args:
        name: as the user gave it.
        about: part and version of a model, part and epoch of a checkpoint.
        sha256: of the file.
        tensors: the weights by their names in the network.
        networks: names of the networks that have such weights; several where networks differ only
            in what has none, such as dropout.
        channels: of its input.
        spec: the part whose landmarks it places.
    """

    name: str
    about: str
    sha256: str
    tensors: dict[str, Tensor]
    networks: tuple[str, ...]
    channels: int
    spec: PartSpec


@dataclass(frozen=True, eq=False)
class Transfer:
    """What a training takes over.

    Args:
        source: from where.
        loaded: names of the tensors that are taken over.
        layers: number of the network's layers, a batch normalisation counting as one.
        fresh: each layer that starts anew, in words.
    """

    source: Source
    loaded: tuple[str, ...]
    layers: int
    fresh: tuple[str, ...]

    def weights(self) -> dict[str, Tensor]:
        """The tensors that are taken over."""
        return {name: self.source.tensors[name] for name in self.loaded}

    def __str__(self) -> str:
        origin = f"from {self.source.name} ({self.source.about})"
        if not self.fresh:
            every = "all " if self.layers > 1 else ""
            return f"loaded {every}{counted(self.layers, 'layer')} {origin}"
        count, layers = self.layers - len(self.fresh), counted(self.layers, "layer")
        return f"loaded {count} of {layers} {origin}; new: {' and '.join(self.fresh)}"


def open_source(name: str, zoo: str | None = None) -> Source:
    """Reads weights to start from; a model of the Hub is pulled when it is first asked for.

    Args:
        name: a run folder, a checkpoint, a model file (.onnx), ``zoo:NAME`` for a model of the
            package or of an organisation's registry, or ``hf:org/name@revision``.
        zoo: the organisation's registry, a web address or a file; BEETLE_LM_ZOO where not given.

    Raises:
        CheckpointError: there is no such file, or its weights are not those of a known network.
        ModelError: a model file is missing, damaged or not one of beetle-lm's.
        HubError: the model has to be fetched, and cannot be.
        PartError: the zoo has no model of that name.
        RequestError: ``hf:`` is not followed by ``org/name@revision``.
    """
    if name.startswith(ZOO_PREFIX):
        return _of_model(name, named_model(name.removeprefix(ZOO_PREFIX), zoo))
    if name.startswith(HUB_PREFIX) or name.lower().endswith(".onnx"):
        return _of_model(name, resolve(name))
    path = Path(name)
    if not path.exists():
        raise CheckpointError(
            f"there is no checkpoint {name}; a model of the zoo is given as {ZOO_PREFIX}NAME"
        )
    checkpoint = load_checkpoint(path)
    recipe, spec = recipe_of(checkpoint), checkpoint.spec
    if not _fits(checkpoint.tensors, recipe.network, spec, recipe.channels):
        raise CheckpointError(
            f"{name} does not hold the weights of a network '{recipe.network}' alone; give a run"
            f" folder or its {WEIGHTS}"
        )
    return Source(
        name=name,
        about=f"{spec.name}, epoch {checkpoint.epoch}",
        sha256=file_sha256(path / WEIGHTS if path.is_dir() else path),
        tensors=checkpoint.tensors,
        networks=_networks(checkpoint.tensors, spec, recipe.channels),
        channels=recipe.channels,
        spec=spec,
    )


def transfer_from(source: Source, recipe: Recipe, spec: PartSpec) -> Transfer:
    """What a training of that recipe and part takes over from a source.

    All layers of the same shape are taken over, but the head only where part and landmark names are
    the same: the landmarks of another part have nothing in common with these.

    Raises:
        CheckpointError: the source has another network.
    """
    if recipe.network not in source.networks:
        theirs = " or ".join(f"'{network}'" for network in source.networks)
        raise CheckpointError(
            f"{source.name} has the network {theirs}, and the recipe '{recipe.name}'"
            f" trains '{recipe.network}'; give a recipe whose network is {theirs}"
        )
    shapes = _shapes(recipe.network, spec, recipe.channels)
    layers = dict.fromkeys(_layer(name) for name in shapes)
    same_part = (source.spec.name, source.spec.landmark_names) == (spec.name, spec.landmark_names)
    shapes_there = {name: tensor.shape for name, tensor in source.tensors.items()}
    new = {_layer(name) for name, shape in shapes.items() if shapes_there.get(name) != shape}
    new |= {layer for layer in layers if layer == HEAD and not same_part}
    new |= {layer for layer in layers if layer == CURVES and source.spec.curves != spec.curves}
    return Transfer(
        source,
        loaded=tuple(name for name in shapes if _layer(name) not in new),
        layers=len(layers),
        fresh=tuple(_in_words(layer, source, recipe, spec) for layer in layers if layer in new),
    )


def _in_words(layer: str, source: Source, recipe: Recipe, spec: PartSpec) -> str:
    if layer == CURVES:
        return f"all that knows the curves, {counted(len(spec.curves), 'curve')}"
    if layer != HEAD:
        channels = counted(recipe.channels, "channel")
        return f"the layer {layer}, for {channels} instead of {source.channels}"
    if len(spec) != len(source.spec):
        return f"the head, for {counted(len(spec), 'landmark')} instead of {len(source.spec)}"
    if spec.name != source.spec.name:
        return f"the head, for the landmarks of {spec.name} instead of {source.spec.name}"
    return "the head, for landmarks of other names"


def _of_model(name: str, path: Path) -> Source:
    card, tensors = read_card(path), read_weights(path)
    channels = card.channels
    fitting = _networks(tensors, card.spec, channels)
    if not fitting:
        raise CheckpointError(
            f"{name} serves for prediction alone: it does not hold the weights of a network that"
            " this beetle-lm knows, each by its name; export the run that it comes from again"
        )
    about = f"{card.spec.name} {card.version}"
    return Source(name, about, file_sha256(path), tensors, fitting, channels, card.spec)


def _networks(tensors: dict[str, Tensor], spec: PartSpec, channels: int) -> tuple[str, ...]:
    learning = [name for name in networks() if learns_curves(name) or not spec.curves]
    return tuple(name for name in learning if _fits(tensors, name, spec, channels))


def _fits(tensors: dict[str, Tensor], network: str, spec: PartSpec, channels: int) -> bool:
    found = {name: tensor.shape for name, tensor in tensors.items()}
    return _shapes(network, spec, channels).items() <= found.items()


def _shapes(network: str, spec: PartSpec, channels: int) -> dict[str, torch.Size]:
    """The shapes of a network's weights; what it merely counts is left out."""
    with torch.device("meta"):
        state = build_network(network, len(spec), channels, spec.curves).state_dict()
    return {name: tensor.shape for name, tensor in state.items() if tensor.is_floating_point()}


def _layer(name: str) -> str:
    """The layer of a tensor; all that knows the landmarks counts as one, and so do the curves."""
    first = name.partition(".")[0]
    return first if first in (HEAD, CURVES) else name.rpartition(".")[0]
