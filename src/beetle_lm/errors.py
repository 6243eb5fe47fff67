"""Every error that beetle-lm raises on purpose.

The message is one sentence for the user: what is wrong and what to do about it. The command line
prints it without a traceback; anything that is not a `BeetleLMError` is a defect and keeps its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class BeetleLMError(Exception):
    """Base of all errors that a user can mend."""


class UsageError(BeetleLMError):
    """The command's arguments do not fit together (exit code 2)."""


class LandmarkFileError(BeetleLMError):
    """A TPS or CSV file cannot be read; names the file, the line and what was found there."""

    def __init__(self, path: Path | str, line: int | None, found: str) -> None:
        self.path = Path(path)
        self.line = line
        self.found = found
        where = f"{path}" if line is None else f"{path}, line {line}"
        super().__init__(f"{where}: {found}")


class LandmarkError(BeetleLMError):
    """Coordinates that do not fit their part, e.g. 10 landmarks for elytra."""


class ImageError(BeetleLMError):
    """A photograph cannot be read."""


class PartError(BeetleLMError):
    """A part is unknown or badly described."""


class ModelError(BeetleLMError):
    """A model file is missing, damaged, or not one of beetle-lm's."""


class HubError(ModelError):
    """A model cannot be fetched or published: no network, no access, not what was promised."""


class DeviceError(BeetleLMError):
    """The device that was asked for cannot be had, or no ONNX runtime is installed."""


class SpecimenError(BeetleLMError):
    """A photograph shows no specimen that stands out, or none that a template fits."""


class OutputError(BeetleLMError):
    """Results cannot be written, or would overwrite earlier ones."""


class IsolationError(BeetleLMError):
    """The processes that decode photographs cannot be started."""


class CheckpointError(BeetleLMError):
    """A run folder or checkpoint cannot be read or does not fit."""


class RecipeError(BeetleLMError):
    """A training recipe is unknown or has a wrong entry."""


class ParityError(BeetleLMError):
    """An exported file does not give the landmarks of the network it was made from."""


class TrainingDataError(BeetleLMError):
    """Annotated photographs that cannot be trained on: all problems in one list, and what to do."""

    def __init__(self, problems: Sequence[str], advice: str = "") -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem" + ("s" if len(self.problems) != 1 else "")
        listed = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(
            f"{count} in the training data; nothing was trained:\n{listed}"
            + (f"\n{advice}" if advice else "")
        )


class MissingExtraError(BeetleLMError):
    """An optional part of beetle-lm is not installed."""


@contextmanager
def require_extra(extra: str) -> Iterator[None]:
    """Turns a failing import of an optional dependency into a sentence that says how to get it.

    Raises:
        MissingExtraError: an import inside the block found no module.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("beetle_lm"):
            raise
        raise MissingExtraError(
            f'{error.name} is not installed; `pip install "beetle-lm[{extra}]"` brings it'
        ) from error
