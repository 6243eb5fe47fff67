"""What `from beetle_lm import ...` gives: which names, and what their docstrings must tell."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import beetle_lm
from beetle_lm import errors

ROOT = Path(__file__).parents[2]
NAMES = [
    "BeetleLMError",
    "Evaluation",
    "Landmarks",
    "ModelCard",
    "PartSpec",
    "Predictor",
    "Result",
    "TpsRecord",
    "__version__",
    "errors",
    "evaluate",
    "read_image",
    "read_tps",
    "results_table",
    "write_tps",
]

# What the docstring of each name has to tell: shapes, units, the frame of coordinates, and errors.
TOLD = {
    "Evaluation": ("(S, n, 2)", "pixels", "y down", "NaN"),
    "Evaluation.plot": ("matplotlib", "LandmarkError", "ValueError"),
    "Evaluation.table": ("pandas", "LandmarkError", "ValueError"),
    "Landmarks": ("(n, 2)", "(n,)", "pixels", "top-left", "y points down", "NaN", "LandmarkError"),
    "ModelCard": ("pixels", "ModelError"),
    "PartSpec": ("counted from 1", "PartError"),
    "Predictor": (),
    "Predictor.load": ("PartError", "ModelError", "HubError", "DeviceError"),
    "Predictor.predict": (
        "uint8",
        "(H, W)",
        "(H, W, 3)",
        "EXIF",
        "white",
        "16 bit",
        "pixels of the upright photograph",
        "y down",
        "TypeError",
        "ImageError",
        "RequestError",
        "ModelError",
    ),
    "Result": ("pixels", "upright", "y down", "None"),
    "Result.plot": ("pixels", "y down", "ImageError"),
    "TpsRecord": ("(n, 2)", "y up", "units per pixel", "NaN", "LandmarkError"),
    "TpsRecord.from_image_xy": ("(n, 2)", "pixels", "y down", "NaN"),
    "evaluate": (
        "(n, 2)",
        "pixels",
        "256 x 192",
        "upright",
        "units per pixel",
        "RequestError",
        "LandmarkFileError",
        "LandmarkError",
        "ImageError",
        "PartError",
    ),
    "read_image": ("uint8", "(H, W)", "(H, W, 3)", "pixels", "upright", "y down", "ImageError"),
    "read_tps": ("(n, 2)", "pixels", "y up", "LandmarkFileError"),
    "results_table": ("pixels", "upright", "y down", "0 to 1", "NaN", "LandmarkError"),
    "write_tps": ("pixels", "y down", "OutputError"),
}


def named(path: str) -> object:
    value: object = beetle_lm
    for name in path.split("."):
        value = getattr(value, name)
    return value


def test_the_names_are_these() -> None:
    assert beetle_lm.__all__ == NAMES == sorted(NAMES) == dir(beetle_lm)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_imported(name: str) -> None:
    namespace: dict[str, object] = {}
    exec(f"from beetle_lm import {name}", namespace)
    assert namespace[name] is getattr(beetle_lm, name)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'beetle_lm' has no attribute 'Predicter'"):
        beetle_lm.Predicter  # noqa: B018


def test_type_checkers_see_every_name() -> None:
    tree = ast.parse((ROOT / "src/beetle_lm/__init__.py").read_text(encoding="utf-8"))
    (guarded,) = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in (*tree.body, *guarded.body) if isinstance(node, ast.ImportFrom)]
    homes = {alias.name: node.module for node in imports for alias in node.names}
    for name in set(NAMES) - {"__version__"}:
        assert name in homes, f"{name} is not imported for type checkers"
    for name, home in beetle_lm._HOMES.items():
        assert homes[name] == f"beetle_lm.{home}"


def test_importing_the_package_is_light() -> None:
    code = "import sys, beetle_lm, beetle_lm.errors; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    heavy = {"numpy", "cv2", "PIL", "matplotlib", "pandas", "rich", "typer", "onnxruntime"}
    assert heavy.isdisjoint(done.stdout.split())


def test_every_callable_has_its_line_in_what_must_be_told() -> None:
    callables = {
        name
        for name in NAMES
        if callable(getattr(beetle_lm, name)) and not issubclass_of_error(getattr(beetle_lm, name))
    }
    assert callables == {name for name in TOLD if "." not in name}


def issubclass_of_error(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, BaseException)


@pytest.mark.parametrize("name", TOLD)
def test_docstrings_tell_arguments_shapes_units_frames_and_errors(name: str) -> None:
    value = named(name)
    text = " ".join((inspect.getdoc(value) or "").split())
    assert text, f"{name} has no docstring"
    for told in TOLD[name]:
        assert told in text, f"the docstring of {name} does not tell {told!r}"
    if inspect.isclass(value) and not dataclasses.is_dataclass(value):
        return  # made by a method, which has a line of its own
    assert callable(value)
    for argument in inspect.signature(value).parameters:
        assert argument == "self" or f" {argument}: " in text, (
            f"the docstring of {name} does not tell what {argument} is"
        )


@pytest.mark.parametrize("name", [name for name in NAMES if inspect.isclass(named(name))])
def test_public_members_have_docstrings(name: str) -> None:
    kind = named(name)
    for member, value in vars(kind).items():
        if not member.startswith("_") and (callable(value) or isinstance(value, property)):
            assert inspect.getdoc(value), f"{name}.{member} has no docstring"


def test_every_error_is_one_of_ours_and_says_what_it_means() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    raised = [kind for kind in kinds if issubclass(kind, Exception)]
    assert len(raised) > 15
    for kind in raised:
        assert issubclass(kind, beetle_lm.BeetleLMError)
        assert kind.__doc__, kind


def test_the_cell_in_the_readme_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime")
    from matplotlib import pyplot

    monkeypatch.chdir(ROOT)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("## From Python", 1)[1].split("\n## ", 1)[0]
    (cell,) = [block.split("```")[0] for block in section.split("```python\n")[1:]]
    lines = [line for line in cell.splitlines() if line]
    assert len(lines) == 6
    *statements, shown = lines
    namespace: dict[str, object] = {}
    exec("\n".join(statements), namespace)
    assert eval(shown, namespace).get_xlim() == (0, 816)
    pyplot.close("all")
    table = namespace["table"]
    assert len(table) == 4  # type: ignore[arg-type]
    assert "4 specimens of 8 landmarks" in capsys.readouterr().out
