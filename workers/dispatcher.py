"""The process that turns what was recorded into what is to be done: ``python -m workers.dispatcher``.

It follows every log. For each page it enters a row for every automation and every event that one starts from, and moves
its checkpoint, in one transaction; then it says in the queue where there are rows. Whatever the queue loses is said
again, as long as rows are due. Any number of dispatchers may run: whoever loses the race for a page looks again.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Final

import asyncpg
from dramatiq import Broker

from domain.lifecycle import CATALOGUE
from infra.assembly import Stores, open_pool
from infra.broker import AWAY, hint, open_broker
from infra.log import logger
from infra.outbox import CONSUMER, Entry, Outbox, key_of
from infra.record import Item
from infra.settings import Settings
from infra.subscription import PAGE, Checkpoint, CheckpointMoved
from infra.writer import LOST, heed_cancellation
from workers.actors import ACTORS, actor_of
from workers.automations import AUTOMATIONS, Automation
from workers.process import broker_and_database, served, until_told

__all__ = ["Dispatcher", "Hand", "main", "to_broker"]

NAME: Final = "dispatcher"
_CONNECTIONS: Final = 8
_LOOK_AROUND_SECONDS: Final = 0.5
_SAY_AGAIN_SECONDS: Final = 5.0
_AT_ONCE: Final = 8
"""How many messages are sent at most for rows of one automation in one log that are due at the same time."""
_NOTHING: Final = Item(types=("",))
"""Means no event: what is followed where there is no automation."""
_AWAY: Final = (asyncpg.PostgresError, *LOST)
_LOGS: Final = "SELECT log_id, origin FROM log ORDER BY log_id"

Hand = Callable[[Automation, int, int], Awaitable[None]]
"""Says so many times that there are rows of an automation in a log; raises one of ``AWAY`` where nobody can be told."""

_log = logger()


class Dispatcher:
    """Follows every log of one database, for the automations that are handed in."""

    def __init__(
        self,
        pool: asyncpg.Pool[asyncpg.Record],
        stores: Stores,
        automations: Sequence[Automation],
        hand: Hand,
        say_again_seconds: float = _SAY_AGAIN_SECONDS,
    ) -> None:
        self._pool = pool
        self._stores = stores
        self._outbox = Outbox(pool)
        self._automations = {automation.name: automation for automation in automations}
        self._hand = hand
        self._say_again_after = timedelta(seconds=say_again_seconds)
        self._starts: dict[str, list[str]] = {}
        for automation in automations:
            if automation.when is not None:
                self._starts.setdefault(automation.when.TOPIC, []).append(automation.name)
        self._items = [Item(types=tuple(sorted(self._starts)))] if self._starts else [_NOTHING]
        self._positions: dict[int, int] = {}
        self._fresh: dict[tuple[int, str], tuple[int, datetime]] = {}
        self._entered = asyncio.Event()
        self._said: dict[tuple[int, str], datetime] = {}
        self._nobody_hears = False

    # --- for ever ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Follow every log, new ones included, until cancelled; a database or a broker that is away is waited for."""
        followed: set[int] = set()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tell(), name="hand over")
            while True:
                with _while_away():
                    for record in await self._pool.fetch(_LOGS):
                        if record["log_id"] not in followed:
                            followed.add(record["log_id"])
                            tasks.create_task(self._follow(record["log_id"], record["origin"]))
                await asyncio.sleep(_LOOK_AROUND_SECONDS)

    async def _follow(self, log_id: int, origin: str) -> None:
        store = await self._stores(log_id)
        while True:
            try:
                position = await self.catch_up(log_id, origin)
            except _AWAY:
                heed_cancellation()
                _log.warning("dispatcher.waits", log_id=log_id, exc_info=True)
                await asyncio.sleep(_LOOK_AROUND_SECONDS)
            else:
                await store.signal.beyond(position)

    async def _tell(self) -> None:
        """Hand over what was entered at once, and now and then what is due by now or was not heard of."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AROUND_SECONDS):
                    await self._entered.wait()
            with _while_away():
                await self.tell()

    # --- until there is nothing left to do ---------------------------------------------------------------------------

    async def catch_up(self, log_id: int, origin: str) -> int:
        """Enter rows for everything that is recorded in a log; gives the position up to which all of it was seen."""
        while await self._step(log_id, origin):
            pass
        return self._positions[log_id]

    async def _step(self, log_id: int, origin: str) -> bool:
        """Enter rows for one page; whether there was one."""
        checkpoint = Checkpoint(log_id, CONSUMER)
        if log_id not in self._positions:
            async with self._pool.acquire() as connection:
                self._positions[log_id] = await checkpoint.position(connection)
        seen = self._positions[log_id]
        page = await (await self._stores(log_id)).read(self._items, after=seen, limit=PAGE)
        if page.head <= seen:
            return False
        to = page.events[-1].position if len(page.events) == PAGE else page.head
        entries = [
            Entry(event.position, name, event.position, key_of(origin, name, event.position, event.position))
            for event in page.events
            for name in self._starts[event.type]
        ]
        del self._positions[log_id]  # Until the transaction is through, nobody knows.
        with suppress(CheckpointMoved):  # Another dispatcher has entered them.
            async with self._pool.acquire() as connection, connection.transaction():
                due_at = await self._outbox.enter(connection, log_id, entries)
                await checkpoint.move(connection, seen, to)
            self._positions[log_id] = to
            for name, rows in Counter(entry.automation for entry in entries).items():
                already, _ = self._fresh.get((log_id, name), (0, due_at))
                self._fresh[log_id, name] = already + rows, due_at
                self._entered.set()
        return True

    async def tell(self) -> None:
        """Say where there are rows to be taken up, as far as it was not said yet or seems not to have been heard."""
        self._entered.clear()
        fresh, self._fresh = self._fresh, {}
        for (log_id, name), (rows, due_at) in fresh.items():
            await self._say(log_id, name, rows, due_at)
        most = _AT_ONCE * max(actor.batch for actor in ACTORS)
        for lane in await self._outbox.due(self._automations, most):
            said_at = self._said.get((lane.log_id, lane.automation))
            if said_at is None or lane.due_since > said_at or lane.asked_at - said_at > self._say_again_after:
                await self._say(lane.log_id, lane.automation, lane.rows, lane.asked_at)

    async def _say(self, log_id: int, name: str, rows: int, due_by: datetime) -> None:
        """Say that there are rows that are due by a time of the database's clock."""
        automation = self._automations[name]
        times = min(_AT_ONCE, -(-rows // actor_of(automation).batch))
        try:
            await self._hand(automation, log_id, times)
        except AWAY:
            # It is said again, as long as there are rows; nothing is lost but time.
            if not self._nobody_hears:
                _log.warning("broker.away", exc_info=True)
            self._nobody_hears = True
            self._said.pop((log_id, name), None)
        else:
            if self._nobody_hears:
                _log.info("broker.back")
            self._nobody_hears = False
            self._said[log_id, name] = due_by


@contextmanager
def _while_away() -> Iterator[None]:
    try:
        yield
    except _AWAY:
        heed_cancellation()
        _log.warning("dispatcher.waits", exc_info=True)


def to_broker(broker: Broker) -> Hand:
    """Say it in the queue."""
    for actor in ACTORS:
        broker.declare_queue(actor.name)

    async def hand(automation: Automation, log_id: int, times: int) -> None:
        message = hint(actor_of(automation).name, log_id, automation.name)
        for _ in range(times):
            # The library waits for the broker where it stands.
            await asyncio.to_thread(broker.enqueue, message)

    return hand


async def dispatch(settings: Settings) -> None:
    """Follow every log of the database until this process is told to stop."""
    broker_url, database_url = broker_and_database(settings)
    async with open_pool(database_url, name=NAME, size=_CONNECTIONS) as pool, Stores(pool, CATALOGUE) as stores:
        dispatcher = Dispatcher(pool, stores, AUTOMATIONS, to_broker(open_broker(broker_url)))
        await until_told(pool, NAME, dispatcher.run())


def main() -> int:
    """Run until told to stop; answer by exit code."""
    return served(NAME, dispatch)


if __name__ == "__main__":
    sys.exit(main())
