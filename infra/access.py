"""The access journal: refusals of permission to a known caller, and reads of sealed or personal material.

``record`` returns when its line is durable, so whoever reads sealed material is in the journal before the material
leaves the house, and no line is ever lost unseen: a caller either waits or gets an error. Lines that come in while a
write is on its way share the next one (at most 200), as in the log; nothing lingers. When too many wait, further
callers wait to wait. While the database is away the batch is sent again; its lines carry nonces, so a lost answer
does not double them.

Each day of the institution's zone is closed once it is over: ``close`` raises the floor under which no line is filed
any more and gives the RFC 6962 root of the day's lines, which the schedule records as an event. A line that comes in
late is filed under the first day that is still open and keeps its true time beside it, so a closed day never grows.
Journal times are the database server's, also where the institution's clock is simulated.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
import unicodedata
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as clock_time
from itertools import groupby
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from infra.line import Root, leaf
from infra.writer import LOST, heed_cancellation

__all__ = ["LINE_VERSION", "AccessDay", "AccessJournal", "LinesLost", "Query"]

LINE_VERSION: Final = 1

_BATCH: Final = 200
_WAITING: Final = 1_000
_PAGE: Final = 1_000
_LONGEST: Final = 500
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 1.0
_UNWRITABLE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")

_APPEND: Final = "SELECT append_access($1, $2, $3, $4, $5, $6, $7, $8)"
_LINES: Final = """
SELECT origin, seq, at, filed_at, actor_id, token_id, act, what, outcome, nonce FROM access JOIN log USING (log_id)
WHERE log_id = $1 AND filed_at >= $2 AND filed_at < $3 AND seq > $4 ORDER BY seq LIMIT $5
"""
_OF_ACT: Final = """
SELECT seq, at, actor_id, what, outcome FROM access
WHERE log_id = $1 AND act = $2 AND act LIKE 'engagement:%' AND seq > $3 ORDER BY seq LIMIT $4
"""
_DAYS: Final = """
SELECT DISTINCT (filed_at AT TIME ZONE $3)::date AS day FROM access WHERE log_id = $1 AND filed_at < $2 ORDER BY day
"""

_log = structlog.get_logger(__name__)


class LinesLost(Exception):
    """Lines could not be written before the journal had to close."""


@dataclass(frozen=True, slots=True)
class AccessDay:
    """What the day's event says of it."""

    day: date
    lines: int
    root: str


@dataclass(frozen=True, slots=True)
class Query:
    """One line about what was asked under an audit engagement."""

    seq: int
    at: datetime
    actor_id: str
    what: str
    outcome: str


@dataclass(slots=True)
class _Line:
    log_id: int
    actor_id: str
    token_id: UUID | None
    act: str
    what: str
    outcome: str
    noted_at: float
    written: asyncio.Future[None]
    nonce: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    def fail(self, fault: Exception) -> None:
        if not self.written.done():
            self.written.set_exception(fault)


class AccessJournal:
    """Writes lines, in batches of those that wait, and reads a day of them."""

    def __init__(
        self, pool: asyncpg.Pool, waiting: int = _WAITING, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool = pool
        self._seconds = seconds
        self._queue: asyncio.Queue[_Line] = asyncio.Queue(waiting)
        self._writer: asyncio.Task[None] | None = None
        self._is_closed = False

    # --- writing ------------------------------------------------------------------------------------------------------

    async def record(
        self, log_id: int, *, actor_id: str, token_id: UUID | None, act: str, what: str, outcome: str
    ) -> None:
        """Write a line and return when it is durable; route templates, codes and ids only, never a name or a text."""
        if self._is_closed:
            raise LinesLost("The access journal is closed.")
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_for_ever())
        written = asyncio.get_running_loop().create_future()
        words = (_plain(actor_id), token_id, _plain(act), _plain(what), _plain(outcome))
        line = _Line(log_id, *words, self._seconds(), written)
        await self._queue.put(line)
        if self._writer.done():
            self._give_up()  # It was closed, in vain, while this line still waited to wait.
        await written

    async def close(self, patience: timedelta = timedelta(seconds=10)) -> None:
        """Write what still waits and stop; raises LinesLost if the database did not take it in time."""
        self._is_closed = True
        if self._writer is None:
            return
        try:
            async with asyncio.timeout(patience.total_seconds()):
                await self._queue.join()
        except TimeoutError:
            # The writer holds the batch it could not write; it counts it among the lost when it is stopped.
            _log.exception("access journal closed with lines unwritten", waiting=self._queue.qsize())
            raise LinesLost("The database did not take the last lines of the access journal.") from None
        finally:
            self._writer.cancel()
            await asyncio.wait([self._writer])
            self._give_up()

    def _give_up(self) -> None:
        """Tell everybody who waits that nobody writes any more; whoever waits to wait comes after."""
        while not self._queue.empty():
            self._queue.get_nowait().fail(LinesLost("The access journal is closed."))

    async def _write_for_ever(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < _BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                batch.sort(key=lambda line: line.log_id)
                for log_id, lines in groupby(batch, key=lambda line: line.log_id):
                    await self._write(log_id, list(lines))
            finally:
                # Whatever ends the writer, nobody is left believing that a line was written.
                for line in batch:
                    line.fail(LinesLost("The access journal was stopped."))
                    self._queue.task_done()

    async def _write(self, log_id: int, lines: list[_Line]) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._append(log_id, lines)
            except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as fault:
                # One line cannot be written as it is: its neighbours can, and its own caller must hear of it.
                if len(lines) == 1:
                    lines[0].fail(fault)
                    return
                middle = len(lines) // 2
                await self._write(log_id, lines[:middle])
                await self._write(log_id, lines[middle:])
                return
            except (asyncpg.PostgresError, *LOST) as fault:
                heed_cancellation()
                _log.warning("access journal waits for the database", lines=len(lines), fault=type(fault).__name__)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                for line in lines:
                    if not line.written.done():
                        line.written.set_result(None)
                return

    async def _append(self, log_id: int, lines: list[_Line]) -> None:
        now = self._seconds()
        await self._pool.execute(
            _APPEND,
            log_id,
            [timedelta(seconds=max(0.0, now - line.noted_at)) for line in lines],
            [line.actor_id for line in lines],
            [line.token_id for line in lines],
            [line.act for line in lines],
            [line.what for line in lines],
            [line.outcome for line in lines],
            [line.nonce for line in lines],
        )

    # --- reading ------------------------------------------------------------------------------------------------------

    async def lines(self, log_id: int, day: date, zone: tzinfo) -> AsyncIterator[bytes]:
        """Give the canonical lines filed under a day, in order."""
        first, end = _bounds(day, zone)
        seq = 0
        while rows := await self._pool.fetch(_LINES, log_id, first, end, seq, _PAGE):
            for row in rows:
                yield _canonical(row)
            seq = rows[-1]["seq"]

    async def queries(self, log_id: int, engagement: str, after: int, limit: int) -> list[Query]:
        """Give what was asked under an engagement, named by its tag, in order from a line on."""
        return [Query(*row) for row in await self._pool.fetch(_OF_ACT, log_id, engagement, after, limit)]

    async def days(self, log_id: int, before: date, zone: tzinfo) -> list[date]:
        """Give the days before one that have lines, oldest first."""
        rows = await self._pool.fetch(_DAYS, log_id, _bounds(before, zone)[0], str(zone))
        return [row["day"] for row in rows]

    async def root(self, log_id: int, day: date, zone: tzinfo) -> AccessDay:
        """Give number and root of a day's lines as they stand; of an open day they will change."""
        root = Root()
        async for line in self.lines(log_id, day, zone):
            root.add(leaf(line))
        return AccessDay(day, root.size, root.digest().hex())

    async def close_day(self, log_id: int, day: date, zone: tzinfo) -> AccessDay:
        """Close a day that is over, and give the number and root that it has for ever; safe to repeat."""
        await self._pool.execute("SELECT close_access($1, $2)", log_id, _bounds(day, zone)[1])
        return await self.root(log_id, day, zone)


def _plain(text: str) -> str:
    # An id may be whatever a hostile caller sent; the refusal of it must be written all the same.
    return unicodedata.normalize("NFC", _UNWRITABLE.sub("\ufffd", text[:_LONGEST]))[:_LONGEST]


def _bounds(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    first = datetime.combine(day, clock_time(), zone)
    return first, datetime.combine(day + timedelta(days=1), clock_time(), zone)


def _canonical(row: asyncpg.Record) -> bytes:
    words = {
        "act": row["act"],
        "actor_id": row["actor_id"],
        "at": _instant(row["at"]),
        "filed_at": _instant(row["filed_at"]),
        "line_version": LINE_VERSION,
        "log": row["origin"],
        "nonce": b64encode(row["nonce"]).decode(),
        "outcome": row["outcome"],
        "seq": row["seq"],
        "token_id": str(row["token_id"]) if row["token_id"] else None,
        "what": row["what"],
    }
    return json.dumps(words, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
