"""One clock per institution; nothing else in the product asks what time it is.

The first event of a log says for ever whether its clock is real or simulated. A real clock is the database server's;
a simulated one stands where the last recorded advance put it, and moves by nothing else. Operational matters (tokens,
heartbeats, the root of a day of the access journal) use the database server's time in both.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Protocol, cast
from zoneinfo import ZoneInfo

import asyncpg

from domain.kernel import Catalogue, Event

__all__ = ["Clock", "Institution", "NoInstitution", "guess", "midnight_after"]


class Opening(Protocol):
    """What the first event of a log says of its institution."""

    institution_id: str
    time_zone: str
    clock: str
    starts_at: datetime | None


class Advance(Protocol):
    """What an event says that moved a simulated clock."""

    to: datetime


class NoInstitution(Exception):
    """The log has no first event: nobody has opened an institution in it."""


@dataclass(frozen=True, slots=True)
class Institution:
    """One log and what its first event fixed for ever."""

    log_id: int
    institution_id: str
    zone: ZoneInfo
    simulated: bool
    starts_at: datetime | None

    def day(self, instant: datetime) -> date:
        """The institution's day of an instant."""
        return instant.astimezone(self.zone).date()

    def start_of(self, day: date) -> datetime:
        """The first instant of a day in the institution's zone, in UTC."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


def guess() -> datetime:
    """This machine's own time, for what is asked again once the institution's time is known."""
    return datetime.now(UTC)  # noqa: TID251 - This is the one place.


def midnight_after(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a day ends, exclusive: the next local midnight, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


# Positions are dense and recorded in order of time, so halving finds the last one without an index on time.
_RECORDED_BY: Final = """
with recursive search(low, high) as (
    select 0::bigint, coalesce((select position from event where log_id = $1 order by position desc limit 1), 0) + 1
    union all
    select case when e.recorded_at <= $2 then m.middle else s.low end,
           case when e.recorded_at <= $2 then s.high else m.middle end
    from search s, lateral (select (s.low + s.high) / 2 as middle) m,
         lateral (select o.recorded_at from event o where o.log_id = $1 and o.position = m.middle limit 1) e
    where s.high - s.low > 1
)
select low from search order by high - low limit 1
"""


class Clock:
    """Answers ``now`` for each log of a database."""

    def __init__(self, pool: asyncpg.Pool, catalogue: Catalogue, advanced: type[Event]) -> None:
        self._pool = pool
        self._catalogue = catalogue
        self._advanced = advanced
        self._institutions: dict[int, Institution] = {}

    async def institution(self, log_id: int) -> Institution:
        """What the first event of a log fixed; read once, since it never changes. Raises NoInstitution."""
        known = self._institutions.get(log_id)
        if known is not None:
            return known
        row = await self._pool.fetchrow("select type, data from event where log_id = $1 and position = 1", log_id)
        if row is None:
            raise NoInstitution(log_id)
        opening = cast("Opening", self._catalogue.decode(row["type"], row["data"]))
        found = Institution(
            log_id, opening.institution_id, ZoneInfo(opening.time_zone), opening.clock == "simulated", opening.starts_at
        )
        self._institutions[log_id] = found
        return found

    async def institutions(self) -> Sequence[Institution]:
        """Every institution of the database that has been opened, in the order of their logs."""
        rows = await self._pool.fetch("select log_id from event where position = 1 order by log_id")
        return [await self.institution(row["log_id"]) for row in rows]

    async def now(self, log_id: int) -> datetime:
        """The institution's time, in UTC."""
        institution = await self.institution(log_id)
        if not institution.simulated:
            return await self.server_time()
        row = await self._pool.fetchrow(
            "select e.data from event_tag t join event e using (log_id, position)"
            " where t.log_id = $1 and t.tag = $2 and t.type = $3 order by t.position desc limit 1",
            log_id,
            f"institution:{institution.institution_id}",
            self._advanced.TOPIC,
        )
        if row is not None:
            return cast("Advance", self._catalogue.decode(self._advanced.TOPIC, row["data"])).to
        if institution.starts_at is None:
            raise NoInstitution(f"the opening of log {log_id} does not say where its clock starts")
        return institution.starts_at

    async def position_as_of(self, log_id: int, instant: datetime) -> int:
        """The position up to which everything had been recorded at an instant of the institution's time.

        A real log is searched by when its events were recorded. A simulated one stood, at an instant, just before the
        first advance beyond it: what was received meanwhile was received at that time, however long it took.
        """
        institution = await self.institution(log_id)
        if not institution.simulated:
            return int(await self._pool.fetchval(_RECORDED_BY, log_id, instant))
        if institution.starts_at is not None and instant < institution.starts_at:
            return 0
        rows = await self._pool.fetch(
            "select t.position, e.data from event_tag t join event e using (log_id, position)"
            " where t.log_id = $1 and t.tag = $2 and t.type = $3 order by t.position",
            log_id,
            f"institution:{institution.institution_id}",
            self._advanced.TOPIC,
        )
        beyond = bisect_right(rows, instant, key=self._advanced_to)
        if beyond < len(rows):
            return int(rows[beyond]["position"]) - 1
        return int(await self._pool.fetchval("select max(position) from event where log_id = $1", log_id))

    def _advanced_to(self, row: asyncpg.Record) -> datetime:
        return cast("Advance", self._catalogue.decode(self._advanced.TOPIC, row["data"])).to

    async def server_time(self) -> datetime:
        """The database server's time, in UTC: always real."""
        instant: datetime = await self._pool.fetchval("select clock_timestamp()")
        return instant.astimezone(UTC)
