"""Sealing: growing the tree against fetching the same rows and against appending; appending with it on; a proof.

``python -m bench.sealing [--rounds 5] [--events 200000] [--json FILE]``; the proof is to be judged at a million events,
which take some minutes: each round fetches and seals all of them.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from bench import append, compare, scene
from bench.compare import Comparison, Contender, Goal, Measured
from infra.checkpoints import Checkpoints, SealedLog
from infra.event_store import COLUMNS, EventStore

FETCH, SEAL, APPEND = "asyncpg, the same columns", "biaogan, sealing", "biaogan, appending"
OFF, ON = "appending, sealing stopped", "appending, sealer and signer at work"
SELECT_1, PROOF = "select 1", "biaogan, inclusion proof"
IN_FLIGHT = 64
EVERY_COLUMN = f"""
SELECT {", ".join(COLUMNS)} FROM event WHERE log_id = $1 AND position > $2 AND position <= $2 + 1000 ORDER BY position
"""


class Sealing:
    """One filled log, and its tree."""

    def __init__(self, url: str, pool: asyncpg.Pool[asyncpg.Record], store: EventStore) -> None:
        self.url, self.pool, self.store = url, pool, store

        async def the_store(_: int) -> EventStore:
            return store

        self.checkpoints = Checkpoints(pool, the_store)

    async def standing(self) -> SealedLog:
        (found,) = [log for log in await self.checkpoints.logs() if log.log_id == self.store.log_id]
        return found

    async def fetched(self, seconds: float) -> Measured:
        """Fetch every column as the driver gives it, times as instants, and do nothing with them."""
        done, began, head = 0, time.perf_counter(), await self.store.head()
        async with self.pool.acquire() as connection:
            statement = await connection.prepare(EVERY_COLUMN)
            while time.perf_counter() - began < seconds:
                for after in range(0, head, 1000):
                    done += len(await statement.fetch(self.store.log_id, after))
        return Measured(done, time.perf_counter() - began)

    async def sealed(self, seconds: float) -> Measured:
        """Grow the whole tree from nothing, again and again; what empties it is not counted."""
        done, spent = 0, 0.0
        while spent < seconds:
            await scene.execute(self.url, f"DELETE FROM tile WHERE log_id = {self.store.log_id}")
            await scene.execute(self.url, f"DELETE FROM tree WHERE log_id = {self.store.log_id}")
            standing, began = await self.standing(), time.perf_counter()
            done += await self.checkpoints.grow(standing)
            spent += time.perf_counter() - began
        return Measured(done, spent)

    async def asked_nothing(self, seconds: float) -> Measured:
        async def once(_: int) -> None:
            await self.pool.fetchval("SELECT 1")

        return await compare.clients(1, seconds, once)

    async def proved(self, seconds: float) -> Measured:
        size = await self.checkpoints.size(self.store.log_id)
        dice = random.Random(20200509)  # noqa: S311 - Which leaf is asked for.

        async def once(_: int) -> None:
            await self.checkpoints.tree(self.store.log_id).inclusion(dice.randrange(size), size)

        return await compare.clients(1, seconds, once)


class Workers:
    """Sealer and signer as processes of their own, stopped and let go on."""

    def __init__(self, started: list[subprocess.Popen[bytes]], pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._started, self._pool = started, pool

    def say(self, number: signal.Signals) -> None:
        for process in self._started:
            process.send_signal(number)

    async def appended(self, store: EventStore, seconds: float, *, on: bool) -> Measured:
        """Append with both stopped, or at work; what is behind from before is caught up first and not counted."""
        self.say(signal.SIGCONT)
        while await self._pool.fetchval(_SIGNED, store.log_id) < await store.head():  # noqa: ASYNC110 - A process apart.
            await asyncio.sleep(0.05)
        if not on:
            self.say(signal.SIGSTOP)
        return await append.spread(store, IN_FLIGHT, seconds)


_SIGNED = "SELECT coalesce(max(size), 0) FROM signed_checkpoint WHERE log_id = $1"


@contextmanager
def workers(url: str, pool: asyncpg.Pool[asyncpg.Record]) -> Iterator[Workers]:
    with tempfile.TemporaryDirectory(prefix="biaogan-bench-") as folder:
        env = {**os.environ, "BIAOGAN_DATABASE_URL": url, "BIAOGAN_STATE_DIR": folder, "BIAOGAN_LOG_LEVEL": "ERROR"}
        root = Path(__file__).resolve().parent.parent
        started = [
            subprocess.Popen([sys.executable, "-m", f"workers.{name}"], env=env, cwd=root)
            for name in ("sealer", "signer")
        ]
        running = Workers(started, pool)
        try:
            yield running
        finally:
            running.say(signal.SIGCONT)
            running.say(signal.SIGTERM)
            for process in started:
                process.wait()


async def main() -> bool:
    parser = compare.arguments("Sealing side by side")
    parser.add_argument("--events", type=int, default=200_000)
    asked = parser.parse_args()
    with scene.server() as running:
        async with (
            scene.pool_on(running, "bench") as pool,
            scene.log_on(pool) as store,
            scene.log_on(pool, "B") as other,
        ):
            url = running.superuser_url("bench")
            await append.fill(url, store.log_id, asked.events)
            sealing = Sealing(url, pool, store)
            await sealing.checkpoints.grow(await sealing.standing())
            with workers(running.urls("bench").app_url, pool) as at_work:
                at_work.say(signal.SIGSTOP)
                tables = [
                    Comparison(
                        f"sealing {asked.events:,} events",
                        FETCH,
                        [
                            Contender(FETCH, sealing.fetched),
                            Contender(SEAL, sealing.sealed),
                            Contender(APPEND, lambda seconds: append.spread(other, IN_FLIGHT, seconds)),
                        ],
                        [Goal(SEAL, FETCH, 0.5), Goal(SEAL, APPEND, 3)],
                    ),
                    Comparison(
                        f"a proof at {asked.events:,} events",
                        SELECT_1,
                        [Contender(SELECT_1, sealing.asked_nothing), Contender(PROOF, sealing.proved)],
                        [Goal(PROOF, SELECT_1, 0.2)],
                    ),
                    Comparison(
                        f"appending, {IN_FLIGHT} in flight",
                        OFF,
                        [
                            Contender(OFF, lambda seconds: at_work.appended(other, seconds, on=False)),
                            Contender(ON, lambda seconds: at_work.appended(other, seconds, on=True)),
                        ],
                        [Goal(ON, OFF, 0.8)],
                    ),
                ]
                return await compare.play(tables, asked, {"postgres": scene.binaries().version, "events": asked.events})


if __name__ == "__main__":
    sys.exit(scene.run(main()))
