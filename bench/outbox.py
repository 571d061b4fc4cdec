"""The queue and the outbox: no-op messages against stock dramatiq, and no-op effects from the record to their mark.

``python -m bench.outbox [--rounds 5] [--seconds 1] [--json FILE]``

Everything runs on one Valkey and one PostgreSQL of our own, workers with eight threads in this process. Stock dramatiq
does its message and forgets it; an effect of the outbox is entered with the dispatcher's checkpoint, taken up, done and
marked in PostgreSQL, durably, and its message says only where there are some.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

from bench import compare, scene
from bench.compare import Comparison, Contender, Goal, Measured
from domain.ids import InstitutionId
from domain.institution.events import ClockAdvanced, InstitutionOpened
from domain.kernel import Catalogue
from domain.permission import policy
from infra.assembly import Assembly, assemble, open_pool
from infra.broker import Opened, open_broker
from infra.embedded_broker import EmbeddedValkey
from infra.event_store import EventStore, open_log
from infra.master_key import ensure_key_file
from infra.migrate import migrate
from infra.record import Accepted, Fact, Proposal
from workers.actors import ACTORS, declare
from workers.automations import Automation, Does, Started
from workers.dispatcher import Dispatcher, to_broker
from workers.work import THREADS, Work

STOCK, OURS = "dramatiq, stock", "dramatiq, our middleware"
OUTBOX, ONE = "outbox, from the record to its mark", "outbox, one event at a time"
PER_SECOND = 2000
AT_ONCE = 500
CATALOGUE = Catalogue([InstitutionOpened, ClockAdvanced, scene.Measure])
_origins = (f"BENCH-{n}" for n in itertools.count(1))


async def _nothing(_started: Started, _connection: object) -> None:
    return None


NOTHING = Automation(
    name="when_measured_do_nothing",
    en="When something was measured, nothing is done",
    zh="测量后不做任何事",
    when=scene.Measure,
    then=Does(_nothing),
)


# --- the queue alone -------------------------------------------------------------------------------------------------


def stock_broker(url: str) -> dramatiq.Broker:
    made: dramatiq.Broker = cast("Any", RedisBroker)(url=url)
    return made


def our_broker(url: str) -> dramatiq.Broker:
    return open_broker(url)


class Count:
    """Counts what is done by any thread, and says when it is enough."""

    def __init__(self, enough: int) -> None:
        self._lock, self._left, self.reached = threading.Lock(), enough, threading.Event()

    def __call__(self) -> None:
        with self._lock:
            self._left -= 1
            if not self._left:
                self.reached.set()


@contextmanager
def at_work(broker: dramatiq.Broker) -> Iterator[None]:
    broker.emit_after("process_boot")
    worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=THREADS)
    worker.start()
    try:
        yield
    finally:
        worker.stop(timeout=10_000)
        broker.close()


def drain(url: str, make: Callable[[str], dramatiq.Broker], messages: int) -> Measured:
    """Let a worker work off a queue that is full."""
    flush(url)
    broker, count = make(url), Count(messages)
    actor = dramatiq.actor(actor_name="nothing", broker=broker, max_retries=0)(lambda: count())  # noqa: PLW0108
    for _ in range(messages):
        actor.send()
    began = time.perf_counter()
    with at_work(broker):
        if not count.reached.wait(60):
            raise RuntimeError(f"{messages} messages were not done within a minute")
        return Measured(messages, time.perf_counter() - began)


def enqueue(url: str, make: Callable[[str], dramatiq.Broker], messages: int) -> Measured:
    flush(url)
    broker = make(url)
    actor = dramatiq.actor(actor_name="nothing", broker=broker, max_retries=0)(lambda: None)
    latencies = []
    began = before = time.perf_counter()
    for _ in range(messages):
        actor.send()
        now = time.perf_counter()
        latencies.append((now - before) * 1000)
        before = now
    return Measured(messages, time.perf_counter() - began, latencies)


def flush(url: str) -> None:
    with redis.Redis.from_url(url) as asking:
        asking.flushall()


# --- from the record to the mark -------------------------------------------------------------------------------------


class Office:
    """A database, a queue, and a worker that carries out what a dispatcher says."""

    def __init__(self, parts: Assembly, database_url: str, broker_url: str, key_file: Path) -> None:
        self._parts, self._database_url, self._broker_url, self._key_file = parts, database_url, broker_url, key_file

    async def new_log(self) -> tuple[EventStore, str]:
        origin = next(_origins)
        store = EventStore(self._parts.pool, await open_log(self._parts.pool, origin, "real"), CATALOGUE)
        opened = InstitutionOpened(
            institution_id=InstitutionId(origin), name_zh="测", name_en="Bench", time_zone="Asia/Shanghai",
            clock="real", starts_at=None,
        )  # fmt: skip
        await store.append(_proposal(Fact.of(opened)))
        return store, origin

    def dispatcher(self, broker: dramatiq.Broker) -> Dispatcher:
        return Dispatcher(self._parts.pool, self._parts.stores, [NOTHING], to_broker(broker))

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[dramatiq.Broker]:
        """Eight threads with a pool of their own loop."""

        @asynccontextmanager
        async def opening() -> AsyncIterator[Work]:
            async with parts_on(self._database_url, self._key_file) as parts:
                yield Work(parts, [NOTHING])

        flush(self._broker_url)
        opened = Opened(opening)
        broker = open_broker(self._broker_url, opened)
        declare(broker, lambda: opened.it)
        working = at_work(broker)
        await asyncio.to_thread(working.__enter__)
        try:
            yield broker
        finally:
            await asyncio.to_thread(working.__exit__, None, None, None)

    async def drain(self, seconds: float) -> Measured:
        """Work off a stretch of the record that nobody has looked at yet."""
        events = round(PER_SECOND * seconds)
        store, origin = await self.new_log()
        for start in range(0, events, AT_ONCE):
            facts = [scene.fact(f"A-{n}") for n in range(start, min(events, start + AT_ONCE))]
            await store.append(_proposal(*facts))
        async with self.worker() as broker:
            dispatcher = self.dispatcher(broker)
            began = time.perf_counter()
            await dispatcher.catch_up(store.log_id, origin)
            await dispatcher.tell()
            async with asyncio.timeout(60):
                while await self._parts.pool.fetchval(_WAITS, store.log_id):  # noqa: ASYNC110 - It looks into a database.
                    await asyncio.sleep(0.005)
            took = time.perf_counter() - began
        await store.close()
        done = await self._parts.pool.fetchval(_DONE, store.log_id)
        if done != events:
            raise RuntimeError(f"{done} of {events} were done")
        return Measured(events, took)

    async def one(self, seconds: float) -> Measured:
        """From one recorded event to its mark, dispatcher and worker idle in between."""
        store, _ = await self.new_log()
        async with self.worker() as broker:
            running = asyncio.create_task(self.dispatcher(broker).run())

            async def once(number: int) -> None:
                accepted = cast("Accepted", await store.append(_proposal(scene.fact(f"A-{number}"))))
                asked = store.log_id, accepted.receipt.last_position
                while not await self._parts.pool.fetchval(_DONE_AT, *asked):  # noqa: ASYNC110 - See above.
                    await asyncio.sleep(0.001)

            await once(0)
            try:
                return await compare.clients(1, seconds, once)
            finally:
                running.cancel()
                await asyncio.wait([running])
                await store.close()


_WAITS = "SELECT EXISTS (SELECT FROM outbox WHERE log_id = $1 AND automation <> '' AND state = 'pending')"
_DONE = "SELECT count(*) FROM outbox WHERE log_id = $1 AND state = 'done'"
_DONE_AT = "SELECT EXISTS (SELECT FROM outbox WHERE log_id = $1 AND position = $2 AND state = 'done')"


def _proposal(*facts: Fact) -> Proposal:
    return Proposal(request_hash=b"\x5a" * 32, facts=facts, envelope=scene.envelope())


@asynccontextmanager
async def parts_on(url: str, key_file: Path) -> AsyncIterator[Assembly]:
    async with (
        open_pool(url, name="bench", size=2 * THREADS) as pool,
        assemble(pool, ensure_key_file(key_file), catalogue=CATALOGUE, law=policy, advanced=ClockAdvanced) as parts,
    ):
        yield parts


# --- the tables ------------------------------------------------------------------------------------------------------


def tables(office: Office, url: str) -> list[Comparison]:
    def queue(
        measure: Callable[..., Measured], make: Callable[[str], dramatiq.Broker]
    ) -> Callable[[float], Awaitable[Measured]]:
        async def run(seconds: float) -> Measured:
            return await asyncio.to_thread(measure, url, make, round(PER_SECOND * seconds))

        return run

    stock, ours = Contender(STOCK, queue(drain, stock_broker)), Contender(OURS, queue(drain, our_broker))
    sent = [Contender(STOCK, queue(enqueue, stock_broker)), Contender(OURS, queue(enqueue, our_broker))]
    outbox = Contender(OUTBOX, office.drain)
    return [
        Comparison("Drain of no-op messages", STOCK, [stock, ours], [Goal(OURS, STOCK, 0.9)]),
        Comparison("Enqueue, one caller (1.3 times as long is 0.77)", STOCK, sent, [Goal(OURS, STOCK, 0.77)]),
        Comparison("Drain of no-op effects", STOCK, [stock, outbox], [Goal(OUTBOX, STOCK, 2.0)]),
        Comparison("From recorded to done, while nothing else is", ONE, [Contender(ONE, office.one)]),
    ]


async def main() -> bool:
    asked = compare.arguments(__doc__ or "").parse_args()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="biaogan-bench-")))
        folder.chmod(0o711)  # noqa: ASYNC240 - Nothing else runs yet.
        broker = stack.enter_context(EmbeddedValkey(folder / "broker"))
        server = stack.enter_context(scene.server())
        urls = await server.prepare("outbox")
        await migrate(urls.owner_url)
        parts = await stack.enter_async_context(parts_on(urls.app_url, folder / "vault.key"))
        office = Office(parts, urls.app_url, broker.url, folder / "vault.key")
        settings: dict[str, object] = {
            "threads": THREADS,
            "batch": next(actor.batch for actor in ACTORS if actor.carries_out is Does),
            "postgres": server.binaries.version,
            "dramatiq": dramatiq.__version__,
        }
        return await compare.play(tables(office, broker.url), asked, settings)


if __name__ == "__main__":
    sys.exit(scene.run(main()))
