"""What to do about libraries that are missing, or installed and cannot be imported.

It imports none of them, so that it can speak of all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from beetle_lm.errors import InstallationError, MissingExtraError
from beetle_lm.origin import install

TO_MEND_IT = "; to mend it: "
"""What stands between what is wrong with a library and what to do."""

RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml")
"""The packages that hold onnxruntime. They share one folder, so only one may be installed."""

OPENCVS = (
    "opencv-python-headless",
    "opencv-python",
    "opencv-contrib-python-headless",
    "opencv-contrib-python",
)
"""The packages that hold OpenCV, which share one folder as well; beetle-lm needs the first."""

OPENCV_AGAIN = f"pip uninstall -y {' '.join(OPENCVS)}, then pip install {OPENCVS[0]}"

PACKAGES = {
    "numpy": "numpy",
    "cv2": OPENCVS[0],
    "simplejpeg": "simplejpeg",
    "PIL": "pillow",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "morphops": "morphops",
    "matplotlib": "matplotlib",
    "filelock": "filelock",
    "starlette": "starlette",
    "uvicorn": "uvicorn",
    "onnxruntime": "onnxruntime",
    "torch": "torch",
    "onnx": "onnx",
    "onnxscript": "onnxscript",
    "safetensors": "safetensors",
}
"""By the module that is imported: the package that brings it."""

BUILT_FOR_OTHER_NUMPY = re.compile(
    r"numpy\.?_?core|_ARRAY_API|compiled using NumPy|dtype size changed|numpy version", re.I
)
_MISSING_LIBRARY = re.compile(r"(\S+\.(?:so|dylib)[.\d]*):? (?:cannot open|not found|image not)")
_DLL = re.compile(r"DLL load failed|WinError (?:126|127|193|1114)|\.dll", re.I)
_RUNTIME_OF_WINDOWS = "install the Microsoft Visual C++ Redistributable (https://aka.ms/vs/17/release/vc_redist.x64.exe)"
_MOST_SHOWN = 300


@contextmanager
def require_extra(extra: str) -> Iterator[None]:
    """Turns a failing import of an optional dependency into a sentence that says how to get it.

    Raises:
        MissingExtraError: an import inside the block found no module.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("beetle_lm"):
            raise
        raise MissingExtraError(
            f"{error.name} is not installed; `{install(extra)}` brings it"
        ) from error


def how_to_mend(module: str, problem: BaseException) -> str:
    """What to do about a module of `PACKAGES` that is there and cannot be imported.

    Args:
        module: its name.
        problem: what its import raised.
    """
    text, package = str(problem), PACKAGES[module]
    again = f"pip install --force-reinstall {package}"
    if module == "cv2" and (lacks := _MISSING_LIBRARY.search(text)):
        return (
            f"the headless OpenCV does without {lacks[1]}: {OPENCV_AGAIN}; where that package is"
            " installed already, install the system's package with that library"
        )
    if BUILT_FOR_OTHER_NUMPY.search(text) and module != "numpy":
        again = f"pip install --upgrade --force-reinstall {package} numpy"
        return f"it was built for another version of NumPy: {again}"
    if _DLL.search(text):
        return f"{_RUNTIME_OF_WINDOWS}, start the computer anew, and if that does not help, {again}"
    return again


def first_line(problem: BaseException) -> str:
    """What an exception says, on one line."""
    lines = str(problem).strip().splitlines() or [type(problem).__name__]
    return lines[0][:_MOST_SHOWN]


def failed_import(problem: BaseException) -> InstallationError | None:
    """The sentence for an exception with which the import of a library ended.

    Args:
        problem: what was raised, an `ImportError` or what a library raises in place of it.

    Returns:
        None where it was no import of a library that failed.
    """
    if isinstance(problem, ModuleNotFoundError):
        missing = (problem.name or "").partition(".")[0]
        if missing in PACKAGES:
            return InstallationError(f"{missing} is not installed; pip install {PACKAGES[missing]}")
    imported = [name for name in _imported(problem.__traceback__) if name in PACKAGES]
    # A library fails with what it imports, but for one that fits no NumPy and fails inside it.
    innermost = 0 if BUILT_FOR_OTHER_NUMPY.search(str(problem)) else -1
    module = imported[innermost] if imported else None
    if module is None and isinstance(problem, ImportError):
        module = (problem.name or "").partition(".")[0]
    if module not in PACKAGES:
        return None
    return InstallationError(
        f"{module} is installed but cannot be imported ({first_line(problem)}){TO_MEND_IT}"
        f"{how_to_mend(module, problem)}"
    )


def _imported(traceback: TracebackType | None) -> Iterator[str]:
    """The modules that were being imported when something was raised, the outermost first."""
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_name == "<module>":
            yield str(frame.f_globals.get("__name__", "")).partition(".")[0]
        traceback = traceback.tb_next
