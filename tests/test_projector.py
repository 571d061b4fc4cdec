"""The projector on a real PostgreSQL: batches of any size, rebuilds, failures of one view, rivals and kills."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from typing import Any, cast

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from domain.ids import UnitId
from domain.kernel import Catalogue, Event, Recorded
from domain.lifecycle import CATALOGUE as LIFECYCLE
from infra.event_store import EventStore, open_log
from infra.projector import Projector
from infra.record import Fact, Proposal
from infra.replay import verify
from infra.subscription import CheckpointMoved
from infra.view_batch import Feed, advance
from infra.view_build import NotAsFolded, build, live, sweep
from infra.view_tables import Shape
from infra.views import NotBuilt
from projections import VIEWS as REAL_VIEWS
from projections.kernel import Key, View, fold_all
from tests.case_life import life
from tests.conftest import Database
from tests.dying import Dying, ends_when_told
from tests.viewing import (
    CATALOGUE,
    LAST,
    PLOT,
    TALLY,
    VIEWS,
    NewLog,
    PlotDug,
    PlotFlooded,
    PlotRow,
    Unheard,
    at,
    dug,
    new_log,
    readers,
    some_event,
    versions,
    write,
)

__all__ = ["new_log"]

pytestmark = pytest.mark.store
MANY = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def projector(pool: asyncpg.Pool, views: tuple[View[Any], ...] = VIEWS, batch: int = 5000) -> Projector:
    return Projector(pool, views, CATALOGUE, batch)


@contextlib.asynccontextmanager
async def running(work: Projector) -> AsyncIterator[None]:
    task = asyncio.create_task(work.run())
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def rows(pool: asyncpg.Pool, store: EventStore, view: View[Any]) -> dict[Any, Any]:
    page = await readers(pool).list(store.log_id, view)
    return {view.key_of(row): row for row in page.rows}


async def wait_for(pool: asyncpg.Pool, store: EventStore, *views: View[Any]) -> None:
    await readers(pool, patience=60).until(store.log_id, await store.head(), [view.name for view in views])


@MANY
@given(seed=st.integers(0, 2**32), batches=st.lists(st.integers(1, 30), min_size=1, max_size=4))
async def test_any_batches_a_rebuild_and_a_fold_in_memory_agree(
    pool: asyncpg.Pool, new_log: NewLog, seed: int, batches: list[int]
) -> None:
    chance = random.Random(seed)
    store = await new_log()
    for size in batches:
        await write(store, [some_event(chance) for _ in range(chance.randrange(1, 25))])
        await projector(pool, batch=size).catch_up(store.log_id)
    past = (await store.read()).events
    for view in VIEWS:
        assert await rows(pool, store, view) == fold_all(view, past)
    before = [await versions(pool, view.name, store.log_id) for view in VIEWS]
    assert await build(pool, VIEWS, CATALOGUE, again=[view.name for view in VIEWS]) == [view.name for view in VIEWS]
    assert [await versions(pool, view.name, store.log_id) for view in VIEWS] == before
    assert await verify(pool, VIEWS, CATALOGUE, store.log_id) == []
    await store.close()


async def test_a_fresh_database_has_tables_before_it_has_a_log(pool: asyncpg.Pool, new_log: NewLog) -> None:
    await projector(pool).catch_up()
    assert {each.relation for each in (await live(pool)).values()} == {"plot_v1", "tally_v1", "last_v1"}
    store = await new_log()
    await write(store, [dug(1)])
    await projector(pool).catch_up()
    assert len(await rows(pool, store, PLOT)) == 1


async def test_of_two_that_build_at_once_neither_says_that_nothing_was_built(
    pool: asyncpg.Pool, new_log: NewLog, superuser: asyncpg.Connection
) -> None:
    await write(await new_log(), [dug(1)])
    one, other = projector(pool), projector(pool)
    with capture_logs() as logged:
        async with halted(pool, "CREATE TABLE", lambda held: projector(held).catch_up()):
            building = [asyncio.create_task(each.catch_up()) for each in (one, other)]
            async with asyncio.timeout(20):
                while await kept_waiting(superuser) < 2:  # noqa: ASYNC110 - Only the server knows.
                    await asyncio.sleep(0.01)
        await asyncio.gather(*building)
    assert [entry for entry in logged if entry["log_level"] == "error"] == []


async def test_an_event_that_cannot_be_read_any_more_leaves_the_old_tables_in_place(
    pool: asyncpg.Pool, new_log: NewLog, superuser: asyncpg.Connection
) -> None:
    store = await new_log()
    head = await write(store, [dug(1), dug(2)])
    await projector(pool).catch_up()
    await superuser.execute("ALTER TABLE event DISABLE TRIGGER append_only")
    await superuser.execute("UPDATE event SET data = '{' WHERE position = 2")
    await projector(pool, (greener(), TALLY, LAST)).catch_up()
    assert (await live(pool))["plot"].relation == "plot_v1"
    assert await at(pool, "plot", store.log_id) == head


async def test_each_touching_event_makes_a_version_also_within_a_batch(pool: asyncpg.Pool, new_log: NewLog) -> None:
    store = await new_log()
    await write(store, [dug(1), dug(1, "r2"), dug(2), PlotFlooded(unit_id=UnitId("P-9")), dug(1, "r3")])
    await projector(pool).catch_up()
    asked = "SELECT unit_id, from_position, to_position FROM view.plot_v1 WHERE log_id = $1 ORDER BY from_position"
    spans = await pool.fetch(asked, store.log_id)
    assert [tuple(span) for span in spans] == [("P-1", 1, 2), ("P-1", 2, 5), ("P-2", 3, None), ("P-1", 5, None)]


async def test_a_new_log_with_equal_ids_is_followed_and_nothing_of_it_shows(
    pool: asyncpg.Pool, new_log: NewLog
) -> None:
    one = await new_log()
    async with running(projector(pool)):
        await write(one, [dug(1), dug(2)])
        await wait_for(pool, one)
        before = await rows(pool, one, PLOT)
        other = await new_log()
        await write(other, [dug(1, "r9", "green"), dug(3)])
        await wait_for(pool, other)
    assert await rows(pool, one, PLOT) == before
    assert (await rows(pool, other, PLOT))[("P-1",)].row == "r9"
    assert await verify(pool, VIEWS, CATALOGUE, one.log_id) == await verify(pool, VIEWS, CATALOGUE, other.log_id) == []


class _LogsOpenMeanwhile:
    """A pool with a log opened just before each of the first statements sent through it."""

    def __init__(self, pool: asyncpg.Pool, new_log: NewLog, statements: int) -> None:
        self._pool, self._new_log, self._left = pool, new_log, statements
        self.opened: list[EventStore] = []
        self.done = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    async def fetch(self, *arguments: Any) -> Any:
        await self._interrupt()
        return await self._pool.fetch(*arguments)

    async def execute(self, *arguments: Any) -> Any:
        await self._interrupt()
        return await self._pool.execute(*arguments)

    async def _interrupt(self) -> None:
        if self._left:
            self._left -= 1
            self.opened.append(await self._new_log())
            await write(self.opened[-1], [dug(1)])
        else:
            self.done.set()


class _SwitchedMeanwhile:
    """A pool that answers a question after positions only when another table has been switched in and seen."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._armed = False
        self.asked, self.seen = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    def arm(self) -> None:
        self._armed = True

    async def fetch(self, sql: str, *arguments: Any) -> Any:
        if self._armed and "FROM checkpoint" in sql:
            self._armed = False
            self.asked.set()
            await self.seen.wait()
        return await self._pool.fetch(sql, *arguments)


async def test_a_table_that_is_switched_while_positions_are_asked_for_is_followed(
    pool: asyncpg.Pool, new_log: NewLog
) -> None:
    store = await new_log()
    held = _SwitchedMeanwhile(pool)
    work = projector(cast("asyncpg.Pool", held))
    await work.catch_up()
    held.arm()
    catching_up = asyncio.create_task(work.catch_up())
    async with asyncio.timeout(20):
        await held.asked.wait()
        await build(pool, VIEWS, CATALOGUE, again=["plot"])
        await work._look_around()
        head = await write(store, [dug(1)])
        held.seen.set()
        await catching_up
    assert [await at(pool, view.name, store.log_id) for view in VIEWS] == [head] * len(VIEWS)


async def test_a_log_that_opens_between_any_two_statements_is_followed(pool: asyncpg.Pool, new_log: NewLog) -> None:
    await projector(pool).catch_up()
    interrupted = _LogsOpenMeanwhile(pool, new_log, statements=4)
    async with running(projector(cast("asyncpg.Pool", interrupted))):
        async with asyncio.timeout(20):
            await interrupted.done.wait()
        for store in interrupted.opened:
            await wait_for(pool, store)
    for store in interrupted.opened:
        assert await verify(pool, VIEWS, CATALOGUE, store.log_id) == []


class _Faulty(Catalogue):
    """A catalogue whose program has a fault: nobody foresees this error."""

    def decode(self, name: str, data: bytes) -> Event:
        raise LookupError(name, data)


async def test_a_fault_of_the_program_ends_the_process_in_plain_sight(pool: asyncpg.Pool, new_log: NewLog) -> None:
    store = await new_log()
    await projector(pool).catch_up()
    await write(store, [dug(1)])
    with pytest.raises(ExceptionGroup) as broke:
        async with asyncio.timeout(20):
            await Projector(pool, VIEWS, _Faulty([PlotDug])).run()
    assert broke.group_contains(LookupError)


# --- a view that fails -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("depth", "kind"), [(10, "RuntimeError"), (5, "DataError")], ids=["its fold fails", "its row cannot be stored"]
)
@pytest.mark.parametrize("batch", [1, 3, 5000])
async def test_a_failing_view_stops_alone_just_before_its_failure(
    pool: asyncpg.Pool, new_log: NewLog, caplog: pytest.LogCaptureFixture, *, depth: int, kind: str, batch: int
) -> None:
    store = await new_log()
    await write(store, [dug(1)])
    await projector(pool).catch_up()
    head = await write(store, [dug(2), PlotFlooded(unit_id=UnitId("P-2"), depth=depth), dug(3), dug(1)])
    await projector(pool, batch=batch).catch_up()
    assert (await at(pool, "plot", store.log_id), await at(pool, "tally", store.log_id)) == (head, head)
    assert await at(pool, "last", store.log_id) == 2
    assert await rows(pool, store, LAST) == fold_all(LAST, (await store.read(until=2)).events)
    ill = [each for each in await readers(pool).standing() if not each.healthy]
    assert [(each.view, each.position, each.stopped_at, each.kind) for each in ill] == [("last", 2, 3, kind)]
    assert await readers(pool).behind(store.log_id, head) == "last"
    assert "张三" not in caplog.text


async def test_a_mended_view_goes_on_where_it_stopped_and_is_well_again(pool: asyncpg.Pool, new_log: NewLog) -> None:
    store = await new_log()
    await projector(pool).catch_up()
    head = await write(store, [dug(1), PlotFlooded(unit_id=UnitId("P-1"), depth=10), dug(1)])
    await projector(pool).catch_up()
    mended = replace(
        LAST, fold=lambda row, recorded, key: row if recorded.position == 2 else LAST.fold(row, recorded, key)
    )
    await projector(pool, (PLOT, TALLY, mended)).catch_up()
    assert await at(pool, "last", store.log_id) == head
    assert all(each.healthy for each in await readers(pool).standing())


async def test_an_unknown_event_stops_every_view_before_it(pool: asyncpg.Pool, new_log: NewLog) -> None:
    store = await new_log()
    await write(store, [dug(1)])
    await projector(pool).catch_up()
    await write(store, [dug(2), dug(3), Unheard(unit_id=UnitId("P-1")), dug(4)])
    await projector(pool).catch_up()
    standing = [each for each in await readers(pool).standing() if each.log_id == store.log_id]
    assert {(each.position, each.stopped_at, each.kind) for each in standing} == {(3, 4, "UnknownEventType")}
    assert len(await rows(pool, store, PLOT)) == 3


async def test_an_older_program_calls_no_view_stopped_that_a_newer_one_has_moved_on(
    pool: asyncpg.Pool, new_log: NewLog
) -> None:
    store = await new_log()
    await write(store, [dug(1)])
    older, newer = projector(pool), Projector(pool, VIEWS, Catalogue([*CATALOGUE.by_name.values(), Unheard]))
    await older.catch_up()
    head = await write(store, [Unheard(unit_id=UnitId("P-1")), dug(2)])
    await newer.catch_up()
    # It goes on from where it saw the views last, and stops there for its own part.
    assert await older._step(older._logs[store.log_id])
    standing = [each for each in await readers(pool).standing() if each.log_id == store.log_id]
    assert {(each.position, each.healthy) for each in standing} == {(head, True)}


async def test_a_first_build_stops_before_what_it_cannot_take_in(pool: asyncpg.Pool, new_log: NewLog) -> None:
    store = await new_log()
    flood = PlotFlooded(unit_id=UnitId("P-1"), depth=10)
    await write(store, [dug(1), flood, dug(2), Unheard(unit_id=UnitId("P-1")), dug(4)])
    await projector(pool).catch_up()
    stands = {each.view: (each.position, each.stopped_at, each.kind) for each in await readers(pool).standing()}
    assert stands == {
        "plot": (3, 4, "UnknownEventType"),
        "tally": (3, 4, "UnknownEventType"),
        "last": (1, 2, "RuntimeError"),
    }


# --- building beside and switching -----------------------------------------------------------------------------------


def greener(version: int = 2, **other: Any) -> View[Any]:
    return replace(PLOT, version=version, **other)


async def test_a_raised_version_is_built_beside_and_switched(pool: asyncpg.Pool, new_log: NewLog) -> None:
    store = await new_log()
    await write(store, [dug(1), dug(2)])
    await projector(pool).catch_up()
    nobody = greener(fold=lambda *_: None)
    await projector(pool, (nobody, TALLY)).catch_up()
    there = (await live(pool))["plot"]
    assert (there.version, there.relation) == (2, "plot_v2")
    assert await rows(pool, store, PLOT) == {}, "readers of the older program read the new table, which looks the same"
    assert await pool.fetchval("SELECT to_regclass('view.plot_v1')") is None
    assert await pool.fetchval("SELECT count(*) FROM checkpoint WHERE consumer = 'view.plot_v1'") == 0


async def test_all_who_ask_of_a_table_that_is_gone_are_answered_from_the_new_one(
    pool: asyncpg.Pool, new_log: NewLog
) -> None:
    store = await new_log()
    await write(store, [dug(1), dug(2)])
    await projector(pool).catch_up()
    views = readers(pool)
    expected = [(await views.get(store.log_id, "plot", (f"P-{n}",))).row for n in (1, 2, 3)]
    await projector(pool, (greener(), TALLY)).catch_up()
    asked = [views.get(store.log_id, "plot", (f"P-{n}",)) for n in (1, 2, 3) * 5]
    listed = asyncio.create_task(views.list(store.log_id, "plot"))
    assert [found.row for found in await asyncio.gather(*asked)] == expected * 5
    assert list((await listed).rows) == expected[:2]


async def test_an_older_program_leaves_a_newer_table_alone(pool: asyncpg.Pool, new_log: NewLog) -> None:
    store = await new_log()
    await write(store, [dug(1)])
    await projector(pool, (greener(), TALLY)).catch_up()
    await write(store, [dug(2)])
    await projector(pool).catch_up()
    assert (await live(pool))["plot"].version == 2
    assert (await at(pool, "plot", store.log_id), await at(pool, "tally", store.log_id)) == (1, 2)


async def test_rows_that_look_otherwise_need_a_raised_version(pool: asyncpg.Pool) -> None:
    await projector(pool).catch_up()
    sloppy = replace(TALLY, row=type(LAST.row.__name__, (TALLY.row,), {"__annotations__": {"more": int}, "more": 1}))
    await projector(pool, (sloppy, PLOT)).catch_up()
    assert (await live(pool))["tally"].shape == Shape(TALLY).signature
    with pytest.raises(NotBuilt):
        await readers(pool, (sloppy,)).list(1, "tally")
    assert [each.healthy for each in await readers(pool, (sloppy, PLOT)).standing()] == []


async def test_a_build_that_gives_back_other_rows_is_not_switched_to(pool: asyncpg.Pool, new_log: NewLog) -> None:
    store = await new_log()
    await write(store, [dug(1)])
    await projector(pool).catch_up()
    # Equal instants of two zones are equal; a row that is unequal to itself is the plainest row that is not given back.
    unlike = type("Unlike", (LAST.row,), {"__eq__": lambda *_: False, "__annotations__": {}}, frozen=True, kw_only=True)
    with pytest.raises(NotAsFolded):
        await build(
            pool,
            [
                replace(
                    LAST,
                    version=2,
                    row=unlike,
                    fold=lambda _row, _recorded, key: unlike(unit_id=key[0], colour="", seen=1),
                )
            ],
            CATALOGUE,
        )
    assert (await live(pool))["last"].relation == "last_v1"
    assert await pool.fetchval("SELECT to_regclass('view.last_v2')") is None


async def test_a_new_fold_that_fails_leaves_the_old_table_in_place(pool: asyncpg.Pool, new_log: NewLog) -> None:
    def fails(*_: object) -> PlotRow:
        raise RuntimeError

    store = await new_log()
    await write(store, [dug(1)])
    await projector(pool).catch_up()
    await projector(pool, (greener(fold=fails), TALLY)).catch_up()
    assert (await live(pool))["plot"].relation == "plot_v1"
    assert len(await rows(pool, store, PLOT)) == 1


async def test_rebuilding_while_people_write_and_read_takes_nothing_back(pool: asyncpg.Pool, new_log: NewLog) -> None:
    store = await new_log()
    async with running(projector(pool)):
        await write(store, [dug(n) for n in range(300)])
        await wait_for(pool, store)
        done = asyncio.Event()
        positions: list[int] = []

        async def keep_reading() -> None:
            views = readers(pool, patience=60)
            while not done.is_set():
                page = await views.list(store.log_id, "plot", limit=1)
                positions.append(page.position)
                assert page.rows

        async def keep_writing() -> None:
            number = 300
            while not done.is_set():
                await write(store, [dug(number)])
                number += 1

        reading, writing = asyncio.create_task(keep_reading()), asyncio.create_task(keep_writing())
        for _ in range(3):
            await build(pool, VIEWS, CATALOGUE, again=["plot", "last"])
        done.set()
        await asyncio.gather(reading, writing)
        await wait_for(pool, store)
    assert positions == sorted(positions)
    assert await verify(pool, VIEWS, CATALOGUE, store.log_id) == []
    await sweep(pool)
    tables = await pool.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'view'::regnamespace AND relkind = 'r'"
    )
    assert len(tables) == 2 + len(VIEWS)


class _Halts:
    """A pool that halts before the first statement on a borrowed connection that begins so, until it is told to go."""

    def __init__(self, pool: asyncpg.Pool, beginning: str) -> None:
        self._pool, self._beginning = pool, beginning
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as connection:
            yield _HaltingConnection(self, connection)

    async def before(self, sql: str) -> None:
        if sql.lstrip().startswith(self._beginning) and not self.reached.is_set():
            self.reached.set()
            await self.go.wait()


class _HaltingConnection:
    def __init__(self, halts: _Halts, connection: Any) -> None:
        self._halts, self._connection = halts, connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def execute(self, sql: str, *arguments: Any) -> Any:
        await self._halts.before(sql)
        return await self._connection.execute(sql, *arguments)


@contextlib.asynccontextmanager
async def halted(
    pool: asyncpg.Pool, beginning: str, work: Callable[[asyncpg.Pool], Coroutine[Any, Any, Any]]
) -> AsyncIterator[None]:
    """Let something be done up to a statement, stand still for the block, and then be finished."""
    halts = _Halts(pool, beginning)
    task = asyncio.create_task(work(cast("asyncpg.Pool", halts)))
    try:
        async with asyncio.timeout(20):
            await halts.reached.wait()
        yield
    finally:
        halts.go.set()
        await asyncio.wait([task])
    await task


async def kept_waiting(superuser: asyncpg.Connection) -> int:
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    waiting: int = await superuser.fetchval(asked)
    return waiting


async def test_a_look_around_in_the_middle_of_a_switch_leaves_nothing_of_the_old_table(
    pool: asyncpg.Pool, new_log: NewLog, superuser: asyncpg.Connection
) -> None:
    store = await new_log()
    await write(store, [dug(1)])
    work = projector(pool)
    await work.catch_up()
    async with halted(pool, "DELETE FROM view.stopped", lambda held: build(held, [PLOT], CATALOGUE, again=["plot"])):
        await new_log()
        looking = asyncio.create_task(work._look_around())
        async with asyncio.timeout(20):
            while not looking.done() and not await kept_waiting(superuser):  # noqa: ASYNC110 - Only the server knows.
                await asyncio.sleep(0.01)
    await looking
    assert await pool.fetchval("SELECT count(*) FROM checkpoint WHERE consumer = 'view.plot_v1'") == 0
    for _ in range(2):
        assert await build(pool, [PLOT], CATALOGUE, again=["plot"]) == ["plot"]


async def test_a_log_that_is_opened_during_a_build_is_not_taken_back(pool: asyncpg.Pool, new_log: NewLog) -> None:
    first = await new_log()
    await write(first, [dug(1)])
    work = projector(pool)
    await work.catch_up()
    async with halted(pool, "ANALYZE", lambda held: build(held, VIEWS, CATALOGUE, again=["plot", "last"])):
        store = await new_log()
        head = await write(store, [dug(1), dug(2)])
        await work.catch_up(store.log_id)
    assert [await at(pool, view.name, store.log_id) for view in VIEWS] == [head] * len(VIEWS)
    assert await verify(pool, VIEWS, CATALOGUE, store.log_id) == []


async def test_a_new_fold_that_fails_on_what_comes_in_during_its_build_leaves_the_old_table_in_place(
    pool: asyncpg.Pool, new_log: NewLog
) -> None:
    store = await new_log()
    await write(store, [dug(1)])
    work = projector(pool)
    await work.catch_up()

    def fails_on_the_second(row: PlotRow | None, recorded: Recorded, key: Key) -> PlotRow | None:
        if recorded.position > 1:
            raise RuntimeError
        return PLOT.fold(row, recorded, key)

    newer = greener(fold=fails_on_the_second)
    async with halted(pool, "ANALYZE", lambda held: build(held, [newer, replace(TALLY, version=2)], CATALOGUE)):
        head = await write(store, [dug(2)])
        await work.catch_up()
    assert {name: each.version for name, each in (await live(pool)).items()} == {"plot": 1, "tally": 2, "last": 1}
    assert [await at(pool, name, store.log_id) for name in ("plot", "tally")] == [head, head]
    assert all(each.healthy for each in await readers(pool).standing())


async def test_a_sweep_spares_a_new_table_that_has_the_name_of_an_old_one(pool: asyncpg.Pool, new_log: NewLog) -> None:
    store = await new_log()
    await write(store, [dug(1)])
    await projector(pool).catch_up()
    async with pool.acquire() as reader, reader.transaction():
        await reader.fetch("SELECT * FROM view.plot_v1")
        # Somebody still reads it, so it is left for the next sweep.
        await build(pool, [PLOT], CATALOGUE, again=["plot"])
    async with halted(pool, "SET LOCAL lock_timeout", sweep):
        await sweep(pool)
        await build(pool, [PLOT], CATALOGUE, again=["plot"])
        assert (await live(pool))["plot"].relation == "plot_v1"
    assert len(await rows(pool, store, PLOT)) == 1


# --- rivals and kills ------------------------------------------------------------------------------------------------


async def test_of_two_batches_over_the_same_events_one_is_refused(pool: asyncpg.Pool, new_log: NewLog) -> None:
    store = await new_log()
    await projector(pool).catch_up()
    await write(store, [dug(1), dug(2)])
    events = (await store.read()).events
    feeds = [Feed(Shape(view), f"{view.name}_v1") for view in VIEWS]

    async def take() -> bool:
        try:
            async with pool.acquire() as connection:
                await advance(connection, store.log_id, feeds, events, 0)
        except CheckpointMoved:
            return False
        return True

    assert sorted(await asyncio.gather(*(take() for _ in range(4)))) == [False, False, False, True]
    assert await verify(pool, VIEWS, CATALOGUE, store.log_id) == []


async def test_a_batch_changes_nothing_unless_every_checkpoint_is_where_it_was_seen(
    pool: asyncpg.Pool, new_log: NewLog
) -> None:
    store = await new_log()
    await projector(pool).catch_up()
    await write(store, [dug(1), dug(2)])
    events = (await store.read()).events
    plot, tally = (Feed(Shape(view), f"{view.name}_v1") for view in (PLOT, TALLY))
    async with pool.acquire() as connection:
        await advance(connection, store.log_id, [tally], events[:1], 0)
        with pytest.raises(CheckpointMoved):
            await advance(connection, store.log_id, [plot, tally], events, 0)
    assert (await at(pool, "plot", store.log_id), await at(pool, "tally", store.log_id)) == (0, 1)
    assert (await rows(pool, store, PLOT), len(await versions(pool, "tally", store.log_id))) == ({}, 1)


async def test_two_projectors_at_once_and_killed_backends_lose_and_double_nothing(
    pool: asyncpg.Pool, new_log: NewLog, superuser: asyncpg.Connection, database: Database
) -> None:
    store = await new_log()
    chance = random.Random(7)
    victim = {"application_name": "victim"}
    async with (
        asyncpg.create_pool(database.app_url, min_size=1, max_size=6, server_settings=victim) as one,
        asyncpg.create_pool(database.app_url, min_size=1, max_size=6, server_settings=victim) as two,
        running(projector(one, batch=7)),
        running(projector(two, batch=11)),
    ):
        for _ in range(25):
            await write(store, [some_event(chance) for _ in range(12)])
            await superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'victim' AND random() < 0.5"
            )
        await wait_for(pool, store)
    assert await verify(pool, VIEWS, CATALOGUE, store.log_id) == []


@pytest.mark.parametrize("words", ["FROM view.live", "FROM checkpoint"], ids=["looking around", "following"])
async def test_told_to_stop_it_stops_also_where_a_connection_dies_at_that_instant(
    pool: asyncpg.Pool, new_log: NewLog, words: str
) -> None:
    await new_log()
    await projector(pool).catch_up()
    dying = Dying(pool, words)
    task = asyncio.create_task(projector(dying.pool).run())
    async with asyncio.timeout(20):
        await dying.asked.wait()
    assert await ends_when_told(task)


async def test_wake_ups_from_another_pool_bring_what_was_written_at_once(pool: asyncpg.Pool, new_log: NewLog) -> None:
    store = await new_log()
    work = projector(pool)
    work.poll_seconds = 3600.0  # Only a wake-up helps, and each must come.
    async with running(work):
        for number in range(20):
            await write(store, [dug(number)])
            await wait_for(pool, store)


async def test_the_process_keeps_the_products_views_up_beats_and_ends_when_told(database: Database) -> None:
    environment = {**os.environ, "BIAOGAN_DATABASE_URL": database.app_url}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "workers.projector", env=environment)
    try:
        async with asyncpg.create_pool(database.app_url, min_size=1, max_size=5) as pool:
            async with EventStore(pool, await open_log(pool, "UNI", "simulated"), LIFECYCLE) as store:
                for recorded in life():
                    await store.append(
                        Proposal(request_hash=b"", facts=(Fact.of(recorded.event),), envelope=recorded.envelope)
                    )
                await readers(pool, REAL_VIEWS, patience=60).until(store.log_id, await store.head())
                assert await verify(pool, REAL_VIEWS, LIFECYCLE, store.log_id) == []
            async with asyncio.timeout(20):
                while not await pool.fetchval("SELECT count(*) FROM heartbeat WHERE process = 'projector'"):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
    finally:
        process.terminate()
        code = await process.wait()
    assert code == 0
