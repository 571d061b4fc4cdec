"""Killed backends, restarts and VACUUM under load: nothing acknowledged is lost, nothing is there twice, no hole."""

from __future__ import annotations

import asyncio
import itertools
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from infra.embedded import EmbeddedPostgres
from infra.event_store import EventStore, open_log
from infra.migrate import migrate
from infra.writer import LOST
from tests.conftest import chosen_binaries, open_folder
from tests.killing import AT_LEAST, WRITERS
from tests.logs import CATALOGUE, proposal, stored

pytestmark = [pytest.mark.slow, pytest.mark.store]

SECONDS = 20.0
PROCESSES = 3
ENOUGH_KILLED = 20
TROUBLE = (asyncpg.PostgresError, *LOST)


@pytest.fixture
def victim() -> Iterator[EmbeddedPostgres]:
    """A durable server of this test alone, since it is restarted."""
    with open_folder() as folder, EmbeddedPostgres(Path(folder) / "pg", chosen_binaries()) as running:
        yield running


async def tail(url: str, log_id: int, seen: list[int]) -> None:
    """Follow the log from its beginning, through everything that happens to the server."""
    async with asyncpg.create_pool(url, min_size=0, max_size=4, command_timeout=20) as pool:
        store = EventStore(pool, log_id, CATALOGUE)
        while True:
            with suppress(*TROUBLE):
                following = store.subscribe(seen[-1] if seen else 0)
                while True:
                    seen.append((await anext(following)).position)
            await asyncio.sleep(0.02)


async def harass(victim: EmbeddedPostgres, name: str, until: float) -> int:
    """Terminate backends at random, vacuum, and restart the server twice."""
    dice = random.Random(20200509)
    restarts = [until - SECONDS * share for share in (0.35, 0.7)]
    killed = 0
    while time.monotonic() < until or restarts or killed <= ENOUGH_KILLED:
        with suppress(*TROUBLE):
            admin = await asyncpg.connect(victim.superuser_url(name), timeout=5)
            pids = await admin.fetch(
                "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()", name
            )
            for row in dice.sample(pids, min(len(pids), dice.randint(1, 4))):
                killed += bool(await admin.fetchval("SELECT pg_terminate_backend($1)", row["pid"]))
            if dice.random() < 0.2:
                await admin.execute("VACUUM (ANALYZE) event")
            await admin.close()
        if restarts and time.monotonic() > restarts[-1]:
            restarts.pop()
            victim.stop()
            victim.start()
        await asyncio.sleep(dice.random() * 0.3)
    return killed


@pytest.mark.timeout(600)
async def test_nothing_is_lost_doubled_or_skipped(victim: EmbeddedPostgres, tmp_path: Path) -> None:
    urls = await victim.prepare("killed")
    await migrate(urls.owner_url)
    async with asyncpg.create_pool(urls.app_url, min_size=1, max_size=2) as pool:
        log_id, other = await open_log(pool, "I-1", "real"), await open_log(pool, "I-2", "real")
        async with EventStore(pool, other, CATALOGUE) as neighbour:
            await neighbour.append(proposal())
        before = await stored(pool, other)
    seen: list[int] = []
    reader = asyncio.create_task(tail(urls.app_url, log_id, seen))
    files = [tmp_path / f"writer-{n}" for n in range(PROCESSES)]
    writers = [
        subprocess.Popen(  # noqa: ASYNC220 - It is waited for in a thread.
            [sys.executable, "-m", "tests.killing", urls.app_url, str(log_id), file.name, str(SECONDS), file]
        )
        for file in files
    ]
    try:
        killed = await harass(victim, "killed", time.monotonic() + SECONDS)
        for writer in writers:
            assert await asyncio.to_thread(writer.wait, 120) == 0
        told = [line.split() for file in files for line in file.read_text().splitlines()]
        assert killed > ENOUGH_KILLED
        assert len(told) >= PROCESSES * WRITERS * AT_LEAST
        async with asyncpg.create_pool(urls.app_url, min_size=1, max_size=2) as pool:
            head = await verify(pool, log_id, {UUID(c): (int(a), int(b)) for c, a, b in told})
            assert await stored(pool, other) == before
        await until_seen(seen, head)
        assert seen == list(range(1, head + 1))
    finally:
        reader.cancel()
        for writer in writers:
            writer.kill()
            writer.wait()


async def until_seen(seen: list[int], head: int) -> None:
    deadline = time.monotonic() + 60
    while (not seen or seen[-1] < head) and time.monotonic() < deadline:  # noqa: ASYNC110 - Polling with a deadline.
        await asyncio.sleep(0.02)


async def verify(pool: asyncpg.Pool, log_id: int, told: dict[UUID, tuple[int, int]]) -> int:
    """Compare what writers were told with what is there, and return the head."""
    rows = await pool.fetch(
        "SELECT position, command_id, recorded_at FROM event WHERE log_id = $1 ORDER BY position", log_id
    )
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    assert all(a["recorded_at"] < b["recorded_at"] for a, b in itertools.pairwise(rows))
    found: dict[UUID, list[int]] = {}
    for row in rows:
        found.setdefault(row["command_id"], []).append(row["position"])
    assert all(len(positions) == 2 and positions[1] == positions[0] + 1 for positions in found.values())
    assert {identity: (positions[0], positions[1]) for identity, positions in found.items()} == told
    receipts = await pool.fetch("SELECT * FROM command WHERE log_id = $1", log_id)
    assert {row["command_id"]: (row["first_position"], row["last_position"]) for row in receipts} == told
    assert await pool.fetchval("SELECT count(*) FROM event_tag WHERE log_id = $1", log_id) >= len(rows)
    return len(rows)
