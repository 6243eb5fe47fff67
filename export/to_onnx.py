"""From a checkpoint to one self-contained ONNX file."""

from __future__ import annotations

import hashlib
import logging
import math
import warnings
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import onnx_ir
import onnx_ir.passes.common as passes
import torch
from onnx import numpy_helper
from onnxscript import optimizer, rewriter
from onnxscript.rewriter.rules.common import (
    materialize_reshape_shape_rule,
    remove_optional_bias_from_conv_rule,
)
from safetensors.torch import save
from torch import Tensor, nn

from beetle_lm.errors import CheckpointError, Hint
from beetle_lm.export.quantise import WORTH_SHRINKING, quantise_dense
from beetle_lm.files import replacing
from beetle_lm.train.engine.assessment import Assessment
from beetle_lm.train.engine.calibration import Calibration, score
from beetle_lm.train.engine.checkpoint import Checkpoint
from beetle_lm.train.engine.locator import Locator
from beetle_lm.train.engine.onnx_weights import HALF
from beetle_lm.train.methods import recipe_of, trained_network
from beetle_lm.zoo.model_file.card import CARD_KEY, Metrics, ModelCard

Storage = Literal["float32", "float16", "int8"]
"""How weights are stored: all in 32 bit, large tensors in 16, or large dense layers in 8."""

_OPSET = 18


class Exportable(nn.Module):
    """A network with everything inside: uint8 images in; landmarks, scores, expected errors out.

    `forward` takes images (N, C, H, W) uint8 and returns landmarks (N, K, 2) float32 in input
    pixels, scores (N, K) float32 and expected errors (N, K) float32 in input pixels; with curves
    semilandmarks (N, S, 2) and their expected errors across the curves (N, S), too.

    Args:
        network: what places landmarks.
        calibration: from its spreads to expected errors.
        of_curves: the same across curves; None where there are none.
    """

    def __init__(
        self, network: Locator, calibration: Calibration, of_curves: Calibration | None = None
    ) -> None:
        super().__init__()
        self.network = network
        self.calibration = calibration
        self.of_curves = of_curves

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Images (N, C, H, W) uint8 to landmarks, scores and expected errors, and curves."""
        size = image.shape[3], image.shape[2]
        found = self.network.locate(image)
        expected = self.calibration.expected(found.spread, size)
        outputs = found.xy, score(expected, size), expected
        if self.of_curves is None:
            return outputs
        across = self.of_curves.expected(found.semilandmark_spread, size)
        return *outputs, found.semilandmarks, across


def make_card(
    checkpoint: Checkpoint,
    version: str,
    metrics: tuple[Metrics, ...],
    provenance: str,
    licence: str,
) -> ModelCard:
    """The card of a checkpoint's model.

    Raises:
        CheckpointError: its training is not finished.
    """
    assessment = assessment_of(checkpoint)
    weights = {name: checkpoint.tensors[name].contiguous() for name in sorted(checkpoint.tensors)}
    return ModelCard(
        spec=checkpoint.spec,
        input_width=checkpoint.input_width,
        input_height=checkpoint.input_height,
        channels=recipe_of(checkpoint).channels,
        fit=checkpoint.fit,
        version=version,
        weights_sha256=hashlib.sha256(save(weights)).hexdigest(),
        metrics=metrics,
        provenance=provenance,
        licence=licence,
        shapes=checkpoint.shapes,
        limits=assessment.limits,
    )


def assessment_of(checkpoint: Checkpoint) -> Assessment:
    """How a finished checkpoint's landmarks are judged.

    Raises:
        CheckpointError: its training is not finished.
    """
    if checkpoint.assessment is None:
        raise CheckpointError("the training is not finished", Hint.UNFINISHED_TRAINING)
    return checkpoint.assessment


def to_onnx(
    checkpoint: Checkpoint,
    card: ModelCard,
    path: Path,
    storage: Storage = "float32",
    halved_from: float = WORTH_SHRINKING,
) -> None:
    """Writes the network, its standardisation and its decoding as one ONNX file with the card.

    Args:
        checkpoint: what to export.
        card: goes into the file's metadata.
        path: the file to write.
        storage: 'float16' stores weights in 16 bit and computes in 32 bit, so the file is half as
            large and no slower; 'int8' stores dense layers in 8 bit and computes in 8 bit, so they
            take a quarter of the space and are faster.
        halved_from: share of all weights from which a tensor is stored in 16 bit.

    Raises:
        RequestError: 8 bit was asked for, and the network has no large dense layer.
        OSError: the file cannot be written.
    """
    example = torch.zeros(
        (2, card.channels, card.input_height, card.input_width), dtype=torch.uint8
    )
    assessment = assessment_of(checkpoint)
    network = Exportable(trained_network(checkpoint), assessment.calibration, assessment.of_curves)
    outputs = ["landmarks", "score", "expected_error"]
    if card.spec.curves:
        outputs += ["semilandmarks", "semilandmark_error"]
    exporter = logging.getLogger("torch.onnx")
    level = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter's own, about its internals
            program = torch.onnx.export(
                network.eval(),
                (example,),
                input_names=["image"],
                output_names=outputs,
                dynamic_shapes={"image": {0: torch.export.Dim("batch", min=1, max=4096)}},
                opset_version=_OPSET,
                dynamo=True,
                external_data=False,
                optimize=False,  # see _simplify
                verbose=False,
            )
    finally:
        exporter.setLevel(level)
    assert program is not None  # dynamo=True gives a program
    _simplify(program.model)
    model = program.model_proto
    if storage == "float16":
        _halve(model, halved_from)
    elif storage == "int8":
        quantise_dense(model)
    for container in (model.graph, *model.graph.node, *model.graph.value_info):
        del container.metadata_props[:]  # the exporter's traces, with paths of this machine
        container.doc_string = ""
    _give(model, card)
    onnx.checker.check_model(model, full_check=True)
    _write(model, path)


def replace_card(path: Path, card: ModelCard) -> None:
    """Gives a model file another card; its network stays as it is.

    Raises:
        OSError: the file cannot be written.
    """
    model = onnx.load(path)
    _give(model, card)
    _write(model, path)


def _write(model: onnx.ModelProto, path: Path) -> None:
    with replacing(path) as unfinished:
        unfinished.write_bytes(model.SerializeToString())


def _give(model: onnx.ModelProto, card: ModelCard) -> None:
    del model.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = CARD_KEY, card.to_json()


def _simplify(model: onnx_ir.Model) -> None:
    """Computes beforehand what does not depend on the image.

    The exporter's own optimiser would also merge batch normalisations into convolutions, which
    runtimes do anyway when they load the file. Training could not start from such a file: a batch
    normalisation that was merged cannot be restored.
    """
    optimizer.fold_constants(model)
    rewriter.rewrite(model, [materialize_reshape_shape_rule, remove_optional_bias_from_conv_rule])
    passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    passes.CommonSubexpressionEliminationPass()(model)
    optimizer.remove_unused_nodes(model)


def _halve(model: onnx.ModelProto, halved_from: float) -> None:
    """Stores the large tensors of 32 bit weights as 16 bit, each followed by a cast back."""
    casts = []
    least = halved_from * sum(math.prod(weight.dims) for weight in model.graph.initializer)
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < least:
            continue
        name, half = weight.name, weight.name + HALF
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), half))
        casts.append(onnx.helper.make_node("Cast", [half], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
