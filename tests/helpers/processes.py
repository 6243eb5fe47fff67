"""The command line as a process of its own."""

from __future__ import annotations

import sys

# Where the tests run in the background, their children would ignore Ctrl-C.
_MAIN = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    " from beetle_lm.__main__ import main; main()"
)


def command_line(*arguments: object) -> list[str]:
    """The arguments of a process that runs beetle-lm and can be interrupted."""
    return [sys.executable, "-c", _MAIN, *map(str, arguments)]
