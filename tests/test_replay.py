"""Replay against the product's own views: a whole life agrees; each kind of tampering is named by row and column."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from domain.lifecycle import CATALOGUE
from infra.event_store import EventStore, open_log
from infra.projector import Projector
from infra.record import Accepted, Fact, Proposal
from infra.replay import Difference, replayed, verify
from infra.view_tables import Field, Shape
from projections import VIEWS
from projections.kernel import View
from projections.roster import ROSTER
from tests.case_life import life
from tests.viewing import envelope

pytestmark = pytest.mark.store
EVERY = pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
LIFE = life()


@pytest_asyncio.fixture
async def log_id(pool: asyncpg.Pool) -> AsyncIterator[int]:
    """A log of one whole life, with every view kept up with it, beside another of equal ids."""
    stores = []
    # The clock of a life is simulated: it tells of advances.
    for origin in ("UNI", "OTHER"):
        store = EventStore(pool, await open_log(pool, origin, "simulated"), CATALOGUE)
        stores.append(store)
        for recorded in LIFE if origin == "UNI" else LIFE[: len(LIFE) // 2]:
            written = envelope(recorded.envelope.effective_at)
            outcome = await store.append(Proposal(request_hash=b"", facts=(Fact.of(recorded.event),), envelope=written))
            assert isinstance(outcome, Accepted)
    # Half by the first build, half in batches: both ways of writing are in what is verified.
    await Projector(pool, VIEWS, CATALOGUE, batch=17).catch_up()
    yield stores[0].log_id
    for store in stores:
        await store.close()


async def differences(pool: asyncpg.Pool, log_id: int) -> list[Difference]:
    return await verify(pool, VIEWS, CATALOGUE, log_id)


def table(view: View[Any]) -> str:
    return f'view."{Shape(view).plain_relation}"'


ROSTERS = table(ROSTER)


async def a_row(connection: asyncpg.Connection, view: View[Any], log_id: int) -> asyncpg.Record:
    row = await connection.fetchrow(
        f"SELECT ctid, * FROM {table(view)} WHERE log_id = $1 AND to_position IS NULL", log_id
    )
    assert row is not None, f"a whole life leaves no row in {view.name}"
    return row


def another(field: Field, value: Any) -> Any:
    """Some other value of a column."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case datetime():
            return value.replace(year=1990)
        case date():
            return value.replace(year=1990)
    raise AssertionError(field)


async def test_what_was_built_and_kept_up_agrees_with_the_log(pool: asyncpg.Pool, log_id: int) -> None:
    told: list[tuple[int, int]] = []
    assert await verify(pool, VIEWS, CATALOGUE, log_id, lambda done, of: told.append((done, of))) == []
    assert told[-1] == (len(LIFE), len(LIFE))


async def test_the_pace_of_each_view_counts_the_events_that_it_reads(pool: asyncpg.Pool, log_id: int) -> None:
    paces = (await replayed(pool, VIEWS, CATALOGUE, log_id)).paces
    read = {view.name: sum(recorded.type in view.topics for recorded in LIFE) for view in VIEWS}
    assert {pace.view: pace.events for pace in paces} == read
    for pace in paces:
        assert pace.seconds > 0
        assert pace.events_per_second == pytest.approx(pace.events / pace.seconds, rel=0.05, abs=1)


@EVERY
async def test_a_changed_a_missing_and_an_extra_row_are_seen(
    pool: asyncpg.Pool, superuser: asyncpg.Connection, log_id: int, view: View[Any]
) -> None:
    shape = Shape(view)
    row = await a_row(superuser, view, log_id)
    key = tuple(row[name] for name in view.key)
    field = next(
        f for f in shape.fields if f.name not in view.key and (f.sql == "text" or isinstance(row[f.name], int | date))
    )
    value = f"{row[field.name]}x" if field.sql == "text" else another(field, row[field.name])
    names = ", ".join(f'"{name}"' for name in shape.all_columns)

    async with superuser.transaction():
        await superuser.execute(f'UPDATE {table(view)} SET "{field.name}" = $1 WHERE ctid = $2', value, row["ctid"])
    assert Difference(view.name, "changed", key, field.name, row["from_position"]) in await differences(pool, log_id)
    await superuser.execute(
        f"DELETE FROM {table(view)} WHERE log_id = $1 AND from_position = $2", log_id, row["from_position"]
    )
    assert Difference(view.name, "missing", key, None, row["from_position"]) in await differences(pool, log_id)
    values = [row[name] for name in shape.all_columns]
    places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    await superuser.execute(f"INSERT INTO {table(view)} ({names}) VALUES ({places})", *values)
    values[shape.all_columns.index(view.key[0])] = _other_key(row[view.key[0]])
    await superuser.execute(f"INSERT INTO {table(view)} ({names}) VALUES ({places})", *values)
    extra = (_other_key(key[0]), *key[1:])
    assert Difference(view.name, "extra", extra, None, row["from_position"]) in await differences(pool, log_id)


def _other_key(value: Any) -> Any:
    return value + 1000 if isinstance(value, int) else f"{value}-x"


async def test_an_earlier_version_of_a_row_is_verified_too(
    pool: asyncpg.Pool, superuser: asyncpg.Connection, log_id: int
) -> None:
    past = await superuser.fetchrow(f"SELECT * FROM {ROSTERS} WHERE log_id = $1 AND to_position IS NOT NULL", log_id)
    assert past is not None
    key = (past["application_id"],)
    await superuser.execute(
        f"UPDATE {ROSTERS} SET to_position = to_position + 1 "
        "WHERE log_id = $1 AND from_position = $2 AND application_id = $3",
        log_id, past["from_position"], *key,
    )  # fmt: skip
    assert await differences(pool, log_id) == [
        Difference("roster", "changed", key, "to_position", past["from_position"])
    ]


async def test_two_rows_that_both_stand_cannot_be_stored(superuser: asyncpg.Connection, log_id: int) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        await superuser.execute(f"UPDATE {ROSTERS} SET to_position = NULL")


async def test_a_row_beyond_the_views_position_is_extra_and_a_missing_table_is_named(
    pool: asyncpg.Pool, superuser: asyncpg.Connection, log_id: int
) -> None:
    await superuser.execute("UPDATE checkpoint SET position = position - 1 WHERE consumer = 'view.window_v1'")
    await superuser.execute("DELETE FROM view.live WHERE name = 'quota'")
    found = await differences(pool, log_id)
    assert Difference("quota", "not_built") in found
    assert {each.view for each in found} <= {"quota", "window"}


async def test_a_list_that_is_no_value_of_its_field_is_a_changed_column(
    pool: asyncpg.Pool, superuser: asyncpg.Connection, log_id: int
) -> None:
    row = await superuser.fetchrow(f"SELECT * FROM {ROSTERS} WHERE log_id = $1 AND to_position IS NULL", log_id)
    assert row is not None
    await superuser.execute(
        f"UPDATE {ROSTERS} SET to_waive = '7' WHERE log_id = $1 AND from_position = $2 AND application_id = $3",
        log_id,
        row["from_position"],
        row["application_id"],
    )
    assert await differences(pool, log_id) == [
        Difference("roster", "changed", (row["application_id"],), "to_waive", row["from_position"])
    ]
