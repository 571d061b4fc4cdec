"""One application from its start to its filing, seen from every desk: what waits for whom, and how it once stood."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from tests.walks.contents import caught_up, contents
from tests.walks.desk import CALL, Desk
from tests.walks.running import Product

pytestmark = pytest.mark.slow
AT = "/v1/applications/A"


async def waits_for(house: Desk, who: str, after: int) -> set[tuple[str, str]]:
    """What waits for somebody, once a position shows."""
    items = (await house.read(who, "/v1/inbox", min_position=after))["items"]
    return {(item["task"], item["subject_id"]) for item in items}


async def test_what_waits_moves_from_desk_to_desk(house: Desk) -> None:
    await house.places(1)
    body = {"application_id": "A", "programme_id": CALL, "track_id": "branch", "unit_id": "BR-0"}
    started = await house.act("hand", "/v1/applications", body)
    assert ("prepare", "A") in await waits_for(house, "hand", started["version"])
    saved = await house.act(
        "hand", f"{AT}/form", {"answers": {"goals": "x"}}, headers={"If-Match": f'"{started["version"]}"'}
    )
    prepared = await house.act("hand", f"{AT}/prepare", headers={"If-Match": f'"{saved["version"]}"'})
    assert ("prepare", "A") not in await waits_for(house, "hand", prepared["version"])
    assert ("decide", "A") in await waits_for(house, "committee", prepared["version"])
    assert ("judge", "A") in await waits_for(house, "clerk", prepared["version"])
    judged = await house.act("clerk", f"{AT}/judge")
    assert ("judge", "A") not in await waits_for(house, "clerk", judged["version"])
    resolution = await house.deposit("committee", "resolution", "会议决议", "COL")
    decided = await house.act("committee", f"{AT}/decide", {"resolution_document_id": resolution})
    assert {("vet", "A")} <= await waits_for(house, "committee", decided["version"])
    digest = (await house.read("committee", AT))["prepared_digest"]
    vetted = await house.act("committee", f"{AT}/vet", {"materials_digest": digest})
    assert ("file", "A") in await waits_for(house, "committee", vetted["version"])
    filed = await house.act("committee", f"{AT}/file")
    assert not {subject for _, subject in await waits_for(house, "committee", filed["version"])} & {"A"}
    for receipt, task in ((prepared, "decide"), (decided, "vet"), (vetted, "file")):
        then = (await house.read("committee", "/v1/inbox", at_position=receipt["version"]))["items"]
        assert [item["task"] for item in then if item["subject_id"] == "A"] == [task]
    early = await house.read("committee", "/v1/inbox", as_of="2020-01-01T00:00:00+08:00")
    assert (early["items"], early["position"]) == ([], 0)
    states = [
        (await house.read("auditor", "/v1/roster/A", at_position=receipt["version"]))["state"]
        for receipt in (started, prepared, decided, vetted, filed)
    ]
    assert states == ["started", "prepared", "decided", "vetted", "filed"]
    entries = (await house.read("auditor", f"{AT}/case-file"))["entries"]
    assert [entry["type"] for entry in entries] == [
        "application.started.v1",
        "application.form_saved.v1",
        "application.prepared.v1",
        "eligibility.judged.v1",
        "nomination.decided.v1",
        "nomination.materials_vetted.v1",
        "application.filed.v1",
    ]


async def test_a_filing_tried_out_says_what_would_be_recorded_and_records_nothing(
    product: Product, house: Desk
) -> None:
    await house.places(1)
    (application_id,) = await house.branches(1)
    connection = await asyncpg.connect(product.superuser_url)
    try:
        before = await contents(connection, house.log_id)
        path = f"/v1/applications/{application_id}/file?dry_run=true"
        tried = await house.send("committee", "POST", path, json={}, key="file")
        assert (tried.status_code, [event["type"] for event in tried.json()["events"]]) == (
            200,
            ["application.filed.v1"],
        )
        assert await contents(connection, house.log_id) == before
        # The same key may be used in earnest: nothing was kept under it.
        filed = await house.send("committee", "POST", path.partition("?")[0], json={}, key="file")
        assert filed.status_code == 201
        assert await caught_up(connection, house.log_id) == filed.json()["version"]
    finally:
        await connection.close()


async def test_the_roster_is_read_as_it_had_been_recorded_by_a_time_and_as_it_was_true_on_a_day(house: Desk) -> None:
    await house.places(1)
    (first,) = await house.branches(1)
    assert (await house.file(first)).status_code == 201
    await house.act("administrator", "/v1/clock/advance", {"to": "2020-05-20T09:00:00+08:00"})
    withdrawn = await house.act("committee", f"/v1/applications/{first}/withdraw", reason="withdrawn")

    async def state(**asked: str) -> Any:
        rows = (await house.read("auditor", "/v1/roster", min_position=withdrawn["version"], **asked))["items"]
        return [row["state"] for row in rows]

    assert await state() == ["withdrawn"]
    assert await state(as_of="2020-05-19T09:00:00+08:00") == ["filed"]
    assert await state(as_of="2020-05-20T09:00:00+08:00") == ["withdrawn"]
    assert await state(as_of="2020-05-09T16:35:59+08:00") == []
    assert [await state(effective_on=day) for day in ("2020-05-08", "2020-05-09", "2020-05-19", "2020-05-20")] == [
        [], ["filed"], ["filed"], ["withdrawn"]
    ]  # fmt: skip
