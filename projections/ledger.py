"""The ledger of a closed period: its files, purely from what the close covers, and the register of what was published.

The same facts give the same bytes, whoever computes them and whenever. What is told of a period is what took effect
after the last period of its kind that was closed before, and up to its last day: so each entry stands in the journal of
exactly one month, one quarter, one year and one cycle. A fact that came too late for its own period stands in the one
in which it took effect, with its original day beside it.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Annotated, Any, Final, Literal, NamedTuple, cast

import msgspec
from msgspec.structs import replace

from domain.funding.events import (
    AccountCode,
    EntryReversed,
    FundingRuleDefined,
    InstitutionLedgerPublished,
    LedgerConfirmed,
    LedgerFile,
    LedgerOf,
    LedgerPublished,
    PeriodClosed,
    PeriodKind,
    Source,
    Stage,
)
from domain.funding.policy import MONEY_FACTS, RULES_VERSION, MoneyFact, post
from domain.ids import ApplicationId, CalendarYear, InstitutionId, PaymentId, ProgrammeId, RecoveryId, TrackId, UnitId
from domain.kernel import Code, Digest, Event, Recorded, office
from domain.person.events import Role
from projections.budget_execution import BUDGET_EXECUTION
from projections.execution_over_time import execution_over_time
from projections.funding import CLOSING, ClosingRow
from projections.kernel import Column, Key, Table, View, canonical_csv, columns, fold_all, keyed
from projections.statements import STATEMENT_FACTS, STATEMENTS, Period
from projections.task import TASKS, Waiting, waiting_as

__all__ = [
    "CLOSES",
    "INSTITUTION_LEDGER",
    "LEDGER",
    "LEDGER_FACTS",
    "LEDGER_TABLES",
    "Covered",
    "InstitutionLedgerRow",
    "LedgerRow",
    "awaited",
    "covered",
    "file_of",
    "ledger_files",
    "ledger_tables",
    "table_from",
    "tables_together",
    "waiting_to_be_confirmed",
]

_BY_MONTHS: Final = frozenset(("year", "cycle"))
"""Periods long enough that their ledger also tells how the execution came to be, month by month."""
LEDGER_FACTS: Final[tuple[type[Event], ...]] = STATEMENT_FACTS
"""What a ledger is computed from: all with the tag of the programme."""


# --- what a close covers ----------------------------------------------------------------------------------------------


class Covered(NamedTuple):
    """What the ledger of a period tells of: up to which position, from which day on and up to which, by which rules."""

    period: PeriodKind
    covers_position: int
    first_day: date | None
    last_day: date
    zone: tzinfo
    rules_version: int

    def day(self, fact: Recorded) -> date:
        """The day on which a fact took effect."""
        return fact.envelope.effective_at.astimezone(self.zone).date()

    def covers(self, fact: Recorded) -> bool:
        """Whether the close covers a fact."""
        return fact.position <= self.covers_position and self.day(fact) <= self.last_day

    def is_within(self, fact: Recorded) -> bool:
        """Whether a fact that is covered is of the period itself."""
        return self.first_day is None or self.day(fact) >= self.first_day


def covered(closed: PeriodClosed, earlier: Iterable[PeriodClosed], zone: tzinfo) -> Covered:
    """What a close covers, by the posting rules that it names; ``earlier`` are the closes recorded before it."""
    before = [each.last_day for each in earlier if each.period == closed.period and each.last_day < closed.last_day]
    first_day = max(before) + timedelta(days=1) if before else None
    return Covered(closed.period, closed.covers_position, first_day, closed.last_day, zone, closed.rules_version)


# --- its files --------------------------------------------------------------------------------------------------------


class EntryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One double entry of the period: the amount goes to the debit of one account and to the credit of the other.
    zh: 本期一笔复式分录:金额记入一个账户的借方与另一账户的贷方。
    """

    position: Annotated[int, office("Position", "位置")]
    line: Annotated[int, office("Line", "行")]
    day: Annotated[date, office("Day", "日期")]
    occurred_on: Annotated[date | None, office("Original day (in a closed period)", "原发生日(已结账期间)")]
    fact: Annotated[str, office("Fact", "事实")]
    book: Annotated[Literal["B", "F"], office("Book", "账套")]
    debit: Annotated[AccountCode, office("Debit", "借方")]
    credit: Annotated[AccountCode, office("Credit", "贷方")]
    amount_fen: Annotated[int, office("Amount (fen)", "金额(分)")]
    source: Annotated[Source, office("Source", "来源")]
    debit_year: Annotated[CalendarYear, office("Fiscal year (debit)", "财政年度(借方)")]
    credit_year: Annotated[CalendarYear, office("Fiscal year (credit)", "财政年度(贷方)")]
    application_id: Annotated[ApplicationId | None, office("Application", "申报")]
    track_id: Annotated[TrackId | None, office("Track", "赛道")]
    unit_id: Annotated[UnitId | None, office("Unit", "单位")]
    category: Annotated[Code | None, office("Category", "支出类别")]
    payment_id: Annotated[PaymentId | None, office("Payment", "拨付")]
    recovery_id: Annotated[RecoveryId | None, office("Recovery", "追缴")]
    origin: Annotated[Stage | None, office("Came from stage", "来自环节")]
    reverses: Annotated[int | None, office("Reverses (position)", "所冲销位置")]


def _entries(fact: Recorded, day: date, rules_version: int) -> Iterator[EntryRow]:
    body = cast("MoneyFact", fact.event)
    for line, entry in enumerate(post(rules_version, body), start=1):
        debit, credit = entry.debit, entry.credit
        yield EntryRow(
            position=fact.position,
            line=line,
            day=day,
            occurred_on=body.occurred_on,
            fact=fact.type,
            book="B" if debit.code.startswith("B") else "F",
            debit=debit.code,
            credit=credit.code,
            amount_fen=entry.amount_fen,
            source=debit.source,
            debit_year=debit.year,
            credit_year=credit.year,
            application_id=debit.application_id or credit.application_id,
            track_id=getattr(body, "track_id", None),
            unit_id=getattr(body, "unit_id", None),
            category=debit.category or credit.category,
            payment_id=debit.payment_id or credit.payment_id,
            recovery_id=debit.recovery_id or credit.recovery_id,
            origin=debit.origin or credit.origin,
            reverses=body.reversed_position if isinstance(body, EntryReversed) else None,
        )


_JOURNAL: Final = Table(
    name="journal", en="Journal of the period", zh="本期日记账", columns=columns(EntryRow), rows=()
)  # fmt: skip


def _journal(facts: Iterable[Recorded], period: Covered) -> Iterator[Sequence[object]]:
    """Every entry of the period, in the order of the record."""
    return (
        msgspec.structs.astuple(entry)
        for fact in facts
        if period.is_within(fact) and isinstance(fact.event, MONEY_FACTS)
        for entry in _entries(fact, period.day(fact), period.rules_version)
    )


def _asked_of(code: str, period: Covered) -> Period:
    """The days and years that a statement tells of: where the money stood at the end, or what moved in the period.

    The execution of the budget is that of the fiscal year up to the last day, of a cycle that of all its years.
    """
    if code == "budget_execution":
        year = None if period.period == "cycle" else period.last_day.year
        return _told_of(period, first_year=year, last_year=year)
    return _told_of(period, first_day=None if code == "reconciliation" else period.first_day)


def _told_of(period: Covered, **more: Any) -> Period:  # noqa: ANN401 - Fields of a period.
    return Period(zone=period.zone, last_day=period.last_day, rules_version=period.rules_version, **more)


Rows = Iterable[Sequence[object]]
Published = tuple[LedgerFile, bytes]
"""A file with its bytes."""


def _made(period: Covered) -> Iterator[Callable[[Iterable[Recorded]], tuple[Table, Rows]]]:
    """What makes each table of a ledger, its rows beside it, of the facts that are covered: read once, in order."""
    yield lambda facts: (_JOURNAL, _journal(facts, period))
    for code, statement in STATEMENTS.items():
        yield functools.partial(_stated, statement.table, _asked_of(code, period))
    if period.period in _BY_MONTHS:
        yield functools.partial(_stated, execution_over_time, _asked_of(BUDGET_EXECUTION.code, period))


def _stated(
    read: Callable[[Iterable[Recorded], Period], Table], asked: Period, facts: Iterable[Recorded]
) -> tuple[Table, Rows]:
    table = read(facts, asked)
    return table, table.rows


def ledger_tables(period: Covered, facts: Sequence[Recorded]) -> list[Table]:
    """The tables of a ledger, in the order in which they are read; the canonical CSV of each is what is published."""
    known = list(filter(period.covers, facts))
    found = (make(known) for make in _made(period))
    return [dataclasses.replace(table, rows=list(rows)) for table, rows in found]


def ledger_files(period: Covered) -> list[Callable[[Iterable[Recorded]], Published]]:
    """What makes each file of a ledger of facts that are read once, so that no more of them is held than a page."""

    def published(make: Callable[[Iterable[Recorded]], tuple[Table, Rows]], facts: Iterable[Recorded]) -> Published:
        return file_of(*make(filter(period.covers, facts)))

    return [functools.partial(published, make) for make in _made(period)]


def file_of(table: Table, rows: Rows | None = None) -> Published:
    """A table as it is published: its canonical CSV, known by name, digest and size."""
    content = b"".join(canonical_csv(table, rows))
    return LedgerFile(name=table.name, digest=hashlib.sha256(content).hexdigest(), size=len(content)), content


_NOTHING: Final = Covered("cycle", 0, None, date.min, UTC, RULES_VERSION)
LEDGER_TABLES: Final = {table.name: table for table in ledger_tables(_NOTHING, ())}
"""The tables of a ledger by their names, without rows: their titles and columns."""


_WHOSE: Final = Column("programme_id", "Programme", "项目", "office", ProgrammeId)


def table_from(name: str, content: bytes) -> Table:
    """A published file as a table again, its cells of the types of their columns.

    A column that this program does not know, of a file that an earlier one published, holds texts under its own name.
    """
    lines = csv.reader(io.StringIO(content.decode(), newline=""))
    known = LEDGER_TABLES.get(name) or Table(name=name, en=name, zh=name, columns=(), rows=())
    by_name = {column.name: column for column in (_WHOSE, *known.columns)}
    found = [by_name.get(each) or Column(each, each, each, "office", str | None) for each in next(lines)]
    rows = [[_cell(text, column) for text, column in zip(line, found, strict=True)] for line in lines]
    return Table(name=name, en=known.en, zh=known.zh, columns=found, rows=rows)


def _cell(text: str, column: Column) -> Any:  # noqa: ANN401 - A cell of any type.
    return None if text == "" else msgspec.convert(text, column.type, strict=False)


# --- what was published -----------------------------------------------------------------------------------------------

LedgerState = Literal["closed", "published", "confirmed"]


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger of a period: closed, published with its files, and confirmed where a second person does that.
    zh: 某期间的账册:已结账、已公布(列明各文件),须另一人确认者已确认。
    """

    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    period: Annotated[PeriodKind, office("Period", "期间类别")]
    last_day: Annotated[date, office("Last day", "截止日")]
    state: Annotated[LedgerState, office("State", "状态")] = "closed"
    covers_position: Annotated[int, office("Covers up to (position)", "覆盖至位置")]
    closed_position: Annotated[int, office("Closed at (position)", "结账记录位置")]
    closed_at: Annotated[datetime, office("Closed at", "结账时间")]
    closed_by: Annotated[str, office("Closed by", "结账人")]
    files: Annotated[tuple[LedgerFile, ...], office("Files", "文件")] = ()
    rules_version: Annotated[int, office("Version of the posting rules", "过账规则版本")]
    rules_digest: Annotated[Digest | None, office("Digest of the posting rules", "过账规则摘要")] = None
    published_position: Annotated[int | None, office("Published at (position)", "公布记录位置")] = None
    published_at: Annotated[datetime | None, office("Published at", "公布时间")] = None
    awaits_confirmation: Annotated[bool, office("Awaits a second person", "待另一人确认")] = False
    confirmed_at: Annotated[datetime | None, office("Confirmed at", "确认时间")] = None
    confirmed_by: Annotated[str | None, office("Confirmed by", "确认人")] = None


def _closed(event: PeriodClosed, recorded: Recorded) -> LedgerRow:
    return LedgerRow(
        programme_id=event.programme_id,
        period=event.period,
        last_day=event.last_day,
        covers_position=event.covers_position,
        closed_position=recorded.position,
        closed_at=recorded.envelope.effective_at,
        closed_by=recorded.envelope.actor_id,
        rules_version=event.rules_version,
    )


def _ledger(row: LedgerRow | None, recorded: Recorded, _key: Key) -> LedgerRow | None:
    event = recorded.event
    if isinstance(event, PeriodClosed):
        return row or _closed(event, recorded)
    if row is None:
        return None
    if isinstance(event, LedgerPublished):
        return replace(
            row,
            state="published",
            files=event.files,
            rules_version=event.rules_version,
            rules_digest=event.rules_digest,
            published_position=recorded.position,
            published_at=recorded.recorded_at,
            awaits_confirmation=event.to_be_confirmed,
        )
    return replace(
        row,
        state="confirmed",
        awaits_confirmation=False,
        confirmed_at=recorded.envelope.effective_at,
        confirmed_by=recorded.envelope.actor_id,
    )


LEDGER = View(
    name="ledger",
    version=1,
    en="Periodic ledgers",
    zh="期间账册",
    row=LedgerRow,
    key=("programme_id", "period", "last_day"),
    reads=(PeriodClosed, LedgerPublished, LedgerConfirmed),
    touches=keyed("programme_id", "period", "last_day"),
    fold=_ledger,
    filters=("programme_id", "period", "last_day", "state", "awaits_confirmation"),
    sorts=("last_day",),
)


def waiting_to_be_confirmed(rows: Iterable[LedgerRow], roles: Sequence[Role], person_id: str) -> list[Waiting]:
    """The ledgers that wait for a second person, as tasks of somebody who holds these roles and did not close them."""
    may = [role for role in TASKS["confirm_ledger"][0] if role in roles]
    return [
        waiting_as(
            "confirm_ledger", may[0], f"{row.programme_id}/{row.period}/{row.last_day}", row.closed_at,
            programme_id=row.programme_id,
        )
        for row in rows
        if may and row.awaits_confirmation and row.closed_by != person_id
    ]  # fmt: skip


# --- the institution --------------------------------------------------------------------------------------------------

CLOSES: Final[tuple[type[Event], ...]] = (FundingRuleDefined, PeriodClosed, LedgerPublished)
"""What tells which programmes a period of the institution waits for."""


def awaited(past: Iterable[Recorded], period: PeriodKind, last_day: date) -> list[ProgrammeId]:
    """The programmes whose ledger of a period is still to come: closed but not published, or to be closed by the clock.

    A cycle is each programme's own; the institution has none.
    """
    past = list(past)
    rows = fold_all(CLOSING, past).values()
    ledgers = [row for row in fold_all(LEDGER, past).values() if (row.period, row.last_day) == (period, last_day)]
    closed = {row.programme_id for row in ledgers}
    unpublished = [row.programme_id for row in ledgers if row.state == "closed"]
    due = [row.programme_id for row in rows if row.programme_id not in closed and _is_to_come(row, period, last_day)]
    return sorted((*unpublished, *due))


def _is_to_come(row: ClosingRow, period: PeriodKind, last_day: date) -> bool:
    """Whether the clock is still to close a period of a programme: its last month first, then what ends with it."""
    begins = row.next_close_on is not None and row.next_close_on <= last_day
    quarter = row.quarter_waits and row.quarter_on is not None and row.quarter_on <= last_day
    year = row.year_waits and row.year_on is not None and row.year_on <= last_day
    return begins or (period == "quarter" and quarter) or (period == "year" and year)


def tables_together(ledgers: Sequence[tuple[ProgrammeId, Mapping[str, bytes]]]) -> list[Table]:
    """The published files of several programmes, each name as one table whose first column says whose a row is."""
    names = dict.fromkeys(name for _, files in ledgers for name in files)
    return [
        _together(name, [(whose, table_from(name, files[name])) for whose, files in ledgers if name in files])
        for name in names
    ]


def _together(name: str, tables: Sequence[tuple[ProgrammeId, Table]]) -> Table:
    """Tables of one name, one below the other; a column that one of them has not is empty there."""
    shown = {column.name: column for _, table in tables for column in table.columns}
    rows: list[list[object]] = []
    for whose, table in tables:
        known = [column.name for column in table.columns]
        for row in table.rows:
            cells = dict(zip(known, row, strict=True))
            rows.append([whose, *(cells.get(column) for column in shown)])
    _, first = tables[0]
    return Table(name=name, en=first.en, zh=first.zh, columns=[_WHOSE, *shown.values()], rows=rows)


class InstitutionLedgerRow(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger of a period over all programmes of the institution, as it was published last.
    zh: 机构全部项目某期间的汇总账册(最近一次公布)。
    """

    period: Annotated[PeriodKind, office("Period", "期间类别")]
    last_day: Annotated[date, office("Last day", "截止日")]
    institution_id: Annotated[InstitutionId, office("Institution", "机构")]
    edition: Annotated[int, office("Edition", "版次")] = 1
    ledgers: Annotated[tuple[LedgerOf, ...], office("Ledgers", "所汇总账册")]
    files: Annotated[tuple[LedgerFile, ...], office("Files", "文件")]
    published_position: Annotated[int, office("Published at (position)", "公布记录位置")]
    published_at: Annotated[datetime, office("Published at", "公布时间")]


def _institution_ledger(row: InstitutionLedgerRow | None, recorded: Recorded, _key: Key) -> InstitutionLedgerRow:
    event = cast("InstitutionLedgerPublished", recorded.event)
    return InstitutionLedgerRow(
        period=event.period,
        last_day=event.last_day,
        institution_id=event.institution_id,
        edition=1 if row is None else row.edition + 1,
        ledgers=event.ledgers,
        files=event.files,
        published_position=recorded.position,
        published_at=recorded.recorded_at,
    )


INSTITUTION_LEDGER = View(
    name="institution_ledger",
    version=1,
    en="Periodic ledgers of the institution",
    zh="机构期间汇总账册",
    row=InstitutionLedgerRow,
    key=("period", "last_day"),
    reads=(InstitutionLedgerPublished,),
    touches=keyed("period", "last_day"),
    fold=_institution_ledger,
    filters=("period", "last_day"),
    sorts=("last_day",),
)
