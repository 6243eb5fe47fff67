"""Manual landmarks of the photographs that are being predicted, to compare with."""

from __future__ import annotations

import logging
from collections.abc import Container, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from beetle_lm.errors import ImageError, LandmarkError
from beetle_lm.predict.formats.annotated import read_annotated
from beetle_lm.predict.formats.landmark_names import in_order
from beetle_lm.predict.formats.names import pair_by_image, pair_by_photograph
from beetle_lm.predict.formats.read import content_of
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.images.orientation import ExifFrame
from beetle_lm.predict.images.read import Header, ImageFile, read_header
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import counted
from beetle_lm.zoo.model_file.parts import PartSpec

_log = logging.getLogger("beetle_lm")


class Reference:
    """The manual landmarks of a landmark file, matched with photographs by name.

    Args:
        manual: all of them.
        by_name: those of photographs, by the photographs' names; several of one photograph where
            all of its specimens are looked for.
        headers: of these photographs, where they can be read.
        frame: the frame of the manual landmarks.
        path: the file.
        sha256: its checksum.
    """

    def __init__(
        self,
        manual: Sequence[Record],
        by_name: Mapping[str, Sequence[Record]],
        headers: Mapping[str, Header],
        frame: ExifFrame,
        path: Path,
        sha256: str,
    ) -> None:
        self.path, self.sha256 = path, sha256
        self.manual = tuple(manual)
        self._by_name = by_name
        self._headers = headers
        self._frame = frame

    @classmethod
    def read(
        cls, path: Path, images: Sequence[ImageFile], frame: ExifFrame, *, many: bool = False
    ) -> Reference:
        """Reads a landmark file whose coordinates are in `frame`.

        Args:
            path: the file.
            images: the photographs.
            frame: of the coordinates.
            many: a photograph may have several records, one for each specimen.

        Raises:
            LandmarkFileError: the file cannot be read, or has no landmarks.
            LandmarkError: none of its specimens is among the photographs, or a name may mean
                several of them.
        """
        files = {image.name: image for image in images}
        nothing = np.empty((0, 2))
        wanted = [Record(nothing, name) for name in files]
        annotated = read_annotated(path, files, use=None)  # the comparison tells of curves
        for remark in annotated.remarks:
            _log.warning(remark)
        manual = annotated.records
        by_name: Mapping[str, Sequence[Record]]
        if many:
            pairs = pair_by_photograph(wanted, manual)
            by_name = {wished[0].name: records for wished, records in pairs}
        else:
            by_name = {one.name: (other,) for one, other in pair_by_image(wanted, manual)}
        headers = _headers([files[name] for name in by_name])
        checksum = sha256(content_of(path)).hexdigest()
        return cls(manual, by_name, headers, frame, path, checksum)

    def of_part(self, spec: PartSpec) -> Reference:
        """The same with the landmarks in the order of the part, by their names where it has some.

        Raises:
            LandmarkError: a specimen has another number of landmarks, or other names.
        """
        manual = in_order(self.manual, spec.landmark_names, spec.name)
        new = dict(zip(map(id, self.manual), manual, strict=True))
        by_name = {
            name: tuple(new[id(record)] for record in records)
            for name, records in self._by_name.items()
        }
        reference = Reference(manual, by_name, self._headers, self._frame, self.path, self.sha256)
        reference.check(spec)
        return reference

    def check(self, spec: PartSpec) -> None:
        """Holds the manual landmarks against the part that is to be predicted.

        Raises:
            LandmarkError: a specimen has another number of landmarks.
        """
        for name, record in ((n, one) for n, records in self._by_name.items() for one in records):
            if len(record.points) != len(spec):
                raise LandmarkError(
                    f"{name} has {counted(len(record.points), 'manual landmark')}, but {spec.name}"
                    f" has {len(spec)}"
                )

    def upright(self, name: str) -> tuple[Floats, ...]:
        """Manual landmarks (n, 2) of each specimen in the upright photograph of that name."""
        records, header = self._by_name.get(name, ()), self._headers.get(name)
        if header is None:
            return ()
        return tuple(record.upright(header, self._frame) for record in records)

    def __contains__(self, name: str) -> bool:
        """Whether a photograph of that name has manual landmarks."""
        return name in self._by_name

    def without(self, names: Container[str]) -> list[Record]:
        """The manual landmarks but for those of some photographs."""
        known = self._by_name.items()
        left_out = {id(one) for name, records in known if name in names for one in records}
        return [record for record in self.manual if id(record) not in left_out]

    def is_drawn_upright(self, name: str) -> bool:
        """Whether the compared coordinates of a photograph are those of the upright picture."""
        header = self._headers.get(name)
        return self._frame == "apply" or (header is not None and header.orientation == 1)


def _headers(images: Sequence[ImageFile]) -> dict[str, Header]:
    headers = {}
    for image in images:
        try:
            headers[image.name] = read_header(image)
        except ImageError:  # told when its turn comes to be predicted
            continue
    return headers
