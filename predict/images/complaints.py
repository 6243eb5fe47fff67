"""What libtiff has to say of a picture that it decodes for Pillow, which does not pass it on."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_STANDARD_ERROR = 2
_FROM_LIBTIFF = re.compile(
    rb"(?:[\w.]+: )?(?:\w*(?:Decode|Fetch|Setup|TIFF)\w*: |Using code|Warning, )"
)
_ONE_AT_A_TIME = Lock()


@contextmanager
def complaints() -> Iterator[list[str]]:
    """The lines that libtiff writes to the standard error meanwhile; the list is filled at the end.

    Only one thread at a time gets any further than this, and what others write to the standard
    error meanwhile comes a moment later: it is for the few kinds that no other decoder reads.
    """
    said: list[str] = []
    with _ONE_AT_A_TIME, tempfile.TemporaryFile() as catch:
        try:
            before = os.dup(_STANDARD_ERROR)
        except OSError:  # a program without a standard error
            yield said
            return
        try:
            os.dup2(catch.fileno(), _STANDARD_ERROR)
            yield said
        finally:
            os.dup2(before, _STANDARD_ERROR)
            os.close(before)
            catch.seek(0)
            for line in catch.read().splitlines(keepends=True):
                if _FROM_LIBTIFF.match(line):
                    said.append(line.decode("utf-8", "replace").strip())
                elif line.strip() and sys.stderr is not None:
                    os.write(_STANDARD_ERROR, line)
