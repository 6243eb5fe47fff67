"""The pages of `review` and `annotate`: a server in this process, and photographs to show."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from squares import POINTS
from squares import SIZE as SQUARES_SIZE

from beetle_lm.web.project import Project, review_projects
from beetle_lm.web.runs import Run
from beetle_lm.web.server import Server, Site

Pixels = NDArray[np.uint8]
SIZE = (640, 480)
TOLD = {"merge": "beetle-lm merge", "train": "beetle-lm train", "install": "pip install"}
ODD = (
    "a good.png",
    "b <img src=x onerror=alert(1)> & 甲虫.png",
    "c one.tif",
    "d turned.jpg",
    "e broken.png",
)


@contextmanager
def served(*projects: Project, train: Sequence[str] = ()) -> Iterator[str]:
    """The address of a page, or of the first of several.

    Args:
        projects: what the pages show.
        train: options of the trainings that they start.
    """

    def site(project: Project) -> Site:
        def command_of(run: Run, resume: bool) -> list[str]:
            where = (str(project.folder), str(run.landmarks), "--part", project.spec.name)
            again = ["--resume"] if resume else []
            return ["train", *where, "-o", str(run.folder), *again, *train]

        return Site(project, command_of, TOLD, 500_000_000)

    server = Server([site(project) for project in projects])
    address: list[str] = []
    answers = threading.Event()

    def opened(given: str) -> None:
        address.append(given)
        answers.set()

    serving = threading.Thread(target=server.serve, args=(0, opened))
    serving.start()
    assert answers.wait(20)
    try:
        yield address[0]
    finally:
        server.end()
        serving.join(20)
        server.close()


def review(folder: Path, images: Path | None = None) -> Project:
    """The results of one part, to be corrected."""
    [project] = review_projects(folder, images)
    return project


def quadrangle(number: int) -> list[tuple[float, float]]:
    """The corners of a quadrangle, different in each photograph."""
    rng = np.random.default_rng(number)
    corners = np.array([[170, 130], [460, 120], [480, 350], [150, 370]]) + rng.uniform(
        -30, 30, (4, 2)
    )
    return [(round(x, 2), round(y, 2)) for x, y in corners.tolist()]


def drawn(number: int, size: tuple[int, int] = SIZE) -> Pixels:
    """A photograph, (H, W, 3), of a dark quadrangle on pale ground."""
    large = np.full((size[1] * 4, size[0] * 4, 3), (206, 212, 214), np.uint8)
    corners = np.array(quadrangle(number)) * np.array(size) / SIZE
    cv2.fillPoly(large, [np.rint(corners * 4).astype(np.int32)], (52, 60, 74))
    return np.asarray(cv2.resize(large, size, interpolation=cv2.INTER_AREA), np.uint8)


@functools.cache
def _encoded(number: int, ending: str) -> bytes:
    """The file of a drawn photograph, which many tests write."""
    coded = cv2.imencode(ending, drawn(number)[..., ::-1])[1]
    return coded.tobytes()


def draw_photographs(folder: Path, names: Sequence[str]) -> Path:
    """Writes a photograph for each name, the first with the corners of `quadrangle(0)`."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_encoded(number, path.suffix))
    return folder


def odd_photographs(folder: Path) -> Path:
    """Squares that the tiny models find, in photographs of all kinds.

    A good one, one with markup in its name, a TIFF that lacks two squares, a JPEG that is stored on
    its side, and a file that is none.
    """
    folder.mkdir()
    Image.fromarray(squares(POINTS)).save(folder / ODD[0])
    Image.fromarray(squares([(x + 20, y) for x, y in POINTS])).save(folder / ODD[1])
    Image.fromarray(squares(POINTS[:1])).save(folder / ODD[2], compression="tiff_lzw")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    turned = np.ascontiguousarray(np.rot90(squares(POINTS)))
    Image.fromarray(turned).save(folder / ODD[3], exif=exif, quality=98, subsampling=0)
    (folder / ODD[4]).write_text("no image")
    return folder


def squares(points: Sequence[tuple[float, float]]) -> Pixels:
    """A white photograph with a red, a green and a blue square around as many points."""
    pixels = np.full((SQUARES_SIZE[1], SQUARES_SIZE[0], 3), 255, np.uint8)
    for (x, y), colour in zip(points, np.eye(3, dtype=np.uint8) * 255, strict=False):
        pixels[round(y) - 10 : round(y) + 10, round(x) - 10 : round(x) + 10] = colour
    return pixels
