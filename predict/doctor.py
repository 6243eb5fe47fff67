"""What is installed, whether it works together, and how to fix what does not."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from beetle_lm import __version__
from beetle_lm.errors import BeetleLMError
from beetle_lm.libraries import (
    OPENCV_AGAIN,
    OPENCVS,
    PACKAGES,
    RUNTIMES,
    TO_MEND_IT,
    first_line,
    how_to_mend,
)
from beetle_lm.origin import CPU_INDEX, install
from beetle_lm.zoo.registry import bundled_model, bundled_models
from beetle_lm.zoo.store import cache_folder

_NOT_TRIED = "a library that it needs cannot be imported"
_INSTALLED = ("numpy", *OPENCVS, "pillow", *RUNTIMES, "torch")
_IMPORTED = [name for name in PACKAGES if name != "onnxruntime"]  # of which a session is opened
_OF_TRAINING = ("torch", "onnx", "onnxscript", "safetensors")
_CUDA = "CUDAExecutionProvider"
# An ONNX graph of one negation, of opset 13: enough to see which provider a session gets.
_TINY_MODEL = (
    b'\x08\x07\x12\x00:2\n\x0b\n\x01x\x12\x01y"\x03Neg\x12\x01tZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12'
    b"\x04\n\x02\x08\x01b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\r"
)


@dataclass(frozen=True)
class Finding:
    """One thing that was checked.

    Args:
        name: what was checked.
        found: what was found.
        mend: what to do about it; None where nothing is wrong.
    """

    name: str
    found: str
    mend: str | None = None


@dataclass(frozen=True)
class Runtime:
    """How onnxruntime behaves when a session is opened.

    Args:
        listed: the execution providers that it says it has.
        obtained: the one that a session really got; None where none could be opened.
        reason: why none could be opened, or why CUDA was listed and not obtained.
    """

    listed: tuple[str, ...]
    obtained: str | None
    reason: str | None


def examine() -> list[Finding]:
    """Examines this machine."""
    installed = installed_packages()
    return [
        Finding("beetle-lm", __version__),
        Finding("python", f"{platform.python_version()} on {platform.platform()}"),
        *check_packages(installed),
        *check_imports(_IMPORTED),
        *check_runtime(installed, try_runtime()),
        *check_models(),
        *check_cache(os.environ, Path.home()),
    ]


def installed_packages() -> dict[str, str]:
    """Versions of the packages of interest that are installed, by name."""
    versions = {}
    for name in _INSTALLED:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def try_runtime() -> Runtime:
    """Opens a tiny session: what a package claims to provide is not always what it does."""
    try:
        from beetle_lm.predict.session import create, load_runtime
    except Exception:  # which `check_imports` tells of
        return Runtime((), None, _NOT_TRIED)
    try:
        runtime = load_runtime()
        listed = tuple(runtime.get_available_providers())
        obtained = create(runtime, _TINY_MODEL, "a tiny model", "auto", None).get_providers()[0]
    except BeetleLMError as error:
        return Runtime((), None, str(error))
    reason = None
    if _CUDA in listed and obtained != _CUDA:
        try:
            create(runtime, _TINY_MODEL, "a tiny model", "cuda", None)
        except BeetleLMError as error:
            reason = str(error).split(";", maxsplit=1)[0]
    return Runtime(listed, obtained, reason)


def check_packages(installed: Mapping[str, str]) -> list[Finding]:
    """Versions, and packages that do not work side by side.

    Args:
        installed: versions of the installed packages by name.
    """
    findings = [
        Finding(name, version) for name, version in installed.items() if name not in RUNTIMES
    ]
    if "torch" not in installed:
        command = install("train")
        spared = " (without CUDA, which is 2 GB)" if CPU_INDEX in command else ""
        found = f"not installed; only training and export need it: {command}{spared}"
        findings.append(Finding("torch", found))
    opencvs = [name for name in OPENCVS if name in installed]
    if len({installed[name] for name in opencvs}) > 1:
        found = f"{_listed(opencvs)} share one folder and differ in version"
        findings.append(Finding("opencv", found, OPENCV_AGAIN))
    return findings


def check_imports(modules: Iterable[str]) -> list[Finding]:
    """Modules that cannot be imported; what is only needed to train may be missing.

    What breaks one library often breaks those that use it: each reason is told once, of the first.

    Args:
        modules: names in `PACKAGES`.
    """
    findings = []
    reasons: set[str] = set()
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:
            if (reason := first_line(error)) in reasons:
                continue
            reasons.add(reason)
            missing = isinstance(error, ModuleNotFoundError) and error.name == name
            if missing and name in _OF_TRAINING:
                continue
            found = "not installed" if missing else f"cannot be imported: {reason}"
            mend = f"pip install {PACKAGES[name]}" if missing else how_to_mend(name, error)
            findings.append(Finding(name, found, mend))
    return findings


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def check_runtime(installed: Mapping[str, str], runtime: Runtime) -> list[Finding]:
    """Which onnxruntime is installed, and what it does.

    Args:
        installed: versions of the installed packages by name.
        runtime: what opening a session showed.
    """
    there = [name for name in RUNTIMES if name in installed]
    if not there and runtime.obtained is None and TO_MEND_IT not in (runtime.reason or ""):
        mend = f"{install('cpu')} (or [gpu], for NVIDIA cards)"
        return [Finding("onnxruntime", "not installed", mend)]
    findings = [Finding(name, installed[name]) for name in there]
    again = f"pip uninstall -y {' '.join(there or RUNTIMES[:1])}, then {install('cpu')} or [gpu]"
    if len(there) > 1:
        found = f"{_listed(there)} are installed together and break each other"
        findings.append(Finding("onnxruntime", found, again))
    findings.append(Finding("providers listed", ", ".join(runtime.listed) or "none"))
    if runtime.obtained is None:
        why, _, mend = (runtime.reason or "").partition(TO_MEND_IT)
        told = len(there) > 1 or runtime.reason == _NOT_TRIED  # above already
        findings.append(
            Finding("provider obtained", f"none: {why}", None if told else mend or again)
        )
    elif _CUDA in runtime.listed and runtime.obtained != _CUDA:
        findings.append(
            Finding(
                "provider obtained",
                f"{runtime.obtained}, though CUDA is listed: {runtime.reason}",
                f"check the driver with nvidia-smi; {install('gpu')} brings the CUDA libraries;"
                " without an NVIDIA card use pip uninstall -y onnxruntime-gpu, then"
                f" {install('cpu')}",
            )
        )
    else:
        findings.append(Finding("provider obtained", runtime.obtained))
    return findings


def check_models() -> list[Finding]:
    """The bundled models, checked against their SHA-256."""
    findings = []
    for name, entry in bundled_models().items():
        try:
            bundled_model(name)
        except BeetleLMError as error:
            mend = install(options="--force-reinstall --no-deps")
            findings.append(Finding(f"model {name}", str(error), mend))
        else:
            findings.append(Finding(f"model {name}", entry.version))
    return findings or [Finding("models", "none come with this version")]


def check_cache(environment: Mapping[str, str], home: Path) -> list[Finding]:
    """Where downloaded models are kept, and which settings affect downloads.

    Args:
        environment: environment variables.
        home: the user's home folder.
    """
    folder = cache_folder(environment, home)
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    usable = nearest.is_dir() and os.access(nearest, os.W_OK)
    mend = None if usable else "set HF_HOME to a folder that can be written"
    found = str(folder) if usable else f"{folder} cannot be written"
    return [
        Finding("pulled models", found, mend),
        *(
            Finding(name, environment.get(name) or "not set")
            for name in ("HF_HUB_OFFLINE", "HF_ENDPOINT", "BEETLE_LM_ZOO")
        ),
    ]
