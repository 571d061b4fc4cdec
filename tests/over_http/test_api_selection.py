"""Selection and publicity off the straight road: votes that fail, places, reserves, reopened, reversed, objected to."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from domain.application.events import ApplicationStarted
from domain.ids import ApplicationId, NominatorUnitId, PanelId, ProgrammeId, TrackId, UnitId
from domain.review.events import ApplicationRanked, RankingRecorded
from infra.front_door import Caller
from infra.line import Root, leaf, line
from tests.over_http.serving import Served
from tests.over_http.test_api_programme import definition, notice
from tests.over_http.test_api_publicity import VOTE, Committee

TRACK = "branch"
NAMES = ("named", "stamped", "confidential", "anonymous")
MARKER = "李四光-13911112222"
AS_RANKED = ("selected", "selected", "selected", "reserve")


@dataclass
class Case:
    """One call of its own, whose four applications are ranked, in the hands of the office."""

    office: Committee
    call: str

    @property
    def applications(self) -> list[str]:
        return [f"{self.call}-{n}" for n in (1, 2, 3, 4)]

    @property
    def at_track(self) -> str:
        return f"/v1/programmes/{self.call}/tracks/{TRACK}"

    def choices(self, *outcomes: str) -> list[dict[str, str]]:
        return [
            {"application_id": one, "outcome": outcome}
            for one, outcome in zip(self.applications, outcomes, strict=True)
        ]

    async def recommended(self, *outcomes: str) -> None:
        body = {"panel_id": f"P-{self.call}", "choices": self.choices(*(outcomes or AS_RANKED))}
        await self.office.post(self.office.clerk, f"{self.at_track}/recommend", body)

    async def decision(self, decision_id: str, *outcomes: str, **vote: int) -> dict[str, Any]:
        return {
            "decision_id": f"{decision_id}-{self.call}", "vote": VOTE | vote,
            "choices": self.choices(*(outcomes or AS_RANKED)),
            "resolution_document_id": await self.office.deposit(self.office.head),
        }  # fmt: skip

    async def decided(self, decision_id: str = "D-1", *outcomes: str) -> str:
        body = await self.decision(decision_id, *outcomes)
        await self.office.post(self.office.head, f"{self.at_track}/decisions", body)
        return str(body["decision_id"])

    def publicity(self, name: str = "PUB-1") -> str:
        return f"/v1/publicities/{name}-{self.call}"

    async def prepared(self, name: str = "PUB-1", **more: Any) -> dict[str, Any]:
        office, publicity_id = self.office, f"{name}-{self.call}"
        body = {"publicity_id": publicity_id, "programme_id": self.call, "track_ids": [TRACK], **more}
        await office.post(office.clerk, "/v1/publicities", body)
        row: dict[str, Any] = await office.get(self.publicity(name))
        return row

    async def shown(self, name: str = "PUB-1", **more: Any) -> dict[str, Any]:
        row = await self.prepared(name, **more)
        checks = {"list_digest": row["list_digest"], "checks": ["secrecy", "personal_data"]}
        await self.office.post(self.office.head, f"{self.publicity(name)}/approve", checks)
        await self.office.post(self.office.clerk, f"{self.publicity(name)}/open")
        opened: dict[str, Any] = await self.office.get(f"/v1/postings/{name}-{self.call}")
        return opened

    async def over(self, name: str = "PUB-1") -> list[str]:
        """The window runs out; which entries passed."""
        posting = await self.office.get(f"/v1/postings/{name}-{self.call}")
        now = await self.office.served.parts.clock.now(self.office.served.office.log_id)
        if datetime.fromisoformat(posting["closes_at"]) > now:
            await self.office.advance(posting["closes_at"])
        await self.office.post(self.office.clerk, f"{self.publicity(name)}/close")
        passed: list[str] = (await self.office.get(self.publicity(name)))["passed"]
        return passed

    def confirm(self, application_id: str, name: str = "PUB-1") -> tuple[str, dict[str, str]]:
        return f"/v1/applications/{application_id}/confirm", {"publicity_id": f"{name}-{self.call}"}

    async def raised(self, objection_id: str, number: int, identity: str = "named", name: str = "PUB-1") -> str:
        body = {
            "objection_id": f"{objection_id}-{self.call}", "application_id": self.applications[number - 1],
            "identity": identity, "channel": "written",
            "objector": {} if identity == "anonymous" else {"name": MARKER, "phone": MARKER},
            "statement": {"statement": f"says {MARKER}"},
        }  # fmt: skip
        await self.office.post(self.office.clerk, f"{self.publicity(name)}/objections", body)
        return f"/v1/objections/{objection_id}-{self.call}"

    async def investigated(self, objection: str) -> None:
        await self.office.post(self.office.supervisor, f"{objection}/admit")
        findings = {"findings_document_id": await self.office.deposit(self.office.supervisor, "evidence")}
        await self.office.post(self.office.supervisor, f"{objection}/investigate", findings)

    async def inbox(self, who: Caller) -> set[str]:
        items = (await self.office.get("/v1/inbox", who))["items"]
        return {item["task"] for item in items if item["programme_id"] == self.call and item["task"] != "interpret"}

    async def roster(self, number: int, who: Caller | None = None) -> dict[str, Any]:
        row: dict[str, Any] = await self.office.get(f"/v1/roster/{self.applications[number - 1]}", who)
        return row


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def office(served: Served) -> AsyncIterator[Committee]:
    running = served.office
    named = {"name_zh": "某支部", "name_en": "Some branch", "valid_on": "2012-01-01"}
    units = [{"unit_id": definition()["office_unit_id"], "kind": "office", **named}]
    units += [{"unit_id": f"BR-{n}", "kind": "branch", **named} for n in (1, 2, 3, 4)]
    for unit in units:
        await served.post(running.administrator, "/v1/units", unit)
    people = [await running.somebody(role) for role in ("clerk", "head", "clerk", "supervisor")]
    yield Committee(served, *people)


@pytest_asyncio.fixture(loop_scope="session")
async def case(office: Committee, new_id: Callable[[str], str]) -> Case:
    """A call that was announced, with its rules of decision and publicity and a recorded ranking."""
    call = new_id("call")
    body = {"notice_document_id": await notice(office.served, office.clerk), "definition": definition()}
    await office.post(office.clerk, f"/v1/programmes/{call}/announce", body)
    rule = {"quorum_bp": 6667, "threshold_bp": 5000, "threshold_of": "entitled", "more_than_threshold": True}
    await office.post(office.head, f"/v1/programmes/{call}/selection-rule", rule, "the_call_is_silent")
    shown = {
        "matter": "selection", "window_days": 3, "day_rule": "calendar", "count_first_day": True,
        "identities": NAMES, "channels": ["written", "oral"],
    }  # fmt: skip
    await office.post(office.head, f"/v1/programmes/{call}/publicity-rules", shown, "the_call_is_silent")
    about: dict[str, Any] = {"programme_id": ProgrammeId(call), "track_id": TrackId(TRACK)}
    ranked: dict[str, Any] = {"panel_id": PanelId(f"P-{call}"), **about}
    made = Case(office, call)
    for n, one in enumerate(made.applications, 1):
        file: dict[str, Any] = {"application_id": ApplicationId(one), "unit_id": UnitId(f"BR-{n}")}
        await office.record(
            ApplicationStarted(**about, **file, nominator_unit_id=NominatorUnitId("COL")),
            ApplicationRanked(
                **ranked, **file, rank=n, score_numerator=90 - n, score_denominator=1, sheets=5, advances=True
            ),
        )
    await office.record(
        RankingRecorded(**ranked, stage="expert_review", stage_position=1, applications=4, sheets=20, digest="9" * 64)
    )
    return made


# --- the vote, and the places ---------------------------------------------------------------------------------------


async def test_a_vote_below_its_quorum_or_majority_decides_nothing(case: Case) -> None:
    c = case.office
    assert await case.inbox(c.clerk) == {"recommend"}
    await case.recommended()
    assert (await case.inbox(c.clerk), await case.inbox(c.head)) == (set(), {"decide_selection"})
    at = f"{case.at_track}/decisions"
    for vote, refusal in (
        ({"attending": 6, "in_favour": 6, "against": 0}, (409, "quorum-not-reached")),
        ({"in_favour": 4, "against": 4}, (409, "vote-not-carried")),
        ({"in_favour": 4, "against": 1, "abstaining": 3}, (409, "vote-not-carried")),
        ({"in_favour": 7, "against": 2}, (422, "votes-do-not-add-up")),
        ({"attending": 10, "in_favour": 9}, (422, "more-attend-than-entitled")),
    ):
        assert await c.refused(c.head, at, await case.decision("D-1", **vote)) == refusal, vote
    assert (await c.get("/v1/decisions", programme_id=case.call))["items"] == []
    assert (await case.roster(1))["outcome"] == "recommended"
    # Seven of nine are the quorum, and five of nine the majority.
    least = await case.decision("D-1", attending=7, in_favour=5, against=2)
    await c.post(c.head, at, least)
    assert (await case.inbox(c.clerk), await case.inbox(c.head)) == ({"prepare_publicity"}, set())


@pytest.mark.parametrize(
    ("outcomes", "selected"),
    [(("selected",) * 4, 4), (("selected", "selected", "not_selected", "not_selected"), 2)],
    ids=["more than the places", "fewer than the places"],
)
async def test_more_or_fewer_than_the_places_are_chosen_only_with_a_reason(
    case: Case, outcomes: tuple[str, ...], selected: int
) -> None:
    c, at = case.office, f"{case.at_track}/decisions"
    await case.recommended(*outcomes)
    body = await case.decision("D-1", *outcomes)
    assert await c.refused(c.head, at, body) == (422, "reason-missing")
    await c.post(c.head, at, body, "further_place_granted")
    row = await c.get(f"/v1/decisions/{body['decision_id']}")
    assert (row["selected"], row["places"], row["decided_reason"]) == (selected, 3, "further_place_granted")
    listed = await c.get("/v1/roster", programme_id=case.call, outcome="selected", sort="review_rank")
    assert [row["review_rank"] for row in listed["items"]] == list(range(1, selected + 1))
    assert {row["decision_id"] for row in listed["items"]} == {body["decision_id"]}


async def test_a_departure_from_the_ranking_or_the_recommendation_needs_a_reason(case: Case) -> None:
    c = case.office
    upside_down = {"panel_id": f"P-{case.call}", "choices": case.choices("reserve", "selected", "selected", "selected")}
    assert await c.refused(c.clerk, f"{case.at_track}/recommend", upside_down) == (422, "reason-missing")
    await case.recommended()
    other = await case.decision("D-1", "reserve", "selected", "selected", "selected")
    assert await c.refused(c.head, f"{case.at_track}/decisions", other) == (422, "reason-missing")
    await c.post(c.head, f"{case.at_track}/decisions", other, "merits_heard")


# --- a reserve --------------------------------------------------------------------------------------------------------


async def test_a_reserve_is_promoted_once_an_objection_is_upheld_and_passes_a_publicity_of_its_own(case: Case) -> None:
    c, (first, second, _, fourth) = case.office, case.applications
    await case.recommended()
    await case.decided()
    await case.shown()
    objection = await case.raised("OBJ-1", 1)
    assert {"admit_objection"} <= await case.inbox(c.clerk) & await case.inbox(c.supervisor) & await case.inbox(c.head)
    await case.investigated(objection)
    assert "decide_objection" in await case.inbox(c.head)
    assert "decide_objection" not in await case.inbox(c.supervisor)
    promote = f"/v1/applications/{fourth}/promote"
    assert await c.refused(c.head, promote, {"freed_by": first}) == (409, "no-place-free")
    await c.post(c.head, f"{objection}/uphold", reason="substantiated")
    assert "decide_objection" not in await case.inbox(c.head)
    assert first not in await case.over()
    path, body = case.confirm(first)
    assert await c.refused(c.head, path, body) == (409, "not-passed-publicity")
    # As the automation does it.
    await c.post(c.head, f"/v1/applications/{first}/strike", {"ground": "objection_upheld"}, "objection_upheld")
    assert "promote_reserve" in await case.inbox(c.head)
    await c.post(c.head, promote, {"freed_by": first})
    assert await c.refused(c.head, promote, {"freed_by": first}) == (409, "not-in-this-state")
    assert "promote_reserve" not in await case.inbox(c.head)
    assert {"prepare_publicity", "withdraw_posting"} == await case.inbox(c.clerk)
    again = await case.shown("PUB-2", follows=f"PUB-1-{case.call}")
    assert [entry["application_id"] for entry in again["entries"]] == [fourth]
    path, body = case.confirm(fourth, "PUB-2")
    assert await c.refused(c.head, path, body) == (409, "not-passed-publicity")
    assert await case.over("PUB-2") == [fourth]
    await c.post(c.head, path, body)
    await c.post(c.head, *case.confirm(second))
    selected = await c.get("/v1/selected", programme_id=case.call)
    assert {row["application_id"] for row in selected["items"]} == {second, fourth}
    assert [(await case.roster(n))["outcome"] for n in (1, 2, 3, 4)] == [
        "struck", "confirmed", "selected", "confirmed",
    ]  # fmt: skip


# --- reopened, reversed -----------------------------------------------------------------------------------------------


async def test_a_decision_is_reopened_while_nothing_of_it_hangs_on_the_wall_or_is_confirmed(case: Case) -> None:
    c = case.office
    await case.recommended()
    decision_id = await case.decided()
    reopen = f"{case.at_track}/decisions/{decision_id}/reopen"
    assert await c.refused(c.head, reopen) == (422, "reason-missing")
    assert await c.refused(c.clerk, reopen, reason="error_found") == (403, "not-permitted")
    await case.shown()
    assert await c.refused(c.head, reopen, reason="error_found") == (409, "publicity-stands")
    await c.post(c.head, f"{case.publicity()}/take-down", reason="error_found")
    await c.post(c.head, reopen, reason="error_found")
    assert (await c.get(f"/v1/decisions/{decision_id}"))["reopened_at"] is not None
    assert (await case.roster(1))["outcome"] == "recommended"
    assert "decide_selection" in await case.inbox(c.head)
    assert "prepare_publicity" not in await case.inbox(c.clerk)
    nothing = {"publicity_id": f"PUB-2-{case.call}", "programme_id": case.call, "track_ids": [TRACK]}
    assert await c.refused(c.clerk, "/v1/publicities", nothing) == (409, "nothing-to-show")
    used = await case.decision("D-1")
    assert await c.refused(c.head, f"{case.at_track}/decisions", used) == (409, "decision-id-used")
    anew = await case.decision("D-2", "selected", "selected", "reserve", "selected")
    await c.post(c.head, f"{case.at_track}/decisions", anew, "error_found")
    opened = await case.shown("PUB-2")
    first, second, _, fourth = case.applications
    assert [entry["application_id"] for entry in opened["entries"]] == [first, second, fourth]


async def test_a_confirmed_selection_is_reversed_and_says_what_hangs_on_it(case: Case) -> None:
    c, (first, _, _, fourth) = case.office, case.applications
    await case.recommended()
    decision_id = await case.decided()
    await case.shown()
    await case.over()
    confirmed = await c.post(c.head, *case.confirm(first))
    (position,) = (event["position"] for event in confirmed["events"])
    reopen = f"{case.at_track}/decisions/{decision_id}/reopen"
    answer = await c.served.post(c.head, reopen, headers={"Reason": "error_found"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/selection-stands")
    assert first in answer.text, "it names what hangs on the decision"
    reverse = f"/v1/applications/{first}/reverse"
    unknown = {"resolution_document_id": "0" * 64}
    assert await c.refused(c.head, reverse, unknown, "found_out_later") == (404, "document-unknown")
    resolution = {"resolution_document_id": await c.deposit(c.head)}
    assert await c.refused(c.head, reverse, resolution) == (422, "reason-missing")
    await c.post(c.head, reverse, resolution, "found_out_later")
    feed = await c.get("/v1/events", type="selection.reversed.v1", tag=f"application:{first}")
    assert [item["body"]["hanging_positions"] for item in feed["items"]] == [[position]]
    (row,) = (await c.get("/v1/selected", programme_id=case.call))["items"]
    assert row["reversed_at"] is not None
    assert (await case.roster(1))["outcome"] == "reversed"
    assert await c.refused(c.head, reverse, resolution, "found_out_later") == (409, "not-in-this-state")
    await c.post(c.head, f"/v1/applications/{fourth}/promote", {"freed_by": first})


# --- the window, and the wall -----------------------------------------------------------------------------------------


async def page(case: Case, name: str = "PUB-1") -> tuple[Any, str]:
    """What anybody reads without a token: as data and as a page."""
    await case.office.get("/v1/postings", programme_id=case.call)
    path, http = f"/public/UNI/publicities/{name}-{case.call}", case.office.served.http
    data, seen = await http.get(path), await http.get(path, headers={"Accept": "text/html"})
    assert (data.status_code, seen.status_code) == (200, 200), data.text
    return data.json(), seen.text


async def test_a_publicity_is_extended_taken_down_and_published_anew(case: Case) -> None:
    c, at = case.office, case.publicity()
    await case.recommended()
    await case.decided()
    last_day = datetime.fromisoformat((await case.shown())["last_day"]).date()
    later = (last_day + timedelta(days=4)).isoformat()
    assert await c.refused(c.head, f"{at}/extend", {"last_day": later}) == (422, "reason-missing")
    assert await c.refused(c.clerk, f"{at}/extend", {"last_day": later}, "holiday") == (403, "not-permitted")
    same = {"last_day": last_day.isoformat()}
    assert await c.refused(c.head, f"{at}/extend", same, "holiday") == (409, "not-later")
    await c.post(c.head, f"{at}/extend", {"last_day": later}, "holiday")
    posted, shown = await page(case)
    assert (posted["last_day"], posted["state"]) == (later, "open")
    assert later in shown
    assert "公示中 · open" in shown
    # The first end comes, and nothing passes.
    await c.advance(f"{last_day + timedelta(days=1)}T00:00:00+08:00")
    assert await c.refused(c.clerk, f"{at}/close") == (409, "publicity-still-open")
    await c.post(c.head, f"{at}/take-down", reason="error_found")
    posted, shown = await page(case)
    assert (posted["state"], [entry["passed"] for entry in posted["entries"]]) == ("taken_down", [False] * 3)
    assert "已撤下 · taken down" in shown
    path, body = case.confirm(case.applications[0])
    assert await c.refused(c.head, path, body) == (409, "not-passed-publicity")
    assert await c.refused(c.clerk, f"{at}/close") == (409, "not-in-this-state")
    late = {
        "objection_id": f"LATE-{case.call}", "application_id": case.applications[0], "identity": "anonymous",
        "channel": "oral", "objector": {}, "statement": {"statement": "late"},
    }  # fmt: skip
    assert await c.refused(c.clerk, f"{at}/objections", late) == (409, "publicity-not-open")
    await c.post(c.clerk, f"{at}/withdraw-posting")
    assert (await c.served.http.get(f"/public/UNI/publicities/PUB-1-{case.call}")).status_code == 404
    await case.shown("PUB-2", follows=f"PUB-1-{case.call}")
    assert (await c.get(case.publicity("PUB-2")))["follows"] == f"PUB-1-{case.call}"
    assert await case.over("PUB-2") == case.applications[:3]


async def test_everybody_reads_the_list_its_window_how_to_object_and_what_pins_it(case: Case) -> None:
    c = case.office
    await case.recommended()
    await case.decided()
    opened = await case.shown()
    posted, shown = await page(case)
    assert [entry["application_id"] for entry in posted["entries"]] == case.applications[:3]
    assert {entry["unit_zh"] for entry in posted["entries"]} == {"某支部"}
    assert posted["list_digest"] == opened["list_digest"]
    assert posted["last_day"] == opened["last_day"]
    assert datetime.fromisoformat(posted["closes_at"]) == datetime.fromisoformat(opened["closes_at"])
    assert (tuple(posted["identities"]), posted["channels"]) == (NAMES, ["written", "oral"])
    store, root = await c.served.parts.stores(c.served.office.log_id), Root()
    async for part in store.rows(until=posted["log_size"]):
        for row in part:
            root.add(leaf(line("UNI", row)))
    assert (posted["log_size"], posted["log_root"]) == (root.size, root.digest().hex())
    for words in (
        "公示期 · Window", "3 个自然日 · 3 calendar days", opened["last_day"], "某支部<br>Some branch",
        "截止前可以实名、单位盖章、身份保密、匿名方式,经书面、口头提出",
        "by name, stamped by a unit, in confidence, anonymously, in writing, orally",
        "日志规模 · Size of the log", "日志根摘要 · Root of the log", "名单摘要 · Digest of the list",
        posted["list_digest"], str(posted["log_size"]), posted["log_root"],
    ):  # fmt: skip
        assert words in shown, words
    # Nothing of the panel, of the committee or of those left out, and no person.
    fourth = case.applications[3]
    for word in (fourth, "rank", "reserve", "score", *(who.person_id for who in (c.clerk, c.head, c.supervisor))):
        assert word not in json.dumps(posted), word
        assert word not in re.sub(r"<[^>]*>", "", shown), word


async def test_an_applicant_learns_of_the_list_when_everybody_does(case: Case) -> None:
    c = case.office
    hand = await c.served.office.somebody("applicant", "BR-1")
    told = {"outcome", "review_rank", "recommended", "decision_id", "outcome_order", "ranked_by"}
    await case.recommended()
    await case.decided()
    assert (await c.get("/v1/roster", hand, outcome="selected"))["items"] == []
    row = await case.roster(1, hand)
    assert (row["publicised"], told & row.keys()) == (None, set())
    await case.shown()
    assert (await case.roster(1, hand))["publicised"] == "shown"
    assert not told & (await case.roster(1, hand)).keys()
    listed = await c.get("/v1/roster", hand, programme_id=case.call, publicised="shown")
    assert [item["application_id"] for item in listed["items"]] == case.applications[:1]
    await case.over()
    await c.post(c.head, *case.confirm(case.applications[0]))
    assert (await case.roster(1, hand))["publicised"] == "confirmed"
    own, of_call = f"/v1/applications/{case.applications[0]}", f"/v1/programmes/{case.call}"
    for path in (
        own,
        f"{own}/case-file",
        f"{of_call}/stages",
        f"{of_call}/selection-rule",
        "/v1/inbox",
        "/v1/screenings",
    ):
        await c.get(path, hand)
    assert (await c.get(f"{of_call}/publicity-rules", hand))["items"]
    assert [row["application_id"] for row in (await c.get("/v1/selected", hand, programme_id=case.call))["items"]]
    told_in_file = (await c.served.get(hand, f"{own}/case-file")).text
    assert "selection.confirmed.v1" in told_in_file
    assert not re.search(r"review\.|recommended|decided|not_selected", told_in_file)
    for path in ("/v1/selections", "/v1/decisions", "/v1/publicities", "/v1/objections"):
        assert (await c.get(path, hand, programme_id=case.call))["items"] == [], path


# --- objections -------------------------------------------------------------------------------------------------------


async def test_nothing_is_confirmed_while_an_objection_is_open_and_a_withdrawn_one_lets_it_pass(case: Case) -> None:
    c, (first, second, third, _) = case.office, case.applications
    await case.recommended()
    await case.decided()
    await case.shown()
    objections = [await case.raised(f"OBJ-{n}", n, identity) for n, identity in ((1, "named"), (2, "confidential"))]
    assert await case.over() == [third]
    for application_id in (first, second):
        assert await c.refused(c.head, *case.confirm(application_id)) == (409, "not-passed-publicity")
    withdraw = f"{objections[0]}/withdraw"
    assert await c.refused(c.head, withdraw) == (403, "not-permitted")
    receipt = await c.post(c.clerk, withdraw)
    assert [event["type"] for event in receipt["events"]] == [
        "publicity.objection_withdrawn.v1", "publicity.entry_passed.v1",
    ]  # fmt: skip
    assert await c.refused(c.supervisor, f"{objections[0]}/admit") == (409, "not-in-this-state")
    await c.post(c.head, *case.confirm(first))
    await case.investigated(objections[1])
    assert await c.refused(c.head, *case.confirm(second)) == (409, "not-passed-publicity")
    await c.post(c.head, f"{objections[1]}/dismiss", reason="not_substantiated")
    await c.post(c.head, *case.confirm(second))


async def test_what_is_open_against_an_entry_elsewhere_holds_up_its_confirmation(case: Case) -> None:
    """Shown again since a list was taken down, an entry that passes is held up by what is open against it elsewhere."""
    c, (first, *_) = case.office, case.applications
    await case.recommended()
    await case.decided()
    await case.shown()
    objection = await case.raised("OBJ-1", 1)
    await c.post(c.head, f"{case.publicity()}/take-down", reason="error_found")
    await case.shown("PUB-2", follows=f"PUB-1-{case.call}")
    assert first in await case.over("PUB-2")
    path, body = case.confirm(first, "PUB-2")
    assert await c.refused(c.head, path, body) == (409, "objection-still-open")
    await c.post(c.clerk, f"{objection}/withdraw")
    await c.post(c.head, path, body)


@pytest.mark.parametrize("identity", NAMES[:3])
async def test_who_objected_is_never_shown_to_anybody_and_stands_nowhere_in_clear(
    case: Case, attacker: asyncpg.Connection, identity: str
) -> None:
    c, (first, *_) = case.office, case.applications
    await case.recommended()
    await case.decided()
    await case.shown()
    objection = await case.raised("OBJ-1", 1, identity)
    await case.investigated(objection)
    running = c.served.office
    readers = {
        "clerk": c.clerk, "head": c.head, "supervisor": c.supervisor, "administrator": running.administrator,
        "auditor": await running.somebody("auditor"), "applicant": await running.somebody("applicant", "BR-1"),
        "stranger": await running.somebody("reviewer"),
    }  # fmt: skip
    (seen,) = (await c.get("/v1/events", type="publicity.objection_received.v1", tag=f"application:{first}"))["items"]
    assert seen["body"]["identity"] == identity
    for role, who in readers.items():
        for path, query in (
            ("/v1/objections", {"programme_id": case.call}),
            (objection, {}),
            ("/v1/events", {"limit": 1000, "tag": f"application:{first}"}),
            (f"/v1/applications/{first}/case-file", {}),
            ("/v1/inbox", {}),
            ("/v1/obligations", {"kind": "objection_decision"}),
        ):
            text = (await c.served.get(who, path, **query)).text
            assert MARKER not in text, (role, path)
            assert '"commitment"' not in text, (role, path)
            assert "statement_document_id" not in text, (role, path)
    for role in ("applicant", "stranger"):
        assert (await c.served.get(readers[role], objection)).status_code == 404
        feed = await c.served.get(readers[role], "/v1/events", limit=1000, tag=f"application:{first}")
        assert "objection" not in feed.text, role
    for table in await attacker.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('public', 'view')"
    ):
        found = await attacker.fetchval(f"SELECT count(*) FROM {table['name']} t WHERE t::text LIKE $1", f"%{MARKER}%")
        assert found == 0, table["name"]
