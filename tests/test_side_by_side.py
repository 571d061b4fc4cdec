"""Several readers of one stream: each sees all of it at its own pace, and none keeps the others waiting for ever."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from threading import Event

import pytest

from infra.side_by_side import side_by_side

PAGES = [[1, 2, 3], [4], [5, 6], [7, 8, 9]]


async def stream(handed: list[int] | None = None) -> AsyncIterator[Sequence[int]]:
    for number, page in enumerate(PAGES):
        if handed is not None:
            handed.append(number)
        yield page


async def test_each_reader_sees_all_of_it_in_order() -> None:
    found = await side_by_side(stream(), [list, lambda items: list(reversed(list(items))), lambda items: [sum(items)]])
    whole = [number for page in PAGES for number in page]
    assert found == [whole, whole[::-1], [45]]


async def test_who_stops_early_lets_the_rest_go_by() -> None:
    assert await side_by_side(stream(), [lambda items: list(islice(items, 2)), list]) == [[1, 2], list(range(1, 10))]


async def test_no_page_is_handed_out_before_all_have_done_with_the_one_before() -> None:
    handed: list[int] = []
    seen: list[tuple[int, int]] = []

    def read(items: Iterator[int]) -> None:
        seen.extend((item, len(handed)) for item in items)

    await side_by_side(stream(handed), [read, read, read])
    for number, page in enumerate(PAGES, start=1):
        assert {at for item, at in seen if item in page} == {number}


async def test_what_a_reader_raises_is_raised_and_the_others_are_read_to_the_end() -> None:
    def fails(items: Iterator[int]) -> list[int]:
        raise LookupError(next(items))

    read: list[int] = []

    def reads(items: Iterator[int]) -> list[int]:
        read.extend(items)
        return read

    with pytest.raises(LookupError):
        await side_by_side(stream(), [fails, reads])
    assert read == list(range(1, 10))


async def test_where_the_stream_breaks_nobody_waits_for_more() -> None:
    async def broken() -> AsyncIterator[Sequence[int]]:
        yield [1]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await side_by_side(broken(), [list, list])


async def test_where_it_is_cancelled_whoever_is_at_a_page_ends_and_no_thread_is_left() -> None:
    at_it, go_on = Event(), Event()
    seen: list[list[int]] = []

    def slow(items: Iterator[int]) -> list[int]:
        first = next(items)
        at_it.set()
        go_on.wait()
        seen.append([first, *items])
        return seen[-1]

    def reads(items: Iterator[int]) -> list[int]:
        seen.append(list(items))
        return seen[-1]

    made = asyncio.create_task(side_by_side(stream(), [reads, slow, reads]))
    await asyncio.to_thread(at_it.wait)
    made.cancel()
    let_go = asyncio.get_running_loop().run_in_executor(None, go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await made
    await let_go
    # The page that was under way was handed to all of them, and no other.
    assert seen == [[1, 2, 3]] * 3
    assert not [each for each in threading.enumerate() if each.name.startswith("reader")]
