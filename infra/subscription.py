"""Following the log: woken in the process, by NOTIFY from other processes, and by a poll behind both.

Positions are dense and in commit order, so a reader at c goes on with c+1 and can miss nothing; waking is only haste.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import asyncpg.pool

from domain.kernel import Recorded
from infra.record import Item
from infra.writer import LOST, heed_cancellation

if TYPE_CHECKING:
    from infra.event_store import EventStore

    Connection = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]

__all__ = ["Checkpoint", "CheckpointMoved", "Signal", "Subscription", "hang_up"]

POLL_SECONDS: Final = 0.5
PAGE: Final = 1000
_BETWEEN_NOTIFIES: Final = 0.002
_BETWEEN_NOTIFIES_BUSY: Final = 0.005  # Readers are busy with what they have; a notice each is a commit each.
_BUSY: Final = 20  # Events since the last notice.

log = logging.getLogger(__name__)


class Signal:
    """Says that a log has grown, to this process at once and to others by one coalesced NOTIFY outside the append."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], log_id: int, *, listens: bool = True) -> None:
        self.poll_seconds = POLL_SECONDS
        self._pool = pool
        self._listens = listens
        self._channel = f"biaogan_log_{log_id}"
        self._head = 0
        self._told = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._teller: asyncio.Task[None] | None = None
        self._listener: Any = None
        self._listening = asyncio.Lock()

    def written(self, head: int) -> None:
        """Take note that this process has written up to a position."""
        self._reached(head)
        if self._teller is None or self._teller.done():
            self._teller = asyncio.create_task(self._tell(), name="notify")

    def _reached(self, head: int) -> None:
        if head > self._head:
            self._head = head
            for future in self._waiting:
                if not future.done():
                    future.set_result(None)

    async def _tell(self) -> None:
        while self._told < self._head:
            head = self._head
            try:
                # A wake-up need not survive a crash, so it does not wait for the disk.
                await self._pool.fetchval(
                    "SELECT pg_notify($1, $2) FROM set_config('synchronous_commit', 'off', true)",
                    self._channel,
                    str(head),
                )
            except (asyncpg.PostgresError, *LOST) as error:
                heed_cancellation()
                log.warning("Waking other processes failed (%s); they poll.", type(error).__name__)
                return
            busy = head - self._told > _BUSY
            self._told = head
            await asyncio.sleep(_BETWEEN_NOTIFIES_BUSY if busy else _BETWEEN_NOTIFIES)

    async def beyond(self, position: int) -> None:
        """Wait until the log is said to be longer than this, or until it is time to look anyway."""
        await self._listen()
        if self._head > position:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.poll_seconds):
                    await future
        finally:
            self._waiting.discard(future)

    async def _listen(self) -> None:
        async with self._listening:
            if self._listener is not None or not self._listens:
                return
            try:
                listener = await self._pool.acquire()
                try:
                    await listener.add_listener(self._channel, self._heard)
                except BaseException:
                    # Also when this wait is cancelled: a pool waits for every connection before it closes.
                    with contextlib.suppress(asyncpg.InterfaceError):
                        listener.terminate()
                    await self._pool.release(listener)
                    raise
                listener.add_termination_listener(self._cut_off)
            except (asyncpg.PostgresError, *LOST) as error:
                heed_cancellation()
                log.warning("Listening failed (%s); this process polls.", type(error).__name__)
            else:
                self._listener = listener

    def _cut_off(self, _connection: object) -> None:
        # The pool takes a dead connection back by itself; the next wait listens on another.
        self._listener = None

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._reached(int(str(payload)))

    async def close(self) -> None:
        """Tell what is still untold and let go of the connection."""
        if self._teller is not None:
            await self._teller
        async with self._listening:
            listener, self._listener = self._listener, None
            if listener is not None:
                with contextlib.suppress(asyncpg.InterfaceError):
                    # The pool has taken it back already where it died.
                    listener.remove_termination_listener(self._cut_off)
                await hang_up(self._pool, listener, self._heard, [self._channel])


async def hang_up(
    pool: asyncpg.Pool[asyncpg.Record],
    listener: Any,  # noqa: ANN401 - A connection as the pool lends it.
    heard: Callable[..., None],
    channels: Iterable[str],
) -> None:
    """Give a connection that listens back to the pool, in whatever state it is: who stops needs no database for it."""
    try:
        for channel in channels:
            await listener.remove_listener(channel, heard)
    except LOST as error:
        log.debug("The listening connection was lost (%s).", type(error).__name__)
        with contextlib.suppress(asyncpg.InterfaceError):
            listener.terminate()
    await pool.release(listener)


class Subscription:
    """All events after a position that a query means, in order, one after another for ever."""

    def __init__(self, store: EventStore, after: int, items: Sequence[Item]) -> None:
        self._store = store
        self._items = tuple(items)
        self._ready: deque[Recorded] = deque()
        self.position = after  # Everything up to here was looked at, whether it was meant or not.

    def __aiter__(self) -> AsyncIterator[Recorded]:
        return self

    async def __anext__(self) -> Recorded:
        while not self._ready:
            self._ready.extend(await self.page())
        return self._ready.popleft()

    async def page(self) -> list[Recorded]:
        """Wait for growth and return what it brought; empty where nothing of it was meant."""
        page = await self._store.read(self._items, self.position, limit=PAGE)
        if page.head <= self.position:
            await self._store.signal.beyond(self.position)
            return []
        self.position = page.events[-1].position if len(page.events) == PAGE else page.head
        return page.events


class CheckpointMoved(Exception):
    """Another process has done this work already; what was done here must be rolled back."""


class Checkpoint:
    """How far a consumer has come; moved by compare-and-set in the transaction of the work itself."""

    def __init__(self, log_id: int, consumer: str) -> None:
        self._key = (log_id, consumer)

    async def position(self, connection: Connection) -> int:
        """Return the consumer's position, 0 before it ever moved."""
        found = await connection.fetchval(
            "SELECT position FROM checkpoint WHERE log_id = $1 AND consumer = $2", *self._key
        )
        return int(found or 0)

    async def move(self, connection: Connection, seen: int, to: int) -> None:
        """Move from the position that was seen; raises CheckpointMoved where another was faster."""
        moved = await connection.fetchval(
            "INSERT INTO checkpoint (log_id, consumer, position) SELECT $1, $2, $4 WHERE $3::bigint = 0 "
            "OR EXISTS (SELECT FROM checkpoint WHERE log_id = $1 AND consumer = $2) "
            "ON CONFLICT (log_id, consumer) DO UPDATE SET position = excluded.position "
            "WHERE checkpoint.position = $3::bigint RETURNING position",
            *self._key,
            seen,
            to,
        )
        if moved is None:
            raise CheckpointMoved(self._key[1])
