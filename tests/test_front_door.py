"""The front door on a real PostgreSQL: receipts, repetition, refusals that leave nothing, races, sealed texts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from domain.application.window import CloseApplicationWindow, OpenApplicationWindow
from domain.ids import AppointmentId, InstitutionId, PersonId, UnitId, tag
from domain.institution.commands import AdvanceClock, ClockMovesForward
from domain.kernel import Recorded
from domain.permission.policy import ACTS, NotPermitted
from domain.person.commands import Appoint, EndAppointment, PersonAlreadyRegistered, RegisterPerson
from domain.person.events import Appointed
from domain.programme.commands import AnnounceProgramme
from domain.unit.commands import MoveUnit, RegisterUnit, RenameUnit
from infra.asking import (
    BoundaryTooWide,
    EffectiveBeforeCase,
    EffectiveInFuture,
    NotBackdatable,
    ReasonDocumentMissing,
    ReasonDocumentUnknown,
    ScopeMissing,
)
from infra.front_door import Ask, Caller, OtherRequest, Preview, Reason, VersionPassed
from infra.line import Root, leaf, line
from infra.record import Fact
from tests.conftest import Database
from tests.logs import proposal
from tests.office import OPENED_AT, Office, open_office, parts_of
from tests.scheduling import LAST_DAY, definition, furnish
from tests.test_house import commands

pytestmark = pytest.mark.store


@pytest_asyncio.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    async with parts_of(database.app_url) as parts:
        await open_office(parts, "OTHER")
        yield await open_office(parts)


async def contents(connection: asyncpg.Connection, log_id: int) -> list[int]:
    tables = ("event", "event_tag", "command", "envelope", "document", "staging", "subject_key")
    return [await connection.fetchval(f"select count(*) from {t} where log_id = $1", log_id) for t in tables]


def unit(unit_id: str, **more: Any) -> dict[str, Any]:
    names = {"name_zh": "计算机学院党总支", "name_en": "General Branch of Computing"}
    return {"unit_id": unit_id, "kind": "general_branch", **names, "valid_on": date(2016, 9, 1), **more}


async def test_a_command_is_recorded_with_its_envelope_and_a_repeated_one_gets_the_same_receipt(office: Office) -> None:
    first = await office.ask(office.administrator, RegisterUnit, key="k1", **unit("GB-1"))
    again = await office.ask(office.administrator, RegisterUnit, key="k1", **unit("GB-1"))
    assert again == first
    (recorded,) = (await (await office.parts.stores(office.log_id)).read(after=first.version - 1)).events
    assert recorded.position == first.version == first.events[0].position
    assert recorded.envelope.actor_id == office.administrator.person_id
    assert recorded.envelope.authority == "founding-administrator"
    assert recorded.envelope.received_at == recorded.envelope.effective_at == OPENED_AT
    assert recorded.recorded_at == first.events[0].recorded_at


async def test_a_request_sent_many_times_at_once_is_recorded_once_and_gets_one_receipt(office: Office) -> None:
    for number in range(8):
        sent = {"key": f"twin-{number}", **unit(f"GB-{number}")}
        twins = [office.ask(office.administrator, RegisterUnit, **sent) for _ in range(8)]
        receipts = await asyncio.gather(*twins)
        assert len(set(receipts)) == 1


async def test_a_key_used_for_another_request_is_refused(office: Office) -> None:
    await office.ask(office.administrator, RegisterUnit, key="k1", **unit("GB-1"))
    with pytest.raises(OtherRequest):
        await office.ask(office.administrator, RegisterUnit, key="k1", **unit("GB-2"))


async def test_whatever_belongs_to_a_request_makes_it_another_one_under_the_same_key(office: Office) -> None:
    papered = Reason("late", await office.deposit(office.administrator, "reason"))
    first = await office.ask(office.administrator, RegisterUnit, **unit("GB-1"), subject=tag(UnitId, "GB-1"))
    asked: dict[str, Any] = {
        "key": "k1",
        "reason": papered,
        "effective_on": TODAY,
        "if_match": first.version,
        "subject": tag(UnitId, "GB-1"),
        "unit_id": "GB-1",
        "name_zh": "新名称",
        "name_en": "New name",
        "valid_on": TODAY,
        "source_document_id": papered.document_id,
    }
    receipt = await office.ask(office.administrator, RenameUnit, **asked)
    assert await office.ask(office.administrator, RenameUnit, **asked) == receipt
    others: tuple[dict[str, Any], ...] = (
        {"name_en": "Another"},
        {"reason": Reason("mistaken", papered.document_id)},
        {"reason": Reason("late", await office.deposit(office.administrator, "reason"))},
        {"effective_on": None},
        {"if_match": None},
        {"if_match": receipt.version},
    )
    for other in others:
        with pytest.raises(OtherRequest):
            await office.ask(office.administrator, RenameUnit, **{**asked, **other})
    move: dict[str, Any] = {
        "unit_id": "GB-1",
        "parent_unit_id": None,
        "valid_on": TODAY,
        "source_document_id": papered.document_id,
    }
    with pytest.raises(OtherRequest):
        await office.ask(office.administrator, MoveUnit, key="k1", **move)
    another = await office.somebody("administrator")
    with pytest.raises(VersionPassed):
        await office.ask(another, RenameUnit, **{**asked, "effective_on": None, "name_en": "By another"})


async def test_another_command_with_the_same_words_is_another_request(office: Office) -> None:
    here = await furnish(office)
    notice = await office.deposit(here.clerk, "notice")
    call: dict[str, Any] = {"programme_id": "CALL", "notice_document_id": notice}
    await office.ask(here.clerk, AnnounceProgramme, definition=definition(LAST_DAY), **call)
    await office.ask(here.clerk, OpenApplicationWindow, key="window", programme_id="CALL")
    with pytest.raises(OtherRequest):
        await office.ask(here.clerk, CloseApplicationWindow, key="window", programme_id="CALL")


async def test_a_refused_request_leaves_nothing_and_may_be_sent_again(
    office: Office, superuser: asyncpg.Connection
) -> None:
    person_id = str(uuid4())
    asked = {"person_id": person_id, "subject": tag(PersonId, person_id)}
    await office.ask(office.administrator, RegisterPerson, details={"name": "张三"}, **asked)
    before = await contents(superuser, office.log_id)
    with pytest.raises(PersonAlreadyRegistered):
        await office.ask(office.administrator, RegisterPerson, details={"name": "李四"}, **asked)
    assert await contents(superuser, office.log_id) == before


async def test_a_dry_run_says_what_would_be_recorded_and_writes_nothing(
    office: Office, superuser: asyncpg.Connection
) -> None:
    before = await contents(superuser, office.log_id)
    person_id = str(uuid4())
    values = {"person_id": person_id, "details": {"name": "张三"}}
    ask = Ask(
        caller=office.administrator,
        command=RegisterPerson,
        values=values,
        idempotency_key="dry",
        subject=tag(PersonId, person_id),
        dry_run=True,
    )
    preview = await office.parts.door.ask(ask)
    assert isinstance(preview, Preview)
    assert [name for name, _ in preview.events] == ["person.registered.v1"]
    assert await contents(superuser, office.log_id) == before


async def test_details_are_sealed_and_stand_nowhere_in_clear(office: Office, superuser: asyncpg.Connection) -> None:
    person_id = str(uuid4())
    marker = "欧阳记号某某"
    subject = tag(PersonId, person_id)
    await office.ask(
        office.administrator, RegisterPerson, person_id=person_id, details={"name": marker}, subject=subject
    )
    opened = await office.parts.vault.open_(office.log_id, subject, "details")
    assert marker.encode() in opened
    tables = await superuser.fetch(
        "select schemaname || '.' || tablename as t from pg_tables where schemaname in ('public', 'view')"
    )
    for table in tables:
        rows = await superuser.fetch(f"select * from {table['t']}")
        text = repr([tuple(row) for row in rows])
        assert marker not in text
        assert repr(marker.encode())[2:-1] not in text


async def test_who_holds_no_office_is_refused_and_stands_in_the_access_journal(
    office: Office, superuser: asyncpg.Connection
) -> None:
    nobody = Caller(log_id=office.log_id, person_id=str(uuid4()))
    with pytest.raises(NotPermitted):
        await office.ask(nobody, RegisterUnit, **unit("GB-1"))
    row = await superuser.fetchrow("select actor_id, act, outcome from access where log_id = $1", office.log_id)
    assert row is not None
    assert tuple(row) == (nobody.person_id, "RegisterUnit", "not-permitted")


async def test_an_office_begins_and_ends_with_its_days(office: Office) -> None:
    clerk = await office.somebody("clerk", first_day=date(2020, 5, 11))
    with pytest.raises(NotPermitted):
        await office.ask(clerk, RegisterUnit, **unit("GB-1"))
    await office.ask(office.administrator, AdvanceClock, to=OPENED_AT.replace(day=11))
    await office.ask(clerk, RegisterUnit, **unit("GB-1"))
    await office.ask(
        office.administrator, EndAppointment, appointment_id=f"a-{clerk.person_id}", last_day=date(2020, 5, 11)
    )
    await office.ask(clerk, RegisterUnit, **unit("GB-2"))
    await office.ask(office.administrator, AdvanceClock, to=OPENED_AT.replace(day=12))
    with pytest.raises(NotPermitted):
        await office.ask(clerk, RegisterUnit, **unit("GB-3"))


async def test_if_match_fails_with_what_was_missed(office: Office) -> None:
    first = await office.ask(office.administrator, RegisterUnit, **unit("GB-1"))
    person = await office.somebody("clerk")
    document_id = await office.deposit(person)
    rename: dict[str, Any] = {
        "unit_id": "GB-1",
        "name_zh": "新名称",
        "name_en": "New name",
        "valid_on": date(2020, 5, 9),
        "source_document_id": document_id,
        "subject": tag(UnitId, "GB-1"),
    }
    second = await office.ask(office.administrator, RenameUnit, if_match=first.version, **rename)
    with pytest.raises(VersionPassed) as stale:
        await office.ask(office.administrator, RenameUnit, if_match=first.version, **{**rename, "name_en": "Third"})
    assert stale.value.missed == (second.version,)


TODAY = date(2020, 5, 9)
EARLIER = date(2020, 4, 17)


async def test_an_earlier_day_needs_scope_reason_and_a_document_that_is_there(office: Office) -> None:
    plain = replace(office.administrator, scopes=frozenset())
    papered = Reason("late", await office.deposit(office.administrator, "reason"))
    register = partial(office.ask, office.administrator, RegisterUnit, **unit("GB-1"), effective_on=EARLIER)
    with pytest.raises(ScopeMissing):
        await office.ask(plain, RegisterUnit, effective_on=EARLIER, reason=papered, **unit("GB-1"))
    for reason in (None, Reason("late")):
        with pytest.raises(ReasonDocumentMissing):
            await register(reason=reason)
    with pytest.raises(ReasonDocumentUnknown):
        await register(reason=Reason("late", "0" * 64))
    recorded = await at(office, (await register(reason=papered)).version)
    assert recorded.envelope.effective_at == datetime(2020, 4, 16, 16, tzinfo=UTC), "the day begins in the house's zone"
    assert recorded.envelope.received_at == OPENED_AT
    assert (recorded.envelope.reason_code, recorded.envelope.reason_document_id) == ("late", papered.document_id)


async def at(office: Office, position: int) -> Recorded:
    (recorded,) = (await (await office.parts.stores(office.log_id)).read(after=position - 1, limit=1)).events
    return recorded


async def test_what_is_true_from_today_is_true_from_now(office: Office) -> None:
    papered = Reason("late", await office.deposit(office.administrator, "reason"))
    receipt = await office.ask(office.administrator, RegisterUnit, effective_on=TODAY, reason=papered, **unit("GB-1"))
    assert (await at(office, receipt.version)).envelope.effective_at == OPENED_AT


async def test_a_day_in_the_future_or_before_the_case_existed_is_refused(office: Office) -> None:
    papered = Reason("late", await office.deposit(office.administrator, "reason"))
    register = partial(office.ask, office.administrator, RegisterUnit, reason=papered, **unit("GB-1"))
    with pytest.raises(EffectiveInFuture) as future:
        await register(effective_on=TODAY + timedelta(days=1))
    assert future.value.because == {"effective_on": TODAY + timedelta(days=1), "today": TODAY}
    assert "2020-05-10" in future.value.sentence("zh")
    await register(effective_on=EARLIER)
    rename = partial(
        office.ask,
        office.administrator,
        RenameUnit,
        reason=papered,
        unit_id="GB-1",
        name_zh="新名称",
        valid_on=TODAY,
        source_document_id=papered.document_id,
        subject=tag(UnitId, "GB-1"),
    )
    await rename(name_en="Of today")
    rename = partial(rename, name_en="Of that day")
    with pytest.raises(EffectiveBeforeCase) as before:
        await rename(effective_on=EARLIER - timedelta(days=1))
    assert before.value.because == {"effective_on": EARLIER - timedelta(days=1), "first_day": EARLIER}
    await rename(effective_on=EARLIER)


NOT_BACKDATABLE = sorted(act.command for act in ACTS if not act.backdatable)


@pytest.mark.parametrize("name", NOT_BACKDATABLE)
async def test_what_is_judged_by_when_it_came_takes_no_earlier_day(office: Office, name: str) -> None:
    """The door asks before it looks at anything else, so that no rule has to think of it."""
    papered = Reason("late", await office.deposit(office.administrator, "reason"))
    command = next(kind for kind in commands() if kind.__name__ == name)
    with pytest.raises(NotBackdatable) as refused:
        await office.ask(office.administrator, command, effective_on=EARLIER, reason=papered)
    assert refused.value.because == {"command": name}


async def test_a_clock_only_goes_forward(office: Office) -> None:
    with pytest.raises(ClockMovesForward):
        await office.ask(office.administrator, AdvanceClock, to=OPENED_AT.replace(year=2019))


async def test_64_commands_at_once_on_one_tag_are_all_recorded_without_a_lost_race(office: Office) -> None:
    person_id = str(uuid4())
    await office.ask(
        office.administrator,
        RegisterPerson,
        person_id=person_id,
        details={"name": "某"},
        subject=tag(PersonId, person_id),
    )
    for number in range(64):
        await office.ask(office.administrator, RegisterUnit, **unit(f"U-{number}"))
    receipts = await asyncio.gather(
        *(
            office.ask(
                office.administrator,
                Appoint,
                appointment_id=f"x-{number}",
                person_id=person_id,
                role="applicant",
                unit_id=f"U-{number}",
                first_day=date(2020, 5, 9),
            )
            for number in range(64)
        )
    )
    assert len({receipt.version for receipt in receipts}) == 64


async def appointed_often(office: Office, person_id: str, times: int) -> None:
    """Give a person a past of so many facts."""
    store = await office.parts.stores(office.log_id)
    offices = [
        Appointed(
            appointment_id=AppointmentId(f"x-{uuid4()}"),
            person_id=PersonId(person_id),
            role="clerk",
            institution_id=InstitutionId(office.institution_id),
            first_day=date(2010, 1, 1),
            last_day=date(2010, 1, 1),
        )
        for _ in range(times)
    ]
    await store.append(proposal(*(Fact.of(each) for each in offices)))


async def test_a_boundary_that_grows_wide_is_counted_and_told_and_refused_at_last(office: Office) -> None:
    clerk = await office.somebody("clerk")
    counted: list[tuple[str, int]] = []
    office.parts.door.counts = lambda command, events: counted.append((command, events))
    told = []
    for number, more in enumerate((0, 500)):
        if more:
            await appointed_often(office, clerk.person_id, more)
        with capture_logs() as logged:
            await office.ask(clerk, RegisterUnit, **unit(f"GB-{number}"))
        told.append([(line["event"], line["log_level"], line["events"]) for line in logged])
    assert counted == [("RegisterUnit", 1), ("RegisterUnit", 501)]
    assert told == [[], [("boundary.wide", "warning", 501)]]
    await appointed_often(office, clerk.person_id, 1_500)
    with pytest.raises(BoundaryTooWide):
        await office.ask(clerk, RegisterUnit, **unit("GB-3"))


async def test_of_two_institutions_with_equal_ids_neither_shows_in_the_other(office: Office) -> None:
    await office.ask(office.administrator, RegisterUnit, **unit("GB-1"))
    other = replace(office.administrator, log_id=office.log_id - 1)
    with pytest.raises(NotPermitted):
        await office.ask(other, RegisterUnit, **unit("GB-1"))


async def test_the_root_changes_when_a_row_is_edited_behind_the_door(
    office: Office, superuser: asyncpg.Connection
) -> None:
    await office.ask(office.administrator, RegisterUnit, **unit("GB-1"))

    async def root() -> str:
        tree = Root()
        async for page in (await office.parts.stores(office.log_id)).rows():
            for row in page:
                tree.add(leaf(line(office.institution_id, row)))
        return tree.digest().hex()

    before = await root()
    assert await root() == before
    await superuser.execute("alter table event disable trigger append_only")
    await superuser.execute("update event set actor_id = 'x' where log_id = $1 and position = 3", office.log_id)
    assert await root() != before
