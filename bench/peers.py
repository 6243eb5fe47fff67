"""What other programs make of the same photographs, each with its own defaults.

    python bench/peers.py DATA PEER ROW [--python PYTHON] [-o OUT]

PEER is one of `PEERS`, installed where PYTHON is (`bench/peers.md` says how), ROW one of
`bench/accuracy.py`, which also says what DATA holds. The row's photographs are laid out, the
training landmarks converted to what the peer reads, and its script, `bench/*_peer.py`, trains and
predicts with the peer's interpreter; what it wrote is converted back, evaluated, and put into the
table in `bench/peers.md`. All of it on one core.

Photographs of a row that are of different sizes are scaled to the width of the first training one
for every peer but dlib and beetle-lm: the others take it that all have one size.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from accuracy import Row, compose, put_into_table, run
from numpy.typing import NDArray

from beetle_lm.predict.formats.tps import TpsRecord, read_tps, write_tps

Told = dict[str, Any]
SUFFIXES = {"deeplabcut": ".csv", "coco": ".json"}
TABLE = Path(__file__).with_suffix(".md")


@dataclass(frozen=True)
class Peer:
    """A program: its script, what it reads if not TPS, and whether sizes may differ."""

    script: str
    reads: str | None = None
    any_size: bool = False


PEERS = {
    "beetle-lm": Peer("beetle_lm_peer.py", any_size=True),
    "dlib": Peer("dlib_peer.py", any_size=True),
    "deeplabcut": Peer("deeplabcut_peer.py", "deeplabcut"),
    "sleap": Peer("sleap_peer.py", "coco"),
}


def lay_out(row: Row, peer: Peer, data: Path, out: Path) -> tuple[Path, dict[str, float]]:
    """The photographs of a row and the file that the peer learns from, in OUT.

    Returns:
        The landmark file of all, and by what factor each test photograph was scaled.
    """
    landmarks, training, test = compose(row, data, out)
    records = read_tps(out / "training.tps")
    factors = dict.fromkeys(test, 1.0)
    if not peer.any_size:
        width = _read(out / "training" / training[0]).shape[1]
        factors = {name: _scale(out / "test" / name, width) for name in test}
        learnt = [_scale(out / "training" / name, width) for name in training]
        records = [
            TpsRecord(record.points * factor, image=record.image)
            for record, factor in zip(records, learnt, strict=True)
        ]
    write_tps(out / "training.tps", records)
    if peer.reads is not None:
        convert(
            out / "training.tps",
            out / f"training{SUFFIXES[peer.reads]}",
            out / "training",
            peer.reads,
        )
    return landmarks, factors


def convert(source: Path, target: Path, images: Path, kind: str) -> None:
    run("convert", source, target, "--images", images, "--to", kind)


def placed(predicted: Path, out: Path, factors: dict[str, float]) -> Path:
    """What the peer wrote as TPS, in pixels of the photographs as they were."""
    if predicted.suffix != ".tps":
        convert(predicted, out / "converted.tps", out / "test", "tps")
        predicted = out / "converted.tps"
    if set(factors.values()) == {1.0}:
        return predicted
    records = [
        TpsRecord(record.points / factors[Path(record.image or "").name], image=record.image)
        for record in read_tps(predicted)
    ]
    write_tps(out / "unscaled.tps", records)
    return out / "unscaled.tps"


def measure(name: str, row: Row, data: Path, out: Path, python: str, more: list[str]) -> str:
    """Trains, predicts and evaluates; a line of the table."""
    peer = PEERS[name]
    landmarks, factors = lay_out(row, peer, data, out)
    script = Path(__file__).with_name(peer.script)
    command = [python, str(script), str(out), row.set, *more]
    print("$", shlex.join(command), flush=True)
    one_core = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1")
    subprocess.run(command, check=True, env=os.environ | one_core)
    told = json.loads((out / "report.json").read_text(encoding="utf-8"))
    measured = None
    if told["placed on"] != 0:
        compose(row, data, out / "whole")
        said = run(
            "evaluate", placed(Path(told["predicted"]), out, factors), landmarks,
            "--images", out / "whole" / "test", "-o", out / "evaluation", "--json", shown=False,
        )  # fmt: skip
        measured = json.loads(said)
    learnt = read_tps(out / "training.tps")
    return line(row.name, len(learnt), len(learnt[0].points), len(factors), told, measured)


def line(
    row: str, trained: int, landmarks: int, tested: int, told: Told, measured: Told | None
) -> str:
    """A row of the table; `measured` is None where no landmark was placed at all."""
    missing, px = landmarks * tested, ["", "", ""]
    if measured is not None:
        px = [f"{measured['distance']['px'][key]:.2f}" for key in ("mean", "median", "p95")]
        missing -= measured["specimens"] * landmarks - measured["missing"]["predicted"]
    seconds = statistics.median(each["processor"] for each in told["passes"])
    minutes = told["training"]["processor"] / 60
    cells = [
        f"{row}, {told['version']}",
        f"{trained} / {tested}",
        *px,
        f"{missing} of {landmarks * tested}" if missing else "0",
        f"{minutes:.1f}" if minutes >= 1 else f"{minutes:.2f}",
        f"{tested / seconds:.1f}",
        told["weights"],
        told["schedule"],
    ]
    return "| " + " | ".join(cells) + " |"


def _read(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path))
    if picture is None:
        raise SystemExit(f"{path} cannot be read")
    return picture.astype(np.uint8)


def _scale(path: Path, width: int) -> float:
    """Scales a photograph to a width; returns the factor."""
    picture = _read(path)
    height, before = map(int, picture.shape[:2])
    if before == width:
        return 1.0
    factor = width / before
    size = (width, round(height * factor))
    cv2.imwrite(str(path), cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    return factor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("row")
    parser.add_argument("--python", default=sys.executable, help="the peer's interpreter")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/peers"))
    asked, more = parser.parse_known_args()  # the rest is the peer script's
    row = Row.of(asked.row)
    out = asked.output.resolve() / "-".join([asked.peer, row.name, *more]).replace("--", "")
    new = measure(asked.peer, row, asked.data, out, asked.python, more)
    put_into_table(new, TABLE)
    print(new, flush=True)


if __name__ == "__main__":
    main()
