"""Accountability: a finding is heard before anything is decided; a measure has its days, its appeal and its end."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from domain.accountability.appeal import (
    AmendedToWorse,
    Amendment,
    AppealedBefore,
    AppealTooLate,
    DismissAppeal,
    LodgeAppeal,
    NothingAmended,
    UpholdAppeal,
    WithdrawAppeal,
)
from domain.accountability.commands import (
    ConcernedAmiss,
    DefineAccountabilityRule,
    DropFinding,
    FindingAlreadyRecorded,
    FindingEvidenceTwice,
    FindingWithoutEvidence,
    NotifyFinding,
    ReceiveStatement,
    RecordFinding,
    WaiveHearing,
)
from domain.accountability.measure import (
    CircularAlreadyIssued,
    CommitteeRuleMissing,
    DecideMeasure,
    DesignationOfAnotherCase,
    EndMeasure,
    HearingStillOpen,
    IssueCircular,
    LiftMeasure,
    MeasureEndedAlready,
    MeasureEndsBeforeItBegins,
    MeasureHasNo,
    MeasureHasNoEnd,
    MeasureLacks,
    MeasureNotAtOnce,
    MeasureRetroactive,
    MeasureStillRuns,
    NoSuchFigure,
    NotACircular,
    NothingToSuspend,
    TitleNotHeld,
    VoteMissing,
)
from domain.accountability.policy import (
    AccountabilityRuleMissing,
    FindingUnknown,
    MeasureIdUsed,
    Measures,
    MeasureUnknown,
)
from domain.accountability.referral import NotifyReferralOutcome, ReferMatter, ReferralUnknown
from domain.calendar.events import WorkingDaysSupplied
from domain.calendar.policy import CalendarMissing, PeriodOfNoDays
from domain.cultivation.policy import CaseUnknown
from domain.designation.policy import DesignationUnknown
from domain.document.policy import DocumentUnknown
from domain.ids import CalendarYear, DesignationId, FindingId, MeasureId, PersonId, ProgrammeId, UnitId
from domain.kernel import Event
from domain.permission.policy import NotInThisState
from domain.person.policy import PersonUnknown
from domain.programme.policy import ProgrammeUnknown
from domain.publicity.policy import SecondPersonMissing
from domain.selection.policy import QuorumNotReached, Vote
from domain.unit.policy import UnitUnknown
from tests.call import CALL, CLERK, HEAD, PAPER, the_call
from tests.committee import FIRST, SECOND, VOTE, branch, confirmed
from tests.consequences import (
    APPEAL_CLOSES,
    APPEAL_UNTIL,
    APPEALS,
    DECIDED_ON,
    DECIDES,
    DESIGNATION,
    EVIDENCE,
    FINDING,
    HEARD_UNTIL,
    HEARING_CLOSES,
    LATE,
    MEASURE,
    OTHER_HEAD,
    SECRETARY,
    SECRETARY_ALONE,
    SETTLED_ON,
    SETTLES,
    UNSEEN,
    against,
    amended,
    answered,
    appealed,
    assessed,
    circulated,
    completed,
    conferred,
    dismissed,
    dropped,
    ended,
    found,
    given_up,
    lifted,
    measured,
    notified,
    procedure,
    referred,
    revoked,
    rule_at,
    stated,
    the_appeal,
    the_finding,
    the_hearing,
    the_measure,
    the_rules,
    upheld,
    waived,
)
from tests.spec import INSTITUTION, Past, at

OTHER_MEASURE, OTHER_FINDING = MeasureId("M-2"), FindingId("F-2")


# --- the rule ---------------------------------------------------------------------------------------------------------


def define(**changes: Any) -> DefineAccountabilityRule:
    return DefineAccountabilityRule(**(procedure().as_dict() | changes))


def test_a_rule_is_defined_and_defined_anew() -> None:
    later = procedure(by_committee=("bar", "quota_cut"))
    the_call().when(define()).then(procedure()).when(define(by_committee=("quota_cut", "bar", "bar"))).then(later)


def test_the_same_rule_again_changes_nothing() -> None:
    the_call().and_(procedure()).when(define()).then()


def test_a_rule_is_for_a_programme_that_was_announced_and_its_periods_have_days() -> None:
    the_call().when(define(programme_id=ProgrammeId("other"))).refused(ProgrammeUnknown)
    for name in ("statement_within_days", "appeal_within_days", "decide_within_days"):
        the_call().when(define(**{name: 0})).refused(PeriodOfNoDays, field=name, length=0)


def test_appeals_need_not_be_limited_in_time() -> None:
    open_ended = procedure(appeal_within_days=None, decide_within_days=None)
    the_call().when(define(appeal_within_days=None, decide_within_days=None)).then(open_ended)


def test_another_rule_meanwhile_is_a_race_and_another_programme_is_not() -> None:
    the_call().when(define()).meanwhile(procedure(decide_within_days=1)).is_raced()
    the_call().when(define()).meanwhile(procedure(programme_id=ProgrammeId("other"))).is_undisturbed()


# --- a finding --------------------------------------------------------------------------------------------------------


def worked_as_usual() -> WorkingDaysSupplied:
    year = CalendarYear(2022)
    return WorkingDaysSupplied(institution_id=INSTITUTION, year=year, days_off=(), days_worked=(), source="published")


def find(**changes: Any) -> RecordFinding:
    return RecordFinding(**(found().as_dict() | changes))


def test_a_finding_is_recorded_with_its_evidence() -> None:
    the_rules().when(find()).then(found())


def test_a_finding_may_be_against_the_parent_or_without_a_case() -> None:
    parent = {"concerned": "parent", "unit_id": UnitId("COL"), "application_id": None}
    the_rules().when(find(**parent)).then(found(**parent))


@pytest.mark.parametrize("concerned", ["leader", "adviser"])
def test_a_finding_may_be_against_a_person(concerned: Any) -> None:
    person = {**SECRETARY_ALONE, "concerned": concerned}
    the_rules().when(find(**person)).then(found(**person))


@pytest.mark.parametrize(
    "changes",
    [
        {"concerned": "leader"},
        {"concerned": "leader", "unit_id": None},
        {"concerned": "unit", "unit_id": None},
        {"concerned": "parent", "person_id": SECRETARY},
        {"concerned": "adviser", "person_id": SECRETARY},
    ],
)
def test_a_finding_names_exactly_whom_it_is_against(changes: Any) -> None:
    the_rules().when(find(**changes)).refused(ConcernedAmiss, concerned=changes["concerned"])


def test_whom_a_finding_is_against_is_on_record() -> None:
    the_rules().when(find(unit_id=UnitId("none-such"))).refused(UnitUnknown, unit_id="none-such")
    stranger = PersonId("00000000-0000-0000-0000-0000000000ff")
    person = {**SECRETARY_ALONE, "concerned": "leader", "person_id": stranger}
    the_rules().when(find(**person)).refused(PersonUnknown, person_id=stranger)


def test_a_case_that_is_named_was_confirmed_in_this_programme() -> None:
    the_rules().when(find(application_id=SECOND)).refused(CaseUnknown, application_id=SECOND)
    elsewhere = msgspec.structs.replace(confirmed(SECOND), programme_id=ProgrammeId("other"))
    the_rules().and_(elsewhere).when(find(application_id=SECOND)).refused(CaseUnknown)
    the_rules().when(find(programme_id=ProgrammeId("other"))).refused(ProgrammeUnknown)


def test_a_finding_rests_on_documents_that_are_there() -> None:
    the_rules().when(find(evidence_document_ids=())).refused(FindingWithoutEvidence)
    the_rules().when(find(evidence_document_ids=(EVIDENCE, EVIDENCE))).refused(
        FindingEvidenceTwice, document_id=EVIDENCE
    )
    the_rules().when(find(evidence_document_ids=(EVIDENCE, UNSEEN))).refused(DocumentUnknown, document_id=UNSEEN)


def test_a_finding_is_recorded_once() -> None:
    the_finding().when(find()).refused(FindingAlreadyRecorded, finding_id=FINDING)


def test_the_same_id_meanwhile_is_a_race_and_another_finding_is_not() -> None:
    the_rules().when(find()).meanwhile(found()).is_raced()
    the_rules().when(find()).meanwhile(found(finding_id=OTHER_FINDING)).is_undisturbed()


# --- the hearing ------------------------------------------------------------------------------------------------------


def notify(**changes: Any) -> NotifyFinding:
    return NotifyFinding(**({"finding_id": FINDING, "notice_document_id": PAPER} | changes))


def receive(**changes: Any) -> ReceiveStatement:
    return ReceiveStatement(**({"finding_id": FINDING, "statement_document_id": PAPER} | changes))


def waive(**changes: Any) -> WaiveHearing:
    return WaiveHearing(**({"finding_id": FINDING, "waiver_document_id": PAPER} | changes))


def drop(finding_id: FindingId = FINDING) -> DropFinding:
    return DropFinding(finding_id=finding_id)


def test_whom_it_is_against_is_notified_and_has_time() -> None:
    the_finding().when(notify(), now=LATE).then(notified())


def test_time_in_working_days_needs_the_calendar() -> None:
    past = the_finding().and_(procedure(day_rule="working"))
    past.when(notify(), now=LATE).refused(CalendarMissing, year=2022)


def test_working_days_are_counted_by_the_calendar() -> None:
    past = the_rules().and_(procedure(day_rule="working"), worked_as_usual(), found(), when=LATE)
    heard = notified(last_day=date(2022, 7, 7), closes_at=at("2022-07-08 00:00"))
    past.when(notify(), now=LATE).then(heard)
    past = past.and_(heard, waived(), when=LATE)
    until = {"appeal_last_day": date(2022, 7, 27), "appeal_closes_at": at("2022-07-28 00:00")}
    decided = measured(rule_position=rule_at(past), **until)
    past = past.when(decide(), by=HEAD, now=DECIDES).then(decided)
    due: Any = {"due_day": date(2022, 8, 23), "due_at": at("2022-08-24 00:00")}
    past.when(lodge(), now=APPEALS).then(appealed(**due))


def test_nobody_is_notified_without_a_rule_or_a_notice() -> None:
    bare = the_call().and_(confirmed(), found())
    bare.when(notify(), now=LATE).refused(AccountabilityRuleMissing, programme_id=CALL)
    the_finding().when(notify(notice_document_id=UNSEEN), now=LATE).refused(DocumentUnknown)
    the_finding().when(notify(finding_id=OTHER_FINDING), now=LATE).refused(FindingUnknown)
    the_hearing().when(notify(), now=LATE).refused(NotInThisState, state="stated")


def test_a_notice_meanwhile_or_another_rule_is_a_race_and_another_finding_is_not() -> None:
    asked = the_finding().when(notify(), now=LATE)
    asked.meanwhile(notified(), procedure(statement_within_days=9)).is_raced()
    asked.meanwhile(notified(finding_id=OTHER_FINDING)).is_undisturbed()


def test_a_statement_is_received_until_something_is_decided() -> None:
    heard = the_finding().and_(notified(), when=LATE)
    heard.when(receive(), now=LATE).then(stated()).when(receive(), now=DECIDES).then(stated())
    heard.when(receive(statement_document_id=UNSEEN), now=LATE).refused(DocumentUnknown)
    the_finding().when(receive(), now=LATE).refused(NotInThisState, state="recorded")
    the_measure().when(receive(), now=DECIDES).refused(NotInThisState, state="decided")
    heard.when(receive(finding_id=OTHER_FINDING), now=LATE).refused(FindingUnknown)


def test_the_hand_of_the_unit_itself_may_hand_in_its_statement() -> None:
    assert the_hearing().when(receive()).command.unit_id == "BR-1"  # type: ignore[attr-defined]
    assert the_rules().when(receive()).command.unit_id is None  # type: ignore[attr-defined]


def test_a_hearing_is_waived_in_writing() -> None:
    heard = the_finding().and_(notified(), when=LATE)
    heard.when(waive(), now=LATE).then(waived())
    heard.when(waive(waiver_document_id=UNSEEN), now=LATE).refused(DocumentUnknown)
    heard.when(waive(finding_id=OTHER_FINDING), now=LATE).refused(FindingUnknown)
    the_hearing().when(waive(), now=LATE).refused(NotInThisState, state="stated")


def test_a_finding_is_dropped_before_anything_is_decided() -> None:
    the_hearing().when(drop(), now=LATE).then(dropped())
    the_measure().when(drop(), now=DECIDES).refused(NotInThisState, state="decided")
    the_rules().when(drop(OTHER_FINDING)).refused(FindingUnknown, finding_id=OTHER_FINDING)


@pytest.mark.parametrize("command", [receive(), waive(), drop()], ids=lambda c: type(c).__name__)
def test_a_hearing_that_ends_meanwhile_is_a_race_and_another_is_not(command: Any) -> None:
    asked = the_finding().and_(notified(), when=LATE).when(command, now=LATE)
    asked.meanwhile(stated(), waived(), dropped(), measured()).is_raced()
    asked.meanwhile(stated(finding_id=OTHER_FINDING), measured(finding_id=OTHER_FINDING)).is_undisturbed()


# --- the decision -----------------------------------------------------------------------------------------------------


def decide(kind: Any = "bar", **changes: Any) -> DecideMeasure:
    fields: dict[str, Any] = {
        "finding_id": FINDING, "measure_id": MEASURE, "kind": kind, "from_on": DECIDED_ON,
        "decision_document_id": PAPER,
    }  # fmt: skip
    return DecideMeasure(**(fields | changes))


def decides(past: Past, command: DecideMeasure, **more: Any) -> Any:
    return past.when(command, by=HEAD, now=DECIDES, **more)


def test_a_measure_is_decided_after_the_hearing() -> None:
    past = the_hearing()
    decides(past, decide()).then(measured(rule_position=rule_at(past)))
    for heard in (waived(), notified()):
        past = the_hearing(heard)
        decides(past, decide()).then(measured(rule_position=rule_at(past)))


def test_nothing_is_decided_while_a_statement_may_still_come() -> None:
    past = the_finding().and_(notified(), when=LATE)
    early = past.when(decide(from_on=HEARD_UNTIL), by=HEAD, now=HEARING_CLOSES - timedelta(seconds=1))
    early.refused(HearingStillOpen, last_day=HEARD_UNTIL, closes_at=HEARING_CLOSES)
    decides(the_finding(), decide()).refused(NotInThisState, state="recorded")
    decides(the_hearing(dropped()), decide()).refused(NotInThisState, state="dropped")
    decides(the_rules(), decide()).refused(FindingUnknown, finding_id=FINDING)


def test_several_measures_may_follow_from_one_finding_each_under_an_id_of_its_own() -> None:
    past = the_measure()
    second = measured("circular", measure_id=OTHER_MEASURE, rule_position=rule_at(past))
    decides(past, decide("circular", measure_id=OTHER_MEASURE)).then(second)
    decides(past, decide("circular")).refused(MeasureIdUsed, measure_id=MEASURE)
    decides(the_hearing().and_(referred()), decide()).refused(MeasureIdUsed, measure_id=MEASURE)
    elsewhere = the_hearing().and_(measured(finding_id=OTHER_FINDING))
    decides(elsewhere, decide()).refused(MeasureIdUsed, measure_id=MEASURE)


def test_whoever_recorded_the_finding_does_not_decide() -> None:
    the_hearing().when(decide(), by=CLERK, now=DECIDES).refused(SecondPersonMissing, act="DecideMeasure")


def test_a_measure_rests_on_a_rule_and_on_a_decision() -> None:
    bare = the_call().and_(confirmed(), found(), notified(), stated())
    decides(bare, decide()).refused(AccountabilityRuleMissing, programme_id=CALL)
    decides(the_hearing(), decide(decision_document_id=UNSEEN)).refused(DocumentUnknown)


def test_an_appeal_without_a_limit_has_none_written_down() -> None:
    past = the_hearing().and_(procedure(appeal_within_days=None))
    unlimited = measured(rule_position=rule_at(past), appeal_closes_at=None, appeal_last_day=None)
    decides(past, decide()).then(unlimited)


def test_what_only_a_committee_decides_needs_its_vote() -> None:
    past = the_hearing().and_(procedure(by_committee=("bar",)))
    decides(past, decide()).refused(VoteMissing, measure_kind="bar")
    voted = measured(rule_position=rule_at(past), **msgspec.structs.asdict(VOTE))
    decides(past, decide(vote=VOTE)).then(voted)
    few = Vote(entitled=9, attending=5, in_favour=5, against=0, abstaining=0)
    decides(past, decide(vote=few)).refused(QuorumNotReached, attending=5)


def test_a_vote_is_counted_by_the_rule_of_the_committee() -> None:
    bare = the_call().and_(confirmed(), found(), notified(), stated(), procedure())
    decides(bare, decide(vote=VOTE)).refused(CommitteeRuleMissing, programme_id=CALL)


ENDS = date(2024, 7, 5)


@pytest.mark.parametrize(
    ("kind", "figures"),
    [
        ("circular", {}),
        ("interview", {}),
        ("rectification", {"until_on": ENDS}),
        ("stop_money", {}),
        ("stop_money", {"until_on": ENDS}),
        ("recover_money", {"amount_fen": 270_000}),
        ("bar", {"until_on": ENDS}),
        ("quota_cut", {"places": 1, "until_on": ENDS}),
    ],
)
def test_each_kind_of_measure_has_its_figures(kind: Any, figures: Any) -> None:
    past = the_hearing()
    ends_at = {"ends_at": at("2024-07-06 00:00")} if "until_on" in figures else {}
    decides(past, decide(kind, **figures)).then(measured(kind, rule_position=rule_at(past), **figures, **ends_at))


@pytest.mark.parametrize(
    ("kind", "lacks"),
    [
        ("rectification", "until_on"),
        ("recover_money", "amount_fen"),
        ("quota_cut", "places"),
        ("title_revocation", "designation_id"),
    ],
)
def test_a_measure_without_what_it_needs_is_refused(kind: Any, lacks: str) -> None:
    decides(the_hearing(), decide(kind)).refused(MeasureLacks, measure_kind=kind, lacks=lacks)


def test_money_and_titles_are_those_of_a_case_and_places_those_of_a_unit() -> None:
    no_case = the_hearing(**against(None))
    decides(no_case, decide("stop_money")).refused(MeasureLacks, lacks="application_id")
    person = the_hearing(**(SECRETARY_ALONE | {"concerned": "leader"}))
    decides(person, decide("quota_cut", places=1)).refused(MeasureLacks, lacks="unit_id")


@pytest.mark.parametrize(
    ("kind", "figures", "named"),
    [
        ("circular", {"until_on": ENDS}, "until_on"),
        ("bar", {"places": 1}, "places"),
        ("stop_money", {"amount_fen": 1}, "amount_fen"),
        ("bar", {"designation_id": DESIGNATION}, "designation_id"),
    ],
)
def test_a_measure_with_what_it_has_not_is_refused(kind: Any, figures: Any, named: str) -> None:
    decides(the_hearing(), decide(kind, **figures)).refused(MeasureHasNo, measure_kind=kind, named=named)


def test_figures_are_positive() -> None:
    decides(the_hearing(), decide("recover_money", amount_fen=0)).refused(NoSuchFigure, figure=0)
    decides(the_hearing(), decide("quota_cut", places=-1)).refused(NoSuchFigure, figure=-1)


def test_a_measure_does_not_hold_before_it_was_decided_nor_end_before_it_begins() -> None:
    before = DECIDED_ON - timedelta(days=1)
    decides(the_hearing(), decide(from_on=before)).refused(MeasureRetroactive, from_on=before, decided_on=DECIDED_ON)
    decides(the_hearing(), decide(until_on=before)).refused(MeasureEndsBeforeItBegins, until_on=before)


def test_an_appeal_suspends_what_the_decision_says_and_what_can_be_suspended() -> None:
    past = the_hearing()
    decides(past, decide(appeal_suspends=True)).then(measured(rule_position=rule_at(past), appeal_suspends=True))
    for kind in ("circular", "interview"):
        decides(past, decide(kind, appeal_suspends=True)).refused(NothingToSuspend, measure_kind=kind)


def the_titled(*later: Event) -> Past:
    past = the_hearing().and_(assessed("complete", "title"), completed(), conferred(), when=LATE)
    return past.and_(*later, when=LATE)


def test_a_title_is_revoked_at_once() -> None:
    past = the_titled()
    revocation = decide("title_revocation", designation_id=DESIGNATION)
    decided = measured("title_revocation", rule_position=rule_at(past), designation_id=DESIGNATION)
    decides(past, revocation).then(decided)
    later = decide("title_revocation", designation_id=DESIGNATION, from_on=DECIDED_ON + timedelta(days=1))
    decides(past, later).refused(MeasureNotAtOnce, decided_on=DECIDED_ON)


def test_only_a_title_of_the_case_that_is_held_is_revoked() -> None:
    revocation = decide("title_revocation", designation_id=DESIGNATION)
    decides(the_hearing(), revocation).refused(DesignationUnknown, designation_id=DESIGNATION)
    decides(the_titled(revoked()), revocation).refused(TitleNotHeld, state="revoked")
    another = the_hearing().and_(conferred(application_id=SECOND, unit_id=branch(SECOND)))
    decides(another, revocation).refused(DesignationOfAnotherCase, application_id=FIRST)


def test_another_rule_hearing_or_title_meanwhile_is_a_race_and_another_finding_is_not() -> None:
    asked = decides(the_titled(), decide("title_revocation", designation_id=DESIGNATION))
    asked.meanwhile(procedure(by_committee=("bar",)), dropped(), revoked(), measured()).is_raced()
    elsewhere = measured(finding_id=OTHER_FINDING, measure_id=OTHER_MEASURE)
    asked.meanwhile(stated(finding_id=OTHER_FINDING), elsewhere, conferred(designation_id=DesignationId("T-2")))
    neighbour = decides(the_titled(), decide())
    neighbour.meanwhile(stated(finding_id=OTHER_FINDING), elsewhere).is_undisturbed()


# --- a referral -------------------------------------------------------------------------------------------------------


def refer(**changes: Any) -> ReferMatter:
    fields = {
        "finding_id": FINDING, "measure_id": MEASURE, "referred_to": "discipline_commission",
        "decision_document_id": PAPER,
    }  # fmt: skip
    return ReferMatter(**(fields | changes))


def answer(**changes: Any) -> NotifyReferralOutcome:
    return NotifyReferralOutcome(
        **({"measure_id": MEASURE, "outcome": "warning", "outcome_document_id": PAPER} | changes)
    )


def test_discipline_is_referred_and_not_decided() -> None:
    the_finding().when(refer(), now=DECIDES).then(referred())
    the_measure().when(refer(measure_id=OTHER_MEASURE), now=DECIDES).then(referred(measure_id=OTHER_MEASURE))
    the_measure().when(refer(), now=DECIDES).refused(MeasureIdUsed)
    the_finding().and_(referred()).when(refer(), now=DECIDES).refused(MeasureIdUsed)
    other = the_finding().and_(measured(finding_id=OTHER_FINDING))
    other.when(refer(), now=DECIDES).refused(MeasureIdUsed)
    the_finding().when(refer(decision_document_id=UNSEEN), now=DECIDES).refused(DocumentUnknown)
    the_hearing(dropped()).when(refer(), now=DECIDES).refused(NotInThisState, state="dropped")
    the_rules().when(refer(), now=DECIDES).refused(FindingUnknown)


def test_its_outcome_is_recorded_as_it_was_notified_and_once() -> None:
    past = the_finding().and_(referred())
    past.when(answer(), now=SETTLES).then(answered())
    past.when(answer(outcome_document_id=UNSEEN), now=SETTLES).refused(DocumentUnknown)
    past.and_(answered()).when(answer(), now=SETTLES).refused(NotInThisState, state="notified")
    the_measure().when(answer(), now=SETTLES).refused(ReferralUnknown, measure_id=MEASURE)


def test_a_finding_does_not_tell_that_it_was_referred() -> None:
    past = the_finding().and_(referred())
    past.when(notify(), now=LATE).then(notified())


def test_the_same_referral_meanwhile_is_a_race_and_another_is_not() -> None:
    the_finding().when(refer(), now=DECIDES).meanwhile(referred(), dropped()).is_raced()
    apart = referred(measure_id=OTHER_MEASURE, finding_id=OTHER_FINDING)
    the_finding().when(refer(), now=DECIDES).meanwhile(apart).is_undisturbed()
    asked = the_finding().and_(referred()).when(answer(), now=SETTLES)
    asked.meanwhile(answered()).is_raced()
    asked.meanwhile(answered(measure_id=OTHER_MEASURE)).is_undisturbed()


# --- the circular -----------------------------------------------------------------------------------------------------


def issue(**changes: Any) -> IssueCircular:
    return IssueCircular(**({"measure_id": MEASURE, "circular_document_id": PAPER} | changes))


def test_a_circular_is_issued_once() -> None:
    the_measure("circular").when(issue(), now=DECIDES).then(circulated())
    the_measure("circular", circulated()).when(issue(), now=DECIDES).refused(CircularAlreadyIssued)
    the_measure("circular").when(issue(circular_document_id=UNSEEN), now=DECIDES).refused(DocumentUnknown)
    the_measure("bar").when(issue(), now=DECIDES).refused(NotACircular, measure_kind="bar")
    the_measure("circular", lifted("circular")).when(issue(), now=SETTLES).refused(NotInThisState, state="lifted")
    the_rules().when(issue()).refused(MeasureUnknown, measure_id=MEASURE)


def test_the_same_circular_meanwhile_is_a_race_and_another_is_not() -> None:
    asked = the_measure("circular").when(issue(), now=DECIDES)
    asked.meanwhile(circulated(), lifted("circular")).is_raced()
    asked.meanwhile(circulated(measure_id=OTHER_MEASURE)).is_undisturbed()


# --- the appeal -------------------------------------------------------------------------------------------------------


def lodge(**changes: Any) -> LodgeAppeal:
    return LodgeAppeal(**({"measure_id": MEASURE, "appeal_document_id": PAPER} | changes))


def uphold(**changes: Any) -> UpholdAppeal:
    return UpholdAppeal(**({"measure_id": MEASURE, "decision_document_id": PAPER} | changes))


def dismiss(**changes: Any) -> DismissAppeal:
    return DismissAppeal(**({"measure_id": MEASURE, "decision_document_id": PAPER} | changes))


def settles(past: Past, command: Any) -> Any:
    return past.when(command, by=OTHER_HEAD, now=SETTLES)


def test_an_appeal_is_lodged_in_time_and_is_to_be_decided_by_a_day() -> None:
    the_measure().when(lodge(), now=APPEALS).then(appealed())
    last = the_measure().when(lodge(), now=APPEAL_CLOSES)
    last.refused(AppealTooLate, last_day=APPEAL_UNTIL, closes_at=APPEAL_CLOSES)
    just = the_measure().when(lodge(), now=APPEAL_CLOSES - timedelta(seconds=1), effective=APPEALS)
    just.then(appealed(due_at=at("2022-08-21 00:00"), due_day=date(2022, 8, 20)))


def test_an_appeal_suspends_nothing_unless_the_decision_says_so() -> None:
    the_measure(appeal_suspends=True).when(lodge(), now=APPEALS).then(appealed(suspends=True))


def test_the_rule_under_which_it_was_decided_says_by_when_an_appeal_is() -> None:
    unsaid = procedure(decide_within_days=None)
    the_measure("bar", unsaid).when(lodge(), now=APPEALS).then(appealed())
    past = the_hearing().and_(unsaid)
    past = past.and_(measured(rule_position=rule_at(past)), by=HEAD, when=DECIDES)
    past.when(lodge(), now=APPEALS).then(appealed(due_at=None, due_day=None))


def test_an_appeal_without_a_limit_is_possible_as_long_as_the_measure_stands() -> None:
    unlimited = the_measure(appeal_closes_at=None, appeal_last_day=None)
    later = at("2023-06-01 10:00")
    due: Any = {"due_at": at("2023-07-02 00:00"), "due_day": date(2023, 7, 1), "lodged_on": date(2023, 6, 1)}
    unlimited.when(lodge(), now=later).then(appealed(**due))


def test_a_measure_is_appealed_once() -> None:
    the_appeal().when(lodge(), now=APPEALS).refused(NotInThisState, state="appealed")
    short = the_appeal("bar", dismissed(), ended(until_on=DECIDED_ON), until_on=DECIDED_ON)
    short.when(lodge(), now=APPEALS).refused(AppealedBefore, measure_id=MEASURE)
    the_appeal("bar", dismissed()).when(lodge(), now=APPEALS).refused(NotInThisState, state="settled")
    the_measure().when(lodge(appeal_document_id=UNSEEN), now=APPEALS).refused(DocumentUnknown)
    the_rules().when(lodge(), now=APPEALS).refused(MeasureUnknown)


def test_the_hand_of_the_unit_that_is_hit_may_appeal() -> None:
    assert the_measure().when(lodge()).command.unit_id == "BR-1"  # type: ignore[attr-defined]
    assert the_rules().when(lodge()).command.unit_id is None  # type: ignore[attr-defined]


def test_an_appeal_or_a_lifting_meanwhile_is_a_race_and_another_measure_is_not() -> None:
    asked = the_measure().when(lodge(), now=APPEALS)
    asked.meanwhile(appealed(), lifted(), procedure()).is_raced()
    asked.meanwhile(appealed(measure_id=OTHER_MEASURE)).is_undisturbed()


def test_an_appeal_that_is_upheld_lifts_the_measure() -> None:
    settles(the_appeal(), uphold()).then(upheld(), lifted())


def test_an_appeal_that_is_upheld_may_amend_it() -> None:
    shorter = Amendment(until_on=ENDS)
    changed = amended(until_on=ENDS, ends_at=at("2024-07-06 00:00"))
    settles(the_appeal(), uphold(amended=shorter)).then(upheld("amended"), changed)
    less = the_appeal("recover_money", amount_fen=270_000)
    settles(less, uphold(amended=Amendment(amount_fen=1_000))).then(
        upheld("amended"), amended("recover_money", amount_fen=1_000)
    )


def test_an_amendment_has_the_figures_of_its_kind_and_amends_something() -> None:
    settles(the_appeal(), uphold(amended=Amendment(places=1))).refused(MeasureHasNo, named="places")
    cut = the_appeal("quota_cut", places=2)
    settles(cut, uphold(amended=Amendment())).refused(MeasureLacks, lacks="places")
    settles(cut, uphold(amended=Amendment(places=0))).refused(NoSuchFigure, figure=0)
    settles(cut, uphold(amended=Amendment(places=2))).refused(NothingAmended, measure_id=MEASURE)
    settles(the_appeal(), uphold(amended=Amendment())).refused(NothingAmended)
    too_soon = Amendment(until_on=date(2022, 7, 1))
    settles(the_appeal(), uphold(amended=too_soon)).refused(MeasureEndsBeforeItBegins)


def test_an_appeal_makes_no_measure_heavier() -> None:
    less, more = date(2023, 7, 5), date(2025, 7, 5)
    of_the_unit = the_appeal("bar", until_on=ENDS)
    heavier = settles(of_the_unit, uphold(amended=Amendment(until_on=more)))
    heavier.refused(AmendedToWorse, field="amended/until_on", standing=ENDS, asked=more)
    settles(of_the_unit, uphold(amended=Amendment())).refused(AmendedToWorse, standing=ENDS, asked=None)
    settles(the_appeal("quota_cut", places=2), uphold(amended=Amendment(places=3))).refused(AmendedToWorse, asked=3)
    to_recover = the_appeal("recover_money", amount_fen=1_000)
    settles(to_recover, uphold(amended=Amendment(amount_fen=1_001))).refused(AmendedToWorse, standing=1_000)
    to_mend = the_appeal("rectification", until_on=ENDS)
    settles(to_mend, uphold(amended=Amendment(until_on=less))).refused(AmendedToWorse, asked=less)
    longer = amended("rectification", until_on=more, ends_at=at("2025-07-06 00:00"))
    settles(to_mend, uphold(amended=Amendment(until_on=more))).then(upheld("amended"), longer)


def test_an_appeal_is_dismissed_or_withdrawn_and_the_measure_stands() -> None:
    settles(the_appeal(), dismiss()).then(dismissed())
    the_appeal().when(WithdrawAppeal(measure_id=MEASURE), now=SETTLES).then(given_up())


@pytest.mark.parametrize("command", [uphold(), dismiss()], ids=lambda c: type(c).__name__)
def test_whoever_decided_the_measure_does_not_decide_the_appeal(command: Any) -> None:
    the_appeal().when(command, by=HEAD, now=SETTLES).refused(SecondPersonMissing, act=type(command).__name__)
    settles(the_measure(), command).refused(NotInThisState, state="decided")
    settles(the_rules(), command).refused(MeasureUnknown)


def test_an_appeal_is_decided_by_a_document() -> None:
    settles(the_appeal(), uphold(decision_document_id=UNSEEN)).refused(DocumentUnknown)
    settles(the_appeal(), dismiss(decision_document_id=UNSEEN)).refused(DocumentUnknown)
    the_measure().when(WithdrawAppeal(measure_id=MEASURE)).refused(NotInThisState, state="decided")
    the_rules().when(WithdrawAppeal(measure_id=MEASURE)).refused(MeasureUnknown)


@pytest.mark.parametrize(
    "command", [uphold(), dismiss(), WithdrawAppeal(measure_id=MEASURE)], ids=lambda c: type(c).__name__
)
def test_an_appeal_settled_meanwhile_is_a_race_and_another_is_not(command: Any) -> None:
    asked = settles(the_appeal(), command)
    asked.meanwhile(upheld(), dismissed(), given_up()).is_raced()
    asked.meanwhile(dismissed(measure_id=OTHER_MEASURE)).is_undisturbed()


# --- the end ----------------------------------------------------------------------------------------------------------


def lift(**changes: Any) -> LiftMeasure:
    return LiftMeasure(**({"measure_id": MEASURE, "ground": "rectified", "decision_document_id": PAPER} | changes))


END = EndMeasure(measure_id=MEASURE)
ENDS_AT = at("2024-07-06 00:00")


def the_term(*later: Event) -> Past:
    return the_measure("bar", *later, until_on=ENDS, ends_at=ENDS_AT)


def test_a_measure_is_lifted_by_a_decision() -> None:
    the_measure().when(lift(), now=SETTLES).then(lifted(ground="rectified"))
    the_appeal("bar", dismissed()).when(lift(), now=SETTLES).then(lifted(ground="rectified"))
    the_appeal().when(lift(), now=SETTLES).refused(NotInThisState, state="appealed")
    the_measure("bar", lifted()).when(lift(), now=SETTLES).refused(NotInThisState, state="lifted")
    the_measure().when(lift(decision_document_id=UNSEEN), now=SETTLES).refused(DocumentUnknown)
    the_rules().when(lift(), now=SETTLES).refused(MeasureUnknown)


def test_a_measure_ends_by_its_term() -> None:
    the_term().when(END, now=ENDS_AT).then(ended())
    still = the_term().when(END, now=ENDS_AT - timedelta(seconds=1))
    still.refused(MeasureStillRuns, until_on=ENDS, ends_at=ENDS_AT)
    the_term(ended()).when(END, now=ENDS_AT).refused(NotInThisState, state="ended")
    the_measure().when(END, now=ENDS_AT).refused(MeasureHasNoEnd, measure_id=MEASURE)
    the_rules().when(END, now=ENDS_AT).refused(MeasureUnknown)


def test_a_measure_may_end_while_its_appeal_runs_and_is_decided_all_the_same() -> None:
    past = the_term(appealed())
    past.when(END, now=ENDS_AT).then(ended())
    over = past.and_(ended(), when=ENDS_AT)
    over.when(END, now=ENDS_AT).refused(MeasureEndedAlready, measure_id=MEASURE)
    settles(over, dismiss()).then(dismissed())


def test_an_amended_measure_ends_by_its_new_term() -> None:
    later = amended(until_on=date(2025, 7, 5), ends_at=at("2025-07-06 00:00"))
    past = the_term(appealed(), ended(), upheld("amended"), later)
    past.when(END, now=ENDS_AT).refused(MeasureStillRuns, until_on=date(2025, 7, 5))
    past.when(END, now=at("2025-07-06 00:00")).then(ended(until_on=date(2025, 7, 5)))


@pytest.mark.parametrize("command", [lift(), END], ids=lambda c: type(c).__name__)
def test_an_appeal_or_an_end_meanwhile_is_a_race_and_that_of_another_measure_is_not(command: Any) -> None:
    asked = the_term().when(command, now=ENDS_AT)
    asked.meanwhile(appealed(), lifted(), ended()).is_raced()
    asked.meanwhile(lifted(measure_id=OTHER_MEASURE)).is_undisturbed()


# --- whether it holds on a day ----------------------------------------------------------------------------------------


def measures(*facts: Any) -> Measures:
    taken = Measures()
    for position, fact in enumerate(facts, start=1):
        taken.take(fact, HEAD, position)
    return taken


def holds(*facts: Any, kind: Any = "bar") -> Any:
    taken = measures(*facts)
    return lambda day: bool(list(taken.in_force(kind, day)))


DAY = timedelta(days=1)


def test_a_measure_holds_from_its_first_day_to_its_last() -> None:
    on = holds(measured(until_on=ENDS))
    assert [on(day) for day in (DECIDED_ON - DAY, DECIDED_ON, ENDS, ENDS + DAY)] == [False, True, True, False]
    assert holds(measured())(date(2099, 1, 1))
    assert not holds(measured("circular"))(DECIDED_ON)


def test_a_lifted_measure_holds_before_and_not_after() -> None:
    on = holds(measured(), lifted())
    assert [on(SETTLED_ON - DAY), on(SETTLED_ON)] == [True, False]


def test_an_appeal_that_suspends_interrupts_it_until_it_is_settled() -> None:
    suspending = appealed(suspends=True)
    on = holds(measured(), suspending)
    assert [on(date(2022, 7, 11)), on(date(2022, 7, 12)), on(date(2099, 1, 1))] == [True, False, False]
    on = holds(measured(), suspending, dismissed())
    assert [on(date(2022, 7, 12)), on(SETTLED_ON - DAY), on(SETTLED_ON)] == [False, False, True]
    assert holds(measured(), appealed())(date(2022, 7, 12))


def test_an_amendment_holds_from_its_day_on() -> None:
    shorter = amended(until_on=SETTLED_ON)
    on = holds(measured(), appealed(), upheld("amended"), shorter)
    assert [on(SETTLED_ON), on(SETTLED_ON + DAY)] == [True, False]
    taken = measures(measured(), appealed(), upheld("amended"), shorter)
    one = taken.require(MEASURE)
    assert [one.positions_on(day) for day in (DECIDED_ON, SETTLED_ON)] == [(1,), (1, 4)]
    cut = measures(measured("quota_cut", places=2), amended("quota_cut", places=1))
    assert [cut.places_cut("BR-1", day) for day in (DECIDED_ON - DAY, DECIDED_ON, SETTLED_ON)] == [0, 2, 1]
    assert cut.places_cut("BR-2", DECIDED_ON) == 0


@examples(
    st.lists(st.integers(0, 60), min_size=1, max_size=4), st.integers(0, 60), st.one_of(st.none(), st.integers(0, 60))
)
def test_places_cut_are_those_of_the_measures_that_hold(starts: list[int], on: int, length: int | None) -> None:
    first = date(2023, 1, 1)
    facts = [
        measured(
            "quota_cut", measure_id=MeasureId(f"M-{n}"), places=n + 1, from_on=first + start * DAY,
            until_on=None if length is None else first + (start + length) * DAY,
        )
        for n, start in enumerate(starts)
    ]  # fmt: skip
    expected = sum(n + 1 for n, start in enumerate(starts) if start <= on and (length is None or on <= start + length))
    assert measures(*facts).places_cut("BR-1", first + on * DAY) == expected
