"""Part models that know other genera: the paper's photographs and parts cut out of whole beetles.

    python bench/whole_beetles_parts.py DATA carabid.tps -o runs/parts [--parts pronotum,elytra]

DATA is described in `bench/README.md`, `carabid.tps` comes from `bench/whole_beetle_landmarks.py`.
What `bench/carabids.py` puts together for a part is joined by the same part of every whole beetle
that is no test photograph, turned upright and cut out as the finder does. Its landmarks follow from
the masks, as far as masks tell of them; all others are missing there.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import carabids
import cv2
import numpy as np
from accuracy import is_left_out, run, specimen_number
from numpy.typing import NDArray
from whole_beetle_landmarks import (
    ELYTRA,
    HEAD,
    PRONOTUM,
    Parts,
    eight,
    long_axis,
    middle,
    outline,
    read_parts,
)
from whole_beetles_pictures import number_of, similarity

from beetle_lm.files import write_json
from beetle_lm.predict.formats.tps import TpsRecord, read_tps, write_tps
from beetle_lm.predict.predictor import Predictor
from beetle_lm.predict.procrustes import mean_shape
from beetle_lm.train.engine.checkpoint import WEIGHTS, load_checkpoint, save_checkpoint
from beetle_lm.train.finetune import open_source
from beetle_lm.zoo.model_file.onnx import read_card

Floats = NDArray[np.float64]

SOURCE = (
    f"{carabids.SOURCE}; and the part on photographs of whole ground beetles of many genera"
    " (Imageomics/BeetleFlow, NEON specimens, CC BY 4.0, doi 10.57967/hf/8716), with landmarks"
    " computed from hand-drawn masks, no photograph whose number ends in 0 or 5"
)
RIGHT = 0.04  # of the height of a part's picture
CROP = (512, 384)  # width and height of the pictures that are cut out
# How often each photograph of the paper's beetles is taken: the others would outweigh them.
carabids.TIMES |= {"pronotum": 4, "elytra": 6, "head": 5}
CURVED = 0.8  # radians of turn within a window: less is no corner


WINDOWS: dict[str, dict[int, tuple[float, float]]] = {
    "pronotum": {8: (0.0, -0.26), 12: (0.0, 0.34)},
    "elytra": {16: (0.0, -0.355), 20: (0.0, 0.395)},
    "head": {2: (0.29, 0.14), 6: (-0.29, 0.14), 8: (0.0, 0.34)},
}
"""Where landmarks of the whole beetle (from 0) lie in the picture that is cut out around a part.

From the picture's middle, in heights of it, x to the right and y down: as they lie in the paper's
photographs, but in the middle.
"""


def window_map(part: str, xy: Floats) -> Floats:
    """The (2, 3) map from a photograph to the picture of a part, by the beetle's landmarks."""
    numbers = list(WINDOWS[part])
    goal = np.array([WINDOWS[part][n] for n in numbers]) * CROP[1] + np.array(CROP) / 2
    return similarity(xy[numbers], goal)


def corner(line: Floats, near: Floats, within: float, reach: float) -> Floats:
    """The outline's sharpest corner near a point; missing where the outline is round there.

    Args:
        line: (M, 2) the closed outline.
        near: (2,) about where.
        within: how far from there at most.
        reach: length of the two arms whose angle is measured.
    """
    steps = np.linalg.norm(np.diff(line, axis=0, append=line[:1]), axis=1)
    arm = max(2, round(reach / float(steps.mean())))
    smooth = line
    before, after = np.roll(smooth, arm, axis=0) - smooth, np.roll(smooth, -arm, axis=0) - smooth
    cosine = (before * after).sum(axis=1) / (
        np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    ).clip(1e-9)
    turned = math.pi - np.arccos(cosine.clip(-1, 1))
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    convex = np.sign(cross) == np.sign(np.median(cross[np.abs(cross) > 1e-9]))
    distance = np.linalg.norm(line - near, axis=1)
    score = np.where((distance < within) & convex, turned - 0.5 * distance / within, -9.0)
    best = int(score.argmax())
    if turned[best] < CURVED or score[best] < -8:
        return np.full(2, np.nan)
    weight = np.exp(-0.5 * (np.linalg.norm(line - line[best], axis=1) / (0.3 * reach)) ** 2)
    weight *= turned**2
    return np.asarray((weight[:, None] * line).sum(axis=0) / weight.sum())


def pronotum_points(parts: Parts) -> Floats:
    """The middles of both edges and the corners.

    The ends of the front edge are missing: where masks of head and pronotum part is not where the
    paper's authors see them, and learning both made the paper's own beetles worse.
    """
    head, pronotum, elytra = parts.masks
    forward = middle(head) - middle(elytra)
    forward /= np.linalg.norm(forward)
    right = np.array([-forward[1], forward[0]])
    line = outline(pronotum)
    points = eight(pronotum, forward)
    width = float(np.ptp(line @ right))
    found = np.full((8, 2), np.nan)
    found[0], found[4] = points[0], points[4]
    for index, near in ((2, 1), (3, 3), (5, 5), (6, 7)):
        found[index] = corner(line, points[near], 0.13 * width, 0.10 * width)
    return found


def elytra_points(parts: Parts) -> Floats:
    head, _, elytra = parts.masks
    forward = long_axis(elytra, middle(head) - middle(elytra))
    right = np.array([-forward[1], forward[0]])
    line, points = outline(elytra), eight(elytra, forward)
    width, length = np.ptp(line @ right), np.ptp(line @ forward)
    found = np.full((11, 2), np.nan)
    found[4] = corner(line, points[1], 0.15 * width, 0.12 * width)
    found[9] = corner(line, points[7], 0.15 * width, 0.12 * width)
    beside = (line - points[4]) @ right
    for index, side in ((6, 1.0), (7, -1.0)):
        half = line[(beside * side > 0.015 * length) & (beside * side < 0.35 * width)]
        if len(half):
            reach = half @ -forward
            weight = np.exp((reach - reach.max()) / (0.004 * length))
            found[index] = (weight[:, None] * half).sum(axis=0) / weight.sum()
    return found


def head_points(data: Path, name: str, parts: Parts) -> Floats:
    found = np.full((10, 2), np.nan)
    path = data / "masks9" / f"{name}.png"
    if not path.exists():
        return found
    head, _, elytra = parts.masks
    forward = middle(head) - middle(elytra)
    forward /= np.linalg.norm(forward)
    right = np.array([-forward[1], forward[0]])
    drawn = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert drawn is not None
    count, labels, stats, _ = cv2.connectedComponentsWithStats((drawn == 2).astype(np.uint8))
    centre = middle(head)
    for label in range(1, count):
        if stats[label, cv2.CC_STAT_AREA] < 25 or min(stats[label, 2:4]) < 4:
            continue
        line = outline(labels == label)
        place = middle(labels == label)
        side = float((place - centre) @ right)
        lengthwise, inwards = line @ forward, -np.sign(side) * (line @ right)
        low, long = lengthwise.min(), np.ptp(lengthwise)
        band = np.abs(lengthwise - low - 0.25 * long) < 0.12 * long
        if band.any():
            inner = line[band][inwards[band].argmax()]
            found[0 if side > 0 else 1] = inner
    return found


NUMBERS = {"head": HEAD, "pronotum": PRONOTUM, "elytra": ELYTRA}


def cut_out(data: Path, whole: Path, part: str, folder: Path, ends: set[int]) -> list[TpsRecord]:
    """Writes the part of every whole beetle whose number ends so; returns its landmarks."""
    folder.mkdir(parents=True, exist_ok=True)
    source, records = data / "beetleflow", []
    for record in read_tps(whole):
        name = record.image or ""
        if number_of(name) % 5 not in ends:
            continue
        image = cv2.imread(str(source / "images" / name))
        assert image is not None
        xy = record.in_image(image.shape[0]).copy()
        if np.isnan(xy[list(WINDOWS[part])]).any():
            continue
        parts = read_parts(source, Path(name).stem)
        if part == "pronotum":
            points = pronotum_points(parts)
        elif part == "elytra":
            points = elytra_points(parts)
            if np.isnan(xy[20, 0]):
                points[6:8] = np.nan
        else:
            points = head_points(source, Path(name).stem, parts)
        if np.isfinite(points[:, 0]).sum() < 2:
            continue
        matrix = window_map(part, xy)
        moved = matrix.copy()
        moved[:, 2] += moved[:, :2] @ np.array([0.5, 0.5]) - 0.5
        shrink = math.sqrt(abs(np.linalg.det(matrix[:, :2])))
        if shrink < 0.7:
            image = cv2.GaussianBlur(image, (0, 0), 0.4 / shrink)
        picture = cv2.warpAffine(
            image, moved, CROP, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        points = points @ matrix[:, :2].T + matrix[:, 2]
        points[((points < 0) | (points > np.array(CROP))).any(axis=1)] = np.nan
        file = f"{Path(name).stem}-{part}.png"
        cv2.imwrite(str(folder / file), picture)
        points[:, 1] = CROP[1] - points[:, 1]
        records.append(TpsRecord(points=points, image=file))
    return records


def completed(records: list[TpsRecord], known: Floats) -> list[TpsRecord]:
    """Shapes whose missing landmarks follow from the mean shape, laid on by an affine map.

    Args:
        records: shapes, some landmarks missing.
        known: (N, K, 2) shapes of specimens with all landmarks.
    """
    mean = mean_shape(known)
    assert mean is not None
    result = []
    for number, record in enumerate(records):
        points = record.points
        there = np.isfinite(points[:, 0])
        if there.sum() < 4:
            continue
        columns = np.concatenate((mean, np.ones((len(mean), 1))), axis=1)
        columns[:, 1] *= -1  # y up
        map_, *_ = np.linalg.lstsq(columns[there], points[there], rcond=None)
        whole = np.where(there[:, None], points, columns @ map_)
        result.append(TpsRecord(points=whole, image=f"whole_{number}.jpg"))
    return result


def more(data: Path, part: str, folder: Path) -> list[TpsRecord]:
    """Further photographs of the paper's beetles that are neither test nor kept aside."""
    source = data / "carabids_more"
    if not (source / f"{part}.tps").exists():
        return []
    folder.mkdir()
    records = []
    for record in read_tps(source / f"{part}.tps"):
        if not is_left_out(specimen_number(record.image or "")):
            shutil.copy(source / "images" / (record.image or ""), folder)
            records.append(record)
    return records


def compose(data: Path, whole: Path, part: str, out: Path, widen: bool, kept: set[int]) -> None:
    carabids.compose(data, part, out)
    records = read_tps(out / "landmarks.tps")
    added = cut_out(data, whole, part, out / "images" / "whole", set(range(5)) - kept)
    records += more(data, part, out / "images" / "more")
    write_tps(out / "landmarks.tps", [*records, *added])
    if widen:
        shapes = read_tps(out / "shapes.tps")
        known = np.stack([r.points for r in shapes if np.isfinite(r.points).all()])
        known[..., 1] *= -1
        write_tps(out / "shapes.tps", [*shapes, *completed(added, known)])
    print(f"{part}: {len(records)} pictures of the paper's beetles, {len(added)} of others")


def judge(data: Path, whole: Path, part: str, out: Path, fold: int) -> None:
    """Learns from the fold kept aside beyond which expected errors others are flagged.

    Those of the training are too small: of photographs that it has seen a network is more certain.
    The limits lie above what 9 of 10 beetles have on which the model is right. They stay as they
    are where masks tell of less than half of the landmarks: what a network says of the others on
    beetles of other genera deserves its flag.
    """
    folder = out / "aside"
    manual = {r.image: r for r in cut_out(data, whole, part, folder, {fold % 5})}
    points = np.stack([record.points for record in manual.values()])
    told = np.asarray(np.isfinite(points[..., 0]).any(axis=0))
    if told.mean() < 0.5:
        print(f"{part}: masks tell of {told.sum()} of {len(told)} landmarks; limits as trained")
        return
    card = read_card(out / f"{part}.onnx")
    errors: list[tuple[float, float]] = []
    for result in Predictor.load(out / f"{part}.onnx", "cpu", 1).predict(folder):
        assert result.landmarks is not None and result.landmarks.expected_error is not None
        true = manual[Path(result.name).name].in_image(CROP[1])
        off = np.nanmean(np.linalg.norm(result.landmarks.xy - true, axis=1)) / CROP[1]
        if off < RIGHT:
            expected = result.landmarks.expected_error * card.input_height / CROP[1]
            errors.append((float(expected.mean()), float(expected.max())))
    mean, most = (float(limit) for limit in np.percentile(np.array(errors), 90, axis=0))
    checkpoint = load_checkpoint(out / "run")
    assert checkpoint.assessment is not None
    limits = read_card(out / "run" / f"{part}.onnx").limits  # as the training found them
    limits = replace(
        limits,
        mean_error=round(max(limits.mean_error, mean), 3),
        landmark_error=round(max(limits.landmark_error, most, mean), 3),
    )
    assessment = replace(checkpoint.assessment, limits=limits)
    save_checkpoint(out / "run" / WEIGHTS, replace(checkpoint, assessment=assessment))
    print(f"{part}: right on {len(errors)} of {len(manual)} beetles kept aside; limits {limits}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("whole", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/whole-beetle-parts"))
    parser.add_argument("--parts", default="pronotum,elytra,head")
    parser.add_argument("--compose-only", action="store_true")
    parser.add_argument("--no-widen", action="store_true")
    parser.add_argument(
        "--fold", type=int, default=0, help="keeps photographs of this digit aside too"
    )
    parser.add_argument("--init", default="zoo:{part}", help="what the training starts from")
    parser.add_argument(
        "--mix", type=float, default=1.0, help="share of the new weights, beside those of --init"
    )
    options, further = parser.parse_known_args()
    for part in options.parts.split(","):
        out = options.output / part
        compose(options.data, options.whole, part, out, not options.no_widen, {0, options.fold % 5})
        if options.compose_only:
            continue
        run(
            "train", out / "images", out / "landmarks.tps", "--part", part, "--test",
            out / "test.txt", "--shapes", out / "shapes.tps", "--val-share", 0, "--turn", 15,
            "-o", out / "run", "--init", options.init.format(part=part),
            *(word for word in further if word != "--"),
        )  # fmt: skip
        if options.mix < 1:
            mix(out, options.init.format(part=part), options.mix)
        export(part, out)
        judge(options.data, options.whole, part, out, options.fold)
        export(part, out)
        carabids.measure(options.data, part, out)
        if options.mix < 1:
            note_test(out)
            export(part, out)


def mix(out: Path, source: str, share: float) -> None:
    """Mixes the trained weights with those that the training began with.

    What lies between the two keeps most of what each knows (Wortsman et al., Robust fine-tuning of
    zero-shot models, 2022).
    """
    checkpoint, former = load_checkpoint(out / "run"), open_source(source).tensors
    tensors = {
        name: new * share + former[name].to(new.dtype) * (1 - share)
        if new.is_floating_point()
        else new
        for name, new in checkpoint.tensors.items()
    }
    save_checkpoint(out / "run" / WEIGHTS, replace(checkpoint, tensors=tensors))


def note_test(out: Path) -> None:
    """Puts what the exported model's test gave in place of what the training's test had given."""
    told = json.loads((out / "test-evaluation" / "summary.json").read_text(encoding="utf-8"))
    path = out / "run" / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    metrics["test"]["mean_px_256x192"] = told["distance"]["px_256x192"]["mean"]
    write_json(path, metrics)


def export(part: str, out: Path) -> None:
    run(
        "export", out / "run", "-o", out / f"{part}.onnx", "--fp16", "--model-version", "5.0",
        "--licence", "Apache-2.0", "--provenance", SOURCE, "--overwrite",
    )  # fmt: skip


if __name__ == "__main__":
    main()
