"""What those see who look after the machinery, and that nobody else sees any of it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from domain.ids import UnitId
from domain.unit.events import UnitRegistered
from infra.outbox import Outbox
from infra.runs import Runs
from tests.automating import at_once
from tests.office import Office
from tests.over_http.serving import Served
from workers.actors import ACTORS
from workers.automations import Automation, Does, Started
from workers.dispatcher import Dispatcher
from workers.work import Work

PATHS = ("/v1/outbox", "/v1/lag", "/v1/runs")


async def _breaks(started: Started, _connection: Any) -> None:
    if started.recorded.event.unit_id.endswith("BAD"):  # type: ignore[attr-defined]
        raise RuntimeError("记号 张三")


NOTE_UNIT = Automation(
    name="when_unit_registered_note_it",
    en="When a unit was registered, it is noted",
    zh="单位登记后记一笔",
    when=UnitRegistered,
    then=Does(_breaks),
)


async def work_off(served: Served, office: Office) -> None:
    """Let the automation follow everything that is recorded, each attempt its last."""
    hand = at_once(Work(served.parts, [NOTE_UNIT]), [replace(actor, attempts=1) for actor in ACTORS])
    dispatcher = Dispatcher(served.parts.pool, served.parts.stores, [NOTE_UNIT], hand)
    await dispatcher.catch_up(office.log_id, office.institution_id)
    await dispatcher.tell()


async def register(served: Served, unit_id: str) -> None:
    body = {"unit_id": UnitId(unit_id), "kind": "x", "name_zh": "甲", "name_en": "A", "valid_on": "2016-09-01"}
    assert (await served.post(served.office.administrator, "/v1/units", body)).status_code == 201


async def test_operators_see_what_waits_what_is_dead_and_why_it_was_tried_again(served: Served) -> None:
    administrator, auditor = served.office.administrator, await served.office.somebody("auditor")
    for unit_id in ("OUT-1", "OUT-BAD", "OUT-2"):
        await register(served, unit_id)
    await work_off(served, served.office)

    listed = (await served.get(auditor, "/v1/outbox", automation=NOTE_UNIT.name)).json()
    assert [row["state"] for row in listed["items"]] == ["done", "dead", "done"]
    (dead,) = (await served.get(administrator, "/v1/outbox", state="dead")).json()["items"]
    assert (dead["automation"], dead["fault"], dead["attempts"]) == (NOTE_UNIT.name, "RuntimeError", 1)
    first = (await served.get(auditor, "/v1/outbox", limit="2")).json()
    rest = (await served.get(auditor, "/v1/outbox", limit="2", cursor=first["next"])).json()
    assert [*first["items"], *rest["items"]] == listed["items"]
    assert rest["next"] is None

    figures = (await served.http.get("/metrics")).text
    labels = f'automation="{NOTE_UNIT.name}",log="{served.office.log_id}",state="dead"'
    assert f"biaogan_outbox_rows{{{labels}}} 1.0" in figures
    assert f"biaogan_outbox_oldest_seconds{{{labels}}}" in figures
    assert re.search(r'biaogan_consumer_lag\{consumer="automations",log="\d+"\} 0', figures)
    checks = (await served.http.get("/readyz?verbose")).json()["checks"]
    assert checks[f"{NOTE_UNIT.name} of log {served.office.log_id}"] == "1 dead"

    assert await Outbox(served.parts.pool).retry(served.office.log_id, dead["key"], "server_mended")
    shown = (await served.get(auditor, f"/v1/outbox/{dead['key']}")).json()
    assert (shown["row"]["state"], shown["row"]["fault"]) == ("pending", "RuntimeError")
    assert [each["reason_code"] for each in shown["retries"]] == ["server_mended"]


async def test_the_lag_says_who_is_behind_and_by_how_much(served: Served) -> None:
    await register(served, "OUT-3")
    await work_off(served, served.office)
    lag = (await served.get(served.office.administrator, "/v1/lag")).json()
    behind = {each["follower"]: each["behind"] for each in lag["followers"]}
    assert behind["dispatcher"] == 0
    assert behind["view roster"] == 0
    await register(served, "OUT-4")
    lag = (await served.get(served.office.administrator, "/v1/lag")).json()
    assert {each["follower"]: each["behind"] for each in lag["followers"]}["dispatcher"] == 1
    await Runs(served.parts.pool).quiet(served.office.log_id, 1, await served.parts.clock.server_time(), None)
    assert (await served.get(served.office.administrator, "/v1/lag")).json()["schedule"]["position"] == 1


async def test_the_last_runs_of_the_schedule_are_listed(served: Served) -> None:
    runs, now = Runs(served.parts.pool), await served.parts.clock.server_time()
    await runs.refused(served.office.log_id, "close_application_windows", "programme:OUT@1", now, "window-still-open")
    await runs.recorded(served.office.log_id, "close_application_windows", "programme:OUT@2", now, 17)
    listed = (await served.get(served.office.administrator, "/v1/runs", limit="2")).json()["items"]
    assert [(each["outcome"], each["refusal"], each["position"]) for each in listed] == [
        ("recorded", None, 17),
        ("refused", "window-still-open", None),
    ]


@pytest.mark.parametrize("role", ["clerk", "head", "supervisor", "finance"])
async def test_to_others_there_is_nothing_of_it(served: Served, role: str) -> None:
    somebody = await served.office.somebody(role)
    for path in (*PATHS, "/v1/outbox/2d4d2a3c-93bb-5a3c-9b7e-6f2d5a3c93bb"):
        assert (await served.get(somebody, path)).status_code == 404
        assert (await served.http.get(path)).status_code == 401


async def test_an_administrator_of_another_institution_sees_only_that_one_s(served: Served) -> None:
    await register(served, "OUT-5")
    await work_off(served, served.office)
    rows = (await served.get(served.office.administrator, "/v1/outbox")).json()["items"]
    stranger = served.other.administrator
    assert (await served.get(stranger, "/v1/outbox")).json()["items"] == []
    assert (await served.get(stranger, f"/v1/outbox/{rows[0]['key']}")).status_code == 404


@pytest.mark.parametrize("query", ["state=lost", "cursor=x", "limit=0", "limit=201", "automation=%01", "unknown=1"])
async def test_what_cannot_be_asked_is_refused_by_name(served: Served, query: str) -> None:
    token = await served.token(served.office.administrator)
    refused = await served.http.get(f"/v1/outbox?{query}", headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 400
    assert (await served.get(served.office.administrator, "/v1/outbox/no-key")).status_code == 404


async def test_nothing_that_is_shown_repeats_what_went_wrong(served: Served, attacker: asyncpg.Connection) -> None:
    await register(served, "OUT-6-BAD")
    await work_off(served, served.office)
    for path in PATHS:
        assert "记号" not in (await served.get(served.office.administrator, path)).text
    assert "记号" not in (await served.http.get("/metrics")).text
    assert await attacker.fetchval("SELECT count(*) FROM outbox o WHERE strpos(o::text, '记号') > 0") == 0
