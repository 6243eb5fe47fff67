"""Exporting a training run: checkpoint, card and parity check joined."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from beetle_lm import __version__
from beetle_lm.errors import CheckpointError, Hint, OutputError, ParityError
from beetle_lm.export.parity import ParityReport, check_parity
from beetle_lm.export.to_onnx import Storage, make_card, replace_card, to_onnx
from beetle_lm.files import replacing
from beetle_lm.predict.images.read import find_images
from beetle_lm.text import counted
from beetle_lm.train.engine.checkpoint import Checkpoint, load_checkpoint
from beetle_lm.train.finetune import ZOO_PREFIX
from beetle_lm.train.job import Job
from beetle_lm.train.run import METRICS
from beetle_lm.zoo.hub.name import HUB_PREFIX
from beetle_lm.zoo.model_file.card import Metrics, ModelCard
from beetle_lm.zoo.model_file.seen import SeenPhotographs

_MOST_PHOTOGRAPHS = 20
_FEWER = 0.012  # share of all weights that a tensor needs to be halved, where halving more failed
_NEARER: dict[Storage, Hint | None] = {
    "float32": None,
    "float16": Hint.WITHOUT_FP16,
    "int8": Hint.WITHOUT_INT8,
}


def export_run(
    run: Path,
    output: Path,
    images: Path | None = None,
    storage: Storage = "float32",
    version: str = "1",
    licence: str = "not stated",
    provenance: str | None = None,
    overwrite: bool = False,
) -> ParityReport:
    """Writes the checkpoint of a run as one ONNX file, if it passes the parity check.

    Args:
        run: a finished training run.
        output: the ONNX file to write.
        images: folder of photographs for the parity check; the run's own where not given.
        storage: how the weights are stored. With layers in 8 bit the card says how far the file's
            landmarks are from those of the network.
        version: the model's version, for its card.
        licence: for the card; SPDX expression or a sentence.
        provenance: where the training data come from, for the card; what the run knows of it is
            added.
        overwrite: replace an existing file.

    Raises:
        CheckpointError: the folder holds no finished run.
        OutputError: the file exists or cannot be written.
        RequestError: 8 bit was asked for, and the network has no large dense layer.
        ParityError: the file would differ from the network, or there are no photographs.
    """
    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists", Hint.REPLACE)
    job = Job.read(run)
    checkpoint = load_checkpoint(run)
    trained = (
        f"{counted(len(job.training), 'photograph')} of {job.part} with the landmarks of"
        f" {Path(job.landmarks).name} (SHA-256 {job.landmarks_sha256}); recipe {job.recipe.name},"
        f" seed {job.seed}, beetle-lm {__version__}"
    )
    if job.init:
        known = job.init if job.init.startswith((ZOO_PREFIX, HUB_PREFIX)) else Path(job.init).name
        trained += f"; started from {known} (SHA-256 {job.init_sha256})"
    card = make_card(
        checkpoint,
        version=version,
        metrics=_metrics(run),
        provenance=f"{provenance}; {trained}" if provenance else trained,
        licence=licence,
    )
    own, others = _photographs(job, images)
    try:
        if own:
            seen = SeenPhotographs.of(len(job.training) + len(job.validation), own)
            card = replace(card, photographs=seen)
        photographs = (own or others)[:_MOST_PHOTOGRAPHS]
        output.parent.mkdir(parents=True, exist_ok=True)
        with replacing(output) as unfinished:
            report = _written(checkpoint, card, unfinished, storage, photographs)
            if storage == "int8":
                told = f"{card.provenance}; dense layers in 8 bit, file against network: {report}"
                replace_card(unfinished, replace(card, provenance=told))
    except ParityError as error:
        raise ParityError(str(error), error.hint or _NEARER[storage]) from error
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {error.strerror or error}") from error
    return report


def _written(
    checkpoint: Checkpoint,
    card: ModelCard,
    path: Path,
    storage: Storage,
    photographs: Sequence[Path],
) -> ParityReport:
    """Writes the file and compares it, with fewer tensors in 16 bit where too much was lost."""
    try:
        to_onnx(checkpoint, card, path, storage)
        return check_parity(path, checkpoint, photographs, storage)
    except ParityError:
        if storage != "float16":
            raise
    to_onnx(checkpoint, card, path, storage, _FEWER)
    return check_parity(path, checkpoint, photographs, storage)


def _metrics(run: Path) -> tuple[Metrics, ...]:
    path = run / METRICS
    try:
        measured = json.loads(path.read_text(encoding="utf-8")).get("test")
        if measured is None:
            return ()
        photographs, error = measured["photographs"], measured["mean_px_256x192"]
    except FileNotFoundError as missing:
        raise CheckpointError(f"{run} is not finished", Hint.UNFINISHED_TRAINING) from missing
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as damage:
        raise CheckpointError(f"{path} cannot be read: {damage!r}") from damage
    return (Metrics("test photographs of the training run", photographs, error),)


def _photographs(job: Job, images: Path | None) -> tuple[list[Path], list[Path]]:
    """The photographs of a folder: those that the run was made with, and the others."""
    folder = images if images is not None else Path(job.images)
    if not folder.is_dir():
        raise ParityError(
            f"the run's photographs are no longer in {folder}, and the export is checked on"
            " photographs",
            Hint.CHECKED_ON_PHOTOGRAPHS,
        )
    found = find_images([folder], recursive=True)
    wanted = set(job.validation) | set(job.training)
    own = [image.path for image in found if image.name in wanted]
    return own, [image.path for image in found if image.name not in wanted]
