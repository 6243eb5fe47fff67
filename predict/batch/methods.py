"""A run in the words of a paper's methods, out of what its run.json says and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from beetle_lm.citation import PAPER, SOFTWARE
from beetle_lm.text import counted, printable

Entries = Mapping[str, Any]

_NAMES = {"python": "Python", "onnxruntime": "ONNX Runtime", "numpy": "NumPy", "opencv": "OpenCV"}


def methods_text(run: Entries) -> str:
    """The paragraphs of `methods.txt`, with what is to be cited.

    Args:
        run: the content of run.json, of one part.
    """
    model, cited = run["model"], [SOFTWARE]
    if "templates" not in model:
        cited.append(PAPER)
    paragraphs = [
        " ".join([_placed(run), *_looked_for(run), *_written(run)]),
        *_origin(model, f"The model {printable(model['part'])}"),
        *_origin(run.get("finder"), "The model that found the part"),
        _versions(run),
        "\n".join(["To cite:", *cited]),
    ]
    return "\n\n".join(paragraphs) + "\n"


def _placed(run: Entries) -> str:
    model, counts = run["model"], run["counts"]
    landmarks = counted(model["landmarks"], "landmark")
    if model["semilandmarks"]:
        landmarks += f" and {counted(model['semilandmarks'], 'semilandmark')}"
    if "templates" in model:
        names = [printable(name) for name in model["templates"]]
        source = (
            f"by registration of {counted(len(names), 'annotated photograph')}"
            f" ({', '.join(names)}; SHA-256 of the file of landmarks {model['sha256']})"
        )
    else:
        source = f"by {_model(model)}"
    return (
        f"On {counted(counts['images'], 'photograph')}, {landmarks} of the part"
        f" {printable(model['part'])} were placed automatically with beetle-lm {run['beetle_lm']},"
        f" {source}."
    )


def _model(model: Entries) -> str:
    return (
        f"the model {printable(model['part'])}, version {printable(model['version'])} (SHA-256"
        f" {model['sha256']}; licence: {_one_line(model['licence'])})"
    )


def _origin(model: Entries | None, called: str) -> Iterator[str]:
    """What the model's card says of where it comes from; nothing of templates."""
    if model is None or "templates" in model:
        return
    told = [f"{called} was made of: {_one_line(model['provenance']).rstrip('.')}."]
    if model["photographs"] is not None:
        photographs = counted(model["photographs"], "photograph")
        told.append(f"{photographs} took part in its training and validation.")
    for measured in model["measured"]:
        told.append(
            "Its mean distance from manual landmarks was"
            f" {measured['mean_px_256x192']:.2f} px, of photographs stretched to 256 x 192 px, over"
            f" {counted(measured['photographs'], 'photograph')} ({_one_line(measured['data'])})."
        )
    yield " ".join(told)


def _looked_for(run: Entries) -> Iterator[str]:
    if "finder" in run:
        yield f"The part was found on whole specimens by {_model(run['finder'])}."
    elif "search" in run:
        yield "The part was looked for at any place, turn and size in each photograph."
    if run["options"].get("many"):
        found = run["counts"]["specimens"]
        yield f"All specimens of each photograph were looked for; {found} in all were found."


def _written(run: Entries) -> Iterator[str]:
    counts, options = run["counts"], run["options"]
    if failed := counts["failed"]:
        yield f"{counted(failed, 'photograph')} got no landmarks."
    if flagged := counts["flagged"]:
        were = "was" if flagged == 1 else "were"
        done = {
            "keep": "and kept",
            "missing": "and its landmarks written as missing",
            "drop": "and left out",
        }[options["flagged"]]
        one = "specimen" if options.get("many") else "photograph"
        yield f"{counted(flagged, one)} {were} flagged for inspection {done}."
    if options["min_score"] > 0:
        below = counted(counts["landmarks_below_min_score"], "landmark")
        yield f"{below} with a score below {options['min_score']:g} were written as missing."
    yield from _scale(options["scale"])


def _scale(scale: object) -> Iterator[str]:
    if isinstance(scale, dict):
        yield f"Scales were taken from a table (SHA-256 {scale['sha256']})."
    elif isinstance(scale, str):
        kind, _, length = scale.partition(":")
        known = f" of {length} units" if length else ""
        shown = f"a {kind}{known} in the photographs that show one"
        yield f"Scales were read by beetle-lm from {shown}."
    elif scale is not None:
        yield f"One scale held for all photographs: {scale:g} units per pixel."


def _versions(run: Entries) -> str:
    versions = [f"{_NAMES.get(name, name)} {version}" for name, version in run["versions"].items()]
    on = "" if "templates" in run["model"] else f" on {run['provider']}"
    day = run["started"].partition("T")[0]
    return f"Computed on {day}{on} with {', '.join(versions[:-1])} and {versions[-1]}."


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))
