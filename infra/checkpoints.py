"""The tree over each log's leaves as the database keeps it, and its signed checkpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from infra.event_store import EventStore
from infra.line import leaf, line
from infra.tree import WIDTH, Growing, Held, Tile, Tree, unfinished

__all__ = ["LATE_SECONDS", "AnotherSealer", "Checkpoints", "Lag", "SealedLog", "Signed", "lags"]

LATE_SECONDS: Final = 30.0
"""How old an event may be that is not signed, before somebody is told: two processes look several times a second."""
_LOGS: Final = """
SELECT log_id, origin, clock = 'simulated' AS simulated, coalesce(tree.size, 0) AS size,
       coalesce((SELECT max(size) FROM signed_checkpoint WHERE signed_checkpoint.log_id = log.log_id), 0) AS signed
FROM log LEFT JOIN tree USING (log_id) ORDER BY log_id
"""
_LAGS: Final = """
WITH standing AS (
    SELECT log_id,
           coalesce((SELECT max(e.position) FROM event e WHERE e.log_id = l.log_id), 0) AS head,
           coalesce((SELECT t.size FROM tree t WHERE t.log_id = l.log_id), 0) AS tree,
           coalesce((SELECT max(s.size) FROM signed_checkpoint s WHERE s.log_id = l.log_id), 0) AS signed
    FROM log l
), followed AS (
    SELECT log_id, head, 'tree' AS follower, tree AS size FROM standing
    UNION ALL SELECT log_id, head, 'signed', signed FROM standing
)
SELECT log_id, follower, head - size AS events,
       coalesce(extract(epoch FROM clock_timestamp() - (SELECT e.recorded_at FROM event e
           WHERE e.log_id = f.log_id AND e.position = f.size + 1)), 0)::float8 AS seconds
FROM followed f ORDER BY log_id, follower
"""
# Arrays as the results of subqueries: at an array itself the planner would look, and plan for every proof anew.
_SEVERAL: Final = """
SELECT level, number, hashes, middle
FROM unnest((SELECT $2::smallint[]), (SELECT $3::bigint[])) AS asked (level, number)
JOIN tile USING (level, number) WHERE log_id = $1
"""
# Whoever grows the same tree waits for its row, and then finds it moved: none of their tiles is kept.
_GROWN: Final = """
WITH moved AS (
    INSERT INTO tree (log_id, size) VALUES ($1, $3)
    ON CONFLICT (log_id) DO UPDATE SET size = excluded.size WHERE tree.size = $2 RETURNING size
), kept AS (
    INSERT INTO tile (log_id, level, number, hashes, middle)
    SELECT $1, t.* FROM moved, unnest($4::smallint[], $5::bigint[], $6::bytea[], $7::bytea[]) AS t
    ON CONFLICT (log_id, level, number) DO UPDATE SET hashes = excluded.hashes, middle = excluded.middle
)
SELECT size FROM moved
"""
_STEP: Final = 16 * WIDTH
"""How many leaves are added at once: each step costs a journey, a commit and the tile that it ends in."""
_FROM_SIZE: Final = (
    "SELECT size, note, signed_at FROM signed_checkpoint WHERE log_id = $1 AND size >= $2 ORDER BY size LIMIT 1"
)
_NEWEST: Final = "SELECT size, note, signed_at FROM signed_checkpoint WHERE log_id = $1 ORDER BY size DESC LIMIT $2"
_PAGE: Final = (
    "SELECT size, note, signed_at FROM signed_checkpoint WHERE log_id = $1 AND size > $2 ORDER BY size LIMIT $3"
)
_PAGE_SIZE: Final = 1000
_VERIFIER: Final = """
INSERT INTO verifier (log_id, vkey, present)
SELECT $1, vkey, n = 1 FROM unnest($2::text[]) WITH ORDINALITY AS key (vkey, n)
ON CONFLICT (log_id, vkey) DO UPDATE SET present = excluded.present WHERE verifier.present <> excluded.present
"""


class AnotherSealer(Exception):
    """Somebody else moved the tree on meanwhile; looked at again, there is less to do."""


@dataclass(frozen=True, slots=True)
class SealedLog:
    """A log, how many leaves its tree has by now, and up to which size it is signed."""

    log_id: int
    origin: str
    simulated: bool
    size: int
    signed: int


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed checkpoint."""

    size: int
    note: str
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class Lag:
    """How many events a tree, or what is signed of it, is behind its log, and how old the oldest of them is."""

    log_id: int
    follower: str
    """``tree`` or ``signed``."""
    events: int
    seconds: float


async def lags(pool: asyncpg.Pool[asyncpg.Record]) -> list[Lag]:
    """How far sealing is behind, log by log; a record that was set back is not behind but ahead: fewer than none."""
    return [Lag(**record) for record in await pool.fetch(_LAGS)]


class Checkpoints:
    """Trees and checkpoints of every log of a database."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], stores: Callable[[int], Awaitable[EventStore]]) -> None:
        self._pool = pool
        self._stores = stores

    async def logs(self) -> list[SealedLog]:
        """Every log there is."""
        return [SealedLog(**record) for record in await self._pool.fetch(_LOGS)]

    async def lags(self) -> list[Lag]:
        """How far sealing is behind, log by log."""
        return await lags(self._pool)

    # --- growing -----------------------------------------------------------------------------------------------------

    async def grow(self, log: SealedLog) -> int:
        """Add a leaf for every event that is recorded by now, a step at a time; gives the size that was reached.

        Raises AnotherSealer.
        """
        store, size = await self._stores(log.log_id), log.size
        growing = Growing.of(size, await self._tiles(log.log_id, size))
        async for page in store.rows(after=size, until=await store.head(), length=_STEP):
            growing.add(leaf(line(log.origin, row)) for row in page)
            await self._keep(log.log_id, size, growing)
            size = growing.size
        return size

    async def _tiles(self, log_id: int, size: int) -> dict[Tile, bytes]:
        return {(level, number): await self.tile(log_id, (level, number)) for level, number, _ in unfinished(size)}

    async def tile(self, log_id: int, tile: Tile) -> bytes:
        """The hashes of a tile, as it stands."""
        hashes: bytes | None = await self._pool.fetchval(
            "SELECT hashes FROM tile WHERE log_id = $1 AND level = $2 AND number = $3", log_id, *tile
        )
        return hashes or b""

    async def _keep(self, log_id: int, before: int, growing: Growing) -> None:
        tiles = sorted(growing.take().items())
        levels, numbers = [tile[0] for tile, _ in tiles], [tile[1] for tile, _ in tiles]
        hashes, middles = [held.hashes for _, held in tiles], [held.middle for _, held in tiles]
        moved = await self._pool.fetchval(_GROWN, log_id, before, growing.size, levels, numbers, hashes, middles)
        if moved is None:
            raise AnotherSealer

    # --- reading -----------------------------------------------------------------------------------------------------

    def tree(self, log_id: int) -> Tree:
        """The tree of a log; ask for a fresh one where it may have grown."""

        async def fetch(tiles: Sequence[Tile]) -> dict[Tile, Held]:
            levels, numbers = [level for level, _ in tiles], [number for _, number in tiles]
            found = await self._pool.fetch(_SEVERAL, log_id, levels, numbers)
            return {(level, number): Held(hashes, middle) for level, number, hashes, middle in found}

        return Tree(fetch)

    async def size(self, log_id: int) -> int:
        """How many leaves the tree of a log has by now."""
        size: int | None = await self._pool.fetchval("SELECT size FROM tree WHERE log_id = $1", log_id)
        return size or 0

    async def newest(self, log_id: int, most: int = 1) -> list[Signed]:
        """The newest checkpoints, the newest first."""
        return [Signed(**record) for record in await self._pool.fetch(_NEWEST, log_id, most)]

    async def covering(self, log_id: int, size: int) -> Signed | None:
        """The first checkpoint of at least a size."""
        record = await self._pool.fetchrow(_FROM_SIZE, log_id, size)
        return None if record is None else Signed(**record)

    async def every(self, log_id: int) -> AsyncIterator[Signed]:
        """Every checkpoint, the smallest first, a page at a time."""
        after = 0
        while page := await self._pool.fetch(_PAGE, log_id, after, _PAGE_SIZE):
            for record in page:
                yield Signed(**record)
            after = page[-1]["size"]

    async def verifiers(self, log_id: int) -> list[tuple[str, bool]]:
        """The public keys that sign or signed the log's checkpoints, and whether each is the present one."""
        found = await self._pool.fetch(
            "SELECT vkey, present FROM verifier WHERE log_id = $1 ORDER BY first_seen", log_id
        )
        return [(record["vkey"], record["present"]) for record in found]

    # --- signing -----------------------------------------------------------------------------------------------------

    async def keep(self, log_id: int, size: int, note: str, vkeys: list[str]) -> None:
        """Keep a checkpoint that was signed, and the keys it was signed with, the present one first."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO signed_checkpoint (log_id, size, note) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                log_id,
                size,
                note,
            )
            await connection.execute(
                "UPDATE verifier SET present = false WHERE log_id = $1 AND vkey <> $2", log_id, vkeys[0]
            )
            await connection.execute(_VERIFIER, log_id, vkeys)
