"""Around the record: problems in two languages, tokens, health, pages, safe headers, documents."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest

import api.app
from api.callers import Failures
from api.pages import root_page
from api.problems import TooManyFailures, known_refusals, status_of
from api.requests import language
from infra.documents import LIMIT_BYTES
from tests.over_http.serving import Served

NewId = Callable[[str], str]


# --- problems --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/v1/units/../../etc", 404, "not-found"),
        ("PUT", "/v1/units", 405, "method-not-allowed"),
        ("DELETE", "/v1/units/GB-1", 405, "method-not-allowed"),
        ("GET", "/v1/units", 401, "not-logged-in"),
        ("POST", "/v1/units", 401, "not-logged-in"),
        ("GET", "/problems/nothing-of-the-kind", 404, "not-found"),
        ("GET", "/assets/secrets", 404, "not-found"),
    ],
)
async def test_every_no_is_a_problem(served: Served, method: str, path: str, status: int, kind: str) -> None:
    answer = await served.http.request(method, path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert (problem["type"], problem["status"]) == (f"/problems/{kind}", status)
    if status == 405:
        assert "GET" in answer.headers["Allow"]
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_problem_speaks_the_callers_language_and_leads_to_its_page(served: Served) -> None:
    english = (await served.http.get("/v1/units", headers={"Accept-Language": "en-GB, zh;q=0.5"})).json()
    chinese = await served.http.get("/v1/units", headers={"Accept-Language": "zh-CN"})
    assert english["title"].startswith("A valid token")
    assert chinese.json()["title"].startswith("需要有效令牌")
    assert chinese.headers["Content-Language"] == "zh"
    page = await served.http.get(english["type"])
    assert english["title"] in page.text
    assert chinese.json()["title"] in page.text


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [("", "en"), ("zh", "zh"), ("fr", "en"), ("en;q=0.1, zh-TW;q=0.2", "zh"), ("*", "en"), (";;;q=", "en")],
)
def test_the_language_is_the_one_liked_better(accept: str, chosen: str) -> None:
    assert language(accept) == chosen


async def test_every_refusal_has_a_status_and_a_page(served: Served) -> None:
    for kind in known_refusals():
        assert 400 <= status_of(kind) < 600
        page = await served.http.get(f"/problems/{kind.kind}")
        assert page.status_code == 200, kind.kind


async def test_what_nobody_foresaw_is_a_problem_too_and_shows_nothing(
    served: Served, attacker: asyncpg.Connection
) -> None:
    await attacker.execute("alter table token rename column hash to hidden")
    try:
        answer = await served.http.get("/v1/me", headers={"Authorization": "Bearer bg_unknown"})
    finally:
        await attacker.execute("alter table token rename column hidden to hash")
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/fault")
    assert "hash" not in answer.text
    assert "Traceback" not in answer.text


# --- tokens ----------------------------------------------------------------------------------------------------------


def bearer(secret: str, key: str = "k-1") -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}", "Idempotency-Key": key}


async def test_a_first_token_works_once_and_is_exchanged(served: Served) -> None:
    administrator = served.office.administrator
    once = await served.parts.tokens.create(administrator.log_id, administrator.person_id, ("read",), once=True)
    assert (await served.http.get("/v1/me", headers=bearer(once.secret))).status_code == 401
    exchanged = await served.http.post("/v1/tokens/exchange", headers=bearer(once.secret))
    assert exchanged.status_code == 201
    assert exchanged.headers["Cache-Control"] == "no-store"
    secret = exchanged.json()["token"]
    assert (await served.http.get("/v1/me", headers=bearer(secret))).json()["scopes"] == ["read"]
    assert (await served.http.post("/v1/tokens/exchange", headers=bearer(once.secret))).status_code == 409
    assert (await served.http.post("/v1/tokens/exchange", headers=bearer(once.secret, "k-2"))).status_code == 401


async def test_an_administrator_gives_and_takes_tokens_and_nobody_else_does(served: Served) -> None:
    administrator, clerk = served.office.administrator, await served.office.somebody("clerk")
    made = await served.post(administrator, "/v1/tokens", {"person_id": clerk.person_id, "scopes": ["read"]})
    assert made.status_code == 201
    secret, token_id = made.json()["token"], made.json()["token_id"]
    assert (await served.http.get("/v1/me", headers=bearer(secret))).json()["person_id"] == clerk.person_id
    acting = await served.http.post("/v1/units", json={}, headers=bearer(secret))
    assert (acting.status_code, acting.json()["because"]) == (403, {"scope": "act"})
    listed = await served.get(administrator, "/v1/tokens", person_id=clerk.person_id)
    assert token_id in {line["token_id"] for line in listed.json()["items"]}
    assert secret not in listed.text
    revoked = await served.post(administrator, f"/v1/tokens/{token_id}/revoke")
    assert revoked.json() == {"token_id": token_id, "revoked": True}
    assert (await served.post(administrator, f"/v1/tokens/{token_id}/revoke")).status_code == 404
    acted = await served.http.post("/v1/units", json={}, headers=bearer(secret))
    assert acted.status_code in {401, 403}
    assert (await served.post(clerk, "/v1/tokens", {"person_id": clerk.person_id})).status_code == 403
    assert (await served.get(clerk, "/v1/tokens")).status_code == 404
    unknown = await served.post(administrator, "/v1/tokens", {"person_id": clerk.person_id, "scopes": ["all"]})
    assert unknown.json()["errors"][0]["pointer"] == "/scopes"


async def test_a_request_for_a_token_sent_again_makes_no_second_one_and_mends_a_lost_answer(
    served: Served, attacker: asyncpg.Connection, new_id: NewId
) -> None:
    administrator, clerk = served.office.administrator, await served.office.somebody("clerk")
    await served.token(administrator)
    asked, key = {"person_id": clerk.person_id, "scopes": ["read"]}, new_id("token")
    lost = await served.post(administrator, "/v1/tokens", asked, key=key)
    there = await attacker.fetchval("select count(*) from token")
    again = await served.post(administrator, "/v1/tokens", asked, key=key)
    assert (again.status_code, again.json()["token_id"]) == (201, lost.json()["token_id"])
    assert (await served.http.get("/v1/me", headers=bearer(lost.json()["token"]))).status_code == 401
    outcomes = await attacker.fetch("select outcome from access where what = $1", f"token:{again.json()['token_id']}")
    assert [row["outcome"] for row in outcomes] == ["created", "renewed"]
    assert (await served.http.get("/v1/me", headers=bearer(again.json()["token"]))).status_code == 200
    used = await served.post(administrator, "/v1/tokens", asked, key=key)
    assert (used.status_code, used.json()["type"]) == (409, "/problems/token-given-before")
    assert used.json()["because"] == {"token_id": lost.json()["token_id"]}
    otherwise = await served.post(administrator, "/v1/tokens", {**asked, "scopes": ["act"]}, key=key)
    assert (otherwise.status_code, otherwise.json()["type"]) == (422, "/problems/key-used-before")
    assert await attacker.fetchval("select count(*) from token") == there
    other = await served.post(administrator, "/v1/tokens", asked, key=new_id("token"))
    assert other.status_code == 201


async def test_an_exchange_whose_answer_was_lost_is_sent_again_until_its_token_is_used(served: Served) -> None:
    administrator = served.office.administrator
    once = await served.parts.tokens.create(administrator.log_id, administrator.person_id, ("read",), once=True)
    lost = await served.http.post("/v1/tokens/exchange", headers=bearer(once.secret, "lost"))
    again = await served.http.post("/v1/tokens/exchange", headers=bearer(once.secret, "lost"))
    assert (lost.status_code, again.status_code) == (201, 201)
    assert lost.json()["token_id"] == again.json()["token_id"]
    assert (await served.http.post("/v1/tokens/exchange", headers=bearer(once.secret, "other"))).status_code == 401
    assert (await served.http.get("/v1/me", headers=bearer(lost.json()["token"]))).status_code == 401
    assert (await served.http.get("/v1/me", headers=bearer(again.json()["token"]))).status_code == 200
    used = await served.http.post(
        "/v1/tokens/exchange", headers={**bearer(once.secret, "lost"), "Accept-Language": "zh"}
    )
    assert (used.status_code, used.json()["type"]) == (409, "/problems/token-given-before")
    assert used.json()["title"] == "该令牌此前已创建,不再显示"


async def test_a_revoked_token_writes_nothing_at_all(served: Served, new_id: NewId) -> None:
    administrator = served.office.administrator
    made = await served.parts.tokens.create(administrator.log_id, administrator.person_id, ("read", "act"))
    body = {"unit_id": new_id("GB"), "kind": "x", "name_zh": "甲", "name_en": "A", "valid_on": "2016-09-01"}
    assert (await served.http.post("/v1/units", json=body, headers=bearer(made.secret, new_id("r")))).status_code == 201
    await served.parts.tokens.revoke(administrator.log_id, made.token_id)
    again = {**body, "unit_id": new_id("GB")}
    refused = await served.http.post("/v1/units", json=again, headers=bearer(made.secret, new_id("r")))
    assert refused.status_code == 401


async def test_an_expired_token_opens_nothing(served: Served, attacker: asyncpg.Connection) -> None:
    administrator = served.office.administrator
    made = await served.parts.tokens.create(
        administrator.log_id, administrator.person_id, ("read",), lifetime=timedelta(days=1)
    )
    days = "created_at = created_at - interval '2 days', expires_at = expires_at - interval '2 days'"
    await attacker.execute(f"update token set {days} where token_id = $1", made.token_id)
    assert (await served.http.get("/v1/me", headers=bearer(made.secret))).status_code == 401


def test_who_fails_too_often_waits_and_who_is_known_does_not() -> None:
    now = [0.0]
    failures = Failures(limit=3, seconds=lambda: now[0])
    failures.succeeded("good")
    for _ in range(3):
        failures.refuse_excess("address", "bad")
        failures.failed("address")
    with pytest.raises(TooManyFailures) as refused:
        failures.refuse_excess("address", "another")
    assert refused.value.because == {"retry_after": 60}
    failures.refuse_excess("address", "good")
    failures.refuse_excess("elsewhere", "another")
    now[0] = 61.0
    failures.refuse_excess("address", "another")


# --- documents -------------------------------------------------------------------------------------------------------


async def deposit(served: Served, content: bytes, kind: str = "evidence", **query: str) -> httpx.Response:
    asked = "&".join(f"{name}={value}" for name, value in {"kind": kind, **query}.items())
    return await served.post(
        served.office.administrator, f"/v1/documents?{asked}", content, headers={"Content-Type": "text/plain"}
    )


async def test_a_document_comes_back_as_it_went_in_to_those_who_may_read_it(
    served: Served, attacker: asyncpg.Connection, new_id: NewId
) -> None:
    unit_id = new_id("GB")
    unit = {"unit_id": unit_id, "kind": "x", "name_zh": "甲", "name_en": "A", "valid_on": "2016-09-01"}
    await served.post(served.office.administrator, "/v1/units", unit)
    own = await served.office.somebody("applicant", unit_id)
    elsewhere = {**unit, "unit_id": new_id("GB")}
    await served.post(served.office.administrator, "/v1/units", elsewhere)
    stranger = await served.office.somebody("applicant", elsewhere["unit_id"])
    text = "决议全文".encode() * 40_000
    answer = await deposit(served, text, "resolution", owner_unit_id=unit_id)
    assert answer.status_code == 201, answer.text
    path = answer.headers["Location"]
    lines = await attacker.fetchval("select count(*) from access where outcome = 'read'")
    assert (await served.get(own, path)).content == text
    assert await attacker.fetchval("select count(*) from access where outcome = 'read'") == lines + 1
    assert (await served.get(stranger, path)).status_code == 404
    entry = await served.get(own, f"{path}/entry", min_position=answer.json()["version"])
    assert entry.json()["size_bytes"] == len(text)
    notice = await deposit(served, b"notice", "notice")
    assert (await served.get(stranger, notice.headers["Location"])).content == b"notice"


async def test_the_same_upload_sent_again_is_the_same_document(served: Served) -> None:
    headers = {"Content-Type": "text/plain"}
    path, administrator = "/v1/documents?kind=evidence", served.office.administrator
    first = await served.post(administrator, path, b"text", key="upload-1", headers=headers)
    again = await served.post(administrator, path, b"text", key="upload-1", headers=headers)
    assert (first.status_code, again.content) == (201, first.content)
    other = await served.post(administrator, path, b"another", key="upload-1", headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/key-used-before")


async def pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 65_536 + 1):
        yield b"a" * 65_536


async def test_what_is_no_document_leaves_nothing(served: Served, attacker: asyncpg.Connection) -> None:
    await served.token(served.office.administrator)
    tables = ("event", "document", "document_chunk", "staging", "subject_key")
    counted = [await attacker.fetchval(f"select count(*) from {table}") for table in tables]
    assert (await deposit(served, b"")).status_code == 422
    assert (await deposit(served, b"MZ\x90\x00" + bytes(100))).json()["type"] == "/problems/document-not-allowed"
    assert (await deposit(served, b"text", "nothing")).status_code == 400
    assert (await deposit(served, b"text", owner_unit_id="a b")).status_code == 400
    assert (await deposit(served, b"text", owner_unit_id="NOWHERE")).status_code == 404
    assert (await deposit(served, b"text", dry_run="true")).status_code == 200
    headers = {**bearer(await served.token(served.office.administrator), "big"), "Content-Type": "text/plain"}
    big = await served.http.post("/v1/documents?kind=evidence", content=pieces(LIMIT_BYTES), headers=headers)
    assert (big.status_code, big.json()["because"]) == (413, {"limit": LIMIT_BYTES})
    assert [await attacker.fetchval(f"select count(*) from {table}") for table in tables] == counted


# --- clock -----------------------------------------------------------------------------------------------------------


async def test_a_simulated_clock_moves_forward_for_those_with_its_scope(served: Served) -> None:
    administrator = served.office.administrator
    body = {"to": "2020-05-09T17:00:00+08:00", "unattended": True}
    without = await served.parts.tokens.create(administrator.log_id, administrator.person_id, ("read", "act"))
    refused = await served.http.post("/v1/clock/advance", json=body, headers=bearer(without.secret))
    assert (refused.status_code, refused.json()["because"]) == (403, {"scope": "clock"})
    moved = await served.post(administrator, "/v1/clock/advance", body)
    assert moved.status_code == 200
    assert [event["type"] for step in moved.json()["steps"] for event in step["events"]] == [
        "institution.clock_advanced.v1"
    ]
    back = await served.post(administrator, "/v1/clock/advance", {**body, "to": "2020-05-09T16:50:00+08:00"})
    assert (back.status_code, back.json()["type"]) == (409, "/problems/clock-moves-forward")


# --- pages, health, schema -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/docs", "/problems", "/problems/not-permitted"])
async def test_pages_ask_nobody_else_for_anything(served: Served, path: str) -> None:
    page = await served.http.get(path)
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", page.text)
    assert 'rel="icon" href="data:,"' in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


async def test_the_documentation_is_served_from_here(served: Served) -> None:
    docs = await served.http.get("/docs")
    for address in re.findall(r'(?:src|href)="(/[^"]+)"', docs.text):
        found = await served.http.get(address)
        assert found.status_code == 200
        assert len(found.content) > 10_000


async def test_health_is_told_without_a_token(served: Served) -> None:
    assert (await served.http.get("/livez")).text == "ok\n"
    assert (await served.http.get("/readyz")).json() == {"ready": True, "checks": {}}
    verbose = (await served.http.get("/readyz?verbose")).json()
    assert verbose["checks"]["record"] == "ok"
    assert any(name.startswith("view roster") for name in verbose["checks"])


CALENDAR = {"days_off": ["2020-06-25"], "source": "published"}


async def test_figures_name_routes_and_never_what_was_asked_for(served: Served) -> None:
    await served.get(served.office.administrator, "/v1/units/SECRET-UNIT")
    figures = (await served.http.get("/metrics")).text
    assert 'route="/v1/units/{unit_id}"' in figures
    assert "SECRET-UNIT" not in figures
    assert re.search(r'biaogan_log_head\{log="\d+"\} \d', figures)
    path, body = "/v1/calendars/2020/supply", {**CALENDAR, "days_worked": []}
    await served.post(served.office.administrator, path, body, only_here=True)
    figures = (await served.http.get("/metrics")).text
    assert re.search(r'biaogan_boundary_events_bucket\{command="SupplyWorkingDays",le="500.0"\} 1', figures)
    assert re.search(r'biaogan_consumer_lag\{consumer="view\.roster', figures)


async def test_every_answer_carries_its_request_id_and_safe_headers(served: Served) -> None:
    answer = await served.http.get("/livez", headers={"X-Request-Id": "my-request-17"})
    assert answer.headers["X-Request-Id"] == "my-request-17"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "Access-Control-Allow-Origin" not in answer.headers
    forged = await served.http.get("/livez", headers={"X-Request-Id": "a b\tc"})
    assert forged.headers["X-Request-Id"] != "a b\tc"


async def test_the_first_page_says_which_institutions_are_simulated(
    served: Served, attacker: asyncpg.Connection
) -> None:
    page = (await served.http.get("/")).text
    both = sorted({"OTHER", served.office.institution_id})
    assert "演练机构,其记录并非真实" in page
    assert all(name in page for name in both)
    assert "演练" not in root_page(())
    await attacker.execute("alter table event rename to hidden")
    try:
        answer = await served.http.get("/")
    finally:
        await attacker.execute("alter table hidden rename to event")
    assert answer.status_code == 200
    assert "The record is out of reach for now" in answer.text


async def test_the_permission_table_is_published(served: Served) -> None:
    table = (await served.http.get("/v1/permissions")).json()
    by_command = {entry["command"]: entry for entry in table["commands"]}
    assert by_command["WaiveRule"]["needs_reason"] is True
    assert {row["role"] for row in by_command["WaiveRule"]["permissions"]} == {"head"}


async def test_the_schema_that_is_checked_in_is_the_schema_that_is_served(served: Served) -> None:
    kept = Path(api.app.__file__).with_name("openapi.json").read_bytes()
    assert kept == api.app.schema_bytes(), "run `biaogan api openapi > api/openapi.json`"
    assert (await served.http.get("/v1/openapi.json")).json() == json.loads(kept)


def test_every_operation_of_the_schema_stands_once_and_in_two_languages() -> None:
    document = json.loads(api.app.schema_bytes())
    names = [op["operationId"] for path in document["paths"].values() for op in path.values()]
    assert len(names) == len(set(names))
    for path in document["paths"].values():
        for operation in path.values():
            english, _, chinese = operation["description"].partition("\n\n")
            assert english, operation["operationId"]
            assert re.search(r"[一-鿿]", chinese), operation["operationId"]


async def test_head_is_get_without_its_body(served: Served) -> None:
    answer = await served.http.head("/livez")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_an_answer_is_packed_for_who_takes_it_packed(served: Served) -> None:
    administrator, notice = served.office.administrator, await deposit(served, b"notice " * 1000, "notice")

    async def asked(path: str) -> tuple[httpx.Response, httpx.Response]:
        packed = await served.get(administrator, path, {"Accept-Encoding": "gzip"})
        plain = await served.get(administrator, path, {"Accept-Encoding": "identity"})
        assert packed.content == plain.content
        assert "Content-Encoding" not in plain.headers
        return packed, plain

    for path in ("/v1/permissions", "/v1/institution?format=csv"):
        packed, plain = await asked(path)
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Vary"].endswith("Accept-Encoding")
        assert packed.headers["Content-Type"] == plain.headers["Content-Type"]
        assert packed.headers["Content-Type"] in {"application/json", "text/csv; charset=utf-8"}
    for path in ("/livez", notice.headers["Location"]):
        packed, _ = await asked(path)
        assert "Content-Encoding" not in packed.headers


async def test_what_a_path_takes_is_told_to_who_asks(served: Served) -> None:
    answer = await served.http.options("/v1/units")
    assert (answer.status_code, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")


async def test_also_a_refusal_says_that_the_clock_is_simulated(served: Served) -> None:
    administrator = served.office.administrator
    assert (await served.get(administrator, "/v1/units/NOWHERE")).headers["X-Simulated"] == "true"
    assert (await served.post(administrator, "/v1/units", {})).headers["X-Simulated"] == "true"
    assert "X-Simulated" not in (await served.http.get("/v1/units")).headers
    assert "X-Simulated" not in (await served.http.get("/livez")).headers


async def test_a_token_that_is_good_but_not_for_this_is_journalled(
    served: Served, attacker: asyncpg.Connection
) -> None:
    administrator = served.office.administrator
    made = await served.parts.tokens.create(administrator.log_id, administrator.person_id, ("act",))
    lines = await attacker.fetchval("select count(*) from access where outcome = 'scope-missing'")
    assert (await served.http.get("/v1/me", headers=bearer(made.secret))).status_code == 403
    assert await attacker.fetchval("select count(*) from access where outcome = 'scope-missing'") == lines + 1
