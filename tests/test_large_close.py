"""A close of a programme with many times the facts that any other command may read: taken in page by page, it is the
close that reading all of it at once gives, whoever records in between and however many ask for it."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import cast
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.funding.events import FundsAllocated, PeriodClosed
from domain.funding.period import ClosePeriod
from domain.funding.policy import MoneyFact, books_of, period_after, trial_balance_digest
from domain.ids import ApplicationId, ProgrammeId, tag
from domain.institution.commands import AdvanceClock
from domain.kernel import Command, Event, replay
from infra.event_store import EventStore
from infra.front_door import Ask
from infra.paged_past import PAGE, PagedPast
from infra.record import Accepted, Fact, Proposal
from tests.call import CALL, announced
from tests.conftest import Database
from tests.money import CUT, CUT_ON, amount, appropriated, case, committed
from tests.office import OPENED_AT, open_office, parts_of
from tests.spec import Past
from tests.test_funding_story import HISTORIES, played
from tests.viewing import envelope

MANY, AT_ONCE = 22_000, 1_000
CLOSED_AT = OPENED_AT + timedelta(days=40)
ZONE, MAY = ZoneInfo("Asia/Shanghai"), date(2020, 5, 31)


def facts() -> Iterator[Event]:
    yield announced()
    yield appropriated(100 * MANY)
    for number in range(MANY - 1):
        whose = case() | {"application_id": ApplicationId(f"A-{number % 300}")}
        yield FundsAllocated(
            **whose, **amount(1 + number % 100), rule_position=1, gates=(), carry_over="carry", cutoff_at=CUT,
            cutoff_on=CUT_ON,
        )  # fmt: skip


async def record(store: EventStore, told: Iterable[Event], at_once: int = AT_ONCE) -> None:
    events = list(told)
    for first in range(0, len(events), at_once):
        told_at = replace(envelope(OPENED_AT + timedelta(hours=1)), command_id=uuid4())
        batch = tuple(map(Fact.of, events[first : first + at_once]))
        assert isinstance(await store.append(Proposal(request_hash=b"", facts=batch, envelope=told_at)), Accepted)


@pytest.mark.store
async def test_a_large_programme_is_closed_with_all_its_facts(database: Database, tmp_path: Path) -> None:
    assert MANY > 10 * PAGE
    assert ClosePeriod.READS_AT_MOST is None
    key_file = tmp_path / "vault.key"
    async with (
        parts_of(database.app_url, key_file=key_file) as parts,
        parts_of(database.app_url, "second", key_file) as second,
    ):
        office = await open_office(parts)
        store, another = await parts.stores(office.log_id), await second.stores(office.log_id)
        finance = await office.somebody("finance")
        await record(store, facts())
        await office.ask(office.administrator, AdvanceClock, to=CLOSED_AT)
        ask = Ask(
            caller=finance, command=ClosePeriod, values={"programme_id": CALL, "period": "month", "last_day": MAY},
            subject=tag(ProgrammeId, CALL), command_id=uuid4(),
        )  # fmt: skip
        # Two who ask for the same, while a third goes on recording.
        receipts = await asyncio.gather(
            parts.door.ask(ask), second.door.ask(ask), record(another, [committed(1)] * 50, at_once=1)
        )
        page = await store.read()
    assert receipts[0] == receipts[1]
    (closed,) = (each for each in page.events if isinstance(each.event, PeriodClosed))
    known = [
        (each.position, each.envelope.effective_at, each.event)
        for each in page.events
        if isinstance(each.event, MoneyFact) and each.position < closed.position
    ]
    books, entries, newest = books_of(known, MAY, ZONE)
    assert entries > MANY
    event = cast("PeriodClosed", closed.event)
    assert (event.entries, event.covers_position) == (entries, newest) == (entries, known[-1][0])
    assert event.trial_balance_digest == trial_balance_digest(books)


@settings(max_examples=15, deadline=None)
@given(chance=HISTORIES, data=st.data())
def test_over_any_lawful_history_a_close_that_is_read_page_by_page_is_that_of_the_whole(
    chance: random.Random, data: st.DataObject
) -> None:
    """Twice over, since each attempt goes on from a copy; late facts among them, in whatever order of days."""
    history = played(chance)
    log, when = history.log, max(each.envelope.effective_at for each in history.log)
    days = [each.envelope.effective_at.astimezone(ZONE).date() for each in log]
    last_day = data.draw(st.sampled_from(sorted({period_after("month", day - timedelta(days=1)) for day in days})))
    command = ClosePeriod(programme_id=CALL, period="month", last_day=last_day)
    at_once = decided(history.when(command, now=when + timedelta(days=60)).command)
    pages = PagedPast(Past([]).when(command, now=when + timedelta(days=60)).command, lambda _: False)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(log) - 1), max_size=5)))
    for first, last in itertools.pairwise([0, *cuts]):
        pages.take(log[first:last], [])
    for attempt in (pages.begun(), pages.begun()):
        replay(attempt, log[cuts[-1] if cuts else 0 :])
        assert decided(attempt) == at_once


def decided(command: Command) -> list[Event]:
    command.execute()
    return [tagged.decision for tagged in command.collect_events()]
