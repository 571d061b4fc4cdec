"""Automations to test the engine with, on the allotment of the views' tests, and whoever carries them out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from domain.ids import InstitutionId, PersonId, UnitId, tag
from domain.institution.events import ClockAdvanced, InstitutionOpened
from domain.kernel import Command, Event, Recorded, Refusal, Selector, asked, event, known
from infra.asking import Law
from infra.assembly import Assembly, assemble, open_pool
from infra.event_store import EventStore, open_log
from infra.front_door import Caller
from infra.master_key import ensure_key_file
from infra.outbox import Outbox, OutboxRow
from infra.processes import beating
from infra.record import Item
from tests.viewing import CATALOGUE, PlotDug, PlotFlooded, PlotLeft, RowMerged, write
from workers.actors import ACTORS, actor_of
from workers.automations import Asked, Asks, Automation, Does, Each, Sends, Started
from workers.dispatcher import Dispatcher, Hand
from workers.work import Actor, Work

if TYPE_CHECKING:
    from infra.subscription import Connection

# --- what may be asked of a plot -------------------------------------------------------------------------------------


class PlotIsWet(Refusal):
    """Plot {unit_id} is flooded already.
    zh: 地块 {unit_id} 已被淹。
    """


class FloodPlot(Command):
    """Flood a plot, once.
    zh: 测试用:淹没一块地。
    """

    unit_id: UnitId = asked("Plot", "地块")

    wet: bool = known(default=False)

    def consistency_boundary(self) -> Sequence[Selector]:
        return [Selector([PlotFlooded], [tag(UnitId, self.unit_id)])]

    @event(PlotFlooded)
    def _(self) -> None:
        self.wet = True

    def execute(self) -> None:
        if self.wet:
            raise PlotIsWet(unit_id=self.unit_id)
        self.trigger_event(PlotFlooded, unit_id=self.unit_id)


ANYBODY_MAY = cast(
    "Law",
    SimpleNamespace(
        standing=lambda person_id: Selector(types=[PlotLeft], tags=[tag(PersonId, person_id)]),
        is_standing=lambda *_: False,
        appointments_of=lambda _: None,
        authorise=lambda *_: "anybody",
        units_of=lambda *_: frozenset(),
        require_reason=lambda *_: None,
        act_of=lambda _: SimpleNamespace(backdatable=False),
    ),
)
"""A law that lets everybody do everything."""


# --- what follows from what ------------------------------------------------------------------------------------------

NOTES = """
CREATE TABLE note (log_id integer, name text, position bigint, about bigint);
GRANT SELECT, INSERT ON note TO biaogan_app
"""
"""Effects write here, into a table that would show a second one; the superuser makes it."""


async def _plot(started: Started, _parts: Assembly) -> Asked:
    unit_id = started.about.event.unit_id  # type: ignore[attr-defined]
    return Asked(values={"unit_id": unit_id}, subject=tag(UnitId, unit_id))


def noting(name: str) -> Callable[[Started, Connection], Awaitable[None]]:
    async def note(started: Started, connection: Connection) -> None:
        await connection.execute(
            "INSERT INTO note VALUES ($1, $2, $3, $4)",
            started.institution.log_id,
            name,
            started.recorded.position,
            started.about.position,
        )

    return note


def _of_the_row(merged: Recorded, past: Sequence[Recorded]) -> Iterable[Recorded]:
    return (dug for dug in past if dug.event.row == merged.event.row)  # type: ignore[attr-defined]


async def _nobody_listens(_started: Started) -> None:
    raise ConnectionRefusedError


FLOOD = Automation(
    name="when_plot_dug_flood_plot",
    en="When a plot was dug, it is flooded",
    zh="地块开垦后即被淹没",
    when=PlotDug,
    then=Asks(FloodPlot, _plot),
)
NOTE = Automation(
    name="when_plot_dug_note_it",
    en="When a plot was dug, it is noted",
    zh="地块开垦后记一笔",
    when=PlotDug,
    then=Does(noting("dug")),
)
NOTE_EACH = Automation(
    name="when_row_merged_note_each_plot",
    en="When a row was merged, every plot that was dug in it is noted",
    zh="一行并入后,其每次开垦各记一笔",
    when=RowMerged,
    each=Each(past=lambda _: [Item((PlotDug.TOPIC,))], chosen=_of_the_row),
    then=Does(noting("each")),
)
SEND = Automation(
    name="when_plot_left_send_word",
    en="When a plot was left, somebody is told",
    zh="弃耕后告知他人",
    when=PlotLeft,
    then=Sends(_nobody_listens),
)
HOLD = 20200509
"""Whoever holds this advisory lock keeps effects from ending."""


async def _held_up(started: Started, connection: Connection) -> None:
    await noting("held up")(started, connection)
    await connection.execute("SELECT pg_advisory_xact_lock($1)", HOLD)


NOTE_HELD_UP = Automation(
    name="when_plot_left_note_it_held_up",
    en="When a plot was left, it is noted, as long as that is held up",
    zh="弃耕后记一笔,可被拖住",
    when=PlotLeft,
    then=Does(_held_up),
)
HOLD_ASKING = HOLD + 1
"""Whoever holds this one keeps commands from being asked for."""


async def _held_up_plot(started: Started, parts: Assembly) -> Asked:
    async with parts.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", HOLD_ASKING)
    return await _plot(started, parts)


FLOOD_HELD_UP = Automation(
    name="when_plot_left_flood_it_held_up",
    en="When a plot was left, it is flooded, as long as that is held up",
    zh="弃耕后即被淹没,可被拖住",
    when=PlotLeft,
    then=Asks(FloodPlot, _held_up_plot),
)
ALLOTMENT = (FLOOD, NOTE, NOTE_EACH, SEND)


# --- whoever carries them out ----------------------------------------------------------------------------------------


def at_once(work: Work, actors: Sequence[Actor] = ACTORS) -> Hand:
    """Carry out what a dispatcher says where it says it, with no queue in between."""

    async def hand(automation: Automation, log_id: int, _times: int) -> None:
        while await work.share(actor_of(automation, actors), log_id, automation.name):
            pass

    return hand


@dataclass
class Garden:
    """An institution in a log of its own, and the parts of one process."""

    parts: Assembly
    store: EventStore
    origin: str

    @property
    def log_id(self) -> int:
        return self.store.log_id

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.parts.pool)

    @property
    def caller(self) -> Caller:
        return Caller(log_id=self.log_id, person_id="gardener")

    async def write(self, *events: Event) -> int:
        return await write(self.store, events)

    async def rows(self, automation: Automation | None = None) -> list[OutboxRow]:
        found = await self.outbox.list(self.log_id, automation=automation.name if automation else None, limit=100_000)
        return found[::-1]

    async def states(self, automation: Automation | None = None) -> list[str]:
        return [row.state for row in await self.rows(automation)]

    async def notes(self) -> list[tuple[str, int, int]]:
        rows = await self.parts.pool.fetch(
            "SELECT name, position, about FROM note WHERE log_id = $1 ORDER BY 1, 2, 3", self.log_id
        )
        return [tuple(row) for row in rows]

    async def events(self, kind: type[Event]) -> list[Recorded]:
        return (await self.store.read([Item((kind.TOPIC,))])).events

    def dispatcher(self, automations: Sequence[Automation] = ALLOTMENT, hand: Hand | None = None) -> Dispatcher:
        work = Work(self.parts, automations)
        return Dispatcher(self.parts.pool, self.parts.stores, automations, hand or at_once(work))

    async def dispatched(self, automations: Sequence[Automation] = ALLOTMENT, hand: Hand | None = None) -> None:
        """Enter rows for what is recorded, and say so."""
        dispatcher = self.dispatcher(automations, hand)
        await dispatcher.catch_up(self.log_id, self.origin)
        await dispatcher.tell()

    async def entered(self, automations: Sequence[Automation] = ALLOTMENT) -> None:
        """Enter rows for what is recorded, and tell nobody."""
        await self.dispatcher(automations).catch_up(self.log_id, self.origin)

    async def batch(self, automation: Automation, actor: Actor | None = None) -> bool:
        """Carry out one batch."""
        return await Work(self.parts, [automation]).batch(actor or actor_of(automation), self.log_id, automation.name)

    async def time_passes(self) -> None:
        """Let every wait be over."""
        await self.parts.pool.execute("UPDATE outbox SET due_at = now() WHERE state = 'pending'")


async def open_garden(parts: Assembly, origin: str = "G", starts_at: datetime | None = None) -> Garden:
    clock: Any = "real" if starts_at is None else "simulated"
    log_id = await open_log(parts.pool, origin, clock)
    garden = Garden(parts, await parts.stores(log_id), origin)
    await garden.write(
        InstitutionOpened(
            institution_id=InstitutionId(origin), name_zh="菜园", name_en="Garden", time_zone="Asia/Shanghai",
            clock=clock, starts_at=starts_at,
        )
    )  # fmt: skip
    return garden


@asynccontextmanager
async def allotment(app_url: str, key_file: Path, name: str = "test", size: int = 16) -> AsyncIterator[Assembly]:
    """The parts of one process, on the catalogue of the allotment."""
    async with (
        open_pool(app_url, name=name, size=size) as pool,
        assemble(
            pool, ensure_key_file(key_file), catalogue=CATALOGUE, law=ANYBODY_MAY, advanced=ClockAdvanced
        ) as parts,
    ):
        yield parts


@asynccontextmanager
async def allotment_work(
    app_url: str, key_file: Path, automations: Sequence[Automation], beats: str | None = None
) -> AsyncIterator[Work]:
    """What the actors of a worker work with, on the allotment."""
    async with allotment(app_url, key_file, "worker") as parts:
        if beats is None:
            yield Work(parts, automations)
        else:
            async with beating(parts.pool, beats):
                yield Work(parts, automations)
