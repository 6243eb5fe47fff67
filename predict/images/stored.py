"""A photograph in an object store or on a web server: read in pieces, as far as it is needed."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from beetle_lm.errors import StoreError
from beetle_lm.predict.images import stores

_FIRST, _LARGEST = 1 << 14, 1 << 20  # bytes: most headers are in the first


@dataclass(frozen=True)
class StoredFile:
    """A file by its address, and what is known of it before it is read.

    Args:
        address: where it is; without secrets.
        size: in bytes, as its store or a list of photographs says.
        version: what is another one when it has changed, in the same way.
        is_told: a list says so, which has to be held against the store.
    """

    address: str
    size: int | None = None
    version: str | None = None
    is_told: bool = False

    @property
    def name(self) -> str:
        """The last piece of the address."""
        return self.address.rsplit("/", 1)[-1]

    @property
    def suffix(self) -> str:
        """The ending of the name, with its dot."""
        return os.path.splitext(self.name.partition("?")[0])[1]  # noqa: PTH122

    def __str__(self) -> str:
        return self.address

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The file to read from.

        Raises:
            OSError: it is not there, may not be read, or is another one than a list says.
            StoreError: the store does not answer, or lets nobody in.
        """
        size = self.size
        if self.is_told or size is None:
            found = stores.about(self.address)
            for told, now, what in (
                (self.size, found.size, "size"),
                (self.version, found.version, "version"),
            ):
                if told is not None and now is not None and told != now:
                    raise OSError(f"it has another {what} than its list says ({now}, not {told})")
            size = found.size
        if size is None:
            content = stores.read_whole(self.address)
            yield io.BytesIO(content)
            return
        stream = _Ranges(self.address, size)
        try:
            yield cast(BinaryIO, stream)
        except StoreError:
            raise
        except Exception:  # which a reader of pictures may have made of it
            stream.raise_failure()
            raise
        stream.raise_failure()


class _Ranges(io.RawIOBase):
    """A file that is fetched in pieces, which grow: a header costs one, all the rest another.

    Args:
        address: of the file.
        size: its bytes.
    """

    def __init__(self, address: str, size: int) -> None:
        self._address, self._size = address, size
        self._at, self._next = 0, _FIRST
        self._pieces: dict[int, bytes] = {}  # by where they start; they do not overlap
        self._failure: OSError | StoreError | None = None

    def raise_failure(self) -> None:
        """Raises what went wrong when the file was read, whatever a reader has made of it."""
        if self._failure is not None:
            raise self._failure

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        end = self._size if size is None or size < 0 else min(self._size, self._at + size)
        found = []
        while self._at < end:
            piece = self._piece(end)
            found.append(piece)
            self._at += len(piece)
        return b"".join(found)

    def readall(self) -> bytes:
        return self.read()

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        content = self.read(len(view))
        view[: len(content)] = content
        return len(content)

    def _piece(self, end: int) -> bytes:
        """What is there from here on, up to `end`; fetches it if need be."""
        for start, piece in self._pieces.items():
            if start <= self._at < start + len(piece):
                return piece[self._at - start : end - start]
        further = [start for start in self._pieces if start > self._at]
        until = min([self._size, max(end, self._at + self._next), *further])
        self._next = min(2 * self._next, _LARGEST)
        start, content = self._at, self._fetched(self._at, until)
        if len(content) == self._size > until - start:  # the server knows no ranges
            self._pieces = {0: content}
            return content[start:end]
        self._pieces[start] = content
        return content[: end - start]

    def _fetched(self, start: int, end: int) -> bytes:
        try:
            content = stores.read(self._address, start, end)
            if len(content) < end - start:
                raise OSError("it is shorter than it was said to be")
        except (OSError, StoreError) as error:
            self._failure = error
            raise
        return content
