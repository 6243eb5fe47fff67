"""Annotated photographs that landmarks are transferred from."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from beetle_lm.errors import BeetleLMError, LandmarkError, LandmarkFileError, RequestError
from beetle_lm.predict.evaluation.suspects import Suspect, find_suspects, in_words
from beetle_lm.predict.formats.annotated import curves_remark, without_zeros
from beetle_lm.predict.formats.landmark_names import in_order, own_names
from beetle_lm.predict.formats.names import NameIndex, listed
from beetle_lm.predict.formats.read import content_of, read_records
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.images.orientation import ExifFrame
from beetle_lm.predict.images.read import MAX_PIXELS, Header, ImageFile, read_header, read_image
from beetle_lm.predict.landmarks import Floats
from beetle_lm.predict.templates.registration import Template
from beetle_lm.predict.templates.segmentation import SIDE, find_specimen, near_landmarks
from beetle_lm.text import counted
from beetle_lm.zoo.model_file.parts import PartSpec

_LEAST_SHARE = 0.01  # of width or height that a specimen takes of its photograph

_log = logging.getLogger("beetle_lm")


@dataclass(frozen=True, eq=False)
class Templates:
    """Annotated photographs, with their specimens segmented.

    Args:
        spec: the part.
        names: of the photographs.
        fitted: the specimens with their landmarks, in the same order.
        file: the landmark file.
        sha256: checksum of all that was read: photographs, landmarks and their frame.
        photographs: checksums of the photographs.
        remarks: what is unusual in the landmark file, one sentence each.
    """

    spec: PartSpec
    names: tuple[str, ...]
    fitted: tuple[Template, ...]
    file: Path
    sha256: str
    photographs: frozenset[bytes] = frozenset()
    remarks: tuple[str, ...] = ()

    def has(self, image: ImageFile) -> bool:
        """Whether a file is one of the photographs, whatever it is called."""
        try:
            return image.sha256() in self.photographs
        except OSError:  # then nothing is placed on it
            return False

    @classmethod
    def read(
        cls,
        images: Sequence[Path],
        landmarks: Path,
        spec: PartSpec | None = None,
        frame: ExifFrame = "apply",
        max_pixels: int = MAX_PIXELS,
    ) -> Templates:
        """Reads annotated photographs.

        Args:
            images: the photographs.
            landmarks: a file with the landmarks of each, found by its name.
            spec: the part; None for one that is named after the file, with numbered landmarks.
            frame: the frame of the landmarks.
            max_pixels: a photograph of more is refused.

        Raises:
            ImageError: a photograph cannot be read.
            LandmarkFileError: the landmark file cannot be read.
            LandmarkError: a photograph has no landmarks in it, lacks some, has another number, or
                has some that cannot be right.
            RequestError: two photographs have the same name, or one was given twice.
            SpecimenError: no specimen stands out in a photograph.
        """
        headers = {path.name: read_header(path) for path in images}
        if len(headers) < len(images):
            raise RequestError("two templates have the same name; their landmarks are found by it")
        read = read_records(landmarks, [path.as_posix() for path in images])
        records, zeros = without_zeros(read)
        remarks = [remark for remark in (curves_remark(records, "transferred"), zeros) if remark]
        if spec is None:
            spec = _part_of(landmarks, _record_of(images[0], records, landmarks))
        records = in_order(records, spec.landmark_names, spec.name)
        own = {path.name: _record_of(path, records, landmarks) for path in images}
        digest = sha256(content_of(landmarks) + frame.encode())
        fitted, photographs = [], []
        for path in images:
            header, record = headers[path.name], own[path.name]
            if len(record.points) != len(spec):
                raise LandmarkError(
                    f"{path.name} has {counted(len(record.points), 'landmark')} in {landmarks}, but"
                    f" {spec.name} has {len(spec)}"
                )
            fitted.append(_template(path, header, record.upright(header, frame), max_pixels))
            content = path.read_bytes()
            digest.update(content)
            photographs.append(sha256(content).digest())
        for suspect in (suspects := _suspects(own, headers, records, frame)):
            if suspect.impossible:
                raise LandmarkError(f"{landmarks.name}, {suspect}")
        return cls(
            spec,
            tuple(own),
            tuple(fitted),
            landmarks,
            digest.hexdigest(),
            frozenset(photographs),
            tuple(f"{landmarks.name}: {remark}" for remark in (*remarks, *in_words(suspects))),
        )


def _template(path: Path, header: Header, xy: Floats, max_pixels: int) -> Template:
    file = ImageFile(path, path.name)
    if header.pictures > 1:
        _log.warning(
            "%s holds %d pictures, of which the first is the template", path.name, header.pictures
        )
        file = ImageFile(path, path.name, header.page)
    picture = read_image(file, 3, at_least=(SIDE, SIDE), max_pixels=max_pixels)
    missing = np.flatnonzero(np.isnan(xy).any(axis=1))
    if len(missing):
        raise LandmarkError(
            f"landmark {missing[0] + 1} of {path.name} is missing; a template needs all"
        )
    if (xy < 0).any() or (xy > picture.size).any():
        raise LandmarkError(
            f"landmarks of {path.name} lie outside the photograph, which has"
            f" {picture.size[0]} x {picture.size[1]} pixels: they are those of another picture"
        )
    width, height = np.ptp(xy, axis=0)
    if width == height == 0:
        raise LandmarkError(
            f"all landmarks of {path.name} lie in one place: it is not annotated yet"
        )
    if max(width / picture.size[0], height / picture.size[1]) < _LEAST_SHARE:
        raise LandmarkError(
            f"all landmarks of {path.name} lie within {width:.3g} x {height:.3g} pixels of the"
            f" photograph, which has {picture.size[0]} x {picture.size[1]}: they are not in pixels,"
            " but perhaps in millimetres"
        )
    try:
        specimen = find_specimen(picture)
    except BeetleLMError as error:
        raise type(error)(f"{path.name} cannot be a template: {error}") from error
    xy = specimen.placement.to_input(xy)
    return Template(near_landmarks(specimen, xy), xy)


def _suspects(
    own: Mapping[str, Record],
    headers: Mapping[str, Header],
    records: Sequence[Record],
    frame: ExifFrame,
) -> list[Suspect]:
    """Templates whose landmarks look wrong beside those of the whole file."""
    names, xy = [], []
    sizes: list[tuple[float, float]] = []
    for name, record in own.items():
        size = headers[name].size_in(frame)
        names.append(name)
        xy.append(record.in_image(size[1]))
        sizes.append(size)
    used = {id(record) for record in own.values()}
    for record in records:
        if id(record) not in used and record.is_annotated and len(record.points) == len(xy[0]):
            names.append(record.name)
            xy.append(record.y_down)
            sizes.append((math.nan, math.nan))
    found = find_suspects(names, np.stack(xy), np.array(sizes))
    return [suspect for suspect in found if suspect.name in own or not suspect.name]


def _part_of(landmarks: Path, record: Record) -> PartSpec:
    """A part that goes by the file's name, with the names of its landmarks, or else numbers."""
    names = own_names(record)
    if names is None:
        return PartSpec.numbered(landmarks.stem, len(record.points))
    return PartSpec(landmarks.stem, names)


def _record_of(path: Path, records: Sequence[Record], landmarks: Path) -> Record:
    index = NameIndex(record.name for record in records if record.is_named)
    found = index.find(path.as_posix())
    own = [record for record in records if record.is_named and record.name == found]
    if not own and len(records) == 1 and "." not in records[0].name:
        own = [records[0]]  # an ID or a number, no name of a file
    if not own:
        several, count = index.candidates(path.as_posix())
        if several:
            raise LandmarkError(
                f"{path.name} may be any of {listed(several, count)} in {landmarks}; write its"
                " folder there too"
            )
        names = [record.name for record in records]
        raise LandmarkError(
            f"{landmarks} has no landmarks of {path.name}; it has those of {listed(names)}"
        )
    annotated = [record for record in own if record.is_annotated] or own
    if len(annotated) > 1:
        raise LandmarkFileError(landmarks, annotated[1].line, f"holds {path.name} twice")
    if np.isnan(annotated[0].points).all():
        found = f"{path.name} is not annotated yet: it has no landmarks"
        raise LandmarkFileError(landmarks, annotated[0].line, found)
    return annotated[0]
