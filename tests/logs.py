"""Logs for tests: events of one made-up kind, commands around them, and the library's recorder on top of our store."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
import msgspec
from eventsourcing.dcb.api import (
    DCBAppendCondition,
    DCBEvent,
    DCBQuery,
    DCBReadResponse,
    DCBRecorder,
    DCBSequencedEvent,
    DCBSubscription,
)
from eventsourcing.dcb.popo import SimpleDCBReadResponse
from eventsourcing.persistence import IntegrityError, ProgrammingError

from domain.ids import UnitId
from domain.kernel import Catalogue, Envelope, Event, Recorded, public
from infra.event_store import EventStore, open_log
from infra.record import Conflict, Fact, Item, KeyReused, Outcome, Proposal, Repeated, Stale

T = TypeVar("T")
NOON = datetime(2020, 6, 1, 4, 0, tzinfo=UTC)


class Noted(Event):
    """Something was noted about a unit.
    zh: 测试用:记录一条单位情况。
    """

    TOPIC = "test.noted.v1"
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    note: Annotated[str, public("Note", "记录")]


class Foreign(Event):
    """Bytes of any stored name.
    zh: 测试用:任意类型的数据。
    """

    TOPIC = "test.foreign.v1"
    hex: Annotated[str, public("Bytes", "字节")]


class AnyType(Catalogue):
    """Knows every stored name; what it does not know by heart is foreign bytes."""

    def decode(self, name: str, data: bytes) -> Event:
        return super().decode(name if name in self.by_name else Foreign.TOPIC, data)


CATALOGUE = AnyType([Noted, Foreign])
NOTED = (Noted.TOPIC,)


def envelope(command_id: UUID | None = None, **other: Any) -> Envelope:
    command_id = command_id or uuid4()
    return Envelope(
        **{
            "actor_id": "clerk-1",
            "actor_kind": "person",
            "authority": "appointment:1",
            "command_id": command_id,
            "correlation_id": command_id,
            "received_at": NOON,
            "effective_at": NOON,
            **other,
        }
    )


def noted(unit: str, note: str = "x") -> Fact:
    return Fact.of(Noted(unit_id=UnitId(unit), note=note))


def foreign(kind: str, tags: Sequence[str], data: bytes = b"") -> Fact:
    body = msgspec.json.encode({"hex": data.hex()})
    return Fact(type=kind, data=body, tags=tuple(sorted(set(tags))))


def proposal(*facts: Fact, command_id: UUID | None = None, request: bytes = b"request", **other: Any) -> Proposal:
    return Proposal(request_hash=request, facts=facts or (noted("U-1"),), envelope=envelope(command_id), **other)


def about(unit: str) -> tuple[Item, ...]:
    return (Item(NOTED, (f"unit:{unit}",)),)


async def stored(pool: asyncpg.Pool, log_id: int) -> list[tuple[Any, ...]]:
    """Return all that a log holds, to see that nothing of it changed."""
    rows = await pool.fetch("SELECT * FROM event WHERE log_id = $1 ORDER BY position", log_id)
    tags = await pool.fetch("SELECT * FROM event_tag WHERE log_id = $1 ORDER BY tag, type, position", log_id)
    commands = await pool.fetch("SELECT * FROM command WHERE log_id = $1 ORDER BY command_id", log_id)
    return [tuple(row) for row in (*rows, *tags, *commands)]


# --- the library's recorder on our store -----------------------------------------------------------------------------


class Loop:
    """An event loop in a thread of its own, for callers who cannot await."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float = 60.0) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Recorder(DCBRecorder):
    """Our store by the library's interface: queries and bytes are translated, nothing is decided here."""

    def __init__(self, store: EventStore, loop: Loop) -> None:
        self.store = store
        self.loop = loop

    def read(
        self, query: DCBQuery | None = None, *, after: int | None = None, limit: int | None = None
    ) -> DCBReadResponse:
        page = self.loop.run(self.store.read(items_of(query), after or 0, limit=limit))
        events = [_sequenced(recorded) for recorded in page.events]
        head = (events[-1].position if events else None) if limit is not None else page.head or None
        return SimpleDCBReadResponse(iter(events), head)

    def append(self, events: Sequence[DCBEvent], condition: DCBAppendCondition | None = None) -> int:
        if not events:
            raise ProgrammingError("Should be at least one event. Avoid this elsewhere")
        outcome = self.submit(
            Proposal(
                request_hash=b"",
                facts=tuple(foreign(event.type, event.tags, event.data) for event in events),
                envelope=envelope(),
                items=() if condition is None else items_of(condition.fail_if_events_match) or (Item(),),
                after=(condition.after or 0) if condition else 0,
            )
        )
        if isinstance(outcome, Conflict):
            raise IntegrityError(condition)
        assert not isinstance(outcome, (Repeated, KeyReused, Stale))
        return outcome.receipt.last_position

    def submit(self, what: Proposal) -> Outcome:
        return self.loop.run(self.store.append(what))

    def subscribe(self, query: DCBQuery | None = None, *, after: int | None = None) -> Followed:
        return Followed(self, query, after)


class Followed(DCBSubscription[Recorder]):
    """A subscription by the library's interface."""

    def __init__(self, recorder: Recorder, query: DCBQuery | None, after: int | None) -> None:
        super().__init__(recorder, query, after)
        self._following = recorder.store.subscribe(after or 0, items_of(query))

    def __next__(self) -> DCBSequencedEvent:
        return _sequenced(self._recorder.loop.run(self._following.__anext__()))


def items_of(query: DCBQuery | None) -> tuple[Item, ...]:
    return tuple(Item(tuple(item.types), tuple(item.tags)) for item in query.items) if query else ()


def _sequenced(recorded: Recorded) -> DCBSequencedEvent:
    assert isinstance(recorded.event, Foreign)
    data = bytes.fromhex(recorded.event.hex)
    return DCBSequencedEvent(DCBEvent(recorded.type, data, list(recorded.tags)), recorded.position)


@contextmanager
def recorders(url: str, *origins: str) -> Iterator[list[Recorder]]:
    """Recorders on logs of one database, all in one process."""
    loop = Loop()
    try:
        pool = loop.run(_pool(url))
        stores = [EventStore(pool, loop.run(open_log(pool, origin, "real")), CATALOGUE) for origin in origins]
        try:
            yield [Recorder(store, loop) for store in stores]
        finally:
            for store in stores:
                loop.run(store.close())
            loop.run(pool.close())
    finally:
        loop.stop()


async def _pool(url: str) -> asyncpg.Pool:
    return await asyncpg.create_pool(url, min_size=2, max_size=10)


async def plant(url: str, right: str, wrong: str) -> None:
    """Put a fault into the append function, to see that a suite finds it."""
    connection = await asyncpg.connect(url)
    source = await connection.fetchval("SELECT pg_get_functiondef('append'::regproc)")
    assert right in source
    await connection.execute(source.replace(right, wrong))
    await connection.close()
