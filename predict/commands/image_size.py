"""The size of images as options give it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from beetle_lm.errors import UsageError

if TYPE_CHECKING:
    from beetle_lm.predict.formats.sizes import ImageSizes
    from beetle_lm.predict.images.orientation import ExifFrame


def parse_size(text: str, option: str) -> tuple[int, int]:
    """Width and height in pixels from a text such as 3264x2448, given with that option.

    Raises:
        UsageError: the text is no such pair of numbers above 0.
    """
    match = re.fullmatch(r"([1-9]\d{0,6})[xX]([1-9]\d{0,6})", text.strip(), re.ASCII)
    if match is None:
        raise UsageError(f"{option} needs width x height in pixels such as 3264x2448, got {text!r}")
    return int(match[1]), int(match[2])


def sizes_of(images: Path | None, image_size: str | None, exif: ExifFrame) -> ImageSizes | None:
    """The sizes that --images, --image-size and --exif tell; None without the former two.

    Raises:
        UsageError: both are given, or the size is none.
        ImageError: the folder has no photographs.
    """
    from beetle_lm.predict.formats.sizes import PhotographFolder, SameSize

    if images is not None and image_size is not None:
        raise UsageError("give --images or --image-size, not both")
    if images is not None:
        return PhotographFolder(images, exif)
    if image_size is None:
        return None
    return SameSize(parse_size(image_size, "--image-size"))
