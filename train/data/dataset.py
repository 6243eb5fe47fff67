"""Annotated photographs: checked as one list, then decoded once and kept as tensors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from beetle_lm.errors import BeetleLMError, ImageError, LandmarkError, TrainingDataError
from beetle_lm.predict.curves import evenly_spaced
from beetle_lm.predict.evaluation.suspects import Suspect, find_suspects, in_words
from beetle_lm.predict.formats.annotated import read_annotated
from beetle_lm.predict.formats.curves import curves_in_order, with_lines
from beetle_lm.predict.formats.landmark_names import common_names, in_order
from beetle_lm.predict.formats.names import NameIndex, listed
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.images.orientation import ExifFrame
from beetle_lm.predict.images.read import Header, ImageFile, find_images, read_header, read_image
from beetle_lm.predict.images.specimens import photograph_of
from beetle_lm.predict.landmarks import Floats, Landmarks
from beetle_lm.predict.views.placement import Placement
from beetle_lm.text import counted, printable
from beetle_lm.train.data.curves import find_curves, lines_of
from beetle_lm.zoo.model_file.bounds import LARGEST_SIDE, MOST_PIXELS
from beetle_lm.zoo.model_file.card import Fit, check_size
from beetle_lm.zoo.model_file.parts import PARTS, PartSpec, part_of

_LINE = 128  # points by which a curve is known in training
_STORED_PER_INPUT = 1.1  # stored images are so much larger that zooming in still shows detail


@dataclass(frozen=True)
class Specimen:
    """A photograph and its manual landmarks.

    Args:
        image: the photograph.
        size: its width and height, upright, in pixels.
        landmarks: in pixels of the upright photograph.
        lines: (m, 2) points of each of the part's curves, in the same pixels; m is 0 where it is
            missing.
    """

    image: ImageFile
    size: tuple[int, int]
    landmarks: Landmarks
    lines: tuple[Floats, ...] = ()

    @property
    def name(self) -> str:
        """The photograph's name, unique in its data set."""
        return self.image.name


@dataclass(frozen=True)
class AnnotatedImages:
    """What was found in a folder of photographs and a landmark file.

    Args:
        spec: the part.
        specimens: those that can be trained on, sorted by name.
        problems: why others cannot, one sentence each.
        remarks: what is worth knowing and does no harm, one sentence each.
        shapes: (M, K, 2) landmarks of specimens without photographs, in units and at places of
            their own, y down, NaN where missing.
    """

    spec: PartSpec
    specimens: tuple[Specimen, ...]
    problems: tuple[str, ...]
    remarks: tuple[str, ...]
    shapes: Floats


def read_training_data(
    images: Path,
    landmarks: Path,
    part: str,
    exif: ExifFrame = "apply",
    shapes: Path | None = None,
    strict: bool = False,
    curves: bool = True,
) -> AnnotatedImages:
    """Pairs photographs with their landmarks and checks everything before anything is trained.

    Args:
        images: folder of photographs; sub-folders are searched too.
        landmarks: landmark file of any kind, or folder of files of one specimen each.
        part: one of the paper's parts, the path of a TOML file that describes a part, or any other
            name, whose number of landmarks is then that of the landmark file.
        exif: whether the landmarks lie on the photographs as shown upright ('apply') or on the
            pixels as stored ('stored').
        shapes: landmark file of further specimens, whose photographs are not needed.
        strict: specimens whose landmarks look wrong are problems, too, not only those that cannot
            be right.
        curves: whether curves are learned as well: those of the part, or, where it is known by no
            more than its name, those in the landmark file.

    Raises:
        ImageError: no photographs were found.
        LandmarkFileError: the landmark file cannot be read.
        PartError: the part's TOML file is wrong.
        ModelError: the part has too many landmarks, or names too long, for a model file.
        TrainingDataError: not one specimen can be trained on.
    """
    photographs = _Photographs(images, exif)
    annotated = read_annotated(landmarks, photographs.names, use=None)
    lined, as_drawn = with_lines(annotated.records)
    remarks = list(annotated.remarks)
    spec, of_curves = _part(part, lined, curves)
    if spec.curves and as_drawn:
        of_curves.append(as_drawn)
    remarks += [f"{landmarks.name}: {remark}" for remark in of_curves]
    records = in_order(lined, spec.landmark_names, spec.name)
    check_size(spec)  # or else the network could be trained, and no file be made of it
    problems: list[str] = []
    specimens: dict[str, Specimen] = {}
    for record in records:
        where = f"{landmarks.name}, {record.place}, {record.name}"
        try:
            specimen, of_lines = photographs.specimen(record, spec)
        except BeetleLMError as error:
            problems.append(f"{where}: {error}")
            continue
        if specimen.name in specimens:
            problems.append(f"{where}: the photograph has another record already")
            continue
        specimens[specimen.name] = specimen
        if missing := [int(i) + 1 for i in np.flatnonzero(specimen.landmarks.missing)]:
            remarks.append(f"{where}: {_numbers(missing)} missing, left out of the loss")
        remarks += [f"{where}: {remark}" for remark in of_lines]
    bare = photographs.names - {photographs.index.find(name) for name in annotated.named}
    if bare:
        shown = ", ".join(sorted(bare)[:3]) + (", ..." if len(bare) > 3 else "")
        remarks.append(f"{counted(len(bare), 'photograph')} without landmarks, not used: {shown}")
    suspects = _suspects(list(specimens.values()))
    refused = [suspect for suspect in suspects if suspect.impossible or strict]
    for suspect in refused:
        problems.append(f"{landmarks.name}, {suspect}")
        specimens.pop(suspect.name, None)  # some are about all of them
    remarks += in_words(suspect for suspect in suspects if suspect not in refused)
    if not specimens:
        raise TrainingDataError(problems)
    ordered = tuple(specimens[name] for name in sorted(specimens))
    further = _read_shapes(shapes, spec, remarks)
    return AnnotatedImages(spec, ordered, tuple(problems), tuple(remarks), further)


def _suspects(specimens: Sequence[Specimen]) -> tuple[Suspect, ...]:
    if not specimens:
        return ()
    return find_suspects(
        [specimen.name for specimen in specimens],
        np.stack([specimen.landmarks.xy for specimen in specimens]),
        np.array([specimen.size for specimen in specimens], np.float64),
    )


def _read_shapes(path: Path | None, spec: PartSpec, remarks: list[str]) -> Floats:
    if path is None:
        return np.empty((0, len(spec), 2))
    annotated = read_annotated(path)
    records = in_order(annotated.records, spec.landmark_names, spec.name)
    remarks += annotated.remarks
    if wrong := [record for record in records if len(record.points) != len(spec)]:
        raise TrainingDataError(
            [
                f"{path.name}, {record.place}: {counted(len(record.points), 'landmark')},"
                f" {spec.name} has {len(spec)}"
                for record in wrong
            ]
        )
    xy = np.stack([record.y_down for record in records])
    suspects = find_suspects([record.name for record in records], xy)
    if impossible := [f"{path.name}, {suspect}" for suspect in suspects if suspect.impossible]:
        raise TrainingDataError(impossible)
    remarks += [f"{path.name}, {line}" for line in in_words(suspects)]
    return xy


class _Photographs:
    """The photographs of a folder, by the names that a landmark file gives them."""

    def __init__(self, folder: Path, frame: ExifFrame) -> None:
        self._folder = folder
        self._frame = frame
        self._files = {image.name: image for image in find_images([folder], recursive=True)}
        self._headers: dict[str, Header] = {}
        self.names = set(self._files)
        self.index = NameIndex(self.names)

    def specimen(self, record: Record, spec: PartSpec) -> tuple[Specimen, list[str]]:
        """The photograph with its landmarks and the lines of its curves; and remarks on these.

        Raises:
            ImageError: there is no such photograph, or it cannot be read.
            LandmarkError: landmarks or curves do not fit the part or the photograph.
        """
        key = self._key(record)
        header = self._header(key)
        landmarks = Landmarks(spec, record.upright(header, self._frame))
        beyond = ((landmarks.xy < 0) | (landmarks.xy > np.array(header.size))).any(axis=1)
        if beyond.any():
            numbers = [int(i) + 1 for i in np.flatnonzero(beyond)]
            raise LandmarkError(f"{_numbers(numbers)} outside the photograph")
        if not spec.curves:
            return Specimen(self._files[key], header.size, landmarks), []
        upright = replace(record, curves=record.curves_upright(header, self._frame))
        lines, remarks = lines_of(curves_in_order(upright, spec), spec, landmarks.xy)
        return Specimen(self._files[key], header.size, landmarks, lines), remarks

    def _key(self, record: Record) -> str:
        if not record.is_named:
            raise ImageError("has neither IMAGE= nor ID=, so its photograph cannot be told")
        key = self.index.find(record.name)
        if key is not None:
            return key
        photograph = photograph_of(record.name)
        if photograph != record.name and self.index.find(photograph) is not None:
            raise ImageError(
                "the photograph shows several specimens, and those to learn from show one each; cut"
                " it into pictures of single specimens"
            )
        several, count = self.index.candidates(record.name)
        if several:
            raise ImageError(f"fits several photographs: {listed(several, count)}")
        near = self.index.nearest(record.name)
        raise ImageError(
            f"there is no such photograph in {self._folder}"
            + (f"; the most similar name there is {printable(near)}" if near else "")
        )

    def _header(self, key: str) -> Header:
        if key not in self._headers:
            self._headers[key] = read_header(self._files[key].path)
        return self._headers[key]


def input_size(specimens: Sequence[Specimen], pixels: int, multiple: int) -> tuple[int, int]:
    """Width and height of a network's input for these photographs.

    The proportions are those of the median photograph, as far as multiples allow.

    Args:
        specimens: the photographs.
        pixels: about how many pixels the input has.
        multiple: what width and height must be multiples of.

    Raises:
        TrainingDataError: a model file could not hold so long and narrow an input.
    """
    ratio = float(np.median([width / height for width, height in (s.size for s in specimens)]))
    width = max(1, round((pixels * ratio) ** 0.5 / multiple)) * multiple
    height = max(1, round(width / ratio / multiple)) * multiple
    if max(width, height) > LARGEST_SIDE or width * height > MOST_PIXELS:
        raise TrainingDataError(
            [
                f"the photographs are too long and narrow, {ratio:.3g} times as wide as high: the"
                f" input would have {width} x {height} px, and can have {LARGEST_SIDE} at most"
            ]
        )
    return width, height


@dataclass(frozen=True)
class TensorSet:
    """Photographs and landmarks as tensors.

    Args:
        spec: the part.
        names: of the photographs.
        images: (N, C, H', W') uint8, larger than the input for training, of the input's size for
            validation.
        xy: (N, K, 2) float32 landmarks in input pixels, NaN where missing.
        lines: (N, C, 128, 2) float32 evenly spaced points on the curves, in the same pixels.
        placements: of each photograph in its stored image.
    """

    spec: PartSpec
    names: tuple[str, ...]
    images: Tensor
    xy: Tensor
    lines: Tensor
    placements: tuple[Placement, ...]

    def __len__(self) -> int:
        return len(self.names)


def load_tensors(
    spec: PartSpec,
    specimens: Sequence[Specimen],
    size: tuple[int, int],
    channels: int,
    fit: Fit,
    for_training: bool,
) -> TensorSet:
    """Decodes the photographs as prediction does, and keeps them.

    Args:
        spec: the part.
        specimens: photographs with landmarks; may be empty.
        size: width and height of the network's input.
        channels: 1 for grey, 3 for RGB.
        fit: how photographs are fitted into the input.
        for_training: keep the images larger than the input, for augmentation.

    Raises:
        TrainingDataError: photographs that cannot be decoded, all in one list.
    """
    # Even sizes, so that pairs of pixels can be averaged.
    factor = _STORED_PER_INPUT if for_training else 1.0
    stored = (round(size[0] * factor / 2) * 2, round(size[1] * factor / 2) * 2)
    images = torch.empty((len(specimens), channels, stored[1], stored[0]), dtype=torch.uint8)
    xy = np.empty((len(specimens), len(spec), 2))
    lines = np.full((len(specimens), len(spec.curves), _LINE, 2), np.nan)
    placements, problems = [], []
    for row, specimen in enumerate(specimens):
        try:
            picture = read_image(specimen.image.path, channels, at_least=stored)
        except ImageError as error:
            problems.append(str(error))
            continue
        placement = Placement.fit(picture.frame, stored, fit)
        placements.append(placement)
        pixels = np.atleast_3d(placement.render(picture))
        images[row] = torch.from_numpy(pixels.transpose(2, 0, 1).copy())
        shrunk = np.array(size) / stored
        xy[row] = placement.to_input(specimen.landmarks.xy) * shrunk
        for curve, line in enumerate(specimen.lines):
            if len(line):
                lines[row, curve] = placement.to_input(evenly_spaced(line, _LINE)) * shrunk
    if problems:
        raise TrainingDataError(problems)
    names = tuple(specimen.name for specimen in specimens)
    return TensorSet(
        spec,
        names,
        images,
        torch.from_numpy(xy).float(),
        torch.from_numpy(lines).float(),
        tuple(placements),
    )


def _part(part: str, records: Sequence[Record], curves: bool) -> tuple[PartSpec, list[str]]:
    """The part with the curves that are to be learned, and sentences on those that are not."""
    drawn = any(record.curves for record in records)
    if part in PARTS or part.lower().endswith(".toml"):
        spec = part_of(part)
    else:
        [(count, _)] = Counter(len(record.points) for record in records).most_common(1)
        names = common_names(records)
        spec = PartSpec(part, names) if names else PartSpec.numbered(part, count)
        if curves:
            found, remarks = find_curves(records)
            return replace(spec, curves=found), remarks
    if not curves:
        remark = "curves are not learned by this recipe, only landmarks are"
        return replace(spec, curves=()), [remark] if drawn or spec.curves else []
    if drawn and not spec.curves:
        return spec, [f"curves are not learned: {spec.name} has none; a part's file names them"]
    return spec, []


def _numbers(numbers: Sequence[int]) -> str:
    plural = "s" if len(numbers) > 1 else ""
    return f"landmark{plural} {', '.join(str(number) for number in numbers)}"
