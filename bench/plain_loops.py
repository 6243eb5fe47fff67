"""What prediction is measured against, each as a program of its own.

    python bench/plain_loops.py decode FOLDER CHANNELS WIDTH HEIGHT WORKERS
    python bench/plain_loops.py dlib FOLDER PREDICTOR WIDTH HEIGHT
    python bench/plain_loops.py onnxruntime FOLDER MODEL WIDTH HEIGHT

`decode` reads photographs as prediction does and does nothing with them. The others are the loop
that a user would write: cv2.imread in full, resize, place landmarks, a line of CSV.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cv2.typing import MatLike


def decode(folder: Path, channels: int, width: int, height: int, workers: int) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from beetle_lm.predict.images.read import read_image

    def read(path: Path) -> int:
        return read_image(path, channels, at_least=(width, height)).pixels.size

    with ThreadPoolExecutor(workers) as pool:
        assert all(pool.map(read, sorted(folder.iterdir())))


def shrunk(path: Path, width: int, height: int) -> MatLike:
    import cv2

    image = cv2.imread(str(path))
    assert image is not None
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def dlib_loop(folder: Path, predictor: Path, width: int, height: int) -> None:
    import dlib

    place = dlib.shape_predictor(str(predictor))
    with (folder.parent / "dlib.csv").open("w", encoding="utf-8") as table:
        for path in sorted(folder.iterdir()):
            image = shrunk(path, width, height)
            found = place(image, dlib.rectangle(0, 0, width - 1, height - 1))
            print(path.name, *((point.x, point.y) for point in found.parts()), file=table)


def onnxruntime_loop(folder: Path, model: Path, width: int, height: int) -> None:
    import cv2
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    grey = session.get_inputs()[0].shape[1] == 1
    with (folder.parent / "onnxruntime.csv").open("w", encoding="utf-8") as table:
        for path in sorted(folder.iterdir()):
            image = shrunk(path, width, height)
            image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY if grey else cv2.COLOR_BGR2RGB)
            batch = image.reshape(height, width, -1).transpose(2, 0, 1)[None]
            landmarks = session.run(["landmarks"], {"image": batch})[0][0]
            print(path.name, *landmarks.ravel(), file=table)


if __name__ == "__main__":
    what, where, *rest = sys.argv[1:]
    if what == "decode":
        decode(Path(where), *map(int, rest))
    elif what == "dlib":
        dlib_loop(Path(where), Path(rest[0]), *map(int, rest[1:]))
    else:
        onnxruntime_loop(Path(where), Path(rest[0]), *map(int, rest[1:]))
