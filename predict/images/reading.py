"""How a run reads its photographs: by threads, here or in processes that may crash."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import islice
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from beetle_lm.errors import ImageError
from beetle_lm.predict.images.find import File, ImageFile
from beetle_lm.predict.images.read import MAX_PIXELS, Form, Picture, read_forms
from beetle_lm.predict.images.sandbox import Isolation, WorkerLost

_Given = ParamSpec("_Given")
_Item = TypeVar("_Item")
_Value = TypeVar("_Value")


class Reader:
    """Reads photographs as `read_image` does, or in several forms at once.

    Args:
        forms: reads a photograph in several forms, as `read_forms` does.
    """

    def __init__(
        self, forms: Callable[[File, Sequence[Form]], list[Picture | ImageError]] = read_forms
    ) -> None:
        self.forms = forms

    def __call__(
        self, file: File, channels: int, at_least: tuple[int, int] | None = None
    ) -> Picture:
        """See `read_image`."""
        [picture] = self.forms(file, [Form(channels, at_least)])
        if isinstance(picture, ImageError):
            raise picture
        return picture


@contextmanager
def reading(max_pixels: int = MAX_PIXELS, isolate: bool = False) -> Iterator[Reader]:
    """Gives the function that reads photographs; several threads may call it at once.

    Args:
        max_pixels: photographs of more pixels are refused.
        isolate: decode in separate processes: a decoder that crashes, or takes longer than a
            minute, fails its photograph and nothing else.

    Raises:
        IsolationError: the processes cannot be started.
    """
    read = partial(read_forms, max_pixels=max_pixels)
    if not isolate:
        yield Reader(read)
        return
    with Isolation() as isolation:

        def isolated(file: File, forms: Sequence[Form]) -> list[Picture | ImageError]:
            try:
                return isolation.call(read, file, forms)
            except WorkerLost as lost:
                reason = ImageError(f"{ImageFile.of(file).called} cannot be decoded: {lost}")
                reason.__cause__ = lost
            first, *others = forms
            if not others:
                raise reason
            # What cannot be decoded in another form may well be in the first.
            return [*isolated(file, [first]), *(reason for _ in others)]

        yield Reader(isolated)


class Threads:
    """Threads that read photographs, and do other work that needs one photograph at a time.

    Use it as a context. What is still waiting when it ends is dropped.

    Args:
        number: how many threads.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self._pool = ThreadPoolExecutor(number, thread_name_prefix="photograph")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def submit(
        self, function: Callable[_Given, _Value], *given: _Given.args, **named: _Given.kwargs
    ) -> Future[_Value]:
        """Calls a function in one of the threads, after everything submitted before."""
        return self._pool.submit(function, *given, **named)

    def ahead(
        self, function: Callable[[_Item], _Value], items: Iterable[_Item], more: int
    ) -> Generator[_Value, None, None]:
        """The values of a function for many items, in their order.

        It runs ahead of what was taken, by at most one item per thread and a few more: memory does
        not grow with the number of items.

        Args:
            function: called in the threads.
            items: taken one by one.
            more: how many further values may wait to be taken.
        """
        waiting: deque[Future[_Value]] = deque()
        items = iter(items)
        try:
            while True:
                for item in islice(items, self.number + more - len(waiting)):
                    waiting.append(self.submit(function, item))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def until_end_of(self, values: Generator[_Value, None, None]) -> Generator[_Value, None, None]:
        """The same values; the threads end with the last one, or when the generator is closed."""
        with self:
            yield from values
