"""A writer process for the kill test: it appends for a while and writes down every command it was told is recorded.

``python -m tests.killing URL LOG_ID NAME SECONDS FILE``
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import IO
from uuid import NAMESPACE_URL, UUID, uuid5

import asyncpg

from infra.event_store import EventStore
from infra.record import Accepted, Conflict, Item, Repeated
from infra.writer import LOST, LogUnavailable
from tests.logs import CATALOGUE, NOTED, noted, proposal

WRITERS = 8
AT_LEAST = 25
"""As many commands each of them brings through, however slow the machine."""


def command_id(name: str, writer: int, number: int) -> UUID:
    return uuid5(NAMESPACE_URL, f"{name}/{writer}/{number}")


async def write(store: EventStore, name: str, writer: int, until: float, told: IO[str]) -> None:
    number = 0
    while time.monotonic() < until or number < AT_LEAST:
        number += 1
        await until_told(store, command_id(name, writer, number), f"{name}-{writer % 3}", told)


async def until_told(store: EventStore, identity: UUID, unit: str, told: IO[str]) -> None:
    """Ask until there is an answer, as a client with an idempotency key does; half of the events share a tag."""
    items = (Item(NOTED, ("unit:shared",)),)
    while True:
        try:
            known = await store.read_for_decision(items[:0] if identity.int % 2 else items, identity)
            seen = store.overlay(items, known)
            facts = (noted(unit), noted("shared" if identity.int % 2 == 0 else unit, "second"))
            asked = proposal(*facts, command_id=identity, items=() if identity.int % 2 else items, seen=seen)
            outcome = await store.enqueue(asked)
        except (LogUnavailable, asyncpg.PostgresError, *LOST):
            await asyncio.sleep(0.02)
            continue
        if isinstance(outcome, Conflict):
            continue
        assert isinstance(outcome, Accepted | Repeated), outcome
        told.write(f"{identity} {outcome.receipt.first_position} {outcome.receipt.last_position}\n")
        told.flush()
        return


async def main(url: str, log_id: int, name: str, seconds: float, file: Path) -> None:
    pool = await asyncpg.create_pool(url, min_size=0, max_size=8, command_timeout=20)
    store = EventStore(pool, log_id, CATALOGUE)
    until = time.monotonic() + seconds
    with file.open("w") as told:
        await asyncio.gather(*(write(store, name, writer, until, told) for writer in range(WRITERS)))
    await store.close()
    pool.terminate()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4]), Path(sys.argv[5])))
