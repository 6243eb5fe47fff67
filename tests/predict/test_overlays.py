"""How photographs come to their overlays: read once, and drawn by the threads that read them."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("onnxruntime")

from kinds import Command, Draw, WriteModel
from squares import POINTS, SIZE
from stopped_runs import files, write_photos

from beetle_lm.errors import ImageError
from beetle_lm.predict.batch import overlays
from beetle_lm.predict.drawing.overlay import OVERLAY, jpeg
from beetle_lm.predict.images import read, reading
from beetle_lm.predict.images.decode import decode
from beetle_lm.predict.images.header import read_whole
from beetle_lm.predict.images.read import Form, Picture, read_forms, read_image
from beetle_lm.predict.images.sandbox import Isolation, WorkerLost


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts how often photographs are read from the disk, and how often decoded."""
    counts: Counter[str] = Counter()

    def whole(*given: Any) -> Any:
        counts["read"] += 1
        return read_whole(*given)

    def decoded(*given: Any) -> Any:
        counts["decoded"] += 1
        return decode(*given)

    monkeypatch.setattr(read, "read_whole", whole)
    monkeypatch.setattr(read, "decode", decoded)
    return counts


@pytest.mark.parametrize(
    ("kind", "channels", "input_size", "decodings"),
    [
        ("png", 3, (96, 72), 1),
        ("png", 1, (96, 72), 1),
        ("jpg", 3, (256, 192), 1),
        ("jpg", 1, (256, 192), 2),  # the decoder gives grey or colour
        ("jpg", 3, (96, 72), 2),  # it gives a fourth for the model, and all for the overlay
    ],
)
def test_photographs_are_read_once_for_landmarks_overlay_and_overview(
    command: Command,
    write_model: WriteModel,
    draw: Draw,
    tmp_path: Path,
    counted: Counter[str],
    kind: str,
    channels: int,
    input_size: tuple[int, int],
    decodings: int,
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(3):
        Image.fromarray(draw(SIZE, POINTS)).save(photos / f"{i}.{kind}")
    call = ("predict", photos, "-m", write_model(channels=channels, size=input_size))
    assert command(*call, "-o", tmp_path / "out", "--overlay").code == 0
    assert (tmp_path / "out" / "overview.jpg").is_file()
    assert counted == {"read": 3, "decoded": 3 * decodings}
    assert command(*call, "-o", tmp_path / "plain").code == 0
    assert counted == {"read": 6, "decoded": 3 * decodings + 3}
    for name in ("landmarks.tps", "predictions.csv", "specimens.csv"):
        same = [(tmp_path / folder / name).read_bytes() for folder in ("out", "plain")]
        assert same[0] == same[1]


def test_overlays_are_drawn_by_the_threads_that_read(
    command: Command, model: Path, draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    for i in range(5):
        Image.fromarray(draw(SIZE, POINTS)).save(tmp_path / "photos" / f"{i}.png")
    names: dict[str, set[int]] = {"read": set(), "drawn": set()}

    def noted(*given: Any, **named: Any) -> Any:
        names["read"].add(threading.get_ident())
        return read_forms(*given, **named)

    def drawn(*given: Any) -> Any:
        names["drawn"].add(threading.get_ident())
        return jpeg(*given)

    monkeypatch.setattr(reading, "read_forms", noted)
    monkeypatch.setattr(overlays, "jpeg", drawn)
    call = ("predict", tmp_path / "photos", "-m", model, "-o", tmp_path / "out", "--overlay")
    assert command(*call, "--workers", "1", "-b", "2").code == 0
    assert names["drawn"] == names["read"]
    assert threading.get_ident() not in names["read"]


def test_forms_are_those_that_are_read_one_by_one(draw: Draw, tmp_path: Path) -> None:
    Image.fromarray(draw((1700, 1300), POINTS)).save(tmp_path / "a.jpg")
    forms = [Form(1, (400, 300)), OVERLAY, Form(3, (800, 600))]
    for form, picture in zip(forms, read_forms(tmp_path / "a.jpg", forms), strict=True):
        alone = read_image(tmp_path / "a.jpg", form.channels, form.at_least)
        assert isinstance(picture, Picture)
        assert picture.frame == alone.frame
        assert (picture.pixels == alone.pixels).all()


def test_a_decoder_that_crashes_on_the_overlay_takes_no_landmarks_along(
    draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(draw(SIZE, POINTS)).save(tmp_path / "a.png")

    def call(_: Isolation, function: Any, path: Path, forms: list[Form]) -> Any:
        if OVERLAY in forms:
            raise WorkerLost("the decoder crashed (SIGSEGV)")
        return function(path, forms)

    monkeypatch.setattr(Isolation, "call", call)
    with reading.reading(isolate=True) as reader:
        picture, drawn_on = reader.forms(tmp_path / "a.png", [Form(3, (96, 72)), OVERLAY])
        assert isinstance(picture, Picture) and isinstance(drawn_on, ImageError)
        assert str(drawn_on) == "a.png cannot be decoded: the decoder crashed (SIGSEGV)"
        with pytest.raises(ImageError, match="SIGSEGV"):
            reader(tmp_path / "a.png", OVERLAY.channels, OVERLAY.at_least)


def test_an_overlay_that_cannot_be_written_stops_the_run_and_loses_nothing(
    command: Command, model: Path, draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    write_photos(photos, draw, 11)
    call = ("predict", photos, "-m", model, "-b", "2", "--overlay", "-o")
    assert command(*call, tmp_path / "whole").code == 0
    write_bytes = Path.write_bytes

    def refuse(path: Path, content: bytes) -> int:
        if path.name == "04.jpg":
            raise OSError(28, "No space left on device")
        return write_bytes(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", refuse)
        stopped = command(*call, out)
    assert stopped.code == 1
    assert "04.jpg cannot be written: No space left on device" in stopped.err
    assert "4 of 11 images done, kept in" in stopped.err
    done = command(*call, out, "--resume")
    assert done.code == 0 and "going on after 4 of 11 images" in done.err
    assert files(out) == files(tmp_path / "whole")
