"""What is published beside the record and must follow from it: every register, the rosters, the closed ledgers.

The same functions make these files from the tables that people read and from a fold over exported lines, so that an
auditor can hold the one against the other, byte for byte. A file is a table in its canonical CSV.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, tzinfo
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

import msgspec

from domain.funding.events import Account, LedgerPublished, PeriodClosed
from domain.funding.policy import ACCOUNTS, MONEY_FACTS, MoneyFact, books_of, post
from domain.institution.events import InstitutionOpened
from domain.kernel import AUDIENCES, ActorKind, Envelope, Recorded
from domain.lifecycle import CATALOGUE
from projections import VIEWS
from projections.journal import TRIAL_BALANCE_ACCOUNT, trial_balance_table
from projections.kernel import Key, Register, Table, View, columns
from projections.ledger import LEDGER_FACTS, covered, ledger_tables
from projections.roster import ROSTER, RosterRow, roster_table

__all__ = [
    "CREDIT_SIDE",
    "ClosedBooks",
    "ClosedEntry",
    "Ledgers",
    "Publication",
    "PublishedFile",
    "ledger_path",
    "recorded_of",
    "register_file",
    "rosters",
    "views_of",
]

_PROGRAMME: Final = "programme_id"
_LEDGER_TOPICS: Final = frozenset(kind.TOPIC for kind in LEDGER_FACTS)
_EVERYBODY: Final = frozenset(AUDIENCES)
Zone = Callable[[str], tzinfo]
"""Finds a time zone by its name: the database of zones is not among what is pure."""


class PublishedFile(NamedTuple):
    """A file by its path below the published ones, its table, and of each row the position that last changed it."""

    path: str
    table: Table
    positions: tuple[int, ...]


# --- registers and rosters -------------------------------------------------------------------------------------------


def views_of(programme_id: str | None) -> tuple[View[Any], ...]:
    """The registers of a whole log, or those whose rows each belong to a programme."""
    return tuple(view for view in VIEWS if programme_id is None or _PROGRAMME in view.row.__struct_fields__)


def register_file(view: View[Any], rows: Iterable[Any], since: Mapping[Key, int] | None = None) -> PublishedFile:
    """A register as it stands, every column, in the order of its keys."""
    ordered = sorted(rows, key=view.key_of)
    names = view.row.__struct_fields__
    table = Table(
        name=view.name, en=view.en, zh=view.zh, columns=columns(view.row),
        rows=[[getattr(row, name) for name in names] for row in ordered],
    )  # fmt: skip
    told = since or {}
    return PublishedFile(f"registers/{view.name}.csv", table, tuple(told.get(view.key_of(row), 0) for row in ordered))


def rosters(rows: Iterable[RosterRow]) -> Iterator[PublishedFile]:
    """The roster of each programme, in the order in which it is read."""
    by_programme: dict[str, list[RosterRow]] = {}
    for row in rows:
        by_programme.setdefault(row.programme_id, []).append(row)
    for programme_id, found in sorted(by_programme.items()):
        yield PublishedFile(f"rosters/{programme_id}.csv", roster_table(found, _EVERYBODY), ())


# --- ledgers ---------------------------------------------------------------------------------------------------------

Cells = tuple[str | None, ...]
"""An account by the columns of the trial balance, all but its amount."""


class ClosedEntry(NamedTuple):
    """A double entry that a close covers, its accounts as the trial balance of that close names them."""

    day: date
    position: int
    fact: str
    debit: Cells
    credit: Cells
    amount_fen: int


class ClosedBooks(NamedTuple):
    """What was closed, for whoever adds it up anew: the trial balance by its path, and every entry below it."""

    path: str
    position: int
    last_day: date
    entries: Iterable[ClosedEntry]


CREDIT_SIDE: Final = tuple(code for code, title in ACCOUNTS.items() if title.side == "credit")
"""The accounts whose balance stands on the credit side."""


def _cells(account: Account) -> Cells:
    values = (getattr(account, "code" if name == "account" else name) for name in TRIAL_BALANCE_ACCOUNT)
    return tuple(None if value is None else str(value) for value in values)


class Ledgers:
    """The ledger of every period that was closed: its trial balance as of the close, and the files published for it."""

    def __init__(self, zone: Zone) -> None:
        self._zones = zone
        self._zone: tzinfo | None = None
        self._facts: dict[str, list[Recorded]] = {}
        self._closes: dict[str, list[Recorded]] = {}
        self._kept: dict[str, PublishedFile] = {}

    def take(self, recorded: Recorded) -> None:
        """Take one event in."""
        event = recorded.event
        match event:
            case InstitutionOpened():
                self._zone = self._zones(event.time_zone)
            case PeriodClosed():
                self._keep(event, recorded.position, [self._trial_balance(event)])
                self._closes.setdefault(event.programme_id, []).append(recorded)
            case LedgerPublished():
                self._keep(event, recorded.position, self._tables(event))
            case _ if recorded.type in _LEDGER_TOPICS:
                self._facts.setdefault(cast("MoneyFact", event).programme_id, []).append(recorded)

    def _trial_balance(self, closed: PeriodClosed) -> Table:
        money = (each for each in self._facts.get(closed.programme_id, ()) if isinstance(each.event, MONEY_FACTS))
        facts = ((each.position, each.envelope.effective_at, cast("MoneyFact", each.event)) for each in money)
        books, _, _ = books_of(facts, closed.last_day, self._in_zone(), closed.rules_version)
        return trial_balance_table(books)

    def books(self) -> Iterator[ClosedBooks]:
        """The books of every close, in the order in which they were closed."""
        for closes in self._closes.values():
            for close in closes:
                closed = cast("PeriodClosed", close.event)
                path = ledger_path(closed, "trial_balance")
                yield ClosedBooks(path, close.position, closed.last_day, self._entries(closed, close.position))

    def _entries(self, closed: PeriodClosed, position: int) -> Iterator[ClosedEntry]:
        for fact in self._facts.get(closed.programme_id, ()):
            day = fact.envelope.effective_at.astimezone(self._in_zone()).date()
            if fact.position < position and day <= closed.last_day and isinstance(fact.event, MONEY_FACTS):
                for entry in post(closed.rules_version, cast("MoneyFact", fact.event)):
                    accounts = _cells(entry.debit), _cells(entry.credit)
                    yield ClosedEntry(day, fact.position, fact.type, *accounts, entry.amount_fen)

    def _tables(self, published: LedgerPublished) -> list[Table]:
        closes = self._closes.get(published.programme_id, ())
        closed = [each for each in closes if each.position == published.closed_position]
        if not closed:
            raise ValueError("a ledger is published of a period that was not closed")
        earlier = [cast("PeriodClosed", each.event) for each in closes if each.position < published.closed_position]
        facts = self._facts.get(published.programme_id, ())
        period = covered(cast("PeriodClosed", closed[0].event), earlier, self._in_zone())
        names = {file.name for file in published.files}
        # A table of another name came into this program after the ledger was published.
        return [table for table in ledger_tables(period, facts) if table.name in names]

    def _in_zone(self) -> tzinfo:
        if self._zone is None:
            raise ValueError("money moves before the institution is opened")
        return self._zone

    def _keep(self, event: PeriodClosed | LedgerPublished, position: int, tables: Iterable[Table]) -> None:
        for table in tables:
            path = ledger_path(event, table.name)
            self._kept.setdefault(path, PublishedFile(path, table, (position,) * len(table.rows)))

    def files(self) -> Iterator[PublishedFile]:
        """The files in the order of closes and publications."""
        yield from self._kept.values()


def ledger_path(event: PeriodClosed | LedgerPublished, name: str) -> str:
    """Where a file of a ledger lies below the published ones."""
    return f"ledgers/{event.programme_id}/{event.period}-{event.last_day}/{name}.csv"


# --- folded from lines -----------------------------------------------------------------------------------------------


class _Line(msgspec.Struct, frozen=True):
    position: int
    event_id: UUID
    type: str
    tags: tuple[str, ...]
    data: msgspec.Raw
    actor_id: str
    actor_kind: ActorKind
    authority: str
    on_behalf_of_id: str | None
    command_id: UUID
    cause: int | None
    correlation_id: UUID
    received_at: datetime
    effective_at: datetime
    recorded_at: datetime
    reason_code: str | None
    reason_document_id: str | None


_decode: Final = msgspec.json.Decoder(_Line).decode


def recorded_of(line: bytes) -> Recorded:
    """The event that an exported line tells of. Raises msgspec.DecodeError and what the catalogue raises."""
    told = _decode(line)
    envelope = {name: getattr(told, name) for name in Envelope.__struct_fields__}
    return Recorded(
        position=told.position,
        event_id=told.event_id,
        type=told.type,
        tags=told.tags,
        event=CATALOGUE.decode(told.type, bytes(told.data)),
        envelope=Envelope(**envelope),
        recorded_at=told.recorded_at,
    )


class Publication:
    """Everything that is published, folded from the events of a log or of one programme."""

    def __init__(self, zone: Zone, programme_id: str | None = None) -> None:
        self._programme_id = programme_id
        self._registers = [Register(view) for view in views_of(programme_id)]
        self._since: dict[str, dict[Key, int]] = {register.view.name: {} for register in self._registers}
        self._by_topic: dict[str, list[Register[Any]]] = {}
        for register in self._registers:
            for topic in register.view.topics:
                self._by_topic.setdefault(topic, []).append(register)
        self.ledgers = Ledgers(zone)

    def take(self, recorded: Recorded) -> None:
        """Take one event in."""
        for register in self._by_topic.get(recorded.type, ()):
            since = self._since[register.view.name]
            for change in register.apply(recorded):
                since[change.key] = recorded.position
        self.ledgers.take(recorded)

    def files(self) -> Iterator[PublishedFile]:
        """Every file, in the order in which a bundle holds them."""
        for register in self._registers:
            rows = [row for row in register.rows.values() if self._is_of_it(row)]
            yield register_file(register.view, rows, self._since[register.view.name])
            if register.view is ROSTER:
                yield from rosters(rows)
        yield from self.ledgers.files()

    def _is_of_it(self, row: Any) -> bool:  # noqa: ANN401 - Rows of any register.
        return self._programme_id is None or getattr(row, _PROGRAMME) == self._programme_id
