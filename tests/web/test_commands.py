"""`review` and `annotate` on the command line: what they refuse, and when they end."""

from __future__ import annotations

import json
import struct
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hub_server import HubServer
from kinds import Command, Draw, WriteModel
from pages import ODD, draw_photographs, quadrangle, review, served
from tiff_files import RGB, TiffPage, tiff_file

from beetle_lm.errors import OutputError
from beetle_lm.predict.formats.tps import read_tps
from beetle_lm.web import commands, patience
from beetle_lm.web.pictures import Pictures
from beetle_lm.web.project import Project, annotation_project, review_projects
from beetle_lm.zoo.model_file.parts import PartSpec
from beetle_lm.zoo.registry import bundled_model

WING = PartSpec.numbered("wing", 4)


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    return draw_photographs(tmp_path / "photographs", ["00.png", "01.png"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--part", "wing", "-o", "wing.csv"), "must end in .tps"),
        (("--part", "wing", "-o", "wing.tps"), "--landmarks"),
        (("--part", "head", "--landmarks", 3, "-o", "wing.tps"), "--landmarks is for parts"),
    ],
)
def test_what_annotate_cannot_mean(
    command: Command, drawn: Path, options: tuple[object, ...], told: str
) -> None:
    done = command("annotate", drawn, *options)
    assert done.code == 2 and told in done.err


@pytest.fixture
def annotated_with(
    command: Command, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Project, str]]:
    """``annotated_with("--part", "head")``: what would be served, and what is said of its model."""
    served: list[Project] = []

    def serve(projects: list[Project], *others: object) -> None:
        served.extend(projects)
        projects[0].close()

    monkeypatch.setattr(commands, "_serve", serve)

    def annotate(*options: object) -> tuple[Project, str]:
        done = command("annotate", drawn, "-o", tmp_path / "some.tps", *options)
        assert done.code == 0 and done.out == ""
        return served[-1], done.err.strip()

    return annotate


def test_the_bundled_model_proposes(annotated_with: Callable[..., tuple[Project, str]]) -> None:
    project, told = annotated_with("--part", "pronotum")
    assert project.model == bundled_model("pronotum")
    assert told == "landmarks are proposed by the bundled model for pronotum; -m none does without"
    project, told = annotated_with("--part", "pronotum", "-m", "none")
    assert project.model is None and told == ""


def test_no_model_is_bundled_for_a_part_of_ones_own(
    annotated_with: Callable[..., tuple[Project, str]], hub: HubServer
) -> None:
    project, told = annotated_with("--part", "wing", "--landmarks", 4)
    assert project.model is None and told == "" and hub.requests == []


def test_a_model_that_was_trained_here_proposes(
    annotated_with: Callable[..., tuple[Project, str]], write_model: WriteModel
) -> None:
    wing = ("--part", "wing", "--landmarks", 3)
    first, _ = annotated_with(*wing)
    for run in ("run-9", "run-10"):
        (first.runs.folder / run).mkdir(parents=True)
        write_model("wing.onnx").rename(first.runs.folder / run / "wing.onnx")
    (first.runs.folder / "run-11").mkdir()  # is not through
    project, told = annotated_with(*wing)
    assert project.model == first.runs.folder / "run-10" / "wing.onnx"
    assert f"{project.model}, trained here" in told
    named = write_model("named.onnx")
    assert annotated_with(*wing, "-m", named)[0].model == named
    assert annotated_with(*wing, "-m", "none")[0].model is None


def test_a_model_of_another_scheme_is_refused(
    command: Command, drawn: Path, write_model: WriteModel, tmp_path: Path
) -> None:
    out = tmp_path / "wing.tps"
    wing = ("--part", "wing", "--landmarks", 4, "-m", write_model())
    done = command("annotate", drawn, *wing, "-o", out)
    assert done.code == 2 and "places 3 landmarks of dots, but wing has 4" in done.err
    assert not out.with_name("wing.tps.sqlite").exists()


def test_photographs_that_are_not_there(command: Command, tmp_path: Path) -> None:
    out = tmp_path / "wing.tps"
    done = command("annotate", tmp_path / "absent", "--part", "wing", "--landmarks", 4, "-o", out)
    assert done.code == 1 and "absent" in done.err and not out.exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("LM=3\n1 2\n3 4\n5 6\nIMAGE=00.png\n", "has 3 landmarks of 00.png, but wing has 4"),
        ("LM=1\n1 2\nIMAGE=00.png\nLM=1\n1 2\nIMAGE=00.PNG\n", "twice"),
        ("nothing", "must begin with LM="),
    ],
)
def test_a_file_of_another_scheme_stays(
    command: Command, drawn: Path, tmp_path: Path, text: str, told: str
) -> None:
    out = tmp_path / "wing.tps"
    out.write_text(text)
    done = command("annotate", drawn, "--part", "wing", "--landmarks", 4, "-o", out)
    assert done.code == 1 and told in done.err
    assert out.read_text() == text


def test_a_set_of_another_scheme_is_refused(drawn: Path, tmp_path: Path) -> None:
    annotation_project([drawn], tmp_path / "wing.tps", PartSpec.numbered("wing", 9)).close()
    project = annotation_project([drawn], tmp_path / "wing.tps", WING)  # nothing was saved
    project.save(0, 0, "accepted", np.array(quadrangle(0)), 0.0)
    project.close()
    (tmp_path / "wing.tps").unlink()
    with pytest.raises(OutputError, match="records of 4 landmarks, not of 5"):
        annotation_project([drawn], tmp_path / "wing.tps", PartSpec.numbered("wing", 5))
    (tmp_path / "wing.tps.sqlite").write_text("this is no database, but some other file" * 99)
    with pytest.raises(OutputError, match="not a database"):
        annotation_project([drawn], tmp_path / "wing.tps", WING)


def test_a_folder_without_results(command: Command, tmp_path: Path) -> None:
    done = command("review", tmp_path)
    assert done.code == 1 and "holds no results" in done.err


def test_results_of_several_parts(command: Command, zoo: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    for part in ("head", "wing"):
        draw_photographs(tmp_path / "in" / part, [f"{part} 00.png"])
    out = tmp_path / "out"
    assert command("predict", tmp_path / "in", "--zoo", zoo, "-o", out).code == 0
    (tmp_path / "in").rename(tmp_path / "moved")
    done = command("review", out)
    assert done.code == 1 and "--images" in done.err
    assert not (out / "head" / "corrections.sqlite-journal").exists()
    projects = review_projects(out, tmp_path / "moved")
    for part, project in zip(("head", "wing"), projects, strict=True):
        assert project.spec.name == part and len(project.spec) == 3
        assert project.store.names == (f"{part} 00.png",)
        assert project.landmark_file == out / part / "corrected.tps"
        project.close()
    [alone] = review_projects(out / "wing", tmp_path / "moved" / "wing")
    assert alone.spec.name == "wing"
    alone.close()


def test_photographs_that_were_moved(
    command: Command, predicted: Callable[..., Path], photographs: Path, tmp_path: Path
) -> None:
    out = predicted()
    photographs.rename(tmp_path / "elsewhere")
    done = command("review", out)
    assert done.code == 1 and "--images" in done.err
    project = review(out, tmp_path / "elsewhere")
    assert project.images[ODD[0]].path.exists()
    project.close()


def test_results_without_a_table_of_landmarks(predicted: Callable[..., Path]) -> None:
    out = predicted("--format", "tps")
    project = review(out)
    row = project.store.row(ODD[0])
    [record] = [each for each in read_tps(out / "landmarks.tps") if each.image == ODD[0]]
    assert row.proposed is not None and np.abs(row.proposed - record.in_image(300)).max() < 1e-6
    assert row.expected is None and row.error is not None
    project.close()


def test_the_server_ends_when_nobody_looks(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "UNWATCHED_SECONDS", 0.5)
    project = annotation_project([drawn], tmp_path / "wing.tps", WING)
    with served(project) as address:
        assert json.load(urllib.request.urlopen(f"{address}api/news"))["version"] > 0
        begun = time.monotonic()
        while time.monotonic() - begun < 20:
            try:
                urllib.request.urlopen(f"{address}app/main.js").close()
            except OSError:
                break
            time.sleep(0.2)
        assert time.monotonic() - begun < 20


def test_time_that_the_computer_sleeps_does_not_count() -> None:
    waiting = patience.Patience(0)
    assert not any(waiting.runs_out(now, 0, False) for now in range(1, 300))
    assert not waiting.runs_out(30_000, 299, False)  # it wakes up, and the page a little later
    assert not waiting.runs_out(30_001, 299, False)
    last = 30_000 + int(patience.UNWATCHED_SECONDS)
    assert not any(waiting.runs_out(now, 299, False) for now in range(30_002, last + 1))
    assert waiting.runs_out(last + 1, 299, False)
    assert not waiting.runs_out(last + 2, 299, True)


def test_a_photograph_of_ten_thousand_million_pixels(drawn: Path, tmp_path: Path) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    size = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    chunks = chunk(b"IHDR", size) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    (drawn / "02 huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    project = annotation_project([drawn], tmp_path / "wing.tps", WING)
    project.save(0, 0, "accepted", np.array(quadrangle(0)), 0.0)
    with served(project) as address:
        for path in ("photograph/2", "thumbnail/2"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(address + path)
            assert refused.value.code == 422
            assert "too large" in json.load(refused.value)["error"]
            refused.value.close()
        assert json.load(urllib.request.urlopen(f"{address}api/photographs/2"))["number"] == 2


def test_a_photograph_that_is_gone_keeps_its_record(drawn: Path, tmp_path: Path) -> None:
    project = annotation_project([drawn], tmp_path / "wing.tps", WING)
    for number in (0, 1):
        project.save(number, 0, "accepted", np.array(quadrangle(number)), 0.0)
    project.close()
    before = (tmp_path / "wing.tps").read_bytes()
    (drawn / "00.png").write_bytes(b"damaged")
    project = annotation_project([drawn], tmp_path / "wing.tps", WING)
    project.write()
    project.close()
    assert (tmp_path / "wing.tps").read_bytes() == before
    (drawn / "00.png").unlink()
    project = annotation_project([drawn], tmp_path / "wing.tps", WING)
    project.write()
    project.close()
    assert (tmp_path / "wing.tps").read_bytes() == before


def test_pages_of_a_stack_are_shown(
    command: Command, write_model: WriteModel, draw: Draw, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    stack, out = tmp_path / "stack.tif", tmp_path / "out"
    pages = [draw((400, 300), [(x + 40 * i, 150)]) for i, x in enumerate((60, 100))]
    stack.write_bytes(tiff_file(*(TiffPage(page, RGB) for page in pages)))
    call = ("predict", stack, "-m", write_model(), "-o", out, "--pages", "all")
    assert command(*call).code == 0
    project = review(out)
    pictures = Pictures()
    for number, page in enumerate(pages, start=1):
        shown = pictures.whole(project.images[f"stack_page{number}.tif"])
        pixels = cv2.imdecode(np.frombuffer(shown, np.uint8), cv2.IMREAD_COLOR_RGB)
        assert pixels is not None and np.abs(pixels.astype(int) - page).mean() < 1
    assert project.headers.of("stack_page2.tif").size == (400, 300)
    project.close()
