"""Landmarks on test photographs: written as `predict` writes them, compared as by `evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from beetle_lm.files import write_text
from beetle_lm.predict.evaluation.metrics import Evaluation, evaluate
from beetle_lm.predict.evaluation.report import write_evaluation
from beetle_lm.predict.formats.own_tables import tidy_header, tidy_rows
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.formats.tps import TpsRecord, write_tps
from beetle_lm.predict.landmarks import curve_points
from beetle_lm.train.data.dataset import Specimen, TensorSet
from beetle_lm.train.engine.locator import Locator, predict

PREDICTIONS, EVALUATION = "test_predictions.csv", "test"
"""The file of the predictions and the folder of the comparison, in a run folder."""


def predict_test(
    network: Locator,
    tensors: TensorSet,
    specimens: Sequence[Specimen],
    path: Path,
    device: torch.device,
) -> None:
    """Writes a tidy table of the landmarks that a network finds, in pixels of the photographs.

    Where the part has curves there is a TPS file beside it that has them, too.

    Args:
        network: the trained network.
        tensors: the test photographs, of the input's size.
        specimens: the same photographs.
        path: the CSV file.
        device: where to predict.
    """
    found = predict(network.to(device), tensors.images, device)
    landmarks, semilandmarks = (
        [
            placement.to_image(xy)
            for placement, xy in zip(tensors.placements, each.double().numpy(), strict=True)
        ]
        for each in (found.xy, found.semilandmarks)
    )
    spec, names = tensors.spec, tensors.names
    rows = [
        tidy_rows(image, spec.landmark_names, xy)
        for image, xy in zip(names, landmarks, strict=True)
    ]
    write_text(path, [tidy_header(), *rows])
    if spec.curves:
        records = [
            TpsRecord.from_image_xy(xy, one.size, one.name, curves=curve_points(spec, xy, points))
            for one, xy, points in zip(specimens, landmarks, semilandmarks, strict=True)
        ]
        write_tps(path.with_suffix(".tps"), records, exact=True)


def evaluate_test(
    predictions: Sequence[Path], specimens: Sequence[Specimen], folder: Path
) -> Evaluation:
    """Compares tables of predictions with the manual landmarks and writes the comparison.

    Args:
        predictions: what `predict_test` wrote; no photograph is in two of them.
        specimens: the photographs with their manual landmarks.
        folder: where the comparison goes; an earlier one is replaced.
    """
    curved = bool(specimens[0].landmarks.spec.curves)
    files = [path.with_suffix(".tps") if curved else path for path in predictions]
    found = [one for path in files for one in read_records(path)]
    manual = [
        Record(s.landmarks.xy, s.name, curves=s.lines, control_points=False) for s in specimens
    ]
    sizes = {specimen.name: specimen.size for specimen in specimens}
    evaluation = evaluate(found, manual, sizes, specimens[0].landmarks.spec)
    paths = {specimen.name: specimen.image.path for specimen in specimens}
    write_evaluation(evaluation, folder, paths.get, overwrite=True)
    return evaluation
