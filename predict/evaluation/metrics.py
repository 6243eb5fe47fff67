"""How far predicted landmarks are from manual ones."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from beetle_lm.errors import Hint, LandmarkError, RequestError
from beetle_lm.predict.evaluation.curves import CurveComparison, compare_curves
from beetle_lm.predict.evaluation.shapes import ShapeComparison, compare_shapes
from beetle_lm.predict.evaluation.specimens import pair_specimens
from beetle_lm.predict.evaluation.statistics import Agreement, Shares, Spread
from beetle_lm.predict.evaluation.suspects import (
    Suspect,
    against_predicted,
    find_suspects,
    in_words,
)
from beetle_lm.predict.formats.annotated import curves_remark, without_zeros
from beetle_lm.predict.formats.coordinates import GREATEST
from beetle_lm.predict.formats.landmark_names import in_order, own_names
from beetle_lm.predict.formats.names import listed
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.formats.sizes import ImageSizes, Size, SizesByName
from beetle_lm.predict.landmarks import Floats, centroid_size
from beetle_lm.predict.procrustes import mean_shape, procrustes_distance
from beetle_lm.text import counted
from beetle_lm.zoo.model_file.parts import PartSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Unit = Literal["px", "px_256x192", "units", "percent_centroid_size"]
"""What a distance is measured in.

px: pixels of the photograph; px_256x192: pixels of the photograph stretched to 256 x 192, the
paper's unit; units: what the scale gives, e.g. millimetres; percent_centroid_size: percent of the
centroid size of the specimen's manual landmarks.
"""

PAPER_SIZE = (256, 192)
"""Width and height in pixels at which the paper's networks see a photograph."""

_NAN = float("nan")


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """Predicted and manual landmarks of the same specimens, and how far they are apart.

    It prints as a table: for each landmark the number, mean, standard deviation, median and 95th
    percentile of the distances, and below it what sums the comparison up.

    Args:
        spec: the part; its landmarks are numbered where the caller named none.
        images: (S) names of the specimens' images as the predictions write them, in their order.
        predicted: (S, n, 2) image pixels, y down, NaN missing.
        manual: (S, n, 2) the same of the manual landmarks.
        sizes: (S, 2) width and height of the images, NaN where unknown.
        scales: (S,) units per pixel, NaN where unknown.
        only_predicted: images that have no manual landmarks.
        only_manual: images that have no predicted landmarks.
        waiting: images of manual records that are not annotated yet.
        remarks: further notes on what was read.
        curves: the curves of the same specimens; None where none has any on both sides.
    """

    spec: PartSpec
    images: tuple[str, ...]
    predicted: Floats
    manual: Floats
    sizes: Floats
    scales: Floats
    only_predicted: tuple[str, ...] = ()
    only_manual: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    curves: CurveComparison | None = None

    def __str__(self) -> str:
        # By its name: the table is about evaluations, and brings what prints.
        shown: str = import_module("beetle_lm.predict.evaluation.table").text(self)
        return shown

    def __repr__(self) -> str:
        mean = self.overall("px").mean
        return (
            f"<Evaluation of {counted(len(self.images), 'specimen')} of"
            f" {counted(len(self.spec), 'landmark')}, mean distance {mean:.2f} px>"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return f"<pre>{html.escape(str(self))}</pre>"

    def plot(
        self, name: Literal["distances", "cumulative", "shape_pca", "shape_errors"] = "distances"
    ) -> Figure:
        """A plot for a notebook, as `beetle-lm evaluate` writes it.

        Args:
            name: 'distances', box plots of each landmark in `unit`; 'cumulative', the share of
                landmarks within a distance; 'shape_pca', principal components of manual and
                predicted shapes; 'shape_errors', ellipses of the landmarks' errors on the mean
                shape.

        Returns:
            A figure of matplotlib, which a notebook shows; `savefig` writes it.

        Raises:
            LandmarkError: too few specimens lack no landmark to compare shapes.
            ValueError: there is no such plot.
        """
        figure: Figure = _notebook().plot_of(self, name)
        return figure

    def table(
        self,
        name: Literal[
            "per_landmark",
            "per_specimen",
            "per_curve",
            "shape_anova",
            "shape_scores",
            "shape_landmarks",
        ] = "per_landmark",
    ) -> Any:
        """A table for a notebook, as `beetle-lm evaluate` writes it.

        Args:
            name: that of the file, without its ending.

        Returns:
            A pandas DataFrame where pandas is installed, else a list with a dict for each row.

        Raises:
            LandmarkError: shapes, or curves, are not compared.
            ValueError: there is no such table.
        """
        return _notebook().table_of(self, name)

    @cached_property
    def offsets(self) -> Floats:
        """(S, n, 2) predicted minus manual in image pixels, NaN where either is missing."""
        return np.asarray(self.predicted - self.manual, np.float64)

    @property
    def missing(self) -> tuple[int, int]:
        """How many predicted, and how many manual landmarks are missing."""
        return (
            int(np.isnan(self.predicted[..., 0]).sum()),
            int(np.isnan(self.manual[..., 0]).sum()),
        )

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """The units in which distances are known for at least one specimen."""
        every: tuple[Unit, ...] = ("px", "px_256x192", "units", "percent_centroid_size")
        return tuple(unit for unit in every if not np.isnan(self.distances(unit)).all())

    @cached_property
    def unit(self) -> Unit:
        """The unit in which specimens can be ranked and drawn side by side.

        Pixels where all images are of one size (or of unknown sizes), else percent of centroid
        size, in which the size of an image plays no part.
        """
        known = self.sizes[~np.isnan(self.sizes[:, 0])]
        same_size = len(known) == 0 or bool((known == known[0]).all())
        if same_size or "percent_centroid_size" not in self.units:
            return "px"
        return "percent_centroid_size"

    def distances(self, unit: Unit) -> Floats:
        """(S, n) distances between predicted and manual landmarks, NaN where unknown."""
        if unit == "px_256x192":
            stretch = np.array(PAPER_SIZE) / self.sizes
            return np.asarray(np.linalg.norm(self.offsets * stretch[:, None], axis=2), np.float64)
        return self.in_unit(np.asarray(np.linalg.norm(self.offsets, axis=2), np.float64), unit)

    def in_unit(self, pixels: Floats, unit: Unit) -> Floats:
        """Lengths (S, m) in pixels of the specimens' photographs, in another unit.

        Args:
            pixels: the lengths, whatever their directions.
            unit: any but 'px_256x192', in which a length depends on its direction.
        """
        if unit == "units":
            return pixels * self.scales[:, None]
        if unit == "percent_centroid_size":
            centroid_sizes = np.array([centroid_size(xy) or np.nan for xy in self.manual])
            return np.asarray(100.0 * pixels / centroid_sizes[:, None], np.float64)
        return pixels

    def per_landmark(self, unit: Unit) -> list[Spread]:
        """(n) the spread of each landmark's distances over the specimens."""
        return [Spread.of(column) for column in self.distances(unit).T]

    def overall(self, unit: Unit) -> Spread:
        """The spread of all distances: every landmark of every specimen counts the same."""
        return Spread.of(self.distances(unit))

    def specimen_means(self, unit: Unit) -> Floats:
        """(S,) the mean distance of each specimen's landmarks, NaN where none is known."""
        return np.array([Spread.of(row).mean for row in self.distances(unit)])

    @cached_property
    def ranks(self) -> tuple[int | None, ...]:
        """(S) each specimen's rank by its mean distance in `unit`: 1 is the worst, None unknown."""
        means = self.specimen_means(self.unit)
        order = [int(i) for i in np.argsort(-means, kind="stable") if not np.isnan(means[i])]
        places = {specimen: place for place, specimen in enumerate(order, start=1)}
        return tuple(places.get(specimen) for specimen in range(len(means)))

    @cached_property
    def bias(self) -> Floats:
        """(n, 2) mean of predicted minus manual in image pixels: to the right, downwards."""
        kept = [landmark[~np.isnan(landmark[:, 0])] for landmark in self.offsets.transpose(1, 0, 2)]
        return np.array([rows.mean(axis=0) if len(rows) else (np.nan, np.nan) for rows in kept])

    @cached_property
    def agreement_unit(self) -> Unit:
        """The unit of the coordinates in `agreement`: at 256 x 192 if all sizes are known."""
        return "px" if np.isnan(self.sizes).any() else "px_256x192"

    @cached_property
    def agreement(self) -> Agreement:
        """r2, explained variance and Pearson's coefficient of the coordinates in that unit."""
        stretch = np.ones((len(self.images), 2))
        if self.agreement_unit == "px_256x192":
            stretch = np.array(PAPER_SIZE) / self.sizes
        return Agreement.of(self.predicted * stretch[:, None], self.manual * stretch[:, None])

    def shares(self) -> Shares:
        """The paper's three shares over all landmarks; NaN where no image size is known."""
        return Shares.of(self.distances("px_256x192"))

    def shares_per_landmark(self) -> list[Shares]:
        """(n) the paper's three shares of each landmark."""
        return [Shares.of(column) for column in self.distances("px_256x192").T]

    @cached_property
    def procrustes_distance(self) -> float:
        """Procrustes distance between the mean predicted and the mean manual shape.

        Over the specimens of which no landmark is missing on either side; NaN where there is none.
        """
        whole = ~np.isnan(self.offsets).any(axis=(1, 2))
        predicted, manual = mean_shape(self.predicted[whole]), mean_shape(self.manual[whole])
        if predicted is None or manual is None:
            return float("nan")
        return procrustes_distance(predicted, manual)

    @property
    def shapes(self) -> ShapeComparison | None:
        """The comparison of the shapes; None where too few specimens lack no landmark."""
        return self._shapes[0]

    @property
    def shape_remarks(self) -> tuple[str, ...]:
        """Why shapes are not compared, or which of them are not, a sentence each."""
        return self._shapes[1]

    @cached_property
    def _shapes(self) -> tuple[ShapeComparison | None, tuple[str, ...]]:
        return compare_shapes(self.images, self.predicted, self.manual)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out and why, a sentence each."""
        notes = list(self.remarks)
        sizeless = [
            name
            for name, (width, _) in zip(self.images, self.sizes, strict=True)
            if np.isnan(width)
        ]
        if len(sizeless) == len(self.images):
            notes.append(
                "the sizes of the images are unknown, so nothing is given at 256 x 192 and no"
                " shares"
            )
        elif sizeless:
            notes.append(
                "left out at 256 x 192, because the size of the image is unknown:"
                f" {listed(sizeless)}"
            )
        scaleless = [
            name for name, scale in zip(self.images, self.scales, strict=True) if np.isnan(scale)
        ]
        if scaleless and len(scaleless) < len(self.images):
            notes.append(f"left out in units, for want of a SCALE: {listed(scaleless)}")
        if self.waiting:
            count = len(self.waiting)
            notes.append(f"{count} not annotated yet, not compared: {listed(self.waiting)}")
        predicted, manual = self.missing
        if predicted or manual:
            notes.append(
                f"{predicted} predicted and {counted(manual, 'manual landmark')} are missing and"
                " were left out"
            )
        notes += [f"manual landmarks, {line}" for line in in_words(self.suspects)]
        return (*notes, *against_predicted(self.predicted, self.manual))

    @cached_property
    def suspects(self) -> tuple[Suspect, ...]:
        """Specimens whose manual landmarks look wrong, or cannot be right."""
        return find_suspects(self.images, self.manual, self.sizes)


def _notebook() -> Any:
    """By its name: plots and tables are about evaluations, and bring matplotlib."""
    return import_module("beetle_lm.predict.evaluation.notebook")


def evaluate(
    predicted: Sequence[Record],
    manual: Sequence[Record],
    sizes: Mapping[str, Size] | ImageSizes,
    spec: PartSpec | None = None,
    scale: float | None = None,
) -> Evaluation:
    """Compares predicted with manual landmarks of the specimens that both have.

    Args:
        predicted: the predictions.
        manual: the landmarks placed by hand; their scales are taken where `scale` is None.
        sizes: width and height of the images in pixels, where known; may be empty.
        spec: the part, which gives the landmarks their names.
        scale: units per pixel of all images.

    Raises:
        LandmarkError: an image occurs twice in one list, a name may mean several, no specimen is
            in both, numbers of landmarks differ, or no landmark is present on both sides.
        RequestError: y points up on one side and down on the other, and the size of an image is
            unknown.
    """
    sides: dict[str, list[Record]] = {}
    remarks: list[str] = []
    for side, records in (("predicted", predicted), ("manual", manual)):
        sides[side], zeros = without_zeros(records)
        remarks += [f"{side}: {zeros}"] if zeros else []
    predicted, manual = sides.values()
    annotated = [record for record in manual if record.is_annotated]
    if manual and not annotated:
        if curves_remark(manual, "compared"):
            raise LandmarkError(
                "the manual landmarks are curves without landmarks (LM=0); only landmarks are"
                " compared"
            )
        raise LandmarkError(
            "there are no manual landmarks to compare: none of the"
            f" {counted(len(manual), 'manual record')} is annotated yet"
        )
    predicted, annotated = _in_one_order(predicted, annotated, spec)
    images = SizesByName(sizes) if isinstance(sizes, Mapping) else sizes

    def size_of(one: Record, other: Record) -> Size | None:
        return images.find(one.name) or images.find(other.name)

    pairs = pair_specimens(
        predicted,
        annotated,
        lambda one, other: _in_one_frame(one, other, size_of(one, other)),
    )
    if not pairs:
        raise LandmarkError("no predicted specimen lies where a manual one of its photograph does")
    known = [size_of(*pair) for pair in pairs]
    placed = [_in_one_frame(*pair, size) for pair, size in zip(pairs, known, strict=True)]
    for one, other in pairs:
        _check_bounds(one)
        _check_bounds(other)
        _check_counts(one, other, spec, len(pairs[0][1].points))
    heights = [0.0 if size is None else size[1] for size in known]
    curves, of_curves = compare_curves(pairs, heights, spec or PartSpec("part", ("1",)))
    remarks += of_curves
    compared = {id(record) for pair in pairs for record in pair}
    evaluation = Evaluation(
        spec=spec or PartSpec.numbered("part", len(pairs[0][1].points)),
        images=tuple(one.name for one, _ in pairs),
        predicted=np.array([xy for xy, _ in placed], np.float64),
        manual=np.array([xy for _, xy in placed], np.float64),
        sizes=np.array([size or (np.nan, np.nan) for size in known], np.float64),
        scales=np.array([scale or other.scale or np.nan for _, other in pairs], np.float64),
        only_predicted=tuple(each.name for each in predicted if id(each) not in compared),
        only_manual=tuple(each.name for each in annotated if id(each) not in compared),
        waiting=tuple(each.name for each in manual if not each.is_annotated),
        remarks=tuple(remarks),
        curves=curves,
    )
    if np.nanmax(evaluation.scales, initial=0.0) >= GREATEST:
        raise RequestError(
            f"a scale of {np.nanmax(evaluation.scales):.3g} units per pixel is none of a photograph"
        )
    if np.isnan(evaluation.offsets).all():
        raise LandmarkError(
            "no landmark is there both in the predictions and in the manual landmarks"
        )
    impossible = [suspect for suspect in evaluation.suspects if suspect.impossible]
    if len(impossible) == len(pairs):
        raise LandmarkError(f"the manual landmarks cannot be right: {in_words(impossible)[0]}")
    return evaluation


def _in_one_order(
    predicted: Sequence[Record], manual: Sequence[Record], spec: PartSpec | None
) -> tuple[list[Record], list[Record]]:
    """Both with their landmarks in the order of the part, or of the manual ones, by their names."""
    own = next(filter(None, map(own_names, manual)), ())
    wanted, whose = (own, "the manual ones") if spec is None else (spec.landmark_names, spec.name)
    return in_order(predicted, wanted, whose), in_order(manual, wanted, whose)


def _check_bounds(record: Record) -> None:
    if len(record.points) and np.nanmax(np.abs(record.points), initial=0.0) >= GREATEST:
        raise LandmarkError(
            f"{record.name} has a coordinate of {np.nanmax(np.abs(record.points)):.3g}, as no"
            " photograph has"
        )


def _in_one_frame(one: Record, other: Record, size: Size | None) -> tuple[Floats, Floats]:
    """The landmarks of both, y down; in image coordinates unless the size is unknown."""
    if size is not None:
        return one.in_image(size[1]), other.in_image(size[1])
    if one.y_up != other.y_up:
        raise RequestError(
            "one file counts y from the bottom of the image (as TPS does), the other from the top,"
            f" so the height of {one.name} is needed",
            Hint.IMAGE_SIZES,
        )
    return one.y_down, other.y_down


def _check_counts(one: Record, other: Record, spec: PartSpec | None, first: int) -> None:
    wanted, source = (first, "the first specimen") if spec is None else (len(spec), spec.name)
    for record, kind in ((one, "predicted"), (other, "manual")):
        if len(record.points) != wanted:
            raise LandmarkError(
                f"{record.name} has {counted(len(record.points), f'{kind} landmark')}, but {source}"
                f" has {wanted}"
            )
