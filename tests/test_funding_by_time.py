"""Money on a real PostgreSQL: drawn on by several processes at once; expiring, and ending its years, by the clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from domain.funding.allocation import CommitFunds
from domain.funding.events import (
    CarriedForward,
    FundsCommitted,
    FundsLapsed,
    PaymentExpired,
    PeriodClosed,
    UnallocatedReturned,
)
from domain.funding.policy import StageExceeded, period_after
from domain.kernel import Event, Recorded
from infra.front_door import Receipt
from infra.record import Accepted, Fact, Proposal
from tests.call import CALL
from tests.conftest import Database
from tests.money import (
    CUT,
    EXPIRES,
    LATER,
    about,
    allocated,
    amount,
    case,
    committed,
    posted,
    requested,
    the_allocation,
    the_appropriation,
)
from tests.office import open_office, parts_of
from tests.scheduling import Furnished, furnish, projecting, views_of
from tests.spec import Past, at, given
from tests.test_funding_spending import given_back
from tests.viewing import envelope
from workers.scheduler import Scheduler

pytestmark = pytest.mark.store
LONG_AFTER = at("2021-02-01 09:00")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """One key file for every process of a test."""
    return tmp_path / "vault.key"


@pytest_asyncio.fixture
async def here(database: Database, key_file: Path) -> AsyncIterator[Furnished]:
    async with parts_of(database.app_url, key_file=key_file) as parts, projecting(parts):
        yield await furnish(await open_office(parts))


def given_out(carry_over: Any, **rule: Any) -> Past:
    """A million fen allocated, of which eight hundred thousand are committed and six hundred thousand asked for."""
    past = the_appropriation(carry_over=carry_over, **rule)
    past = past.and_(allocated(past, carry_over=carry_over), committed(800_000), when=LATER)
    return past.and_(requested(past, 600_000), when=LATER)


async def record(here: Furnished, past: Past) -> None:
    store = await here.office.parts.stores(here.office.log_id)
    for each in past.log:
        when = envelope(each.envelope.effective_at)
        outcome = await store.append(Proposal(request_hash=b"", facts=(Fact.of(each.event),), envelope=when))
        assert isinstance(outcome, Accepted)


async def caught_up(here: Furnished) -> None:
    parts = here.office.parts
    institution = await parts.clock.institution(here.office.log_id)
    await Scheduler(parts, views_of(parts)).catch_up(institution)


async def found(here: Furnished, kind: type[Event]) -> list[Recorded]:
    await caught_up(here)
    return await here.events(kind)


async def test_however_many_commit_at_once_no_more_is_committed_than_there_is(
    here: Furnished, database: Database, key_file: Path
) -> None:
    """Two processes, each with several requests at a time for the same money."""
    await record(here, the_allocation())
    await here.jump(at("2020-07-10 09:00"))
    office = here.office
    async with parts_of(database.app_url, "second", key_file) as second:
        processes = [office, replace(office, parts=second)]
        asked = [
            processes[n % 2].ask(
                here.clerk, CommitFunds, key=f"commit-{n}", **about(150_000), subject="application:A-1"
            )
            for n in range(12)
        ]
        answers = await asyncio.gather(*asked, return_exceptions=True)
    accepted = [answer for answer in answers if isinstance(answer, Receipt)]
    refused = [answer for answer in answers if isinstance(answer, StageExceeded)]
    assert len(accepted) == len(await here.events(FundsCommitted)) == 6
    assert len(refused) == 6
    assert {(each.because["there_fen"], each.because["asked_fen"]) for each in refused} == {(100_000, 150_000)}


async def test_a_payment_expires_at_its_instant_and_once(here: Furnished) -> None:
    await record(here, given_out("decide"))
    await here.jump(at("2020-08-05 23:59"))
    assert await found(here, PaymentExpired) == []
    await here.jump(LONG_AFTER)
    (expired,) = await found(here, PaymentExpired)
    assert expired.envelope.effective_at == EXPIRES
    assert expired.envelope.actor_kind == "schedule"
    assert await found(here, PaymentExpired) == [expired]
    assert await found(here, CarriedForward) == []


async def test_a_payment_that_was_resolved_does_not_expire(here: Furnished) -> None:
    past = given_out("decide").and_(posted(600_000), when=LATER)
    await record(here, past)
    await here.jump(LONG_AFTER)
    assert await found(here, PaymentExpired) == []


async def test_what_is_left_is_carried_forward_when_the_year_is_cut_off(here: Furnished) -> None:
    await record(here, given_out("carry"))
    await here.jump(LONG_AFTER)
    carried = await found(here, CarriedForward)
    bodies: list[Any] = [each.event for each in carried]
    assert [(body.stage, body.amount_fen) for body in bodies] == [("allocated", 200_000), ("committed", 800_000)]
    assert {each.envelope.effective_at for each in carried} == {CUT}
    assert await found(here, CarriedForward) == carried
    assert await found(here, FundsLapsed) == []


async def test_what_is_left_lapses_where_the_rule_says_so(here: Furnished) -> None:
    await record(here, given_out("lapse"))
    await here.jump(LONG_AFTER)
    lapsed = await found(here, FundsLapsed)
    bodies: list[Any] = [each.event for each in lapsed]
    assert [(body.stage, body.amount_fen) for body in bodies] == [("allocated", 200_000), ("committed", 800_000)]
    assert {each.envelope.effective_at for each in lapsed} == {CUT}


async def test_months_are_closed_one_after_the_other_and_once(here: Furnished) -> None:
    """However late, and however often: the same months, each as of its own instant."""
    past = given_out("decide", close_months_after_days=10, **month("2020-07-31", "2020-08-11"))
    await record(here, past)
    await here.jump(at("2020-10-20 09:00"))
    closed = await found(here, PeriodClosed)
    months = [each for each in closed if as_any(each).period == "month"]
    assert [str(as_any(each).last_day) for each in months] == ["2020-07-31", "2020-08-31", "2020-09-30"]
    assert [each.envelope.effective_at for each in months] == [
        at("2020-08-11 00:00"), at("2020-09-11 00:00"), at("2020-10-11 00:00"),
    ]  # fmt: skip
    assert await found(here, PeriodClosed) == closed


async def test_quarters_years_and_the_cycle_follow_their_months_however_late(here: Furnished) -> None:
    """After an outage of months everything is closed in its order, each as of the instant at which it was due."""
    past = the_appropriation(
        close_months_after_days=10, cycle_ends_on=date(2021, 2, 1), **month("2020-07-31", "2020-08-11")
    )
    past = past.and_(UnallocatedReturned(programme_id=CALL, **amount(5_500_000)), when=at("2020-12-01 09:00"))
    await record(here, past)
    await here.jump(at("2022-03-01 09:00"))
    closed = await found(here, PeriodClosed)
    told = [(body.period, str(body.last_day), each.envelope.effective_at) for each in closed for body in [as_any(each)]]
    months = [(kind, day) for kind, day, _ in told if kind == "month"]
    assert months == [("month", str(day)) for day in MONTHS]
    others = [(kind, day, instant) for kind, day, instant in told if kind != "month"]
    assert others == [
        ("quarter", "2020-09-30", at("2020-10-11 00:00")), ("quarter", "2020-12-31", at("2021-01-11 00:00")),
        ("year", "2020-12-31", at("2021-01-11 00:00")), ("cycle", "2021-02-28", at("2021-03-11 00:00")),
        ("quarter", "2021-03-31", at("2021-04-11 00:00")), ("quarter", "2021-06-30", at("2021-07-11 00:00")),
        ("quarter", "2021-09-30", at("2021-10-11 00:00")), ("quarter", "2021-12-31", at("2022-01-11 00:00")),
        ("year", "2021-12-31", at("2022-01-11 00:00")),
    ]  # fmt: skip
    in_order = [instant for _, _, instant in told]
    assert in_order == sorted(in_order)
    assert await found(here, PeriodClosed) == closed


MONTHS = [period_after("month", date(2020 + n // 12, n % 12 + 1, 1)) for n in range(6, 24)]


def as_any(each: Recorded) -> Any:
    return each.event


async def test_a_cycle_that_is_not_settled_is_asked_about_again_with_each_month(here: Furnished) -> None:
    past = given_out(
        "decide", close_months_after_days=10, cycle_ends_on=CYCLE_ENDS, **month("2020-07-31", "2020-08-11")
    )
    await record(here, past)
    settled = (given_back(200_000), FundsLapsed(**case(), **amount(800_000), stage="committed"))
    await here.jump(at("2020-10-20 09:00"))
    assert {as_any(each).period for each in await found(here, PeriodClosed)} == {"month", "quarter"}
    await record(here, given(*settled, when=at("2020-10-21 10:00")))
    await here.jump(at("2020-12-20 09:00"))
    cycle = [as_any(each) for each in await found(here, PeriodClosed) if as_any(each).period == "cycle"]
    assert [body.last_day for body in cycle] == [date(2020, 10, 31)]


CYCLE_ENDS = date(2020, 8, 15)


def month(last_day: str, closed_on: str) -> dict[str, Any]:
    return {"next_close_on": date.fromisoformat(last_day), "next_close_at": at(f"{closed_on} 00:00")}
