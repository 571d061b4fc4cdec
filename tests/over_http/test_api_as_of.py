"""Every address that is read either answers as of the moment it was asked for, or refuses by naming the parameter."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from api.catalogue import PAGES
from api.openapi import openapi
from infra.front_door import Caller
from tests.over_http.serving import Served
from tests.over_http.test_api_programme import definition, notice

MOMENTS = {"at_position": "3", "as_of": "2020-05-09T09:00:00Z", "effective_on": "2020-05-09"}
NEEDED = {"/v1/audit/consistency": {"old": "1", "new": "1"}}
"""What cannot be read without saying more."""
SCHEMA: dict[str, Any] = openapi(PAGES, title="", version="")
READ = sorted(path for path, methods in SCHEMA["paths"].items() if "get" in methods)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def there(served: Served) -> AsyncIterator[dict[str, str]]:
    """Ids of what there is, by the names that paths call them."""
    office = served.office
    named = {"name_zh": "某支部", "name_en": "Some branch", "valid_on": "2012-01-01"}
    for unit_id, kind in ((definition()["office_unit_id"], "office"), ("BR-1", "branch")):
        await served.post(office.administrator, "/v1/units", {"unit_id": unit_id, "kind": kind, **named})
    clerk = await office.somebody("clerk")
    document = await notice(served, clerk)
    body = {"notice_document_id": document, "definition": definition()}
    await served.post(clerk, "/v1/programmes/CALL/announce", body)
    yield {
        "programme_id": "CALL", "unit_id": "BR-1", "person_id": clerk.person_id, "document_id": document,
        "appointment_id": f"a-{clerk.person_id}", "kind": "not-permitted", "name": "swagger-ui.css", "year": "2020",
        "position": "1", "institution_id": "UNI", "log": "UNI", "version": "1",
    }  # fmt: skip


def takes(path: str, moment: str) -> bool:
    """Whether the published schema says that an address is read as of such a moment."""
    parameters = SCHEMA["paths"][path]["get"].get("parameters", ())
    return any(each.get("name") == moment for each in parameters)


async def answered(served: Served, who: Caller, there: dict[str, str], path: str, moment: str) -> tuple[int, Any, str]:
    address = re.sub(r"\{(\w+)\}", lambda name: there.get(name[1], "none"), path)
    query = {**NEEDED.get(path, {}), moment: MOMENTS[moment]}
    answer = await served.get(who, f"{address}?{urlencode(query)}")
    return answer.status_code, answer, answer.headers.get("X-Position", "")


@pytest.mark.parametrize("moment", MOMENTS)
async def test_no_reading_answers_now_when_it_was_asked_for_then(
    served: Served, there: dict[str, str], moment: str
) -> None:
    strange = []
    for path in READ:
        status, answer, position = await answered(served, served.office.administrator, there, path, moment)
        if not takes(path, moment):
            told = answer.json() if answer.headers["Content-Type"].startswith("application/problem") else {}
            if status != 400 or moment not in str(told):
                strange.append(f"{path}: {status} {told.get('detail')}")
        elif status == 200 and moment == "at_position" and position != MOMENTS[moment]:
            strange.append(f"{path}: reflects {position}")
        elif status not in {200, 400, 404}:
            strange.append(f"{path}: {status}")
    assert not strange, "\n".join(strange)
