"""The budget journal: every entry that a fact posts, as the posting rules say, and whether it was reversed since."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, tzinfo
from typing import Annotated, Final, Literal, NamedTuple, cast

import msgspec
from msgspec.structs import replace

from domain.funding.events import Account, AccountCode, EntryReversed, PaymentApproved, Source, Stage
from domain.funding.policy import ACCOUNTS, MONEY_FACTS, RULES_VERSION, Books, MoneyFact, post, trial_balance
from domain.ids import ApplicationId, CalendarYear, PaymentId, ProgrammeId, RecoveryId, TrackId, UnitId
from domain.kernel import Code, Recorded, office, subject
from projections.kernel import Key, Table, View, Where, columns


class JournalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One double entry: the amount goes to the debit of one account and to the credit of the other.
    zh: 一笔复式分录:金额记入一个账户的借方与另一账户的贷方。
    """

    position: Annotated[int, subject("Position", "位置")]
    line: Annotated[int, subject("Line", "行")]
    fact: Annotated[str, subject("Fact", "事实")]
    effective_at: Annotated[datetime, subject("Effective at", "生效时间")]
    occurred_on: Annotated[date | None, subject("Occurred on (in a closed period)", "原发生日(已结账期间)")] = None
    book: Annotated[Literal["B", "F"], subject("Book", "账套")]
    debit: Annotated[AccountCode, subject("Debit", "借方")]
    credit: Annotated[AccountCode, subject("Credit", "贷方")]
    amount_fen: Annotated[int, subject("Amount (fen)", "金额(分)")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    application_id: Annotated[ApplicationId | None, subject("Application", "申报")] = None
    track_id: Annotated[TrackId | None, subject("Track", "赛道")] = None
    unit_id: Annotated[UnitId | None, subject("Unit", "单位")] = None
    source: Annotated[Source, subject("Source", "来源")]
    year: Annotated[CalendarYear, subject("Fiscal year", "财政年度")]
    category: Annotated[Code | None, subject("Category", "支出类别")] = None
    payment_id: Annotated[PaymentId | None, subject("Payment", "拨付")] = None
    recovery_id: Annotated[RecoveryId | None, subject("Recovery", "追缴")] = None
    origin: Annotated[Stage | None, subject("Frozen at", "冻结时所在环节")] = None
    reverses: Annotated[int | None, subject("Reverses (position)", "所冲销位置")] = None
    reversal_position: Annotated[int | None, subject("Reversed at (position)", "冲销位置")] = None


def _touches(recorded: Recorded) -> list[Key | Where]:
    event = cast("MoneyFact", recorded.event)
    touched: list[Key | Where] = [(recorded.position, n) for n, _ in enumerate(post(RULES_VERSION, event), start=1)]
    if isinstance(event, EntryReversed):
        touched.append(Where("position", event.reversed_position))
    return touched


def _fold(row: JournalRow | None, recorded: Recorded, key: Key) -> JournalRow:
    event = cast("MoneyFact", recorded.event)
    if row is not None and row.position != recorded.position:
        return replace(row, reversal_position=recorded.position)
    entry = post(RULES_VERSION, event)[cast("int", key[1]) - 1]
    debit, credit = entry.debit, entry.credit
    return JournalRow(
        position=recorded.position,
        line=cast("int", key[1]),
        fact=recorded.type,
        effective_at=recorded.envelope.effective_at,
        occurred_on=event.occurred_on,
        book="B" if debit.code.startswith("B") else "F",
        debit=debit.code,
        credit=credit.code,
        amount_fen=entry.amount_fen,
        programme_id=event.programme_id,
        application_id=getattr(event, "application_id", None),
        track_id=getattr(event, "track_id", None),
        unit_id=getattr(event, "unit_id", None),
        source=debit.source,
        year=debit.year,
        category=debit.category or credit.category,
        payment_id=debit.payment_id or credit.payment_id,
        recovery_id=debit.recovery_id or credit.recovery_id,
        origin=debit.origin or credit.origin,
        reverses=event.reversed_position if isinstance(event, EntryReversed) else None,
    )


JOURNAL = View(
    name="journal",
    version=2,
    en="Budget journal",
    zh="预算日记账",
    row=JournalRow,
    key=("position", "line"),
    reads=tuple(kind for kind in MONEY_FACTS if kind is not PaymentApproved),
    touches=_touches,
    fold=_fold,
    indexes=("position",),
    filters=(
        "programme_id", "application_id", "unit_id", "source", "year", "book", "debit", "credit", "category",
        "payment_id", "recovery_id", "fact",
    ),
    sorts=("position", "effective_at"),
    effective=True,
    subject_units=("unit_id",),
    is_open=lambda _: False,
)  # fmt: skip


# --- the books in other people's accounting ---------------------------------------------------------------------------

_KINDS: Final[Mapping[AccountCode, str]] = {
    **{code: "Equity" if title.side == "credit" else "Assets" for code, title in ACCOUNTS.items()},
    "F2103": "Liabilities",
    "F4001": "Income",
    "F4601": "Income",
    "F5501": "Expenses",
}


class BookLine(NamedTuple):
    """One double entry as other programs take it: on which day, from which fact, between which accounts.

    An account is a path: its kind there, the book, the code, then source, year and whatever else tells its lines apart.
    """

    day: date
    position: int
    line: int
    fact: str
    occurred_on: date | None
    debit: tuple[str, ...]
    credit: tuple[str, ...]
    amount_fen: int


def account_path(account: Account) -> tuple[str, ...]:
    """Where an account stands in a tree of accounts: never above another, since others count what stands below it."""
    told = [
        (name, value)
        for name in ("application_id", "category", "payment_id", "origin", "recovery_id")
        if (value := getattr(account, name)) is not None
    ]
    parts = (part for name, value in told for part in (_PARTS[name], value))
    return (_KINDS[account.code], account.code[0], account.code, account.source, str(account.year), *parts, "Own")


_PARTS: Final = {
    "application_id": "Case",
    "category": "Category",
    "payment_id": "Payment",
    "origin": "From",
    "recovery_id": "Recovery",
}


def book_lines(
    facts: Iterable[tuple[int, str, datetime, MoneyFact]], zone: tzinfo, rules_version: int = RULES_VERSION
) -> Iterator[BookLine]:
    """Every entry that facts post, each fact with its position, stored name and the instant from which it counts."""
    for position, fact, at, body in facts:
        for line, entry in enumerate(post(rules_version, body), start=1):
            yield BookLine(
                day=at.astimezone(zone).date(),
                position=position,
                line=line,
                fact=fact,
                occurred_on=body.occurred_on,
                debit=account_path(entry.debit),
                credit=account_path(entry.credit),
                amount_fen=entry.amount_fen,
            )


# --- the trial balance ------------------------------------------------------------------------------------------------


class TrialBalanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on one account, on its own side.
    zh: 某账户的余额(按其余额方向)。
    """

    account: Annotated[AccountCode, office("Account", "账户")]
    source: Annotated[Source, office("Source", "来源")]
    year: Annotated[CalendarYear, office("Fiscal year", "财政年度")]
    application_id: Annotated[ApplicationId | None, office("Application", "申报")] = None
    category: Annotated[Code | None, office("Category", "支出类别")] = None
    payment_id: Annotated[PaymentId | None, office("Payment", "拨付")] = None
    origin: Annotated[Stage | None, office("Frozen at", "冻结时所在环节")] = None
    recovery_id: Annotated[RecoveryId | None, office("Recovery", "追缴")] = None
    amount_fen: Annotated[int, office("Balance (fen)", "余额(分)")] = 0


TRIAL_BALANCE_ACCOUNT: Final = TrialBalanceRow.__struct_fields__[:-1]
"""The columns that name an account; the last column is its balance."""


def trial_balance_table(books: Books) -> Table:
    """The trial balance of some books; its canonical CSV is what a close is digested by."""
    return Table(
        name="trial_balance", en="Trial balance", zh="试算平衡表", columns=columns(TrialBalanceRow),
        rows=trial_balance(books),
    )  # fmt: skip
