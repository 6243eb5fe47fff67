"""How uncertain the manual landmarks are, from the manual landmarks alone.

    python bench/manual_noise.py DATA

DATA is the folder described in `bench/README.md`. Nobody marked a specimen twice, so the noise of
the manual landmarks cannot be measured, only bounded. All figures are mean distances in px of the
photographs scaled to 256 x 192; noise is taken for Gaussian and independent between landmarks.
Habits that the annotator keeps for a series count as shape here: no figure holds them.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict, cross_val_score

from beetle_lm.predict.formats.tps import read_tps
from beetle_lm.predict.procrustes import mean_shape
from beetle_lm.zoo.model_file.parts import PARTS, PartSpec

Floats = NDArray[np.float64]
Points = NDArray[np.complex128]  # x + iy, (specimens, landmarks): a turn is then a product

SCALE = 3264 / 256
DISTANCE = np.sqrt(np.pi / 2)  # mean length of a 2-D Gaussian whose coordinates have deviation 1
CELL = (np.sqrt(2) + np.arcsinh(1)) / 6  # mean distance to the centre of a square of side 1
FOLDS = KFold(10, shuffle=True, random_state=0)


def read(path: Path, height: int) -> dict[int, Floats]:
    """By specimen number (n, 2) coordinates, y down."""
    specimens: dict[int, Floats] = {}
    for record in read_tps(path):
        number = int(re.findall(r"\d+", record.image or "")[-1])
        if number in specimens:
            raise SystemExit(f"{path}: specimen {number} is there twice: compare its landmarks")
        specimens[number] = record.points * (1, -1) + (0, height)
    return specimens


def superimpose(points: Points, target: Points, by: list[int] | slice = slice(None)) -> Points:
    """Moves, turns and scales each specimen so that its landmarks `by` fit those of `target`."""
    centred = points - points[:, by].mean(axis=1, keepdims=True)
    wanted = target - target[by].mean()
    turn = (centred[:, by].conj() * wanted[by]).sum(axis=1, keepdims=True)
    sizes = np.linalg.norm(centred[:, by], axis=1, keepdims=True)
    moved = centred * (turn / np.abs(turn)) * (np.linalg.norm(wanted[by]) / sizes)
    return np.asarray(moved + target[by].mean(), np.complex128)


def mean_points(points: Points) -> Points:
    """The mean shape, turned as the specimens lie and of their mean centroid size."""
    centred = points - points.mean(axis=1, keepdims=True)
    shape = mean_shape(np.stack([points.real, points.imag], axis=2))
    assert shape is not None
    mean = shape @ (1, 1j)
    turn = (mean.conj() * centred.mean(axis=0)).sum()
    return np.asarray(mean * turn / abs(turn) * np.linalg.norm(centred, axis=1).mean())


def shape_variation(points: Points) -> tuple[Floats, Floats]:
    """Shapes (specimens, 2n - 4), and the matrix that gives them from x1, y1, x2, y2, ..."""
    mean = mean_points(points)
    fitted = superimpose(points, mean)
    pose = np.stack([np.ones_like(mean), np.full_like(mean, 1j), mean, mean * 1j]).view(float)
    basis = np.linalg.svd(pose)[2][4:]
    return (fitted - mean).view(float) @ basis.T, basis


def equal_noise(shapes: Floats) -> float:
    """The noise if it is the same for all landmarks: what probabilistic PCA calls noise.

    As many components are biology as give specimens left out the greatest likelihood. Biology in
    the remaining ones counts as noise.
    """
    models = [PCA(count, svd_solver="full") for count in range(shapes.shape[1])]
    best = max(models, key=lambda model: cross_val_score(model, shapes, cv=FOLDS).mean())
    return float(DISTANCE * np.sqrt(best.fit(shapes).noise_variance_))


def largest_noise(shapes: Floats, basis: Floats) -> float:
    """The largest independent noise, free for each coordinate, that the covariance allows.

    Covariance = biology + noise, and biology has no negative variance in any direction: maximises
    the sum of the noise variances under that condition (the "greatest lower bound" of reliability
    in psychometrics; here with Newton steps and a logarithmic barrier).
    """
    covariance = np.cov(shapes.T)

    def rest(noise: Floats) -> Floats:
        return np.asarray(covariance - (basis * noise) @ basis.T)

    def allowed(noise: Floats) -> bool:
        return bool((noise > 0).all() and np.linalg.eigvalsh(rest(noise))[0] > 0)

    noise = np.full(basis.shape[1], np.linalg.eigvalsh(covariance)[0] / 2)
    barrier = np.trace(covariance) / len(noise)
    while barrier > 1e-6 * np.trace(covariance):
        for _ in range(30):
            inverse = basis.T @ np.linalg.solve(rest(noise), basis)
            slope = 1 / barrier - np.diag(inverse) + 1 / noise
            step = np.linalg.solve(inverse**2 + np.diag(1 / noise**2), slope)
            while not allowed(noise + step):
                step = step / 2
            noise = noise + 0.95 * step
            if abs(step @ slope) < 1e-6:
                break
        barrier /= 3
    return float(DISTANCE * np.sqrt(noise.mean()))


def asymmetry(points: Points, spec: PartSpec) -> float:
    """The noise if all asymmetry but the mean one were noise; holds tilt under the camera too."""
    order = list(spec.mirror_order or ())
    mean = mean_points(points)
    symmetric = (mean + superimpose(-mean[None, order].conj(), mean)[0]) / 2
    one, other = points, -points[:, order].conj()
    half = (superimpose(one, symmetric) - superimpose(other, symmetric)) / 2
    half -= half.mean(axis=0)
    free = len(spec) - 2  # as many directions of asymmetry as landmarks, less a shift and a turn
    return float(DISTANCE * np.sqrt((np.abs(half) ** 2).sum() / (len(points) - 1) / free))


def from_others(points: Points) -> Floats:
    """(n,) how far each landmark lies from where the others of specimens left out predict it.

    By ridge regression in the others' frame. Holds their noise and the landmark's own biology.
    """
    mean = mean_points(points)
    distances = []
    for index in range(len(mean)):
        others = [i for i in range(len(mean)) if i != index]
        fitted = superimpose(points, mean, others)
        known = np.ascontiguousarray(fitted[:, others]).view(float)
        wanted = np.ascontiguousarray(fitted[:, [index]]).view(float)
        found = cross_val_predict(RidgeCV(np.logspace(-2, 5, 15)), known, wanted, cv=FOLDS)
        distances.append(np.linalg.norm(found - wanted, axis=1).mean())
    return np.array(distances)


def screen_pixel(photograph: Floats) -> float:
    """The step of the grid that whole coordinates (specimens, n, 2) lie on, in their own px.

    Landmarks clicked on a reduced photograph can only have certain coordinates. Taken from the
    forty specimens in a row that show it best, as the screen's zoom changed within a series.
    Rounding to whole px weakens a frequency f to sinc(f), which tells f from its alias 1 - f.
    """
    frequencies = np.linspace(0.1, 0.5, 4001)
    best, strongest = 0.0, 0.0
    for begin in range(0, max(1, len(photograph) - 39), 40):
        values = photograph[begin : begin + 40].reshape(-1, 2)
        waves = np.exp(2j * np.pi * frequencies[:, None, None] * values).mean(axis=1)
        strength = np.sqrt((np.abs(waves) ** 2).mean(axis=1))
        if strength.max() > strongest:
            best, strongest = frequencies[strength.argmax()], strength.max()
    return float(1 / min((best, 1 - best), key=lambda f: abs(np.sinc(f) - strongest)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    folder = parser.parse_args().data / "carabids"
    print("| part | screen pixel | at least | equal | at most | asymmetry | others | landmarks |")
    print("|---|---|---|---|---|---|---|---|")
    manual = {name: read(folder / "manual" / f"{name}.tps", 2448) for name in PARTS}
    for name, spec in PARTS.items():
        photograph = np.array(list(manual[name].values()))
        points: Points = photograph / SCALE @ np.array((1, 1j))
        shapes, basis = shape_variation(points)
        step, others = screen_pixel(photograph) / SCALE, from_others(points)
        sides = f"{asymmetry(points, spec):.2f}" if spec.mirror_pairs else ""
        worst = ", ".join(str(index + 1) for index in np.argsort(-others)[:3])
        print(
            f"| {name} | {step:.2f} | {step * CELL:.2f} | {equal_noise(shapes):.2f} |"
            f" {largest_noise(shapes, basis):.2f} | {sides} | {others.mean():.2f} |"
            f" {others.min():.2f} to {others.max():.2f}, worst {worst} |"
        )
    print("\n| part | cut to whole px | costs | paper's error | with the uncut landmarks |")
    print("|---|---|---|---|---|")
    for name, exact in manual.items():
        tables = str(folder / "paper_tables" / f"{name}-{{}}-256x192.tps")
        stored, theirs = (read(Path(tables.format(kind)), 192) for kind in ("manual", "finetuned"))
        cut, found = np.array(list(stored.values())), np.array([theirs[n] for n in stored])
        whole = np.array([exact[n] for n in stored]) / SCALE
        lengths = [whole - cut - 0.5, found - cut, found - whole + 0.5]
        costs, before, after = np.linalg.norm(lengths, axis=3).mean(axis=(1, 2))
        share = f"{(np.floor(whole) == cut).mean():.0%}"
        print(f"| {name} | {share} | {costs:.2f} | {before:.3f} | {after:.3f} |")


if __name__ == "__main__":
    main()
