"""`beetle-lm review` and `beetle-lm annotate`: pages in the browser."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from beetle_lm.console import echo
from beetle_lm.errors import UsageError
from beetle_lm.origin import install

if TYPE_CHECKING:
    from beetle_lm.web.project import Project
    from beetle_lm.web.runs import Run

_NO_MODEL = "none"

NoBrowser = Annotated[
    bool, typer.Option("--no-browser", help="Only print the address of the page.")
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 for any.")]
Recipe = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|TOML", help="Recipe of the trainings that the page starts; see `train`."
    ),
]
MaxPixels = Annotated[
    int, typer.Option(min=1, metavar="N", help="Photographs of more pixels are not shown.")
]


def review(
    folder: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="Folder of results that `predict` or `transfer` wrote."),
    ],
    images: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the photographs, if they were moved."),
    ] = None,
    recipe: Recipe = None,
    no_browser: NoBrowser = False,
    port: Port = 0,
    max_pixels: MaxPixels = 500_000_000,
) -> None:
    """Opens a page in the browser on which predicted landmarks are checked and corrected.

    Example: beetle-lm review landmarks

    The photographs come worst first. OUT/landmarks.tps stays as it is: what is accepted goes into
    OUT/corrected.tps, every move into OUT/corrections.csv. Where OUT holds the results of several
    parts, each has a page of its own, with links to the others. Prints the address of the page and
    serves it, to this machine alone, until the page ends it, Ctrl-C does, or no page has been open
    for ten minutes. The same command goes on where it ended.
    """
    from beetle_lm.web.project import review_projects

    _serve(review_projects(folder, images), recipe, no_browser, port, max_pixels)


def annotate(
    photographs: Annotated[
        list[str],
        typer.Argument(
            metavar="PHOTOGRAPHS...",
            help="Photographs, folders of them, or globs; sub-folders are searched too.",
        ),
    ],
    part: Annotated[
        str,
        typer.Option(
            metavar="NAME|TOML",
            help="One of the paper's parts, a TOML file that describes your own, or a name for it"
            " with --landmarks.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="TPS", help="Landmark file; one that is half done goes on."
        ),
    ],
    landmarks: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="How many landmarks the part has; they are numbered."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "-m",
            "--model",
            metavar="FILE|hf:ORG/NAME[@REV]|none",
            help="Model that proposes landmarks. By default the one trained here last, or the"
            " part's bundled one; where there is none, or with none, landmarks are proposed that"
            " registration finds from what is annotated so far.",
        ),
    ] = None,
    exif: Annotated[
        Literal["apply", "stored"],
        typer.Option(
            help="Coordinates of the upright picture, or of the pixels as stored (tpsDig)."
        ),
    ] = "apply",
    recipe: Recipe = None,
    no_browser: NoBrowser = False,
    port: Port = 0,
    max_pixels: MaxPixels = 500_000_000,
) -> None:
    """Opens a page in the browser on which photographs are annotated, and models trained.

    Example: beetle-lm annotate photographs/ --part wing --landmarks 12 -o wings.tps

    Click the landmarks of the first photograph in their order; on the next ones they are proposed,
    and only have to be corrected. Prints the address of the page and serves it, to this machine
    alone, until the page ends it, Ctrl-C does, or no page has been open for ten minutes. The same
    command goes on where it ended, and with a TPS file of another program that is half done.
    """
    if output.suffix.lower() != ".tps":
        of_it = "; `beetle-lm convert` makes a TPS file of it" if output.exists() else ""
        raise UsageError(f"{output}: the landmark file must end in .tps{of_it}")
    from beetle_lm.web.project import annotation_project
    from beetle_lm.zoo.model_file.parts import PARTS, PartSpec, part_of
    from beetle_lm.zoo.registry import resolve

    if landmarks is not None:
        if part in PARTS or part.lower().endswith(".toml"):
            raise UsageError("--landmarks is for parts that are only named")
        spec = PartSpec.numbered(part, landmarks)
    elif part in PARTS or part.lower().endswith(".toml"):
        spec = part_of(part)
    else:
        raise UsageError(
            f"{part} is none of the paper's parts: say with --landmarks how many landmarks it has,"
            " or describe it in a TOML file"
        )
    source = None if model in (None, _NO_MODEL) else resolve(model)
    project = annotation_project(photographs, output, spec, exif, source)
    if model is None:
        _take_usual_model(project, part)
    _serve([project], recipe, no_browser, port, max_pixels, part)


def _take_usual_model(project: Project, part: str) -> None:
    """The model that proposes landmarks where none was named, if there is one; says which."""
    from beetle_lm.zoo.registry import bundled_model, bundled_models

    trained = project.runs.trained_model
    if trained is not None:
        project.model, what = trained, f"{trained}, trained here"
    elif part in bundled_models():
        project.model, what = bundled_model(part), f"the bundled model for {part}"
    else:
        return
    echo(f"landmarks are proposed by {what}; -m {_NO_MODEL} does without", err=True)


def _serve(
    projects: Sequence[Project],
    recipe: str | None,
    no_browser: bool,
    port: int,
    max_pixels: int,
    part: str | None = None,
) -> None:
    import webbrowser

    from beetle_lm.web.server import Server, Site

    def site(project: Project) -> Site:
        def command_of(run: Run, resume: bool) -> Sequence[str]:
            part = str(_part_file(project))
            start = run.start if resume else _start(project)
            command = _training(project, run.landmarks, run.folder, recipe, part, start)
            return [*command, "--resume"] if resume else command

        return Site(project, command_of, _lines(project, part, recipe), max_pixels)

    def opened(address: str) -> None:
        echo(address)
        sys.stdout.flush()
        if not no_browser:
            webbrowser.open(address)

    server = Server([site(project) for project in projects])
    try:
        server.serve(port, opened)
    except KeyboardInterrupt:
        pass
    finally:
        server.close()
    for project in projects:
        echo(
            f"{project.accepted} of {len(project.photographs)} photographs are accepted; their"
            f" landmarks are in {project.landmark_file}",
            err=True,
        )


def _training(
    project: Project, landmarks: Path, run: Path, recipe: str | None, part: str, start: str
) -> list[str]:
    arguments = ["train", str(project.folder), str(landmarks), "--part", part, "-o", str(run)]
    if project.frame == "stored":
        arguments += ["--exif", "stored"]
    if recipe is not None:
        arguments += ["--recipe", recipe]
    if start:
        arguments += ["--init", start]
    return arguments


def _start(project: Project) -> str:
    """The model that trainings start from; empty for none."""
    model = project.model if project.mode == "review" else None
    return str(model) if model is not None and model.is_file() else ""


def _part_file(project: Project) -> Path:
    """A file that describes the part, for the trainings that the page starts."""
    from beetle_lm.files import write_text

    path = project.runs.folder / "part.toml"
    spec = project.spec
    names = ", ".join(map(_quoted, spec.landmark_names))
    pairs = ", ".join(f"[{first}, {second}]" for first, second in spec.mirror_pairs)
    text = f"name = {_quoted(spec.name)}\nlandmark_names = [{names}]\nmirror_pairs = [{pairs}]\n"
    entries = [("measurements", one.to_dict()) for one in spec.measurements]
    entries += [("curves", curve.to_dict()) for curve in spec.curves]
    write_text(path, [text, *(_table(kind, entry) for kind, entry in entries)])
    return path


def _table(kind: str, entry: dict[str, Any]) -> str:
    """A table of TOML, one of several of its kind."""
    values = {
        key: _quoted(value) if isinstance(value, str) else value for key, value in entry.items()
    }
    return f"\n[[{kind}]]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())


def _quoted(text: str) -> str:
    """A basic string of TOML; names have no control characters."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _lines(project: Project, part: str | None, recipe: str | None) -> dict[str, str]:
    """The lines to type that the page ends with."""
    name = part or project.spec.name
    run = str(Path("runs") / project.spec.name)
    lines = {
        "install": install("train"),
        "again": _line(sys.argv[1:]),
        "folder": str(Path.cwd()),
    }
    data = project.landmark_file
    if project.mode == "review":
        data = Path("new.tps")
        merge = ["merge", "TRAINING.tps", str(project.landmark_file), "-o", "new.tps"]
        lines["merge"] = _line(merge)
    lines["train"] = _line(_training(project, data, Path(run), recipe, name, _start(project)))
    return lines


def _line(arguments: Sequence[str]) -> str:
    whole = ["beetle-lm", *arguments]
    return subprocess.list2cmdline(whole) if sys.platform == "win32" else shlex.join(whole)
