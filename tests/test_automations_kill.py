"""Broker flushed and killed, workers and dispatchers killed and doubled, under load: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import asyncpg
import pytest
import pytest_asyncio
import redis

from domain.ids import UnitId
from infra.embedded_broker import EmbeddedValkey
from tests.automating import FLOOD, HOLD, NOTE, NOTE_HELD_UP, NOTES, Garden, allotment, open_garden
from tests.conftest import Database, open_folder
from tests.test_automations import until
from tests.viewing import PlotDug, PlotFlooded, PlotLeft, dug
from workers.actors import ACTORS, actor_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
ROOT = Path(__file__).resolve().parent.parent
SECONDS = 25.0
LEASE = max(actor.limit_seconds for actor in ACTORS[:2])


@dataclass
class Staff:
    """Dispatchers and workers as processes, around a broker of their own."""

    database: Database
    broker: EmbeddedValkey
    key_file: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        env = {
            **{key: value for key, value in os.environ.items() if not key.startswith("BIAOGAN_")},
            "BIAOGAN_DATABASE_URL": self.database.app_url,
            "BIAOGAN_BROKER_URL": self.broker.url,
            "BIAOGAN_STATE_DIR": str(self.key_file.parent),
            "BIAOGAN_KEY_FILE": str(self.key_file),
        }
        argv = [sys.executable, "-m", "tests.carrying", name.partition("-")[0]]
        with self.log_file.open("ab") as log:
            self.running[name] = subprocess.Popen(argv, env=env, cwd=ROOT, stderr=log, start_new_session=True)

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def restart(self, name: str) -> None:
        self.kill(name)
        self.start(name)

    @property
    def log_file(self) -> Path:
        return self.key_file.parent / "staff.log"


@pytest.fixture
def staff(database: Database) -> Iterator[Staff]:
    with open_folder() as folder, ExitStack() as stack:
        broker = stack.enter_context(EmbeddedValkey(Path(folder) / "broker"))
        hired = Staff(database, broker, Path(folder) / "vault.key")
        yield hired
        for name in list(hired.running):
            hired.kill(name)


@pytest_asyncio.fixture
async def here(database: Database, staff: Staff, superuser: asyncpg.Connection) -> AsyncIterator[Garden]:
    """An institution beside another one that has the same plots."""
    await superuser.execute(NOTES)
    async with allotment(database.app_url, staff.key_file) as parts:
        other = await open_garden(parts, "OTHER")
        await other.write(*(dug(n) for n in range(20)))
        yield await open_garden(parts)


async def settled(garden: Garden, count: int, seconds: float = 90.0) -> None:
    """Wait until so many rows are there and none of them waits."""

    async def look() -> tuple[int, int]:
        states = Counter(await garden.states())
        return states["pending"], states.total()

    await until(look, (0, count), seconds)


async def test_whatever_is_killed_every_effect_happens_once_and_none_is_lost(
    here: Garden, staff: Staff, superuser: asyncpg.Connection
) -> None:
    for name in ("dispatcher-1", "dispatcher-2", "worker-1", "worker-2"):
        staff.start(name)
    dice = random.Random(20200509)
    plots, done = 0, Counter[str]()
    began = time.monotonic()
    while time.monotonic() < began + SECONDS:
        # Each plot is dug once, but for every tenth, whose second flooding is refused.
        numbers = [plots + n for n in range(20)]
        await here.write(*(dug(number) for number in numbers), dug(plots))
        plots += 20
        trouble = dice.choice(["none", "none", "flush", "worker", "worker", "dispatcher", "broker", "backend"])
        done[trouble] += 1
        match trouble:
            case "flush":
                with redis.Redis.from_url(staff.broker.url) as asking:
                    asking.flushall()
            case "worker" | "dispatcher":
                staff.restart(f"{trouble}-{dice.randint(1, 2)}")
            case "broker":
                os.kill(cast("int", staff.broker.pid), 9)
                staff.broker.stop()
                staff.broker.start()
            case "backend":
                await superuser.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name IN ('biaogan worker', 'biaogan dispatcher') AND random() < 0.5"
                )
        await asyncio.sleep(dice.random() * 0.5)
    assert all(done[trouble] for trouble in ("flush", "worker", "dispatcher", "broker", "backend")), done
    dug_at = [event.position for event in await here.events(PlotDug)]
    await settled(here, 2 * len(dug_at))

    assert [position for _, position, _ in await here.notes()] == dug_at, "every effect once"
    flooded = await here.events(PlotFlooded)
    assert Counter(event.event.unit_id for event in flooded) == Counter(f"P-{n}" for n in range(plots))  # type: ignore[attr-defined]
    assert len({event.envelope.cause for event in flooded}) == len(flooded), "every command once"
    rows = await here.rows(FLOOD)
    assert Counter(row.state for row in rows) == {"done": plots, "refused": len(dug_at) - plots}
    by_position = {event.position: event for event in flooded}
    assert all(by_position[row.recorded].envelope.cause == row.position for row in rows if row.recorded)
    assert {row.state for row in await here.rows(NOTE)} == {"done"}
    neighbour = await superuser.fetch("SELECT count(*) FROM note WHERE log_id <> $1", here.log_id)
    assert neighbour[0][0] == 20


async def test_a_worker_killed_in_the_middle_of_an_effect_is_made_up_for(
    here: Garden, staff: Staff, superuser: asyncpg.Connection
) -> None:
    await superuser.execute("SELECT pg_advisory_lock($1)", HOLD)
    staff.start("dispatcher-1")
    staff.start("worker-1")
    head = await here.write(PlotLeft(unit_id=UnitId("P-1")))
    await until(lambda: held_up(superuser), 1)
    staff.kill("worker-1")
    killed_at = time.monotonic()
    staff.start("worker-2")
    await superuser.execute("SELECT pg_advisory_unlock($1)", HOLD)
    await until(lambda: here.states(NOTE_HELD_UP), ["done"], 3 * LEASE)
    took = time.monotonic() - killed_at
    assert await here.notes() == [("held up", head, head)]
    (row,) = await here.rows(NOTE_HELD_UP)
    assert row.attempts == 2
    sys.stdout.write(f"done {took:.1f} s after the worker was killed\n")
    assert took < actor_of(NOTE_HELD_UP).limit_seconds + 10.0


async def held_up(superuser: asyncpg.Connection) -> int:
    found: int = await superuser.fetchval(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = $1"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        HOLD,
    )
    return found


async def test_without_a_broker_nothing_is_lost_and_with_one_it_is_done(here: Garden, staff: Staff) -> None:
    staff.broker.stop()
    staff.start("dispatcher-1")
    staff.start("worker-1")
    await here.write(*(dug(n) for n in range(50)))
    await until(lambda: entered(here), 100, 60.0)
    assert set(await here.states()) == {"pending"}
    staff.broker.start()
    await settled(here, 100)
    assert len(await here.notes()) == 50
    assert len(await here.events(PlotFlooded)) == 50


async def entered(garden: Garden) -> int:
    return len(await garden.rows())
