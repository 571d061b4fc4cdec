"""An auditor from outside, over HTTP: engaged with a scope and a term, reading by that alone, journalled, answered."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import pytest_asyncio

import domain
import projections
from domain.accountability.events import MatterReferred
from domain.application.events import ApplicationStarted
from domain.ids import (
    ApplicationId,
    DecisionId,
    DocumentId,
    FindingId,
    MeasureId,
    NominatorUnitId,
    PanelId,
    ProgrammeId,
    PublicityId,
    SeatId,
    TrackId,
    UnitId,
)
from domain.review.events import PanelConstituted, ReviewerSeated
from domain.selection.events import SelectionConfirmed
from infra.bundle import sources, tree_digest
from infra.front_door import Caller
from projections import VIEWS
from projections.kernel import Register
from tests.automating import at_once
from tests.over_http.serving import Served
from tests.over_http.test_api_programme import definition, notice
from tests.over_http.test_api_publicity import Committee
from workers.automations import AUTOMATIONS
from workers.dispatcher import Dispatcher
from workers.schedule import OPERATIONS, ByNight
from workers.scheduler import Scheduler
from workers.work import Work

CALL, OTHER, TRACK = "call-of-2020", "call-of-2021", "branch"
SECRET = DocumentId("c" * 64)
FIRST_DAY, LAST_DAY, OVER = "2020-05-09", "2020-06-30", "2020-07-01T00:00:00+08:00"


class Audited(Committee):
    """An office with cases of two programmes, and an auditor from outside, who holds no office."""

    auditor: Caller
    tokens: dict[str, str]

    async def engage(self, engagement_id: str, **scope: Any) -> None:
        """Engage the auditor, and give a token that is bound to it."""
        asked = {"engagement_id": engagement_id, "person_id": self.auditor.person_id, **scope}
        days = {"first_day": FIRST_DAY, "last_day": LAST_DAY, "commission_document_id": await self.deposit(self.head)}
        await self.post(self.head, "/v1/audit-engagements", {**days, **asked})
        await self.bind(engagement_id)

    async def bind(self, engagement_id: str) -> None:
        body = {"person_id": self.auditor.person_id, "engagement_id": engagement_id}
        given = await self.served.post(self.served.office.administrator, "/v1/tokens", body)
        assert given.status_code == 201, given.text
        self.tokens[engagement_id] = given.json()["token"]

    async def under(self, engagement_id: str, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """What the auditor is answered under an engagement: the status, and the body."""
        headers = {"Authorization": f"Bearer {self.tokens[engagement_id]}"}
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid4())
        answer = await self.served.http.request(method, path, headers=headers, json=body, params=query or None)
        return answer.status_code, answer.json()

    async def read(self, engagement_id: str, path: str, **query: Any) -> Any:
        await self.get("/v1/audit-engagements", self.head)  # What was recorded is folded before anything is read.
        status, body = await self.under(engagement_id, "GET", path, **query)
        assert status == 200, (path, status, body)
        return body

    async def over(self, engagement_id: str) -> bool:
        """Whether nothing is read under an engagement, once what was read of it a second ago is no longer relied on."""
        deadline = asyncio.get_running_loop().time() + 5
        answer = await self.under(engagement_id, "GET", "/v1/roster")
        while answer[0] == 200 and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.1)
            answer = await self.under(engagement_id, "GET", "/v1/roster")
        return (answer[0], answer[1]["type"]) == (403, "/problems/engagement-over")

    async def fall_due(self) -> None:
        parts = self.served.parts
        await self.get("/v1/audit-engagements", self.head)
        await Scheduler(parts, self.served.views).catch_up(await parts.clock.institution(self.served.office.log_id))


def started(number: int, programme_id: str) -> ApplicationStarted:
    return ApplicationStarted(
        application_id=ApplicationId(f"A-{number}"), programme_id=ProgrammeId(programme_id), track_id=TrackId(TRACK),
        unit_id=UnitId(f"BR-{number}"), nominator_unit_id=NominatorUnitId("COL"),
    )  # fmt: skip


def confirmed(number: int, programme_id: str) -> SelectionConfirmed:
    return SelectionConfirmed(
        application_id=ApplicationId(f"A-{number}"), programme_id=ProgrammeId(programme_id), track_id=TrackId(TRACK),
        unit_id=UnitId(f"BR-{number}"), decision_id=DecisionId("D-1"), publicity_id=PublicityId("PUB-1"),
        first_day=date(2020, 6, 30),
    )  # fmt: skip


def referred(number: int, programme_id: str) -> MatterReferred:
    return MatterReferred(
        measure_id=MeasureId(f"M-{number}"), finding_id=FindingId(f"F-{number}"),
        programme_id=ProgrammeId(programme_id), application_id=ApplicationId(f"A-{number}"),
        unit_id=UnitId(f"BR-{number}"),
        referred_to="discipline_commission", referred_on=date(2020, 6, 1), decision_document_id=SECRET,
    )  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def office(served: Served) -> AsyncIterator[Audited]:
    opened = served.office
    named = {"name_zh": "某支部", "name_en": "Some branch", "valid_on": "2012-01-01"}
    units = [{"unit_id": definition()["office_unit_id"], "kind": "office", **named}]
    units += [{"unit_id": "COL", "kind": "general_branch", **named}]
    units += [{"unit_id": f"BR-{n}", "kind": "branch", **named} for n in (1, 2, 3)]
    for unit in units:
        await served.post(opened.administrator, "/v1/units", unit)
    people = [await opened.somebody(role) for role in ("clerk", "head", "clerk", "supervisor")]
    made = Audited(served, *people)
    person_id = str(uuid4())
    register = {"person_id": person_id, "details": {"name": "审计师"}}
    await made.post(opened.administrator, "/v1/people", register)
    made.auditor, made.tokens = Caller(log_id=opened.log_id, person_id=person_id), {}
    for programme_id in (CALL, OTHER):
        body = {"notice_document_id": await notice(served, made.clerk), "definition": definition()}
        await made.post(made.clerk, f"/v1/programmes/{programme_id}/announce", body)
    panel: dict[str, Any] = {"panel_id": PanelId("PANEL-1")}
    await made.record(
        started(1, CALL), started(2, CALL), started(3, OTHER),
        PanelConstituted(
            **panel, programme_id=ProgrammeId(CALL), stage="expert", track_ids=(TrackId(TRACK),), stage_position=1,
        ),
        ReviewerSeated(**panel, seat_id=SeatId("S-1"), commitment="a" * 64),
        confirmed(1, CALL), confirmed(3, OTHER), referred(1, CALL), referred(3, OTHER),
    )  # fmt: skip
    await made.engage("E-CALL", programme_ids=[CALL])
    await made.engage("E-UNIT", unit_ids=["BR-3"], sealed=True)
    await made.engage("E-ALL")
    yield made


async def test_an_engagement_is_the_heads_to_open_and_binds_tokens_of_its_auditor_alone(office: Audited) -> None:
    c = office
    asked = {
        "person_id": c.auditor.person_id, "first_day": FIRST_DAY, "last_day": LAST_DAY,
        "commission_document_id": await c.deposit(c.head),
    }  # fmt: skip
    assert await c.refused(c.clerk, "/v1/audit-engagements", asked) == (403, "not-permitted")
    assert await c.refused(c.head, "/v1/audit-engagements", asked | {"last_day": "2020-05-08"}) == (
        422, "engagement-of-no-days",
    )  # fmt: skip
    officer = asked | {"person_id": c.clerk.person_id}
    assert await c.refused(c.head, "/v1/audit-engagements", officer) == (409, "auditor-holds-office")
    bound = {"person_id": c.clerk.person_id, "engagement_id": "E-CALL"}
    assert await c.refused(c.served.office.administrator, "/v1/tokens", bound) == (404, "engagement-unknown")
    lines = (await c.get("/v1/tokens", c.served.office.administrator, person_id=c.auditor.person_id))["items"]
    assert [line["engagement_id"] for line in lines] == ["E-CALL", "E-UNIT", "E-ALL"]


async def test_an_auditor_reads_what_the_engagement_covers_and_what_everybody_reads(office: Audited) -> None:
    c = office
    assert [row["application_id"] for row in (await c.read("E-CALL", "/v1/applications"))["items"]] == ["A-1", "A-2"]
    assert [row["application_id"] for row in (await c.read("E-UNIT", "/v1/applications"))["items"]] == ["A-3"]
    assert len((await c.read("E-ALL", "/v1/applications"))["items"]) == 3
    assert (await c.read("E-CALL", "/v1/applications/A-1/case-file"))["entries"][0]["actor_id"]
    assert (await c.under("E-CALL", "GET", "/v1/applications/A-3/case-file"))[0] == 404
    assert (await c.under("E-CALL", "GET", f"/v1/programmes/{OTHER}/books"))[0] == 404
    assert (await c.read("E-CALL", f"/v1/programmes/{CALL}/statements/payments"))["rows"] == []
    assert (await c.under("E-CALL", "GET", f"/v1/programmes/{OTHER}/statements/payments"))[0] == 404
    assert (await c.under("E-CALL", "GET", "/v1/outbox"))[0] in {403, 404}
    assert (await c.under("E-CALL", "GET", "/v1/tokens"))[0] == 404
    people = [row["person_id"] for row in (await c.read("E-CALL", "/v1/people"))["items"]]
    assert people == [c.auditor.person_id], "what is on record about oneself is one's own to read"
    assert [row["panel_id"] for row in (await c.read("E-CALL", "/v1/panels"))["items"]] == ["PANEL-1"]
    assert (await c.read("E-CALL", f"/v1/programmes/{OTHER}"))["programme_id"] == OTHER, "a call is everybody's"
    seen = (await c.read("E-CALL", "/v1/events", tag=f"programme:{CALL}"))["items"]
    assert {"application.started.v1", "selection.confirmed.v1"} <= {each["type"] for each in seen}
    two = "application.started.v1,selection.confirmed.v1"
    seen = (await c.read("E-CALL", "/v1/events", type=two, tag="application:A-1"))["items"]
    assert [each["type"] for each in seen] == two.split(",")
    (public,) = (await c.read("E-CALL", "/v1/events", tag="application:A-3"))["items"]
    assert (public["type"], "actor_id" in public["envelope"]) == ("selection.confirmed.v1", False)


async def test_without_sealed_material_nothing_is_told_of_discipline_and_no_name_is_opened(office: Audited) -> None:
    c = office
    for engagement in ("E-CALL", "E-ALL"):
        assert (await c.under(engagement, "GET", "/v1/referrals"))[0] == 404
        feed = await c.read(engagement, "/v1/events", type="accountability.matter_referred.v1")
        assert feed["items"] == []
        file = await c.read(engagement, "/v1/applications/A-1/case-file")
        assert not [each for each in file["entries"] if "refer" in each["type"]]
        for person in (c.clerk, c.head):
            assert (await c.under(engagement, "GET", f"/v1/people/{person.person_id}/details"))[0] == 404
        assert (await c.under(engagement, "GET", "/v1/panels/PANEL-1/seats/S-1/identity"))[0] == 404
    (seat,) = (await c.read("E-ALL", "/v1/panels/PANEL-1/seats"))["items"]
    assert "commitment" not in seat
    (mine,) = (await c.read("E-UNIT", "/v1/referrals"))["items"]
    assert (mine["measure_id"], mine["referred_to"]) == ("M-3", "discipline_commission")
    feed = await c.read("E-UNIT", "/v1/events", type="accountability.matter_referred.v1")
    assert [each["body"]["measure_id"] for each in feed["items"]] == ["M-3"]
    assert (await c.under("E-UNIT", "GET", "/v1/panels/PANEL-1/seats/S-1/identity"))[0] == 404


async def test_whatever_is_asked_under_an_engagement_stands_in_the_journal(office: Audited) -> None:
    c = office
    before = (await c.get("/v1/audit-engagements/E-ALL/queries", c.head, limit=1000))["next_after"]
    await c.read("E-ALL", "/v1/roster", programme_id=CALL)
    assert (await c.under("E-ALL", "GET", "/v1/findings/none-such"))[0] == 404
    await c.read("E-CALL", "/v1/roster")
    queries = await c.get("/v1/audit-engagements/E-ALL/queries", c.head, after=before)
    assert [line["what"] for line in queries["items"]] == [
        "GET /v1/roster?programme_id=call-of-2020",
        "GET /v1/findings/none-such",
    ]
    assert {(line["actor_id"], line["outcome"]) for line in queries["items"]} == {(c.auditor.person_id, "asked")}
    assert (await c.served.get(c.served.office.administrator, "/v1/audit-engagements/none/queries")).status_code == 404
    own = await c.read("E-ALL", "/v1/audit-engagements/E-ALL/queries")
    assert own["items"][-1]["what"].endswith("/queries"), "the auditor sees what is kept of them"
    assert (await c.under("E-CALL", "GET", "/v1/audit-engagements/E-ALL/queries"))[0] == 404


async def test_an_engagement_is_read_only_but_for_findings(office: Audited) -> None:
    c = office
    for path, body in (
        ("/v1/legal-holds", {"person_id": c.clerk.person_id, "ground": "audit", "order_document_id": SECRET}),
        ("/v1/audit-engagements/E-ALL/end", {}),
        (f"/v1/programmes/{CALL}/window/open", {}),
    ):
        status, refusal = await c.under("E-ALL", "POST", path, body)
        assert (status, refusal["type"]) == (403, "/problems/not-permitted"), path


async def test_a_finding_is_recorded_answered_and_closed(office: Audited) -> None:
    c, at = office, "/v1/audit-engagements/E-CALL/findings"
    text = "资金使用未见合同。"
    asked = {"audit_finding_id": "AF-1", "gravity": "irregularity", "application_id": "A-1", "text": {"text": text}}
    status, refusal = await c.under("E-CALL", "POST", at, asked | {"application_id": "A-3"})
    assert (status, refusal["type"]) == (409, "/problems/outside-engagement")
    status, receipt = await c.under("E-CALL", "POST", at, asked | {"fact_positions": [3, 5]})
    assert (status, receipt["location"]) == (201, "/v1/audit-findings/AF-1")
    assert await c.refused(c.head, at, asked | {"audit_finding_id": "AF-2"}) == (403, "not-permitted")
    finding = await c.get("/v1/audit-findings/AF-1", c.clerk)
    assert (finding["state"], finding["fact_positions"]) == ("recorded", [3, 5])
    said = await c.served.get(c.head, f"/v1/documents/{finding['statement_document_id']}")
    assert text in said.text
    assert (await c.under("E-CALL", "POST", f"{at}/AF-1/close", {"conclusion": "settled"}))[0] == 409
    await c.post(c.clerk, f"{at}/AF-1/answer", {"text": {"text": "合同已补齐。"}})
    answered = await c.read("E-CALL", "/v1/audit-findings/AF-1")
    (document,) = answered["answer_document_ids"]
    headers = {"Authorization": f"Bearer {c.tokens['E-CALL']}"}
    assert "合同已补齐。" in (await c.served.http.get(f"/v1/documents/{document}", headers=headers)).text
    assert (await c.under("E-UNIT", "GET", "/v1/audit-findings/AF-1"))[0] == 404
    status, _ = await c.under("E-CALL", "POST", f"{at}/AF-1/close", {"conclusion": "settled"})
    assert status == 201
    assert (await c.get("/v1/audit-findings/AF-1", c.head))["conclusion"] == "settled"


async def test_an_engagement_ends_by_decision_and_by_its_term_and_then_opens_nothing(office: Audited) -> None:
    c = office
    await c.post(c.head, "/v1/audit-engagements/E-UNIT/end")
    assert await c.refused(c.head, "/v1/audit-engagements/E-UNIT/end") == (409, "not-in-this-state")
    assert await c.over("E-UNIT")
    late = {"person_id": c.auditor.person_id, "engagement_id": "E-UNIT"}
    assert await c.refused(c.served.office.administrator, "/v1/tokens", late) == (404, "engagement-unknown")
    await c.advance(OVER)
    assert await c.over("E-ALL"), "its last day is over, whoever has noted it"
    text = {"gravity": "observation", "text": {"text": "迟到的发现"}}
    status, refusal = await c.under("E-ALL", "POST", "/v1/audit-engagements/E-ALL/findings", text)
    assert (status, refusal["type"]) == (403, "/problems/not-permitted")
    await c.fall_due()
    rows = {row["engagement_id"]: row["ended_as"] for row in (await c.get("/v1/audit-engagements", c.head))["items"]}
    assert rows == {"E-CALL": "term", "E-UNIT": "decision", "E-ALL": "term"}
    lines = (await c.get("/v1/audit-engagements/E-ALL/queries", c.head, limit=1000))["items"]
    assert (lines[-1]["what"], lines[-1]["outcome"]) == ("GET /v1/roster", "engagement-over")


# --- certificates of replay -------------------------------------------------------------------------------------------

NIGHT = next(each for each in OPERATIONS if isinstance(each, ByNight))


async def night(c: Audited, days: int) -> None:
    """Let the schedule look so many days from now, and a worker do what it has started."""
    parts, log_id = c.served.parts, c.served.office.log_id
    await c.get("/v1/audit-engagements", c.head)
    institution = await parts.clock.institution(log_id)
    now = (await parts.clock.server_time()).astimezone(institution.zone) + timedelta(days=days)
    await Scheduler(parts, c.served.views).operate(institution, NIGHT, now)
    dispatcher = Dispatcher(parts.pool, parts.stores, AUTOMATIONS, at_once(Work(parts, AUTOMATIONS)))
    await dispatcher.tell()


async def certificates(c: Audited) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await c.get("/v1/audit/certificates", c.head, sort="certified_at"))["items"]
    return rows


async def test_every_night_the_views_are_folded_anew_and_what_came_of_it_is_recorded(office: Audited) -> None:
    c = office
    store = await c.served.parts.stores(c.served.office.log_id)
    await night(c, 0)
    assert await certificates(c) == [], "the institution was not open yet when it was last due"
    head = await store.head()
    await night(c, 1)
    await night(c, 1)
    (first,) = await certificates(c)
    assert (first["certified_position"], first["differences"], first["clean"]) == (head, 0, True)
    assert [view["view"] for view in first["views"]] == [view.name for view in VIEWS]
    past = (await store.read(until=head)).events
    for view, told in zip(VIEWS, first["views"], strict=True):
        register, digest, versions = Register(view), hashlib.sha256(), 0
        for recorded in past:
            for key, _, after in register.apply(recorded):
                line = (recorded.position, key, after)
                digest.update(msgspec.json.encode(line, order="sorted") + b"\n")
                versions += after is not None
        assert (told["digest"], told["versions"], told["differences"]) == (digest.hexdigest(), versions, 0), view.name
    rooms = (Path(str(room.__file__)).parent for room in (domain, projections))
    assert first["rules_digest"] == tree_digest(sources(*rooms))
    await night(c, 2)
    assert len(await certificates(c)) == 1, "nothing was recorded since but the certificate itself"


async def test_a_difference_is_an_alarm_and_is_recorded_as_such(office: Audited, attacker: asyncpg.Connection) -> None:
    c = office
    await c.post(c.served.office.administrator, "/v1/people", {"details": {"name": "某人"}})
    await c.get("/v1/people", c.head)
    relation = await attacker.fetchval("SELECT relation FROM view.live WHERE name = 'organisation'")
    forge = f"UPDATE view.{relation} SET name_en = 'Forged' WHERE unit_id = 'BR-1' AND log_id = $1"
    await attacker.execute(forge, c.served.office.log_id)
    await night(c, 3)
    *_, last = await certificates(c)
    assert (last["differences"], last["clean"]) == (1, False)
    assert [view["view"] for view in last["views"] if view["differences"]] == ["organisation"]
    assert [row["position"] for row in (await c.get("/v1/audit/certificates", c.head, clean="false"))["items"]] == [
        last["position"]
    ]
    figures = (await c.served.http.get("/metrics")).text
    assert f'biaogan_replay_differences{{log="{c.served.office.log_id}"}} 1.0' in figures
