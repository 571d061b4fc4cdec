"""What follows from a case, over HTTP: titles and their public register, findings, measures, appeals, referrals."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest_asyncio

from domain.assessment.events import AssessmentDecided, CaseClosedWithoutCompletion, CaseCompleted
from domain.ids import ApplicationId, DecisionId, DocumentId, ProgrammeId, PublicityId, TrackId, UnitId
from domain.selection.events import SelectionConfirmed
from infra.front_door import Caller
from tests.automating import at_once
from tests.over_http.serving import Served
from tests.over_http.test_api_programme import definition, notice
from tests.over_http.test_api_publicity import Committee
from workers.automations import AUTOMATIONS
from workers.dispatcher import Dispatcher
from workers.scheduler import Scheduler
from workers.work import Work

CALL, TRACK = "call-of-2020", "branch"
PASSED, FAILED = "A-1", "A-2"
PAPER = DocumentId("d" * 64)


def _case(number: int) -> dict[str, Any]:
    return {
        "application_id": ApplicationId(f"A-{number}"), "programme_id": ProgrammeId(CALL),
        "track_id": TrackId(TRACK), "unit_id": UnitId(f"BR-{number}"),
    }  # fmt: skip


def confirmed(number: int) -> SelectionConfirmed:
    return SelectionConfirmed(
        **_case(number), decision_id=DecisionId("D-1"), publicity_id=PublicityId("PUB-1"), first_day=date(2020, 6, 30)
    )


def assessed(number: int, outcome: str, *effects: Any) -> AssessmentDecided:
    return AssessmentDecided(
        **_case(number), assessment="acceptance", kind="acceptance", round=1, outcome=outcome, effects=effects,
        decision_document_id=PAPER,
    )  # fmt: skip


class Consequences(Committee):
    """An office after the acceptance: one case has passed, another has not."""

    hand: Caller
    neighbour: Caller
    secretary: Caller
    second_head: Caller

    async def follow(self) -> None:
        """Let everything happen that follows by itself from what is recorded."""
        parts, office = self.served.parts, self.served.office
        dispatcher = Dispatcher(parts.pool, parts.stores, AUTOMATIONS, at_once(Work(parts, AUTOMATIONS)))
        await dispatcher.catch_up(office.log_id, office.institution_id)
        await dispatcher.tell()

    async def waiting(self, caller: Caller) -> dict[str, str | None]:
        """What the inbox of a person has about findings and appeals, and until which day."""
        tasks = (await self.get("/v1/inbox", caller))["items"]
        return {task["task"]: task["last_day"] for task in tasks if task["subject_id"] in {"F-2", "M-2"}}

    async def fall_due(self) -> None:
        """Let the schedule ask for everything that has fallen due."""
        parts = self.served.parts
        await self.get("/v1/designations")  # What was recorded is folded before anything is looked for.
        await Scheduler(parts, self.served.views).catch_up(await parts.clock.institution(self.served.office.log_id))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def office(served: Served) -> AsyncIterator[Consequences]:
    opened = served.office
    named = {"name_zh": "某支部", "name_en": "Some branch", "valid_on": "2012-01-01"}
    units = [{"unit_id": definition()["office_unit_id"], "kind": "office", **named}]
    units += [{"unit_id": f"BR-{n}", "kind": "branch", **named} for n in (1, 2)]
    for unit in units:
        await served.post(opened.administrator, "/v1/units", unit)
    people = [await opened.somebody(role) for role in ("clerk", "head", "clerk", "supervisor")]
    made = Consequences(served, *people)
    made.second_head = await opened.somebody("head")
    made.hand = await opened.somebody("applicant", "BR-2")
    made.secretary = await opened.somebody("secretary", "BR-2")
    made.neighbour = await opened.somebody("applicant", "BR-1")
    body = {"notice_document_id": await notice(served, made.clerk), "definition": definition()}
    await made.post(made.clerk, f"/v1/programmes/{CALL}/announce", body)
    await made.record(
        confirmed(1), confirmed(2), assessed(1, "met", "complete", "title"), assessed(2, "not_met", "no_completion"),
        CaseCompleted(**_case(1), completed_on=date(2022, 6, 30), early=False),
        CaseClosedWithoutCompletion(**_case(2), closed_on=date(2022, 6, 30), ground="not_met"),
    )  # fmt: skip
    yield made


TITLE = {"title": "model_branch", "name_zh": "党建工作样板支部", "name_en": "Model branch", "track_ids": [TRACK]}


async def test_a_title_is_defined_conferred_by_decision_and_stands_in_the_register(office: Consequences) -> None:
    c = office
    path = f"/v1/programmes/{CALL}/titles"
    assert await c.refused(c.head, path, TITLE) == (422, "reason-missing")
    assert await c.refused(c.clerk, path, TITLE, "naming") == (403, "not-permitted")
    await c.post(c.head, path, TITLE | {"validity_months": 24}, "naming")
    await c.advance("2022-06-30T10:00:00+08:00")
    body = {"designation_id": "T-1", "title": "model_branch", "decision_document_id": await c.deposit(c.head)}
    assert await c.refused(c.clerk, f"/v1/applications/{PASSED}/designations", body) == (403, "not-permitted")
    assert await c.refused(c.head, f"/v1/applications/{FAILED}/designations", body) == (409, "case-failed")
    receipt = await c.post(c.head, f"/v1/applications/{PASSED}/designations", body)
    assert receipt["location"] == "/v1/designations/T-1"
    row = await c.get("/v1/designations/T-1")
    assert (row["unit_id"], row["state"], row["valid_until"]) == ("BR-1", "held", "2024-06-30")


async def test_anybody_reads_the_register_in_both_languages_and_as_csv(office: Consequences) -> None:
    c, http = office, office.served.http
    await c.get("/v1/designations/T-1")
    register = (await http.get("/public/UNI/designations?format=json")).json()
    (entry,) = register["items"]
    assert (entry["title_zh"], entry["unit_en"], entry["state"]) == ("党建工作样板支部", "Some branch", "held")
    assert "decision_document_id" not in entry
    assert (register["simulated"], len(register["log_root"])) == (True, 64)
    page = (await http.get("/public/UNI/designations", headers={"Accept": "text/html"})).text
    for shown in ("命名登记", "Register of designations", "党建工作样板支部", "Model branch", "2024-06-30", "演练数据"):
        assert shown in page, shown
    assert not re.search(r"https?://|<script", page)
    for answer in (
        await http.get("/public/UNI/designations?format=csv"),
        await http.get("/public/UNI/designations", headers={"Accept": "text/csv"}),
    ):
        assert answer.headers["content-type"].startswith("text/csv")
        head, line = answer.text.strip().split("\r\n")
        assert head.startswith("designation_id,programme_id")
        assert line.startswith("T-1,")
    assert (await http.get("/public/UNI/designations?format=xml")).status_code == 406
    assert (await http.get("/public/OTHER/designations?format=json")).json()["items"] == []
    assert "No title" in (await http.get("/public/OTHER/designations?format=html")).text
    assert (await http.get("/public/NOBODY/designations")).status_code == 404


RULE = {
    "day_rule": "calendar", "statement_within_days": 5, "appeal_within_days": 15, "decide_within_days": 30,
    "by_committee": ["bar"],
}  # fmt: skip


async def test_a_finding_is_heard_before_anything_is_decided(office: Consequences) -> None:
    c = office
    await c.post(c.head, f"/v1/programmes/{CALL}/accountability-rule", RULE, "procedure")
    assert (await c.get(f"/v1/programmes/{CALL}/accountability-rule"))["appeal_within_days"] == 15
    found = {
        "finding_id": "F-2", "programme_id": CALL, "application_id": FAILED, "concerned": "unit", "unit_id": "BR-2",
        "ground": "not_met", "evidence_document_ids": [await c.deposit(c.clerk, "evidence")],
    }  # fmt: skip
    assert await c.refused(c.head, "/v1/findings", found) == (403, "not-permitted")
    assert await c.refused(c.clerk, "/v1/findings", found | {"unit_id": None}) == (422, "concerned-amiss")
    await c.post(c.clerk, "/v1/findings", found)
    assert await c.waiting(c.clerk) == {"notify_finding": None}
    measure = {
        "measure_id": "M-1", "kind": "circular", "from_on": "2022-06-30",
        "decision_document_id": await c.deposit(c.head),
    }  # fmt: skip
    path = "/v1/findings/F-2/measures"
    assert await c.refused(c.head, path, measure) == (409, "not-in-this-state")
    await c.post(c.clerk, "/v1/findings/F-2/notify", {"notice_document_id": await c.deposit(c.clerk, "reason")})
    assert await c.refused(c.head, path, measure) == (409, "hearing-still-open")
    assert (await c.waiting(c.clerk), await c.waiting(c.head)) == ({}, {"decide_measure": None})
    assert await c.waiting(c.secretary) == {"make_statement": "2022-07-05"}
    evidence = await c.served.post(
        c.hand, "/v1/documents?kind=evidence&owner_unit_id=BR-2", b"we say", headers={"Content-Type": "text/plain"}
    )
    statement = {"statement_document_id": evidence.headers["Location"].rpartition("/")[2]}
    assert await c.refused(c.neighbour, "/v1/findings/F-2/statements", statement) == (403, "not-permitted")
    await c.post(c.hand, "/v1/findings/F-2/statements", statement)
    assert await c.waiting(c.secretary) == {}
    row = await c.get("/v1/findings/F-2", c.hand)
    assert (row["state"], row["last_day"], row["statement_document_ids"]) == (
        "stated", "2022-07-05", [statement["statement_document_id"]],
    )  # fmt: skip
    assert {"evidence_document_ids", "person_id", "recorded_by"}.isdisjoint(row)
    assert (await c.served.get(c.neighbour, "/v1/findings/F-2")).status_code == 404
    for figure, most in ({"places": 2**53}, "/places"), ({"until_on": "9999-12-31"}, None):
        odd = await c.served.post(c.head, path, measure | {"kind": "quota_cut", "places": 1} | figure)
        assert (odd.status_code, odd.json().get("errors", [{}])[0].get("pointer")) == (422, most)
    await c.post(c.head, path, measure)
    assert await c.waiting(c.head) == {}
    circular = {"circular_document_id": await c.deposit(c.head)}
    await c.post(c.head, "/v1/measures/M-1/circular", circular)
    assert await c.refused(c.head, "/v1/measures/M-1/circular", circular) == (409, "circular-already-issued")


async def test_a_measure_is_decided_by_its_body_and_appealed_with_its_clock(office: Consequences) -> None:
    c = office
    bar = {
        "measure_id": "M-2", "kind": "bar", "from_on": "2022-06-30", "until_on": "2024-06-29",
        "decision_document_id": await c.deposit(c.head),
    }  # fmt: skip
    path = "/v1/findings/F-2/measures"
    assert await c.refused(c.head, path, bar) == (409, "vote-missing")
    vote = {"entitled": 9, "attending": 8, "in_favour": 7, "against": 1, "abstaining": 0}
    assert await c.refused(c.head, path, bar | {"vote": vote}) == (409, "committee-rule-missing")
    rule = {"quorum_bp": 6667, "threshold_bp": 5000, "threshold_of": "entitled", "more_than_threshold": True}
    await c.post(c.head, f"/v1/programmes/{CALL}/selection-rule", rule, "committee")
    await c.post(c.head, path, bar | {"vote": vote})
    more = bar | {"measure_id": "M-3", "places": 1, "vote": vote}
    assert await c.refused(c.head, path, more) == (422, "measure-has-no")
    await c.advance("2022-07-12T10:00:00+08:00")
    appeal = {"appeal_document_id": await c.deposit(c.clerk, "evidence")}
    assert await c.refused(c.neighbour, "/v1/measures/M-2/appeal", appeal) == (403, "not-permitted")
    await c.post(c.hand, "/v1/measures/M-2/appeal", appeal)
    row = await c.get("/v1/measures/M-2")
    assert (row["state"], row["in_favour"], row["due_day"]) == ("appealed", 7, "2022-08-11")
    assert (await c.waiting(c.head), await c.waiting(c.second_head)) == ({}, {"decide_appeal": "2022-08-11"})
    (duty,) = (await c.get("/v1/obligations", kind="appeal_decision"))["items"]
    assert (duty["state"], duty["measure_id"], duty["last_day"]) == ("waiting", "M-2", "2022-08-11")
    decision = {"decision_document_id": await c.deposit(c.head)}
    assert await c.refused(c.head, "/v1/measures/M-2/dismiss", decision, "stands") == (409, "second-person-missing")
    await c.advance("2022-08-08T10:00:00+08:00")
    await c.post(c.second_head, "/v1/measures/M-2/dismiss", decision, "stands")
    assert await c.waiting(c.second_head) == {}
    seen = await c.get("/v1/measures/M-2", c.hand)
    assert (seen["state"], seen["appeal_outcome"]) == ("settled", "dismissed")
    assert {"in_favour", "decided_by", "person_id"}.isdisjoint(seen)
    (duty,) = (await c.get("/v1/obligations", kind="appeal_decision"))["items"]
    assert duty["state"] == "answered"
    assert [row["measure_id"] for row in (await c.get("/v1/measures", c.neighbour))["items"]] == []


async def test_a_referral_is_known_to_few_and_not_told_by_the_record(office: Consequences) -> None:
    c = office
    body = {
        "measure_id": "M-9", "referred_to": "discipline_commission", "decision_document_id": await c.deposit(c.head),
    }  # fmt: skip
    assert await c.refused(c.clerk, "/v1/findings/F-2/refer", body) == (403, "not-permitted")
    await c.post(c.head, "/v1/findings/F-2/refer", body)
    outcome = {"outcome": "warning", "outcome_document_id": await c.deposit(c.supervisor, "evidence")}
    await c.post(c.supervisor, "/v1/referrals/M-9/outcome", outcome)
    (row,) = (await c.get("/v1/referrals", c.head))["items"]
    assert (row["measure_id"], row["outcome"], row["referred_to"]) == ("M-9", "warning", "discipline_commission")
    assert (await c.get("/v1/referrals", c.supervisor))["items"] == [row]
    for other in (c.clerk, c.hand, c.served.office.administrator):
        assert (await c.served.get(other, "/v1/referrals")).status_code == 404
    for reader in (c.hand, c.clerk, c.head):
        file = await c.get(f"/v1/applications/{FAILED}/case-file", reader)
        assert not [each for each in file["entries"] if "refer" in each["type"]], reader
        feed = await c.get("/v1/events", reader, type="accountability.matter_referred.v1")
        assert feed["items"] == []
    read = await c.served.parts.pool.fetch("SELECT actor_id FROM access WHERE what = 'referrals' ORDER BY seq")
    assert [str(each["actor_id"]) for each in read] == [c.head.person_id, c.supervisor.person_id]


async def test_a_title_goes_with_the_measure_that_revokes_it_and_comes_back_with_its_lifting(
    office: Consequences,
) -> None:
    c = office
    found = {
        "finding_id": "F-1", "programme_id": CALL, "application_id": PASSED, "concerned": "unit", "unit_id": "BR-1",
        "ground": "false_report", "evidence_document_ids": [await c.deposit(c.clerk, "evidence")],
    }  # fmt: skip
    await c.post(c.clerk, "/v1/findings", found)
    await c.post(c.clerk, "/v1/findings/F-1/notify", {"notice_document_id": await c.deposit(c.clerk, "reason")})
    await c.post(c.clerk, "/v1/findings/F-1/waive", {"waiver_document_id": await c.deposit(c.clerk, "evidence")})
    measure = {
        "measure_id": "M-4", "kind": "title_revocation", "from_on": "2022-08-08", "designation_id": "T-1",
        "decision_document_id": await c.deposit(c.head),
    }  # fmt: skip
    await c.post(c.head, "/v1/findings/F-1/measures", measure)
    await c.follow()
    row = await c.get("/v1/designations/T-1")
    assert (row["state"], row["revoked_on"], row["measure_id"]) == ("revoked", "2022-08-08", "M-4")
    page = (await c.served.http.get("/public/UNI/designations", headers={"Accept": "text/html"})).text
    assert "已撤销 · revoked<br>2022-08-08" in page
    await c.post(c.clerk, "/v1/measures/M-4/appeal", {
        "appeal_document_id": await c.deposit(c.clerk, "evidence"),
    })  # fmt: skip
    decision = {"decision_document_id": await c.deposit(c.head)}
    await c.post(c.second_head, "/v1/measures/M-4/uphold", decision, "disproved")
    await c.follow()
    row = await c.get("/v1/designations/T-1")
    assert (row["state"], row["restored_on"]) == ("held", "2022-08-08")
    assert (await c.get("/v1/measures/M-4"))["state"] == "lifted"


async def test_findings_are_dropped_appeals_withdrawn_and_measures_lifted(office: Consequences) -> None:
    c = office
    evidence = [await c.deposit(c.clerk, "evidence")]
    found = {"programme_id": CALL, "ground": "late_reports", "evidence_document_ids": evidence}
    await c.post(c.supervisor, "/v1/findings", found | {"finding_id": "F-3", "concerned": "unit", "unit_id": "BR-1"})
    assert await c.refused(c.head, "/v1/findings/F-3/drop") == (422, "reason-missing")
    await c.post(c.head, "/v1/findings/F-3/drop", reason="not_substantiated")
    assert (await c.get("/v1/findings/F-3"))["state"] == "dropped"
    person = await c.served.office.somebody("adviser", "BR-1")
    against = {"finding_id": "F-4", "concerned": "adviser", "person_id": person.person_id}
    await c.post(c.clerk, "/v1/findings", found | against)
    await c.post(c.clerk, "/v1/findings/F-4/notify", {"notice_document_id": evidence[0]})
    await c.post(c.supervisor, "/v1/findings/F-4/waive", {"waiver_document_id": evidence[0]})
    decision = {"decision_document_id": await c.deposit(c.head)}
    interview = {"measure_id": "M-5", "kind": "interview", "from_on": "2022-08-08"}
    await c.post(c.head, "/v1/findings/F-4/measures", interview | decision)
    await c.post(c.supervisor, "/v1/measures/M-5/appeal", {"appeal_document_id": evidence[0]})
    await c.post(c.clerk, "/v1/measures/M-5/withdraw-appeal")
    assert (await c.get("/v1/measures/M-5"))["appeal_outcome"] == "withdrawn"
    assert await c.refused(c.clerk, "/v1/measures/M-5/lift", decision | {"ground": "held"}, "done") == (
        403, "not-permitted",
    )  # fmt: skip
    await c.post(c.head, "/v1/measures/M-5/lift", decision | {"ground": "held"}, "done")
    row = await c.get("/v1/measures/M-5", person)
    assert (row["state"], row["lifted_for"]) == ("lifted", "held")
    assert [each["measure_id"] for each in (await c.get("/v1/measures", person))["items"]] == ["M-5"]


async def test_the_head_revokes_a_title_and_gives_back_only_what_a_measure_took(office: Consequences) -> None:
    c = office
    titles = f"/v1/programmes/{CALL}/titles"
    await c.post(c.head, titles, TITLE | {"title": "first_class", "name_en": "First class"}, "naming")
    assert [row["title"] for row in (await c.get(titles))["items"]] == ["first_class", "model_branch"]
    decision = {"decision_document_id": await c.deposit(c.head)}
    body = {"designation_id": "T-2", "title": "first_class", **decision}
    await c.post(c.head, f"/v1/applications/{PASSED}/designations", body)
    assert (await c.get("/v1/designations/T-2"))["valid_until"] is None
    assert await c.refused(c.head, "/v1/designations/T-2/renew", decision) == (409, "title-has-no-end")
    revocation = {**decision, "ground": "conferred_in_error"}
    assert await c.refused(c.clerk, "/v1/designations/T-2/revoke", revocation, "error") == (403, "not-permitted")
    await c.post(c.head, "/v1/designations/T-2/revoke", revocation, "error")
    back = {"measure_id": "M-4"}
    assert await c.refused(c.head, "/v1/designations/T-2/restore", back) == (409, "not-revoked-by-that")
    register = (await c.served.http.get("/public/UNI/designations?format=json")).json()["items"]
    assert {each["designation_id"]: each["state"] for each in register} == {"T-1": "held", "T-2": "revoked"}


async def test_dossiers_are_issued_and_read_by_the_office_and_whom_they_are_about(office: Consequences) -> None:
    c, opened = office, office.served.office
    secretary = await opened.somebody("secretary", "BR-2")
    body = {"dossier_id": "DO-1", "year": 2022, "uses": ["secretary_evaluation", "commendation"]}
    path = "/v1/units/BR-2/dossiers"
    assert await c.refused(secretary, path, body) == (403, "not-permitted")
    assert await c.refused(c.clerk, path, body | {"year": 2023}) == (409, "year-not-begun")
    await c.post(c.clerk, path, body)
    row = await c.get("/v1/unit-dossiers/DO-1")
    told = [(line["what"], line["matter"]) for line in row["lines"]]
    assert ("circular", "not_met") in told
    assert ("bar", "not_met") in told
    assert not [what for what, _ in told if "refer" in what]
    assert row["fact_positions"] == [line["position"] for line in row["lines"]]
    assert (await c.get("/v1/unit-dossiers/DO-1", c.hand))["digest"] == row["digest"]
    assert (await c.served.get(c.neighbour, "/v1/unit-dossiers/DO-1")).status_code == 404
    whose = f"/v1/people/{secretary.person_id}/dossiers"
    await c.post(c.head, whose, body | {"dossier_id": "DO-2"})
    own = await c.get("/v1/secretary-dossiers/DO-2", secretary)
    assert [term["unit_id"] for term in own["terms"]] == ["BR-2"]
    assert [(line["what"], line["matter"]) for line in own["lines"]] == told
    assert [each["dossier_id"] for each in (await c.get("/v1/secretary-dossiers", secretary))["items"]] == ["DO-2"]
    for other in (c.hand, c.neighbour):
        assert (await c.served.get(other, "/v1/secretary-dossiers/DO-2")).status_code == 404
        assert (await c.get("/v1/secretary-dossiers", other))["items"] == []
    stranger = f"/v1/people/{c.hand.person_id}/dossiers"
    assert await c.refused(c.head, stranger, body | {"dossier_id": "DO-3"}) == (409, "no-secretary-that-year")


async def test_titles_and_measures_end_when_their_time_comes(office: Consequences) -> None:
    c = office
    await c.post(c.head, "/v1/designations/T-1/renew", {"decision_document_id": await c.deposit(c.head)})
    await c.advance("2024-07-01T00:00:00+08:00")
    await c.fall_due()
    assert (await c.get("/v1/measures/M-2"))["state"] == "ended"
    assert (await c.get("/v1/designations/T-1"))["state"] == "held"
    await c.advance("2026-07-01T00:00:00+08:00")
    await c.fall_due()
    row = await c.get("/v1/designations/T-1")
    assert (row["state"], row["valid_until"], row["waits_to_lapse"]) == ("lapsed", "2026-06-30", False)
    decision = {"decision_document_id": await c.deposit(c.head)}
    assert await c.refused(c.head, "/v1/measures/M-2/lift", {**decision, "ground": "late"}, "late") == (
        409, "not-in-this-state",
    )  # fmt: skip
