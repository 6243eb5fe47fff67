"""`beetle-lm convert`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from beetle_lm.console import echo
from beetle_lm.text import counted

if TYPE_CHECKING:
    from beetle_lm.predict.formats.convert import Kind
    from beetle_lm.predict.formats.sizes import ImageSizes
    from beetle_lm.predict.images.orientation import ExifFrame


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="TPS file, table, or file of another program.")
    ],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="File to write; .tps, .csv, .json or .xml tells its kind."
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
        Literal["wide", "tidy", "deeplabcut", "tps", "coco", "imglab"] | None,
        typer.Option(help="Kind of OUT; wide has a row per specimen, tidy one per landmark."),
    ] = None,
    excel: Annotated[
        bool, typer.Option("--excel", help="Table for Excel where the comma is the decimal sign.")
    ] = False,
    part: Annotated[
        str | None,
        typer.Option(metavar="NAME|TOML", help="Part whose landmark names a tidy table gets."),
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

    y points up in TPS files and down in the tables, so the heights of the photographs are needed
    from one to the other. COCO, CVAT, imglab, Label Studio, StereoMorph and 3D Slicer are read as
    well; of programs that write a file for each photograph, IN is the folder. COCO (.json) and
    imglab's XML, which dlib trains from, are written as well. All but TPS hold names and
    coordinates; from TPS to TPS everything is kept.
    """
    from beetle_lm.predict.formats.convert import convert_file
    from beetle_lm.zoo.model_file.parts import part_of

    kind = _kind(target, to, excel)
    sizes = _sizes(images, image_size, exif)
    spec = None if part is None else part_of(part)
    count = convert_file(
        source, target, kind, sizes=sizes, part=spec, excel=excel, overwrite=overwrite
    )
    echo(f"wrote {target}: {counted(count, 'specimen')}", err=True)


def _kind(target: Path, to: Kind | None, excel: bool) -> Kind:
    from beetle_lm.errors import UsageError
    from beetle_lm.predict.formats.read import TABLE_SUFFIXES

    suffix = target.suffix.lower()
    usual: dict[str, Kind] = {".tps": "tps", ".json": "coco", ".xml": "imglab"}
    usual |= dict.fromkeys(TABLE_SUFFIXES, "wide")
    if suffix not in usual:
        raise UsageError(f"{target}: OUT must end in .tps, .csv, .json or .xml")
    kind = to or usual[suffix]
    tables = ("wide", "tidy", "deeplabcut")
    if kind != usual[suffix] and not (kind in tables and usual[suffix] in tables):
        raise UsageError(f"--to {kind} does not fit a file that ends in {target.suffix}")
    if excel and kind not in ("wide", "tidy"):
        raise UsageError("--excel is for tables, but OUT is none")
    return kind


def _sizes(images: Path | None, image_size: str | None, exif: ExifFrame) -> ImageSizes | None:
    from beetle_lm.errors import UsageError
    from beetle_lm.predict.commands.image_size import parse_size
    from beetle_lm.predict.formats.sizes import PhotographFolder, SameSize

    if images is not None and image_size is not None:
        raise UsageError("give --images or --image-size, not both")
    if images is not None:
        return PhotographFolder(images, exif)
    if image_size is None:
        return None
    return SameSize(parse_size(image_size, "--image-size"))
