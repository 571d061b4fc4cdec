"""Two institutions of one database with equal ids: nothing of the one shows in the other, and no token opens both."""

from __future__ import annotations

import asyncpg
import pytest

from tests.walks.contents import contents
from tests.walks.desk import Desk, desk
from tests.walks.running import Product

pytestmark = pytest.mark.slow
LISTS = (
    "/v1/units", "/v1/people", "/v1/appointments", "/v1/documents", "/v1/programmes", "/v1/applications", "/v1/roster",
    "/v1/eligibility", "/v1/windows", "/v1/programmes/CALL/terms", "/v1/programmes/CALL/quotas", "/v1/calendars",
)  # fmt: skip


async def test_what_one_institution_does_does_not_show_in_the_other(product: Product, house: Desk) -> None:
    async with desk(product.settings, product.urls, f"{house.institution_id}-TWIN") as twin:
        connection = await asyncpg.connect(product.superuser_url)
        try:
            before = await contents(connection, twin.log_id)
            await house.places(1)
            (application_id,) = await house.branches(1)
            assert (await house.file(application_id)).status_code == 201
            await house.act("administrator", "/v1/clock/advance", {"to": "2020-06-02T09:00:00+08:00"})
            assert await contents(connection, twin.log_id) == before
        finally:
            await connection.close()
        assert (await twin.read("clerk", "/v1/roster"))["items"] == []
        assert (await twin.read("clerk", "/v1/me"))["today"] == "2020-05-09"
        assert (await twin.send("clerk", "GET", f"/v1/applications/{application_id}")).status_code == 404
        # The same place, the same ids: what is used up there is free here.
        await twin.places(1)
        (same,) = await twin.branches(1)
        assert same == application_id
        assert (await twin.file(same)).status_code == 201


async def test_a_token_opens_one_institution_and_every_list_tells_of_that_one_alone(
    product: Product, house: Desk
) -> None:
    async with desk(product.settings, product.urls, f"{house.institution_id}-TWIN", furnished=False) as twin:
        await twin.person("clerk", "clerk", None)
        for path in LISTS:
            items = (await twin.read("clerk", path, min_position=1))["items"]
            names = {row.get("institution_id") for row in items}
            assert names <= {None, twin.institution_id}, path
            if path not in {"/v1/people", "/v1/appointments"}:
                assert items == [], path
        people = {row["person_id"] for row in (await twin.read("clerk", "/v1/people"))["items"]}
        assert not people & set(house.people.values())
