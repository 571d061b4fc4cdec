"""The registers of a programme's money: payments, commitments, matching, what came back, and corrections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec.structs import replace

from domain.funding.events import (
    AccountCode,
    EntryReversed,
    FundsCommitted,
    FundsReturned,
    HigherAwardRecorded,
    MoneyFlow,
    PaymentApproved,
    PaymentExpired,
    PaymentFailed,
    PaymentPosted,
    PaymentRequested,
    RecoveryOrdered,
    RecoveryReceived,
    Source,
)
from domain.funding.policy import MATCHING, PaymentState
from domain.ids import (
    ApplicationId,
    BankReference,
    CalendarYear,
    DocumentId,
    PaymentId,
    RecoveryId,
    TrackId,
    UnitId,
)
from domain.kernel import Code, Recorded, office
from projections.kernel import Key
from projections.statement import Period, Side, Statement, Told, adds, blank, fills, reversed_by, sides

__all__ = ["COMMITMENTS", "CORRECTIONS", "MATCHING_PLEDGES", "PAYMENTS", "RECOVERIES"]


def _counted(fact: Recorded, period: Period) -> Iterator[Side]:
    return (side for side in sides(fact, period) if period.covers(side.account.year))


# --- payments ---------------------------------------------------------------------------------------------------------


class PaymentLine(msgspec.Struct, frozen=True, kw_only=True):
    """One payment: what was asked for, who approved it, and what the bank did.
    zh: 一笔拨付:申请、批准与银行付款情况。
    """

    payment_id: Annotated[PaymentId, office("Payment", "拨付")]
    application_id: Annotated[ApplicationId | None, office("Application", "申报")] = None
    track_id: Annotated[TrackId | None, office("Track", "赛道")] = None
    unit_id: Annotated[UnitId | None, office("Unit", "单位")] = None
    source: Annotated[Source | None, office("Source", "来源")] = None
    year: Annotated[CalendarYear | None, office("Fiscal year", "财政年度")] = None
    money_flow: Annotated[MoneyFlow | None, office("Flow of money", "拨付方式")] = None
    category: Annotated[Code | None, office("Category (reimbursed)", "支出类别(报销)")] = None
    requested_on: Annotated[date | None, office("Requested on", "申请日")] = None
    requested_by: Annotated[str | None, office("Requested by", "申请人")] = None
    requested_fen: Annotated[int, office("Requested (fen)", "申请金额(分)")] = 0
    approved_on: Annotated[date | None, office("Approved on", "批准日")] = None
    approved_by: Annotated[str | None, office("Approved by", "批准人")] = None
    state: Annotated[PaymentState | None, office("State", "状态")] = None
    resolved_on: Annotated[date | None, office("Resolved on", "办结日")] = None
    paid_fen: Annotated[int, office("Paid (fen)", "已付金额(分)")] = 0
    in_transit_fen: Annotated[int, office("In transit (fen)", "在途金额(分)")] = 0
    bank_reference: Annotated[BankReference | None, office("Bank reference", "银行流水号")] = None
    ground: Annotated[Code | None, office("Failed for", "失败理由")] = None
    position: Annotated[int | None, office("Requested at (position)", "申请记录位置")] = None


_RESOLVED: Final[Mapping[type, PaymentState]] = {
    PaymentPosted: "posted",
    PaymentFailed: "failed",
    PaymentExpired: "expired",
}


def _payment_cells(fact: Recorded, period: Period, posted: Mapping[int, PaymentId]) -> Iterator[Told]:
    event, day, by = fact.event, period.day(fact), fact.envelope.actor_id
    match event:
        case PaymentRequested():
            yield from fills(
                (event.payment_id,), fact, application_id=event.application_id, track_id=event.track_id,
                unit_id=event.unit_id, source=event.source, year=event.year, money_flow=event.money_flow,
                category=event.category, requested_on=day, requested_by=by, state="requested", position=fact.position,
            )  # fmt: skip
        case PaymentApproved():
            yield from fills((event.payment_id,), fact, approved_on=day, approved_by=by, state="approved")
        case PaymentPosted() | PaymentFailed() | PaymentExpired():
            yield from fills(
                (event.payment_id,), fact, state=_RESOLVED[type(event)], resolved_on=day,
                bank_reference=getattr(event, "bank_reference", None), ground=getattr(event, "ground", None),
            )  # fmt: skip
        case EntryReversed(reversed_position=position) if position in posted:
            # What was posted wrongly is pending again.
            yield from fills((posted[position],), fact, state="approved", resolved_on=None, bank_reference=None)


def _payments(facts: Iterable[Recorded], period: Period) -> Iterator[Told]:
    posted: dict[int, PaymentId] = {}
    for fact in period.known(facts):
        year = getattr(fact.event, "year", None)
        if year is None or period.covers(year):
            if isinstance(fact.event, PaymentPosted):
                posted[fact.position] = fact.event.payment_id
            yield from _payment_cells(fact, period, posted)
        for side in _counted(fact, period):
            if (payment_id := side.account.payment_id) is not None:
                yield from _in_transit((payment_id,), side, fact)


def _in_transit(key: Key, side: Side, fact: Recorded) -> Iterator[Told]:
    """What is in transit, by what it came from and what it went to."""
    yield adds(key, "in_transit_fen", side.amount_fen, fact, side.line)
    if side.other.code != "B220":
        yield adds(key, "paid_fen", -side.amount_fen, fact, side.line)
    elif isinstance(fact.event, PaymentRequested):
        yield adds(key, "requested_fen", side.amount_fen, fact, side.line)


PAYMENTS: Final = Statement(
    code="payments",
    en="Payment register",
    zh="拨付登记簿",
    row=PaymentLine,
    key=("payment_id",),
    says=_payments,
    by_days=True,
)


# --- commitments ------------------------------------------------------------------------------------------------------


class CommitmentLine(msgspec.Struct, frozen=True, kw_only=True):
    """What is committed of the money of a case, of one source and fiscal year, and what became of it.
    zh: 某个案某来源某财政年度的承诺金额及其去向。
    """

    application_id: Annotated[ApplicationId, office("Application", "申报")]
    source: Annotated[Source, office("Source", "来源")]
    year: Annotated[CalendarYear, office("Fiscal year", "财政年度")]
    committed_fen: Annotated[int, office("Committed in all (fen)", "累计承诺(分)")] = 0
    carried_in_fen: Annotated[int, office("Carried in (fen)", "上年结转(分)")] = 0
    requested_fen: Annotated[int, office("Payment requested (fen)", "已申请拨付(分)")] = 0
    frozen_fen: Annotated[int, office("Frozen (fen)", "冻结(分)")] = 0
    carried_forward_fen: Annotated[int, office("Carried forward (fen)", "结转下年(分)")] = 0
    outstanding_fen: Annotated[int, office("Outstanding (fen)", "未履行承诺(分)")] = 0
    first_committed_on: Annotated[date | None, office("First committed on", "首次承诺日")] = None
    last_committed_on: Annotated[date | None, office("Last committed on", "最近承诺日")] = None


_COMMITTED: Final[Mapping[AccountCode, tuple[str, int]]] = {
    "B210": ("committed_fen", 1),
    "B110": ("carried_in_fen", 1),
    "B225": ("requested_fen", -1),
    "B240": ("frozen_fen", -1),
    "B260": ("carried_forward_fen", -1),
}
"""What is committed by where it comes from or goes to."""


def _commitments(facts: Iterable[Recorded], period: Period) -> Iterator[Told]:
    known: set[Key] = set()
    for fact in period.known(facts):
        for side in _counted(fact, period):
            if side.account.code == "B220":
                key = blank(side.account.application_id, side.account.source, side.account.year)
                column, sign = _COMMITTED[side.other.code]
                yield adds(key, column, sign * side.amount_fen, fact, side.line)
                yield adds(key, "outstanding_fen", side.amount_fen, fact, side.line)
                if isinstance(fact.event, FundsCommitted):
                    day = period.day(fact)
                    first = {} if key in known else {"first_committed_on": day}
                    known.add(key)
                    yield from fills(key, fact, **first, last_committed_on=day)


COMMITMENTS: Final = Statement(
    code="commitments",
    en="Commitment register",
    zh="承诺登记簿",
    row=CommitmentLine,
    key=("application_id", "source", "year"),
    says=_commitments,
    by_days=True,
)


# --- matching ---------------------------------------------------------------------------------------------------------


class MatchingLine(msgspec.Struct, frozen=True, kw_only=True):
    """The matching of a case: owed on its higher awards, pledged and received; never mixed with other money.
    zh: 某个案的配套:应配套、已承诺与已到账;不与其他经费混同。
    """

    application_id: Annotated[ApplicationId, office("Application", "申报")]
    unit_id: Annotated[UnitId | None, office("Unit", "单位")] = None
    granted_fen: Annotated[int, office("Higher awards (fen)", "上级资助(分)")] = 0
    due_fen: Annotated[int, office("Matching owed (fen)", "应配套(分)")] = 0
    pledged_fen: Annotated[int, office("Pledged (fen)", "已承诺(分)")] = 0
    received_fen: Annotated[int, office("Received (fen)", "已到账(分)")] = 0
    missing_fen: Annotated[int, office("Not received yet (fen)", "未到账(分)")] = 0


_MATCHED: Final[Mapping[AccountCode, str]] = {"B120": "pledged_fen", "F4601": "received_fen"}


def _matching(facts: Iterable[Recorded], period: Period) -> Iterator[Told]:
    awards: dict[int, HigherAwardRecorded] = {}
    for fact in period.known(facts):
        yield from _awards(fact, period, awards)
        for side in _counted(fact, period):
            column = _MATCHED.get(side.account.code)
            if column is not None and side.account.source in MATCHING:
                key = blank(side.account.application_id)
                yield adds(key, column, -side.amount_fen, fact, side.line)
                if (unit := getattr(fact.event, "unit_id", None)) is not None:
                    yield from fills(key, fact, unit_id=unit)


def _awards(fact: Recorded, period: Period, awards: dict[int, HigherAwardRecorded]) -> Iterator[Told]:
    sign, award = 1, fact.event
    if isinstance(award, EntryReversed):
        sign, award = -1, awards.get(award.reversed_position, award)
    elif isinstance(award, HigherAwardRecorded):
        awards[fact.position] = award
    if isinstance(award, HigherAwardRecorded) and period.covers(award.year):
        key = (award.application_id,)
        yield adds(key, "granted_fen", sign * award.amount_fen, fact, 1)
        yield adds(key, "due_fen", sign * award.matching_due_fen, fact, 0)
        yield from fills(key, fact, unit_id=award.unit_id)


def _missing(row: MatchingLine, _period: Period) -> MatchingLine:
    return replace(row, missing_fen=max(row.due_fen - row.received_fen, 0))


MATCHING_PLEDGES: Final = Statement(
    code="matching",
    en="Matching register",
    zh="配套登记簿",
    row=MatchingLine,
    key=("application_id",),
    says=_matching,
    complete=_missing,
    derived=lambda _: {"missing_fen": ("due_fen", "received_fen")},
    by_days=True,
)


# --- what came back ---------------------------------------------------------------------------------------------------


class RecoveryLine(msgspec.Struct, frozen=True, kw_only=True):
    """What came back, or was ordered to: by an order of recovery, by the unit itself, or authority never paid.
    zh: 已收回或责令收回的经费:追缴、单位退回,或未拨付的额度退还。
    """

    position: Annotated[int, office("Position", "位置")]
    kind: Annotated[str | None, office("Fact", "事实")] = None
    day: Annotated[date | None, office("Day", "日期")] = None
    application_id: Annotated[ApplicationId | None, office("Application", "申报")] = None
    unit_id: Annotated[UnitId | None, office("Unit", "单位")] = None
    source: Annotated[Source | None, office("Source", "来源")] = None
    year: Annotated[CalendarYear | None, office("Fiscal year", "财政年度")] = None
    recovery_id: Annotated[RecoveryId | None, office("Recovery", "追缴")] = None
    ground: Annotated[Code | None, office("Ground", "理由")] = None
    decision_document_id: Annotated[DocumentId | None, office("Decision", "决定文件")] = None
    bank_reference: Annotated[BankReference | None, office("Bank reference (newest)", "银行流水号(最近)")] = None
    ordered_fen: Annotated[int, office("Ordered (fen)", "责令追缴(分)")] = 0
    returned_fen: Annotated[int, office("Came back (fen)", "已收回(分)")] = 0
    outstanding_fen: Annotated[int, office("Outstanding (fen)", "未结清(分)")] = 0


_CLAIM: Final = "F1218"
_BACK: Final = "B250"


@dataclass(slots=True)
class _Returns:
    """Which line of the register each fact belongs to that has none of its own, and the references on each line."""

    orders: dict[RecoveryId, int] = field(default_factory=dict)
    line_of: dict[int, int] = field(default_factory=dict)
    references: dict[int, dict[int, BankReference]] = field(default_factory=dict)

    def place(self, fact: Recorded) -> int:
        """The line of a fact: that of the order it comes in on, of a reversal that of what it reverses, or its own."""
        event, undone = fact.event, reversed_by(fact)
        if isinstance(event, RecoveryOrdered):
            self.orders[event.recovery_id] = fact.position
        if undone is not None:
            at = self.line_of.get(undone, undone)
        elif isinstance(event, RecoveryReceived):
            at = self.orders.get(event.recovery_id, fact.position)
        else:
            at = fact.position
        if at != fact.position:
            self.line_of[fact.position] = at
        return at

    def newest(self, at: int, fact: Recorded) -> BankReference | None:
        """The newest reference that stands on a line, once a fact has come to it."""
        standing = self.references.setdefault(at, {})
        standing.pop(reversed_by(fact) or 0, None)
        if isinstance(fact.event, FundsReturned | RecoveryReceived):
            standing[fact.position] = fact.event.bank_reference
        return standing[max(standing)] if standing else None


def _recoveries(facts: Iterable[Recorded], period: Period) -> Iterator[Told]:
    returns = _Returns()
    for fact in period.known(facts):
        at = returns.place(fact)
        counted = [side for side in _counted(fact, period) if side.account.code in {_CLAIM, _BACK}]
        if counted and at == fact.position:
            yield from _described(fact, period)
        for side in counted:
            yield from _came_back((at,), side, fact)
            if side.account.code == _BACK:
                yield from fills((at,), fact, bank_reference=returns.newest(at, fact))


def _described(fact: Recorded, period: Period) -> Iterator[Told]:
    told = fact.event.as_dict()
    names = (
        "application_id", "unit_id", "source", "year", "recovery_id", "ground", "decision_document_id",
    )  # fmt: skip
    yield from fills(
        (fact.position,), fact, kind=fact.type, day=period.day(fact), **{name: told.get(name) for name in names}
    )


def _came_back(key: Key, side: Side, fact: Recorded) -> Iterator[Told]:
    if side.account.code == _BACK:
        yield adds(key, "returned_fen", side.amount_fen, fact, side.line)
        return
    yield adds(key, "outstanding_fen", side.amount_fen, fact, side.line)
    if side.other.code == "F5501":
        yield adds(key, "ordered_fen", side.amount_fen, fact, side.line)


RECOVERIES: Final = Statement(
    code="recoveries",
    en="Recovery register",
    zh="收回与追缴登记簿",
    row=RecoveryLine,
    key=("position",),
    says=_recoveries,
    by_days=True,
)


# --- corrections ------------------------------------------------------------------------------------------------------


class CorrectionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One correction of the books: what reversed an earlier fact, or came too late for the period it belongs to.
    zh: 一项账簿更正:冲销先前事实,或归属期间结账后方才入账。
    """

    position: Annotated[int, office("Position", "位置")]
    kind: Annotated[Literal["late", "reversal"] | None, office("Kind", "类别")] = None
    fact: Annotated[str | None, office("Fact", "事实")] = None
    day: Annotated[date | None, office("Day", "日期")] = None
    recorded_at: Annotated[datetime | None, office("Recorded at", "记录时间")] = None
    recorded_by: Annotated[str | None, office("Recorded by", "记录人")] = None
    occurred_on: Annotated[date | None, office("Occurred on (in a closed period)", "原发生日(已结账期间)")] = None
    reversed_position: Annotated[int | None, office("Reverses (position)", "所冲销位置")] = None
    reversed_fact: Annotated[str | None, office("Fact reversed", "所冲销事实")] = None
    reversed_day: Annotated[date | None, office("Day of the fact reversed", "所冲销事实日期")] = None
    application_id: Annotated[ApplicationId | None, office("Application", "申报")] = None
    source: Annotated[Source | None, office("Source", "来源")] = None
    year: Annotated[CalendarYear | None, office("Fiscal year", "财政年度")] = None
    amount_fen: Annotated[int, office("Amount (fen)", "金额(分)")] = 0


def _corrections(facts: Iterable[Recorded], period: Period) -> Iterator[Told]:
    seen: dict[int, tuple[str, date]] = {}
    alike: dict[tuple[str, date], tuple[str, date]] = {}
    for fact in period.known(facts):
        # Of everything that may be reversed only this is kept, once for all facts of a kind and day.
        told = fact.type, period.day(fact)
        seen[fact.position] = alike.setdefault(told, told)
        undone, occurred_on = reversed_by(fact), getattr(fact.event, "occurred_on", None)
        posted = next(_counted(fact, period), None)
        if posted is None or (undone is None and occurred_on is None):
            continue
        key, of = (fact.position,), posted.account
        reversed_fact, reversed_day = seen.get(undone or 0, (None, None))
        yield from fills(
            key, fact, kind="late" if undone is None else "reversal", fact=fact.type, day=period.day(fact),
            recorded_at=fact.recorded_at, recorded_by=fact.envelope.actor_id, occurred_on=occurred_on,
            reversed_position=undone, reversed_fact=reversed_fact, reversed_day=reversed_day,
            application_id=getattr(fact.event, "application_id", None), source=of.source, year=of.year,
        )  # fmt: skip
        yield adds(key, "amount_fen", abs(posted.amount_fen), fact, posted.line)


CORRECTIONS: Final = Statement(
    code="corrections",
    en="Corrections register",
    zh="更正登记簿",
    row=CorrectionLine,
    key=("position",),
    says=_corrections,
    by_days=True,
)
