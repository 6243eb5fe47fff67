"""Semilandmarks on curves: how far they are from the manual curves, and what they cost.

``python bench/curves.py DATA OUT`` trains the default recipe on the trilobites of DATA (a folder
with ``trilobites.tps`` and ``images/``), once with their curves and once without, and measures both
on the photographs kept aside: every fifth record by the name of its photograph. Trainings that OUT
holds are not repeated.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from beetle_lm.predict.formats.tps import TpsRecord, read_tps, write_tps
from beetle_lm.predict.landmarks import centroid_size
from beetle_lm.predict.session import Session

PART = "trilobite"
LANDMARKS = 16
TIMED = 20


def main() -> None:
    """Trains where that is needed, and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    records = sorted(
        read_tps(chosen.data / "trilobites.tps"), key=lambda record: record.image or ""
    )
    whole = [(i % 5 == 0, one) for i, one in enumerate(records) if len(one.points) == LANDMARKS]
    test = [one for kept_aside, one in whole if kept_aside]
    landmarks, listed = chosen.out / "landmarks.tps", chosen.out / "test.txt"
    write_tps(landmarks, [one for _, one in whole], exact=True)
    listed.write_text("".join(f"{one.image}\n" for one in test), encoding="utf-8")
    plain = chosen.out / "plain.toml"
    plain.write_text(f'name = "{PART}"\nlandmarks = {LANDMARKS}\n', encoding="utf-8")
    sessions = {}
    for name, part in (("with curves", PART), ("without", str(plain))):
        run = chosen.out / name.replace(" ", "-")
        if not (run / "metrics.json").exists():
            command = ["train", chosen.data / "images", landmarks, "--part", part]
            command += ["--test", listed, "-o", run, "--resume"]
            subprocess.run([sys.executable, "-m", "beetle_lm", *map(str, command)], check=True)
        print(f"\n{name}: {run / 'test'}", flush=True)
        command = ["evaluate", run / f"test_predictions.{'tps' if part == PART else 'csv'}"]
        command += [landmarks, "--images", chosen.data / "images"]
        subprocess.run([sys.executable, "-m", "beetle_lm", *map(str, command)], check=False)
        sessions[name] = Session.open(run / f"{PART}.onnx", device="cpu", threads=1)
    tell_cost(sessions)
    tell_repeatability(read_tps(chosen.data / "replicates.tps"))


def tell_cost(sessions: dict[str, Session]) -> None:
    """Prints how long each model takes for a photograph, as a ratio to the other."""
    seconds: dict[str, list[float]] = {name: [] for name in sessions}
    for _ in range(TIMED):
        for name, session in sessions.items():
            card = session.card
            shape = (1, card.channels, card.input_height, card.input_width)
            image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
            start = time.perf_counter()
            session.run(image)
            seconds[name].append(time.perf_counter() - start)
    with_curves, without = (float(np.median(each)) for each in seconds.values())
    count = sessions["with curves"].card.spec.semilandmarks
    print(
        f"\n{count} semilandmarks beside {LANDMARKS} landmarks: {with_curves / without:.2f} times"
        f" the model's time ({1000 * with_curves:.0f} and {1000 * without:.0f} ms, one thread)"
    )


def tell_repeatability(records: Sequence[TpsRecord]) -> None:
    """Prints how far people are from the mean of all on photographs digitised again and again."""
    for image in dict.fromkeys(record.image for record in records):
        again = [record for record in records if record.image == image]
        points = np.stack([record.points for record in again])
        mean = np.nanmean(points, axis=0)
        off = np.linalg.norm(points - mean, axis=2) / centroid_size(mean)
        pairs = [
            np.nanmean(np.linalg.norm(points[i] - points[j], axis=1)) / centroid_size(mean)
            for i in range(len(points))
            for j in range(i)
        ]
        print(
            f"{image}, digitised {len(again)} times: {100 * np.nanmean(off):.2f} % of the centroid"
            f" size from the mean, {100 * np.mean(pairs):.2f} % from one another"
        )


if __name__ == "__main__":
    main()
