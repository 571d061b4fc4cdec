"""What a reader may not see shows nowhere: not by a cursor, a count of pages, a place to go on at, or an old answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest_asyncio

from domain.application.events import ApplicationFiled
from domain.ids import ApplicationId, NominatorUnitId, ProgrammeId, TrackId, UnitId
from infra.front_door import Caller
from infra.record import Accepted, Fact
from tests.logs import proposal
from tests.over_http.serving import Served
from tests.walks.desk import DEFINITION

NewId = Callable[[str], str]


@dataclass(frozen=True)
class Scene:
    """Two units with three incidents each; a hand of the first one reads."""

    served: Served
    mine: str
    theirs: str
    reader: Caller
    clerk: Caller
    version: int

    async def get(self, path: str, caller: Caller | None = None, **query: Any) -> Any:
        answer = await self.served.get(caller or self.reader, path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest_asyncio.fixture
async def scene(served: Served, new_id: NewId) -> Scene:
    office, units = served.office, (new_id("GB"), new_id("GB"))
    clerk = await office.somebody("clerk")
    for unit_id in units:
        body = {"unit_id": unit_id, "kind": "general_branch", "name_zh": "某总支", "name_en": "Branch"}
        await served.post(office.administrator, "/v1/units", {"valid_on": "2016-09-01", **body})
    reader = await office.somebody("applicant", units[0])
    incident = {"kind": "safety", "severity": "minor", "scope": "unit", "occurred_on": "2019-01-01"}
    incident |= {"valid_on": "2019-01-01", "source_document_id": await office.deposit(clerk)}
    version = 0
    for unit_id in units * 3:
        answer = await served.post(clerk, f"/v1/units/{unit_id}/incidents", incident)
        assert answer.status_code == 201, answer.text
        version = answer.json()["version"]
    return Scene(served, *units, reader, clerk, version)


async def test_a_page_of_rows_that_are_not_ours_is_the_page_of_nothing(scene: Scene) -> None:
    asked: dict[str, Any] = {"fact": "incident", "limit": 1, "min_position": scene.version}
    theirs = await scene.get(f"/v1/units/{scene.theirs}/facts", **asked)
    assert (theirs["items"], theirs["next"]) == ([], None)
    office = await scene.get(f"/v1/units/{scene.theirs}/facts", scene.clerk, **asked)
    assert len(office["items"]) == 1
    assert office["next"] is not None


async def test_a_field_that_is_not_ours_is_not_told_by_filtering_for_it(scene: Scene) -> None:
    await scene.served.office.deposit(scene.clerk)
    head = (await scene.get("/v1/events", scene.clerk))["head"]
    deposited: dict[str, Any] = {"deposited_by": scene.clerk.person_id, "limit": 1, "min_position": head}
    hidden = await scene.get("/v1/documents", **deposited)
    assert (hidden["items"], hidden["next"]) == ([], None)
    assert (await scene.get("/v1/documents", scene.clerk, **deposited))["next"] is not None


async def test_that_somebody_applies_is_told_to_nobody_beside(scene: Scene) -> None:
    """What a unit prepares and a college files is known to these and to the office, until a list is made public."""
    office, reader = scene.served.office, scene.reader
    await announced(scene)
    applying = await office.somebody("applicant", scene.theirs)
    application_id = f"A-{scene.theirs}"
    body = {"application_id": application_id, "programme_id": f"P-{scene.theirs}", "track_id": "own"}
    started = await scene.served.post(applying, "/v1/applications", {**body, "unit_id": scene.theirs})
    assert started.status_code == 201, started.text
    version = started.json()["version"]
    asked: dict[str, Any] = {"min_position": version, "limit": 1}
    for path in ("/v1/applications", "/v1/roster", "/v1/eligibility"):
        page = await scene.get(path, reader, **asked)
        assert (page["items"], page["next"]) == ([], None), path
        assert (await scene.served.get(reader, f"{path}?format=csv")).content.count(b"\r\n") <= 1, path
    for path in ("/v1/applications/{}", "/v1/roster/{}", "/v1/applications/{}/eligibility"):
        hidden = await scene.served.get(reader, path.format(application_id), min_position=version)
        assert hidden.status_code == 404, path
    assert len((await scene.get("/v1/applications", applying, **asked))["items"]) == 1
    assert len((await scene.get("/v1/roster", scene.clerk, unit_id=scene.theirs, **asked))["items"]) == 1


async def test_a_place_used_in_an_open_track_is_told_to_nobody_beside(scene: Scene) -> None:
    await announced(scene)
    office, programme = scene.served.office, f"P-{scene.theirs}"
    store = await office.parts.stores(office.log_id)
    used = ApplicationFiled(
        application_id=ApplicationId(f"A-{scene.theirs}"),
        programme_id=ProgrammeId(programme),
        track_id=TrackId("own"),
        unit_id=UnitId(scene.theirs),
        nominator_unit_id=NominatorUnitId(scene.theirs),
        materials_digest="0" * 64,
    )
    outcome = await store.append(proposal(Fact.of(used)))
    assert isinstance(outcome, Accepted)
    asked: dict[str, Any] = {"min_position": outcome.receipt.last_position}
    page = await scene.get(f"/v1/programmes/{programme}/quotas", **asked)
    assert (page["items"], page["next"]) == ([], None)
    (row,) = (await scene.get(f"/v1/programmes/{programme}/quotas", scene.clerk, **asked))["items"]
    assert (row["filed"], row.get("places")) == (1, None)


async def test_the_unit_that_is_to_put_an_application_forward_reads_it_before_it_decides(scene: Scene) -> None:
    await announced(scene)
    office = scene.served.office
    branch, application_id = f"BR-{scene.theirs}", f"A-BR-{scene.theirs}"
    unit = {"unit_id": branch, "kind": "branch", "name_zh": "支部", "name_en": "Branch", "valid_on": "2017-01-01"}
    await scene.served.post(office.administrator, "/v1/units", {**unit, "parent_unit_id": scene.theirs})
    hand = await office.somebody("applicant", branch)
    body = {"application_id": application_id, "programme_id": f"P-{scene.theirs}", "track_id": "under"}
    started = await scene.served.post(hand, "/v1/applications", {**body, "unit_id": branch})
    assert started.status_code == 201, started.text
    chair = await office.somebody("nominator", scene.mine)
    files = (f"/v1/applications/{application_id}", f"/v1/applications/{application_id}/case-file")
    for path in files:
        assert (await scene.served.get(chair, path, min_position=started.json()["version"])).status_code == 404
    move = {"parent_unit_id": scene.mine, "valid_on": "2020-05-09"}
    move |= {"source_document_id": await office.deposit(office.administrator)}
    moved = await scene.served.post(office.administrator, f"/v1/units/{branch}/move", move)
    assert moved.status_code == 201, moved.text
    for path in files:
        assert (await scene.served.get(chair, path, min_position=moved.json()["version"])).status_code == 200, path


async def announced(scene: Scene) -> None:
    """A call with two open tracks: in one units decide for themselves, in the other the units above them do."""
    office = scene.served.office
    track = {**DEFINITION["tracks"][0], "track_id": "own", "subject_kinds": ["general_branch"], "nomination": "open"}
    definition = {
        **DEFINITION,
        "office_unit_id": scene.mine,
        "issued_at": "2020-05-09T08:00:00+08:00",
        "tracks": [
            {**track, "self_nomination": True, "quotas": []},
            {**track, "track_id": "under", "subject_kinds": ["branch"], "quotas": []},
        ],
    }
    body = {"notice_document_id": await office.deposit(scene.clerk, "notice"), "definition": definition}
    answer = await scene.served.post(scene.clerk, f"/v1/programmes/P-{scene.theirs}/announce", body)
    assert answer.status_code == 201, answer.text


async def test_every_page_of_what_is_ours_is_full_but_the_last(scene: Scene) -> None:
    seen, sizes, cursor = [], [], None
    while True:
        query: dict[str, Any] = {"cursor": cursor} if cursor else {"min_position": scene.version}
        page = await scene.get(f"/v1/units/{scene.mine}/facts", limit=2, sort="-happened_on", **query)
        seen += [row["position"] for row in page["items"]]
        sizes.append(len(page["items"]))
        cursor = page["next"]
        if cursor is None:
            break
    assert sizes == [2, 1]
    assert len(set(seen)) == 3


async def test_the_feed_goes_on_at_what_was_seen_and_never_at_what_was_not(scene: Scene) -> None:
    hidden: dict[str, Any] = {"tag": f"person:{scene.clerk.person_id}", "limit": 1}
    nobody: dict[str, Any] = {"tag": "person:00000000-0000-0000-0000-00000000dead", "limit": 1}
    of_somebody, of_nobody = [await scene.get("/v1/events", **query) for query in (hidden, nobody)]
    assert of_somebody == of_nobody
    seen = await scene.get("/v1/events", scene.clerk, **hidden)
    assert len(seen["items"]) == 1
    assert seen["next_after"] == seen["items"][0]["position"]


async def test_an_answer_is_sent_again_once_its_reader_may_see_more(scene: Scene) -> None:
    document_id = await scene.served.office.deposit(scene.clerk)
    path = f"/v1/documents/{document_id}/entry"
    person = await scene.served.office.somebody("applicant", scene.mine)
    position = (await scene.get("/v1/events", scene.clerk))["head"]
    before = await scene.served.get(person, path, min_position=position)
    assert "deposited_by" not in before.json()
    appointment = {"person_id": person.person_id, "role": "clerk", "first_day": "2020-05-09"}
    made = await scene.served.post(scene.served.office.administrator, "/v1/appointments", appointment)
    assert made.status_code == 201, made.text
    known = {"If-None-Match": before.headers["ETag"]}
    after = await scene.served.get(person, path, headers=known, min_position=made.json()["version"])
    assert after.status_code == 200
    assert after.json()["deposited_by"] == scene.clerk.person_id


async def test_a_row_read_as_of_a_day_has_the_version_it_is_edited_by(scene: Scene) -> None:
    path = f"/v1/units/{scene.mine}"
    now = await scene.served.get(scene.reader, path, min_position=scene.version)
    then = await scene.served.get(scene.reader, path, effective_on="2018-01-01", min_position=scene.version)
    assert then.headers["ETag"] == now.headers["ETag"] != '"0"'
