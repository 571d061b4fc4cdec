"""Moving a simulated clock forward, with the barrier that lets everything due happen first.

From one due instant to the next: an ordinary command sets the clock to it, the ordinary scheduler finds and issues
what is due, and the advance waits until scheduler, dispatcher and views stand at the head, nothing more is due and no
automation has anything to do; what is dead does not hold time up, nor does it elsewhere. Each step has
its own command id, so an advance that had to stop halfway is simply sent again. ``unattended`` jumps straight to the
end and waits for nobody: a rehearsed outage.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import asyncpg
import msgspec

from domain.kernel import Command
from infra.clock import Clock, Institution
from infra.front_door import Ask, Caller, FrontDoor, Receipt
from infra.outbox import CONSUMER

__all__ = ["Advance", "Advanced", "ClockIsReal", "Stuck"]

PATIENCE_SECONDS: Final = 30.0
_LOOK_AGAIN_SECONDS: Final = 0.01
# One snapshot: what an automation records comes before its row is marked, so nothing slips through between two looks.
_STATE: Final = """
select coalesce((select position from event where log_id = $1 order by position desc limit 1), 0) as head,
       coalesce((select position from checkpoint where log_id = $1 and consumer = $2), 0) as dispatched,
       (select automation from outbox where log_id = $1 and state = 'pending' order by automation limit 1) as pending,
       s.position, s.clock_at, s.next_due_at
from (select) as always left join schedule_state s on s.log_id = $1
"""


class ClockIsReal(Exception):
    """The institution's clock is real: nobody moves it."""


class Stuck(Exception):
    """Something has not caught up in time; ``who`` names it, ``reached`` is where the clock stands."""

    def __init__(self, who: str, reached: datetime) -> None:
        super().__init__(f"{who} has not caught up; the clock stands at {reached.isoformat()}")
        self.who = who
        self.reached = reached


class Advanced(msgspec.Struct, frozen=True):
    """Where the clock stands now, and by which steps it came there."""

    now: datetime
    steps: tuple[Receipt, ...]


@dataclass(frozen=True, kw_only=True)
class Advance:
    """Moves the clocks of simulated institutions; ``behind`` names a view that is not at a position yet."""

    pool: asyncpg.Pool[asyncpg.Record]
    clock: Clock
    door: FrontDoor
    command: type[Command]
    behind: Callable[[int, int], Awaitable[str | None]]
    patience_seconds: float = PATIENCE_SECONDS

    async def __call__(self, caller: Caller, to: datetime, *, unattended: bool = False) -> Advanced:
        """Move the clock of the caller's institution to an instant. Raises ClockIsReal, Stuck or a Refusal."""
        institution = await self.clock.institution(caller.log_id)
        if not institution.simulated:
            raise ClockIsReal(institution.institution_id)
        if unattended:
            step = await self._step(institution, caller, to, unattended=True)
            return Advanced(await self.clock.now(caller.log_id), (step,))
        # Where it may not go at all, nothing moves, not even as far as what is due on the way.
        if to > await self.clock.now(caller.log_id):
            values = {"to": to, "unattended": False}
            await self.door.ask(Ask(caller=caller, command=self.command, values=values, dry_run=True))
        steps: list[Receipt] = []
        while True:
            now = await self.clock.now(caller.log_id)
            if to <= now and not steps:
                # A step that was taken before gives its receipt; of any other the command itself says that a clock
                # goes only forward.
                steps.append(await self._step(institution, caller, to, unattended=False))
            next_due = await self._quiet(caller.log_id, now)
            if now >= to:
                return Advanced(now, tuple(steps))
            target = to if next_due is None or next_due > to else next_due
            steps.append(await self._step(institution, caller, target, unattended=False))

    async def _step(self, institution: Institution, caller: Caller, to: datetime, *, unattended: bool) -> Receipt:
        values = {"to": to, "unattended": unattended}
        instant = to.astimezone(UTC).isoformat()
        command_id = self.door.command_id(institution, "clock", f"{instant} unattended" if unattended else instant)
        receipt = await self.door.ask(Ask(caller=caller, command=self.command, values=values, command_id=command_id))
        if not isinstance(receipt, Receipt):
            raise TypeError("an advance is never a dry run")
        return receipt

    async def _quiet(self, log_id: int, now: datetime) -> datetime | None:
        """Wait until nothing more is due at this instant and everybody has seen the head; then the next due instant."""
        deadline = asyncio.get_running_loop().time() + self.patience_seconds
        while True:
            who, next_due = await self._who_is_behind(log_id, now)
            if who is None:
                return next_due
            if asyncio.get_running_loop().time() > deadline:
                raise Stuck(who, now)
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def _who_is_behind(self, log_id: int, now: datetime) -> tuple[str | None, datetime | None]:
        (state,) = await self.pool.fetch(_STATE, log_id, CONSUMER)
        head = state["head"]
        view = await self.behind(log_id, head)
        if view is not None:
            return f"view {view}", None
        if state["dispatched"] < head:
            return "dispatcher", None
        if state["pending"] is not None:
            return f"automation {state['pending']}", None
        if state["position"] is None or state["position"] < head or state["clock_at"] < now:
            return "scheduler", None
        return None, state["next_due_at"]
