"""The books: each entry balances, a closed period takes nothing, and the money of the story adds up."""

from __future__ import annotations

import inspect
from datetime import date
from typing import Any

import pytest

from domain.funding import events as funding
from domain.funding.case import NotOfClosedPeriod, PeriodIsClosed
from domain.funding.events import Account, Entry, PaymentApproved, UnallocatedCarried, UnallocatedReturned
from domain.funding.period import ClosedBefore, ClosePeriod, CycleNotSettled, PeriodEndsOtherwise, PeriodNotOver
from domain.funding.policy import (
    ACCOUNTS,
    MONEY_FACTS,
    RESOURCES,
    RULES_VERSION,
    STAGES,
    Books,
    MoneyFact,
    mirrored,
    month_after,
    period_after,
    post,
    rules_digest,
    trial_balance_digest,
)
from domain.funding.spending import AccountForExpenditure
from domain.lifecycle import EVENTS
from domain.programme.policy import ProgrammeUnknown
from projections.journal import trial_balance_table
from projections.kernel import canonical_csv, page_digest
from tests.call import CALL, PAPER
from tests.committee import FIRST, SECOND
from tests.money import (
    Y20,
    Y21,
    about,
    amount,
    appropriated,
    books,
    case,
    closed,
    done,
    posted,
    rule,
    the_appropriation,
    the_payment,
)
from tests.spec import Past, at
from tests.test_funding_spending import accounted, frozen, give_back, given_back, returned, the_expenditure
from tests.test_house import Filler

JULY, AUGUST = at("2020-08-01 09:00"), at("2020-09-01 09:00")


# --- the posting table ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MONEY_FACTS, ids=lambda kind: kind.__name__)
def test_every_entry_moves_one_amount_between_two_accounts_of_one_book(kind: Any) -> None:
    """An event posts what it says; an approval posts nothing, since the money was counted as gone when it was asked."""
    for seed in range(20):
        body = Filler(seed).value(kind)
        if not isinstance(body, funding.EntryReversed):
            entries = post(RULES_VERSION, body)
            assert bool(entries) is not isinstance(body, PaymentApproved)
            for entry in entries:
                assert entry.debit.code[0] == entry.credit.code[0]
                assert entry.debit != entry.credit
                assert entry.amount_fen > 0


def test_every_fact_that_moves_money_is_posted_and_nothing_else_is_money() -> None:
    of_the_table = {each for _, each in inspect.getmembers(funding, inspect.isclass)} & set(EVENTS)
    assert of_the_table - set(MONEY_FACTS) == {
        funding.FundingRuleDefined,
        funding.PeriodClosed,
        funding.LedgerPublished,
        funding.LedgerConfirmed,
        funding.InstitutionLedgerPublished,
    }


def codes(body: Any) -> list[tuple[str, str]]:
    return [(entry.debit.code, entry.credit.code) for entry in post(RULES_VERSION, body)]


def test_the_table_is_the_ledgers() -> None:
    """A few of its rows, in the words of the ledger: debit ← credit."""
    assert codes(appropriated()) == [("B200", "B100"), ("F1002", "F4001")]
    assert codes(posted()) == [("B230", "B225"), ("F5501", "F1002")]
    assert codes(posted(unpaid_fen=1)) == [("B230", "B225"), ("F5501", "F1002"), ("B220", "B225")]
    assert codes(posted(money_flow="reimburse", category="x"))[0] == ("B235", "B225")
    assert codes(returned()) == [("B250", "B230"), ("F1002", "F5501"), ("F3001", "F2103")]
    carry = UnallocatedCarried(programme_id=CALL, **amount(), to_year=Y21)
    assert codes(carry) == [("B260", "B200"), ("B200", "B110"), ("F3001", "F1002"), ("F1002", "F3001")]


def test_each_account_has_two_names_and_a_side() -> None:
    assert {title.side for title in ACCOUNTS.values()} == {"debit", "credit"}
    assert all(title.en and title.zh for title in ACCOUNTS.values())
    assert set(ACCOUNTS) >= STAGES | RESOURCES


def test_a_mirror_undoes_what_it_mirrors() -> None:
    line = Account(code="B210", source="budget", year=Y20, application_id=FIRST)
    entry = Entry(debit=line, credit=Account(code="B200", source="budget", year=Y20), amount_fen=7)
    found = Books()
    found.take([entry], JULY)
    found.take(mirrored([entry]), AUGUST)
    assert found.balances() == []
    assert found.allocated == {(FIRST, "budget"): 0}
    assert found.there(line, JULY) == 0


def test_what_can_be_drawn_is_the_least_that_stands_from_then_on() -> None:
    line = Account(code="B210", source="budget", year=Y20, application_id=FIRST)
    given_out = Account(code="B220", source="budget", year=Y20, application_id=FIRST)
    found = Books()
    days = [at(f"2020-07-0{n} 10:00") for n in range(1, 6)]
    for day, fen in ((days[0], 10), (days[4], 5)):
        found.take([Entry(debit=line, credit=Account(code="B200", source="budget", year=Y20), amount_fen=fen)], day)
    found.take([Entry(debit=given_out, credit=line, amount_fen=8)], days[2])
    assert [found.there(line, day) for day in days] == [2, 2, 2, 2, 7]
    assert found.there(line, at("2020-06-30 10:00")) == 0


# --- periods ----------------------------------------------------------------------------------------------------------


def close(last_day: date = date(2020, 7, 31), period: Any = "month") -> ClosePeriod:
    return ClosePeriod(programme_id=CALL, period=period, last_day=last_day)


def covered(past: Past, until: int) -> Any:
    short = Past(past.log[:until])
    entries = sum(len(post(RULES_VERSION, each.event)) for each in short.log if isinstance(each.event, MoneyFact))
    rules: dict[str, Any] = {"rules_version": RULES_VERSION, "rules_digest": rules_digest(RULES_VERSION)}
    digest = trial_balance_digest(books(short))
    return closed(covers_position=until, entries=entries, trial_balance_digest=digest, **rules)


def test_a_close_says_what_it_covers_and_what_the_books_said() -> None:
    past = the_payment()
    july = len(past.log)
    past = past.and_(accounted(past), when=at("2020-08-01 00:00"))
    past.when(close(), now=AUGUST).then(covered(past, july))
    again = past.and_(accounted(past, 1), when=AUGUST)
    again.when(close(), now=AUGUST).then(covered(past, july))


def test_a_period_is_over_ends_as_its_kind_does_and_is_closed_once() -> None:
    past = the_payment()
    past.when(close(), now=at("2020-07-31 23:59")).refused(
        PeriodNotOver, last_day=date(2020, 7, 31), effective_on=date(2020, 7, 31)
    )
    for last_day, period in ((date(2020, 7, 30), "month"), (date(2020, 7, 31), "quarter"), (date(2020, 6, 30), "year")):
        past.when(close(last_day, period), now=AUGUST).refused(PeriodEndsOtherwise, last_day=last_day, period=period)
    done = past.and_(closed(), when=JULY)
    done.when(close(), now=AUGUST).refused(
        ClosedBefore, period="month", closed_through=date(2020, 7, 31), last_day=date(2020, 7, 31)
    )
    elsewhere = ClosePeriod(programme_id=CALL + "x", period="month", last_day=date(2020, 7, 31))  # type: ignore[arg-type]
    past.when(elsewhere, now=AUGUST).refused(ProgrammeUnknown)


@pytest.mark.parametrize(("last_day", "period"), [(date(2020, 9, 30), "quarter"), (date(2020, 12, 31), "year")])
def test_quarters_and_years_are_closed_at_their_ends(last_day: date, period: Any) -> None:
    past = the_payment()
    body = covered(past, len(past.log))
    expected = type(body)(**(body.as_dict() | {"period": period, "last_day": last_day}))
    past.when(close(last_day, period), now=at("2021-01-05 09:00")).then(expected)


def test_a_closed_period_takes_no_effective_date_and_a_late_fact_keeps_its_day() -> None:
    past = the_payment().and_(closed(), when=JULY)
    spend = {**about(300_000), "category": "training", "evidence_document_id": PAPER}
    in_july = past.when(AccountForExpenditure(**spend), now=AUGUST, effective=at("2020-07-31 23:00"))
    in_july.refused(PeriodIsClosed, closed_through=date(2020, 7, 31), effective_on=date(2020, 7, 31))
    late = AccountForExpenditure(**spend, occurred_on=date(2020, 7, 20))
    past.when(late, now=AUGUST).then(accounted(past, occurred_on=date(2020, 7, 20)))
    open_day = AccountForExpenditure(**spend, occurred_on=date(2020, 8, 1))
    past.when(open_day, now=AUGUST).refused(NotOfClosedPeriod, occurred_on=date(2020, 8, 1))
    the_payment().when(late, now=AUGUST).refused(NotOfClosedPeriod, closed_through=None)


def test_a_close_races_with_every_fact_of_the_programmes_money() -> None:
    past = the_payment()
    asked = past.when(close(), now=AUGUST)
    asked.meanwhile(accounted(past, **case(SECOND)), appropriated(year=2021), closed(), rule()).is_raced()
    asked.meanwhile(rule(programme_id="other"), appropriated(programme_id="other")).is_undisturbed()


def test_a_close_names_the_month_that_is_closed_next() -> None:
    past = the_payment(close_months_after_days=10)
    body = covered(past, len(past.log))
    following = {"next_close_on": date(2020, 8, 31), "next_close_at": at("2020-09-11 00:00")}
    past.when(close(), now=AUGUST).then(type(body)(**(body.as_dict() | following)))


SEPTEMBER_ENDS, DECEMBER_ENDS = date(2020, 9, 30), date(2020, 12, 31)


@pytest.mark.parametrize("period", ["quarter", "cycle"])
def test_each_kind_of_period_is_closed_in_its_own_order(period: Any) -> None:
    """A quarter is closed after its last month, or before it; once of each kind, and never an earlier one of a kind."""
    past = the_payment().and_(returned(1_000_000), when=AUGUST)
    month = past.and_(closed(SEPTEMBER_ENDS), when=at("2020-10-11 00:00"))
    long_after = at("2021-01-11 00:00")
    after_the_month = done(month, close(SEPTEMBER_ENDS, period), long_after)
    first = done(past, close(SEPTEMBER_ENDS, period), long_after)
    after_it = done(first, close(SEPTEMBER_ENDS), long_after)
    for both in (after_the_month, after_it):
        bodies: Any = [each.event for each in both.log[-2:]]
        assert {body.period for body in bodies} == {"month", period}
        for kind in ("month", period):
            both.when(close(SEPTEMBER_ENDS, kind), now=long_after).refused(
                ClosedBefore, period=kind, closed_through=SEPTEMBER_ENDS, last_day=SEPTEMBER_ENDS
            )
    after_the_month.when(close(date(2020, 8, 31)), now=long_after).refused(
        ClosedBefore, period="month", closed_through=SEPTEMBER_ENDS
    )


def test_a_quarter_closed_after_a_later_month_opens_nothing_again() -> None:
    """What protects is the last day of any closed period, not that of the close which was recorded last."""
    past = the_payment().and_(closed(date(2020, 10, 31)), closed(SEPTEMBER_ENDS, period="quarter"), when=NOVEMBER)
    spend = AccountForExpenditure(**about(300_000), category="training", evidence_document_id=PAPER)
    past.when(spend, now=NOVEMBER, effective=at("2020-10-05 10:00")).refused(
        PeriodIsClosed, closed_through=date(2020, 10, 31), effective_on=date(2020, 10, 5)
    )


NOVEMBER = at("2020-11-20 09:00")


def test_whatever_is_closed_the_next_month_is_the_one_after_the_last_that_is() -> None:
    past = the_payment(close_months_after_days=10).and_(closed(date(2020, 10, 31)), when=NOVEMBER)
    past = done(past, close(SEPTEMBER_ENDS, "quarter"), NOVEMBER)
    assert next_of(past) == (date(2020, 11, 30), at("2020-12-11 00:00"))
    none_before = done(the_payment(close_months_after_days=10), close(SEPTEMBER_ENDS, "quarter"), NOVEMBER)
    assert next_of(none_before) == (date(2020, 10, 31), at("2020-11-11 00:00"))


def next_of(past: Past) -> Any:
    body: Any = past.log[-1].event
    return body.next_close_on, body.next_close_at


def test_once_the_cycle_is_closed_months_are_closed_to_the_end_of_its_year_and_while_anything_stands() -> None:
    past = the_payment(close_months_after_days=10).and_(returned(1_000_000), when=AUGUST)
    open_still = done(past.and_(closed(DECEMBER_ENDS), when=NOVEMBER), close(SEPTEMBER_ENDS, "cycle"), NOVEMBER)
    assert next_of(open_still)[0] == date(2021, 1, 31), "what is unallocated still stands"
    past = past.and_(UnallocatedReturned(programme_id=CALL, **amount(4_500_000)), when=AUGUST)
    past = done(past.and_(closed(SEPTEMBER_ENDS), when=NOVEMBER), close(SEPTEMBER_ENDS, "cycle"), NOVEMBER)
    assert next_of(past)[0] == date(2020, 10, 31)
    past = past.and_(closed(date(2020, 11, 30)), when=at("2020-12-11 00:00"))
    past = done(past, close(DECEMBER_ENDS), at("2021-01-11 00:00"))
    assert next_of(past) == (None, None)


@pytest.mark.parametrize(
    ("period", "day", "following"),
    [
        ("month", date(2020, 1, 31), date(2020, 2, 29)), ("quarter", date(2020, 1, 1), date(2020, 3, 31)),
        ("quarter", date(2020, 3, 31), date(2020, 6, 30)), ("quarter", date(2020, 12, 30), date(2020, 12, 31)),
        ("quarter", date(2020, 12, 31), date(2021, 3, 31)), ("year", date(2020, 12, 30), date(2020, 12, 31)),
        ("year", date(2020, 12, 31), date(2021, 12, 31)),
    ],
)  # fmt: skip
def test_periods_follow_one_another(period: Any, day: date, following: date) -> None:
    assert period_after(period, day) == following


@pytest.mark.parametrize("last_day", [date.min, date.max, date(2020, 2, 28)])
def test_a_day_at_the_end_of_time_is_the_last_of_nothing_that_is_over(last_day: date) -> None:
    refusal = PeriodNotOver if last_day == date.max else PeriodEndsOtherwise
    the_payment().when(close(last_day), now=AUGUST).refused(refusal, last_day=last_day)


def test_months_follow_one_another() -> None:
    ends = [month_after(date(2019, 12, 31))]
    while len(ends) < 14:
        ends.append(month_after(ends[-1]))
    assert ends[:3] == [date(2020, 1, 31), date(2020, 2, 29), date(2020, 3, 31)]
    assert ends[-3:] == [date(2020, 12, 31), date(2021, 1, 31), date(2021, 2, 28)]
    assert month_after(date(2020, 7, 3)) == date(2020, 7, 31)


def test_the_digest_is_that_of_the_canonical_csv() -> None:
    past = the_expenditure()
    table = trial_balance_table(books(past))
    assert page_digest(table) == trial_balance_digest(books(past))
    lines = b"".join(canonical_csv(table)).decode().split("\r\n")
    assert lines[0] == "account,source,year,application_id,category,payment_id,origin,recovery_id,amount_fen"
    assert "B235,budget,2020,A-1,training,,,,300000" in lines


# --- the close of a cycle ---------------------------------------------------------------------------------------------


def test_a_cycle_is_closed_once_what_was_allocated_is_accounted_for_or_came_back() -> None:
    past = the_expenditure()
    end = close(date(2020, 9, 15), "cycle")
    past.when(end, now=at("2020-09-30 10:00")).refused(
        CycleNotSettled, source="budget", allocated_fen=1_000_000, accounted_fen=300_000, recovered_fen=0
    )
    settled = past.and_(returned(), when=AUGUST)
    settled.when(end, now=at("2020-09-30 10:00")).command.execute()


def test_what_was_never_allocated_is_no_part_of_the_cycle() -> None:
    past = the_appropriation().and_(frozen(stage="unallocated"), when=JULY)
    back: dict[str, Any] = {"stage": "frozen", "origin": "unallocated"}
    past = past.when(give_back(**back), now=JULY).then(given_back(**back))
    past.when(close(date(2020, 9, 15), "cycle"), now=at("2020-09-30 10:00")).command.execute()
    assert books(past).total("B250", origin="unallocated") == 400_000
