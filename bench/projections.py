"""Views: the first build, keeping up in batches, and how soon a recorded event is seen in them.

``python -m bench.projections [--rounds 5] [--events 200000] [--json FILE]``

Builds and batches are compared with fetching and decoding the same pages and folding nothing. Three views are fed: a
register with two filters and a sort, and two tallies; every event makes a version in each of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

import asyncpg
import msgspec

from bench import append, compare, scene
from bench.compare import Comparison, Contender, Goal, Measured
from domain.ids import ApplicationId, ProgrammeId, UnitId
from domain.kernel import Recorded, public
from infra.assembly import open_pool
from infra.event_store import EventStore
from infra.projector import Projector
from infra.view_batch import BATCH, PLANS, Feed, advance, read_on
from infra.view_build import build, live
from infra.view_tables import Shape
from projections.kernel import Key, Register, View, keyed

FETCH, BUILD, PLAIN = "fetch and decode, fold nothing", "biaogan, first build", "the same without row versions"
DECODED, KEEP_UP = "fetch and decode in batches", "biaogan, batches into indexed tables"
SEEN, WOKEN = "seen, projector in its own process", "seen, projector in the writer's"
PACE = 500
Follower = Callable[[Any], contextlib.AbstractAsyncContextManager[Projector | None]]


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    step: Annotated[str, public("Step", "步骤")]
    amount_fen: Annotated[int, public("Amount", "金额")]
    changed_at: Annotated[datetime, public("Changed at", "变更时间")]
    steps: Annotated[int, public("Steps", "步数")]


class OfUnit(msgspec.Struct, frozen=True, kw_only=True):
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    steps: Annotated[int, public("Steps", "步数")]
    amount_fen: Annotated[int, public("Amount", "金额")]


class OfProgramme(msgspec.Struct, frozen=True, kw_only=True):
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    steps: Annotated[int, public("Steps", "步数")]
    amount_fen: Annotated[int, public("Amount", "金额")]


def _moved(row: Moved | None, recorded: Recorded, _key: Key) -> Moved:
    body: Any = recorded.event
    return Moved(
        application_id=body.application_id,
        programme_id=body.programme_id,
        unit_id=body.unit_id,
        step=body.step,
        amount_fen=body.amount_fen,
        changed_at=recorded.envelope.effective_at,
        steps=row.steps + 1 if row else 1,
    )


def _of_unit(row: OfUnit | None, recorded: Recorded, _key: Key) -> OfUnit:
    body: Any = recorded.event
    steps, amount = (row.steps, row.amount_fen) if row else (0, 0)
    return OfUnit(unit_id=body.unit_id, steps=steps + 1, amount_fen=amount + body.amount_fen)


def _of_programme(row: OfProgramme | None, recorded: Recorded, _key: Key) -> OfProgramme:
    body: Any = recorded.event
    steps, amount = (row.steps, row.amount_fen) if row else (0, 0)
    return OfProgramme(programme_id=body.programme_id, steps=steps + 1, amount_fen=amount + body.amount_fen)


def view(  # noqa: PLR0917 - A view's parts.
    name: str,
    row: type[Any],
    key: str,
    fold: Callable[..., Any],
    filters: tuple[str, ...] = (),
    sorts: tuple[str, ...] = (),
) -> View[Any]:
    return View(
        name=name,
        version=1,
        en=name,
        zh=name,
        row=row,
        key=(key,),
        reads=(scene.Measure,),
        touches=keyed(key),
        fold=fold,
        filters=filters,
        sorts=sorts,
    )


VIEWS = (
    view("moved", Moved, "application_id", _moved, ("programme_id", "unit_id"), ("changed_at",)),
    view("of_unit", OfUnit, "unit_id", _of_unit),
    view("of_programme", OfProgramme, "programme_id", _of_programme),
)


# --- first build ------------------------------------------------------------------------------------------------------


def whole(once: Callable[[], Awaitable[int]]) -> Callable[[float], Awaitable[Measured]]:
    """Measure one whole pass, however long a slice is meant to be."""

    async def run(_seconds: float) -> Measured:
        began = time.perf_counter()
        return Measured(await once(), time.perf_counter() - began)

    return run


async def decoded(store: EventStore, head: int) -> int:
    return sum([len(page) async for page in store.pages(0, head)])


async def built(pool: asyncpg.Pool[asyncpg.Record], head: int) -> int:
    await build(pool, VIEWS, scene.CATALOGUE, again=[each.name for each in VIEWS])
    return head


async def built_plainly(pool: asyncpg.Pool[asyncpg.Record], store: EventStore, head: int) -> int:
    """One pass that keeps the rows as they stand and nothing of their past, and leaves nothing behind."""
    registers = [Register(each) for each in VIEWS]
    async for page in store.pages(0, head):
        for recorded in page:
            for register in registers:
                register.apply(recorded)
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        for register in registers:
            shape = Shape(register.view)
            await connection.execute(shape.create("plain"))
            rows = register.rows.values()
            await shape.copy(connection, "plain", store.log_id, ((row, 1, None) for row in rows))
            for statement in shape.indexes("plain"):
                await connection.execute(statement)
            await connection.execute("DROP TABLE view.plain")
        await transaction.rollback()
    return head


# --- keeping up -------------------------------------------------------------------------------------------------------


class KeepingUp:
    """Takes the log in by batches from where it stands, for as long as a slice lasts."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], store: EventStore, head: int) -> None:
        self._pool, self._store, self._head = pool, store, head
        self.at = 0

    async def take_in(self, seconds: float) -> Measured:
        relations = await live(self._pool)
        feeds = [Feed(Shape(each), relations[each.name].relation) for each in VIEWS]
        began, from_ = time.perf_counter(), self.at
        while time.perf_counter() - began < seconds and self.at < self._head:
            page = await read_on(self._store, self.at, None, BATCH)
            async with self._pool.acquire() as connection:
                await advance(connection, self._store.log_id, feeds, page, self.at)
            self.at = page[-1].position
        if self.at >= self._head:
            raise SystemExit("The log was too short for so many rounds: ask for more --events.")
        return Measured(self.at - from_, time.perf_counter() - began)

    async def decode(self, seconds: float) -> Measured:
        began, done = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            after = done % (self._head - BATCH)
            done += len(await read_on(self._store, after, None, BATCH))
        return Measured(done, time.perf_counter() - began)


# --- how soon it is seen ----------------------------------------------------------------------------------------------


async def seen(pool: asyncpg.Pool[asyncpg.Record], store: EventStore, seconds: float, follower: Follower) -> Measured:
    """Record at a steady pace, and time from the receipt to the moment when a reader finds the views there.

    Every fourth writer reads what it wrote; if all of them did, their asking would be most of what is measured.
    """
    latencies: list[float] = []
    asked = "SELECT min(position) FROM checkpoint WHERE log_id = $1 AND consumer LIKE 'view.%'"

    async def record(number: int, woken: Projector | None) -> None:
        outcome: Any = await store.append(scene.command())
        began = time.perf_counter()
        if woken is not None:
            woken.wake(store.log_id)
        if number % 4 == 0:
            position = 0
            while position < outcome.receipt.last_position:
                position = await pool.fetchval(asked, store.log_id)
                await asyncio.sleep(0.0005)
            latencies.append((time.perf_counter() - began) * 1000)

    await Projector(pool, VIEWS, scene.CATALOGUE).catch_up()
    async with follower(pool) as work:
        began = time.perf_counter()
        writers = []
        for number in range(int(seconds * PACE)):
            await asyncio.sleep(max(0.0, began + number / PACE - time.perf_counter()))
            writers.append(asyncio.create_task(record(number, work)))
        await asyncio.gather(*writers)
        taken = time.perf_counter() - began
    return Measured(len(writers), taken, latencies)


@contextlib.asynccontextmanager
async def in_process(pool: asyncpg.Pool[asyncpg.Record]) -> AsyncIterator[Projector]:
    """The projector beside the writer, told by it."""
    work = Projector(pool, VIEWS, scene.CATALOGUE)
    task = asyncio.create_task(work.run())
    await asyncio.sleep(1.0)
    yield work
    task.cancel()
    await asyncio.wait([task])


def in_another(url: str) -> Follower:
    """The projector in a process of its own, as it is in production."""

    @contextlib.asynccontextmanager
    async def follow(_pool: asyncpg.Pool[asyncpg.Record]) -> AsyncIterator[None]:
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.projections", "--follow", url)
        await asyncio.sleep(2.5)
        yield
        process.terminate()
        await process.wait()

    return follow


async def follow(url: str) -> bool:
    async with open_pool(url, name="bench", plans=PLANS) as pool:
        await Projector(pool, VIEWS, scene.CATALOGUE).run()
    return True


async def main() -> bool:
    parser = compare.arguments("Views side by side")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--follow", help="be the projector of this database, for the measurement")
    asked = parser.parse_args()
    if asked.follow:
        return await follow(asked.follow)
    head = asked.events
    async with contextlib.AsyncExitStack() as stack:
        running = stack.enter_context(scene.server())
        first = await stack.enter_async_context(scene.pool_on(running, "first", PLANS))
        store = await stack.enter_async_context(scene.log_on(first))
        await append.fill(running.superuser_url("first"), store.log_id, head)
        await built(first, head)
        later = await stack.enter_async_context(scene.pool_on(running, "later", PLANS))
        grown = await stack.enter_async_context(scene.log_on(later))
        await Projector(later, VIEWS, scene.CATALOGUE).catch_up()
        await append.fill(running.superuser_url("later"), grown.log_id, head)
        keeping = KeepingUp(later, grown, head)
        fresh = await stack.enter_async_context(scene.pool_on(running, "fresh", PLANS))
        lively = await stack.enter_async_context(scene.log_on(fresh))
        tables = [
            Comparison(
                f"first build of {len(VIEWS)} views over {head:,} events",
                FETCH,
                [
                    Contender(FETCH, whole(lambda: decoded(store, head))),
                    Contender(BUILD, whole(lambda: built(first, head))),
                    Contender(PLAIN, whole(lambda: built_plainly(first, store, head))),
                ],
                [Goal(BUILD, FETCH, 0.20)],
            ),
            Comparison(
                f"keeping up in batches of {BATCH:,}",
                DECODED,
                [Contender(DECODED, keeping.decode), Contender(KEEP_UP, keeping.take_in)],
                [Goal(KEEP_UP, DECODED, 0.06)],
            ),
            Comparison(
                f"commit to visible at {PACE} events a second",
                SEEN,
                [
                    Contender(SEEN, lambda s: seen(fresh, lively, s, in_another(running.urls("fresh").app_url))),
                    Contender(WOKEN, lambda s: seen(fresh, lively, s, in_process)),
                ],
            ),
        ]
        return await compare.play(tables, asked, {"postgres": scene.binaries().version, "events": head})


if __name__ == "__main__":
    sys.exit(scene.run(main()))
