"""A long audit read while others write: it is all of one position, whatever is recorded until its last byte."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Iterable

import pytest

from domain.ids import ProgrammeId, tag
from infra.event_store import EventStore
from infra.record import Accepted, Fact, Proposal
from tests.call import CALL
from tests.over_http.serving import Served
from tests.running import outreach
from tests.viewing import envelope

BEFORE, AT_ONCE = 3_000, 100
"""So many facts are there before; that is six pages of a trail."""


async def write(store: EventStore, count: int) -> None:
    facts = tuple(Fact.of(outreach(reach=number)) for number in range(count))
    assert isinstance(await store.append(Proposal(request_hash=b"", facts=facts, envelope=envelope())), Accepted)


async def write_until(store: EventStore, done: asyncio.Event) -> None:
    while not done.is_set():
        await write(store, 3)


def positions(text: str, form: str) -> Iterable[int]:
    """The position of each entry of a file."""
    if form == "jsonl":
        return (json.loads(row)["position"] for row in text.splitlines())
    return (int(row["position"]) for row in csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("form", ["jsonl", "csv"])
async def test_a_long_read_beside_writers_is_whole_and_of_one_position(served: Served, form: str) -> None:
    auditor = await served.office.somebody("auditor")
    store = await served.parts.stores(served.office.log_id)
    for _ in range(0, BEFORE, AT_ONCE):
        await write(store, AT_ONCE)
    headers, done = {"Authorization": f"Bearer {await served.token(auditor)}"}, asyncio.Event()
    before = await store.head()
    writers = [asyncio.create_task(write_until(store, done)) for _ in range(3)]
    try:
        path = f"/v1/programmes/{CALL}/trail"
        async with served.http.stream("GET", path, params={"format": form}, headers=headers) as answer:
            assert answer.status_code == 200
            read_at = int(answer.headers["X-Position"])
            begun = await store.head()
            pieces = [piece async for piece in answer.aiter_bytes()]
            ended = await store.head()
    finally:
        done.set()
        await asyncio.gather(*writers)
    assert before <= read_at <= begun < ended, "others wrote while it was read"
    log = (await store.read()).events
    there = [each.position for each in log if tag(ProgrammeId, CALL) in each.tags]
    assert list(positions(b"".join(pieces).decode("utf-8-sig"), form)) == [p for p in there if p <= read_at]
    assert there[-1] > read_at
