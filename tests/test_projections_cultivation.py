"""The views of cases: where each stands, its task books, reports, outreach and assessments, and who reads them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from domain.cultivation.events import DueOn
from domain.kernel import Event
from projections.assessment import ASSESSED, ASSESSMENT
from projections.cultivation import CASE, OUTREACH, REPORT, REQUIREMENT, TASK_BOOK
from projections.inbox import INBOX, waiting_for
from projections.kernel import View, fold_all
from projections.obligation import OBLIGATION, ObligationRow
from tests.case_life import ADA, BEN, as_recorded
from tests.committee import FIRST, SECOND, confirmed, turned_back
from tests.running import (
    AFTER,
    BUDGET,
    DEFERRED,
    ENDS,
    LEADER,
    MET,
    PASSED,
    TO_RECTIFY,
    begun,
    book_asked,
    book_filed,
    book_required,
    book_returned,
    book_signed,
    closed_without,
    completed,
    dissolved,
    end_of,
    extended,
    judged,
    merged,
    midterm,
    ordered,
    outreach,
    rectification_accepted,
    rectification_rejected,
    rectified,
    report_accepted,
    report_asked,
    report_filed,
    report_required,
    report_returned,
    split,
    stopped,
    succeeded,
)
from tests.spec import recorded

BEGUN = (confirmed(last_day=ENDS), begun())


def rows(view: View[Any], *events: Event) -> Mapping[Any, Any]:
    return fold_all(view, as_recorded(list(events)))


def one(view: View[Any], *events: Event) -> Any:
    (row,) = rows(view, *events).values()
    return row


def test_a_case_shows_its_bearer_its_period_and_its_task_book() -> None:
    row = one(CASE, *BEGUN)
    assert (row.unit_id, row.state, row.begun, row.last_day, row.task_book) == (
        "BR-1",
        "running",
        True,
        ENDS,
        "missing",
    )
    assert one(CASE, *BEGUN, book_filed()).task_book == "filed"
    assert one(CASE, *BEGUN, book_filed(), book_returned()).task_book == "returned"
    row = one(CASE, *BEGUN, book_filed(), book_signed())
    assert (row.task_book, row.signed_version) == ("signed", 1)
    row = one(CASE, *BEGUN, book_filed(), book_signed(), book_filed(2))
    assert (row.task_book, row.signed_version) == ("filed", 1)
    row = one(CASE, *BEGUN, extended())
    assert (row.last_day, row.extended) == (date(2023, 6, 30), 1)


def test_a_case_shows_what_became_of_its_unit_until_somebody_carries_it_on() -> None:
    for end, status in ((merged(), "merged"), (split("BR-1", AFTER, "BR-10"), "split"), (dissolved(), "dissolved")):
        row = one(CASE, *BEGUN, end)
        assert (row.unit_id, row.unit_status) == ("BR-1", status)
        row = one(CASE, *BEGUN, end, succeeded())
        assert (row.unit_id, row.unit_status, row.borne_before) == (AFTER, "live", ("BR-1",))
    assert one(CASE, *BEGUN, merged("BR-2")).unit_status == "live"


def test_a_case_shows_how_it_ended() -> None:
    row = one(CASE, *BEGUN, completed(early=True))
    assert (row.state, row.ended_on, row.early) == ("completed", ENDS, True)
    row = one(CASE, *BEGUN, closed_without())
    assert (row.state, row.ended_on, row.ground) == ("not_completed", ENDS, "not_met")
    row = one(CASE, *BEGUN, stopped())
    assert (row.state, row.ground, row.ended_on is None, row.ended_at is None) == (
        "stopped", "unit_dissolved", True, False,
    )  # fmt: skip
    assert one(CASE, *BEGUN, turned_back()).state == "reversed"


def test_what_is_required_is_shown_as_it_stands() -> None:
    found = rows(REQUIREMENT, book_required(), report_required(), book_required(DueOn(ENDS)))
    assert {key[1]: row.due for key, row in found.items()} == {
        "task-book": DueOn(ENDS), "summary_2021": DueOn(date(2021, 5, 10)),
    }  # fmt: skip
    assert {row.name_en for row in found.values()} == {"Task book", "Yearly summary"}


def test_each_version_of_a_task_book_is_a_row_and_passes_on_with_the_case() -> None:
    found = rows(TASK_BOOK, book_filed(), book_returned(), book_filed(2), book_signed(2), succeeded())
    first, second = found.values()
    assert (first.state, first.last_day, first.unit_id) == ("returned", date(2020, 9, 20), AFTER)
    assert (second.state, second.signed_on, second.budget, second.unit_id) == (
        "signed",
        date(2020, 9, 10),
        BUDGET,
        AFTER,
    )
    assert second.responsible_ids == (LEADER,)


def test_a_report_shows_whether_it_was_filed_in_time() -> None:
    def at(event: Event, day: str, position: int) -> Any:
        return recorded(position, event, when=end_of(date.fromisoformat(day)))

    asked = at(report_asked(), "2020-07-01", 1)
    (row,) = fold_all(REPORT, [asked, at(report_filed(), "2021-05-09", 2)]).values()
    assert (row.state, row.version, row.late) == ("filed", 1, False)
    (row,) = fold_all(REPORT, [asked, at(report_filed(), "2021-05-10", 2)]).values()
    assert row.late, "it was due before the end of that day"
    again = [asked, at(report_filed(), "2021-05-10", 2), at(report_returned(), "2021-05-11", 3)]
    (row,) = fold_all(REPORT, again).values()
    assert (row.state, row.last_day) == ("returned", date(2021, 5, 20))
    again += [
        at(report_filed(2), "2021-05-12", 4),
        at(report_accepted(2), "2021-05-13", 5),
        at(succeeded(), "2022-01-10", 6),
    ]
    (row,) = fold_all(REPORT, again).values()
    assert (row.state, row.version, row.late, row.unit_id) == ("accepted", 2, True, AFTER)


def test_outreach_is_a_row_each() -> None:
    found = rows(OUTREACH, outreach(), outreach(channel="province_daily", reach=5))
    assert [(row.channel, row.reach) for row in found.values()] == [("campus_media", 1200), ("province_daily", 5)]


def test_an_assessment_shows_how_it_is_defined_now() -> None:
    row = one(ASSESSMENT, midterm(), midterm(name_en="Half-way"))
    assert (row.name_en, row.position, row.outcomes) == ("Half-way", 2, (PASSED, TO_RECTIFY))


def test_the_outcome_of_the_last_round_is_shown_with_what_became_of_it() -> None:
    told = (judged(TO_RECTIFY), ordered())
    row = one(ASSESSED, *told)
    assert (row.outcome, row.rectification, row.holds_funds, row.ordered) == ("to_rectify", "ordered", True, 1)
    row = one(ASSESSED, *told, rectified(), rectification_rejected(), ordered(), rectified())
    assert (row.rectification, row.ordered, row.opinion_document_id) == ("reported", 2, None)
    row = one(ASSESSED, *told, rectified(), rectification_accepted())
    assert (row.rectification, row.holds_funds) == ("accepted", False)
    row = one(ASSESSED, *told, rectified(), rectification_accepted(), judged(PASSED, 2), succeeded())
    assert (row.round, row.outcome, row.outcomes, row.rectification, row.unit_id) == (
        2, "passed", ("to_rectify", "passed"), "none", AFTER,
    )  # fmt: skip
    row = one(ASSESSED, judged(DEFERRED), extended(), judged(MET, 2))
    assert (row.outcomes, row.extended_to) == (("deferred", "met"), None)


# --- what a case owes -------------------------------------------------------------------------------------------------


def owed(*events: Event) -> dict[str, ObligationRow]:
    return {row.obligation_id: row for row in rows(OBLIGATION, *events).values()}


def test_what_a_case_owes_stands_among_the_obligations_until_it_is_answered() -> None:
    asked = (book_asked(), report_asked(), report_asked(report="results_2022"), ordered())
    found = owed(*asked)
    assert {row.obligation_id: (row.kind, row.matter, row.state, row.unit_id) for row in found.values()} == {
        "task_book-1": ("task_book", None, "waiting", "BR-1"),
        "report-2": ("report", "summary_2021", "waiting", "BR-1"),
        "report-3": ("report", "results_2022", "waiting", "BR-1"),
        "rectification-4": ("rectification", "midterm", "waiting", "BR-1"),
    }
    answered = owed(*asked, book_filed(), report_filed(), rectified())
    assert {key for key, row in answered.items() if row.state == "answered"} == {
        "task_book-1", "report-2", "rectification-4",
    }  # fmt: skip
    assert owed(*asked, judged(PASSED, 2))["rectification-4"].state == "answered"
    for end in (stopped(), completed(), closed_without(), turned_back()):
        assert {row.state for row in owed(*asked, end).values()} == {"answered"}
    assert {row.state for row in owed(*asked, *(replaced(end) for end in (stopped(), book_filed()))).values()} == {
        "waiting"
    }


def replaced(event: Any) -> Event:
    changed: Event = msgspec.structs.replace(event, application_id=SECOND)
    return changed


def test_a_return_asks_anew_and_a_successor_owes_what_is_left() -> None:
    found = owed(report_asked(), report_filed(), report_returned(), book_asked(), succeeded())
    assert {key: (row.state, row.unit_id) for key, row in found.items()} == {
        "report-1": ("answered", "BR-1"), "report-3": ("waiting", AFTER), "task_book-4": ("waiting", AFTER),
    }  # fmt: skip
    assert found["report-3"].last_day == date(2021, 5, 20)
    assert found["report-3"].application_id == FIRST


# --- what waits for whom ----------------------------------------------------------------------------------------------


def waits(*events: Event, person_id: str | None = None) -> dict[str, tuple[str, str, str]]:
    tasks = waiting_for(rows(INBOX, *events).values(), {}, person_id)
    return {task.subject_id: (task.task, task.role, task.unit_id) for task in tasks}


def test_a_task_book_moves_from_desk_to_desk_and_whoever_filed_it_does_not_sign_it() -> None:
    book = "A-1/task_book"
    assert waits(book_asked()) == {book: ("file_task_book", "applicant", "BR-1")}
    filed = (book_asked(), book_filed())
    assert waits(*filed) == {book: ("sign_task_book", "head", "")}
    assert waits(*filed, person_id=ADA) == {}
    assert waits(*filed, person_id=BEN) == waits(*filed)
    back = (*filed, book_returned())
    assert waits(*back, person_id=ADA) == {book: ("file_task_book", "applicant", "BR-1")}
    (task,) = waiting_for(rows(INBOX, *back).values(), {})
    assert (task.due_at, task.last_day) == (end_of(date(2020, 9, 20)), date(2020, 9, 20))
    (task,) = waiting_for(rows(INBOX, *filed).values(), {})
    assert (task.due_at, task.en) == (None, "Sign or return the task book")
    assert waits(*filed, book_signed()) == {}


def test_reports_and_rectifications_wait_for_whoever_is_next() -> None:
    report, midterm_ = "A-1/report/summary_2021", "A-1/assessment/midterm"
    assert waits(report_asked()) == {report: ("file_report", "applicant", "BR-1")}
    assert waits(report_asked(), report_filed()) == {report: ("accept_report", "clerk", "")}
    assert waits(report_filed(), report_returned()) == {report: ("file_report", "applicant", "BR-1")}
    assert waits(report_filed(), report_accepted()) == {}
    assert waits(judged(PASSED)) == {}
    assert waits(judged(TO_RECTIFY)) == {midterm_: ("order_rectification", "head", "")}
    assert waits(judged(TO_RECTIFY), judged(PASSED, 2)) == {}
    told = (judged(TO_RECTIFY), ordered())
    assert waits(*told) == {midterm_: ("report_rectification", "applicant", "BR-1")}
    assert waits(*told, rectified()) == {midterm_: ("check_rectification", "head", "")}
    assert waits(*told, rectified(), rectification_accepted()) == {}
    assert waits(*told, rectified(), rectification_rejected()) == {midterm_: ("order_rectification", "head", "")}


def test_what_waits_passes_on_with_the_case_and_ends_with_it() -> None:
    open_still = (book_asked(), report_asked(), report_filed(), judged(TO_RECTIFY), ordered())
    assert waits(*open_still, succeeded()) == {
        "A-1/task_book": ("file_task_book", "applicant", AFTER),
        "A-1/report/summary_2021": ("accept_report", "clerk", ""),
        "A-1/assessment/midterm": ("report_rectification", "applicant", AFTER),
    }
    for end in (stopped(), completed(), closed_without(), turned_back()):
        assert waits(*open_still, end) == {}
    assert waits(*open_still, replaced(stopped()), merged("BR-1")) == waits(*open_still)
