"""Money by the clock: payments expire and years end by themselves, at their instants, however late they are noticed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from domain.funding.events import CarriedForward, FundsLapsed, PaymentExpired
from domain.kernel import Event, Recorded
from infra.record import Accepted, Fact, Proposal
from tests.conftest import Database
from tests.money import (
    CUT,
    EXPIRES,
    LATER,
    allocated,
    committed,
    posted,
    requested,
    the_appropriation,
)
from tests.office import open_office, parts_of
from tests.scheduling import Furnished, furnish, projecting, views_of
from tests.spec import Past, at
from tests.viewing import envelope
from workers.scheduler import Scheduler

pytestmark = pytest.mark.store
LONG_AFTER = at("2021-02-01 09:00")


@pytest_asyncio.fixture
async def here(database: Database) -> AsyncIterator[Furnished]:
    async with parts_of(database.app_url) as parts, projecting(parts):
        yield await furnish(await open_office(parts))


def given_out(carry_over: Any) -> Past:
    """A million fen allocated, of which eight hundred thousand are committed and six hundred thousand asked for."""
    past = the_appropriation(carry_over=carry_over)
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
