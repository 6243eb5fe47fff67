"""Who imports what: the direction between the pieces, and one caller for each heavy library."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIECES = ("zoo", "predict", "train", "export")  # each may import those before it
BESIDE = {"web": ("zoo", "predict", "web")}  # starts training as a process of its own
# Each may import those of the lines before it; those of one line know nothing of each other.
ROOMS = {
    "zoo": ["model_file", "hub", "entries", "store", "pull", "registry", "listing", "commands"],
    "predict": [
        "landmarks",
        "curves images procrustes session",
        "data_frame doctor inputs measurements quality",
        "views",
        "drawing formats",
        "scales",
        "result",
        "predictor results_table",
        "evaluation",
        "templates",
        "batch",
        "commands",
    ],
    "train": [
        "data synthetic",
        "engine",
        "heatmap paper",
        "methods",
        "finetune job",
        "run",
        "cross_validate reproduction",
        "commands",
    ],
    "export": ["quantise", "to_onnx", "parity", "publish", "commands"],
    "web": [
        "guard patience pictures process records runs site",
        "store",
        "choice curves messages progress",
        "outputs",
        "project",
        "overview proposals training",
        "server",
        "commands",
    ],
}
HEAVY = (
    *("numpy", "cv2", "onnxruntime", "torch", "sklearn", "matplotlib", "PIL"),
    *("huggingface_hub", "starlette", "uvicorn", "pyarrow", "ray", "fsspec"),
)
SOURCES = sorted(path for piece in (*PIECES, *BESIDE) for path in (ROOT / piece).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Full names of the modules that a source file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def importers(library: str) -> list[str]:
    return [
        place(path)
        for path in SOURCES
        if any(name.split(".")[0] == library for name in imported(path))
    ]


def modules(*pieces: str) -> list[str]:
    return [
        ".".join(("beetle_lm", *path.relative_to(ROOT).with_suffix("").parts))
        for piece in pieces
        for path in sorted((ROOT / piece).rglob("*.py"))
        if path.stem != "__init__"
    ]


def loaded_after(code: str) -> set[str]:
    """The top-level modules that a fresh process has loaded after some code."""
    report = "import sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"],
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    return set(done.stdout.splitlines()[-1].split())


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=place)
def test_imports_go_one_way(path: Path) -> None:
    piece = path.relative_to(ROOT).parts[0]
    allowed = BESIDE.get(piece) or PIECES[: PIECES.index(piece) + 1]
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "beetle_lm" and len(parts) > 1 and parts[1] in (*PIECES, *BESIDE):
            assert parts[1] in allowed, f"{place(path)} imports {name}"
        assert name != "beetle_lm.cli"
        assert parts[0] not in (*PIECES, *BESIDE), f"write beetle_lm.{name}"


@pytest.mark.parametrize("path", SOURCES, ids=place)
def test_rooms_are_in_order(path: Path) -> None:
    piece, *inside = path.relative_to(ROOT).with_suffix("").parts
    rooms = [line.split() for line in ROOMS[piece]]
    level = {room: number for number, line in enumerate(rooms) for room in line}
    if inside == ["__init__"]:
        return
    own = inside[0]
    assert own in level, f"{place(path)} is in no room of ROOMS"
    for name in imported(path):
        if name.startswith(f"beetle_lm.{piece}."):
            other = name.split(".")[2]
            assert other == own or level[other] < level[own], f"{place(path)} imports {name}"


def test_every_room_is_there() -> None:
    for piece, lines in ROOMS.items():
        for room in " ".join(lines).split():
            assert (ROOT / piece / room).is_dir() or (ROOT / piece / f"{room}.py").is_file()


def test_errors_are_below_all() -> None:
    errors = ROOT / "src" / "beetle_lm" / "errors.py"
    assert not any(name.startswith("beetle_lm") for name in imported(errors))


def test_one_caller_of_onnxruntime() -> None:
    assert importers("onnxruntime") == ["predict/session.py"]


def test_one_caller_of_the_hub() -> None:
    assert set(importers("huggingface_hub")) <= {"zoo/hub/client.py"}


def test_one_caller_of_the_web_server() -> None:
    assert importers("starlette") == importers("uvicorn") == ["web/server.py"]


def test_prediction_knows_nothing_of_torch() -> None:
    named = [path for path in importers("torch") if path.startswith(("zoo/", "predict/", "web/"))]
    assert named == []


def test_pandas_is_for_the_tables_that_python_gets() -> None:
    assert importers("pandas") == ["predict/data_frame.py"]


def test_one_caller_of_pyarrow() -> None:
    assert importers("pyarrow") == ["predict/formats/parquet.py"]


def test_one_caller_of_fsspec() -> None:
    assert importers("fsspec") == ["predict/images/stores.py"]


def test_one_caller_of_ray() -> None:
    assert importers("ray") == ["predict/batch/ray_engine.py"]


def test_importing_all_but_training_loads_no_torch_and_no_pandas() -> None:
    names = modules("zoo", "predict", "web")
    assert "beetle_lm.predict.predictor" in names
    loaded = loaded_after("import " + ", ".join(names))
    assert "numpy" in loaded  # the modules were really imported
    assert loaded.isdisjoint({"torch", "pandas", "pyarrow", "onnxruntime", "ray", "fsspec"})


@pytest.mark.parametrize(
    "arguments", [["--help"], ["predict", "--help"], ["transfer", "--help"], ["--version"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        f"sys.argv = ['beetle-lm', *{arguments!r}]\n"
        "from beetle_lm.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code"
    )
    loaded = loaded_after(code)
    assert "beetle_lm" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_the_list_of_commands_is_whole_and_loads_no_boxes() -> None:
    code = (
        "import sys, typer\n"
        "from beetle_lm import cli\n"
        "sys.argv = ['beetle-lm', '--help']\n"
        "try:\n    cli.run()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "assert 'rich' not in sys.modules and 'pydantic' not in sys.modules\n"
        "print(*typer.main.get_command(cli.app).commands)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    *shown, names = done.stdout.splitlines()
    assert {"predict", "review", "review-list", "zoo"} <= set(names.split())
    listed = [line.split()[0] for line in shown[shown.index("Commands:") + 1 :] if line[2:3] != " "]
    assert listed == names.split()
    assert "..." not in "".join(shown).replace("[ARGS]...", "")


def test_shells_complete_the_options_of_commands() -> None:
    code = "import sys\nfrom beetle_lm import cli\nsys.argv = ['beetle-lm']\ncli.run()"
    asked = {
        "_BEETLE_LM_COMPLETE": "complete_bash",
        "COMP_WORDS": "beetle-lm predict --isol",
        "COMP_CWORD": "2",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
        env=os.environ | asked,
    )
    assert done.stdout.split() == ["--isolate"]
