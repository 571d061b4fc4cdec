"""What the scheduler remembers: which due acts it has asked for, and up to where nothing more is due."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final

import asyncpg
import asyncpg.pool
import msgspec

__all__ = ["Leadership", "LeadershipLost", "Run", "Runs", "ScheduleState", "leading"]

if TYPE_CHECKING:
    from infra.subscription import Connection

_LEADER: Final = 0x62677363
_ANSWER_SECONDS: Final = 5.0
_STILL_HELD: Final = """
select exists (select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() and granted
               and (classid::bigint << 32 | objid::bigint) = $1)
"""
_ANSWERED: Final = "select due_key from schedule_run where log_id = $1 and rule = $2 and due_key = any($3)"
_RECORD: Final = """
insert into schedule_run (log_id, rule, due_key, due_at, outcome, refusal, position) values ($1, $2, $3, $4, $5, $6, $7)
on conflict do nothing
"""
_QUIET: Final = """
insert into schedule_state (log_id, position, clock_at, next_due_at) values ($1, $2, $3, $4)
on conflict (log_id) do update set position = excluded.position, clock_at = excluded.clock_at,
    next_due_at = excluded.next_due_at, seen_at = clock_timestamp()
where (schedule_state.position, schedule_state.clock_at) <= (excluded.position, excluded.clock_at)
"""
_STATE: Final = "select position, clock_at, next_due_at, seen_at from schedule_state where log_id = $1"
_LAST: Final = """
select rule, due_key, due_at, ran_at, outcome, refusal, position from schedule_run
where log_id = $1 order by ran_at desc limit $2
"""


class Run(msgspec.Struct, frozen=True):
    """One due act that was asked for, and what became of it."""

    rule: str
    due_key: str
    due_at: datetime
    ran_at: datetime
    outcome: str
    refusal: str | None
    position: int | None


class ScheduleState(msgspec.Struct, frozen=True):
    """Up to this position and this time of the institution's clock nothing more is due."""

    position: int
    clock_at: datetime
    next_due_at: datetime | None
    seen_at: datetime


class Runs:
    """The scheduler's rows of one database."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    async def answered(self, log_id: int, rule: str, keys: list[str]) -> set[str]:
        """Which of these due keys of a rule have had their answer, an event or a refusal."""
        return {row["due_key"] for row in await self._pool.fetch(_ANSWERED, log_id, rule, keys)}

    async def recorded(self, log_id: int, rule: str, key: str, due_at: datetime, position: int) -> None:
        """Note that a due act was recorded at a position."""
        await self._pool.execute(_RECORD, log_id, rule, key, due_at, "recorded", None, position)

    async def entered(
        self, connection: Connection, log_id: int, rule: str, key: str, *, due_at: datetime, position: int
    ) -> None:
        """Note, in a transaction of the caller's, that what was due is another's to carry out from a position."""
        await connection.execute(_RECORD, log_id, rule, key, due_at, "recorded", None, position)

    async def refused(self, log_id: int, rule: str, key: str, due_at: datetime, kind: str) -> None:
        """Note that a due act was refused: an answer, not to be asked again."""
        await self._pool.execute(_RECORD, log_id, rule, key, due_at, "refused", kind, None)

    async def quiet(self, log_id: int, position: int, clock_at: datetime, next_due_at: datetime | None) -> None:
        """Note that up to this position and time nothing more is due."""
        await self._pool.execute(_QUIET, log_id, position, clock_at, next_due_at)

    async def state(self, log_id: int) -> ScheduleState | None:
        """Where the scheduler stands in a simulated institution; in a real one it notes nothing."""
        row = await self._pool.fetchrow(_STATE, log_id)
        return None if row is None else ScheduleState(*row)

    async def last(self, log_id: int, limit: int = 50) -> list[Run]:
        """The latest runs of a log, newest first."""
        return [Run(**dict(row)) for row in await self._pool.fetch(_LAST, log_id, limit)]


class LeadershipLost(Exception):
    """The session that held the lock has lost it: another process may lead by now."""


class Leadership:
    """The lock of the one scheduler that leads, held by a session of its own."""

    def __init__(self, connection: asyncpg.pool.PoolConnectionProxy[asyncpg.Record]) -> None:
        self._connection = connection

    async def confirm(self) -> None:
        """Ask the session itself whether it still holds the lock; one that died answers by its own error."""
        if not await self._connection.fetchval(_STILL_HELD, _LEADER, timeout=_ANSWER_SECONDS):
            raise LeadershipLost


@asynccontextmanager
async def leading(pool: asyncpg.Pool[asyncpg.Record]) -> AsyncIterator[Leadership | None]:
    """Hold the scheduler's leadership for as long as the block runs, or give None where another process holds it.

    The lock belongs to the session: whoever dies lets go of it. Two leaders for an instant do no harm, since what they
    ask for has one command id.
    """
    async with pool.acquire() as connection:
        leads = True  # Until the session says otherwise: who is cancelled while asking may hold the lock all the same.
        try:
            leads = await connection.fetchval("select pg_try_advisory_lock($1)", _LEADER)
            yield Leadership(connection) if leads else None
        finally:
            # Ending the session is the surest way to let go: the lock goes with it, in whatever state it is. One that
            # died by itself was taken back by the pool, which does not let it be ended twice.
            if leads:
                with suppress(asyncpg.InterfaceError):
                    connection.terminate()
