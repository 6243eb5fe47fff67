"""The models that were pulled: where they lie, and whether they are whole.

In the folder ``beetle-lm`` of Hugging Face's own (HF_HOME): ``models/NAME-HASH.onnx`` are the
files, ``pulled/*.json`` say where each came from. Both are written elsewhere first and moved into
place, the file before its record, so that whatever has a record is there as a whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from beetle_lm.entries import load, parse_json
from beetle_lm.errors import ModelError, OutputError
from beetle_lm.zoo.model_file.manifest import Manifest, file_sha256
from beetle_lm.zoo.model_file.onnx import check_contents, read_card

_UNFINISHED = ".unfinished-"
_ABANDONED_AFTER = 24 * 3600  # seconds


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
            raise ModelError(f"{damaged}: {record.file!r:.60} is no name of a file")
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
        with contextlib.suppress(ModelError):
            return file_sha256(self.path(record)) == record.manifest.sha256
        return False

    def add(
        self,
        source: str,
        commit: str,
        name: str,
        manifest: Manifest,
        fill: Callable[[BinaryIO], None],
    ) -> Pulled:
        """Takes a model in, as a whole or not at all.

        Args:
            source: where it comes from.
            commit: the Hub's commit, or empty.
            name: what the file's name begins with.
            manifest: what the file must be.
            fill: writes the file; it is called only if the store has not got the file yet.

        Raises:
            ModelError: the file is not what the manifest promises, or carries another card.
            OutputError: the store cannot be written.
        """
        stem = re.sub("[^A-Za-z0-9._-]+", "-", name).strip(".-") or "model"
        file = f"{stem}-{manifest.sha256[:12]}.onnx"
        record = Pulled(source, commit, file, manifest)
        with _writing(self.folder):
            self._models.mkdir(parents=True, exist_ok=True)
            self._records.mkdir(parents=True, exist_ok=True)
            self._sweep()
            if not self.is_whole(record):
                with _replacing(self.path(record)) as (stream, unfinished):
                    fill(stream)
                    stream.flush()
                    _check(unfinished, manifest, source)
            with _replacing(self._record_path(source)) as (stream, _):
                stream.write(record.to_json().encode("utf-8"))
        return record

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
            with _replacing(path) as (stream, _):
                stream.write(text.encode("utf-8"))

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
        """Removes what killed processes left behind."""
        for path in (*self._models.glob(f"{_UNFINISHED}*"), *self._records.glob(f"{_UNFINISHED}*")):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED_AFTER:
                    path.unlink()


def _check(path: Path, manifest: Manifest, source: str) -> None:
    size, found = path.stat().st_size, file_sha256(path)
    if size < manifest.size:
        raise ModelError(
            f"{source}: the model file was cut short on its way, {size} of {manifest.size} bytes;"
            " try again"
        )
    if found != manifest.sha256:
        raise ModelError(
            f"{source}: the model file is not the one that was published: its SHA-256 is {found},"
            f" not {manifest.sha256}; nothing was kept. Try again, and if it stays so tell those"
            " who published it"
        )
    check_contents(path)
    if read_card(path) != manifest.card:
        raise ModelError(
            f"{source}: the card beside the model is not the one inside it; nothing was kept."
            " Publish the model again with `beetle-lm zoo push`"
        )


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"the folder of pulled models, {folder}, cannot be written:"
            f" {error.strerror or error}; set HF_HOME to a folder that can be"
        ) from error


@contextmanager
def _replacing(path: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A stream to a file that takes the place of `path` at the end, if nothing goes wrong."""
    # Not by tempfile: its files are for the user alone, and a store may serve a whole laboratory.
    unfinished = path.with_name(f"{_UNFINISHED}{secrets.token_hex(8)}")
    try:
        with unfinished.open("xb") as stream:
            yield stream, unfinished
        unfinished.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
