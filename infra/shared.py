"""One question for all who ask at the same time: who comes while one is on its way shares the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

__all__ = ["Shared"]

_MOST: Final = 200
Q = TypeVar("Q")
A = TypeVar("A")


class Shared(Generic[Q, A]):
    """Asks for the answers to many questions at once, one such journey at a time; nobody waits for company.

    An answer is never older than its question: what joins has not been sent yet. An error is everybody's who shared.
    """

    def __init__(self, ask: Callable[[Sequence[Q]], Awaitable[Sequence[A]]]) -> None:
        self._ask = ask
        self._turn = asyncio.Lock()
        self._joining: list[Q] = []
        self._answers: asyncio.Task[Sequence[A]] | None = None

    async def __call__(self, question: Q) -> A:
        """The answer to one question; who goes away does not take it from the others."""
        answers = self._answers
        if answers is None or len(self._joining) == _MOST:
            self._joining = []
            answers = self._answers = asyncio.create_task(self._travel(self._joining))
        place = len(self._joining)
        self._joining.append(question)
        return (await asyncio.shield(answers))[place]

    async def _travel(self, questions: list[Q]) -> Sequence[A]:
        async with self._turn:
            if questions is self._joining:
                self._answers = None
            return await self._ask(questions)
