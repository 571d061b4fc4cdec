"""The two books: what each version of the posting table says, how they balance, and how they agree with each other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.funding.events import EntryReversed, PaymentApproved
from domain.funding.policy import (
    ACCOUNTS,
    MATCHING,
    MONEY_FACTS,
    RECONCILIATION_TITLES,
    RULES_VERSION,
    RULES_VERSIONS,
    Books,
    MoneyFact,
    books_of,
    mirrored,
    post,
    posting_table,
    reconciled,
    rules_digest,
    trial_balance_digest,
)
from domain.ids import ApplicationId
from domain.kernel import Event
from tests.call import CALL, PAPER
from tests.committee import FIRST
from tests.money import START, case
from tests.money_life import money
from tests.spec import Past, at
from tests.test_funding_story import HISTORIES, STORY, played
from tests.test_house import Filler

ZONE = ZoneInfo("Asia/Shanghai")
OF_VERSION = {
    1: "7cc6a0093b5dfa84020d2e82a33423fb8e1da7a74019528a478392b18d239964",
    2: "47d3fb9a400c0ed67fea171a8b7f25b7fed1fb24ad54337de610f861457d5408",
}
CLOSED_UNDER_1 = {
    date(2020, 12, 31): "24dbfcdb56642e377d8cf210c414e296354590582af0968ce778d697558ea610",
    date(2021, 12, 31): "d1da3b3ce9db04d467ec8d9f14806ec2ecb3c309c1a87810509bf4ecb82c149f",
    date(2022, 12, 31): "c349132e254e81fa85a8e6805ba0197e800746e7a5cb0f029542267fc5d27da8",
}
KINDS = [kind for kind in MONEY_FACTS if kind not in {EntryReversed, PaymentApproved}]


def facts_of(past: Past) -> list[tuple[int, Any, MoneyFact]]:
    return [
        (each.position, each.envelope.effective_at, each.event)
        for each in past.log
        if isinstance(each.event, MoneyFact)
    ]


def of_life() -> list[Event]:
    """One life with every kind of fact, its reversals recorded under version 1."""
    return money(case(), PAPER, 1)


def prefixes(bodies: list[Any]) -> Iterator[Books]:
    found = Books()
    for body in bodies:
        if isinstance(body, MoneyFact):
            found.take(post(RULES_VERSION, body), at("2020-07-01 10:00"))
            yield found


# --- the versions -----------------------------------------------------------------------------------------------------


def test_what_a_version_says_never_changes() -> None:
    """What was closed under a version names it by this digest: whoever changes its table must add a version instead."""
    assert {version: rules_digest(version) for version in OF_VERSION} == OF_VERSION
    assert tuple(OF_VERSION) == RULES_VERSIONS
    assert max(OF_VERSION) == RULES_VERSION


def test_the_table_has_every_fact_that_posts_and_every_choice_of_it() -> None:
    table = posting_table(RULES_VERSION)
    assert {rule.fact for rule in table} == {kind.TOPIC for kind in KINDS}
    returned = {
        (rule.choices["stage"], rule.choices["origin"])
        for rule in table
        if rule.fact == "funding.authority_returned.v1"
    }
    assert len(returned) == 3 * 4
    split = [rule for rule in table if rule.choices.get("unpaid_fen") == "unpaid_fen" and rule.amount == "unpaid_fen"]
    assert {(rule.debit["code"], rule.credit["code"]) for rule in split} == {("B220", "B225")}
    assert all(rule.amount in {"amount_fen", "unpaid_fen"} for rule in table)


@pytest.mark.parametrize("last_day", CLOSED_UNDER_1)
def test_what_was_closed_under_version_1_still_gives_its_digest(last_day: date) -> None:
    """Measured before there was a second version."""
    found, _, _ = books_of(facts_of(STORY.past), last_day, ZONE, rules_version=1)
    assert trial_balance_digest(found) == CLOSED_UNDER_1[last_day]
    today, _, _ = books_of(facts_of(STORY.past), last_day, ZONE)
    assert trial_balance_digest(today) != CLOSED_UNDER_1[last_day]


def test_version_2_posts_what_version_1_did_to_the_authority_under_the_same_lines() -> None:
    for kind in KINDS:
        for seed in range(10):
            body: Any = Filler(seed).value(kind)
            before = [(entry.debit, entry.credit, entry.amount_fen) for entry in post(1, body)]
            after = [(entry.debit, entry.credit, entry.amount_fen) for entry in post(2, body)][: len(before)]
            pairs = zip(before, after, strict=True)
            assert all(old == new for old, new in pairs if old[0].code[0] == "B")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_reversal_undoes_the_whole_of_a_fact_under_whichever_version_it_was_recorded(kind: Any) -> None:
    for seed in range(20):
        body = Filler(seed).value(kind)
        for version in (1, 2):
            undone = EntryReversed(
                programme_id=CALL, application_id=FIRST, reversed_position=1, rules_version=version,
                entries=mirrored(post(version, body)),
            )  # fmt: skip
            found = Books()
            for each in (body, undone):
                found.take(post(RULES_VERSION, each), at("2020-07-01 10:00"))
            assert found.balances() == []


# --- the books --------------------------------------------------------------------------------------------------------


def look_at(books: Books) -> None:
    """Each book balances, by source and year; both say the same; what was granted is never paid out twice."""
    sides: dict[tuple[str, str, int], int] = {}
    bank: dict[tuple[str, int], int] = {}
    for account, amount in books.sums.items():
        line = account.code[0], account.source, account.year
        sides[line] = sides.get(line, 0) + amount
        if account.code == "F1002" and account.source not in MATCHING:
            bank[account.source, account.year] = bank.get((account.source, account.year), 0) + amount
    assert not any(sides.values()), sides
    assert all(amount >= 0 for amount in bank.values()), bank
    for each in reconciled(books):
        assert each.difference_fen == 0, each


def test_the_books_of_the_story_agree_after_every_fact() -> None:
    found = Books()
    for _, when, body in facts_of(STORY.past):
        found.take(post(RULES_VERSION, body), when)
        look_at(found)
    assert found.total("F2103") == found.total("B250", source="budget") > 0
    assert {line.what for line in reconciled(found)} == set(RECONCILIATION_TITLES)


def test_the_books_agree_over_every_kind_of_fact() -> None:
    seen = set()
    for found in prefixes(of_life()):
        look_at(found)
        seen |= {account.code for account in found.sums}
    assert seen == set(ACCOUNTS)


@given(HISTORIES)
@settings(max_examples=25, deadline=None)
def test_the_books_of_any_lawful_history_agree(chance: random.Random) -> None:
    found = Books()
    for _, when, body in facts_of(played(chance)):
        found.take(post(RULES_VERSION, body), when)
    look_at(found)


def test_a_pledge_that_has_not_come_in_is_authority_without_money() -> None:
    bodies = of_life()
    until = next(n for n, body in enumerate(bodies) if body.TOPIC == "funding.matching_received.v1")
    (*_, found) = prefixes(bodies[:until])
    assert (found.total("B120"), found.total("F4601", source="school_match")) == (500, 0)
    lines = {(line.what, line.source): line.money_fen for line in reconciled(found)}
    assert (lines["at_hand", "school_match"], lines["granted", "school_match"]) == (0, 0)


def test_a_reconciliation_finds_what_only_one_book_knows() -> None:
    (*_, found) = prefixes(of_life())
    assert not any(line.difference_fen for line in reconciled(found))
    account = next(account for account in found.sums if account.code == "F1002")
    found.sums[account] += 1
    assert [(line.what, line.difference_fen) for line in reconciled(found) if line.difference_fen] == [("at_hand", -1)]


def test_no_entry_leaves_its_book() -> None:
    for rule in posting_table(RULES_VERSION):
        assert rule.debit["code"][0] == rule.credit["code"][0], rule
        assert (rule.debit["source"], rule.debit["year"]) == (rule.credit["source"], rule.credit["year"]), rule


@given(st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_in_whichever_order_independent_cases_come_the_balances_are_the_same(chance: random.Random) -> None:
    """Each case keeps its own order; what is posted does not depend on what was posted before."""
    cases = [case() | {"application_id": ApplicationId(f"A-{number}")} for number in range(3)]
    lives = [[body for body in money(whose, PAPER, 1) if isinstance(body, MoneyFact)] for whose in cases]
    in_turn, mixed = Books(), Books()
    for life in lives:
        for body in life:
            in_turn.take(post(RULES_VERSION, body), START)
    left = [iter(life) for life in lives]
    while left:
        life_on = chance.choice(left)
        body_on = next(life_on, None)
        if body_on is None:
            left.remove(life_on)
        else:
            mixed.take(post(RULES_VERSION, body_on), START)
    assert mixed.balances() == in_turn.balances()
    assert trial_balance_digest(mixed) == trial_balance_digest(in_turn)
