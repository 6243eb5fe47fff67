"""The plots of an evaluation, as matplotlib figures; no window is opened."""

from __future__ import annotations

import logging

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes

from beetle_lm.errors import ImageError
from beetle_lm.predict.drawing.figure import Plot
from beetle_lm.predict.drawing.labels import label_places
from beetle_lm.predict.evaluation.metrics import Evaluation
from beetle_lm.predict.evaluation.table import UNIT_NAMES
from beetle_lm.predict.formats.sizes import PhotographOf
from beetle_lm.predict.images.read import File, Read, read_image
from beetle_lm.predict.landmarks import Floats
from beetle_lm.text import counted, printable

# Okabe and Ito's colours, which the colour-blind tell apart.
_BLUE, _ORANGE, _GREY = "#0072B2", "#E69F00", "#595959"
_MANUAL = "#FF5ADC"  # manual landmarks are crosses of this colour on overlays too
_WIDEST = 250.0  # inches; Agg draws 65536 pixels at most
_SHOWN_SIZE = (1200, 1200)
_MARGIN = 0.15
_OUTLINE = [patheffects.withStroke(linewidth=2.5, foreground="white")]


def distances(evaluation: Evaluation) -> Plot:
    """Box plot of the distances of each landmark."""
    spec, unit = evaluation.spec, evaluation.unit
    columns = [column[~np.isnan(column)] for column in evaluation.distances(unit).T]
    numbers = tuple(str(number) for number in range(1, len(spec) + 1))
    named = spec.landmark_names != numbers
    size = (min(max(4.5, 1.5 + 0.42 * len(spec)), _WIDEST), 5.4 if named else 4.2)
    figure = Plot(figsize=size, layout="constrained")
    axes = figure.subplots()
    drawn = axes.boxplot(
        columns,
        widths=0.6,
        showmeans=True,
        patch_artist=True,
        boxprops={"facecolor": "#CFE3F1", "edgecolor": _GREY},
        medianprops={"color": _BLUE, "linewidth": 2},
        meanprops={
            "marker": "D",
            "markersize": 4.5,
            "markerfacecolor": _ORANGE,
            "markeredgecolor": _GREY,
        },
        whiskerprops={"color": _GREY},
        capprops={"color": _GREY},
        flierprops={
            "marker": ".",
            "markersize": 3,
            "markerfacecolor": _GREY,
            "markeredgecolor": "none",
        },
    )
    axes.set_xticks(range(1, len(spec) + 1), numbers)
    if named:
        labels = [f"{name}  {n}" for n, name in zip(numbers, spec.landmark_names, strict=True)]
        axes.set_xticks(range(1, len(spec) + 1), labels, rotation=50, parse_math=False)
        for text in axes.get_xticklabels():
            text.set(horizontalalignment="right", rotation_mode="anchor")
    limit = _limit(evaluation.distances(unit))
    for line in drawn["fliers"]:
        x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        line.set_data(x[y <= limit], y[y <= limit])
    for position, column in enumerate(columns, start=1):
        if beyond := int((column > limit).sum()):
            axes.plot(position, limit * 1.04, "^", markersize=4, color=_GREY)
            axes.annotate(
                str(beyond), (position, limit * 1.06), ha="center", va="bottom", fontsize=8
            )
    axes.set_ylim(0, limit * (1.12 if _has_beyond(evaluation, limit) else 1.05))
    axes.set_xlabel("landmark")
    axes.set_ylabel(f"distance ({UNIT_NAMES[unit]})")
    axes.plot([], [], color=_BLUE, linewidth=2, label="median")
    axes.plot([], [], "D", markersize=4.5, color=_ORANGE, markeredgecolor=_GREY, label="mean")
    _tidy(axes)
    if _has_beyond(evaluation, limit):
        axes.plot([], [], "^", markersize=4, color=_GREY, label="beyond, number")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False)
    return figure


def cumulative(evaluation: Evaluation) -> Plot:
    """The share of the landmarks, and of the specimens by their mean, within a distance."""
    unit = evaluation.unit
    figure = Plot(figsize=(5.2, 4.0), layout="constrained")
    axes = figure.subplots()
    every, means = evaluation.distances(unit), evaluation.specimen_means(unit)
    for values, colour, width, label in (
        (every, _BLUE, 2.0, "single landmarks"),
        (means, _ORANGE, 2.0, "specimens, by the mean of their landmarks"),
    ):
        known = np.sort(values[~np.isnan(values)])
        share = 100.0 * np.arange(1, len(known) + 1) / len(known)
        axes.step([0, *known], [0, *share], where="post", color=colour, lw=width, label=label)
    spread = evaluation.overall(unit)
    for level, value in ((50, spread.median), (95, spread.p95)):
        axes.plot([0, value, value], [level, level, 0], color=_GREY, lw=0.8, ls=(0, (4, 3)))
        axes.annotate(
            f"{value:.3g}", (value, 0), (3, 3), textcoords="offset points", color=_GREY, fontsize=9
        )
    limit = _limit(every)
    axes.set_xlim(0, limit * 1.02)
    if _has_beyond(evaluation, limit):
        beyond = every[every > limit]
        lie = counted(len(beyond), "distance lies", "distances lie")
        axes.set_title(
            f"{lie} beyond, up to {beyond.max():.3g}",
            loc="right",
            fontsize=9,
            color=_GREY,
        )
    axes.set_ylim(0, 101)
    axes.set_xlabel(f"distance to the manual landmark ({UNIT_NAMES[unit]})")
    axes.set_ylabel("share within the distance (%)")
    _tidy(axes)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2, frameon=False, fontsize=9)
    return figure


def specimens(evaluation: Evaluation, photograph_of: PhotographOf, read: Read = read_image) -> Plot:
    """Predicted over manual landmarks on the worst, the median and the best specimen.

    Args:
        evaluation: what to draw.
        photograph_of: finds the photograph of an image name; None leaves the background blank.
        read: reads the photographs.
    """
    by_rank = {rank: index for index, rank in enumerate(evaluation.ranks) if rank is not None}
    chosen = {"worst": 1, "median": len(by_rank) // 2 + 1, "best": len(by_rank)}
    figure = Plot(figsize=(11.0, 4.8), layout="constrained")
    means, unit = evaluation.specimen_means(evaluation.unit), UNIT_NAMES[evaluation.unit]
    for axes, (title, rank) in zip(figure.subplots(1, 3), chosen.items(), strict=True):
        index = by_rank[rank]
        name = evaluation.images[index]
        _draw_specimen(axes, evaluation.predicted[index], evaluation.manual[index])
        _draw_photograph(axes, name, photograph_of(name), read)
        axes.set_title(
            f"{title}: {printable(name)}\nmean distance {means[index]:.3g} {unit}",
            fontsize=10,
            parse_math=False,
        )
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _draw_specimen(axes: Axes, predicted: Floats, manual: Floats) -> None:
    for number, (one, other) in enumerate(zip(predicted, manual, strict=True), start=1):
        label = "distance" if number == 1 else None
        ends = zip(one, other, strict=True)
        axes.plot(*ends, color="black", lw=1.0, zorder=3, label=label, path_effects=_OUTLINE)
    axes.plot(
        *predicted.T,
        "o",
        markersize=8,
        markerfacecolor="none",
        markeredgecolor=_BLUE,
        markeredgewidth=1.6,
        path_effects=_OUTLINE,
        zorder=4,
        label="predicted",
    )
    axes.plot(
        *manual.T,
        "x",
        markersize=5,
        markeredgecolor=_MANUAL,
        markeredgewidth=1.6,
        path_effects=_OUTLINE,
        zorder=5,
        label="manual",
    )
    both = np.concatenate([predicted, manual])
    low, high = np.nanmin(both, axis=0), np.nanmax(both, axis=0)
    centre = (low + high) / 2
    half = max(float((high - low).max()) * (0.5 + _MARGIN), 1.0)
    points = np.where(np.isnan(manual), predicted, manual)
    places = label_places(points, 0.1 * half, centre - 0.95 * half, centre + 0.95 * half)
    for number, place in enumerate(places, start=1):
        if not np.isnan(place).any():
            axes.annotate(
                str(number),
                (float(place[0]), float(place[1])),
                ha="center",
                va="center",
                fontsize=8,
                path_effects=_OUTLINE,
                zorder=6,
            )
    axes.set_xlim(centre[0] - half, centre[0] + half)
    axes.set_ylim(centre[1] + half, centre[1] - half)  # y points down
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])


def _draw_photograph(axes: Axes, name: str, file: File | None, read: Read) -> None:
    if file is None:
        return
    try:
        picture = read(file, 3, _SHOWN_SIZE)
    except ImageError as error:
        logging.getLogger("beetle_lm").warning(
            "%s is drawn without its photograph: %s", name, error
        )
        return
    frame, limits = picture.frame, (axes.get_xlim(), axes.get_ylim())
    axes.imshow(picture.pixels, extent=(frame.left, frame.right, frame.bottom, frame.top), zorder=1)
    axes.set_xlim(limits[0])
    axes.set_ylim(limits[1])


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#E5E5E5", linewidth=0.8)
    axes.set_axisbelow(True)


def _limit(values: Floats) -> float:
    """Where an axis of distances ends: a few gross ones must not squeeze the others together."""
    known = values[~np.isnan(values)]
    largest, usual = float(known.max()), 1.6 * float(np.percentile(known, 99))
    return max(min(largest, usual) if largest > 1.5 * usual else largest, 1e-9)


def _has_beyond(evaluation: Evaluation, limit: float) -> bool:
    return bool((evaluation.distances(evaluation.unit) > limit).any())
