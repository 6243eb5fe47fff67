"""Results in an object store: a folder of this machine that stands for one there.

A run writes into the folder as into any. What others need goes to the store, each file whole: what
the run was begun with, each partition as it is done, and in the end the results, `run.json` last. A
store has no lock that ends with the process that holds it, and needs none: of several that begin at
once one wins, the others have to have the same settings and photographs, and two that compute the
same partition, or gather, write the same bytes.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from beetle_lm.errors import BeetleLMError, Hint, OutputError, RequestError
from beetle_lm.predict.batch.result_files import MARK, RESULTS, UNFINISHED
from beetle_lm.predict.images import stores
from beetle_lm.predict.images.earlier import SUMMARY

_WRITABLE = ("s3://", "gs://", "az://")
_PARTITIONS, _ROWS = "partitions", "rows"
_HINTS = {  # nothing in a store is replaced
    Hint.UNFINISHED_RUN: Hint.UNFINISHED_IN_STORE,
    **dict.fromkeys(
        (Hint.REPLACE_OR_ANOTHER_OUTPUT, Hint.START_ANEW, Hint.DROP), Hint.ANOTHER_OUTPUT
    ),
}
_PATIENCE = 30.0  # seconds for another run to write what it begins with


class Mirror:
    """A folder of this machine that stands for one of a store while a run lasts.

    Args:
        address: of the folder in the store.
        folder: of this machine; it has what is kept in the store of an unfinished run, but for
            partitions, which are fetched when they are read; or else the results, by name alone.
        partitions: the files of whole partitions in the store, by their paths below `folder`.
    """

    def __init__(self, address: str, folder: Path, partitions: set[str]) -> None:
        self.address, self.folder = address, folder
        self._partitions = partitions
        self._begun: list[str] = []

    @classmethod
    @contextmanager
    def opened(
        cls, address: str, has_rows: Callable[[str], bool] = lambda name: True
    ) -> Iterator[Mirror]:
        """The mirror of a folder of a store, there or not yet.

        In the end the rows of partitions that are not whole yet go to the store, too. Errors name
        the store where they would name the folder.

        Args:
            address: of the folder.
            has_rows: whose unfinished rows are wanted, by the names of their files.

        Raises:
            RequestError: results cannot be written there.
            StoreError: the store does not answer, or lets nobody in.
            OutputError: what is there cannot be read.
        """
        address = stores.checked(address)
        if not address.startswith(_WRITABLE):
            known = ", ".join(_WRITABLE)
            raise RequestError(f"results cannot be written to {address}: {known} can take them")
        with tempfile.TemporaryDirectory(prefix="beetle-lm-") as made:
            folder = Path(made, address.rsplit("/", 1)[-1])
            folder.mkdir()
            try:
                with _using(address):
                    mirror = cls(address, folder, set())
                    mirror._fetch(has_rows)
                try:
                    yield mirror
                except BaseException:
                    with suppress(OSError, BeetleLMError):  # the store may be what has failed
                        mirror._leave()
                    raise
                with _using(address):
                    mirror._leave()
            except BeetleLMError as error:
                error.args = (str(error).replace(str(folder), address), *error.args[1:])
                error.hint = None if error.hint is None else _HINTS.get(error.hint, error.hint)
                raise

    def told(self, path: Path) -> str:
        """The address that a path stands for."""
        below = path.relative_to(self.folder).as_posix()
        return self.address if below == "." else f"{self.address}/{below}"

    def share(self, paths: Sequence[Path]) -> bool:
        """Writes what a run, or a part of it, begins with, unless another has begun it.

        Args:
            paths: the files, in the order in which they are written.

        Returns:
            Whether that was so; where it was not, the files of the other are there now.

        Raises:
            OutputError: they cannot be written, or those of the other are not there.
            StoreError: the store does not answer.
        """
        with _using(self.address):
            for path in paths:
                if not stores.write_new(self.told(path), path):
                    break
                self._begun.append(self.told(path))
            else:
                return True
            until = time.monotonic() + _PATIENCE
            for path in paths:
                while True:
                    with suppress(FileNotFoundError):
                        path.write_bytes(stores.read_whole(self.told(path)))
                        break
                    if time.monotonic() > until:
                        told = f"another run into {self.address} was begun and did not go on"
                        raise OutputError(told, Hint.ANOTHER_OUTPUT)
                    time.sleep(1)
        return False

    def put(self, path: Path) -> None:
        """Writes the file of a whole partition to the store.

        Raises:
            OutputError: it cannot be written.
            StoreError: the store does not answer.
        """
        with _using(self.address):
            stores.write_file(self.told(path), path)
        self._partitions.add(self._below(path))

    def has(self, path: Path) -> bool:
        """Whether the file of a partition is in the store, as far as is known."""
        return self._below(path) in self._partitions

    def in_folder(self, folder: Path) -> set[str]:
        """The names of the partitions of a folder that are in the store, asked anew."""
        with _using(self.address):
            try:
                names = {one.name for one in stores.listed(self.told(folder)) if not one.is_folder}
            except FileNotFoundError:
                names = set()
        self._partitions |= {self._below(folder / name) for name in names}
        return names

    def get(self, path: Path) -> bytes:
        """The file of a partition that is in the store.

        Raises:
            OutputError: it is not there any more.
            StoreError: the store does not answer.
        """
        with _using(self.address):
            return stores.read_whole(self.told(path))

    def publish(self) -> None:
        """Writes all results to the store, run.json last, and removes there what was unfinished.

        Raises:
            OutputError: they cannot be written.
            StoreError: the store does not answer.
        """
        with _using(self.address):
            for path in sorted(self._results(), key=_rank):
                if path.name == SUMMARY:  # which tells the time, too
                    stores.write_file(self.told(path), path)
                elif not stores.write_new(self.told(path), path):
                    raise OutputError(
                        f"{path} was put there while the run was going on, and is not replaced",
                        Hint.MOVE_AWAY,
                    )
            self._remove_unfinished()

    def _results(self) -> list[Path]:
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return [one for one in files if not self._below(one).startswith(".incomplete")]

    def _fetch(self, has_rows: Callable[[str], bool]) -> None:
        """Makes the folder what the one in the store is, as far as a run needs to know."""
        found = []
        with suppress(FileNotFoundError):
            found = stores.listed(self.address)
        # What an unfinished run has published already is compared when it is published again.
        if UNFINISHED in {one.name for one in found} and self._fetch_unfinished(has_rows):
            return
        for one in found:
            if one.is_folder:  # of a part, perhaps
                (self.folder / one.name).mkdir()
                with suppress(FileNotFoundError):
                    self._fetch_one(f"{one.name}/{SUMMARY}")
            elif one.name == SUMMARY:
                self._fetch_one(one.name)
            elif one.name in RESULTS:
                (self.folder / one.name).touch()

    def _fetch_unfinished(self, has_rows: Callable[[str], bool]) -> bool:
        """Fetches what is kept of an unfinished run; whether there is one."""
        files = list(stores.files_below(f"{self.address}/{UNFINISHED}"))
        if MARK not in {one.name for one in files}:  # it was finished, and not quite removed
            self._remove_unfinished()
            return False
        for one in files:
            below, path = f"{UNFINISHED}/{one.name}", PurePosixPath(one.name)
            if path.parent.name == _PARTITIONS:
                self._partitions.add(below)
            elif not path.name.startswith(_ROWS) or has_rows(path.name):
                self._fetch_one(below)
        return True

    def _fetch_one(self, below: str) -> None:
        path = self.folder / below
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stores.read_whole(f"{self.address}/{below}"))

    def _leave(self) -> None:
        unfinished = self.folder / UNFINISHED
        if unfinished.exists():
            for path in unfinished.glob(f"part-*/{_ROWS}*"):
                if path.stat().st_size:
                    stores.write_file(self.told(path), path)
        elif self._begun and not self._partitions:  # nothing was done
            self._remove_unfinished()

    def _remove_unfinished(self) -> None:
        folder = f"{self.address}/{UNFINISHED}"
        with suppress(FileNotFoundError):
            files = [f"{folder}/{one.name}" for one in stores.files_below(folder)]
            # The mark first: without it the rest is only left over.
            stores.remove(sorted(files, key=lambda file: file != f"{folder}/{MARK}"))
        self._begun, self._partitions = [], set()

    def _below(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()


def _rank(path: Path) -> tuple[bool, int, str]:
    """Orders results: the parts first, and what says that they are whole after all others."""
    name = path.name
    return name == SUMMARY, -len(path.parts), path.as_posix()


@contextmanager
def _using(address: str) -> Iterator[None]:
    """Turns what a store says of a file of ours into a sentence for the user.

    Raises:
        OutputError: instead of any OSError.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(f"{address} cannot be used for results: {error}") from error
