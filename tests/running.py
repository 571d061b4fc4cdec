"""A case on its way: three branches confirmed, their task books, reports and assessments, and what became of them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from domain.assessment.events import (
    AssessmentDecided,
    AssessmentDefined,
    AssessmentOutcome,
    CaseClosedWithoutCompletion,
    CaseCompleted,
    CaseExtended,
    Effect,
    RectificationAccepted,
    RectificationOrdered,
    RectificationRejected,
    RectificationReported,
)
from domain.cultivation.events import (
    BudgetItem,
    CaseSucceeded,
    CultivationBegun,
    CultivationStopped,
    Due,
    DueOn,
    Milestone,
    OutreachRecorded,
    ReportAccepted,
    ReportAsked,
    ReportFiled,
    ReportRequired,
    ReportReturned,
    SuccessionGround,
    TaskBookAsked,
    TaskBookFiled,
    TaskBookRequired,
    TaskBookReturned,
    TaskBookSigned,
)
from domain.ids import ApplicationId, DocumentId, PersonId, SuccessorUnitId, UnitId
from domain.kernel import Event
from domain.person.events import PersonRegistered
from domain.unit.events import UnitDissolved, UnitMerged, UnitSplit
from tests.call import BRANCH_TRACK, CALL, CLERK, COLLEGE, HAND, HEAD, PAPER, deposited, the_call, unit
from tests.committee import FIRST, branch, confirmed, decision
from tests.spec import Past, at

BEGAN, ENDS = date(2020, 6, 30), date(2022, 6, 30)
DURING = at("2020-09-10 10:00")
OTHER_PAPER = DocumentId("f" * 64)
LEADER, DEPUTY = PersonId(HAND), PersonId("00000000-0000-0000-0000-000000000021")
SUMMARY_DAY, BOOK_DAY = date(2021, 5, 10), date(2020, 7, 10)
AFTER, LAST = UnitId("BR-9"), UnitId("BR-10")
BUDGET = (
    BudgetItem(year=2020, category="training", amount_fen=600_000),
    BudgetItem(year=2020, category="activity", amount_fen=400_000),
    BudgetItem(year=2021, category="training", amount_fen=1_000_000),
)
MILESTONES = (Milestone(code="kick_off", due_on=date(2020, 9, 30)), Milestone(code="display", due_on=date(2022, 3, 31)))


def end_of(day: date) -> datetime:
    return at(f"{day + timedelta(days=1)} 00:00")


def case(application_id: ApplicationId = FIRST, unit_id: str | None = None) -> dict[str, Any]:
    bearer = branch(application_id) if unit_id is None else UnitId(unit_id)
    return {"application_id": application_id, "programme_id": CALL, "track_id": BRANCH_TRACK, "unit_id": bearer}


def begun(application_id: ApplicationId = FIRST, last_day: date | None = ENDS) -> CultivationBegun:
    return CultivationBegun(**case(application_id), first_day=BEGAN, last_day=last_day)


def registered(person_id: PersonId) -> PersonRegistered:
    return PersonRegistered(person_id=person_id, commitment="7" * 64)


def book_required(due: Due | None = None) -> TaskBookRequired:
    return TaskBookRequired(programme_id=CALL, track_ids=(BRANCH_TRACK,), due=due or DueOn(BOOK_DAY))


def report_required(report: str = "summary_2021", due: Due | None = None) -> ReportRequired:
    return ReportRequired(
        programme_id=CALL, report=report, name_zh="年度总结", name_en="Yearly summary", track_ids=(BRANCH_TRACK,),
        due=due or DueOn(SUMMARY_DAY), year=2021,
    )  # fmt: skip


def book_asked(
    application_id: ApplicationId = FIRST, day: date = BOOK_DAY, unit_id: str | None = None
) -> TaskBookAsked:
    return TaskBookAsked(**case(application_id, unit_id), due_at=end_of(day), last_day=day)


def report_asked(
    application_id: ApplicationId = FIRST,
    report: str = "summary_2021",
    day: date = SUMMARY_DAY,
    unit_id: str | None = None,
) -> ReportAsked:
    return ReportAsked(**case(application_id, unit_id), report=report, year=2021, due_at=end_of(day), last_day=day)


def book_filed(version: int = 1, unit_id: str | None = None, **changes: Any) -> TaskBookFiled:
    fields: dict[str, Any] = {
        "document_id": PAPER, "road_map_document_id": OTHER_PAPER, "milestones": MILESTONES,
        "responsible_ids": (LEADER,), "budget": BUDGET,
    }  # fmt: skip
    return TaskBookFiled(**case(unit_id=unit_id), version=version, **(fields | changes))


def book_returned(version: int = 1, day: date = date(2020, 9, 20)) -> TaskBookReturned:
    return TaskBookReturned(**case(), version=version, due_at=end_of(day), last_day=day, opinion_document_id=PAPER)


def book_signed(version: int = 1, budget: tuple[BudgetItem, ...] = BUDGET) -> TaskBookSigned:
    return TaskBookSigned(**case(), version=version, budget=budget, signed_on=date(2020, 9, 10))


def report_filed(version: int = 1, report: str = "summary_2021", unit_id: str | None = None) -> ReportFiled:
    return ReportFiled(**case(unit_id=unit_id), report=report, version=version, document_id=PAPER)


def report_returned(version: int = 1, day: date = date(2021, 5, 20), report: str = "summary_2021") -> ReportReturned:
    return ReportReturned(
        **case(), report=report, version=version, due_at=end_of(day), last_day=day, opinion_document_id=PAPER
    )


def report_accepted(version: int = 1, report: str = "summary_2021") -> ReportAccepted:
    return ReportAccepted(**case(), report=report, version=version)


def outreach(**changes: Any) -> OutreachRecorded:
    fields: dict[str, Any] = {
        "channel": "campus_media", "reach": 1200, "published_on": date(2020, 9, 1), "document_id": PAPER,
    }  # fmt: skip
    return OutreachRecorded(**case(), **(fields | changes))


def succeeded(successor: str = AFTER, ground: SuccessionGround = "merged", before: str | None = None) -> CaseSucceeded:
    return CaseSucceeded(**case(unit_id=before), successor_unit_id=SuccessorUnitId(successor), ground=ground)


def stopped() -> CultivationStopped:
    return CultivationStopped(**case(), ground="unit_dissolved", decision_document_id=PAPER)


# --- what became of a unit --------------------------------------------------------------------------------------------


def merged(unit_id: str = "BR-1", successor: str = AFTER) -> UnitMerged:
    return UnitMerged(
        unit_id=UnitId(unit_id), successor_unit_id=SuccessorUnitId(successor), valid_on=date(2020, 5, 1),
        source_document_id=PAPER,
    )  # fmt: skip


def split(unit_id: str, *successors: str) -> UnitSplit:
    named = tuple(SuccessorUnitId(each) for each in successors)
    return UnitSplit(
        unit_id=UnitId(unit_id), successor_unit_ids=named, valid_on=date(2020, 5, 1), source_document_id=PAPER
    )


def dissolved(unit_id: str = "BR-1") -> UnitDissolved:
    return UnitDissolved(unit_id=UnitId(unit_id), valid_on=date(2020, 5, 1), source_document_id=PAPER)


# --- assessments ------------------------------------------------------------------------------------------------------

PASSED = AssessmentOutcome("passed", "合格", "Passed", ("continue",))
TO_RECTIFY = AssessmentOutcome("to_rectify", "限期整改", "To be rectified", ("rectify", "hold_funds"), 92)
MET = AssessmentOutcome("met", "达标", "Met", ("complete", "title"))
NOT_MET = AssessmentOutcome("not_met", "不达标", "Not met", ("no_completion", "stop_funds"))
DEFERRED = AssessmentOutcome("deferred", "暂缓通过", "Deferred", ("defer",))
MORE_TIME = AssessmentOutcome("more_time", "延期", "More time", ("extend",))
AGAIN = AssessmentOutcome("again", "整改后再验", "To be rectified", ("rectify",))


def midterm(**changes: Any) -> AssessmentDefined:
    fields: dict[str, Any] = {
        "programme_id": CALL, "assessment": "midterm", "order": 1, "name_zh": "中期评估", "name_en": "Midterm",
        "track_ids": (BRANCH_TRACK,), "kind": "midterm", "outcomes": (PASSED, TO_RECTIFY),
    }  # fmt: skip
    return AssessmentDefined(**(fields | changes))


def acceptance(**changes: Any) -> AssessmentDefined:
    fields: dict[str, Any] = {
        "programme_id": CALL, "assessment": "acceptance", "order": 2, "name_zh": "验收", "name_en": "Acceptance",
        "track_ids": (BRANCH_TRACK,), "kind": "acceptance", "outcomes": (MET, NOT_MET, DEFERRED, MORE_TIME, AGAIN),
    }  # fmt: skip
    return AssessmentDefined(**(fields | changes))


def judged(outcome: AssessmentOutcome = PASSED, round_: int = 1, **changes: Any) -> AssessmentDecided:
    ends = outcome in {MET, NOT_MET, DEFERRED, MORE_TIME, AGAIN}
    effects: tuple[Effect, ...] = outcome.effects
    fields: dict[str, Any] = {
        "assessment": "acceptance" if ends else "midterm", "kind": "acceptance" if ends else "midterm",
        "round": round_, "outcome": outcome.code, "effects": effects, "decision_document_id": PAPER,
    }  # fmt: skip
    return AssessmentDecided(**case(), **(fields | changes))


def ordered(day: date = date(2021, 9, 15), assessment: str = "midterm", *, holds_funds: bool = True) -> Event:
    return RectificationOrdered(
        **case(), assessment=assessment, due_at=end_of(day), last_day=day, holds_funds=holds_funds,
        order_document_id=PAPER,
    )  # fmt: skip


def rectified(assessment: str = "midterm") -> RectificationReported:
    return RectificationReported(**case(), assessment=assessment, document_id=PAPER)


def rectification_accepted(assessment: str = "midterm") -> RectificationAccepted:
    return RectificationAccepted(**case(), assessment=assessment, opinion_document_id=PAPER)


def rectification_rejected(assessment: str = "midterm") -> RectificationRejected:
    return RectificationRejected(**case(), assessment=assessment, opinion_document_id=PAPER)


def extended(last_day: date = date(2023, 6, 30)) -> CaseExtended:
    return CaseExtended(**case(), assessment="acceptance", last_day=last_day)


def completed(day: date = ENDS, *, early: bool = False) -> CaseCompleted:
    return CaseCompleted(**case(), completed_on=day, early=early)


def closed_without(day: date = ENDS, ground: str = "not_met") -> CaseClosedWithoutCompletion:
    return CaseClosedWithoutCompletion(**case(), closed_on=day, ground=ground)


# --- pasts ------------------------------------------------------------------------------------------------------------


def the_confirmed(last_day: date | None = ENDS) -> Past:
    """The first branch is confirmed; the documents and persons are there."""
    units = (unit(each, "branch", COLLEGE) for each in ("BR-1", AFTER, LAST))
    people = (registered(LEADER), registered(DEPUTY))
    return the_call().and_(*units, deposited(OTHER_PAPER), *people, *decision(), confirmed(last_day=last_day))


def the_running(last_day: date | None = ENDS) -> Past:
    """Beside that, its cultivation has begun."""
    return the_confirmed(last_day).and_(begun(last_day=last_day))


def the_filed_book() -> Past:
    """Beside that, the branch has filed its task book."""
    return the_running().and_(book_filed(), by=HAND)


def the_signed_book() -> Past:
    """Beside that, the head has signed it."""
    return the_filed_book().and_(book_signed(), by=HEAD)


def the_asked_report() -> Past:
    """The yearly summary was asked of the running case."""
    return the_running().and_(report_asked(), by=CLERK)


def the_assessed(*events: Event) -> Past:
    """Midterm and acceptance are defined, and then these happened."""
    return the_running().and_(midterm(), acceptance(), *events, by=HEAD)
