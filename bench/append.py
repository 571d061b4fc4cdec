"""Appends: against pgbench writing the same rows, with 1, 16 and 64 in flight, one hot tag, and more.

``python -m bench.append [--rounds 5] [--seconds 1] [--events 1000000] [--json FILE]``
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import sys
from contextlib import AsyncExitStack

import asyncpg

from bench import compare, peers, scene
from bench.compare import Comparison, Contender, Goal, Measured
from infra.embedded import EmbeddedPostgres
from infra.event_store import EventStore
from infra.record import Conflict, Item, Known, Proposal

SAME_TABLES = """
CREATE SCHEMA IF NOT EXISTS bench;
CREATE TABLE bench.event (LIKE public.event INCLUDING ALL);
CREATE TABLE bench.event_tag (LIKE public.event_tag INCLUDING ALL);
CREATE TABLE bench.command (LIKE public.command INCLUDING ALL);
CREATE TABLE bench.plain (data bytea);
CREATE SEQUENCE bench.position;
"""

# What pgbench writes is what one command of ours writes: a row of event, three of event_tag, one of command. It takes a
# colon before a letter for a variable, even in quotes, hence chr(58).
SAME_ROWS = """
\\set a random(1, 50000)
\\set p random(1, 977)
\\set u random(1, 5000)
WITH e AS (
  INSERT INTO bench.event SELECT 1, nextval('bench.position'), gen_random_uuid(), 'bench.measured.v1',
    array['application' || chr(58) || 'A-' || :a::int, 'programme' || chr(58) || 'P-' || :p::int,
          'unit' || chr(58) || 'U-' || :u::int],
    convert_to('{"amount_fen":20000000,"application_id":"A-' || :a::int || '","programme_id":"P-' || :p::int ||
    '","step":"handed_in","unit_id":"U-' || :u::int || '"}', 'UTF8'), '{}',
    '8a3f2f6e-5f0a-4f43-9f7d-0c6f6f1f2a11', 'person',
    'appointment' || chr(58) || 'office-1', NULL, gen_random_uuid(), NULL,
    gen_random_uuid(), now(), now(), clock_timestamp(), NULL, NULL, 1, uuid_send(gen_random_uuid())
  RETURNING position, type, tags, command_id, recorded_at
), t AS (INSERT INTO bench.event_tag SELECT 1, tag, e.type, e.position FROM e, unnest(e.tags) AS tag)
INSERT INTO bench.command SELECT 1, command_id, decode(repeat('5a', 32), 'hex'), position, position, recorded_at, ''
FROM e;
"""
PLAIN_ROW = "INSERT INTO bench.plain VALUES (decode(repeat('5a', 140), 'hex'));\n"

SAME, PLAIN, OURS, HOT = "pgbench, the same rows", "pgbench, one column", "biaogan", "biaogan, one hot tag"


async def chained(store: EventStore, proposal: Proposal, item: Item) -> None:
    """Append under a condition that rests on what this process decided just before."""
    known = Known(events=[], head=store.newest)
    while True:
        seen = store.overlay((item,), known)
        outcome = await store.enqueue(
            Proposal(
                request_hash=proposal.request_hash,
                facts=proposal.facts,
                envelope=proposal.envelope,
                items=(item,),
                seen=seen,
            )
        )
        if not isinstance(outcome, Conflict):
            return
        known = await store.read_for_decision((item,), proposal.command_id)


async def spread(store: EventStore, count: int, seconds: float) -> Measured:
    async def once(_: int) -> None:
        proposal = scene.command()
        await chained(store, proposal, Item((scene.Measure.TOPIC,), proposal.facts[0].tags[:1]))

    return await compare.clients(count, seconds, once)


async def hot(store: EventStore, count: int, seconds: float) -> Measured:
    item = Item((scene.Measure.TOPIC,), ("application:HOT",))

    async def once(_: int) -> None:
        await chained(store, scene.command("HOT"), item)

    return await compare.clients(count, seconds, once)


# --- several processes ------------------------------------------------------------------------------------------------


async def processes(url: str, count: int, seconds: float) -> Measured:
    """Let so many processes share 64 clients; each says when it is ready, and all begin together."""
    writers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.writer", url, str(64 // count), str(seconds),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(count)
    ]  # fmt: skip
    for writer in writers:
        await _line(writer.stdout)
    for writer in writers:
        _tell(writer.stdin)
    done = [await _line(writer.stdout) for writer in writers]
    for writer in writers:
        await writer.wait()
    return Measured(sum(int(line) for line in done), seconds)


async def _line(stream: asyncio.StreamReader | None) -> str:
    if stream is None:
        raise RuntimeError("A writer without output.")
    return (await stream.readline()).decode()


def _tell(stream: asyncio.StreamWriter | None) -> None:
    if stream is None:
        raise RuntimeError("A writer without input.")
    stream.write(b"go\n")


# --- a fresh database -------------------------------------------------------------------------------------------------

_fresh = itertools.count(1)


async def fresh(running: EmbeddedPostgres, seconds: float, *, analysed: bool) -> Measured:
    """Append to a database made this moment that nobody analysed, or to one that was warmed up and analysed."""
    name = f"fresh_{next(_fresh)}"
    url = running.superuser_url(name)
    async with scene.pool_on(running, name) as pool:
        await scene.execute(url, "ALTER TABLE event SET (autovacuum_enabled = off)")
        await scene.execute(url, "ALTER TABLE event_tag SET (autovacuum_enabled = off)")
        async with scene.log_on(pool) as store:
            if not analysed:
                return await spread(store, 64, seconds)
            await spread(store, 64, seconds)
    await scene.execute(url, "ANALYZE")
    async with scene.pool_on(running, name) as pool, scene.log_on(pool) as store:
        return await spread(store, 64, seconds)


# --- growth -----------------------------------------------------------------------------------------------------------

FILL = """
INSERT INTO event (log_id, position, event_id, type, tags, data, documents, actor_id, actor_kind, authority, command_id,
                   correlation_id, received_at, effective_at, recorded_at, line_version, nonce)
SELECT $1, n, gen_random_uuid(), 'bench.measured.v1',
       array['application:A-' || n % ($2 / 20 + 1), 'programme:P-' || n % 10, 'unit:U-' || n % 5000],
       convert_to(format('{"amount_fen":20000000,"application_id":"A-%s","programme_id":"P-%s","step":"handed_in",'
                         '"unit_id":"U-%s"}', n % ($2 / 20 + 1), n % 10, n % 5000), 'UTF8'),
       '{}', 'filler', 'import', 'bench', gen_random_uuid(), gen_random_uuid(), '2020-06-01Z', '2020-06-01Z',
       timestamptz '2020-06-01Z' + n * interval '1 microsecond', 1, uuid_send(gen_random_uuid())
FROM generate_series(1::bigint, $2::bigint) n
"""
FILL_TAGS = "INSERT INTO event_tag SELECT $1, tag, type, position FROM event, unnest(tags) AS tag WHERE log_id = $1"


# The probe that the append function makes for a condition.
POPULAR = """
SELECT EXISTS (SELECT FROM event_tag WHERE log_id = $1 AND tag = 'programme:P-1' AND type = $2 AND position > $3)
"""


async def fill(url: str, log_id: int, events: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(FILL, log_id, events)
        await connection.execute(FILL_TAGS, log_id)
        await connection.execute("VACUUM ANALYZE event, event_tag")
    finally:
        await connection.close()


async def growth(url: str, pool: asyncpg.Pool[asyncpg.Record], stack: AsyncExitStack, events: int) -> list[Comparison]:
    small = await stack.enter_async_context(scene.log_on(pool, "SMALL"))
    large = await stack.enter_async_context(scene.log_on(pool, "LARGE"))
    await fill(url, small.log_id, 10_000)
    await fill(url, large.log_id, events)

    head = await large.head()

    async def check(_: int) -> None:
        await pool.fetchval(POPULAR, large.log_id, scene.Measure.TOPIC, head - 100)

    at_10k, grown = "biaogan at 10,000 events", f"biaogan at {events:,} events"
    return [
        Comparison(
            "growth, 16 in flight",
            at_10k,
            [
                Contender(at_10k, lambda s: spread(small, 16, s)),
                Contender(grown, lambda s: spread(large, 16, s)),
            ],
            [Goal(grown, at_10k, 0.75)],
        ),
        Comparison(
            "growth, one caller asks for a tag that every tenth event carries",
            "select 1",
            [
                Contender("select 1", lambda s: compare.clients(1, s, lambda _: pool.fetchval("SELECT 1"))),
                Contender("anything new of a popular tag?", lambda s: compare.clients(1, s, check)),
            ],
            [Goal("anything new of a popular tag?", "select 1", 0.5)],
        ),
    ]


async def main() -> bool:
    parser = compare.arguments("Appends side by side")
    parser.add_argument("--events", type=int, default=0, help="also measure growth up to so many events")
    asked = parser.parse_args()
    with scene.server() as running:
        async with AsyncExitStack() as stack:
            pool = await stack.enter_async_context(scene.pool_on(running, "bench"))
            store = await stack.enter_async_context(scene.log_on(pool))
            url = running.superuser_url("bench")
            await scene.execute(url, SAME_TABLES)
            tables = [*in_flight(store, url), *elsewhere(running, url)]
            if peers.eventsourcing_is_here():
                for table, count in zip(tables, (1, 16, 64), strict=False):
                    peer = peers.Eventsourcing(running.run_dir, "bench", count)
                    stack.callback(peer.close)
                    table.contenders = [*table.contenders, Contender(peers.EVENTSOURCING, peer.run)]
                    table.goals = [*table.goals, Goal(OURS, peers.EVENTSOURCING, 10 if count == 64 else 2)]
            if peers.umadb_is_here():
                for table, count, least in zip(tables, (1, 16, 64), (1, 1, 2), strict=False):
                    uma = peers.UmaDB(count)
                    stack.callback(uma.close)
                    table.contenders = [*table.contenders, Contender(peers.UMADB, uma.run)]
                    table.goals = [*table.goals, Goal(OURS, peers.UMADB, least)]
            if asked.events:
                tables += await growth(url, pool, stack, asked.events)
            return await compare.play(tables, asked, {"postgres": scene.binaries().version, "events": asked.events})


def in_flight(store: EventStore, url: str) -> list[Comparison]:
    tables = []
    for count, least in ((1, 0.5), (16, 1.1), (64, 1.5)):
        contenders = [Contender(OURS, functools.partial(spread, store, count))]
        goals = [Goal(OURS, SAME, least)]
        if scene.pgbench_program():
            contenders.append(Contender(SAME, functools.partial(scene.pgbench, url, SAME_ROWS, count)))
            contenders.append(Contender(PLAIN, functools.partial(scene.pgbench, url, PLAIN_ROW, count)))
        if count > 1:
            contenders.append(Contender(HOT, functools.partial(hot, store, count)))
        if count == 64:
            goals += [Goal(HOT, SAME, 1.2), Goal(HOT, OURS, 0.8)]
        tables.append(Comparison(f"{count} in flight", SAME, contenders, goals))
    return tables


def elsewhere(running: EmbeddedPostgres, url: str) -> list[Comparison]:
    new, settled = "never analysed", "warmed up and analysed"
    one, two, four = "1 process of 64", "2 processes of 32", "4 processes of 16"
    return [
        Comparison(
            "a fresh database, 64 in flight",
            settled,
            [
                Contender(new, lambda s: fresh(running, s, analysed=False)),
                Contender(settled, lambda s: fresh(running, s, analysed=True)),
            ],
            [Goal(new, settled, 0.8)],
        ),
        Comparison(
            "several processes, 64 in flight in all",
            one,
            [Contender(name, functools.partial(processes, url, n)) for name, n in ((one, 1), (two, 2), (four, 4))],
            [Goal(two, one, 0.9), Goal(four, one, 0.65)],
        ),
    ]


if __name__ == "__main__":
    sys.exit(scene.run(main()))
