"""The ledger of a closed period: published once, its files what follows from the log, confirmed by a second person."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given as over
from hypothesis import settings

from domain.funding import period as period_of_books
from domain.funding import posting
from domain.funding.case import PeriodIsClosed
from domain.funding.events import (
    Entry,
    ExpenditureAccounted,
    InstitutionLedgerPublished,
    LedgerConfirmed,
    LedgerFile,
    LedgerOf,
    LedgerPublished,
    PeriodClosed,
)
from domain.funding.period import ClosePeriod
from domain.funding.policy import MoneyFact, is_last_day, mirrored, period_after, post, rules_digest
from domain.funding.publication import (
    ConfirmationNotAsked,
    ConfirmedByCloser,
    ConfirmLedger,
    LedgerConfirmedBefore,
    LedgerDiffers,
    LedgersDiffer,
    LedgerUnknown,
    PeriodNotClosed,
    PublishInstitutionLedger,
    PublishLedger,
)
from domain.funding.spending import AccountForExpenditure
from domain.ids import CalendarYear, ProgrammeId
from domain.kernel import Recorded, Refusal
from projections.journal import book_lines
from projections.kernel import Table, canonical_csv, fold_all
from projections.ledger import (
    INSTITUTION_LEDGER,
    LEDGER,
    LEDGER_FACTS,
    LEDGER_TABLES,
    Covered,
    LedgerRow,
    awaited,
    covered,
    file_of,
    ledger_files,
    ledger_tables,
    table_from,
    tables_together,
    waiting_to_be_confirmed,
)
from projections.statements import STATEMENTS, Period
from tests.call import CALL, PAPER
from tests.money import about, closed, done, rule, the_payment
from tests.spec import ANOTHER, INSTITUTION, SHANGHAI, SOMEBODY, Past, at
from tests.test_funding_spending import the_expenditure
from tests.test_funding_story import HISTORIES, STORY, played

JULY_ENDS = date(2020, 7, 31)
AUGUST, SEPTEMBER = at("2020-08-11 00:00"), at("2020-09-11 00:00")
SCHEDULE = "00000000-0000-0000-0000-00000000000a"
MONTH: dict[str, Any] = {"programme_id": CALL, "period": "month", "last_day": JULY_ENDS}
OTHER = ProgrammeId("other")
FILES = (LedgerFile("journal", "a" * 64, 10), LedgerFile("trial_balance", "d" * 64, 20))


def the_close(**changes: Any) -> Past:
    """July, closed by the clock."""
    return the_payment(**changes).and_(closed(), by=SCHEDULE, when=AUGUST)


def publish(files: tuple[LedgerFile, ...] = FILES, **changes: Any) -> PublishLedger:
    return PublishLedger(**(MONTH | {"rules_version": 2, "files": files} | changes))


def published(past: Past, **changes: Any) -> LedgerPublished:
    """July as it is published, its close being the last fact."""
    fields = MONTH | {
        "institution_id": INSTITUTION, "year": CalendarYear(2020), "closed_position": len(past.log),
        "covers_position": 1, "rules_version": 2, "rules_digest": rules_digest(2), "files": FILES,
        "to_be_confirmed": False,
    }  # fmt: skip
    return LedgerPublished(**(fields | changes))


def the_publication(**changes: Any) -> Past:
    past = the_close(**changes)
    asks = changes.get("closes_confirmed", False)
    return past.and_(published(past, to_be_confirmed=asks), by=SCHEDULE, when=AUGUST)


def confirm(**changes: Any) -> ConfirmLedger:
    return ConfirmLedger(**(MONTH | changes))


def confirmed(past: Past) -> LedgerConfirmed:
    return LedgerConfirmed(**MONTH, institution_id=INSTITUTION, published_position=len(past.log))


# --- publishing -------------------------------------------------------------------------------------------------------


def test_the_ledger_of_a_closed_period_is_published_with_its_files() -> None:
    past = the_close()
    past.when(publish(), now=AUGUST).then(published(past))


def test_the_rule_that_held_at_the_close_says_whether_a_second_person_confirms() -> None:
    past = the_close(closes_confirmed=True)
    past.when(publish(), now=AUGUST).then(published(past, to_be_confirmed=True))
    later = past.and_(rule(closes_confirmed=False), when=SEPTEMBER)
    body = published(past, to_be_confirmed=True)
    later.when(publish(), now=AUGUST).then(body)


def test_what_is_not_closed_is_not_published() -> None:
    the_payment().when(publish(), now=AUGUST).refused(PeriodNotClosed, period="month", last_day=JULY_ENDS)
    the_close().when(publish(period="quarter"), now=AUGUST).refused(PeriodNotClosed, period="quarter")
    the_close().when(publish(last_day=date(2020, 8, 31)), now=AUGUST).refused(PeriodNotClosed)


@pytest.mark.parametrize(
    ("files", "file", "found"),
    [
        (FILES[:1], "trial_balance", ""),
        ((FILES[0], LedgerFile("trial_balance", "e" * 64, 20)), "trial_balance", "e" * 64),
    ],
)
def test_the_trial_balance_is_the_one_that_the_close_has_digested(files: Any, file: str, found: str) -> None:
    the_close().when(publish(files), now=AUGUST).refused(
        LedgerDiffers, file=file, recorded_digest="d" * 64, found_digest=found
    )


def test_published_again_it_is_the_same_files_or_a_refusal_that_names_the_one() -> None:
    past = the_publication()
    past.when(publish(), now=AUGUST).then()
    other = (LedgerFile("journal", "b" * 64, 10), FILES[1])
    past.when(publish(other), now=AUGUST).refused(
        LedgerDiffers, file="journal", recorded_digest="a" * 64, found_digest="b" * 64
    )
    more = (*FILES, LedgerFile("payments", "c" * 64, 1))
    past.when(publish(more), now=AUGUST).refused(LedgerDiffers, file="payments", recorded_digest="")
    past.when(publish(FILES[1:]), now=AUGUST).refused(LedgerDiffers, file="journal", found_digest="")


def test_two_publications_race_and_another_programmes_does_not_disturb() -> None:
    past = the_close()
    asked = past.when(publish(), now=AUGUST)
    asked.meanwhile(published(past), closed(date(2020, 8, 31)), rule()).is_raced()
    elsewhere: Any = {"programme_id": OTHER}
    asked.meanwhile(published(past, **elsewhere), closed(**elsewhere), rule(**elsewhere)).is_undisturbed()


# --- confirming -------------------------------------------------------------------------------------------------------


def test_a_second_person_confirms_what_was_published() -> None:
    past = the_publication(closes_confirmed=True)
    past.when(confirm(), by=ANOTHER, now=SEPTEMBER).then(confirmed(past))


def test_whoever_closed_by_hand_does_not_confirm_it_too() -> None:
    past = the_payment(closes_confirmed=True).and_(closed(), by=SOMEBODY, when=AUGUST)
    position = len(past.log)
    past = past.and_(published(past, to_be_confirmed=True), by=SCHEDULE, when=AUGUST)
    past.when(confirm(), by=SOMEBODY, now=SEPTEMBER).refused(
        ConfirmedByCloser, period="month", last_day=JULY_ENDS, position=position
    )
    past.when(confirm(), by=ANOTHER, now=SEPTEMBER).then(confirmed(past))


def test_only_what_is_published_and_asked_for_is_confirmed_and_once() -> None:
    the_close().when(confirm(), now=SEPTEMBER).refused(LedgerUnknown, period="month", last_day=JULY_ENDS)
    the_publication().when(confirm(), now=SEPTEMBER).refused(ConfirmationNotAsked, period="month", last_day=JULY_ENDS)
    past = the_publication(closes_confirmed=True)
    past.when(confirm(period="quarter"), now=SEPTEMBER).refused(LedgerUnknown, period="quarter")
    of_another = LedgerConfirmed(**(MONTH | {"period": "quarter"}), institution_id=INSTITUTION, published_position=1)
    past.and_(of_another).when(confirm(), by=ANOTHER, now=SEPTEMBER).then(confirmed(past))
    once = past.and_(confirmed(past), by=ANOTHER, when=SEPTEMBER)
    once.when(confirm(), now=SEPTEMBER).refused(LedgerConfirmedBefore, position=len(once.log))


def test_two_confirmations_race_and_another_programmes_does_not_disturb() -> None:
    past = the_publication(closes_confirmed=True)
    asked = past.when(confirm(), by=ANOTHER, now=SEPTEMBER)
    asked.meanwhile(confirmed(past), published(past), closed(date(2020, 8, 31))).is_raced()
    elsewhere: Any = {"programme_id": OTHER}
    other = LedgerConfirmed(**(MONTH | elsewhere), institution_id=INSTITUTION, published_position=1)
    asked.meanwhile(other, published(past, **elsewhere), closed(**elsewhere)).is_undisturbed()


def ledger(past: Past) -> LedgerRow:
    return fold_all(LEDGER, past.log)[CALL, "month", JULY_ENDS]


def test_a_ledger_is_closed_published_and_confirmed() -> None:
    past = the_close(closes_confirmed=True)
    row = ledger(past)
    assert (row.state, row.closed_by, row.files, row.awaits_confirmation) == ("closed", SCHEDULE, (), False)
    past = past.and_(published(past, to_be_confirmed=True), by=SCHEDULE, when=AUGUST)
    row = ledger(past)
    assert (row.state, row.files, row.awaits_confirmation) == ("published", FILES, True)
    past = past.and_(confirmed(past), by=ANOTHER, when=SEPTEMBER)
    row = ledger(past)
    assert (row.state, row.confirmed_by, row.confirmed_at, row.awaits_confirmation) == (
        "confirmed", ANOTHER, SEPTEMBER, False,
    )  # fmt: skip


def tasks(past: Past, person_id: str, *roles: Any) -> list[tuple[str, str, str]]:
    found = waiting_to_be_confirmed(fold_all(LEDGER, past.log).values(), roles, person_id)
    return [(task.task, task.role, task.subject_id) for task in found]


def test_a_confirmation_waits_for_the_office_but_not_for_whoever_closed() -> None:
    past = the_payment(closes_confirmed=True).and_(closed(), by=SOMEBODY, when=AUGUST)
    assert tasks(past, ANOTHER, "head") == []
    past = past.and_(published(past, to_be_confirmed=True), by=SCHEDULE, when=AUGUST)
    subject_id = f"{CALL}/month/2020-07-31"
    assert tasks(past, SOMEBODY, "head") == tasks(past, ANOTHER, "clerk") == []
    assert tasks(past, ANOTHER, "finance", "head") == [("confirm_ledger", "head", subject_id)]
    assert tasks(past, ANOTHER, "finance") == [("confirm_ledger", "finance", subject_id)]
    assert tasks(past.and_(confirmed(past), by=ANOTHER, when=SEPTEMBER), ANOTHER, "head") == []
    assert tasks(the_publication(), ANOTHER, "head") == []


# --- of the institution -----------------------------------------------------------------------------------------------


def put_together(*ledgers: LedgerOf, files: tuple[LedgerFile, ...] = FILES) -> PublishInstitutionLedger:
    return PublishInstitutionLedger(period="month", last_day=JULY_ENDS, ledgers=ledgers, files=files)


def of_institution(*ledgers: LedgerOf) -> InstitutionLedgerPublished:
    return InstitutionLedgerPublished(
        institution_id=INSTITUTION, period="month", last_day=JULY_ENDS, year=CalendarYear(2020), ledgers=ledgers,
        files=FILES,
    )  # fmt: skip


def both_published() -> tuple[Past, LedgerOf, LedgerOf]:
    """July of two programmes."""
    past = the_publication()
    one = LedgerOf(CALL, len(past.log))
    past = past.and_(published(past, programme_id=OTHER), by=SCHEDULE, when=AUGUST)
    return past, one, LedgerOf(OTHER, len(past.log))


def test_the_ledger_of_the_institution_is_of_all_that_is_published_and_is_published_once() -> None:
    past, one, other = both_published()
    past.when(put_together(one), now=AUGUST).refused(
        LedgersDiffer, period="month", last_day=JULY_ENDS, published=2, listed=1
    )
    the_close().when(put_together(), now=AUGUST).refused(LedgersDiffer, published=0, listed=0)
    of_august: Any = {"last_day": date(2020, 8, 31)}
    told_of_august = msgspec.structs.replace(of_institution(), **of_august)
    past = past.and_(published(past, **of_august), told_of_august, when=AUGUST)
    done_ = past.when(put_together(one, other), now=AUGUST).then(of_institution(one, other))
    done_.when(put_together(one, other), now=AUGUST).then()
    wrong = (LedgerFile("journal", "b" * 64, 10), FILES[1])
    done_.when(put_together(one, other, files=wrong), now=AUGUST).refused(LedgerDiffers, file="journal")


def test_a_programme_that_closes_later_leads_to_another_edition() -> None:
    past = the_publication()
    one = LedgerOf(CALL, len(past.log))
    past = past.when(put_together(one), now=AUGUST).then(of_institution(one))
    past = past.and_(published(past, programme_id=OTHER), by=SCHEDULE, when=AUGUST)
    other = LedgerOf(OTHER, len(past.log))
    past = past.when(put_together(one, other), now=AUGUST).then(of_institution(one, other))
    row = fold_all(INSTITUTION_LEDGER, past.log)["month", JULY_ENDS]
    assert (row.edition, row.ledgers, row.published_position) == (2, (one, other), len(past.log))


def test_it_races_with_what_is_published_in_the_year_and_not_with_another_year() -> None:
    past, one, other = both_published()
    asked = past.when(put_together(one, other), now=AUGUST)
    asked.meanwhile(published(past), of_institution(one)).is_raced()
    later: Any = {"year": CalendarYear(2021), "last_day": date(2021, 7, 31)}
    asked.meanwhile(published(past, **later), closed()).is_undisturbed()


def test_a_period_waits_for_what_is_closed_or_will_be_by_the_clock() -> None:
    clock: dict[str, Any] = {"close_months_after_days": 10, "next_close_at": AUGUST}
    july: dict[str, Any] = {"next_close_on": JULY_ENDS}
    past = the_payment(**clock, **july)
    assert awaited(past.log, "month", JULY_ENDS) == [CALL]
    assert awaited(past.log, "quarter", SEPTEMBER_ENDS) == awaited(past.log, "year", date(2020, 12, 31)) == [CALL]
    past = past.and_(closed(), by=SCHEDULE, when=AUGUST)
    assert awaited(past.log, "month", JULY_ENDS) == [CALL]
    past = past.and_(published(past), by=SCHEDULE, when=AUGUST)
    assert awaited(past.log, "month", JULY_ENDS) == []
    past = past.and_(rule(programme_id=OTHER, **clock, **july), when=AUGUST)
    assert awaited(past.log, "month", JULY_ENDS) == [OTHER]
    by_hand = past.and_(rule(programme_id=OTHER), when=AUGUST)
    assert awaited(by_hand.log, "month", JULY_ENDS) == []


@pytest.mark.parametrize(("period", "last_day"), [("quarter", date(2020, 9, 30)), ("year", date(2020, 12, 31))])
def test_a_quarter_and_a_year_wait_after_their_last_month_until_they_are_closed_too(
    period: Any, last_day: date
) -> None:
    following: dict[str, Any] = {"next_close_on": date(2021, 1, 31), "next_close_at": at("2021-02-11 00:00")}
    past = the_payment(close_months_after_days=10, next_close_on=last_day, next_close_at=AUGUST)
    past = past.and_(closed(last_day, **following), by=SCHEDULE, when=at("2021-01-11 00:00"))
    assert awaited(past.log, period, last_day) == [CALL]
    past = past.and_(closed(last_day, period=period, **following), by=SCHEDULE, when=at("2021-01-11 00:00"))
    assert awaited(past.log, period, last_day) == [CALL]
    past = past.and_(published(past, period=period, last_day=last_day), by=SCHEDULE, when=at("2021-01-11 00:00"))
    assert awaited(past.log, period, last_day) == []


SEPTEMBER_ENDS = date(2020, 9, 30)


def test_files_of_programmes_are_put_together_row_by_row_each_with_whose_it_is() -> None:
    first, second = b"account,amount_fen\r\nB100,1\r\n", b"account,amount_fen,more\r\nB200,2,x\r\n"
    files = [(CALL, {"trial_balance": first}), (OTHER, {"trial_balance": second, "n": b"a\r\n"})]
    together, alone = tables_together(files)
    assert [column.name for column in together.columns] == ["programme_id", "account", "amount_fen", "more"]
    assert together.rows == [[CALL, "B100", 1, None], [OTHER, "B200", 2, "x"]]
    assert (alone.name, alone.rows) == ("n", [])
    again = table_from("trial_balance", file_of(together)[1])
    assert [column.zh for column in again.columns][:2] == ["项目", "账户"]
    assert file_of(again) == file_of(together)


# --- the files --------------------------------------------------------------------------------------------------------


class Told(NamedTuple):
    """What a ledger tells of, and everything about the money that is on record."""

    of: Covered
    facts: list[Recorded]


def of(past: Past, kind: Any, last_day: date, when: Any = None) -> tuple[Past, Told]:
    """A period closed by the command, and what its ledger tells of."""
    command = ClosePeriod(programme_id=CALL, period=kind, last_day=last_day)
    past = done(past, command, when or at("2023-01-05 09:00"), by=SCHEDULE)
    return past, told(past)


def told(past: Past) -> Told:
    """What the ledger tells of that was closed last."""
    *earlier, body = [each.event for each in past.log if isinstance(each.event, PeriodClosed)]
    return Told(covered(body, earlier, SHANGHAI), money(past))


def money(past: Past) -> list[Recorded]:
    return [each for each in past.log if isinstance(each.event, LEDGER_FACTS)]


def bytes_of(period: Told) -> dict[str, bytes]:
    """Its files, each made of facts that are read once."""
    made = [make(iter(period.facts)) for make in ledger_files(period.of)]
    return {file.name: content for file, content in made}


def table(period: Told, name: str) -> list[dict[str, Any]]:
    found = next(each for each in ledger_tables(period.of, period.facts) if each.name == name)
    return [dict(zip([column.name for column in found.columns], row, strict=True)) for row in found.rows]


def ends(kind: Any, first: date, last: date) -> Iterable[date]:
    day = period_after(kind, first)
    while day <= last:
        yield day
        day = period_after(kind, day)


CLOSES = [
    *(("month", day) for day in ends("month", date(2020, 6, 30), date(2022, 9, 30))),
    *(("quarter", day) for day in ends("quarter", date(2020, 6, 30), date(2022, 9, 30))),
    *(("year", day) for day in ends("year", date(2020, 6, 30), date(2022, 12, 31))),
    ("cycle", date(2022, 9, 30)),
]
"""Every period of the story, the kinds one after the other."""


def test_each_entry_of_the_story_stands_in_one_journal_of_each_kind() -> None:
    """The months, the quarters, the years and the cycle each tell the whole of it, and the trial balances agree."""
    past, lines, last = STORY.past, dict[str, list[tuple[int, int]]](), dict[str, bytes]()
    entries = 0
    for kind, day in CLOSES:
        past, period = of(past, kind, day)
        files = bytes_of(period)
        body: Any = past.log[-1].event
        assert file_of(table_named(period, "trial_balance"))[0].digest == body.trial_balance_digest
        lines.setdefault(kind, []).extend((row["position"], row["line"]) for row in table(period, "journal"))
        last[kind], entries = files["trial_balance"], body.entries
    month, quarter, year, cycle = (sorted(lines[kind]) for kind in ("month", "quarter", "year", "cycle"))
    assert month == quarter == year == cycle
    assert len(set(cycle)) == len(cycle) == entries
    assert len(set(last.values())) == 1


def table_named(period: Told, name: str) -> Table:
    return next(each for each in ledger_tables(period.of, period.facts) if each.name == name)


def of_money(told: list[Any]) -> list[Any]:
    return [each for each in told if isinstance(each[3], MoneyFact)]


def test_a_ledger_is_computed_by_the_posting_rules_that_its_close_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 3, as it might be, posts what version 2 does, takes it back, and posts it again."""
    past, july = of(the_payment(), "month", JULY_ENDS, AUGUST)
    before = bytes_of(july)
    month = before["journal"]

    def post_3(event: MoneyFact) -> tuple[Entry, ...]:
        entries = post(2, event)
        return (*entries, *mirrored(entries), *entries)

    monkeypatch.setitem(posting._RULES, 3, post_3)
    monkeypatch.setattr(period_of_books, "RULES_VERSION", 3)
    past = done(past, AccountForExpenditure(**about(300_000), category="training", evidence_document_id=PAPER), AUGUST)
    past, august = of(past, "month", date(2020, 8, 31), SEPTEMBER)
    assert [each.event.rules_version for each in past.log if isinstance(each.event, PeriodClosed)] == [2, 3]
    again = july._replace(facts=money(past))
    assert bytes_of(again) == before
    assert bytes_of(again)["journal"] == month
    (spent,) = [each for each in august.facts if isinstance(each.event, ExpenditureAccounted)]
    by_three = len(post(3, spent.event))  # type: ignore[arg-type]
    assert len(table(august, "journal")) == by_three == 3 * len(post(2, spent.event))  # type: ignore[arg-type]
    closed_august: Any = past.log[-1].event
    assert file_of(table_named(august, "trial_balance"))[0].digest == closed_august.trial_balance_digest
    moved = [(each.position, each.type, each.envelope.effective_at, each.event) for each in july.facts]
    booked = {version: list(book_lines(of_money(moved), SHANGHAI, version)) for version in (2, 3)}
    assert len(booked[3]) == 3 * len(booked[2])
    # A statement of today's is posted by whichever version is asked for.
    lines = {
        version: STATEMENTS["turnover"].table(august.facts, Period(zone=SHANGHAI, rules_version=version)).rows
        for version in (1, 2, 3)
    }
    assert lines[1] != lines[2] != lines[3]


def test_the_execution_of_the_cycle_is_that_of_the_money_of_the_story() -> None:
    _, period = of(STORY.past, "cycle", date(2022, 9, 30))
    (budget,) = [
        row for row in table(period, "budget_execution") if (row["level"], row["source"]) == ("programme", "budget")
    ]
    assert (budget["allocated_fen"], budget["accounted_for_fen"], budget["recovered_fen"]) == (
        11_000_000, 10_533_000, 467_000,
    )  # fmt: skip
    years = 0
    for year in (2020, 2021, 2022):
        _, found = of(STORY.past, "year", date(year, 12, 31))
        rows = [row for row in table(found, "budget_execution") if row["level"] == "programme"]
        years += sum(row["accounted_for_fen"] for row in rows if row["source"] == "budget")
    assert years == budget["accounted_for_fen"]


def test_the_files_of_a_ledger_are_those_of_its_tables() -> None:
    _, period = of(STORY.past, "cycle", date(2022, 9, 30))
    tables = ledger_tables(period.of, period.facts)
    assert bytes_of(period) == {table.name: file_of(table)[1] for table in tables}


def test_the_ledger_of_a_cycle_tells_how_its_execution_came_to_be() -> None:
    _, period = of(STORY.past, "cycle", date(2022, 9, 30))
    months = table(period, "execution_over_time")
    assert (months[0]["by"], months[-1]["by"]) == (date(2020, 7, 31), date(2022, 9, 30))
    rows = [row for row in table(period, "budget_execution") if row["level"] == "programme"]
    for column in ("allocated_fen", "paid_out_fen", "accounted_for_fen", "recovered_fen"):
        assert months[-1][column] == sum(row[column] for row in rows) > 0


def test_a_late_fact_stands_where_it_took_effect_with_its_own_day() -> None:
    """Entered in August, of July, which is closed: it is told in August's journal, and July's stays as it was."""
    past, july = of(the_payment(), "month", JULY_ENDS, AUGUST)
    before = bytes_of(july)
    spend = AccountForExpenditure(**about(300_000), category="training", evidence_document_id=PAPER)
    past.when(spend, now=SEPTEMBER, effective=at("2020-07-20 10:00")).refused(PeriodIsClosed)
    late = AccountForExpenditure(
        **about(300_000), category="training", evidence_document_id=PAPER, occurred_on=date(2020, 7, 20)
    )
    past = done(past, late, at("2020-08-20 10:00"))
    closed_july = next(each.event for each in past.log if isinstance(each.event, PeriodClosed))
    assert bytes_of(Told(covered(closed_july, (), SHANGHAI), money(past))) == before
    _, august = of(past, "month", date(2020, 8, 31), SEPTEMBER)
    (row,) = table(august, "journal")
    assert (row["day"], row["occurred_on"], row["debit"]) == (date(2020, 8, 20), date(2020, 7, 20), "B235")


def test_what_no_earlier_month_has_told_stands_in_the_first_that_is_closed() -> None:
    """A month that nobody closed is told with the next one: nothing falls between two journals."""
    past = the_expenditure()
    _, august = of(past, "month", date(2020, 8, 31), SEPTEMBER)
    assert {row["day"].month for row in table(august, "journal")} == {7}


@pytest.mark.parametrize("name", LEDGER_TABLES)
def test_a_published_file_is_read_back_as_the_table_it_was(name: str) -> None:
    _, period = of(STORY.past, "cycle", date(2022, 9, 30))
    was = table_named(period, name)
    again = table_from(name, file_of(was)[1])
    assert [list(row) for row in again.rows] == [list(row) for row in was.rows]
    assert list(again.columns) == list(was.columns)
    assert b"".join(canonical_csv(again)) == file_of(was)[1]


def test_a_file_of_an_earlier_program_is_read_back_under_its_own_names() -> None:
    again = table_from("abandoned", b"what,amount_fen\r\nx,0012\r\n,\r\n")
    assert [(column.en, column.zh) for column in again.columns] == [("what", "what"), ("amount_fen", "amount_fen")]
    assert [list(row) for row in again.rows] == [["x", "0012"], [None, None]]


@settings(deadline=None, max_examples=25)
@over(HISTORIES)
def test_over_any_lawful_history_a_closed_period_stays_what_it_was(chance: random.Random) -> None:
    """Whatever is recorded afterwards, and however it is ordered by day: the same files of what was closed."""
    past = played(chance)
    days = [each.envelope.effective_at.astimezone(SHANGHAI).date() for each in money(past)]
    last_day = next(iter(ends(chance.choice(("month", "quarter")), chance.choice(days), date.max)))
    later = max(days[-1], last_day)
    now = at(f"{date.fromordinal(later.toordinal() + 20)} 09:00")
    kind = "quarter" if is_last_day("quarter", last_day) else "month"
    past, period = of(past, kind, last_day, now)
    before = bytes_of(period)
    for number in range(3):
        again = AccountForExpenditure(**about(number + 1), category="training", evidence_document_id=PAPER)
        try:
            past = done(past, again, now)
        except Refusal:
            continue
    assert bytes_of(told(past)) == before
