"""`beetle-lm merge`: corrected records take the place of earlier ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kinds import Command

from beetle_lm.predict.formats.tps import read_tps

TRAINING = (
    "LM=2\n1.00000 2.00000\n3.00000 4.00000\nIMAGE=a.jpg\nID=mine 1\nSCALE=0.5\nCOMMENT=old\n"
    "LM=2\n5.00000 6.00000\n7.00000 8.00000\nIMAGE=b.jpg\nID=mine 2\n"
    "LM=0\nIMAGE=C.JPG\nID=mine 3\n"
    "LM=2\n9.00000 9.00000\n8.00000 8.00000\nIMAGE=d.jpg\nID=mine 4\n"
)
CORRECTED = (
    "LM=2\n1.00000 2.00000\n3.00000 9.00000\nIMAGE=photographs\\a.jpg\nID=a\nCOMMENT=new\n"
    "LM=2\n5.00000 6.00000\n7.00000 8.00000\nIMAGE=b.jpg\nID=b\n"
    "LM=2\n1.00000 1.00000\n-1.00000 -1.00000\nIMAGE=c.jpg\nID=c\nSCALE=0.25\n"
    "LM=0\nIMAGE=d.jpg\nID=d\n"
    "LM=2\n2.00000 2.00000\n4.00000 4.00000\nIMAGE=e.jpg\nID=e\n"
)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    first, second = tmp_path / "training.tps", tmp_path / "corrected.tps"
    first.write_text(TRAINING, encoding="utf-8")
    second.write_text(CORRECTED, encoding="utf-8")
    return first, second, tmp_path / "new.tps"


def test_what_replaced_what(command: Command, files: tuple[Path, Path, Path]) -> None:
    first, second, new = files
    done = command("merge", first, second, "-o", new)
    assert done.code == 0
    assert done.out.splitlines() == [
        "a.jpg: 1 landmark replaced, by up to 5.0 px",
        "C.JPG: 2 landmarks replaced",
        f"{new}: 5 records; 2 replaced, 1 new, 1 the same in both, 1 only in training.tps,"
        " 1 not annotated and left out",
    ]
    a, b, c, d, e = read_tps(new)
    assert a.points.tolist() == [[1, 2], [3, 9]]
    assert (a.image, a.id, a.scale, a.comments) == ("a.jpg", "mine 1", 0.5, ("old",))
    assert (b.id, b.points.tolist()) == ("mine 2", [[5, 6], [7, 8]])
    assert (c.image, c.id, c.scale) == ("C.JPG", "mine 3", 0.25)
    assert np.isnan(c.points[1]).all()
    assert d.points.tolist() == [[9, 9], [8, 8]]
    assert (e.image, e.id) == ("e.jpg", "e")
    assert first.read_text() == TRAINING and second.read_text() == CORRECTED


def test_an_existing_file_stays(command: Command, files: tuple[Path, Path, Path]) -> None:
    first, second, new = files
    new.write_text("mine")
    done = command("merge", first, second, "-o", new)
    assert done.code == 1 and "--overwrite" in done.err and new.read_text() == "mine"
    assert command("merge", first, second, "-o", first, "--overwrite").code == 0
    assert len(read_tps(first)) == 5


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("LM=2\n2.00000 2.00000\n", "LM=1\n2.00000 2.00000\n#", "not of one part"),
        ("IMAGE=e.jpg", "IMAGE=b.jpg", "twice"),
    ],
)
def test_what_does_not_fit_is_refused(
    command: Command, files: tuple[Path, Path, Path], old: str, new: str, told: str
) -> None:
    first, second, target = files
    text = CORRECTED.replace(old, new).replace("#4.00000 4.00000\n", "")
    second.write_text(text, encoding="utf-8")
    done = command("merge", first, second, "-o", target)
    assert done.code == 1 and told in done.err
    assert not target.exists()


def test_names_that_may_mean_several_are_refused(
    command: Command, files: tuple[Path, Path, Path]
) -> None:
    first, second, target = files
    first.write_text(TRAINING.replace("a.jpg", "x/e.jpg").replace("b.jpg", "y/e.jpg"))
    done = command("merge", first, second, "-o", target)
    assert done.code == 1 and "may be any of" in done.err
