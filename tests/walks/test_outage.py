"""With nobody to close a window, its end is its end all the same; whoever comes late to close it changes no outcome."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from infra.embedded import EmbeddedPostgres
from tests.conftest import open_folder
from tests.walks.desk import CALL, Desk, desk
from tests.walks.running import Product, running

pytestmark = pytest.mark.slow
LATE = "2020-06-07T09:00:00+08:00"


@pytest_asyncio.fixture
async def unattended(server: EmbeddedPostgres, template: str) -> AsyncIterator[tuple[Product, Desk]]:
    with open_folder() as folder:
        async with (
            running(server, template, Path(folder), ("api", "projector", "dispatcher")) as product,
            desk(product.settings, product.urls, "OTHER"),
            desk(product.settings, product.urls, "UNI") as house,
        ):
            yield product, house


async def test_a_filing_after_the_deadline_is_refused_whether_or_not_anybody_recorded_the_end(
    unattended: tuple[Product, Desk],
) -> None:
    product, house = unattended
    in_time, late = await house.branches(2)
    await house.places(2)
    assert (await house.file(in_time)).status_code == 201
    await house.act("administrator", "/v1/clock/advance", {"to": LATE, "unattended": True})

    refused = await house.file(late)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/window-closed")
    assert await house.feed("application.window_closed.v1") == []
    before = await _outcome(house)

    await product.start("scheduler")
    # The advance waits until the scheduler has done everything that was due.
    await house.act("administrator", "/v1/clock/advance", {"to": "2020-06-07T09:00:01+08:00"})

    (closed,) = await house.feed("application.window_closed.v1")
    assert closed["envelope"]["effective_at"] == "2020-05-31T16:00:00Z"
    assert closed["envelope"]["actor_kind"] == "schedule"
    assert closed["envelope"]["received_at"] == "2020-06-07T01:00:00Z"
    assert await _outcome(house) == before
    again = await house.file(late)
    assert (again.status_code, again.json()["because"]) == (409, refused.json()["because"])


async def test_a_window_that_the_office_closes_by_hand_closed_when_it_was_to_close(
    unattended: tuple[Product, Desk],
) -> None:
    _, house = unattended
    await house.act("administrator", "/v1/clock/advance", {"to": LATE, "unattended": True})
    await house.act("clerk", f"/v1/programmes/{CALL}/window/close")
    (closed,) = await house.feed("application.window_closed.v1")
    assert (closed["envelope"]["actor_kind"], closed["envelope"]["effective_at"]) == ("person", "2020-05-31T16:00:00Z")
    assert closed["envelope"]["received_at"] == "2020-06-07T01:00:00Z"


async def test_without_a_scheduler_an_attended_advance_says_who_is_missing_and_may_be_sent_again(
    unattended: tuple[Product, Desk],
) -> None:
    product, house = unattended
    to = {"to": "2020-06-01T09:00:00+08:00"}
    stuck = await house.send("administrator", "POST", "/v1/clock/advance", json=to)
    assert (stuck.status_code, stuck.json()["type"]) == (503, "/problems/clock-stuck")
    assert stuck.json()["because"]["who"] == "scheduler"
    await product.start("scheduler")
    await house.act("administrator", "/v1/clock/advance", to)
    assert len(await house.feed("application.window_closed.v1")) == 1


async def _outcome(house: Desk) -> Any:
    """Who is where on the roster, and which places are used."""
    head = (await house.read("auditor", "/v1/events", limit=1))["head"]
    roster = (await house.read("auditor", "/v1/roster", min_position=head))["items"]
    quotas = (await house.read("auditor", f"/v1/programmes/{CALL}/quotas", min_position=head))["items"]
    return sorted((row["application_id"], row["state"]) for row in roster), quotas
