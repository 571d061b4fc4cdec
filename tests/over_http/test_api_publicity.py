"""From the ranking to the confirmed list over HTTP: decided, shown to everybody, objected to, passed, confirmed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import uuid4

import asyncpg
import pytest_asyncio

from domain.ids import ApplicationId, PanelId, ProgrammeId, TrackId, UnitId
from domain.kernel import Event
from domain.privacy.events import ObjectorErased
from domain.review.events import ApplicationRanked, RankingRecorded
from infra.front_door import Caller
from infra.line import Root, leaf, line
from infra.record import Accepted, Fact, Item, Proposal
from tests.over_http.serving import Served
from tests.over_http.test_api_programme import definition, notice
from tests.viewing import envelope
from workers.automations import AUTOMATIONS, Started

if TYPE_CHECKING:
    from workers.automations import Does

CALL, TRACK, PANEL = "call-of-2020", "branch", "PANEL-1"
FIRST, SECOND, THIRD, FOURTH = "A-1", "A-2", "A-3", "A-4"
MARKER = "张三丰-13900001111"
OBJECTOR = "/v1/objections/OBJ-1/objector"
_LEFT: Final = """
SELECT (SELECT count(*) FROM subject_key WHERE log_id = $1 AND subject_id = $2 AND wrapped IS NOT NULL)
     + (SELECT count(*) FROM envelope WHERE log_id = $1 AND subject_id = $2 AND sealed <> '')
     + (SELECT count(*) FROM document JOIN document_chunk USING (log_id, upload_id)
        WHERE log_id = $1 AND subject_id = $2)
"""
"""What is left of a subject: keys, envelopes and pieces of documents that somebody could open."""
UNTIL_OPENING, UNTIL_CLOSING = "2020-06-22T09:00:00+08:00", "2020-06-30T00:00:00+08:00"


@dataclass
class Committee:
    """An office whose call has been announced and whose four applications are ranked."""

    served: Served
    clerk: Caller
    head: Caller
    second_clerk: Caller
    supervisor: Caller

    async def post(self, who: Caller, path: str, body: Any = None, reason: str | None = None) -> Any:
        headers = {"Reason": reason} if reason else {}
        answer = await self.served.post(who, path, body, headers=headers)
        assert answer.status_code == 201, (path, answer.status_code, answer.text)
        return answer.json()

    async def refused(self, who: Caller, path: str, body: Any = None, reason: str | None = None) -> tuple[int, str]:
        answer = await self.served.post(who, path, body, headers={"Reason": reason} if reason else {})
        return answer.status_code, answer.json()["type"].removeprefix("/problems/")

    async def get(self, path: str, who: Caller | None = None, **query: Any) -> Any:
        answer = await self.served.get(who or self.clerk, path, **query)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    async def deposit(self, who: Caller, kind: str = "resolution") -> str:
        content = {"Content-Type": "text/plain"}
        answer = await self.served.post(who, f"/v1/documents?kind={kind}", b"resolved", headers=content)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"].rpartition("/")[2]

    async def record(self, *events: Event) -> None:
        store = await self.served.parts.stores(self.served.office.log_id)
        facts = tuple(Fact.of(event) for event in events)
        outcome = await store.append(Proposal(request_hash=b"", facts=facts, envelope=envelope()))
        assert isinstance(outcome, Accepted)

    async def advance(self, to: str) -> None:
        await self.served.post(self.served.office.administrator, "/v1/clock/advance", {"to": to, "unattended": True})


def ranked(number: int) -> ApplicationRanked:
    return ApplicationRanked(
        panel_id=PanelId(PANEL), application_id=ApplicationId(f"A-{number}"), programme_id=ProgrammeId(CALL),
        track_id=TrackId(TRACK), unit_id=UnitId(f"BR-{number}"), rank=number, score_numerator=90 - number,
        score_denominator=1, sheets=5, advances=True,
    )  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def committee(served: Served) -> AsyncIterator[Committee]:
    office = served.office
    named = {"name_zh": "某支部", "name_en": "Some branch", "valid_on": "2012-01-01"}
    units = [{"unit_id": definition()["office_unit_id"], "kind": "office", **named}]
    units += [{"unit_id": f"BR-{n}", "kind": "branch", **named} for n in (1, 2, 3, 4)]
    for unit in units:
        await served.post(office.administrator, "/v1/units", unit)
    people = [await office.somebody(role) for role in ("clerk", "head", "clerk", "supervisor")]
    made = Committee(served, *people)
    body = {"notice_document_id": await notice(served, made.clerk), "definition": definition()}
    await made.post(made.clerk, f"/v1/programmes/{CALL}/announce", body)
    days = {
        "days_off": ["2020-06-25", "2020-06-26"], "days_worked": ["2020-06-28"], "source": "published",
    }  # fmt: skip
    await made.post(made.clerk, "/v1/calendars/2020/supply", days)
    recorded = RankingRecorded(
        panel_id=PanelId(PANEL), programme_id=ProgrammeId(CALL), stage="expert_review", track_id=TrackId(TRACK),
        stage_position=1, applications=4, sheets=20, digest="9" * 64,
    )  # fmt: skip
    await made.record(*(ranked(n) for n in (1, 2, 3, 4)), recorded)
    yield made


def choices(*outcomes: str) -> list[dict[str, str]]:
    return [{"application_id": f"A-{n}", "outcome": outcome} for n, outcome in enumerate(outcomes, 1)]


AS_RANKED = choices("selected", "selected", "selected", "reserve")
VOTE = {"entitled": 9, "attending": 8, "in_favour": 7, "against": 1, "abstaining": 0}
AT_TRACK = f"/v1/programmes/{CALL}/tracks/{TRACK}"


async def test_the_committee_decides_on_what_was_ranked(committee: Committee) -> None:
    c = committee
    rule = {"quorum_bp": 6667, "threshold_bp": 5000, "threshold_of": "entitled", "more_than_threshold": True}
    path = f"/v1/programmes/{CALL}/selection-rule"
    assert await c.refused(c.head, path, rule) == (422, "reason-missing")
    assert await c.refused(c.clerk, path, rule, "later_decision") == (403, "not-permitted")
    await c.post(c.head, path, rule, "later_decision")
    body = {"panel_id": PANEL, "choices": AS_RANKED}
    assert await c.refused(c.head, f"{AT_TRACK}/recommend", body) == (403, "not-permitted")
    await c.post(c.clerk, f"{AT_TRACK}/recommend", body)
    decision = {
        "decision_id": "D-1", "vote": VOTE | {"attending": 5, "in_favour": 5, "against": 0},
        "choices": AS_RANKED, "resolution_document_id": await c.deposit(c.head),
    }  # fmt: skip
    assert await c.refused(c.head, f"{AT_TRACK}/decisions", decision) == (409, "quorum-not-reached")
    receipt = await c.post(c.head, f"{AT_TRACK}/decisions", decision | {"vote": VOTE})
    assert receipt["location"] == "/v1/decisions/D-1"
    rows = await c.get("/v1/selections", programme_id=CALL, state="selected", sort="order")
    assert [row["application_id"] for row in rows["items"]] == [FIRST, SECOND, THIRD]
    (reserve,) = (await c.get("/v1/selections", programme_id=CALL, state="reserve"))["items"]
    assert (reserve["application_id"], reserve["order"]) == (FOURTH, 1)
    assert (await c.get("/v1/decisions/D-1"))["in_favour"] == 7


async def test_a_list_is_prepared_approved_by_another_and_opened(committee: Committee) -> None:
    c = committee
    rule = {
        "matter": "selection", "window_days": 5, "day_rule": "working", "count_first_day": True,
        "identities": ["named", "confidential"], "channels": ["written"], "decide_within_days": 5,
    }  # fmt: skip
    await c.post(c.head, f"/v1/programmes/{CALL}/publicity-rules", rule, "later_decision")
    prepared = await c.post(
        c.clerk, "/v1/publicities", {"publicity_id": "PUB-1", "programme_id": CALL, "track_ids": [TRACK]}
    )
    assert prepared["location"] == "/v1/publicities/PUB-1"
    row = await c.get("/v1/publicities/PUB-1")
    assert [entry["application_id"] for entry in row["entries"]] == [FIRST, SECOND, THIRD]
    assert (await c.served.http.get("/public/UNI/publicities/PUB-1")).status_code == 404
    digest, checks = row["list_digest"], ["secrecy", "personal_data"]
    assert await c.refused(c.clerk, "/v1/publicities/PUB-1/open") == (409, "not-in-this-state")
    other = {"list_digest": "0" * 64, "checks": checks}
    assert await c.refused(c.head, "/v1/publicities/PUB-1/approve", other) == (409, "other-list")
    await c.post(c.head, "/v1/publicities/PUB-1/approve", {"list_digest": digest, "checks": checks})
    await c.advance(UNTIL_OPENING)
    await c.post(c.clerk, "/v1/publicities/PUB-1/open")
    opened = await c.get("/v1/postings/PUB-1")
    assert (opened["last_day"], opened["closes_at"]) == ("2020-06-29", "2020-06-29T16:00:00Z")


async def test_anybody_reads_the_board_and_can_hold_us_to_its_root(committee: Committee) -> None:
    c, http = committee, committee.served.http
    await c.get("/v1/postings/PUB-1")
    answer = await http.get("/public/UNI/publicities/PUB-1")
    assert answer.status_code == 200, answer.text
    posted = answer.json()
    assert [entry["unit_en"] for entry in posted["entries"]] == ["Some branch"] * 3
    assert (posted["last_day"], posted["identities"], posted["channels"]) == (
        "2020-06-29", ["named", "confidential"], ["written"],
    )  # fmt: skip
    store, root = await c.served.parts.stores(c.served.office.log_id), Root()
    async for page in store.rows(until=posted["log_size"]):
        for row in page:
            root.add(leaf(line("UNI", row)))
    assert (posted["log_size"], posted["log_root"]) == (root.size, root.digest().hex())
    shown = await http.get("/public/UNI/publicities/PUB-1", headers={"Accept": "text/html"})
    assert shown.headers["content-type"].startswith("text/html")
    assert posted["log_root"] in shown.text
    assert "公示期" in shown.text
    assert "Objections" in shown.text
    assert "演练数据" in shown.text
    assert not re.search(r"https?://|<script", shown.text)
    board = await http.get("/public/UNI/publicities?format=json")
    assert [item["publicity_id"] for item in board.json()["items"]] == ["PUB-1"]
    assert "公示栏" in (await http.get("/public/UNI/publicities", headers={"Accept": "text/html"})).text


async def test_the_board_of_another_institution_shows_nothing_of_it(committee: Committee) -> None:
    http = committee.served.http
    empty = await http.get("/public/OTHER/publicities?format=json")
    assert (empty.status_code, empty.json()["items"]) == (200, [])
    assert "Nothing is shown" in (await http.get("/public/OTHER/publicities?format=html")).text
    for path in ("/public/OTHER/publicities/PUB-1", "/public/NOBODY/publicities", "/public/UNI/publicities/PUB-9"):
        assert (await http.get(path)).status_code == 404, path


async def test_an_objection_is_sealed_and_holds_up_its_entry_alone(
    committee: Committee, attacker: asyncpg.Connection
) -> None:
    c = committee
    raised = {
        "objection_id": "OBJ-1", "application_id": SECOND, "identity": "confidential", "channel": "written",
        "objector": {"name": MARKER, "phone": MARKER}, "statement": {"statement": f"says {MARKER}"},
    }  # fmt: skip
    path = "/v1/publicities/PUB-1/objections"
    assert await c.refused(c.clerk, path, raised | {"identity": "anonymous"}) == (409, "identity-not-allowed")
    assert await c.refused(c.clerk, path, raised | {"objector": {}}) == (422, "name-missing")
    assert await c.refused(c.head, path, raised) == (403, "not-permitted")
    await c.post(c.clerk, path, raised)
    row = await c.get("/v1/objections/OBJ-1")
    assert (row["state"], row["due_day"]) == ("received", "2020-06-30")
    assert "statement_document_id" not in row
    for table in await attacker.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('public', 'view')"
    ):
        found = await attacker.fetchval(f"SELECT count(*) FROM {table['name']} t WHERE t::text LIKE $1", f"%{MARKER}%")
        assert found == 0, table["name"]
    await c.post(c.supervisor, "/v1/objections/OBJ-1/admit")


async def test_closing_lets_pass_what_is_clear_and_only_that_is_confirmed(committee: Committee) -> None:
    c = committee
    early = {"publicity_id": "PUB-1"}
    assert await c.refused(c.head, f"/v1/applications/{FIRST}/confirm", early) == (409, "not-passed-publicity")
    assert await c.refused(c.clerk, "/v1/publicities/PUB-1/close") == (409, "publicity-still-open")
    await c.advance(UNTIL_CLOSING)
    receipt = await c.post(c.clerk, "/v1/publicities/PUB-1/close")
    assert [event["type"] for event in receipt["events"]] == [
        "publicity.closed.v1", "publicity.entry_passed.v1", "publicity.entry_passed.v1",
    ]  # fmt: skip
    for application_id in (FIRST, THIRD):
        await c.post(c.head, f"/v1/applications/{application_id}/confirm", early)
    assert await c.refused(c.head, f"/v1/applications/{SECOND}/confirm", early) == (409, "not-passed-publicity")
    findings = {"findings_document_id": await c.deposit(c.supervisor, "evidence")}
    await c.post(c.supervisor, "/v1/objections/OBJ-1/investigate", findings)
    decided = await c.post(c.head, "/v1/objections/OBJ-1/dismiss", reason="not_substantiated")
    assert [event["type"] for event in decided["events"]][-1] == "publicity.entry_passed.v1"
    await c.post(c.head, f"/v1/applications/{SECOND}/confirm", early)
    selected = await c.get("/v1/selected", programme_id=CALL)
    assert {row["application_id"] for row in selected["items"]} == {FIRST, SECOND, THIRD}
    hangs = {"resolution_document_id": await c.deposit(c.head)}
    await c.post(c.head, f"/v1/applications/{THIRD}/reverse", hangs, "found_out_later")
    await c.post(c.head, f"/v1/applications/{FOURTH}/promote", {"freed_by": THIRD})
    assert (await c.get(f"/v1/selections/{FOURTH}"))["promoted_for"] == THIRD
    await c.post(c.clerk, "/v1/publicities/PUB-1/withdraw-posting")
    assert (await c.get("/v1/publicities/PUB-1"))["state"] == "withdrawn"
    assert (await c.served.http.get("/public/UNI/publicities/PUB-1")).status_code == 404


async def test_the_obligation_to_decide_was_answered_and_is_asked_for_no_more(committee: Committee) -> None:
    c = committee
    (row,) = (await c.get("/v1/obligations", kind="objection_decision"))["items"]
    assert (row["state"], row["objection_id"]) == ("answered", "OBJ-1")
    body = {"objection_id": "OBJ-1"}
    path = f"/v1/obligations/{row['obligation_id']}"
    assert await c.refused(c.clerk, f"{path}/remind", body) == (409, "answered-already")
    assert await c.refused(c.head, f"{path}/excuse", body, "no_need") == (409, "answered-already")
    assert await c.refused(c.clerk, f"{path}/remind", {}) == (422, "not-about-one-matter")


async def test_who_handles_an_objection_opens_the_objector_and_each_reading_is_journalled(
    committee: Committee, attacker: asyncpg.Connection
) -> None:
    c = committee
    opened = await c.get(OBJECTOR, c.supervisor)
    assert opened["objector"] == {"name": MARKER, "phone": MARKER}
    auditor = await c.served.office.somebody("auditor")
    assert (await c.served.get(auditor, OBJECTOR)).status_code == 404
    assert (await c.served.get(c.clerk, "/v1/objections/OBJ-9/objector")).status_code == 404
    read = await attacker.fetch("SELECT actor_id FROM access WHERE what = 'objection:OBJ-1' AND outcome = 'read'")
    assert [row["actor_id"] for row in read] == [c.supervisor.person_id]


async def test_an_objector_is_erased_by_two_and_the_fact_names_the_very_digests(
    committee: Committee, attacker: asyncpg.Connection
) -> None:
    c, log_id, subject = committee, committee.served.office.log_id, "objection:OBJ-1"
    law = {"basis_document_id": await c.deposit(c.head, "basis"), "clause": "article_47"}
    ask = {"objection_id": "OBJ-1", "erasure_id": "E-1", **law}
    await c.post(c.head, "/v1/retentions", {**law, "retention_years": 0, "first_day": "2020-01-01"})
    assert await c.refused(c.clerk, "/v1/erasures", ask) == (409, "objector-retention-runs")
    await c.advance("2020-07-09T09:00:00+08:00")
    assert await c.refused(c.clerk, "/v1/erasures", {**law, "erasure_id": "E-1"}) == (422, "erasure-not-of-one-subject")
    await c.post(c.clerk, "/v1/erasures", ask)
    approved = await c.post(c.head, "/v1/erasures/E-1/approve")
    statement = await attacker.fetchval(
        "SELECT document_id FROM document WHERE subject_id = $1 AND log_id = $2", subject, log_id
    )
    told = await c.served.get(c.supervisor, OBJECTOR, headers={"Accept-Language": "zh"})
    assert (told.status_code, told.json()["type"]) == (410, "/problems/details-erased")
    assert "已删除" in told.json()["detail"]
    assert (await c.served.get(c.supervisor, f"/v1/documents/{statement}")).status_code == 410
    assert (await c.get("/v1/objections/OBJ-1"))["erased_at"] is not None
    (row,) = (await c.get("/v1/erasures", objection_id="OBJ-1"))["items"]
    assert (row["state"], row["erasure_id"]) == ("erased", "E-1")

    assert await attacker.fetchval(_LEFT, log_id, subject) > 3
    (follows,) = [each for each in AUTOMATIONS if each.when is ObjectorErased]
    store = await c.served.parts.stores(log_id)
    (recorded,) = (await store.read([Item((ObjectorErased.TOPIC,))])).events
    kept = await attacker.fetch(
        "SELECT commitment FROM envelope WHERE subject_id = $1 AND log_id = $2", subject, log_id
    )
    named = cast("ObjectorErased", recorded.event)
    assert (named.commitments, named.statement_document_ids) == (tuple(row["commitment"] for row in kept), (statement,))
    assert recorded.position == approved["version"]
    started = Started(await c.served.parts.clock.institution(log_id), recorded, recorded, uuid4())
    async with c.served.parts.pool.acquire() as connection, connection.transaction():
        await cast("Does", follows.then).effect(started, connection)
    assert await attacker.fetchval(_LEFT, log_id, subject) == 0
