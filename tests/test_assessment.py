"""Assessments: defined with their outcomes, decided in rounds, rectified, extended; and how a case ends."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from domain.assessment.commands import (
    AcceptRectification,
    CloseCase,
    CompleteCase,
    DecideAssessment,
    DefineAssessment,
    ExtendCase,
    OrderRectification,
    RejectRectification,
    ReportRectification,
)
from domain.assessment.decision import (
    AcceptanceNotPublicised,
    AssessmentSettled,
    AssessmentUnknown,
    ExtendedTooFar,
    LastDayNotNamed,
    NoRectificationOrdered,
    NotAccepted,
    NotALaterDay,
    NothingToRectify,
    NotRankedByPanel,
    NotToBeExtended,
    OutcomeUnknown,
    RankingNotNamed,
    RectificationNotReported,
    RectificationStillOpen,
    RectificationWouldBeOver,
    RectifiedTooLate,
    RoundsExhausted,
)
from domain.assessment.definition import (
    AssessesNoTrack,
    AssessmentOrderTaken,
    AssessmentStageUnknown,
    EffectsClash,
    LimitOfNothing,
    NoOutcome,
    OutcomeTwice,
    OutcomeWithoutEffect,
    StageInUse,
)
from domain.assessment.events import AssessmentDefined, AssessmentOutcome
from domain.assessment.policy import Assessments
from domain.cultivation.policy import CaseUnknown
from domain.document.policy import DocumentUnknown
from domain.ids import ApplicationId, DocumentId, PanelId, ProgrammeId, TrackId, UnitId
from domain.kernel import Command, Event, Refusal
from domain.permission.policy import NotInThisState, ReasonMissing
from domain.programme.policy import ProgrammeUnknown, TrackUnknown
from domain.publicity.events import EntryPassed, PublicityRuleDefined
from domain.review.events import ApplicationAdmitted, ApplicationRanked, PanelConstituted, StageDefined
from domain.review.scoring import EarlierStageNotRanked, NothingToScore, OpenScoring
from tests import panel
from tests.call import BRANCH_TRACK, CALL, COLLEGE_TRACK, PAPER, deposited, the_call
from tests.committee import FIRST, PUBLICITY, SECOND, confirmed, ranked
from tests.running import (
    AFTER,
    AGAIN,
    DEFERRED,
    ENDS,
    MET,
    MORE_TIME,
    NOT_MET,
    PASSED,
    TO_RECTIFY,
    acceptance,
    begun,
    book_filed,
    case,
    closed_without,
    completed,
    extended,
    judged,
    midterm,
    ordered,
    outreach,
    rectification_accepted,
    rectification_rejected,
    rectified,
    report_filed,
    stopped,
    succeeded,
    the_assessed,
    the_running,
)
from tests.spec import Past, at

PANEL = PanelId("PANEL-9")
JUNE, END = at("2021-06-15 10:00"), at("2022-06-30 10:00")
NOWHERE = DocumentId("0" * 64)
SITE = "site_visit"


def stage(code: str = SITE, *tracks: TrackId) -> StageDefined:
    return StageDefined(
        programme_id=CALL, stage=code, order=9, name_zh="现场", name_en="Site visit",
        track_ids=tracks or (BRANCH_TRACK,), criteria=(), aggregation="mean", minimum_sheets=1,
    )  # fmt: skip


def constituted(panel_id: PanelId = PANEL, code: str = SITE) -> PanelConstituted:
    return PanelConstituted(
        panel_id=panel_id, programme_id=CALL, stage=code, stage_position=1, track_ids=(BRANCH_TRACK,)
    )


def found(panel_id: PanelId = PANEL) -> ApplicationRanked:
    return replace(ranked(FIRST, 1), panel_id=panel_id)


# --- the definition ---------------------------------------------------------------------------------------------------


def define(event: AssessmentDefined | None = None, **changes: Any) -> DefineAssessment:
    return DefineAssessment(**((event or midterm()).as_dict() | changes))


def test_an_assessment_is_defined_once_and_anew() -> None:
    once = the_call().when(define()).then(midterm())
    once.when(define()).then()
    once.when(define(name_en="Half-way")).then(midterm(name_en="Half-way"))
    once.when(define(acceptance())).then(acceptance())
    limited = acceptance(rounds_at_most=2, extend_at_most_days=365)
    the_call().when(define(limited)).then(limited)


def test_an_assessment_may_rest_on_a_stage_of_review_that_serves_it_alone() -> None:
    past = the_call().and_(stage())
    once = past.when(define(stage=SITE)).then(midterm(stage=SITE))
    once.and_(constituted()).when(define(stage=SITE, name_en="Half-way")).then(midterm(stage=SITE, name_en="Half-way"))
    once.when(define(acceptance(), stage=SITE)).refused(StageInUse, stage=SITE, used_by="midterm")
    past.and_(constituted()).when(define(stage=SITE)).refused(StageInUse, stage=SITE, used_by="PANEL-9")
    the_call().when(define(stage=SITE)).refused(AssessmentStageUnknown, track_id="branch", stage=SITE)
    both = (BRANCH_TRACK, COLLEGE_TRACK)
    past.when(define(stage=SITE, track_ids=both)).refused(AssessmentStageUnknown, track_id="college")
    # Without a stage before, it takes one that has no panel; one that was its own before stays its own.
    past.and_(midterm()).when(define(stage=SITE)).then(midterm(stage=SITE))
    past.and_(midterm(), constituted()).when(define(stage=SITE)).refused(StageInUse)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"programme_id": ProgrammeId("other")}, ProgrammeUnknown),
        ({"track_ids": ()}, AssessesNoTrack),
        ({"track_ids": (BRANCH_TRACK, BRANCH_TRACK)}, AssessesNoTrack),
        ({"track_ids": (TrackId("no-such"),)}, TrackUnknown),
        ({"outcomes": ()}, NoOutcome),
        ({"outcomes": (PASSED, PASSED)}, OutcomeTwice),
        ({"outcomes": (replace(PASSED, effects=()),)}, OutcomeWithoutEffect),
        ({"outcomes": (replace(PASSED, effects=("continue", "continue")),)}, OutcomeWithoutEffect),
        ({"outcomes": (replace(PASSED, rectify_within_days=10),)}, LimitOfNothing),
        ({"outcomes": (replace(TO_RECTIFY, rectify_within_days=0),)}, LimitOfNothing),
        ({"rounds_at_most": 0}, LimitOfNothing),
        ({"extend_at_most_days": 0}, LimitOfNothing),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_what_a_definition_must_say(changes: dict[str, Any], refusal: type[Refusal]) -> None:
    the_call().when(define(**changes)).refused(refusal)


@pytest.mark.parametrize(
    ("kind", "effects", "clash"),
    [
        ("midterm", ("complete",), "complete"),
        ("midterm", ("continue", "title"), "title"),
        ("acceptance", ("complete", "no_completion"), "complete, no_completion"),
        ("acceptance", ("title",), "title"),
        ("acceptance", ("complete", "defer"), "defer"),
        ("acceptance", ("no_completion", "continue", "rectify"), "continue, rectify"),
        ("acceptance", ("extend", "rectify"), "extend, rectify"),
        ("midterm", ("defer", "rectify", "hold_funds"), "defer, rectify"),
        ("midterm", ("continue", "hold_funds"), "hold_funds"),
    ],
)
def test_effects_that_do_not_go_together_are_refused(kind: Any, effects: Any, clash: str) -> None:
    outcomes = (AssessmentOutcome("odd", "结论", "Odd", effects),)
    the_call().when(define(kind=kind, outcomes=outcomes)).refused(EffectsClash, outcome="odd", effects=clash)


def test_the_order_of_assessments_is_that_of_each_track() -> None:
    past = the_call().and_(midterm())
    past.when(define(acceptance(), order=1)).refused(AssessmentOrderTaken, assessment="midterm", order=1)
    other = acceptance(order=1, track_ids=(COLLEGE_TRACK,))
    past.when(define(other)).then(other)


def test_defining_races_with_the_programme_and_its_panels() -> None:
    asked = the_call().when(define())
    asked.meanwhile(midterm(), stage(), constituted()).is_raced()
    asked.meanwhile(judged(), book_filed(), begun()).is_undisturbed()


# --- the outcome ------------------------------------------------------------------------------------------------------


def decide(outcome: str = "passed", assessment: str = "midterm", **changes: Any) -> DecideAssessment:
    fields: dict[str, Any] = {
        "application_id": FIRST, "assessment": assessment, "outcome": outcome, "decision_document_id": PAPER,
    }  # fmt: skip
    return DecideAssessment(**(fields | changes))


def test_the_outcome_is_decided_with_what_it_leads_to() -> None:
    the_assessed().when(decide()).then(judged())
    the_assessed().when(decide("to_rectify")).then(judged(TO_RECTIFY))
    for outcome in (MET, NOT_MET, DEFERRED, MORE_TIME, AGAIN):
        the_assessed(judged()).when(decide(outcome.code, "acceptance")).then(judged(outcome))


def test_the_ranking_of_its_panel_is_evidence_in_the_first_round() -> None:
    past = the_running().and_(stage(), midterm(stage=SITE), constituted())
    past.when(decide()).refused(RankingNotNamed, assessment="midterm", stage=SITE)
    past.when(decide(panel_id=PANEL)).refused(NotRankedByPanel, panel_id=PANEL, application_id="A-1")
    seen = past.and_(found())
    position = len(seen.log)
    # It is evidence and no decision: the first of the ranking may be told to rectify.
    evidence: dict[str, Any] = {"panel_id": PANEL, "ranking_position": position}
    seen.when(decide("to_rectify", panel_id=PANEL)).then(judged(TO_RECTIFY, **evidence))
    again = seen.and_(judged(TO_RECTIFY), ordered(), rectified(), rectification_accepted())
    again.when(decide(), now=JUNE).then(judged(PASSED, 2))
    other = PanelId("PANEL-1")
    elsewhere = past.and_(constituted(other, "expert_review"), found(other))
    elsewhere.when(decide(panel_id=other)).refused(NotRankedByPanel, panel_id=other)
    seen.when(decide(panel_id=PanelId("nobody"))).refused(NotRankedByPanel, panel_id="nobody")


def test_what_was_decided_stands_unless_it_leads_to_another_round() -> None:
    for past, outcome in ((the_assessed(judged()), PASSED), (the_assessed(judged(NOT_MET)), NOT_MET)):
        assessment = "midterm" if outcome is PASSED else "acceptance"
        again = past.when(decide(outcome.code, assessment))
        again.refused(AssessmentSettled, assessment=assessment, round=1, outcome=outcome.code)
    the_assessed(judged(DEFERRED)).when(decide("met", "acceptance")).then(judged(MET, 2))
    the_assessed(judged(MORE_TIME)).when(decide("met", "acceptance")).refused(AssessmentSettled, outcome="more_time")
    the_assessed(judged(MORE_TIME), extended()).when(decide("met", "acceptance")).then(judged(MET, 2))
    twice = the_assessed(judged(MORE_TIME), extended(), judged(MORE_TIME, 2))
    twice.when(decide("met", "acceptance")).refused(AssessmentSettled, round=2)


def test_what_was_to_be_rectified_is_decided_again_once_it_was_looked_at_or_nothing_came() -> None:
    told = the_assessed(judged(TO_RECTIFY))
    told.when(decide()).refused(AssessmentSettled, outcome="to_rectify")
    waiting = told.and_(ordered())
    waiting.when(decide(), now=at("2021-09-15 23:59")).refused(RectificationStillOpen, assessment="midterm")
    waiting.when(decide(), now=at("2021-09-16 00:00")).then(judged(PASSED, 2))
    waiting.and_(rectified()).when(decide(), now=END).refused(RectificationStillOpen)
    for looked_at in (rectification_accepted(), rectification_rejected()):
        past = waiting.and_(rectified(), looked_at)
        past.when(decide("to_rectify"), now=JUNE).then(judged(TO_RECTIFY, 2))


def test_there_are_no_more_rounds_than_were_defined() -> None:
    limited = the_running().and_(acceptance(rounds_at_most=1), judged(DEFERRED))
    limited.when(decide("met", "acceptance")).refused(RoundsExhausted, assessment="acceptance", rounds_at_most=1)


def test_a_case_keeps_the_definition_that_its_first_round_was_decided_by() -> None:
    stricter = acceptance(outcomes=(NOT_MET, DEFERRED))
    the_assessed(judged(DEFERRED), stricter).when(decide("met", "acceptance")).then(judged(MET, 2))
    the_assessed(stricter).when(decide("met", "acceptance")).refused(OutcomeUnknown, outcome="met")


def test_an_outcome_is_one_of_an_assessment_of_the_track_and_rests_on_a_decision() -> None:
    the_assessed().when(decide("excellent")).refused(OutcomeUnknown, assessment="midterm", outcome="excellent")
    the_assessed().when(decide(assessment="nowhere")).refused(AssessmentUnknown, assessment="nowhere")
    elsewhere = the_running().and_(midterm(track_ids=(COLLEGE_TRACK,)))
    elsewhere.when(decide()).refused(AssessmentUnknown, track_id="branch", assessment="midterm")
    the_assessed().when(decide(decision_document_id=NOWHERE)).refused(DocumentUnknown, document_id=NOWHERE)


def test_deciding_races_with_the_case_its_panel_and_the_definition() -> None:
    asked = the_assessed().when(decide(panel_id=PANEL))
    asked.meanwhile(
        judged(), ordered(), midterm(), found(), constituted(), completed(), succeeded(), deposited(PAPER), extended()
    ).is_raced()
    asked.meanwhile(begun(SECOND), book_filed(), report_filed(), outreach(), found(PanelId("PANEL-2"))).is_undisturbed()


# --- rectification ----------------------------------------------------------------------------------------------------


def order(last_day: date | None = None, assessment: str = "midterm", **changes: Any) -> OrderRectification:
    fields: dict[str, Any] = {
        "application_id": FIRST, "assessment": assessment, "last_day": last_day, "order_document_id": PAPER,
    }  # fmt: skip
    return OrderRectification(**(fields | changes))


REPORT = ReportRectification(application_id=FIRST, assessment="midterm", document_id=PAPER)
ACCEPT = AcceptRectification(application_id=FIRST, assessment="midterm", opinion_document_id=PAPER)
REJECT = RejectRectification(application_id=FIRST, assessment="midterm", opinion_document_id=PAPER)


def test_a_rectification_is_ordered_reported_and_accepted() -> None:
    day = date(2021, 9, 15)
    past = the_assessed(judged(TO_RECTIFY)).when(order(), now=JUNE).then(ordered(day))
    reported = past.when(REPORT, now=JUNE).then(rectified())
    reported.when(ACCEPT, now=JUNE).then(rectification_accepted())


def test_a_rejected_rectification_is_ordered_anew() -> None:
    rejected = the_assessed(judged(TO_RECTIFY), ordered(), rectified()).when(REJECT).then(rectification_rejected())
    again = rejected.when(order(date(2021, 8, 1)), now=JUNE).then(ordered(date(2021, 8, 1)))
    again.when(REPORT, now=JUNE).then(rectified())
    limited = the_running().and_(
        midterm(rounds_at_most=1), judged(TO_RECTIFY), ordered(), rectified(), rectification_rejected()
    )
    limited.when(order(), now=JUNE).refused(RoundsExhausted, rounds_at_most=1)


def test_the_time_to_rectify_is_within_what_was_defined() -> None:
    past, at_most = the_assessed(judged(TO_RECTIFY)), date(2021, 9, 15)
    past.when(order(date(2021, 7, 1)), now=JUNE).then(ordered(date(2021, 7, 1)))
    late = at_most + timedelta(days=1)
    past.when(order(late), now=JUNE).refused(RectifiedTooLate, at_most=at_most, last_day=late)
    past.when(order(date(2021, 6, 14)), now=JUNE).refused(RectificationWouldBeOver, last_day=date(2021, 6, 14))
    unstated = the_assessed(judged(AGAIN))
    unstated.when(order(assessment="acceptance"), now=JUNE).refused(LastDayNotNamed, field="last_day")
    far = date(2023, 1, 1)
    unstated.when(order(far, "acceptance"), now=JUNE).then(ordered(far, "acceptance", holds_funds=False))


def test_only_what_is_to_be_rectified_is_ordered_reported_and_checked() -> None:
    for past in (the_assessed(), the_assessed(judged()), the_assessed(judged(TO_RECTIFY), ordered())):
        past.when(order(), now=JUNE).refused(NothingToRectify, assessment="midterm")
    done = the_assessed(judged(TO_RECTIFY), ordered(), rectified(), rectification_accepted())
    done.when(order(), now=JUNE).refused(NothingToRectify)
    the_assessed(judged(TO_RECTIFY)).when(REPORT).refused(NoRectificationOrdered, state="none")
    the_assessed(judged(TO_RECTIFY), ordered(), rectified()).when(REPORT).refused(
        NoRectificationOrdered, state="reported"
    )
    for command in (ACCEPT, REJECT):
        the_assessed(judged(TO_RECTIFY), ordered()).when(command).refused(RectificationNotReported, state="ordered")
        done.when(command).refused(RectificationNotReported, state="accepted")


def test_order_report_and_opinion_are_documents() -> None:
    told = the_assessed(judged(TO_RECTIFY))
    told.when(order(order_document_id=NOWHERE), now=JUNE).refused(DocumentUnknown, document_id=NOWHERE)
    unread: dict[str, Any] = {"application_id": FIRST, "assessment": "midterm"}
    waiting = told.and_(ordered())
    waiting.when(ReportRectification(**unread, document_id=NOWHERE)).refused(DocumentUnknown)
    reported = waiting.and_(rectified())
    for kind in (AcceptRectification, RejectRectification):
        reported.when(kind(**unread, opinion_document_id=NOWHERE)).refused(DocumentUnknown)


# --- more time --------------------------------------------------------------------------------------------------------


def extend(last_day: date = date(2023, 6, 30)) -> ExtendCase:
    return ExtendCase(application_id=FIRST, assessment="acceptance", last_day=last_day)


def test_a_case_is_extended_once_in_each_round_that_leads_to_it() -> None:
    past = the_assessed(judged(MORE_TIME))
    once = past.when(extend(), reason="second_acceptance").then(extended())
    once.when(extend()).refused(NotToBeExtended, assessment="acceptance")
    twice = once.and_(judged(MORE_TIME, 2))
    twice.when(extend(date(2023, 6, 30))).refused(NotALaterDay, last_day=date(2023, 6, 30))
    twice.when(extend(date(2023, 9, 30))).then(extended(date(2023, 9, 30)))
    the_assessed().when(extend()).refused(NotToBeExtended)
    the_assessed(judged(DEFERRED)).when(extend()).refused(NotToBeExtended)


def test_an_extension_is_later_and_no_longer_than_was_defined() -> None:
    past = the_running().and_(acceptance(extend_at_most_days=365), judged(MORE_TIME))
    past.when(extend(ENDS)).refused(NotALaterDay, last_day=ENDS)
    past.when(extend(date(2023, 7, 1))).refused(ExtendedTooFar, at_most=date(2023, 6, 30), last_day=date(2023, 7, 1))
    past.when(extend()).then(extended())
    unstated = the_running(None).and_(acceptance(extend_at_most_days=365), judged(MORE_TIME))
    unstated.when(extend(date(2030, 1, 1))).then(extended(date(2030, 1, 1)))


# --- the end ----------------------------------------------------------------------------------------------------------

COMPLETE = CompleteCase(application_id=FIRST)
CLOSE = CloseCase(application_id=FIRST, ground="not_met")


def test_an_accepted_case_is_completed_on_its_last_day_or_early_with_a_reason() -> None:
    past = the_assessed(judged(), judged(MET))
    past.when(COMPLETE, now=END).then(completed())
    early = date(2022, 6, 29)
    past.when(COMPLETE, now=at("2022-06-29 10:00")).refused(ReasonMissing, field="Reason")
    past.when(COMPLETE, now=at("2022-06-29 10:00"), reason="all_done").then(completed(early, early=True))
    unstated = the_running(None).and_(acceptance(), judged(MET))
    unstated.when(COMPLETE, now=at("2022-06-29 10:00")).then(completed(early))
    # An extension moves the day before which it is early.
    more = the_assessed(judged(MORE_TIME), extended(), judged(MET, 2))
    more.when(COMPLETE, now=END).refused(ReasonMissing)


def test_a_case_that_was_not_accepted_is_closed_without_completion() -> None:
    past = the_assessed(judged(NOT_MET))
    past.when(CLOSE, now=END).then(closed_without())
    past.when(COMPLETE, now=END).refused(NotAccepted, application_id="A-1", effect="complete")
    met = the_assessed(judged(MET))
    met.when(CLOSE, now=END).refused(NotAccepted, effect="no_completion")
    for open_still in (the_assessed(), the_assessed(judged(DEFERRED)), the_assessed(judged())):
        open_still.when(COMPLETE, now=END).refused(NotAccepted)
        open_still.when(CLOSE, now=END).refused(NotAccepted)


def test_the_last_acceptance_that_was_decided_says_how_a_case_ends() -> None:
    second = acceptance(assessment="second_acceptance", order=3)
    past = the_assessed(judged(DEFERRED), second, judged(MET, assessment="second_acceptance"))
    past.when(COMPLETE, now=END).then(completed())


def test_no_case_is_completed_while_a_rectification_waits_but_it_may_be_closed() -> None:
    told = the_assessed(judged(TO_RECTIFY), ordered())
    for past in (told, told.and_(rectified())):
        past.and_(judged(MET)).when(COMPLETE, now=END).refused(RectificationStillOpen, assessment="midterm")
        past.and_(judged(NOT_MET)).when(CLOSE, now=END).then(closed_without())
    done = told.and_(rectified(), rectification_accepted(), judged(MET))
    done.when(COMPLETE, now=END).then(completed())


def rule(matter: Any = "acceptance") -> PublicityRuleDefined:
    return PublicityRuleDefined(
        programme_id=CALL, matter=matter, window_days=5, day_rule="working", count_first_day=True,
        identities=("named",), channels=("written",),
    )  # fmt: skip


def passed(matter: Any = "acceptance") -> EntryPassed:
    return EntryPassed(publicity_id=PUBLICITY, matter=matter, **case())


def test_where_acceptance_is_publicised_a_case_is_completed_after_that() -> None:
    past = the_assessed(judged(MET))
    past.and_(rule("selection")).when(COMPLETE, now=END).then(completed())
    asked = past.and_(rule(), rule("selection"), passed("selection"))
    asked.when(COMPLETE, now=END).refused(AcceptanceNotPublicised, application_id="A-1")
    asked.and_(passed()).when(COMPLETE, now=END).then(completed())
    done = asked.and_(passed(), passed("selection"))
    done.when(COMPLETE, now=END).then(completed())


def test_what_was_decided_otherwise_after_it_was_shown_is_shown_anew_before_it_is_completed() -> None:
    shown = the_assessed().and_(rule(), passed())
    shown.and_(judged(MET)).when(COMPLETE, now=END).then(completed())
    again = shown.and_(judged(DEFERRED), judged(MET, 2))
    again.when(COMPLETE, now=END).refused(AcceptanceNotPublicised, application_id="A-1")
    again.and_(passed()).when(COMPLETE, now=END).then(completed())


def test_ending_races_with_the_assessments_and_the_publicity_of_the_case() -> None:
    asked = the_assessed(judged(MET)).when(COMPLETE, now=END)
    asked.meanwhile(judged(NOT_MET, 2), ordered(), stopped(), passed(), rule(), extended(), acceptance()).is_raced()
    asked.meanwhile(begun(SECOND), outreach(), report_filed(), stage()).is_undisturbed()
    asked = the_assessed(judged(NOT_MET)).when(CLOSE, now=END)
    asked.meanwhile(judged(MET, 2), completed(), succeeded()).is_raced()
    asked.meanwhile(begun(SECOND), passed(), outreach()).is_undisturbed()
    for command in (order(), REPORT, ACCEPT, REJECT, extend()):
        asked = the_assessed().when(command, now=JUNE)
        asked.meanwhile(judged(), ordered(), rectified(), rectification_accepted(), stopped(), extended()).is_raced()
        asked.meanwhile(begun(SECOND), book_filed(), outreach(), found()).is_undisturbed()


EVERYTHING: tuple[Command, ...] = (decide(), order(), REPORT, ACCEPT, REJECT, extend(), COMPLETE, CLOSE)


@pytest.mark.parametrize("command", EVERYTHING, ids=lambda command: type(command).__name__)
def test_nothing_is_assessed_that_is_not_there_or_has_ended(command: Command) -> None:
    the_call().when(command, now=JUNE).refused(CaseUnknown, application_id="A-1")
    for end, state in ((completed(), "completed"), (closed_without(), "not_completed"), (stopped(), "stopped")):
        the_assessed(end).when(command, now=JUNE).refused(NotInThisState, state=state)


def test_of_a_case_of_which_nothing_was_decided_nothing_is_known() -> None:
    nothing = Assessments()
    assert nothing.of("midterm").rounds == 0
    assert nothing.of("midterm").outcome("passed") is None
    assert nothing.final_effects() == ()
    assert nothing.rectifying() is None
    assert isinstance(the_assessed(), Past)


# --- its panel --------------------------------------------------------------------------------------------------------


THIRD = ApplicationId("A-3")
OPEN_PANEL = OpenScoring(panel_id=panel.PANEL, closes_at=panel.ENDS)


def the_sitting(*events: Event) -> Past:
    """A panel of three sits in a stage that serves the midterm; three cases are confirmed, one of them handed on."""
    defined = panel.stage(SITE, order=9)
    cases = (*(confirmed(each) for each in (SECOND, THIRD)), begun(SECOND), succeeded())
    past = the_running().and_(*panel.SCREENED, *cases, panel.stage(), defined, midterm(stage=SITE))
    return past.and_(panel.constituted(name=SITE), *map(panel.seated, panel.SEATS), *events)


def admitted_case(application_id: ApplicationId, unit_id: str) -> ApplicationAdmitted:
    return panel.admitted(application_id, UnitId(unit_id))


def test_the_panel_of_an_assessment_scores_the_cases_that_run_with_whoever_bears_them() -> None:
    past = the_sitting(replace(stopped(), application_id=THIRD))
    past.when(OPEN_PANEL, now=panel.OPENS).then(
        panel.scoring(), admitted_case(FIRST, AFTER), admitted_case(SECOND, "BR-2")
    )
    elsewhere = the_sitting(midterm(stage=SITE, track_ids=(COLLEGE_TRACK,)))
    elsewhere.when(OPEN_PANEL, now=panel.OPENS).refused(NothingToScore, panel_id=panel.PANEL)


def test_a_stage_that_serves_no_assessment_any_more_scores_applications() -> None:
    freed = the_sitting(midterm(stage=None))
    freed.when(OPEN_PANEL, now=panel.OPENS).refused(EarlierStageNotRanked, stage="experts")


def test_opening_the_scoring_of_cases_races_with_each_of_them() -> None:
    asked = the_sitting().when(OPEN_PANEL, now=panel.OPENS)
    asked.meanwhile(completed(), succeeded(), confirmed(FIRST), midterm()).is_raced()
    asked.meanwhile(judged(), ordered(), book_filed(), outreach()).is_undisturbed()
