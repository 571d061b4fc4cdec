"""The books as people see them: journal, balances by stage, registers of payments, recoveries and matching."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from domain.funding.events import AccountCode, PaymentPosted
from domain.funding.period import ClosePeriod
from domain.funding.policy import ACCOUNTS, MATCHING
from domain.kernel import Recorded
from projections.funding import BALANCE, CLOSING, FUNDING_RULE, MATCHING_REGISTER, PAYMENT, PERIOD, RECOVERY, BalanceRow
from projections.inbox import INBOX, waiting_for
from projections.journal import JOURNAL, JournalRow
from projections.kernel import fold_all, fold_on
from tests.call import CALL
from tests.committee import FIRST, turned_back
from tests.money import (
    PAYMENT as PAY_1,
)
from tests.money import (
    Y20,
    books,
    closed,
    done,
    posted,
    rule,
    succeeded,
    the_allocation,
    the_approval,
    the_payment,
    the_request,
)
from tests.spec import SOMEBODY, Past, at
from tests.test_funding_payment import expired, failed
from tests.test_funding_spending import (
    RECOVERY as REC_1,
)
from tests.test_funding_spending import (
    SOON,
    carried,
    ordered,
    received,
    reversed_,
    the_expenditure,
    the_match,
)
from tests.test_funding_story import BR_2, BR_3, COL_A, STORY, yuan

COLUMNS: dict[str, AccountCode] = {
    "unallocated_fen": "B200", "allocated_fen": "B210", "committed_fen": "B220", "in_transit_fen": "B225",
    "paid_out_fen": "B230", "accounted_for_fen": "B235", "frozen_fen": "B240", "recovered_fen": "B250",
    "carried_forward_fen": "B260", "appropriated_fen": "B100", "carried_in_fen": "B110", "pledged_fen": "B120",
    "adjusted_fen": "B130", "claimed_fen": "F1218", "received_fen": "F4601",
}  # fmt: skip
STAGES = list(COLUMNS)[:9]
RESOURCES = list(COLUMNS)[9:13]


def balances(log: list[Recorded]) -> list[BalanceRow]:
    return list(fold_all(BALANCE, log).values())


def balance(past: Past, whose: str = FIRST, source: str = "budget", year: int = 2020) -> BalanceRow:
    return fold_all(BALANCE, past.log)[CALL, whose, source, year]


def test_the_balances_are_what_the_books_say_at_every_position() -> None:
    log = STORY.past.log
    for until in range(46, len(log) + 1, 7):
        whole = books(Past(log[:until]))
        for row in balances(log[:until]):
            which: dict[str, Any] = {"application_id": row.application_id, "source": row.source, "year": row.year}
            for column, code in COLUMNS.items():
                if column == "received_fen" and row.source not in MATCHING:
                    continue
                assert getattr(row, column) == whole.total(code, **which), (row.whose, column)


def test_stages_and_resources_are_equal_for_each_source_and_year() -> None:
    sums: dict[tuple[str, int], int] = {}
    for row in balances(STORY.past.log):
        signed = sum(getattr(row, name) for name in STAGES) - sum(getattr(row, name) for name in RESOURCES)
        sums[row.source, row.year] = sums.get((row.source, row.year), 0) + signed
    assert set(sums.values()) == {0}
    assert len(sums) == 5


def test_what_was_allocated_counts_once_though_it_was_carried() -> None:
    own = [row for row in balances(STORY.past.log) if row.source == "budget" and row.application_id is not None]
    assert sum(row.given_fen for row in own) == yuan(110_000)
    assert sum(row.accounted_for_fen for row in own) == yuan(105_330)
    assert sum(row.recovered_fen for row in own) == yuan(4_670)


def test_a_balance_can_be_read_as_of_a_day() -> None:
    day = date(2021, 8, 1)
    rows = fold_on(BALANCE, STORY.past.log, day, at("2021-08-02 00:00"))
    held = rows[CALL, BR_3, "budget", 2021]
    assert isinstance(held, BalanceRow)
    assert (held.frozen_fen, held.given_fen) == (yuan(10_000), 0)
    whole = rows[CALL, COL_A, "budget", 2021]
    assert isinstance(whole, BalanceRow)
    assert whole.paid_out_fen == yuan(26_400)


def test_the_successor_reads_the_money_it_bears() -> None:
    rows = [row for row in balances(STORY.past.log) if row.application_id == BR_2]
    assert {row.unit_id for row in rows} == {"BR-9"}


def test_what_is_left_waits_for_the_end_of_its_year_as_the_rule_says() -> None:
    assert not balance(the_payment()).carries
    waits = balance(the_allocation(carry_over="carry"))
    assert not waits.carries  # What was allocated says what becomes of it: here it was left to a decision.
    for policy, column in (("carry", "carries"), ("lapse", "lapses")):
        past = the_allocation()
        changed = [
            msgspec.structs.replace(each, event=msgspec.structs.replace(each.event, carry_over=policy))
            if type(each.event).__name__ == "FundsAllocated"
            else each
            for each in past.log
        ]
        row = balance(Past(changed))
        assert getattr(row, column)
        assert row.cutoff_on == date(2020, 12, 20)
    next_year = balance(the_expenditure().and_(carried(), when=SOON), year=2021)
    assert (next_year.paid_out_fen, next_year.cutoff_on) == (700_000, date(2021, 12, 20))


# --- the journal ------------------------------------------------------------------------------------------------------


def journal(past: Past) -> list[JournalRow]:
    return list(fold_all(JOURNAL, past.log).values())


def test_the_journal_has_every_entry_and_adds_up_to_the_balances() -> None:
    sums: dict[AccountCode, int] = {}
    for row in journal(STORY.past):
        for code, amount in ((row.debit, row.amount_fen), (row.credit, -row.amount_fen)):
            sums[code] = sums.get(code, 0) + amount
    whole = books(STORY.past)
    for code, found in sums.items():
        side = 1 if ACCOUNTS[code].side == "debit" else -1
        assert found == side * whole.total(code)
    assert sum(sums.values()) == 0


def test_an_entry_says_whose_it_is_and_which_fact_it_follows_from() -> None:
    past = the_payment()
    rows = [row for row in journal(past) if row.position == len(past.log)]
    assert [(row.line, row.book, row.debit, row.credit, row.amount_fen) for row in rows] == [
        (1, "B", "B230", "B225", 1_000_000),
        (2, "F", "F5501", "F1002", 1_000_000),
    ]
    assert {row.fact for row in rows} == {PaymentPosted.TOPIC}
    assert (rows[0].application_id, rows[0].unit_id, rows[0].payment_id) == (FIRST, "BR-1", PAY_1)
    assert (rows[0].source, rows[0].year) == ("budget", Y20)


def test_a_reversal_and_what_it_reverses_name_each_other() -> None:
    past = the_expenditure()
    where = len(past.log)
    past = past.and_(reversed_(past), when=SOON)
    rows = {row.position: row for row in journal(past)}
    assert rows[where].reversal_position == where + 1
    assert rows[where + 1].reverses == where


# --- registers --------------------------------------------------------------------------------------------------------


def payment(past: Past) -> Any:
    return fold_all(PAYMENT, past.log)[PAY_1,]


def test_a_payment_is_pending_until_it_is_resolved() -> None:
    assert (payment(the_request()).state, payment(the_request()).pending) == ("requested", True)
    assert payment(the_approval()).state == "approved"
    paid = payment(the_payment())
    assert (paid.state, paid.paid_fen, paid.pending, paid.bank_reference) == (
        "posted", 1_000_000, False, posted().bank_reference,
    )  # fmt: skip
    for end, state in ((failed(), "failed"), (expired(), "expired")):
        over = payment(the_approval().and_(end, when=SOON))
        assert (over.state, over.pending, over.resolved_at) == (state, False, SOON)


def test_a_payment_that_was_posted_wrongly_is_pending_again() -> None:
    past = the_payment()
    again = payment(past.and_(reversed_(past), when=SOON))
    assert (again.state, again.pending, again.paid_fen, again.bank_reference) == ("approved", True, 0, None)
    assert (payment(the_approval()).waits_to_expire, again.waits_to_expire) == (True, False)


def waiting(past: Past, person_id: str | None = None) -> list[tuple[str, str, Any]]:
    rows = [row for row in fold_all(INBOX, past.log).values() if "/payment/" in row.subject_id]
    return [(task.task, task.role, task.last_day) for task in waiting_for(rows, {}, person_id)]


def test_a_payment_waits_for_a_second_person_and_then_for_the_bank() -> None:
    last_day = date(2020, 8, 5)
    assert waiting(the_request()) == [("approve_payment", "head", last_day)]
    assert waiting(the_request(), SOMEBODY) == []
    for past in (the_approval(), the_approval().and_(succeeded(), turned_back(), when=SOON)):
        assert waiting(past) == [("post_payment", "finance", None)]
    for end in (posted(), failed(), expired()):
        assert waiting(the_approval().and_(end, when=SOON)) == []


def test_a_recovery_is_outstanding_until_it_came_in() -> None:
    past = the_expenditure().and_(ordered(), when=SOON)

    def recovery(of: Past) -> Any:
        return fold_all(RECOVERY, of.log)[REC_1,]

    assert (recovery(past).claimed_fen, recovery(past).received_fen, recovery(past).outstanding) == (200_000, 0, True)
    full = past.and_(received(), when=SOON)
    assert (recovery(full).received_fen, recovery(full).outstanding) == (200_000, False)
    undone = full.and_(reversed_(full), when=SOON)
    assert (recovery(undone).received_fen, recovery(undone).outstanding) == (0, True)


def test_matching_is_reached_when_what_is_owed_came_in() -> None:
    def matching(of: Past) -> Any:
        return fold_all(MATCHING_REGISTER, of.log)[FIRST,]

    past = the_match()
    assert (matching(past).due_fen, matching(past).pledged_fen, matching(past).received_fen) == (2_000_000,) * 3
    assert matching(past).reached
    short = Past(past.log[:-1])
    assert not matching(short).reached
    undone = short.and_(reversed_(short, len(short.log) - 1), when=SOON)
    assert (matching(undone).due_fen, matching(undone).awards, matching(undone).reached) == (0, (), True)


def test_the_rule_and_the_closed_periods_are_shown() -> None:
    past = the_payment()
    rule = fold_all(FUNDING_RULE, past.log)[CALL,]
    assert rule.money_flow == "advance"
    close = ClosePeriod(programme_id=CALL, period="month", last_day=date(2020, 7, 31))
    past = done(past, close, at("2020-08-01 09:00"))
    row = fold_all(PERIOD, past.log)[CALL, "month", date(2020, 7, 31)]
    assert (row.period, row.covers_position) == ("month", len(past.log) - 1)


AFTER = at("2021-04-20 09:00")


def closing(past: Past) -> Any:
    return fold_all(CLOSING, past.log)[CALL,]


def test_a_quarter_and_a_year_wait_once_their_last_month_is_closed() -> None:
    past = the_payment(close_months_after_days=10)
    assert (closing(past).by_clock, closing(past).quarter_on) == (True, None)
    october, november = at("2020-10-11 00:00"), at("2020-11-11 00:00")
    past = past.and_(closed(date(2020, 8, 31)), when=SOON)
    assert (closing(past).quarter_on, closing(past).quarter_waits) == (date(2020, 9, 30), False)
    past = past.and_(closed(date(2020, 9, 30)), when=october).and_(closed(date(2020, 10, 31)), when=november)
    assert (closing(past).quarter_waits, closing(past).quarter_at) == (True, october)
    past = past.and_(closed(date(2020, 9, 30), period="quarter"), when=october)
    row = closing(past)
    assert (row.quarter_on, row.quarter_waits, row.quarter_at) == (date(2020, 12, 31), False, None)
    assert (row.closed_through, row.month_closed_on) == (date(2020, 10, 31), date(2020, 10, 31))
    past = past.and_(closed(date(2021, 3, 31)), when=at("2021-04-11 00:00"))
    assert (closing(past).year_on, closing(past).year_waits) == (date(2020, 12, 31), True)
    past = past.and_(closed(date(2020, 12, 31), period="year"), when=at("2021-04-11 00:00"))
    assert (closing(past).year_on, closing(past).year_waits) == (date(2021, 12, 31), False)


def test_where_months_are_closed_by_hand_so_is_everything() -> None:
    past = the_payment().and_(closed(date(2020, 12, 31)), when=SOON)
    row = closing(past)
    assert (row.by_clock, row.quarter_waits, row.year_waits, row.cycle_waits) == (False,) * 4
    later = past.and_(rule(close_months_after_days=10), when=AFTER)
    assert (closing(later).quarter_waits, closing(later).quarter_at) == (True, AFTER)


def test_the_cycle_waits_from_its_end_on_with_each_month_until_it_is_closed() -> None:
    past = the_payment(close_months_after_days=10, cycle_ends_on=date(2020, 8, 15))
    past = past.and_(closed(date(2020, 7, 31)), when=SOON)
    assert not closing(past).cycle_waits
    for last_day, instant in ((date(2020, 8, 31), AFTER), (date(2020, 9, 30), at("2020-10-11 00:00"))):
        past = past.and_(closed(last_day), when=instant)
        assert (closing(past).cycle_waits, closing(past).cycle_on, closing(past).cycle_at) == (True, last_day, instant)
    again = past.and_(closed(date(2020, 9, 30), period="quarter"), when=at("2020-10-12 00:00"))
    assert closing(again).cycle_at == at("2020-10-11 00:00")
    past = past.and_(closed(date(2020, 9, 30), period="cycle"), when=at("2020-10-11 00:00"))
    row = closing(past)
    assert (row.cycle_waits, row.cycle_on, row.cycle_closed_on) == (False, None, date(2020, 9, 30))


@pytest.mark.parametrize("view", [JOURNAL, BALANCE, PAYMENT, RECOVERY, MATCHING_REGISTER])
def test_what_concerns_one_unit_is_open_to_nobody_else(view: Any) -> None:
    assert view.subject_units == ("unit_id",)
    assert not any(view.is_open(row) for row in fold_all(view, STORY.past.log).values())
