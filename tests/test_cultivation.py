"""Cultivation: what is required and asked, task books, reports, outreach, and cases that outlive their units."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import example
from hypothesis import given as drawn
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.cultivation.commands import (
    AcceptReport,
    BeginCultivation,
    FileReport,
    FileTaskBook,
    RecordOutreach,
    RequireReport,
    RequireTaskBook,
    ReturnReport,
    ReturnTaskBook,
    SignTaskBook,
    StopCultivation,
    SucceedCase,
)
from domain.cultivation.events import (
    BudgetItem,
    CaseSucceeded,
    CultivationBegun,
    Due,
    DueByTerm,
    DueOn,
    DueWithin,
    Milestone,
    SuccessionGround,
)
from domain.cultivation.policy import CaseUnknown
from domain.cultivation.report import (
    NegativeReach,
    OutreachRecordedAlready,
    PublishedOutsidePeriod,
    ReportInHand,
    ReportNotAsked,
    ReportNotFiled,
    ReportSettled,
)
from domain.cultivation.requirement import BegunAlready, DueAlready, DueWithinNoDays, RequiredOfNoTrack
from domain.cultivation.succession import BorneByItAlready, SuccessorNotNamed, UnitStands
from domain.cultivation.task_book import (
    MilestoneOutsidePeriod,
    MilestoneTwice,
    NobodyResponsible,
    NoMilestone,
    NoTaskBookFiled,
    NothingBudgeted,
    ReturnedUntilPast,
    TaskBookUnsigned,
    YearExceedsAmount,
)
from domain.document.policy import DocumentUnknown
from domain.ids import ApplicationId, DocumentId, PersonId, ProgrammeId, SuccessorUnitId, TrackId
from domain.kernel import Command, Event, Refusal
from domain.permission.policy import NotInThisState, ReasonMissing
from domain.person.policy import PersonUnknown
from domain.programme.events import AmountValue, DateValue, NotStated, TermInterpreted
from domain.programme.policy import (
    AmountNotAboveZero,
    CategoryUnknown,
    LineTwice,
    ProgrammeUnknown,
    TermNotInterpreted,
    TermUnknown,
    TrackUnknown,
    YearNotFunded,
)
from domain.publicity.policy import SecondPersonMissing
from domain.unit.policy import NotTheSuccessor, UnitGone, UnitUnknown
from tests.call import (
    BRANCH_TRACK,
    CALL,
    COLLEGE,
    COLLEGE_TRACK,
    HAND,
    HEAD,
    PAPER,
    deposited,
    interpreted,
    the_call,
    unit,
)
from tests.committee import FIRST, SECOND, confirmed, turned_back
from tests.running import (
    AFTER,
    BEGAN,
    BOOK_DAY,
    BUDGET,
    DEPUTY,
    DURING,
    LAST,
    LEADER,
    MILESTONES,
    OTHER_PAPER,
    begun,
    book_asked,
    book_filed,
    book_required,
    book_returned,
    book_signed,
    case,
    closed_without,
    completed,
    dissolved,
    extended,
    merged,
    outreach,
    registered,
    report_accepted,
    report_asked,
    report_filed,
    report_required,
    report_returned,
    split,
    stopped,
    succeeded,
    the_asked_report,
    the_confirmed,
    the_filed_book,
    the_running,
    the_signed_book,
)
from tests.spec import Past, at

THIRD = ApplicationId("A-3")
ENDED: tuple[Event, ...] = (turned_back(), stopped(), completed(), closed_without())


def require_book(due: Due | None = None, **changes: Any) -> RequireTaskBook:
    fields: dict[str, Any] = {"programme_id": CALL, "track_ids": (BRANCH_TRACK,), "due": due or DueOn(BOOK_DAY)}
    return RequireTaskBook(**(fields | changes))


def require_report(report: str = "summary_2021", due: Due | None = None, **changes: Any) -> RequireReport:
    fields: dict[str, Any] = {
        "programme_id": CALL, "report": report, "name_zh": "年度总结", "name_en": "Yearly summary",
        "track_ids": (BRANCH_TRACK,), "due": due or DueOn(date(2021, 5, 10)), "year": 2021,
    }  # fmt: skip
    return RequireReport(**(fields | changes))


def file_book(**changes: Any) -> FileTaskBook:
    fields: dict[str, Any] = {
        "application_id": FIRST, "document_id": PAPER, "road_map_document_id": OTHER_PAPER, "milestones": MILESTONES,
        "responsible_ids": (LEADER,), "budget": BUDGET,
    }  # fmt: skip
    return FileTaskBook(**(fields | changes))


# --- what is required -------------------------------------------------------------------------------------------------


def test_what_is_required_is_asked_of_each_case_that_runs_by_a_fact_of_its_own() -> None:
    elsewhere = replace(begun(THIRD), track_id=COLLEGE_TRACK)
    past = the_running().and_(confirmed(SECOND), begun(SECOND), elsewhere)
    past.when(require_book(), now=at("2020-07-01 09:00")).then(book_required(), book_asked(), book_asked(SECOND))
    past.when(require_report(), now=DURING).then(report_required(), report_asked(), report_asked(SECOND))


def test_a_case_that_ended_or_was_asked_before_is_not_asked_again() -> None:
    for end in ENDED:
        the_running().and_(end).when(require_report(), now=DURING).then(report_required())
        the_running().and_(end).when(require_book(), now=at("2020-07-01 09:00")).then(book_required())
    asked = the_running().and_(report_required(), report_asked(), book_required(), book_asked())
    later = date(2021, 5, 31)
    asked.when(require_report(due=DueOn(later)), now=DURING).then(report_required(due=DueOn(later)))
    asked.when(require_book(DueOn(later)), now=DURING).then(book_required(DueOn(later)))


def test_the_same_requirement_is_recorded_once() -> None:
    the_running().and_(report_required()).when(require_report(), now=DURING).then()
    the_running().and_(book_required()).when(require_book(), now=at("2020-07-01 09:00")).then()


def test_a_case_that_passed_to_a_successor_is_asked_of_that() -> None:
    past = the_running().and_(succeeded())
    past.when(require_report(), now=DURING).then(report_required(), report_asked(unit_id=AFTER))


def test_what_was_due_before_the_case_began_is_not_asked_of_it() -> None:
    early = DueOn(date(2020, 6, 29))
    past = the_running()
    past.when(require_report(due=early), now=at("2020-06-01 09:00")).then(report_required(due=early))


def test_a_time_is_a_day_a_term_of_the_call_or_so_long_after_the_case_began() -> None:
    day, month = date(2021, 5, 9), DueWithin(30)
    past = the_running().and_(interpreted("annual_summary_due", DateValue(day=day)))
    term = DueByTerm("annual_summary_due")
    past.when(require_report(due=term), now=DURING).then(report_required(due=term), report_asked(day=day))
    within = date(2020, 7, 30)
    past.when(require_book(month), now=at("2020-07-01 09:00")).then(book_required(month), book_asked(day=within))
    past.when(require_book(month), now=at("2020-07-31 00:00")).refused(DueAlready, last_day=within)


@pytest.mark.parametrize("require", [require_book, require_report], ids=["task_book", "report"])
def test_a_requirement_needs_a_programme_its_tracks_and_a_time_that_can_be_read(require: Any) -> None:
    past = the_running()
    past.when(require(programme_id=ProgrammeId("other"))).refused(ProgrammeUnknown, programme_id="other")
    for none in ((), (BRANCH_TRACK, BRANCH_TRACK)):
        past.when(require(track_ids=none)).refused(RequiredOfNoTrack, field="track_ids")
    past.when(require(track_ids=(TrackId("no-such"),))).refused(TrackUnknown, track_id="no-such")
    past.when(require(due=DueWithin(0))).refused(DueWithinNoDays, days=0)
    past.when(require(due=DueByTerm("nowhere"))).refused(TermUnknown, term="nowhere")
    past.when(require(due=DueByTerm("annual_summary_due"))).refused(TermNotInterpreted, term="annual_summary_due")
    past.when(require(due=DueOn(date(2020, 5, 19)))).refused(DueAlready, last_day=date(2020, 5, 19))


def test_requiring_races_with_cases_and_with_the_call_but_not_with_task_books() -> None:
    asked = the_running().when(require_report(), now=DURING)
    asked.meanwhile(begun(SECOND), succeeded(), stopped(), report_asked(), report_required(), interpreted()).is_raced()
    asked.meanwhile(book_filed(), book_asked(), outreach(), confirmed(SECOND)).is_undisturbed()
    asked = the_running().when(require_book(), now=at("2020-07-01 09:00"))
    asked.meanwhile(begun(SECOND), completed(), book_asked(), book_required()).is_raced()
    asked.meanwhile(report_asked(), report_required(), report_filed()).is_undisturbed()


# --- the beginning ----------------------------------------------------------------------------------------------------


def test_a_case_begins_and_is_asked_for_what_its_track_requires() -> None:
    required = the_confirmed().and_(
        book_required(DueWithin(10)), report_required(), report_required("early", DueOn(date(2020, 6, 29)))
    )
    elsewhere = replace(report_required("elsewhere"), track_ids=(COLLEGE_TRACK,))
    begin = BeginCultivation(application_id=FIRST)
    required.and_(elsewhere).when(begin).then(begun(), book_asked(), report_asked())
    other_book = replace(book_required(), track_ids=(COLLEGE_TRACK,))
    the_confirmed().and_(other_book).when(begin).then(begun())
    the_confirmed(None).when(begin).then(begun(last_day=None))


def test_a_case_begins_once_and_only_when_it_is_confirmed() -> None:
    begin = BeginCultivation(application_id=FIRST)
    the_running().when(begin).refused(BegunAlready, application_id="A-1")
    the_call().when(begin).refused(CaseUnknown, application_id="A-1")
    the_confirmed().and_(turned_back()).when(begin).refused(NotInThisState, state="reversed")
    waiting = the_confirmed().and_(report_required(due=DueByTerm("annual_summary_due")))
    waiting.when(begin).refused(TermNotInterpreted)


def test_a_case_whose_unit_was_merged_meanwhile_begins_with_the_successor() -> None:
    begin = BeginCultivation(application_id=FIRST)
    past = the_confirmed().and_(book_required(), merged(), merged(AFTER, LAST))
    past.when(begin).then(begun(), succeeded(LAST), book_asked(unit_id=LAST))
    the_confirmed().and_(split("BR-1", AFTER, LAST)).when(begin).then(begun())


def test_beginning_races_with_requirements_and_with_the_unit() -> None:
    asked = the_confirmed().when(BeginCultivation(application_id=FIRST))
    asked.meanwhile(
        book_required(), report_required(), interpreted("annual_summary_due"), merged(), turned_back(), begun()
    ).is_raced()
    asked.meanwhile(begun(SECOND), merged(LAST, AFTER), book_filed(), registered(DEPUTY)).is_undisturbed()


# --- the task book ----------------------------------------------------------------------------------------------------


def test_a_task_book_is_filed_returned_filed_again_and_signed_by_another() -> None:
    filed = the_running().when(file_book(), by=HAND, now=DURING).then(book_filed())
    back = ReturnTaskBook(application_id=FIRST, version=1, last_day=date(2020, 9, 20), opinion_document_id=PAPER)
    returned = filed.when(back, by=HEAD, now=DURING).then(book_returned())
    again = returned.when(file_book(responsible_ids=(LEADER, DEPUTY)), by=HAND, now=DURING)
    second = again.then(book_filed(2, responsible_ids=(LEADER, DEPUTY)))
    second.when(SignTaskBook(application_id=FIRST, version=2), by=HEAD, now=DURING).then(book_signed(2))


def test_a_signed_task_book_is_amended_by_a_later_version_with_a_reason() -> None:
    budget = (BUDGET[0], replace(BUDGET[1], amount_fen=300_000), BUDGET[2])
    past = the_signed_book()
    past.when(file_book(budget=budget), by=HAND, now=DURING).refused(ReasonMissing, field="Reason")
    amended = past.when(file_book(budget=budget), by=HAND, now=DURING, reason="plan_changed")
    second = amended.then(book_filed(2, budget=budget))
    sign = SignTaskBook(application_id=FIRST, version=2)
    second.when(sign, by=HEAD, now=DURING).then(book_signed(2, budget))


def test_only_the_version_that_waits_is_signed_or_returned() -> None:
    the_filed_book().when(file_book(), now=DURING).refused(TaskBookUnsigned, version=1)
    sign = SignTaskBook(application_id=FIRST, version=1)
    back = ReturnTaskBook(application_id=FIRST, version=1, last_day=date(2020, 9, 20), opinion_document_id=PAPER)
    for past in (the_running(), the_filed_book().and_(book_returned()), the_signed_book()):
        past.when(sign, now=DURING).refused(NoTaskBookFiled, version=1)
        past.when(back, now=DURING).refused(NoTaskBookFiled, version=1)
    other = SignTaskBook(application_id=FIRST, version=2)
    the_filed_book().when(other, by=HEAD, now=DURING).refused(NoTaskBookFiled, version=2)
    the_filed_book().when(sign, by=HAND, now=DURING).refused(SecondPersonMissing, act="SignTaskBook")


def test_a_task_book_is_returned_with_an_opinion_and_with_time_left() -> None:
    back: dict[str, Any] = {"application_id": FIRST, "version": 1, "opinion_document_id": PAPER}
    late = ReturnTaskBook(**back, last_day=date(2020, 9, 9))
    the_filed_book().when(late, now=DURING).refused(ReturnedUntilPast, last_day=date(2020, 9, 9))
    unknown = ReturnTaskBook(**(back | {"opinion_document_id": DocumentId("0" * 64)}), last_day=date(2020, 9, 20))
    the_filed_book().when(unknown, now=DURING).refused(DocumentUnknown, document_id="0" * 64)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"milestones": ()}, NoMilestone),
        ({"milestones": (MILESTONES[0], MILESTONES[0])}, MilestoneTwice),
        ({"milestones": (Milestone("early", date(2020, 6, 29)),)}, MilestoneOutsidePeriod),
        ({"milestones": (Milestone("late", date(2022, 7, 1)),)}, MilestoneOutsidePeriod),
        ({"responsible_ids": ()}, NobodyResponsible),
        ({"responsible_ids": (LEADER, LEADER)}, NobodyResponsible),
        ({"responsible_ids": (PersonId("00000000-0000-0000-0000-000000000099"),)}, PersonUnknown),
        ({"document_id": DocumentId("0" * 64)}, DocumentUnknown),
        ({"road_map_document_id": DocumentId("0" * 64)}, DocumentUnknown),
        ({"budget": ()}, NothingBudgeted),
        ({"budget": BUDGET[:2]}, NothingBudgeted),
        ({"budget": (*BUDGET, BudgetItem(2022, "training", 1))}, YearNotFunded),
        ({"budget": (*BUDGET, BudgetItem(2020, "no_such", 1))}, CategoryUnknown),
        ({"budget": (*BUDGET, BudgetItem(2020, "other", 0))}, AmountNotAboveZero),
        ({"budget": (*BUDGET, BUDGET[0])}, LineTwice),
        ({"budget": (*BUDGET, BudgetItem(2021, "other", 1))}, YearExceedsAmount),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_what_a_task_book_must_say(changes: dict[str, Any], refusal: type[Refusal]) -> None:
    the_running().when(file_book(**changes), now=DURING).refused(refusal)


def test_a_year_of_the_budget_stays_within_what_the_call_grants() -> None:
    over = (*BUDGET, BudgetItem(2021, "other", 1))
    asked = the_running().when(file_book(budget=over), now=DURING)
    asked.refused(YearExceedsAmount, year=2021, total_fen=1_000_001, at_most_fen=1_000_000)
    whole = (BudgetItem(2020, "training", 1_000_000), BudgetItem(2021, "training", 1_000_000))
    the_running().when(file_book(budget=whole), now=DURING).then(book_filed(budget=whole))
    more = interpreted("branch_annual_amount", AmountValue(amount_fen=1_000_001))
    the_running().and_(more).when(file_book(budget=over), now=DURING).then(book_filed(budget=over))
    unlimited = TermInterpreted(programme_id=CALL, term="branch_annual_amount", value=NotStated())
    the_running().and_(unlimited).when(file_book(budget=over), now=DURING).then(book_filed(budget=over))


def _track(past: Past, **changes: Any) -> Past:
    (defined,) = (r.event for r in past.log if getattr(r.event, "TOPIC", "") == "programme.track_defined.v1"
                  and getattr(r.event, "track_id", "") == BRANCH_TRACK)  # fmt: skip
    return past.and_(replace(defined, **changes))


def test_a_track_without_money_has_a_task_book_without_a_budget_and_one_without_an_amount_no_limit() -> None:
    free = _track(the_running(), funded_years=(), annual_amount_term=None)
    free.when(file_book(budget=()), now=DURING).then(book_filed(budget=()))
    open_ended = _track(the_running(), annual_amount_term=None)
    over = (*BUDGET, BudgetItem(2021, "other", 1))
    open_ended.when(file_book(budget=over), now=DURING).then(book_filed(budget=over))
    unread = _track(the_running(), annual_amount_term="college_annual_amount")
    unread.when(file_book(), now=DURING).refused(TermNotInterpreted, term="college_annual_amount")


def test_a_case_whose_end_is_not_stated_has_milestones_as_late_as_it_likes() -> None:
    late = (Milestone("display", date(2029, 1, 1)),)
    the_running(None).when(file_book(milestones=late), now=DURING).then(book_filed(milestones=late))


def test_the_extended_period_takes_later_milestones() -> None:
    late = (Milestone("display", date(2023, 6, 30)),)
    past = the_running().and_(extended())
    past.when(file_book(milestones=late), now=DURING).then(book_filed(milestones=late))


def test_filing_races_with_what_it_rests_on_and_not_with_another_case() -> None:
    asked = the_running().when(file_book(), now=DURING)
    asked.meanwhile(
        book_filed(), book_signed(), stopped(), succeeded(), registered(LEADER), deposited(OTHER_PAPER),
        interpreted("branch_annual_amount", AmountValue(amount_fen=1)), extended(),
    ).is_raced()  # fmt: skip
    neighbours = (begun(SECOND), report_filed(), outreach(), registered(DEPUTY))
    asked.meanwhile(*neighbours).is_undisturbed()
    asked = the_filed_book().when(SignTaskBook(application_id=FIRST, version=1), by=HEAD, now=DURING)
    asked.meanwhile(book_returned(), book_filed(2), stopped()).is_raced()
    asked.meanwhile(*neighbours).is_undisturbed()
    back = ReturnTaskBook(application_id=FIRST, version=1, last_day=date(2020, 9, 20), opinion_document_id=PAPER)
    asked = the_filed_book().when(back, now=DURING)
    asked.meanwhile(book_signed(), book_filed(2), deposited(PAPER)).is_raced()
    asked.meanwhile(*neighbours).is_undisturbed()


# --- reports ----------------------------------------------------------------------------------------------------------

FILE = FileReport(application_id=FIRST, report="summary_2021", document_id=PAPER)
BACK = ReturnReport(application_id=FIRST, report="summary_2021", last_day=date(2021, 5, 20), opinion_document_id=PAPER)
ACCEPT = AcceptReport(application_id=FIRST, report="summary_2021")
MAY = at("2021-05-08 10:00")


def test_a_report_is_filed_returned_completed_and_accepted() -> None:
    filed = the_asked_report().when(FILE, now=MAY).then(report_filed())
    returned = filed.when(BACK, now=MAY).then(report_returned())
    again = returned.when(FILE, now=MAY).then(report_filed(2))
    again.when(ACCEPT, now=MAY).then(report_accepted(2))


def test_a_task_book_that_was_asked_for_is_filed_late_as_well() -> None:
    past = the_running().and_(book_asked())
    past.when(file_book(), now=DURING).then(book_filed())


def test_a_late_report_is_taken() -> None:
    the_asked_report().when(FILE, now=at("2021-06-01 10:00")).then(report_filed())


def test_a_report_is_asked_for_before_it_is_filed_and_filed_before_it_is_looked_at() -> None:
    for command in (FILE, BACK, ACCEPT):
        the_running().when(command, now=MAY).refused(ReportNotAsked, report="summary_2021", application_id="A-1")
    for command in (BACK, ACCEPT):
        the_asked_report().when(command, now=MAY).refused(ReportNotFiled, state="asked")
        past = the_asked_report().and_(report_filed(), report_returned())
        past.when(command, now=MAY).refused(ReportNotFiled, state="returned")
    filed = the_asked_report().and_(report_filed())
    filed.when(FILE, now=MAY).refused(ReportInHand, report="summary_2021")
    filed.and_(report_accepted()).when(FILE, now=MAY).refused(ReportSettled, report="summary_2021")
    filed.and_(report_accepted()).when(ACCEPT, now=MAY).refused(ReportNotFiled, state="accepted")


def test_a_report_and_its_return_rest_on_documents_and_leave_time() -> None:
    nowhere = DocumentId("0" * 64)
    missing = FileReport(application_id=FIRST, report="summary_2021", document_id=nowhere)
    the_asked_report().when(missing, now=MAY).refused(DocumentUnknown, document_id=nowhere)
    filed = the_asked_report().and_(report_filed())
    unread = ReturnReport(
        application_id=FIRST, report="summary_2021", last_day=date(2021, 5, 20), opinion_document_id=nowhere
    )
    filed.when(unread, now=MAY).refused(DocumentUnknown, document_id=nowhere)
    filed.when(BACK, now=at("2021-05-21 00:00")).refused(ReturnedUntilPast, last_day=date(2021, 5, 20))


def test_reports_race_with_the_same_case_only() -> None:
    asked = the_asked_report().when(FILE, now=MAY)
    asked.meanwhile(report_filed(), report_asked(report="results_2022"), stopped(), deposited(PAPER)).is_raced()
    neighbours = (report_asked(SECOND), begun(SECOND), book_filed(), outreach())
    asked.meanwhile(*neighbours).is_undisturbed()
    filed = the_asked_report().and_(report_filed())
    for command in (BACK, ACCEPT):
        asked = filed.when(command, now=MAY)
        asked.meanwhile(report_returned(), report_accepted(), completed()).is_raced()
        asked.meanwhile(*neighbours).is_undisturbed()


# --- outreach ---------------------------------------------------------------------------------------------------------


def record_outreach(**changes: Any) -> RecordOutreach:
    fields: dict[str, Any] = {
        "application_id": FIRST, "channel": "campus_media", "reach": 1200, "published_on": date(2020, 9, 1),
        "document_id": PAPER,
    }  # fmt: skip
    return RecordOutreach(**(fields | changes))


def test_outreach_is_recorded_while_the_case_runs_and_after_it_was_completed() -> None:
    for past in (the_running(), the_running().and_(completed())):
        past.when(record_outreach(), now=DURING).then(outreach())
    past = the_running().and_(outreach())
    past.when(record_outreach(channel="province_daily", reach=0), now=DURING).then(
        outreach(channel="province_daily", reach=0)
    )


def test_outreach_has_a_reach_a_day_and_evidence_and_is_recorded_once() -> None:
    past = the_running()
    past.when(record_outreach(reach=-1), now=DURING).refused(NegativeReach, reach=-1)
    for day in (date(2020, 6, 29), date(2020, 9, 11)):
        asked = past.when(record_outreach(published_on=day), now=DURING)
        asked.refused(PublishedOutsidePeriod, published_on=day, first_day=BEGAN, today=date(2020, 9, 10))
    past.when(record_outreach(document_id=DocumentId("0" * 64)), now=DURING).refused(DocumentUnknown)
    recorded = past.and_(outreach())
    recorded.when(record_outreach(reach=5), now=DURING).refused(OutreachRecordedAlready, channel="campus_media")
    past.and_(closed_without()).when(record_outreach(), now=DURING).refused(NotInThisState, state="not_completed")


def test_outreach_races_with_the_same_evidence_only() -> None:
    asked = the_running().when(record_outreach(), now=DURING)
    asked.meanwhile(outreach(), stopped(), deposited(PAPER)).is_raced()
    asked.meanwhile(outreach(document_id=OTHER_PAPER), book_filed(), report_filed()).is_undisturbed()


# --- who carries a case on --------------------------------------------------------------------------------------------


def succeed(ground: SuccessionGround, successor: str | None = None) -> SucceedCase:
    named = None if successor is None else SuccessorUnitId(successor)
    return SucceedCase(application_id=FIRST, ground=ground, successor_unit_id=named)


def test_a_merged_unit_hands_its_case_on_along_the_whole_line() -> None:
    once = the_running().and_(merged())
    handed = once.when(succeed("merged")).then(succeeded())
    once.when(succeed("merged", AFTER)).then(succeeded())
    twice = once.and_(merged(AFTER, LAST))
    twice.when(succeed("merged")).then(succeeded(LAST))
    handed.and_(merged(AFTER, LAST)).when(succeed("merged")).then(succeeded(LAST, before=AFTER))
    handed.when(succeed("merged")).refused(UnitStands, unit_id=AFTER, ground="merged")


def test_a_split_unit_hands_its_case_to_the_part_that_is_named() -> None:
    past = the_running().and_(split("BR-1", AFTER, LAST))
    past.when(succeed("split", LAST)).then(succeeded(LAST, "split"))
    past.when(succeed("split")).refused(SuccessorNotNamed, application_id="A-1")
    past.when(succeed("split", "COL")).refused(NotTheSuccessor, successor_unit_id="COL", successors="BR-9, BR-10")
    # A part that was merged meanwhile is no end of the line any more.
    past.and_(merged(AFTER, LAST)).when(succeed("split")).then(succeeded(LAST, "split"))
    the_running().and_(merged(), split(AFTER, LAST, "COL")).when(succeed("merged")).refused(SuccessorNotNamed)


def test_a_dissolved_unit_hands_its_case_to_whoever_is_named_and_lives() -> None:
    past = the_running().and_(dissolved())
    past.when(succeed("dissolved", AFTER)).then(succeeded(AFTER, "dissolved"))
    past.when(succeed("dissolved")).refused(SuccessorNotNamed)
    past.when(succeed("dissolved", "nobody")).refused(UnitUnknown, unit_id="nobody")
    past.and_(dissolved(AFTER)).when(succeed("dissolved", AFTER)).refused(UnitGone, unit_id=AFTER)
    past.when(succeed("merged", AFTER)).refused(UnitStands, unit_id="BR-1", ground="merged")
    past.when(succeed("split", AFTER)).refused(UnitStands, ground="split")


def test_a_case_passes_by_decision_with_a_reason() -> None:
    past = the_running()
    past.when(succeed("decided", AFTER), reason="reorganised").then(succeeded(AFTER, "decided"))
    past.when(succeed("decided", AFTER)).refused(ReasonMissing)
    past.when(succeed("decided"), reason="reorganised").refused(SuccessorNotNamed)
    past.when(succeed("decided", "BR-1"), reason="reorganised").refused(BorneByItAlready, unit_id="BR-1")
    past.when(succeed("dissolved", AFTER)).refused(UnitStands, ground="dissolved")


def test_a_case_that_passed_on_is_filed_for_by_its_successor() -> None:
    past = the_asked_report().and_(succeeded())
    past.when(FILE, now=MAY).then(report_filed(unit_id=AFTER))
    assert past.when(FILE, now=MAY).command.unit_id == AFTER  # type: ignore[attr-defined]


def test_succession_races_with_the_line_of_the_unit_and_with_the_case() -> None:
    asked = the_running().and_(merged()).when(succeed("merged"))
    asked.meanwhile(merged(AFTER, LAST), dissolved(AFTER), succeeded(), stopped()).is_raced()
    asked.meanwhile(merged(LAST, "COL"), book_filed(), begun(SECOND)).is_undisturbed()


def test_a_case_is_stopped_by_a_decision() -> None:
    stop = StopCultivation(application_id=FIRST, ground="unit_dissolved", decision_document_id=PAPER)
    the_running().when(stop).then(stopped()).when(stop).refused(NotInThisState, state="stopped")
    missing = StopCultivation(application_id=FIRST, ground="unit_dissolved", decision_document_id=DocumentId("0" * 64))
    the_running().when(missing).refused(DocumentUnknown)
    asked = the_running().when(stop)
    asked.meanwhile(completed(), succeeded(), deposited(PAPER)).is_raced()
    asked.meanwhile(book_filed(), begun(SECOND), report_filed()).is_undisturbed()


EVERYTHING: tuple[Command, ...] = (
    BeginCultivation(application_id=FIRST),
    file_book(),
    ReturnTaskBook(application_id=FIRST, version=1, last_day=date(2020, 9, 20), opinion_document_id=PAPER),
    SignTaskBook(application_id=FIRST, version=1),
    FILE,
    BACK,
    ACCEPT,
    record_outreach(),
    succeed("merged"),
    StopCultivation(application_id=FIRST, ground="unit_dissolved", decision_document_id=PAPER),
)


@pytest.mark.parametrize("command", EVERYTHING, ids=lambda command: type(command).__name__)
def test_nothing_is_asked_of_a_case_that_is_not_there_or_has_ended(command: Command) -> None:
    the_call().when(command, now=DURING).refused(CaseUnknown, application_id="A-1")
    the_running().and_(stopped()).when(command, now=DURING).refused(NotInThisState, state="stopped")


def test_what_an_event_of_a_case_says_of_it() -> None:
    assert case() == {
        "application_id": FIRST, "programme_id": CALL, "track_id": BRANCH_TRACK, "unit_id": "BR-1",
    }  # fmt: skip
    assert isinstance(begun(), CultivationBegun)
    assert isinstance(succeeded(), CaseSucceeded)


# --- whatever becomes of the units, the case is somebody's ------------------------------------------------------------

UNITS = ("BR-1", AFTER, LAST, "BR-11", "BR-12")
ANY = st.sampled_from(UNITS)


@drawn(st.lists(st.tuples(st.sampled_from(["merge", "split", "dissolve"]), ANY, ANY, ANY, st.booleans()), max_size=8))
@example([("merge", "BR-1", AFTER, LAST, True), ("merge", AFTER, LAST, LAST, False)])
@example([("merge", "BR-1", AFTER, LAST, True), ("split", AFTER, LAST, "BR-11", False)])
def test_through_any_mergers_and_splits_a_case_is_borne_by_one_living_unit_or_waits_for_the_head(
    asked: list[tuple[str, str, str, str, bool]],
) -> None:
    """However late the worker comes. By hand over the raw events: which unit ended how, and to whom the case passed."""
    past = the_running().and_(*(unit(each, "branch", COLLEGE) for each in ("BR-11", "BR-12")))
    ended: dict[str, tuple[str, tuple[str, ...]]] = {}
    bearer, passed_from = "BR-1", []
    for act, subject, first, second, late in [*asked, ("", "", "", "", False)]:
        heirs = {"merge": (first,), "split": (first, second)}.get(act, ())
        if {subject, *heirs} & set(ended) or len({subject, *heirs}) < len(heirs) + 1:
            continue
        if act:
            ended[subject] = (act, heirs)
            ends: dict[str, Callable[..., Event]] = {"merge": merged, "split": split, "dissolve": dissolved}
            past = past.and_(ends[act](subject, *heirs))
        handed = past.when(succeed("merged"))
        if not late and bearer in ended and handed._refusal() is None:
            (event,) = (tagged.decision for tagged in handed.command.collect_events())
            assert isinstance(event, CaseSucceeded)
            past, bearer = past.and_(event), str(event.successor_unit_id)
            passed_from.append((str(event.unit_id), bearer))
    for before, after in passed_from:
        line = [before]
        for each in line:
            line += ended[each][1] if each in ended else ()
        assert after in line
        assert before != after
    assert bearer not in ended or ended[bearer][0] in {"split", "dissolve"} or _waits(ended, bearer)


def _waits(ended: dict[str, tuple[str, tuple[str, ...]]], unit_id: str) -> bool:
    """Whether a line of mergers ends where nobody, or more than one, carries on."""
    act, heirs = ended[unit_id]
    return act != "merge" or (heirs[0] in ended and _waits(ended, heirs[0]))
