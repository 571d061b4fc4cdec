"""The case file: each fact in the words of its event, redacted for its reader."""

from domain.eligibility.events import EligibilityJudged
from domain.funding.events import FundsAllocated
from domain.kernel import AUDIENCES, Audience, sentences
from projections.case_file import case_file_table, entries, entry, rests_on
from projections.kernel import canonical_csv
from tests.case_life import ADA, MINE, life

ALL = frozenset(AUDIENCES)
PUBLIC: frozenset[Audience] = frozenset(("public",))
CASE = [recorded for recorded in life() if f"application:{MINE}" in recorded.tags]


def test_every_fact_of_the_case_is_an_entry_in_order_with_its_sentence() -> None:
    found = entries(CASE, ALL)
    assert [entry.position for entry in found] == [recorded.position for recorded in CASE]
    assert all((entry.en, entry.zh) == sentences(type(fact.event)) for entry, fact in zip(found, CASE, strict=True))


def test_the_office_sees_who_by_what_right_and_all_three_times() -> None:
    entry, fact = entries(CASE, ALL)[0], CASE[0]
    assert (entry.actor_id, entry.authority, entry.actor_kind) == (ADA, "spec", "person")
    assert (entry.effective_at, entry.received_at, entry.recorded_at) == (
        fact.envelope.effective_at,
        fact.envelope.received_at,
        fact.recorded_at,
    )
    assert entry.body == fact.event.as_dict()
    assert entry.command_id == fact.envelope.command_id


def test_the_public_sees_neither_the_actor_nor_what_concerns_the_subject() -> None:
    judged = next(entry for entry in entries(CASE, PUBLIC) if entry.type == "eligibility.judged.v1")
    assert (judged.actor_id, judged.authority, judged.command_id) == (None, None, None)
    assert judged.body == {}


def test_the_case_file_is_a_table_without_the_columns_a_reader_may_not_see() -> None:
    everything = case_file_table(entries(CASE, ALL), ALL)
    assert len(everything.rows) == len(CASE)
    assert b"authority" in next(iter(canonical_csv(everything)))
    table = case_file_table(entries(CASE, PUBLIC), PUBLIC)
    assert "actor_id" not in [column.name for column in table.columns]
    assert ADA.encode() not in b"".join(canonical_csv(table))


def test_a_fact_names_what_it_rests_on_wherever_its_body_says_so_and_only_as_far_as_it_is_seen() -> None:
    allocated = next(recorded for recorded in life() if isinstance(recorded.event, FundsAllocated))
    event = allocated.event
    assert isinstance(event, FundsAllocated)
    held = {gate.position for gate in event.gates if gate.position}
    assert set(rests_on(allocated, ALL)) == {event.rule_position, *held}
    assert rests_on(allocated, PUBLIC) == ()
    judged = next(recorded for recorded in life() if isinstance(recorded.event, EligibilityJudged))
    assert isinstance(judged.event, EligibilityJudged)
    named = {finding.rule_position for finding in judged.event.findings}
    named |= {position for finding in judged.event.findings for position in finding.evidence}
    assert set(rests_on(judged, ALL)) == {position for position in named if position}
    clauses = dict.fromkeys(named, "三(二)")
    assert entry(judged, ALL, clauses=clauses).clause == "三(二)"
