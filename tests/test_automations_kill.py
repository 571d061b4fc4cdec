"""Broker flushed and killed, workers and dispatchers killed and doubled, under load: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import asyncpg
import pytest
import pytest_asyncio
import redis

from domain.ids import UnitId
from infra.embedded_broker import EmbeddedValkey
from infra.outbox import OutboxRow
from tests.automating import (
    FLOOD,
    FLOOD_HELD_UP,
    HOLD,
    HOLD_ASKING,
    NOTE,
    NOTE_HELD_UP,
    NOTES,
    Garden,
    allotment,
    open_garden,
)
from tests.carrying import HASTY, LISTENER, TELL
from tests.conftest import Database, open_folder
from tests.test_automations import until
from tests.viewing import PlotDug, PlotFlooded, PlotLeft, dug
from workers.automations import Automation

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
ROOT = Path(__file__).resolve().parent.parent
SECONDS = 25.0
TROUBLES = {"flush", "worker", "dispatcher", "broker", "backend"}
"""Each of them comes at least once, however slow the machine."""
Report = Callable[[str, object], None]
"""Keeps a figure with the report of the run: ``pytest --junit-xml FILE``."""
LEASE = max(actor.limit_seconds for actor in HASTY)


@dataclass
class Listener:
    """Somebody outside who hears keys, and says that they were heard unless told to keep still."""

    heard: list[str] = field(default_factory=list)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError), closing(writer):
            self.heard.append((await reader.readline()).decode().strip())
            await self.answers.wait()
            writer.write(b"heard\n")
            await writer.drain()

    async def times(self) -> int:
        return len(self.heard)


@dataclass
class Staff:
    """Dispatchers and workers as processes, around a broker of their own."""

    database: Database
    broker: EmbeddedValkey
    key_file: Path
    listener: Listener
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        env = {
            **{key: value for key, value in os.environ.items() if not key.startswith("BIAOGAN_")},
            "BIAOGAN_DATABASE_URL": self.database.app_url,
            "BIAOGAN_BROKER_URL": self.broker.url,
            "BIAOGAN_STATE_DIR": str(self.key_file.parent),
            "BIAOGAN_KEY_FILE": str(self.key_file),
            LISTENER: str(self.listener.port),
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


@pytest_asyncio.fixture
async def listener() -> AsyncIterator[Listener]:
    somebody = Listener()
    somebody.answers.set()
    async with await asyncio.start_server(somebody.hear, "127.0.0.1") as server:
        somebody.port = server.sockets[0].getsockname()[1]
        yield somebody
        somebody.answers.set()


@pytest.fixture
def staff(database: Database, listener: Listener) -> Iterator[Staff]:
    with open_folder() as folder, ExitStack() as stack:
        broker = stack.enter_context(EmbeddedValkey(Path(folder) / "broker"))
        hired = Staff(database, broker, Path(folder) / "vault.key", listener)
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
    while time.monotonic() < began + SECONDS or not done.keys() >= TROUBLES:
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
    dug_at = [event.position for event in await here.events(PlotDug)]
    await settled(here, 3 * len(dug_at))

    assert [position for _, position, _ in await here.notes()] == dug_at, "every effect once"
    flooded = await here.events(PlotFlooded)
    assert Counter(event.event.unit_id for event in flooded) == Counter(f"P-{n}" for n in range(plots))  # type: ignore[attr-defined]
    assert len({event.envelope.cause for event in flooded}) == len(flooded), "every command once"
    rows = await here.rows(FLOOD)
    assert Counter(row.state for row in rows) == {"done": plots, "refused": len(dug_at) - plots}
    by_position = {event.position: event for event in flooded}
    assert all(by_position[row.recorded].envelope.cause == row.position for row in rows if row.recorded)
    assert {row.state for row in await here.rows(NOTE)} == {"done"}
    told = await here.rows(TELL)
    assert [row.position for row in told] == dug_at
    assert {row.state for row in told} == {"done"}
    assert {str(row.key) for row in told} <= set(staff.listener.heard), "everything outside at least once"
    neighbour = await superuser.fetch("SELECT count(*) FROM note WHERE log_id <> $1", here.log_id)
    assert neighbour[0][0] == 20


async def test_what_a_worker_was_killed_in_the_middle_of_is_made_up_for(
    here: Garden,
    staff: Staff,
    database: Database,
    superuser: asyncpg.Connection,
    record_testsuite_property: Report,
) -> None:
    """An effect that was not through yet, a command that was recorded and not marked, and a word that was spoken."""
    await superuser.execute("SELECT pg_advisory_lock($1), pg_advisory_lock($2)", HOLD, HOLD_ASKING)
    staff.listener.answers.clear()
    staff.start("dispatcher-1")
    staff.start("worker-1")
    left = await here.write(PlotLeft(unit_id=UnitId("P-2")))
    await here.write(dug(1))
    await until(lambda: held_up(superuser, HOLD), 1)
    await until(lambda: held_up(superuser, HOLD_ASKING), 1)
    await until(lambda: told_of(here, staff), 1)
    # Nobody can mark the row of the command, but the command itself goes through.
    marking = await asyncpg.connect(database.superuser_url)
    await marking.transaction().start()
    await marking.execute("SELECT FROM outbox WHERE automation = $1 FOR UPDATE", FLOOD_HELD_UP.name)
    await superuser.execute("SELECT pg_advisory_unlock($1)", HOLD_ASKING)
    await until(lambda: flooded_for(here, left), 1, 30.0)

    staff.kill("worker-1")
    killed_at = time.monotonic()
    # What it had sent and the server holds would go through without it, once the row is free.
    await superuser.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'biaogan worker%'"
    )
    await marking.close()
    await superuser.execute("SELECT pg_advisory_unlock($1)", HOLD)
    staff.listener.answers.set()
    staff.start("worker-2")
    noting, flooding, telling = await asyncio.gather(
        *(redelivered(here, each, killed_at, record_testsuite_property) for each in (NOTE_HELD_UP, FLOOD_HELD_UP, TELL))
    )
    assert [note for note in await here.notes() if note[0] == "held up"] == [("held up", left, left)]
    assert noting.position == left
    (flooded,) = (each for each in await here.events(PlotFlooded) if each.envelope.cause == left)
    assert (flooded.position, flooded.envelope.command_id) == (flooding.recorded, flooding.key)
    assert staff.listener.heard.count(str(telling.key)) == 2


async def redelivered(here: Garden, automation: Automation, killed_at: float, report: Report) -> OutboxRow:
    """Wait until the one row is done, at its second attempt, and report how long after the kill that was."""
    await until(lambda: here.states(automation), ["done"], 3 * LEASE)
    took = time.monotonic() - killed_at
    report(f"seconds until redelivered: {automation.name}", f"{took:.1f}")
    (row,) = await here.rows(automation)
    assert row.attempts == 2
    return row


async def flooded_for(garden: Garden, position: int) -> int:
    return sum(flooded.envelope.cause == position for flooded in await garden.events(PlotFlooded))


async def told_of(garden: Garden, staff: Staff) -> int:
    return sum(str(row.key) in staff.listener.heard for row in await garden.rows(TELL))


async def held_up(superuser: asyncpg.Connection, lock: int) -> int:
    found: int = await superuser.fetchval(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = $1"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        lock,
    )
    return found


async def test_without_a_broker_nothing_is_lost_and_with_one_it_is_done(here: Garden, staff: Staff) -> None:
    staff.broker.stop()
    staff.start("dispatcher-1")
    staff.start("worker-1")
    await here.write(*(dug(n) for n in range(50)))
    await until(lambda: entered(here), 150, 60.0)
    assert set(await here.states()) == {"pending"}
    staff.broker.start()
    await settled(here, 150)
    assert len(await here.notes()) == 50
    assert len(await here.events(PlotFlooded)) == 50


async def entered(garden: Garden) -> int:
    return len(await garden.rows())
