"""A name, a phone, the texts of a reason and a form stand nowhere in clear: no table, log, export or problem."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from api.cli.demo.backstage import export
from infra.embedded import EmbeddedPostgres
from tests.walks.contents import caught_up, holding
from tests.walks.desk import CALL, Desk
from tests.walks.running import Product

pytestmark = pytest.mark.slow

NAME, PHONE = "欧阳记号甲", "13912345678"
REASON, FORM, PLAN = "事由记号乙丙丁", "目标记号戊己庚", "方案记号辛壬癸"
MARKS = (NAME, PHONE, REASON, FORM, PLAN)


def spellings(mark: str) -> set[str]:
    """A text as it may stand in a line: plain, in an address, escaped, as bytes."""
    encoded = mark.encode()
    return {mark, quote(mark), json.dumps(mark)[1:-1], encoded.hex(), b64encode(encoded).decode().rstrip("=")[:-1]}


async def test_planted_texts_stand_nowhere_in_clear(
    server: EmbeddedPostgres, product: Product, house: Desk, tmp_path: Path
) -> None:
    await _plant(house)
    answers = [await _provoke(house, mark) for mark in MARKS]
    connection = await asyncpg.connect(product.superuser_url)
    try:
        await caught_up(connection, house.log_id)
        assert await holding(connection, MARKS) == []
        # What is looked for is found where it does stand: the names of units are in the record.
        assert "public.event: 记号党支部" in await holding(connection, ["记号党支部"])
    finally:
        await connection.close()
    checked = await export(product.settings, house.log_id, house.institution_id, tmp_path / "events.jsonl")
    assert not checked.findings
    listed = await house.send("clerk", "GET", "/v1/roster?format=csv")
    filed = await house.send("auditor", "GET", "/v1/applications/A-BR-0/case-file?format=csv")
    places = {
        "export": (tmp_path / "events.jsonl").read_text(),
        "log": product.log_file.read_text(),
        "database's log": server.log_file.read_text(),
        "figures": (await house.http.get(f"{house.urls[0]}/metrics")).text,
        "problems": "".join(answers),
        "roster": listed.text,
        "case file": filed.text,
        "events": (await house.send("auditor", "GET", "/v1/events?limit=1000")).text,
    }
    assert all(places.values())
    written = {mark: spellings(mark) for mark in MARKS}
    assert [(p, m) for p, text in places.items() for m, ways in written.items() if any(w in text for w in ways)] == []


async def test_who_may_reads_the_text_again_and_stands_in_the_access_journal(product: Product, house: Desk) -> None:
    await _plant(house)
    row = await house.read("hand", "/v1/applications/A-BR-0")
    document = f"/v1/documents/{row['form_document_id']}"
    assert FORM in (await house.send("hand", "GET", document)).text
    assert (await house.send("stranger", "GET", document)).status_code == 404
    person = f"/v1/people/{house.people['marked']}/details"
    assert (await house.read("administrator", person))["details"] == {"name": NAME, "phone": PHONE}
    assert (await house.send("clerk", "GET", person)).status_code == 404
    connection = await asyncpg.connect(product.superuser_url)
    try:
        lines = await connection.fetch("SELECT actor_id, what FROM access WHERE log_id = $1", house.log_id)
    finally:
        await connection.close()
    read = {(line["actor_id"], line["what"]) for line in lines}
    assert (house.people["hand"], f"document:{row['form_document_id']}") in read
    assert (house.people["administrator"], f"person:{house.people['marked']}") in read


async def _plant(house: Desk) -> None:
    """A person, a reason, a plan and an application, each with a text that can be looked for."""
    await house.unit("BR-9", "branch", "COL")
    names = {"name_zh": "记号党支部", "name_en": "Marked branch", "valid_on": "2015-01-01"}
    await house.act("administrator", "/v1/units", {"unit_id": "MARK", "kind": "branch", **names})
    await house.person("stranger", "applicant", "BR-9")
    await house.person("marked", "applicant", "MARK")
    details = {"details": {"name": NAME, "phone": PHONE}}
    await house.act("administrator", f"/v1/people/{house.people['marked']}/details", details)
    why = await house.deposit("clerk", "reason", REASON)
    body = {"nominator_unit_id": "COL", "places": 1, "basis": "call"}
    await house.act("clerk", f"/v1/programmes/{CALL}/tracks/branch/quotas", body, reason=f"agreed; document={why}")
    plan = await house.deposit("committee", "plan", PLAN, "COL")
    await house.act("committee", f"/v1/programmes/{CALL}/plans/COL", {"document_ids": [plan]})
    resolution = await house.deposit("committee", "resolution", REASON, "COL")
    await house.vetted("BR-0", resolution, text=FORM)
    assert (await house.file("A-BR-0")).status_code == 201


async def _provoke(house: Desk, mark: str) -> str:
    """Every way in which a text could come back in a problem: as a value, a name, a code, a parameter."""
    answers = [
        await house.send("administrator", "POST", "/v1/people", json={"details": {mark: mark}}),
        await house.send("administrator", "POST", "/v1/people", json={"details": mark, mark: 1}),
        await house.send("clerk", "POST", f"/v1/programmes/{CALL}/terms/{mark}/interpret", json={"value": mark}),
        await house.send("clerk", "POST", "/v1/units", json={"unit_id": mark, "kind": mark}),
        await house.send("clerk", "GET", "/v1/roster", params={mark: mark}),
        await house.send("clerk", "GET", "/v1/roster", params={"state": mark}),
        await house.send("clerk", "POST", "/v1/documents", params={"kind": mark}, content=mark.encode()),
    ]
    assert all(answer.status_code in range(400, 500) for answer in answers), [a.status_code for a in answers]
    return "".join(answer.text for answer in answers)
