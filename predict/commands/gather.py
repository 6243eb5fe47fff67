"""`beetle-lm gather`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beetle_lm.errors import OutputError
from beetle_lm.predict.commands.running import AsJson, Quiet, results_in, tell_outcome

if TYPE_CHECKING:
    from beetle_lm.predict.batch.gathering import MissingError
    from beetle_lm.predict.batch.shard import Shard

_LINES = 5  # at most


def gather(
    context: typer.Context,
    output: Annotated[
        str,
        typer.Argument(
            metavar="OUT",
            help="Where the shards wrote to, path or address.",
            show_default=False,
        ),
    ],
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Writes the results of shards, when all of them are done.

    Example: beetle-lm gather landmarks

    They are those of one `predict`, byte for byte. The model is not needed, nor are the photographs
    but for pictures and comparisons. Where shards are not done, it names them and the lines that
    do them, and writes nothing.

    Exit codes: 0 all good, 1 stopped by an error, 2 wrong usage, 3 some images failed (all others
    are there).
    """
    from beetle_lm.predict.batch.gathering import MissingError, gathering
    from beetle_lm.predict.commands.terminal import Terminal

    options = {option for one in context.command.params for option in one.opts}
    with results_in(output) as (folder, mirror):
        assert folder is not None
        try:
            with gathering(folder, mirror) as run:
                terminal = Terminal(run.plan, options, quiet, False)
                summary = run.finish(terminal)
        except MissingError as missing:
            raise OutputError(f"{missing}; {_how_to_make(missing)}") from missing
        tell_outcome(terminal, summary, as_json=as_json)


def _how_to_make(missing: MissingError) -> str:
    """The lines that make what is missing."""
    command = _without_shard(missing.command)
    where = (
        "" if missing.directory == Path.cwd() else f"cd {shlex.quote(str(missing.directory))} && "
    )
    line = f"  {where}{shlex.join(['beetle-lm', *command])}"
    if not missing.shards:
        return f"this line makes them, and the results:\n{line} --resume"
    lines = [f"{line} --shard {shard}" for shard in missing.shards[:_LINES]]
    if len(missing.shards) > _LINES:
        lines.append(f"  and so on: {_ranges(missing.shards)}")
    return "\n".join(("these lines make them:", *lines))


def _without_shard(command: Sequence[str]) -> list[str]:
    kept: list[str] = []
    words = iter(command)
    for word in words:
        if word == "--shard":
            next(words, None)
        elif not word.startswith("--shard=") and word != "--resume":
            kept.append(word)
    return kept


def _ranges(shards: Sequence[Shard]) -> str:
    """The numbers of shards as job arrays take them, such as 3,17-20."""
    runs: list[list[int]] = []
    for shard in shards:
        if runs and runs[-1][1] == shard.number - 1:
            runs[-1][1] = shard.number
        else:
            runs.append([shard.number, shard.number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
