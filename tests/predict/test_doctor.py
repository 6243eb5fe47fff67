"""`beetle-lm doctor`: what it finds wrong and how to mend it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kinds import Draw
from PIL import Image

from beetle_lm.libraries import PACKAGES
from beetle_lm.origin import CPU_INDEX, install
from beetle_lm.predict.doctor import (
    Finding,
    Runtime,
    check_cache,
    check_imports,
    check_packages,
    check_runtime,
    try_runtime,
)
from beetle_lm.predict.session import CPU, CUDA
from beetle_lm.zoo.store import cache_folder

ROOT = Path(__file__).parents[2]

WORKS = Runtime((CPU,), CPU, None)


def problems(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.mend is not None]


def test_cpu_package_that_works() -> None:
    findings = check_runtime({"onnxruntime": "1.30.0"}, WORKS)
    assert problems(findings) == []
    assert Finding("onnxruntime", "1.30.0") in findings
    assert Finding("provider obtained", CPU) in findings


def test_missing_torch_is_told_with_the_line_that_brings_it() -> None:
    findings = check_packages({})
    [torch] = [finding for finding in findings if finding.name == "torch"]
    assert torch.mend is None and install("train") in torch.found
    assert ("(without CUDA, which is 2 GB)" in torch.found) == (CPU_INDEX in torch.found)


def test_no_runtime() -> None:
    (finding,) = check_runtime({}, Runtime((), None, "no ONNX runtime is installed"))
    assert finding.mend is not None
    assert install("cpu") in finding.mend


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


@pytest.mark.parametrize(
    "other", ["opencv-contrib-python", "opencv-contrib-python-headless", "opencv-python"]
)
def test_two_opencvs_of_two_versions(other: str) -> None:
    (finding,) = problems(
        check_packages({"opencv-python-headless": "5.0", other: "4.8", "torch": "2.13"})
    )
    assert other in finding.found and "differ in version" in finding.found
    assert finding.mend is not None
    assert finding.mend.startswith("pip uninstall -y ") and other in finding.mend
    assert finding.mend.endswith("then pip install opencv-python-headless")


def test_directml_beside_the_usual_runtime() -> None:
    installed = {"onnxruntime": "1.30.0", "onnxruntime-directml": "1.20.0"}
    (finding,) = problems(check_runtime(installed, WORKS))
    assert "onnxruntime and onnxruntime-directml are installed together" in finding.found
    assert finding.mend is not None
    assert "pip uninstall -y onnxruntime onnxruntime-directml" in finding.mend


def test_only_what_is_declared_is_missed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    required = [*project["dependencies"], *extras["cpu"], *extras["train"]]
    declared = {re.split(r"[^\w-]", line, maxsplit=1)[0] for line in required}
    assert set(PACKAGES.values()) <= declared


def test_what_this_machine_imports() -> None:
    assert check_imports(["numpy", "cv2", "PIL"]) == []


BROKEN = [
    ("cv2", "ImportError", "libGL.so.1: cannot open shared object file: No such file", "headless"),
    ("cv2", "ImportError", "numpy.core.multiarray failed to import", "another version of NumPy"),
    ("cv2", "AttributeError", "_ARRAY_API not found", "another version of NumPy"),
    ("cv2", "ImportError", "DLL load failed while importing cv2", "Visual C++"),
    ("numpy", "ImportError", "Error importing numpy", "pip install --force-reinstall numpy"),
    ("onnxruntime", "ImportError", "DLL load failed while importing onnxruntime_pybind11_state: A"
     " dynamic link library (DLL) initialization routine failed.", "Visual C++"),
]  # fmt: skip


@pytest.fixture
def broken_program(tmp_path: Path) -> Callable[..., Any]:
    """Runs the program where a library is broken."""

    def run(module: str, kind: str, message: str, *arguments: object) -> Any:
        (tmp_path / f"{module}.py").write_text(f"raise {kind}({message!r})\n", encoding="utf-8")
        return subprocess.run(
            [sys.executable, "-m", "beetle_lm", *map(str, arguments)],
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    return run


@pytest.mark.parametrize(("module", "kind", "message", "mend"), BROKEN)
def test_a_broken_library_is_found_and_is_a_sentence_in_other_commands(
    broken_program: Callable[..., Any],
    tmp_path: Path,
    draw: Draw,
    module: str,
    kind: str,
    message: str,
    mend: str,
) -> None:
    done = broken_program(module, kind, message, "doctor")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    [told] = [part for part in done.stdout.split("\n\n") if message in part and "mend" in part]
    assert mend in told
    image = tmp_path / "beetle.png"
    Image.fromarray(draw((64, 48), [(10, 10)])).save(image)
    done = broken_program(module, kind, message, "predict", image, "--part", "elytra")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert message.split(":", maxsplit=1)[0] in done.stderr and mend in done.stderr
    assert f"error: {module} is installed but cannot be" in done.stderr


def test_a_broken_torch(broken_program: Callable[..., Any], tmp_path: Path) -> None:
    message = '[WinError 126] Error loading "C:\\x\\fbgemm.dll" or one of its dependencies.'
    done = broken_program("torch", "OSError", message, "doctor")
    assert done.returncode == 1 and "torch: cannot be imported: [WinError 126]" in done.stdout
    assert "Visual C++" in done.stdout
    arguments = ("train", tmp_path, tmp_path / "l.tps", "--part", "x", "-o", tmp_path / "run")
    done = broken_program("torch", "OSError", message, *arguments)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "error: torch is installed but cannot be imported ([WinError 126]" in done.stderr


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
