"""Obligations: they arise from facts, are answered by facts, and are judged as of the instant of the business."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, cast

import pytest

from domain.ids import ApplicationId, MeasureId, NominatorUnitId, ObjectionId, ObligationId, PanelId, SeatId, UnitId
from domain.kernel import Command, Event
from domain.obligation.commands import (
    AnsweredAlready,
    ExcusedAlready,
    ExcuseObligation,
    MarkObligationOverdue,
    NotAboutOneMatter,
    NotDueYet,
    ObligationUnknown,
    OverdueAlready,
    RemindOfObligation,
)
from domain.obligation.events import ObligationExcused, ObligationFellOverdue, ObligationReminded
from domain.obligation.policy import DutyFact, Obligations
from domain.publicity.events import ObjectionDismissed, ObjectionNotAdmitted, ObjectionUpheld, ObjectionWithdrawn
from domain.review.events import (
    ApplicationAdmitted,
    PanelConstituted,
    RecusalLifted,
    ReviewerRecused,
    ReviewerSeated,
    ReviewerUnseated,
    ScoreSheetFiled,
    ScoringExtended,
    ScoringOpened,
)
from domain.screening.events import (
    ApplicationRefiled,
    CorrectionExtended,
    CorrectionRequested,
    Part,
    ScreeningRejected,
)
from projections.kernel import fold_all
from projections.obligation import OBLIGATION, ObligationRow
from tests import running
from tests.call import BRANCH, BRANCH_TRACK, CALL, COLLEGE, MINE, PAPER, THEIRS, withdrawn
from tests.committee import FIRST, OBJECTION, PUBLICITY, SECOND, objection, turned_back
from tests.consequences import APPEALS, DUE_AT, MEASURE, SETTLES, appealed, dismissed, given_up, upheld
from tests.consequences import DUE_DAY as DUE_DAY_OF_APPEAL
from tests.spec import Past, at, given

ASKED, DUE, DUE_DAY = at("2020-06-03 09:00"), at("2020-06-06 00:00"), date(2020, 6, 5)
BEFORE, LATE = at("2020-06-04 10:00"), at("2020-06-08 10:00")
LATER, LATER_DAY = at("2020-06-11 00:00"), date(2020, 6, 10)
PANEL, SEAT, OTHER_SEAT = PanelId("PANEL-1"), SeatId("R1"), SeatId("R2")
CASE: dict[str, Any] = {"application_id": MINE, "unit_id": BRANCH}
FILED: dict[str, Any] = {
    **CASE, "programme_id": CALL, "track_id": BRANCH_TRACK, "nominator_unit_id": NominatorUnitId(COLLEGE),
}  # fmt: skip


def asked(application_id: ApplicationId = MINE) -> CorrectionRequested:
    return CorrectionRequested(
        **(FILED | {"application_id": application_id}), parts=(Part("budget"),), closes_at=DUE, last_day=DUE_DAY,
        opinion_document_id=PAPER,
    )  # fmt: skip


def put_off() -> CorrectionExtended:
    return CorrectionExtended(**CASE, closes_at=LATER, last_day=LATER_DAY)


def refiled(application_id: ApplicationId = MINE) -> ApplicationRefiled:
    changes = {"application_id": application_id}
    return ApplicationRefiled(
        **(FILED | changes), materials_digest="1" * 64, requested=(Part("budget"),), unrequested=()
    )


def the_correction() -> Past:
    return given(asked(), when=ASKED)


CORRECTION: dict[str, Any] = {"obligation_id": ObligationId("correction-1"), "application_id": MINE}
WHOSE: dict[str, Any] = {**CORRECTION, "kind": "correction", "programme_id": CALL, "unit_id": BRANCH}
BY: dict[str, Any] = {"due_at": DUE, "last_day": DUE_DAY}


# --- a correction -----------------------------------------------------------------------------------------------------


def test_a_reminder_is_issued_while_there_is_time() -> None:
    the_correction().when(RemindOfObligation(**CORRECTION), now=BEFORE).then(ObligationReminded(**WHOSE, **BY))
    the_correction().when(RemindOfObligation(**CORRECTION), now=DUE).refused(OverdueAlready)


def test_what_nothing_answered_in_time_falls_overdue_at_its_instant() -> None:
    overdue = ObligationFellOverdue(**WHOSE, **BY)
    the_correction().when(MarkObligationOverdue(**CORRECTION), now=DUE).then(overdue)
    the_correction().when(MarkObligationOverdue(**CORRECTION), now=BEFORE).refused(NotDueYet, due_at=DUE)
    past = the_correction().and_(overdue, when=DUE)
    past.when(MarkObligationOverdue(**CORRECTION), now=LATE).refused(OverdueAlready)
    past.when(RemindOfObligation(**CORRECTION), now=LATE).refused(OverdueAlready)


@pytest.mark.parametrize(
    "answer",
    [
        refiled(),
        ScreeningRejected(**FILED, opinion_document_id=PAPER),
        withdrawn(),
    ],
    ids=lambda body: type(body).__name__,
)
def test_what_was_answered_is_asked_for_no_more(answer: Event) -> None:
    past = the_correction().and_(answer, when=BEFORE)
    for command in (RemindOfObligation, MarkObligationOverdue, ExcuseObligation):
        past.when(command(**CORRECTION), now=LATE).refused(AnsweredAlready, obligation_id="correction-1")


def test_recorded_late_it_says_what_it_would_have_said_in_time() -> None:
    answered_late = the_correction().and_(refiled(), when=LATE)
    asked_late = answered_late.when(MarkObligationOverdue(**CORRECTION), now=LATE, effective=DUE)
    asked_late.then(ObligationFellOverdue(**WHOSE, **BY))
    reminded_late = answered_late.when(RemindOfObligation(**CORRECTION), now=LATE, effective=BEFORE)
    reminded_late.then(ObligationReminded(**WHOSE, **BY))
    answered_late.when(MarkObligationOverdue(**CORRECTION), now=LATE).refused(AnsweredAlready)


def test_an_extension_puts_it_off() -> None:
    past = the_correction().and_(put_off(), when=BEFORE)
    past.when(MarkObligationOverdue(**CORRECTION), now=DUE).refused(NotDueYet, due_at=LATER)
    overdue = ObligationFellOverdue(**WHOSE, due_at=LATER, last_day=LATER_DAY)
    past.when(MarkObligationOverdue(**CORRECTION), now=LATER).then(overdue)


def test_a_second_correction_is_an_obligation_of_its_own() -> None:
    past = the_correction().and_(refiled(), when=BEFORE).and_(asked(), when=BEFORE)
    second = {**CORRECTION, "obligation_id": ObligationId("correction-3")}
    past.when(RemindOfObligation(**second), now=at("2020-06-05 09:00")).then(
        ObligationReminded(**(WHOSE | second), **BY)
    )


def test_an_obligation_is_excused_once() -> None:
    excused = ObligationExcused(**WHOSE)
    the_correction().when(ExcuseObligation(**CORRECTION), now=BEFORE).then(excused)
    past = the_correction().and_(excused, when=BEFORE)
    for command in (RemindOfObligation, MarkObligationOverdue, ExcuseObligation):
        past.when(command(**CORRECTION), now=LATE).refused(ExcusedAlready, obligation_id="correction-1")
    overdue = the_correction().and_(ObligationFellOverdue(**WHOSE, **BY), when=DUE)
    overdue.when(ExcuseObligation(**CORRECTION), now=LATE).then(excused)


def test_an_obligation_is_named_with_what_it_is_about_and_nothing_else() -> None:
    both = RemindOfObligation(**CORRECTION, panel_id=PANEL)
    the_correction().when(both, now=BEFORE).refused(NotAboutOneMatter, field="obligation_id")
    alone = RemindOfObligation(obligation_id=ObligationId("correction-1"))
    the_correction().when(alone, now=BEFORE).refused(NotAboutOneMatter)
    nowhere = RemindOfObligation(obligation_id=ObligationId("correction-9"), application_id=MINE)
    the_correction().when(nowhere, now=BEFORE).refused(ObligationUnknown, obligation_id="correction-9")


@pytest.mark.parametrize("command", [RemindOfObligation, MarkObligationOverdue, ExcuseObligation])
def test_an_answer_meanwhile_is_a_race_and_a_neighbour_is_not(command: type[Command]) -> None:
    asked_now = the_correction().when(command(**CORRECTION), now=BEFORE)
    overdue, excused = ObligationFellOverdue(**WHOSE, **BY), ObligationExcused(**WHOSE)
    asked_now.meanwhile(refiled(), put_off(), withdrawn(), overdue, excused).is_raced()
    asked_now.meanwhile(refiled(THEIRS), asked(THEIRS), objection(), constituted()).is_undisturbed()


# --- the decision of an objection -------------------------------------------------------------------------------------

DECISION: dict[str, Any] = {"obligation_id": ObligationId("objection_decision-1"), "objection_id": OBJECTION}


def raised(due_at: datetime | None = DUE) -> Any:
    body = objection()
    due_day = None if due_at is None else DUE_DAY
    return type(body)(**(body.as_dict() | {"due_at": due_at, "due_day": due_day}))


def test_an_objection_is_to_be_decided_in_time() -> None:
    overdue = ObligationFellOverdue(**DECISION, kind="objection_decision", programme_id=CALL, **BY)
    given(raised(), when=ASKED).when(MarkObligationOverdue(**DECISION), now=DUE).then(overdue)


def test_where_no_time_is_stated_nothing_is_due() -> None:
    past = given(raised(None), when=ASKED)
    past.when(MarkObligationOverdue(**DECISION), now=DUE).refused(ObligationUnknown)


@pytest.mark.parametrize("kind", [ObjectionNotAdmitted, ObjectionUpheld, ObjectionDismissed, ObjectionWithdrawn])
def test_any_answer_to_an_objection_ends_it(kind: Any) -> None:
    about = {"objection_id": OBJECTION, "publicity_id": PUBLICITY, "application_id": raised().application_id}
    ground = {"ground": "late"} if kind is ObjectionNotAdmitted else {}
    past = given(raised(), when=ASKED).and_(kind(**about, **ground), when=BEFORE)
    past.when(MarkObligationOverdue(**DECISION), now=LATE).refused(AnsweredAlready)


# --- the sheets of a reviewer -----------------------------------------------------------------------------------------


def constituted() -> PanelConstituted:
    return PanelConstituted(
        panel_id=PANEL, programme_id=CALL, stage="expert_review", stage_position=1, track_ids=(BRANCH_TRACK,)
    )


def seated(seat: SeatId = SEAT) -> ReviewerSeated:
    return ReviewerSeated(panel_id=PANEL, seat_id=seat, commitment="4" * 64)


def opened() -> ScoringOpened:
    return ScoringOpened(panel_id=PANEL, programme_id=CALL, opens_at=ASKED, closes_at=DUE, last_day=DUE_DAY)


def admitted(application_id: ApplicationId) -> ApplicationAdmitted:
    return ApplicationAdmitted(
        panel_id=PANEL, application_id=application_id, programme_id=CALL, track_id=BRANCH_TRACK, unit_id=UnitId("U")
    )


def sheet(application_id: ApplicationId, seat: SeatId = SEAT) -> ScoreSheetFiled:
    return ScoreSheetFiled(
        panel_id=PANEL, seat_id=seat, application_id=application_id, commitment="5" * 64, opinion_document_id=PAPER
    )


def recused(application_id: ApplicationId) -> ReviewerRecused:
    return ReviewerRecused(
        panel_id=PANEL, seat_id=SEAT, application_id=application_id, basis="declared", interest="colleague"
    )


def lifted(application_id: ApplicationId) -> RecusalLifted:
    return RecusalLifted(panel_id=PANEL, seat_id=SEAT, application_id=application_id)


SHEETS: dict[str, Any] = {"obligation_id": ObligationId("score_sheets-2"), "panel_id": PANEL}


def the_panel(*more: Event) -> Past:
    past = given(constituted(), seated(), seated(OTHER_SEAT), opened(), admitted(MINE), admitted(THEIRS), when=ASKED)
    return past.and_(*more, when=BEFORE)


def extended() -> ScoringExtended:
    return ScoringExtended(panel_id=PANEL, programme_id=CALL, closes_at=LATER, last_day=LATER_DAY)


def owes(past: Past, due: dict[str, Any] = BY) -> None:
    overdue = ObligationFellOverdue(**SHEETS, kind="score_sheets", programme_id=CALL, seat_id=SEAT, **due)
    past.when(MarkObligationOverdue(**SHEETS), now=due["due_at"]).then(overdue)


def owes_nothing(past: Past) -> None:
    past.when(MarkObligationOverdue(**SHEETS), now=DUE).refused(AnsweredAlready)


def test_a_seat_owes_a_sheet_on_each_application_admitted() -> None:
    owes(the_panel())
    owes(the_panel(sheet(MINE)))
    owes(the_panel(sheet(MINE), sheet(THEIRS, OTHER_SEAT)))
    owes_nothing(the_panel(sheet(MINE), sheet(THEIRS), sheet(MINE, OTHER_SEAT)))


def test_nothing_is_owed_on_what_a_seat_is_recused_from() -> None:
    owes_nothing(the_panel(sheet(MINE), recused(THEIRS)))
    owes(the_panel(sheet(MINE), recused(THEIRS), lifted(THEIRS)))
    owes_nothing(the_panel(sheet(MINE), recused(THEIRS), lifted(THEIRS), sheet(THEIRS)))
    before = given(constituted(), seated(), recused(MINE), opened(), admitted(MINE), when=ASKED)
    owes_nothing(before)


def test_a_vacated_seat_owes_nothing_and_an_extension_puts_off() -> None:
    owes_nothing(the_panel(ReviewerUnseated(panel_id=PANEL, seat_id=SEAT)))
    owes(the_panel(extended()), {"due_at": LATER, "last_day": LATER_DAY})


def test_who_is_seated_after_the_opening_owes_by_the_same_day() -> None:
    late = the_panel(seated(SeatId("R3")))
    whose = {**SHEETS, "obligation_id": ObligationId("score_sheets-7")}
    overdue = ObligationFellOverdue(**whose, kind="score_sheets", programme_id=CALL, seat_id=SeatId("R3"), **BY)
    late.when(MarkObligationOverdue(**whose), now=DUE).then(overdue)


def test_nothing_is_owed_on_what_was_withdrawn_and_a_correction_of_another_stands() -> None:
    owes(the_panel(withdrawn()))
    owes_nothing(the_panel(sheet(THEIRS), withdrawn()))
    owes_nothing(the_panel(withdrawn(), withdrawn(THEIRS)))
    asked_now = the_panel().when(RemindOfObligation(**SHEETS), now=BEFORE)
    asked_now.meanwhile(withdrawn()).is_raced()
    elsewhere = type(withdrawn())(**(withdrawn().as_dict() | {"track_id": "other-track"}))
    asked_now.meanwhile(elsewhere).is_undisturbed()


def test_of_two_corrections_the_one_of_what_was_withdrawn_is_asked_for_no_more() -> None:
    stood = Obligations()
    facts = (asked(), asked(THEIRS), cast("DutyFact", withdrawn()))
    for position, body in enumerate(facts, start=1):
        stood.take(body, BEFORE, position)
    waiting = {name: one.answered_at for name, one in stood.by_id.items()}
    assert waiting == {"correction-1": BEFORE, "correction-2": None}


def test_before_scoring_is_opened_nothing_is_owed() -> None:
    past = given(constituted(), seated(), when=ASKED)
    past.when(RemindOfObligation(**SHEETS), now=BEFORE).refused(ObligationUnknown)


def test_another_panel_or_objection_does_not_disturb() -> None:
    asked_now = the_panel().when(RemindOfObligation(**SHEETS), now=BEFORE)
    asked_now.meanwhile(sheet(MINE), recused(MINE), opened(), seated()).is_raced()
    elsewhere = ReviewerSeated(panel_id=PanelId("PANEL-2"), seat_id=SEAT, commitment="4" * 64)
    other = type(raised())(**(raised().as_dict() | {"objection_id": ObjectionId("OBJ-9")}))
    asked_now.meanwhile(elsewhere, other, refiled()).is_undisturbed()


# --- what the scheduler still asks for --------------------------------------------------------------------------------

REMIND_AT = DUE - timedelta(days=1)
INSTANT = timedelta(microseconds=1)


def row_of(past: Past, obligation: str = "correction-1") -> ObligationRow:
    row: ObligationRow = fold_all(OBLIGATION, past.log)[obligation,]
    return row


def waits(past: Past) -> tuple[str, bool, bool]:
    """The state, and whether the reminder and the lapse are still to be recorded."""
    row = row_of(past)
    return row.state, row.reminds, row.waits


def test_an_answer_ends_what_was_not_due_yet_and_leaves_what_a_late_scheduler_is_to_make_up_for() -> None:
    answered: dict[datetime, tuple[bool, bool]] = {
        REMIND_AT: (False, False),
        REMIND_AT + INSTANT: (True, False),
        DUE: (True, False),
        DUE + INSTANT: (True, True),
    }
    for when, still in answered.items():
        assert waits(the_correction().and_(refiled(), when=when)) == ("answered", *still), when
        excused = ObligationExcused(**WHOSE)
        assert waits(the_correction().and_(excused, when=when)) == ("excused", *still), when


def test_made_up_for_late_it_stands_as_if_recorded_in_time() -> None:
    """Whichever comes first on record, the scheduler's events or the answer."""
    reminded, overdue = ObligationReminded(**WHOSE, **BY), ObligationFellOverdue(**WHOSE, **BY)
    for end in (refiled(), ObligationExcused(**WHOSE)):
        in_time = the_correction().and_(reminded, when=REMIND_AT).and_(overdue, when=DUE).and_(end, when=LATE)
        late = the_correction().and_(end, when=LATE).and_(reminded, when=REMIND_AT).and_(overdue, when=DUE)
        assert row_of(late) == row_of(in_time)
        assert (row_of(late).reminds, row_of(late).waits) == (False, False)


def test_a_reminder_by_hand_stands_for_the_scheduler_s_unless_that_was_due_before() -> None:
    reminded = ObligationReminded(**WHOSE, **BY)
    early = the_correction().and_(reminded, when=REMIND_AT - INSTANT)
    assert waits(early) == ("waiting", False, True)
    in_time = the_correction().and_(reminded, when=REMIND_AT).and_(reminded, when=BEFORE + timedelta(days=1))
    late = the_correction().and_(reminded, when=BEFORE + timedelta(days=1)).and_(reminded, when=REMIND_AT)
    assert row_of(late) == row_of(in_time)
    assert row_of(late).reminded == 2


def test_an_extension_voids_the_reminder_of_the_earlier_day() -> None:
    past = the_correction().and_(put_off(), when=REMIND_AT + INSTANT)
    assert (row_of(past).remind_at, row_of(past).reminds) == (LATER - timedelta(days=1), True)
    answered = the_panel(sheet(MINE), sheet(THEIRS)).and_(extended(), when=DUE - INSTANT)
    assert (row_of(answered, "score_sheets-2").state, row_of(answered, "score_sheets-2").reminds) == ("answered", False)


# --- an appeal --------------------------------------------------------------------------------------------------------

APPEAL: dict[str, Any] = {"obligation_id": ObligationId("appeal_decision-1"), "measure_id": MEASURE}
APPEAL_DUE: dict[str, Any] = {"due_at": DUE_AT, "last_day": DUE_DAY_OF_APPEAL}
AFTER_DUE = at("2022-08-20 10:00")


def test_an_appeal_is_to_be_decided_in_time() -> None:
    past = given(appealed(), when=APPEALS)
    whose = {**APPEAL, "kind": "appeal_decision", "programme_id": CALL}
    past.when(RemindOfObligation(**APPEAL), now=APPEALS).then(ObligationReminded(**whose, **APPEAL_DUE))
    past.when(MarkObligationOverdue(**APPEAL), now=DUE_AT).then(ObligationFellOverdue(**whose, **APPEAL_DUE))
    past.when(ExcuseObligation(**APPEAL), now=APPEALS).then(ObligationExcused(**whose))


@pytest.mark.parametrize("answer", [upheld(), dismissed(), given_up()], ids=lambda body: type(body).__name__)
def test_an_appeal_that_was_decided_or_withdrawn_is_asked_for_no_more(answer: Event) -> None:
    past = given(appealed(), when=APPEALS).and_(answer, when=SETTLES)
    past.when(MarkObligationOverdue(**APPEAL), now=AFTER_DUE).refused(AnsweredAlready)


def test_where_no_time_is_stated_for_an_appeal_nothing_is_due() -> None:
    past = given(appealed(due_at=None, due_day=None), when=APPEALS)
    past.when(MarkObligationOverdue(**APPEAL), now=AFTER_DUE).refused(ObligationUnknown)


def test_a_decision_on_the_appeal_meanwhile_is_a_race_and_on_another_is_not() -> None:
    asked = given(appealed(), when=APPEALS).when(MarkObligationOverdue(**APPEAL), now=DUE_AT)
    asked.meanwhile(dismissed()).is_raced()
    asked.meanwhile(dismissed(measure_id=MeasureId("M-2"))).is_undisturbed()


# --- what a case owes -------------------------------------------------------------------------------------------------

OWED: dict[str, Any] = {"application_id": FIRST, "programme_id": CALL, "unit_id": UnitId("BR-1")}
IN_TIME, MUCH_LATER = at("2020-07-01 10:00"), at("2022-08-01 10:00")


def owed(kind: str, position: int, matter: str | None = None, **changes: Any) -> dict[str, Any]:
    return {**OWED, "obligation_id": ObligationId(f"{kind}-{position}"), "kind": kind, "matter": matter, **changes}


def about(body: dict[str, Any]) -> dict[str, Any]:
    return {"obligation_id": body["obligation_id"], "application_id": FIRST}


DUTIES: list[tuple[Any, Event, list[Event]]] = [
    (owed("task_book", 1), running.book_asked(), [running.book_filed()]),
    (owed("task_book", 1), running.book_returned(), [running.book_filed(2)]),
    (owed("report", 1, "summary_2021"), running.report_asked(), [running.report_filed()]),
    (owed("report", 1, "summary_2021"), running.report_returned(), [running.report_filed(2)]),
    (
        owed("rectification", 1, "midterm"),
        running.ordered(),
        [running.rectified(), running.judged(running.TO_RECTIFY, 2)],
    ),
]
ENDS: list[Event] = [running.stopped(), running.completed(), running.closed_without(), turned_back()]
duties = pytest.mark.parametrize(("body", "asking", "answers"), DUTIES, ids=[type(row[1]).__name__ for row in DUTIES])


@duties
def test_what_a_case_owes_is_reminded_of_falls_overdue_and_is_excused(
    body: dict[str, Any], asking: Any, answers: list[Event]
) -> None:
    past = given(asking, when=ASKED)
    until: dict[str, Any] = {"due_at": asking.due_at, "last_day": asking.last_day}
    past.when(RemindOfObligation(**about(body)), now=IN_TIME).then(ObligationReminded(**body, **until))
    past.when(MarkObligationOverdue(**about(body)), now=IN_TIME).refused(NotDueYet, due_at=asking.due_at)
    past.when(MarkObligationOverdue(**about(body)), now=MUCH_LATER).then(ObligationFellOverdue(**body, **until))
    past.when(ExcuseObligation(**about(body)), now=IN_TIME).then(ObligationExcused(**body))


@duties
def test_what_a_case_owes_is_answered_by_its_own_fact_or_by_the_end_of_the_case(
    body: dict[str, Any], asking: Event, answers: list[Event]
) -> None:
    for answer in (*answers, *ENDS):
        past = given(asking, when=ASKED).and_(answer, when=IN_TIME)
        past.when(ExcuseObligation(**about(body)), now=IN_TIME).refused(AnsweredAlready)
    other = [running.report_filed(report="results_2022"), running.rectified("acceptance"), running.report_asked(SECOND)]
    others = [each for each in other if type(each) is not type(asking)]
    past = given(asking, when=ASKED).and_(*others, when=IN_TIME)
    past.when(ExcuseObligation(**about(body)), now=IN_TIME).then(ObligationExcused(**body))


def test_what_a_case_owes_passes_to_whoever_carries_it_on() -> None:
    past = given(running.report_asked(), running.succeeded(), when=ASKED)
    body = owed("report", 1, "summary_2021", unit_id=UnitId("BR-9"))
    past.when(ExcuseObligation(**about(body)), now=IN_TIME).then(ObligationExcused(**body))


def test_a_correction_is_no_duty_of_a_case_nor_the_other_way_round() -> None:
    """Both are known by the application; neither answers, puts off or ends the other."""
    both = given(asked(FIRST), running.report_asked(), when=ASKED)
    report: dict[str, Any] = about(owed("report", 2, "summary_2021"))
    correction: dict[str, Any] = {"obligation_id": ObligationId("correction-1"), "application_id": FIRST}
    answered = both.and_(running.report_filed(), running.stopped(), when=BEFORE)
    answered.when(MarkObligationOverdue(**correction), now=LATE).then(
        ObligationFellOverdue(**correction, kind="correction", programme_id=CALL, unit_id=BRANCH, **BY)
    )
    put_off_and_refiled = both.and_(
        CorrectionExtended(application_id=FIRST, unit_id=BRANCH, closes_at=LATER, last_day=LATER_DAY), when=BEFORE
    ).and_(refiled(FIRST), when=BEFORE)
    put_off_and_refiled.when(MarkObligationOverdue(**report), now=LATE).refused(
        NotDueYet, due_at=running.end_of(running.SUMMARY_DAY)
    )


@duties
def test_what_a_case_owes_races_with_its_own_facts(body: dict[str, Any], asking: Event, answers: list[Event]) -> None:
    attempt = given(asking, when=ASKED).when(MarkObligationOverdue(**about(body)), now=MUCH_LATER)
    attempt.meanwhile(*answers, running.succeeded(), *ENDS).is_raced()
    attempt.meanwhile(running.report_asked(SECOND), running.begun(), running.outreach()).is_undisturbed()
