"""One batch of the projector: what a stretch of the log changes in the tables of some views, in two statements.

The first loads the rows that are touched, the second writes them and moves the checkpoints, provided that these still
stand where they stood: then nobody has written in between, and of two projectors the slower one has changed nothing.
Tables are derived data: the write does not wait for the disk, and a crash takes table and checkpoint back together.
"""

# ruff: noqa: S608 - Names come from declared views and are quoted; every value is a parameter.

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import asyncpg
import msgspec

from domain.kernel import Recorded, UnknownEventType
from infra.event_store import EventStore
from infra.subscription import CheckpointMoved
from infra.view_tables import Shape
from projections.kernel import History, Key, Where

if TYPE_CHECKING:
    from infra.subscription import Connection

__all__ = [
    "BATCH",
    "CONSUMERS",
    "PLANS",
    "Feed",
    "Stop",
    "Touched",
    "Unreadable",
    "Unwritten",
    "advance",
    "fold",
    "read_on",
    "stop_here",
    "write",
]

BATCH: Final = 5000
CONSUMERS: Final = "view."

# Plans must be right for tables that were empty when they were made, so every search walks an index; and since there is
# only one way to walk, the plan is made once and not for each batch anew. The projector's sessions are set so.
PLANS: Final = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}
# Whatever a batch changes, it changes only if every checkpoint could be held where it was seen: $1 log, $2 consumers,
# $3 how far each has come, $4 where all stood.
_MOVE = f"""
WITH held AS (
    SELECT FROM checkpoint WHERE log_id = $1 AND consumer = ANY ($2::text[]) AND position = $4 ORDER BY consumer
    FOR UPDATE
), all_held AS (
    SELECT FROM held HAVING count(*) = cardinality($2)
), moved AS (
    UPDATE checkpoint c SET position = m.until FROM all_held, unnest($2, $3::bigint[]) AS m(consumer, until)
    WHERE c.log_id = $1 AND c.consumer = m.consumer
), well AS (
    DELETE FROM view.stopped s USING all_held, unnest($2, $3) AS m(consumer, until)
    WHERE s.log_id = $1 AND s.relation = substr(m.consumer, {len(CONSUMERS) + 1}) AND s.position <= m.until
)"""
_DONE = "SELECT (SELECT count(*) FROM all_held), set_config('synchronous_commit', 'off', true)"
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
    """What one of several views made of this batch cannot be stored; nothing of the batch was."""

    def __init__(self, views: str, kind: str) -> None:
        super().__init__(f"What was made of a batch cannot be stored ({kind}), by one of these views: {views}.")
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


async def read_on(store: EventStore, after: int, until: int | None = None, limit: int = BATCH) -> list[Recorded]:
    """Read on from a position, up to an event that cannot be read; raises Unreadable where that is the first one."""
    while True:
        try:
            return await store.stretch(after, until, limit)
        except (UnknownEventType, msgspec.ValidationError, msgspec.DecodeError) as error:
            if limit == 1:
                raise Unreadable(after + 1, type(error).__name__) from error
            limit //= 2


async def advance(
    connection: Connection, log_id: int, feeds: Sequence[Feed], events: Sequence[Recorded], seen: int
) -> list[Stop]:
    """Take the events after ``seen`` into the feeds, all of which stand there.

    Returns the views whose fold failed; each has moved to just before its failure. Raises CheckpointMoved where another
    projector was faster, Unwritten where a view's rows cannot be stored; nothing is changed then.
    """
    until = dict.fromkeys(feeds, events[-1].position if events else seen)
    touched = [each for feed in feeds if (each := _touched(feed, events)) is not None]
    stops: list[Stop] = []
    try:
        folded = await fold(connection, log_id, touched)
        for feed, history in folded:
            if history.failure is not None:
                stops.append(Stop(feed, history.failed_at, type(history.failure).__name__))
                until[feed] = history.failed_at - 1
        held = await write(connection, log_id, folded, until, seen)
    except _OWN_FAULT as error:
        raise Unwritten(", ".join(each.feed.relation for each in touched), type(error).__name__) from error
    if not held:
        raise CheckpointMoved(f"views of log {log_id}")
    for stop in stops:
        await stop_here(connection, log_id, stop)
    return stops


async def stop_here(connection: Connection, log_id: int, stop: Stop) -> None:
    """Put it on record that a view has stopped, for whoever asks after its health."""
    await connection.execute(_STOP, log_id, stop.feed.relation, stop.position, stop.kind, stop.feed.consumer)


# --- the two statements ----------------------------------------------------------------------------------------------


class Touched(NamedTuple):
    """The events of a batch that concern a feed, and which rows they may change: by key, and by values of indexes."""

    feed: Feed
    events: Sequence[Recorded]
    keys: Collection[Key]
    where: Mapping[str, Collection[Any]]


def _touched(feed: Feed, events: Iterable[Recorded]) -> Touched | None:
    """Which rows to load. A row that an event finds by index stood there before or was changed in this very batch."""
    view = feed.shape.view
    concerned = [recorded for recorded in events if recorded.type in view.topics]
    if not concerned:
        return None
    keys: dict[Key, None] = {}
    where: dict[str, dict[Any, None]] = {}
    for recorded in concerned:
        try:
            targets = list(view.touches(recorded))
        except Exception:  # noqa: BLE001 - The history meets the same error at the same event, and keeps it.
            break
        for target in targets:
            if isinstance(target, Where):
                where.setdefault(target.index, {})[target.value] = None
            else:
                keys[target] = None
    return Touched(feed, concerned, keys, where)


async def fold(connection: Connection, log_id: int, touched: Sequence[Touched]) -> list[tuple[Feed, History[Any]]]:
    """What each feed makes of its events, beginning with the rows that stand."""
    if not touched:
        return []
    arguments: list[Any] = []
    for each in touched:
        arguments += _columns(each.keys, len(each.feed.shape.key))
        arguments += map(list, each.where.values())
    (row,) = await connection.fetch(_loading(tuple((e.feed, *e.where) for e in touched)), log_id, *arguments)
    found = iter(row)
    histories = []
    for each in touched:
        shape = each.feed.shape
        # A row may be found by its key and by an index; in the register it stands once.
        records = itertools.chain.from_iterable(itertools.islice(found, 1 + len(each.where)))
        history = History(shape.view, [shape.decode(tuple(record)) for record in records])
        for recorded in each.events:
            history.take(recorded)
        histories.append((each.feed, history))
    return histories


async def write(
    connection: Connection,
    log_id: int,
    histories: Iterable[tuple[Feed, History[Any]]],
    until: Mapping[Feed, int],
    seen: int,
) -> bool:
    """End what ended, write what began and move the checkpoints, unless one of them is not where it was seen."""
    changed = []
    arguments: list[Any] = []
    for feed, history in histories:
        shape = feed.shape
        versions = [(*shape.encode(row), begun, ended) for row, begun, ended in history.versions()]
        if versions or history.ended:
            changed.append(feed)
            arguments += _columns([(*key, position) for key, position in history.ended], len(shape.key) + 1)
            arguments += _columns(versions, len(shape.fields) + 2)
    consumers = [feed.consumer for feed in until]
    return bool(
        await connection.fetchval(_writing(tuple(changed)), log_id, consumers, list(until.values()), seen, *arguments)
    )


def _columns(rows: Collection[Sequence[Any]], width: int) -> Sequence[Sequence[Any]]:
    return list(zip(*rows, strict=True)) if rows else [()] * width


@functools.lru_cache(maxsize=512)
def _loading(wanted: tuple[tuple[Any, ...], ...]) -> str:
    found = []
    number = 2
    for feed, *indexes in wanted:
        found.append(feed.shape.by_keys(feed.relation, number))
        number += len(feed.shape.key)
        for name in indexes:
            found.append(feed.shape.by_index(feed.relation, name, number))
            number += 1
    return "SELECT " + ", ".join(f"ARRAY(SELECT found FROM ({sql}) AS found)" for sql in found)


@functools.lru_cache(maxsize=512)
def _writing(feeds: tuple[Feed, ...]) -> str:
    steps = [_MOVE]
    number = 5
    for n, feed in enumerate(feeds):
        shape = feed.shape
        steps.append(f"ended_{n} AS ({shape.end(feed.relation, number, 'all_held, ')} RETURNING true)")
        number += len(shape.key) + 1
        # The count makes what begins wait for what ends.
        after = f"all_held, (SELECT count(*) FROM ended_{n}) AS done, "
        steps.append(f"begun_{n} AS ({shape.insert(feed.relation, number, after)})")
        number += len(shape.fields) + 2
    return ", ".join(steps) + _DONE
