"""Whatever is asked wrongly gets the right problem, and leaves record, views, vault and documents as they were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
import pytest

from tests.walks.contents import contents
from tests.walks.desk import CALL, DEFINITION, Desk
from tests.walks.running import Product

pytestmark = pytest.mark.slow
FILED, WAITING = "/v1/applications/A-BR-1", "/v1/applications/A-BR-2"
UNIT = {"unit_id": "X", "kind": "branch", "name_zh": "甲", "name_en": "X", "valid_on": "2016-01-01"}
LARGEST_DOCUMENT = 20 * 1024 * 1024


@dataclass(frozen=True)
class Wrong:
    """One wrong request, and the problem it is to get."""

    name: str
    status: int
    kind: str
    who: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    content: bytes | None = None
    key: str | None = None

    async def send(self, house: Desk) -> httpx.Response:
        more: dict[str, Any] = {"headers": dict(self.headers), "key": self.key}
        if self.content is not None:
            more["content"] = self.content
        elif self.method == "POST":
            more["json"] = {} if self.body is None else self.body
        return await house.send(self.who, self.method, self.path, **more)


JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain"}
REQUESTS = (
    # nobody, or somebody else
    Wrong("no token", 401, "not-logged-in", "", "/v1/units", UNIT),
    Wrong("unknown token", 401, "not-logged-in", "", "/v1/units", UNIT, {"Authorization": "Bearer bg_nobody"}),
    Wrong("not the clerk", 403, "not-permitted", "hand", f"/v1/programmes/{CALL}/window/open"),
    Wrong("not the committee", 403, "not-permitted", "hand-BR-2", f"{WAITING}/file"),
    Wrong("another unit's hand", 403, "not-permitted", "hand-BR-1", f"{WAITING}/form", {"answers": {"goals": "x"}},
          {"If-Match": "1"}),
    Wrong("an administrator is no clerk", 403, "not-permitted", "administrator", f"{WAITING}/judge"),
    Wrong("tokens are the administrator's", 403, "not-permitted", "clerk", "/v1/tokens",
          {"person_id": "00000000-0000-0000-0000-000000000001"}),
    Wrong("on behalf of nobody", 403, "delegation-missing", "administrator", "/v1/units", UNIT,
          {"On-Behalf-Of": "00000000-0000-0000-0000-000000000001"}),
    Wrong("an earlier day without the scope", 403, "scope-missing", "clerk", "/v1/units", UNIT,
          {"Effective-On": "2020-05-01", "Reason": "late"}),
    # malformed
    Wrong("no JSON", 400, "body-unreadable", "clerk", "/v1/units", headers=JSON, content=b"{not json"),
    Wrong("half a character", 400, "body-unreadable", "clerk", "/v1/units", headers=JSON, content=b'{"kind":"\xe4"}'),
    Wrong("an array", 422, "body-invalid", "clerk", "/v1/units", headers=JSON, content=b"[]"),
    Wrong("a field too many", 422, "body-invalid", "clerk", "/v1/units", {**UNIT, "colour": "red"}),
    Wrong("a field missing", 422, "body-invalid", "clerk", "/v1/units", {"unit_id": "X"}),
    Wrong("a number for a name", 422, "body-invalid", "clerk", "/v1/units", {**UNIT, "name_zh": 7}),
    Wrong("an id that is none", 422, "body-invalid", "clerk", "/v1/units", {**UNIT, "unit_id": "a b"}),
    Wrong("a name with a control character", 422, "body-invalid", "clerk", "/v1/units", {**UNIT, "name_zh": "a\u0000"}),
    Wrong("a day that is none", 422, "body-invalid", "clerk", "/v1/units", {**UNIT, "valid_on": "2020-02-30"}),
    Wrong("a definition without its tracks", 422, "definition-invalid", "clerk", "/v1/programmes/P2/announce",
          {"notice_document_id": "0" * 64, "definition": {**DEFINITION, "tracks": []}}),
    Wrong("no key", 400, "header-missing", "clerk", "/v1/units", UNIT, key=""),
    Wrong("a key with a space", 400, "header-invalid", "clerk", "/v1/units", UNIT, key="a b"),
    Wrong("no version of a draft", 428, "version-required", "hand-BR-2", f"{WAITING}/form",
          {"answers": {"goals": "x"}}),
    Wrong("a version that is none", 400, "header-invalid", "hand-BR-2", f"{WAITING}/form", {"answers": {"goals": "x"}},
          {"If-Match": "new"}),
    Wrong("an unknown parameter", 400, "parameter-unknown", "clerk", "/v1/units?colour=red", UNIT),
    Wrong("another media type", 415, "media-type-unknown", "clerk", "/v1/units", headers=TEXT, content=b"{}"),
    Wrong("another method", 405, "method-not-allowed", "clerk", "/v1/units", method="DELETE"),
    Wrong("nowhere", 404, "not-found", "clerk", "/v1/nowhere"),
    Wrong("about nothing", 404, "programme-unknown", "clerk", "/v1/programmes/NONE/window/open"),
    # oversized
    Wrong("a body too large", 413, "too-large-here", "clerk", "/v1/units", {**UNIT, "name_zh": "甲" * 400_000}),
    Wrong("a key too long", 400, "header-invalid", "clerk", "/v1/units", UNIT, key="k" * 201),
    Wrong("an empty document", 422, "document-empty", "clerk", "/v1/documents?kind=evidence", headers=TEXT,
          content=b""),
    Wrong("a document of no kind", 400, "parameter-invalid", "clerk", "/v1/documents?kind=song", headers=TEXT,
          content=b"text"),
    Wrong("a program as a document", 415, "document-not-allowed", "clerk", "/v1/documents?kind=evidence",
          headers={"Content-Type": "application/octet-stream"}, content=b"\x7fELF\x02\x01\x01" + bytes(64)),
    Wrong("a document too large", 413, "too-large-here", "clerk", "/v1/documents?kind=evidence", headers=TEXT,
          content=b"a" * (LARGEST_DOCUMENT + 1)),
    # repeated, stale, contradictory
    Wrong("a unit that is there", 409, "unit-already-registered", "clerk", "/v1/units", {**UNIT, "unit_id": "COL"}),
    Wrong("filed already", 409, "not-in-this-state", "committee", f"{FILED}/file"),
    Wrong("no place left", 409, "quota-exhausted", "committee", f"{WAITING}/file"),
    Wrong("a version that has passed", 412, "version-stale", "hand-BR-2", f"{WAITING}/form",
          {"answers": {"goals": "x"}}, {"If-Match": "1"}),
    Wrong("the window open again", 409, "window-already-opened", "clerk", f"/v1/programmes/{CALL}/window/open"),
    Wrong("the window closed early", 409, "window-still-open", "clerk", f"/v1/programmes/{CALL}/window/close"),
    Wrong("a parent of itself", 409, "unit-above-itself", "clerk", "/v1/units", {**UNIT, "parent_unit_id": "X"}),
    Wrong("a quota below its use", 409, "quota-below-use", "clerk", f"/v1/programmes/{CALL}/tracks/branch/quotas",
          {"nominator_unit_id": "COL", "places": 0, "basis": "call"}),
    Wrong("a clock that goes back", 409, "clock-moves-forward", "administrator", "/v1/clock/advance",
          {"to": "2019-01-01T00:00:00Z"}),
)  # fmt: skip


async def test_every_wrong_request_gets_its_problem_and_changes_nothing(product: Product, house: Desk) -> None:
    filed, _ = await house.branches(2)
    await house.places(1)
    assert (await house.file(filed)).status_code == 201
    connection = await asyncpg.connect(product.superuser_url)
    try:
        before = await contents(connection, house.log_id)
        wrong = []
        for request in REQUESTS:
            answer = await request.send(house)
            problem = answer.json()
            got = (answer.status_code, problem.get("type", "").rpartition("/")[2])
            if got != (request.status, request.kind) or answer.headers["content-type"] != "application/problem+json":
                wrong.append(f"{request.name}: {got}, not {(request.status, request.kind)}")
        assert not wrong, "\n".join(wrong)
        assert await contents(connection, house.log_id) == before
        # What is compared would show a change: one accepted command, and it is another.
        await house.places(2)
        assert await contents(connection, house.log_id) != before
    finally:
        await connection.close()


async def test_a_key_used_before_gets_the_same_receipt_for_the_same_request_and_a_problem_for_another(
    product: Product, house: Desk
) -> None:
    first = await house.send("clerk", "POST", "/v1/units", json=UNIT, key="once")
    connection = await asyncpg.connect(product.superuser_url)
    try:
        before = await contents(connection, house.log_id)
        again = await house.send("clerk", "POST", "/v1/units", json=UNIT, key="once", url=house.urls[1])
        other = await house.send("clerk", "POST", "/v1/units", json={**UNIT, "unit_id": "Y"}, key="once")
        assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
        assert (other.status_code, other.json()["type"]) == (422, "/problems/key-used-before")
        assert await contents(connection, house.log_id) == before
    finally:
        await connection.close()


async def test_a_problem_is_told_in_both_languages_and_repeats_nothing_of_the_request(house: Desk) -> None:
    marked = {**UNIT, "name_zh": "张记号" * 50}
    for language, title in (("zh", "请求体"), ("en", "The body")):
        answer = await house.send("clerk", "POST", "/v1/units", json=marked, headers={"Accept-Language": language})
        assert answer.headers["content-language"] == language
        assert title in answer.json()["detail"]
        assert "张记号" not in json.dumps(answer.json(), ensure_ascii=False)
