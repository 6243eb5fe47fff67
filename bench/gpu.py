"""What a GPU gains: images per second of `compact` and `paper-3`, and which options matter.

    python bench/gpu.py [DATA] [--count 200] [--batch-sizes 8 32 128] [--workers 16]

Needs an NVIDIA GPU and `pip install "beetle-lm[gpu,train]"`. For a bundled model and for the
paper's third network (random weights) it prints

- images per second of the model alone: on the CPU, in torch on the card, and by the CUDA provider
  with each of its options that might matter, with the greatest difference of a landmark from the
  CPU's: an option that moves one by more than 0.05 px is out, however fast;
- images per second of `beetle-lm predict` from files to tables, on the CPU and on the card, and
  the share of the time in which the card was busy, as nvidia-smi sees it;
- epochs in an hour of `beetle-lm train` on 36 drawn photographs, with the default recipe and with
  the paper's: the time of six epochs less that of two. `paper_loop.py` times epochs of the paper's
  size.

It takes some six minutes on a card.

DATA is the folder with `carabids/`; without it photographs are drawn. `--provider cpu` goes through
the same parts on the CPU, to see that they work where there is no card: those are no figures.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path

import fresh
import numpy as np
import torch
from gpu_ways import AS_PREDICT, VARIANTS, Place, Variant, in_torch, on_runtime, rate
from numpy.typing import NDArray
from paper_models import random_checkpoint, write_model
from photographs import copies, sources

from beetle_lm.export.to_onnx import Exportable
from beetle_lm.predict.images.read import read_image
from beetle_lm.predict.session import CPU, CUDA, Session, load_runtime
from beetle_lm.predict.views.placement import Placement
from beetle_lm.train.engine.calibration import DEFAULT
from beetle_lm.train.finetune import open_source
from beetle_lm.train.methods import build_network, load_recipe, trained_network
from beetle_lm.train.synthetic.files import render_series
from beetle_lm.zoo.model_file.card import ModelCard
from beetle_lm.zoo.model_file.onnx import read_card
from beetle_lm.zoo.registry import named_model

MOST_PX, PART = 0.05, "pronotum"


def pictures(files: Sequence[Path], card: ModelCard, count: int) -> NDArray[np.uint8]:
    """Photographs as the model sees them, (N, C, H, W), one after the other until there are N."""
    seen = []
    for path in files[:count]:
        picture = read_image(path, card.channels, at_least=card.input_size)
        placement = Placement.fit(picture.frame, card.input_size, card.fit)
        seen.append(np.atleast_3d(placement.render(picture)).transpose(2, 0, 1))
    return np.resize(np.stack(seen), (count, *seen[0].shape))


def alone(
    name: str,
    model: Path,
    network: Exportable,
    provider: str,
    sizes: list[int],
    files: Sequence[Path],
) -> None:
    """Prints the table of a model alone, on photographs."""
    card = Session.open(model, "cpu").card
    batches = {size: pictures(files, card, size) for size in sizes}
    device = "cuda" if provider == CUDA else "cpu"
    ways: list[tuple[str, Callable[[tuple[int, ...]], Place]]] = [
        ("CPU provider", lambda shape: on_runtime(model, CPU, Variant("CPU"), shape)),
        ("torch, 32 bit", lambda shape: in_torch(network, device, tf32=False)),
        ("torch, TF32", lambda shape: in_torch(network, device, tf32=True)),
    ]
    for variant in VARIANTS:
        if provider == CUDA or (variant.options == AS_PREDICT and variant.memory != "pinned"):
            ways.append((variant.about, partial(on_runtime, model, provider, variant)))
    wanted = {size: on_runtime(model, CPU, Variant(""), b.shape)(b) for size, b in batches.items()}
    heads = " | ".join(f"batch {size}" for size in sizes)
    print(f"### {name} alone, images per second\n\n| way | {heads} | max px from the CPU's |")
    print("|---|" + "---:|" * (len(sizes) + 1))
    for about, make in ways:
        rates, farthest = [], 0.0
        for size, batch in batches.items():
            try:
                place = make(batch.shape)
                farthest = max(farthest, float(np.abs(place(batch) - wanted[size]).max()))
                rates.append(f"{rate(place, batch):.0f}")
            except Exception as error:  # an option that this runtime or this model cannot have
                rates.append(f"no ({str(error).strip().splitlines()[0][:60]})")
        out = " **out**" if farthest > MOST_PX else ""
        print(f"| {about} | {' | '.join(rates)} | {farthest:.4f}{out} |", flush=True)
    print()


@contextmanager
def watched(device: str) -> Iterator[list[float]]:
    """Collects the share of time in which the card is busy, ten times in a second."""
    busy: list[float] = []
    if device != "cuda":
        yield busy
        return
    query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen([*query, "-lms", "100"], stdout=told)
        try:
            yield busy
        finally:
            process.terminate()
            process.wait()
            told.seek(0)
            busy += [float(line) / 100 for line in told.read().splitlines() if line.isdigit()]


def end_to_end(
    models: dict[str, Path],
    folders: dict[str, Path],
    one: Path,
    options: argparse.Namespace,
    out: Path,
) -> None:
    """Prints the table of `beetle-lm predict` as a whole; the start is that on one photograph."""
    print("### `beetle-lm predict`, from files to tables\n")
    print("| model | photographs | device | batch | images/s | start s | card busy |")
    print("|---|---|---|---:|---:|---:|---:|")
    devices = [("cpu", options.batch_sizes[0])]
    devices += [("cuda", size) for size in options.batch_sizes if options.provider == "cuda"]
    ways = product(models.items(), folders.items(), devices)
    for number, ((name, model), (kind, folder), (device, size)) in enumerate(ways):
        words = (
            *("--model", model, "--device", device, "-q"),
            *("--workers", options.workers, "--batch-size", size),
        )
        start = fresh.run(fresh.beetle_lm("predict", one, *words, "-o", out / f"{number}-one"))
        whole = fresh.beetle_lm("predict", folder, *words, "-o", out / f"{number}")
        with watched(device) as busy:
            used = fresh.run(whole)
        share = f"{statistics.mean(busy):.0%}" if busy else ""
        print(
            f"| {name} | {kind} | {device} | {size} | {options.count / used.wall:.1f}"
            f" | {start.wall:.1f} | {share} |",
            flush=True,
        )


def trainings(device: str, folder: Path) -> None:
    """Prints the table of `beetle-lm train`."""
    drawn = render_series(PART, 36, folder / "drawn", seed=0, size=(640, 480))
    print("\n### `beetle-lm train`, 36 photographs\n")
    print("| recipe | s for an epoch | epochs in an hour |\n|---|---:|---:|")
    for recipe in ("compact", "paper-scratch"):
        words = ("--part", PART, "--recipe", recipe, "--device", device, "-q")
        seconds = {}
        for epochs in (2, 6):
            out = folder / f"{recipe}-{epochs}"
            files = (drawn / "images", drawn / "landmarks.tps", "-o", out)
            command = fresh.beetle_lm("train", *files, *words, "--epochs", epochs)
            seconds[epochs] = fresh.run(command).wall
        each = (seconds[6] - seconds[2]) / 4
        print(f"| {recipe} | {each:.2f} | {3600 / each:.0f} |", flush=True)


def card_name() -> str:
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    return subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("data", nargs="?", type=Path, metavar="DATA")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[8, 32, 128])
    parser.add_argument("--workers", type=int, default=16)
    parser.add_argument("--provider", choices=("cuda", "cpu"), default="cuda")
    options = parser.parse_args()
    options.onnx = CUDA if options.provider == "cuda" else CPU
    runtime = load_runtime()
    if options.provider == "cuda":
        if CUDA not in runtime.get_available_providers() or not torch.cuda.is_available():
            sys.exit(
                "there is no GPU to measure: onnxruntime and torch must both find CUDA;"
                " `beetle-lm doctor` says what is missing, --provider cpu goes through the parts"
            )
        runtime.preload_dlls()
        print(f"{card_name()}; ", end="")
    print(f"onnxruntime {runtime.__version__}, torch {torch.__version__}, {fresh.machine()}\n")

    with tempfile.TemporaryDirectory(prefix="gpu-") as folder:
        made = Path(folder)
        checkpoint, paper = random_checkpoint(), made / "paper-3.onnx"
        write_model(checkpoint, "float32", paper)
        compact = named_model(PART)
        source = open_source(f"zoo:{PART}")
        network = build_network("compact", len(source.spec), source.channels)
        network.load_state_dict(source.tensors, strict=False)  # but for the counts of batches
        network.expect(read_card(compact).shapes, load_recipe("compact").to_dict())
        found = sources(options.data, PART, made)
        files, sizes = found["baseline"].files, options.batch_sizes
        ours = Exportable(network, DEFAULT)
        theirs = Exportable(trained_network(checkpoint), DEFAULT)
        alone("compact", compact, ours, options.onnx, sizes, files)
        alone("paper-3", paper, theirs, options.onnx, sizes, files)
        folders = {
            kind: copies(found[kind].files, options.count, made / "photographs" / kind)
            for kind in ("baseline", "made progressive")
        }
        one = copies(found["baseline"].files, 1, made / "photographs" / "one")
        trainings(options.provider, made / "trained")
        end_to_end({"compact": compact, "paper-3": paper}, folders, one, options, made / "out")


if __name__ == "__main__":
    main()
