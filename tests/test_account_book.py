"""Running balances on a real PostgreSQL: of any account, by any instant, as known at any position; and their lines."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from domain.funding.events import Account
from domain.funding.policy import RULES_VERSION, MoneyFact, post
from domain.institution.events import ClockAdvanced
from domain.kernel import Event, Recorded
from domain.lifecycle import CATALOGUE
from infra.clock import Clock
from infra.event_store import EventStore, open_log
from infra.projector import Projector
from infra.turnover import FIRST, LAST, Line, Place, Sums, Turnovers
from infra.views import Views
from projections.account_book import ACCOUNT_BOOK, account_name, account_named, account_rows
from projections.journal import JOURNAL
from tests.call import CALL, PAPER
from tests.money import case
from tests.money_life import money
from tests.viewing import write

pytestmark = pytest.mark.store
ZERO = Sums(0, 0)


def days(chance: random.Random, count: int) -> list[datetime]:
    """Instants in any order, some of them at midnight, at the turn of a month, or the very same."""
    start = datetime(2020, 6, 29, tzinfo=UTC)
    return [
        start + timedelta(days=chance.randrange(70), hours=chance.choice([0, 0, 9, 23]), minutes=chance.choice([0, 1]))
        for _ in range(count)
    ]


def facts() -> list[Event]:
    bodies = [body for body in money(case(), PAPER, 1) if isinstance(body, MoneyFact)]
    return [body for body in bodies for _ in range(2)]


Moved = tuple[datetime, int, int, str, str, int, int]


def moved(log: Sequence[Recorded]) -> list[Moved]:
    """Every side of every entry: when, where, on which account, against which, and how much on which side."""
    found = []
    for each in log:
        for line, entry in enumerate(post(RULES_VERSION, each.event), start=1):  # type: ignore[arg-type]
            debit, credit = account_name(entry.debit), account_name(entry.credit)
            at = each.envelope.effective_at
            found.append((at, each.position, line, debit, credit, entry.amount_fen, 0))
            found.append((at, each.position, line, credit, debit, 0, entry.amount_fen))
    return sorted(found)


class Book:
    """A log of money with its account book, and the same added up here."""

    def __init__(self, pool: asyncpg.Pool, store: EventStore, sides: list[Moved]) -> None:
        async def stores(_log_id: int) -> EventStore:
            return store

        self.log_id = store.log_id
        self.sides = sides
        views = Views(pool, [ACCOUNT_BOOK, JOURNAL], Clock(pool, CATALOGUE, ClockAdvanced), stores)
        self.turnovers = Turnovers(views, ACCOUNT_BOOK, "programme_id", "account")

    @property
    def head(self) -> int:
        return max(side[1] for side in self.sides)

    @property
    def accounts(self) -> list[str]:
        return sorted({side[3] for side in self.sides})

    def known(self, account: str, until: Place, at_position: int | None) -> Sums:
        """What one adds up who reads every entry."""
        sides = [
            side for side in self.sides
            if side[3] == account and side[:3] < until and (at_position is None or side[1] <= at_position)
        ]  # fmt: skip
        return Sums(sum(side[5] for side in sides), sum(side[6] for side in sides))

    async def all_lines(self, account: str, since: Place, until: Place, limit: int, **how: Any) -> list[Line]:
        found: list[Line] = []
        while True:
            page = await self.turnovers.lines(self.log_id, CALL, account, since, until, limit, **how)
            found += page.lines
            if page.next is None:
                return found
            since, until = (since, page.next) if how.get("newest_first") else (page.next, until)


async def book(pool: asyncpg.Pool, seed: int) -> Book:
    store = EventStore(pool, await open_log(pool, f"BOOK-{seed}", "real"), CATALOGUE)
    async with store:
        bodies = facts()
        random.Random(seed).shuffle(bodies)
        await write(store, bodies, days(random.Random(seed), len(bodies)))
        log = [each async for page in store.pages(0, await store.head()) for each in page]
    await Projector(pool, [ACCOUNT_BOOK, JOURNAL], CATALOGUE, batch=7).catch_up(store.log_id)
    return Book(pool, store, moved(log))


async def test_a_balance_is_what_every_entry_before_adds_up_to_by_any_instant_as_known_at_any_position(
    pool: asyncpg.Pool,
) -> None:
    found = await book(pool, 1)
    chance = random.Random(5)
    instants = [FIRST, LAST, *(side[0] for side in chance.sample(found.sides, 12))]
    for account in found.accounts:
        for at in chance.sample(instants, 4):
            for at_position in (None, chance.randrange(1, found.head)):
                sums, _ = await found.turnovers.sums(found.log_id, CALL, account, Place(at), at_position)
                assert sums == found.known(account, Place(at), at_position), (account, at, at_position)
    whole, _ = await found.turnovers.sums(found.log_id, "elsewhere", found.accounts[0], Place(LAST))
    assert whole == ZERO


async def test_every_account_at_once_says_the_same_as_each_alone(pool: asyncpg.Pool) -> None:
    found = await book(pool, 2)
    for until in (None, FIRST, *(side[0] for side in random.Random(3).sample(found.sides, 8))):
        for at_position in (None, found.head // 2):
            sums, position = await found.turnovers.accounts(found.log_id, CALL, until, at_position)
            assert position == (found.head if at_position is None else at_position)
            place = Place(until or LAST)
            known = {name: found.known(name, place, at_position) for name in found.accounts}
            there = {name: Sums(debit, credit) for name, debit, credit in sums}
            assert {name: each for name, each in there.items() if each != ZERO} == {
                name: each for name, each in known.items() if each != ZERO
            }
    rows = account_rows((await found.turnovers.accounts(found.log_id, CALL))[0])
    assert sum(row.debit_fen for row in rows) == sum(row.credit_fen for row in rows) > 0


@pytest.mark.parametrize("newest_first", [False, True])
async def test_lines_come_in_order_page_by_page_with_the_balance_after_each(
    pool: asyncpg.Pool, newest_first: bool
) -> None:
    found = await book(pool, 3)
    account = max(found.accounts, key=lambda name: sum(side[3] == name for side in found.sides))
    own = [side for side in found.sides if side[3] == account]
    since, until = Place(own[2][0]), Place(own[-2][0])
    for at_position in (None, found.head * 2 // 3):
        how: dict[str, Any] = {"newest_first": newest_first, "at_position": at_position}
        lines = await found.all_lines(account, since, until, 3, **how)
        wanted = [
            side for side in own
            if since <= side[:3] < until and (at_position is None or side[1] <= at_position)
        ]  # fmt: skip
        assert [line[:3] for line in lines] == [side[:3] for side in (wanted[::-1] if newest_first else wanted)]
        for line in lines:
            after = found.known(account, Place(line.at, line.position, line.line + 1), at_position)
            assert (line.debited_fen, line.credited_fen) == after
    page = await found.turnovers.lines(found.log_id, CALL, account, since, until, 2, newest_first=newest_first)
    first, last = (page.lines[-1], page.lines[0]) if newest_first else (page.lines[0], page.lines[-1])
    assert page.before == found.known(account, Place(first.at, first.position, first.line), None)
    assert page.after == found.known(account, Place(last.at, last.position, last.line + 1), None)
    nothing = await found.turnovers.lines(found.log_id, CALL, account, Place(LAST), Place(LAST), 5)
    assert (nothing.lines, nothing.next) == ([], None)
    assert nothing.before == nothing.after == found.known(account, Place(LAST), None)


async def test_a_balance_by_a_day_is_read_by_its_index_alone(pool: asyncpg.Pool) -> None:
    found = await book(pool, 4)
    relation = await pool.fetchval("SELECT relation FROM view.live WHERE name = 'account_book'")
    sql = found.turnovers.statement(relation, newest_first=False, dated=True)
    month, day = datetime(2020, 8, 1, tzinfo=UTC), datetime(2020, 8, 3, tzinfo=UTC)
    plan = await pool.fetch(
        f"EXPLAIN {sql}", found.log_id, CALL, found.accounts[0], None, "account_book", f"view.{relation}",
        *Place(day + timedelta(hours=5)), *Place(LAST), 50, month, day,
    )  # fmt: skip
    told = "\n".join(row[0] for row in plan)
    assert f"Seq Scan on {relation}" not in told, told


def test_an_account_has_one_name_and_what_is_none_names_no_account() -> None:
    seen: dict[str, Account] = {}
    for body in facts():
        for entry in post(RULES_VERSION, body):  # type: ignore[arg-type]
            for account in (entry.debit, entry.credit):
                name = account_name(account)
                assert account_named(name) == account
                assert seen.setdefault(name, account) == account
    assert len(seen) > 20
    for name in (
        "", "B200", "B200:budget", "B999:budget:2020", "B200:theft:2020", "B200:budget:soon", "B200:budget:2020:x=red",
        "B200:budget:02020", "B200:budget:2020:category=x:case=A", "B200:budget:２０２０",
    ):  # fmt: skip
        assert account_named(name) is None, name
