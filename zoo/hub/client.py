"""The only caller of the Hugging Face Hub's client.

Files are fetched by plain requests of their own, one by one and pinned to a commit: the client's
own downloads retry for half a minute, and its snapshots take one file for all. Whatever is asked of
the Hub ends after `PATIENCE` seconds of silence, and every failure is one sentence that says what
to do.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from beetle_lm import __version__
from beetle_lm.errors import BeetleLMError, HubError, UsageError
from beetle_lm.zoo.hub.errors import Attempt, quiet_client
from beetle_lm.zoo.hub.name import COMMIT, HUB_PREFIX, PART_OF_NAME, REVISION, HubModel, Listed
from beetle_lm.zoo.hub.watch import Emit, GaveUpError, WatchedBytes, end_if_abandoned, watched
from beetle_lm.zoo.model_file.manifest import MANIFEST_FILE, MODEL_FILE

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")

TAG = "beetle-lm"
"""What our models are tagged with on the Hub."""

PATIENCE = 10.0
"""Seconds without a single byte after which the Hub is given up."""

_DEFAULT_ENDPOINT = "https://huggingface.co"
_PIECE = 1 << 16
_LONGEST_TEXT = 1 << 22  # of a card or a registry


@dataclass(frozen=True)
class Hub:
    """A Hub: huggingface.co, or a private one or a mirror.

    Args:
        endpoint: its address, without a slash at the end.
        offline: nothing may be asked of it.
    """

    endpoint: str = _DEFAULT_ENDPOINT
    offline: bool = False

    @classmethod
    def from_environment(cls) -> Hub:
        """The Hub that HF_ENDPOINT and HF_HUB_OFFLINE name."""
        offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
        return cls((os.environ.get("HF_ENDPOINT") or _DEFAULT_ENDPOINT).rstrip("/"), offline)

    def commit_of(self, model: HubModel) -> str:
        """The commit that a revision means at this moment, 40 hexadecimal digits.

        Raises:
            HubError: there is no such model, or the Hub cannot be asked.
        """
        if model.is_commit:
            return model.revision

        def ask(api: HfApi, emit: Emit) -> str:
            # Always with a revision: mirrors refuse to answer without one.
            info = api.model_info(model.repository, revision=model.revision)
            if info.sha is None or not re.fullmatch(COMMIT, info.sha):
                raise ValueError("no commit")
            return info.sha

        return self._ask(self._pull(model), ask)

    def read(self, model: HubModel, commit: str, file: str) -> bytes:
        """A small file of a model's repository.

        Raises:
            HubError: it is not there, or the Hub cannot be asked.
        """
        buffer = io.BytesIO()
        self.download(model, commit, file, _LONGEST_TEXT, buffer.write)
        return buffer.getvalue()

    def download(
        self,
        model: HubModel,
        commit: str,
        file: str,
        longest: int,
        take: Callable[[bytes], object],
    ) -> None:
        """Fetches a file of a model's repository at a commit.

        Args:
            model: the model.
            commit: 40 hexadecimal digits.
            file: its name in the repository.
            longest: bytes after which it is refused.
            take: is called with the bytes as they come.

        Raises:
            HubError: it is not there or is longer, or the Hub cannot be asked.
        """
        address = f"{self.endpoint}/{model.repository}/resolve/{commit}/{file}"
        self._fetch(self._pull(model), address, True, longest, take)

    def read_address(self, address: str) -> bytes:
        """A small file anywhere on the web, e.g. an organisation's registry.

        Raises:
            HubError: it cannot be fetched.
        """
        buffer = io.BytesIO()
        self.download_address(address, _LONGEST_TEXT, buffer.write)
        return buffer.getvalue()

    def download_address(self, address: str, longest: int, take: Callable[[bytes], object]) -> None:
        """Fetches a file from anywhere on the web; the Hub's token goes to the Hub alone.

        Raises:
            HubError: it cannot be fetched or is longer than `longest` bytes.
        """
        own = address.startswith(f"{self.endpoint}/")
        host = address.split("/", 3)[2]
        by_hand = "or download it on another computer and give the file"
        self._fetch(
            Attempt(f"{address} cannot be fetched", by_hand, host), address, own, longest, take
        )

    def models_of(self, organisation: str) -> list[Listed]:
        """The beetle-lm models of an organisation or a user, by name.

        Raises:
            UsageError: the organisation's name cannot be one.
            HubError: the Hub cannot be asked.
        """
        if not re.fullmatch(PART_OF_NAME, organisation):
            raise UsageError(f"{organisation!r} cannot be the name of an organisation on the Hub")

        def ask(api: HfApi, emit: Emit) -> list[Listed]:
            found = []
            for info in api.list_models(author=organisation, filter=TAG):
                emit(b"")
                if TAG in (info.tags or []):  # mirrors may know of no filters
                    changed = info.last_modified or info.created_at
                    date = f"{changed:%Y-%m-%d}" if changed else ""
                    found.append(Listed(f"{HUB_PREFIX}{info.id}", date, bool(info.private)))
            return sorted(found, key=lambda listed: listed.name)

        failed = f"the models of {organisation} cannot be listed"
        by_hand = f"or look at {self.endpoint}/{organisation} in a browser"
        return self._ask(Attempt(failed, by_hand, self.endpoint), ask)

    def publish(
        self,
        model: HubModel,
        files: Mapping[str, bytes],
        message: str,
        private: bool,
        tag: str | None,
    ) -> str:
        """Puts files into a model's repository, as one commit; makes the repository if needed.

        Args:
            model: where to; its revision is not looked at.
            files: content by name; one is `MODEL_FILE`.
            message: what the commit says.
            private: make a new repository private, and refuse one that is public.
            tag: is given to the commit, which is returned.

        Raises:
            UsageError: the tag cannot be one.
            HubError: the repository is somebody else's, public, or has the tag already; or the Hub
                cannot be asked.
        """
        if tag is not None and (not re.fullmatch(REVISION, tag) or ".." in tag):
            raise UsageError(f"{tag!r} cannot be a tag; write something like v1")
        repository = model.repository

        def upload(api: HfApi, emit: Emit) -> str:
            from huggingface_hub import CommitOperationAdd

            api.create_repo(repository, private=private or None, exist_ok=True)
            emit(b"")
            self._check_repository(api, repository, private, tag, emit)
            operations = [
                CommitOperationAdd(
                    name, WatchedBytes(content, emit) if name == MODEL_FILE else content
                )
                for name, content in files.items()
            ]
            commit = api.create_commit(repository, operations, commit_message=message).oid
            emit(b"")
            if tag is not None:
                api.create_tag(repository, tag=tag, revision=commit)
            return commit

        failed = f"{HUB_PREFIX}{repository} cannot be published"
        attempt = Attempt(failed, "and push again", self.endpoint, repository, right="write to")
        return self._ask(attempt, upload)

    def _check_repository(
        self, api: HfApi, repository: str, private: bool, tag: str | None, emit: Emit
    ) -> None:
        info = api.model_info(repository)
        emit(b"")
        if private and not info.private:
            raise HubError(
                f"{repository} exists and is public, nothing was uploaded; make it private at"
                f" {self.endpoint}/{repository}/settings, or choose another name"
            )
        names = {sibling.rfilename for sibling in info.siblings or []}
        if MANIFEST_FILE not in names and names - {".gitattributes", "README.md", "LICENSE"}:
            raise HubError(
                f"{repository} holds something else than a beetle-lm model, nothing was uploaded;"
                " choose another name"
            )
        if tag is not None:
            refs = api.list_repo_refs(repository)
            emit(b"")
            if tag in {ref.name for ref in (*refs.tags, *refs.branches)}:
                raise HubError(
                    f"{repository} has a tag or branch {tag} already, nothing was uploaded; what"
                    " others have pulled must stay what it is: choose another tag"
                )

    def _pull(self, model: HubModel) -> Attempt:
        address = f"{self.endpoint}/{model.repository}/resolve/{model.revision}/{MODEL_FILE}"
        return Attempt(
            f"{model} cannot be pulled",
            f"or download {address} on another computer and give that file with --model",
            self.endpoint,
            model.repository,
            model.revision,
        )

    def _fetch(
        self,
        attempt: Attempt,
        address: str,
        with_token: bool,
        longest: int,
        take: Callable[[bytes], object],
    ) -> None:
        def get(api: HfApi, emit: Emit) -> None:
            from huggingface_hub import get_session, get_token

            headers = {"User-Agent": f"beetle-lm/{__version__}", "Accept-Encoding": "identity"}
            if with_token and (token := get_token()):
                headers["Authorization"] = f"Bearer {token}"
            received, later = 0, 2 * PATIENCE  # later than the watch, which tells of it better
            with get_session().stream("GET", address, headers=headers, timeout=later) as answer:
                answer.raise_for_status()
                for piece in answer.iter_bytes(_PIECE):
                    received += len(piece)
                    if received > longest:
                        raise HubError(
                            f"{attempt.failed}: {address} is longer than the {longest} bytes that"
                            " it may have; tell those who published it"
                        )
                    emit(piece)

        self._ask(attempt, get, take)

    def _ask(
        self,
        attempt: Attempt,
        call: Callable[[HfApi, Emit], T],
        take: Callable[[bytes], object] = lambda piece: None,
    ) -> T:
        """Makes a call in a thread that is watched, and turns its failures into sentences."""
        if self.offline:
            raise attempt.forbidden()
        from huggingface_hub import HfApi, get_session

        def work(emit: Emit) -> T:
            try:
                hooks = get_session().event_hooks
                if end_if_abandoned not in hooks["request"]:
                    hooks["request"].append(end_if_abandoned)
                return call(HfApi(self.endpoint, library_name="beetle-lm"), emit)
            except BeetleLMError:
                raise
            except Exception as error:
                raise attempt.explain(error) from error

        try:
            with quiet_client():
                return watched(work, PATIENCE, take)
        except GaveUpError as error:
            raise attempt.silent(PATIENCE) from error
