"""The scheduler on a real PostgreSQL: in time, late, doubled, killed, refused, broken down; always the same outcome."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4
from zoneinfo import ZoneInfo

import asyncpg
import pytest
import pytest_asyncio

from domain.application.commands import FileApplication, StartApplication
from domain.application.events import ApplicationFiled, ApplicationPrepared
from domain.application.materials import PrepareApplication, SaveForm
from domain.application.policy import WindowClosed
from domain.application.window import ExtendApplicationWindow
from domain.eligibility.commands import JudgeEligibility
from domain.ids import ApplicationId, ProgrammeId, tag
from domain.kernel import Denied, Recorded
from domain.nomination.commands import AssignQuota, DecideNomination, VetMaterials
from domain.permission.events import AccessDayRecorded
from domain.person.commands import EndAppointment
from infra.assembly import Assembly
from infra.front_door import Ask, Caller, FrontDoor, Preview, Receipt, service_id
from infra.record import Overloaded
from infra.runs import Run, Runs, leading
from infra.views import Views
from infra.writer import LOST, LogUnavailable
from projections.window import WINDOW
from tests.conftest import Database, MakeDatabase
from tests.dying import Dying, ends_when_told
from tests.office import open_office, parts_of
from tests.scheduling import (
    A_WEEK_LATER,
    CLOSES_AT,
    Furnished,
    advance_of,
    eventually,
    furnish,
    projecting,
    scheduling,
    views_of,
)
from workers.schedule import OPERATIONS, SCHEDULE, AccessDay, ByNight
from workers.scheduler import Due, Scheduler

pytestmark = pytest.mark.store
CLOSE = next(row for row in SCHEDULE if row.rule == "close_application_windows")
ROOTS = next(each for each in OPERATIONS if isinstance(each, AccessDay))
NIGHT = next(each for each in OPERATIONS if isinstance(each, ByNight))
SHANGHAI = ZoneInfo("Asia/Shanghai")
Rivals = tuple[Assembly, Assembly]
_LEADERS = f"""
select pid from pg_locks where locktype = 'advisory' and granted and objid = {0x62677363}
and database = (select oid from pg_database where datname = current_database())
"""


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """One key file for every process of a test."""
    return tmp_path / "vault.key"


@pytest_asyncio.fixture
async def here(database: Database, key_file: Path) -> AsyncIterator[Furnished]:
    async with parts_of(database.app_url, key_file=key_file) as parts:
        await open_office(parts, "OTHER")
        async with projecting(parts):
            yield await furnish(await open_office(parts))


@pytest_asyncio.fixture
async def rivals(here: Furnished, database: Database, key_file: Path) -> AsyncIterator[Rivals]:
    """Two processes that both want to schedule, beside the one that serves."""
    url = database.app_url
    async with parts_of(url, "one", key_file) as one, parts_of(url, "two", key_file) as two:
        yield one, two


async def leader(superuser: asyncpg.Connection, but: int | None = None) -> int | None:
    """The session that leads, unless it is a certain one."""
    pids = [row["pid"] for row in await superuser.fetch(_LEADERS)]
    assert len(pids) < 2, "two lead"
    return pids[0] if pids and pids[0] != but else None


async def nobody_leads(superuser: asyncpg.Connection) -> bool:
    return await leader(superuser) is None


async def caught_up(here: Furnished, parts: Assembly | None = None) -> int:
    """Let a scheduler make one round."""
    parts = parts or here.office.parts
    institution = await parts.clock.institution(here.office.log_id)
    return await Scheduler(parts, views_of(parts)).catch_up(institution)


async def runs(here: Furnished) -> list[Run]:
    return await Runs(here.office.parts.pool).last(here.office.log_id)


def what_happened(recorded: Recorded) -> tuple[Any, ...]:
    """An event but for when it was asked for: what late and on time have in common."""
    who = recorded.envelope
    return (
        recorded.event,
        recorded.tags,
        who.actor_id,
        who.actor_kind,
        who.authority,
        who.effective_at,
        who.command_id,
    )


# --- in time and late ------------------------------------------------------------------------------------------------


async def test_a_window_is_closed_when_its_time_comes_and_as_of_that_instant(here: Furnished) -> None:
    await here.open_window()
    async with scheduling(here.office.parts):
        await eventually(lambda: quiet_at(here, CLOSES_AT), "the next due instant is known")
        assert await here.closings() == []
        await here.jump(CLOSES_AT)
        (closed,) = await eventually(here.closings, "the window is closed")
    assert closed.envelope.effective_at == closed.envelope.received_at == CLOSES_AT
    assert closed.envelope.actor_id == service_id("UNI", "schedule")
    assert (closed.envelope.actor_kind, closed.envelope.authority) == ("schedule", "founding-schedule")
    await eventually(lambda: runs(here), "the run is noted")
    (run,) = await runs(here)
    assert (run.rule, run.due_at, run.outcome, run.position) == (CLOSE.rule, CLOSES_AT, "recorded", closed.position)


async def quiet_at(here: Furnished, next_due_at: datetime | None) -> bool:
    pool = here.office.parts.pool
    state = await pool.fetchrow("select next_due_at from schedule_state where log_id = $1", here.office.log_id)
    return state is not None and state["next_due_at"] == next_due_at


async def test_an_instant_before_its_time_nothing_is_asked(here: Furnished) -> None:
    await here.open_window()
    await here.jump(CLOSES_AT - timedelta(microseconds=1))
    await caught_up(here)
    assert (await here.closings(), await runs(here)) == ([], [])


async def test_after_an_outage_the_same_is_recorded_as_on_time(new_database: MakeDatabase) -> None:
    closings = []
    for asked_at in (CLOSES_AT, A_WEEK_LATER):
        async with parts_of((await new_database()).app_url) as parts, projecting(parts):
            here = await furnish(await open_office(parts))
            await here.open_window()
            await here.jump(asked_at)
            await caught_up(here)
            closings += await here.closings()
    on_time, late = closings
    assert what_happened(on_time) == what_happened(late)
    assert (on_time.envelope.received_at, late.envelope.received_at) == (CLOSES_AT, A_WEEK_LATER)
    assert late.envelope.effective_at == CLOSES_AT


async def test_what_fell_due_meanwhile_is_made_up_for_in_the_order_in_which_it_fell_due(here: Furnished) -> None:
    for number, day in enumerate((3, 1, 2)):
        await here.open_window(f"CALL-{number}", date(2020, 6, day))
    await here.jump(A_WEEK_LATER)
    await caught_up(here)
    closed = [cast("Any", each.event).programme_id for each in await here.closings()]
    assert closed == ["CALL-1", "CALL-2", "CALL-0"]


async def test_with_a_real_clock_a_window_waits_for_the_server_s_time(database: Database) -> None:
    async with parts_of(database.app_url) as parts, projecting(parts):
        here = await furnish(await open_office(parts, "REAL", simulated=False))
        today = (await parts.clock.server_time()).astimezone(SHANGHAI).date()
        await here.open_window(last_day=today + timedelta(days=1))
        async with scheduling(parts):
            institution = await parts.clock.institution(here.office.log_id)
            assert await Scheduler(parts, views_of(parts)).catch_up(institution) > 0
        assert (await here.closings(), await runs(here)) == ([], [])


# --- more than one ---------------------------------------------------------------------------------------------------


async def test_two_at_once_ask_for_one_event(here: Furnished, rivals: Rivals) -> None:
    await here.open_window()
    await here.open_window("SECOND")
    await here.jump(A_WEEK_LATER)
    await asyncio.gather(*(caught_up(here, parts) for parts in rivals * 2))
    assert len(await here.closings()) == 2
    assert [run.outcome for run in await runs(here)] == ["recorded", "recorded"]


async def test_one_leads_and_when_it_ends_the_other_takes_over(
    here: Furnished, rivals: Rivals, superuser: asyncpg.Connection
) -> None:
    await here.open_window()
    one, two = rivals
    async with AsyncExitStack() as second:
        async with scheduling(one):
            first_pid = await eventually(lambda: leader(superuser), "the first leads")
            waits = await second.enter_async_context(scheduling(two))
        taken = await eventually(lambda: leader(superuser, but=first_pid), "the other takes over")
        await here.jump(CLOSES_AT)
        await eventually(here.closings, "the other closes the window")
        assert not waits.done()
        assert await leader(superuser) == taken


async def test_a_leader_whose_session_is_killed_stops_leading_and_nothing_is_lost(
    here: Furnished, rivals: Rivals, superuser: asyncpg.Connection
) -> None:
    await here.open_window()
    one, two = rivals
    async with scheduling(one) as first, scheduling(two) as second:
        for _ in range(3):
            pid = await eventually(lambda: leader(superuser), "one leads")
            await superuser.execute("select pg_terminate_backend($1)", pid)
            await eventually(functools.partial(leader, superuser, but=pid), "one leads again")
        await here.jump(CLOSES_AT)
        await eventually(here.closings, "the window is closed")
        assert not first.done()
        assert not second.done()
    assert len(await here.closings()) == 1


async def test_whoever_lost_the_lock_finds_out(rivals: Rivals, superuser: asyncpg.Connection) -> None:
    one, two = rivals
    async with leading(one.pool) as leadership:
        assert leadership is not None
        await leadership.confirm()
        async with leading(two.pool) as none:
            assert none is None
        await superuser.execute("select pg_terminate_backend($1)", await leader(superuser))
        with pytest.raises(LOST):
            await leadership.confirm()


class Deaf:
    """A pool whose connections are asked and do not live to hear the answer: the task that asks is cancelled."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._connection: Any = None

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as self._connection:
            yield self

    def terminate(self) -> None:
        self._connection.terminate()

    async def fetchval(self, *asked: Any) -> None:
        await self._connection.fetchval(*asked)
        raise asyncio.CancelledError


async def test_whoever_is_cancelled_while_asking_for_the_lock_does_not_keep_it(
    rivals: Rivals, superuser: asyncpg.Connection
) -> None:
    one, two = rivals
    with pytest.raises(asyncio.CancelledError):
        async with leading(cast("asyncpg.Pool", Deaf(one.pool))):
            pass
    await eventually(lambda: nobody_leads(superuser), "the lock is free")
    async with leading(two.pool) as leadership:
        assert leadership is not None


# --- answers and breakdowns ------------------------------------------------------------------------------------------


async def extend(here: Furnished, last_day: date) -> None:
    await here.office.ask(
        here.head,
        ExtendApplicationWindow,
        reason="more_time",
        programme_id="CALL",
        last_day=last_day,
        subject=tag(ProgrammeId, "CALL"),
    )


async def test_an_extension_makes_the_earlier_due_instant_void_and_the_later_one_counts(here: Furnished) -> None:
    await here.open_window()
    await extend(here, date(2020, 6, 3))
    await here.jump(CLOSES_AT)
    await caught_up(here)
    assert (await here.closings(), await runs(here)) == ([], [])
    await here.jump(A_WEEK_LATER)
    await caught_up(here)
    (closed,) = await here.closings()
    assert closed.envelope.effective_at == datetime(2020, 6, 3, 16, tzinfo=UTC)


async def test_an_extension_that_comes_between_looking_and_asking_wins(here: Furnished) -> None:
    opened = await here.open_window()
    parts, log_id = here.office.parts, here.office.log_id
    institution = await parts.clock.institution(log_id)
    await extend(here, date(2020, 6, 3))
    await here.jump(CLOSES_AT)
    as_it_stood = await views_of(parts).get(log_id, WINDOW, ("CALL",), at_position=opened.version)
    scheduler = Scheduler(parts, views_of(parts))
    await scheduler._ask(institution, Due(CLOSES_AT, CLOSE, as_it_stood.row))
    (refused,) = await runs(here)
    assert (refused.due_at, refused.refusal) == (CLOSES_AT, "window-still-open")
    await here.jump(A_WEEK_LATER)
    await scheduler.catch_up(institution)
    (closed,) = await here.closings()
    assert closed.envelope.effective_at == datetime(2020, 6, 3, 16, tzinfo=UTC)


async def test_a_refusal_is_an_answer_that_is_kept_and_not_asked_for_again(
    here: Furnished, superuser: asyncpg.Connection
) -> None:
    await here.open_window()
    await here.office.ask(
        here.office.administrator, EndAppointment, appointment_id="founding-schedule", last_day=date(2020, 5, 9)
    )
    await here.jump(CLOSES_AT)
    for _ in range(3):
        await caught_up(here)
    (run,) = await runs(here)
    assert (run.outcome, run.refusal, run.position) == ("refused", "not-permitted", None)
    assert await here.closings() == []
    asked = "select count(*) from access where log_id = $1 and actor_id = $2"
    assert await superuser.fetchval(asked, here.office.log_id, service_id("UNI", "schedule")) == 1


async def test_what_was_refused_does_not_stand_before_what_is_due_later(here: Furnished) -> None:
    await here.open_window()
    await here.open_window("LATER", date(2020, 6, 1))
    pool, key = here.office.parts.pool, f"programme:CALL@{CLOSES_AT.isoformat()}"
    await Runs(pool).refused(here.office.log_id, CLOSE.rule, key, CLOSES_AT, "planted")
    await here.jump(A_WEEK_LATER)
    await caught_up(here)
    assert [cast("Any", each.event).programme_id for each in await here.closings()] == ["LATER"]


class Faulty:
    """A front door that breaks so many times before it answers."""

    def __init__(self, door: FrontDoor, *faults: Exception) -> None:
        self._door = door
        self._faults = list(faults)
        self.command_id = door.command_id

    async def ask(self, ask: Ask) -> Receipt | Preview:
        if self._faults:
            raise self._faults.pop(0)
        return await self._door.ask(ask)


def breaking(here: Furnished, *faults: Exception) -> Assembly:
    parts = here.office.parts
    return replace(parts, door=cast("FrontDoor", Faulty(parts.door, *faults)))


async def test_a_breakdown_is_no_answer_and_it_is_asked_again(here: Furnished) -> None:
    await here.open_window()
    await here.jump(CLOSES_AT)
    async with scheduling(breaking(here, Overloaded(retry_after=1), LogUnavailable(), ConnectionResetError())):
        await eventually(lambda: runs(here), "it is asked again")
    assert [run.outcome for run in await runs(here)] == ["recorded"]
    assert len(await here.closings()) == 1


async def test_a_fault_of_the_program_ends_the_process_in_plain_sight(
    here: Furnished, superuser: asyncpg.Connection
) -> None:
    await here.open_window()
    await here.jump(CLOSES_AT)
    scheduler = Scheduler(breaking(here, ZeroDivisionError()), views_of(here.office.parts))
    with pytest.raises(ExceptionGroup) as broke:
        async with asyncio.timeout(20):
            await scheduler.run()
    assert broke.value.subgroup(ZeroDivisionError) is not None
    # The lock is free for whoever is started next.
    await eventually(lambda: nobody_leads(superuser), "the lock is let go of")
    async with scheduling(here.office.parts):
        await eventually(here.closings, "the next one closes the window")


class Dead(Dying):
    """A pool that lends nothing, and views that show nothing, to whoever is told to stop meanwhile."""

    def acquire(self) -> Dead:
        return self

    async def __aenter__(self) -> None:
        await self.never_answer()

    async def __aexit__(self, *_: object) -> None:
        return

    async def until(self, *_: Any) -> None:
        await self.never_answer()


@pytest.mark.parametrize("what", ["asking to lead", "following"])
async def test_told_to_stop_it_stops_also_where_a_connection_dies_at_that_instant(here: Furnished, what: str) -> None:
    parts = here.office.parts
    dead = Dead(parts.pool, "nothing")
    scheduler = (
        Scheduler(replace(parts, pool=dead.pool), views_of(parts))
        if what == "asking to lead"
        else Scheduler(parts, cast("Views", dead))
    )
    task = asyncio.create_task(scheduler.run())
    async with asyncio.timeout(20):
        await dead.asked.wait()
    assert await ends_when_told(task)


async def test_while_the_database_is_away_it_waits_and_then_goes_on(
    here: Furnished, database: Database, key_file: Path, superuser: asyncpg.Connection
) -> None:
    await here.open_window()
    async with parts_of(database.app_url, "victim", key_file) as parts, scheduling(parts) as task:
        await eventually(lambda: leader(superuser), "it leads")
        for _ in range(3):
            await superuser.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'biaogan victim'"
            )
            await eventually(lambda: leader(superuser), "it leads again")
        await here.jump(CLOSES_AT)
        await eventually(here.closings, "the window is closed")
        assert not task.done()


async def test_a_view_that_nothing_is_scheduled_by_holds_up_no_deadline(
    here: Furnished, superuser: asyncpg.Connection
) -> None:
    await here.open_window()
    await eventually(lambda: seen(here), "the views stand at the head")
    # As a fold does that fails: its checkpoint stays behind.
    await superuser.execute(
        "update checkpoint set position = 1 where log_id = $1 and consumer like 'view.roster%'", here.office.log_id
    )
    parts = here.office.parts
    institution = await parts.clock.institution(here.office.log_id)
    await Scheduler(parts, views_of(parts, patience_seconds=20.0)).catch_up(institution)


async def seen(here: Furnished) -> bool:
    parts, log_id = here.office.parts, here.office.log_id
    return await views_of(parts).behind(log_id, await (await parts.stores(log_id)).head()) is None


# --- a deadline needs no scheduler -----------------------------------------------------------------------------------


async def vetted(here: Furnished) -> Caller:
    """An application that waits for nothing but to be filed; gives who may file it."""
    office = here.office
    hand, committee = await office.somebody("applicant", "BR"), await office.somebody("nominator", "COL")
    track = {"programme_id": "CALL", "track_id": "branch"}
    about = {"application_id": "A-1", "subject": tag(ApplicationId, "A-1")}
    await office.ask(here.clerk, AssignQuota, **track, nominator_unit_id="COL", places=3, basis="notice")
    await office.ask(hand, StartApplication, **about, **track, unit_id="BR")
    await office.ask(hand, SaveForm, **about, answers={"goals": "两年建设目标"})
    await office.ask(hand, PrepareApplication, **about)
    await office.ask(here.clerk, JudgeEligibility, **about)
    resolution = await office.deposit(committee, "resolution", "COL")
    await office.ask(committee, DecideNomination, **about, resolution_document_id=resolution)
    (prepared,) = await here.events(ApplicationPrepared)
    digest = cast("ApplicationPrepared", prepared.event).materials_digest
    await office.ask(committee, VetMaterials, **about, materials_digest=digest)
    return committee


async def test_what_comes_late_is_refused_while_no_scheduler_runs_and_one_that_starts_changes_no_outcome(
    here: Furnished,
) -> None:
    await here.open_window()
    committee = await vetted(here)
    parts, office = here.office.parts, here.office
    filing = {"application_id": "A-1", "subject": tag(ApplicationId, "A-1")}
    await advance_of(parts)(office.administrator, A_WEEK_LATER, unattended=True)

    with pytest.raises(WindowClosed) as before:
        await office.ask(committee, FileApplication, **filing)
    async with scheduling(parts):
        await eventually(here.closings, "the window is closed after the outage")
    with pytest.raises(WindowClosed) as after:
        await office.ask(committee, FileApplication, **filing)
    assert before.value.because == after.value.because
    assert await here.events(ApplicationFiled) == []


async def test_what_came_in_time_stands_however_late_the_window_is_closed(here: Furnished) -> None:
    await here.open_window()
    committee = await vetted(here)
    await here.jump(CLOSES_AT - timedelta(microseconds=1))
    await here.office.ask(committee, FileApplication, application_id="A-1", subject=tag(ApplicationId, "A-1"))
    await here.jump(A_WEEK_LATER)
    await caught_up(here)
    (filed,), (closed,) = await here.events(ApplicationFiled), await here.closings()
    assert filed.envelope.received_at < closed.envelope.effective_at


# --- by real time ----------------------------------------------------------------------------------------------------


async def refused_once(here: Furnished) -> None:
    """Leave a line in the access journal."""
    nobody = Caller(log_id=here.office.log_id, person_id=str(uuid4()))
    with pytest.raises(Denied):
        await here.office.ask(nobody, EndAppointment, appointment_id="none", last_day=date(2020, 5, 9))


async def days_ago(superuser: asyncpg.Connection, days: int) -> None:
    """Let what was written into the access journal so far have happened earlier."""
    await superuser.execute("alter table access disable trigger user")
    earlier = f"at = at - interval '{days} days', filed_at = filed_at - interval '{days} days'"
    await superuser.execute(f"update access set {earlier}")
    await superuser.execute("alter table access enable trigger user")


async def test_each_closed_day_of_the_access_journal_that_has_lines_is_recorded_once(
    here: Furnished, rivals: Rivals, superuser: asyncpg.Connection
) -> None:
    await refused_once(here)
    await refused_once(here)
    await days_ago(superuser, 2)
    await refused_once(here)
    await days_ago(superuser, 1)
    await refused_once(here)

    one, two = rivals
    for parts in (one, two):  # The second starts after the first, as after an outage.
        async with scheduling(parts):
            await eventually(lambda: roots(here, 2), "both days are recorded")
    institution = await one.clock.institution(here.office.log_id)
    now = (await one.clock.server_time()).astimezone(institution.zone)
    await Scheduler(one, views_of(one)).record_access_days(institution, ROOTS, now)

    recorded = [cast("AccessDayRecorded", each.event) for each in await here.events(AccessDayRecorded)]
    assert [(each.day, each.lines) for each in recorded] == [
        (now.date() - timedelta(days=3), 2),
        (now.date() - timedelta(days=1), 1),
    ]
    for each in recorded:
        as_kept = await one.access.root(here.office.log_id, each.day, institution.zone)
        assert (each.lines, each.root) == (as_kept.lines, as_kept.root)


async def roots(here: Furnished, count: int) -> bool:
    return len(await here.events(AccessDayRecorded)) == count


async def test_whoever_died_between_closing_a_day_and_noting_it_finds_its_own_receipt(
    here: Furnished, superuser: asyncpg.Connection
) -> None:
    await refused_once(here)
    await days_ago(superuser, 1)
    parts = here.office.parts
    institution = await parts.clock.institution(here.office.log_id)
    now = (await parts.clock.server_time()).astimezone(institution.zone)
    for _ in range(2):
        await Scheduler(parts, views_of(parts)).record_access_days(institution, ROOTS, now)
        await superuser.execute("delete from schedule_run")
    assert len(await here.events(AccessDayRecorded)) == 1


# --- beside others ---------------------------------------------------------------------------------------------------


async def test_institutions_with_equal_ids_are_closed_each_in_its_own_time(here: Furnished) -> None:
    other = await furnish(await open_office(here.office.parts, "THIRD"))
    await here.open_window()
    await other.open_window()
    async with scheduling(here.office.parts):
        await here.jump(CLOSES_AT)
        await eventually(here.closings, "the window is closed here")
        await eventually(lambda: runs(here), "and noted")
        assert (await other.closings(), await runs(other)) == ([], [])
        await other.jump(A_WEEK_LATER)
        await eventually(other.closings, "the other window is closed there")
    (ours,), (theirs,) = await here.closings(), await other.closings()
    assert ours.envelope.command_id != theirs.envelope.command_id
    assert theirs.envelope.actor_id == service_id("THIRD", "schedule")


async def test_an_institution_that_is_opened_while_it_leads_is_taken_up(here: Furnished) -> None:
    parts = here.office.parts
    async with scheduling(parts):
        await eventually(lambda: quiet_at(here, None), "the first is followed")
        new = await furnish(await open_office(parts, "NEW"))
        await new.open_window()
        await new.jump(CLOSES_AT)
        await eventually(new.closings, "the window of the new one is closed")
