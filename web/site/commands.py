"""`beetle-lm site`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from beetle_lm.console import echo
from beetle_lm.zoo.commands import Zoo

Runtime = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder with the files of npm's onnxruntime-web, utif2 and pako, for computers without"
        " a network.  [default: fetched once from npm]",
    ),
]


def page_of_model(name: str, file: Path, runtime: Path | None) -> Mapping[str, bytes]:
    """The files of a page that shows one model; see `beetle_lm.above.Above`."""
    from beetle_lm.web.site.third_party import third_party
    from beetle_lm.web.site.write import runtime_files, site_files
    from beetle_lm.zoo.hub.client import Hub
    from beetle_lm.zoo.store import Store

    others = third_party(runtime, Store(), Hub.from_environment())
    return site_files({name: file}, runtime_files(others))


def site(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODELS...",
            help="Parts with bundled models, .onnx files, or hf:ORG/NAME of the Hub.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Folder of the page to write.")
    ],
    runtime: Runtime = None,
    registry: Zoo = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a page that is there.")
    ] = False,
) -> None:
    """Writes a page that places landmarks in the browser, with no server and no installation.

    Example: beetle-lm site elytra -o site

    Photographs are dropped on it and never leave the computer. The folder can go to any host of
    static files; it works without a network once it has been loaded.
    """
    from beetle_lm.web.site.third_party import third_party
    from beetle_lm.web.site.write import (
        named,
        refuse_existing,
        runtime_files,
        site_files,
        write_site,
    )
    from beetle_lm.zoo.hub.client import Hub
    from beetle_lm.zoo.registry import resolve
    from beetle_lm.zoo.store import Store

    refuse_existing(output, overwrite)
    files = named([(name, resolve(name, registry)) for name in models])
    others = third_party(runtime, Store(), Hub.from_environment())
    written = site_files(files, runtime_files(others))
    write_site(written, output, overwrite)
    size = sum(map(len, written.values())) / 1e6
    echo(f"{output} ({size:.1f} MB); to look at it on this computer:")
    echo(f'python -m http.server -d "{output}" --bind 127.0.0.1')
