"""Running balances: what was debited and credited on an account by an instant, and its lines from there on.

They are read from a view that keeps lines and their sums by day and month of UTC, and in all: ``debit_fen`` and
``credit_fen`` of every ``grain``, ``at``, ``position`` and ``line`` of an account. What an instant asks for is then the
months before its own, the days before its own, and the lines of its day: a few index reads, however many lines there
are. All of it is as it stood at one position, for which each sum has its versions.
"""

# ruff: noqa: S608 - Names come from the declared view and are quoted; every value is a parameter.

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from itertools import accumulate, islice
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
    """Reads running balances; all accounts of a book share the field ``whole``, and ``account`` names each of them."""

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
        page = await self.lines(log_id, whole, account, until, until, 0, at_position=at_position, least=least)
        return page.before, page.position

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
        begins = until if newest_first else since
        dated = () if begins.at >= LAST else _beginnings(begins.at)

        async def ask(pool: Any, relation: str) -> tuple[int, Turnover] | None:  # noqa: ANN401 - The pool.
            sql = self.statement(relation, newest_first=newest_first, dated=bool(dated))
            asked = log_id, whole, account, at_position, self._view.name, CONSUMERS + relation
            records = await pool.fetch(sql, *asked, *since, *until, limit + 1 if limit else 0, *dated)
            _, reached, position, live, _, *start = records.pop(_first(records))
            page = _page(records, Sums(*start), limit, position, newest_first=newest_first)
            return None if live != relation else (reached, page)

        return await self._views.told(self._view, max(least, at_position or 0), ask)

    async def accounts(
        self, log_id: int, whole: str, until: datetime | None = None, at_position: int | None = None, least: int = 0
    ) -> tuple[list[tuple[str, int, int]], int]:
        """Every account with what was debited and credited on it before an instant, or ever; and as of where."""

        async def ask(pool: Any, relation: str) -> tuple[int, tuple[list[Any], int]] | None:  # noqa: ANN401 - The pool.
            stands = log_id, self._view.name, CONSUMERS + relation
            if until is None and at_position is None:
                records = await pool.fetch(self.newest(relation), *stands, whole)
                live, reached, *_ = records[0]
                found = [(name, debit, credit) for _, _, name, debit, credit in records if name is not None]
                return None if live != relation else (reached, (found, reached))
            live, reached = await pool.fetchrow(_STANDS, *stands)
            position, end = reached if at_position is None else at_position, until or LAST
            records = await pool.fetch(self.every(relation), log_id, whole, *_beginnings(end), end, position)
            return None if live != relation else (reached, ([tuple(record) for record in records], position))

        return await self._views.told(self._view, max(least, at_position or 0), ask)

    # --- SQL ---------------------------------------------------------------------------------------------------------

    def statement(self, relation: str, *, newest_first: bool, dated: bool) -> str:
        """One account: where the view stands and what had been debited and credited before, then line by line.

        What had been is asked by an instant, or where it is not ``dated``, of all that ever was.
        """
        table = f"{SCHEMA}.{quoted(relation)}"
        same = f"t.log_id = $1 AND t.{self._whole} = $2 AND t.{self._account} = $3"
        way, begins = ("DESC", "($10, $11, $12)") if newest_first else ("ASC", "($7, $8, $9)")
        version = f"""
    SELECT t.debit_fen, t.credit_fen FROM {table} t WHERE {same} AND t.grain = k.grain AND t.at = k.at
    AND t.position = 0 AND t.line = 0 AND t.from_position <= (SELECT position FROM q)
    ORDER BY t.from_position DESC LIMIT 1
"""
        known = "t.from_position <= (SELECT position FROM q) AND t.to_position IS NULL"
        ever = f"SELECT t.grain, t.at FROM {table} t WHERE {same} AND t.grain = 'ever' AND t.to_position IS NULL"
        past = f"""
    SELECT t.grain, t.at FROM {table} t WHERE {same} AND t.grain = 'month' AND t.at < $14 AND t.to_position IS NULL
    UNION ALL
    SELECT t.grain, t.at FROM {table} t WHERE {same} AND t.grain = 'day' AND t.at >= $14 AND t.at < $15
    AND t.to_position IS NULL
"""
        today = f"""
    UNION ALL SELECT t.debit_fen, t.credit_fen FROM {table} t WHERE {same} AND t.grain = 'line' AND t.at >= $15
    AND (t.at, t.position, t.line) < {begins} AND {known}
"""
        return f"""
WITH q AS MATERIALIZED (SELECT p.live, p.reached, coalesce($4::bigint, p.reached) AS position FROM (
    SELECT (SELECT v.relation FROM view.live v WHERE v.name = $5) AS live,
    coalesce((SELECT c.position FROM checkpoint c WHERE c.log_id = $1 AND c.consumer = $6), 0) AS reached
) p)
SELECT NULL::timestamptz AS at, q.reached AS position, q.position AS line, q.live AS fact, NULL::text AS other,
    coalesce(s.debit_fen, 0)::bigint AS debit_fen, coalesce(s.credit_fen, 0)::bigint AS credit_fen
FROM q, (SELECT sum(m.debit_fen) AS debit_fen, sum(m.credit_fen) AS credit_fen FROM (
    SELECT v.debit_fen, v.credit_fen FROM ({past if dated else ever}) k, LATERAL ({version}) v{today if dated else ""}
) m) s
UNION ALL (
    SELECT t.at, t.position, t.line, t.fact, t.other, t.debit_fen, t.credit_fen FROM {table} t
    WHERE {same} AND t.grain = 'line' AND (t.at, t.position, t.line) >= ($7, $8, $9)
    AND (t.at, t.position, t.line) < ($10, $11, $12) AND {known}
    ORDER BY t.at {way}, t.position {way}, t.line {way} LIMIT $13
)
"""

    def newest(self, relation: str) -> str:
        """Every account with all that was ever debited and credited on it, beside where the view stands."""
        return (
            f"SELECT q.live, q.reached, t.{self._account}, t.debit_fen, t.credit_fen FROM ({_STANDS} OFFSET 0) q "
            f"LEFT JOIN {SCHEMA}.{quoted(relation)} t ON t.log_id = $1 AND t.{self._whole} = $4 AND t.grain = 'ever' "
            f"AND t.to_position IS NULL ORDER BY 3"
        )

    def every(self, relation: str) -> str:
        """Every account with what was debited and credited on it before an instant, as it stood at a position."""
        table = f"{SCHEMA}.{quoted(relation)}"
        same = f"t.log_id = $1 AND t.{self._whole} = $2"
        return f"""
SELECT s.account, sum(s.debit_fen)::bigint, sum(s.credit_fen)::bigint FROM (
    SELECT k.account, v.debit_fen, v.credit_fen FROM (
        SELECT t.{self._account} AS account, t.grain, t.at FROM {table} t WHERE {same} AND t.grain = 'month'
        AND t.at < $3 AND t.to_position IS NULL
        UNION ALL SELECT m.{self._account}, d.grain, d.at FROM {table} m, LATERAL (
            SELECT t.grain, t.at FROM {table} t WHERE {same} AND t.grain = 'day' AND t.at >= $3 AND t.at < $4
            AND t.{self._account} = m.{self._account} AND t.to_position IS NULL
        ) d WHERE m.log_id = $1 AND m.{self._whole} = $2 AND m.grain = 'month' AND m.at = $3 AND m.to_position IS NULL
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


def _first(records: Sequence[Sequence[Any]]) -> int:
    """Which of the records is no line, but says where the view stands; a union promises no order."""
    return next(n for n, record in enumerate(records) if record[0] is None)


def _page(records: Sequence[Sequence[Any]], start: Sums, limit: int, position: int, *, newest_first: bool) -> Turnover:
    """A page of the lines found, which are one more than wanted where there is a next page."""
    kept = records[:limit]
    at, place, number, fact, other, debit, credit = zip(*kept, strict=True) if kept else ((),) * 7
    debited = _ran(start.debit_fen, debit, newest_first=newest_first)
    credited = _ran(start.credit_fen, credit, newest_first=newest_first)
    lines = list(map(Line, at, place, number, fact, other, debit, credit, debited, credited))
    sign = -1 if newest_first else 1
    end = Sums(start.debit_fen + sign * sum(debit), start.credit_fen + sign * sum(credit))
    before, after = (end, start) if newest_first else (start, end)
    goes_on = _beyond(lines[-1], newest_first=newest_first) if lines and len(records) > limit else None
    return Turnover(before, after, lines, goes_on, position)


def _ran(first: int, moves: Sequence[int], *, newest_first: bool) -> Iterator[int]:
    """What one side had come to after each line; where newer lines come first, each stands on what is left of them."""
    if newest_first:
        return accumulate((-each for each in moves), initial=first)
    return islice(accumulate(moves, initial=first), 1, None)


def _beyond(last: Line, *, newest_first: bool) -> Place:
    """Where the next page goes on: before the last line, or behind it."""
    return Place(last.at, last.position, last.line if newest_first else last.line + 1)
