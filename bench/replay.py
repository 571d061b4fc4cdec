"""Replay: decoding and folding every event, against the driver fetching the same columns and decoding nothing.

``python -m bench.replay [--rounds 5] [--events 200000] [--json FILE]``
"""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, closing

import asyncpg
import msgspec

from bench import append, compare, peers, scene
from bench.compare import Comparison, Contender, Goal, Measured
from infra import line
from infra.event_store import EventStore

PEERS_EVENTS = 50_000  # Enough for a rate; theirs are slow to fill.
FETCH, FULL, LEAVES = "asyncpg, nothing decoded", "biaogan, full events and a fold", "biaogan, lines and leaves"
DATA_ONLY = """
SELECT position, event_id, type, tags, data, actor_id, actor_kind, authority, on_behalf_of_id, command_id, cause,
       correlation_id, received_at, effective_at, recorded_at, reason_code, reason_document_id
FROM event WHERE log_id = $1 AND position > $2 AND position <= $2 + 5000 ORDER BY position
"""


def repeated(once: Callable[[], Awaitable[int]]) -> Callable[[float], Awaitable[Measured]]:
    async def run(seconds: float) -> Measured:
        done, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            done += await once()
        return Measured(done, time.perf_counter() - began)

    return run


async def fetched(pool: asyncpg.Pool[asyncpg.Record], log_id: int, head: int) -> int:
    async with pool.acquire() as connection:
        statement = await connection.prepare(DATA_ONLY)
        return sum([len(await statement.fetch(log_id, after)) for after in range(0, head, 5000)])


async def folded(store: EventStore, head: int) -> int:
    amounts: dict[str, int] = {}
    count = 0
    async for page in store.pages(0, head):
        for recorded in page:
            body = recorded.event
            if isinstance(body, scene.Measure):
                amounts[body.application_id] = amounts.get(body.application_id, 0) + body.amount_fen
        count += len(page)
    return count


async def leaves(store: EventStore, head: int) -> int:
    root = line.Root()
    async for page in store.rows(0, head):
        for row in page:
            root.add(line.leaf(line.line("BENCH", row)))
    return root.size


async def folded_by_a_peer(bodies: Iterator[scene.Measure | peers.Moved]) -> int:
    """The same fold over what another store replays."""
    amounts: dict[str, int] = {}
    count = 0
    for body in bodies:
        amounts[body.application_id] = amounts.get(body.application_id, 0) + body.amount_fen
        count += 1
    return count


def decoded(bodies: Iterator[bytes]) -> Iterator[scene.Measure]:
    """Bodies that a store hands over as bytes."""
    return map(msgspec.json.Decoder(scene.Measure).decode, bodies)


def beside(
    table: Comparison,
    name: str,
    fill: Callable[[int], None],
    replay: Callable[[], Iterator[scene.Measure | peers.Moved]],
    at_least: float | None = None,
) -> None:
    """Let another store replay events of its own beside ours."""
    fill(PEERS_EVENTS)
    table.contenders = [*table.contenders, Contender(name, repeated(lambda: folded_by_a_peer(replay())))]
    if at_least is not None:
        table.goals = [*table.goals, Goal(FULL, name, at_least)]


async def main() -> bool:
    parser = compare.arguments("Replay side by side")
    parser.add_argument("--events", type=int, default=200_000)
    asked = parser.parse_args()
    with scene.server() as running, ExitStack() as others:
        async with scene.pool_on(running, "bench") as pool, scene.log_on(pool) as store:
            await append.fill(running.superuser_url("bench"), store.log_id, asked.events)
            head = asked.events
            table = Comparison(
                f"replay of {head:,} events",
                FETCH,
                [
                    Contender(FETCH, repeated(lambda: fetched(pool, store.log_id, head))),
                    Contender(FULL, repeated(lambda: folded(store, head))),
                    Contender(LEAVES, repeated(lambda: leaves(store, head))),
                ],
                [Goal(FULL, FETCH, 0.45)],
            )
            if peers.eventsourcing_is_here():
                mapped = others.enter_context(closing(peers.Notifications(running.run_dir, "bench")))
                beside(table, peers.NOTIFICATIONS, mapped.fill, mapped.replay, 5)
                bare = others.enter_context(closing(peers.Eventsourcing(running.run_dir, "bench", 1)))
                beside(table, peers.EVENTSOURCING, bare.fill, lambda: decoded(bare.replay()))
            if peers.umadb_is_here():
                umadb = others.enter_context(closing(peers.UmaDB(1)))
                beside(table, peers.UMADB, umadb.fill, lambda: decoded(umadb.replay()), 0.9)
            return await compare.play([table], asked, {"postgres": scene.binaries().version, "events": head})


if __name__ == "__main__":
    sys.exit(scene.run(main()))
