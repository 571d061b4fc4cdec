"""Every command of the law is accepted over HTTP once, by whoever may ask for it, with exactly the events it says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest

from api.catalogue import PAGES
from api.routes import Act
from domain.ids import PersonId
from tests.walks.desk import Desk
from tests.walks.running import ROOT

pytestmark = pytest.mark.slow
SINCE = {"valid_on": "2019-01-01"}
NAMES = {"name_zh": "甲", "name_en": "A", "valid_on": "2015-01-01"}
CALL = "REAL"
AT = f"/v1/programmes/{CALL}"
BY_THE_SCHEDULE = {"CloseApplicationWindow"}
"""Asked for over HTTP where no scheduler runs; here it would come first."""
AFTER_THE_FILING = (
    "screening",
    "review",
    "selection",
    "publicity",
    "cultivation",
    "assessment",
    "funding",
    "designation",
    "accountability",
    "evaluation",
    "obligation",
    "audit",
    "privacy",
)
"""What comes after the filing has walks of its own, or is asked for by the story."""


class Journey:
    """Asks for one command after the other, and keeps which of them were accepted."""

    def __init__(self, house: Desk) -> None:
        self.house = house
        self.accepted: set[str] = set()
        self.events: dict[str, Sequence[str]] = {}
        self.version = 0

    async def ask(
        self,
        who: str,
        command: str,
        body: dict[str, Any] | None = None,
        reason: str | None = None,
        about: Mapping[str, str] = MappingProxyType({}),
    ) -> dict[str, Any]:
        """Ask for a command by its name; a draft is edited in the version that is read of it."""
        (act,) = (each for page in PAGES for each in page.routes if isinstance(each, Act) and name_of(each) == command)
        headers = {}
        if act.edits_draft:
            path, seen = f"/v1/applications/{about['application_id']}", {"min_position": self.version}
            headers = {"If-Match": (await self.house.send(who, "GET", path, params=seen)).headers["ETag"]}
        receipt = await self.house.act(who, act.path.format(**about), body, reason=reason, headers=headers)
        self.accepted.add(command)
        self.events[command] = [event["type"] for event in receipt["events"]]
        self.version = receipt["version"]
        return receipt


def name_of(act: Act) -> str:
    return act.command.__name__


def commands() -> set[str]:
    return {
        name_of(each)
        for page in PAGES
        for each in page.routes
        if isinstance(each, Act) and page.capability not in AFTER_THE_FILING
    }


async def test_every_command_is_accepted_once(house: Desk) -> None:
    journey = Journey(house)
    await people(journey)
    await units(journey)
    await the_call(journey)
    await applications(journey)
    assert journey.accepted == commands() - BY_THE_SCHEDULE
    assert all(len(events) == 1 or name == "AnnounceProgramme" for name, events in journey.events.items())
    said = {name: events[0] for name, events in journey.events.items()}
    assert said["MergeUnit"] == "unit.merged.v1"
    assert said["RecordErratum"] == "programme.erratum_recorded.v1"
    assert said["DeclineNomination"] == "nomination.declined.v1"
    assert len(set(said.values())) == len(said), "each says something else"


async def people(journey: Journey) -> None:
    somebody = PersonId(str(uuid5(NAMESPACE_OID, f"{journey.house.institution_id} somebody")))
    details: dict[str, Any] = {"details": {"name": "某人", "phone": "13800000000"}}
    await journey.ask("administrator", "RegisterPerson", {"person_id": somebody, **details})
    await journey.ask("administrator", "ReplacePersonDetails", details, about={"person_id": somebody})
    await journey.ask("administrator", "RegisterService", {"service": "import"})
    office = {"appointment_id": "passing", "person_id": somebody, "role": "clerk", "first_day": "2020-05-09"}
    await journey.ask("administrator", "Appoint", office)
    await journey.ask(
        "administrator", "EndAppointment", {"last_day": "2020-05-09"}, about={"appointment_id": "passing"}
    )
    days: dict[str, Any] = {
        "days_off": ["2020-06-25", "2020-06-26"],
        "days_worked": ["2020-06-28"],
        "source": "published",
    }
    await journey.ask("clerk", "SupplyWorkingDays", days, about={"year": "2020"})


async def units(journey: Journey) -> None:
    source = {"source_document_id": await journey.house.deposit("clerk", "evidence", "来源")}
    fact: dict[str, Any] = {**SINCE, **source}
    for unit_id in ("BR-7", "BR-8"):
        entry = {**NAMES, "unit_id": unit_id, "kind": "branch", "parent_unit_id": "COL"}
        await journey.ask("administrator", "RegisterUnit", entry)
    at = {"unit_id": "BR-8"}
    await journey.ask("clerk", "RecordFoundation", {**fact, "founded_on": "2018-01-01"}, about=at)
    await journey.ask("clerk", "RecordTraits", {**fact, "traits": ["staff_branch"]}, about=at)
    incident = {"incident_id": "I-1", "kind": "safety", "severity": "minor", "scope": "unit"}
    await journey.ask("clerk", "RecordIncident", {**fact, **incident, "occurred_on": "2018-06-01"}, about=at)
    await journey.ask("head", "WithdrawIncident", fact, reason="not_upheld", about={"incident_id": "I-1"})
    honour = {"honour": "advanced_branch", "level": "institution", "awarded_on": "2018-07-01"}
    await journey.ask("clerk", "RecordHonour", {**fact, **honour}, about=at)
    outcome = {"programme": "pilot-2017", "outcome": "completed", "decided_on": "2018-07-01"}
    await journey.ask("clerk", "RecordEarlierOutcome", {**fact, **outcome}, about=at)
    title = {"title": "model_branch", "level": "provincial", "conferred_on": "2018-07-01"}
    await journey.ask("clerk", "RecordEarlierTitle", {**fact, **title}, about=at)
    await journey.ask("administrator", "RenameUnit", {**fact, "name_zh": "乙", "name_en": "B"}, about=at)
    await journey.ask("administrator", "MoveUnit", {**fact, "parent_unit_id": "PC"}, about=at)
    for unit_id in ("BR-10", "BR-11", "BR-12"):
        entry = {**NAMES, "unit_id": unit_id, "kind": "branch", "parent_unit_id": "COL"}
        await journey.house.act("administrator", "/v1/units", entry)
    parts = {**fact, "successor_unit_ids": ["BR-11", "BR-12"]}
    await journey.ask("administrator", "SplitUnit", parts, about={"unit_id": "BR-10"})
    await journey.ask("administrator", "MergeUnit", {**fact, "successor_unit_id": "BR-7"}, about=at)
    await journey.ask("administrator", "DissolveUnit", fact, about={"unit_id": "BR-7"})
    await journey.ask("clerk", "RecordFoundation", {**fact, "founded_on": "2018-01-01"}, about={"unit_id": "BR-0"})


async def the_call(journey: Journey) -> None:
    house = journey.house
    path = ROOT / "domain" / "programme" / "presets" / "benchmark-2020.json"
    definition = {**json.loads(path.read_text(encoding="utf-8")), "office_unit_id": "OFFICE"}
    notice = await house.deposit("clerk", "notice", "关于培育创建的通知")
    body = {"notice_document_id": notice, "definition": definition}
    await journey.ask("clerk", "AnnounceProgramme", body, about={"programme_id": CALL})
    closes: dict[str, Any] = {"value": {"type": "date", "day": "2020-05-31"}}
    await journey.ask(
        "clerk", "InterpretTerm", closes, reason="damaged", about={"programme_id": CALL, "term": "application_closes"}
    )
    erratum: dict[str, Any] = {"value": {"type": "amount", "amount_fen": 1_200_000}}
    erratum |= {"erratum_document_id": await house.deposit("clerk", "notice", "更正")}
    await journey.ask("head", "RecordErratum", erratum, about={"programme_id": CALL, "term": "branch_annual_amount"})
    await journey.ask("clerk", "OpenApplicationWindow", about={"programme_id": CALL})
    later = {"last_day": "2020-06-05"}
    await journey.ask("head", "ExtendApplicationWindow", later, reason="more_time", about={"programme_id": CALL})
    quota: dict[str, Any] = {"nominator_unit_id": "COL", "places": 1, "basis": "notice"}
    await journey.ask("clerk", "AssignQuota", quota, about={"programme_id": CALL, "track_id": "branch"})
    await passed_on(journey)
    plan: dict[str, Any] = {"document_ids": [await house.deposit("committee", "plan", "创建方案", "COL")]}
    await journey.ask("committee", "RecordPlan", plan, about={"programme_id": CALL, "nominator_unit_id": "COL"})


async def passed_on(journey: Journey) -> None:
    """The one place of a unit that is dissolved goes to whom the head names."""
    house = journey.house
    source = {"source_document_id": await house.deposit("clerk", "evidence", "撤销")}
    entry = {**NAMES, "unit_id": "COL-9", "kind": "general_branch", "parent_unit_id": "PC"}
    await house.act("administrator", "/v1/units", entry)
    quota = {"nominator_unit_id": "COL-9", "places": 1, "basis": "notice"}
    await house.act("clerk", f"{AT}/tracks/branch/quotas", quota)
    await house.act("administrator", "/v1/units/COL-9/dissolve", {**SINCE, **source})
    shares: dict[str, Any] = {"shares": [{"successor_unit_id": "COL", "places": 1}]}
    about = {"programme_id": CALL, "track_id": "branch", "nominator_unit_id": "COL-9"}
    await journey.ask("head", "PassQuota", shares, about=about)


async def applications(journey: Journey) -> None:
    house, at = journey.house, {"application_id": "A"}
    form = await house.read("hand", f"{AT}/forms", min_position=journey.version)
    catalogue = next(
        row
        for row in (await house.read("hand", f"{AT}/catalogues", min_position=journey.version))["items"]
        if row["catalogue"] == "seven_strengths"
    )
    criteria = [criterion["code"] for criterion in catalogue["criteria"]]
    start = {"application_id": "A", "programme_id": CALL, "track_id": "branch", "unit_id": "BR-0"}
    await journey.ask("hand", "StartApplication", start)
    answers = {field["code"]: "正文" for field in form["items"][0]["fields"]}
    await journey.ask("hand", "SaveForm", {"answers": answers}, about=at)
    check: dict[str, Any] = {"items": [{"criterion": code, "rating": "met"} for code in criteria]}
    report: dict[str, Any] = {"catalogue": "seven_strengths", "report": dict.fromkeys(criteria, "自查")}
    await journey.ask("hand", "SaveSelfCheck", {**check, **report}, about=at)
    line: dict[str, Any] = {"category": "training", "year": 2020, "amount_fen": 1_100_000}
    await journey.ask("hand", "SaveBudget", {"lines": [line]}, about=at)
    await journey.ask("hand", "PrepareApplication", about=at)
    await journey.ask("clerk", "JudgeEligibility", about=at)
    waiver = {"rule": "established_three_years"}
    await journey.ask("head", "WaiveRule", waiver, reason="merged_from_older_branch", about=at)
    resolution = {"resolution_document_id": await house.deposit("committee", "resolution", "决议", "COL")}
    await journey.ask("committee", "DecideNomination", resolution, about=at)
    await journey.ask("committee", "DeclineNomination", resolution, about=at)
    await journey.ask("committee", "DecideNomination", {**resolution, "rank": 1}, about=at)
    digest = (await house.read("committee", "/v1/applications/A", min_position=journey.version))["prepared_digest"]
    await journey.ask("committee", "VetMaterials", {"materials_digest": digest}, about=at)
    await journey.ask("committee", "FileApplication", about=at)
    await journey.ask("clerk", "RecordPaperReceipt", {"received_on": "2020-05-09"}, about=at)
    await journey.ask("committee", "WithdrawApplication", reason="withdrawn", about=at)
