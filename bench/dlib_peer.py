"""dlib's shape predictor, which ml-morph trains (Porto and Voje 2020), on the same photographs.

Options: for the wings those that ml-morph's manual gives for its wings, with 50 times oversampling
instead of 200; elsewhere ml-morph's defaults, with 20 times instead of 10.
"""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray
from peer_report import options, report, timed

from beetle_lm.predict.formats.tps import TpsRecord, read_tps, write_tps

Floats = NDArray[np.floating]


def fit_and_place(name: str, box: str, landmarks: Path, out: Path, predicted: Path) -> float:
    """Trains on OUT/training, places landmarks on OUT/test, and writes them as TPS.

    Args:
        name: of the data set.
        box: 'dlib' gives the whole photograph, 'dlib-box' the manual landmarks' own box.
        landmarks: the manual landmarks of all.
        out: the row's folder.
        predicted: the TPS file to write.

    Returns:
        Minutes of training.
    """
    begin = time.perf_counter()
    predictor = fit(name, box, landmarks, out)
    minutes = (time.perf_counter() - begin) / 60
    write_tps(predicted, place(predictor, out / "test", landmarks if box == "dlib-box" else None))
    return minutes


def fit(name: str, box: str, landmarks: Path, out: Path, threads: int = 2) -> dlib.shape_predictor:
    """Trains on OUT/training; see `fit_and_place`."""
    manual = {record.image or "": record for record in read_tps(landmarks)}
    images, known = [], []
    for path in sorted((out / "training").iterdir()):
        image = _read(path)
        points = manual[path.name].in_image(image.shape[0])
        # dlib counts pixels; our coordinates begin at the corner of the image.
        where = [dlib.point(*map(round, point)) for point in (points - 0.5).tolist()]
        images.append(image)
        known.append(
            [dlib.full_object_detection(_box(image, points if box == "dlib-box" else None), where)]
        )
    options = _options(name)
    options.num_threads = threads
    return dlib.train_shape_predictor(images, known, options)


def place(
    predictor: dlib.shape_predictor, photographs: Path, boxes: Path | None
) -> list[TpsRecord]:
    """Landmarks on the photographs of a folder, in the boxes of manual landmarks if there are."""
    manual = {record.image or "": record for record in read_tps(boxes)} if boxes else {}
    records = []
    for path in sorted(photographs.iterdir()):
        image = _read(path)
        height, width = image.shape[:2]
        points = manual[path.name].in_image(height) if manual else None
        found = predictor(image, _box(image, points))
        xy = np.array([[point.x + 0.5, point.y + 0.5] for point in found.parts()])
        records.append(TpsRecord.from_image_xy(xy, (width, height), path.name))
    return records


def _options(name: str) -> dlib.shape_predictor_training_options:
    options = dlib.shape_predictor_training_options()
    options.num_trees_per_cascade_level, options.num_test_splits = 500, 20
    options.tree_depth, options.cascade_depth = 4, 15
    options.nu, options.feature_pool_size = 0.1, 500
    options.oversampling_amount = 20
    if name == "wings":
        options.tree_depth, options.cascade_depth = 3, 20
        options.nu, options.feature_pool_size = 0.08, 700
        options.oversampling_amount = 50
    return options


def _read(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path))
    if image is None:
        raise SystemExit(f"{path} cannot be read")
    return np.ascontiguousarray(image[..., ::-1]).astype(np.uint8)


def _box(image: NDArray[np.uint8], points: Floats | None) -> dlib.rectangle:
    if points is None:
        return dlib.rectangle(0, 0, image.shape[1] - 1, image.shape[0] - 1)
    low, high = points.min(axis=0), points.max(axis=0)
    return dlib.rectangle(*map(round, (*low.tolist(), *high.tolist())))


def main() -> None:
    """A row of `bench/peers.py`: the whole photograph given, one thread."""
    asked = options()
    folder = asked.folder
    made: list[dlib.shape_predictor] = []
    learn = folder / "training.tps"
    training = timed(lambda: made.append(fit(asked.set, "dlib", learn, folder, threads=1)))
    predicted = folder / "found.tps"
    write_tps(predicted, place(made[0], folder / "test", None))
    report(
        folder,
        f"dlib {dlib.__version__}",
        "random",
        "ml-morph's options",
        predicted,
        training,
        lambda: place(made[0], folder / "test", None),
    )


if __name__ == "__main__":
    main()
