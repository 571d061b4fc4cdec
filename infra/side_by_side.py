"""Several readers of one long stream, side by side: each sees all of it, and no more of it than a page is ever held.

A reader is an ordinary function of an iterator, which it pulls at its own pace; so each has a thread, of which one at a
time has a page to work on. The stream is pages that are awaited in the loop the caller runs in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from queue import SimpleQueue
from threading import Semaphore
from typing import Generic, TypeVar

__all__ = ["side_by_side"]

T = TypeVar("T")
R = TypeVar("R")


class _Turns(Generic[T, R]):
    """The pages of one reader: handed over one at a time, each once it asks for more."""

    def __init__(self, read: Callable[[Iterator[T]], R]) -> None:
        self._read = read
        self._pages: SimpleQueue[Sequence[T] | None] = SimpleQueue()
        self._asks = Semaphore(0)

    def run(self) -> R:
        """Read to the end; whoever fails before it lets the rest of the stream go by, so that nobody waits for it."""
        items = self._items()
        try:
            return self._read(items)
        finally:
            for _ in items:
                pass

    def _items(self) -> Iterator[T]:
        while True:
            self._asks.release()
            page = self._pages.get()
            if page is None:
                return
            yield from page

    def hand(self, page: Sequence[T] | None) -> None:
        """Hand over a page, or None at the end, and wait until the reader has done with the page before."""
        self._asks.acquire()
        self._pages.put(page)

    def wait(self) -> None:
        """Wait until the reader has done with its page."""
        self._asks.acquire()
        self._asks.release()


async def side_by_side(pages: AsyncIterator[Sequence[T]], readers: Sequence[Callable[[Iterator[T]], R]]) -> list[R]:
    """What each reader makes of the stream, in their order. Raises what the first of them, or the stream, raised.

    Where it is cancelled, whoever is at a page has done with it first: there is no stopping a thread.
    """
    turns = [_Turns[T, R](read) for read in readers]

    def hand(page: Sequence[T]) -> None:
        for each in turns:
            each.hand(page)
            each.wait()

    with ThreadPoolExecutor(len(turns) + 1, thread_name_prefix="reader") as threads:
        found = [threads.submit(each.run) for each in turns]
        handing: Future[None] | None = None
        try:
            async for page in pages:
                handing = threads.submit(hand, page)
                await asyncio.shield(asyncio.wrap_future(handing))
        finally:
            wait([] if handing is None else [handing])
            for each in turns:
                each.hand(None)
        return list(await asyncio.gather(*map(asyncio.wrap_future, found)))
