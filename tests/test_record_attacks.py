"""Faults that a hostile reading of the record found, each kept shut by the case that showed it."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from api.problems import Fault, problem, translated
from domain.ids import PersonId, UnitId, tag
from domain.institution.events import ClockAdvanced
from domain.kernel import Denied
from domain.lifecycle import CATALOGUE as LIFECYCLE
from domain.permission import policy as law
from domain.permission.policy import NotPermitted
from domain.person.commands import EndAppointment, RegisterPerson
from domain.unit.commands import BeforeRegistration, RegisterUnit, RenameUnit
from infra.assembly import Stores, assemble, open_pool
from infra.event_store import EventStore, open_log
from infra.front_door import Ask, Reason, VersionPassed
from infra.master_key import ensure_key_file
from infra.overlay import Recent
from infra.record import Accepted, Conflict, Overloaded, Repeated, Stale
from infra.writer import LogUnavailable, Writer
from tests.conftest import Database
from tests.logs import CATALOGUE, about, noted, proposal
from tests.office import Office, open_office

pytestmark = pytest.mark.store


@pytest.fixture
async def stores(database: Database) -> AsyncIterator[tuple[EventStore, EventStore]]:
    """One log, as two processes see it."""
    async with asyncpg.create_pool(database.app_url, min_size=2, max_size=8) as pool:
        beside, log_id = await open_log(pool, "I-0", "real"), await open_log(pool, "I-1", "real")
        async with EventStore(pool, beside, CATALOGUE) as neighbour:
            await neighbour.append(proposal(*(noted(f"U-{n}") for n in range(1, 10)), command_id=UUID(int=1)))
        async with EventStore(pool, log_id, CATALOGUE) as one, EventStore(pool, log_id, CATALOGUE) as other:
            yield one, other


async def test_each_stale_command_of_a_batch_hears_what_it_missed_itself(
    stores: tuple[EventStore, EventStore],
) -> None:
    store, _ = stores
    for unit in ("U-1", "U-2", "U-3"):
        await store.append(proposal(noted(unit), command_id=uuid4()))
    await store.append(proposal(noted("U-9"), command_id=UUID(int=1)))
    # All of them are enqueued before the writer runs, so they share one call, behind a repetition and a conflict.
    asked = [
        proposal(noted("U-9"), command_id=UUID(int=1)),
        proposal(noted("U-4"), if_match=("unit:U-1", 0)),
        proposal(noted("U-5"), items=about("U-2")),
        proposal(noted("U-6"), if_match=("unit:U-3", 0)),
        proposal(noted("U-7")),
    ]
    async with asyncio.timeout(30):
        outcomes = await asyncio.gather(*(store.append(each) for each in asked))
    assert [type(outcome) for outcome in outcomes] == [Repeated, Stale, Conflict, Stale, Accepted]
    assert [outcome.missed for outcome in outcomes if isinstance(outcome, Stale)] == [(1,), (3,)]
    async with asyncio.timeout(30):
        assert isinstance(await store.append(proposal(noted("U-8"))), Accepted)


# --- at the front door ------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def offices(database: Database) -> AsyncIterator[tuple[Office, Office]]:
    """One institution, as two processes see it."""
    with tempfile.TemporaryDirectory() as folder:
        keys = ensure_key_file(Path(folder) / "vault.key")
        assembled = partial(assemble, keys=keys, catalogue=LIFECYCLE, law=law, advanced=ClockAdvanced)
        async with (
            open_pool(database.app_url, name="one") as pool,
            open_pool(database.app_url, name="other") as other_pool,
            assembled(pool) as parts,
            assembled(other_pool) as other_parts,
        ):
            await open_office(parts, "OTHER")
            office = await open_office(parts)
            yield office, Office(other_parts, office.institution_id, office.log_id, office.administrator)


@asynccontextmanager
async def held_up(superuser: asyncpg.Connection, log_id: int) -> AsyncIterator[None]:
    """Hold the lock of a log, so that whatever is sent to it waits, in the order in which it was sent."""
    await superuser.execute("select pg_advisory_lock(1651467887, $1)", log_id)
    try:
        yield
    finally:
        await superuser.execute("select pg_advisory_unlock(1651467887, $1)", log_id)


async def waiting(superuser: asyncpg.Connection, log_id: int, how_many: int) -> None:
    """Wait until so many calls wait for the lock of a log."""
    asked = "select count(*) from pg_locks where not granted and classid = 1651467887 and objid = $1"
    async with asyncio.timeout(30):
        while await superuser.fetchval(asked, log_id) < how_many:  # noqa: ASYNC110 - Only the server can tell.
            await asyncio.sleep(0.005)


async def somebody_waits(office: Office) -> None:
    """Wait until a command of this process waits for what becomes of another."""
    recent = (await office.parts.stores(office.log_id))._recent
    async with asyncio.timeout(30):
        while not any(entry.open and entry.settled for entry in recent._entries):  # noqa: ASYNC110 - Nobody tells.
            await asyncio.sleep(0.005)


def unit(unit_id: str) -> dict[str, Any]:
    names = {"name_zh": "计算机学院党总支", "name_en": "General Branch of Computing"}
    return {"unit_id": unit_id, "kind": "general_branch", **names, "valid_on": date(2016, 9, 1)}


def about_unit(unit_id: str, document_id: str) -> dict[str, Any]:
    asked = {"unit_id": unit_id, "valid_on": date(2020, 5, 9), "source_document_id": document_id}
    return {**asked, "subject": tag(UnitId, unit_id)}


async def test_a_version_passed_by_a_pending_command_is_quoted_by_the_position_it_gets(
    offices: tuple[Office, Office], superuser: asyncpg.Connection
) -> None:
    office, elsewhere = offices
    version = (await office.ask(office.administrator, RegisterUnit, **unit("GB-1"))).version
    about_it = about_unit("GB-1", await office.deposit(office.administrator))
    rename = partial(office.ask, office.administrator, RenameUnit, name_zh="新", if_match=version, **about_it)
    async with held_up(superuser, office.log_id):
        between = asyncio.create_task(
            elsewhere.ask(office.administrator, RegisterUnit, key="elsewhere", **unit("GB-2"))
        )
        await waiting(superuser, office.log_id, 1)
        first = asyncio.create_task(rename(name_en="First"))
        await waiting(superuser, office.log_id, 2)
        late = asyncio.create_task(rename(name_en="Second"))
        # It is decided while the first one still waits for its position.
        await somebody_waits(office)
    async with asyncio.timeout(30):
        assert (await between).version < (await first).version
        with pytest.raises(VersionPassed) as passed:
            await late
    assert passed.value.missed == ((await first).version,)


async def test_a_version_is_not_passed_by_what_is_not_recorded_after_all(
    offices: tuple[Office, Office], superuser: asyncpg.Connection
) -> None:
    office, elsewhere = offices
    second = await office.somebody("administrator")
    document_id = await office.deposit(office.administrator)
    version = (await office.ask(office.administrator, RegisterUnit, **unit("GB-1"))).version
    about_it = about_unit("GB-1", document_id)
    async with held_up(superuser, office.log_id):
        end: dict[str, Any] = {"appointment_id": f"a-{second.person_id}", "last_day": date(2020, 5, 8)}
        ending = asyncio.create_task(elsewhere.ask(office.administrator, EndAppointment, key="elsewhere", **end))
        await waiting(superuser, office.log_id, 1)
        rename: dict[str, Any] = {"command": RenameUnit, "name_zh": "新", **about_it}
        forerunner = asyncio.create_task(office.ask(second, name_en="First", **rename))
        await waiting(superuser, office.log_id, 2)
        renaming = asyncio.create_task(office.ask(office.administrator, name_en="Second", if_match=version, **rename))
        await somebody_waits(office)
    async with asyncio.timeout(30):
        await ending
        with pytest.raises(NotPermitted):
            await forerunner
        assert (await renaming).version > version


async def test_a_command_that_finds_the_log_too_busy_leaves_nothing_sealed_behind(
    offices: tuple[Office, Office], superuser: asyncpg.Connection
) -> None:
    office, _ = offices
    store = await office.parts.stores(office.log_id)
    sealed = "select array[(select count(*) from envelope), (select count(*) from staging)]"
    before = await superuser.fetchval(sealed)
    person_id = str(uuid4())
    asked: dict[str, Any] = {"person_id": person_id, "details": {"name": "张三"}, "subject": tag(PersonId, person_id)}
    async with held_up(superuser, office.log_id):
        rest = [store.enqueue(proposal())]
        await waiting(superuser, office.log_id, 1)
        with contextlib.suppress(Overloaded):
            while True:
                rest.append(store.enqueue(proposal()))
        with pytest.raises(Overloaded):
            await office.ask(office.administrator, RegisterPerson, **asked)
        assert await superuser.fetchval(sealed) == before
    assert {type(outcome) for outcome in await asyncio.gather(*rest)} == {Accepted}


async def test_a_refusal_for_a_missing_scope_or_delegation_stands_in_the_access_journal(
    offices: tuple[Office, Office], superuser: asyncpg.Connection
) -> None:
    office, _ = offices
    plain = replace(office.administrator, scopes=frozenset())
    register = Ask(caller=plain, command=RegisterUnit, values=unit("GB-1"), idempotency_key="k")
    asked = {
        "scope-missing": replace(register, effective_on=date(2020, 5, 1), reason=Reason("late", "0" * 64)),
        "delegation-missing": replace(register, on_behalf_of=str(uuid4())),
    }
    for kind, ask in asked.items():
        with pytest.raises(Denied) as denied:
            await office.parts.door.ask(ask)
        assert denied.value.kind == kind
    rows = await superuser.fetch("select act, outcome from access where log_id = $1 order by seq", office.log_id)
    assert [tuple(row) for row in rows] == [("RegisterUnit", kind) for kind in asked]


@pytest.mark.parametrize(
    "error",
    [LogUnavailable(), ConnectionRefusedError(), asyncpg.ConnectionDoesNotExistError(), asyncpg.AdminShutdownError()],
)
def test_a_record_out_of_reach_is_no_fault_of_the_product_and_the_request_may_be_sent_again(error: Exception) -> None:
    status, headers, _ = problem(translated(error), "en", "")
    assert (status, "Retry-After" in headers) == (503, True)
    assert isinstance(translated(asyncpg.UniqueViolationError()), Fault)


async def test_more_logs_than_connections_are_written_followed_and_read_all_the_same(database: Database) -> None:
    async with open_pool(database.app_url, name="test", size=4) as pool:
        stores = Stores(pool, CATALOGUE)
        logs = [await open_log(pool, f"I-{number}", "real") for number in range(6)]
        async with asyncio.timeout(30):
            heard = [asyncio.create_task(anext((await stores(log_id)).subscribe())) for log_id in logs]
            for log_id in logs * 2:
                assert isinstance(await (await stores(log_id)).append(proposal()), Accepted)
            assert [await (await stores(log_id)).head() for log_id in logs] == [2] * len(logs)
            assert [recorded.position for recorded in await asyncio.gather(*heard)] == [1] * len(logs)
            await stores.close()


class _Dropping:
    """A pool that loses each connection while it is given back."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    async def release(self, connection: Any) -> None:
        await self._pool.release(connection)
        raise ConnectionResetError


async def test_a_connection_that_is_lost_while_it_is_given_back_stops_no_writing(database: Database) -> None:
    async with open_pool(database.app_url, name="test", size=4) as pool:
        log_id = await open_log(pool, "I-1", "real")
        store = EventStore(cast("asyncpg.Pool", _Dropping(pool)), log_id, CATALOGUE, keeps=False)
        async with asyncio.timeout(30):
            for _ in range(3):
                assert isinstance(await store.append(proposal()), Accepted)
            await store.close()


async def test_what_the_record_refuses_by_itself_is_refused_at_once_however_much_is_pending(
    offices: tuple[Office, Office], superuser: asyncpg.Connection
) -> None:
    office, _ = offices
    await office.ask(office.administrator, RegisterUnit, **unit("GB-1"))
    about_it = about_unit("GB-1", await office.deposit(office.administrator))
    rename = partial(office.ask, office.administrator, RenameUnit, name_zh="新")
    async with held_up(superuser, office.log_id):
        pending = asyncio.create_task(rename(name_en="First", **about_it))
        await waiting(superuser, office.log_id, 1)
        # Waiting for what is pending would have no end where others write all the time.
        async with asyncio.timeout(20):
            with pytest.raises(BeforeRegistration):
                await rename(name_en="Second", **{**about_it, "valid_on": date(2015, 1, 1)})
        assert not pending.done()
    await pending


async def test_a_log_that_does_not_answer_is_not_waited_for_without_end(
    database: Database, superuser: asyncpg.Connection
) -> None:
    async with asyncpg.create_pool(database.app_url, min_size=1, max_size=4) as pool:
        log_id = await open_log(pool, "I-1", "real")
        writer = Writer(pool, log_id, Recent(CATALOGUE), lambda _: None)
        writer.patience_seconds = 0.3
        asked = proposal(command_id=UUID(int=1))
        try:
            async with held_up(superuser, log_id), asyncio.timeout(30):
                with pytest.raises(LogUnavailable):
                    await writer.enqueue(asked)
            writer.patience_seconds = 20.0
            # Nobody knew whether it was written, so it is sent again; now it stands there once.
            async with asyncio.timeout(30):
                assert isinstance(await writer.enqueue(asked), Accepted | Repeated)
            assert await pool.fetchval("select count(*) from event where log_id = $1", log_id) == 1
        finally:
            await writer.close()
