"""TPS files: whatever is in them, and those of other laboratories."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from growth import MOST_GROWTH, growth
from mutation import mutated

from beetle_lm.errors import LandmarkFileError
from beetle_lm.predict.formats.tps import format_record, read_tps, write_tps

PLAIN = "LM=2\n10.50000 20.25000\n30.00000 40.00000\nIMAGE=a.jpg\nID=7\nSCALE=0.05\n"
NAN = float("nan")

CURVED = (
    "LM=1\n1.00000 2.00000\nCURVES=2\nPOINTS=2\n1.00000 1.00000\n-1.00000 -1.00000\n"
    "POINTS=1\n5.00000 6.50000\nIMAGE=a.jpg\nID=7\n"
)
OTHERS = (
    "OUTLINES=1\nPOINTS=2\n1 1\n2.123456789 2\nVARIABLES=sex=f,age=2\nPOINTS=1\n9 9\nRADII=1\n0.5\n"
)
MUTABLE = (
    "LM=2\r\n10.5 20.25\r\nNA NA\r\nIMAGE=Käfer.jpg\r\nID=7\r\nSCALE=0,05\r\n" + CURVED + OTHERS
).encode()


def test_any_bytes_give_records_or_an_error_that_names_the_file(
    tps: Callable[[str | bytes], Path],
) -> None:
    rng = random.Random(2024)
    pieces = [
        b"LM=",
        b"=",
        b"\n",
        b"\r",
        b"POINTS=",
        b"CURVES=9",
        b"-1 ",
        b"1e400 ",
        b"\x81",
        b"\0",
    ]
    outcomes = {True: 0, False: 0}
    for _ in range(1000):
        path = tps(mutated(MUTABLE, rng, pieces, most=4))
        try:
            found = read_tps(path)
        except LandmarkFileError as error:
            assert error.path == path
            outcomes[False] += 1
        else:
            assert not any(np.isinf(one.points).any() for one in found)
            assert len(read_tps(tps("".join(map(format_record, found))))) == len(found)
            outcomes[True] += 1
    assert min(outcomes.values()) > 100


@pytest.mark.parametrize(
    "piece",
    [
        (b"LM=1\n", b"9", b" 1\n"),
        (b"LM=1\n1.", b"1", b"x 1\n"),
        (b"LM=1\n", b"1 ", b"\n"),
        (b"LM=0\n", b"=", b""),
        (b"LM=0\nID=", b"a \t", b"\n"),
        (b"LM=0\n", b"POINTS=1\n1 1\n", b""),
        (b"LM=0\nCURVES=0\n", b"ID =", b"1\n"),
        (b"", b"LM=0\n", b""),
        (b"", b"\r\n", b""),
        (b"", b"\r", b"\0"),
    ],
    ids=repr,
)
def test_large_nonsense_is_read_in_linear_time(
    tps: Callable[[str | bytes], Path], piece: tuple[bytes, bytes, bytes]
) -> None:
    begin, middle, end = piece

    def read(times: int) -> None:
        path = tps(begin + middle * times + end)
        try:
            read_tps(path)
        except LandmarkFileError as error:
            assert error.line is not None
            assert len(str(error)) < 400

    assert growth(read, 20_000 // len(middle)) < MOST_GROWTH


@pytest.mark.parametrize(
    ("name", "records", "landmarks"),
    [
        ("carabids/manual/pronotum.tps", 293, 8),
        ("carabids/manual/elytra.tps", 293, 11),
        ("carabids/manual/head.tps", 293, 10),
        ("carabids/manual/left-mandible.tps", 286, 16),
        ("carabids/manual/right-mandible.tps", 290, 18),
        ("lucanidae/Elytron.TPS", 1302, 50),
        ("lucanidae/Pronotum.TPS", 1302, 25),
        ("wings/wings.tps", 46, 12),
        ("mollusk/mollusk.tps", 166, 15),
    ],
)
@pytest.mark.parametrize("variant", ["as it is", "CRLF without ID", "CR with BOM"])
def test_real_files_are_read_in_full(
    shared_data: Path, tmp_path: Path, name: str, records: int, landmarks: int, variant: str
) -> None:
    data = (shared_data / name).read_bytes()
    if variant == "CRLF without ID":
        data = re.sub(rb"(?m)^ID=.*\n", b"", data).replace(b"\n", b"\r\n")
    elif variant == "CR with BOM":
        data = b"\xef\xbb\xbf" + data.replace(b"\n", b"\r")
    path = tmp_path / Path(name).name
    path.write_bytes(data)
    found = read_tps(path)
    assert len(found) == records
    assert {len(one.points) for one in found} == {landmarks}
    assert all(one.image for one in found)
    assert all((one.id is None) == (variant == "CRLF without ID") for one in found)
    numbers = re.findall(rb"(?m)^[ ]*([\d.]+) +([\d.]+)[ ]*$", re.sub(rb"\r\n?", b"\n", data))
    points = np.concatenate([one.points for one in found])
    np.testing.assert_array_equal(points, np.array(numbers, dtype=np.float64))
    write_tps(tmp_path / "again.tps", found)
    again = read_tps(tmp_path / "again.tps")
    assert [one.others for one in again] == [one.others for one in found]
    np.testing.assert_allclose(
        np.concatenate([one.points for one in again]), points, rtol=0, atol=5.1e-6
    )
