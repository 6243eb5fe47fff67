"""What a training run is asked to do: the photographs, what each is for, the recipe."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tomli_w

from beetle_lm.encoding import SAVE_AS_UTF8, NotUtf8Error, utf8_text
from beetle_lm.entries import load
from beetle_lm.errors import CheckpointError, RequestError, TrainingDataError
from beetle_lm.predict.formats.names import NameIndex
from beetle_lm.predict.formats.read import content_of
from beetle_lm.predict.formats.text import regional_texts
from beetle_lm.predict.images.orientation import ExifFrame
from beetle_lm.text import counted, printable
from beetle_lm.train.data.dataset import AnnotatedImages
from beetle_lm.train.data.folds import split
from beetle_lm.train.engine.recipe import Recipe
from beetle_lm.train.methods import recipe_from_dict

CONFIG = "config.toml"
"""The job's file name in a run folder."""


@dataclass(frozen=True)
class Job:
    """Everything that decides the outcome of a run; `config.toml` in the run folder.

    Args:
        images: folder of the photographs.
        landmarks: the landmark file.
        landmarks_sha256: SHA-256 of the landmark file, or of all in a folder.
        exif: the frame of the landmarks.
        part: name of the part.
        seed: of everything random.
        init: the run, checkpoint or model to start from, as the user named it; empty for none.
        training: names of the photographs to train on.
        validation: names of those that are only measured after every epoch.
        test: names of those that are only measured at the end.
        recipe: how to train.
        init_sha256: SHA-256 of the file to start from; empty for none.
        shapes: landmark file of further specimens whose shapes are learned; empty for none.
        shapes_sha256: SHA-256 of that file; empty for none.
    """

    images: str
    landmarks: str
    landmarks_sha256: str
    exif: ExifFrame
    part: str
    seed: int
    init: str
    training: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    recipe: Recipe
    init_sha256: str = ""
    shapes: str = ""
    shapes_sha256: str = ""

    def to_toml(self) -> str:
        """The job as TOML."""
        options = {name: value for name, value in vars(self).items() if name != "recipe"}
        return tomli_w.dumps(options | {"recipe": self.recipe.to_dict()})

    @classmethod
    def read(cls, run: Path) -> Job:
        """The job of a run folder.

        Raises:
            CheckpointError: the folder has no readable `config.toml`.
            RecipeError: the recipe in it has a wrong entry.
        """
        path = run / CONFIG
        wrong = f"{path} cannot be read"
        try:
            entries = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise CheckpointError(f"{run} is not a training run: it has no {CONFIG}") from error
        except (OSError, ValueError) as error:  # no UTF-8, no TOML
            raise CheckpointError(f"{wrong}: {error}") from error
        recipe = recipe_from_dict(entries.pop("recipe", None), str(path))
        return load(cls, entries | {"recipe": recipe}, wrong, CheckpointError)


def make_job(
    data: AnnotatedImages,
    images: Path,
    landmarks: Path,
    exif: ExifFrame,
    recipe: Recipe,
    seed: int,
    validation_share: float,
    test: Sequence[str] = (),
    init: str = "",
    init_sha256: str = "",
    shapes: Path | None = None,
) -> Job:
    """Decides which photographs train, validate and test.

    Raises:
        TrainingDataError: no photograph is left to train on.
    """
    kept_aside = set(test)
    rest = [specimen.name for specimen in data.specimens if specimen.name not in kept_aside]
    if not rest:
        raise TrainingDataError(["no photographs are left to train on: all are test photographs"])
    training, validation = split(rest, validation_share, seed)
    return Job(
        images=str(images),
        landmarks=str(landmarks),
        landmarks_sha256=_sha256(landmarks),
        exif=exif,
        part=data.spec.name,
        seed=seed,
        init=init,
        training=tuple(training),
        validation=tuple(validation),
        test=tuple(sorted(kept_aside)),
        recipe=recipe,
        init_sha256=init_sha256,
        shapes=str(shapes) if shapes else "",
        shapes_sha256=_sha256(shapes) if shapes else "",
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(content_of(path)).hexdigest()


def read_test_list(path: Path, data: AnnotatedImages) -> list[str]:
    """The photographs named in a text file, one name on each line.

    Raises:
        RequestError: the file cannot be read or names a photograph that has no landmarks.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RequestError(
            f"the list of test photographs {path} cannot be read: {error}"
        ) from error
    index = NameIndex(specimen.name for specimen in data.specimens)
    named = _names_in(path, content, index)
    unknown = [name for name in named if index.find(name) is None]
    if unknown:
        near = index.nearest(unknown[0])
        raise RequestError(
            f"{path} names {counted(len(unknown), 'photograph')} without usable landmarks, the"
            f" first: {printable(unknown[0])}"
            + (f"; the most similar name is {printable(near)}" if near else "")
        )
    return sorted({found for name in named if (found := index.find(name)) is not None})


def _names_in(path: Path, content: bytes, index: NameIndex) -> list[str]:
    """The names in a list, without its comments, in the encoding in which most are known."""
    try:
        texts = [utf8_text(content)]
    except NotUtf8Error as error:
        texts = [text for _, text in regional_texts(content)] if error.is_text else []
        if not texts:
            raise RequestError(f"the list of test photographs {path} {error.found}") from error
    lists = [[line.strip() for line in text.splitlines() if line.strip()] for text in texts]
    named = max(lists, key=lambda names: sum(index.find(name) is not None for name in names))
    if len(texts) > 1 and any(not n.isascii() and index.find(n) is None for n in named):
        raise RequestError(
            f"the list of test photographs {path} is in an unknown encoding; {SAVE_AS_UTF8}"
        )
    return [name for name in named if not name.startswith("#") or index.find(name) is not None]
