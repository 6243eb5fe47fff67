"""How a model on the Hub is named: ``hf:org/name@revision``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from beetle_lm.errors import RequestError

HUB_PREFIX = "hf:"

PART_OF_NAME = "[A-Za-z0-9_][A-Za-z0-9._-]{0,95}"
"""An organisation or the name of a repository, as a regular expression."""

REVISION = "[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}"
"""A tag, a branch or a commit, as a regular expression."""

COMMIT = "[0-9a-f]{40}"


@dataclass(frozen=True)
class HubModel:
    """A model on the Hub: ``hf:org/name@revision``.

    Args:
        repository: ``org/name``.
        revision: a tag, a branch or a commit.
    """

    repository: str
    revision: str = "main"

    @classmethod
    def parse(cls, name: str) -> HubModel:
        """Reads ``hf:org/name`` or ``hf:org/name@revision``; the prefix may be missing.

        Raises:
            RequestError: it is not of that form.
        """
        text = name.removeprefix(HUB_PREFIX)
        form = re.fullmatch(f"({PART_OF_NAME}/{PART_OF_NAME})(?:@({REVISION}))?", text)
        if form is None or ".." in text:
            raise RequestError(
                f"{name!r} does not name a model on the Hub; write {HUB_PREFIX}ORG/NAME or"
                f" {HUB_PREFIX}ORG/NAME@REVISION"
            )
        return cls(form[1], form[2] or "main")

    def __str__(self) -> str:
        return f"{HUB_PREFIX}{self.repository}@{self.revision}"

    @property
    def is_commit(self) -> bool:
        """Whether the revision is a commit, which always means the same files."""
        return re.fullmatch(COMMIT, self.revision) is not None


@dataclass(frozen=True)
class Listed:
    """A model as the Hub lists it: name, date of its last change, whether it is private."""

    name: str
    changed: str
    private: bool
