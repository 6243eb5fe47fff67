"""The paper's figures 10 to 13 and 15 to 17, drawn without photographs."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from beetle_lm.predict.evaluation.metrics import PAPER_SIZE, Evaluation
from beetle_lm.predict.evaluation.statistics import FAR
from beetle_lm.predict.landmarks import Floats
from beetle_lm.train.paper.trainer import PaperEpoch, draw_both_losses
from beetle_lm.train.reproduction.blocks import Cell, Picture, Table
from beetle_lm.train.reproduction.methods import FINETUNE, GIVEN_UP, SCRATCH
from beetle_lm.train.reproduction.paper_numbers import paper_numbers
from beetle_lm.train.reproduction.study import Findings, PartFindings

_FIRST, _TRIED = "pronotum", 0  # the part of Figures 10 to 13, and the landmark of Figure 12
_COLOURS = {SCRATCH: "#0072B2", FINETUNE: "#E69F00"}  # the paper's blue and orange
_OTHERS = ("#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_MANUAL = "#D00000"
_OFFSETS = ("method", "landmark", "off to the right px", "off downwards px")
_DOTS_PER_INCH = 110


def figures(findings: Findings) -> Iterator[tuple[str, Picture | None]]:
    """All figures by what they are called; None where what they show was not run."""
    first = findings.parts.get(_FIRST)
    tried = first if first is not None and SCRATCH in first.results else None
    models = {"10": GIVEN_UP[0], "10b": GIVEN_UP[1], "11": SCRATCH}
    for number, name in models.items():
        epochs = findings.models.get(name)
        yield number, _losses(number, name, epochs) if epochs else None
    yield "12", _distribution(tried.results[SCRATCH]) if tried else None
    yield "13", _best_and_worst(tried.results[SCRATCH]) if tried else None
    yield "15", _by_landmark(findings.parts)
    yield "16", _on_one_image(findings.parts)
    yield "17", _distances_on_one_image(findings.parts)


def _losses(number: str, name: str, epochs: Sequence[PaperEpoch]) -> Picture:
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    draw_both_losses(figure.subplots(), epochs)
    title = f"Figure {number}: losses of {name}, {_FIRST}, round 1"
    rows = tuple((e.epoch, e.training_loss, e.validation_loss) for e in epochs)
    columns = ("epoch", "training loss", "validation loss")
    return _picture(f"figure-{number}", title, figure, columns, rows)


def _distribution(evaluation: Evaluation) -> Picture:
    distances = evaluation.distances("px_256x192")[:, _TRIED]
    shares, printed = evaluation.shares_per_landmark()[_TRIED], paper_numbers().shares
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(1, len(distances) + 1), distances, ".", color="#595959")
    mean = float(np.nanmean(distances))
    axes.axhline(mean, color="blue", label=f"mean, {mean:.2f} px")
    axes.axhline(FAR, color=_MANUAL, ls="--", label="10 px")
    axes.set_xlabel("photograph")
    axes.set_ylabel("distance, px at 256 x 192")
    axes.legend(frameon=False)
    _tidy(axes)
    texts = [
        f"{word} {100 * getattr(shares, name):.2f} % (paper {100 * printed[name]:.2f} %)"
        for word, name in (
            ("below the mean", "below_mean"),
            ("up to 10 px", "mean_to_far"),
            ("above", "above_far"),
        )
    ]
    title = f"Figure 12: distances on landmark 1, {_FIRST}, {SCRATCH}: {', '.join(texts)}"
    rows: list[tuple[Cell, ...]] = [
        (image, float(distance))
        for image, distance in zip(evaluation.images, distances, strict=True)
    ]
    for name, value in printed.items():
        rows.append((f"share {name}", getattr(shares, name)))
        rows.append((f"share {name}, paper", value))
    return _picture("figure-12", title, figure, ("photograph", "distance px"), tuple(rows))


def _best_and_worst(evaluation: Evaluation) -> Picture:
    means = evaluation.specimen_means("px_256x192")
    chosen = {"best": int(np.nanargmin(means)), "worst": int(np.nanargmax(means))}
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    rows: list[tuple[Cell, ...]] = []
    for axes, (word, index) in zip(figure.subplots(1, 2), chosen.items(), strict=True):
        manual, predicted = _both(evaluation, index)
        _ground(axes)
        for ends in zip(manual, predicted, strict=True):
            axes.plot(*np.transpose(ends), color="#B0B0B0", lw=1)
        axes.plot(*manual.T, "x", color=_MANUAL, ms=5, label="manual")
        axes.plot(*predicted.T, "o", color=_COLOURS[SCRATCH], ms=4, label=SCRATCH)
        axes.set_title(f"{word}: {means[index]:.2f} px", fontsize=10)
        rows += _offsets(word, SCRATCH, predicted - manual)
    _legend(figure)
    title = f"Figure 13: manual and predicted landmarks of two test photographs, {_FIRST}"
    return _picture("figure-13", title, figure, ("photograph", *_OFFSETS), rows)


def _by_landmark(parts: Mapping[str, PartFindings]) -> Picture:
    figure, panels = _panels(parts)
    rows: list[tuple[Cell, ...]] = []
    for axes, (name, part) in zip(panels, parts.items(), strict=False):
        numbers = range(1, len(part.data.data.spec) + 1)
        for method, kind in ((SCRATCH, "scratch"), (FINETUNE, "finetune")):
            printed = paper_numbers().distances[kind].get(name)
            if printed is not None:
                label = f"paper, {kind}"
                axes.plot(numbers, printed, ls=":", color=_COLOURS[method], label=label)
                rows += [(name, label, i, value) for i, value in zip(numbers, printed, strict=True)]
        for method, evaluation in part.results.items():
            means = [spread.mean for spread in evaluation.per_landmark("px_256x192")]
            axes.plot(numbers, means, "o-", ms=3, color=_colour(part, method), label=method)
            rows += [(name, method, i, value) for i, value in zip(numbers, means, strict=True)]
        _distance_axes(axes, name)
    _legend(figure)
    title = "Figure 15: average distance on each landmark, the paper's dotted"
    columns = ("part", "method", "landmark", "mean distance px")
    return _picture("figure-15", title, figure, columns, rows)


def _on_one_image(parts: Mapping[str, PartFindings]) -> Picture:
    figure, panels = _panels(parts)
    rows: list[tuple[Cell, ...]] = []
    for axes, (name, part) in zip(panels, parts.items(), strict=False):
        image = _chosen(part)
        _ground(axes)
        every = part.mean_position
        manual = _both(every, every.images.index(image))[0]
        for method, evaluation in part.results.items():
            predicted = _both(evaluation, evaluation.images.index(image))[1]
            axes.plot(*predicted.T, "o", ms=4, color=_colour(part, method), label=method)
            rows += _offsets(name, method, predicted - manual)
        axes.plot(*manual.T, "x", ms=5, color=_MANUAL, label="manual")
        axes.set_title(f"{name}, {image}", fontsize=9, parse_math=False)
    _legend(figure)
    title = "Figure 16: manual and predicted landmarks of one test photograph of each part"
    return _picture("figure-16", title, figure, ("part", *_OFFSETS), rows)


def _distances_on_one_image(parts: Mapping[str, PartFindings]) -> Picture:
    figure, panels = _panels(parts)
    rows: list[tuple[Cell, ...]] = []
    for axes, (name, part) in zip(panels, parts.items(), strict=False):
        image = _chosen(part)
        for method, evaluation in part.results.items():
            distances = evaluation.distances("px_256x192")[evaluation.images.index(image)]
            numbers = range(1, len(distances) + 1)
            axes.plot(numbers, distances, "o-", ms=3, color=_colour(part, method), label=method)
            rows += [
                (name, method, i, float(value)) for i, value in zip(numbers, distances, strict=True)
            ]
        _distance_axes(axes, name)
    _legend(figure)
    title = "Figure 17: distances on the photographs of Figure 16"
    columns = ("part", "method", "landmark", "distance px")
    return _picture("figure-17", title, figure, columns, rows)


def _chosen(part: PartFindings) -> str:
    """The photograph of Figures 16 and 17: the first by name that round 1 tests."""
    return part.data.tests[0][0]


def _both(evaluation: Evaluation, index: int) -> tuple[Floats, Floats]:
    """Manual and predicted landmarks (K, 2) of a specimen, in px at 256 x 192."""
    scale = np.array(PAPER_SIZE) / evaluation.sizes[index]
    return evaluation.manual[index] * scale, evaluation.predicted[index] * scale


def _offsets(group: str, method: str, offsets: Floats) -> list[tuple[Cell, ...]]:
    """From the manual to the predicted landmarks (K, 2), a row for each."""
    return [(group, method, i, float(x), float(y)) for i, (x, y) in enumerate(offsets, start=1)]


def _colour(part: PartFindings, method: str) -> str:
    others = [name for name in part.results if name not in _COLOURS]
    return _COLOURS.get(method) or _OTHERS[others.index(method) % len(_OTHERS)]


def _panels(parts: Mapping[str, PartFindings]) -> tuple[Figure, Sequence[Axes]]:
    columns = min(2, len(parts))
    lines = -(-len(parts) // columns)
    figure = Figure(figsize=(4.4 * columns + 0.4, 2.9 * lines + 0.5), layout="constrained")
    panels = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes in panels[len(parts) :]:
        axes.set_axis_off()
    return figure, panels


def _ground(axes: Axes) -> None:
    """The empty picture, y down."""
    axes.set_xlim(0, PAPER_SIZE[0])
    axes.set_ylim(PAPER_SIZE[1], 0)
    axes.set_aspect("equal")
    axes.set_facecolor("#F4F4F1")
    axes.set_xticks([])
    axes.set_yticks([])


def _distance_axes(axes: Axes, part: str) -> None:
    axes.set_title(part, fontsize=10, parse_math=False)
    axes.set_xlabel("landmark", fontsize=9)
    axes.set_ylabel("px at 256 x 192", fontsize=9)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _tidy(axes)


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#E5E5E5", linewidth=0.8)


def _legend(figure: Figure) -> None:
    """One legend below all panels, each name once."""
    named: dict[str, Artist] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    figure.legend(
        list(named.values()),
        list(named),
        loc="outside lower center",
        ncols=int(figure.get_figwidth() // 2),
        frameon=False,
        fontsize=9,
    )


def _picture(
    key: str,
    title: str,
    figure: Figure,
    columns: tuple[str, ...],
    rows: Sequence[tuple[Cell, ...]],
) -> Picture:
    FigureCanvasAgg(figure)
    drawn, stream = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=_DOTS_PER_INCH)
    # Few colours, so that the file is small.
    Image.open(drawn).convert("RGB").quantize(64).save(stream, "png")
    return Picture(key, title, stream.getvalue(), Table(key, title, columns, tuple(rows)))
