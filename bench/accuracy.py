"""Landmark error on photographs that took no part in training, from nothing to the figure.

    python bench/accuracy.py DATA [ROW ...] [-o OUT] [--recipe pretrained]

DATA is the folder that holds `wings/`, `mollusk/` and `carabids/`, described in `bench/README.md`.
A row is `wings`, `mollusk` or one of the paper's parts; with a number behind it (`wings-10`,
`head-5`), only the first so many training photographs are used, by name or by specimen number; with
`-dlib` or `-dlib-box` behind it, dlib's shape predictor is trained instead, given the whole
photograph or the manual landmarks' own box (`pip install -r bench/requirements.txt`). Without a
row, all of the table in `bench/accuracy.md` are run.

Each row trains with default options on the training photographs, exports, predicts the test
photographs, evaluates, prints every command that it runs, and puts its line into the table in
`bench/accuracy.md`. Test photographs are every fifth record by image name (wings, mollusk), or the
specimens whose number ends in 0 or 5 (carabids), where the paper's fine-tuned network is evaluated
on the same specimens as well.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beetle_lm.predict.formats.tps import TpsRecord, read_tps, write_tps

PARTS = ("left-mandible", "right-mandible", "head", "pronotum", "elytra")
ROWS = (
    "wings", "wings-dlib", "wings-dlib-box", "wings-10", "wings-10-dlib",
    "mollusk", "mollusk-dlib", "mollusk-dlib-box",
    *PARTS, *(f"{part}-5" for part in PARTS),
)  # fmt: skip
TABLE = Path(__file__).with_suffix(".md")


@dataclass(frozen=True)
class Row:
    """A line of the table: a set of photographs, how many to train on, and who learns."""

    name: str
    set: str
    photographs: int | None
    peer: str | None

    @classmethod
    def of(cls, name: str) -> Row:
        found = re.fullmatch(r"(.+?)(?:-(\d+))?(?:-(dlib|dlib-box))?", name)
        assert found is not None
        count = int(found[2]) if found[2] else None
        return cls(name, found[1], count, found[3])

    @property
    def carabid(self) -> bool:
        return self.set not in ("wings", "mollusk")


def is_test(image: str, position: int, carabid: bool) -> bool:
    return specimen_number(image) % 5 == 0 if carabid else position % 5 == 0


def is_left_out(specimen: int) -> bool:
    """Whether a carabid tests the zoo's models: here (0, 5), or elsewhere (1, 4, 8)."""
    return specimen % 10 in (0, 1, 4, 5, 8)


def specimen_number(image: str) -> int:
    return int(re.findall(r"\d+", Path(image).stem)[-1])


def run(*arguments: object, shown: bool = True) -> str:
    words = ["beetle-lm", *map(str, arguments)]
    print("$", shlex.join(words), flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "beetle_lm", *words[1:]],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    if shown:
        print(done.stdout, flush=True)
    return done.stdout


def paper_errors(data: Path, part: str, specimens: Collection[int]) -> NDArray[np.float64]:
    """Errors (specimens, landmarks) of the paper's fine-tuned network in px at 256 x 192."""

    def by_number(kind: str) -> dict[int, TpsRecord]:
        path = data / "carabids" / "paper_tables" / f"{part}-{kind}-256x192.tps"
        return {specimen_number(record.image or ""): record for record in read_tps(path)}

    manual, found = by_number("manual"), by_number("finetuned")
    return np.array(
        [
            np.linalg.norm(found[n].points - manual[n].points, axis=1)
            for n in sorted(set(specimens) & set(manual) & set(found))
        ]
    )


def compose(row: Row, data: Path, out: Path) -> tuple[Path, list[str], list[str]]:
    """Lays out the photographs of a row in OUT.

    Returns:
        The landmark file of all, and the names of the training and of the test photographs.
    """
    folder = data / ("carabids" if row.carabid else "") / row.set
    landmarks = folder / ("landmarks.tps" if row.carabid else f"{row.set}.tps")
    records = sorted(read_tps(landmarks), key=lambda record: record.image or "")
    test: list[TpsRecord] = []
    training: list[TpsRecord] = []
    for position, record in enumerate(records):
        chosen = test if is_test(record.image or "", position, row.carabid) else training
        chosen.append(record)
    if row.carabid:
        training.sort(key=lambda record: specimen_number(record.image or ""))
    training = training[: row.photographs]
    shutil.rmtree(out, ignore_errors=True)
    for name, group in (("training", training), ("test", test)):
        (out / name).mkdir(parents=True)
        for record in group:
            shutil.copy(folder / "images" / (record.image or ""), out / name)
    write_tps(out / "training.tps", training)
    return landmarks, [r.image or "" for r in training], [r.image or "" for r in test]


def measure(row: Row, data: Path, out: Path, recipe: str) -> dict[str, Any]:
    """Trains, predicts, evaluates; everything that the table says of a row."""
    landmarks, training, test = compose(row, data, out)
    begin = time.perf_counter()
    found: dict[str, Any] = {"trained on": len(training), "test": len(test)}
    if row.peer is None:
        run(
            "train", out / "training", out / "training.tps", "--part", row.set, "-o", out / "run",
            "--recipe", recipe, "--quiet", "--no-export",
        )  # fmt: skip
        found["minutes"] = (time.perf_counter() - begin) / 60
        run("export", out / "run", "-o", out / "model.onnx", "--fp16")
        run("predict", out / "test", "--model", out / "model.onnx", "-o", out / "found")
        found["MB"] = (out / "model.onnx").stat().st_size / 1e6
        predicted = out / "found" / "landmarks.tps"
    else:
        from dlib_peer import fit_and_place

        predicted = out / "found.tps"
        minutes = fit_and_place(row.set, row.peer, landmarks, out, predicted)
        found["minutes"] = minutes
    said = run(
        "evaluate", predicted, landmarks, "--images", out / "test", "-o", out / "evaluation",
        "--json", shown=False,
    )  # fmt: skip
    found["measured"] = json.loads(said)
    if row.carabid:
        errors = paper_errors(data, row.set, {specimen_number(name) for name in test})
        found["paper"] = [float(f(errors.mean(axis=1))) for f in (np.mean, np.median)]
    return found


def line(name: str, found: dict[str, Any]) -> str:
    """A row of the table."""
    distance, specimens = found["measured"]["distance"], found["measured"]["specimen_mean_distance"]
    px, small = distance["px"], distance.get("px_256x192")
    cells = [
        name,
        f"{found['trained on']} / {found['test']}",
        *(f"{px[key]:.2f}" for key in ("mean", "median", "p95")),
        f"{small['mean']:.2f}" if small else "",
        f"{specimens['px_256x192']['median']:.2f}" if small else "",
        *([f"{value:.2f}" for value in found["paper"]] if "paper" in found else ["", ""]),
        f"{found['minutes']:.1f}",
        f"{found['MB']:.1f}" if "MB" in found else "",
    ]
    return "| " + " | ".join(cells) + " |"


def put_into_table(new: str, table: Path = TABLE) -> None:
    """Replaces the line of the same name in the table's file, or adds it to those of its row."""
    name = new.split("|")[1]
    lines = table.read_text(encoding="utf-8").splitlines()
    start = next(i for i, text in enumerate(lines) if text.startswith("| row |")) + 2
    end = next(i for i in range(start, len(lines)) if not lines[i].startswith("|"))
    rows = {text.split("|")[1]: text for text in lines[start:end]} | {name: new}
    order = {row: i for i, row in enumerate(ROWS)}
    known = sorted(rows, key=lambda name: order.get(name.split(",")[0].strip(), len(order)))
    lines[start:end] = [rows[name] for name in known]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("rows", nargs="*", metavar="ROW", default=ROWS)
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/accuracy"))
    parser.add_argument("--recipe", default="pretrained")
    options = parser.parse_args()
    for row in map(Row.of, options.rows):
        name = row.name if options.recipe == "pretrained" else f"{row.name}, {options.recipe}"
        out = options.output / name.replace(", ", "-")
        new = line(name, measure(row, options.data, out, options.recipe))
        put_into_table(new)
        print(new, flush=True)


if __name__ == "__main__":
    main()
