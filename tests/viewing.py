"""Views to test the engine with: an allotment whose plots are dug, merged and left, and logs of what happened there."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import uuid4

import asyncpg
import msgspec
import pytest_asyncio
from msgspec.structs import replace

from domain.ids import InstitutionId, UnitId
from domain.institution.events import ClockAdvanced, InstitutionOpened
from domain.kernel import Catalogue, Code, Envelope, Event, Recorded, office, public, subject
from infra.clock import Clock
from infra.event_store import EventStore, open_log
from infra.record import Accepted, Fact, Proposal
from infra.views import Views
from projections.kernel import Key, View, Where, keyed

NOON = datetime(2020, 6, 1, 4, 0, tzinfo=UTC)
COLOURS = ("blue", "green", "红")


class Crop(msgspec.Struct, frozen=True):
    """What grows on a plot."""

    name: str
    amount_fen: int


class PlotDug(Event):
    """A plot was dug.
    zh: 测试用:开垦一块地。
    """

    TOPIC = "test.plot_dug.v1"
    unit_id: Annotated[UnitId, public("Plot", "地块")]
    row: Annotated[str, public("Row", "行")]
    colour: Annotated[str, public("Colour", "颜色")]
    amount_fen: Annotated[int | None, public("Rent", "租金")] = None
    crops: Annotated[tuple[Crop, ...], public("Crops", "作物")] = ()


class RowMerged(Event):
    """All plots of a row went over to another row.
    zh: 测试用:一行地块并入另一行。
    """

    TOPIC = "test.row_merged.v1"
    row: Annotated[str, public("Row", "行")]
    into: Annotated[str, public("Into", "并入")]


class PlotLeft(Event):
    """A plot was left.
    zh: 测试用:弃耕一块地。
    """

    TOPIC = "test.plot_left.v1"
    unit_id: Annotated[UnitId, public("Plot", "地块")]


class PlotFlooded(Event):
    """A plot was flooded.
    zh: 测试用:一块地被淹。
    """

    TOPIC = "test.plot_flooded.v1"
    unit_id: Annotated[UnitId, public("Plot", "地块")]
    depth: Annotated[int, public("Depth", "深度")] = 1


class Unheard(Event):
    """A kind that the projector's program does not know.
    zh: 测试用:程序不认识的事件。
    """

    TOPIC = "test.unheard.v1"
    unit_id: Annotated[UnitId, public("Plot", "地块")]


CATALOGUE = Catalogue([InstitutionOpened, ClockAdvanced, PlotDug, RowMerged, PlotLeft, PlotFlooded])


class PlotRow(msgspec.Struct, frozen=True, kw_only=True):
    """One plot, with a column of every kind."""

    unit_id: Annotated[UnitId, public("Plot", "地块")]
    row: Annotated[str, public("Row", "行")]
    colour: Annotated[str, subject("Colour", "颜色")]
    amount_fen: Annotated[int | None, office("Rent", "租金")] = None
    crops: Annotated[tuple[Crop, ...], public("Crops", "作物")] = ()
    dug_on: Annotated[date, public("Dug on", "开垦日")]
    changed_at: Annotated[datetime, public("Changed at", "变更时间")]
    wet: Annotated[bool, public("Wet", "积水")] = False
    mood: Annotated[Literal["new", "old"] | None, public("Mood", "状态")] = None
    counts: Annotated[dict[str, int], public("Counts", "计数")] = msgspec.field(default_factory=dict)
    best: Annotated[Crop | None, public("Best", "最佳")] = None


def _plot(row: PlotRow | None, recorded: Recorded, _key: Key) -> PlotRow | None:
    at = recorded.envelope.effective_at
    match recorded.event:
        case PlotDug() as event:
            dug = row.counts.get("dug", 0) + 1 if row else 1
            return PlotRow(
                **event.as_dict(), dug_on=at.date(), changed_at=at, counts={"dug": dug}, best=(*event.crops, None)[0],
                mood=None if row is None else "old",
            )  # fmt: skip
        case RowMerged(into=into) if row is not None:
            return replace(row, row=into, changed_at=at)
        case PlotFlooded() if row is not None:
            return replace(row, wet=True)
        case PlotLeft():
            return None
    return row


PLOT = View(
    name="plot",
    version=1,
    en="Plots",
    zh="地块",
    row=PlotRow,
    key=("unit_id",),
    reads=(PlotDug, RowMerged, PlotLeft, PlotFlooded),
    touches=lambda r: [Where("row", r.event.row)] if isinstance(r.event, RowMerged) else [(r.event.unit_id,)],  # type: ignore[attr-defined]
    fold=_plot,
    indexes=("row",),
    filters=("row", "colour", "wet", "amount_fen"),
    sorts=("amount_fen", "changed_at"),
    subject_units=("unit_id",),
)


class TallyRow(msgspec.Struct, frozen=True, kw_only=True):
    """How often plots of a row and colour were dug."""

    row: Annotated[str, public("Row", "行")]
    colour: Annotated[Code, public("Colour", "颜色")]
    dug: Annotated[int, public("Dug", "次数")]
    last: Annotated[datetime, public("Last", "最近")]


def _tally(row: TallyRow | None, recorded: Recorded, key: Key) -> TallyRow:
    dug = row.dug if row else 0
    return TallyRow(row=str(key[0]), colour=str(key[1]), dug=dug + 1, last=recorded.envelope.effective_at)


TALLY = View(
    name="tally",
    version=1,
    en="Tally",
    zh="计数",
    row=TallyRow,
    key=("row", "colour"),
    reads=(PlotDug,),
    touches=keyed("row", "colour"),
    fold=_tally,
    filters=("row",),
    sorts=("dug",),
    effective=True,
)


class LastRow(msgspec.Struct, frozen=True, kw_only=True):
    """The last thing known of a plot."""

    unit_id: Annotated[UnitId, public("Plot", "地块")]
    colour: Annotated[str, public("Colour", "颜色")]
    seen: Annotated[int, public("Seen", "次数")]


def _last(row: LastRow | None, recorded: Recorded, key: Key) -> LastRow:
    if isinstance(recorded.event, PlotFlooded):
        if recorded.event.depth > 9:
            raise RuntimeError("the plot is gone, and 张三 with it")
        # A depth that no column holds is a row that cannot be stored.
        return LastRow(unit_id=UnitId(str(key[0])), colour="", seen=2**62 * recorded.event.depth)
    seen = row.seen if row else 0
    return LastRow(unit_id=UnitId(str(key[0])), colour=recorded.event.colour, seen=seen + 1)  # type: ignore[attr-defined]


LAST = View(
    name="last",
    version=1,
    en="Last",
    zh="最近",
    row=LastRow,
    key=("unit_id",),
    reads=(PlotDug, PlotFlooded),
    touches=keyed("unit_id"),
    fold=_last,
    effective=True,
)
VIEWS: tuple[View[Any], ...] = (PLOT, TALLY, LAST)


def dug(number: int, row: str = "r1", colour: str = "blue", amount_fen: int | None = None) -> PlotDug:
    crops = tuple(Crop(f"作物{n}", n) for n in range(number % 3))
    return PlotDug(unit_id=UnitId(f"P-{number}"), row=row, colour=colour, amount_fen=amount_fen, crops=crops)


def some_event(chance: random.Random) -> Event:
    number, row = chance.randrange(8), f"r{chance.randrange(4)}"
    match chance.randrange(10):
        case 0:
            return RowMerged(row=row, into=f"r{chance.randrange(4)}")
        case 1:
            return PlotLeft(unit_id=UnitId(f"P-{number}"))
        case 2:
            return PlotFlooded(unit_id=UnitId(f"P-{number}"))
        case _:
            return dug(number, row, chance.choice(COLOURS), chance.choice([None, 0, 5, 7]))


def some_days(chance: random.Random, count: int) -> list[datetime]:
    return [NOON + timedelta(hours=chance.randrange(-200, 200)) for _ in range(count)]


def envelope(effective_at: datetime = NOON) -> Envelope:
    command_id = uuid4()
    return Envelope(
        actor_id="gardener", actor_kind="person", authority="test", command_id=command_id, correlation_id=command_id,
        received_at=NOON, effective_at=effective_at,
    )  # fmt: skip


async def write(store: EventStore, events: Sequence[Event], at: Sequence[datetime] = ()) -> int:
    """Record events, each by a command of its own, and return the head."""
    days = at or [NOON] * len(events)
    futures = [
        store.enqueue(Proposal(request_hash=b"", facts=(Fact.of(event),), envelope=envelope(day)))
        for event, day in zip(events, days, strict=True)
    ]
    for future in futures:
        assert isinstance(await future, Accepted)
    return await store.head()


NewLog = Callable[..., Awaitable[EventStore]]


@pytest_asyncio.fixture
async def new_log(pool: asyncpg.Pool) -> AsyncIterator[NewLog]:
    """A maker of logs, each of an institution of its own; all are closed afterwards.

    Beside them stands a neighbour in whose log the same plots lie: nothing of it may show.
    """
    async with AsyncExitStack() as stack:

        async def opened_log(origin: str, clock: str) -> EventStore:
            store = EventStore(pool, await open_log(pool, origin, clock), CATALOGUE)
            return await stack.enter_async_context(store)

        async def make(origin: str = "", clock: str = "real") -> EventStore:
            if not await pool.fetchval("SELECT count(*) FROM log"):
                chance = random.Random(7)
                lives = [opened("simulated", NOON), *(some_event(chance) for _ in range(60))]
                await write(await opened_log("NEIGHBOUR", "simulated"), lives)
            return await opened_log(origin or str(uuid4()), clock)

        yield make


def opened(clock: Literal["real", "simulated"] = "real", starts_at: datetime | None = None) -> InstitutionOpened:
    return InstitutionOpened(
        institution_id=InstitutionId("G"), name_zh="菜园", name_en="Garden", time_zone="Asia/Shanghai", clock=clock,
        starts_at=starts_at,
    )  # fmt: skip


def readers(pool: asyncpg.Pool, views: Sequence[View[Any]] = VIEWS, patience: float = 0.2) -> Views:
    async def store(log_id: int) -> EventStore:
        return EventStore(pool, log_id, CATALOGUE)

    return Views(pool, views, Clock(pool, CATALOGUE, ClockAdvanced), store, patience)


async def versions(pool: asyncpg.Pool, name: str, log_id: int) -> list[tuple[Any, ...]]:
    """Every version of every row of a view's live table, without the number of the log."""
    relation = await pool.fetchval("SELECT relation FROM view.live WHERE name = $1", name)
    rows = await pool.fetch(f'SELECT * FROM view."{relation}" t WHERE log_id = $1', log_id)
    return sorted((tuple(row)[1:] for row in rows), key=repr)


async def at(pool: asyncpg.Pool, name: str, log_id: int) -> int:
    """Where a view stands."""
    position = await pool.fetchval(
        "SELECT position FROM checkpoint JOIN view.live ON consumer = 'view.' || relation "
        "WHERE name = $1 AND log_id = $2",
        name,
        log_id,
    )
    assert position is not None
    return int(position)
