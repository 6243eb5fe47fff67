"""Comparing predicted with manual landmarks from Python, whatever holds them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from beetle_lm.errors import RequestError
from beetle_lm.predict.evaluation import metrics
from beetle_lm.predict.evaluation.metrics import Evaluation
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.formats.sizes import (
    ImageSizes,
    PhotographFolder,
    SameSize,
    Size,
    SizesByName,
    sizes_beside,
)
from beetle_lm.predict.images.orientation import ExifFrame, to_stored, upright_size
from beetle_lm.predict.result import Result
from beetle_lm.zoo.model_file.parts import PartSpec, part_of

Landmarked = str | Path | Iterable[Result] | Iterable[Record]
"""A landmark file, results, or the records of a TPS file."""


def evaluate(
    predicted: Landmarked,
    manual: Landmarked,
    *,
    images: str | Path | None = None,
    image_size: tuple[int, int] | None = None,
    part: str | PartSpec | None = None,
    scale: float | None = None,
    exif: ExifFrame = "apply",
) -> Evaluation:
    """Compares predicted with manual landmarks of the specimens that both have.

    Specimens are matched by the names of their images, and several of one photograph by where they
    lie; those that only one side has are named by the evaluation. Failed results count as not
    predicted.

    Args:
        predicted: a landmark file of any kind, results of `Predictor.predict`, or records of
            `read_tps`; (n, 2) landmarks of each specimen in pixels of its photograph.
        manual: the same of the landmarks placed by hand, often of more specimens.
        images: folder of the photographs, which tells their sizes. Without it, and without
            `image_size`, the sizes are those of the results, or those in the `specimens.csv` beside
            a predicted file. They are needed for distances at 256 x 192, and where one side counts
            y upwards from the bottom edge, as TPS files do, and the other downwards.
        image_size: width and height in pixels of all images, in place of `images`.
        part: the part, its name, or a TOML file that describes it; gives the landmarks their names.
            Without it, it is the part of the results, or the landmarks are numbered.
        scale: units per pixel of all images; without it the ``SCALE=`` of the manual file counts.
        exif: the frame of the landmarks: 'apply' is the upright photograph, 'stored' the pixels as
            they are stored, which tpsDig and geomorph show; results are put into that frame.

    Returns:
        The evaluation, which prints as a table.

    Raises:
        RequestError: both `images` and `image_size` are given, the scale is not above 0, or the
            size of an image is needed and unknown.
        LandmarkFileError: a file cannot be read.
        LandmarkError: no specimen is in both, a name may mean several, or numbers of landmarks
            differ.
        ImageError: the folder of the photographs cannot be searched, or one has a damaged header.
        PartError: there is no such part.
        TypeError: a side is none of what is named above.
    """
    if images is not None and image_size is not None:
        raise RequestError("give the folder of the images or their size, not both")
    if scale is not None and not 0 < scale < float("inf"):
        raise RequestError(f"the scale must be a number above 0, got {scale}")
    one = _held(predicted)
    other = _held(manual, [item.name for item in one])
    results = [item for item in (*one, *other) if isinstance(item, Result)]
    sizes: ImageSizes
    if images is not None:
        sizes = PhotographFolder(Path(images), exif)
    elif image_size is not None:
        sizes = SameSize(image_size)
    elif isinstance(predicted, str | Path) and not results:
        sizes = sizes_beside(Path(predicted))
    else:
        sizes = SizesByName(_sizes(results, exif))
    if part is None:
        spec = next((each.landmarks.spec for each in results if each.landmarks), None)
    else:
        spec = part if isinstance(part, PartSpec) else part_of(part)
    return metrics.evaluate(_records(one, exif), _records(other, exif), sizes, spec, scale)


def _held(given: Landmarked, known: Iterable[str] = ()) -> Sequence[Result | Record]:
    if isinstance(given, str | Path):
        return read_records(Path(given), known)
    held: list[Result | Record] = []
    for item in given:
        if not isinstance(item, Result | Record):
            raise TypeError(
                "landmarks are given as the path of a file, as results or as records, not as"
                f" {type(item).__name__}"
            )
        held.append(item)
    return held


def _records(held: Sequence[Result | Record], exif: ExifFrame) -> list[Record]:
    """All as records; results in that frame, without those that failed."""
    records = []
    for item in held:
        if isinstance(item, Record):
            records.append(item)
        elif item.landmarks is not None and item.size is not None:
            every = [item.landmarks.xy, *item.landmarks.curves.values()]
            if exif == "stored":
                every = [to_stored(points, item.orientation, item.size) for points in every]
            records.append(
                Record(
                    every[0],
                    item.called,
                    curves=tuple(every[1:]),
                    curve_names=tuple(item.landmarks.curves) or None,
                    control_points=False,
                )
            )
    return records


def _sizes(results: Iterable[Result], exif: ExifFrame) -> dict[str, Size]:
    return {
        each.called: each.size if exif == "apply" else upright_size(each.size, each.orientation)
        for each in results
        if each.size is not None
    }
