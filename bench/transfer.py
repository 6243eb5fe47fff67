"""How accurate are landmarks from one annotated photograph, and are wrong pictures refused?

    python bench/transfer.py DATA [--parts left-mandible,right-mandible] [--sample N]

DATA is described in `bench/README.md`. Each photograph of a mandible is the template of all others
of its side, and so is each set of three; with --sample, each photograph has N templates by chance,
for a quicker look. Errors are distances from the manual landmarks in pixels of a photograph that is
3264 wide. Parameters were chosen on photographs of specimens whose number
does not end in 0 or 5; pairs of which both photographs are of the others, and of which the template
is of the former and the photograph of the latter, are told apart.

Refused: the same photographs upside down and turned by 90 degrees should not be; all public
photographs of the other parts, halves of mandibles and blank paper should be.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from pathlib import Path

import cv2
import numpy as np
from accuracy import specimen_number
from numpy.typing import NDArray

from beetle_lm.errors import SpecimenError
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.images.read import Picture, find_images, read_image
from beetle_lm.predict.procrustes import least_squares_map
from beetle_lm.predict.templates.annotated import Templates
from beetle_lm.predict.templates.contour import apply
from beetle_lm.predict.templates.place import LEAST_LIKENESS, Transfer, combined
from beetle_lm.predict.templates.registration import Fit
from beetle_lm.predict.templates.segmentation import SIDE, Specimen, find_specimen

WIDTH = 3264
PARTS = ("right-mandible", "left-mandible", "head", "pronotum", "elytra")
BLANKS = 10
Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Photograph:
    """A photograph with its manual landmarks, its specimen, and itself as a template."""

    path: Path
    picture: Picture
    xy: Points
    specimen: Specimen
    template: Templates

    @property
    def is_test(self) -> bool:
        return specimen_number(self.path.name) % 5 == 0


Photographs = Sequence[Photograph]


def photographs(folder: Path) -> list[Photograph]:
    images, file = folder / "images", folder / "landmarks.tps"
    found = []
    for one in read_records(file):
        path = images / one.name
        picture = read_image(path, 3, at_least=(SIDE, SIDE))
        template = Templates.read([path], file)
        found.append(
            Photograph(
                path, picture, one.in_image(picture.size[1]), find_specimen(picture), template
            )
        )
    return found


def errors(fits: Sequence[Fit], photograph: Photograph) -> Points:
    """(n,) distances in pixels of a photograph that is `WIDTH` wide."""
    placement = photograph.specimen.placement
    off = placement.to_image(combined(fits)[0]) - photograph.xy
    return np.asarray(np.hypot(*off.T) * WIDTH / photograph.picture.size[0])


def row(name: str, found: Sequence[Points]) -> str:
    if not found:
        return f"| {name} | 0 | | | |"
    means = np.array([one.mean() for one in found])
    figures = (means.mean(), np.median(means), np.percentile(means, 95))
    return f"| {name} | {len(found)} | " + " | ".join(f"{figure:.1f}" for figure in figures) + " |"


def templates_of(series: Sequence[Photograph], sample: int | None) -> dict[Photograph, Photographs]:
    """The photographs that are templates of each: all others, or a few by chance."""
    generator = random.Random(0)
    chosen: dict[Photograph, Photographs] = {}
    for target in series:
        others = [one for one in series if one is not target]
        chosen[target] = others if sample is None else generator.sample(others, sample)
    return chosen


def accuracy(part: str, series: Photographs, sample: int | None) -> Iterator[str]:
    fits, begun = {}, time.process_time()
    chosen = templates_of(series, sample)
    for target, sources in chosen.items():
        for source in sources:
            [template] = source.template.fitted
            fits[source, target] = template.fit(target.specimen)
    seconds = (time.process_time() - begun) / len(fits)
    known = [one for one in series if not one.is_test]
    yield f"## {part}"
    yield ""
    yield f"{len(series)} photographs, {seconds:.1f} s of one core for a template and a photograph."
    yield ""
    yield "| templates, photographs | fits | mean | median | 95 % below |"
    yield "|---|---:|---:|---:|---:|"
    for count in (1, 3):
        kinds: dict[str, list[Points]] = {"all": [], "chosen on": [], "test photographs": []}
        for target in series:
            for sources in combinations(chosen[target], count):
                found = errors([fits[source, target] for source in sources], target)
                kinds["all"].append(found)
                if all(source in known for source in sources):
                    kinds["test photographs" if target.is_test else "chosen on"].append(found)
        for kind, found_ in kinds.items():
            yield row(f"{count}, {kind}", found_)
        if count == 1:
            single = np.mean(kinds["all"], axis=0)
    refused = [fit.overall for fit in fits.values() if fit.overall < LEAST_LIKENESS]
    yield ""
    yield f"Refused by mistake: {len(refused)} of {len(fits)}; least likeness" + (
        f" {min(fit.overall for fit in fits.values()):.2f}."
    )
    worst = sorted(fits, key=lambda pair: -errors([fits[pair]], pair[1]).mean())[:3]
    yield "Worst pairs: " + ", ".join(
        f"{source.path.stem} on {target.path.stem}"
        f" ({errors([fits[source, target]], target).mean():.0f} px,"
        f" likeness {fits[source, target].overall:.2f})"
        for source, target in worst
    )
    yield f"Best affine map of the manual landmarks, every pair: {affine_error(series):.1f} px."
    yield "By landmark: " + ", ".join(f"{n}: {mean:.0f}" for n, mean in enumerate(single, start=1))
    by_fit = [(1 - fit.likeness, errors([fit], pair[1])) for pair, fit in fits.items()]
    unlike, off = (np.concatenate(values) for values in zip(*by_fit, strict=True))
    correlation = np.corrcoef(unlike, off)[0, 1]
    yield f"Correlation of a landmark's likeness with its error: {-correlation:.2f}"
    yield ""


def affine_error(series: Photographs) -> float:
    """Mean distance that the best affine map of one's manual landmarks leaves to another's."""
    off = []
    for source, target in permutations(series, 2):
        moved = apply(least_squares_map(source.xy, target.xy, kind="affine"), source.xy)
        off.append(np.hypot(*(moved - target.xy).T) * WIDTH / target.picture.size[0])
    return float(np.mean(off))


def refusals(data: Path, part: str, series: Photographs, every: int) -> Iterator[str]:
    transfer = Transfer(series[0].template)
    yield f"Template {series[0].path.name} of the {part}:"
    yield ""
    yield "| pictures | number | refused | mean error of the rest |"
    yield "|---|---:|---:|---:|"
    for name, quarters in (("turned by 90 degrees", 1), ("upside down", 2)):
        off, refused = [], 0
        for one in series[1::every]:
            whole = read_image(one.path, 3).pixels
            turned = np.ascontiguousarray(np.rot90(whole, quarters))
            [result] = transfer.predict([turned])
            if result.landmarks is None:
                refused += 1
                continue
            back = turned_back(result.landmarks.xy, quarters, whole.shape[1], whole.shape[0])
            off.append(np.hypot(*(back - one.xy).T) * WIDTH / whole.shape[1])
        yield f"| {name} | {len(series[1::every])} | {refused} | {np.mean(off):.1f} px |"
    wrong = {
        f"photographs: {other}": [
            image.path for image in find_images([str(data / other / "images")])
        ]
        for other in PARTS
        if other != part
    }
    for name, paths in wrong.items():
        failed = [result.landmarks is None for result in transfer.predict(paths)]
        yield f"| {name} | {len(failed)} | {sum(failed)} | |"
    halves = [halved(one) for one in series[1::every]]
    papers = [paper(number) for number in range(BLANKS)]
    for name, pictures in (("lower half cut off", halves), ("blank paper", papers)):
        failed = [result.landmarks is None for result in transfer.predict(pictures)]
        yield f"| {name} | {len(failed)} | {sum(failed)} | |"
    yield ""
    yield "Reasons: " + "; ".join(
        f"{reason} ({count})" for reason, count in reasons(transfer, wrong).most_common(6)
    )
    yield ""


def turned_back(xy: Points, quarters: int, width: int, height: int) -> Points:
    """Points of a picture turned anticlockwise, in the one it was (width x height)."""
    x, y = xy.T
    if quarters == 1:
        return np.stack((width - y, x), axis=1)
    return np.stack((width - x, height - y), axis=1)


def halved(one: Photograph) -> NDArray[np.uint8]:
    pixels = one.picture.pixels
    middle = one.xy[:, 1].mean() / one.picture.size[1]
    return np.ascontiguousarray(pixels[: round(middle * len(pixels))])


def paper(number: int) -> NDArray[np.uint8]:
    generator = np.random.default_rng(number)
    grain = cv2.GaussianBlur(generator.normal(0, 1, (768, 1024)), (0, 0), 1 + number % 4)
    shade = np.linspace(150, 220, 1024) if number % 2 else np.full(1024, 200.0)
    return np.asarray(np.clip(shade + 4 * grain / grain.std(), 0, 255), np.uint8)


def reasons(transfer: Transfer, wrong: dict[str, list[Path]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for paths in wrong.values():
        for path in paths:
            try:
                find_specimen(read_image(path, 3, at_least=(SIDE, SIDE)))
            except SpecimenError as error:
                found[str(error)] += 1
            else:
                found["a specimen stands out"] += 1
    return found


def told(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        print(line, flush=True)
        yield line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--parts", default="left-mandible,right-mandible")
    parser.add_argument("--sample", type=int, metavar="N", help="templates of each photograph")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    data = options.data / "carabids" if (options.data / "carabids").is_dir() else options.data
    lines: list[str] = []
    all_ = {part: photographs(data / part) for part in options.parts.split(",")}
    for part, series in all_.items():
        lines += told(accuracy(part, series, options.sample))
    for part, series in all_.items():
        lines += told(refusals(data, part, series, 1 if options.sample is None else 4))
    if options.output is not None:
        options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
