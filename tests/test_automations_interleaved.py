"""Any order of recording, dispatching, working, dying and waiting: in the end every act has happened once."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from domain.ids import UnitId
from infra.assembly import Assembly
from infra.front_door import FrontDoor
from tests.automating import FLOOD, NOTE, NOTE_EACH, NOTES, SEND, Garden, allotment, noting, open_garden
from tests.conftest import Database
from tests.logs import Loop
from tests.test_automations import Crash, Door
from tests.viewing import PlotDug, PlotFlooded, PlotLeft, RowMerged, dug
from workers.actors import ACTORS, actor_of
from workers.automations import Automation, Does, Sends, Started
from workers.work import Work

pytestmark = pytest.mark.store
_origins = (f"interleaved-{n}" for n in itertools.count(1))
PATIENT = tuple(replace(actor, batch=3, attempts=1_000_000) for actor in ACTORS)
FAULTS = ("none", "none", "breaks", "dies before", "dies after")
WORK = st.tuples(st.sampled_from(("flood", "note", "note each", "send")), st.sampled_from(FAULTS))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("dig"), st.integers(0, 3), st.sampled_from(("r1", "r2"))),
        st.tuples(st.just("merge"), st.sampled_from(("r1", "r2"))),
        st.tuples(st.just("leave"), st.integers(0, 3)),
        st.tuples(st.just("enter"), st.integers(0, 1)),
        st.tuples(st.just("work"), WORK),
        st.tuples(st.just("all at once"), st.lists(WORK, min_size=2, max_size=4)),
        st.just(("time",)),
    ),
    max_size=40,
)


@dataclass
class Staff:
    """Two dispatchers and any number of workers, each of which may break or die at a step."""

    garden: Garden
    heard: list[UUID] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dispatchers = [self.garden.dispatcher(tuple(self.automations("none").values())) for _ in range(2)]

    def automations(self, fault: str) -> dict[str, Automation]:
        async def note(name: str, started: Started, connection: Any) -> None:
            _strike(fault, "dies before")
            await noting(name)(started, connection)
            _strike(fault, "dies after")

        async def send(started: Started) -> None:
            _strike(fault, "dies before")
            self.heard.append(started.key)
            _strike(fault, "dies after")

        return {
            "flood": FLOOD,
            "note": replace(NOTE, then=Does(lambda started, connection: note("dug", started, connection))),
            "note each": replace(NOTE_EACH, then=Does(lambda started, connection: note("each", started, connection))),
            "send": replace(SEND, then=Sends(send)),
        }

    async def work(self, which: str, fault: str) -> None:
        """Let a worker of its own carry out one batch, and die of it if it must."""
        parts = self.garden.parts
        before: list[BaseException] = [_fault(fault)] if fault in {"breaks", "dies before"} else []
        after: list[BaseException] = [_fault(fault)] if fault == "dies after" else []
        door = cast("FrontDoor", Door(parts.door, before, after))
        automation = self.automations(fault)[which]
        worker = Work(replace(parts, door=door), [automation])
        with suppress(Crash):
            await worker.batch(actor_of(automation, PATIENT), self.garden.log_id, automation.name)

    async def enter(self, which: int) -> None:
        await self.dispatchers[which].catch_up(self.garden.log_id, self.garden.origin)

    async def step(self, step: Any) -> None:
        match step:
            case ("dig", number, row):
                await self.garden.write(dug(number, row))
            case ("merge", row):
                await self.garden.write(RowMerged(row=row, into="r9"))
            case ("leave", number):
                await self.garden.write(PlotLeft(unit_id=UnitId(f"P-{number}")))
            case ("enter", which):
                await self.enter(which)
            case ("work", (which, fault)):
                await self.work(which, fault)
            case ("all at once", works):
                await asyncio.gather(self.enter(0), self.enter(1), *(self.work(*work) for work in works))
            case _:
                await self.garden.time_passes()

    async def finish(self) -> None:
        """From now on nobody dies."""
        await self.enter(0)
        while "pending" in await self.garden.states():
            await self.garden.time_passes()
            for which in ("flood", "note", "note each", "send"):
                await self.work(which, "none")


def _fault(fault: str) -> BaseException:
    return ZeroDivisionError() if fault == "breaks" else Crash()


def _strike(fault: str, when: str) -> None:
    if fault == when or (fault == "breaks" and when == "dies after"):
        raise _fault(fault)


@pytest.fixture
def play(database: Database) -> Iterator[Callable[[Callable[[Assembly], Awaitable[None]]], None]]:
    """Lets something be played in a loop of its own, since examples are drawn where nothing can be awaited."""
    loop, stack = Loop(), AsyncExitStack()

    async def open_parts() -> Assembly:
        superuser = await asyncpg.connect(database.superuser_url)
        await superuser.execute(NOTES)
        await superuser.close()
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        return await stack.enter_async_context(allotment(database.app_url, Path(folder) / "vault.key", size=30))

    parts = loop.run(open_parts())
    try:
        yield lambda work: loop.run(cast("Any", work(parts)))
    finally:
        loop.run(stack.aclose())
        loop.stop()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
@example(steps=[("dig", 1, "r1"), ("enter", 0), ("work", ("flood", "dies after")), ("time",), ("dig", 1, "r1")])
@example(steps=[("dig", 1, "r1"), ("merge", "r1"), ("enter", 0), ("work", ("note each", "none"))] * 2)
def test_in_the_end_every_act_has_happened_once(
    play: Callable[[Callable[[Assembly], Awaitable[None]]], None], steps: list[Any]
) -> None:
    async def once(parts: Assembly) -> None:
        staff = Staff(await open_garden(parts, next(_origins)))
        for step in steps:
            await staff.step(step)
        await staff.finish()
        await check(staff)

    play(once)


async def check(staff: Staff) -> None:
    garden = staff.garden
    digs, merges = await garden.events(PlotDug), await garden.events(RowMerged)
    expected = [("dug", dig.position, dig.position) for dig in digs]
    for merge in merges:
        row = cast("RowMerged", merge.event).row
        before = [d for d in digs if d.position < merge.position and cast("PlotDug", d.event).row == row]
        expected += [("each", merge.position, dig.position) for dig in before]
    assert await garden.notes() == sorted(expected)

    flooded = await garden.events(PlotFlooded)
    asked = await garden.rows(FLOOD)
    assert [row.position for row in asked] == [dig.position for dig in digs]
    plots = {cast("PlotDug", dig.event).unit_id for dig in digs}
    assert Counter(cast("PlotFlooded", each.event).unit_id for each in flooded) == Counter(plots)
    answers = Counter(row.state for row in asked)
    assert (answers["done"], answers["refused"]) == (len(plots), len(digs) - len(plots))
    causes = {row.recorded: row.position for row in asked if row.state == "done"}
    assert causes == {each.position: each.envelope.cause for each in flooded}

    sent = await garden.rows(SEND)
    assert {row.key for row in sent} == set(staff.heard)
    assert len(sent) == len(await garden.events(PlotLeft))
