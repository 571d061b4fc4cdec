"""A call over HTTP: announced as one definition, checked twice with every finding at once, read part by part."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio

from infra.front_door import Caller
from tests.over_http.serving import Served

PRESETS = Path(__file__).resolve().parents[2] / "domain" / "programme" / "presets"
ROOT = PRESETS.parents[2]
NewId = Callable[[str], str]


def definition() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PRESETS / "benchmark-2020.json").read_text(encoding="utf-8"))
    return found


@pytest_asyncio.fixture
async def clerk(served: Served) -> Caller:
    unit = {"unit_id": definition()["office_unit_id"], "kind": "office", "name_zh": "部", "name_en": "Office"}
    await served.post(served.office.administrator, "/v1/units", {**unit, "valid_on": "2012-01-01"}, key="the-office")
    return await served.office.somebody("clerk")


async def notice(served: Served, clerk: Caller) -> str:
    answer = await served.post(
        clerk, "/v1/documents?kind=notice", "通知原文".encode(), headers={"Content-Type": "text/plain"}
    )
    return answer.headers["Location"].rpartition("/")[2]


async def announced(served: Served, clerk: Caller, programme_id: str, document: Any) -> httpx.Response:
    body = {"notice_document_id": await notice(served, clerk), "definition": document}
    return await served.post(clerk, f"/v1/programmes/{programme_id}/announce", body)


async def test_a_call_is_announced_and_read_part_by_part(served: Served, clerk: Caller, new_id: NewId) -> None:
    programme_id = new_id("P")
    answer = await announced(served, clerk, programme_id, definition())
    assert answer.status_code == 201, answer.text
    version = answer.json()["version"]
    types = [event["type"] for event in answer.json()["events"]]
    assert types[0] == "programme.announced.v1"
    for part, kind in (
        ("terms", "programme.term_published.v1"),
        ("tracks", "programme.track_defined.v1"),
        ("rules", "programme.eligibility_rule_defined.v1"),
        ("catalogues", "programme.catalogue_pinned.v1"),
        ("forms", "programme.form_defined.v1"),
    ):
        page = await served.get(clerk, f"/v1/programmes/{programme_id}/{part}", min_position=version, limit=200)
        assert len(page.json()["items"]) == types.count(kind), part
    again = await announced(served, clerk, programme_id, definition())
    assert (again.status_code, again.json()["type"]) == (409, "/problems/programme-already-announced")


async def test_the_command_line_announces_a_call_and_shows_it(
    served: Served, clerk: Caller, new_id: NewId, tmp_path: Path
) -> None:
    kept = tmp_path / "clerk.token"
    kept.write_text(await served.token(clerk) + "\n")
    programme_id = new_id("P")
    preset, text = PRESETS / "benchmark-2020.json", PRESETS / "benchmark-2020.zh.txt"
    at = ("--url", str(served.http.base_url), "--token-file", str(kept))

    async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = "import sys; from api.cli import main; sys.exit(main())"
        argv = [sys.executable, "-c", program, "programme", *arguments, *at]
        return await asyncio.to_thread(subprocess.run, argv, cwd=ROOT, capture_output=True, text=True, check=False)

    loaded = await run("load", str(preset), "--id", programme_id, "--notice", str(text))
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.startswith(f"{programme_id}: ")
    await served.get(clerk, "/v1/programmes")  # Waits until the view has it.
    shown = await run("show", programme_id)
    assert shown.returncode == 0, shown.stderr
    assert re.search(r"branch_annual_amount +clear +每年1万元 → 10,000.00 yuan · 元 \(published\)", shown.stdout)
    assert re.search(r"application_closes +damaged +5前 → – \(open\)", shown.stdout)
    again = await run("load", str(preset), "--id", programme_id, "--notice", str(text), "--json")
    assert again.returncode == 3
    assert json.loads(again.stdout)["problem"]["type"] == "/problems/programme-already-announced"


async def test_every_finding_of_the_rules_is_told_at_once(served: Served, clerk: Caller, new_id: NewId) -> None:
    document = definition()
    document["tracks"][0]["form"] = "nonsense"
    document["tracks"][1]["places"] = {"minimum": 9, "target": 3}
    answer = await announced(served, clerk, new_id("P"), document)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/definition-invalid")
    errors = answer.json()["errors"]
    assert answer.json()["because"] == {"count": len(errors)}
    told = {(error["rule"], error["pointer"], str(error["value"])) for error in errors}
    assert ("form-defined", "/definition/tracks/0/form", "nonsense") in told
    assert any(rule == "places-bounded" for rule, _, _ in told)
    assert all(error["en"] and error["zh"] for error in errors)


async def test_every_finding_of_the_shape_is_told_at_once(served: Served, clerk: Caller, new_id: NewId) -> None:
    document = definition()
    del document["name_zh"]
    document["office_unit_id"] = 5
    document["surplus"] = True
    answer = await announced(served, clerk, new_id("P"), document)
    assert answer.status_code == 422
    rules = {error["rule"] for error in answer.json()["errors"]}
    assert {"shape-required", "shape-type", "shape-additionalProperties"} <= rules


async def test_a_definition_that_is_none_is_refused(served: Served, clerk: Caller, new_id: NewId) -> None:
    documents: tuple[Any, ...] = (None, [], "text", 5, {})
    for document in documents:
        answer = await announced(served, clerk, new_id("P"), document)
        assert answer.status_code == 422, document


async def test_an_interpretation_needs_its_reason(served: Served, clerk: Caller, new_id: NewId) -> None:
    programme_id = new_id("P")
    await announced(served, clerk, programme_id, definition())
    path = f"/v1/programmes/{programme_id}/terms/application_closes/interpret"
    body = {"value": {"type": "date", "day": "2020-05-31"}}
    without = await served.post(clerk, path, body)
    assert (without.status_code, without.json()["type"]) == (422, "/problems/reason-missing")
