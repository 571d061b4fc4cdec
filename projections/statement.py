"""What a statement of money is: cells that facts add to or fill, so that each can say where it comes from.

A statement says of every fact what it tells of which cell. From that one source come the table, the explanation of a
cell and the difference of two states of knowledge; none of them can say what the others do not. A statement reads
facts in the order of the record and never ahead, so that what it said at a position is what it says of the facts up to
there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Any, Final, Literal, NamedTuple, cast

import msgspec

from domain.cultivation.events import CaseSucceeded
from domain.funding.events import Account, EntryReversed
from domain.funding.policy import MONEY_FACTS, RULES_VERSION, MoneyFact, post
from domain.kernel import Event, Recorded
from projections.kernel import Column, Key, Table, columns

__all__ = [
    "DENOMINATORS",
    "STATEMENT_FACTS",
    "CellUnknown",
    "Denominator",
    "Differing",
    "Period",
    "Side",
    "Statement",
    "Told",
    "adds",
    "amount_of",
    "blank",
    "fills",
    "reversed_by",
    "row_name",
    "sides",
]

STATEMENT_FACTS: Final[tuple[type[Event], ...]] = (*MONEY_FACTS, CaseSucceeded)
"""What statements are made of: all with the tag of the programme."""

Denominator = Literal["allocated", "approved"]
DENOMINATORS: Final[tuple[Denominator, ...]] = ("allocated", "approved")
"""What an execution rate may be measured by: what cases were given, or all that was approved."""


@dataclass(frozen=True, kw_only=True)
class Period:
    """Which facts a statement counts: up to a last day, from a first one on, of the authority of some fiscal years.

    What is not said is not bounded. Days are those of the institution's ``zone``. ``since`` and ``until`` are the days
    between which time is seen to progress; where they are not said, those of the fiscal years. ``rules_version`` is
    that of the posting rules by which every line is posted.
    """

    zone: tzinfo
    first_day: date | None = None
    last_day: date | None = None
    first_year: int | None = None
    last_year: int | None = None
    since: date | None = None
    until: date | None = None
    denominator: Denominator = "allocated"
    rules_version: int = RULES_VERSION

    def day(self, fact: Recorded) -> date:
        """The day on which a fact took effect."""
        return fact.envelope.effective_at.astimezone(self.zone).date()

    def known(self, facts: Iterable[Recorded]) -> Iterator[Recorded]:
        """The facts that had taken effect by the last day."""
        last = self.last_day or date.max
        return (fact for fact in facts if self.day(fact) <= last)

    def is_within(self, fact: Recorded) -> bool:
        """Whether a fact took effect on the first day or later."""
        return self.first_day is None or self.day(fact) >= self.first_day

    def covers(self, year: int) -> bool:
        """Whether the authority of a fiscal year is counted."""
        return (self.first_year or year) <= year <= (self.last_year or year)


class Side(NamedTuple):
    """What an entry does to one of its two accounts, as seen from the debit side."""

    line: int
    account: Account
    other: Account
    amount_fen: int


def sides(fact: Recorded, period: Period) -> tuple[Side, ...]:
    """Both sides of every entry that a fact posts, by the rules of a period; lines count from 1, as in the journal."""
    return () if isinstance(fact.event, CaseSucceeded) else _sides(period.rules_version, cast("MoneyFact", fact.event))


@functools.lru_cache(maxsize=4_096)
def _sides(rules_version: int, event: MoneyFact) -> tuple[Side, ...]:
    """Asked by each of the statements of a ledger, which go through a page of facts side by side."""
    return tuple(
        side
        for line, entry in enumerate(post(rules_version, event), start=1)
        for side in (
            Side(line, entry.debit, entry.credit, entry.amount_fen),
            Side(line, entry.credit, entry.debit, -entry.amount_fen),
        )
    )


class Told(NamedTuple):
    """What a fact tells of one cell: an amount that is added to it, or what stands in it from now on.

    ``line`` is the line of the journal at the fact's position; 0 where the fact itself says it.
    """

    key: Key
    column: str
    value: Any
    fact: Recorded
    line: int = 0
    is_added: bool = False


def adds(key: Key, column: str, amount_fen: int, fact: Recorded, line: int) -> Told:
    """A line of the journal adds an amount to a cell."""
    return Told(key, column, amount_fen, fact, line, is_added=True)


def fills(key: Key, fact: Recorded, /, **cells: Any) -> Iterator[Told]:  # noqa: ANN401 - Cells of any type.
    """A fact says what stands in some cells of a row from now on."""
    return (Told(key, column, value, fact) for column, value in cells.items())


class CellUnknown(Exception):
    """A row or column that a statement has not."""


class Differing(NamedTuple):
    """A cell that two states of knowledge tell differently, and everything that was told of it in between."""

    row: str
    column: str
    before: Any
    after: Any
    told: tuple[Told, ...]


def row_name(key: Key) -> str:
    """How a row is named: its key, part by part, without the empty ones at its end."""
    return "/".join(str(part) for part in key).rstrip("/")


_Row = msgspec.Struct
_Cells = dict[Key, dict[str, Any]]


def _take(cells: _Cells, told: Told) -> None:
    row = cells.setdefault(told.key, {})
    row[told.column] = row.get(told.column, 0) + told.value if told.is_added else told.value


def _as_told(row: Any, _period: Period) -> Any:  # noqa: ANN401 - A row of any statement.
    return row


def _none(_period: Period) -> Mapping[str, tuple[str, ...]]:
    return {}


def _as_it_is(key: Key) -> Key:
    return key


def _always(_row: Any) -> bool:  # noqa: ANN401 - A row of any statement.
    return True


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A statement of a programme's money.

    ``says`` is the one source of its cells. ``row`` is a struct all of whose fields but those of the ``key`` have
    defaults; in the key, "" stands for what does not apply. ``derived`` names the columns that ``complete`` computes
    from others, each with those it is computed from. A row for which ``is_shown`` is false is left out. With
    ``by_days`` a first day leaves out the rows of which nothing was told since; without it, ``says`` sees to the day.
    ``order`` is what rows are sorted by.
    """

    code: str
    en: str
    zh: str
    row: type[_Row]
    key: tuple[str, ...]
    says: Callable[[Iterable[Recorded], Period], Iterator[Told]]
    complete: Callable[[Any, Period], Any] = _as_told
    derived: Callable[[Period], Mapping[str, tuple[str, ...]]] = _none
    is_shown: Callable[[Any], bool] = _always
    by_days: bool = False
    order: Callable[[Key], Any] = _as_it_is

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns with their titles."""
        return columns(self.row)

    def name_of(self, row: Sequence[object]) -> str:
        """How a row of the table is named."""
        told = dict(zip(self.row.__struct_fields__, row, strict=True))
        return row_name(blank(*(told[name] for name in self.key)))

    def table(self, facts: Iterable[Recorded], period: Period) -> Table:
        """The statement as a table, rows in the order of their keys; its canonical CSV is what is hashed."""
        cells: _Cells = {}
        lately: set[Key] = set()
        for told in self.says(facts, period):
            _take(cells, told)
            if period.is_within(told.fact):
                lately.add(told.key)
        keys = sorted((key for key in cells if key in lately or not self.by_days), key=self.order)
        rows = [row for key in keys if self.is_shown(row := self._row(key, cells, period))]
        return Table(
            name=self.code, en=self.en, zh=self.zh, columns=self.columns,
            rows=[msgspec.structs.astuple(row) for row in rows],
        )  # fmt: skip

    def explain(
        self, facts: Iterable[Recorded], period: Period, row: str, column: str
    ) -> tuple[object, tuple[str, ...], tuple[Told, ...]]:
        """What stands in a cell, which columns it comes from, and what was told of them, in the order of the record.

        Raises CellUnknown.
        """
        if column not in self.row.__struct_fields__:
            raise CellUnknown(column)
        sources = self.sources(column, period)
        cells: _Cells = {}
        found = []
        for told in self.says(facts, period):
            if row_name(told.key) == row:
                _take(cells, told)
                if told.column in sources or column in self.key:
                    found.append(told)
        if not cells:
            raise CellUnknown(row)
        (key,) = cells
        return getattr(self._row(key, cells, period), column), sources, tuple(found)

    def difference(self, facts: Iterable[Recorded], period: Period, position: int) -> list[Differing]:
        """The cells that all the facts tell otherwise than those up to a position, each with what was told in between.

        A row of which nothing was told yet has empty cells. Whether the table shows a row is not compared, only what
        stands in it.
        """
        cells: _Cells = {}
        before: _Cells | None = None
        told_of: dict[Key, list[Told]] = {}
        for told in self.says(facts, period):
            if told.fact.position > position:
                if before is None:
                    before = {key: dict(row) for key, row in cells.items()}
                told_of.setdefault(told.key, []).append(told)
            _take(cells, told)
        return [
            found
            for key in sorted(told_of, key=self.order)
            for found in self._differing(key, before or {}, cells, told_of[key], period)
        ]

    def _differing(
        self, key: Key, before: _Cells, after: _Cells, told: Sequence[Told], period: Period
    ) -> Iterator[Differing]:
        old, new = self._row(key, before, period), self._row(key, after, period)
        for column in self.row.__struct_fields__:
            then, now = getattr(old, column), getattr(new, column)
            if then != now:
                sources = self.sources(column, period)
                yield Differing(
                    row_name(key), column, then, now, tuple(each for each in told if each.column in sources)
                )

    def sources(self, column: str, period: Period) -> tuple[str, ...]:
        """The columns that facts tell, from which a column comes: itself, unless it is derived."""
        return self.derived(period).get(column, (column,))

    def _row(self, key: Key, cells: _Cells, period: Period) -> Any:  # noqa: ANN401 - A row of this statement.
        named = {name: (None if part == "" else part) for name, part in zip(self.key, key, strict=True)}
        return self.complete(self.row(**(named | cells.get(key, {}))), period)


def reversed_by(fact: Recorded) -> int | None:
    """The position that a fact reverses."""
    return fact.event.reversed_position if isinstance(fact.event, EntryReversed) else None


def amount_of(fact: Recorded, period: Period) -> int | None:
    """The amount that a fact posts, of a reversal the one that it takes back; None where it posts nothing."""
    posted = sides(fact, period)
    return abs(posted[0].amount_fen) if posted else None


def blank(*parts: Any) -> Key:  # noqa: ANN401 - Words and numbers, as a row has them.
    """A key in which "" stands for what does not apply."""
    return tuple("" if part is None else part for part in parts)
