"""Dense layers in 8 bit: a quarter of their bytes, on which their speed depends."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from beetle_lm.errors import Hint, RequestError

WORTH_SHRINKING = 0.006
"""Share of all weights: smaller tensors take little space, and lose as much by rounding."""

_ZERO = 128  # the unsigned byte that stands for 0
_MOST_INPUT, _MOST_WEIGHT, _MOST_SUM = 255, 127, 2**31 - 1
_LEAST = 1e-20  # what a row of zeros is divided by
_INT8 = ".int8"


def quantise_dense(model: onnx.ModelProto) -> None:
    """Stores the weights of large dense layers as bytes, and computes with bytes, in place.

    Each output's weights have a scale of their own, and so have each image's activations, found
    while the network runs: the result of a photograph does not depend on the others of its batch.
    Only operators of the ONNX standard are used. Weights are unsigned because signed ones overflow
    on processors without VNNI. Small layers stay as they are, above all the last one, whose values
    are coordinates.

    Args:
        model: its dense layers are Gemm, as `torch.onnx` writes them, and follow a ReLU.

    Raises:
        RequestError: it has no large dense layer.
    """
    graph = model.graph
    weights = {weight.name: weight for weight in graph.initializer}
    least = WORTH_SHRINKING * sum(np.prod(weight.dims) for weight in graph.initializer)
    positive = _not_negative(graph)
    nodes, quantised = [], 0
    for node in graph.node:
        weight = weights.get(node.input[1]) if node.op_type == "Gemm" else None
        if weight is None or np.prod(weight.dims) < least or node.input[0] not in positive:
            nodes.append(node)
            continue
        nodes += _in_bytes(graph, node, weight)
        graph.initializer.remove(weight)
        quantised += 1
    if not quantised:
        raise RequestError(
            "8 bit is for networks with large dense layers, such as the paper's, and this one has"
            " none",
            Hint.NO_INT8,
        )
    del graph.node[:]
    graph.node.extend(nodes)


def _not_negative(graph: onnx.GraphProto) -> set[str]:
    """The names of values that come from a ReLU, reshaped or pooled or not."""
    found = set()
    for node in graph.node:
        kept = node.op_type in ("Flatten", "Reshape", "Identity", "MaxPool")
        if node.op_type == "Relu" or (kept and node.input[0] in found):
            found.add(node.output[0])
    return found


def _in_bytes(
    graph: onnx.GraphProto, gemm: onnx.NodeProto, weight: onnx.TensorProto
) -> list[onnx.NodeProto]:
    attributes = {entry.name: helper.get_attribute_value(entry) for entry in gemm.attribute}
    assert attributes.get("transB") == 1 and not attributes.get("transA")
    assert attributes.get("alpha", 1.0) == attributes.get("beta", 1.0) == 1.0
    values, scales = _bytes(numpy_helper.to_array(weight))
    name, source = gemm.output[0], gemm.input[0]
    constants: dict[str, NDArray[np.generic]] = {
        weight.name + _INT8: values,
        f"{name}_scales": scales,
        f"{name}_zero": np.array(_ZERO, np.uint8),
        f"{name}_most": np.array(_MOST_INPUT, np.float32),
        f"{name}_least": np.array(_LEAST, np.float32),
        f"{name}_axis": np.array([1]),
    }
    graph.initializer.extend(numpy_helper.from_array(v, key) for key, v in constants.items())
    peak, step, counts, whole = (f"{name}_{word}" for word in ("peak", "step", "counts", "whole"))
    small, sums, real, scaled = (f"{name}_{word}" for word in ("bytes", "sums", "real", "scaled"))
    node = helper.make_node
    return [
        node("ReduceMax", [source, f"{name}_axis"], [f"{name}_highest"], keepdims=1),
        node("Max", [f"{name}_highest", f"{name}_least"], [peak]),
        node("Div", [peak, f"{name}_most"], [step]),
        node("Div", [source, step], [counts]),
        node("Round", [counts], [whole]),
        node("Cast", [whole], [small], to=TensorProto.UINT8),
        node("MatMulInteger", [small, weight.name + _INT8, "", f"{name}_zero"], [sums]),
        node("Cast", [sums], [real], to=TensorProto.FLOAT),
        node("Mul", [real, step], [scaled]),
        node("Mul", [scaled, f"{name}_scales"], [f"{name}_product"]),
        node("Add", [f"{name}_product", gemm.input[2]], [name]),
    ]


def _bytes(weight: NDArray[np.generic]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Weights (outputs, inputs) as bytes (inputs, outputs), and the scale of each output."""
    sizes = np.abs(weight)
    # The second term keeps the sum over all inputs within 32 bit, whatever the image.
    scales = np.maximum(
        sizes.max(axis=1) / _MOST_WEIGHT,
        sizes.sum(axis=1, dtype=np.float64) * _MOST_INPUT / (0.99 * _MOST_SUM),
    )
    scales = np.maximum(scales, _LEAST).astype(np.float32)
    values = np.empty(weight.shape[::-1], np.uint8)
    for output, (row, scale) in enumerate(zip(weight, scales, strict=True)):
        values[:, output] = np.rint(np.asarray(row, np.float32) / scale) + _ZERO
    return values, scales
