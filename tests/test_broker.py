"""From dispatcher to worker through the queue: in memory and on Valkey, in one process and as dramatiq runs it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import dramatiq
import pytest
import pytest_asyncio
import redis
from dramatiq.brokers.redis import RedisBroker

from domain.ids import UnitId
from domain.kernel import Refusal
from infra.broker import HEARTBEAT_SECONDS, Opened, hint, open_broker
from infra.embedded_broker import EmbeddedValkey
from infra.processes import named, until_healthy
from infra.settings import Settings
from tests.automating import ALLOTMENT, FLOOD, NOTE, NOTES, Garden, allotment, allotment_work, open_garden
from tests.conftest import Database
from tests.test_automations import until
from tests.viewing import PlotDug, PlotFlooded, dug
from tests.waiting import is_running
from tests.waiting import until as sooner_or_later
from workers.actors import ACTORS, declare
from workers.automations import Automation, Does, Started
from workers.dispatcher import to_broker

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "vault.key"


@pytest_asyncio.fixture
async def here(database: Database, key_file: Path, superuser: asyncpg.Connection) -> AsyncIterator[Garden]:
    await superuser.execute(NOTES)
    async with allotment(database.app_url, key_file) as parts:
        yield await open_garden(parts)


@pytest.fixture
def queue_url(broker: EmbeddedValkey) -> str:
    """The broker of the run, empty."""
    with redis.Redis.from_url(broker.url) as asking:
        asking.flushall()
    return broker.url


@contextlib.contextmanager
def working(
    broker_url: str, database: Database, key_file: Path, automations: tuple[Automation, ...] = ALLOTMENT, **changes: Any
) -> Iterator[dramatiq.Broker]:
    """A worker in this process."""
    opened = Opened(lambda: allotment_work(database.app_url, key_file, automations))
    broker = open_broker(broker_url, opened)
    declare(broker, lambda: opened.it, [replace(actor, **changes) for actor in ACTORS])
    broker.emit_after("process_boot")
    worker = dramatiq.Worker(broker, worker_timeout=50, worker_threads=4)
    worker.start()
    try:
        yield broker
    finally:
        worker.stop(timeout=10_000)
        broker.close()


async def all_done(here: Garden, count: int) -> None:
    await until(here.states, ["done"] * count)


@pytest.mark.parametrize("kind", ["stub", "valkey"])
async def test_what_is_said_in_the_queue_is_carried_out(
    here: Garden, database: Database, key_file: Path, queue_url: str, kind: str
) -> None:
    with working("stub://" if kind == "stub" else queue_url, database, key_file) as queue:
        dispatching = asyncio.create_task(here.dispatcher((FLOOD, NOTE), to_broker(queue)).run())
        try:
            await here.write(*(dug(n) for n in range(120)))
            await all_done(here, 240)
        finally:
            dispatching.cancel()
            await asyncio.wait([dispatching])
    assert len(await here.events(PlotFlooded)) == 120
    assert len(await here.notes()) == 120


async def test_a_message_says_where_and_for_what_and_nothing_else(here: Garden, queue_url: str) -> None:
    await here.write(PlotDug(unit_id=UnitId("P-1"), row="记号乙", colour="记号丙"))
    await here.dispatched((FLOOD, NOTE), to_broker(open_broker(queue_url)))
    with redis.Redis.from_url(queue_url) as asking:
        texts = [text for actor in ACTORS for text in asking.hgetall(f"biaogan:{actor.name}.msgs").values()]
        kept = b"".join(asking.dump(key) or b"" for key in asking.keys())  # noqa: SIM118 - No dict.
    messages = [json.loads(text) for text in texts]
    assert sorted((m["actor_name"], m["args"], m["kwargs"]) for m in messages) == [
        ("ask", [here.log_id, FLOOD.name], {}),
        ("do", [here.log_id, NOTE.name], {}),
    ]
    assert {name for m in messages for name in m["options"]} == {"redis_message_id"}
    assert kept
    assert "记号".encode() not in kept


async def test_a_message_that_nobody_meant_does_no_harm(
    here: Garden, database: Database, key_file: Path, queue_url: str
) -> None:
    with working(queue_url, database, key_file) as queue:
        for message in (hint("do", here.log_id, "when_unheard_of_do_nothing"), hint("do", 4711, NOTE.name)):
            queue.enqueue(message)
        for _ in range(5):
            queue.enqueue(hint("do", here.log_id, NOTE.name))
        await here.write(dug(1))
        await here.dispatched((NOTE,), to_broker(queue))
        await all_done(here, 1)
    assert len(await here.notes()) == 1


async def test_what_takes_too_long_is_interrupted_and_its_row_taken_up_again(
    here: Garden, database: Database, key_file: Path
) -> None:
    times: list[int] = []

    async def slow_at_first(_started: Started, _connection: Any) -> None:
        times.append(1)
        if len(times) == 1:
            await asyncio.sleep(60)

    slow = replace(NOTE, then=Does(slow_at_first))
    with working("stub://", database, key_file, (slow,), limit_seconds=1.0) as queue:
        await here.write(dug(1))
        dispatching = asyncio.create_task(here.dispatcher((slow,), to_broker(queue)).run())
        try:
            await all_done(here, 1)
        finally:
            dispatching.cancel()
            await asyncio.wait([dispatching])
    (row,) = await here.rows()
    # On a slow machine the second time may take too long as well.
    assert row.attempts >= 2
    assert len(times) >= 2


async def test_more_rows_than_a_worker_has_time_for_at_once_are_all_carried_out(
    here: Garden, database: Database, key_file: Path
) -> None:
    with working("stub://", database, key_file, batch=1) as queue:
        await here.write(*(dug(n) for n in range(30)))
        await here.entered((NOTE,))
        queue.enqueue(hint("do", here.log_id, NOTE.name))
        await all_done(here, 30)


def test_a_worker_that_has_no_database_does_not_start(key_file: Path, tmp_path: Path) -> None:
    opened = Opened(lambda: allotment_work(f"postgresql://nobody@/none?host={tmp_path}", key_file, ALLOTMENT))
    broker = open_broker("stub://", opened)
    with pytest.raises(dramatiq.middleware.MiddlewareError):
        dramatiq.Worker(broker).start()
    assert dramatiq.asyncio.get_event_loop_thread() is None, "nothing keeps its process alive"
    with pytest.raises(RuntimeError, match="has not been started"):
        _ = opened.it


def test_every_actor_says_how_long_it_may_take_and_that_the_queue_tries_nothing_again(broker: EmbeddedValkey) -> None:
    queue = open_broker(broker.url)
    declare(queue, lambda: pytest.fail("nobody works"))
    assert set(queue.actors) == {actor.name for actor in ACTORS}
    for actor in ACTORS:
        declared = queue.actors[actor.name]
        assert declared.queue_name == actor.name
        assert declared.options == {
            "max_retries": 0,
            "throws": (Refusal,),
            "time_limit": 1000 * actor.message_seconds,
            "notify_shutdown": actor.interrupted,
        }
    assert isinstance(queue, RedisBroker)
    assert (queue.heartbeat_timeout, queue.maintenance_chance) == (1000 * HEARTBEAT_SECONDS, 1_000_000)


# --- as dramatiq runs it ---------------------------------------------------------------------------------------------


def environment(database: Database, broker_url: str, key_file: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("BIAOGAN_")},
        "BIAOGAN_DATABASE_URL": database.app_url,
        "BIAOGAN_BROKER_URL": broker_url,
        "BIAOGAN_STATE_DIR": str(key_file.parent),
        "BIAOGAN_KEY_FILE": str(key_file),
        "PYTHONPATH": str(ROOT),
    }


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "argv",
    [named("worker").argv(), [sys.executable, "-m", "dramatiq", "workers.actors:start", "--processes", "2"]],
    ids=["our process", "dramatiq's own command"],
)
async def test_killed_it_leaves_no_fork_behind(
    here: Garden, database: Database, queue_url: str, key_file: Path, argv: list[str]
) -> None:
    env = environment(database, queue_url, key_file)
    settings = Settings(
        database_url=database.app_url, state_dir=key_file.parent, key_file=key_file, signer_dir=key_file.parent
    )
    worker = subprocess.Popen(argv, env=env, cwd=ROOT, start_new_session=True)  # noqa: ASYNC220 - Ended below.
    try:
        assert await until_healthy(named("worker"), settings, 60)
        forks = children_of(worker.pid)
        assert forks
        assert all(map(is_running, forks))
    finally:
        worker.kill()
        worker.wait()
    sooner_or_later(lambda: not any(map(is_running, forks)), "its forks go with it")


@pytest.mark.slow
async def test_told_to_stop_it_finishes_what_it_is_at(
    here: Garden, database: Database, queue_url: str, key_file: Path
) -> None:
    env = environment(database, queue_url, key_file)
    settings = Settings(
        database_url=database.app_url, state_dir=key_file.parent, key_file=key_file, signer_dir=key_file.parent
    )
    argv = [sys.executable, "-m", "tests.carrying", "worker"]
    worker = subprocess.Popen(argv, env=env, cwd=ROOT, start_new_session=True)  # noqa: ASYNC220 - Ended below.
    try:
        assert await until_healthy(named("worker"), settings, 60)
        await here.write(*(dug(n) for n in range(200)))
        await here.dispatched((FLOOD,), to_broker(open_broker(queue_url)))
        await until(lambda: some_done(here), True)
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(worker.wait, 30) == 0
    finally:
        worker.kill()
        worker.wait()
    states = await here.states()
    assert len(await here.events(PlotFlooded)) == states.count("done"), "nothing was recorded and not marked"


async def some_done(here: Garden) -> bool:
    return "done" in await here.states()


def test_without_its_addresses_a_process_says_what_is_missing(tmp_path: Path) -> None:
    env = {"PATH": os.defpath, "BIAOGAN_STATE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    for name in ("dispatcher", "worker"):
        ran = subprocess.run(named(name).argv(), env=env, cwd=ROOT, check=False, capture_output=True, text=True)
        assert ran.returncode == 2
        assert ran.stderr == (
            "BIAOGAN_DATABASE_URL and BIAOGAN_BROKER_URL are needed; `biaogan serve` sets both."
            " 须设置 BIAOGAN_DATABASE_URL 与 BIAOGAN_BROKER_URL;`biaogan serve` 会一并设置。\n"
        )
