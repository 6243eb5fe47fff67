"""HEIC and cameras' raw files, whose decoders are installed on demand."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beetle_lm.errors import ImageError
from beetle_lm.predict.images.kinds import RAW, has_library, needs
from beetle_lm.text import printable

_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_RAW_STARTS = (
    b"II*\0\x10\0\0\0CR",
    b"FUJIFILMCCD-RAW",
    b"IIRO",
    b"IIRS",
    b"MMOR",
    b"IIU\0",
    b"FOVb",
)
RAW_FORMAT, HEIF_FORMAT = "RAW", "HEIF"


@dataclass(frozen=True)
class Upright:
    """The size of a photograph that its decoder turns upright itself."""

    format: str
    size: tuple[int, int]


def is_heif(start: bytes) -> bool:
    """Whether a file that begins like this is what telephones write as HEIC."""
    return start[4:8] == b"ftyp" and start[8:12] in _BRANDS


def is_raw(start: bytes, ending: str = "") -> bool:
    """Whether it is a camera raw file, by its first bytes or its ending, if that is given."""
    return start[4:12] == b"ftypcrx " or start.startswith(_RAW_STARTS) or ending.lower() in RAW


def read_heif_size(stream: BinaryIO) -> Upright:
    """The size of a HEIC photograph.

    Raises:
        ImageError: it is damaged, or no library is there to read it; the text goes on after a name.
    """
    stream.seek(0)
    with _opened_heif(stream) as image:
        return Upright(HEIF_FORMAT, image.size)


def decode_heif(data: bytes) -> NDArray[np.uint8]:
    """The upright pixels of a HEIC photograph, (H, W, 3).

    Raises:
        ImageError: as `read_heif_size`.
    """
    with _opened_heif(io.BytesIO(data)) as image:
        try:
            return np.asarray(image.convert("RGB"))
        except Exception as error:
            raise ImageError(f"cannot be decoded: {printable(str(error))}") from error


def _opened_heif(stream: Any) -> Image.Image:
    if not has_library("pillow_heif"):
        raise ImageError(f"is a HEIC photograph, and {needs('pillow-heif')}")
    from pillow_heif import open_heif

    try:
        image: Image.Image = open_heif(stream, convert_hdr_to_8bit=True)[0].to_pillow()
    except Exception as error:
        raise ImageError(f"has a damaged header: {printable(str(error))}") from error
    return image


def read_raw_size(stream: BinaryIO) -> Upright | None:
    """The size of a camera's raw file; None where its library does not know its kind.

    Raises:
        ImageError: no library is there to read it; the text goes on after a file's name.
    """
    stream.seek(0)
    raw = _opened_raw(stream)
    if raw is None:
        return None
    with raw:
        width, height = raw.sizes.width, raw.sizes.height
        return Upright(RAW_FORMAT, (height, width) if raw.sizes.flip in (5, 6) else (width, height))


def decode_raw(data: bytes) -> NDArray[np.uint8]:
    """The upright pixels of a camera's raw file, (H, W, 3), with the white balance of the camera.

    Raises:
        ImageError: it is damaged; the text goes on after a file's name.
    """
    try:
        with _opened_raw(io.BytesIO(data)) as raw:
            return np.asarray(raw.postprocess(use_camera_wb=True, output_bps=8), np.uint8)
    except Exception as error:
        raise ImageError(f"cannot be decoded: {printable(str(error))}") from error


def _opened_raw(stream: Any) -> Any:
    if not has_library("rawpy"):
        raise ImageError(f"is a camera raw file, and {needs('rawpy')}")
    import rawpy

    try:
        return rawpy.imread(stream)
    except rawpy.LibRawError:
        return None
