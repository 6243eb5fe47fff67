"""Ways to run a model on a GPU: onnxruntime's CUDA provider with its options, and torch."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from beetle_lm.export.to_onnx import Exportable
from beetle_lm.predict.session import CPU, CUDA, load_runtime

Batch = NDArray[np.uint8]
Place = Callable[[Batch], NDArray[np.float32]]
"""Images (N, C, H, W) to landmarks (N, K, 2), all in the memory of the host."""

_RUNS, _WARM = 20, 3


@dataclass(frozen=True)
class Variant:
    """A way to run the CUDA provider.

    Args:
        about: in words.
        options: of the provider.
        memory: 'plain' leaves copying to the runtime, 'bound' binds arrays of the host, 'pinned'
            binds one that is locked in memory, 'device' copies into memory of the card.
    """

    about: str
    options: dict[str, str] = field(default_factory=dict)
    memory: str = "plain"


_SEARCH = "cudnn_conv_algo_search"
AS_PREDICT = {_SEARCH: "HEURISTIC", "use_tf32": "0"}
VARIANTS = (
    Variant("as `predict` has it (heuristic search, no TF32)", AS_PREDICT),
    Variant(
        "convolution search: exhaustive", AS_PREDICT | {"cudnn_conv_algo_search": "EXHAUSTIVE"}
    ),
    Variant("convolution search: default", AS_PREDICT | {"cudnn_conv_algo_search": "DEFAULT"}),
    Variant("with TF32", AS_PREDICT | {"use_tf32": "1"}),
    Variant("IO binding", AS_PREDICT, "bound"),
    Variant("IO binding, pinned host memory", AS_PREDICT, "pinned"),
    Variant("IO binding, memory of the card", AS_PREDICT, "device"),
    Variant("CUDA graph", AS_PREDICT | {"enable_cuda_graph": "1"}, "device"),
)


def on_runtime(model: Path, provider: str, variant: Variant, shape: tuple[int, ...]) -> Place:
    """Opens a model for batches of one shape; the first call prepares it."""
    runtime = load_runtime()
    runtime.set_default_logger_severity(3)
    wanted = [(CUDA, variant.options)] if provider == CUDA else [CPU]
    session = runtime.InferenceSession(str(model), providers=wanted)
    if session.get_providers()[0] != provider:
        sys.exit(f"onnxruntime could not start {provider}; `beetle-lm doctor` says why")
    if variant.memory == "plain":
        return lambda batch: session.run(["landmarks"], {"image": batch})[0]
    binding = session.io_binding()
    if variant.memory == "device":
        return _on_device(runtime, session, binding, provider, shape)
    host = np.empty(shape, np.uint8)
    if variant.memory == "pinned":
        host = torch.empty(shape, dtype=torch.uint8, pin_memory=True).numpy()

    def place(batch: Batch) -> NDArray[np.float32]:
        host[...] = batch
        binding.bind_cpu_input("image", host)
        binding.bind_output("landmarks", "cpu")
        session.run_with_iobinding(binding)
        return np.asarray(binding.copy_outputs_to_cpu()[0])

    return place


def _on_device(
    runtime: Any, session: Any, binding: Any, provider: str, shape: tuple[int, ...]
) -> Place:
    device = "cuda" if provider == CUDA else "cpu"
    count = session.get_outputs()[0].shape[1]
    image = runtime.OrtValue.ortvalue_from_shape_and_type(shape, np.uint8, device, 0)
    binding.bind_ortvalue_input("image", image)
    found = {}
    for output in session.get_outputs():  # a CUDA graph wants all of them at fixed places
        size = (shape[0], count, 2) if output.name == "landmarks" else (shape[0], count)
        found[output.name] = runtime.OrtValue.ortvalue_from_shape_and_type(
            size, np.float32, device, 0
        )
        binding.bind_ortvalue_output(output.name, found[output.name])

    def place(batch: Batch) -> NDArray[np.float32]:
        image.update_inplace(batch)
        session.run_with_iobinding(binding)
        return np.asarray(found["landmarks"].numpy())

    return place


def in_torch(network: Exportable, device: str, tf32: bool) -> Place:
    network = network.to(device).eval()

    def place(batch: Batch) -> NDArray[np.float32]:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
        with torch.inference_mode():
            xy: NDArray[np.float32] = network(torch.from_numpy(batch).to(device))[0].cpu().numpy()
        return xy

    return place


def rate(place: Place, batch: Batch) -> float:
    """Images per second, median of several runs."""
    for _ in range(_WARM):
        place(batch)
    times = []
    for _ in range(_RUNS):
        begin = time.perf_counter()
        place(batch)
        times.append(time.perf_counter() - begin)
    return len(batch) / statistics.median(times)
