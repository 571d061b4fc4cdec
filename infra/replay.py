"""Replay: fold everything from position 1 and compare it with what the tables of the views say.

Every version of every row is compared, with where it began and ended, so that not only "now" but every earlier moment
is known to be what the log says. Tables are read in the order in which the fold makes their versions; only the rows
that stand are kept in memory.
"""

# ruff: noqa: S608 - Names come from declared views and are quoted; every value is a parameter.

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import asyncpg
import msgspec

from domain.kernel import Catalogue, Recorded, UnknownEventType
from infra.event_store import EventStore
from infra.view_batch import CONSUMERS
from infra.view_build import live
from infra.view_tables import SCHEMA, Shape, quoted
from projections.kernel import Change, Key, Register, View

if TYPE_CHECKING:
    from infra.subscription import Connection

__all__ = ["Difference", "Replayed", "ReplayedView", "ViewPace", "replayed", "verify"]

_PREFETCH: Final = 500
_FOR_EVER: Final = 2**62
Kind = Literal["missing", "extra", "changed", "not_built", "not_folded"]


class Difference(msgspec.Struct, frozen=True):
    """One thing in which a table and the log disagree.

    ``missing``: the log makes this version of a row, the table has it not. ``extra``: the table has it, the log does
    not make it. ``changed``: the column says something else, or ``to_position``, where the version ended. ``not_built``
    and ``not_folded`` concern the whole view; ``position`` is where the version began, or where the fold failed.
    """

    view: str
    kind: Kind
    key: Key = ()
    column: str | None = None
    position: int = 0


@dataclass(frozen=True)
class ReplayedView:
    """What folding one view made up to the position of the replay: how many versions of rows, and their digest.

    The digest is SHA-256 over a line of JSON for each change, in order: position, key, and the row or null.
    """

    view: str
    version: int
    versions: int
    digest: str
    differences: int


class ViewPace(msgspec.Struct, frozen=True):
    """How fast one view was folded and compared: the events it reads, and the seconds that these took.

    The seconds are those of the fold, of reading its table and of comparing the two; decoding an event, which is done
    once for all views, is in none of them. ``events_per_second`` is null for a view that read nothing.
    """

    view: str
    events: int
    seconds: float
    events_per_second: int | None


@dataclass(frozen=True)
class Replayed:
    """What came of a replay: up to where all views stood, each of them, the differences there are, and its pace."""

    position: int
    views: tuple[ReplayedView, ...]
    differences: list[Difference]
    paces: tuple[ViewPace, ...]


async def replayed(
    pool: asyncpg.Pool[asyncpg.Record],
    views: Sequence[View[Any]],
    catalogue: Catalogue,
    log_id: int,
    report: Callable[[int, int], None] = lambda _done, _of: None,
) -> Replayed:
    """Compare every view with the log, each up to where it stands; without differences is what one hopes for.

    ``report`` is told positions as they are done. The tables are read in one snapshot.
    """
    differences: list[Difference] = []
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(pool.acquire())
        await stack.enter_async_context(connection.transaction(isolation="repeatable_read", readonly=True))
        checks = await _checks(connection, views, log_id, differences)
        by_type: dict[str, list[_Check]] = {}
        for check in checks:
            for topic in check.shape.view.topics:
                by_type.setdefault(topic, []).append(check)
        until = max((check.until for check in checks), default=0)
        common = min((check.until for check in checks), default=0)
        for check in checks:
            check.common = common
        done = 0
        try:
            async for page in EventStore(pool, log_id, catalogue).pages(0, until):
                for recorded in page:
                    for check in by_type.get(recorded.type, ()):
                        await check.take(recorded)
                done = page[-1].position
                report(done, until)
        except (UnknownEventType, msgspec.ValidationError, msgspec.DecodeError):
            differences += [Difference(check.name, "not_folded", position=done + 1) for check in checks]
        for check in checks:
            await check.finish()
    counted = Counter(difference.view for difference in differences)
    folded = {check.name: check for check in checks}
    told = (_replayed(view, folded.get(view.name), counted[view.name]) for view in views)
    return Replayed(common, tuple(told), differences, tuple(check.pace() for check in checks))


def _replayed(view: View[Any], check: _Check | None, differences: int) -> ReplayedView:
    versions, digest = (0, hashlib.sha256()) if check is None else (check.versions, check.digest)
    return ReplayedView(view.name, view.version, versions, digest.hexdigest(), differences)


async def verify(
    pool: asyncpg.Pool[asyncpg.Record],
    views: Sequence[View[Any]],
    catalogue: Catalogue,
    log_id: int,
    report: Callable[[int, int], None] = lambda _done, _of: None,
) -> list[Difference]:
    """The differences of a replay; an empty list is what one hopes for."""
    return (await replayed(pool, views, catalogue, log_id, report)).differences


async def _checks(
    connection: Connection, views: Sequence[View[Any]], log_id: int, differences: list[Difference]
) -> list[_Check]:
    there = await live(connection)
    rows = await connection.fetch("SELECT consumer, position FROM checkpoint WHERE log_id = $1", log_id)
    positions = {row["consumer"]: row["position"] for row in rows}
    checks = []
    for view in views:
        shape, found = Shape(view), there.get(view.name)
        if found is None or found.shape != shape.signature:
            differences.append(Difference(view.name, "not_built"))
            continue
        until = positions.get(CONSUMERS + found.relation, 0)
        checks.append(_Check(shape, _versions(connection, shape, found.relation, log_id), until, differences))
    return checks


@dataclass(frozen=True)
class _Version:
    """One version as the table has it; ``damaged`` names a column that is no value of its field, and then no row is."""

    begun: int
    ended: int | None
    key: Key
    row: Any
    damaged: str | None = None


async def _versions(connection: Connection, shape: Shape[Any], relation: str, log_id: int) -> AsyncIterator[_Version]:
    """Every version of a log's rows, in the order of their beginnings, one after another."""
    sql = (
        f"SELECT from_position, to_position, {shape.columns} FROM {SCHEMA}.{quoted(relation)} "
        "WHERE log_id = $1 ORDER BY from_position"
    )
    async for record in connection.cursor(sql, log_id, prefetch=_PREFETCH):
        begun, ended, *values = record
        key = tuple(record[name] for name in shape.view.key)
        damaged = shape.undecodable(values)
        yield _Version(begun, ended, key, None if damaged else shape.decode(values), damaged)


class _Check:
    """One view's fold and its table, walked side by side."""

    def __init__(
        self, shape: Shape[Any], versions: AsyncIterator[_Version], until: int, differences: list[Difference]
    ) -> None:
        self.shape = shape
        self.name = shape.view.name
        self.until = until
        self.common = until
        self.versions, self.digest = 0, hashlib.sha256()
        self._events, self._seconds = 0, 0.0
        self._register = Register(shape.view)
        self._versions = versions
        self._next: _Version | None = None
        self._failed = False
        self._differences = differences
        # Of the rows that stand: where each began, and the end that the table gives it.
        self._ends: dict[Key, tuple[int, int | None]] = {}

    async def take(self, recorded: Recorded) -> None:
        """Fold one event, and compare the versions that begin and end with it."""
        if self._failed or recorded.position > self.until:
            return
        began = time.perf_counter()
        await self._take(recorded)
        self._events += 1
        self._seconds += time.perf_counter() - began

    def pace(self) -> ViewPace:
        """How fast it was, by now."""
        rate = round(self._events / self._seconds) if self._seconds else None
        return ViewPace(self.name, self._events, round(self._seconds, 6), rate)

    async def _take(self, recorded: Recorded) -> None:
        position = recorded.position
        try:
            changes = self._register.apply(recorded)
        except Exception:  # noqa: BLE001 - Whatever a fold raises is a finding about this view, and about no other.
            self._failed = True
            self._differences.append(Difference(self.name, "not_folded", position=position))
            return
        if not changes:
            return
        if position <= self.common:
            self._digest(position, changes)
        found = await self._beginning_at(position)
        for key, before, after in changes:
            if before is not None:
                self._compare_end(key, position)
            if after is not None:
                self._compare(key, after, position, found)
        for key in found:
            self._say("extra", key, position)

    def _digest(self, position: int, changes: Sequence[Change[Any]]) -> None:
        """Take what the fold made into the digest of it."""
        for key, _, after in changes:
            self.versions += after is not None
            self.digest.update(msgspec.json.encode((position, key, after), order="sorted") + b"\n")

    async def finish(self) -> None:
        """What stands must have no end; what the table has beyond the fold is extra."""
        if self._failed:
            return
        for key in list(self._ends):
            self._compare_end(key, None)
        for key in await self._beginning_at(_FOR_EVER):
            self._say("extra", key, 0)

    def _compare(self, key: Key, row: Any, position: int, found: dict[Key, list[_Version]]) -> None:  # noqa: ANN401 - Rows of any view.
        there = found.get(key)
        if not there:
            self._say("missing", key, position)
            return
        version = there.pop()
        if not there:
            del found[key]
        self._ends[key] = (position, version.ended)
        other = version.row
        if version.damaged is not None:
            self._say("changed", key, position, version.damaged)
        elif other != row:
            for field in self.shape.fields:
                if getattr(other, field.name) != getattr(row, field.name):
                    self._say("changed", key, position, field.name)

    def _compare_end(self, key: Key, position: int | None) -> None:
        """A version ends where the next one begins; one that is missing has been told already."""
        begun, ended = self._ends.pop(key, (0, position))
        if ended != position:
            self._say("changed", key, begun, "to_position")

    async def _beginning_at(self, position: int) -> dict[Key, list[_Version]]:
        """The table's versions that begin at a position; those that begin before it, where nothing should, are told."""
        found: dict[Key, list[_Version]] = {}
        while (version := await self._peek()) is not None and version.begun <= position:
            self._next = None
            if version.begun < position:
                self._say("extra", version.key, version.begun)
            else:
                found.setdefault(version.key, []).append(version)
        return found

    async def _peek(self) -> _Version | None:
        if self._next is None:
            self._next = await anext(self._versions, None)
        return self._next

    def _say(self, kind: Kind, key: Key, position: int, column: str | None = None) -> None:
        self._differences.append(Difference(self.name, kind, key, column, position))
