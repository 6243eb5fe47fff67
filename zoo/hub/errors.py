"""One sentence for each way in which the Hub can fail: what happened, and what to do.

Told apart by the Hub's answer and not by the client's classes, of which there are several
generations; and so that the client is imported in `client` alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from beetle_lm.errors import Hint, HubError
from beetle_lm.zoo.hub.watch import GaveUpError, TooLongError
from beetle_lm.zoo.model_file.manifest import MANIFEST_FILE, MODEL_FILE

_LONGEST_SAID = 300  # characters of what a server says itself
_TRANSPORTS = ("httpx", "httpx2", "httpcore", "httpcore2")

# What went wrong, as a regular expression; the first that fits counts. For the Hub's answers it is
# "STATUS X-Error-Code, RIGHT".
_SENTENCES = (
    (r"offline", "HF_HUB_OFFLINE is set; unset it where there is a network, {instead}"),
    (
        r"silence",
        "{server} gave no useful answer for {told} seconds; check the network and try again,"
        " {instead}",
    ),
    (
        r"too long",
        "{server} answers with more than {told} bytes, which no answer needs; check HF_ENDPOINT,"
        " {instead}",
    ),
    (
        r"odd token",
        "the token in HF_TOKEN, or that of `hf auth login`, holds a sign that no token has; set it"
        " anew",
    ),
    (
        r"no connection",
        "{server} cannot be reached, or the connection broke off ({told}); check the network, the"
        " proxy and HF_ENDPOINT and try again, {instead}",
    ),
    (
        r"no Hub",
        "{server} does not answer as a Hub does ({told}); check HF_ENDPOINT, and whether the"
        " network wants a login in the browser, {instead}",
    ),
    (r"\d+ RevisionNotFound", "it has no revision {revision}; {page} shows its tags"),
    (
        r"\d+ EntryNotFound",
        f"it is not a beetle-lm model: it has no {MANIFEST_FILE} or no {MODEL_FILE};"
        " {page} shows what it is",
    ),
    (
        r"\d+ GatedRepo",
        "its owners ask for consent first; open {page} in a browser, accept, and set HF_TOKEN to"
        " your token",
    ),
    (
        r"(401|403|404) .*, read",
        "{server} has no such repository, or a private one; check the name, and for a private one"
        " set HF_TOKEN to a token that may read it ({status})",
    ),
    (
        r"(401|403|404) .*, write",
        "{server} does not allow it; set HF_TOKEN to a token that may write to {owner}, from"
        " {server}/settings/tokens ({status})",
    ),
    (r"429", "{server} has had too many requests; wait some minutes, {instead}"),
    (r"5\d\d", "{server} is out of order ({status}); try again later, {instead}"),
    (r"", "{server} answered {told}; check the name, {instead}"),
)


@dataclass(frozen=True)
class Attempt:
    """What is tried, so that a failure can be told.

    Args:
        failed: how the sentence begins: ``hf:org/name@v1 cannot be pulled``.
        instead: how it ends: another way to get there, ``or download ...``.
        server: address of the server.
        repository: ``org/name``; empty where it is not about one.
        revision: the revision that is asked for; empty where it is not about one.
        right: what a token must allow to do with the repository: ``read`` or ``write``.
        hint: what else to do for the other way.
    """

    failed: str
    instead: str
    server: str
    repository: str = ""
    revision: str = ""
    right: str = ""
    hint: Hint | None = None

    def explain(self, error: Exception) -> HubError:
        """What an exception of the client, or of what it is built on, means."""
        if isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception):
            error = error.__cause__  # the client wraps what goes wrong in an upload
        return self.error(*_kind_of(error))

    def error(self, kind: str, told: str = "") -> HubError:
        """What went wrong, as the table has it, with the details, as a sentence."""
        what = f"{kind}, {self.right}"
        sentence = next(text for form, text in _SENTENCES if re.match(form, what))
        reason = sentence.format(
            **vars(self),
            told=told,
            status=kind[:3],
            owner=self.repository.partition("/")[0],
            page=f"{self.server}/{self.repository}".rstrip("/"),
        )
        return HubError(f"{self.failed}: {reason}", self.hint if "{instead}" in sentence else None)


def _kind_of(error: Exception) -> tuple[str, str]:
    """What went wrong, as the table has it, and the details."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if response is not None and isinstance(status, int):
        said = response.headers.get("X-Error-Message")
        code = response.headers.get("X-Error-Code", "")
        return f"{status} {code}", f"{status}: {said[:_LONGEST_SAID]}" if said else f"{status}"
    if isinstance(error, GaveUpError):
        return "silence", str(error)
    if isinstance(error, TooLongError):
        return "too long", str(error)
    if type(error).__module__.partition(".")[0] in _TRANSPORTS or isinstance(error, OSError):
        reason = str(error).strip().split("\n", 1)[0][:_LONGEST_SAID].rstrip(".")
        return "no connection", reason or type(error).__name__
    return "no Hub", f"{type(error).__name__}: {str(error)[:_LONGEST_SAID]}"
