"""`beetle-lm convert`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from beetle_lm.console import echo
from beetle_lm.text import counted

if TYPE_CHECKING:
    from beetle_lm.predict.formats.convert import Kind


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="TPS file, table, or file of another program.")
    ],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="File to write; .tps, .nts, .csv, .json or .xml tells its kind."
        ),
    ],
    *,
    images: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the photographs, for their heights."),
    ] = None,
    image_size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Width and height in pixels if all have one size."),
    ] = None,
    to: Annotated[
        Literal["wide", "tidy", "deeplabcut", "tps", "nts", "coco", "imglab", "label-studio"]
        | None,
        typer.Option(help="Kind of OUT; wide has a row per specimen, tidy one per landmark."),
    ] = None,
    excel: Annotated[
        bool, typer.Option("--excel", help="Table for Excel where the comma is the decimal sign.")
    ] = False,
    part: Annotated[
        str | None,
        typer.Option(metavar="NAME|TOML", help="Part whose landmark names OUT gets."),
    ] = None,
    exif: Annotated[
        Literal["apply", "stored"],
        typer.Option(help="Frame of the coordinates: the upright picture or the stored pixels."),
    ] = "apply",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace OUT if it exists.")
    ] = False,
) -> None:
    """Converts landmarks between TPS files, CSV tables and files of other programs.

    Example: beetle-lm convert CollectedData.csv landmarks.tps --images photographs/

    y points up in TPS and NTS files and down in all others, so the heights of the photographs are
    needed from one to the other. Read are NTS, COCO, CVAT, imglab, Label Studio, StereoMorph,
    3D Slicer, ImageJ, DeepLabCut and SLEAP as well; of programs that write a file for each
    photograph, IN is the folder. Written are NTS, COCO (.json), imglab's XML, which dlib trains
    from, DeepLabCut's table and Label Studio's JSON to import as well. What OUT has no place for is
    told; from TPS to TPS everything is kept.
    """
    from beetle_lm.predict.commands.image_size import sizes_of
    from beetle_lm.predict.formats.convert import convert_file
    from beetle_lm.zoo.model_file.parts import part_of

    kind = _kind(target, to, excel)
    sizes = sizes_of(images, image_size, exif)
    spec = None if part is None else part_of(part)
    count = convert_file(
        source, target, kind, sizes=sizes, part=spec, excel=excel, overwrite=overwrite
    )
    echo(f"wrote {target}: {counted(count, 'specimen')}", err=True)


def _kind(target: Path, to: Kind | None, excel: bool) -> Kind:
    from beetle_lm.errors import UsageError
    from beetle_lm.predict.formats.read import TABLE_SUFFIXES

    suffix = target.suffix.lower()
    usual: dict[str, Kind] = {".tps": "tps", ".nts": "nts", ".json": "coco", ".xml": "imglab"}
    usual |= dict.fromkeys(TABLE_SUFFIXES, "wide")
    if suffix not in usual:
        raise UsageError(f"{target}: OUT must end in .tps, .nts, .csv, .json or .xml")
    kind = to or usual[suffix]
    alike = (("wide", "tidy", "deeplabcut"), ("coco", "label-studio"))
    if kind != usual[suffix] and not any({kind, usual[suffix]} <= {*each} for each in alike):
        raise UsageError(f"--to {kind} does not fit a file that ends in {target.suffix}")
    if excel and kind not in ("wide", "tidy"):
        raise UsageError("--excel is for tables, but OUT is none")
    return kind
