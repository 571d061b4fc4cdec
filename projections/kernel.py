"""What a view is, what a table of figures is, and the fold that live projection, replay and an auditor share.

A view declares its row, its key, the events it reads, which rows an event touches and how one row changes. A fold sees
one row and one event: no I/O, no clock, never a second row. Ranks, totals and quota use are computed from rows at read
time by a pure function.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import operator
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from domain.kernel import Event, Recorded, titles

__all__ = [
    "Beside",
    "Change",
    "Column",
    "History",
    "Key",
    "Register",
    "Row",
    "Table",
    "Version",
    "View",
    "Where",
    "columns",
    "fold_all",
    "fold_on",
    "keyed",
    "page_digest",
]

Row = TypeVar("Row", bound=msgspec.Struct)
Key = tuple[str | int | date, ...]


@dataclass(frozen=True)
class Where:
    """All rows of the same view whose indexed field has this value, as they stand before the event."""

    index: str
    value: str | int | date


@dataclass(frozen=True)
class Column:
    """One column of a view or table: its name, the two titles, and the audience that may read it."""

    name: str
    en: str
    zh: str
    audience: str
    type: Any

    @property
    def is_money(self) -> bool:
        """Whether its cells are amounts in fen."""
        return self.name.endswith("_fen")


def _key(names: Sequence[str]) -> Callable[[Any], Key]:
    """A reader of a key from the fields of these names, of a row or of an event."""
    read: Callable[[Any], Any] = operator.attrgetter(*names)
    return read if len(names) > 1 else lambda each: (read(each),)


@dataclass(frozen=True, kw_only=True)
class View(Generic[Row]):
    """A register folded from events.

    ``name`` and ``version`` name its table; raise the version whenever the fold or the row changes. ``touches`` says
    which keys (or indexed rows) an event concerns, ``fold(row | None, recorded, key)`` how each of them changes; None
    deletes. ``effective`` says that it can also be read as of a day on which facts were true: by the effective time of
    its events or, where its rows keep the days from which their parts count, by ``as_on(row, day)`` of the recorded
    row (None: not yet there). ``subject_units`` names the row's fields whose units read the fields of the audience
    ``subject``. ``is_open`` says of a row whether those who are neither its subject nor the office may know of it at
    all: that it is there may tell what only they may know.
    """

    name: str
    version: int
    en: str
    zh: str
    row: type[Row]
    key: tuple[str, ...]
    reads: tuple[type[Event], ...]
    touches: Callable[[Recorded], Iterable[Key | Where]]
    fold: Callable[[Row | None, Recorded, Key], Row | None]
    indexes: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    sorts: tuple[str, ...] = ()
    effective: bool = False
    as_on: Callable[[Row, date], Row | None] | None = None
    subject_units: tuple[str, ...] = ()
    is_open: Callable[[Row], bool] | None = None
    topics: frozenset[str] = field(init=False, default=frozenset())
    key_of: Callable[[Row], Key] = field(init=False, repr=False, compare=False)
    """The key of a row."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "topics", frozenset(kind.TOPIC for kind in self.reads))
        object.__setattr__(self, "key_of", _key(self.key))
        missing = {*self.key, *self.indexes, *self.filters, *self.sorts, *self.subject_units} - set(
            self.row.__struct_fields__
        )
        if missing:
            raise TypeError(f"view {self.name} names fields that its row has not: {sorted(missing)}")


@dataclass(frozen=True, kw_only=True)
class Beside(Generic[Row]):
    """What a list shows beside the rows of its view: figures that other rows give, computed when it is read.

    ``view`` and ``filters`` say which other rows are read, ``shown(row, others, day)`` what a row becomes on the day of
    the institution when all of it was so; ``row`` is what it becomes: the row of the list with more fields.
    """

    row: type[msgspec.Struct]
    view: View[Any]
    filters: Mapping[str, Any]
    shown: Callable[[Row, Sequence[Any], date], msgspec.Struct]


def keyed(*names: str) -> Callable[[Recorded], list[Key]]:
    """Touches the one row whose key stands in these fields of the event."""
    key = _key(names)
    return lambda recorded: [key(recorded.event)]


def columns(row: type[msgspec.Struct]) -> tuple[Column, ...]:
    """The columns of a row struct with their two titles; a field without titles is a mistake of its author."""
    return _columns(row)


@functools.cache
def _columns(row: type[msgspec.Struct]) -> tuple[Column, ...]:
    hints = typing.get_type_hints(row, include_extras=True)
    found = []
    for name in row.__struct_fields__:
        entry = titles(hints[name])
        if entry is None:
            raise TypeError(f"{row.__name__}.{name} has no titles")
        found.append(Column(name, *entry, type=hints[name].__origin__))
    return tuple(found)


class Change(NamedTuple, Generic[Row]):
    """What one event did to one row: None before is a new row, None after is a deleted one."""

    key: Key
    before: Row | None
    after: Row | None


class Version(NamedTuple, Generic[Row]):
    """A row as it stood from one position to before another (None: it still stands so)."""

    row: Row
    begun: int
    ended: int | None


class Register(Generic[Row]):
    """A view folded in memory: what replay, specs and an auditor compare the live tables with."""

    def __init__(self, view: View[Row]) -> None:
        self.view = view
        self.rows: dict[Key, Row] = {}
        self._index: dict[tuple[str, object], dict[Key, None]] = {}

    def seed(self, rows: Iterable[Row]) -> None:
        """Take in rows as they stand before the first event."""
        for row in rows:
            self._put(self.view.key_of(row), row)

    def apply(self, recorded: Recorded) -> list[Change[Row]]:
        """Take one event in; returns what changed, each row once. A row that a fold hands back as it was is no change.

        Nothing is taken in where a fold fails.
        """
        if recorded.type not in self.view.topics:
            return []
        touched: dict[Key, None] = {}
        for target in self.view.touches(recorded):
            if isinstance(target, Where):
                touched.update(self._index.get((target.index, target.value), {}))
            else:
                touched[target] = None
        fold, standing = self.view.fold, self.rows.get
        folded = [Change(key, row := standing(key), fold(row, recorded, key)) for key in touched]
        changes = [change for change in folded if change.after is not change.before]
        for key, _, after in changes:
            if after is not None and self.view.key_of(after) != key:
                raise ValueError(f"view {self.view.name} folded a row into another row's place")
        for key, _, after in changes:
            self._put(key, after)
        return changes

    def _put(self, key: Key, row: Row | None) -> None:
        old = self.rows.pop(key, None)
        for name in self.view.indexes:
            if old is not None:
                self._index[name, getattr(old, name)].pop(key, None)
            if row is not None:
                self._index.setdefault((name, getattr(row, name)), {})[key] = None
        if row is not None:
            self.rows[key] = row


class History(Generic[Row]):
    """The versions of a view's rows over a stretch of the log: each true from one position to before another.

    ``standing`` are the rows before the stretch, as far as it touches them. A fold that fails stops the history at that
    event: ``failure`` is the error, ``failed_at`` its position, and what came before it still holds.
    """

    def __init__(self, view: View[Row], standing: Iterable[Row] = ()) -> None:
        self.register = Register(view)
        self.register.seed(standing)
        self.ended: list[tuple[Key, int]] = []  # Stood before the stretch, and ended at this position.
        self.past: list[tuple[Row, int, int]] = []  # Began and ended in the stretch.
        self.begun: dict[Key, int] = {}  # Began in the stretch and stands.
        self.failure: Exception | None = None
        self.failed_at = 0

    def take(self, recorded: Recorded) -> None:
        """Take one event in."""
        if self.failure is not None:
            return
        position = recorded.position
        try:
            changes = self.register.apply(recorded)
        except Exception as error:  # noqa: BLE001 - Whatever a fold raises stops this view, and no other.
            self.failure, self.failed_at = error, position
            return
        for key, before, after in changes:
            if before is not None:
                begun = self.begun.pop(key, None)
                if begun is None:
                    self.ended.append((key, position))
                else:
                    self.past.append((before, begun, position))
            if after is not None:
                self.begun[key] = position

    def versions(self) -> Iterator[tuple[Row, int, int | None]]:
        """Every version that began in the stretch, with its end if it has one."""
        yield from self.past
        for key, begun in self.begun.items():
            yield self.register.rows[key], begun, None


def fold_on(view: View[Row], past: Iterable[Recorded], day: date, until: datetime) -> dict[Key, Row]:
    """Every row as it stood on a day that ends at this instant, by the facts of a past, whenever they were recorded."""
    if view.as_on is None:
        known = [recorded for recorded in past if recorded.envelope.effective_at < until]
        return fold_all(view, sorted(known, key=lambda each: (each.envelope.effective_at, each.position)))
    stood = {key: view.as_on(row, day) for key, row in fold_all(view, past).items()}
    return {key: row for key, row in stood.items() if row is not None}


def fold_all(view: View[Row], past: Iterable[Recorded]) -> dict[Key, Row]:
    """Every row of a view after a past."""
    register = Register(view)
    for recorded in past:
        register.apply(recorded)
    return register.rows


# --- tables of figures -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Table:
    """A statement or list: columns with titles, rows of values in the same order, and what it reflects."""

    name: str
    en: str
    zh: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[object]]
    meta: Mapping[str, object] = field(default_factory=dict)


def cell(value: object) -> str:
    """The canonical text of one cell: instants in UTC (RFC 3339), days (ISO 8601), lists as JSON, nothing as empty."""
    match value:
        case None:
            return ""
        case str():
            return value
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case _:
            return msgspec.json.encode(value, order="sorted").decode()


def canonical_csv(table: Table, rows: Iterable[Sequence[object]] | None = None) -> Iterator[bytes]:
    """The bytes that are hashed: UTF-8, RFC 4180 lines (CR LF), field names as the first line, rows in given order.

    Rows that are too many to be held are given apart from the table.
    """
    yield _csv_line(column.name for column in table.columns)
    for row in table.rows if rows is None else rows:
        yield _csv_line(cell(value) for value in row)


def _csv_line(cells: Iterable[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(list(cells))
    return line.getvalue().encode()


def page_digest(table: Table) -> str:
    """SHA-256 of the canonical CSV, in lower-case hexadecimal."""
    digest = hashlib.sha256()
    for line in canonical_csv(table):
        digest.update(line)
    return digest.hexdigest()


NO_KEYS: Final[tuple[Key, ...]] = ()
