"""A pool whose connections die just when their users are told to stop."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn, cast

import asyncpg


class Dying:
    """Stands before a pool: a statement with certain words is never answered.

    Whoever is cancelled while waiting for it hears that the connection died, as from the driver where both happen at
    once: the error takes the place of the cancellation.
    """

    def __init__(self, pool: asyncpg.Pool, words: str) -> None:
        self._pool, self._words = pool, words
        self.asked = asyncio.Event()

    @property
    def pool(self) -> asyncpg.Pool:
        return cast("asyncpg.Pool", self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    async def fetch(self, sql: str, *arguments: Any) -> Any:
        await self._perhaps(sql)
        return await self._pool.fetch(sql, *arguments)

    async def execute(self, sql: str, *arguments: Any) -> Any:
        await self._perhaps(sql)
        return await self._pool.execute(sql, *arguments)

    async def _perhaps(self, sql: str) -> None:
        if self._words in sql:
            await self.never_answer()

    async def never_answer(self) -> NoReturn:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise asyncpg.InterfaceError("connection is closed") from None
        raise AssertionError


async def ends_when_told(task: asyncio.Task[Any]) -> bool:
    """Tell a task to stop; whether it did, and as one that was told to."""
    task.cancel()
    await asyncio.wait([task], timeout=20)
    return task.done() and task.cancelled()
