"""Designation: outcome, completion and title are three facts; a title is decided on, renewed, revoked, lapsed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from domain.assessment.events import AssessmentDecided
from domain.calendar.policy import PeriodOfNoDays
from domain.designation.commands import (
    CaseFailed,
    CaseNotCompleted,
    ConferTitle,
    DefineTitle,
    DesignationIdUsed,
    LapseTitle,
    MeasureAsksOtherwise,
    MeasureNotLifted,
    NotRevokedByThat,
    OutcomeBearsNoTitle,
    RenewTitle,
    RestoreTitle,
    RevokeTitle,
    TitleAlreadyConferred,
    TitleHasNoEnd,
    TitleNotOfTrack,
    TitleOver,
    TitleStillValid,
    TitleUnknown,
    TitleWithoutTracks,
)
from domain.designation.policy import Designations, DesignationUnknown, months_after
from domain.document.policy import DocumentUnknown
from domain.ids import DesignationId, MeasureId, ProgrammeId, TrackId
from domain.kernel import Refusal
from domain.permission.policy import NotInThisState
from domain.programme.policy import ProgrammeUnknown, TrackUnknown
from tests.call import BRANCH_TRACK, COLLEGE_TRACK, PAPER, the_call
from tests.committee import FIRST, SECOND, branch, confirmed, turned_back
from tests.consequences import (
    DECIDED_ON,
    DECIDES,
    DESIGNATION,
    LATE,
    LATE_DAY,
    MEASURE,
    SETTLED_ON,
    SETTLES,
    TITLE,
    UNSEEN,
    assessed,
    completed,
    conferred,
    conferred_for_two_years,
    failed,
    lapsed,
    lifted,
    measured,
    renewed,
    restored,
    revoked,
    succeeded,
    the_completed,
    title,
)
from tests.spec import Past, at

LAPSES = at("2024-07-01 00:00")
OTHER = DesignationId("T-2")


# --- the title --------------------------------------------------------------------------------------------------------


def define(**changes: Any) -> DefineTitle:
    return DefineTitle(**(title().as_dict() | changes))


def test_a_title_is_defined_and_defined_anew() -> None:
    longer = title(validity_months=24)
    the_call().when(define()).then(title()).when(define(validity_months=24)).then(longer)


def test_the_same_title_again_changes_nothing() -> None:
    the_call().and_(title(), title(title="another")).when(define()).then()


def test_a_title_is_of_an_announced_programme_and_of_its_tracks() -> None:
    the_call().when(define(programme_id=ProgrammeId("other"))).refused(ProgrammeUnknown)
    the_call().when(define(track_ids=())).refused(TitleWithoutTracks, field="track_ids")
    the_call().when(define(track_ids=(TrackId("none"),))).refused(TrackUnknown, track_id="none")
    the_call().when(define(validity_months=0)).refused(PeriodOfNoDays, length=0)


def test_the_same_title_defined_meanwhile_is_a_race_and_one_of_another_programme_is_not() -> None:
    the_call().when(define()).meanwhile(title(validity_months=1)).is_raced()
    the_call().when(define()).meanwhile(title(programme_id=ProgrammeId("other"))).is_undisturbed()


# --- conferring -------------------------------------------------------------------------------------------------------


def confer(**changes: Any) -> ConferTitle:
    fields = {
        "designation_id": DESIGNATION, "application_id": FIRST, "title": TITLE, "decision_document_id": PAPER,
    }  # fmt: skip
    return ConferTitle(**(fields | changes))


def test_a_title_is_conferred_on_a_completed_case() -> None:
    the_completed().when(confer(), now=LATE).then(conferred())


def test_a_title_with_a_validity_has_its_last_day_written_down() -> None:
    past = the_completed().and_(title(validity_months=24))
    past.when(confer(), now=LATE).then(conferred_for_two_years())


def test_an_outcome_is_no_title() -> None:
    the_completed("complete").when(confer(), now=LATE).refused(OutcomeBearsNoTitle, outcome="passed")


def test_the_last_acceptance_counts_and_a_midterm_does_not() -> None:
    midterm = assessed("continue", kind="midterm", assessment="midterm")
    the_completed().and_(midterm).when(confer(), now=LATE).then(conferred())
    second = assessed("complete", outcome="plain", round=2)
    the_completed().and_(second).when(confer(), now=LATE).refused(OutcomeBearsNoTitle, outcome="plain")


def test_a_failed_case_gets_no_title() -> None:
    past = the_call().and_(confirmed(), title(), assessed("no_completion", "title"), failed())
    past.when(confer(), now=LATE).refused(CaseFailed, application_id=FIRST, closed_on=LATE_DAY)


@pytest.mark.parametrize(
    "past",
    [
        the_call().and_(title()),
        the_call().and_(title(), confirmed(), assessed("complete", "title")),
        the_call().and_(title(), confirmed(), completed()),
        the_completed().and_(turned_back()),
    ],
    ids=["no case", "not completed", "no outcome", "reversed"],
)
def test_a_title_waits_for_the_completion(past: Past) -> None:
    past.when(confer(), now=LATE).refused(CaseNotCompleted, application_id=FIRST)


def test_a_title_is_one_of_the_programme_and_of_the_track() -> None:
    the_completed().when(confer(title="model_college"), now=LATE).refused(TitleUnknown, title="model_college")
    past = the_completed().and_(title(title="model_college", track_ids=(COLLEGE_TRACK,)))
    past.when(confer(title="model_college"), now=LATE).refused(TitleNotOfTrack, track_id=BRANCH_TRACK)


def test_a_title_is_decided_on_by_a_document() -> None:
    the_completed().when(confer(decision_document_id=UNSEEN), now=LATE).refused(DocumentUnknown)


def test_a_title_is_conferred_once_and_under_an_id_of_its_own() -> None:
    past = the_completed().and_(conferred(), when=LATE)
    past.when(confer(), now=LATE).refused(DesignationIdUsed, designation_id=DESIGNATION)
    past.when(confer(designation_id=OTHER), now=LATE).refused(TitleAlreadyConferred, state="held")
    gone = past.and_(revoked(), when=DECIDES)
    gone.when(confer(designation_id=OTHER), now=SETTLES).refused(TitleAlreadyConferred, state="revoked")
    elsewhere = the_completed().and_(conferred(application_id=SECOND, unit_id=branch(SECOND)))
    elsewhere.when(confer(), now=LATE).refused(DesignationIdUsed, designation_id=DESIGNATION)


def test_what_has_lapsed_may_be_conferred_anew_and_another_title_beside_it() -> None:
    past = the_completed().and_(conferred_for_two_years(), lapsed())
    past.when(confer(designation_id=OTHER), now=LATE).then(conferred(designation_id=OTHER))
    beside = the_completed().and_(conferred(), title(title="first_class"))
    again = confer(designation_id=OTHER, title="first_class")
    beside.when(again, now=LATE).then(conferred(designation_id=OTHER, title="first_class"))


def test_the_unit_that_bears_the_case_bears_the_title() -> None:
    past = the_completed().and_(succeeded("BR-9"))
    past.when(confer(), now=LATE).then(conferred(unit_id="BR-9"))


def test_another_outcome_or_title_meanwhile_is_a_race_and_those_of_another_case_are_not() -> None:
    asked = the_completed().when(confer(), now=LATE)
    asked.meanwhile(assessed("no_completion", round=2), failed(), turned_back(), conferred(), title()).is_raced()
    another: Any = {"application_id": SECOND, "unit_id": branch(SECOND)}
    outcome: AssessmentDecided = assessed("no_completion", **another)
    asked.meanwhile(outcome, completed(**another), conferred(designation_id=OTHER, **another)).is_undisturbed()


HAPPENED: dict[str, Any] = {
    "met with a title": lambda: assessed("complete", "title"),
    "met": lambda: assessed("complete", outcome="plain"),
    "not met": lambda: assessed("no_completion", outcome="not_met"),
    "completed": completed,
    "failed": failed,
    "reversed": turned_back,
    "defined": title,
}


@examples(st.lists(st.sampled_from(["confer", *HAPPENED]), max_size=12))
def test_in_no_order_of_events_is_a_title_conferred_on_a_case_that_failed(steps: list[str]) -> None:
    past, given_titles, told = the_call().and_(confirmed()), 0, list[str]()
    for step in steps:
        if step != "confer":
            past = past.and_(HAPPENED[step](), when=LATE)
            told.append(step)
            continue
        command = past.when(confer(designation_id=DesignationId(f"T-{given_titles}")), now=LATE).command
        try:
            command.execute()
        except Refusal:
            continue
        decided = [tagged.decision for tagged in command.collect_events()]
        outcomes = [each for each in told if each in {"met with a title", "met", "not met"}]
        ends = [each for each in told if each in {"completed", "reversed"}]
        assert "failed" not in told
        assert "defined" in told
        assert ends[-1] == "completed"
        assert outcomes[-1] == "met with a title"
        assert given_titles == 0, "and once"
        past, given_titles = past.and_(*decided, when=LATE), given_titles + 1


# --- renewing and lapsing ---------------------------------------------------------------------------------------------


def the_two_years(*later: Any) -> Past:
    past = the_completed().and_(title(validity_months=24))
    return past.and_(conferred_for_two_years(), *later, when=LATE)


def renew(**changes: Any) -> RenewTitle:
    return RenewTitle(**({"designation_id": DESIGNATION, "decision_document_id": PAPER} | changes))


def lapse(designation_id: DesignationId = DESIGNATION) -> LapseTitle:
    return LapseTitle(designation_id=designation_id)


IN_TIME = at("2024-06-01 10:00")


def test_a_title_is_renewed_before_it_is_over() -> None:
    the_two_years().when(renew(), now=IN_TIME).then(renewed())


def test_what_is_over_is_not_renewed() -> None:
    the_two_years().when(renew(), now=LAPSES).refused(TitleOver, valid_until=date(2024, 6, 30))
    the_two_years(lapsed()).when(renew(), now=LAPSES).refused(NotInThisState, state="lapsed")


def test_what_has_no_end_is_neither_renewed_nor_does_it_lapse() -> None:
    past = the_completed().and_(conferred())
    past.when(renew(), now=IN_TIME).refused(TitleHasNoEnd, title=TITLE)
    past.when(lapse(), now=LAPSES).refused(TitleHasNoEnd, title=TITLE)
    unsaid = the_two_years().and_(title())
    unsaid.when(renew(), now=IN_TIME).refused(TitleHasNoEnd, title=TITLE)


def test_a_renewal_is_decided_on_by_a_document() -> None:
    the_two_years().when(renew(decision_document_id=UNSEEN), now=IN_TIME).refused(DocumentUnknown)
    the_two_years().when(renew(designation_id=OTHER), now=IN_TIME).refused(DesignationUnknown, designation_id=OTHER)


def test_another_validity_meanwhile_is_a_race_and_another_designation_is_not() -> None:
    asked = the_two_years().when(renew(), now=IN_TIME)
    asked.meanwhile(title(validity_months=12), revoked(), lapsed()).is_raced()
    asked.meanwhile(conferred(designation_id=OTHER), revoked(designation_id=OTHER)).is_undisturbed()


def test_a_title_lapses_when_its_last_day_is_over() -> None:
    the_two_years().when(lapse(), now=LAPSES).then(lapsed())
    still = the_two_years().when(lapse(), now=LAPSES - timedelta(seconds=1))
    still.refused(TitleStillValid, valid_until=date(2024, 6, 30))
    the_two_years(renewed()).when(lapse(), now=LAPSES).refused(TitleStillValid, valid_until=date(2026, 6, 30))
    the_two_years(revoked()).when(lapse(), now=LAPSES).refused(NotInThisState, state="revoked")


def test_a_renewal_meanwhile_races_a_lapse_and_another_title_does_not() -> None:
    asked = the_two_years().when(lapse(), now=LAPSES)
    asked.meanwhile(renewed(), revoked()).is_raced()
    asked.meanwhile(conferred(designation_id=OTHER)).is_undisturbed()


# --- revoking and giving back -----------------------------------------------------------------------------------------


def revoke(**changes: Any) -> RevokeTitle:
    fields = {"designation_id": DESIGNATION, "ground": "accountability", "decision_document_id": PAPER}
    return RevokeTitle(**(fields | changes))


def restore(**changes: Any) -> RestoreTitle:
    return RestoreTitle(**({"designation_id": DESIGNATION, "measure_id": MEASURE} | changes))


def asking(**changes: Any) -> Any:
    return measured("title_revocation", designation_id=DESIGNATION, **changes)


def the_title(*later: Any) -> Past:
    return the_completed().and_(conferred(), when=LATE).and_(*later, when=DECIDES)


def test_a_title_is_revoked_by_a_decision() -> None:
    the_title().when(revoke(), now=DECIDES).then(revoked())
    the_title().when(revoke(decision_document_id=UNSEEN), now=DECIDES).refused(DocumentUnknown)
    the_title(revoked()).when(revoke(), now=DECIDES).refused(NotInThisState, state="revoked")
    the_title().when(revoke(designation_id=OTHER), now=DECIDES).refused(DesignationUnknown)


def test_a_title_is_revoked_because_a_measure_asks_for_it() -> None:
    by_measure = revoke(measure_id=MEASURE)
    the_title(asking()).when(by_measure, now=DECIDES).then(revoked(measure_id=MEASURE))
    for past in (
        the_title(),
        the_title(measured("bar")),
        the_title(asking(), lifted("title_revocation")),
        the_title(asking(measure_id=MeasureId("M-2"))),
    ):
        past.when(by_measure, now=DECIDES).refused(MeasureAsksOtherwise, measure_id=MEASURE)


def test_a_measure_lifted_meanwhile_is_a_race_and_another_measure_is_not() -> None:
    asked = the_title(asking()).when(revoke(measure_id=MEASURE), now=DECIDES)
    asked.meanwhile(lifted("title_revocation"), revoked()).is_raced()
    asked.meanwhile(measured(measure_id=MeasureId("M-2"))).is_undisturbed()


def test_a_title_is_given_back_when_the_measure_is_lifted() -> None:
    past = the_title(asking(), revoked(measure_id=MEASURE))
    past.when(restore(), now=SETTLES).refused(MeasureNotLifted, measure_id=MEASURE)
    past.and_(lifted("title_revocation")).when(restore(), now=SETTLES).then(restored())


def test_what_was_revoked_on_another_ground_is_not_given_back() -> None:
    past = the_title(asking(), lifted("title_revocation"), revoked())
    past.when(restore(), now=SETTLES).refused(NotRevokedByThat, designation_id=DESIGNATION)
    the_title().when(restore(), now=SETTLES).refused(NotInThisState, state="held")
    the_title().when(restore(designation_id=OTHER), now=SETTLES).refused(DesignationUnknown)


def test_a_revocation_meanwhile_is_a_race_and_another_title_is_not() -> None:
    asked = the_title(asking(), revoked(measure_id=MEASURE)).when(restore(), now=SETTLES)
    asked.meanwhile(lifted("title_revocation"), restored()).is_raced()
    asked.meanwhile(revoked(designation_id=OTHER)).is_undisturbed()


# --- who holds a title on a day ---------------------------------------------------------------------------------------


def held(*facts: Any) -> Any:
    designations = Designations()
    for position, fact in enumerate(facts, start=1):
        designations.take(fact, position)
    return lambda day: bool(designations.held_on(day))


def test_a_title_is_held_by_its_days_whether_or_not_anybody_recorded_its_end() -> None:
    on = held(conferred_for_two_years())
    assert [on(day) for day in (date(2022, 6, 29), LATE_DAY, date(2024, 6, 30), date(2024, 7, 1))] == [
        False, True, True, False,
    ]  # fmt: skip
    assert held(conferred())(date(2099, 1, 1))


def test_a_renewal_holds_from_its_day_and_rewrites_nothing_before() -> None:
    on = held(conferred_for_two_years(), renewed(renewed_on=date(2024, 6, 1)))
    assert on(date(2026, 6, 30))
    assert not on(date(2026, 7, 1))


def test_a_revoked_title_is_held_before_and_after_it_was_away() -> None:
    on = held(conferred(), revoked(), restored())
    assert [on(day) for day in (LATE_DAY, DECIDED_ON, SETTLED_ON - timedelta(days=1), SETTLED_ON)] == [
        True, False, False, True,
    ]  # fmt: skip
    assert not held(conferred(), revoked())(date(2099, 1, 1))


@examples(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(1, 600))
def test_a_period_of_months_ends_on_the_same_day_or_on_the_last_of_its_month(day: date, months: int) -> None:
    end = months_after(day, months)
    assert (end.year - day.year) * 12 + end.month - day.month == months
    assert end.day == day.day or (end + timedelta(days=1)).day == 1


def test_a_month_without_the_day_ends_the_period_on_its_last() -> None:
    assert months_after(date(2024, 2, 29), 12) == date(2025, 2, 28)
    assert months_after(date(2020, 12, 31), 2) == date(2021, 2, 28)
