"""Templates, photographs on which they fit, and pictures on which they do not."""

from __future__ import annotations

from pathlib import Path

import pytest
from mandibles import SIZE, blank, mandible, turned, write
from training_data import tps_record


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two templates, three photographs, and pictures on which no template fits."""
    root = tmp_path_factory.mktemp("transfer")
    records = []
    for number in (1, 6, 2, 3):
        pixels, xy = mandible(number)
        name = f"m{number}.png"
        write(root / ("templates" if number in (1, 6) else "photographs") / name, pixels)
        records.append(tps_record(name, xy, SIZE[1]))
    pixels, xy = turned(*mandible(2), 150)
    write(root / "photographs" / "turned.png", pixels)
    records.append(tps_record("turned.png", xy, SIZE[1]))
    (root / "landmarks.tps").write_text("".join(records), encoding="utf-8")
    (root / "one.tps").write_text(records[0], encoding="utf-8")
    write(root / "wrong" / "blank.png", blank())
    write(root / "wrong" / "head.png", mandible(1, "head")[0])
    write(root / "wrong" / "elytra.png", mandible(1, "elytra")[0])
    write(root / "wrong" / "half.png", mandible(2)[0][: SIZE[1] // 2])
    return root
