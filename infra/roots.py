"""The root of each log as it grows: what a public page prints beside a list, so that anybody can hold us to it.

A root is carried on from where it stood; only the lines recorded since are hashed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from infra.event_store import EventStore
from infra.line import Root, leaf, line

__all__ = ["Roots"]


class Roots:
    """The RFC 6962 root over each log's canonical lines, up to the head."""

    def __init__(self, store: Callable[[int], Awaitable[EventStore]]) -> None:
        self._store = store
        self._roots: dict[int, Root] = {}
        self._one_at_a_time: dict[int, asyncio.Lock] = {}

    async def of(self, log_id: int, origin: str) -> tuple[int, str]:
        """Size and root of a log of this origin, as it stands now."""
        store = await self._store(log_id)
        async with self._one_at_a_time.setdefault(log_id, asyncio.Lock()):
            root = self._roots.setdefault(log_id, Root())
            async for page in store.rows(after=root.size, until=await store.head()):
                for row in page:
                    root.add(leaf(line(origin, row)))
            return root.size, root.digest().hex()
