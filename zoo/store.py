"""The models that were pulled: where they lie, and whether they are whole.

In the folder ``beetle-lm`` of Hugging Face's own (HF_HOME): ``models/NAME-HASH.onnx`` are the
files, ``pulled/*.json`` say where each came from. Both are written under other names first and
moved into place, the file before its record, so that whatever has a record is there in full.
The unfinished file of a download has the SHA-256 of its model in its name: the next attempt, from
wherever, goes on with it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from beetle_lm.entries import load, parse_json
from beetle_lm.errors import HubError, ModelError, OutputError
from beetle_lm.files import UNFINISHED, replacing
from beetle_lm.zoo.model_file.manifest import Manifest, file_sha256

_FORGOTTEN_AFTER = 7 * 24 * 3600  # seconds without a byte; until then a download can be resumed
_GIVEN_UP_AFTER = 60  # seconds without a byte, which no download that goes on is silent for
_WORTH_KEEPING = 1 << 20  # bytes of a download that broke off
_LONGEST_STEM = 200  # a registry may call a model what it likes


def cache_folder(environment: Mapping[str, str], home: Path) -> Path:
    """The folder that pulled models are kept in.

    Args:
        environment: environment variables; HF_HOME and XDG_CACHE_HOME steer it.
        home: the user's home folder.
    """
    cache = environment.get("XDG_CACHE_HOME") or str(home / ".cache")
    hub_home = environment.get("HF_HOME") or str(Path(cache) / "huggingface")
    return Path(os.path.expandvars(hub_home)).expanduser() / "beetle-lm"


@dataclass(frozen=True)
class Pulled:
    """One model in the store.

    Args:
        source: where it comes from, e.g. ``hf:org/name@v1`` or a web address.
        commit: the Hub's commit that was pulled, 40 hexadecimal digits; empty for other sources.
        file: name of its file in the store.
        manifest: what the file must be.
    """

    source: str
    commit: str
    file: str
    manifest: Manifest

    def to_json(self) -> str:
        """The record as it is kept; `from_json` reads it back."""
        fields = {"source": self.source, "commit": self.commit, "file": self.file}
        return json.dumps({**fields, "manifest": json.loads(self.manifest.to_json())}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Pulled:
        """Reads a record.

        Raises:
            ModelError: it is damaged, or of another version of beetle-lm.
        """
        damaged = "a record of a pulled model is damaged"
        record = load(cls, parse_json(text, damaged, ModelError), damaged, ModelError)
        if Path(record.file).name != record.file:
            raise ModelError(f"{damaged}: {record.file!r:.60} is not the name of a file")
        return record


class Store:
    """The folder of pulled models. Reading it needs no network and makes no folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = cache_folder(os.environ, Path.home()) if folder is None else folder
        self._models, self._records = self.folder / "models", self.folder / "pulled"

    def records(self) -> list[Pulled]:
        """All models that were pulled, by source; damaged records are left out."""
        found = []
        for path in self.record_files():
            with contextlib.suppress(ModelError):
                found.append(self.read_record(path))
        return sorted(found, key=lambda record: record.source)

    def record_files(self) -> list[Path]:
        """The files of the records, damaged ones too."""
        return sorted(self._records.glob("[!.]*.json"))

    @staticmethod
    def read_record(path: Path) -> Pulled:
        """One record.

        Raises:
            ModelError: it cannot be read.
        """
        try:
            return Pulled.from_json(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"{path} cannot be read: {error}") from error

    def find(self, source: str) -> Pulled | None:
        """The model that was pulled from a source; None if none was."""
        path = self._record_path(source)
        with contextlib.suppress(ModelError):
            record = self.read_record(path)
            return record if record.source == source else None
        return None

    def path(self, record: Pulled) -> Path:
        """Where a model's file lies, whether it is whole or not."""
        return self._models / record.file

    def is_whole(self, record: Pulled) -> bool:
        """Whether a model's file is there, byte for byte."""
        return _is(self.path(record), record.manifest.sha256)

    def add(
        self,
        source: str,
        commit: str,
        name: str,
        sha256: str,
        pieces: Callable[[int], Generator[bytes, None, None]],
        check: Callable[[Path], Manifest],
    ) -> Pulled:
        """Adds a model, whole or not at all; it is fetched only if it is not here yet.

        Args:
            source: where it comes from.
            commit: the Hub's commit, or empty.
            name: what the file's name begins with.
            sha256: of the file.
            pieces: gives the file's content from a byte on, which counts from 0.
            check: makes sure that a file is the right one, and says what it is.

        Raises:
            HubError: it cannot be fetched; the next attempt goes on where this one ended.
            ModelError: the file is not the right one.
            OutputError: the store cannot be written.
        """
        stem = re.sub("[^A-Za-z0-9._-]+", "-", name).strip(".-") or "model"
        stem = stem[:_LONGEST_STEM]
        path = self._models / f"{stem}-{sha256[:12]}.onnx"
        with _writing(self.folder):
            self._models.mkdir(parents=True, exist_ok=True)
            self._records.mkdir(parents=True, exist_ok=True)
            self._sweep()
            if _is(path, sha256):
                manifest = check(path)
            else:
                with replacing(path) as unfinished:
                    begun = self._fetch(unfinished, sha256, pieces)
                    try:
                        manifest = check(unfinished)
                    except ModelError:
                        if begun is not None:  # its content may be what is wrong
                            begun.unlink(missing_ok=True)
                        raise
            record = Pulled(source, commit, path.name, manifest)
            with replacing(self._record_path(source)) as unfinished:
                unfinished.write_bytes(record.to_json().encode("utf-8"))
        return record

    def _fetch(
        self, path: Path, sha256: str, pieces: Callable[[int], Generator[bytes, None, None]]
    ) -> Path | None:
        """Writes a file that goes on with what an earlier attempt left, which is returned."""
        stem = f"{UNFINISHED}{sha256[:24]}-"
        own = self._models / f"{stem}{secrets.token_hex(8)}"
        begun = max(self._models.glob(f"{stem}*"), key=_size, default=None)
        try:
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                if begun is not None and _is_abandoned(begun, _GIVEN_UP_AFTER):
                    begun.replace(own)
                elif begun is not None:
                    shutil.copyfile(begun, own)  # somebody may be writing it at this moment
            with own.open("ab") as stream, contextlib.closing(pieces(stream.tell())) as content:
                stream.writelines(content)
            own.replace(path)
            if begun is not None and _is_abandoned(begun, _GIVEN_UP_AFTER):
                begun.unlink(missing_ok=True)
        except BaseException as error:
            stopped = isinstance(error, HubError | KeyboardInterrupt)
            if not stopped or _size(own) < _WORTH_KEEPING:
                own.unlink(missing_ok=True)
            raise
        return begun

    def remove(self, record: Pulled) -> None:
        """Forgets a model; its file goes when no other record needs it.

        Raises:
            OutputError: the store cannot be written.
        """
        with _writing(self.folder):
            self._record_path(record.source).unlink(missing_ok=True)
            if all(other.file != record.file for other in self.records()):
                self.path(record).unlink(missing_ok=True)

    def verify(self) -> list[tuple[str, Path, bool]]:
        """Hashes every file: where each model comes from, its file, and whether it is whole."""
        found = []
        for path in self.record_files():
            try:
                record = self.read_record(path)
            except ModelError:
                found.append(("a record of a pulled model", path, False))
            else:
                found.append((record.source, self.path(record), self.is_whole(record)))
        return sorted(found)

    def write_text(self, folder: str, name: str, text: str) -> None:
        """Keeps a small text, found again with `read_text` by its folder and name.

        Raises:
            OutputError: the store cannot be written.
        """
        path = self._text_path(folder, name)
        with _writing(self.folder):
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as unfinished:
                unfinished.write_bytes(text.encode("utf-8"))

    def read_text(self, folder: str, name: str) -> str | None:
        """A text that was kept; None if there is none."""
        try:
            return self._text_path(folder, name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def _record_path(self, source: str) -> Path:
        return self._text_path(self._records.name, source)

    def _text_path(self, folder: str, name: str) -> Path:
        # Sources differ in signs and in case that file systems do not tell apart.
        return self.folder / folder / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.json"

    def _sweep(self) -> None:
        """Removes what killed processes left behind long ago."""
        for folder in (self._models, self._records):
            for path in folder.glob(f"{UNFINISHED}*"):
                if _is_abandoned(path, _FORGOTTEN_AFTER):
                    with contextlib.suppress(OSError):
                        path.unlink()


def _is(path: Path, sha256: str) -> bool:
    with contextlib.suppress(ModelError):
        return file_sha256(path) == sha256
    return False


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0


def _is_abandoned(path: Path, seconds: float) -> bool:
    """Whether nothing has been written to a file for that long."""
    with contextlib.suppress(OSError):
        return time.time() - path.stat().st_mtime > seconds
    return False


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"the folder of pulled models, {folder}, cannot be written:"
            f" {error.strerror or error}; set HF_HOME to a folder that can be"
        ) from error
