"""Commands that the server runs in processes of their own, which end when it does.

A server that is killed cannot end them. So they look after it themselves: where it is gone they are
interrupted, as by Ctrl-C, and leave what can be gone on with. On Windows, where a process does not
see that, they end with the next line that nobody takes from them.
"""

from __future__ import annotations

import _thread
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

_SECONDS = 0.5  # between looks at the server
_PATIENCE = 20.0  # seconds in which an interrupted command has to end
_CODE = (
    "import sys; from beetle_lm.web.process import attend; attend(int(sys.argv.pop(1)));"
    " from beetle_lm.__main__ import main; main()"
)


def started(arguments: Sequence[str]) -> subprocess.Popen[str]:
    """Starts a command of the command line, whose output is read line by line.

    Args:
        arguments: the command and its options.
    """
    return subprocess.Popen(
        [sys.executable, "-c", _CODE, str(os.getpid()), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=sys.platform != "win32",  # Ctrl-C is for the server, which ends it
    )


def attend(server: int) -> None:
    """Leaves the server its turn, and ends this process with it.

    Args:
        server: the number of its process.
    """
    if hasattr(os, "nice"):
        os.nice(10)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # it may have come in ignored
    threading.Thread(target=_end_with, args=(server,), daemon=True).start()


def _end_with(server: int) -> None:
    while os.getppid() == server:
        time.sleep(_SECONDS)
    _thread.interrupt_main()
    time.sleep(_PATIENCE)
    os._exit(130)
