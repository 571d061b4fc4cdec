"""The budget journal: every entry that a fact posts, as the posting rules say, and whether it was reversed since."""

from datetime import date, datetime
from typing import Annotated, Literal, cast

import msgspec
from msgspec.structs import replace

from domain.funding.events import AccountCode, EntryReversed, PaymentApproved, Source, Stage
from domain.funding.policy import MONEY_FACTS, RULES_VERSION, MoneyFact, post
from domain.ids import ApplicationId, CalendarYear, PaymentId, ProgrammeId, RecoveryId, TrackId, UnitId
from domain.kernel import Code, Recorded, subject
from projections.kernel import Key, View, Where


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
    version=1,
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
