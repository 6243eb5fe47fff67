"""What `bench/peers.py` gives to other programs and takes from them, without the programs."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from beetle_lm.predict.formats.tps import TpsRecord, read_tps, write_tps

SMALL, LARGE = (40, 30), (120, 90)
XY = np.array([[10.0, 4.0], [31.5, 22.25]])


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "bench"))
    return import_module("peers")


def size_of(path: Path) -> tuple[int, int]:
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture.shape[1], picture.shape[0]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Elytra of five specimens: 5 and 10 are tested, 10 and 7 are three times as large."""
    folder = tmp_path / "data" / "carabids" / "elytra"
    (folder / "images").mkdir(parents=True)
    records = []
    for number in (3, 5, 6, 7, 10):
        size = LARGE if number in (7, 10) else SMALL
        name = f"Elytre_{number:03}.png"
        cv2.imwrite(str(folder / "images" / name), np.full((size[1], size[0], 3), 90, np.uint8))
        records.append(TpsRecord.from_image_xy(XY * size[0] / SMALL[0], size, name))
    write_tps(folder / "landmarks.tps", records)
    return tmp_path / "data"


def test_another_program_gets_photographs_of_one_size_and_its_landmarks_are_scaled_back(
    peers: ModuleType, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "row"
    row = peers.Row.of("elytra")
    landmarks, factors = peers.lay_out(row, peers.PEERS["deeplabcut"], data, out)
    assert factors == {"Elytre_005.png": 1.0, "Elytre_010.png": pytest.approx(1 / 3)}
    assert {size_of(path) for path in out.glob("t*/*.png")} == {SMALL}
    table = (out / "training.csv").read_text(encoding="utf-8").splitlines()
    learnt = [f"Elytre_{number:03}.png" for number in (3, 6, 7)]
    assert [line.split(",")[0] for line in table] == ["scorer", "bodyparts", "coords", *learnt]
    assert {tuple(map(float, line.split(",")[1:])) for line in table[3:]} == {tuple(XY.flat)}

    for line, name in zip(table[3:5], factors, strict=True):
        table[table.index(line)] = line.replace(line.split(",")[0], name)
    (out / "found.csv").write_text("\n".join(table[:5]) + "\n", encoding="utf-8")
    found = read_tps(peers.placed(out / "found.csv", out, factors))
    wanted = [record for record in read_tps(landmarks) if record.image in factors]
    for one, true in zip(found, wanted, strict=True):
        assert one.image == true.image
        np.testing.assert_allclose(one.points, true.points, atol=1e-3)


def test_one_that_takes_any_size_gets_the_photographs_as_they_are(
    peers: ModuleType, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "row"
    _, factors = peers.lay_out(peers.Row.of("elytra-2"), peers.PEERS["dlib"], data, out)
    assert set(factors.values()) == {1.0}
    assert size_of(out / "test" / "Elytre_010.png") == LARGE
    assert [r.image for r in read_tps(out / "training.tps")] == ["Elytre_003.png", "Elytre_006.png"]
    assert peers.placed(out / "training.tps", out, factors) == out / "training.tps"


def test_a_line_of_the_table(peers: ModuleType) -> None:
    told = {
        "version": "deeplabcut 3",
        "weights": "random",
        "schedule": "60 of 200 epochs",
        "training": {"processor": 90.0},
        "passes": [{"processor": 4.0}, {"processor": 5.0}, {"processor": 9.0}],
    }
    px = {"mean": 3.0, "median": 2.5, "p95": 8.125}
    measured = {
        "distance": {"px": px},
        "specimens": 19,
        "missing": {"predicted": 2, "manual": 0},
    }
    rest = "1.5 | 4.0 | random | 60 of 200 epochs |"
    assert peers.line("wings-10", 10, 12, 20, told, measured) == (
        f"| wings-10, deeplabcut 3 | 10 / 20 | 3.00 | 2.50 | 8.12 | 14 of 240 | {rest}"
    )
    assert peers.line("wings-10", 10, 12, 20, told, None) == (
        f"| wings-10, deeplabcut 3 | 10 / 20 |  |  |  | 240 of 240 | {rest}"
    )
