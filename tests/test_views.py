"""Reading views on a real PostgreSQL: rows now and at any position, pages that fit together, days, who may see them."""

from __future__ import annotations

import asyncio
import random
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, get_type_hints

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.ids import UnitId
from domain.institution.events import ClockAdvanced
from infra.assembly import open_pool
from infra.event_store import EventStore
from infra.projector import Projector
from infra.view_batch import Feed, Touched, fold
from infra.view_batch import write as keep
from infra.view_build import build
from infra.view_query import LARGEST_READ, AtLeast, AtMost, BadQuery, selected
from infra.view_tables import Shape
from infra.views import Behind, NoSuchView, NotBuilt, NotEffective, shown
from projections import VIEWS as REAL_VIEWS
from projections.kernel import History, View, fold_all
from tests.conftest import Database
from tests.viewing import (
    CATALOGUE,
    COLOURS,
    LAST,
    NOON,
    PLOT,
    TALLY,
    VIEWS,
    Crop,
    NewLog,
    PlotLeft,
    PlotRow,
    RowMerged,
    dug,
    new_log,
    opened,
    readers,
    some_days,
    some_event,
    write,
)

__all__ = ["new_log"]

pytestmark = pytest.mark.store
FEW = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
MANY = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


async def written(pool: asyncpg.Pool, store: EventStore, seed: int, count: int = 40) -> int:
    chance = random.Random(seed)
    head = await write(store, [opened()] + [some_event(chance) for _ in range(count)], some_days(chance, count + 1))
    await Projector(pool, VIEWS, CATALOGUE).catch_up(store.log_id)
    return head


async def everything(views: Any, store: EventStore, view: View[Any], **asked: Any) -> list[Any]:
    """All rows of a list, page by page."""
    found: list[Any] = []
    cursor = None
    while True:
        page = await views.list(store.log_id, view, cursor=cursor, **asked)
        found += page.rows
        cursor = page.next
        if cursor is None:
            return found


# --- rows and tables -------------------------------------------------------------------------------------------------

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
whole = st.integers(-(2**63), 2**63 - 1)
crops = st.builds(Crop, name=text, amount_fen=st.integers(-(2**53) + 1, 2**53 - 1))
plot_rows = st.builds(
    PlotRow,
    unit_id=text,
    row=text,
    colour=text,
    amount_fen=st.none() | whole,
    crops=st.lists(crops, max_size=3).map(tuple),
    dug_on=st.dates(),
    changed_at=st.datetimes(timezones=st.just(UTC)),
    wet=st.booleans(),
    mood=st.sampled_from([None, "new", "old"]),
    counts=st.dictionaries(text, st.integers(-5, 2**53 - 1), max_size=3),
    best=st.none() | crops,
)


@MANY
@given(found=st.lists(plot_rows, min_size=1, max_size=5, unique_by=lambda row: row.unit_id), way=st.booleans())
async def test_a_table_gives_back_exactly_the_rows_it_was_given(
    pool: asyncpg.Pool, found: list[PlotRow], way: bool
) -> None:
    shape = Shape(PLOT)
    feed = Feed(shape, "plot_v1")
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(shape.create("plot_v1"))
        for statement in shape.indexes("plot_v1"):
            await connection.execute(statement)
        if way:
            await shape.copy(connection, "plot_v1", 1, [(row, 1, None) for row in found])
        else:
            history: History[PlotRow] = History(PLOT)
            history.register.seed(found)
            history.begun = dict.fromkeys(history.register.rows, 1)
            assert await keep(connection, 1, [(feed, history)], {}, 0)
        keys = [PLOT.key_of(row) for row in found]
        ((_, stands),) = await fold(connection, 1, [Touched(feed, (), keys, {"row": [found[0].row]})])
        again = list(stands.register.rows.values())
        await transaction.rollback()
    assert {PLOT.key_of(row): row for row in again} == {PLOT.key_of(row): row for row in found}
    assert all(type(value) is type(getattr(row, name)) for row in again for name, value in _values(row))


def _values(row: PlotRow) -> list[tuple[str, Any]]:
    return list(msgspec.structs.asdict(row).items())


@pytest.mark.parametrize("view", REAL_VIEWS, ids=lambda view: view.name)
def test_every_view_of_the_product_has_a_table_with_plain_columns_for_plain_fields(view: View[Any]) -> None:
    shape = Shape(view)
    for name, hint in get_type_hints(view.row).items():
        if hint in (str, int, bool, date, datetime):
            assert not shape.by_name[name].json, name


def test_a_key_that_may_be_empty_and_a_field_named_like_a_column_of_every_view_are_mistakes() -> None:
    clash = msgspec.defstruct("Clash", [("log_id", int)], frozen=True)
    empty = msgspec.defstruct("Empty", [("unit_id", str | None)], frozen=True)
    for row, key in ((clash, "log_id"), (empty, "unit_id")):
        view = View(
            name="faulty",
            version=1,
            en="",
            zh="",
            row=row,
            key=(key,),
            reads=(),
            touches=lambda _: [],
            fold=lambda *_: None,
        )
        with pytest.raises(TypeError):
            Shape(view)


# --- positions -------------------------------------------------------------------------------------------------------


@FEW
@given(seed=st.integers(0, 2**32), data=st.data())
async def test_at_any_position_rows_are_the_fold_of_the_prefix(
    pool: asyncpg.Pool, new_log: NewLog, seed: int, data: st.DataObject
) -> None:
    async with await new_log() as store:
        head = await written(pool, store, seed)
        position = data.draw(st.integers(0, head))
        prefix = (await store.read(until=position)).events if position else []
        views = readers(pool)
        for view in VIEWS:
            expected = fold_all(view, prefix)
            listed = await everything(views, store, view, at_position=position, limit=3)
            assert listed == [expected[key] for key in sorted(expected)]
            for key in [*expected, *([("P-none",)] if len(view.key) == 1 else [])]:
                found = await views.get(store.log_id, view, key, at_position=position)
                assert (found.row, found.position) == (expected.get(key), position)


async def test_an_answer_says_which_position_it_reflects_and_since_when_the_row_stands(
    pool: asyncpg.Pool, new_log: NewLog
) -> None:
    store = await new_log()
    await write(store, [dug(1), dug(2), dug(3)])
    await Projector(pool, VIEWS, CATALOGUE).catch_up()
    views = readers(pool)
    found = await views.get(store.log_id, "plot", ["P-2"])
    assert (found.since, found.position) == (2, 3)
    nothing = await views.get(store.log_id, "plot", ["P-9"])
    assert (nothing.row, nothing.since, nothing.position) == (None, 0, 3)
    assert (await views.list(store.log_id, "plot", filters={"row": "r9"})).position == 3


async def test_a_reader_waits_for_a_position_and_is_told_if_it_waits_in_vain(
    pool: asyncpg.Pool, new_log: NewLog
) -> None:
    store = await new_log()
    work = Projector(pool, VIEWS, CATALOGUE)
    await work.catch_up()
    head = await write(store, [dug(1)])
    views = readers(pool, patience=0.05)
    with pytest.raises(Behind) as behind:
        await views.get(store.log_id, "plot", ["P-1"], min_position=head)
    assert (behind.value.view, behind.value.position, behind.value.wanted) == ("plot", 0, head)
    with pytest.raises(Behind):
        await views.list(store.log_id, "plot", at_position=head)
    with pytest.raises(Behind):
        await views.until(store.log_id, head, ["plot"])
    patient = readers(pool, patience=30)
    waiting = asyncio.create_task(patient.get(store.log_id, "plot", ["P-1"], min_position=head))
    await work.catch_up()
    assert (await waiting).position == head
    await patient.until(store.log_id, head)


async def test_many_who_read_at_once_when_a_table_is_switched_are_all_answered(
    pool: asyncpg.Pool, new_log: NewLog
) -> None:
    store = await new_log()
    head = await write(store, [dug(1)])
    await Projector(pool, VIEWS, CATALOGUE).catch_up()
    views = readers(pool)
    await views.get(store.log_id, "plot", ["P-1"])
    await build(pool, VIEWS, CATALOGUE, again=["plot"])
    async with asyncio.timeout(20):
        found = await asyncio.gather(*(views.get(store.log_id, "plot", ["P-1"]) for _ in range(20)))
    assert [each.position for each in found] == [head] * 20


async def test_a_table_that_is_gone_is_waited_for_and_not_for_ever(
    pool: asyncpg.Pool, new_log: NewLog, superuser: asyncpg.Connection
) -> None:
    store = await new_log()
    await write(store, [dug(1)])
    await Projector(pool, VIEWS, CATALOGUE).catch_up()
    await superuser.execute("DROP TABLE view.plot_v1")
    async with asyncio.timeout(20):
        with pytest.raises(NotBuilt):
            await readers(pool).get(store.log_id, "plot", ["P-1"])


async def test_who_asks_at_the_same_time_is_answered_each_for_himself(pool: asyncpg.Pool, new_log: NewLog) -> None:
    store, other = await new_log(), await new_log()
    head = await written(pool, store, 3)
    await written(pool, other, 4)
    views = readers(pool)
    asked = [
        (log, view, key, at, tag)
        for log in (store, other)
        for view in (PLOT, TALLY)
        for key in ([(f"P-{n}",) for n in range(9)] if view is PLOT else [("r1", "blue"), ("r2", "红"), ("r9", "red")])
        for at in (None, head // 2, head)
        for tag in (None, "unit:P-1", "unit:nobody")
    ]

    async def get(log: EventStore, view: View[Any], key: Any, at: int | None, tag: str | None) -> Any:
        return await views.get(log.log_id, view, key, at_position=at, version_of=tag)

    together = await asyncio.gather(*(get(*each) for each in asked))
    assert together == [await get(*each) for each in asked]
    for (log, _, _, at, tag), found in zip(asked, together, strict=True):
        assert found.version == (await log.version(tag, at) if tag else 0)


async def test_a_row_is_planned_for_once_and_not_at_every_reading(
    database: Database, pool: asyncpg.Pool, new_log: NewLog
) -> None:
    store = await new_log()
    await written(pool, store, 5)
    async with asyncpg.create_pool(database.app_url, min_size=1, max_size=1) as single:
        views = readers(single)
        for number in range(20):
            await views.get(store.log_id, "plot", (f"P-{number}",), version_of=f"unit:P-{number}")
        plans = await single.fetch(
            "SELECT custom_plans, generic_plans FROM pg_prepared_statements ORDER BY prepare_time"
        )
    assert (5, 15) in [tuple(row) for row in plans]


async def test_a_plan_made_on_a_small_table_still_finds_a_row_by_its_key(
    database: Database, superuser: asyncpg.Connection, pool: asyncpg.Pool, new_log: NewLog
) -> None:
    store = await new_log()
    await written(pool, store, 5)
    await superuser.execute("ANALYZE")
    async with open_pool(database.app_url, name="test", size=1) as single:
        await single.execute("SET plan_cache_mode = force_generic_plan")
        types = "int, text, text, text[], text[], bigint[]"
        await single.execute(f"PREPARE rows ({types}) AS {selected(Shape(PLOT), 'plot_v1')}")
        asked = f"{store.log_id}, 'plot', 'view.plot_v1', array['P-7'], array['unit:P-7'], array[null::bigint]"
        await single.fetch(f"EXECUTE rows ({asked})")
        await superuser.execute("ALTER TABLE view.plot_v1 SET (autovacuum_enabled = off)")
        await superuser.execute("ALTER TABLE event_tag SET (autovacuum_enabled = off)")
        await write(store, [dug(n) for n in range(3000)])
        await Projector(pool, VIEWS, CATALOGUE).catch_up()
        plan = "\n".join(row[0] for row in await single.fetch(f"EXPLAIN EXECUTE rows ({asked})"))
    assert "using plot_v1_pkey" in plan, plan
    assert "using event_tag_pkey" in plan, plan
    assert not re.search("(Seq|Bitmap Heap) Scan", plan), plan


# --- lists -----------------------------------------------------------------------------------------------------------

FILTERS: list[tuple[dict[str, Any], Any]] = [
    ({}, lambda _: True),
    ({"row": "r1"}, lambda row: row.row == "r1"),
    ({"row": ["r1", "r2"]}, lambda row: row.row in {"r1", "r2"}),
    ({"amount_fen": None}, lambda row: row.amount_fen is None),
    ({"amount_fen": "5"}, lambda row: row.amount_fen == 5),
    ({"amount_fen": AtMost(5)}, lambda row: row.amount_fen is not None and row.amount_fen <= 5),
    ({"amount_fen": AtLeast(5), "colour": "红"}, lambda r: (r.amount_fen or 0) >= 5 and r.colour == "红"),
    ({"wet": "true"}, lambda row: row.wet),
    ({"changed_at": AtMost(NOON.isoformat())}, lambda row: row.changed_at <= NOON),
]


def in_order(rows: list[Any], sort: str) -> list[Any]:
    down = sort.startswith("-")
    rows = sorted(rows, key=lambda row: row.unit_id, reverse=down)
    if not sort:
        return rows
    name = sort.removeprefix("-")
    filled = [row for row in rows if getattr(row, name) is not None]
    return sorted(filled, key=lambda row: getattr(row, name), reverse=down) + [
        r for r in rows if getattr(r, name) is None
    ]


@pytest.mark.parametrize("sort", ["", "amount_fen", "-amount_fen", "changed_at", "-changed_at", "unit_id", "-unit_id"])
async def test_lists_are_filtered_sorted_and_paged_now_and_then(pool: asyncpg.Pool, new_log: NewLog, sort: str) -> None:
    store = await new_log()
    chance = random.Random(5)
    events = [dug(n, f"r{n % 3}", COLOURS[n % 3], [None, 0, 5, 7][n % 4]) for n in range(30)]
    head = await write(store, events + [some_event(chance) for _ in range(30)], some_days(chance, 60))
    await Projector(pool, VIEWS, CATALOGUE).catch_up()
    views = readers(pool)
    for at_position in (None, head - 15):
        past = (await store.read(until=at_position)).events
        for filters, fits in FILTERS:
            expected = in_order([row for row in fold_all(PLOT, past).values() if fits(row)], sort)
            for limit in (2, 200):
                asked = {"filters": filters, "sort": sort, "limit": limit, "at_position": at_position}
                assert await everything(views, store, PLOT, **asked) == expected, (filters, sort, limit, at_position)


async def test_pages_fit_together_whatever_is_recorded_between_them(pool: asyncpg.Pool, new_log: NewLog) -> None:
    store = await new_log()
    work = Projector(pool, VIEWS, CATALOGUE)
    head = await write(store, [dug(n) for n in range(6)])
    await work.catch_up()
    views = readers(pool)
    first = await views.list(store.log_id, "plot", limit=4)
    await write(store, [PlotLeft(unit_id=UnitId("P-0")), RowMerged(row="r1", into="r2"), dug(4, "r7")])
    await work.catch_up()
    second = await views.list(store.log_id, "plot", limit=4, cursor=first.next)
    assert first.position == second.position == head
    assert {row.row for row in (*first.rows, *second.rows)} == {"r1"}
    assert [row.unit_id for row in (*first.rows, *second.rows)] == [f"P-{n}" for n in range(6)]
    with pytest.raises(BadQuery):
        await views.list(store.log_id, "plot", limit=4, cursor=first.next, at_position=2)


async def test_what_a_view_does_not_declare_is_not_asked_of_it(pool: asyncpg.Pool, new_log: NewLog) -> None:
    store = await new_log()
    await write(store, [dug(n) for n in range(4)])
    await Projector(pool, VIEWS, CATALOGUE).catch_up()
    views = readers(pool)
    cursor = (await views.list(store.log_id, "plot", limit=2)).next
    assert cursor is not None
    refused: tuple[dict[str, Any], ...] = (
        {"filters": {"best": 1}},
        {"filters": {"nothing": 1}},
        {"filters": {"amount_fen": "many"}},
        {"filters": {"amount_fen": 2**63}},
        {"filters": {"row": "a\x00"}},
        {"sort": "colour"},
        {"limit": 0},
        {"limit": LARGEST_READ + 1},
        {"cursor": "%%%"},
        {"cursor": "é"},
        {"cursor": cursor[:-8] + "AAAAAAA="},
        {"cursor": cursor, "filters": {"row": "r1"}},
        {"cursor": cursor, "sort": "-changed_at"},
    )
    for asked in refused:
        with pytest.raises(BadQuery):
            await views.list(store.log_id, "plot", **asked)
    with pytest.raises(BadQuery):
        await views.get(store.log_id, "plot", ["P-1", "more"])
    with pytest.raises(NoSuchView):
        await views.list(store.log_id, "plots")


async def test_a_cursor_of_one_log_is_refused_in_another(pool: asyncpg.Pool, new_log: NewLog) -> None:
    one, other = await new_log(), await new_log()
    for store in (one, other):
        await write(store, [dug(n) for n in range(4)])
    await Projector(pool, VIEWS, CATALOGUE).catch_up()
    views = readers(pool)
    cursor = (await views.list(one.log_id, "plot", limit=2)).next
    with pytest.raises(BadQuery):
        await views.list(other.log_id, "plot", limit=2, cursor=cursor)


# --- days ------------------------------------------------------------------------------------------------------------


@FEW
@given(seed=st.integers(0, 2**32), days=st.integers(-9, 9), data=st.data())
async def test_on_a_day_rows_are_the_fold_of_the_facts_known_that_took_effect_by_its_end(
    pool: asyncpg.Pool, new_log: NewLog, seed: int, days: int, data: st.DataObject
) -> None:
    async with await new_log() as store:
        head = await written(pool, store, seed)
        day = NOON.date() + timedelta(days=days)
        position = data.draw(st.none() | st.integers(1, head))
        past = (await store.read(until=position)).events
        # Shanghai's midnight is 16:00 UTC of the same day.
        known = [r for r in past if r.envelope.effective_at < datetime.combine(day, time(16), UTC)]
        known.sort(key=lambda r: (r.envelope.effective_at, r.position))
        views = readers(pool)
        effective: tuple[View[Any], ...] = (TALLY, LAST)
        for view in effective:
            expected = fold_all(view, known)
            asked: dict[str, Any] = {"effective_on": day, "at_position": position}
            assert await everything(views, store, view, limit=2, **asked) == [expected[key] for key in sorted(expected)]
            for key in [*fold_all(view, past)]:
                found = await views.get(store.log_id, view, key, **asked)
                assert (found.row, found.position) == (expected.get(key), head if position is None else position)


async def test_a_view_that_does_not_say_so_cannot_be_read_as_of_a_day(pool: asyncpg.Pool, new_log: NewLog) -> None:
    store = await new_log()
    await write(store, [opened(), dug(1)])
    await Projector(pool, VIEWS, CATALOGUE).catch_up()
    for reading in (
        readers(pool).get(store.log_id, PLOT, ["P-1"], effective_on=NOON.date()),
        readers(pool).list(store.log_id, PLOT, effective_on=NOON.date()),
    ):
        with pytest.raises(NotEffective):
            await reading


async def test_in_a_real_log_a_time_is_the_last_position_recorded_by_then(pool: asyncpg.Pool, new_log: NewLog) -> None:
    store = await new_log()
    await write(store, [opened(), *(dug(n) for n in range(20))])
    views = readers(pool)
    events = (await store.read()).events
    for recorded in events:
        assert await views.position_as_of(store.log_id, recorded.recorded_at) == recorded.position
        just_before = recorded.recorded_at - timedelta(microseconds=1)
        assert await views.position_as_of(store.log_id, just_before) == recorded.position - 1
    assert await views.position_as_of(store.log_id, events[-1].recorded_at + timedelta(days=1)) == len(events)


async def test_in_a_simulated_log_a_time_is_the_position_before_the_first_advance_beyond_it(
    pool: asyncpg.Pool, new_log: NewLog
) -> None:
    store = await new_log(clock="simulated")

    def advanced(hours: int) -> ClockAdvanced:
        return ClockAdvanced(institution_id=opened().institution_id, to=NOON + timedelta(hours=hours))

    await write(store, [opened("simulated", NOON), dug(1), advanced(2), dug(2), advanced(4), dug(3)])
    views = readers(pool)
    for hours, position in ((-1, 0), (0, 2), (1, 2), (2, 4), (3, 4), (4, 6), (99, 6)):
        assert await views.position_as_of(store.log_id, NOON + timedelta(hours=hours)) == position, hours


# --- who may see it --------------------------------------------------------------------------------------------------


def test_a_row_shows_the_fields_of_its_subject_to_its_own_units_only() -> None:
    row = PlotRow(unit_id=UnitId("P-1"), row="r1", colour="blue", amount_fen=5, dug_on=NOON.date(), changed_at=NOON)
    public = frozenset({"public"})
    assert {"colour", "amount_fen"}.isdisjoint(shown(PLOT, row, public, frozenset({"P-2"})))  # type: ignore[arg-type]
    assert shown(PLOT, row, public, frozenset({"P-1"}))["colour"] == "blue"  # type: ignore[arg-type]
    assert "amount_fen" not in shown(PLOT, row, public, frozenset({"P-1"}))  # type: ignore[arg-type]
    assert shown(PLOT, row, frozenset({"public", "office"}))["amount_fen"] == 5
