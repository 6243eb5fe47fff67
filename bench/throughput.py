"""Photographs per second of `beetle-lm predict`, beside decoding alone and beside plain loops.

    python bench/throughput.py [DATA] [--part pronotum] [--count 200] [--repeats 5]

DATA is the folder with `carabids/` that `bench/README.md` describes; without it photographs of
3264 x 2448 are drawn. Every program is a fresh process and reads the same files, which are in the
system's cache by then; programs take turns, medians count. Prints, for each kind of JPEG,

- how fast prediction is as a share of decoding alone (the same function, as many threads as
  prediction has by default), and which stage costs how much processor time;
- how many times faster it is than the faster of two plain loops: cv2.imread, resize and dlib's
  shape predictor, or one onnxruntime call with the same model.

dlib is in `bench/requirements.txt`. Its predictor is trained here on a few photographs with its
default options: it serves for speed, not for accuracy.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import cv2
import fresh
import numpy as np
from fresh import Used, beetle_lm
from photographs import Source, copies, sources

from beetle_lm.predict.batch.journal import Journal
from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.partitions import Partitions
from beetle_lm.predict.batch.writers import ResultFiles, Written
from beetle_lm.predict.images.read import ImageFile, Picture, find_images, read_image
from beetle_lm.predict.predictor import Predictor
from beetle_lm.predict.views.placement import Placement
from beetle_lm.zoo.model_file.card import ModelCard
from beetle_lm.zoo.model_file.onnx import read_card
from beetle_lm.zoo.registry import named_model

LOOPS = Path(__file__).with_name("plain_loops.py")
ASKED_OF_DECODING, ASKED_OF_LOOPS = 0.85, 2.5
SAMPLE = 24  # photographs, for the processor time of each stage
TRAINED_ON = 4


def cpu_ms(work: Callable[[], object], photographs: int) -> float:
    """Milliseconds of processor time for a photograph."""
    begin = time.process_time()
    work()
    return (time.process_time() - begin) * 1000 / photographs


def shape_predictor(files: tuple[Path, ...], model: Path, card: ModelCard, path: Path) -> None:
    """Trains dlib's predictor on what the model finds on some photographs."""
    import dlib

    width, height = card.input_size
    images, known = [], []
    for result in Predictor.load(model, "cpu", 1).predict(files[:TRAINED_ON]):
        assert result.landmarks is not None and result.size is not None
        image = cv2.imread(str(result.name))
        assert image is not None
        xy = result.landmarks.xy * (width / result.size[0], height / result.size[1])
        points = [dlib.point(*map(round, point)) for point in xy.tolist()]
        box = dlib.rectangle(0, 0, width - 1, height - 1)
        images.append(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
        known.append([dlib.full_object_detection(box, points)])
    dlib.train_shape_predictor(images, known, dlib.shape_predictor_training_options()).save(
        str(path)
    )


def stages(photographs: list[ImageFile], part: str, out: Path) -> dict[str, float]:
    """Milliseconds of processor time for a photograph, one stage after the other, one thread."""
    predictor = Predictor.load(part, "cpu", threads=1)
    card, sample = predictor.card, photographs[:SAMPLE]
    pictures: list[Picture] = []

    def decode() -> None:
        pictures.extend(
            read_image(one.path, card.channels, at_least=card.input_size) for one in sample
        )

    def fit() -> None:
        for picture in pictures:
            Placement.fit(picture.frame, card.input_size, card.fit).render(picture)

    read_image(sample[0].path, card.channels, at_least=card.input_size)
    found = {
        "decoding": cpu_ms(decode, len(sample)),
        "fitting into the input": cpu_ms(fit, len(sample)),
    }
    width, height = card.input_size
    batch = np.zeros((Options.batch_size, card.channels, height, width), np.uint8)
    predictor.session.run(batch)
    found["model"] = cpu_ms(
        lambda: [predictor.session.run(batch) for _ in range(3)], 3 * len(batch)
    )
    results = list(predictor.predict(sample))
    names = [one.name for one in sample]
    options = Options()

    def write() -> None:
        journal = Journal(out / "rows", 1, names)
        for first in range(0, len(results), Options.batch_size):
            journal.append(results[first : first + Options.batch_size])
        journal.keep(0.0)
        partitions = Partitions(out, "", card.spec, names, len(names))
        partitions.write(1, journal.rows())
        with ResultFiles(out, card.spec, names, options) as files:
            for result in partitions:
                files.add(result, Written.of(result, options.exif))
        journal.close()

    found["writing rows and tables"] = cpu_ms(write, len(results))
    return found


def told(programs: dict[str, Used], photographs: int) -> None:
    print("| program | photographs/s | wall s | CPU s |\n|---|---:|---:|---:|")
    for name, used in programs.items():
        rate = photographs / used.wall
        print(f"| {name} | {rate:.1f} | {used.wall:.2f} | {used.cpu:.2f} |")
    decode, predict = programs["decoding alone"], programs["`beetle-lm predict`"]
    share, share_cpu = decode.wall / predict.wall, decode.cpu / predict.cpu
    print(
        f"\nshare of decoding alone: {share:.2f}"
        f" (asked: {ASKED_OF_DECODING}; by CPU {share_cpu:.2f})"
    )
    loops = {name: used for name, used in programs.items() if used not in (decode, predict)}
    fastest = min(loops, key=lambda name: loops[name].wall)
    times, times_cpu = loops[fastest].wall / predict.wall, loops[fastest].cpu / predict.cpu
    print(
        f"speed over the faster loop ({fastest}): {times:.2f} (asked, on baseline JPEGs:"
        f" {ASKED_OF_LOOPS}; by CPU {times_cpu:.2f})\n"
    )


def where_it_goes(folder: Path, part: str, predict: Used, start: Used) -> None:
    """Prints what each stage costs; `start` is prediction of one batch."""
    photographs = find_images([folder])
    with tempfile.TemporaryDirectory() as out:
        found = stages(photographs, part, Path(out))
    own = sum(found.values())
    found["start, once"] = (start.cpu * 1000 - Options.batch_size * own) / len(photographs)
    total = predict.cpu * 1000 / len(photographs)
    found["rest: threads, shared caches"] = total - sum(found.values())
    print("| stage | CPU ms per photograph | share |\n|---|---:|---:|")
    for name, milliseconds in found.items():
        print(f"| {name} | {milliseconds:.2f} | {milliseconds / total:.0%} |")
    print(f"| all | {total:.2f} | 100% |\n", flush=True)


def measure(source: Source, options: argparse.Namespace, folder: Path) -> None:
    model, numbers = named_model(options.part), count()
    card = read_card(model)
    photographs = copies(source.files, options.count, folder / "all")
    batch = copies(source.files, Options.batch_size, folder / "batch")
    shape_predictor(source.files, model, card, folder / "dlib.dat")
    size = card.input_size
    loop = [sys.executable, LOOPS]

    def predict(inputs: Path) -> list[object]:
        out = folder / "out" / str(next(numbers))
        return beetle_lm("predict", inputs, "--part", options.part, "-o", out, "-q")

    programs: dict[str, Callable[[], fresh.Command]] = {
        "decoding alone": lambda: [
            *loop, "decode", photographs, card.channels, *size, Options.workers
        ],
        "`beetle-lm predict`": lambda: predict(photographs),
        "loop with dlib": lambda: [*loop, "dlib", photographs, folder / "dlib.dat", *size],
        "loop with onnxruntime": lambda: [*loop, "onnxruntime", photographs, model, *size],
    }  # fmt: skip
    print(f"### {source.about}: {options.count} photographs, {source.megabytes:.1f} MB each\n")
    found = fresh.medians(programs, options.repeats)
    told(found, options.count)
    start = fresh.medians({"start": lambda: predict(batch)}, options.repeats)["start"]
    where_it_goes(photographs, options.part, found["`beetle-lm predict`"], start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("data", nargs="?", type=Path, metavar="DATA")
    parser.add_argument("--part", default="pronotum", help="whose model to use")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(fresh.machine() + f"; model of {options.part}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="throughput-") as folder:
        made = Path(folder)
        for kind, source in sources(options.data, options.part, made).items():
            measure(source, options, made / kind)


if __name__ == "__main__":
    main()
