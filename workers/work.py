"""How rows of the outbox are carried out: taken up in batches, done, and answered, whoever dies in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, cast

import asyncpg

from domain.kernel import Recorded, Refusal
from infra.assembly import Assembly
from infra.clock import Institution
from infra.front_door import Ask, Caller, OtherRequest, Reason, Receipt, service_id
from infra.log import logger
from infra.outbox import Answer, Entry, Outbox, Taken, key_of
from infra.record import Item
from infra.writer import heed_cancellation
from workers.automations import Asks, Automation, Does, Sends, Started

__all__ = ["NAME", "THREADS", "Actor", "Work"]

NAME: Final = "worker"
THREADS: Final = 8
_SERVICE: Final = "automation"
_SHARE_SECONDS: Final = 2.0
_HOLDS: Final = 3
"""How often whoever works at a row says so before it would be left alone no longer."""

_log = logger()


@dataclass(frozen=True, kw_only=True)
class Actor:
    """One row of the actors' table: who carries out which kind of automation, in which batches, how patiently.

    A row that breaks down is taken up again after ``first_wait_seconds``, then after twice that, up to the longest, and
    is dead after ``attempts``. ``limit_seconds`` is how long a message may take, and how long a row that was taken up
    and not answered is left alone. What takes as long as the record is long may take ``longest_seconds``; whoever is at
    it says so all the while, and a row of one that was killed is left alone no longer than any other. ``interrupted``
    says that it need not be finished when the process is told to stop.
    """

    name: str
    en: str
    zh: str
    carries_out: type[Asks | Does | Sends]
    batch: int
    attempts: int
    first_wait_seconds: float
    longest_wait_seconds: float
    limit_seconds: float
    longest_seconds: float | None = None
    interrupted: bool = False

    @property
    def message_seconds(self) -> float:
        """How long a message may take."""
        return self.limit_seconds if self.longest_seconds is None else self.longest_seconds

    def wait_seconds(self, attempt: int) -> float:
        """How long to wait after an attempt that broke down."""
        return min(self.longest_wait_seconds, self.first_wait_seconds * 2.0 ** (attempt - 1))


@dataclass(frozen=True, slots=True)
class _Act:
    """A row that is ours, and what it is about."""

    taken: Taken
    started: Started

    @property
    def is_spreading(self) -> bool:
        """Whether this is the row that leads to one row for each of several events."""
        return self.taken.about == self.taken.position


class Work:
    """Carries out automations in one process."""

    def __init__(self, parts: Assembly, automations: Iterable[Automation]) -> None:
        self._parts = parts
        self._outbox = Outbox(parts.pool)
        self._automations = {automation.name: automation for automation in automations}

    async def share(self, actor: Actor, log_id: int, name: str) -> bool:
        """Carry out batch after batch for a short while; whether there may be more. Others are to have their turn."""
        until = asyncio.get_running_loop().time() + _SHARE_SECONDS
        while more := await self.batch(actor, log_id, name):
            if asyncio.get_running_loop().time() > until:
                break
        return more

    async def batch(self, actor: Actor, log_id: int, name: str) -> bool:
        """Take up a batch of rows that are due and carry it out; whether there may be more."""
        automation = self._automations[name]
        ours, dead = await self._outbox.take(
            log_id, name, actor.batch, attempts=actor.attempts, seconds=actor.limit_seconds
        )
        for taken in dead:
            _log.error("automation.dead", log_id=log_id, automation=name, position=taken.position, about=taken.about)
        if ours:
            async with self._held(actor, log_id, ours):
                await _Batch(self._parts, self._outbox, actor, automation, log_id).carry_out(ours)
        return len(ours) + len(dead) == actor.batch or (automation.each is not None and bool(ours))

    @asynccontextmanager
    async def _held(self, actor: Actor, log_id: int, rows: Sequence[Taken]) -> AsyncIterator[None]:
        """Hold on to rows for as long as they are worked at, where that may be longer than they are left alone."""
        holding = asyncio.create_task(self._hold(actor, log_id, rows))
        try:
            yield
        finally:
            holding.cancel()
            await asyncio.wait([holding])

    async def _hold(self, actor: Actor, log_id: int, rows: Sequence[Taken]) -> None:
        while actor.longest_seconds is not None:
            await asyncio.sleep(actor.limit_seconds / _HOLDS)
            try:
                await self._outbox.hold(log_id, rows, actor.limit_seconds)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
                # Said again soon; where it is not heard in time, another takes the row up, and it happens once.
                heed_cancellation()
                _log.warning("automation.unheld", log_id=log_id, automation=actor.name, kind=type(fault).__name__)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows of one automation in one log that were taken up together."""

    parts: Assembly
    outbox: Outbox
    actor: Actor
    automation: Automation
    log_id: int

    async def carry_out(self, rows: Sequence[Taken]) -> None:
        """Do what the rows say and answer each; whatever goes wrong with one is that one's answer."""
        try:
            acts = await self._acts(rows)
        except Exception as error:  # noqa: BLE001 - Whatever it is, it is written down with its row.
            await self._one_by_one(rows, error, self.carry_out)
            return
        if self.automation.each is not None:
            await self._together([act for act in acts if act.is_spreading])
            acts = [act for act in acts if not act.is_spreading]
        match self.automation.then:
            case Does():
                await self._together(acts)
            case Asks():
                await self._in_order(acts)
            case Sends():
                await self.outbox.answer(self.log_id, await asyncio.gather(*(self._answer(act) for act in acts)))

    async def _acts(self, rows: Sequence[Taken]) -> list[_Act]:
        institution = await self.parts.clock.institution(self.log_id)
        events = await (await self.parts.stores(self.log_id)).at(p for row in rows for p in (row.position, row.about))
        return [_Act(row, Started(institution, events[row.position], events[row.about], row.key)) for row in rows]

    async def _one_by_one(
        self, rows: Sequence[Taken], error: Exception, carry_out: Callable[[Sequence[Taken]], Awaitable[None]]
    ) -> None:
        """Go on with each row alone, so that one faulty row holds up no other; the one that is alone is the one."""
        if len(rows) == 1:
            await self.outbox.answer(self.log_id, [self._no(rows[0], error)])
            return
        for row in rows:
            await carry_out([row])

    # --- in one transaction with its mark ----------------------------------------------------------------------------

    async def _together(self, acts: Sequence[_Act]) -> None:
        """Do everything in one transaction; where that fails, each act in one of its own."""
        by_row = {act.taken: act for act in acts}

        async def alone(rows: Sequence[Taken]) -> None:
            await self._together([by_row[row] for row in rows])

        try:
            await self._do(acts)
        except Exception as error:  # noqa: BLE001 - Whatever it is, it is written down with its row.
            await self._one_by_one(list(by_row), error, alone)

    async def _do(self, acts: Sequence[_Act]) -> None:
        if not acts:
            return
        async with self.parts.pool.acquire() as connection, connection.transaction():
            ours = await self.outbox.done(connection, self.log_id, (act.taken for act in acts))
            for act in acts:
                if act.taken.key not in ours:
                    continue
                if self.automation.each is not None and act.is_spreading:
                    await self.outbox.enter(connection, self.log_id, await self._spread(act.started))
                else:
                    await cast("Does", self.automation.then).effect(act.started, connection)

    async def _spread(self, started: Started) -> list[Entry]:
        """One row for each event that something is done for."""
        each = self.automation.each
        if each is None:
            raise TypeError(f"{self.automation.name} is done for its event alone")
        name, position = self.automation.name, started.recorded.position
        past = await self._past(each.past(started.recorded), position)
        chosen = [recorded.position for recorded in each.chosen(started.recorded, past)]
        if not all(about < position for about in chosen):
            raise ValueError(f"{name} is done for events before its own")
        return [
            Entry(position, name, about, key_of(started.institution.institution_id, name, position, about))
            for about in chosen
        ]

    async def _past(self, items: Sequence[Item], position: int) -> list[Recorded]:
        """What was recorded of that before an event."""
        return (await (await self.parts.stores(self.log_id)).read(items, until=position - 1)).events if items else []

    # --- answered afterwards -----------------------------------------------------------------------------------------

    async def _in_order(self, acts: Sequence[_Act]) -> None:
        """One after another, so that a few acts of one automation are recorded in the order of their events."""
        answers: list[Answer] = []
        try:
            for act in acts:
                answers.append(await self._answer(act))  # noqa: PERF401 - Kept as far as it came.
        finally:
            # Also when there is no more time: what was answered need not be asked again.
            await self.outbox.answer(self.log_id, answers)

    async def _answer(self, act: _Act) -> Answer:
        try:
            match self.automation.then:
                case Asks() as asks:
                    return Answer(act.taken, "done", recorded=await self._ask(asks, act.started))
                case Sends(send=send):
                    if act.started.institution.simulated:
                        await self.outbox.rehearse(self.log_id, act.started.key)
                    else:
                        await send(act.started)
            return Answer(act.taken, "done")
        except Exception as error:  # noqa: BLE001 - Whatever it is, it is written down with its act.
            return self._no(act.taken, error)

    async def _ask(self, asks: Asks, started: Started) -> int:
        """Ask for the command; gives the position that its subject then stands at."""
        asked = await asks.asked(started, self.parts)
        cause = started.recorded
        ask = Ask(
            caller=_service(started.institution),
            command=asks.command,
            values=asked.values,
            subject=asked.subject,
            command_id=started.key,
            cause=cause.position,
            correlation_id=cause.envelope.correlation_id,
            effective_at=cause.envelope.effective_at,
            reason=None if asked.reason_code is None else Reason(asked.reason_code),
        )
        try:
            receipt = cast("Receipt", await self.parts.door.ask(ask))
        except OtherRequest:
            # It was asked for before, by a program that asked with other words; it happens once all the same.
            standing = await (await self.parts.stores(self.log_id)).receipt(started.key)
            if standing is None:
                raise
            return standing.last_position
        return receipt.version

    def _no(self, taken: Taken, error: Exception) -> Answer:
        """A refusal is an answer; a breakdown is tried again, until it has been tried often enough."""
        named = {"log_id": self.log_id, "automation": self.automation.name, "position": taken.position}
        if isinstance(error, Refusal):
            _log.info("automation.refused", **named, refusal=error.kind)
            return Answer(taken, "refused", refusal=error.kind)
        kind = type(error).__name__
        if taken.attempt >= self.actor.attempts:
            _log.error("automation.dead", **named, attempt=taken.attempt, exc_info=error)
            return Answer(taken, "dead", fault=kind)
        _log.warning("automation.broke", **named, attempt=taken.attempt, exc_info=error)
        return Answer(taken, "pending", fault=kind, wait_seconds=self.actor.wait_seconds(taken.attempt))


def _service(institution: Institution) -> Caller:
    person_id = service_id(institution.institution_id, _SERVICE)
    return Caller(log_id=institution.log_id, person_id=person_id, kind="automation")
