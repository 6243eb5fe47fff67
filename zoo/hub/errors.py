"""One sentence for each way in which the Hub can fail: what happened, and what to do.

Told apart by the Hub's answer and not by the client's classes, of which there are several
generations; and so that the client is imported in `hub` alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from beetle_lm.errors import HubError
from beetle_lm.zoo.model_file.manifest import MANIFEST_FILE, MODEL_FILE

_TRANSPORTS = ("httpx", "httpx2", "httpcore", "httpcore2")


@dataclass(frozen=True)
class Attempt:
    """What is tried, so that a failure can be told.

    Args:
        failed: how the sentence begins: ``hf:org/name@v1 cannot be pulled``.
        instead: how it ends: another way to get there, ``or download ...``.
        server: address of the server.
        repository: ``org/name``; empty where it is not about one.
        revision: the revision that is asked for; empty where it is not about one.
        right: what a token must allow to do with the repository.
    """

    failed: str
    instead: str
    server: str
    repository: str = ""
    revision: str = ""
    right: str = "read"

    def forbidden(self) -> HubError:
        """The user has forbidden to use the network."""
        return self._error(
            f"HF_HUB_OFFLINE is set; unset it where there is a network, {self.instead}"
        )

    def silent(self, seconds: float) -> HubError:
        """The server does not answer, or so badly that the client asks again and again."""
        return self._error(
            f"{self.server} gave no answer of use for {seconds:.0f} seconds; check the network and"
            f" try again, {self.instead}"
        )

    def explain(self, error: Exception) -> HubError:
        """What an exception of the client, or of what it is built on, means."""
        if isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception):
            error = error.__cause__  # the client wraps what goes wrong in an upload
        response = getattr(error, "response", None)
        status = getattr(response, "status_code", None)
        if response is not None and isinstance(status, int):
            code = str(response.headers.get("X-Error-Code", ""))
            said = str(response.headers.get("X-Error-Message") or "")
            return self._error(self._of_status(status, code, said))
        if type(error).__module__.partition(".")[0] in _TRANSPORTS or isinstance(error, OSError):
            reason = str(error).strip().split("\n", 1)[0].rstrip(".") or type(error).__name__
            return self._error(
                f"{self.server} cannot be reached, or the connection broke off ({reason}); check"
                f" the network, the proxy and HF_ENDPOINT and try again, {self.instead}"
            )
        return self._error(
            f"{self.server} does not answer as a Hub does ({type(error).__name__}: {error}); check"
            f" HF_ENDPOINT, and whether the network wants a login in the browser, {self.instead}"
        )

    def _of_status(self, status: int, code: str, said: str) -> str:
        page = f"{self.server}/{self.repository}" if self.repository else self.server
        answer = f"{status}: {said}" if said else f"{status}"
        reasons = {
            "RevisionNotFound": f"it has no revision {self.revision}; {page} shows its tags",
            "EntryNotFound": f"it is no beetle-lm model, for want of {MANIFEST_FILE} or"
            f" {MODEL_FILE}; {page} shows what it is",
            "GatedRepo": f"its owners ask for consent first; open {page} in a browser, accept, and"
            " set HF_TOKEN to your token",
        }
        if code in reasons:
            return reasons[code]
        if status in (401, 403, 404) and self.repository:
            return self._no_access(status)
        if status == 429:
            return f"{self.server} has had too many requests; wait some minutes, {self.instead}"
        if status >= 500:
            return f"{self.server} is out of order ({status}); try again later, {self.instead}"
        return f"{self.server} answers {answer}; check the name, {self.instead}"

    def _no_access(self, status: int) -> str:
        if self.right == "read":
            return (
                f"{self.server} has no such repository, or a private one; check the name, and for"
                f" a private one set HF_TOKEN to a token that may read it ({status})"
            )
        organisation = self.repository.partition("/")[0]
        return (
            f"{self.server} does not allow it; set HF_TOKEN to a token that may write to"
            f" {organisation}, from {self.server}/settings/tokens ({status})"
        )

    def _error(self, reason: str) -> HubError:
        return HubError(f"{self.failed}: {reason}")


@contextmanager
def quiet_client() -> Iterator[None]:
    """Keeps the client from telling of its retries: the one sentence at the end is enough."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
