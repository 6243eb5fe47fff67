"""`beetle-lm doctor`: what it finds wrong and how to mend it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beetle_lm.predict.doctor import (
    Finding,
    Runtime,
    check_cache,
    check_packages,
    check_runtime,
    try_runtime,
)
from beetle_lm.predict.session import CPU, CUDA
from beetle_lm.zoo.store import cache_folder

WORKS = Runtime((CPU,), CPU, None)


def problems(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.mend is not None]


def test_cpu_package_that_works() -> None:
    findings = check_runtime({"onnxruntime": "1.30.0"}, WORKS)
    assert problems(findings) == []
    assert Finding("onnxruntime", "1.30.0") in findings
    assert Finding("provider obtained", CPU) in findings


def test_no_runtime() -> None:
    (finding,) = check_runtime({}, Runtime((), None, "no ONNX runtime is installed"))
    assert finding.mend is not None
    assert 'pip install "beetle-lm[cpu]"' in finding.mend


@pytest.mark.parametrize("runtime", [WORKS, Runtime((), None, "onnxruntime is empty")])
def test_two_runtimes_break_each_other(runtime: Runtime) -> None:
    installed = {"onnxruntime": "1.30.0", "onnxruntime-gpu": "1.29.0"}
    (finding,) = problems(check_runtime(installed, runtime))
    assert "break each other" in finding.found
    assert finding.mend is not None
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in finding.mend


def test_runtime_that_cannot_be_loaded() -> None:
    runtime = Runtime((), None, "onnxruntime is installed but empty")
    (finding,) = problems(check_runtime({"onnxruntime": "1.30.0"}, runtime))
    assert "installed but empty" in finding.found


def test_gpu_package_without_a_gpu_is_told() -> None:
    runtime = Runtime((CUDA, CPU), CPU, "Failed to load libcublasLt.so.12")
    (finding,) = problems(check_runtime({"onnxruntime-gpu": "1.30.0"}, runtime))
    assert finding.found.startswith("CPUExecutionProvider, though CUDA is listed")
    assert "libcublasLt" in finding.found
    assert finding.mend is not None
    assert "nvidia-smi" in finding.mend


def test_gpu_package_with_a_gpu() -> None:
    findings = check_runtime({"onnxruntime-gpu": "1.30.0"}, Runtime((CUDA, CPU), CUDA, None))
    assert problems(findings) == []
    assert Finding("provider obtained", CUDA) in findings


def test_what_this_machine_really_gives() -> None:
    pytest.importorskip("onnxruntime")
    runtime = try_runtime()
    assert runtime.obtained in (CPU, CUDA)
    assert runtime.obtained in runtime.listed


def test_no_runtime_is_found_out_by_trying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    runtime = try_runtime()
    assert runtime.obtained is None
    assert runtime.reason is not None
    assert "no ONNX runtime is installed" in runtime.reason


def test_two_opencvs_of_one_version_do_no_harm() -> None:
    installed = {"opencv-python": "5.0", "opencv-python-headless": "5.0", "torch": "2.13"}
    assert problems(check_packages(installed)) == []
    installed["opencv-python"] = "4.9"
    (finding,) = problems(check_packages(installed))
    assert "differ in version" in finding.found


def test_torch_is_not_needed() -> None:
    findings = check_packages({"numpy": "2.0"})
    assert problems(findings) == []
    assert any(f.name == "torch" and "only training" in f.found for f in findings)


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, "home/.cache/huggingface/beetle-lm"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/huggingface/beetle-lm"),
        ({"XDG_CACHE_HOME": "/x", "HF_HOME": "/h"}, "/h/beetle-lm"),
    ],
)
def test_pulled_models_lie_in_hugging_faces_folder(
    environment: dict[str, str], wanted: str
) -> None:
    assert cache_folder(environment, Path("home")) == Path(wanted)


def test_cache_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    findings = check_cache({"HF_HOME": str(tmp_path / "file")}, tmp_path)
    (finding,) = problems(findings)
    assert "cannot be written" in finding.found
    assert finding.mend is not None
    assert "HF_HOME" in finding.mend


def test_what_steers_the_downloading_is_shown(tmp_path: Path) -> None:
    environment = {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "https://mirror.example"}
    findings = check_cache(environment, tmp_path)
    assert Finding("HF_HUB_OFFLINE", "1") in findings
    assert Finding("HF_ENDPOINT", "https://mirror.example") in findings
    assert Finding("HF_ENDPOINT", "not set") in check_cache({}, tmp_path)


def test_command(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setitem(os.environ, "HF_ENDPOINT", "https://mirror.example")
    done = command("doctor")
    assert done.code == 1
    assert "https://mirror.example" in done.out
    assert "to mend it: " in done.out
    monkeypatch.delitem(sys.modules, "onnxruntime")
    well = command("doctor")
    both = "break each other" in well.out
    assert well.code == (1 if both or "though CUDA is listed" in well.out else 0)
    assert "provider obtained" in well.out
