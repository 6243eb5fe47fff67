"""The only caller of the Hugging Face Hub's client.

Files are fetched by plain requests of their own, one by one and pinned to a commit, from the byte
on that is missing. Whatever is asked of the Hub ends after `PATIENCE` seconds of silence, and every
failure is one sentence that says what to do.
"""

from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from beetle_lm import __version__
from beetle_lm.errors import BeetleLMError, Hint, HubError, RequestError
from beetle_lm.zoo.hub.errors import Attempt
from beetle_lm.zoo.hub.name import COMMIT, HUB_PREFIX, PART_OF_NAME, HubModel, Listed
from beetle_lm.zoo.hub.watch import STREAMED, Give, on_request, on_response, watched
from beetle_lm.zoo.model_file.bounds import LONGEST_CARD, MOST_LISTED
from beetle_lm.zoo.model_file.manifest import MODEL_FILE

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

    Api = HfApi

T = TypeVar("T")

TAG = "beetle-lm"
"""What our models are tagged with on the Hub."""

PATIENCE = 10.0
"""Seconds without a single byte after which the Hub is given up."""

_DEFAULT_ENDPOINT = "https://huggingface.co"


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

        def ask(api: Api, give: Give[str]) -> None:
            # Always with a revision: mirrors refuse to answer without one.
            commit = api.model_info(model.repository, revision=model.revision).sha
            if commit is None or not re.fullmatch(COMMIT, commit):
                raise ValueError("no commit")
            give(commit)

        (commit,) = self.ask(self._pull(model), ask)
        return commit

    def address(self, model: HubModel, commit: str, file: str) -> str:
        """Where a file of a model's repository lies."""
        return f"{self.endpoint}/{model.repository}/resolve/{commit}/{file}"

    def download(
        self, what: HubModel | str, address: str, longest: int = LONGEST_CARD, start: int = 0
    ) -> Generator[bytes, None, None]:
        """The bytes of a file of a model's repository or anywhere on the web, as they come.

        Args:
            what: whose file it is, for messages.
            address: where it lies; the user's token goes to the Hub alone.
            longest: bytes after which it is refused.
            start: how many bytes at its beginning are not needed.

        Raises:
            HubError: it is not there or is longer, or the server cannot be asked.
        """
        attempt = Attempt(
            f"{what} cannot be fetched",
            "or download it on another computer and give the file",
            address.split("/", 3)[2],
        )
        if isinstance(what, HubModel):
            attempt = self._pull(what)

        def get(api: Api, give: Give[bytes]) -> None:
            from huggingface_hub import get_session

            headers = {"User-Agent": f"beetle-lm/{__version__}", "Accept-Encoding": "identity"}
            if address.startswith(f"{self.endpoint}/") and (token := _token(attempt)):
                headers["Authorization"] = f"Bearer {token}"
            if start:
                headers["Range"] = f"bytes={start}-"
            later = 2 * PATIENCE  # than the watch, which tells of it better
            with get_session().stream(
                "GET", address, headers=headers, timeout=later, extensions={STREAMED: True}
            ) as answer:
                if start and answer.status_code == 416:
                    return  # that was all of it
                answer.raise_for_status()
                received = start if answer.status_code == 206 else 0
                for piece in answer.iter_bytes():  # however few: a slow line is not a dead one
                    unneeded = max(0, start - received)
                    received += len(piece)
                    if received > longest:
                        raise HubError(
                            f"{attempt.failed}: {address} is longer than the {longest} bytes that"
                            " it may have; tell those who published it"
                        )
                    give(piece[unneeded:])

        return self.ask(attempt, get)

    def models_of(self, organisation: str) -> list[Listed]:
        """The beetle-lm models of an organisation or a user, by name.

        Raises:
            RequestError: the organisation's name cannot be one.
            HubError: the Hub cannot be asked.
        """
        if not re.fullmatch(PART_OF_NAME, organisation):
            raise RequestError(f"{organisation!r} cannot be the name of an organisation on the Hub")

        failed = f"the models of {organisation} cannot be listed"

        def ask(api: Api, give: Give[Listed]) -> None:
            for number, info in enumerate(api.list_models(author=organisation, filter=TAG)):
                if number == MOST_LISTED:  # there may be pages without end
                    raise HubError(
                        f"{failed}: {self.endpoint} names more than {MOST_LISTED} models"
                    )
                if TAG not in (info.tags or []):  # mirrors may know of no filters
                    give(None)
                    continue
                if not re.fullmatch(f"{PART_OF_NAME}/{PART_OF_NAME}", info.id):
                    raise ValueError("a model has a name that none can have")
                changed = info.last_modified or info.created_at
                date = f"{changed:%Y-%m-%d}" if changed else ""
                give(Listed(f"{HUB_PREFIX}{info.id}", date, bool(info.private)))

        by_hand = f"or look at {self.endpoint}/{organisation} in a browser"
        found = self.ask(Attempt(failed, by_hand, self.endpoint), ask)
        return sorted(found, key=lambda listed: listed.name)

    def _pull(self, model: HubModel) -> Attempt:
        address = self.address(model, model.revision, MODEL_FILE)
        return Attempt(
            f"{model} cannot be pulled",
            f"or download {address} on another computer",
            self.endpoint,
            model.repository,
            model.revision,
            "read",
            Hint.DOWNLOADED_FILE,
        )

    def ask(
        self, attempt: Attempt, work: Callable[[Api, Give[T]], object]
    ) -> Generator[T, None, None]:
        """What a call gives, made in a thread that is watched; its failures become sentences.

        Args:
            attempt: what is tried.
            work: makes the call, with the client, and hands its results over.

        Raises:
            HubError: the Hub cannot be asked, or refuses.
        """
        if self.offline:
            raise attempt.error("offline")
        try:
            from huggingface_hub import HfApi, get_session

            def run(give: Give[T]) -> None:
                hooks = get_session().event_hooks
                if on_request not in hooks["request"]:
                    hooks["request"].append(on_request)
                    hooks["response"].append(on_response)
                if attempt.server == self.endpoint:
                    _token(attempt)
                work(HfApi(self.endpoint, library_name="beetle-lm"), give)

            with _quiet_client():
                yield from watched(run, PATIENCE)
        except BeetleLMError:
            raise
        except Exception as error:
            raise attempt.explain(error) from error


def _token(attempt: Attempt) -> str | None:
    """The user's token, if there is one.

    Raises:
        HubError: it cannot be one; to send it would give an error that shows it.
    """
    from huggingface_hub import get_token

    token = get_token()
    if token is not None and not re.fullmatch("[!-~]+", token):
        raise attempt.error("odd token")
    return token


def added(name: str, content: bytes | BinaryIO) -> CommitOperationAdd:
    """A file as a part of a commit."""
    from huggingface_hub import CommitOperationAdd

    return CommitOperationAdd(name, content)


class WatchedBytes(io.BytesIO):
    """Bytes whose reading is a sign of life of an upload.

    Args:
        content: the bytes.
        alive: is called each time.
    """

    def __init__(self, content: bytes, alive: Callable[[], None]) -> None:
        super().__init__(content)
        self._alive = alive

    def read(self, size: int | None = -1, /) -> bytes:
        """As any stream does."""
        self._alive()
        return super().read(size)


@contextmanager
def _quiet_client() -> Iterator[None]:
    """Keeps the client from telling of its retries and files: one sentence at the end is enough."""
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    logger = logging.getLogger("huggingface_hub")
    level, silent = logger.level, are_progress_bars_disabled()
    logger.setLevel(logging.CRITICAL)
    disable_progress_bars()
    try:
        yield
    finally:
        logger.setLevel(level)
        if not silent:
            enable_progress_bars()
