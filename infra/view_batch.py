"""One batch of the projector: what a stretch of the log changes in the tables of some views, in one transaction.

The checkpoints are moved first, so that of two projectors the slower one finds out before it has done anything. Tables
are derived data: the transaction does not wait for the disk, and a crash takes table and checkpoint back together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import msgspec

from domain.kernel import Recorded, UnknownEventType
from infra.event_store import EventStore
from infra.record import Page
from infra.subscription import CheckpointMoved
from infra.view_tables import Shape
from projections.kernel import History, Key, Where

if TYPE_CHECKING:
    from infra.subscription import Connection

__all__ = ["BATCH", "CONSUMERS", "Feed", "Stop", "Unreadable", "Unwritten", "advance", "read_on", "stop_here"]

BATCH: Final = 5000
CONSUMERS: Final = "view."

# Plans must be right for tables that were empty when they were made, so every search walks an index; and since there is
# only one way to walk, the plan is made once and not for each batch anew.
_MOVE = """
WITH held AS (
    SELECT consumer FROM checkpoint WHERE log_id = $1 AND consumer = ANY ($2::text[]) AND position = $3
    ORDER BY consumer FOR UPDATE
), moved AS (
    UPDATE checkpoint c SET position = $4 FROM held h WHERE c.log_id = $1 AND c.consumer = h.consumer
), well AS (
    DELETE FROM view.stopped WHERE log_id = $1 AND relation = ANY ($5::text[]) AND position <= $4
)
SELECT (SELECT count(*) FROM held), set_config('synchronous_commit', 'off', true),
       set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('plan_cache_mode', 'force_generic_plan', true)
"""
_BACK = "UPDATE checkpoint SET position = $3 WHERE log_id = $1 AND consumer = $2"
# Only where the view stands just before it: a newer program may have taken the event in meanwhile.
_STOP = """
INSERT INTO view.stopped (log_id, relation, position, kind)
SELECT $1, $2, $3::bigint, $4 FROM checkpoint c
WHERE c.log_id = $1 AND c.consumer = $5 AND c.position = $3::bigint - 1 FOR UPDATE
ON CONFLICT (log_id, relation) DO UPDATE SET position = excluded.position, kind = excluded.kind
"""


@dataclass(frozen=True)
class Feed:
    """A view and the table it is written to; the table's name is that of its checkpoint."""

    shape: Shape[Any]
    relation: str

    @property
    def consumer(self) -> str:
        """The name of its checkpoint."""
        return CONSUMERS + self.relation


@dataclass(frozen=True)
class Stop:
    """A view that cannot take in the event at a position, and the kind of error."""

    feed: Feed
    position: int
    kind: str


class Unreadable(Exception):
    """The event at this position is of an unknown type or damaged: every consumer stops before it."""

    def __init__(self, position: int, kind: str) -> None:
        super().__init__(f"The event at position {position} cannot be read: {kind}.")
        self.position = position
        self.kind = kind


class Unwritten(Exception):
    """What a view made of this batch cannot be stored; nothing of the batch was."""

    def __init__(self, feed: Feed, kind: str) -> None:
        super().__init__(f"What view {feed.shape.view.name} made of a batch cannot be stored: {kind}.")
        self.feed = feed
        self.kind = kind


# A view's own fault, whichever row or value it is; anything else is the database's and passes.
_OWN_FAULT = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    msgspec.MsgspecError,
    TypeError,
    ValueError,
    OverflowError,
)


async def read_on(store: EventStore, after: int, until: int | None = None, limit: int = BATCH) -> Page:
    """Read on from a position, up to an event that cannot be read; raises Unreadable where that is the first one."""
    while True:
        try:
            return await store.read(after=after, until=until, limit=limit)
        except (UnknownEventType, msgspec.ValidationError, msgspec.DecodeError) as error:
            if limit == 1:
                raise Unreadable(after + 1, type(error).__name__) from error
            limit //= 2


async def advance(
    connection: Connection, log_id: int, feeds: Sequence[Feed], events: Sequence[Recorded], seen: int
) -> list[Stop]:
    """Take the events after ``seen`` into the feeds, all of which stand there, within the caller's transaction.

    Returns the views whose fold failed; each has moved to just before its failure. Raises CheckpointMoved where another
    projector was faster, Unwritten where a view's rows cannot be stored: then nothing may be committed.
    """
    reached = events[-1].position if events else seen
    consumers, relations = [feed.consumer for feed in feeds], [feed.relation for feed in feeds]
    if await connection.fetchval(_MOVE, log_id, consumers, seen, reached, relations) != len(feeds):
        raise CheckpointMoved(f"views of log {log_id}")
    stops: list[Stop] = []
    for feed in feeds:
        history = await _take(connection, log_id, feed, events)
        if history is not None and history.failure is not None:
            stops.append(Stop(feed, history.failed_at, type(history.failure).__name__))
    for stop in stops:
        await connection.execute(_BACK, log_id, stop.feed.consumer, stop.position - 1)
        await stop_here(connection, log_id, stop)
    return stops


async def stop_here(connection: Connection, log_id: int, stop: Stop) -> None:
    """Put it on record that a view has stopped, for whoever asks after its health."""
    await connection.execute(_STOP, log_id, stop.feed.relation, stop.position, stop.kind, stop.feed.consumer)


async def _take(connection: Connection, log_id: int, feed: Feed, events: Iterable[Recorded]) -> History[Any] | None:
    view = feed.shape.view
    concerned = [recorded for recorded in events if recorded.type in view.topics]
    if not concerned:
        return None
    keys: dict[Key, None] = {}
    where: dict[tuple[str, Any], None] = {}
    try:
        _touched(feed, concerned, keys, where)
        history = History(view, await feed.shape.standing(connection, feed.relation, log_id, keys, where))
        for recorded in concerned:
            history.take(recorded)
        await feed.shape.write(connection, feed.relation, log_id, history)
    except _OWN_FAULT as error:
        raise Unwritten(feed, type(error).__name__) from error
    return history


def _touched(feed: Feed, events: Iterable[Recorded], keys: dict[Key, None], where: dict[tuple[str, Any], None]) -> None:
    """Which rows to load. A row that an event finds by index stood there before or was changed in this very batch."""
    for recorded in events:
        try:
            targets = list(feed.shape.view.touches(recorded))
        except Exception:  # noqa: BLE001 - The history meets the same error at the same event, and keeps it.
            return
        for target in targets:
            if isinstance(target, Where):
                where[target.index, target.value] = None
            else:
                keys[target] = None
