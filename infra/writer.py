"""Group commit: one task and one connection per process and log write whatever is waiting in one call.

While a call is in flight new proposals queue; the next call takes them all, within bounds. There is no linger: a lone
command is sent at once. Each command has its own condition and outcome. When a call fails unexpectedly nothing was
written, and halves are tried until the culprit stands alone. When the connection is lost nobody knows what was written:
the same call is sent again with the same ids, and the log answers with first receipts.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

import asyncpg

from infra.overlay import Entry, Recent, State
from infra.record import (
    SEPARATOR,
    Accepted,
    Conflict,
    KeyReused,
    Outcome,
    Overloaded,
    Proposal,
    Receipt,
    Repeated,
    Stale,
    matches,
)

__all__ = ["LOST", "LogUnavailable", "Writer", "heed_cancellation"]

BATCH_COMMANDS: Final = 256
_SMALL: Final = 16  # Fewer are not worth halving: each call has its own journey and its own flush.
BATCH_BYTES: Final = 1_000_000
QUEUE_COMMANDS: Final = 4096
QUEUE_BYTES: Final = 32_000_000
_ROW_BYTES: Final = 600  # What an event costs beside its data: envelope, tags, ids.
_NO_CONDITION: Final = 2**62  # No log ever reaches it, so nothing is after it.
_MISSED: Final = 100
_MOST_CALLS: Final = 64
_PATIENCE_SECONDS: Final = 30.0
_CLOCK_ALARM_SECONDS: Final = 5.0
_MICROSECOND: Final = timedelta(microseconds=1)

LOST: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.InternalClientError,  # What the driver says when a backend dies between two of its steps.
    OSError,
    TimeoutError,
)

# The arguments of append() after the log, by the type of their elements. A list with a question mark stays empty where
# none of its elements says anything; the nonces come in one piece.
_ARGUMENTS: Final = (
    *("uuid", "bytea", "bytea?", "integer", "bigint", "text?"),
    *("integer", "uuid", "text", "text", "bytea", "text?", "nonces"),
    *("text", "text", "text", "text?", "bigint?", "uuid", "timestamptz", "timestamptz", "text?", "text?"),
    *("integer", "text", "text", "text"),
    *("integer", "text", "bigint"),
    *("integer", "integer"),
)

log = logging.getLogger(__name__)


def heed_cancellation() -> None:
    """End the task that was told to end: to be called wherever a lost connection is forgiven.

    Where a connection dies while its user is being cancelled, the driver's error takes the place of the cancellation.
    Who forgives it and goes on has not heard, and whoever waits for the end of the task waits for ever.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class LogUnavailable(Exception):
    """The database was out of reach for a while. Whether the command was written is not known; repeating it is safe."""


class Writer:
    """The one task of this process that appends to a log."""

    def __init__(
        self,
        pool: asyncpg.Pool[asyncpg.Record],
        log_id: int,
        recent: Recent,
        written: Callable[[int], None],
        *,
        keeps: bool = True,
    ) -> None:
        self.patience_seconds = _PATIENCE_SECONDS
        self._pool = pool
        self._keeps = keeps  # Its connection, between batches; else it borrows one for each.
        self._log_id = log_id
        self._recent = recent
        self._written = written
        self._queue: deque[Entry] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._connection: Any = None
        self._calls: dict[tuple[str, ...], Any] = {}  # Prepared on the connection.
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._before = 0
        self._alone = True

    # --- the queue --------------------------------------------------------------------------------------------------

    def enqueue(self, proposal: Proposal) -> asyncio.Future[Outcome]:
        """Queue a proposal; raises Overloaded when the queue is full."""
        if self._closing:
            raise RuntimeError("The log is closed.")
        if len(self._queue) >= QUEUE_COMMANDS or self._queued_bytes >= QUEUE_BYTES:
            raise Overloaded(retry_after=1)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._queue.append(self._recent.add(proposal, future))
        self._queued_bytes += _size(proposal)
        self._wake.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"writer of log {self._log_id}")
        return future

    async def close(self) -> None:
        """Write what is queued, then let go of the connection."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        await self._disconnect()

    async def _run(self) -> None:
        while True:
            if not self._queue:
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            batch = self._take()
            if batch:
                try:
                    await self._write(batch)
                    if not self._keeps:
                        await self._disconnect()
                except Exception as error:  # Whoever still waits hears of it, and the next are written.
                    log.exception("The writer failed; what became of those who still wait is not known.")
                    self._fail(batch, error, None)
            self._recent.forget()

    def _take(self) -> list[Entry]:
        """Take what may stand in one call, in order."""
        batch: list[Entry] = []
        ids: set[Any] = set()
        tags: set[str] = set()
        size = 0
        # Half of those who are at it now: while the log writes one half, the other half decides. Where other processes
        # write too, the lock is what all wait for, and the largest batches serve everybody best.
        half = max(_SMALL, (len(self._queue) + self._before + 1) // 2)
        most = min(BATCH_COMMANDS, half) if self._alone else BATCH_COMMANDS
        while self._queue and len(batch) < most and size < BATCH_BYTES:
            entry = self._queue[0]
            proposal = entry.proposal
            if proposal.command_id in ids or self._must_wait(entry, batch, tags):
                break
            self._queue.popleft()
            bytes_ = _size(proposal)
            self._queued_bytes -= bytes_
            size += bytes_
            if any(other.state is State.FAILED for other in entry.forerunners):
                _answer(entry, Conflict())
                continue
            entry.state = State.SENT
            batch.append(entry)
            ids.add(proposal.command_id)
            for fact in proposal.facts:
                tags.update(fact.tags)
        self._before = len(batch)
        return batch

    def _must_wait(self, entry: Entry, batch: Sequence[Entry], tags: set[str]) -> bool:
        """Whether a condition speaks of events that this very batch is about to write, and has not taken them in."""
        proposal = entry.proposal
        if proposal.if_match is not None and proposal.if_match[0] in tags:
            return True
        if not proposal.items or entry.chained:
            return False
        return any(
            tags.issuperset(item.tags)
            and any(matches(item, event.type, event.tags) for other in batch for event in other.events)
            for item in proposal.items
        )

    # --- writing ----------------------------------------------------------------------------------------------------

    async def _write(self, batch: list[Entry]) -> None:
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self.patience_seconds
        pause = 0.01
        while True:
            try:
                if self._connection is None:
                    self._connection = await self._pool.acquire()
                shape, arguments = _sparing(self._arguments(batch))
                call = self._calls.get(shape) or await self._prepare(shape)
                # Bounded, since neither a lock that is never let go nor a network that swallows says a word.
                answer = await call.fetchrow(self._log_id, *arguments, timeout=self.patience_seconds)
            except LOST as error:
                heed_cancellation()
                await self._drop()
                if loop.time() > give_up_at:
                    self._fail(
                        batch, LogUnavailable(f"The log was out of reach for {self.patience_seconds:.0f} s."), error
                    )
                    return
                log.warning("The log's connection was lost (%s); its batch is sent again.", type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(1.0, pause * 2)
            except Exception as error:  # noqa: BLE001 - Whatever it was is told to those it concerns.
                await self._halve(batch, error)
                return
            else:
                self._settle(batch, answer)
                return

    async def _halve(self, batch: list[Entry], error: Exception) -> None:
        if len(batch) == 1:
            self._fail(batch, error, None)
            return
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            standing = []
            for entry in half:
                if any(other.state is State.FAILED for other in entry.forerunners):
                    _answer(entry, Conflict())
                else:
                    standing.append(entry)
            if standing:
                await self._write(standing)

    def _fail(self, batch: list[Entry], error: Exception, cause: BaseException | None) -> None:
        error.__cause__ = cause
        for entry in batch:
            if entry.open:
                entry.fail()
            if not entry.future.done():
                entry.future.set_exception(error)

    async def _prepare(self, shape: tuple[str, ...]) -> Any:  # noqa: ANN401 - A statement of a connection of any kind.
        if len(self._calls) == _MOST_CALLS:
            self._calls.clear()
        call = self._calls[shape] = await self._connection.prepare(_call(shape), timeout=self.patience_seconds)
        return call

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        self._calls.clear()
        if connection is not None:
            await self._pool.release(connection)

    async def _drop(self) -> None:
        """Let go of a connection that failed, in whatever state it is."""
        connection, self._connection = self._connection, None
        self._calls.clear()
        if connection is None:
            return
        try:
            connection.terminate()
            await self._pool.release(connection)
        except LOST as error:
            # The pool takes a connection back by itself when it sees it die, and then refuses to be given it.
            log.debug("The pool had the dead connection already (%s).", type(error).__name__)

    def _arguments(self, batch: list[Entry]) -> tuple[Any, ...]:
        place = {entry.number: n for n, entry in enumerate(batch, 1)}
        commands = []
        events: list[tuple[Any, ...]] = []
        probes: list[tuple[int, str, str, str]] = []
        matched: list[tuple[int, str, int]] = []
        follows: list[tuple[int, int]] = []
        for n, entry in enumerate(batch, 1):
            proposal = entry.proposal
            after, seen = self._recent.condition(entry) if proposal.items else (_NO_CONDITION, "")
            command_id = proposal.command_id
            commands.append((command_id, proposal.request_hash, proposal.receipt, len(proposal.facts), after, seen))
            events.extend(_event_rows(n, entry))
            for item in proposal.items:
                tag, rest = (item.tags[0], SEPARATOR.join(item.tags[1:])) if item.tags else ("", "")
                probes.extend((n, kind, tag, rest) for kind in item.types or ("",))
            if proposal.if_match is not None:
                matched.append((n, *proposal.if_match))
            follows.extend((n, place[other.number]) for other in entry.forerunners if other.number in place)
        nonces = os.urandom(16 * len(events))
        return (
            *_columns(commands, 6),
            *_columns([row[:6] for row in events], 6),
            nonces,
            *_columns([row[6:] for row in events], 10),
            *_columns(probes, 4),
            *_columns(matched, 3),
            *_columns(follows, 2),
        )

    def _settle(self, batch: list[Entry], answer: asyncpg.Record) -> None:
        excepted = {number: n for n, number in enumerate(answer["x_command"])}
        position, started = answer["head"], answer["recorded_at"]
        if answer["ahead"].total_seconds() > _CLOCK_ALARM_SECONDS:
            log.error("The server's clock is %s behind the log at position %d.", answer["ahead"], position)
        head = position
        self._alone = position == self._recent.newest
        for n, entry in enumerate(batch, 1):
            if n in excepted:
                _answer(entry, _exception(entry.proposal, answer, excepted[n]))
                continue
            count = len(entry.proposal.facts)
            recorded_at = started + (position - head) * _MICROSECOND
            receipt = Receipt(
                command_id=entry.proposal.command_id,
                request_hash=entry.proposal.request_hash,
                first_position=position + 1,
                last_position=position + count,
                recorded_at=recorded_at,
                receipt=entry.proposal.receipt,
            )
            self._recent.accepted(entry, position + 1, position + count, recorded_at)
            position += count
            if not entry.future.done():
                entry.future.set_result(Accepted(receipt))
        if position > head:
            self._written(position)


def _size(proposal: Proposal) -> int:
    return sum(len(fact.data) + _ROW_BYTES for fact in proposal.facts)


def _event_rows(number: int, entry: Entry) -> list[tuple[Any, ...]]:
    who = entry.proposal.envelope
    beside = (
        who.actor_id,
        who.actor_kind,
        who.authority,
        who.on_behalf_of_id or "",
        who.cause or 0,
        who.correlation_id,
        who.received_at,
        who.effective_at,
        who.reason_code or "",
        who.reason_document_id or "",
    )
    return [
        (
            number,
            event.event_id,
            fact.type,
            SEPARATOR.join(fact.tags),
            fact.data,
            SEPARATOR.join(fact.documents),
            *beside,
        )
        for event, fact in zip(entry.events, entry.proposal.facts, strict=True)
    ]


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> Sequence[Sequence[Any]]:
    return list(zip(*rows, strict=True)) if rows else [()] * width


def _sparing(arguments: Sequence[Any]) -> tuple[tuple[str, ...], list[Any]]:
    """Return the shape of a call and what it must be given.

    Making arrays is what costs the driver most: none are made of what is empty or single.
    """
    sent: list[Any] = []
    shape: list[str] = []
    for kind, values in zip(_ARGUMENTS, arguments, strict=True):
        if not values or (kind[-1] == "?" and not any(values)):
            shape.append("")
        elif kind != "nonces" and len(values) == 1:
            shape.append(kind)
            sent.append(values[0])
        else:
            shape.append("many")
            sent.append(values)
    return tuple(shape), sent


def _call(shape: tuple[str, ...]) -> str:
    number = itertools.count(2)
    given = [
        "'{}'" if not kind else f"${next(number)}" if kind == "many" else f"ARRAY[${next(number)}::{kind.rstrip('?')}]"
        for kind in shape
    ]
    return f"SELECT * FROM append($1, {', '.join(given)})"  # noqa: S608 - Types and numbers only.


def _answer(entry: Entry, outcome: Outcome) -> None:
    entry.fail()
    if not entry.future.done():
        entry.future.set_result(outcome)


def _exception(proposal: Proposal, answer: asyncpg.Record, n: int) -> Outcome:
    kind = answer["x_kind"][n]
    if kind == "conflict":
        return Conflict()
    if kind == "stale":
        return Stale(tuple(map(int, answer["x_missed"][n].split(",")))[:_MISSED])
    receipt = Receipt(
        command_id=proposal.command_id,
        request_hash=proposal.request_hash,
        first_position=answer["x_first"][n],
        last_position=answer["x_last"][n],
        recorded_at=answer["x_recorded"][n],
        receipt=answer["x_receipt"][n],
    )
    return Repeated(receipt) if kind == "repeated" else KeyReused(receipt)
