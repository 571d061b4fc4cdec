"""What automations have to do: rows that are entered with the dispatcher's checkpoint, taken up in batches, answered.

The rows are the truth. Whoever takes some up has them for so many seconds; who is not heard of by then has lost them to
the next. Every taking up counts as an attempt, and its number is the proof of having the row: an answer that comes too
late changes nothing. All times are the database server's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, get_args
from uuid import UUID

import asyncpg
import msgspec

from infra.front_door import command_id

if TYPE_CHECKING:
    from infra.subscription import Connection

__all__ = [
    "CONSUMER",
    "LARGEST_PAGE",
    "STATES",
    "Answer",
    "Entry",
    "Lane",
    "Outbox",
    "OutboxRetry",
    "OutboxRow",
    "OutboxStanding",
    "State",
    "Taken",
    "key_of",
]

CONSUMER: Final = "automations"
"""The name under which the dispatcher keeps its checkpoints."""
LARGEST_PAGE: Final = 200
State = Literal["pending", "done", "refused", "dead"]
STATES: Final[tuple[State, ...]] = get_args(State)

_ENTER: Final = """
WITH entered AS (
    INSERT INTO outbox (log_id, position, automation, about, key)
    SELECT $1, e.* FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::uuid[]) AS e ON CONFLICT DO NOTHING
)
SELECT now()
"""
# A row whose last attempt was never answered is dead: whoever had it may have died of it.
# What is found is an array, so that it is looked for once: joined, a plan made while the table was small and few rows
# were expected looks for it, and locks, anew for every row that waits.
_TAKE: Final = """
UPDATE outbox o SET
    attempts = least(o.attempts + 1, $4),
    due_at = now() + make_interval(secs => $5),
    state = CASE WHEN o.attempts < $4 THEN o.state ELSE 'dead' END,
    fault = CASE WHEN o.attempts < $4 THEN o.fault ELSE coalesce(o.fault, 'Unanswered') END,
    ended_at = CASE WHEN o.attempts < $4 THEN NULL ELSE clock_timestamp() END
WHERE o.log_id = $1 AND o.key = ANY (ARRAY(
    SELECT key FROM outbox
    WHERE log_id = $1 AND automation = $2 AND state = 'pending' AND due_at <= now()
    ORDER BY due_at, position, about LIMIT $3 FOR UPDATE SKIP LOCKED))
RETURNING o.position, o.about, o.key, o.attempts, o.state
"""
_DONE: Final = """
UPDATE outbox o SET state = 'done', ended_at = clock_timestamp(), fault = NULL
FROM unnest($2::uuid[], $3::integer[]) AS mine(key, attempts)
WHERE o.log_id = $1 AND o.key = mine.key AND o.attempts = mine.attempts AND o.state = 'pending' RETURNING o.key
"""
_HOLD: Final = """
UPDATE outbox o SET due_at = now() + make_interval(secs => $4)
FROM unnest($2::uuid[], $3::integer[]) AS mine(key, attempts)
WHERE o.log_id = $1 AND o.key = mine.key AND o.attempts = mine.attempts AND o.state = 'pending'
"""
# What was recorded is known whoever tells it first; anything else only the one who has the row may say.
_ANSWER: Final = """
UPDATE outbox o SET state = a.state, recorded = a.recorded, refusal = a.refusal, fault = a.fault,
    due_at = CASE WHEN a.state = 'pending' THEN now() + make_interval(secs => a.wait) ELSE o.due_at END,
    ended_at = CASE WHEN a.state = 'pending' THEN NULL ELSE clock_timestamp() END
FROM unnest($2::uuid[], $3::integer[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::float8[])
     AS a(key, attempts, state, recorded, refusal, fault, wait)
WHERE o.log_id = $1 AND o.key = a.key AND o.state = 'pending' AND (o.attempts = a.attempts OR a.state = 'done')
"""
_DUE: Final = """
SELECT l.log_id, a.name, due.rows, due.oldest_at, now()
FROM log l CROSS JOIN unnest($1::text[]) AS a(name), LATERAL (
    SELECT count(*) AS rows, min(first.due_at) AS oldest_at
    FROM (SELECT o.due_at FROM outbox o WHERE o.log_id = l.log_id AND o.automation = a.name AND o.state = 'pending'
          AND o.due_at <= now() ORDER BY o.due_at LIMIT $2) AS first
) AS due WHERE due.rows > 0 ORDER BY l.log_id, a.name
"""
_STANDING: Final = """
SELECT log_id, automation, state, count(*) AS rows, min(entered_at) AS oldest_at FROM outbox
WHERE state IN ('pending', 'dead') AND ($1::integer IS NULL OR log_id = $1) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_COLUMNS: Final = (
    "o.key, o.automation, o.position, o.about, o.state, o.attempts, o.due_at, o.entered_at, o.ended_at, o.recorded,"
    " o.refusal, o.fault"
)
_LIST: Final = f"""
SELECT {_COLUMNS} FROM outbox o
WHERE o.log_id = $1 AND o.state = ANY ($2::text[]) AND ($3::text IS NULL OR o.automation = $3)
AND ($4::uuid IS NULL OR (o.position, o.automation, o.about) <
     (SELECT c.position, c.automation, c.about FROM outbox c WHERE c.log_id = $1 AND c.key = $4))
ORDER BY o.position DESC, o.automation DESC, o.about DESC LIMIT $5
"""  # noqa: S608 - Our own columns.
_ROW: Final = f"SELECT {_COLUMNS} FROM outbox o WHERE o.log_id = $1 AND o.key = $2"  # noqa: S608 - See above.
_RETRIES: Final = "SELECT at, reason_code FROM outbox_retry WHERE log_id = $1 AND key = $2 ORDER BY at"
# Taking up anew and saying why are one statement. The fault stays to be seen until there is an answer.
_RETRY: Final = """
WITH again AS (
    UPDATE outbox SET state = 'pending', attempts = 0, due_at = now(), ended_at = NULL
    WHERE log_id = $1 AND key = $2 AND state = 'dead' RETURNING log_id, key
)
INSERT INTO outbox_retry (log_id, key, reason_code) SELECT log_id, key, $3 FROM again RETURNING key
"""
_REHEARSE: Final = """
INSERT INTO rehearsed (log_id, key) VALUES ($1, $2)
ON CONFLICT (log_id, key) DO UPDATE SET times = rehearsed.times + 1, last_at = clock_timestamp()
"""


def key_of(institution_id: str, automation: str, position: int, about: int) -> UUID:
    """The id of one act of an automation, for ever: of its command, or what outsiders know a sending by."""
    return command_id(institution_id, automation, str(position) if about == position else f"{position}/{about}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A row to be entered."""

    position: int
    automation: str
    about: int
    key: UUID


@dataclass(frozen=True, slots=True)
class Taken:
    """A row that is ours for a while; the number of the attempt proves it."""

    position: int
    about: int
    key: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one attempt: recorded or done, refused by the rules, broken and to be tried again, or dead."""

    taken: Taken
    state: State
    recorded: int | None = None
    refusal: str | None = None
    fault: str | None = None
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Lane:
    """Rows of one automation in one log that are due, up to as many as were asked for; since when, and when asked."""

    log_id: int
    automation: str
    rows: int
    due_since: datetime
    asked_at: datetime


class OutboxStanding(msgspec.Struct, frozen=True):
    """How many rows of an automation wait or are dead in one log, and since when."""

    log_id: int
    automation: str
    state: str
    rows: int
    oldest_at: datetime


class OutboxRow(msgspec.Struct, frozen=True):
    """One row: what starts it, what it is done for, and what became of it."""

    key: UUID
    automation: str
    position: int
    about: int
    state: str
    attempts: int
    due_at: datetime
    entered_at: datetime
    ended_at: datetime | None
    recorded: int | None
    refusal: str | None
    fault: str | None


class OutboxRetry(msgspec.Struct, frozen=True):
    """A person had a dead row taken up again."""

    at: datetime
    reason_code: str


class Outbox:
    """The rows of one database."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    # --- by the dispatcher -------------------------------------------------------------------------------------------

    async def enter(self, connection: Connection, log_id: int, entries: Sequence[Entry]) -> datetime:
        """Enter rows, in a transaction of the caller; one that is there already stays as it is. They are due at once.

        Gives the time from which on they are.
        """
        rows = [(e.position, e.automation, e.about, e.key) for e in entries]
        columns = map(list, zip(*rows, strict=True)) if rows else ([], [], [], [])
        due_at: datetime = await connection.fetchval(_ENTER, log_id, *columns)
        return due_at

    async def due(self, automations: Collection[str], at_most: int) -> list[Lane]:
        """Where rows of these automations may be taken up now."""
        return [Lane(*record) for record in await self._pool.fetch(_DUE, list(automations), at_most)]

    # --- by whoever carries out --------------------------------------------------------------------------------------

    async def take(
        self, log_id: int, automation: str, batch: int, *, attempts: int, seconds: float
    ) -> tuple[list[Taken], list[Taken]]:
        """Take up due rows, the longest due first; gives those that are ours now, and those that are dead from now on.

        A row may be taken up so many times; what is not answered within so many seconds may be taken up again.
        """
        records = await self._pool.fetch(_TAKE, log_id, automation, batch, attempts, seconds)
        records.sort(key=lambda record: (record["position"], record["about"]))
        found = [(Taken(*tuple(record)[:4]), record["state"]) for record in records]
        ours, dead = ([taken for taken, state in found if state == wanted] for wanted in ("pending", "dead"))
        return ours, dead

    async def done(self, connection: Connection, log_id: int, rows: Iterable[Taken]) -> set[UUID]:
        """Mark rows done in a transaction of the caller; gives the keys of those that were still ours to mark.

        They are locked from here on, so that what is done for them afterwards in the same transaction is done once.
        """
        rows = list(rows)
        keys, attempts = [row.key for row in rows], [row.attempt for row in rows]
        return {record["key"] for record in await connection.fetch(_DONE, log_id, keys, attempts)}

    async def hold(self, log_id: int, rows: Sequence[Taken], seconds: float) -> None:
        """Hold on to rows that are still ours for so many seconds more."""
        keys, attempts = [row.key for row in rows], [row.attempt for row in rows]
        await self._pool.execute(_HOLD, log_id, keys, attempts, seconds)

    async def answer(self, log_id: int, answers: Iterable[Answer]) -> None:
        """Write down what became of rows."""
        found = [
            (a.taken.key, a.taken.attempt, a.state, a.recorded, a.refusal, a.fault, a.wait_seconds) for a in answers
        ]
        if found:
            await self._pool.execute(_ANSWER, log_id, *map(list, zip(*found, strict=True)))

    async def rehearse(self, log_id: int, key: UUID) -> None:
        """Note what a simulated institution would have sent; nobody outside hears of it."""
        await self._pool.execute(_REHEARSE, log_id, key)

    # --- by people ---------------------------------------------------------------------------------------------------

    async def standing(self, log_id: int | None = None) -> list[OutboxStanding]:
        """What waits and what is dead, in one log or in all."""
        return [OutboxStanding(*record) for record in await self._pool.fetch(_STANDING, log_id)]

    async def list(
        self,
        log_id: int,
        states: Collection[State] = STATES,
        automation: str | None = None,
        *,
        after: UUID | None = None,
        limit: int = LARGEST_PAGE,
    ) -> list[OutboxRow]:
        """Rows in these states, the newest first, from the one after a key on."""
        return [
            OutboxRow(*record)
            for record in await self._pool.fetch(_LIST, log_id, list(states), automation, after, limit)
        ]

    async def show(self, log_id: int, key: UUID) -> tuple[OutboxRow, tuple[OutboxRetry, ...]] | None:
        """One row and why it was taken up again; None if there is none."""
        record = await self._pool.fetchrow(_ROW, log_id, key)
        if record is None:
            return None
        return OutboxRow(*record), tuple(OutboxRetry(*each) for each in await self._pool.fetch(_RETRIES, log_id, key))

    async def retry(self, log_id: int, key: UUID, reason_code: str) -> bool:
        """Have a dead row taken up again; false where it is not dead."""
        return await self._pool.fetchval(_RETRY, log_id, key, reason_code) is not None
