"""The statements of a programme's money: their figures, where each cell comes from, and what two points of knowledge
tell differently."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.funding.policy import MONEY_FACTS, Books, MoneyFact, books_of, reconciled, trial_balance_digest
from domain.kernel import Recorded
from projections.funding import BALANCE, by_stage
from projections.journal import trial_balance_table
from projections.kernel import Table, fold_all, page_digest
from projections.statement import STATEMENT_FACTS, CellUnknown, Period, Statement
from projections.statements import STATEMENTS
from tests.call import PAPER, announced
from tests.money import case
from tests.money_life import money
from tests.spec import Past, at
from tests.spec import given as on_record
from tests.test_funding_spending import ordered, received, reversed_, the_expenditure
from tests.test_funding_story import BR_1, BR_2, BR_3, COL_A, HISTORIES, STORY, played, yuan

ZONE = ZoneInfo("Asia/Shanghai")
ALWAYS = Period(zone=ZONE)
EXECUTION, TRIAL, TURNOVER = (STATEMENTS[code] for code in ("budget_execution", "trial_balance", "turnover"))
AMOUNTS_OF = {
    code: [name for name in each.row.__struct_fields__ if name.endswith("_fen")] for code, each in STATEMENTS.items()
}


def of_money(past: Past) -> list[Recorded]:
    return [each for each in past.log if isinstance(each.event, STATEMENT_FACTS)]


def rows(table: Table) -> list[dict[str, Any]]:
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def by_row(statement: Statement, facts: Sequence[Recorded], period: Period) -> dict[str, dict[str, Any]]:
    """The rows of a statement by their names."""
    table = statement.table(facts, period)
    return {statement.name_of(told): row for told, row in zip(table.rows, rows(table), strict=True)}


def books(facts: Sequence[Recorded], last_day: date = date.max) -> Books:
    told = [(each.position, each.envelope.effective_at, each.event) for each in facts]
    return books_of([each for each in told if isinstance(each[2], MoneyFact)], last_day, ZONE)[0]  # type: ignore[misc]


# --- the real programme -----------------------------------------------------------------------------------------------

FACTS = of_money(STORY.past)


def in_year(year: int | None, **more: Any) -> dict[str, dict[str, Any]]:
    return by_row(EXECUTION, FACTS, Period(zone=ZONE, first_year=year, last_year=year, **more))


def test_the_cycle_of_the_programme_is_what_its_table_says() -> None:
    whole = in_year(None)["budget"]
    assert whole["approved_fen"] == whole["allocated_fen"] == whole["paid_out_fen"] == yuan(110_000)
    assert (whole["accounted_for_fen"], whole["recovered_fen"]) == (yuan(105_330), yuan(4_670))
    assert whole["allocated_fen"] == whole["accounted_for_fen"] + whole["recovered_fen"]
    assert whole["carried_in_fen"] == whole["carried_forward_fen"] == whole["balance_fen"] == 0
    assert (whole["rate_bp"], whole["rate_remainder"]) == divmod(yuan(105_330) * 10_000, yuan(110_000))
    for source in ("upper_grant", "school_match"):
        assert in_year(None)[source]["accounted_for_fen"] == yuan(20_000)


@pytest.mark.parametrize(
    ("case", "given_out", "spent", "back"),
    [(COL_A, 50_000, 49_750, 250), (BR_1, 20_000, 19_880, 120), (BR_2, 20_000, 20_000, 0),
     (BR_3, 20_000, 15_700, 4_300)],
)  # fmt: skip
def test_each_case_of_the_programme_is_a_row(case: str, given_out: int, spent: int, back: int) -> None:
    (row,) = [row for row in in_year(None).values() if (row["application_id"], row["source"]) == (case, "budget")]
    assert (row["level"], row["unit_id"]) == ("case", "BR-9" if case == BR_2 else case)
    assert (row["allocated_fen"], row["accounted_for_fen"]) == (yuan(given_out), yuan(spent))
    assert (row["recovered_fen"], row["balance_fen"]) == (yuan(back), 0)


@pytest.mark.parametrize(
    ("year", "available", "spent", "carried", "back"),
    [(2020, 55_000, 51_850, 1_550, 1_600), (2021, 56_550, 30_400, 26_150, 0), (2022, 26_150, 23_080, 0, 3_070)],
)
def test_each_year_of_the_programme_is_what_its_table_says(
    year: int, available: int, spent: int, carried: int, back: int
) -> None:
    row = in_year(year)["budget"]
    assert row["allocated_fen"] + row["carried_in_cases_fen"] == yuan(available)
    assert (row["accounted_for_fen"], row["carried_forward_fen"]) == (yuan(spent), yuan(carried))
    assert (row["recovered_fen"], row["balance_fen"]) == (yuan(back), 0)
    assert (row["rate_bp"], row["rate_remainder"]) == divmod(yuan(spent) * 10_000, yuan(available))


def test_a_rate_is_measured_by_what_was_asked_for() -> None:
    row = in_year(2021, denominator="approved")["budget"]
    assert (row["rate_bp"], row["rate_remainder"]) == divmod(yuan(30_400) * 10_000, yuan(55_000 + 1_550))
    half = in_year(2021, denominator="approved", last_day=date(2021, 6, 30))["budget"]
    assert (half["rate_bp"], half["time_bp"], half["time_remainder"]) == (0, *divmod(181 * 10_000, 365))
    assert in_year(2021, last_day=date(2020, 12, 31))["budget"]["time_bp"] == 0
    assert in_year(2021, last_day=date(2023, 1, 1))["budget"]["time_bp"] == 10_000
    cycle = in_year(None, since=date(2020, 6, 30), until=date(2022, 6, 29), last_day=date(2021, 6, 29))["budget"]
    assert cycle["time_bp"] == 5_000


def test_a_case_is_of_the_unit_that_it_was_of_on_the_day() -> None:
    before = in_year(None, last_day=date(2022, 1, 9))["budget/branch/BR-2"]
    assert (before["unit_id"], in_year(None)["budget/branch/BR-2"]["unit_id"]) == ("BR-2", "BR-9")


def test_what_came_back_adds_up_to_what_was_recovered() -> None:
    back = rows(STATEMENTS["recoveries"].table(FACTS, ALWAYS))
    assert sum(row["returned_fen"] for row in back) == yuan(4_670)
    assert [(row["recovery_id"], row["ordered_fen"], row["outstanding_fen"]) for row in back][-1] == (
        "REC-BR-3", yuan(2_700), 0,
    )  # fmt: skip
    lately = rows(STATEMENTS["recoveries"].table(FACTS, Period(zone=ZONE, first_day=date(2022, 7, 15))))
    assert [row["day"].isoformat() for row in lately] == ["2022-07-15", "2022-07-15", "2022-08-10"]


def test_the_payments_add_up_to_what_was_paid_out() -> None:
    paid = rows(STATEMENTS["payments"].table(FACTS, ALWAYS))
    assert sum(row["paid_fen"] for row in paid if row["source"] == "budget") == yuan(110_000)
    assert {row["state"] for row in paid} == {"posted"}
    first_year = rows(STATEMENTS["payments"].table(FACTS, Period(zone=ZONE, first_year=2020, last_year=2020)))
    assert sum(row["paid_fen"] for row in first_year) == yuan(55_000)


def test_both_books_of_the_programme_agree() -> None:
    found = rows(STATEMENTS["reconciliation"].table(FACTS, ALWAYS))
    assert {row["difference_fen"] for row in found} == {0}
    told = [
        (each.what, each.source, each.year, each.authority_fen, each.money_fen) for each in reconciled(books(FACTS))
    ]
    assert [tuple(row.values())[:5] for row in found] == sorted(each for each in told if any(each[3:]))


def test_the_matching_of_the_programme_was_received() -> None:
    (row,) = rows(STATEMENTS["matching"].table(FACTS, ALWAYS))
    assert (row["due_fen"], row["received_fen"], row["missing_fen"]) == (yuan(20_000), yuan(20_000), 0)


# --- any lawful history -----------------------------------------------------------------------------------------------


@settings(max_examples=8, deadline=None)
@given(HISTORIES)
def test_over_any_lawful_history_the_trial_balance_is_that_of_the_books(chance: random.Random) -> None:
    facts = of_money(played(chance))
    days = sorted({ALWAYS.day(fact) for fact in facts})
    for day in [*chance.choices(days, k=3), days[-1]]:
        found = TRIAL.table(facts, Period(zone=ZONE, last_day=day))
        assert found == trial_balance_table(books(facts, day))
        assert page_digest(found) == trial_balance_digest(books(facts, day))
        turned = rows(TURNOVER.table(facts, Period(zone=ZONE, first_day=chance.choice(days), last_day=day)))
        closing = [(*list(row.values())[:8], row["closing_fen"]) for row in turned if row["closing_fen"]]
        assert closing == found.rows
        assert sum(row["debit_fen"] for row in turned) == sum(row["credit_fen"] for row in turned)


@settings(max_examples=8, deadline=None)
@given(HISTORIES)
def test_over_any_lawful_history_what_was_there_and_came_is_what_went_and_is_there(chance: random.Random) -> None:
    facts = of_money(played(chance))
    first_day = chance.choice([None, *{ALWAYS.day(fact) for fact in facts}])
    year = chance.choice((None, 2020, 2021, 2022))
    period = Period(zone=ZONE, first_day=first_day, first_year=year, last_year=year)
    for row in by_row(EXECUTION, facts, period).values():
        if row["level"] == "programme":
            came = ("opening_fen", "approved_fen", "pledged_fen", "carried_in_fen", "adjusted_fen")
            went = ("accounted_for_fen", "recovered_fen", "given_back_fen", "carried_forward_fen")
            assert sum(row[name] for name in came) - sum(row[name] for name in went) == row["balance_fen"]


@settings(max_examples=8, deadline=None)
@given(HISTORIES)
def test_over_any_lawful_history_the_years_add_up_to_the_cycle(chance: random.Random) -> None:
    """All of each year, less what was only carried from one of them into another."""
    facts = of_money(played(chance))
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    names = [name for name in AMOUNTS_OF["budget_execution"] if not name.startswith("carried")]
    carried: dict[str, int] = defaultdict(int)
    for year in (2020, 2021, 2022, 2023):
        found = by_row(EXECUTION, facts, Period(zone=ZONE, first_year=year, last_year=year))
        for name, row in found.items():
            carried[name] += row["carried_in_fen"] - row["carried_forward_fen"]
            for column in names:
                sums[name][column] += row[column]
    cycle = by_row(EXECUTION, facts, ALWAYS)
    assert {name: {column: row[column] for column in names} for name, row in cycle.items()} == sums
    assert {row["carried_in_fen"] for row in cycle.values()} == {row["carried_forward_fen"] for row in cycle.values()}
    assert set(carried.values()) == {0}
    two = by_row(EXECUTION, facts, Period(zone=ZONE, first_year=2020, last_year=2021))
    last = by_row(EXECUTION, facts, Period(zone=ZONE, first_year=2022, last_year=2022))
    for name, row in last.items():
        assert row["carried_in_fen"] == two[name]["carried_forward_fen"]


@settings(max_examples=6, deadline=None)
@given(HISTORIES)
def test_over_any_lawful_history_both_books_and_all_registers_agree(chance: random.Random) -> None:
    facts = of_money(played(chance))
    found = {code: rows(statement.table(facts, ALWAYS)) for code, statement in STATEMENTS.items()}
    whole = [row for row in found["budget_execution"] if row["level"] == "programme"]

    def total(code: str, column: str) -> int:
        return sum(row[column] for row in found[code])

    def executed(*columns: str) -> int:
        return sum(row[column] for row in whole for column in columns)

    assert {row["difference_fen"] for row in found["reconciliation"]} <= {0}
    told = [(each.what, each.source, each.year, each.authority_fen) for each in reconciled(books(facts))]
    assert [tuple(row.values())[:4] for row in found["reconciliation"]] == sorted(each for each in told if each[3])
    assert total("recoveries", "returned_fen") == executed("recovered_fen", "given_back_fen")
    assert total("payments", "paid_fen") == executed("paid_out_fen")
    assert total("payments", "in_transit_fen") == executed("in_transit_fen")
    assert total("commitments", "outstanding_fen") == executed("committed_fen")
    assert total("matching", "pledged_fen") == executed("pledged_fen")
    claims = books(facts).total("F1218")
    assert total("recoveries", "outstanding_fen") == claims
    corrections = [fact for fact in facts if "reversed" in fact.type]
    assert [row["position"] for row in found["corrections"]] == [fact.position for fact in corrections]


@settings(max_examples=6, deadline=None)
@given(HISTORIES)
def test_over_any_lawful_history_every_cell_is_the_sum_of_what_it_comes_from(chance: random.Random) -> None:
    facts = of_money(played(chance))
    first_day = chance.choice([None, *{ALWAYS.day(fact) for fact in facts}])
    for code, statement in STATEMENTS.items():
        period = ALWAYS if code == "budget_execution" else Period(zone=ZONE, first_day=first_day)
        found = by_row(statement, facts, period)
        for name in chance.sample(sorted(found), min(4, len(found))):
            for column, value in found[name].items():
                explained, sources, told = statement.explain(facts, period, name, column)
                assert explained == value
                assert column in statement.key or {each.column for each in told} <= set(sources)
                if column in AMOUNTS_OF[code] and column != "missing_fen":
                    assert sum(each.value for each in told) == value
                elif sources == (column,) and column not in statement.key and told:
                    assert told[-1].value == value


@settings(max_examples=6, deadline=None)
@given(HISTORIES)
def test_over_any_lawful_history_two_points_of_knowledge_differ_by_what_is_named(chance: random.Random) -> None:
    facts = of_money(played(chance))
    cut = chance.randrange(1, len(facts))
    position, day = facts[cut - 1].position, chance.choice([None, *{ALWAYS.day(fact) for fact in facts}])
    period = Period(zone=ZONE, last_day=day)
    for code, statement in STATEMENTS.items():
        early, late = by_row(statement, facts[:cut], period), by_row(statement, facts, period)
        listed = {(each.row, each.column): each for each in statement.difference(facts, period, position)}
        blank = {field.name: field.default for field in msgspec.structs.fields(statement.row)}
        differing = {
            (name, column)
            for name in {*early, *late}
            for column in set(statement.row.__struct_fields__) - {*statement.key, "level"}
            if early.get(name, blank)[column] != late.get(name, blank)[column]
        }
        assert set(listed) == differing
        for (_, column), each in listed.items():
            assert all(told.fact.position > position for told in each.told)
            if column in AMOUNTS_OF[code] and column != "missing_fen":
                assert each.before + sum(told.value for told in each.told) == each.after
        for name, column in chance.sample(sorted(listed), min(5, len(listed))):
            _, _, everything = statement.explain(facts, period, name, column)
            after = [told for told in everything if told.fact.position > position]
            assert [(told.fact.position, told.column) for told in after] == [
                (told.fact.position, told.column) for told in listed[name, column].told
            ]


@given(st.randoms(use_true_random=False))
@settings(max_examples=5, deadline=None)
def test_the_order_of_facts_of_different_cases_does_not_matter(chance: random.Random) -> None:
    queues: dict[Any, list[Recorded]] = defaultdict(list)
    for fact in FACTS:
        queues[getattr(fact.event, "application_id", None)].append(fact)
    shuffled: list[Recorded] = []
    while queues:
        whose = chance.choice(list(queues))
        shuffled.append(queues[whose].pop(0))
        if not queues[whose]:
            del queues[whose]
    for statement in STATEMENTS.values():
        assert statement.table(shuffled, ALWAYS) == statement.table(FACTS, ALWAYS)


# --- what is not there ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("row", "column"), [("budget", "nothing"), ("dues", "balance_fen"), ("", "balance_fen")])
def test_a_cell_that_is_not_there_is_not_explained(row: str, column: str) -> None:
    with pytest.raises(CellUnknown):
        EXECUTION.explain(FACTS, ALWAYS, row, column)


def test_a_programme_without_money_has_empty_statements() -> None:
    for statement in STATEMENTS.values():
        table = statement.table([], ALWAYS)
        assert (list(table.rows), table.name) == ([], statement.code)
        assert all(column.en and column.zh for column in table.columns)


def test_what_is_reversed_says_so_and_counts_no_more() -> None:
    before = the_expenditure()
    undone = before.log[-1]
    after = before.and_(reversed_(before, undone.position), when=at("2020-09-01 10:00"))
    assert TRIAL.table(of_money(after), ALWAYS) == TRIAL.table(of_money(Past(before.log[:-1])), ALWAYS)
    (row,) = rows(STATEMENTS["corrections"].table(of_money(after), ALWAYS))
    assert (row["kind"], row["reversed_position"], row["reversed_fact"]) == ("reversal", undone.position, undone.type)


def test_an_order_shows_what_came_in_on_it_and_the_newest_reference_that_stands() -> None:
    past = the_expenditure().and_(ordered(200_000), when=at("2020-09-01 10:00"))
    told = []
    for number in (1, 2):
        past = past.and_(received(50_000, f"R{number}"), when=at(f"2020-09-0{number + 1} 10:00"))
    steps = [past]
    for undone in (past.log[-1].position, past.log[-2].position):
        steps.append(steps[-1].and_(reversed_(steps[-1], undone), when=at("2020-09-05 10:00")))
    for step in steps:
        (row,) = rows(STATEMENTS["recoveries"].table(of_money(step), ALWAYS))
        told.append((row["ordered_fen"], row["returned_fen"], row["outstanding_fen"], row["bank_reference"]))
    assert told == [(200_000, 100_000, 100_000, "R2"), (200_000, 50_000, 150_000, "R1"), (200_000, 0, 200_000, None)]


def test_a_fact_that_came_too_late_stands_in_the_register_with_its_own_day() -> None:
    past = the_expenditure()
    late = msgspec.structs.replace(past.log[-1].event, occurred_on=date(2020, 7, 1))
    facts = of_money(past.and_(late, when=at("2020-09-01 10:00")))
    (row,) = rows(STATEMENTS["corrections"].table(facts, ALWAYS))
    assert (row["kind"], row["day"].isoformat(), row["occurred_on"].isoformat()) == ("late", "2020-09-01", "2020-07-01")
    assert (row["amount_fen"], row["reversed_position"]) == (300_000, None)


def lived() -> list[Recorded]:
    """A life of the money with every kind of fact in it."""
    past = on_record(announced())
    life = money(case(), PAPER, len(past.log) + 1)
    return of_money(past.and_(*life, when=at("2020-07-10 10:00")))


def test_every_kind_of_fact_finds_its_place() -> None:
    facts = lived()
    assert {type(fact.event) for fact in facts} >= set(MONEY_FACTS)
    found = {code: rows(statement.table(facts, ALWAYS)) for code, statement in STATEMENTS.items()}
    assert {row["difference_fen"] for row in found["reconciliation"]} == {0}
    assert {row["payment_id"]: (row["state"], row["paid_fen"], row["ground"]) for row in found["payments"]} == {
        "PAY-1": ("posted", 2_000, None), "PAY-2": ("failed", 0, "bank"), "PAY-3": ("expired", 0, None),
        "PAY-4": ("approved", 0, None),
    }  # fmt: skip
    (matching,) = found["matching"]
    assert (matching["granted_fen"], matching["due_fen"], matching["received_fen"]) == (0, 0, 500)
    (order,) = [row for row in found["recoveries"] if row["recovery_id"]]
    assert (order["ordered_fen"], order["returned_fen"], order["outstanding_fen"]) == (300, 0, 300)
    assert order["bank_reference"] is None, "what came in was reversed"
    assert [row["reversed_fact"] for row in found["corrections"]] == [
        "funding.payment_posted.v1", "funding.recovery_received.v1", "funding.higher_award_recorded.v1",
    ]  # fmt: skip


def test_the_balances_that_are_shown_are_those_of_the_books() -> None:
    facts = lived()
    shown = fold_all(BALANCE, [fact for fact in facts if fact.type in BALANCE.topics])
    told = {
        (row.whose, row.source, row.year): {
            name: fen
            for name in row.__struct_fields__
            if name.endswith("_fen") and name != "given_fen" and (fen := getattr(row, name))
        }
        for row in shown.values()
    }
    balances = [(each.account, each.amount_fen) for each in books(facts).balances()]
    assert by_stage(balances) == {key: row for key, row in told.items() if row}
