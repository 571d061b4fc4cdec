"""Evaluation: a dossier says what a year's facts say, each by its position; what was undone counts against nobody."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime
from typing import Any

import pytest

from domain.evaluation.commands import (
    DossierIdUsed,
    IssueSecretaryDossier,
    IssueUnitDossier,
    NoSecretaryThatYear,
    UsesMissing,
    YearNotBegun,
)
from domain.evaluation.events import DossierLine, SecretaryDossierIssued, SecretaryTerm, UnitDossierIssued
from domain.evaluation.policy import digest_of_lines
from domain.funding.events import (
    EntryReversed,
    ExpenditureDisallowed,
    FundsFrozen,
    FundsLapsed,
    FundsReleased,
    RecoveryOrdered,
    RecoveryReceived,
)
from domain.ids import AppointmentId, BankReference, DossierId, ObligationId, PersonId, RecoveryId, UnitId
from domain.kernel import Event, replay
from domain.obligation.events import ObligationExcused, ObligationFellOverdue
from domain.person.events import Appointed, AppointmentEnded, PersonRegistered
from domain.person.policy import PersonUnknown
from domain.unit.policy import UnitUnknown
from tests import running
from tests.call import BRANCH_TRACK, CALL, PAPER, unit
from tests.committee import FIRST, SECOND, branch, confirmed, turned_back
from tests.consequences import (
    SECRETARY,
    amended,
    appealed,
    assessed,
    completed,
    conferred,
    failed,
    lapsed,
    lifted,
    measured,
    renewed,
    restored,
    revoked,
    upheld,
)
from tests.spec import Past, at, given

DOSSIER, OTHER = DossierId("DO-1"), DossierId("DO-2")
UNIT, HOUSE = UnitId("BR-1"), unit("BR-1", "branch", "COL")
IN_2021, IN_2022, ISSUES = at("2021-06-15 10:00"), at("2022-07-06 10:00"), at("2022-12-20 10:00")
DAY_2021, DAY_2022 = date(2021, 6, 15), date(2022, 7, 6)
BOTH: Any = ("commendation", "secretary_evaluation")


def issue(**changes: Any) -> IssueUnitDossier:
    return IssueUnitDossier(**({"dossier_id": DOSSIER, "unit_id": UNIT, "year": 2022, "uses": BOTH} | changes))


def lines_of(*facts: Event | tuple[Event, datetime], year: int = 2022) -> list[DossierLine]:
    """The lines of the unit's dossier of a year, these facts being on record (in July of 2022, if no time is given)."""
    past = given(HOUSE)
    for fact in facts:
        body, when = fact if isinstance(fact, tuple) else (fact, IN_2022)
        past = past.and_(body, when=when)
    command = past.when(issue(year=year), now=at("2023-02-01 10:00")).command
    command.execute()
    (issued,) = (tagged.decision for tagged in command.collect_events())
    assert isinstance(issued, UnitDossierIssued)
    return list(issued.lines)


def told(*facts: Event | tuple[Event, datetime], year: int = 2022) -> list[tuple[str, str, str | None]]:
    return [(line.area, line.what, line.matter) for line in lines_of(*facts, year=year)]


def line(position: int, area: Any, what: str, matter: str | None = None, **changes: Any) -> DossierLine:
    fields = {"on": DAY_2022, "programme_id": CALL, "application_id": FIRST}
    return DossierLine(position=position, area=area, what=what, matter=matter, **(fields | changes))  # type: ignore[arg-type]


def issued(*lines: DossierLine, **changes: Any) -> UnitDossierIssued:
    fields: dict[str, Any] = {
        "dossier_id": DOSSIER, "unit_id": UNIT, "year": 2022, "uses": BOTH, "lines": lines,
        "fact_positions": tuple(each.position for each in lines), "digest": digest_of_lines(lines),
    }  # fmt: skip
    return UnitDossierIssued(**(fields | changes))


# --- what a fact is in a dossier --------------------------------------------------------------------------------------


def test_outcomes_and_titles_of_the_year_are_told_with_their_day_and_position() -> None:
    found = lines_of(assessed("complete", "title"), completed(), conferred())
    assert found == [
        line(2, "outcome", "acceptance", "passed"),
        line(3, "outcome", "completed"),
        line(4, "title", "conferred", "model_branch"),
    ]


@pytest.mark.parametrize(
    ("fact", "line_of_it"),
    [
        (failed(), ("outcome", "closed_without_completion", "not_met")),
        (running.stopped(), ("outcome", "stopped", running.stopped().ground)),
        (turned_back(), ("outcome", "selection_reversed", None)),
        (renewed(), ("title", "renewed", "model_branch")),
        (lapsed(), ("title", "lapsed", "model_branch")),
        (revoked(), ("title", "revoked", "model_branch")),
        (restored(), ("title", "restored", "model_branch")),
        (measured("circular"), ("measure", "circular", "not_met")),
        (amended("bar"), ("measure", "amended", "bar")),
        (lifted("bar", ground="rectified"), ("measure", "lifted", "bar")),
    ],
    ids=lambda each: type(each).__name__,
)
def test_each_kind_of_fact_has_its_line(fact: Event, line_of_it: tuple[str, str, str | None]) -> None:
    assert told(fact) == [line_of_it]


def test_what_happened_in_another_year_or_to_another_unit_is_not_told() -> None:
    another: dict[str, Any] = {"application_id": SECOND, "unit_id": branch(SECOND)}
    assert told((completed(), IN_2021), (assessed("complete"), IN_2021), (measured(), IN_2021)) == []
    assert told(completed(**another), conferred(**another)) == []
    assert told((completed(), IN_2021), year=2021) == [("outcome", "completed", None)]
    assert told((completed(), at("2021-12-31 23:59")), year=2021) == [("outcome", "completed", None)]
    assert told((completed(), at("2022-01-01 00:00")), year=2021) == []


def test_of_an_assessment_what_was_decided_last_in_the_year_counts() -> None:
    deferred, passed = assessed("defer", outcome="deferred"), assessed("complete", round=2)
    midterm = assessed("continue", outcome="passed", kind="midterm", assessment="midterm")
    assert told(deferred, midterm, passed) == [
        ("outcome", "midterm", "passed"), ("outcome", "acceptance", "passed"),
    ]  # fmt: skip
    assert told((deferred, IN_2021), passed, year=2021) == [("outcome", "acceptance", "deferred")]


def test_a_measure_tells_its_amount_and_one_that_an_appeal_lifted_is_not_told() -> None:
    (found,) = lines_of(measured("recover_money", amount_fen=270_000))
    assert (found.what, found.amount_fen) == ("recover_money", 270_000)
    assert told(measured(), appealed(), upheld(), lifted()) == []
    later = at("2023-01-10 10:00")
    assert told(measured(), (appealed(), later), (upheld(), later), (lifted(), later)) == []
    assert told(measured(), upheld("amended"), amended()) == [
        ("measure", "bar", "not_met"), ("measure", "amended", "bar"),
    ]  # fmt: skip


# --- reports ----------------------------------------------------------------------------------------------------------

ASKED, JUST, LATE = at("2020-07-01 10:00"), at("2021-05-10 23:59"), at("2021-05-11 00:00")


def missing(kind: type[Any], obligation: str, **changes: Any) -> Any:
    fields: dict[str, Any] = {
        "obligation_id": ObligationId(obligation), "kind": obligation.partition("-")[0], "programme_id": CALL,
        "unit_id": UNIT, "application_id": FIRST,
    }  # fmt: skip
    if kind is ObligationFellOverdue:
        fields |= {"due_at": LATE, "last_day": date(2021, 5, 10)}
    return kind(**(fields | changes))


OVERDUE, EXCUSED = missing(ObligationFellOverdue, "report-2"), missing(ObligationExcused, "report-2")


@pytest.mark.parametrize(
    ("facts", "told_of_it"),
    [
        ([(running.report_filed(), JUST)], "in_time"),
        ([(running.report_filed(), LATE)], "late"),
        ([(OVERDUE, LATE)], "overdue"),
        ([(OVERDUE, LATE), (running.report_filed(), IN_2021)], "late"),
        ([(OVERDUE, LATE), (EXCUSED, IN_2021)], "excused"),
        ([(EXCUSED, JUST), (running.report_filed(), LATE)], "excused"),
        ([(EXCUSED, ASKED), (running.report_filed(), JUST)], "in_time"),
        ([(OVERDUE, LATE), (running.report_filed(), IN_2022)], "overdue"),
    ],
)
def test_a_report_is_in_time_late_overdue_or_excused(facts: list[Any], told_of_it: str) -> None:
    asked = (running.report_asked(), ASKED)
    assert told(asked, *facts, year=2021) == [("report", told_of_it, "summary_2021")]


def test_a_report_that_comes_in_a_later_year_is_late_there_and_an_excuse_takes_it_back() -> None:
    asked = (running.report_asked(), ASKED)
    late = (running.report_filed(), IN_2022)
    assert told(asked, (OVERDUE, LATE), late) == [("report", "late", "summary_2021")]
    assert told(asked, (OVERDUE, LATE), (EXCUSED, IN_2022), year=2021) == []
    assert told(asked, (OVERDUE, IN_2022), year=2021) == []


def test_a_report_that_was_returned_is_asked_for_again() -> None:
    found = told(
        (running.report_asked(), ASKED), (running.report_filed(), JUST),
        (running.report_returned(), LATE), (running.report_filed(2), at("2021-05-20 10:00")), year=2021,
    )  # fmt: skip
    assert found == [("report", "in_time", "summary_2021")] * 2


def test_a_task_book_and_a_rectification_are_papers_too() -> None:
    book = [(running.book_asked(), ASKED), (running.book_filed(), at("2020-07-05 10:00"))]
    assert told(*book, year=2020) == [("report", "in_time", "task_book")]
    papers = [(running.ordered(), IN_2021), (running.rectified(), at("2021-09-16 10:00"))]
    assert told(*papers, year=2021) == [("report", "late", "midterm")]


MONEY: dict[str, Any] = {
    "application_id": FIRST, "programme_id": CALL, "track_id": BRANCH_TRACK, "unit_id": UNIT, "source": "budget",
    "year": 2022, "amount_fen": 160_000,
}  # fmt: skip
RECOVERY: dict[str, Any] = {**MONEY, "recovery_id": RecoveryId("R-1")}


@pytest.mark.parametrize(
    ("fact", "what", "matter"),
    [
        (ExpenditureDisallowed(**MONEY, category="training", ground="no_invoice"), "disallowed", "no_invoice"),
        (FundsFrozen(**MONEY, stage="allocated", ground="rectification"), "frozen", "rectification"),
        (FundsReleased(**MONEY, stage="allocated"), "released", None),
        (
            RecoveryOrdered(**RECOVERY, stage="paid_out", ground="not_met", decision_document_id=PAPER),
            "recovery_ordered",
            "not_met",
        ),
        (RecoveryReceived(**RECOVERY, bank_reference=BankReference("BANK-1")), "recovered", None),
        (FundsLapsed(**MONEY, stage="allocated"), "lapsed", None),
    ],
    ids=lambda each: type(each).__name__,
)
def test_discipline_with_money_is_told_with_its_amount(fact: Any, what: str, matter: str | None) -> None:
    assert told(fact) == [("funds", what, matter)]
    assert lines_of(fact)[0].amount_fen == 160_000


def test_an_entry_that_was_reversed_is_not_told() -> None:
    undone = EntryReversed(
        programme_id=CALL, application_id=FIRST, track_id=BRANCH_TRACK, unit_id=UNIT, reversed_position=2,
        rules_version=1, entries=(),
    )  # fmt: skip
    frozen = FundsFrozen(**MONEY, stage="allocated", ground="rectification")
    assert told(frozen, frozen, undone) == [("funds", "frozen", "rectification")]


def test_an_obligation_of_another_kind_is_no_report() -> None:
    assert told((missing(ObligationFellOverdue, "correction-9"), IN_2022)) == []


def test_what_was_asked_of_the_unit_before_is_answered_by_the_unit_that_carries_the_case_on() -> None:
    house = unit("BR-9", "branch", "COL")
    past = given(house).and_(running.report_asked(), when=ASKED).and_(running.succeeded("BR-9"), when=ASKED)
    past = past.and_(running.report_filed(unit_id="BR-9"), when=JUST)
    command = past.when(issue(unit_id=UnitId("BR-9"), year=2021), now=ISSUES).command
    command.execute()
    (body,) = (tagged.decision for tagged in command.collect_events())
    assert isinstance(body, UnitDossierIssued)
    assert [(each.what, each.matter) for each in body.lines] == [("in_time", "summary_2021")]


# --- the dossier of a unit --------------------------------------------------------------------------------------------


def the_year(*facts: Event) -> Past:
    return given(HOUSE).and_(*(facts or (completed(),)), when=IN_2022)


def test_a_dossier_is_issued_with_its_facts_their_digest_and_its_uses() -> None:
    the_year().when(issue(), now=ISSUES).then(issued(line(2, "outcome", "completed")))
    the_year().when(issue(uses=("commendation",) * 2), now=ISSUES).then(
        issued(line(2, "outcome", "completed"), uses=("commendation",))
    )


def test_the_digest_is_that_of_the_lines_in_canonical_json() -> None:
    facts = (line(2, "outcome", "completed"),)
    written = json.loads(
        json.dumps([{name: getattr(facts[0], name) for name in facts[0].__struct_fields__}], default=str)
    )
    canonical = json.dumps(written, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert digest_of_lines(facts) == hashlib.sha256(canonical.encode()).hexdigest()


def test_a_year_without_facts_has_its_dossier_too() -> None:
    given(HOUSE).when(issue(), now=ISSUES).then(issued())


def test_the_same_facts_for_the_same_uses_are_not_issued_again() -> None:
    past = the_year().and_(issued(line(2, "outcome", "completed")), when=ISSUES)
    past.when(issue(dossier_id=OTHER), now=ISSUES).then()
    narrower = issued(line(2, "outcome", "completed"), uses=("commendation",), dossier_id=OTHER, follows=DOSSIER)
    past.when(issue(dossier_id=OTHER, uses=("commendation",)), now=ISSUES).then(narrower)
    more = past.and_(conferred(), when=ISSUES)
    lines = (line(2, "outcome", "completed"), line(4, "title", "conferred", "model_branch", on=date(2022, 12, 20)))
    more.when(issue(dossier_id=OTHER), now=ISSUES).then(issued(*lines, dossier_id=OTHER, follows=DOSSIER))


def test_a_dossier_of_another_year_is_not_followed() -> None:
    past = the_year().and_(issued(year=2021))
    past.when(issue(dossier_id=OTHER), now=ISSUES).then(issued(line(2, "outcome", "completed"), dossier_id=OTHER))


def test_a_dossier_is_of_a_unit_of_a_year_that_has_begun_and_of_some_use() -> None:
    given(completed()).when(issue(), now=ISSUES).refused(UnitUnknown, unit_id=UNIT)
    the_year().when(issue(year=2023), now=ISSUES).refused(YearNotBegun, year=2023)
    the_year().when(issue(uses=()), now=ISSUES).refused(UsesMissing, field="uses")


def test_a_dossier_has_an_id_of_its_own() -> None:
    the_year(issued()).when(issue(), now=ISSUES).refused(DossierIdUsed, dossier_id=DOSSIER)
    the_year(issued(unit_id=UnitId("BR-2"))).when(issue(), now=ISSUES).refused(DossierIdUsed)
    the_year(its()).when(issue(), now=ISSUES).refused(DossierIdUsed)


def test_another_fact_or_dossier_meanwhile_is_a_race_and_those_of_another_unit_are_not() -> None:
    asked = the_year().when(issue(), now=ISSUES)
    asked.meanwhile(conferred(), assessed("complete"), measured(), issued(), upheld()).is_raced()
    asked.meanwhile(running.report_filed(unit_id="BR-9")).is_raced()
    another: dict[str, Any] = {"application_id": SECOND, "unit_id": branch(SECOND)}
    elsewhere = issued(unit_id=UnitId("BR-2"), dossier_id=OTHER)
    asked.meanwhile(completed(**another), elsewhere, confirmed()).is_undisturbed()


# --- the dossier of a secretary ---------------------------------------------------------------------------------------


def of(**changes: Any) -> IssueSecretaryDossier:
    fields = {"dossier_id": DOSSIER, "person_id": SECRETARY, "year": 2022, "uses": BOTH}
    return IssueSecretaryDossier(**(fields | changes))


def term(unit_id: str = UNIT, first: date = date(2022, 1, 1), last: date = date(2022, 12, 31)) -> SecretaryTerm:
    return SecretaryTerm(unit_id=UnitId(unit_id), first_day=first, last_day=last)


def its(*lines: DossierLine, terms: tuple[SecretaryTerm, ...] = (term(),), **changes: Any) -> SecretaryDossierIssued:
    fields: dict[str, Any] = {
        "dossier_id": DOSSIER, "person_id": SECRETARY, "year": 2022, "uses": BOTH, "terms": terms, "lines": lines,
        "fact_positions": tuple(each.position for each in lines), "digest": digest_of_lines(lines),
    }  # fmt: skip
    return SecretaryDossierIssued(**(fields | changes))


def office(
    role: Any = "secretary", unit_id: str = UNIT, first: date = date(2018, 1, 1), last: date | None = None, n: int = 1
) -> Appointed:
    return Appointed(
        appointment_id=AppointmentId(f"A{n}"), person_id=SECRETARY, role=role, unit_id=UnitId(unit_id),
        first_day=first, last_day=last,
    )  # fmt: skip


PERSON = PersonRegistered(person_id=SECRETARY, commitment="7" * 64)


def the_secretary(*facts: Event) -> Past:
    return given(PERSON, office()).and_(*facts, when=IN_2022)


def test_a_secretary_is_told_what_happened_to_the_unit_while_answering_for_it() -> None:
    the_secretary(completed()).when(of(), now=ISSUES).then(its(line(3, "outcome", "completed")))


def test_what_happened_before_or_after_the_term_is_not_the_secretary_s() -> None:
    replaced = AppointmentEnded(
        appointment_id=AppointmentId("A1"), person_id=SECRETARY, unit_id=UNIT, last_day=date(2022, 7, 5)
    )
    until = (term(last=date(2022, 7, 5)),)
    the_secretary(replaced, completed()).when(of(), now=ISSUES).then(its(terms=until))
    past = given(PERSON, office(first=DAY_2022)).and_(completed(), when=IN_2022)
    past.when(of(), now=ISSUES).then(its(line(3, "outcome", "completed"), terms=(term(first=DAY_2022),)))


def test_the_secretary_of_two_units_answers_for_both_in_turn() -> None:
    past = given(PERSON, office(last=date(2022, 3, 31)), office(unit_id="BR-2", first=date(2022, 4, 1), n=2))
    second = completed(application_id=SECOND, unit_id=branch(SECOND))
    past = past.and_(completed(), second, when=IN_2022)
    terms = (term(last=date(2022, 3, 31)), term("BR-2", first=date(2022, 4, 1)))
    past.when(of(), now=ISSUES).then(its(line(5, "outcome", "completed", application_id=SECOND), terms=terms))


def test_measures_against_the_person_are_told_wherever_the_person_serves() -> None:
    own = measured("interview", application_id=None, unit_id=None, person_id=SECRETARY, concerned="leader")
    the_secretary(own).when(of(), now=ISSUES).then(its(line(3, "measure", "interview", "not_met", application_id=None)))


def test_who_was_secretary_of_no_unit_in_the_year_has_no_dossier_of_it() -> None:
    for offices in ([], [office("applicant")], [office(first=date(2023, 1, 1))], [office(last=date(2021, 12, 31))]):
        past = given(PERSON, *offices)
        past.when(of(), now=ISSUES).refused(NoSecretaryThatYear, person_id=SECRETARY, year=2022)


def test_a_secretary_s_dossier_is_issued_once_for_the_same_and_under_an_id_of_its_own() -> None:
    past = the_secretary(its())
    past.when(of(dossier_id=OTHER), now=ISSUES).then()
    past.and_(completed(), when=IN_2022).when(of(dossier_id=OTHER), now=ISSUES).then(
        its(line(4, "outcome", "completed"), dossier_id=OTHER, follows=DOSSIER)
    )
    past.when(of(), now=ISSUES).refused(DossierIdUsed, dossier_id=DOSSIER)
    the_secretary(issued()).when(of(), now=ISSUES).refused(DossierIdUsed)
    the_secretary(its(year=2021)).when(of(dossier_id=OTHER), now=ISSUES).then(its(dossier_id=OTHER))
    given(office()).when(of(), now=ISSUES).refused(PersonUnknown, person_id=SECRETARY)
    the_secretary().when(of(year=2023), now=ISSUES).refused(YearNotBegun)
    the_secretary().when(of(uses=()), now=ISSUES).refused(UsesMissing)


def test_the_offices_of_whoever_issues_it_are_no_matter() -> None:
    """The door reads the caller's own offices with every command, and hands them over with the rest of the past."""
    clerk = PersonId("00000000-0000-0000-0000-0000000000cc")
    own = Appointed(
        appointment_id=AppointmentId("C1"), person_id=clerk, role="secretary", unit_id=UNIT, first_day=date(2018, 1, 1)
    )
    asked = the_secretary().when(of(), now=ISSUES)
    replay(asked.command, given(own).log)
    asked.then(its())


def test_a_replacement_or_a_fact_meanwhile_is_a_race_and_another_person_s_is_not() -> None:
    asked = the_secretary().when(of(), now=ISSUES)
    asked.meanwhile(office(n=2), completed(), conferred(), its()).is_raced()
    stranger = PersonId("00000000-0000-0000-0000-0000000000dd")
    elsewhere = Appointed(
        appointment_id=AppointmentId("D1"), person_id=stranger, role="secretary", unit_id=UnitId("BR-2"),
        first_day=date(2018, 1, 1),
    )  # fmt: skip
    another = completed(application_id=SECOND, unit_id=branch(SECOND))
    asked.meanwhile(elsewhere, another).is_undisturbed()
