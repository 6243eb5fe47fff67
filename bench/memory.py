"""Peak memory of `beetle-lm predict` on few and on many photographs. Linux only.

    python bench/memory.py [DATA] [--part pronotum] [--counts 200 2000] [--repeats 3]

DATA is the folder with `carabids/` that `bench/README.md` describes; without it photographs of
3264 x 2448 are drawn. The peak is that of resident memory, of all processes of the run together.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import fresh
from photographs import copies, sources

ASKED = 1.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("data", nargs="?", type=Path, metavar="DATA")
    parser.add_argument("--part", default="pronotum", help="whose model to use")
    parser.add_argument("--counts", type=int, nargs=2, default=(200, 2000))
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="memory-") as folder:
        made = Path(folder)
        source = sources(options.data, options.part, made)["baseline"]
        print(f"{source.about}\n\n| photographs | peak MB | of each run |\n|---:|---:|---|")
        folders = {
            count: copies(source.files, count, made / str(count)) for count in options.counts
        }
        peaks: dict[int, list[float]] = {count: [] for count in options.counts}
        for number in range(options.repeats):
            for count, photographs in folders.items():
                out = made / f"out-{count}-{number}"
                command = ("predict", photographs, "--part", options.part, "-o", out, "-q")
                peaks[count].append(fresh.peak_memory(fresh.beetle_lm(*command)))
    middle = [statistics.median(found) for found in peaks.values()]
    for (count, found), median in zip(peaks.items(), middle, strict=True):
        print(f"| {count} | {median:.0f} | {', '.join(f'{peak:.0f}' for peak in found)} |")
    print(f"\nratio {middle[1] / middle[0]:.3f} (asked: at most {ASKED})")


if __name__ == "__main__":
    main()
