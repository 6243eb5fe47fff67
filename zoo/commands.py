"""`beetle-lm zoo`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beetle_lm.console import console, echo, echo_json
from beetle_lm.help import Command, group
from beetle_lm.text import counted

if TYPE_CHECKING:
    from beetle_lm.zoo.model_file.card import ModelCard
    from beetle_lm.zoo.model_file.manifest import Manifest
    from beetle_lm.zoo.model_file.parts import PartSpec

zoo = group(
    help="The models that are here, and those that laboratories share.", no_args_is_help=True
)

Zoo = Annotated[
    str | None,
    typer.Option(
        "--zoo",
        metavar="URL|FILE",
        envvar="BEETLE_LM_ZOO",
        help="Registry of your organisation's models.",
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@zoo.command("list", cls=Command)
def list_models(
    remote: Annotated[
        str | None,
        typer.Option(metavar="ORG", help="List the models of an organisation on the Hub instead."),
    ] = None,
    registry: Zoo = None,
    as_json: _Json = False,
) -> None:
    """Lists the parts and models that can be named, and those that were pulled."""
    from dataclasses import asdict

    from beetle_lm.zoo.hub.client import Hub
    from beetle_lm.zoo.listing import listing
    from beetle_lm.zoo.store import Store

    hub = Hub.from_environment()
    if remote is not None:
        published = hub.models_of(remote)
        if as_json:
            _print_json([asdict(model) for model in published])
        elif published:
            _print_table(
                ("model", "changed", ""),
                [(m.name, m.changed, "private" if m.private else "") for m in published],
            )
        else:
            echo(f"{remote} has no beetle-lm models that you may see")
        return
    known = listing(registry, Store(), hub)
    if as_json:
        _print_json([asdict(model) for model in known])
        return
    rows = [
        (
            model.name,
            "" if model.landmarks is None else str(model.landmarks),
            model.version or "none",
            "" if model.mean_px_256x192 is None else f"{model.mean_px_256x192:.2f}",
            model.where,
        )
        for model in known
    ]
    _print_table(("model", "landmarks", "version", "error, px at 256 x 192", "where"), rows)


@zoo.command("show", cls=Command)
def show_model(
    name: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="Part, model, hf:ORG/NAME or .onnx file.")
    ],
    registry: Zoo = None,
    entry: Annotated[
        bool, typer.Option("--entry", help="Print a file's entry for a registry.json.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Shows a model's card: landmarks, input, errors, what is flagged, origin, licence, SHA-256."""
    import json

    from beetle_lm.zoo.entries import ModelEntry
    from beetle_lm.zoo.hub.client import Hub
    from beetle_lm.zoo.listing import describe
    from beetle_lm.zoo.model_file.parts import PartSpec
    from beetle_lm.zoo.store import Store

    if entry:
        _print_json(ModelEntry.of_file(Path(name)).to_dict())
        return
    found = describe(name, registry, Store(), Hub.from_environment())
    if isinstance(found, PartSpec):
        if as_json:
            _print_json({"part": found.to_dict(), "card": None})
        else:
            echo(f"{found.name}: no model comes with this version")
            _print_scheme(found)
    elif as_json:
        _print_json(json.loads(found.to_json()))
    else:
        _print_card(found)


@zoo.command("pull", cls=Command)
def pull_model(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|hf:ORG/NAME[@REV]", help="Model of the registry, or of the Hub."
        ),
    ],
    registry: Zoo = None,
) -> None:
    """Fetches a model, so that it works without a network; fetches it again if it has changed.

    Example: beetle-lm zoo pull hf:museum/wing

    Prints the path of its file.
    """
    from beetle_lm.zoo.hub.client import Hub
    from beetle_lm.zoo.registry import pull
    from beetle_lm.zoo.store import Store

    echo(str(pull(name, registry, Store(), Hub.from_environment())))


@zoo.command("push", cls=Command)
def push_model(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="Model to publish.")],
    repository: Annotated[str, typer.Argument(metavar="ORG/NAME", help="Where to on the Hub.")],
    private: Annotated[
        bool, typer.Option("--private", help="For members of the organisation only.")
    ] = False,
    tag: Annotated[
        str | None, typer.Option(metavar="v1", help="Name this version, so that others can pin it.")
    ] = None,
    space: Annotated[
        bool,
        typer.Option("--space", help="Publish a page as well on which anyone can try the model."),
    ] = False,
    runtime: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="With --space: folder with the files of npm; see `beetle-lm site`."
        ),
    ] = None,
) -> None:
    """Publishes a model on the Hugging Face Hub, with a page that is made from its card.

    Example: beetle-lm zoo push wing.onnx museum/wing --tag v1

    With --space a static Space of the same name places its landmarks in the browser of whoever
    opens it.
    """
    from beetle_lm.errors import UsageError
    from beetle_lm.zoo.hub.client import Hub
    from beetle_lm.zoo.hub.name import HubModel
    from beetle_lm.zoo.hub.publish import push
    from beetle_lm.zoo.hub.space import push_space, space_address
    from beetle_lm.zoo.model_file.onnx import read_card

    if runtime is not None and not space:
        raise UsageError("--runtime goes with --space")
    hub, files, card, place = Hub.from_environment(), None, None, None
    if space:  # all that can fail here does so before anything is published
        card = read_card(model)
        shown = HubModel.parse(repository)
        name, place = shown.repository.partition("/")[2], space_address(shown, hub)
        files = context.obj.page_of_model(name, model, runtime)
    published = push(model, repository, hub, private, tag, place)
    if files is not None and card is not None:
        address = push_space(files, card, published, hub, private)
        echo(f"published as {address}, where anyone can try it in the browser")
    echo(f"published as {hub.endpoint}/{published.repository}; to use it:")
    echo(f"beetle-lm predict photographs/ --model {published} -o landmarks")


@zoo.command("verify", cls=Command)
def verify_models(as_json: _Json = False) -> None:
    """Checks all bundled and pulled models against their SHA-256; exit code 1 if one is damaged."""
    from beetle_lm.zoo.listing import verify
    from beetle_lm.zoo.store import Store

    checked = verify(Store())
    if as_json:
        _print_json(
            [{"name": name, "file": str(path), "ok": whole} for name, path, whole in checked]
        )
    else:
        for name, path, whole in checked:
            echo(f"{'ok' if whole else 'damaged'}  {name}  {path}")
        if not checked:
            echo("no models are bundled, and none were pulled")
    if not all(whole for _, _, whole in checked):
        repair = "`beetle-lm zoo pull NAME` repairs a pulled model, reinstalling a bundled one"
        echo(repair, err=True)
        raise typer.Exit(1)


@zoo.command("remove", cls=Command)
def remove_model(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|hf:ORG/NAME[@REV]", help="Pulled model; without @REV all its revisions."
        ),
    ],
    registry: Zoo = None,
) -> None:
    """Removes a model that was pulled."""
    from beetle_lm.zoo.hub.client import Hub
    from beetle_lm.zoo.registry import remove
    from beetle_lm.zoo.store import Store

    for source in remove(name, registry, Store(), Hub.from_environment()):
        echo(f"removed {source}")


def _print_card(manifest: Manifest) -> None:
    card = manifest.card
    colour = "grey" if card.channels == 1 else "colour"
    fit = "proportions kept" if card.fit == "letterbox" else "stretched"
    rows = [
        ("part", card.spec.name),
        ("version", card.version),
        ("input", f"{card.input_width} x {card.input_height} pixels, {colour}, {fit}"),
        *(
            (
                "error",
                f"{m.mean_px_256x192:.2f} px at 256 x 192, mean over"
                f" {counted(m.photographs, 'photograph')}: {m.data}",
            )
            for m in card.metrics
        ),
        ("flags", _flags(card)),
        ("trained on", card.provenance),
        ("licence", card.licence),
        ("size", f"{manifest.size} bytes"),
        ("SHA-256", manifest.sha256),
    ]
    for label, text in rows:
        echo(f"{label:<11}{text}")
    if not card.metrics:
        echo(f"{'error':<11}not measured")
    _print_scheme(card.spec)


def _flags(card: ModelCard) -> str:
    limits = card.limits
    told = (
        f"expected error above {limits.mean_error:.1f} px of the input on average, or"
        f" {limits.landmark_error:.1f} px at a landmark"
    )
    if card.shapes is None:
        return f"{told}; shape and pose are not checked"
    low, high = (100 * share for share in limits.size)
    return (
        f"{told}; rotation outside {limits.rotation[0]:.0f} to {limits.rotation[1]:.0f} degrees;"
        f" centroid size outside {low:.0f} to {high:.0f} % of the input's diagonal; shape further"
        f" than {card.shapes.distance_limit:.1f} from the mean of {card.shapes.specimens}"
    )


def _print_scheme(spec: PartSpec) -> None:
    rows = [(str(number), name) for number, name in enumerate(spec.landmark_names, start=1)]
    _print_table(("landmark", "name"), rows)
    if spec.curves:
        runs = [(c.name, str(c.start), str(c.end), str(c.semilandmarks)) for c in spec.curves]
        _print_table(("curve", "from", "to", "semilandmarks"), runs)
    if spec.measurements:
        lengths = [(one.name, str(one.start), str(one.end)) for one in spec.measurements]
        _print_table(("measurement", "from", "to"), lengths)


def _print_table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns)
    for row in rows:
        table.add_row(*map(Text, row))  # [red] in a name is a part of the name
    console(width=200).print(table)  # a name that is cut off is of no use to a script


def _print_json(value: object) -> None:
    import json

    echo_json(json.dumps(value, ensure_ascii=False, indent=2))
