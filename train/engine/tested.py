"""Landmarks on test photographs: written as `predict` writes them, compared as by `evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from beetle_lm.files import write_text
from beetle_lm.predict.evaluation.metrics import Evaluation, evaluate
from beetle_lm.predict.evaluation.report import write_evaluation
from beetle_lm.predict.formats.own_tables import tidy_header, tidy_rows
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.formats.records import Record
from beetle_lm.train.data.dataset import Specimen, TensorSet
from beetle_lm.train.engine.locator import Locator, predict

PREDICTIONS, EVALUATION = "test_predictions.csv", "test"
"""The file of the predictions and the folder of the comparison, in a run folder."""


def predict_test(network: Locator, tensors: TensorSet, path: Path, device: torch.device) -> None:
    """Writes a tidy table of the landmarks that a network finds, in pixels of the photographs.

    Args:
        network: the trained network.
        tensors: the test photographs, of the input's size.
        path: the CSV file.
        device: where to predict.
    """
    found = predict(network.to(device), tensors.images, device)[0].numpy().astype(np.float64)
    names = tensors.spec.landmark_names
    rows = [
        tidy_rows(image, names, placement.to_image(xy))
        for image, placement, xy in zip(tensors.names, tensors.placements, found, strict=True)
    ]
    write_text(path, [tidy_header(), *rows])


def evaluate_test(
    predictions: Sequence[Path], specimens: Sequence[Specimen], folder: Path
) -> Evaluation:
    """Compares tables of predictions with the manual landmarks and writes the comparison.

    Args:
        predictions: what `predict_test` wrote; no photograph is in two of them.
        specimens: the photographs with their manual landmarks.
        folder: where the comparison goes; an earlier one is replaced.
    """
    found = [one for path in predictions for one in read_records(path)]
    manual = [Record(s.landmarks.xy, s.name) for s in specimens]
    sizes = {specimen.name: specimen.size for specimen in specimens}
    evaluation = evaluate(found, manual, sizes, specimens[0].landmarks.spec)
    paths = {specimen.name: specimen.image.path for specimen in specimens}
    write_evaluation(evaluation, folder, paths.get, overwrite=True)
    return evaluation
