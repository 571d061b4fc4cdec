"""A call whose window closes by the scheduler: an office that has one open, and whoever follows the record."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import msgspec

from domain.application.events import ApplicationWindowClosed
from domain.application.window import OpenApplicationWindow
from domain.ids import ProgrammeId, tag
from domain.institution.commands import AdvanceClock
from domain.kernel import Event, Recorded
from domain.lifecycle import CATALOGUE
from domain.programme.commands import AnnounceProgramme
from domain.programme.shape import Definition
from domain.unit.commands import RegisterUnit
from infra.advance import Advance
from infra.assembly import Assembly
from infra.front_door import Caller, Receipt
from infra.projector import Projector
from infra.record import Item
from infra.views import Views
from projections import VIEWS
from tests.automating import at_once
from tests.office import Office
from tests.walks.desk import DEFINITION
from workers.automations import AUTOMATIONS, Automation
from workers.dispatcher import Dispatcher, Hand
from workers.scheduler import Scheduler
from workers.work import Work

LAST_DAY = date(2020, 5, 31)
CLOSES_AT = datetime(2020, 5, 31, 16, 0, tzinfo=UTC)
"""The midnight in Shanghai that ends the last day of May."""
A_WEEK_LATER = datetime(2020, 6, 7, 16, 0, tzinfo=UTC)

E = TypeVar("E", bound=Event)


def definition(last_day: date) -> Definition:
    """The small call of the walks, its deadline legible."""
    closes = {"term": "application_closes", "kind": "date", "legibility": "clear", "as_published": "截止"}
    value = {"type": "date", "day": last_day.isoformat()}
    return msgspec.convert(DEFINITION | {"terms": [closes | {"clause": "三", "value": value}]}, Definition)


@dataclass
class Furnished:
    """An office whose units and people stand ready for a call."""

    office: Office
    clerk: Caller
    head: Caller

    async def open_window(self, programme_id: str = "CALL", last_day: date = LAST_DAY) -> Receipt:
        """Announce a call and open its window until the end of a day."""
        await self.office.ask(
            self.clerk,
            AnnounceProgramme,
            programme_id=programme_id,
            notice_document_id=await self.office.deposit(self.clerk, "notice"),
            definition=definition(last_day),
        )
        return await self.office.ask(
            self.clerk, OpenApplicationWindow, programme_id=programme_id, subject=tag(ProgrammeId, programme_id)
        )

    async def events(self, kind: type[Event]) -> list[Recorded]:
        store = await self.office.parts.stores(self.office.log_id)
        return (await store.read([Item((kind.TOPIC,))])).events

    async def closings(self) -> list[Recorded]:
        return await self.events(ApplicationWindowClosed)

    async def jump(self, to: datetime) -> None:
        """Move the clock at the door alone: nobody is waited for."""
        await self.office.ask(self.office.administrator, AdvanceClock, to=to)


async def furnish(office: Office) -> Furnished:
    names = {"name_zh": "单位", "name_en": "Unit", "valid_on": date(2016, 9, 1)}
    units = (("OFFICE", "office", None), ("COL", "general_branch", None), ("BR", "branch", "COL"))
    for unit_id, kind, parent in units:
        values: dict[str, Any] = {"unit_id": unit_id, "kind": kind, "parent_unit_id": parent, **names}
        await office.ask(office.administrator, RegisterUnit, **values)
    return Furnished(office, await office.somebody("clerk"), await office.somebody("head"))


def views_of(parts: Assembly, patience_seconds: float = 30.0) -> Views:
    return Views(parts.pool, VIEWS, parts.clock, parts.stores, patience_seconds)


def advance_of(parts: Assembly, patience_seconds: float = 60.0) -> Advance:
    return Advance(
        pool=parts.pool,
        clock=parts.clock,
        door=parts.door,
        command=AdvanceClock,
        behind=views_of(parts).behind,
        patience_seconds=patience_seconds,
    )


@asynccontextmanager
async def at_work(work: Awaitable[None]) -> AsyncIterator[asyncio.Future[None]]:
    """Let a process's work go on beside a test."""
    task = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def folding(parts: Assembly) -> AsyncIterator[None]:
    """The projector alone."""
    async with at_work(Projector(parts.pool, VIEWS, CATALOGUE).run()):
        yield


@asynccontextmanager
async def automating(
    parts: Assembly, automations: Sequence[Automation], hand: Hand | None = None
) -> AsyncIterator[None]:
    """A dispatcher, with a worker beside it that carries out at once what it says."""
    dispatcher = Dispatcher(parts.pool, parts.stores, automations, hand or at_once(Work(parts, automations)))
    async with at_work(dispatcher.run()):
        yield


@asynccontextmanager
async def projecting(parts: Assembly, automations: Sequence[Automation] = AUTOMATIONS) -> AsyncIterator[None]:
    """Whoever follows the record: the projector, and the dispatcher with a worker beside it."""
    async with folding(parts), automating(parts, automations):
        yield


@asynccontextmanager
async def scheduling(parts: Assembly, **changes: Any) -> AsyncIterator[asyncio.Future[None]]:
    scheduler = Scheduler(parts, views_of(parts), stand_by_seconds=0.05, **changes)
    async with at_work(scheduler.run()) as task:
        yield task


async def eventually(condition: Callable[[], Awaitable[Any]], what: str, seconds: float = 60.0) -> Any:
    """Look again until something is so, up to a deadline; gives what was found."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (found := await condition()):
        assert asyncio.get_running_loop().time() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.01)
    return found
