"""The log of one institution: append, read, subscribe.

Reads are one statement each, so events, head, an earlier receipt and extra answers come from one snapshot. Appends go
through the writer's group commit; ``overlay`` and ``enqueue`` let commands of this process follow one another closely:

    known = await store.read_for_decision(items, command_id)
    seen = store.overlay(items, known)             # from here on no await ...
    decide on known.events and seen.events
    future = store.enqueue(Proposal(..., items=items, seen=seen))      # ... until here
    outcome = await future
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Iterable, Sequence
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

import asyncpg

from domain.kernel import Catalogue, Envelope, Recorded
from infra.line import instant
from infra.overlay import Overlay, Recent
from infra.record import SEPARATOR, Check, Item, Known, Outcome, Page, Proposal, Receipt, refuse_unwritable
from infra.subscription import Signal, Subscription
from infra.writer import Writer

__all__ = ["VERSION_OF", "EventStore", "RecordNotOurs", "open_log", "refuse_owned_record"]

PAGE: Final = 1000
_EVERYTHING: Final = 2**62

COLUMNS: Final = (
    "position", "event_id", "type", "tags", "data", "documents", "actor_id", "actor_kind", "authority",
    "on_behalf_of_id", "command_id", "cause", "correlation_id", "received_at", "effective_at", "recorded_at",
    "reason_code", "reason_document_id", "line_version", "nonce",
)  # fmt: skip
# A driver's instant costs as much as all other columns of a row together; its text, and reading that, a third.
_TEXTS: Final = [f"e.{name}::text AS {name}" if name.endswith("_at") else f"e.{name}" for name in COLUMNS]
_READ: Final = [
    text for name, text in zip(COLUMNS, _TEXTS, strict=True) if name not in ("documents", "line_version", "nonce")
]
_SELECTED: Final = ", ".join(_READ)


class RecordNotOurs(Exception):
    """The application's role could rewrite the record; the sentence names what mends it."""


async def refuse_owned_record(pool: asyncpg.Pool[asyncpg.Record]) -> None:
    """Refuse to start where the application's role owns the record or may change it."""
    row = await pool.fetchrow(_RIGHTS)
    if row is None or row["tables"] != len(_TABLES):
        raise RecordNotOurs(
            "The record's tables are missing; run `biaogan migrate` with BIAOGAN_OWNER_URL."
            " 记录的数据表不存在:请以 BIAOGAN_OWNER_URL 运行 `biaogan migrate`。"
        )
    if row["rights"]:
        raise RecordNotOurs(
            f"The role {row['role']} of BIAOGAN_DATABASE_URL may rewrite the record ({row['rights']}). Let the role of "
            "BIAOGAN_OWNER_URL own the tables (REASSIGN OWNED BY … TO biaogan_owner) and connect as biaogan_app, which "
            "is neither a superuser nor a member of biaogan_owner."
            " 该角色可改写记录:数据表须归 BIAOGAN_OWNER_URL 的角色所有。"
        )


async def open_log(pool: asyncpg.Pool[asyncpg.Record], origin: str, clock: str) -> int:
    """Open the log of an institution, or find the one that is open, and return its number in this database."""
    return int(await pool.fetchval("SELECT open_log($1, $2)", origin, clock))


class EventStore:
    """One institution's log, as one process sees it.

    It holds one connection of the pool to write, one to listen; unless it ``keeps`` none, where there are so many logs
    that they would leave the pool without any: then it borrows one for each batch, and polls.
    """

    def __init__(
        self, pool: asyncpg.Pool[asyncpg.Record], log_id: int, catalogue: Catalogue, *, keeps: bool = True
    ) -> None:
        self.log_id = log_id
        self.catalogue = catalogue
        self._pool = pool
        self._recent = Recent(catalogue)
        self.signal = Signal(pool, log_id, listens=keeps)
        self._writer = Writer(pool, log_id, self._recent, self.signal.written, keeps=keeps)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Write what is queued and let go of the connections."""
        await self._writer.close()
        await self.signal.close()

    # --- append -----------------------------------------------------------------------------------------------------

    def overlay(self, items: Iterable[Item], known: Known) -> Overlay:
        """Show what this process decided beyond a reading; await nothing between this and ``enqueue``."""
        return self._recent.overlay(items, known)

    def unanswered(self, events: Sequence[Recorded]) -> list[Recorded]:
        """Those of some recorded events that this process wrote and has no answer about yet."""
        return self._recent.unanswered(events)

    def enqueue(self, proposal: Proposal) -> asyncio.Future[Outcome]:
        """Queue a proposal. Raises Overloaded, or Unwritable where its bytes are not fit for the record."""
        if not proposal.facts:
            raise ValueError("A command that decides nothing is not recorded.")
        for fact in proposal.facts:
            refuse_unwritable(fact)
        return self._writer.enqueue(proposal)

    async def append(self, proposal: Proposal) -> Outcome:
        """Write a proposal and return what became of it; a caller that goes away does not stop it."""
        return await asyncio.shield(self.enqueue(proposal))

    @property
    def newest(self) -> int:
        """The newest position that this process wrote, 0 before it wrote any."""
        return self._recent.newest

    # --- read -------------------------------------------------------------------------------------------------------

    async def head(self) -> int:
        """Return the newest position, 0 in an empty log."""
        return await self._pool.fetchval(f"SELECT coalesce({_HEAD}, 0)", self.log_id)  # type: ignore[no-any-return]

    async def version(self, tag: str, until: int | None = None) -> int:
        """Return the position of the newest event that carries a tag, 0 if there is none: a resource's version.

        With ``until``, its version as it was at that position.
        """
        newest = _EVERYTHING if until is None else until
        return await self._pool.fetchval(_VERSION, self.log_id, tag, newest)  # type: ignore[no-any-return]

    async def read(
        self, items: Sequence[Item] = (), after: int = 0, until: int | None = None, limit: int | None = None
    ) -> Page:
        """Read the events that any item means (all, without items), in order, and the head of the same snapshot."""
        sql, arguments = _question(items)
        rows = await self._pool.fetch(
            sql, self.log_id, after, _EVERYTHING if until is None else until, limit, *arguments
        )
        head = rows[0]["head"]
        return Page([self._recorded(row) for row in rows] if rows[0]["position"] is not None else [], head)

    async def stretch(self, after: int, until: int | None, limit: int) -> list[Recorded]:
        """Read on from a position: the next events, whatever they are."""
        rows = await self._pool.fetch(_STRETCH, self.log_id, after, _EVERYTHING if until is None else until, limit)
        return [self._recorded(row) for row in rows]

    async def at(self, positions: Iterable[int]) -> dict[int, Recorded]:
        """Read the events at these positions."""
        rows = await self._pool.fetch(_AT, self.log_id, sorted(set(positions)))
        return {row["position"]: self._recorded(row) for row in rows}

    async def read_for_decision(
        self,
        items: Sequence[Item],
        command_id: UUID,
        checks: Sequence[Check] = (),
        limit: int | None = None,
        after: int = 0,
    ) -> Known:
        """Read a boundary, the head, the command's earlier receipt and extra answers, in one statement.

        Of a boundary with more events than the limit only so many are read, the oldest first; with ``after``, those
        from there on.
        """
        sql, arguments = _question(items, tuple(check.sql for check in checks), tuple(len(c.arguments) for c in checks))
        asked = [argument for check in checks for argument in check.arguments]
        rows = await self._pool.fetch(sql, self.log_id, after, _EVERYTHING, limit, *arguments, command_id, *asked)
        first = rows[0]
        receipt = None
        if first["k_first"] is not None:
            receipt = Receipt(
                command_id=command_id,
                request_hash=first["k_hash"],
                first_position=first["k_first"],
                last_position=first["k_last"],
                recorded_at=first["k_recorded"],
                receipt=first["k_receipt"],
            )
        events = [self._recorded(row) for row in rows] if first["position"] is not None else []
        answers = tuple(first[f"answer_{n}"] for n in range(len(checks)))
        return Known(events=events, head=first["head"], receipt=receipt, answers=answers)

    async def receipt(self, command_id: UUID) -> Receipt | None:
        """Return the receipt of a command, if it was accepted."""
        row = await self._pool.fetchrow(
            "SELECT request_hash, first_position, last_position, recorded_at, receipt FROM command "
            "WHERE log_id = $1 AND command_id = $2",
            self.log_id,
            command_id,
        )
        return None if row is None else Receipt(command_id=command_id, **dict(row))

    async def rows(
        self, after: int = 0, until: int | None = None, length: int = PAGE
    ) -> AsyncIterator[list[asyncpg.Record]]:
        """Page through whole rows, for lines and leaves; the next page is on its way while one is used.

        Their times are text, as PostgreSQL writes them, which a line takes: instants would cost more than all else.
        """
        async for page in self._pages(_ROWS, after, until, length):
            yield page

    async def pages(self, after: int = 0, until: int | None = None) -> AsyncIterator[list[Recorded]]:
        """Page through all events up to a position, or up to the head as it stands, for replay."""
        async for page in self._pages(_EVENTS, after, until):
            yield [self._recorded(row) for row in page]

    async def told(self, items: Sequence[Item], until: int) -> AsyncIterator[list[Recorded]]:
        """Page through the events up to a position that any item means."""
        after = 0
        while page := (await self.read(items, after, until, PAGE)).events:
            yield page
            after = page[-1].position

    async def _pages(
        self, sql: str, after: int, until: int | None, length: int = PAGE
    ) -> AsyncIterator[list[asyncpg.Record]]:
        until = await self.head() if until is None else until
        async with self._pool.acquire() as connection:
            statement = await connection.prepare(sql)
            asked = asyncio.ensure_future(statement.fetch(self.log_id, after, min(until, after + length)))
            try:
                while after < until:
                    page = await asked
                    after = min(until, after + length)
                    if after < until:
                        asked = asyncio.ensure_future(statement.fetch(self.log_id, after, min(until, after + length)))
                    yield page
            finally:
                await asyncio.gather(asked, return_exceptions=True)

    def subscribe(self, after: int = 0, items: Sequence[Item] = ()) -> Subscription:
        """Follow the log from a position on, for ever."""
        return Subscription(self, after, items)

    # --- decoding ---------------------------------------------------------------------------------------------------

    def _recorded(self, row: asyncpg.Record) -> Recorded:
        (
            position, event_id, kind, tags, data, actor_id, actor_kind, authority, on_behalf_of_id, command_id, cause,
            correlation_id, received_at, effective_at, recorded_at, reason_code, reason_document_id,
        ) = row[: len(_READ)]  # fmt: skip
        return Recorded(
            position=position,
            event_id=event_id,
            type=kind,
            tags=tuple(tags),
            event=self.catalogue.decode(kind, data),
            envelope=Envelope(
                actor_id=actor_id,
                actor_kind=actor_kind,
                authority=authority,
                on_behalf_of_id=on_behalf_of_id,
                command_id=command_id,
                cause=cause,
                correlation_id=correlation_id,
                received_at=instant(received_at),
                effective_at=instant(effective_at),
                reason_code=reason_code,
                reason_document_id=reason_document_id,
            ),
            recorded_at=instant(recorded_at),
        )


# --- SQL, made per shape of query ------------------------------------------------------------------------------------
# Every search is a probe below LATERAL with its own LIMIT or OFFSET 0: PostgreSQL then walks the index probe by probe,
# also with a plan it made while the tables were empty. Arrays come as the results of subqueries: at an array itself the
# planner would look, find it short, and plan every time anew. $1 log, $2 after, $3 until, $4 limit.

_TABLES = ("log", "event", "event_tag", "command")
_RIGHTS = """
SELECT current_user AS role, count(DISTINCT t.name) AS tables, string_agg(DISTINCT held.why, ', ') AS rights
FROM unnest(array['log', 'event', 'event_tag', 'command']) AS t(name)
JOIN pg_class c ON c.oid = to_regclass('public.' || t.name)
LEFT JOIN LATERAL (
    SELECT r || ' ' || t.name AS why FROM unnest(array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS p(r)
    WHERE has_table_privilege(c.oid, r)
    UNION ALL SELECT 'owner of ' || t.name WHERE pg_has_role(c.relowner, 'MEMBER')
) held ON true
"""
_HEAD = "(SELECT h.position FROM event h WHERE h.log_id = $1 ORDER BY h.position DESC LIMIT 1)"
VERSION_OF: Final = """
SELECT coalesce(max(newest.position), 0)
FROM types_of($1, {tag}) AS kind(type), LATERAL (
    SELECT t.position FROM event_tag t
    WHERE t.log_id = $1 AND t.tag = {tag} AND t.type = kind.type AND t.position <= {until}
    ORDER BY t.position DESC LIMIT 1
) newest
"""
_VERSION: Final = VERSION_OF.format(tag="$2", until="$3")
_RANGE = "FROM event e WHERE e.log_id = $1 AND e.position > $2 AND e.position <= $3 ORDER BY e.position"
_ROWS = f"SELECT {', '.join(_TEXTS)} {_RANGE}"
_EVENTS = f"SELECT {_SELECTED} {_RANGE}"
_STRETCH = f"{_EVENTS} LIMIT $4"
_AT = f"SELECT {_SELECTED} FROM event e WHERE e.log_id = $1 AND e.position = ANY ($2::bigint[])"  # noqa: S608 - Our own.

_TAGGED = """
SELECT t.position
FROM unnest((SELECT ${tag}::text[]), (SELECT ${type}::text[]), (SELECT ${rest}::text[])) AS p(tag, type, rest),
     {kinds} LATERAL (
    SELECT t.position FROM event_tag t
    WHERE t.log_id = $1 AND t.tag = p.tag AND t.type = {kind} AND t.position > $2 AND t.position <= $3
      AND (p.rest = '' OR (SELECT o.tags @> string_to_array(p.rest, chr(31)) FROM event o
                           WHERE o.log_id = $1 AND o.position = t.position))
    ORDER BY t.position LIMIT $4
) t
"""
_UNTAGGED = """
(SELECT o.position FROM event o WHERE o.log_id = $1 AND o.position > $2 AND o.position <= $3
   AND o.type = ANY (${type}::text[]) ORDER BY o.position LIMIT $4)
"""
_ALL = """
(SELECT o.position FROM event o WHERE o.log_id = $1 AND o.position > $2 AND o.position <= $3
 ORDER BY o.position LIMIT $4)
"""


def _question(
    items: Sequence[Item], checks: tuple[str, ...] | None = None, counts: tuple[int, ...] = ()
) -> tuple[str, list[Any]]:
    """Return the SQL for a query's shape and the query's arguments."""
    typed = [(item.tags, kind) for item in items if item.tags for kind in item.types]
    open_ = [(item.tags, "") for item in items if item.tags and not item.types]
    untagged = sorted({kind for item in items if not item.tags for kind in item.types})
    everything = not items if checks is None else False
    everything = everything or any(not item.tags and not item.types for item in items)
    arguments: list[Any] = []
    for probes in (typed, open_):
        if probes:
            arguments += [[tags[0] for tags, _ in probes], [kind for _, kind in probes]]
            arguments.append([SEPARATOR.join(tags[1:]) for tags, _ in probes])
    if untagged:
        arguments.append(untagged)
    return _sql((bool(typed), bool(open_), bool(untagged), everything), checks, counts), arguments


@functools.lru_cache(maxsize=256)
def _sql(shape: tuple[bool, bool, bool, bool], checks: tuple[str, ...] | None, counts: tuple[int, ...]) -> str:
    typed, open_, untagged, everything = shape
    number = 5
    searches = []
    for wanted, kinds, kind in ((typed, "", "p.type"), (open_, "LATERAL types_of($1, p.tag) AS k(type),", "k.type")):
        if wanted:
            searches.append(_TAGGED.format(tag=number, type=number + 1, rest=number + 2, kinds=kinds, kind=kind))
            number += 3
    if untagged:
        searches.append(_UNTAGGED.format(type=number))
        number += 1
    if everything:
        searches.append(_ALL)
    hits = " UNION ALL ".join(searches) or "SELECT $2::bigint AS position WHERE $2 > $3::bigint AND false"
    aside, joined = "", ""
    if checks is not None:
        aside = ", k.*"
        joined = _KNOWN.format(number)
        number += 1
        for n, (check, count) in enumerate(zip(checks, counts, strict=True)):
            aside += f", ({check.format(*(f'${number + i}' for i in range(count)))}) AS answer_{n}"
            number += count
    return _FRAME.format(hits=hits, head=_HEAD, columns=_SELECTED, aside=aside, joined=joined)


_KNOWN = """
LEFT JOIN (SELECT request_hash AS k_hash, first_position AS k_first, last_position AS k_last, recorded_at AS k_recorded,
                  receipt AS k_receipt FROM command WHERE log_id = $1 AND command_id = ${0} LIMIT 1) k ON true
"""
_FRAME = """
SELECT {columns}, coalesce({head}, 0) AS head{aside}
FROM (SELECT 1) AS always {joined}
LEFT JOIN (
    SELECT e.* FROM (SELECT DISTINCT hit.position FROM ({hits}) AS hit ORDER BY hit.position LIMIT $4) AS found,
         LATERAL (SELECT * FROM event o WHERE o.log_id = $1 AND o.position = found.position LIMIT 1) AS e
) AS e ON true
ORDER BY e.position
"""
