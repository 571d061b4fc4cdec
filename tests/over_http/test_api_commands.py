"""Commands over HTTP: receipts, repetition, versions, dry runs, and that what is refused leaves nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from infra.front_door import Caller
from tests.over_http.serving import Served

NewId = Callable[[str], str]
TABLES = ("event", "event_tag", "command", "envelope", "document", "document_chunk", "staging", "subject_key", "token")


def unit(unit_id: str | None, **more: Any) -> dict[str, Any]:
    named = {} if unit_id is None else {"unit_id": unit_id}
    names = {"kind": "general_branch", "name_zh": "计算机学院党总支", "name_en": "General Branch of Computing"}
    return {**named, **names, "valid_on": "2016-09-01", **more}


async def contents(connection: asyncpg.Connection) -> list[int]:
    return [await connection.fetchval(f"select count(*) from {table}") for table in TABLES]


async def test_a_command_answers_with_its_receipt(served: Served, new_id: NewId) -> None:
    unit_id = new_id("GB")
    answer = await served.post(served.office.administrator, "/v1/units", unit(unit_id))
    assert answer.status_code == 201
    receipt = answer.json()
    assert receipt["version"] == receipt["events"][-1]["position"]
    assert [event["type"] for event in receipt["events"]] == ["unit.registered.v1"]
    assert answer.headers["Location"] == receipt["location"] == f"/v1/units/{unit_id}"
    assert answer.headers["ETag"] == f'"{receipt["version"]}"'
    assert answer.headers["X-Simulated"] == "true"
    assert receipt["simulated"] is True


async def test_a_request_sent_again_gets_the_first_receipt_byte_for_byte(served: Served, new_id: NewId) -> None:
    body, key = unit(new_id("GB")), new_id("sent")
    first = await served.post(served.office.administrator, "/v1/units", body, key=key)
    again = await served.post(served.office.administrator, "/v1/units", body, key=key)
    assert (again.status_code, again.content) == (201, first.content)


async def test_a_key_used_for_another_request_is_refused(served: Served, new_id: NewId) -> None:
    key = new_id("sent")
    await served.post(served.office.administrator, "/v1/units", unit(new_id("GB")), key=key)
    other = await served.post(served.office.administrator, "/v1/units", unit(new_id("GB")), key=key)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/key-used-before")


async def test_the_door_makes_an_id_where_none_is_given_and_the_same_for_a_repetition(
    served: Served, new_id: NewId
) -> None:
    key = new_id("sent")
    first = await served.post(served.office.administrator, "/v1/units", unit(None), key=key)
    again = await served.post(served.office.administrator, "/v1/units", unit(None), key=key)
    assert first.status_code == 201
    assert again.headers["Location"] == first.headers["Location"]


async def test_a_dry_run_names_the_events_and_writes_nothing(
    served: Served, attacker: asyncpg.Connection, new_id: NewId
) -> None:
    unit_id = new_id("GB")
    await served.token(served.office.administrator)
    before = await contents(attacker)
    answer = await served.post(served.office.administrator, "/v1/units?dry_run=true", unit(unit_id))
    assert answer.status_code == 200
    assert answer.json()["dry_run"] is True
    assert [(e["type"], e["body"]["unit_id"]) for e in answer.json()["events"]] == [("unit.registered.v1", unit_id)]
    person = await served.post(served.office.administrator, "/v1/people?dry_run=true", {"details": {"name": "某人"}})
    assert person.status_code == 200
    assert await contents(attacker) == before


async def test_a_version_that_was_passed_is_answered_with_what_was_missed(served: Served, new_id: NewId) -> None:
    unit_id, administrator = new_id("GB"), served.office.administrator
    first = (await served.post(administrator, "/v1/units", unit(unit_id))).json()["version"]
    document_id = await served.office.deposit(administrator)
    rename = {"name_zh": "新名", "name_en": "New", "valid_on": "2018-09-01", "source_document_id": document_id}
    read = {"If-Match": f'"{first}"'}
    second = await served.post(administrator, f"/v1/units/{unit_id}/rename", rename, headers=read)
    assert second.status_code == 201
    stale = await served.post(
        administrator, f"/v1/units/{unit_id}/rename", {**rename, "valid_on": "2019-09-01"}, headers=read
    )
    assert (stale.status_code, stale.json()["because"]) == (412, {"missed": [second.json()["version"]]})


async def test_a_draft_is_saved_only_on_the_version_that_was_read(served: Served) -> None:
    answer = await served.post(served.office.administrator, "/v1/applications/A-1/form", {"answers": {"goals": "x"}})
    assert (answer.status_code, answer.json()["type"]) == (428, "/problems/version-required")


async def test_names_are_sealed_on_the_way_in_and_journalled_on_the_way_out(
    served: Served, attacker: asyncpg.Connection
) -> None:
    administrator = served.office.administrator
    answer = await served.post(administrator, "/v1/people", {"details": {"name": "欧阳锋", "phone": "13912345678"}})
    person = answer.headers["Location"]
    row = await served.get(administrator, person, min_position=answer.json()["version"])
    assert "欧阳锋" not in row.text
    lines = await attacker.fetchval("select count(*) from access where outcome = 'read'")
    details = await served.get(administrator, f"{person}/details")
    assert details.json()["details"] == {"name": "欧阳锋", "phone": "13912345678"}
    assert await attacker.fetchval("select count(*) from access where outcome = 'read'") == lines + 1
    stranger = await served.office.somebody("applicant", await a_unit(served, "U-sealed"))
    assert (await served.get(stranger, f"{person}/details")).status_code == 404
    own = await served.get(stranger, f"/v1/people/{stranger.person_id}/details")
    assert own.json()["details"]["name"] == "某人"


async def a_unit(served: Served, unit_id: str) -> str:
    await served.post(served.office.administrator, "/v1/units", unit(unit_id), key=f"unit {unit_id}".replace(" ", "-"))
    return unit_id


async def test_what_the_office_may_not_do_is_refused_and_journalled(
    served: Served, attacker: asyncpg.Connection, new_id: NewId
) -> None:
    stranger = await served.office.somebody("applicant", await a_unit(served, "U-refused"))
    await served.token(stranger)
    before, lines = await contents(attacker), await attacker.fetchval("select count(*) from access")
    answer = await served.post(stranger, "/v1/units", unit(new_id("GB")))
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/not-permitted")
    assert answer.json()["because"] == {"command": "RegisterUnit"}
    assert await contents(attacker) == before
    assert await attacker.fetchval("select count(*) from access") == lines + 1


@pytest.mark.parametrize(("path", "command"), [("/v1/units", "RegisterUnit"), ("/v1/tokens", "CreateToken")])
async def test_a_chinese_reader_is_told_what_may_not_be_done_and_a_program_the_name_of_the_command(
    served: Served, path: str, command: str
) -> None:
    stranger = await served.office.somebody("applicant", await a_unit(served, "U-refused"))
    answer = await served.post(stranger, path, unit("U-never"), headers={"Accept-Language": "zh"})
    problem = answer.json()
    assert (answer.status_code, problem["because"]) == (403, {"command": command})
    assert problem["title"] == "所任职务均不允许此项操作"
    assert not re.search("[A-Za-z]", problem["detail"]), problem["detail"]


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"{", {"Content-Type": "application/json"}, (400, "body-unreadable")),
        (b"[]", {"Content-Type": "application/json"}, (422, "body-invalid")),
        (b'{"kind":"\xff"}', {"Content-Type": "application/json"}, (400, "body-unreadable")),
        (b'{"kind":"\\ud800"}', {"Content-Type": "application/json"}, (400, "body-unreadable")),
        (b"[" * 100_000, {"Content-Type": "application/json"}, (422, "body-invalid")),
        (b"x=1", {"Content-Type": "application/x-www-form-urlencoded"}, (415, "media-type-unknown")),
        (b'"' + b"a" * 1_100_000 + b'"', {"Content-Type": "application/json"}, (413, "too-large-here")),
        (unit("U-1", more=1), {}, (422, "body-invalid")),
        (unit("U-1", kind=5), {}, (422, "body-invalid")),
        (unit("U 1"), {}, (422, "body-invalid")),
        (unit("U-1", name_zh="e\u0301cole"), {}, (422, "text-not-canonical")),
        (unit("U-1"), {"Idempotency-Key": ""}, (400, "header-invalid")),
        (unit("U-1"), {"Idempotency-Key": "x" * 201}, (400, "header-invalid")),
        (unit("U-1"), {"If-Match": "*"}, (400, "header-invalid")),
        (unit("U-1"), {"Reason": "Not A Code"}, (400, "header-invalid")),
        (unit("U-1"), {"Effective-On": "2020-13-01"}, (400, "header-invalid")),
        (unit("U-1"), {"Effective-On": "0001-01-01"}, (400, "header-invalid")),
        (unit("U-1"), {"Effective-On": "2020-05-01"}, (422, "reason-document-missing")),
        (unit("U-1"), {"On-Behalf-Of": "somebody"}, (400, "header-invalid")),
        (
            unit("U-1"),
            {"On-Behalf-Of": "00000000-0000-0000-0000-000000000001"},
            (403, "delegation-missing"),
        ),
    ],
)
async def test_what_cannot_be_taken_in_is_named_and_leaves_nothing(
    served: Served, attacker: asyncpg.Connection, body: Any, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    await served.token(served.office.administrator)
    before = await contents(attacker)
    answer = await served.post(served.office.administrator, "/v1/units", body, headers=headers)
    assert (answer.status_code, answer.json()["type"].removeprefix("/problems/")) == expected
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]
    assert await contents(attacker) == before


async def test_a_post_without_a_key_is_refused(served: Served) -> None:
    token = await served.token(served.office.administrator)
    answer = await served.http.post("/v1/units", json=unit("U-1"), headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["because"]) == (400, {"header": "Idempotency-Key"})


async def test_a_body_is_faulted_by_pointer_and_never_quoted(served: Served) -> None:
    marker = "MARKER张三"
    cases: list[tuple[str, Any, str]] = [
        ("/v1/appointments", {"person_id": "x", "role": marker, "first_day": "2020-01-01"}, "/person_id"),
        (
            "/v1/appointments",
            {"person_id": "00000000-0000-0000-0000-000000000001", "role": marker, "first_day": "2020-01-01"},
            "/role",
        ),
        ("/v1/people", {"details": {marker: 5}}, "/details/..."),
        ("/v1/people", {marker: 5}, ""),
        ("/v1/people", {"detalis": 5}, "/detalis"),
        ("/v1/people", {}, "/details"),
    ]
    for path, body, pointer in cases:
        answer = await served.post(served.office.administrator, path, body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer
        assert marker not in answer.text


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/services", b'{"service": "import", "service": "schedule"}', "/service"),
        ("/v1/services", b'{"service": "import", "s\\u0065rvice": "schedule"}', "/service"),
        ("/v1/people", b'{"details": {"name": "\xe7\x94\xb2", "name": "\xe4\xb9\x99"}}', "/details/name"),
        ("/v1/people", b'{"details": {"\xe7\x94\xb2": "a", "\xe7\x94\xb2": "b"}}', "/details/..."),
        ("/v1/tokens", b'{"person_id": "P", "days": 1, "days": 2, "person_id": "Q"}', "/days"),
        (
            "/v1/applications/A-1/budget",
            b'{"lines":[{"category":"a","year":1,"amount_fen":1},{"category":"a","year":2,"year":1,"amount_fen":1}]}',
            "/lines/1/year",
        ),
    ],
)
async def test_a_key_that_stands_twice_is_refused_by_its_name_and_neither_value_is_taken(
    served: Served, attacker: asyncpg.Connection, path: str, body: bytes, pointer: str
) -> None:
    administrator = served.office.administrator
    await served.token(administrator)
    before = await contents(attacker)
    sent = {"Content-Type": "application/json", "If-Match": "1"}
    body = body.replace(b'"P"', f'"{administrator.person_id}"'.encode()).replace(
        b'"Q"', f'"{administrator.person_id}"'.encode()
    )
    answer = await served.post(administrator, path, body, headers=sent)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/body-invalid")
    assert answer.json()["because"] == {"pointer": pointer, "rule": "at most once"}
    assert await contents(attacker) == before


async def test_the_same_key_may_stand_in_several_objects(served: Served) -> None:
    lines = [{"category": "a", "year": year, "amount_fen": 1} for year in (1, 2)]
    path, sent = "/v1/applications/A-1/budget", {"If-Match": "1"}
    answer = await served.post(served.office.administrator, path, {"lines": lines}, headers=sent)
    assert answer.json()["type"] == "/problems/not-permitted"


async def test_an_earlier_day_needs_its_scope(served: Served, new_id: NewId) -> None:
    token = await served.token(served.office.administrator, ("act",))
    answer = await served.http.post(
        "/v1/units",
        json=unit(new_id("GB")),
        headers={
            "Authorization": f"Bearer {token}",
            "Idempotency-Key": new_id("sent"),
            "Effective-On": "2020-05-01",
            "Reason": f"late; document={'0' * 64}",
        },
    )
    assert (answer.status_code, answer.json()["because"]) == (403, {"scope": "backdate"})


async def test_an_earlier_day_is_recorded_with_its_reason_and_both_times_are_told(
    served: Served, new_id: NewId
) -> None:
    administrator, unit_id = served.office.administrator, new_id("GB")
    document_id = await served.office.deposit(administrator, "reason")
    headers = {"Effective-On": "2020-05-01", "Reason": f"late_paper; document={document_id}"}
    answer = await served.post(administrator, "/v1/units", unit(unit_id), headers=headers)
    assert answer.status_code == 201, answer.text
    feed = await served.get(administrator, "/v1/events", tag=f"unit:{unit_id}")
    (envelope,) = [item["envelope"] for item in feed.json()["items"]]
    assert (envelope["effective_at"], envelope["received_at"]) == ("2020-04-30T16:00:00Z", "2020-05-09T08:36:00Z")
    assert (envelope["reason_code"], envelope["reason_document_id"]) == ("late_paper", document_id)
    later = await served.post(
        administrator, "/v1/units", unit(new_id("GB")), headers={**headers, "Effective-On": "2020-05-10"}
    )
    assert (later.status_code, later.json()["type"]) == (409, "/problems/effective-in-future")


async def test_many_registrations_at_once_are_one_and_the_rest_are_told(served: Served, new_id: NewId) -> None:
    unit_id = new_id("GB")
    answers = await asyncio.gather(
        *(served.post(served.office.administrator, "/v1/units", unit(unit_id)) for _ in range(16))
    )
    kinds = sorted((answer.status_code, answer.json().get("type")) for answer in answers if answer.status_code != 201)
    assert len(kinds) == 15
    assert set(kinds) == {(409, "/problems/unit-already-registered")}


async def test_nothing_of_one_institution_shows_in_another(served: Served, new_id: NewId) -> None:
    unit_id = new_id("GB")
    made = await served.post(served.office.administrator, "/v1/units", unit(unit_id), only_here=True)
    assert made.status_code == 201
    other: Caller = served.other.administrator
    assert (await served.post(other, "/v1/units", unit(unit_id))).status_code == 201
    away = await served.post(served.office.administrator, "/v1/units", unit(new_id("GB")), only_here=True)
    path = away.headers["Location"]
    assert (await served.get(served.office.administrator, path, min_position=away.json()["version"])).status_code == 200
    assert (await served.get(other, path)).status_code == 404


async def test_whatever_is_recorded_here_stands_with_the_same_ids_in_the_other_institution_too(
    served: Served, new_id: NewId
) -> None:
    unit_id, before = new_id("GB"), served.mirrored
    await served.post(served.office.administrator, "/v1/units", unit(unit_id))
    assert served.mirrored == before + 1
    again = await served.post(served.other.administrator, "/v1/units", unit(unit_id))
    assert (again.status_code, again.json()["type"]) == (409, "/problems/unit-already-registered")
