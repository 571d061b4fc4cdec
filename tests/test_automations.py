"""Automations on a real PostgreSQL: once, whoever dies; answers are kept, breakdowns are tried again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from domain.ids import MeasureId, SuccessorUnitId, UnitId
from domain.kernel import Event, Recorded
from infra.assembly import Assembly
from infra.front_door import Ask, FrontDoor, Preview, Receipt, command_id, service_id
from infra.outbox import Answer, OutboxRow, key_of
from infra.record import Item, Overloaded
from infra.subscription import Checkpoint
from infra.writer import LogUnavailable
from tests import call, committee, consequences, running
from tests.automating import (
    ALLOTMENT,
    FLOOD,
    NOTE,
    NOTE_EACH,
    NOTES,
    SEND,
    FloodPlot,
    Garden,
    PlotIsWet,
    allotment,
    noting,
    open_garden,
)
from tests.conftest import Database
from tests.spec import recorded
from tests.viewing import PlotDug, PlotFlooded, PlotLeft, RowMerged, dug
from workers.actors import ACTORS, actor_of
from workers.automations import AUTOMATIONS, Asked, Asks, Automation, Does, Each, Sends, Started
from workers.dispatcher import Dispatcher
from workers.work import Work

pytestmark = pytest.mark.store
ASK, DO, SEND_IT, *_ = ACTORS


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "vault.key"


@pytest_asyncio.fixture
async def parts(database: Database, key_file: Path, superuser: asyncpg.Connection) -> AsyncIterator[Assembly]:
    await superuser.execute(NOTES)
    async with allotment(database.app_url, key_file) as opened:
        yield opened


@pytest_asyncio.fixture
async def here(parts: Assembly) -> Garden:
    """One institution beside another with the same plots, whose rows never meet."""
    other = await open_garden(parts, "OTHER")
    await other.write(dug(1), PlotLeft(unit_id=UnitId("P-1")))
    await other.dispatched((FLOOD,))
    return await open_garden(parts)


class Crash(BaseException):
    """The process ends here: nothing of it goes on."""


# --- rows ------------------------------------------------------------------------------------------------------------


async def test_a_row_for_every_automation_and_every_event_it_starts_from(here: Garden) -> None:
    head = await here.write(dug(1), PlotFlooded(unit_id=UnitId("P-9")), dug(2))
    await here.entered()
    rows = await here.rows()
    assert [(row.position, row.automation) for row in rows] == [
        (position, automation.name) for position in (head - 2, head) for automation in (FLOOD, NOTE)
    ]
    assert {(row.state, row.attempts, row.ended_at) for row in rows} == {("pending", 0, None)}
    assert [row.key for row in rows] == [key_of("G", row.automation, row.position, row.position) for row in rows]
    assert rows[0].key == command_id("G", FLOOD.name, str(head - 2)), "the command's id and the key are one"


async def test_seen_once_it_is_never_entered_again_also_by_another_dispatcher(here: Garden) -> None:
    head = await here.write(dug(1), dug(2))
    for _ in range(2):
        await here.entered()
    assert len(await here.rows(NOTE)) == 2
    async with here.parts.pool.acquire() as connection:
        assert await Checkpoint(here.log_id, "automations").position(connection) == head


async def test_two_dispatchers_at_once_enter_each_row_once(here: Garden) -> None:
    rivals = [here.dispatcher() for _ in range(3)]
    for number in range(20):
        await here.write(*(dug(number) for _ in range(5)))
        await asyncio.gather(*(rival.catch_up(here.log_id, here.origin) for rival in rivals))
    assert len(await here.rows(NOTE)) == 100


async def test_rows_and_checkpoint_are_one(here: Garden, superuser: asyncpg.Connection) -> None:
    await here.write(dug(1))
    dispatcher = here.dispatcher()
    await superuser.execute("ALTER TABLE outbox ADD CONSTRAINT planted CHECK (automation <> $$when_plot_dug_note_it$$)")
    with pytest.raises(asyncpg.CheckViolationError):
        await dispatcher.catch_up(here.log_id, here.origin)
    assert await here.rows() == []
    await superuser.execute("ALTER TABLE outbox DROP CONSTRAINT planted")
    await dispatcher.catch_up(here.log_id, here.origin)
    assert len(await here.rows()) == 2


async def test_a_checkpoint_that_cannot_move_takes_its_rows_with_it(
    here: Garden, superuser: asyncpg.Connection
) -> None:
    await here.write(dug(1))
    await superuser.execute("ALTER TABLE checkpoint ADD CONSTRAINT planted CHECK (consumer <> 'automations') NOT VALID")
    with pytest.raises(asyncpg.CheckViolationError):
        await here.entered()
    assert await here.rows() == []


async def test_what_stood_before_an_automation_was_written_does_not_start_it(here: Garden) -> None:
    await here.write(dug(1))
    await here.entered((FLOOD,))
    await here.write(dug(2))
    await here.entered((FLOOD, NOTE))
    assert (len(await here.rows(FLOOD)), len(await here.rows(NOTE))) == (2, 1)


async def test_a_page_with_nothing_to_do_is_passed_all_the_same(here: Garden) -> None:
    head = await here.write(*(PlotFlooded(unit_id=UnitId(f"P-{n}")) for n in range(5)))
    for automations in ((), (NOTE,)):
        assert await here.dispatcher(automations).catch_up(here.log_id, here.origin) == head
    assert await here.rows() == []


# --- commands --------------------------------------------------------------------------------------------------------


async def test_a_command_is_asked_for_in_the_name_of_its_event(here: Garden) -> None:
    await here.write(dug(1))
    (cause,) = await here.events(PlotDug)
    await here.dispatched((FLOOD,))
    (flooded,) = await here.events(PlotFlooded)
    who = flooded.envelope
    assert (who.actor_id, who.actor_kind) == (service_id("G", "automation"), "automation")
    assert who.cause == cause.position
    assert who.correlation_id == cause.envelope.correlation_id
    assert who.command_id == command_id("G", FLOOD.name, str(cause.position))
    assert who.effective_at == cause.envelope.effective_at, "however late, it takes effect when its cause did"
    (row,) = await here.rows()
    assert (row.state, row.recorded, row.attempts, row.refusal) == ("done", flooded.position, 1, None)


async def test_a_refusal_is_an_answer_that_stands_in_its_row_and_is_not_asked_again(here: Garden) -> None:
    await here.write(dug(1), dug(1))
    await here.dispatched((FLOOD,))
    await here.time_passes()
    await here.dispatched((FLOOD,))
    assert [(row.state, row.refusal, row.recorded is None, row.attempts) for row in await here.rows()] == [
        ("done", None, False, 1),
        ("refused", PlotIsWet.kind, True, 1),
    ]
    assert len(await here.events(PlotFlooded)) == 1


class Door:
    """A front door in front of the real one, that breaks or dies where it is told to."""

    def __init__(self, door: FrontDoor, before: list[BaseException], after: list[BaseException]) -> None:
        self._door, self._before, self._after = door, before, after
        self.asked = 0

    async def ask(self, ask: Ask) -> Receipt | Preview:
        self.asked += 1
        if self._before:
            raise self._before.pop(0)
        answer = await self._door.ask(ask)
        if self._after:
            raise self._after.pop(0)
        return answer


def behind(garden: Garden, *, before: list[BaseException] | None = None, after: list[BaseException] | None = None) -> (
    tuple[Garden, Door]
):  # fmt: skip
    door = Door(garden.parts.door, before or [], after or [])
    return replace(garden, parts=replace(garden.parts, door=cast("FrontDoor", door))), door


async def test_whoever_dies_between_recording_and_marking_meets_its_own_receipt(here: Garden) -> None:
    await here.write(dug(1))
    await here.entered((FLOOD,))
    dying, _ = behind(here, after=[Crash()])
    with pytest.raises(Crash):
        await dying.batch(FLOOD)
    (flooded,) = await here.events(PlotFlooded)
    assert await here.states() == ["pending"]
    assert not await here.batch(FLOOD), "it is left alone while whoever has it may still be at it"
    assert await here.states() == ["pending"]
    await here.time_passes()
    await here.batch(FLOOD)
    (row,) = await here.rows()
    assert (row.state, row.recorded, row.attempts) == ("done", flooded.position, 2)
    assert len(await here.events(PlotFlooded)) == 1


async def test_whoever_is_at_it_for_long_holds_on_to_the_row(here: Garden) -> None:
    """It goes on only once it was seen to have held on to the row three times: longer than a row is left alone."""
    patient, taken = replace(ASK, limit_seconds=3.0, longest_seconds=60.0), 0

    async def long_at_it(started: Started, _parts: Assembly) -> Asked:
        nonlocal taken
        until: set[Any] = set()
        while len(until) <= 3:
            until |= {row.due_at for row in await here.rows()}
            taken += await here.batch(FLOOD, patient)
            await asyncio.sleep(0)
        return Asked(values={"unit_id": cast("PlotDug", started.recorded.event).unit_id})

    await here.write(dug(1))
    await here.entered((FLOOD,))
    await here.batch(replace(FLOOD, then=Asks(FloodPlot, long_at_it)), patient)
    (row,) = await here.rows()
    assert (row.state, row.attempts, taken) == ("done", 1, 0)


async def test_a_command_that_was_asked_for_with_other_words_before_happens_once_all_the_same(here: Garden) -> None:
    async def another_plot(_started: Started, _parts: Assembly) -> Asked:
        return Asked(values={"unit_id": "P-77"})

    await here.write(dug(1))
    await here.entered((FLOOD,))
    dying, _ = behind(here, after=[Crash()])
    with pytest.raises(Crash):
        await dying.batch(FLOOD)
    await here.time_passes()
    await here.batch(replace(FLOOD, then=Asks(FloodPlot, another_plot)))
    (flooded,) = await here.events(PlotFlooded)
    assert cast("PlotFlooded", flooded.event).unit_id == "P-1"
    (row,) = await here.rows()
    assert (row.state, row.recorded) == ("done", flooded.position)


async def test_a_crowd_of_rows_that_no_statistics_know_of_is_taken_up_a_batch_at_a_time(here: Garden) -> None:
    """Nobody has counted the table since it was empty, so a plan expects one row where there are thousands."""
    await here.write(*(dug(number) for number in range(3_000)))
    await here.entered((NOTE,))
    async with asyncio.timeout(20):
        ours, dead = await here.outbox.take(here.log_id, NOTE.name, 50, attempts=3, seconds=60.0)
    assert (len(ours), dead) == (50, [])
    assert Counter(row.attempts for row in await here.rows(NOTE)) == {1: 50, 0: 2_950}
    assert [taken.position for taken in ours] == [row.position for row in await here.rows(NOTE) if row.attempts]


async def test_a_breakdown_is_tried_again_after_longer_and_longer_waits_and_is_dead_in_the_end(here: Garden) -> None:
    await here.write(dug(1))
    await here.entered((FLOOD,))
    broken, door = behind(here, before=[Overloaded(1), LogUnavailable(), ConnectionResetError(), ZeroDivisionError()])
    actor = replace(ASK, attempts=4, first_wait_seconds=100.0, longest_wait_seconds=300.0)
    waits = []
    for _ in range(4):
        await broken.batch(FLOOD, actor)
        assert not await broken.batch(FLOOD, actor), "not before its time"
        (row,) = await here.rows()
        waits.append(round((row.due_at - await here.parts.clock.server_time()).total_seconds(), -1))
        await here.time_passes()
    (row,) = await here.rows()
    assert waits[:3] == [100, 200, 300]
    assert (row.state, row.attempts, row.fault) == ("dead", 4, "ZeroDivisionError")
    assert door.asked == 4
    await here.batch(FLOOD)
    assert (await here.events(PlotFlooded), await here.states()) == ([], ["dead"])


async def test_a_person_has_the_dead_taken_up_again_and_says_why(here: Garden) -> None:
    await here.write(dug(1))
    await here.entered((FLOOD,))
    broken, _ = behind(here, before=[ZeroDivisionError()])
    await broken.batch(FLOOD, replace(ASK, attempts=1))
    (dead,) = await here.rows()
    assert not await here.outbox.retry(here.log_id + 1, dead.key, "mended"), "another institution's it is not"
    assert await here.outbox.retry(here.log_id, dead.key, "mended")
    assert not await here.outbox.retry(here.log_id, dead.key, "mended"), "it waits by now"
    await here.batch(FLOOD)
    found = await here.outbox.show(here.log_id, dead.key)
    assert found is not None
    row, retries = found
    assert (row.state, row.attempts, row.fault) == ("done", 1, None)
    assert [retry.reason_code for retry in retries] == ["mended"]
    assert len(await here.events(PlotFlooded)) == 1


async def test_neither_the_done_nor_the_refused_are_taken_up_again(here: Garden) -> None:
    await here.write(dug(1), dug(1))
    await here.dispatched((FLOOD,))
    for row in await here.rows():
        assert not await here.outbox.retry(here.log_id, row.key, "again")
    assert await here.states() == ["done", "refused"]


async def test_what_kills_whoever_takes_it_up_is_dead_in_the_end(here: Garden) -> None:
    await here.write(dug(1))
    await here.entered((FLOOD,))
    dying, _ = behind(here, before=[Crash(), Crash()])
    actor = replace(ASK, attempts=2)
    for _ in range(2):
        with pytest.raises(Crash):
            await dying.batch(FLOOD, actor)
        await here.time_passes()
    await here.batch(FLOOD, actor)
    (row,) = await here.rows()
    assert (row.state, row.attempts, row.fault) == ("dead", 2, "Unanswered")


async def test_an_answer_that_comes_when_the_row_is_another_s_changes_nothing(here: Garden) -> None:
    await here.write(dug(1))
    await here.entered((FLOOD,))
    (late,), _ = await here.outbox.take(here.log_id, FLOOD.name, 1, attempts=5, seconds=60)
    await here.time_passes()
    (mine,), _ = await here.outbox.take(here.log_id, FLOOD.name, 1, attempts=5, seconds=60)
    assert (late.attempt, mine.attempt) == (1, 2)
    await here.outbox.answer(here.log_id, [Answer(late, "dead", fault="Late")])
    assert await here.states() == ["pending"]
    async with here.parts.pool.acquire() as connection:
        assert await here.outbox.done(connection, here.log_id, [late]) == set()
        assert await here.outbox.done(connection, here.log_id, [mine]) == {mine.key}


# --- effects on our own tables ---------------------------------------------------------------------------------------


async def test_an_effect_happens_with_its_mark_or_not_at_all(here: Garden) -> None:
    async def half(started: Started, connection: Any) -> None:
        await noting("half")(started, connection)
        raise Crash

    head = await here.write(dug(1))
    await here.entered((NOTE,))
    with pytest.raises(Crash):
        await here.batch(replace(NOTE, then=Does(half)))
    assert (await here.notes(), await here.states()) == ([], ["pending"])
    await here.time_passes()
    await here.batch(NOTE)
    assert (await here.notes(), await here.states()) == ([("dug", head, head)], ["done"])


async def test_one_that_fails_holds_up_no_other_of_its_batch(here: Garden) -> None:
    async def picky(started: Started, connection: Any) -> None:
        await noting("dug")(started, connection)
        if cast("PlotDug", started.recorded.event).unit_id == "P-3":
            raise ZeroDivisionError
        if cast("PlotDug", started.recorded.event).unit_id == "P-5":
            raise PlotIsWet(unit_id="P-5")

    head = await here.write(*(dug(n) for n in range(8)))
    await here.entered((NOTE,))
    await here.batch(replace(NOTE, then=Does(picky)))
    done = [position for position in range(head - 7, head + 1) if position not in (head - 4, head - 2)]
    assert [position for _, position, _ in await here.notes()] == done
    rows = {row.position: row for row in await here.rows()}
    assert (rows[head - 4].state, rows[head - 4].fault) == ("pending", "ZeroDivisionError")
    assert (rows[head - 2].state, rows[head - 2].refusal) == ("refused", PlotIsWet.kind)


async def test_the_same_row_taken_up_by_two_has_one_effect(here: Garden) -> None:
    await here.write(*(dug(n) for n in range(50)))
    await here.entered((NOTE,))
    work = Work(here.parts, [NOTE])
    small = replace(
        DO, batch=7, attempts=1000, limit_seconds=0.0
    )  # Whoever takes a row up has lost it at once to whoever comes next.
    for _ in range(5):
        await asyncio.gather(*(work.batch(small, here.log_id, NOTE.name) for _ in range(8)))
    while await work.batch(DO, here.log_id, NOTE.name):
        pass
    assert (len(await here.notes()), set(await here.states())) == (50, {"done"})


# --- one event that leads to several acts ----------------------------------------------------------------------------


async def test_an_event_may_lead_to_one_act_for_each_of_several(here: Garden) -> None:
    first = await here.write(dug(1, "r1"), dug(2, "r2"), dug(3, "r1"))
    merged = await here.write(RowMerged(row="r1", into="r3"), dug(4, "r1"))
    await here.dispatched((NOTE_EACH,))
    assert await here.notes() == [("each", merged - 1, first - 2), ("each", merged - 1, first)]
    rows = await here.rows()
    assert [(row.about, row.state) for row in rows] == [(first - 2, "done"), (first, "done"), (merged - 1, "done")]
    assert rows[0].key == command_id("G", NOTE_EACH.name, f"{merged - 1}/{first - 2}")


async def test_whoever_dies_while_spreading_leaves_nothing_and_nothing_is_doubled(here: Garden) -> None:
    def dies(_merged: Any, _past: Any) -> Any:
        raise Crash

    await here.write(dug(1, "r1"), RowMerged(row="r1", into="r3"))
    await here.entered((NOTE_EACH,))
    with pytest.raises(Crash):
        await here.batch(replace(NOTE_EACH, each=Each(past=cast("Each", NOTE_EACH.each).past, chosen=dies)))
    assert len(await here.rows()) == 1
    for _ in range(3):
        await here.time_passes()
        await here.batch(NOTE_EACH)
    assert len(await here.notes()) == 1


async def test_what_is_done_for_itself_or_for_what_comes_later_is_a_fault_that_is_seen(here: Garden) -> None:
    await here.write(RowMerged(row="r1", into="r3"))
    await here.entered((NOTE_EACH,))
    wrong = Each(past=lambda _: [], chosen=lambda merged, _: [merged])
    await here.batch(replace(NOTE_EACH, each=wrong), replace(DO, attempts=1))
    (row,) = await here.rows()
    assert (row.state, row.fault) == ("dead", "ValueError")


# --- sending to others -----------------------------------------------------------------------------------------------


async def test_what_is_sent_is_sent_at_least_once_under_one_key(here: Garden) -> None:
    heard: list[UUID] = []
    troubles: list[BaseException] = [ConnectionResetError(), Crash()]

    async def send(started: Started) -> None:
        heard.append(started.key)
        if troubles:
            raise troubles.pop(0)

    sending = replace(SEND, then=Sends(send))
    await here.write(PlotLeft(unit_id=UnitId("P-1")))
    await here.entered((sending,))
    await here.batch(sending)
    await here.time_passes()
    with pytest.raises(Crash):
        await here.batch(sending)
    await here.time_passes()
    await here.batch(sending)
    (row,) = await here.rows()
    assert (row.state, row.attempts) == ("done", 3)
    assert heard == [row.key] * 3


async def test_a_simulated_institution_sends_nothing_and_it_is_noted_what_it_would_have_sent(parts: Assembly) -> None:
    garden = await open_garden(parts, "REHEARSAL", datetime(2020, 5, 9, tzinfo=UTC))
    await garden.write(PlotLeft(unit_id=UnitId("P-1")))
    await garden.dispatched((SEND,))
    (row,) = await garden.rows()
    assert row.state == "done"
    noted = await parts.pool.fetch("SELECT key, times FROM rehearsed WHERE log_id = $1", garden.log_id)
    assert [tuple(each) for each in noted] == [(row.key, 1)]


async def test_a_real_institution_s_sending_breaks_where_nobody_listens(here: Garden) -> None:
    await here.write(PlotLeft(unit_id=UnitId("P-1")))
    await here.dispatched((SEND,))
    (row,) = await here.rows()
    assert (row.state, row.fault) == ("pending", "ConnectionRefusedError")


# --- being told ------------------------------------------------------------------------------------------------------


class Ears:
    """Hears what a dispatcher says, unless it is deaf."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int, int]] = []
        self.deaf = False

    async def __call__(self, automation: Automation, log_id: int, times: int) -> None:
        if self.deaf:
            raise ConnectionResetError
        self.heard.append((automation.name, log_id, times))


async def test_it_says_where_there_are_rows_once_and_again_only_after_a_while(here: Garden) -> None:
    ears = Ears()
    dispatcher = here.dispatcher((NOTE,), ears)
    await here.write(*(dug(n) for n in range(DO.batch + 1)))
    await dispatcher.catch_up(here.log_id, here.origin)
    await dispatcher.tell()
    await dispatcher.tell()
    assert ears.heard == [(NOTE.name, here.log_id, 2)], "as often as there are batches"
    impatient = Dispatcher(here.parts.pool, here.parts.stores, (NOTE,), ears, say_again_seconds=0.0)
    await impatient.tell()
    await impatient.tell()
    assert len(ears.heard) == 3, "what was not heard is said again"


async def test_what_becomes_due_is_said_at_once(here: Garden) -> None:
    ears = Ears()
    dispatcher = here.dispatcher((NOTE,), ears)
    await here.write(dug(1))
    await dispatcher.catch_up(here.log_id, here.origin)
    await dispatcher.tell()
    (taken,), _ = await here.outbox.take(here.log_id, NOTE.name, 1, attempts=5, seconds=60)
    await dispatcher.tell()
    assert len(ears.heard) == 1
    await here.outbox.answer(here.log_id, [Answer(taken, "pending", fault="Broken", wait_seconds=0.0)])
    await dispatcher.tell()
    assert len(ears.heard) == 2


async def test_a_queue_that_is_away_is_told_when_it_is_back(here: Garden) -> None:
    ears = Ears()
    ears.deaf = True
    dispatcher = here.dispatcher((NOTE,), ears)
    await here.write(dug(1))
    await dispatcher.catch_up(here.log_id, here.origin)
    await dispatcher.tell()
    ears.deaf = False
    await dispatcher.tell()
    assert ears.heard == [(NOTE.name, here.log_id, 1)]


async def test_running_it_takes_up_new_logs_and_follows_what_is_recorded(here: Garden) -> None:
    task = asyncio.create_task(here.dispatcher((NOTE,)).run())
    try:
        await here.write(dug(1))
        await until(here.states, ["done"])
        later = await open_garden(here.parts, "LATER")
        await later.write(dug(1))
        await until(later.states, ["done"])
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_database_that_is_away_for_a_moment_is_waited_for(
    here: Garden, database: Database, key_file: Path, superuser: asyncpg.Connection
) -> None:
    async with allotment(database.app_url, key_file, "victim") as victim:
        task = asyncio.create_task(replace(here, parts=victim).dispatcher((NOTE,)).run())
        try:
            for number in range(3):
                await superuser.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'biaogan victim'"
                )
                await here.write(dug(number))
                await until(here.states, ["done"] * (number + 1))
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.wait([task])


async def until(look: Callable[[], Awaitable[Any]], wanted: Any, seconds: float = 60.0) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while (found := await look()) != wanted:
        assert asyncio.get_running_loop().time() < deadline, f"still {found}"
        await asyncio.sleep(0.01)


# --- beside others ---------------------------------------------------------------------------------------------------


async def test_institutions_never_meet(here: Garden) -> None:
    other = await open_garden(here.parts, "THIRD")
    for garden in (here, other):
        await garden.write(dug(1))
        await garden.dispatched(ALLOTMENT)
    ours, theirs = await here.rows(), await other.rows()
    assert {row.key for row in ours}.isdisjoint(row.key for row in theirs)
    assert [row.position for row in ours] == [row.position for row in theirs]
    assert (len(await here.events(PlotFlooded)), len(await other.events(PlotFlooded))) == (1, 1)


async def test_what_is_listed_goes_on_where_it_ended_and_may_be_narrowed(here: Garden) -> None:
    await here.write(*(dug(n) for n in range(5)), PlotLeft(unit_id=UnitId("P-1")))
    await here.dispatched(ALLOTMENT)
    whole = await here.outbox.list(here.log_id)
    found: list[OutboxRow] = []
    while page := await here.outbox.list(here.log_id, after=found[-1].key if found else None, limit=2):
        found += page
    assert found == whole
    assert [row.automation for row in await here.outbox.list(here.log_id, ["pending"])] == [SEND.name]
    assert {row.state for row in await here.outbox.list(here.log_id, automation=NOTE.name)} == {"done"}
    assert [(s.automation, s.state, s.rows) for s in await here.outbox.standing(here.log_id)] == [
        (SEND.name, "pending", 1)
    ]


async def test_rows_hold_ids_and_positions_and_nothing_of_what_happened(
    here: Garden, superuser: asyncpg.Connection
) -> None:
    async def talks(_started: Started, _connection: Any) -> None:
        raise RuntimeError("记号 张三")

    marked = PlotDug(unit_id=UnitId("P-1"), row="记号乙", colour="记号丙")
    await here.write(marked)
    await here.entered((NOTE,))
    await here.batch(replace(NOTE, then=Does(talks)))
    assert await superuser.fetchval("SELECT count(*) FROM event WHERE strpos(convert_from(data, 'UTF8'), '记号') > 0")
    for table in ("outbox", "outbox_retry", "rehearsed"):
        assert await superuser.fetchval(f"SELECT count(*) FROM {table} t WHERE strpos(t::text, '记号') > 0") == 0
    (row,) = await here.rows()
    assert row.fault == "RuntimeError"


def test_every_kind_of_automation_has_its_actor() -> None:
    assert [actor_of(automation) for automation in ALLOTMENT] == [ASK, DO, DO, SEND_IT]
    for actor in ACTORS:
        assert actor.wait_seconds(1) == actor.first_wait_seconds
        assert actor.wait_seconds(100) == actor.longest_wait_seconds


# --- what follows for cases -------------------------------------------------------------------------------------------


def automation(name: str) -> Automation:
    return next(each for each in AUTOMATIONS if each.name == name)


async def test_a_merged_unit_hands_on_each_case_that_it_bore_once() -> None:
    """The cases confirmed for it, and those it took over itself; of one it had twice, once."""
    rule = automation("when_unit_merged_succeed_case")
    assert rule.each is not None
    merger = recorded(9, running.merged())
    assert [(item.types, item.tags) for item in rule.each.past(merger)] == [
        (("selection.confirmed.v1",), ("unit:BR-1",)),
        (("cultivation.case_succeeded.v1",), ("successor-unit:BR-1",)),
    ]
    past = [
        recorded(1, committee.confirmed()),
        recorded(2, committee.confirmed(committee.SECOND)),
        recorded(5, running.succeeded("BR-1")),
    ]
    chosen = list(rule.each.chosen(merger, past))
    assert [each.position for each in chosen] == [2, 5]
    assert isinstance(rule.then, Asks)
    nowhere = cast("Any", None)
    asked = await rule.then.asked(Started(nowhere, merger, chosen[1], uuid4()), nowhere)
    assert (asked.values, asked.subject) == ({"application_id": "A-1", "ground": "merged"}, "application:A-1")


async def test_a_merged_unit_passes_on_the_places_of_each_track_and_each_cut_of_them_once() -> None:
    merger, nowhere = recorded(9, running.merged()), cast("Any", None)
    track, other = call.assigned(1, "BR-1"), call.assigned(2, "BR-1", call.COLLEGE_TRACK)
    bar, cut = consequences.measured(), consequences.measured("quota_cut", places=2, measure_id=MeasureId("M-2"))
    taken_over = consequences.cut_passed(measure_id=MeasureId("M-3"), successor_unit_id=SuccessorUnitId("BR-1"))
    passed: dict[str, tuple[list[Event], list[str], dict[str, str]]] = {
        "when_unit_merged_pass_quota": (
            [track, other, call.assigned(3, "BR-1")],
            ["programme:benchmark-2020", "programme:benchmark-2020"],
            {"programme_id": call.CALL, "track_id": call.COLLEGE_TRACK, "nominator_unit_id": "BR-1"},
        ),
        "when_unit_merged_pass_quota_cut": (
            [bar, cut, taken_over],
            ["measure:M-2", "measure:M-3"],
            {"measure_id": "M-2", "from_unit_id": "BR-1"},
        ),
    }
    for name, (events, subjects, first) in passed.items():
        rule = automation(name)
        assert rule.each is not None
        assert isinstance(rule.then, Asks)
        past = [recorded(position, event) for position, event in enumerate(events, 1)]
        items = rule.each.past(merger)
        assert all(matches_any(items, each) for each in past)
        chosen = list(rule.each.chosen(merger, past))
        asked = [await rule.then.asked(Started(nowhere, merger, each, uuid4()), nowhere) for each in chosen]
        assert [each.subject for each in asked] == subjects
        assert asked[0].values == first


async def test_a_cut_that_was_decided_after_the_merger_passes_too() -> None:
    rule, nowhere = automation("when_measure_decided_pass_quota_cut"), cast("Any", None)
    assert rule.each is not None
    assert isinstance(rule.then, Asks)
    cut = recorded(9, consequences.measured("quota_cut", places=2))
    assert [(item.types, item.tags) for item in rule.each.past(cut)] == [(("unit.merged.v1",), ("unit:BR-1",))]
    assert rule.each.past(recorded(9, consequences.measured())) == []
    asked = await rule.then.asked(Started(nowhere, cut, recorded(1, running.merged()), uuid4()), nowhere)
    assert (asked.values, asked.subject) == ({"measure_id": "M-1", "from_unit_id": "BR-1"}, "measure:M-1")


def matches_any(items: Sequence[Item], fact: Recorded) -> bool:
    return any(fact.type in item.types and set(item.tags) <= set(fact.tags) for item in items)


async def test_a_confirmed_selection_begins_its_cultivation() -> None:
    rule = automation("when_selection_confirmed_begin_cultivation")
    assert isinstance(rule.then, Asks)
    cause, nowhere = recorded(1, committee.confirmed()), cast("Any", None)
    asked = await rule.then.asked(Started(nowhere, cause, cause, uuid4()), nowhere)
    assert (asked.values, asked.subject) == ({"application_id": "A-1"}, "application:A-1")
