"""What the program says leaves it in one place, where what commands a terminal is escaped."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
SAYING = ROOT / "src" / "beetle_lm" / "console.py"
FIRST = ROOT / "src" / "beetle_lm" / "__main__.py"  # prints the version before anything is imported
MODULES = [
    path
    for folder in ("src", "zoo", "predict", "train", "export", "web")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path not in (SAYING, FIRST)
]


def said(source: str) -> list[str]:
    """The calls that write to a terminal."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    ways = ("print", "Console", "typer.echo", "typer.secho", "sys.stdout.write", "sys.stderr.write")
    return [
        ast.unparse(call)
        for call in calls
        if ast.unparse(call.func) in ways
        and not any(keyword.arg == "file" for keyword in call.keywords)
    ]


def test_only_one_module_writes_to_the_terminal() -> None:
    calls = {str(path.relative_to(ROOT)): said(path.read_text("utf-8")) for path in MODULES}
    assert {path: found for path, found in calls.items() if found} == {}
