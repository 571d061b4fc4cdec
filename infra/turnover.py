"""Running balances: what was debited and credited on an account by an instant, and its lines from there on.

They are read from a view that keeps lines and their sums by day and month of UTC (``grain``, ``at``, ``position``,
``line``, ``debit_fen``, ``credit_fen``, after the fields that name the account). What an instant asks for is then the
months before its own, the days before its own, and the lines of its day: a few index reads, however many lines there
are. All of it is as it stood at one position, for which each sum has its versions.
"""

# ruff: noqa: S608 - Names come from the declared view and are quoted; every value is a parameter.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, Final, NamedTuple

from infra.view_batch import CONSUMERS
from infra.view_tables import SCHEMA, quoted
from infra.views import Views
from projections.kernel import View

__all__ = ["FIRST", "Line", "Place", "Sums", "Turnover", "Turnovers"]

_FIELDS: Final = ("grain", "at", "position", "line", "fact", "other", "debit_fen", "credit_fen")
_HEAD: Final = 2**63 - 1
FIRST: Final = datetime(1, 1, 2, tzinfo=UTC)
"""Before everything."""
LAST: Final = datetime(9999, 12, 30, tzinfo=UTC)
"""After everything."""


class Place(NamedTuple):
    """A place among the lines of an account: before the line at this instant, position and number."""

    at: datetime
    position: int = 0
    line: int = 0


class Sums(NamedTuple):
    """What was debited and credited, in fen."""

    debit_fen: int
    credit_fen: int


class Line(NamedTuple):
    """One line of an account, and what had been debited and credited by then, itself included."""

    at: datetime
    position: int
    line: int
    fact: str
    other: str
    debit_fen: int
    credit_fen: int
    debited_fen: int
    credited_fen: int


@dataclass(frozen=True)
class Turnover:
    """Lines of an account in order, what had been debited and credited before the first, and by the last."""

    before: Sums
    after: Sums
    lines: Sequence[Line]
    next: Place | None
    position: int


class Turnovers:
    """Reads running balances; ``of`` is the field that all accounts of a book share, then the one that names them."""

    def __init__(self, views: Views, view: View[Any], whole: str, account: str) -> None:
        if view.key != (whole, "grain", account, "at", "position", "line"):
            raise TypeError(f"view {view.name} is no book of lines and their sums")
        self._views, self._view = views, view
        self._whole, self._account = quoted(whole), quoted(account)

    # --- what is asked -----------------------------------------------------------------------------------------------

    async def sums(  # noqa: PLR0917 - Which book, which account, by when, and as of when that was known.
        self, log_id: int, whole: str, account: str, until: Place, at_position: int | None = None, least: int = 0
    ) -> tuple[Sums, int]:
        """What was debited and credited on an account before a place, and the position that this reflects."""

        async def ask(pool: Any, relation: str) -> tuple[int, tuple[Sums, int]] | None:  # noqa: ANN401 - The pool.
            return await self._sums(pool, relation, (log_id, whole, account), until, at_position)

        return await self._views.told(self._view, max(least, at_position or 0), ask)

    async def lines(  # noqa: PLR0917 - Which book and account, between which places, how many, as of when.
        self,
        log_id: int,
        whole: str,
        account: str,
        since: Place,
        until: Place,
        limit: int,
        *,
        at_position: int | None = None,
        least: int = 0,
        newest_first: bool = False,
    ) -> Turnover:
        """The lines of an account from one place to before another, at most so many, oldest or newest first."""

        async def ask(pool: Any, relation: str) -> tuple[int, Turnover] | None:  # noqa: ANN401 - The pool.
            which = (log_id, whole, account)
            told = await self._sums(pool, relation, which, until if newest_first else since, at_position)
            if told is None:
                return None
            reached, (start, position) = told
            sql = self._lines(relation, newest_first=newest_first)
            records = await pool.fetch(sql, *which, *since, *until, position, limit + 1, *start)
            rows = [Line(*record) for record in records]
            return reached, _page(rows, start, limit, position, newest_first=newest_first)

        return await self._views.told(self._view, max(least, at_position or 0), ask)

    async def accounts(
        self, log_id: int, whole: str, until: datetime | None = None, at_position: int | None = None, least: int = 0
    ) -> tuple[list[tuple[str, int, int]], int]:
        """Every account with what was debited and credited on it before an instant, or ever; and as of where."""

        async def ask(pool: Any, relation: str) -> tuple[int, tuple[list[Any], int]] | None:  # noqa: ANN401 - The pool.
            stands = await pool.fetchrow(_STANDS, log_id, self._view.name, CONSUMERS + relation)
            if stands["live"] != relation:
                return None
            position = stands["reached"] if at_position is None else at_position
            end = until or LAST
            records = await pool.fetch(self.every(relation), log_id, whole, *_beginnings(end), end, position)
            return stands["reached"], ([tuple(record) for record in records], position)

        return await self._views.told(self._view, max(least, at_position or 0), ask)

    async def _sums(
        self,
        pool: Any,  # noqa: ANN401 - The pool.
        relation: str,
        which: tuple[int, str, str],
        until: Place,
        at_position: int | None,
    ) -> tuple[int, tuple[Sums, int]] | None:
        record = await pool.fetchrow(
            self.by_account(relation), *which, *_beginnings(until.at), *until, at_position, self._view.name,
            CONSUMERS + relation,
        )  # fmt: skip
        live, reached, position, debit, credit = record
        return None if live != relation else (reached, (Sums(debit, credit), position))

    # --- SQL ---------------------------------------------------------------------------------------------------------

    def by_account(self, relation: str) -> str:
        """What was debited and credited on one account before a place, as it stood at a position."""
        table = f"{SCHEMA}.{quoted(relation)}"
        same = f"t.log_id = $1 AND t.{self._whole} = $2 AND t.{self._account} = $3"
        return f"""
SELECT q.live, q.reached, q.position, coalesce(sum(s.debit_fen), 0)::bigint, coalesce(sum(s.credit_fen), 0)::bigint
FROM (SELECT p.live, p.reached, coalesce($9::bigint, p.reached) AS position FROM (
    SELECT (SELECT v.relation FROM view.live v WHERE v.name = $10) AS live,
    coalesce((SELECT c.position FROM checkpoint c WHERE c.log_id = $1 AND c.consumer = $11), 0) AS reached
) p OFFSET 0) q LEFT JOIN LATERAL (
    SELECT v.debit_fen, v.credit_fen FROM (
        SELECT t.grain, t.at FROM {table} t WHERE {same} AND t.grain = 'month' AND t.at < $4
        AND t.to_position IS NULL
        UNION ALL SELECT t.grain, t.at FROM {table} t WHERE {same} AND t.grain = 'day' AND t.at >= $4 AND t.at < $5
        AND t.to_position IS NULL
    ) k, LATERAL (
        SELECT t.debit_fen, t.credit_fen FROM {table} t WHERE {same} AND t.grain = k.grain AND t.at = k.at
        AND t.position = 0 AND t.line = 0 AND t.from_position <= q.position ORDER BY t.from_position DESC LIMIT 1
    ) v
    UNION ALL SELECT t.debit_fen, t.credit_fen FROM {table} t WHERE {same} AND t.grain = 'line' AND t.at >= $5
    AND (t.at, t.position, t.line) < ($6, $7, $8) AND t.from_position <= q.position AND t.to_position IS NULL
) s ON true GROUP BY 1, 2, 3
"""

    def _lines(self, relation: str, *, newest_first: bool) -> str:
        """Lines between two places known at a position, each with the sums by then, from the sums at its beginning."""
        way, sign, part = ("DESC", "-", "- l.{0}") if newest_first else ("ASC", "+", "")
        ran = ", ".join(
            f"(${n} {sign} sum(l.{name}) OVER w{' + l.' + name if part else ''})::bigint"
            for n, name in ((12, "debit_fen"), (13, "credit_fen"))
        )
        order = f"l.at {way}, l.position {way}, l.line {way}"
        return f"""
SELECT l.at, l.position, l.line, l.fact, l.other, l.debit_fen, l.credit_fen, {ran} FROM (
    SELECT * FROM {SCHEMA}.{quoted(relation)} l WHERE l.log_id = $1 AND l.{self._whole} = $2 AND l.grain = 'line'
    AND l.{self._account} = $3 AND (l.at, l.position, l.line) >= ($4, $5, $6)
    AND (l.at, l.position, l.line) < ($7, $8, $9) AND l.from_position <= $10 AND l.to_position IS NULL
    ORDER BY {order} LIMIT $11
) l WINDOW w AS (ORDER BY {order} ROWS UNBOUNDED PRECEDING) ORDER BY {order}
"""

    def every(self, relation: str) -> str:
        """Every account with what was debited and credited on it before an instant, as it stood at a position."""
        table = f"{SCHEMA}.{quoted(relation)}"
        same = f"t.log_id = $1 AND t.{self._whole} = $2"
        return f"""
SELECT s.account, sum(s.debit_fen)::bigint, sum(s.credit_fen)::bigint FROM (
    SELECT k.account, v.debit_fen, v.credit_fen FROM (
        SELECT t.{self._account} AS account, t.grain, t.at FROM {table} t WHERE {same} AND t.grain = 'month'
        AND t.at < $3 AND t.to_position IS NULL
        UNION ALL SELECT t.{self._account}, t.grain, t.at FROM {table} t WHERE {same} AND t.grain = 'day'
        AND t.at >= $3 AND t.at < $4 AND t.to_position IS NULL
    ) k, LATERAL (
        SELECT t.debit_fen, t.credit_fen FROM {table} t WHERE {same} AND t.grain = k.grain
        AND t.{self._account} = k.account AND t.at = k.at AND t.position = 0 AND t.line = 0 AND t.from_position <= $6
        ORDER BY t.from_position DESC LIMIT 1
    ) v
    UNION ALL SELECT d.{self._account}, l.debit_fen, l.credit_fen FROM {table} d, LATERAL (
        SELECT t.debit_fen, t.credit_fen FROM {table} t WHERE {same} AND t.grain = 'line'
        AND t.{self._account} = d.{self._account} AND t.at >= $4 AND t.at < $5 AND t.from_position <= $6
        AND t.to_position IS NULL
    ) l WHERE d.log_id = $1 AND d.{self._whole} = $2 AND d.grain = 'day' AND d.at = $4 AND d.to_position IS NULL
) s GROUP BY 1 ORDER BY 1
"""


_STANDS: Final = (
    "SELECT (SELECT v.relation FROM view.live v WHERE v.name = $2) AS live, "
    "coalesce((SELECT c.position FROM checkpoint c WHERE c.log_id = $1 AND c.consumer = $3), 0) AS reached"
)


def _beginnings(at: datetime) -> tuple[datetime, datetime]:
    """The first instants of the month and of the day of an instant, in UTC."""
    day = datetime.combine(at.astimezone(UTC).date(), time(), UTC)
    return day.replace(day=1), day


def _page(rows: list[Line], start: Sums, limit: int, position: int, *, newest_first: bool) -> Turnover:
    kept = rows[:limit]
    if not kept:
        return Turnover(start, start, kept, None, position)
    last = kept[-1]
    more = len(rows) > limit
    if newest_first:
        before = Sums(last.debited_fen - last.debit_fen, last.credited_fen - last.credit_fen)
        return Turnover(before, start, kept, Place(last.at, last.position, last.line) if more else None, position)
    after = Sums(last.debited_fen, last.credited_fen)
    return Turnover(start, after, kept, Place(last.at, last.position, last.line + 1) if more else None, position)
