"""The review over HTTP: from an own seat, for the office, and closed to whoever is recused, whatever their role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest_asyncio

from domain.application.events import ApplicationFiled, FormSaved
from domain.ids import ApplicationId, DocumentId, NominatorUnitId, PublicityId, UnitId
from domain.institution.commands import AdvanceClock
from domain.person.commands import Appoint
from domain.publicity.events import PublicityPrepared, ShownEntry
from infra.front_door import Caller
from tests.call import BRANCH_TRACK, CALL
from tests.conftest import Database
from tests.office import OPENED_AT
from tests.over_http.serving import Served, serving
from tests.reviewing import APPLICATIONS, CLOSES_AT, PANEL, Review, a_review, write

MARKS = {"plan": 735, "deeds": 905}


@dataclass
class Scene:
    """A served panel: scoring is open, an application has a text that its reviewers read."""

    served: Served
    review: Review
    form_document_id: str

    async def get(self, caller: Caller, path: str, **query: Any) -> httpx.Response:
        return await self.served.get(caller, path, **query)

    async def read(self, caller: Caller, path: str, **query: Any) -> Any:
        answer = await self.get(caller, path, **query)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer.json()

    async def post(self, caller: Caller, path: str, body: Any = None, reason: str | None = None) -> httpx.Response:
        return await self.served.post(caller, path, body, headers={"Reason": reason} if reason else {})

    async def act(self, caller: Caller, path: str, body: Any = None, reason: str | None = None) -> Any:
        answer = await self.post(caller, path, body, reason)
        assert answer.status_code == 201, f"{path}: {answer.text}"
        return answer.json()

    async def file(self, seat: str, application: str = "A-1", **marks: int) -> Any:
        body = {"marks": {**MARKS, **marks}, "opinion": {"opinion": "扎实"}}
        return await self.act(self.seat(seat), f"/v1/panels/{PANEL}/applications/{application}/sheet", body)

    def seat(self, name: str) -> Caller:
        return self.review.reviewers[name]


@pytest_asyncio.fixture
async def scene(database: Database, tmp_path_factory: Any) -> AsyncIterator[Scene]:
    async with serving(database, tmp_path_factory.mktemp("served")) as served:
        review = await a_review(served.office)
        office, log_id = served.office, served.office.log_id
        text = await office.deposit(review.clerk, "form")
        saved = FormSaved(
            application_id=ApplicationId("A-1"),
            unit_id=UnitId("BR-1"),
            form="form",
            answered=("goals",),
            document_id=DocumentId(text),
        )
        await write(office, saved, *(filed(name, unit) for name, unit in APPLICATIONS.items()))
        await review.open_scoring()
        await served.views.until(log_id, await (await office.parts.stores(log_id)).head())
        yield Scene(served, review, text)


def filed(application_id: str, unit_id: str) -> ApplicationFiled:
    return ApplicationFiled(
        application_id=ApplicationId(application_id),
        programme_id=CALL,
        track_id=BRANCH_TRACK,
        unit_id=UnitId(unit_id),
        nominator_unit_id=NominatorUnitId("COL"),
        materials_digest="7" * 64,
    )


async def test_a_reviewer_sees_the_own_seat_what_is_before_it_and_the_own_sheet(scene: Scene) -> None:
    mine, other = scene.seat("S-1"), scene.seat("S-2")
    (seat,) = (await scene.read(mine, "/v1/seats"))["items"]
    assert (seat["panel_id"], seat["seat_id"], seat["state"]) == (PANEL, "S-1", "scoring")
    listed = await scene.read(mine, f"/v1/panels/{PANEL}/assignments")
    assert [item["application_id"] for item in listed["items"]] == ["A-1", "A-2", "A-3"]
    material = await scene.read(mine, f"/v1/panels/{PANEL}/applications/A-1/materials")
    assert (material["form_document_id"], material["answered"]) == (scene.form_document_id, ["goals"])
    assert (await scene.get(mine, f"/v1/documents/{scene.form_document_id}")).status_code == 200
    receipt = await scene.file("S-1")
    listed = await scene.read(mine, f"/v1/panels/{PANEL}/assignments")
    assert [item["filed_position"] for item in listed["items"]] == [receipt["version"], None, None]
    own = await scene.read(mine, f"/v1/panels/{PANEL}/applications/A-1/sheet")
    assert own["marks"] == MARKS
    assert (await scene.get(mine, f"/v1/documents/{own['opinion_document_id']}")).json() == {"opinion": "扎实"}
    for caller in (other, scene.review.clerk, scene.review.head):
        assert (await scene.get(caller, f"/v1/panels/{PANEL}/applications/A-1/sheet")).status_code == 404
        assert (await scene.get(caller, f"/v1/documents/{own['opinion_document_id']}")).status_code == 404


async def test_who_has_no_seat_or_left_it_finds_nothing(scene: Scene) -> None:
    stranger = await scene.served.office.somebody("reviewer")
    gone = scene.seat("S-3")
    await scene.act(scene.review.head, f"/v1/panels/{PANEL}/seats/S-3/vacate", reason="ill")
    version = (await scene.read(scene.review.clerk, "/v1/events"))["head"]
    for caller in (stranger, gone):
        for path in ("assignments", "applications/A-1/materials", "applications/A-1/sheet"):
            answer = await scene.get(caller, f"/v1/panels/{PANEL}/{path}", min_position=version)
            assert answer.status_code == 404, path
        answer = await scene.get(caller, f"/v1/documents/{scene.form_document_id}", min_position=version)
        assert answer.status_code == 404
    assert (await scene.read(stranger, "/v1/seats"))["items"] == []
    assert [seat["held"] for seat in (await scene.read(gone, "/v1/seats", min_position=version))["items"]] == [False]


async def test_reviewers_read_nothing_else_of_a_panel_and_nothing_of_one_another(scene: Scene) -> None:
    await scene.file("S-2")
    mine = scene.seat("S-1")
    for path in ("board", "scoreboard", "tracks/branch/ranking", "seats/S-2/identity"):
        assert (await scene.get(mine, f"/v1/panels/{PANEL}/{path}")).status_code == 404, path
    for path in ("/v1/panels", f"/v1/panels/{PANEL}/seats", f"/v1/panels/{PANEL}/sheets"):
        assert (await scene.read(mine, path))["items"] == [], path
    feed = await scene.read(mine, "/v1/events", limit=1000)
    assert not [
        item for item in feed["items"] if item["type"].startswith("review.") and "stage_defined" not in item["type"]
    ]


async def test_a_recusal_closes_every_door_at_once_and_lifting_it_opens_them_again(scene: Scene) -> None:
    mine = scene.seat("S-1")
    await scene.file("S-1")
    at = f"/v1/panels/{PANEL}/applications/A-1"
    doors = (f"{at}/materials", f"{at}/sheet", f"/v1/documents/{scene.form_document_id}")
    assert [(await scene.get(mine, path)).status_code for path in doors] == [200, 200, 200]
    version = (await scene.act(mine, f"{at}/declare-interest", {"interest": "colleague"}))["version"]
    wanted = {"min_position": version}
    # From this moment on, without waiting for any view: what was read a second ago is not relied on.
    assert [(await scene.get(mine, path)).status_code for path in doors] == [404, 404, 404]
    listed = await scene.read(mine, f"/v1/panels/{PANEL}/assignments")
    assert [item["application_id"] for item in listed["items"]] == ["A-2", "A-3"]
    amended = {"marks": MARKS, "opinion": {"opinion": "改"}}
    refused = await scene.post(mine, f"{at}/sheet/amend", amended, "misread")
    assert refused.json()["type"] == "/problems/recused-from"
    board = await scene.read(scene.review.clerk, f"/v1/panels/{PANEL}/board", **wanted)
    assert [(s["recused"], s["due"], s["filed"]) for s in board["seats"]] == [(1, 2, 0), (0, 3, 0), (0, 3, 0)]
    assert board["filed"] == 0
    lift = f"/v1/panels/{PANEL}/seats/S-1/applications/A-1/lift-recusal"
    version = (await scene.act(scene.review.head, lift, reason="mistaken"))["version"]
    assert (await scene.get(mine, f"{at}/materials", min_position=version)).status_code == 200
    assert (await scene.read(scene.review.clerk, f"/v1/panels/{PANEL}/board", min_position=version))["filed"] == 1


async def test_a_recused_reviewer_reads_nothing_of_it_as_a_clerk_either(scene: Scene) -> None:
    mine = scene.seat("S-1")
    for seat in scene.review.reviewers:
        await scene.file(seat)
    await appoint(scene, mine, "clerk", None)
    at = f"/v1/panels/{PANEL}/applications/A-1"
    version = (await scene.act(mine, f"{at}/declare-interest", {"interest": "colleague"}))["version"]
    wanted: dict[str, Any] = {"min_position": version}
    others = scene.review.clerk
    file = "/v1/applications/A-1"
    for path in (f"/v1/documents/{scene.form_document_id}", file, f"{file}/case-file"):
        assert (await scene.get(mine, path, **wanted)).status_code == 404, path
        assert (await scene.get(others, path, **wanted)).status_code == 200, path
    assert "form_document_id" in await scene.read(others, file, **wanted)
    for path in (f"/v1/panels/{PANEL}/sheets", f"/v1/panels/{PANEL}/applications"):
        seen = {item["application_id"] for item in (await scene.read(mine, path, **wanted))["items"]}
        assert "A-1" not in seen
        assert "A-1" in {item["application_id"] for item in (await scene.read(others, path, **wanted))["items"]}
        export = (await scene.get(mine, path, format="csv", **wanted)).text
        assert "A-1" not in export
    for path in ("board", "scoreboard"):
        assert "A-1" not in (await scene.get(mine, f"/v1/panels/{PANEL}/{path}", **wanted)).text, path
    counted = await scene.read(mine, f"/v1/panels/{PANEL}/board", **wanted)
    assert counted["filed"] == 0
    # The reader's offices and seats are up to a second old; a read that waits for a position made them new.
    feed = await scene.read(mine, "/v1/events", limit=1000, tag="application:A-1")
    assert not [item for item in feed["items"] if item["type"].startswith(("review.", "application.form"))]
    for caller, expected in ((mine, {"A-2", "A-3"}), (others, {"A-1", "A-2", "A-3"})):
        inbox = await scene.read(caller, "/v1/inbox", **wanted)
        assert {item["application_id"] for item in inbox["items"] if item["task"] != "score"} == expected
    # Nor is there a gap to be seen where it would stand.
    first = await scene.read(mine, f"/v1/panels/{PANEL}/applications", limit=1, **wanted)
    assert [item["application_id"] for item in first["items"]] == ["A-2"]


async def test_a_recused_reviewer_reads_of_no_list_that_names_it_as_a_clerk_or_head_either(scene: Scene) -> None:
    mine, others = scene.seat("S-1"), scene.review.head
    for role in ("clerk", "head"):
        await appoint(scene, mine, role, None)
    await scene.act(mine, f"/v1/panels/{PANEL}/applications/A-1/declare-interest", {"interest": "colleague"})
    entries = tuple(
        ShownEntry(application_id=ApplicationId(one), track_id=BRANCH_TRACK, unit_id=UnitId(unit), order=n)
        for n, (one, unit) in enumerate(APPLICATIONS.items(), 1)
    )
    for publicity_id, listed in (("PUB-1", entries), ("PUB-2", entries[1:])):
        prepared = PublicityPrepared(
            publicity_id=PublicityId(publicity_id), programme_id=CALL, matter="selection", rule_position=1,
            list_position=1, list_digest="6" * 64, entries=listed,
        )  # fmt: skip
        await write(scene.served.office, prepared)
        for caller, is_seen in ((others, True), (mine, publicity_id == "PUB-2")):
            row = await scene.get(caller, f"/v1/publicities/{publicity_id}")
            assert row.status_code == (200 if is_seen else 404), (publicity_id, is_seen)
            text = (await scene.get(caller, "/v1/publicities")).text
            assert (publicity_id in text) is is_seen
            assert (publicity_id in (await scene.get(caller, "/v1/publicities", format="csv")).text) is is_seen
            inbox = (await scene.read(caller, "/v1/inbox"))["items"]
            assert ((publicity_id, "approve_publicity") in {(t["subject_id"], t["task"]) for t in inbox}) is is_seen
    owed = await scene.get(mine, "/v1/obligations", kind="score_sheets")
    assert "A-1" not in owed.text
    assert "A-1" in (await scene.get(others, "/v1/obligations", kind="score_sheets")).text


async def test_once_it_is_ranked_no_door_opens_to_who_is_recused_neither_ranking_nor_what_if_nor_roster(
    scene: Scene,
) -> None:
    mine, others = scene.seat("S-1"), scene.review.clerk
    await appoint(scene, mine, "clerk", None)
    for seat in scene.review.reviewers:
        for application_id in APPLICATIONS:
            await scene.file(seat, application_id)
    await scene.act(mine, f"/v1/panels/{PANEL}/applications/A-1/declare-interest", {"interest": "colleague"})
    await scene.served.office.ask(scene.served.office.administrator, AdvanceClock, to=CLOSES_AT)
    await scene.act(others, f"/v1/panels/{PANEL}/scoring/close")
    await scene.review.open_sheets()
    track = f"/v1/panels/{PANEL}/tracks/branch"
    await scene.act(others, f"{track}/rank")
    picked = [{"application_id": one, "outcome": "selected"} for one in APPLICATIONS]
    ranked = await scene.read(others, f"{track}/ranking")
    places = {placing["application_id"]: placing["rank"] for placing in ranked["placings"]}
    picked.sort(key=lambda choice: places[choice["application_id"]])
    await scene.act(
        others, "/v1/programmes/benchmark-2020/tracks/branch/recommend", {"panel_id": PANEL, "choices": picked}
    )
    doors: list[tuple[str, dict[str, Any]]] = [
        (f"{track}/ranking", {}),
        (f"{track}/what-if", {"places": 1}),
        (f"{track}/what-if", {"aggregation": "median", "without": "S-2"}),
        (f"/v1/panels/{PANEL}/sheets", {}),
        (f"/v1/panels/{PANEL}/sheets", {"format": "csv"}),
        ("/v1/roster", {"outcome": "recommended"}),
        ("/v1/roster", {"format": "csv"}),
        ("/v1/selections", {}),
        ("/v1/selections", {"format": "csv"}),
        ("/v1/events", {"type": "review.score_sheet_opened.v1"}),
        ("/v1/events", {"type": "selection.application_recommended.v1"}),
    ]
    for path, query in doors:
        answers = [await scene.get(caller, path, **query) for caller in (mine, others)]
        assert [answer.status_code for answer in answers] == [200, 200], (path, query, answers[0].text)
        assert ["A-1" in answer.text for answer in answers] == [False, True], (path, query)
        assert "A-2" in answers[0].text, (path, query)
    for path in ("/v1/roster/A-1", "/v1/selections/A-1", "/v1/applications/A-1/case-file"):
        assert [(await scene.get(caller, path)).status_code for caller in (mine, others)] == [404, 200], path


async def test_a_reviewer_s_own_inbox_says_what_is_to_be_scored_by_when_and_that_it_was_reminded_of(
    scene: Scene,
) -> None:
    late = await scene.review.seat("S-4")
    for seat in ("S-1", "S-4"):
        (task,) = (await scene.read(scene.seat(seat), "/v1/inbox"))["items"]
        assert (task["task"], task["subject_id"], task["role"]) == ("score", PANEL, "reviewer")
        assert task["due_at"] == CLOSES_AT.isoformat().replace("+00:00", "Z")
        assert task["reminded_at"] is None
    (owed,) = (await scene.read(scene.review.clerk, "/v1/obligations", seat=f"{PANEL}/S-4"))["items"]
    assert owed["due_at"] == CLOSES_AT.isoformat().replace("+00:00", "Z")
    await scene.act(scene.review.clerk, f"/v1/obligations/{owed['obligation_id']}/remind", {"panel_id": PANEL})
    (task,) = (await scene.read(late, "/v1/inbox"))["items"]
    assert task["reminded_at"] is not None
    for application_id in APPLICATIONS:
        await scene.file("S-4", application_id)
    assert (await scene.read(late, "/v1/inbox"))["items"] == []
    assert len((await scene.read(scene.seat("S-1"), "/v1/inbox"))["items"]) == 1
    assert "score" not in {task["task"] for task in (await scene.read(scene.review.clerk, "/v1/inbox"))["items"]}


async def appoint(scene: Scene, person: Caller, role: str, unit_id: str | None) -> None:
    await scene.served.office.ask(
        scene.served.office.administrator,
        Appoint,
        appointment_id=f"{role}-{person.person_id}",
        person_id=person.person_id,
        role=role,
        unit_id=unit_id,
        first_day=OPENED_AT.date(),
    )


async def test_a_hand_of_the_applicants_unit_reads_it_as_a_hand_and_never_from_a_seat(scene: Scene) -> None:
    mine = scene.seat("S-1")
    await appoint(scene, mine, "applicant", "BR-1")
    head = (await scene.read(scene.review.clerk, "/v1/events"))["head"]
    wanted = {"min_position": head}
    listed = await scene.read(mine, f"/v1/panels/{PANEL}/assignments", **wanted)
    assert "A-1" not in {item["application_id"] for item in listed["items"]}
    at = f"/v1/panels/{PANEL}/applications/A-1"
    assert (await scene.get(mine, f"{at}/materials", **wanted)).status_code == 404
    assert "form_document_id" in await scene.read(mine, "/v1/applications/A-1", **wanted)
    refused = await scene.post(mine, f"{at}/sheet", {"marks": MARKS, "opinion": {"opinion": "好"}})
    assert refused.json()["type"] == "/problems/of-own-unit"


async def test_the_applicants_unit_does_not_learn_of_sheets_and_recusals(scene: Scene) -> None:
    await scene.file("S-1")
    await scene.act(scene.seat("S-2"), f"/v1/panels/{PANEL}/applications/A-1/declare-interest", {"interest": "kin"})
    hand = await scene.served.office.somebody("applicant", "BR-1")
    for path in ("/v1/applications/A-1/case-file", "/v1/events?tag=application:A-1"):
        query = {"tag": "application:A-1"} if "?" in path else {}
        text = (await scene.get(hand, path.partition("?")[0], **query)).text
        assert '"review.' not in text, path
        assert "application.started.v1" in text, path
    office = (await scene.get(scene.review.clerk, "/v1/applications/A-1/case-file")).text
    assert "review.reviewer_recused.v1" in office


async def test_who_sits_there_is_shown_to_the_head_who_asked_and_is_journalled(
    scene: Scene, superuser: asyncpg.Connection
) -> None:
    head, path = scene.review.head, f"/v1/panels/{PANEL}/seats/S-2"
    assert (await scene.get(head, f"{path}/identity")).status_code == 404
    assert (await scene.post(head, f"{path}/open-identity")).json()["type"] == "/problems/reason-missing"
    assert (await scene.post(scene.review.clerk, f"{path}/open-identity", reason="x")).status_code == 403
    await scene.act(head, f"{path}/open-identity", reason="complaint")
    assert (await scene.read(head, f"{path}/identity"))["person_id"] == scene.seat("S-2").person_id
    another = await scene.served.office.somebody("head")
    for caller in (another, scene.review.clerk, scene.served.office.administrator):
        assert (await scene.get(caller, f"{path}/identity")).status_code == 404
    lines = await superuser.fetch("SELECT actor_id, what FROM access WHERE outcome = 'read'")
    assert (head.person_id, "seat:P-1/S-2") in {tuple(line) for line in lines}


async def test_what_is_read_from_a_seat_is_journalled_by_its_code_and_without_a_token(
    scene: Scene, superuser: asyncpg.Connection
) -> None:
    mine = scene.seat("S-1")
    await scene.file("S-1")
    at = f"/v1/panels/{PANEL}/applications/A-1"
    for path in (f"{at}/materials", f"{at}/sheet", f"/v1/documents/{scene.form_document_id}"):
        assert (await scene.get(mine, path)).status_code == 200
    lines = await superuser.fetch("SELECT actor_id, token_id, what FROM access WHERE outcome = 'read' ORDER BY seq")
    assert {(line["actor_id"], line["token_id"]) for line in lines} == {("P-1/S-1", None)}
    assert [line["what"] for line in lines] == [
        "application:A-1",
        "application:A-1",
        f"document:{scene.form_document_id}",
    ]


async def test_once_scoring_is_over_the_office_reads_marks_opinions_and_the_ranking_with_its_reasons(
    scene: Scene,
) -> None:
    review = scene.review
    own: dict[str, str] = {}
    for number, seat in enumerate(review.reviewers):
        for application in ("A-1", "A-2", "A-3"):
            await scene.file(seat, application, plan=700 + 5 * number)
        sheet = await scene.read(scene.seat(seat), f"/v1/panels/{PANEL}/applications/A-1/sheet")
        own[seat] = sheet["opinion_document_id"]
    ranking = f"/v1/panels/{PANEL}/tracks/branch/ranking"
    assert (await scene.get(review.clerk, ranking)).status_code == 404
    sealed = await scene.read(review.clerk, f"/v1/panels/{PANEL}/scoreboard")
    assert {sheet["state"] for line in sealed["lines"] for sheet in line["sheets"]} == {"sealed"}
    await scene.served.office.ask(scene.served.office.administrator, AdvanceClock, to=CLOSES_AT)
    await scene.act(review.clerk, f"/v1/panels/{PANEL}/scoring/close")
    assert (await scene.get(review.clerk, f"/v1/documents/{own['S-1']}")).status_code == 404
    await review.open_sheets()
    await scene.act(review.clerk, f"/v1/panels/{PANEL}/tracks/branch/rank")
    excluded = f"/v1/panels/{PANEL}/seats/S-1/applications/A-2/exclude"
    version = (await scene.act(review.head, excluded, reason="copied"))["version"]
    shown = await scene.read(review.clerk, f"/v1/panels/{PANEL}/scoreboard", min_position=version)
    first = next(line for line in shown["lines"] if line["application_id"] == "A-2")
    assert [sheet["state"] for sheet in first["sheets"]] == ["excluded", "opened", "opened"]
    told = await scene.read(review.clerk, ranking, min_position=version)
    assert told["digest"] != told["recorded_digest"]
    gap = next(p for p in told["placings"] if p["application_id"] == "A-2")["left_out"]
    assert [(each["seat_id"], each["why"], each["code"]) for each in gap] == [("S-1", "excluded", "copied")]
    version = (await scene.act(review.clerk, f"/v1/panels/{PANEL}/tracks/branch/rank"))["version"]
    told = await scene.read(review.clerk, ranking, min_position=version)
    assert told["digest"] == told["recorded_digest"]
    assert (await scene.get(review.clerk, f"/v1/documents/{own['S-1']}")).json() == {"opinion": "扎实"}
    figures = (await scene.served.http.get("/metrics")).text
    assert 'biaogan_boundary_events_max{command="RankApplications"}' in figures


async def test_a_stage_is_public_and_its_faults_are_told_by_rule(scene: Scene) -> None:
    stranger = await scene.served.office.somebody("applicant", "BR-1")
    listed = await scene.read(stranger, "/v1/programmes/benchmark-2020/stages")
    (stage,) = listed["items"]
    assert (stage["stage"], stage["minimum_sheets"]) == ("experts", 2)
    names = {"order": 2, "name_zh": "会评", "name_en": "Meeting", "track_ids": ["branch"]}
    body = {**names, "criteria": [], "aggregation": "mean", "minimum_sheets": 1}
    answer = await scene.post(scene.review.head, "/v1/programmes/benchmark-2020/stages/meeting/define", body, "silent")
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/stage-faulty")
    assert answer.json()["because"]["rule"] == "stage-marks-something"


async def test_a_panel_is_set_up_over_http(scene: Scene) -> None:
    review = scene.review
    names = {"order": 2, "name_zh": "会评", "name_en": "Meeting", "track_ids": ["branch"]}
    leaf = {"code": "overall", "name_zh": "总评", "name_en": "Overall", "weight_bp": 10_000}
    body = {**names, "criteria": [{**leaf, "lowest_tenths": 0, "highest_tenths": 1000}]}
    body |= {"aggregation": "median", "minimum_sheets": 1}
    await scene.act(review.head, "/v1/programmes/benchmark-2020/stages/meeting/define", body, "silent")
    about = {"programme_id": "benchmark-2020", "stage": "meeting", "track_ids": ["branch"]}
    made = await scene.act(review.clerk, "/v1/panels", about)
    panel = made["location"]
    person = await scene.served.office.somebody("reviewer")
    seated = await scene.act(review.clerk, f"{panel}/seats", {"reviewer": person.person_id})
    row = await scene.read(review.clerk, panel, min_position=seated["version"])
    assert (row["state"], row["seats"], row["stage"]) == ("constituted", 1, "meeting")
    assert person.person_id not in str(row)
    twice = await scene.post(review.clerk, f"{panel}/seats", {"reviewer": person.person_id})
    assert twice.json()["type"] == "/problems/reviewer-seated-before"
    assert person.person_id not in twice.text
    early = await scene.post(review.clerk, f"{panel}/scoring/open", {"closes_at": CLOSES_AT.isoformat()})
    assert early.json()["type"] == "/problems/earlier-stage-not-ranked"
    later = {"closes_at": CLOSES_AT.replace(year=2021).isoformat()}
    await scene.act(review.head, f"/v1/panels/{PANEL}/scoring/extend", later, "ill")
    await asyncio.gather(*(scene.file(seat) for seat in review.reviewers))
