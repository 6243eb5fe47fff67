"""`beetle-lm doctor`."""

from __future__ import annotations

import typer

from beetle_lm.console import echo


def doctor() -> None:
    """Shows versions and what the model runs on, and says how to mend what is wrong.

    Exit codes: 0 all good, 1 something is broken.
    """
    from beetle_lm.predict.doctor import examine

    findings = examine()
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        echo(f"{finding.name:<{width}}  {finding.found}")
    broken = [finding for finding in findings if finding.mend is not None]
    for finding in broken:
        echo(f"\n{finding.name}: {finding.found}\n  to mend it: {finding.mend}")
    if broken:
        raise typer.Exit(1)
    echo("\nnothing is wrong")
