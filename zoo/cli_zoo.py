"""`beetle-lm zoo`."""

from __future__ import annotations

import typer

zoo = typer.Typer(help="The models that are at hand.", no_args_is_help=True)


@zoo.command("list")
def list_models() -> None:
    """Lists the parts, their number of landmarks and the model that comes with the package."""
    from rich.console import Console
    from rich.table import Table

    from beetle_lm.zoo.registry import listing

    table = Table("part", "landmarks", "bundled model")
    for name, landmarks, version in listing():
        table.add_row(name, str(landmarks), version)
    Console().print(table)


@zoo.command("show")
def show_part(part: str) -> None:
    """Shows the landmark scheme of a part."""
    from rich.console import Console
    from rich.table import Table

    from beetle_lm.zoo.parts import find_part

    spec = find_part(part)
    table = Table("landmark", "name", title=f"{spec.name}: {len(spec)} landmarks")
    for number, name in enumerate(spec.landmark_names, start=1):
        table.add_row(str(number), name)
    Console().print(table)
