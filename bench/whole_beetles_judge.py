"""Calibrates a trained model of whole beetles, learns what to flag, and exports it.

    python bench/whole_beetles_judge.py DATA carabid.tps RUN -o carabid.onnx \\
        [--measured RUN1 --fold 1]

RUN1 is a run of `bench/whole_beetles_train.py` that kept a fold aside: the expected errors of the
second pass are calibrated on that fold, with its network, and serve for RUN, which may have been
trained on all photographs. By default RUN1 is RUN.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from pathlib import Path

import cv2
import numpy as np
import torch
from whole_beetles_parts import WINDOWS
from whole_beetles_pictures import (
    SIDE,
    apply,
    inverse,
    number_of,
    read_beetles,
    similarity,
    upright_goal,
    warped,
)
from whole_beetles_train import located, measure, whole_map

from beetle_lm.export.parity import check_parity
from beetle_lm.export.to_onnx import make_card, to_onnx
from beetle_lm.train.engine.assessment import assess
from beetle_lm.train.engine.calibration import Calibration
from beetle_lm.train.engine.checkpoint import WEIGHTS, load_checkpoint, save_checkpoint
from beetle_lm.train.methods import trained_network
from beetle_lm.zoo.model_file.card import Metrics
from beetle_lm.zoo.model_file.parts import find_part
from beetle_lm.zoo.model_file.seen import SeenPhotographs
from beetle_lm.zoo.model_file.whole import PartWindow, WholeSpecimen

PROVENANCE = (
    "photographs of whole ground beetles from Imageomics/BeetleFlow (NEON specimens, CC BY 4.0,"
    " doi 10.57967/hf/8716), no photograph whose number ends in 0 or 5; landmarks made from its"
    " masks by bench/whole_beetle_landmarks.py, placed by no entomologist"
)
ZOOM = 1.7  # how far sizes in training lie from those of photographs as they are


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("tps", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--model-version", default="1.0")
    parser.add_argument("--measured", type=Path)
    parser.add_argument("--fold", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint = load_checkpoint(options.run)
    measured = load_checkpoint(options.measured or options.run)
    assert checkpoint.shapes is not None and measured.shapes is not None
    beetles = read_beetles(options.data, options.tps)
    kept = [b for b in beetles if number_of(b.name) % 5 == options.fold % 5]
    network, goal = trained_network(measured), upright_goal(np.array(measured.shapes.mean))
    first = measure(network, kept, goal, [0.0] * len(kept), 1)[0]
    maps = [similarity(xy, goal) for xy in first]
    images = [warped(b.levels, m, cv2.BORDER_REPLICATE) for b, m in zip(kept, maps, strict=True)]
    found, spread = located(network, images)
    true = np.stack([apply(m, b.xy) for m, b in zip(maps, kept, strict=True)])
    error = np.linalg.norm(found - true, axis=2)
    calibration = Calibration.fit(spread, error)
    expected = np.exp(calibration.intercept + calibration.slope * np.log(spread))
    # Photographs on which the network fails do not say what right ones look like.
    right = np.nanmean(error, axis=1) < 0.03 * SIDE
    poses = np.stack([apply(whole_map(b.image.shape[::-1], 0.0), b.xy) for b in beetles])
    assessment = assess(
        calibration,
        np.where(np.isfinite(error), expected, np.nan)[right],
        False,
        poses,
        checkpoint.shapes,
        180.0,
        ZOOM,
        (SIDE, SIDE),
    )
    print(f"{calibration}; observed {np.nanmean(error):.2f} px; {assessment.limits}")
    spec = find_part("carabid")  # whose measurements may have been named since
    finished = dataclasses.replace(checkpoint, assessment=assessment, spec=spec)
    save_checkpoint(options.run / WEIGHTS, finished)
    away = [apply(inverse(m), xy) - b.xy for m, xy, b in zip(maps, found, kept, strict=True)]
    stretched = [a * (256, 192) / b.image.shape[::-1] for a, b in zip(away, kept, strict=True)]
    told = "photographs kept aside from the training of a like network, by the second pass"
    mean = float(np.nanmean(np.linalg.norm(np.stack(stretched), axis=2)))
    metrics = (Metrics(told, len(kept), mean),)
    card = make_card(finished, options.model_version, metrics, PROVENANCE, "Apache-2.0")
    upright = upright_goal(np.array(checkpoint.shapes.mean))
    centre = upright.mean(axis=0)
    whole = WholeSpecimen(
        (float(centre[0] / SIDE), float(centre[1] / SIDE)),
        float(np.linalg.norm(upright - centre) / (SIDE * math.sqrt(2))),
        tuple(
            PartWindow(part, tuple(n + 1 for n in places), tuple(places.values()))
            for part, places in WINDOWS.items()
        ),
    )
    folder = options.data / "beetleflow" / "images"
    seen = SeenPhotographs.of(len(beetles), [folder / b.name for b in beetles])
    card = dataclasses.replace(card, whole=whole, photographs=seen)
    to_onnx(finished, card, options.output, "float16")
    photographs = [folder / b.name for b in kept[:8]]
    print(check_parity(options.output, finished, photographs, "float16"))


if __name__ == "__main__":
    main()
