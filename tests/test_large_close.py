"""A close of a programme with many times the facts that any other command may read, at the front door of a real log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from domain.funding.events import FundsAllocated, PeriodClosed
from domain.funding.period import ClosePeriod
from domain.funding.policy import MoneyFact, books_of, trial_balance_digest
from domain.ids import ApplicationId, ProgrammeId, tag
from domain.institution.commands import AdvanceClock
from domain.kernel import Command, Event
from infra.event_store import EventStore
from infra.record import Accepted, Fact, Proposal
from tests.call import CALL, announced
from tests.conftest import Database
from tests.money import CUT, CUT_ON, amount, appropriated, case
from tests.office import OPENED_AT, open_office, parts_of
from tests.viewing import envelope

pytestmark = pytest.mark.store
MANY, AT_ONCE = 22_000, 1_000
CLOSED_AT = OPENED_AT + timedelta(days=40)


def facts() -> Iterator[Event]:
    yield announced()
    yield appropriated(100 * MANY)
    for number in range(MANY - 1):
        whose = case() | {"application_id": ApplicationId(f"A-{number % 300}")}
        yield FundsAllocated(
            **whose, **amount(1 + number % 100), rule_position=1, gates=(), carry_over="carry", cutoff_at=CUT,
            cutoff_on=CUT_ON,
        )  # fmt: skip


async def record(store: EventStore) -> None:
    events = list(facts())
    for first in range(0, len(events), AT_ONCE):
        told = replace(envelope(OPENED_AT + timedelta(hours=1)), command_id=uuid4())
        batch = tuple(map(Fact.of, events[first : first + AT_ONCE]))
        assert isinstance(await store.append(Proposal(request_hash=b"", facts=batch, envelope=told)), Accepted)


async def test_a_large_programme_is_closed_with_all_its_facts(database: Database) -> None:
    assert 10 * Command.READS_AT_MOST < MANY < ClosePeriod.READS_AT_MOST
    async with parts_of(database.app_url) as parts:
        office = await open_office(parts)
        store = await parts.stores(office.log_id)
        finance = await office.somebody("finance")
        await record(store)
        await office.ask(office.administrator, AdvanceClock, to=CLOSED_AT)
        asked: dict[str, Any] = {"programme_id": CALL, "period": "month", "last_day": date(2020, 5, 31)}
        await office.ask(finance, ClosePeriod, subject=tag(ProgrammeId, CALL), **asked)
        page = await store.read()
    closed = page.events[-1].event
    assert isinstance(closed, PeriodClosed)
    known = [
        (each.position, each.envelope.effective_at, each.event)
        for each in page.events
        if isinstance(each.event, MoneyFact)
    ]
    books, entries, newest = books_of(known, date(2020, 5, 31), ZoneInfo("Asia/Shanghai"))
    assert (closed.entries, closed.covers_position) == (entries, newest) == (MANY + 1, known[-1][0])
    assert closed.trial_balance_digest == trial_balance_digest(books)
