"""A second programme of the same institution, over HTTP: it sees what the first left behind, as of its own dates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import pytest_asyncio
from msgspec.structs import replace

from domain.accountability.events import MeasureDecided
from domain.assessment.events import AssessmentDecided
from domain.designation.events import TitleConferred
from domain.ids import (
    ApplicationId,
    DesignationId,
    DocumentId,
    FindingId,
    MeasureId,
    PersonId,
    ProgrammeId,
    TrackId,
    UnitId,
)
from domain.kernel import Event
from infra.record import Accepted, Fact, Proposal
from tests.over_http.serving import Served
from tests.over_http.test_api_programme import definition, notice
from tests.over_http.test_api_publicity import Committee
from tests.viewing import envelope

FIRST, NEXT = "call-of-2017", "call-of-2020"
PAPER = DocumentId("d" * 64)
THEN = datetime(2019, 6, 30, 4, tzinfo=UTC)
ASKED = (
    ("titled", {"type": "holds_title", "titles": ["model_branch"]}),
    ("not_failed", {"type": "no_earlier_outcome", "outcomes": ["not_met"], "look_back": {"type": "unbounded"}}),
    ("no_bar", {"type": "no_bar", "reach": ["unit", "parent", "leader"]}),
)


def next_call() -> dict[str, Any]:
    """The call of 2020, asking of branches what the earlier programme left behind, as of the day applications close."""
    document = definition()
    (track,) = (each for each in document["tracks"] if each["track_id"] == "branch")
    common = {
        "name_zh": "条件", "name_en": "Condition", "clause": "二(二)", "severity": "hard",
        "as_of_term": "application_closes",
    }  # fmt: skip
    track["eligibility"] = [{"rule": rule, "test": test, **common} for rule, test in ASKED]
    return document


def case(number: int) -> dict[str, Any]:
    return {
        "application_id": ApplicationId(f"OLD-{number}"), "programme_id": ProgrammeId(FIRST),
        "track_id": TrackId("branch"), "unit_id": UnitId(f"BR-{number}"),
    }  # fmt: skip


def titled(number: int, until: date | None = None) -> TitleConferred:
    return TitleConferred(
        **case(number), designation_id=DesignationId(f"T-{number}"), title="model_branch",
        conferred_on=date(2019, 6, 30), valid_until=until, decision_document_id=PAPER,
    )  # fmt: skip


def failed(number: int) -> AssessmentDecided:
    return AssessmentDecided(
        **case(number), assessment="acceptance", kind="acceptance", round=1, outcome="not_met",
        effects=("no_completion",), decision_document_id=PAPER,
    )  # fmt: skip


def barred(unit_id: str | None, concerned: Any, until: date | None = None, person: str | None = None) -> MeasureDecided:
    return MeasureDecided(
        measure_id=MeasureId(f"M-{unit_id or 'person'}"), finding_id=FindingId("F-1"), programme_id=ProgrammeId(FIRST),
        concerned=concerned, unit_id=None if unit_id is None else UnitId(unit_id), kind="bar", ground="not_met",
        person_id=None if person is None else PersonId(person), from_on=date(2019, 7, 1), until_on=until,
        rule_position=1, decision_document_id=PAPER,
    )  # fmt: skip


async def record(served: Served, *events: Event) -> None:
    store = await served.parts.stores(served.office.log_id)
    for event in events:
        outcome = await store.append(Proposal(request_hash=b"", facts=(Fact.of(event),), envelope=envelope(THEN)))
        assert isinstance(outcome, Accepted)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def office(served: Served) -> AsyncIterator[Committee]:
    """Seven branches under two colleges, each with a secretary; the second call is announced and its window open."""
    opened = served.office
    named = {"name_zh": "某单位", "name_en": "Some unit", "valid_on": "2012-01-01"}
    above = {n: "COL-2" if n == 5 else "COL" for n in range(1, 8)}
    units: list[dict[str, Any]] = [
        {"unit_id": definition()["office_unit_id"], "kind": "office"},
        *({"unit_id": unit_id, "kind": "general_branch"} for unit_id in ("COL", "COL-2")),
        *({"unit_id": f"BR-{n}", "kind": "branch", "parent_unit_id": parent} for n, parent in above.items()),
    ]
    for unit in units:
        await served.post(opened.administrator, "/v1/units", unit | named)
    made = Committee(served, *[await opened.somebody(role) for role in ("clerk", "head", "clerk", "supervisor")])
    secretaries = [await opened.somebody("secretary", f"BR-{n}", date(2018, 1, 1)) for n in range(1, 7)]
    await record(
        served, *(titled(n) for n in (1, 3, 4, 5, 6, 7)), titled(2, date(2020, 5, 30)), failed(3),
        barred("BR-4", "unit"), barred("COL-2", "parent", date(2020, 5, 31)), barred("COL", "unit"),
        barred(None, "leader", person=secretaries[5].person_id), cut("COL"),
    )  # fmt: skip
    body = {"notice_document_id": await notice(served, made.clerk), "definition": next_call()}
    await made.post(made.clerk, f"/v1/programmes/{NEXT}/announce", body)
    day = {"value": {"type": "date", "day": "2020-05-31"}}
    await made.post(made.clerk, f"/v1/programmes/{NEXT}/terms/application_closes/interpret", day, "unreadable")
    await made.post(made.clerk, f"/v1/programmes/{NEXT}/window/open")
    yield made


def cut(unit_id: str) -> MeasureDecided:
    return MeasureDecided(
        measure_id=MeasureId("M-cut"), finding_id=FindingId("F-1"), programme_id=ProgrammeId(FIRST), concerned="parent",
        unit_id=UnitId(unit_id), kind="quota_cut", ground="not_met", from_on=date(2019, 7, 1), places=1,
        rule_position=1, decision_document_id=PAPER,
    )  # fmt: skip


async def judged(c: Committee, number: int) -> dict[str, str]:
    """What the rules found of a branch that applies."""
    hand = await c.served.office.somebody("applicant", f"BR-{number}")
    body = {"application_id": f"NEW-{number}", "track_id": "branch", "unit_id": f"BR-{number}"}
    await c.post(hand, "/v1/applications", body | {"programme_id": NEXT})
    await c.post(c.clerk, f"/v1/applications/NEW-{number}/judge")
    row = await c.get(f"/v1/applications/NEW-{number}/eligibility")
    return {finding["rule"]: finding["outcome"] for finding in row["findings"]}


async def test_titles_outcomes_and_bars_are_seen_as_of_the_day_that_the_next_call_names(office: Committee) -> None:
    c = office
    found = {number: await judged(c, number) for number in range(1, 8)}
    clean = {"titled": "met", "not_failed": "met", "no_bar": "met"}
    assert found == {
        1: clean,
        2: clean | {"titled": "not_met"},
        3: clean | {"not_failed": "not_met"},
        4: clean | {"no_bar": "not_met"},
        5: clean | {"no_bar": "not_met"},
        6: clean | {"no_bar": "not_met"},
        7: clean | {"no_bar": "unknown"},
    }


async def test_a_day_later_the_same_facts_are_judged_otherwise(office: Committee) -> None:
    c = office
    erratum = {
        "value": {"type": "date", "day": "2020-06-01"}, "erratum_document_id": await c.deposit(c.head),
    }  # fmt: skip
    await c.post(c.head, f"/v1/programmes/{NEXT}/terms/application_closes/correct", erratum)
    await c.post(c.clerk, "/v1/applications/NEW-5/judge")
    row = await c.get("/v1/applications/NEW-5/eligibility")
    assert {finding["rule"]: finding["outcome"] for finding in row["findings"]}["no_bar"] == "met"
    assert row["findings"][0]["as_of"] == "2020-06-01"


async def test_a_cut_of_the_earlier_programme_is_shown_beside_the_places_of_the_next(office: Committee) -> None:
    c = office
    for unit_id in ("COL", "COL-2"):
        body = {"nominator_unit_id": unit_id, "places": 3, "basis": "call"}
        await c.post(c.clerk, f"/v1/programmes/{NEXT}/tracks/branch/quotas", body, "agreed")
    rows = (await c.get(f"/v1/programmes/{NEXT}/quotas"))["items"]
    shown = {row["nominator_unit_id"]: [row[name] for name in ("places", "cut", "cut_by", "usable")] for row in rows}
    assert shown == {"COL": [3, 1, ["M-cut"], 2], "COL-2": [3, 0, [], 3]}
    file = await c.served.get(c.clerk, f"/v1/programmes/{NEXT}/quotas?format=csv")
    head, *lines = file.text.split("\r\n")
    assert head.split(",")[-4:] == ["cut", "cut_by", "usable", "free"]
    assert any(line.startswith(f"{NEXT},branch,COL,") and line.endswith('1,"[""M-cut""]",2,2') for line in lines)


async def test_a_cut_that_is_over_is_still_shown_where_it_stood(office: Committee) -> None:
    c = office

    async def cut_of(unit_id: str, **asked: int) -> tuple[int, int]:
        query = "&".join(f"{name}={value}" for name, value in asked.items())
        answer = await c.get(f"/v1/programmes/{NEXT}/quotas?{query}")
        (row,) = (row for row in answer["items"] if row["nominator_unit_id"] == unit_id)
        return row["cut"], answer["position"]

    over = replace(cut("COL-2"), measure_id=MeasureId("M-short"), until_on=date(2020, 5, 31))
    await record(c.served, over)
    body = {"nominator_unit_id": "COL-2", "places": 4, "basis": "call"}
    await c.post(c.clerk, f"/v1/programmes/{NEXT}/tracks/branch/quotas", body, "agreed")
    cut_now, position = await cut_of("COL-2")
    assert cut_now == 1
    await c.advance("2020-06-02T09:00:00+08:00")
    assert (await cut_of("COL-2", min_position=position + 1))[0] == 0
    assert (await cut_of("COL-2", at_position=position))[0] == 1
