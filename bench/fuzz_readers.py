"""Coverage-guided fuzzing of the readers of landmark files, headers and model cards.

    pip install atheris
    python bench/fuzz_readers.py tps corpus/tps -max_total_time=300

The first argument is the reader: tps, table, header or card. All others go to libFuzzer: a folder
where inputs that reach something new are kept, and its options. It stops at the first exception
that is no error for the user, at an error without a line, and at an input that takes more than
10 s; that input is then in the folder where this runs. atheris has wheels for Linux and macOS and
is no dependency of the package, nor of its tests.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["beetle_lm", "PIL", "json", "csv"]):
    from beetle_lm.errors import ImageError, LandmarkFileError, ModelError
    from beetle_lm.predict.formats.read import read_records
    from beetle_lm.predict.images.header import read_header
    from beetle_lm.zoo.model_file.onnx import check_contents, read_card

WORDS = {
    "tps": b"LM= LM3= IMAGE= ID= SCALE= CURVES= POINTS= COMMENT= NA -1 1,5 1e308".split(),
    "table": b"image x1 y1_down y1_up landmark x y name score , ; \" NA id X1 Y1 '=".split(),
    "header": [b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"Exif\0\0", b"\x89PNG\r\n\x1a\n", b"RIFF"],
    "card": [b"beetle_lm_card", b'"format": 1', b'"landmark_names"', b"1e999", b"\x72", b"\x3a"],
}


def landmarks(path: Path) -> None:
    try:
        read_records(path)
    except LandmarkFileError as error:
        assert error.line is not None


def header(path: Path) -> None:
    try:
        read_header(path)
    except ImageError:
        return


def card(path: Path) -> None:
    for read in (read_card, check_contents):
        try:
            read(path)
        except ModelError:
            continue


READERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "tps": ("a.tps", landmarks),
    "table": ("a.csv", landmarks),
    "header": ("a.jpg", header),
    "card": ("a.onnx", card),
}


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in READERS:
        raise SystemExit(f"give one of {', '.join(READERS)}; python {sys.argv[0]} tps [CORPUS]")
    kind = sys.argv.pop(1)
    name, read = READERS[kind]
    logging.disable()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        words = Path(folder) / "words"
        escaped = ("".join(f"\\x{byte:02x}" for byte in word) for word in WORDS[kind])
        words.write_text("".join(f'"{word}"\n' for word in escaped), encoding="ascii")

        def one(data: bytes) -> None:
            path.write_bytes(data)
            read(path)

        atheris.Setup([*sys.argv, f"-dict={words}", "-timeout=10"], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
