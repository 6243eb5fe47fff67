"""Comparing predicted with manual landmarks from Python, whatever holds them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from beetle_lm.errors import RequestError
from beetle_lm.predict.evaluation import inputs, metrics
from beetle_lm.predict.evaluation.metrics import Evaluation
from beetle_lm.predict.formats.records import (
    Annotation,
    SizeOf,
    annotations_of_records,
    read_annotations,
)
from beetle_lm.predict.formats.sizes import sizes_in
from beetle_lm.predict.formats.tps import TpsRecord
from beetle_lm.predict.images.orientation import ExifFrame, to_stored, upright_size
from beetle_lm.predict.result import Result
from beetle_lm.zoo.model_file.parts import PartSpec, part_of

Landmarked = str | Path | Iterable[Result] | Iterable[TpsRecord]
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

    Specimens are matched by the names of their images; those that only one side has are named by
    the evaluation. Failed results count as not predicted.

    Args:
        predicted: a TPS file or CSV table, results of `Predictor.predict`, or records of
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
    sides = _held(predicted), _held(manual)
    lists = [side for side in sides if not isinstance(side, Path)]
    results = [item for side in lists for item in side if isinstance(item, Result)]
    size_of: SizeOf
    if images is not None:
        size_of = sizes_in(Path(images), exif)
    elif image_size is not None:
        size_of = inputs.one_size(image_size)
    elif isinstance(sides[0], Path) and not results:
        size_of = inputs.sizes_beside(sides[0])
    else:
        size_of = inputs.sizes_by_name(_sizes(results, exif))
    if part is None:
        spec = next((each.landmarks.spec for each in results if each.landmarks), None)
    else:
        spec = part if isinstance(part, PartSpec) else part_of(part)
    one, other = (_reader(side, exif) for side in sides)
    found, true, sizes = inputs.read_both(one, other, size_of)
    return metrics.evaluate(found, true, sizes, spec, scale)


def _held(given: Landmarked) -> Path | list[Result | TpsRecord]:
    if isinstance(given, str | Path):
        return Path(given)
    held: list[Result | TpsRecord] = []
    for item in given:
        if not isinstance(item, Result | TpsRecord):
            raise TypeError(
                "landmarks are given as the path of a file, as results or as records, not as"
                f" {type(item).__name__}"
            )
        held.append(item)
    return held


def _reader(held: Path | list[Result | TpsRecord], exif: ExifFrame) -> inputs.ReadLandmarks:
    if isinstance(held, Path):
        return partial(read_annotations, held)
    records = [item for item in held if isinstance(item, TpsRecord)]
    placed = [_annotation(item, exif) for item in held if isinstance(item, Result)]
    known = [annotation for annotation in placed if annotation is not None]
    return lambda size_of: known + annotations_of_records(Path("records"), records, size_of)


def _annotation(result: Result, exif: ExifFrame) -> Annotation | None:
    """The landmarks of a result in that frame; None where it failed."""
    if result.landmarks is None or result.size is None:
        return None
    xy = result.landmarks.xy
    stored = to_stored(xy, result.orientation, result.size)
    return Annotation(result.name, stored if exif == "stored" else xy)


def _sizes(results: Iterable[Result], exif: ExifFrame) -> inputs.Sizes:
    return {
        each.name: each.size if exif == "apply" else upright_size(each.size, each.orientation)
        for each in results
        if each.size is not None
    }
