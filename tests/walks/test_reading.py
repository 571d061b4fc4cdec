"""Reading changes nothing: every address that can be read is read, and the record, the views and the vault stay."""

from __future__ import annotations

import re

import asyncpg
import pytest

from api.trail import PAGE
from tests.walks.contents import contents
from tests.walks.desk import CALL, Desk
from tests.walks.running import Product

pytestmark = pytest.mark.slow

NOT_YET = {
    "/v1/programmes/{programme_id}/selection-rule",
    "/v1/selections/{application_id}",
    "/v1/cases/{application_id}",
    "/v1/programmes/{programme_id}/accountability-rule",
    "/v1/programmes/{programme_id}/accounts",
    "/v1/programmes/{programme_id}/books",
    "/v1/programmes/{programme_id}/closing",
    "/v1/programmes/{programme_id}/funding-rule",
    "/v1/programmes/{programme_id}/statements",
    "/v1/audit/consistency",
    "/v1/referrals",
}
"""What there is only after a panel has ranked, a case has begun, a rule was made or a checkpoint signed; and what is
the office's or its head's alone."""
NEEDED = {
    "/v1/audit/consistency": {"old": "1", "new": "1"},
    **{route.path: {"from_position": "1"} for route in PAGE.routes if route.path.endswith("/differences")},
}
"""What cannot be read without saying more."""


async def test_whatever_is_read_everything_stays_as_it_was(product: Product, house: Desk) -> None:
    await house.places(1)
    (application_id,) = await house.branches(1)
    assert (await house.file(application_id)).status_code == 201
    calendar = {"days_off": ["2020-06-25"], "days_worked": [], "source": "published"}
    await house.act("administrator", "/v1/calendars/2020/supply", calendar)
    evidence = await house.deposit("clerk", "evidence", "凭证")
    there = {
        "application_id": application_id,
        "appointment_id": "a-clerk",
        "document_id": evidence,
        "kind": "not-permitted",
        "name": "swagger-ui.css",
        "person_id": house.people["clerk"],
        "programme_id": CALL,
        "unit_id": "COL",
        "year": "2020",
    }
    schema = (await house.http.get(f"{house.urls[0]}/v1/openapi.json")).json()
    readable = [path for path, operations in schema["paths"].items() if "get" in operations]
    assert len(readable) > 40
    connection = await asyncpg.connect(product.superuser_url)
    try:
        before = await contents(connection, house.log_id)
        strange: list[str] = []
        for path in readable:
            address = re.sub(r"\{(\w+)\}", lambda name: there.get(name[1], "none"), path)
            is_there = set(re.findall(r"\{(\w+)\}", path)) <= set(there) and path not in NOT_YET
            expected = {200} if is_there else {200, 403, 404, 422}
            for method in ("GET", "HEAD"):
                answer = await house.send("administrator", method, address, params=NEEDED.get(path))
                if answer.status_code not in expected:
                    strange.append(f"{method} {path}: {answer.status_code}")
            for parameters in ({"at_position": "9"}, {"format": "csv"}, {"effective_on": "2020-05-09"}):
                await house.send("administrator", "GET", address, params=parameters)
        assert strange == []
        assert await contents(connection, house.log_id) == before
    finally:
        await connection.close()
