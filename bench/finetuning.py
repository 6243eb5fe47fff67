"""Does starting from a model of the zoo beat starting from scratch, at equal steps?

    python bench/finetuning.py DATA [-o OUT] [--epochs 8] [--only wings-10,head]

DATA is described in `bench/README.md`. Wings are trained on all 36 training photographs and on the
first 20 and 10 of them by name; each of the paper's parts on its photographs alone (no drawings, no
further shapes), once from scratch and once from the bundled model of another part. The test
photographs are those of `bench/accuracy.py`; the last epoch is taken. Prints every command and a
Markdown table, which OUT/finetuning.md holds too.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from accuracy import is_test, run

from beetle_lm.predict.formats.tps import read_tps, write_tps

SOURCES = {
    "wings-36": "pronotum",
    "wings-20": "pronotum",
    "wings-10": "pronotum",
    "pronotum": "elytra",
    "elytra": "pronotum",
    "head": "pronotum",
    "left-mandible": "pronotum",
    "right-mandible": "pronotum",
}


def compare(data: Path, name: str, out: Path, epochs: int) -> str:
    """Trains twice and gives a row of the table."""
    part, _, count = name.partition("-") if name.startswith("wings") else (name, "", "")
    carabid = part != "wings"
    folder = data / ("carabids" if carabid else "") / part
    found = read_tps(folder / ("landmarks.tps" if carabid else "wings.tps"))
    records = sorted(found, key=lambda record: record.image or "")
    tested = [r for i, r in enumerate(records) if is_test(r.image or "", i, carabid)]
    trained = [record for record in records if record not in tested]
    trained = trained[: int(count)] if count else trained
    out.mkdir(parents=True, exist_ok=True)
    landmarks, test = out / "landmarks.tps", out / "test.txt"
    write_tps(landmarks, trained + tested)
    test.write_text("\n".join(record.image or "" for record in tested) + "\n", encoding="utf-8")
    errors = []
    for start in ("scratch", SOURCES[name]):
        run(
            "train", folder / "images", landmarks, "--part", part, "--test", test, "--val-share", 0,
            "--epochs", epochs, "-o", out / start, "--no-export",
            *(() if start == "scratch" else ("--init", f"zoo:{start}")), shown=False,
        )  # fmt: skip
        measured = json.loads((out / start / "metrics.json").read_text(encoding="utf-8"))["test"]
        errors.append(measured["mean_px_256x192"])
    scratch, tuned = errors
    return (
        f"| {part} | {len(trained)} | {len(tested)} | {scratch:.2f} | {tuned:.2f} |"
        f" zoo:{SOURCES[name]} | {tuned / scratch - 1:+.0%} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/finetuning"))
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--only", default=",".join(SOURCES))
    options = parser.parse_args()
    rows = [
        "| part | training photographs | test photographs | from scratch | fine-tuned | from"
        " | difference |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in options.only.split(","):
        rows.append(compare(options.data, name, options.output / name, options.epochs))
        print(rows[-1], flush=True)
        table = "\n".join(rows) + "\n"
        (options.output / "finetuning.md").write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
