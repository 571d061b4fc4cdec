"""How sealed parts and their command stay together, whatever dies in between.

A command may rest on sealed parts: an envelope in the vault, a document, a code. The parts lie in other tables than
the record, and two promises bind them: *a refused request leaves nothing*, and *no accepted command loses a part*.

**A sealed part is readable exactly when an event of its command names it**: an envelope or a code by its commitment, a
document by its id. Readers ask the record in the same statement, so the append itself is the instant at which a part
becomes history; there is no second step that could be missed. Around it stands this protocol:

1. The front door opens an attempt: ``async with staging.attempt(log_id, command_id) as attempt``.
2. ``vault.stage(attempt, …)``, ``documents.receive(attempt, …)`` and ``codes.give(attempt, …)`` write the parts, each
   with its command's id, and enter the attempt in the command's ``staging`` row. The first two return the commitments
   and ids that the events must carry. Where the same text lies there already, from an attempt that died or that runs
   beside this one, its commitment is returned again.
3. The command is decided. Just before it is handed to the log the front door says ``attempt.submitted()``.
4. The log answers: the front door says ``attempt.accepted()`` or ``attempt.refused()``. After a lost race it decides
   again and is back at step 3.
5. Leaving the block settles: parts that are named get the position of their event; the others are removed at once,
   unless another attempt of the same command still rests on them. An attempt that was submitted and not answered is
   left alone.

| what dies after | what is there | what happens |
|---|---|---|
| step 1 | nothing | nothing |
| step 2 | parts, not named | unreadable; taken over by the same command sent again, or removed by ``sweep`` |
| step 3, before the append | the same | the same |
| the append, before step 5 | parts, named | readable at once; ``sweep`` settles them |
| step 4, refused | parts, not named | unreadable; removed by ``sweep`` |

Refused after an earlier attempt died, a command keeps its unreadable parts until the sweep: the dead cannot say that
they no longer rest on them.

``sweep`` leaves alone what is younger than its grace (an hour): no attempt may live that long between its last staging
and its append, and the front door's limits are far below. A trigger refuses to remove what the record names, so that
even a fault in here could not lose a name.

A digest of a request would betray a short text to whoever can guess it. So the request hash of such a command is taken
over the commitments and document ids in place of the texts; being the same for every attempt, they serve as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg

__all__ = ["GRACE", "Attempt", "Connection", "Staging", "Swept", "drop_unused_keys", "enter"]

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

GRACE = timedelta(hours=1)

_ENTER = """
INSERT INTO staging (log_id, command_id, attempts) VALUES ($1, $2, ARRAY[$3::uuid])
ON CONFLICT (log_id, command_id) DO UPDATE
SET attempts = array_append(array_remove(staging.attempts, $3::uuid), $3::uuid), staged_at = clock_timestamp()
"""
_LEAVE = """
UPDATE staging SET attempts = array_remove(attempts, $3::uuid) WHERE log_id = $1 AND command_id = $2
RETURNING cardinality(attempts)
"""
_OLD = """
SELECT log_id, command_id FROM staging WHERE staged_at < now() - $1::interval ORDER BY log_id, command_id LIMIT 1000
"""
# Asked again under the lock: an attempt may have entered since the list was read.
_STILL_OLD = """
SELECT true FROM staging WHERE log_id = $1 AND command_id = $2 AND staged_at < now() - $3::interval FOR UPDATE
"""
_SETTLE = (
    """
    UPDATE envelope SET position = named_at($1, $2, commitment)
    WHERE log_id = $1 AND command_id = $2 AND position IS NULL AND named_at($1, $2, commitment) IS NOT NULL
    """,
    """
    UPDATE document SET position = named_at($1, $2, document_id)
    WHERE log_id = $1 AND command_id = $2 AND position IS NULL AND named_at($1, $2, document_id) IS NOT NULL
    """,
    """
    UPDATE code SET position = named_at($1, $2, commitment)
    WHERE log_id = $1 AND command_id = $2 AND position IS NULL AND named_at($1, $2, commitment) IS NOT NULL
    """,
)
_REMOVE = """
WITH gone AS (DELETE FROM envelope WHERE log_id = $1 AND command_id = $2 AND position IS NULL RETURNING subject_id),
also_gone AS (DELETE FROM document WHERE log_id = $1 AND command_id = $2 AND position IS NULL RETURNING subject_id),
codes AS (DELETE FROM code WHERE log_id = $1 AND command_id = $2 AND position IS NULL RETURNING subject_id)
SELECT subject_id FROM gone UNION SELECT subject_id FROM also_gone UNION SELECT subject_id FROM codes
ORDER BY subject_id
"""
_END = "DELETE FROM staging WHERE log_id = $1 AND command_id = $2"
# Lock and removal are two statements: the second must see what was staged while the first one waited.
_LOCK_KEYS = """
SELECT FROM subject_key WHERE log_id = $1 AND subject_id = ANY($2::text[]) ORDER BY subject_id FOR UPDATE
"""
_DROP_UNUSED_KEYS = """
DELETE FROM subject_key k WHERE log_id = $1 AND subject_id = ANY($2::text[]) AND destroyed_at IS NULL
AND NOT EXISTS (SELECT FROM envelope e WHERE e.log_id = k.log_id AND e.subject_id = k.subject_id)
AND NOT EXISTS (SELECT FROM document d WHERE d.log_id = k.log_id AND d.subject_id = k.subject_id)
AND NOT EXISTS (SELECT FROM code c WHERE c.log_id = k.log_id AND c.subject_id = k.subject_id)
"""


@dataclass(slots=True)
class Attempt:
    """One try of one command; the parts that are staged under it share its fate."""

    log_id: int
    command_id: UUID
    attempt_id: UUID = field(default_factory=uuid4)
    has_staged: bool = False
    is_unknown: bool = False

    def submitted(self) -> None:
        """Say that the command is about to be handed to the log: from here on only an answer settles it."""
        self.is_unknown = True

    def accepted(self) -> None:
        """Say that the log has the command, now or since an earlier attempt."""
        self.is_unknown = False

    def refused(self) -> None:
        """Say that nothing of this attempt reached the log: refused, lost a race, or not handed over after all."""
        self.is_unknown = False


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found: parts that the record names and that are settled now, and parts that are removed."""

    kept: int
    removed: int


async def enter(connection: Connection, attempt: Attempt) -> None:
    """Enter an attempt in its command's row, and hold that row to the end of the caller's transaction."""
    attempt.has_staged = True
    await connection.execute(_ENTER, attempt.log_id, attempt.command_id, attempt.attempt_id)


async def drop_unused_keys(connection: Connection, log_id: int, subjects: Iterable[str]) -> None:
    """Remove the keys of subjects under which nothing is sealed any more."""
    subject_ids = list(subjects)
    await connection.execute(_LOCK_KEYS, log_id, subject_ids)
    await connection.execute(_DROP_UNUSED_KEYS, log_id, subject_ids)


class Staging:
    """Settles what attempts have staged."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def attempt(self, log_id: int, command_id: UUID) -> AsyncIterator[Attempt]:
        """Open an attempt; leaving the block settles it as the table above says, however it is left."""
        attempt = Attempt(log_id, command_id)
        try:
            yield attempt
        finally:
            if attempt.has_staged and not attempt.is_unknown:
                # A caller that was cancelled still leaves a settled vault behind.
                await asyncio.shield(self.leave(attempt))

    async def leave(self, attempt: Attempt) -> None:
        """Take an attempt out of its command's row and settle the parts; safe to repeat."""
        async with self._pool.acquire() as connection, connection.transaction():
            others = await connection.fetchval(_LEAVE, attempt.log_id, attempt.command_id, attempt.attempt_id)
            if others is not None:
                await _settle(connection, attempt.log_id, attempt.command_id, is_last=others == 0)

    async def sweep(self, grace: timedelta = GRACE) -> Swept:
        """Settle what attempts left behind that died: what the record names is kept, the rest is removed."""
        kept = removed = 0
        for log_id, command_id in await self._pool.fetch(_OLD, grace):
            async with self._pool.acquire() as connection, connection.transaction():
                if await connection.fetchval(_STILL_OLD, log_id, command_id, grace):
                    found = await _settle(connection, log_id, command_id, is_last=True)
                    kept, removed = kept + found.kept, removed + found.removed
        return Swept(kept, removed)


async def _settle(connection: Connection, log_id: int, command_id: UUID, *, is_last: bool) -> Swept:
    kept = 0
    for statement in _SETTLE:
        kept += int((await connection.execute(statement, log_id, command_id)).split()[-1])
    if not is_last:
        return Swept(kept, 0)
    gone = await connection.fetch(_REMOVE, log_id, command_id)
    await drop_unused_keys(connection, log_id, [row["subject_id"] for row in gone])
    await connection.execute(_END, log_id, command_id)
    return Swept(kept, len(gone))
