"""Fuzzing of the readers of landmark files, headers and model cards.

    python bench/fuzz_readers.py text --cases 1000000 [--seed N] [--seconds N]

damages whole landmark files of all kinds (TPS, NTS, tables, those of other programs, in several
encodings; selections of ImageJ and HDF5 where the extras `imagej` and `deeplabcut` are there), part
files and lists of test photographs at random, reads each as training, comparison and conversion do,
and needs the extra `train` for the lists. It stops at the first exception that is no
error for the user, at an error without a line, and at a file that takes more than 5 s of the
processor; the file is then where the message says. At the end it prints how many were read and how
many refused.

    pip install atheris
    python bench/fuzz_readers.py tps corpus/tps -max_total_time=300

goes by coverage. The first argument is the reader: tps, table, header or card. All others go to
libFuzzer: a folder where inputs that reach something new are kept, and its options. It stops in
the same way (10 s); the input is then in the folder where this runs. atheris has wheels for Linux
and macOS and is no dependency of the package, nor of its tests.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import random
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from beetle_lm.errors import (
    BeetleLMError,
    ImageError,
    LandmarkFileError,
    ModelError,
    PartError,
    RequestError,
)
from beetle_lm.predict.evaluation.metrics import evaluate
from beetle_lm.predict.evaluation.report import json_text
from beetle_lm.predict.formats.annotated import read_annotated
from beetle_lm.predict.formats.convert import Kind, convert_file
from beetle_lm.predict.formats.names import NameIndex
from beetle_lm.predict.formats.read import read_records
from beetle_lm.predict.formats.records import Record
from beetle_lm.predict.formats.sizes import SameSize
from beetle_lm.predict.images.find import ImageFile
from beetle_lm.predict.images.header import read_header
from beetle_lm.predict.landmarks import Landmarks
from beetle_lm.train.data.dataset import AnnotatedImages, Specimen
from beetle_lm.train.job import read_test_list
from beetle_lm.zoo.model_file.onnx import check_contents, read_card
from beetle_lm.zoo.model_file.parts import PartSpec

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
        assert error.line is not None or path.suffix not in (".tps", ".csv")


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


SLOWEST = 5.0
KINDS: dict[Kind, str] = {
    "tps": "tps",
    "nts": "nts",
    "wide": "csv",
    "tidy": "csv",
    "deeplabcut": "csv",
    "coco": "json",
    "imglab": "xml",
    "label-studio": "json",
}
NAMES = ("a.jpg", "b/c.JPG", "жук.jpg", "Käfer 1.tif", "甲虫.png", "=1+1.jpg", "d")
LIST = "lst"  # the ending of lists of photographs, here
PIECES = [
    *(word for kind in ("tps", "table") for word in WORDS[kind]),
    *b"LM=0 LM=2 -999 0 . #N/A sep=; bodyparts coords scorer 1e9 1e308 -0 nan".split(),
    *b"individuals frame_idx DIM=2 DIM=3 2L Label X Y RawCoord1 <a> </a> <curves.control".split(),
    *(b"\x1a", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\x81", b"\n", b"\r", b"\t", b'"', b"'", b"="),
]


def whole_files() -> list[tuple[str, bytes]]:
    """Landmark files as programs write them, by the ending of their name."""
    rows = [(name, [10.5, 20.25, 30.0, 41.0]) for name in NAMES]
    tps = "".join(f"LM=2\n10.5 20.25\n30 41\nIMAGE={name}\nID={name}\n" for name, _ in rows)
    curves = tps.replace("IMAGE=", "CURVES=1\nPOINTS=2\n1 2\n3 4\nSCALE=0.5\nIMAGE=")
    wide = ["image,x1,y1_down,x2,y2_down", *(f"{n},{','.join(map(str, xy))}" for n, xy in rows)]
    tidy = ["image,landmark,name,x,y,score"]
    tidy += [f"{n},{i},l{i},{xy[0]},{xy[1]},0.5" for n, xy in rows for i in (1, 2)]
    labelled = ["scorer,A,A,A,A", "bodyparts,p,p,q,q", "coords,x,y,x,y", *wide[1:]]
    r = [wide[0].replace(",", " "), *(f'"{i}" "{n}" 1 2 3 4' for i, (n, _) in enumerate(rows, 1))]
    texts = [("tps", tps), ("tps", curves), ("txt", tps), ("tps", "LM=0\nIMAGE=a.jpg\n" * 3 + tps)]
    texts += [("csv", "\n".join(lines) + "\n") for lines in (wide, tidy, labelled, r)]
    texts.append(("csv", "sep=;\n" + "\n".join(wide).replace(",", ";").replace(".", ",")))
    texts.append(
        ("csv", "\n".join(wide).replace("image,x1,y1_down", "id,X1,Y1").replace("_down", ""))
    )
    texts.append(("toml", 'name = "wing"\nlandmark_names = ["p", "q"]\nmirror_pairs = [[1, 2]]\n'))
    texts += other_programs()
    texts.append((LIST, "# kept aside\n" + "\n".join(NAMES) + "\n"))
    encodings = ("utf-8", "utf-8-sig", "cp1251", "cp1252", "gbk", "utf-16")
    whole = [(kind, text.encode(code, "replace")) for kind, text in texts for code in encodings]
    return whole + binary_files() * len(encodings)


def other_programs() -> list[tuple[str, str]]:
    """Files of programs that write XML or JSON, by the ending of their name."""
    parts = "".join(f"<part name='{n}' x='{n}' y='2.5'/>" for n in range(2))
    dlib = "".join(f"<image file='{n}'><box top='1'>{parts}</box></image>" for n in NAMES)
    points = "".join(f"<points label='{n}' outside='0' points='1.5,{n}'/>" for n in range(2))
    cvat = "".join(f"<image name='{n}'><skeleton>{points}</skeleton></image>" for n in NAMES)
    images = [{"id": number, "file_name": name} for number, name in enumerate(NAMES)]
    each = {"category_id": 1, "keypoints": [1, 2, 2, 3.5, 4, 0]}
    coco = {
        "images": images,
        "annotations": [{"id": n, "image_id": n, **each} for n in range(len(NAMES))],
        "categories": [{"id": 1, "name": "wing", "keypoints": ["p", "q"]}],
    }
    place = {"x": 10.0, "y": 20.0, "keypointlabels": ["p"]}
    item = {"type": "keypointlabels", "original_width": 99, "original_height": 88, "value": place}
    tasks = [{"data": {"image": n}, "annotations": [{"result": [item]}]} for n in NAMES]
    control = [{"label": n, "position": [3.0, 4.0, 0.0]} for n in "pq"]
    slicer = {"markups": [{"coordinateSystem": "LPS", "controlPoints": control}]}
    fcsv = "# Markups fiducial file version = 4.11\n# CoordinateSystem = LPS\n"
    matrix = "<landmarks.pixel type=matrix nrow=2 ncol=2 >\n\tp\t1\t2\n\tq\tNA\tNA\n"
    curve = "<edge type=matrix nrow=3 >\n1\t2\n3\t4\n5\t6\n</edge>\n"
    curves = f"<curves.control type=list>\n{curve}{curve.replace('edge', 'b')}</curves.control>\n"
    count = len(NAMES)
    labels = "\n".join(name.replace(" ", "_") for name in NAMES)
    numbers = "1.5 2 -999 -999\n" * count
    several = [
        "scorer,A,A,A,A,A,A",
        "individuals,i,i,i,j,j,j",
        "bodyparts,p,p,p,p,p,p",
        "coords,x,y,likelihood,x,y,likelihood",
        *(f"{name},1,2,0.5,3,4,0.1" for name in NAMES),
    ]
    sleap = ["track,frame_idx,instance.score,p.x,p.y,p.score,q.x,q.y,q.score"]
    sleap += [f",{number},0.5,1,2,0.9,3,4,0.8" for number in range(count)]
    measured = [" ,Label,Area,X,Y,Slice", *(f"{i},{n}:p,0,1,2,1" for i, n in enumerate(NAMES))]
    return [
        ("nts", f'"comment\n1 {count}L 4 1 -999 DIM=2\n{labels}\n{numbers}'),
        ("nts", f"1 {count} 4 1 -999 DIM=2\n{numbers}"),
        ("dta", f"1 {count}b 2L 0 DIM=2\nx y\n" + "".join(f"p{i} 3 4\n" for i in range(count))),
        *(("csv", "\n".join(lines)) for lines in (several, sleap, measured)),
        ("txt", "1.5\t2\n3\t4\n" * 3),
        ("txt", "Id\tRawCoord1\tRawCoord2\n" + "".join(f"{n}\t1\t2\n" for n in NAMES)),
        ("txt", f"<shapes type=list>\n\t{matrix}\t</landmarks.pixel>\n{curves}</shapes>\n"),
        ("xml", f"<?xml version='1.0'?>\n<dataset><images>{dlib}</images></dataset>"),
        ("xml", f"<annotations><version>1.1</version>{cvat}</annotations>"),
        *(("json", json.dumps(each, indent=1)) for each in (coco, tasks, slicer)),
        ("fcsv", f"{fcsv}1,3,4,0,0,0,0,1,1,1,0,p,,\n2,5,6,0,0,0,0,1,1,1,0,q,,\n"),
        ("txt", f"<shapes type=list>\n\t{matrix}\t</landmarks.pixel>\n</shapes>\n"),
    ]


def binary_files() -> list[tuple[str, bytes]]:
    """Selections of ImageJ and a table of pandas, as far as their libraries are there."""
    found = []
    if find_spec("roifile"):
        from roifile import ROI_TYPE, ImagejRoi

        roi = ImagejRoi.frompoints(np.array([[1.5, 2], [3, 4]], np.float32), name="жук")
        roi.roitype = ROI_TYPE.POINT
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("a.roi", roi.tobytes())
            file.writestr("b.roi", roi.tobytes())
        found += [("roi", roi.tobytes()), ("zip", archive.getvalue())]
    if find_spec("h5py"):
        import h5py

        content = io.BytesIO()
        with h5py.File(content, "w") as file:
            table = file.create_group("df_with_missing")
            table.attrs.update({"pandas_type": np.bytes_(b"frame"), "nblocks": 1})
            for axis in ("axis0", "block0_items"):
                table.attrs[f"{axis}_nlevels"] = 3
                for level, names in enumerate(([b"me"], [b"p", b"q"], [b"x", b"y"])):
                    table[f"{axis}_level{level}"] = np.array(names)
                    table[f"{axis}_label{level}"] = [(0, 0, 0, 0), (0, 0, 1, 1), (0, 1, 0, 1)][
                        level
                    ]
            table["axis1"] = np.array([b"a.jpg", b"b.jpg"])
            table["block0_values"] = np.arange(8.0).reshape(2, 4)
        found.append(("h5", content.getvalue()))
    return found


def damaged(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 4))):
        begin = rng.randrange(len(data) + 1)
        end = min(len(data), begin + rng.choice((0, 0, 1, 1, 2, 5, 20, 200)))
        match rng.randrange(4):
            case 0:
                data[begin:end] = rng.choice(PIECES)
            case 1:
                data[begin:end] = rng.randbytes(rng.randrange(4))
            case 2:  # a piece of itself, elsewhere
                data[begin:begin] = data[begin:end] * rng.choice((1, 1, 3))
            case _:
                del data[begin:end]
    return bytes(data)


def annotated() -> AnnotatedImages:
    """The photographs that lists are of."""
    spec = PartSpec("wing", ("p", "q"))
    landmarks = Landmarks(spec, np.eye(2))
    specimens = [Specimen(ImageFile(Path(name), name), (99, 88), landmarks) for name in NAMES]
    return AnnotatedImages(spec, tuple(specimens), (), (), np.empty((0, 2, 2)))


ANNOTATED = annotated()


def use(path: Path, rng: random.Random) -> bool:
    """Reads a file for one of its purposes; whether it could be read."""
    try:
        if path.suffix == ".toml":
            PartSpec.from_toml(path)
            return True
        if path.suffix == f".{LIST}":
            assert set(read_test_list(path, ANNOTATED)) <= set(NAMES)
            return True
        records = read_records(path, NAMES if rng.randrange(2) else ())
    except PartError:
        return False
    except RequestError as error:
        assert path.suffix == f".{LIST}" and len(str(error)) < 600 + len(str(path))
        return False
    except LandmarkFileError as error:
        assert error.line is not None or path.suffix not in (".tps", ".csv")
        assert len(str(error)) < 600 + len(str(path))
        return False
    index = NameIndex(NAMES)
    for record in records:
        index.find(record.name)
        index.nearest(record.name)
    try:
        match rng.randrange(20):
            case 0:
                json_text(evaluate(records, records[::-1], {}))
            case 1:
                kind = rng.choice(list(KINDS))
                written = path.with_name(f"out.{KINDS[kind]}")
                convert_file(path, written, kind, sizes=SameSize((99, 88)), overwrite=True)
                read_records(written)
            case 2:
                read_annotated(path, NAMES)
    except BeetleLMError:
        pass
    return True


def fuzz_text(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="fuzz_readers.py text")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    given = parser.parse_args(arguments)
    rng, seeds = random.Random(given.seed), whole_files()
    one = [Record(np.eye(2), "a.jpg")]
    json_text(evaluate(one, one, {}))  # loads what takes seconds to load
    begun, read, slowest, done = time.monotonic(), 0, 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        while done < given.cases and time.monotonic() - begun < given.seconds:
            kind, content = rng.choice(seeds)
            path = Path(folder) / f"a.{kind}"
            path.write_bytes(damaged(content, rng))
            started = time.process_time()  # others may use the machine, too
            try:
                read += use(path, rng)
                took = time.process_time() - started
                assert took < SLOWEST, f"{took:.1f} s"
            except BaseException:
                kept = Path(f"fuzz-{given.seed}-{done}.{kind}").absolute()
                kept.write_bytes(path.read_bytes())
                print(f"case {done} of seed {given.seed} is in {kept}", file=sys.stderr)
                raise
            slowest = max(slowest, took)
            done += 1
    took = time.monotonic() - begun
    refused = done - read
    print(f"{done} cases in {took:.0f} s, {slowest:.2f} s the slowest: {read} read,", end=" ")
    print(f"{refused} refused, no crash")


def main() -> None:
    logging.disable()
    warnings.simplefilter("ignore")
    if sys.argv[1:2] == ["text"]:
        fuzz_text(sys.argv[2:])
        return
    fuzz_by_coverage()


def fuzz_by_coverage() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in READERS:
        raise SystemExit(
            f"give one of text, {', '.join(READERS)}; python {sys.argv[0]} tps [CORPUS]"
        )
    kind = sys.argv.pop(1)
    name, read = READERS[kind]
    import atheris

    atheris.instrument_all()
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
