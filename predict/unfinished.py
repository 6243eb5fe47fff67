"""A folder of results while it is being written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from beetle_lm.errors import OutputError
from beetle_lm.predict.result_files import RESULTS, refuse_existing
from beetle_lm.predict.textfile import encodable

_UNFINISHED = ".incomplete"


class UnfinishedFolder:
    """Results are written beside, in `path`, and all moved into place at the end, or none.

    Use it as a context: what was not finished with `finish` is removed.

    Args:
        folder: where the results go; made if need be.
        overwrite: replace the results of an earlier run.

    Raises:
        OutputError: the folder cannot be written, or holds results already.
    """

    def __init__(self, folder: Path, overwrite: bool = False) -> None:
        refuse_existing(folder, overwrite)
        self.folder = folder

    @property
    def path(self) -> Path:
        """Where results lie until they are whole."""
        return self.folder / _UNFINISHED

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if self.path.exists():  # of a run that was killed
                shutil.rmtree(self.path)
            self.path.mkdir()
        except OSError as error:
            self.abandon()
            raise unwritable(self.folder, error) from error
        return self

    def finish(self, run: dict[str, Any]) -> None:
        """Writes `run` as run.json and moves all results into place.

        Raises:
            OutputError: the folder cannot be written.
        """
        try:
            text = json.dumps(run, indent=2, ensure_ascii=False)
            path = self.path / "run.json"
            path.write_text(encodable(text) + "\n", encoding="utf-8", newline="\n")
            for name in RESULTS:
                old, new = self.folder / name, self.path / name
                if old.is_dir():
                    shutil.rmtree(old)
                elif not new.exists():
                    old.unlink(missing_ok=True)
                if new.exists():
                    new.replace(old)
            self.path.rmdir()
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def abandon(self) -> None:
        """Removes what is unfinished, and the folder if nothing else is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.abandon()


def unwritable(folder: Path, error: OSError) -> OutputError:
    """The error that says that a folder cannot be written."""
    return OutputError(f"{folder} cannot be written: {error.strerror or error}")
