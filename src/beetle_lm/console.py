"""Where text leaves the program for a terminal: the only place, and what commands one is escaped.

Names of files, cards of models, answers of servers, messages of libraries come from strangers. None
of them needs to be made harmless where it is put into a sentence: everything that is said goes
through here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from beetle_lm.errors import Hint
from beetle_lm.text import harmless, harmless_json

if TYPE_CHECKING:
    from rich.console import Console


def echo(text: str, err: bool = False) -> None:
    """Prints lines of text.

    Args:
        text: one line or several.
        err: on stderr.
    """
    import typer

    typer.echo(harmless(text), err=err)


def echo_json(text: str) -> None:
    """Prints JSON, which stays JSON."""
    import typer

    typer.echo(harmless_json(text))


def console(err: bool = False, highlight: bool = True, width: int | None = None) -> Console:
    """What prints tables and progress.

    Args:
        err: on stderr.
        highlight: numbers stand out.
        width: columns, where it is no terminal that has a width of its own.
    """
    from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
    from rich.segment import Segment

    class Harmless:
        def __init__(self, shown: ConsoleRenderable) -> None:
            self._shown = shown

        def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
            for segment in console.render(self._shown, options):
                text = segment.text if segment.control else harmless(segment.text)
                yield Segment(text, segment.style, segment.control)

    class Escape(RenderHook):
        def process_renderables(
            self, renderables: list[ConsoleRenderable]
        ) -> list[ConsoleRenderable]:
            return [Harmless(shown) for shown in renderables]

    made = Console(stderr=err, highlight=highlight)
    made.push_render_hook(Escape())
    if width is not None and not made.is_terminal:
        made.width = width
    return made


class LogFormatter(logging.Formatter):
    """Formats what is logged.

    Args:
        format: as of any formatter.
        sentence_for: words the hint that a record may have; None where there is nothing to say.
    """

    def __init__(
        self, format: str, sentence_for: Callable[[Hint], str | None] = lambda _: None
    ) -> None:
        super().__init__(format)
        self._sentence_for = sentence_for

    def format(self, record: logging.LogRecord) -> str:
        """As any formatter does."""
        text = super().format(record)
        hint = getattr(record, "hint", None)
        sentence = self._sentence_for(hint) if isinstance(hint, Hint) else None
        return harmless(f"{text}; {sentence}" if sentence else text)
