"""Requests that nobody sends by mistake alone: each is told what is wrong in both languages, and breaks nothing."""

from __future__ import annotations

import ast
import asyncio
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from api.problems import BodyIncomplete
from api.requests import Request
from api.rules import CHINESE, in_chinese
from tests.over_http.serving import Served
from tests.over_http.test_api_commands import contents

NewId = Callable[[str], str]
ROOT = Path(__file__).resolve().parents[2]
TOLD = {"ParameterInvalid", "HeaderInvalid", "BodyInvalid", "Invalid", "BadQuery"}
"""What tells the caller its rule in the very sentence."""


def unit(unit_id: str, **more: Any) -> dict[str, Any]:
    return {
        "unit_id": unit_id,
        "kind": "branch",
        "name_zh": "支部",
        "name_en": "Branch",
        "valid_on": "2016-09-01",
        **more,
    }


async def head(served: Served) -> int:
    return await (await served.parts.stores(served.office.administrator.log_id)).head()


async def test_a_dry_run_refuses_the_text_that_the_command_would_refuse(served: Served, new_id: NewId) -> None:
    body = unit(new_id("U"), name_zh="e\u0301cole")
    real = await served.post(served.office.administrator, "/v1/units", body)
    dry = await served.post(served.office.administrator, "/v1/units?dry_run=true", body)
    assert (real.status_code, real.json()["type"]) == (422, "/problems/text-not-canonical")
    assert (dry.status_code, dry.json()["type"]) == (422, "/problems/text-not-canonical")


async def test_a_version_that_was_never_reached_guards_nothing_and_is_refused(served: Served, new_id: NewId) -> None:
    administrator, unit_id = served.office.administrator, new_id("U")
    await served.post(administrator, "/v1/units", unit(unit_id))
    end, before = {"valid_on": "2020-05-09", "source_document_id": "0" * 64}, await head(served)
    ahead = await served.post(
        administrator, f"/v1/units/{unit_id}/dissolve", end, headers={"If-Match": f'"{before + 1}"'}
    )
    assert (ahead.status_code, ahead.json()["type"]) == (412, "/problems/version-ahead")
    assert ahead.json()["because"] == {"given": before + 1, "head": before}
    unbalanced = await served.post(administrator, f"/v1/units/{unit_id}/dissolve", end, headers={"If-Match": '"1'})
    assert (unbalanced.status_code, unbalanced.json()["because"]["header"]) == (400, "If-Match")
    assert await head(served) == before


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"FOO /v1/units HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/units HTTP/1.1\r\nHost: x\r\nReason: a\x7fb\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /v1/units HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/units HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused_with_a_problem_like_everything_else(served: Served, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.http.base_url.port)
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    head_lines, _, body = answer.partition(b"\r\n\r\n")
    assert head_lines.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head_lines
    assert json.loads(body)["type"] == "/problems/not-http"
    assert json.loads(body)["request_id"].encode() in head_lines


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/v1/services", b'{"service": "import"'),
        ("/v1/tokens", b'{"person_id": '),
        ("/v1/documents?kind=evidence", b"the first half, "),
    ],
)
async def test_a_caller_who_goes_in_the_middle_is_no_fault_of_ours_and_leaves_nothing(
    served: Served, attacker: asyncpg.Connection, path: str, sent: bytes
) -> None:
    token = await served.token(served.office.administrator)
    before, seen = await contents(attacker), await answered(served, path)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.http.base_url.port)
    kind = "text/plain" if "documents" in path else "application/json"
    lines = f"Authorization: Bearer {token}\r\nIdempotency-Key: gone\r\nContent-Type: {kind}"
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\nContent-Length: 100\r\n\r\n".encode() + sent)
    await writer.drain()
    with capture_logs() as logged:
        writer.close()
        async with asyncio.timeout(10):
            now = seen
            while now == seen:
                now = await answered(served, path)
    assert now == {**seen, "400": seen.get("400", 0) + 1}
    assert not [line for line in logged if line["log_level"] == "error"]
    assert await contents(attacker) == before
    assert not reader.at_eof() or await reader.read() == b""


async def answered(served: Served, path: str) -> dict[str, int]:
    """How often a route was answered to POST, by status."""
    route = re.escape(path.partition("?")[0])
    figures = (await served.http.get("/metrics")).text
    found = re.findall(rf'requests_total{{method="POST",route="{route}",status="(\d+)"}} (\d+)', figures)
    return {status: int(number) for status, number in found}


async def test_a_body_that_ends_too_early_is_called_incomplete() -> None:
    async def gone() -> dict[str, object]:
        return {"type": "http.disconnect"}

    with pytest.raises(BodyIncomplete):
        await Request({"type": "http"}, gone).body()


@pytest.mark.parametrize(
    "path",
    [
        "/v1/calendars/99999999999999999999",
        "/v1/calendars/none",
        "/v1/units/%00",
        "/v1/units/%FF",
        "/v1/programmes/%00/terms",
        "/v1/people/%00/details",
        "/v1/documents/%00",
        "/v1/applications/%00/case-file",
        "/problems/%00",
        "/assets/%00",
    ],
)
async def test_what_can_be_the_id_of_nothing_is_answered_like_nothing(served: Served, path: str) -> None:
    answer = await served.get(served.office.administrator, path)
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


@pytest.mark.parametrize("unattended", [False, True])
async def test_a_clock_is_not_moved_to_where_no_calendar_reaches(served: Served, *, unattended: bool) -> None:
    administrator, before = served.office.administrator, await head(served)
    move = {"to": "9999-12-31T20:00:00Z", "unattended": unattended}
    answer = await served.post(administrator, "/v1/clock/advance", move)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/instant-out-of-calendar")
    assert await head(served) == before


async def test_a_token_is_for_somebody_who_is_on_record_and_opens_something(served: Served) -> None:
    administrator = served.office.administrator
    stranger = {"person_id": "00000000-0000-4000-8000-000000000000"}
    unknown = await served.post(administrator, "/v1/tokens", stranger)
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/person-unknown")
    nothing = await served.post(administrator, "/v1/tokens", {"person_id": administrator.person_id, "scopes": []})
    assert (nothing.status_code, nothing.json()["errors"][0]["pointer"]) == (422, "/scopes")
    other = await served.post(administrator, "/v1/tokens", {"person_id": served.other.administrator.person_id})
    assert other.status_code == (201 if served.other.administrator.person_id == administrator.person_id else 404)


# --- in both languages -----------------------------------------------------------------------------------------------


async def test_a_rule_is_told_in_the_language_of_the_sentence(served: Served, new_id: NewId) -> None:
    administrator, chinese = served.office.administrator, {"Accept-Language": "zh"}
    told = [
        await served.post(administrator, "/v1/units", unit(new_id("U"), kind=3), headers=chinese),
        await served.post(administrator, "/v1/units", {"unit_id": "U"}, headers=chinese),
        await served.post(administrator, "/v1/units", unit(new_id("U"), valid_on="2020-02-31"), headers=chinese),
        await served.post(administrator, "/v1/units", unit(new_id("U"), name_en=""), headers=chinese),
        await served.post(administrator, "/v1/units", {}, headers={**chinese, "If-Match": "new"}),
        await served.post(administrator, "/v1/units", {}, headers={**chinese, "Effective-On": "today"}),
        await served.get(administrator, "/v1/units", headers=chinese, limit=0),
        await served.get(administrator, "/v1/units", headers=chinese, cursor="none"),
        await served.get(administrator, "/v1/units", headers=chinese, sort="colour"),
        await served.get(administrator, "/v1/units", headers=chinese, at_position=10**9),
    ]
    for answer in told:
        problem = answer.json()
        assert answer.status_code in {400, 422}
        assert problem["because"]["rule"] not in problem["detail"]
        for error in problem.get("errors", []):
            assert re.search(r"[\u4e00-\u9fff]", error["detail"]), error


def rules() -> Iterator[tuple[str, str]]:
    """Every rule that the program tells in a sentence, with its place; what is put in at run time stands as 7."""
    for room in ("api", "domain", "infra"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in TOLD:
                    continue
                given = [word.value for word in node.keywords if word.arg == "rule"]
                for value in given or (node.args[1:2] if node.func.id == "BadQuery" else []):
                    if isinstance(value, ast.Constant):
                        yield str(value.value), f"{path.relative_to(ROOT)}:{node.lineno}"
                    elif isinstance(value, ast.JoinedStr):
                        parts = [part.value if isinstance(part, ast.Constant) else "7" for part in value.values]
                        yield "".join(map(str, parts)), f"{path.relative_to(ROOT)}:{node.lineno}"


def test_every_rule_that_is_told_has_its_chinese() -> None:
    found = list(rules())
    assert len(found) > 30
    without = [(rule, place) for rule, place in found if in_chinese(rule) == rule]
    assert without == []
    assert all(re.search(r"[\u4e00-\u9fff]", chinese) for chinese in CHINESE.values() if chinese != "true 或 false")


@pytest.mark.parametrize(
    ("rule", "chinese"),
    [
        ("Expected `str` of length >= 1", "应为长度至少 1 的 `str`"),
        ("Expected `int`, got `str`", "应为 `int`,实为 `str`"),
        ("Expected `int` >= 1, got -5", "应为不小于 1 的 `int`,实为 -5"),
        ("Expected `str` matching regex '^a$'", "应为符合正则式 '^a$' 的 `str`"),
        ("one of name_zh, since, or with - before it", "name_zh, since 之一,或在其前加 -"),
        ("established_two_years", "established_two_years"),
    ],
)
def test_figures_keep_their_places(rule: str, chinese: str) -> None:
    assert in_chinese(rule) == chinese
