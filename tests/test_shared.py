"""One question for all who ask at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from infra.shared import Shared


class Answerer:
    """Answers with the number of the journey; each waits until it is let go."""

    def __init__(self) -> None:
        self.journeys: list[list[str]] = []
        self.gate = asyncio.Semaphore(0)

    async def __call__(self, questions: Sequence[str]) -> list[tuple[str, int]]:
        self.journeys.append(list(questions))
        number = len(self.journeys)
        await self.gate.acquire()
        if "wrong" in questions:
            raise ValueError(number)
        return [(question, number) for question in questions]


async def settled() -> None:
    """Let everything that can go on without an answer go on."""
    for _ in range(5):
        await asyncio.sleep(0)


def ask(shared: Shared[str, tuple[str, int]], *questions: str) -> list[asyncio.Task[tuple[str, int]]]:
    async def one(question: str) -> tuple[str, int]:
        return await shared(question)

    return [asyncio.create_task(one(question)) for question in questions]


async def test_who_comes_while_a_journey_is_under_way_shares_the_next() -> None:
    answerer = Answerer()
    shared = Shared(answerer)
    first = ask(shared, "a", "b")
    await settled()
    later = ask(shared, "c", "a")
    await settled()
    # What was sent before they asked may be older than their question.
    assert answerer.journeys == [["a", "b"]]
    answerer.gate.release()
    answerer.gate.release()
    assert await asyncio.gather(*first) == [("a", 1), ("b", 1)]
    assert await asyncio.gather(*later) == [("c", 2), ("a", 2)]
    answerer.gate.release()
    assert await shared("d") == ("d", 3)


async def test_a_journey_takes_so_many_and_no_more() -> None:
    answerer = Answerer()
    asked = ask(Shared(answerer), *(str(n) for n in range(450)))
    for _ in range(3):
        answerer.gate.release()
    answers = await asyncio.gather(*asked)
    assert [len(journey) for journey in answerer.journeys] == [200, 200, 50]
    assert [question for question, _ in answers] == [str(n) for n in range(450)]


async def test_an_error_is_told_to_all_who_shared_and_to_nobody_else() -> None:
    answerer = Answerer()
    shared = Shared(answerer)
    first = ask(shared, "a", "wrong")
    await settled()
    later = ask(shared, "b")
    await settled()
    answerer.gate.release()
    answerer.gate.release()
    for told in await asyncio.gather(*first, return_exceptions=True):
        assert isinstance(told, ValueError)
    assert await later[0] == ("b", 2)


async def test_who_goes_away_takes_no_answer_from_the_others() -> None:
    answerer = Answerer()
    gone, stays = ask(Shared(answerer), "a", "b")
    await settled()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    answerer.gate.release()
    assert await stays == ("b", 1)
