"""Screening over HTTP: what is returned comes back in time or not at all; what is rejected frees exactly its place."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.walks.desk import CALL, Desk

pytestmark = pytest.mark.slow
CROWD = 64
LAST_DAY = "2020-06-05"
LAST_SECOND, OVER = "2020-06-05T23:59:59+08:00", "2020-06-06T00:00:00+08:00"
GOALS, REMARKS = {"kind": "form_field", "code": "goals"}, {"kind": "form_field", "code": "remarks"}
FORM = {"kind": "form", "code": None}


async def advance(house: Desk, to: str) -> None:
    await house.act("administrator", "/v1/clock/advance", {"to": to})


async def filed(house: Desk, count: int) -> list[str]:
    """So many filed applications, and a place for each."""
    applications = await house.branches(count)
    await house.places(count)
    for application_id in applications:
        assert (await house.file(application_id)).status_code == 201
    return applications


async def returned(house: Desk, application_id: str, opinion: str) -> dict[str, Any]:
    body = {"parts": [GOALS], "last_day": LAST_DAY, "opinion_document_id": opinion}
    return await house.act("clerk", f"/v1/applications/{application_id}/correction/request", body)


async def corrected(house: Desk, application_id: str, since: int) -> int:
    """The unit saves its form anew and declares it complete, the committee vets it; returns the version."""
    at, hand = f"/v1/applications/{application_id}", f"hand-{application_id.removeprefix('A-')}"
    answers = {"answers": {"goals": "补正后的目标", "remarks": "另加一段"}}
    saved = await house.act(hand, f"{at}/form", answers, headers={"If-Match": f'"{since}"'})
    prepared = await house.act(hand, f"{at}/prepare", headers={"If-Match": f'"{saved["version"]}"'})
    row = await house.read("committee", at, min_position=prepared["version"])
    vetted = await house.act("committee", f"{at}/vet", {"materials_digest": row["prepared_digest"]})
    return int(vetted["version"])


async def refile(house: Desk, application_id: str) -> httpx.Response:
    return await house.send("committee", "POST", f"/v1/applications/{application_id}/refile", json={})


async def reject(house: Desk, application_id: str, opinion: str) -> httpx.Response:
    path, body = f"/v1/applications/{application_id}/screening/reject", {"opinion_document_id": opinion}
    return await house.send("head", "POST", path, json=body, headers={"Reason": "incomplete"})


async def quota(house: Desk, after: int) -> tuple[int, int, int]:
    (row,) = (await house.read("clerk", f"/v1/programmes/{CALL}/quotas", min_position=after))["items"]
    return row["places"], row["filed"], row["returned"]


async def waits_for(house: Desk, who: str, application_id: str, after: int) -> dict[str, str | None]:
    items = (await house.read(who, "/v1/inbox", min_position=after))["items"]
    return {item["task"]: item["last_day"] for item in items if item["application_id"] == application_id}


async def test_what_was_returned_is_filed_again_in_time_and_refused_by_the_dates_when_late(house: Desk) -> None:
    in_time, late = await filed(house, 2)
    opinion = await house.deposit("clerk", "reason", "请补充目标")
    before = [await returned(house, each, opinion) for each in (in_time, late)]
    versions = [
        await corrected(house, each, since["version"]) for each, since in zip((in_time, late), before, strict=True)
    ]

    await advance(house, LAST_SECOND)
    answer = await refile(house, in_time)
    assert answer.status_code == 201, answer.text
    again = answer.json()["version"]
    await advance(house, OVER)
    answer = await refile(house, late)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/correction-over")
    assert answer.json()["because"] == {"last_day": LAST_DAY, "closes_at": OVER}

    states = [
        (await house.read("auditor", f"/v1/roster/{in_time}", at_position=version))["state"]
        for version in (before[0]["version"], versions[0], again)
    ]
    assert states == ["returned", "revetted", "filed"]
    row = await house.read("committee", f"/v1/applications/{in_time}/screening", min_position=again)
    (correction,) = row["rounds"]
    assert (row["state"], correction["parts"]) == ("waiting", [GOALS])
    assert (correction["requested"], correction["unrequested"]) == ([FORM], [REMARKS])
    unasked = await house.read("clerk", "/v1/screenings", changed_unasked=True)
    assert [item["application_id"] for item in unasked["items"]] == [in_time]

    # A place is neither used a second time nor given back; the late one can now be rejected, and gives its own back.
    assert await quota(house, again) == (2, 2, 0)
    rejection = await reject(house, late, opinion)
    assert rejection.status_code == 201, rejection.text
    passed = await house.act("clerk", f"/v1/applications/{in_time}/screening/pass")
    assert await quota(house, passed["version"]) == (2, 2, 1)
    listed = (await house.read("auditor", "/v1/roster"))["items"]
    assert {item["application_id"]: item["state"] for item in listed} == {in_time: "screened", late: "rejected"}
    entries = (await house.read("hand-BR-2", f"/v1/applications/{late}/case-file"))["entries"]
    assert [entry["type"] for entry in entries if not entry["type"].startswith("obligation.")][-6:] == [
        "application.filed.v1",
        "screening.correction_requested.v1",
        "application.form_saved.v1",
        "application.prepared.v1",
        "nomination.materials_vetted.v1",
        "screening.rejected.v1",
    ]


async def test_the_turns_of_a_correction_and_who_reads_its_opinion(house: Desk) -> None:
    application_id, other = await filed(house, 2)
    at, hand, stranger = f"/v1/applications/{application_id}", "hand-BR-1", "hand-BR-2"
    newest = max(each["position"] for each in await house.feed("application.filed.v1"))
    assert await waits_for(house, "clerk", application_id, newest) == {"screen": None, "receive_paper": None}
    opinion = await house.deposit("clerk", "reason", "请补充目标")
    back = await returned(house, application_id, opinion)
    assert await waits_for(house, hand, application_id, back["version"]) == {"correct": LAST_DAY}
    assert "screen" not in await waits_for(house, "clerk", application_id, back["version"])
    assert "请补充目标" in (await house.send(hand, "GET", f"/v1/documents/{opinion}")).text
    assert (await house.send("committee", "GET", f"/v1/documents/{opinion}")).status_code == 200
    assert (await house.send(stranger, "GET", f"/v1/documents/{opinion}")).status_code == 404
    assert (await house.send(stranger, "GET", f"{at}/screening")).status_code == 404

    early = await reject(house, application_id, opinion)
    assert (early.status_code, early.json()["type"]) == (409, "/problems/correction-still-open")
    longer = await house.act("head", f"{at}/correction/extend", {"last_day": "2020-06-08"}, reason="holiday")
    assert await waits_for(house, hand, application_id, longer["version"]) == {"correct": "2020-06-08"}
    vetted = await corrected(house, application_id, longer["version"])
    assert await waits_for(house, "committee", application_id, vetted) == {"refile": "2020-06-08"}
    await advance(house, OVER)
    answer = await refile(house, application_id)
    assert answer.status_code == 201, answer.text
    assert "screen" in await waits_for(house, "clerk", application_id, answer.json()["version"])
    assert (await house.read("clerk", f"/v1/applications/{other}"))["state"] == "filed"


async def test_a_rejection_at_the_same_time_as_64_filings_frees_one_place_and_no_more(house: Desk) -> None:
    applications = await house.branches(CROWD)
    await house.places(1)
    opinion = await house.deposit("clerk", "reason", "不符合要求")
    first = await asyncio.gather(*(house.file(each, house.urls[n % 2]) for n, each in enumerate(applications)))
    assert Counter(answer.status_code for answer in first) == {201: 1, 409: CROWD - 1}
    (filed_one,) = (each for each, answer in zip(applications, first, strict=True) if answer.status_code == 201)
    rest = [each for each in applications if each != filed_one]

    rejection, *second = await asyncio.gather(
        reject(house, filed_one, opinion), *(house.file(each, house.urls[n % 2]) for n, each in enumerate(rest))
    )
    assert rejection.status_code == 201, rejection.text
    # Those that were decided before the rejection found no place, and of those after it exactly one did.
    third = await asyncio.gather(*(house.file(each) for each in rest))
    recorded = Counter(answer.status_code for answer in (*second, *third))
    assert recorded[201] == 1
    refused = {answer.json()["type"] for answer in (*second, *third) if answer.status_code == 409}
    assert refused <= {"/problems/quota-exhausted", "/problems/not-in-this-state"}
    assert set(recorded) == {201, 409}
    newest = max(each["position"] for each in await house.feed("application.filed.v1"))
    assert await quota(house, max(newest, rejection.json()["version"])) == (1, 2, 1)
