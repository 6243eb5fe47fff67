"""`beetle-lm` and `python -m beetle_lm`."""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Runs the command line and exits with its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names that the console cannot show
            stream.reconfigure(errors="backslashreplace")
    if sys.argv[1:] in (["--version"], ["-V"]):  # answered before anything is imported
        from beetle_lm import __version__

        print(__version__)
        sys.exit(0)
    from beetle_lm.cli import run

    sys.exit(run())


if __name__ == "__main__":
    main()
