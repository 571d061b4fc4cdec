"""Cases over HTTP: from the task book to the completion, seen by the unit, the office and everybody; and a merger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest_asyncio

from domain.ids import ApplicationId, DecisionId, PersonId, ProgrammeId, PublicityId, TrackId, UnitId, tag
from domain.person.commands import RegisterPerson
from domain.selection.events import SelectionConfirmed
from infra.front_door import Caller
from tests.over_http.serving import Served
from tests.over_http.test_api_programme import definition, notice
from tests.over_http.test_api_publicity import CALL, TRACK, Committee

FIRST, SECOND = "/v1/cases/A-1", "/v1/cases/A-2"
PROGRAMME = f"/v1/programmes/{CALL}"
RESPONSIBLE = "00000000-0000-4000-8000-000000000777"
MIDTERM: dict[str, Any] = {
    "order": 1, "name_zh": "中期评估", "name_en": "Midterm", "track_ids": [TRACK], "kind": "midterm",
    "outcomes": [
        {"code": "passed", "name_zh": "合格", "name_en": "Passed", "effects": ["continue"]},
        {"code": "to_rectify", "name_zh": "限期整改", "name_en": "To be rectified",
         "effects": ["rectify", "hold_funds"], "rectify_within_days": 92},
    ],
}  # fmt: skip
ACCEPTANCE: dict[str, Any] = {
    "order": 2, "name_zh": "验收", "name_en": "Acceptance", "track_ids": [TRACK], "kind": "acceptance",
    "outcomes": [
        {"code": "met", "name_zh": "达标", "name_en": "Met", "effects": ["complete", "title"]},
        {"code": "not_met", "name_zh": "不达标", "name_en": "Not met", "effects": ["no_completion", "stop_funds"]},
    ],
}  # fmt: skip


def confirmed(number: int) -> SelectionConfirmed:
    return SelectionConfirmed(
        application_id=ApplicationId(f"A-{number}"), programme_id=ProgrammeId(CALL), track_id=TrackId(TRACK),
        unit_id=UnitId(f"BR-{number}"), decision_id=DecisionId("D-1"), publicity_id=PublicityId("PUB-1"),
        first_day=date(2020, 6, 30), last_day=date(2022, 6, 30),
    )  # fmt: skip


@dataclass
class Cases(Committee):
    """An office in which two branches were confirmed; each has a hand of its own."""

    hands: dict[str, Caller]
    paper: str = ""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cases(served: Served) -> AsyncIterator[Cases]:
    office = served.office
    named = {"name_zh": "某支部", "name_en": "Some branch", "valid_on": "2012-01-01"}
    units = [{"unit_id": definition()["office_unit_id"], "kind": "office", **named}]
    units += [{"unit_id": f"BR-{n}", "kind": "branch", **named} for n in (1, 2, 3)]
    for unit in units:
        await served.post(office.administrator, "/v1/units", unit)
    clerk, head, second, supervisor = [await office.somebody(role) for role in ("clerk", "head", "clerk", "supervisor")]
    hands = {unit_id: await office.somebody("applicant", unit_id) for unit_id in ("BR-1", "BR-2", "BR-3")}
    made = Cases(served, clerk, head, second, supervisor, hands=hands)
    body = {"notice_document_id": await notice(served, made.clerk), "definition": definition()}
    await made.post(made.clerk, f"{PROGRAMME}/announce", body)
    await office.ask(
        office.administrator, RegisterPerson, person_id=RESPONSIBLE, details={"name": "责任人"},
        subject=tag(PersonId, RESPONSIBLE),
    )  # fmt: skip
    made.paper = await made.deposit(made.clerk)
    await made.record(confirmed(1), confirmed(2))
    await made.advance("2020-07-01T09:00:00+08:00")
    yield made


def task_book(paper: str, **changes: Any) -> dict[str, Any]:
    whole = {
        "document_id": paper, "road_map_document_id": paper, "responsible_ids": [RESPONSIBLE],
        "milestones": [{"code": "kick_off", "due_on": "2020-09-30"}],
        "budget": [{"year": year, "category": "training", "amount_fen": 1_000_000} for year in (2020, 2021)],
    }  # fmt: skip
    return whole | changes


async def test_what_is_required_is_asked_of_each_case(cases: Cases) -> None:
    c = cases
    body = {"track_ids": [TRACK], "due": {"type": "within", "days": 10}}
    assert await c.refused(c.head, f"{PROGRAMME}/task-book", body) == (422, "reason-missing")
    assert await c.refused(c.clerk, f"{PROGRAMME}/task-book", body, "later") == (403, "not-permitted")
    await c.post(c.head, f"{PROGRAMME}/task-book", body, "later")
    report = {"name_zh": "年度总结", "name_en": "Yearly summary", "year": 2021, "track_ids": [TRACK]}
    path = f"{PROGRAMME}/reports/summary_2021"
    by_term = {"type": "by_term", "term": "annual_summary_due"}
    unread = await c.refused(c.head, path, report | {"due": by_term}, "later")
    assert unread == (409, "term-not-interpreted")
    await c.post(
        c.clerk, f"{PROGRAMME}/terms/annual_summary_due/interpret", {"value": {"type": "date", "day": "2021-05-10"}},
        "damaged",
    )  # fmt: skip
    await c.post(c.head, path, report | {"due": by_term}, "later")
    for case in (FIRST, SECOND):
        receipt = await c.post(c.clerk, f"{case}/begin")
        assert [event["type"] for event in receipt["events"]] == [
            "cultivation.begun.v1", "cultivation.task_book_asked.v1", "cultivation.report_asked.v1",
        ]  # fmt: skip
    assert await c.refused(c.clerk, f"{FIRST}/begin") == (409, "begun-already")
    owed = (await c.get("/v1/obligations", c.hands["BR-1"], unit_id="BR-1", sort="due_at"))["items"]
    assert [(row["kind"], row.get("matter"), row["last_day"]) for row in owed] == [
        ("task_book", None, "2020-07-10"), ("report", "summary_2021", "2021-05-10"),
    ]  # fmt: skip
    required = (await c.get(f"{PROGRAMME}/requirements"))["items"]
    assert {row["requirement"]: row["due"] for row in required} == {
        "task-book": {"type": "within", "days": 10}, "summary_2021": by_term,
    }  # fmt: skip


async def test_a_task_book_is_filed_by_the_unit_and_signed_by_the_head(cases: Cases) -> None:
    c, hand = cases, cases.hands["BR-1"]
    whole = task_book(c.paper)
    assert await c.refused(c.hands["BR-2"], f"{FIRST}/task-books", whole) == (403, "not-permitted")
    over = [{"year": year, "category": "training", "amount_fen": 1_000_001} for year in (2020, 2021)]
    too_much = task_book(c.paper, budget=over)
    assert await c.refused(hand, f"{FIRST}/task-books", too_much) == (409, "year-exceeds-amount")
    for amount in (-1, 10.5, "10"):
        odd = task_book(c.paper, budget=[{"year": 2020, "category": "training", "amount_fen": amount}])
        assert (await c.refused(hand, f"{FIRST}/task-books", odd))[0] in {400, 422}
    await c.post(hand, f"{FIRST}/task-books", whole)
    back = {"last_day": "2020-07-20", "opinion_document_id": c.paper}
    await c.post(c.clerk, f"{FIRST}/task-books/1/return", back)
    await c.post(hand, f"{FIRST}/task-books", whole)
    assert await c.refused(c.clerk, f"{FIRST}/task-books/2/sign") == (403, "not-permitted")
    assert await c.refused(c.head, f"{FIRST}/task-books/1/sign") == (409, "no-task-book-filed")
    await c.post(c.head, f"{FIRST}/task-books/2/sign")
    rows = (await c.get("/v1/task-books", hand, application_id="A-1"))["items"]
    assert sorted((row["version"], row["state"]) for row in rows) == [(1, "returned"), (2, "signed")]
    assert "responsible_ids" not in rows[0]
    assert (await c.get("/v1/task-books/A-1/2"))["responsible_ids"] == [RESPONSIBLE]
    assert (await c.get("/v1/task-books", c.hands["BR-2"], application_id="A-1"))["items"] == []
    case = await c.get(FIRST)
    assert (case["task_book"], case["signed_version"], case["state"]) == ("signed", 2, "running")


async def test_reports_and_outreach(cases: Cases) -> None:
    c, hand = cases, cases.hands["BR-1"]
    path = f"{FIRST}/reports/summary_2021"
    assert await c.refused(c.clerk, f"{path}/accept") == (409, "report-not-filed")
    await c.post(hand, f"{path}/file", {"document_id": c.paper})
    await c.post(c.clerk, f"{path}/return", {"last_day": "2021-05-20", "opinion_document_id": c.paper})
    await c.post(hand, f"{path}/file", {"document_id": c.paper})
    await c.post(c.clerk, f"{path}/accept")
    row = await c.get("/v1/reports/A-1/summary_2021", hand)
    assert (row["state"], row["version"], row["late"]) == ("accepted", 2, False)
    shown = {"channel": "campus_media", "reach": 1200, "published_on": "2020-07-01", "document_id": c.paper}
    await c.post(hand, f"{FIRST}/outreach", shown)
    assert await c.refused(hand, f"{FIRST}/outreach", shown) == (409, "outreach-recorded-already")
    (public,) = (await c.get("/v1/outreach", c.hands["BR-2"], application_id="A-1"))["items"]
    assert (public["channel"], public["reach"], "document_id" in public) == ("campus_media", 1200, False)


async def test_a_case_is_assessed_rectified_and_looked_at_again(cases: Cases) -> None:
    c, hand = cases, cases.hands["BR-1"]
    await c.post(c.head, f"{PROGRAMME}/assessments/midterm", MIDTERM, "call_is_silent")
    await c.post(c.head, f"{PROGRAMME}/assessments/acceptance", ACCEPTANCE, "call_is_silent")
    clash = ACCEPTANCE | {"outcomes": [ACCEPTANCE["outcomes"][0] | {"effects": ["complete", "no_completion"]}]}
    assert await c.refused(c.head, f"{PROGRAMME}/assessments/acceptance", clash, "odd") == (422, "effects-clash")
    await c.advance("2021-06-18T09:00:00+08:00")
    at = f"{FIRST}/assessments/midterm"
    decision = {"outcome": "to_rectify", "decision_document_id": c.paper}
    assert await c.refused(c.clerk, f"{at}/decide", decision) == (403, "not-permitted")
    await c.post(c.head, f"{at}/decide", decision)
    await c.post(c.head, f"{at}/rectification/order", {"order_document_id": c.paper})
    (owed,) = (await c.get("/v1/obligations", hand, unit_id="BR-1", kind="rectification"))["items"]
    assert (owed["matter"], owed["last_day"], owed["state"]) == ("midterm", "2021-09-18", "waiting")
    assert await c.refused(c.head, f"{at}/decide", decision) == (409, "rectification-still-open")
    await c.post(hand, f"{at}/rectification/report", {"document_id": c.paper})
    await c.post(c.head, f"{at}/rectification/accept", {"opinion_document_id": c.paper})
    row = await c.get("/v1/assessments/A-1/midterm", hand)
    assert (row["outcome"], row["rectification"], row["holds_funds"]) == ("to_rectify", "accepted", False)
    assert "decided_by" not in row
    assert (await c.get("/v1/assessments", c.hands["BR-2"], application_id="A-1"))["items"] == []


async def test_a_case_passes_to_the_unit_that_its_own_was_merged_into(cases: Cases) -> None:
    c = cases
    merger = {"successor_unit_id": "BR-3", "valid_on": "2021-06-01", "source_document_id": c.paper}
    await c.post(c.served.office.administrator, "/v1/units/BR-2/merge", merger)
    assert (await c.get(SECOND))["unit_status"] == "merged"
    book = task_book(c.paper)
    assert await c.refused(c.hands["BR-3"], f"{SECOND}/task-books", book) == (403, "not-permitted")
    assert await c.refused(c.head, f"{SECOND}/succeed", {"ground": "split"}) == (409, "unit-stands")
    await c.post(c.head, f"{SECOND}/succeed", {"ground": "merged"})
    case = await c.get(SECOND)
    assert (case["unit_id"], case["unit_status"], case["borne_before"]) == ("BR-3", "live", ["BR-2"])
    owed = (await c.get("/v1/obligations", c.hands["BR-3"], unit_id="BR-3"))["items"]
    assert {row["kind"] for row in owed} == {"task_book", "report"}
    await c.post(c.hands["BR-3"], f"{SECOND}/task-books", book)


async def test_cases_end_completed_or_closed(cases: Cases) -> None:
    c = cases
    await c.advance("2022-06-28T09:00:00+08:00")
    assert await c.refused(c.head, f"{FIRST}/complete") == (409, "not-accepted")
    for case, outcome in ((FIRST, "met"), (SECOND, "not_met")):
        await c.post(
            c.head, f"{case}/assessments/acceptance/decide", {"outcome": outcome, "decision_document_id": c.paper}
        )
    assert await c.refused(c.head, f"{FIRST}/complete") == (422, "reason-missing")
    assert await c.refused(c.head, f"{SECOND}/complete") == (409, "not-accepted")
    await c.advance("2022-06-30T09:00:00+08:00")
    await c.post(c.head, f"{FIRST}/complete")
    await c.post(c.head, f"{SECOND}/close", {"ground": "not_met"}, "acceptance_not_met")
    rows = (await c.get("/v1/cases", c.hands["BR-3"], programme_id=CALL))["items"]
    assert {row["application_id"]: (row["state"], row["ended_on"]) for row in rows} == {
        "A-1": ("completed", "2022-06-30"), "A-2": ("not_completed", "2022-06-30"),
    }  # fmt: skip
    assert await c.refused(c.hands["BR-1"], f"{FIRST}/task-books", task_book(c.paper)) == (409, "not-in-this-state")
    left = (await c.get("/v1/obligations", unit_id="BR-3"))["items"]
    assert {row["state"] for row in left} <= {"answered", "overdue"}
    file = (await c.get("/v1/applications/A-1/case-file"))["entries"]
    assert file[-1]["type"] == "assessment.case_completed.v1"
