"""Reading views: one row or a page of rows, as they stand, as they stood at a position, or as facts were true on a day.

Every answer is one statement, so rows and the position they reflect come from one snapshot, and from one table: where
a rebuilt table was switched in meanwhile, the statement is asked again of the new one. A list that is continued by its
cursor goes on at the position of its first page, so that its pages fit together whatever is recorded meanwhile.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, TypeVar

import asyncpg

from domain.ids import TAG_KINDS
from domain.kernel import Audience, Recorded, redact
from infra.clock import Clock, midnight_after
from infra.event_store import EventStore
from infra.record import Item
from infra.shared import Shared
from infra.view_batch import CONSUMERS
from infra.view_build import live
from infra.view_history import begun_at, ended_at, within
from infra.view_query import LARGEST_PAGE, Asked, BadQuery, Cursor, Page, continued, paged, question, selected
from infra.view_tables import Shape
from projections.kernel import Key, Row, Version, View, Where, fold_on

__all__ = ["Behind", "Found", "NoSuchView", "NotBuilt", "NotEffective", "Standing", "Views", "shown"]

PATIENCE_SECONDS: Final = 2.0
_FIRST_WAIT: Final = 0.001
_LONGEST_WAIT: Final = 0.05
T = TypeVar("T")


class NoSuchView(Exception):
    """There is no view of this name."""


class NotBuilt(Exception):
    """The table of a view is not there yet, or a newer program's: a moment later it may be."""

    def __init__(self, view: str) -> None:
        super().__init__(f"View {view} is being built.")
        self.view = view


class NotEffective(Exception):
    """This view cannot be read as of the day on which facts were true."""

    def __init__(self, view: str) -> None:
        super().__init__(f"View {view} cannot be read as of an effective day.")
        self.view = view


class Behind(Exception):
    """The view has not reached the position wanted of it in time."""

    def __init__(self, view: str, position: int, wanted: int) -> None:
        super().__init__(f"View {view} stands at {position}, not yet at {wanted}.")
        self.view = view
        self.position = position
        self.wanted = wanted


@dataclass(frozen=True)
class Found:
    """One row or none, the position it reflects, and since which position the row has stood so (0 if there is none).

    ``version`` is the newest position by then of the tag that was asked for with it.
    """

    row: Any
    since: int
    position: int
    version: int = 0


@dataclass(frozen=True)
class Standing:
    """Where a view stands in one log: its table, its position and the head, and the event that stopped it, if any."""

    view: str
    relation: str | None
    log_id: int
    position: int
    head: int
    stopped_at: int | None
    kind: str | None

    @property
    def healthy(self) -> bool:
        """Whether the view has a table and no event stopped it; being behind is no illness."""
        return self.relation is not None and self.stopped_at is None


class _Table:
    """The table that a view is read from now, and what is asked of it by key, which travels together."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], shape: Shape[Any], relation: str) -> None:
        self.relation = relation
        self._pool, self._view, self._sql = pool, shape.view.name, selected(shape, relation)
        self._logs: dict[int, Shared[tuple[Any, ...], asyncpg.Record]] = {}

    async def row(self, log_id: int, wanted: tuple[Any, ...]) -> asyncpg.Record:
        """What the statement tells of the parts of a key, a tag and a position."""
        if log_id not in self._logs:
            self._logs[log_id] = Shared(functools.partial(self._rows, log_id))
        return await self._logs[log_id](wanted)

    async def _rows(self, log_id: int, wanted: Sequence[tuple[Any, ...]]) -> Sequence[asyncpg.Record]:
        columns = zip(*wanted, strict=True)
        return await self._pool.fetch(self._sql, log_id, self._view, CONSUMERS + self.relation, *columns)


class Views:
    """Reads the tables that the projector keeps; the views are handed in, with the clocks and the logs they are of."""

    def __init__(
        self,
        pool: asyncpg.Pool[asyncpg.Record],
        views: Iterable[View[Any]],
        clock: Clock,
        stores: Callable[[int], Awaitable[EventStore]],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._stores = stores
        self._shapes = {view.name: Shape(view) for view in views}
        self._tables: dict[str, _Table] = {}
        self._patience = patience_seconds

    def _shape(self, view: View[Any] | str) -> Shape[Any]:
        name = view if isinstance(view, str) else view.name
        try:
            return self._shapes[name]
        except KeyError:
            raise NoSuchView(name) from None

    # --- rows --------------------------------------------------------------------------------------------------------

    async def get(
        self,
        log_id: int,
        view: View[Any] | str,
        key: Sequence[Any],
        *,
        at_position: int | None = None,
        effective_on: date | None = None,
        min_position: int = 0,
        version_of: str | None = None,
    ) -> Found:
        """One row by its key; text is taken for values of the key's types. Raises Behind, NotEffective, BadQuery.

        ``version_of`` is a tag whose version as of the same position is given beside the row.
        """
        shape = self._shape(view)
        exact = shape.key_from(key)
        if effective_on is not None:
            # Where the view finds rows by key alone and the key is an id, the id's own events are enough.
            stood, position = await self._stood(log_id, shape.view, effective_on, at_position, _tags(shape, exact))
            version = await (await self._stores(log_id)).version(version_of, position) if version_of else 0
            return Found(stood.get(exact), 0, position, version)

        async def ask(table: _Table) -> tuple[int, Found] | None:
            relation, position, version, since, *values = await table.row(log_id, (*exact, version_of, at_position))
            if relation != table.relation:
                return None
            row = None if since is None else shape.decode(values)
            return position, Found(row, since or 0, _reflected(position, at_position), version)

        return await self._reached(shape, max(min_position, at_position or 0), ask)

    async def list(
        self,
        log_id: int,
        view: View[Any] | str,
        *,
        filters: Mapping[str, Any] | None = None,
        sort: str | None = None,
        cursor: str | None = None,
        limit: int = LARGEST_PAGE,
        at_position: int | None = None,
        effective_on: date | None = None,
        min_position: int = 0,
        visible: Callable[[Any], bool] | None = None,
    ) -> Page:
        """A page of rows, filtered, in a stable order; raises Behind, NotEffective, BadQuery.

        A filter is a value, None for nothing, AtMost or AtLeast a value, or a list of values, of which any will do.
        ``sort`` is a field the view declares, descending with a minus before it; without one, rows follow their keys.
        A row that is not ``visible`` is passed over as if it were not there: neither the cursor nor whether there is
        one depends on it.
        """
        shape = self._shape(view)
        asked = Asked.of(shape, log_id, filters=filters or {}, sort=sort or "", limit=limit, effective_on=effective_on)
        after = Cursor.read(shape, asked, cursor)
        at = _pinned(after, at_position)
        if effective_on is not None:
            stood, position = await self._stood(log_id, shape.view, effective_on, at)
            rows = continued(shape, asked, after, filter(visible, stood.values()) if visible else stood.values())
            return paged(shape, asked, rows, position)
        if visible is None:
            return await self._page(shape, asked, after, at, min_position)
        found: list[Any] = []
        wide = replace(asked, limit=LARGEST_PAGE)
        while True:
            page = await self._page(shape, wide, after, at, min_position)
            found += filter(visible, page.rows)
            if len(found) > limit or page.next is None:
                return paged(shape, asked, found[: limit + 1], page.position)
            after, at = Cursor.read(shape, asked, page.next), page.position

    async def _page(
        self, shape: Shape[Any], asked: Asked, after: Cursor | None, at: int | None, min_position: int
    ) -> Page:
        async def ask(table: _Table) -> tuple[int, Page] | None:
            sql, arguments = question(shape, table.relation, asked, after, at)
            records = await self._pool.fetch(sql, *arguments)
            # By place: the fields of a row may have any name.
            if not records or records[0][0] != table.relation:
                return None
            position = records[0][1]
            rows = [shape.decode(values) for _, _, since, *values in records if since is not None]
            return position, paged(shape, asked, rows, _reflected(position, at))

        return await self._reached(shape, max(min_position, at or 0), ask)

    async def told(
        self,
        view: View[Any] | str,
        least: int,
        ask: Callable[[asyncpg.Pool[asyncpg.Record], str], Awaitable[tuple[int, T] | None]],
    ) -> T:
        """What statements of their own tell of the table of a view, once it has reached a position.

        They are given the name of the table, and answer where it stands, or None where it is not read any more.
        Raises Behind, NotBuilt.
        """
        return await self._reached(self._shape(view), least, lambda table: ask(self._pool, table.relation))

    async def _reached(
        self, shape: Shape[Any], wanted: int, ask: Callable[[_Table], Awaitable[tuple[int, T] | None]]
    ) -> T:
        """Ask the table that is read now, again until it has reached a position; raises Behind, NotBuilt."""
        deadline = asyncio.get_running_loop().time() + self._patience
        wait = _FIRST_WAIT
        while True:
            answer = await self._answer(shape, ask)
            if answer is not None and answer[0] >= wanted:
                return answer[1]
            if asyncio.get_running_loop().time() + wait > deadline:
                if answer is None:
                    raise NotBuilt(shape.view.name)
                raise Behind(shape.view.name, answer[0], wanted)
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    async def _answer(
        self, shape: Shape[Any], ask: Callable[[_Table], Awaitable[tuple[int, T] | None]]
    ) -> tuple[int, T] | None:
        """What the table says that is read now; None where it is not there yet, or was switched meanwhile."""
        try:
            table = await self._table(shape)
        except NotBuilt:
            return None
        try:
            answer = await ask(table)
        except asyncpg.UndefinedTableError:
            answer = None
        # Others who were told the same may have forgotten it before us, and know the new one already.
        if answer is None and self._tables.get(shape.view.name) is table:
            del self._tables[shape.view.name]
        return answer

    async def _table(self, shape: Shape[Any]) -> _Table:
        name = shape.view.name
        known = self._tables.get(name)
        if known is not None:
            return known
        there = (await live(self._pool)).get(name)
        # An older or newer version is as good as our own, as long as its rows look the same.
        if there is None or there.shape != shape.signature:
            raise NotBuilt(name)
        return self._tables.setdefault(name, _Table(self._pool, shape, there.relation))

    async def _stood(
        self, log_id: int, view: View[Any], day: date, at_position: int | None, tags: Sequence[str] = ()
    ) -> tuple[dict[Key, Any], int]:
        """The rows as they stood at the end of the institution's day, by the facts known at a position."""
        if not view.effective:
            raise NotEffective(view.name)
        until = midnight_after(day, (await self._clock.institution(log_id)).zone)
        topics = tuple(sorted(view.topics))
        items = [Item(types=topics, tags=(tag,)) for tag in tags] or [Item(types=topics)]
        page = await (await self._stores(log_id)).read(items, until=at_position)
        return fold_on(view, page.events, day, until), _reflected(page.head, at_position)

    # --- earlier versions --------------------------------------------------------------------------------------------

    async def versions(
        self, log_id: int, view: View[Any], field: str, value: str, *, then: int, now: int
    ) -> Sequence[Version[Any]]:
        """The versions of the rows with a value of a field that stood between two positions, by key; raises Behind."""
        shape = self._shape(view)
        wanted = shape.by_name[field].value_of(value)

        async def ask(table: _Table) -> tuple[int, Sequence[Version[Any]]] | None:
            reached = await self._settled(log_id, view, table)
            records = await self._pool.fetch(within(shape, table.relation, field), log_id, wanted, then, now)
            found = [Version(shape.decode(values), begun, ended) for begun, ended, *values in records]
            return None if reached is None else (reached, found)

        return await self._reached(shape, now, ask)

    async def changed(
        self, log_id: int, view: View[Any], facts: Sequence[Recorded]
    ) -> dict[int, Sequence[tuple[Any, Any]]]:
        """What each of these events did to the rows of a view: rows before and after, None where there is none.

        By the position of the event; raises Behind.
        """
        shape = self._shape(view)
        positions = [fact.position for fact in facts]
        named = {(key, fact.position) for fact in facts for key in view.touches(fact) if not isinstance(key, Where)}

        async def ask(table: _Table) -> tuple[int, dict[int, Sequence[tuple[Any, Any]]]] | None:
            reached = await self._settled(log_id, view, table)
            before = {
                (shape.view.key_of(row := shape.decode(values)), position): row
                for position, *values in await self._pool.fetch(ended_at(shape, table.relation), log_id, positions)
            }
            wanted = sorted(named | set(before), key=lambda each: each[1])
            columns = [[key[part] for key, _ in wanted] for part in range(len(shape.key))]
            began = begun_at(shape, table.relation)
            after = {
                (shape.view.key_of(row := shape.decode(values)), position): row
                for position, *values in await self._pool.fetch(began, log_id, *columns, [at for _, at in wanted])
            }
            found: dict[int, Sequence[tuple[Any, Any]]] = {}
            for each in wanted:
                if each in before or each in after:
                    found[each[1]] = (*found.get(each[1], ()), (before.get(each), after.get(each)))
            return None if reached is None else (reached, found)

        return await self._reached(shape, max(positions, default=0), ask)

    async def _settled(self, log_id: int, view: View[Any], table: _Table) -> int | None:
        """Up to where the versions in a table are all there and stay as they are; None where another one is read now.

        It is asked before the versions are: what is added meanwhile lies beyond it.
        """
        record = await self._pool.fetchrow(_SETTLED, log_id, view.name, CONSUMERS + table.relation)
        return None if record is None or record[0] != table.relation else int(record[1])

    async def position_as_of(self, log_id: int, instant: datetime) -> int:
        """The position up to which everything had been recorded at an instant of the institution's time."""
        return await self._clock.position_as_of(log_id, instant)

    # --- how the views are -------------------------------------------------------------------------------------------

    async def standing(self) -> tuple[Standing, ...]:
        """Where every view stands in every log."""
        names = list(self._shapes)
        shapes = [shape.signature for shape in self._shapes.values()]
        return tuple(Standing(*record) for record in await self._pool.fetch(_STANDING, names, shapes))

    async def until(self, log_id: int, position: int, views: Collection[str] = ()) -> None:
        """Wait, bounded, until these views (all, if none is named) have reached a position of a log; raises Behind."""
        deadline = asyncio.get_running_loop().time() + self._patience
        while True:
            standing = [
                each for each in await self.standing() if each.log_id == log_id and (not views or each.view in views)
            ]
            last = min(standing, key=lambda each: each.position, default=None)
            if last is None or last.position >= position:
                return
            if asyncio.get_running_loop().time() + _LONGEST_WAIT > deadline:
                raise Behind(last.view, last.position, position)
            await asyncio.sleep(_LONGEST_WAIT / 5)

    async def behind(self, log_id: int, position: int) -> str | None:
        """Name a view that has not reached a position of a log, if there is one."""
        for each in await self.standing():
            if each.log_id == log_id and each.position < position:
                return each.view
        return None


_STANDING = """
SELECT n.name, v.relation, l.log_id, coalesce(c.position, 0),
       coalesce((SELECT h.position FROM event h WHERE h.log_id = l.log_id ORDER BY h.position DESC LIMIT 1), 0),
       s.position, s.kind
FROM unnest($1::text[], $2::text[]) AS n(name, shape) CROSS JOIN log l
LEFT JOIN view.live v ON v.name = n.name AND v.shape = n.shape
LEFT JOIN checkpoint c ON c.log_id = l.log_id AND c.consumer = 'view.' || v.relation
LEFT JOIN view.stopped s ON s.log_id = l.log_id AND s.relation = v.relation
ORDER BY l.log_id, n.name
"""


_SETTLED = """
SELECT v.relation, coalesce((SELECT c.position FROM checkpoint c WHERE c.log_id = $1 AND c.consumer = $3), 0)
FROM view.live v WHERE v.name = $2
"""


def _reflected(reached: int, at_position: int | None) -> int:
    return reached if at_position is None else at_position


def _pinned(after: Cursor | None, at_position: int | None) -> int | None:
    if after is None:
        return at_position
    if at_position not in (None, after.position):
        raise BadQuery("cursor", "a cursor of the same position")
    return after.position


def _tags(shape: Shape[Any], key: Key) -> Sequence[str]:
    """The tags under which all events of a row are found, or none where only the whole fold can tell."""
    if shape.view.indexes:
        return []
    for field, value in zip(shape.key, key, strict=True):
        kind = TAG_KINDS.get(field.identity)
        if kind is not None:
            roles = [each for each in TAG_KINDS.values() if each == kind or each.endswith(f"-{kind}")]
            return [f"{role}:{value}" for role in roles]
    return []


def shown(
    view: View[Row], row: Row, audiences: frozenset[Audience], units: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """The fields of a row that a reader of these audiences may see; whose own units it concerns, also the subject's."""
    concerned = {getattr(row, name) for name in view.subject_units}
    return redact(row, audiences | {"subject"} if concerned & units else audiences)
