"""The notebook of the examples runs from its first cell to its last."""

from __future__ import annotations

import ast
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "examples" / "landmarks.ipynb"


def shown(cell: str, namespace: dict[str, Any]) -> object:
    """What a notebook shows below a cell: the value of its last line; None where it has none."""
    tree = ast.parse(cell)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, str(NOTEBOOK), "exec"), namespace)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), str(NOTEBOOK), "eval"), namespace)


def test_every_cell_runs_and_shows_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    """Without a kernel, which would be thirty packages more: the cells are plain Python."""
    pytest.importorskip("onnxruntime")
    from matplotlib import pyplot

    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    shutil.copytree(ROOT / "examples" / "pronotum", tmp_path / "pronotum")
    monkeypatch.chdir(tmp_path)
    pyplot.switch_backend("agg")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    values = [shown(cell, namespace) for cell in cells]
    pyplot.close("all")
    kinds = {type(value).__name__ for value in values}
    assert {"Result", "Axes", "Evaluation", "Plot"} <= kinds
    for value in values:
        if type(value).__name__ in ("Result", "Plot"):
            assert value._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    assert namespace["comparison"].shapes is not None
    assert "ipykernel" not in sys.modules and not recwarn.list


def test_it_is_kept_without_what_it_showed() -> None:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        assert not cell.get("outputs") and cell.get("execution_count") is None
