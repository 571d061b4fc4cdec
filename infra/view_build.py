"""Building tables of views beside those that are read, and switching to them.

A build is one transaction: tables without indexes, one pass over every log for all of them, COPY, indexes last, the
standing rows compared with what was folded, the rest of the log up to where the old table stands, and the switch. Until
it commits nobody sees anything of it, and a crash leaves nothing behind. Old tables are dropped afterwards, so that a
reader who is slow with one of them holds up no switch.
"""

# ruff: noqa: S608 - Names come from declared views and are quoted; every value is a parameter.

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import msgspec

from domain.kernel import Catalogue, Recorded, UnknownEventType
from infra.event_store import EventStore
from infra.log import logger
from infra.view_batch import CONSUMERS, PLANS, Feed, Stop, Unreadable, advance, read_on, stop_here
from infra.view_tables import SCHEMA, Shape, quoted
from projections.kernel import History, View

if TYPE_CHECKING:
    from infra.subscription import Connection

__all__ = ["Live", "NotAsFolded", "VersionNotRaised", "build", "live", "sweep", "wanted"]

_LOCK: Final = 0x76696577  # Any number will do, as long as every release takes the same one.
_FLUSH: Final = 20_000
_REPORT_EVERY: Final = 50_000
Report = Callable[[str, int, int], None]

_log = logger()


class VersionNotRaised(Exception):
    """The rows of a view look otherwise than the table of the same version: raise the view's version."""


class NotAsFolded(Exception):
    """A table that was just built does not give back the rows it was built from; it was not switched to."""


@dataclass(frozen=True)
class Live:
    """The table that readers of a view read."""

    name: str
    version: int
    relation: str
    shape: str


async def live(connection: Connection | asyncpg.Pool[asyncpg.Record]) -> dict[str, Live]:
    """Every view's table that is read now."""
    rows = await connection.fetch("SELECT name, version, relation, shape FROM view.live")
    return {row["name"]: Live(**dict(row)) for row in rows}


def wanted(shape: Shape[Any], there: Live | None) -> bool:
    """Whether a view must be built: it has no table, or an older one. Raises VersionNotRaised."""
    if there is None or there.version < shape.view.version:
        return True
    if there.version == shape.view.version and there.shape != shape.signature:
        raise VersionNotRaised(shape.view.name)
    return False


@dataclass
class _Made:
    """One table on its way."""

    feed: Feed
    old: Live | None
    histories: dict[int, History[Any]] = field(default_factory=dict)
    failed: bool = False


async def build(
    pool: asyncpg.Pool[asyncpg.Record],
    views: Sequence[View[Any]],
    catalogue: Catalogue,
    *,
    again: Collection[str] = (),
    report: Report = lambda _what, _done, _of: None,
) -> list[str]:
    """Build what is missing or old, and what is named again, in one pass; returns the names of the views switched.

    A view whose new fold fails keeps the table it has. Where it has none, it stands just before the failure. Two
    callers at once do it one after the other, the second finding nothing left to do.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        there = await live(connection)
        shapes = [Shape(view) for view in views]
        chosen = [s for s in shapes if s.view.name in again or wanted(s, there.get(s.view.name))]
        if not chosen:
            return []
        made = [_Made(Feed(shape, await _free_name(connection, shape)), there.get(shape.view.name)) for shape in chosen]
        for each in made:
            await connection.execute(each.feed.shape.create(each.feed.relation))
        heads = {
            log_id: await _fill(connection, EventStore(pool, log_id, catalogue), made, report)
            for log_id in await _logs(connection)
        }
        made = [each for each in made if not await _given_up(connection, each)]
        for each in made:
            report(f"index {each.feed.relation}", 0, 0)
            await _finish(connection, each)
        await connection.execute("; ".join(f"SET LOCAL {name} = {value}" for name, value in PLANS.items()))
        await _hold(connection, made)
        for log_id in await _logs(connection):
            if log_id not in heads:
                await _open(connection, log_id, made)
            await _keep_up(connection, EventStore(pool, log_id, catalogue), made, heads.get(log_id, 0))
        made = [each for each in made if not await _given_up(connection, each)]
        for each in made:
            await _switch(connection, each)
    await sweep(pool)
    return [each.feed.shape.view.name for each in made]


async def _logs(connection: Connection) -> list[int]:
    return [row["log_id"] for row in await connection.fetch("SELECT log_id FROM log ORDER BY log_id")]


async def _free_name(connection: Connection, shape: Shape[Any]) -> str:
    taken = {
        row["relname"]
        for row in await connection.fetch("SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace", SCHEMA)
    }
    name, number = shape.plain_relation, 1
    while name in taken:
        number += 1
        name = f"{shape.plain_relation}_r{number}"
    return name


async def _fill(connection: Connection, store: EventStore, made: Sequence[_Made], report: Report) -> int:
    """Fold one log into all tables; returns the position they then stand at, failed folds apart."""
    by_type: dict[str, list[History[Any]]] = {}
    for each in made:
        history = each.histories[store.log_id] = History(each.feed.shape.view)
        for topic in each.feed.shape.view.topics:
            by_type.setdefault(topic, []).append(history)
    head, position = await store.head(), 0
    try:
        async for page in store.pages(0, head):
            await _fold(connection, store.log_id, page, by_type, made)
            position = page[-1].position
            if position % _REPORT_EVERY < len(page):
                report(f"log {store.log_id}", position, head)
    except (UnknownEventType, msgspec.ValidationError, msgspec.DecodeError):
        position = await _up_to_the_fault(connection, store, made, by_type, position)
    for each in made:
        history = each.histories[store.log_id]
        await each.feed.shape.copy(connection, each.feed.relation, store.log_id, history.versions())
        history.past.clear()
        await _open(connection, store.log_id, [each], position if history.failure is None else history.failed_at - 1)
        if history.failure is not None:
            each.failed = True
            stop = Stop(each.feed, history.failed_at, type(history.failure).__name__)
            _log.error(
                "view.stopped", view=stop.feed.relation, log=store.log_id, position=stop.position, kind=stop.kind
            )
            await stop_here(connection, store.log_id, stop)
    return position


async def _open(connection: Connection, log_id: int, made: Sequence[_Made], position: int = 0) -> None:
    """Let new tables stand at a position of a log."""
    await connection.execute(
        "INSERT INTO checkpoint (log_id, consumer, position) SELECT $1, unnest($2::text[]), $3",
        log_id,
        [each.feed.consumer for each in made],
        position,
    )


async def _hold(connection: Connection, made: Sequence[_Made]) -> None:
    """From here to the switch no log gets a first checkpoint in the old tables: whoever gives one reads these rows."""
    names = [each.feed.shape.view.name for each in made]
    await connection.execute("SELECT FROM view.live WHERE name = ANY ($1::text[]) ORDER BY name FOR UPDATE", names)


async def _given_up(connection: Connection, made: _Made) -> bool:
    """Whether a view keeps its old table, because the new fold failed."""
    if made.old is None or not made.failed:
        return False
    await connection.execute(f"DROP TABLE {SCHEMA}.{quoted(made.feed.relation)}")
    await _forget(connection, made.feed.relation)
    return True


async def _forget(connection: Connection, relation: str) -> None:
    await connection.execute("DELETE FROM checkpoint WHERE consumer = $1", CONSUMERS + relation)
    await connection.execute("DELETE FROM view.stopped WHERE relation = $1", relation)


async def _up_to_the_fault(
    connection: Connection,
    store: EventStore,
    made: Sequence[_Made],
    by_type: dict[str, list[History[Any]]],
    position: int,
) -> int:
    """Fold what can still be read before an unknown or damaged event."""
    try:
        while True:
            page = await read_on(store, position)
            await _fold(connection, store.log_id, page, by_type, made)
            position = page[-1].position
    except Unreadable as error:
        _log.error("log.unreadable", log=store.log_id, position=error.position, kind=error.kind)
        return position


async def _fold(
    connection: Connection,
    log_id: int,
    page: Iterable[Recorded],
    by_type: dict[str, list[History[Any]]],
    made: Sequence[_Made],
) -> None:
    nobody: list[History[Any]] = []
    for recorded in page:
        for history in by_type.get(recorded.type, nobody):
            history.take(recorded)
    for each in made:
        history = each.histories[log_id]
        if len(history.past) >= _FLUSH:
            await each.feed.shape.copy(connection, each.feed.relation, log_id, history.past)
            history.past.clear()


async def _finish(connection: Connection, made: _Made) -> None:
    """Indexes, statistics, and the proof that the table gives back what was folded."""
    shape, relation = made.feed.shape, made.feed.relation
    for statement in shape.indexes(relation):
        await connection.execute(statement)
    await connection.execute(f"ANALYZE {SCHEMA}.{quoted(relation)}")
    expected = sum(len(history.register.rows) for history in made.histories.values())
    found = 0
    standing = f"SELECT log_id, {shape.columns} FROM {SCHEMA}.{quoted(relation)} WHERE to_position IS NULL"
    async for record in connection.cursor(standing, prefetch=1000):
        log_id, *values = record
        row = shape.decode(values)
        found += 1
        if made.histories[log_id].register.rows.get(shape.view.key_of(row)) != row:
            raise NotAsFolded(relation)
    if found != expected:
        raise NotAsFolded(relation)
    made.histories.clear()


async def _keep_up(connection: Connection, store: EventStore, made: Sequence[_Made], at: int) -> None:
    """Go on to where the old tables stand, and hold these there, so that a switch takes nothing back."""
    old = [CONSUMERS + each.old.relation for each in made if each.old is not None]
    held = await connection.fetch(
        "SELECT position FROM checkpoint WHERE log_id = $1 AND consumer = ANY ($2::text[]) "
        "ORDER BY consumer FOR UPDATE",
        store.log_id,
        old,
    )
    goal = max((row["position"] for row in held), default=0)
    stopped = {
        row["relation"]
        for row in await connection.fetch("SELECT relation FROM view.stopped WHERE log_id = $1", store.log_id)
    }
    while at < goal:
        page = await read_on(store, at, goal)
        feeds = [each.feed for each in made if each.feed.relation not in stopped]
        stops = await advance(connection, store.log_id, feeds, page, at)
        stopped.update(stop.feed.relation for stop in stops)
        for each in made:
            each.failed = each.failed or each.feed.relation in stopped
        at = page[-1].position


async def _switch(connection: Connection, made: _Made) -> None:
    shape = made.feed.shape
    await connection.execute(
        "INSERT INTO view.live (name, version, relation, shape) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO UPDATE "
        "SET version = excluded.version, relation = excluded.relation, shape = excluded.shape, "
        "since = clock_timestamp()",
        shape.view.name,
        shape.view.version,
        made.feed.relation,
        shape.signature,
    )
    if made.old is not None:
        await _forget(connection, made.old.relation)


async def sweep(pool: asyncpg.Pool[asyncpg.Record]) -> list[str]:
    """Drop the tables that no reader reads any more; one that is still being read is left for the next time."""
    async with pool.acquire() as connection:
        idle = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r' "
            "AND relname NOT IN ('live', 'stopped') AND relname NOT IN (SELECT relation FROM view.live)",
            SCHEMA,
        )
        dropped = []
        for row in idle:
            try:
                if await _drop(connection, row["relname"]):
                    dropped.append(row["relname"])
            except asyncpg.LockNotAvailableError:
                _log.info("view.still_read", view=row["relname"])
            except asyncpg.UndefinedTableError:
                continue  # Another sweep was faster.
        return dropped


async def _drop(connection: Connection, relation: str) -> bool:
    """Drop a table, unless its name has been given to one that is read by now."""
    async with connection.transaction():
        await connection.execute("SET LOCAL lock_timeout = '1s'")
        await connection.execute(f"LOCK TABLE {SCHEMA}.{quoted(relation)} IN ACCESS EXCLUSIVE MODE")
        if await connection.fetchval("SELECT EXISTS (SELECT FROM view.live WHERE relation = $1)", relation):
            return False
        await connection.execute(f"DROP TABLE {SCHEMA}.{quoted(relation)}")
        return True
