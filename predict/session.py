"""The only place that opens an onnxruntime session."""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from beetle_lm.errors import DeviceError, Hint, ModelError
from beetle_lm.libraries import TO_MEND_IT, first_line, how_to_mend
from beetle_lm.origin import install
from beetle_lm.predict.landmarks import Floats
from beetle_lm.zoo.model_file.bounds import LARGEST_BATCH, LARGEST_INPUT
from beetle_lm.zoo.model_file.card import ModelCard
from beetle_lm.zoo.model_file.onnx import card_in, refuse_foreign

Device = Literal["auto", "cpu", "cuda"]
"""What a model runs on; 'auto' takes CUDA where it can be had and the CPU elsewhere."""

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"

_ERRORS_ONLY, _FATAL_ONLY = 3, 4
# EXHAUSTIVE, the default, costs up to a second for each new shape; TF32, the other default, moved
# landmarks of unclear pictures by up to 7 px (`bench/gpu.py`).
_CUDA_OPTIONS = {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}


@dataclass(frozen=True, eq=False)
class Placed:
    """What a model returns for a batch.

    Whatever the network says: `fault` tells where that cannot be right.

    Args:
        xy: (N, K, 2) landmarks in pixels of the model's input.
        score: (N, K) from 0 to 1.
        expected_error: (N, K) expected distances from the true landmarks, in the same pixels.
        semilandmarks: (N, S, 2) of the part's curves, in the same pixels; S is 0 where it has none.
        semilandmark_error: (N, S) expected distances from the true curves.
    """

    xy: Floats
    score: Floats
    expected_error: Floats
    semilandmarks: Floats
    semilandmark_error: Floats

    def fault(self, index: int, size: tuple[int, int]) -> str | None:
        """What cannot be right in what was returned for one photograph; None where nothing is.

        Landmarks somewhat outside the model's input, of that width and height, can be right: a
        network may place what the margin cuts off. Those a whole input away cannot.
        """
        xy = np.concatenate((self.xy[index], self.semilandmarks[index]))
        score = self.score[index]
        error = np.concatenate((self.expected_error[index], self.semilandmark_error[index]))
        if not np.isfinite(xy).all():
            return "coordinates that are not finite"
        if not ((xy >= np.negative(size)) & (xy <= np.multiply(size, 2))).all():
            return "coordinates far outside the photograph"
        if not ((score >= 0) & (score <= 1)).all():
            return "scores that are not from 0 to 1"
        if not (np.isfinite(error) & (error >= 0)).all():
            return "expected errors that are negative or not finite"
        return None


@dataclass(frozen=True, eq=False)
class Session:
    """A model that is ready to run.

    Args:
        card: what the model says about itself.
        path: the model's file.
        sha256: SHA-256 of that file.
        provider: the execution provider that was actually obtained, by onnxruntime's name.
        runtime_version: onnxruntime's version.
        batch_size: the only batch size that the model takes; None where it takes any.
    """

    card: ModelCard
    path: Path
    sha256: str
    provider: str
    runtime_version: str
    batch_size: int | None
    _session: Any

    @classmethod
    def open(cls, path: Path, device: Device = "auto", threads: int | None = None) -> Session:
        """Loads a model file.

        Args:
            path: an ONNX file with a card in its metadata, of standard operators, and with nothing
                in a second file.
            device: what to run it on.
            threads: CPU threads that one step may use; None leaves the choice to onnxruntime.

        Raises:
            ModelError: the file cannot be read or is not a beetle-lm model.
            DeviceError: no onnxruntime is installed, or CUDA was asked for and not obtained.
        """
        runtime = load_runtime()
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
        refuse_foreign(io.BytesIO(data), path.name)
        session = create(runtime, data, path.name, device, threads)
        card = card_in(io.BytesIO(data), path.name)
        return cls(
            card=card,
            path=path,
            sha256=hashlib.sha256(data).hexdigest(),
            provider=session.get_providers()[0],
            runtime_version=runtime.__version__,
            batch_size=_batch_size(session, card, path.name),
            _session=session,
        )

    @property
    def record(self) -> Mapping[str, Any]:
        """What run.json says of the model."""
        card = self.card
        return {
            "part": card.spec.name,
            "landmarks": len(card.spec),
            "semilandmarks": card.spec.semilandmarks,
            "version": card.version,
            "file": str(self.path),
            "sha256": self.sha256,
            "weights_sha256": card.weights_sha256,
            "provenance": card.provenance,
            "photographs": None if card.photographs is None else card.photographs.number,
            "measured": [asdict(measured) for measured in card.metrics],
            "licence": card.licence,
        }

    def run(self, batch: NDArray[np.uint8]) -> Placed:
        """Places landmarks on a batch of model inputs.

        Args:
            batch: uint8 (N, C, H, W) of the card's channels and input size.

        Raises:
            ModelError: the model cannot be run, e.g. for lack of memory, or does not return what
                its card promises.
        """
        outputs = _outputs(self.card)
        try:
            found = self._session.run(list(outputs), {"image": batch})
        except Exception as error:  # onnxruntime's exceptions have no base of their own
            raise ModelError(
                f"{self.path.name} cannot be run on a batch of {len(batch)}: {_first_line(error)};"
                " a smaller batch needs less memory"
            ) from error
        for (output, shape), values in zip(outputs.items(), found, strict=True):
            if np.shape(values) != (len(batch), *shape):
                raise ModelError(
                    f"{self.path.name} gave {output} of {np.shape(values)} for a batch of"
                    f" {len(batch)}, not what its card promises"
                )
        placed = [np.asarray(values, np.float64) for values in found]
        if not self.card.spec.curves:
            placed += [np.empty((len(batch), 0, 2)), np.empty((len(batch), 0))]
        return Placed(*placed)


def load_runtime() -> Any:
    """The module onnxruntime.

    Raises:
        DeviceError: it is not installed, or its installation is broken.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise DeviceError(
            f"no ONNX runtime is installed; install one with {install('cpu')}"
        ) from error
    except (ImportError, OSError) as error:
        raise DeviceError(
            f"onnxruntime is installed but cannot be loaded ({first_line(error)}){TO_MEND_IT}"
            f"{how_to_mend('onnxruntime', error)}"
        ) from error
    if not hasattr(onnxruntime, "InferenceSession"):
        # What is left when one of two installed packages that share a folder is removed.
        raise DeviceError(
            "onnxruntime is installed but empty; repair it with pip uninstall -y onnxruntime"
            f" onnxruntime-gpu, then {install('cpu')} or [gpu]"
        )
    return onnxruntime


def create(runtime: Any, data: bytes, name: str, device: Device, threads: int | None) -> Any:
    """Opens an onnxruntime session from the bytes of a model, which messages call `name`.

    Raises:
        ModelError: onnxruntime refuses the model.
        DeviceError: CUDA was asked for and not obtained.
    """
    wants_cuda = device != "cpu" and CUDA in runtime.get_available_providers()
    if device == "cuda" and not wants_cuda:
        raise DeviceError(
            "CUDA was asked for, but the installed onnxruntime has no CUDA provider; run"
            f" pip uninstall -y onnxruntime, then {install('gpu')}",
            Hint.CPU,
        )
    options = runtime.SessionOptions()
    # What was looked through is an ONNX file, not one of onnxruntime's own, which hold more.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    # Where CUDA was not insisted on, what keeps it from starting is for `beetle-lm doctor` to say.
    runtime.set_default_logger_severity(_ERRORS_ONLY if device == "cuda" else _FATAL_ONLY)
    # What is wrong with a model, in the names that it gives, is told by an exception.
    options.log_severity_level = _FATAL_ONLY
    # Threads that spin while they wait would take the processor from those that decode.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads is not None:
        options.intra_op_num_threads = threads
    providers: list[Any] = [(CUDA, _CUDA_OPTIONS), CPU] if wants_cuda else [CPU]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):  # onnxruntime prints what goes wrong with CUDA
        if wants_cuda and hasattr(runtime, "preload_dlls"):
            runtime.preload_dlls()
        try:
            # From bytes, so that a model that needs a second file never works by accident.
            session = runtime.InferenceSession(data, options, providers=providers)
        except Exception as error:  # onnxruntime's exceptions have no base of their own
            raise ModelError(f"{name} cannot be loaded as a model: {_first_line(error)}") from error
    session.disable_fallback()  # or a failure on CUDA would silently be retried on the CPU
    if device == "cuda" and session.get_providers()[0] != CUDA:
        reason = f" ({_first_line(said.getvalue())})" if said.getvalue().strip() else ""
        raise DeviceError(
            f"CUDA was asked for, but onnxruntime could not start it{reason}; check the driver"
            " with nvidia-smi, and see `beetle-lm doctor`",
            Hint.CPU,
        )
    return session


def _outputs(card: ModelCard) -> dict[str, tuple[int, ...]]:
    """The names of a model's outputs, and the shape of each for one photograph."""
    count, semilandmarks = len(card.spec), card.spec.semilandmarks
    outputs: dict[str, tuple[int, ...]] = {
        "landmarks": (count, 2),
        "score": (count,),
        "expected_error": (count,),
    }
    if semilandmarks:
        outputs |= {"semilandmarks": (semilandmarks, 2), "semilandmark_error": (semilandmarks,)}
    return outputs


def _first_line(error: object) -> str:
    return str(error).strip().split("\n", 1)[0]


def _batch_size(session: Any, card: ModelCard, name: str) -> int | None:
    """Checks the model's inputs and outputs against its card; returns a fixed batch size."""
    inputs = {value.name: value for value in session.get_inputs()}
    outputs = {value.name: value for value in session.get_outputs()}
    if set(inputs) != {"image"}:
        raise ModelError(f"{name} has the inputs {sorted(inputs)}, not 'image' alone")
    image = inputs["image"]
    size = [card.channels, card.input_height, card.input_width]
    _check(name, image, "tensor(uint8)", [None, *size])
    for output, shape in _outputs(card).items():
        if output not in outputs:
            raise ModelError(f"{name} lacks the output '{output}'")
        _check(name, outputs[output], "tensor(float)", [None, *shape])
    first = image.shape[0]
    if not isinstance(first, int):
        return None
    if not 1 <= first <= min(LARGEST_BATCH, LARGEST_INPUT // math.prod(size)):
        raise ModelError(
            f"{name} takes {first} photographs of {math.prod(size)} bytes at once; {LARGEST_BATCH}"
            f" of {LARGEST_INPUT} bytes together are the most; ask those who made it for one that"
            " takes any number"
        )
    return first


def _check(name: str, value: Any, kind: str, wanted: Sequence[int | None]) -> None:
    """Sizes that the file leaves open, or that are None in `wanted`, match anything."""
    fits = len(value.shape) == len(wanted) and all(
        want is None or not isinstance(found, int) or found == want
        for found, want in zip(value.shape, wanted, strict=True)
    )
    if value.type != kind or not fits:
        sizes = ["N" if want is None else want for want in wanted]
        raise ModelError(
            f"{name}: its card promises '{value.name}' as {kind} of {sizes}, the file has"
            f" {value.type} of {value.shape}"
        )
