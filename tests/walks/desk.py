"""A desk in front of the running product: one simulated institution, its people with their tokens, and a small call."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import httpx

from api.cli.demo.backstage import first_token, open_simulated
from infra.settings import Settings

STARTS_AT = "2020-05-09T16:36:00+08:00"
CALL = "CALL"
PATIENCE_SECONDS = 60.0
TERM = {
    "term": "application_closes",
    "kind": "date",
    "clause": "三(二)",
    "as_published": "5前",
    "legibility": "damaged",
}
DEFINITION: dict[str, Any] = {
    "schema_version": 1,
    "name_zh": "样板支部",
    "name_en": "Model branches",
    "office_unit_id": "OFFICE",
    "issued_at": STARTS_AT,
    "terms": [TERM],
    "forms": [
        {"form": "form", "name_zh": "申报书", "name_en": "Form", "fields": [
            {"code": "goals", "name_zh": "目标", "name_en": "Goals"},
            {"code": "remarks", "name_zh": "备注", "name_en": "Remarks", "required": False}]}
    ],
    "tracks": [
        {
            "track_id": "branch",
            "name_zh": "支部",
            "name_en": "Branches",
            "subject_kinds": ["branch"],
            "places": {"target": 3},
            "nomination": "quota",
            "quotas": [{"nominator_kind": "general_branch", "at_most": 64}],
            "form": "form",
        }
    ],
}  # fmt: skip
OFFICES = {
    "clerk": ("clerk", None),
    "head": ("head", None),
    "auditor": ("auditor", None),
    "committee": ("nominator", "COL"),
    "hand": ("applicant", "BR-0"),
}

Describing = Callable[[str], Awaitable[None]]
"""Records what is to be known of a unit."""


@dataclass
class Desk:
    """Sends requests for the people of one institution; further addresses are those of further API processes."""

    http: httpx.AsyncClient
    urls: list[str]
    institution_id: str
    log_id: int = 0
    tokens: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    keys: itertools.count[int] = field(default_factory=itertools.count)

    async def send(
        self, who: str, method: str, path: str, *, url: str | None = None, key: str | None = None, **more: Any
    ) -> httpx.Response:
        headers: dict[str, str] = {}
        if method == "POST" and key != "":
            headers["Idempotency-Key"] = key or f"k-{next(self.keys)}"
        if who:
            headers["Authorization"] = f"Bearer {self.tokens[who]}"
        headers |= more.pop("headers", {})
        return await self.http.request(method, (url or self.urls[0]) + path, headers=headers, **more)

    async def act(
        self, who: str, path: str, body: Mapping[str, Any] | None = None, *, reason: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """Ask for something that is to be recorded."""
        headers = {"Reason": reason} if reason else {}
        headers |= more.pop("headers", {})
        answer = await self.send(who, "POST", path, json=body or {}, headers=headers, **more)
        assert answer.status_code in {200, 201}, f"{path}: {answer.status_code} {answer.text}"
        receipt: dict[str, Any] = answer.json()
        return receipt

    async def refused(
        self, who: str, path: str, body: Mapping[str, Any] | None = None, reason: str | None = None
    ) -> dict[str, Any]:
        """Ask for something that is refused: the name of the refusal, and its figures."""
        answer = await self.send(who, "POST", path, json=body or {}, headers={"Reason": reason} if reason else {})
        assert answer.is_client_error, f"{path}: {answer.status_code} {answer.text}"
        told = answer.json()
        return {"type": told["type"].removeprefix("/problems/"), **told.get("because", {})}

    async def read(self, who: str, path: str, **query: Any) -> Any:
        """Read, and come back where the views have not caught up yet, when the answer says so."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        answer = await self.send(who, "GET", path, params=query)
        while answer.status_code == 503 and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(int(answer.headers["Retry-After"]))
            answer = await self.send(who, "GET", path, params=query)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def feed(self, kind: str) -> list[dict[str, Any]]:
        """Every event of a type, as the auditor reads it."""
        page = await self.read("auditor", "/v1/events", type=kind, limit=1000)
        items: list[dict[str, Any]] = page["items"]
        return items

    async def person(self, who: str, role: str, unit_id: str | None, name: str = "某人") -> None:
        person_id = str(uuid5(NAMESPACE_OID, f"{self.institution_id} {who}"))
        await self.act("administrator", "/v1/people", {"person_id": person_id, "details": {"name": name}})
        office = {"appointment_id": f"a-{who}", "person_id": person_id, "role": role, "unit_id": unit_id}
        await self.act("administrator", "/v1/appointments", {**office, "first_day": "2020-05-09"})
        given = await self.act("administrator", "/v1/tokens", {"person_id": person_id})
        self.tokens[who], self.people[who] = given["token"], person_id

    async def unit(self, unit_id: str, kind: str, parent: str | None) -> None:
        names = {"unit_id": unit_id, "kind": kind, "name_zh": unit_id, "name_en": unit_id}
        more = {"parent_unit_id": parent, "valid_on": "2015-01-01"}
        await self.act("administrator", "/v1/units", {**names, **more})

    async def deposit(self, who: str, kind: str, text: str, owner: str | None = None) -> str:
        query = {"kind": kind, "owner_unit_id": owner} if owner else {"kind": kind}
        answer = await self.send(
            who, "POST", "/v1/documents", params=query, content=text.encode(), headers={"Content-Type": "text/plain"}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["location"]).rsplit("/", 1)[-1]

    # --- the small call ------------------------------------------------------------------------------------------

    async def furnish(self, definition: Mapping[str, Any] = DEFINITION) -> None:
        """Units and people; the call announced, its deadline read, its window opened."""
        units: tuple[tuple[str, str, str | None], ...] = (
            ("PC", "party_committee", None),
            ("OFFICE", "office", "PC"),
            ("COL", "general_branch", "PC"),
            ("BR-0", "branch", "COL"),
        )
        for unit_id, kind, parent in units:
            await self.unit(unit_id, kind, parent)
        for who, (role, held_at) in OFFICES.items():
            await self.person(who, role, held_at)
        notice = await self.deposit("clerk", "notice", "关于培育创建样板支部的通知")
        body = {"notice_document_id": notice, "definition": definition}
        await self.act("clerk", f"/v1/programmes/{CALL}/announce", body)
        value = {"value": {"type": "date", "day": "2020-05-31"}}
        await self.act("clerk", f"/v1/programmes/{CALL}/terms/application_closes/interpret", value, reason="damaged")
        await self.act("clerk", f"/v1/programmes/{CALL}/window/open")

    async def places(self, places: int) -> None:
        body = {"nominator_unit_id": "COL", "places": places, "basis": "call"}
        await self.act("clerk", f"/v1/programmes/{CALL}/tracks/branch/quotas", body, reason="agreed")

    async def vetted(self, unit_id: str, resolution: str, *, text: str = "目标") -> str:
        """An application that only waits to be filed; returns its id."""
        application_id = f"A-{unit_id}"
        at = f"/v1/applications/{application_id}"
        who = {"application_id": application_id, "programme_id": CALL, "track_id": "branch", "unit_id": unit_id}
        started = await self.act("hand" if unit_id == "BR-0" else f"hand-{unit_id}", "/v1/applications", who)
        hand = "hand" if unit_id == "BR-0" else f"hand-{unit_id}"
        version = {"If-Match": f'"{started["version"]}"'}
        await self.act(hand, f"{at}/form", {"answers": {"goals": text}}, headers=version)
        prepared = await self.act(hand, f"{at}/prepare")
        await self.act("clerk", f"{at}/judge")
        await self.act("committee", f"{at}/decide", {"resolution_document_id": resolution})
        row = await self.read("committee", at, min_position=prepared["version"])
        await self.act("committee", f"{at}/vet", {"materials_digest": row["prepared_digest"]})
        return application_id

    async def branches(self, count: int, described: Describing | None = None) -> list[str]:
        """So many branches under the one committee, each with an application that only waits to be filed.

        What is on record of each unit before it applies is said by ``described``.
        """
        resolution = await self.deposit("committee", "resolution", "会议决议", "COL")
        gate = asyncio.Semaphore(8)

        async def one(number: int) -> str:
            async with gate:
                unit_id = f"BR-{number}"
                await self.unit(unit_id, "branch", "COL")
                if described is not None:
                    await described(unit_id)
                await self.person(f"hand-{unit_id}", "applicant", unit_id)
                return await self.vetted(unit_id, resolution)

        return list(await asyncio.gather(*(one(number) for number in range(1, count + 1))))

    async def file(self, application_id: str, url: str | None = None) -> httpx.Response:
        return await self.send("committee", "POST", f"/v1/applications/{application_id}/file", json={}, url=url)


@asynccontextmanager
async def desk(
    settings: Settings, urls: list[str], institution_id: str, *, furnished: bool = True
) -> AsyncIterator[Desk]:
    """Open an institution and furnish it over HTTP."""
    administrator = str(uuid5(NAMESPACE_OID, f"{institution_id} administrator"))
    names = {"institution_id": institution_id, "name_zh": "大学", "name_en": "University"}
    log_id = await open_simulated(settings, names, STARTS_AT, administrator, "管理员")
    # The server hangs up after five idle seconds; whoever keeps a connection as long may ask just then.
    limits = httpx.Limits(max_connections=80, max_keepalive_connections=80, keepalive_expiry=2)
    async with httpx.AsyncClient(timeout=60, limits=limits) as http:
        opened = Desk(http, urls, institution_id, log_id)
        opened.people["administrator"] = administrator
        opened.tokens["administrator"] = await first_token(settings, log_id, administrator)
        if furnished:
            await opened.furnish()
        yield opened
