"""The scheduler process: finds what is due and asks for it at the front door, in the order in which it fell due.

One process leads, by a lock of its database session; the others wait to take over. Each institution is followed in its
own time. After every round the scheduler notes up to which position and time nothing more is due: the barrier of a
simulated clock waits for that note.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
from cronsim import CronSim

from domain.ids import InstitutionId, tag
from domain.institution.events import ClockAdvanced
from domain.kernel import Refusal
from domain.lifecycle import CATALOGUE
from domain.permission import policy as law
from infra.assembly import Assembly, assemble, open_pool
from infra.clock import Institution
from infra.event_store import EventStore
from infra.front_door import Ask, Caller, Raced, Receipt, service_id
from infra.log import leaves, logger
from infra.master_key import read_key_file
from infra.outbox import Entry, Outbox, key_of
from infra.record import Overloaded
from infra.runs import Leadership, LeadershipLost, Runs, leading
from infra.settings import Settings
from infra.views import Behind, NotBuilt, Views
from infra.writer import LOST, LogUnavailable, heed_cancellation
from projections import VIEWS
from workers.process import database, served, until_told
from workers.schedule import OPERATIONS, SCHEDULE, AccessDay, ByNight, Operation, WhenDue

__all__ = ["Scheduler", "main"]

NAME: Final = "scheduler"
_STAND_BY_SECONDS: Final = 1.0
_LOOK_AROUND_SECONDS: Final = 0.5
_AFTER_BREAKDOWN_SECONDS: Final = 1.0
_BETWEEN_SWEEPS_SECONDS: Final = 600.0
_LONGEST_SLEEP_SECONDS: Final = 60.0
# What passes by itself and is tried again. Anything else is a fault of the program: it ends the process with every
# institution's tasks, in plain sight, and whoever supervises it starts it anew.
_BREAKDOWNS = (*LOST, asyncpg.PostgresError, Overloaded, LogUnavailable, Raced, Behind, NotBuilt, LeadershipLost)

_log = logger()


@dataclass(frozen=True, slots=True)
class Due:
    """One act that is due: the row of the schedule, the row of its view, and when."""

    at: datetime
    rule: WhenDue
    row: Any


class Scheduler:
    """Follows every institution of one database."""

    def __init__(
        self,
        assembly: Assembly,
        views: Views,
        schedule: Sequence[WhenDue] = SCHEDULE,
        operations: Sequence[Operation] = OPERATIONS,
        stand_by_seconds: float = _STAND_BY_SECONDS,
    ) -> None:
        self._parts = assembly
        self._views = views
        self._runs = Runs(assembly.pool)
        self._schedule = schedule
        self._operations = operations
        self._stand_by_seconds = stand_by_seconds

    async def run(self) -> None:
        """Lead while no other process does, for ever. Raises an ExceptionGroup of whatever is no breakdown."""
        while True:
            try:
                async with leading(self._parts.pool) as leadership:
                    if leadership is not None:
                        _log.info("scheduler.leads")
                        await self._lead(leadership)
            except* _BREAKDOWNS as faults:
                _log.warning("scheduler.breakdown", kinds=[type(fault).__name__ for fault in leaves(faults)])
            heed_cancellation()
            await asyncio.sleep(self._stand_by_seconds)

    async def _lead(self, leadership: Leadership) -> None:
        """Follow each institution in a task of its own, and take up new ones, for as long as the lock is ours."""
        followed: set[int] = set()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sweep())
            while True:
                await leadership.confirm()
                for institution in await self._parts.clock.institutions():
                    if institution.log_id not in followed:
                        followed.add(institution.log_id)
                        tasks.create_task(self._follow(institution))
                        tasks.create_task(self._operate(institution))
                await asyncio.sleep(_LOOK_AROUND_SECONDS)

    # --- by the institution's clock ---------------------------------------------------------------------------------

    async def _follow(self, institution: Institution) -> None:
        store = await self._parts.stores(institution.log_id)
        while True:
            try:
                position = await self.catch_up(institution)
            except _BREAKDOWNS as fault:
                # A breakdown is retried; a refusal never comes here.
                heed_cancellation()
                _log.warning("schedule.breakdown", log_id=institution.log_id, kind=type(fault).__name__)
                await asyncio.sleep(_AFTER_BREAKDOWN_SECONDS)
            else:
                await store.signal.beyond(position)

    async def catch_up(self, institution: Institution) -> int:
        """Ask for everything due, earliest first; returns the position up to which nothing more is."""
        log_id = institution.log_id
        store = await self._parts.stores(log_id)
        # A view that nothing is scheduled by may stand still for ever: no deadline waits for it.
        views = {rule.view.name for rule in self._schedule}
        while True:
            head = await store.head()
            # What is due is a question to the views, so they must have seen what there is.
            if views:
                await self._views.until(log_id, head, views)
            now = await self._parts.clock.now(log_id)
            waiting = await self._waiting(log_id)
            first = min(waiting, key=lambda each: each.at, default=None)
            if first is None or first.at > now:
                if institution.simulated:
                    await self._runs.quiet(log_id, head, now, first.at if first else None)
                return head
            await self._ask(institution, first)

    async def _waiting(self, log_id: int) -> list[Due]:
        """Everything that waits for its time and has had no answer yet; of each rule the earliest page that has any."""
        found: list[Due] = []
        for rule in self._schedule:
            cursor: str | None = None
            while True:
                page = await self._views.list(log_id, rule.view, filters=rule.waiting, sort=rule.due_at, cursor=cursor)
                rows = {rule.key(row): row for row in page.rows}
                answered = await self._runs.answered(log_id, rule.rule, list(rows))
                unanswered = [Due(rule.instant(row), rule, row) for key, row in rows.items() if key not in answered]
                found += unanswered
                cursor = page.next
                if unanswered or cursor is None:
                    break
        return found

    async def _ask(self, institution: Institution, due: Due) -> None:
        rule, key = due.rule, due.rule.key(due.row)
        ask = Ask(
            caller=_service(institution),
            command=rule.command,
            values=rule.values(due.row),
            subject=rule.subject(due.row),
            command_id=self._parts.door.command_id(institution, rule.rule, key),
            effective_at=due.at,
        )
        await self._answer(ask, institution, rule.rule, key, due.at)

    async def _answer(self, ask: Ask, institution: Institution, rule: str, key: str, due_at: datetime) -> None:
        """Ask at the door and keep the answer: an event, or a refusal that is not asked for again."""
        try:
            receipt = await self._parts.door.ask(ask)
        except Refusal as refusal:
            _log.info("schedule.refused", log_id=institution.log_id, rule=rule, refusal=refusal.kind)
            await self._runs.refused(institution.log_id, rule, key, due_at, refusal.kind)
            return
        if isinstance(receipt, Receipt):
            _log.info("schedule.recorded", log_id=institution.log_id, rule=rule, position=receipt.version)
            await self._runs.recorded(institution.log_id, rule, key, due_at, receipt.version)

    # --- by real time -----------------------------------------------------------------------------------------------

    async def _operate(self, institution: Institution) -> None:
        """Run each operational row: once at the start, to make up for an outage, then whenever it is due."""
        next_at: dict[str, datetime] = {}
        while self._operations:
            try:
                now = (await self._parts.clock.server_time()).astimezone(institution.zone)
                for operation in self._operations:
                    if operation.rule not in next_at or next_at[operation.rule] <= now:
                        await self.operate(institution, operation, now)
                        next_at[operation.rule] = next(CronSim(operation.cron, now))
            except _BREAKDOWNS as fault:
                heed_cancellation()
                _log.warning("operation.breakdown", log_id=institution.log_id, kind=type(fault).__name__)
                await asyncio.sleep(_AFTER_BREAKDOWN_SECONDS)
            else:
                # Never asleep for long: a machine that was suspended, or whose clock was set, notices soon.
                until = (min(next_at.values()) - now).total_seconds()
                await asyncio.sleep(min(until, _LONGEST_SLEEP_SECONDS))

    async def operate(self, institution: Institution, operation: Operation, now: datetime) -> None:
        """Do what an operational row says, as far as it is due."""
        match operation:
            case AccessDay():
                await self.record_access_days(institution, operation, now)
            case ByNight():
                await self.start_by_night(institution, operation, now)

    async def start_by_night(self, institution: Institution, operation: ByNight, now: datetime) -> None:
        """Start an automation about the newest event: once for each time that it was due while there was a record.

        After an outage it is started once, for the last of the times that were missed.
        """
        log_id, store = institution.log_id, await self._parts.stores(institution.log_id)
        due_at = next(CronSim(operation.cron, now, reverse=True))
        key = due_at.isoformat()
        opened = (await store.at([1])).get(1)
        if opened is None or opened.recorded_at > due_at or await self._runs.answered(log_id, operation.rule, [key]):
            return
        head = await self._newest(store, operation)
        async with self._parts.pool.acquire() as connection, connection.transaction():
            if head is not None:
                act = key_of(institution.institution_id, operation.automation, head, head)
                await Outbox(self._parts.pool).enter(connection, log_id, [Entry(head, operation.automation, head, act)])
            await self._runs.entered(connection, log_id, operation.rule, key, due_at=due_at, position=head or 0)

    async def _newest(self, store: EventStore, operation: ByNight) -> int | None:
        """The newest position, unless nothing was recorded since the last time but what such starts lead to."""
        head = await store.head()
        led_to = {kind.TOPIC for kind in operation.but_for}
        newest = (await store.at([head])).get(head)
        return None if newest is None or newest.type in led_to else head

    async def _sweep(self) -> None:
        """Settle what requests left sealed behind them that died halfway."""
        while True:
            try:
                swept = await self._parts.staging.sweep()
            except _BREAKDOWNS as fault:
                heed_cancellation()
                _log.warning("sweep.breakdown", kind=type(fault).__name__)
            else:
                if swept.kept or swept.removed:
                    _log.info("sweep.settled", kept=swept.kept, removed=swept.removed)
            await asyncio.sleep(_BETWEEN_SWEEPS_SECONDS)

    async def record_access_days(self, institution: Institution, operation: AccessDay, now: datetime) -> None:
        """Record the root of every day of the access journal that is over and has lines, oldest first."""
        log_id, today = institution.log_id, now.date()
        for day in await self._parts.access.days(log_id, today, institution.zone):
            key = day.isoformat()
            if await self._runs.answered(log_id, operation.rule, [key]):
                continue
            closed = await self._parts.access.close_day(log_id, day, institution.zone)
            ask = Ask(
                caller=_service(institution),
                command=operation.command,
                values={"day": closed.day, "lines": closed.lines, "root": closed.root},
                subject=tag(InstitutionId, institution.institution_id),
                command_id=self._parts.door.command_id(institution, operation.rule, key),
            )
            due_at = institution.start_of(day + timedelta(days=1))
            await self._answer(ask, institution, operation.rule, key, due_at)


def _service(institution: Institution) -> Caller:
    person_id = service_id(institution.institution_id, "schedule")
    return Caller(log_id=institution.log_id, person_id=person_id, kind="schedule")


async def schedule(settings: Settings) -> None:
    """Do what is due in every institution of the database until this process is told to stop."""
    async with (
        open_pool(database(settings), name=NAME) as pool,
        assemble(pool, read_key_file(settings.key_file), catalogue=CATALOGUE, law=law, advanced=ClockAdvanced) as parts,
    ):
        await until_told(pool, NAME, Scheduler(parts, Views(pool, VIEWS, parts.clock, parts.stores)).run())


def main() -> int:
    """Run until told to stop; answer by exit code."""
    return served(NAME, schedule)


if __name__ == "__main__":
    sys.exit(main())
