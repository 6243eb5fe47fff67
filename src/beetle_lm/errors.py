"""Every error that beetle-lm raises on purpose.

The message is one sentence for the user: what is wrong and, where that is the same for everybody,
what to do about it. What to do in the program at hand is a `Hint`: the command line has words for
it, which name its own options (`beetle_lm.hints`). Anything that is not a `BeetleLMError` is a
defect and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from pathlib import Path


class Hint(Enum):
    """What to do about an error or a warning, where that depends on the program that met it."""

    ANOTHER_OUTPUT = auto()
    REPLACE = auto()
    REPLACE_OR_ANOTHER_NAME = auto()
    REPLACE_OR_ANOTHER_OUTPUT = auto()
    UNFINISHED_RUN = auto()
    UNFINISHED_IN_STORE = auto()
    RUN_IN_PROGRESS = auto()
    RESUME = auto()
    RESUME_LATER = auto()
    RESUME_WHEN_BACK = auto()
    CREDENTIALS = auto()
    LISTED = auto()
    START_ANEW = auto()
    MAKE_AGAIN = auto()
    SHARDED_FOLDER = auto()
    DROP = auto()
    MOVE_AWAY = auto()
    CLOSE_IT = auto()
    FINISH_FIRST = auto()
    RESULTS_FOLDER = auto()
    PREDICT_AGAIN = auto()
    IMAGE_SIZES = auto()
    TIDY_TABLE = auto()
    WIDE_TABLE = auto()
    SUBFOLDERS = auto()
    MORE_PIXELS = auto()
    EVERY_PAGE = auto()
    PHOTOGRAPHS_MOVED = auto()
    CPU = auto()
    NO_ISOLATION = auto()
    REGISTRY = auto()
    MODEL_FILE = auto()
    DOWNLOADED_FILE = auto()
    SKIP_BAD = auto()
    START_FROM_WEIGHTS = auto()
    NO_TURN = auto()
    NO_SHAPES = auto()
    TRAIN_WITHOUT_CUDA = auto()
    OTHER_REPORT = auto()
    UNFINISHED_TRAINING = auto()
    CHECKED_ON_PHOTOGRAPHS = auto()
    WITHOUT_FP16 = auto()
    WITHOUT_INT8 = auto()
    NO_INT8 = auto()
    SEARCH = auto()
    NO_FINDING = auto()


class BeetleLMError(Exception):
    """Base of all errors that a user can mend.

    Args:
        message: one sentence on what is wrong.
        hint: what can be done about it in the program at hand.
    """

    def __init__(self, message: str = "", hint: Hint | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class RequestError(BeetleLMError):
    """What was asked for does not fit together, or cannot be meant (exit code 2)."""


class UsageError(RequestError):
    """The options of a command do not fit together; raised by commands alone (exit code 2)."""


class LandmarkFileError(BeetleLMError):
    """A landmark file cannot be read; names the file, the line and what was found there.

    A line of 0 is None: the file has no lines.
    """

    def __init__(
        self, path: Path | str, line: int | None, found: str, hint: Hint | None = None
    ) -> None:
        line = line or None
        where = f"{path}" if line is None else f"{path}, line {line}"
        super().__init__(f"{where}: {found}", hint)
        self.path = Path(path)
        self.line = line
        self.found = found


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


class StoreError(BeetleLMError):
    """An object store or a web server does not answer, or lets nobody in."""


class EngineError(BeetleLMError):
    """A cluster cannot be had, or one of its processes cannot do what it was given."""


class IsolationError(BeetleLMError):
    """The processes that decode photographs cannot be started."""


class CheckpointError(BeetleLMError):
    """A run folder or checkpoint cannot be read or does not fit."""


class RecipeError(BeetleLMError):
    """A training recipe is unknown or has a wrong entry."""


class ParityError(BeetleLMError):
    """An exported file does not give the landmarks of the network it was made from."""


class TrainingDataError(BeetleLMError):
    """Annotated photographs that cannot be trained on: all problems in one list."""

    def __init__(self, problems: Sequence[str], hint: Hint | None = None) -> None:
        count = f"{len(problems)} problem" + ("s" if len(problems) != 1 else "")
        listed = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"{count} in the training data; nothing was trained:\n{listed}", hint)
        self.problems = tuple(problems)


class InstallationError(BeetleLMError):
    """A library that beetle-lm needs is missing, or installed and cannot be imported."""


class MissingExtraError(BeetleLMError):
    """An optional part of beetle-lm is not installed."""
