"""Filing at the same time: places are never given twice, and never refused while there are any."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.walks.desk import CALL, Desk

pytestmark = pytest.mark.slow
CROWD = 64


@pytest.mark.parametrize("processes", [1, 2])
async def test_of_64_filings_at_once_as_many_are_recorded_as_there_are_places(house: Desk, processes: int) -> None:
    urls = house.urls[:processes]
    first_come, *waiting = await house.branches(CROWD + 1)
    await house.places(1)

    answers = await asyncio.gather(*(house.file(each, urls[n % processes]) for n, each in enumerate(waiting)))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: CROWD - 1}
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert {problem["type"] for problem in refused} == {"/problems/quota-exhausted"}
    assert all(problem["because"] == {"places": 1, "used": 1} for problem in refused)

    # One has its place; for the 64 others there are 64 places now, all counted by one tag.
    await house.places(CROWD + 1)
    waiting = [first_come, *(each for each, answer in zip(waiting, answers, strict=True) if answer.status_code == 409)]
    later = await asyncio.gather(*(house.file(each, urls[n % processes]) for n, each in enumerate(waiting)))

    assert [answer.status_code for answer in later] == [201] * CROWD
    assert len(await house.feed("application.filed.v1")) == CROWD + 1
    newest = max(answer.json()["version"] for answer in later)
    (quota,) = (await house.read("clerk", f"/v1/programmes/{CALL}/quotas", min_position=newest))["items"]
    assert (quota["places"], quota["filed"], quota["returned"]) == (CROWD + 1, CROWD + 1, 0)


async def test_a_place_that_is_given_back_can_be_used_again(house: Desk) -> None:
    first, second = await house.branches(2)
    await house.places(1)
    assert (await house.file(first)).status_code == 201
    assert (await house.file(second)).status_code == 409
    await house.act("committee", f"/v1/applications/{first}/withdraw", reason="withdrawn")
    assert (await house.file(second)).status_code == 201


async def test_the_same_filing_sent_64_times_at_once_is_recorded_once_and_answered_alike(house: Desk) -> None:
    (application_id,) = await house.branches(1)
    await house.places(1)
    path = f"/v1/applications/{application_id}/file"
    answers = await asyncio.gather(
        *(house.send("committee", "POST", path, json={}, key="once", url=house.urls[n % 2]) for n in range(CROWD))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(await house.feed("application.filed.v1")) == 1
