"""Moving a simulated clock: it stops at every due instant, waits for whoever follows, and says who is stuck."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest
import pytest_asyncio

from domain.application.events import ApplicationWindowClosed
from domain.institution.commands import AdvanceClock, ClockMovesForward
from domain.institution.commands import ClockIsReal as NoClockToMove
from domain.institution.events import ClockAdvanced
from domain.permission.policy import NotPermitted
from infra.advance import ClockIsReal, Stuck
from infra.front_door import Caller
from tests.automating import NOTES, at_once, noting
from tests.conftest import Database
from tests.office import OPENED_AT, open_office, parts_of
from tests.scheduling import (
    A_WEEK_LATER,
    CLOSES_AT,
    Furnished,
    advance_of,
    automating,
    eventually,
    folding,
    furnish,
    projecting,
    scheduling,
)
from workers.actors import ACTORS
from workers.automations import Automation, Does
from workers.work import Work

pytestmark = pytest.mark.store
LATER = date(2020, 6, 3)
LATER_CLOSES_AT = datetime(2020, 6, 3, 16, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def here(database: Database) -> AsyncIterator[Furnished]:
    async with parts_of(database.app_url) as parts:
        await open_office(parts, "OTHER")
        yield await furnish(await open_office(parts))


async def steps(here: Furnished) -> list[datetime]:
    return [each.event.to for each in await here.events(ClockAdvanced) if isinstance(each.event, ClockAdvanced)]


async def test_the_clock_stops_at_every_due_instant_and_goes_on_when_all_has_been_done(here: Furnished) -> None:
    await here.open_window("LATER", LATER)
    await here.open_window()
    parts = here.office.parts
    async with projecting(parts), scheduling(parts):
        advanced = await advance_of(parts)(here.office.administrator, A_WEEK_LATER)

    assert advanced.now == A_WEEK_LATER
    assert await steps(here) == [CLOSES_AT, LATER_CLOSES_AT, A_WEEK_LATER]
    first, second = await here.closings()
    assert [first.envelope.received_at, second.envelope.received_at] == [CLOSES_AT, LATER_CLOSES_AT]
    moved = [receipt.events[0].position for receipt in advanced.steps]
    assert moved[0] < first.position < moved[1] < second.position < moved[2]


async def test_windows_that_close_at_one_instant_need_one_stop(here: Furnished) -> None:
    await here.open_window("TWIN")
    await here.open_window()
    parts = here.office.parts
    async with projecting(parts), scheduling(parts):
        await advance_of(parts)(here.office.administrator, A_WEEK_LATER)
    assert await steps(here) == [CLOSES_AT, A_WEEK_LATER]
    assert len(await here.closings()) == 2


async def test_a_view_that_stands_still_holds_the_clock_and_is_named_and_the_same_request_goes_on_later(
    here: Furnished,
) -> None:
    await here.open_window()
    parts, administrator = here.office.parts, here.office.administrator
    with pytest.raises(Stuck) as stuck:
        await advance_of(parts, 0.1)(administrator, A_WEEK_LATER)
    assert stuck.value.who.startswith("view ")
    assert stuck.value.reached == OPENED_AT

    async with projecting(parts):
        await eventually(lambda: all_seen(here), "the views stand at the head")
        with pytest.raises(Stuck) as stuck:
            await advance_of(parts, 0.1)(administrator, A_WEEK_LATER)
        assert stuck.value.who == "scheduler"
        assert await steps(here) == []

        async with scheduling(parts):
            await advance_of(parts)(administrator, CLOSES_AT)
        with pytest.raises(Stuck) as stuck:
            await advance_of(parts, 0.1)(administrator, A_WEEK_LATER)
        assert stuck.value.reached == A_WEEK_LATER

        async with scheduling(parts):
            sent_again = await advance_of(parts)(administrator, A_WEEK_LATER)
    assert sent_again.now == A_WEEK_LATER
    assert await steps(here) == [CLOSES_AT, A_WEEK_LATER]
    assert len(await here.closings()) == 1


async def all_seen(here: Furnished) -> bool:
    parts, log_id = here.office.parts, here.office.log_id
    head = await (await parts.stores(log_id)).head()
    return await advance_of(parts).behind(log_id, head) is None


async def test_unattended_it_jumps_past_what_is_due_and_waits_for_nobody(here: Furnished) -> None:
    await here.open_window()
    advanced = await advance_of(here.office.parts, 0.1)(here.office.administrator, A_WEEK_LATER, unattended=True)
    assert advanced.now == A_WEEK_LATER
    (step,) = await here.events(ClockAdvanced)
    assert isinstance(step.event, ClockAdvanced)
    assert (step.event.to, step.event.unattended) == (A_WEEK_LATER, True)
    assert await here.closings() == []


async def test_an_unattended_jump_sent_again_says_where_the_clock_stands_now(here: Furnished) -> None:
    advance, administrator = advance_of(here.office.parts, 0.1), here.office.administrator
    first = await advance(administrator, CLOSES_AT, unattended=True)
    await advance(administrator, A_WEEK_LATER, unattended=True)
    again = await advance(administrator, CLOSES_AT, unattended=True)
    assert again.steps == first.steps
    assert again.now == A_WEEK_LATER


async def test_it_never_goes_back(here: Furnished) -> None:
    advance = advance_of(here.office.parts, 0.1)
    for unattended in (False, True):
        with pytest.raises(ClockMovesForward):
            await advance(here.office.administrator, OPENED_AT - timedelta(days=1), unattended=unattended)


async def test_only_an_administrator_moves_it(here: Furnished) -> None:
    parts = here.office.parts
    clerk = Caller(log_id=here.clerk.log_id, person_id=here.clerk.person_id, scopes=frozenset({"clock"}))
    async with projecting(parts), scheduling(parts):
        for to in (OPENED_AT, A_WEEK_LATER):
            for unattended in (False, True):
                with pytest.raises(NotPermitted):
                    await advance_of(parts)(clerk, to, unattended=unattended)
    assert await steps(here) == []


async def test_a_real_clock_is_moved_by_nobody(database: Database, superuser: asyncpg.Connection) -> None:
    async with parts_of(database.app_url) as parts:
        real = await open_office(parts, simulated=False)
        for unattended in (False, True):
            with pytest.raises(ClockIsReal):
                await advance_of(parts)(real.administrator, A_WEEK_LATER, unattended=unattended)
        with pytest.raises(NoClockToMove):
            await real.ask(real.administrator, AdvanceClock, to=datetime(2200, 1, 1, tzinfo=UTC))
    assert await superuser.fetchval("select count(*) from event where type = $1", ClockAdvanced.TOPIC) == 0


async def test_what_runs_by_real_time_does_not_hold_it(here: Furnished, superuser: asyncpg.Connection) -> None:
    await here.open_window()
    parts = here.office.parts
    async with projecting(parts), superuser.transaction():
        # Whoever looks for closed days of the access journal waits for this lock.
        await superuser.execute("lock table access in access exclusive mode")
        async with scheduling(parts):
            await eventually(lambda: kept_waiting(superuser), "the operational row hangs")
            advanced = await advance_of(parts)(here.office.administrator, A_WEEK_LATER)
    assert advanced.now == A_WEEK_LATER
    assert [type(each.event) for each in await here.closings()] == [ApplicationWindowClosed]


async def kept_waiting(superuser: asyncpg.Connection) -> int:
    waiting: int = await superuser.fetchval(
        "select count(*) from pg_locks where not granted and relation = 'access'::regclass"
    )
    return waiting


# --- what follows by itself ------------------------------------------------------------------------------------------

NOTE_CLOSING = Automation(
    name="when_application_window_closed_note_it",
    en="When an application window closed, it is noted",
    zh="申报窗口关闭后记一笔",
    when=ApplicationWindowClosed,
    then=Does(noting("closed")),
)


async def nobody(_automation: Automation, _log_id: int, _times: int) -> None:
    """Whoever hears of work and does none."""


async def test_the_clock_goes_on_when_what_follows_by_itself_has_followed(
    here: Furnished, superuser: asyncpg.Connection
) -> None:
    await here.open_window("LATER", LATER)
    await here.open_window()
    parts = here.office.parts
    await superuser.execute(NOTES)
    # Every process twice: what they do, they do once.
    async with (
        folding(parts),
        automating(parts, [NOTE_CLOSING]),
        automating(parts, [NOTE_CLOSING]),
        scheduling(parts),
        scheduling(parts),
    ):
        advanced = await advance_of(parts)(here.office.administrator, A_WEEK_LATER)
    moved = [receipt.events[0].position for receipt in advanced.steps]
    closings = [closed.position for closed in await here.closings()]
    noted = await superuser.fetch("select position from note where log_id = $1 order by 1", here.office.log_id)
    assert [row["position"] for row in noted] == closings
    assert moved[0] < closings[0] < moved[1] < closings[1] < moved[2]
    ended = await superuser.fetch("select ended_at from outbox where log_id = $1 order by position", here.office.log_id)
    recorded = await superuser.fetch(
        "select recorded_at from event where log_id = $1 and position = any($2) order by 1", here.office.log_id, moved
    )
    assert recorded[0][0] < ended[0][0] < recorded[1][0] < ended[1][0] < recorded[2][0]


async def test_an_automation_that_is_not_done_holds_the_clock_and_is_named(
    here: Furnished, superuser: asyncpg.Connection
) -> None:
    await here.open_window()
    parts, administrator = here.office.parts, here.office.administrator
    await superuser.execute(NOTES)
    async with folding(parts), scheduling(parts):
        await eventually(lambda: all_seen(here), "the views stand at the head")
        with pytest.raises(Stuck) as stuck:
            await advance_of(parts, 0.1)(administrator, A_WEEK_LATER)
        assert stuck.value.who == "dispatcher"
        async with automating(parts, [NOTE_CLOSING], nobody):
            with pytest.raises(Stuck) as stuck:
                await advance_of(parts, 5.0)(administrator, A_WEEK_LATER)
            assert stuck.value.who == f"automation {NOTE_CLOSING.name}"
            assert stuck.value.reached == CLOSES_AT
        async with automating(parts, [NOTE_CLOSING]):
            sent_again = await advance_of(parts)(administrator, A_WEEK_LATER)
    assert sent_again.now == A_WEEK_LATER
    assert await steps(here) == [CLOSES_AT, A_WEEK_LATER]


async def test_what_is_dead_does_not_hold_it(here: Furnished, superuser: asyncpg.Connection) -> None:
    await here.open_window()
    parts = here.office.parts
    # Its table is not there.
    hand = at_once(Work(parts, [NOTE_CLOSING]), [replace(actor, attempts=1) for actor in ACTORS])
    async with folding(parts), scheduling(parts), automating(parts, [NOTE_CLOSING], hand):
        advanced = await advance_of(parts)(here.office.administrator, A_WEEK_LATER)
    assert advanced.now == A_WEEK_LATER
    assert await superuser.fetchval("select state || ' ' || fault from outbox") == "dead UndefinedTableError"


async def test_of_two_institutions_only_the_one_that_was_asked_moves(here: Furnished) -> None:
    other = await furnish(await open_office(here.office.parts, "THIRD"))
    await other.open_window()
    await here.open_window()
    parts = here.office.parts
    async with projecting(parts), scheduling(parts):
        await advance_of(parts)(here.office.administrator, A_WEEK_LATER)
        assert len(await here.closings()) == 1
        assert await other.closings() == []
        assert await parts.clock.now(other.office.log_id) == OPENED_AT
