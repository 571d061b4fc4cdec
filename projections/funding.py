"""Funding: the rule, the balances by stage, payments, recoveries, matching, and the periods that are closed."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, cast

import msgspec
from msgspec.structs import replace

from domain.cultivation.events import CaseSucceeded
from domain.funding.events import (
    Account,
    AccountCode,
    CarriedForward,
    CarryOver,
    ChosenGate,
    EntryReversed,
    FundingRuleDefined,
    FundsAllocated,
    HigherAwardRecorded,
    MatchingBase,
    MatchingPledged,
    MatchingReceived,
    MoneyFlow,
    PaymentApproved,
    PaymentExpired,
    PaymentFailed,
    PaymentPosted,
    PaymentRequested,
    PeriodClosed,
    PeriodKind,
    RecoveryOrdered,
    RecoveryReceived,
    Source,
    SpendingCategory,
    SpentStage,
)
from domain.funding.policy import (
    ACCOUNTS,
    MATCHING,
    MONEY_FACTS,
    RULES_VERSION,
    MoneyFact,
    PaymentState,
    period_after,
    post,
)
from domain.ids import (
    ApplicationId,
    BankReference,
    CalendarYear,
    DocumentId,
    PaymentId,
    ProgrammeId,
    RecoveryId,
    TrackId,
    UnitId,
)
from domain.kernel import Code, Digest, Event, Recorded, office, public, subject
from projections.kernel import Key, View, Where, keyed

_MONEY: Final[tuple[type[Event], ...]] = tuple(kind for kind in MONEY_FACTS if kind is not PaymentApproved)


# --- the rule ---------------------------------------------------------------------------------------------------------


class FundingRuleRow(msgspec.Struct, frozen=True, kw_only=True):
    """The rule of a programme's money that was defined last.
    zh: 最近一次设定的项目经费规则。
    """

    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    money_flow: Annotated[MoneyFlow, public("Flow of money", "拨付方式")]
    carry_over: Annotated[CarryOver, public("Left at the year's end", "年末结余处理")]
    cutoff_month: Annotated[int, public("Cut-off of the year (month)", "年度截止(月)")]
    cutoff_day: Annotated[int, public("Cut-off of the year (day)", "年度截止(日)")]
    matching_base: Annotated[MatchingBase, public("Matching is owed on", "配套基数")]
    matching_ratio_bp: Annotated[int, public("Matching ratio at least", "配套最低比例")]
    categories: Annotated[tuple[SpendingCategory, ...], public("Categories", "支出类别")]
    budget_binds: Annotated[bool, public("The binding budget binds by category", "任务书预算按类别约束")]
    payment_expires_after_days: Annotated[int, public("A pending payment expires after days", "待付款项失效天数")]
    gates: Annotated[tuple[ChosenGate, ...], public("Gates", "拨付条件")]
    close_months_after_days: Annotated[
        int | None, public("Months are closed after days (none: by hand)", "月末若干日后结账(空为人工结账)")
    ] = None
    cycle_ends_on: Annotated[
        date | None, public("Cycle closed from (none: by hand)", "周期账自该日起结(空为人工结账)")
    ] = None
    closes_confirmed: Annotated[bool, public("A second person confirms each close", "结账须另一人确认")] = False
    since: Annotated[datetime, public("Since", "生效时间")]
    position: Annotated[int, public("Position", "位置")]


def _rule(_row: FundingRuleRow | None, recorded: Recorded, _key: Key) -> FundingRuleRow:
    since = recorded.envelope.effective_at
    told = {name: value for name, value in recorded.event.as_dict().items() if name in FundingRuleRow.__struct_fields__}
    return FundingRuleRow(**told, since=since, position=recorded.position)


FUNDING_RULE = View(
    name="funding_rule",
    version=2,
    en="Rules of money",
    zh="经费规则",
    row=FundingRuleRow,
    key=("programme_id",),
    reads=(FundingRuleDefined,),
    touches=keyed("programme_id"),
    fold=_rule,
)


# --- balances ---------------------------------------------------------------------------------------------------------

PROGRAMME: Final = "programme"
"""Whose the money is that belongs to no case."""

_COLUMNS: Final[Mapping[AccountCode, str]] = {
    "B100": "appropriated_fen",
    "B110": "carried_in_fen",
    "B120": "pledged_fen",
    "B130": "adjusted_fen",
    "B200": "unallocated_fen",
    "B210": "allocated_fen",
    "B220": "committed_fen",
    "B225": "in_transit_fen",
    "B230": "paid_out_fen",
    "B235": "accounted_for_fen",
    "B240": "frozen_fen",
    "B250": "recovered_fen",
    "B260": "carried_forward_fen",
    "F1218": "claimed_fen",
    "F4601": "received_fen",
}


class BalanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """What stands at each stage, of one source and fiscal year: of a case, or of the programme as a whole.
    zh: 某来源、某财政年度各环节的余额:项目(个案)或项目整体。
    """

    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    whose: Annotated[str, subject("Whose (application, or the programme)", "归属(申报或项目整体)")]
    source: Annotated[Source, subject("Source", "来源")]
    year: Annotated[CalendarYear, subject("Fiscal year", "财政年度")]
    application_id: Annotated[ApplicationId | None, subject("Application", "申报")] = None
    track_id: Annotated[TrackId | None, subject("Track", "赛道")] = None
    unit_id: Annotated[UnitId | None, subject("Unit", "单位")] = None
    appropriated_fen: Annotated[int, subject("Appropriated", "预算批复")] = 0
    carried_in_fen: Annotated[int, subject("Carried in", "上年结转")] = 0
    pledged_fen: Annotated[int, subject("Matching pledged", "配套承诺")] = 0
    adjusted_fen: Annotated[int, subject("Adjusted", "预算调整")] = 0
    unallocated_fen: Annotated[int, subject("Unallocated", "未分配")] = 0
    allocated_fen: Annotated[int, subject("Allocated", "已下达")] = 0
    committed_fen: Annotated[int, subject("Committed", "已承诺")] = 0
    in_transit_fen: Annotated[int, subject("In transit", "拨付在途")] = 0
    paid_out_fen: Annotated[int, subject("Paid out", "已拨付")] = 0
    accounted_for_fen: Annotated[int, subject("Accounted for", "已核销")] = 0
    frozen_fen: Annotated[int, subject("Frozen", "冻结")] = 0
    recovered_fen: Annotated[int, subject("Recovered", "已收回")] = 0
    carried_forward_fen: Annotated[int, subject("Carried forward", "结转下年")] = 0
    claimed_fen: Annotated[int, subject("Claimed back", "应收追缴")] = 0
    received_fen: Annotated[int, subject("Matching received", "配套到账")] = 0
    given_fen: Annotated[int, subject("Allocated in all", "累计下达")] = 0
    carry_over: Annotated[CarryOver | None, subject("Left at the year's end", "年末结余处理")] = None
    cutoff_at: Annotated[datetime | None, subject("The year is cut off at", "年度截止时刻")] = None
    cutoff_on: Annotated[date | None, subject("Last day of the year's money", "年度经费截止日")] = None
    carries: Annotated[bool, office("Waits to be carried forward", "待结转")] = False
    lapses: Annotated[bool, office("Waits to lapse", "待失效")] = False


def _column(account: Account) -> str | None:
    """The column that an account stands in, if it does: of income only the matching that came in."""
    income_of_another = account.code == "F4601" and account.source not in MATCHING
    return None if income_of_another else _COLUMNS.get(account.code)


def _whose(programme_id: ProgrammeId, account: Account) -> Key:
    return programme_id, account.application_id or PROGRAMME, account.source, account.year


def by_stage(balances: Iterable[tuple[Account, int]]) -> dict[tuple[str, Source, int], dict[str, int]]:
    """What stands on accounts, each on its own side, as the rows of balances show it: by case, source and year.

    What belongs to no case is the programme's; a column in which nothing stands is left out.
    """
    found: dict[tuple[str, Source, int], dict[str, int]] = {}
    for account, amount_fen in balances:
        column = _column(account)
        if column is not None:
            row = found.setdefault((account.application_id or PROGRAMME, account.source, account.year), {})
            row[column] = row.get(column, 0) + amount_fen
    stand = {key: {column: fen for column, fen in row.items() if fen} for key, row in found.items()}
    return {key: row for key, row in stand.items() if row}


def _balance_touches(recorded: Recorded) -> list[Key | Where]:
    event = recorded.event
    if isinstance(event, CaseSucceeded):
        return [Where("application_id", event.application_id)]
    entries = post(RULES_VERSION, cast("MoneyFact", event))
    accounts = [account for entry in entries for account in (entry.debit, entry.credit)]
    programme_id = cast("MoneyFact", event).programme_id
    return list(dict.fromkeys(_whose(programme_id, account) for account in accounts if _column(account)))


def _moved(event: MoneyFact, key: Key) -> Iterator[tuple[str, int]]:
    """What an event adds to the columns of one row."""
    for entry in post(RULES_VERSION, event):
        for account, amount in ((entry.debit, entry.amount_fen), (entry.credit, -entry.amount_fen)):
            column = _column(account)
            if column is not None and _whose(event.programme_id, account) == key:
                signed = amount if ACCOUNTS[account.code].side == "debit" else -amount
                yield column, signed
                other = entry.credit if account is entry.debit else entry.debit
                if account.code == "B210" and other.code == "B200":
                    yield "given_fen", signed


def _balance(row: BalanceRow | None, recorded: Recorded, key: Key) -> BalanceRow | None:
    event = recorded.event
    if isinstance(event, CaseSucceeded):
        unit_id = UnitId(event.successor_unit_id)
        return row if row is None or row.unit_id == unit_id else replace(row, unit_id=unit_id)
    money = cast("MoneyFact", event)
    before = row or _opened(money, key)
    sums: dict[str, Any] = {}
    for column, amount in _moved(money, key):
        sums[column] = sums.get(column, getattr(before, column)) + amount
    after = replace(before, **sums)
    if isinstance(money, FundsAllocated | CarriedForward):
        year = money.to_year if isinstance(money, CarriedForward) else money.year
        if year == after.year and after.application_id is not None:
            after = replace(after, carry_over=money.carry_over, cutoff_at=money.cutoff_at, cutoff_on=money.cutoff_on)
    after = _waiting(after)
    return row if after == row else after


def _opened(event: MoneyFact, key: Key) -> BalanceRow:
    whose = str(key[1])
    row = BalanceRow(
        programme_id=event.programme_id, whose=whose, source=cast("Source", key[2]), year=cast("CalendarYear", key[3])
    )
    if whose == PROGRAMME:
        return row
    return replace(
        row, application_id=ApplicationId(whose), track_id=getattr(event, "track_id", None),
        unit_id=getattr(event, "unit_id", None),
    )  # fmt: skip


def _waiting(row: BalanceRow) -> BalanceRow:
    """What is left of a case's money waits for its year to be cut off, where the rule says what becomes of it then."""
    unpaid = row.allocated_fen + row.committed_fen
    left = unpaid + row.paid_out_fen - row.claimed_fen
    return replace(row, carries=row.carry_over == "carry" and left > 0, lapses=row.carry_over == "lapse" and unpaid > 0)


BALANCE = View(
    name="balance",
    version=1,
    en="Balances by stage",
    zh="各环节余额",
    row=BalanceRow,
    key=("programme_id", "whose", "source", "year"),
    reads=(*_MONEY, CaseSucceeded),
    touches=_balance_touches,
    fold=_balance,
    indexes=("application_id",),
    filters=("programme_id", "whose", "application_id", "track_id", "unit_id", "source", "year", "carries", "lapses"),
    sorts=("year", "cutoff_at"),
    effective=True,
    subject_units=("unit_id",),
    is_open=lambda _: False,
)


# --- payments ---------------------------------------------------------------------------------------------------------


class PaymentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One payment: what was asked, who approved it, and what the bank did.
    zh: 一笔拨付:申请、批准与银行付款情况。
    """

    payment_id: Annotated[PaymentId, subject("Payment", "拨付")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    source: Annotated[Source, subject("Source", "来源")]
    year: Annotated[CalendarYear, subject("Fiscal year", "财政年度")]
    state: Annotated[PaymentState, subject("State", "状态")] = "requested"
    amount_fen: Annotated[int, subject("Amount (fen)", "金额(分)")]
    paid_fen: Annotated[int, subject("Paid (fen)", "已付金额(分)")] = 0
    money_flow: Annotated[MoneyFlow, subject("Flow of money", "拨付方式")]
    category: Annotated[Code | None, subject("Category (reimbursed)", "支出类别(报销)")] = None
    requested_by: Annotated[str, office("Requested by", "申请人")]
    requested_at: Annotated[datetime, subject("Requested at", "申请时间")]
    approved_by: Annotated[str | None, office("Approved by", "批准人")] = None
    approved_at: Annotated[datetime | None, subject("Approved at", "批准时间")] = None
    resolved_at: Annotated[datetime | None, subject("Resolved at", "办结时间")] = None
    bank_reference: Annotated[BankReference | None, office("Bank reference", "银行流水号")] = None
    ground: Annotated[Code | None, subject("Failed for", "失败理由")] = None
    expires_at: Annotated[datetime, subject("Expires at", "失效时刻")]
    last_day: Annotated[date, subject("Last day", "截止日")]
    pending: Annotated[bool, subject("Pending", "待办结")] = True
    waits_to_expire: Annotated[bool, office("Waits to expire", "待失效")] = True
    posted_position: Annotated[int | None, office("Posted at (position)", "付款记录位置")] = None


_PAYMENT_FACTS: Final = (PaymentRequested, PaymentApproved, PaymentPosted, PaymentFailed, PaymentExpired)


def _payment_touches(recorded: Recorded) -> list[Key | Where]:
    event = recorded.event
    if isinstance(event, EntryReversed):
        return [Where("posted_position", event.reversed_position)]
    return [(event.as_dict()["payment_id"],)]


def _requested(event: PaymentRequested, recorded: Recorded) -> PaymentRow:
    envelope = recorded.envelope
    told = {name: value for name, value in event.as_dict().items() if name in PaymentRow.__struct_fields__}
    return PaymentRow(**told, requested_by=envelope.actor_id, requested_at=envelope.effective_at)


def _payment(row: PaymentRow | None, recorded: Recorded, _key: Key) -> PaymentRow | None:
    event, at = recorded.event, recorded.envelope.effective_at
    if isinstance(event, PaymentRequested):
        return _requested(event, recorded)
    if row is None:
        return None
    match event:
        case PaymentApproved():
            return replace(row, state="approved", approved_by=recorded.envelope.actor_id, approved_at=at)
        case EntryReversed():
            # What was posted wrongly is pending again; since the bank had done its part, it does not expire.
            return replace(
                row, state="approved", paid_fen=0, bank_reference=None, resolved_at=None, pending=True,
                posted_position=None,
            )  # fmt: skip
    return _resolved(replace(row, resolved_at=at, pending=False, waits_to_expire=False), recorded)


def _resolved(row: PaymentRow, recorded: Recorded) -> PaymentRow:
    match recorded.event:
        case PaymentPosted(amount_fen=paid, bank_reference=bank_reference):
            posted = recorded.position
            return replace(row, state="posted", paid_fen=paid, bank_reference=bank_reference, posted_position=posted)
        case PaymentFailed(ground=ground):
            return replace(row, state="failed", ground=ground)
    return replace(row, state="expired")


PAYMENT = View(
    name="payment",
    version=2,
    en="Payments",
    zh="拨付登记簿",
    row=PaymentRow,
    key=("payment_id",),
    reads=(*_PAYMENT_FACTS, EntryReversed),
    touches=_payment_touches,
    fold=_payment,
    indexes=("posted_position",),
    filters=("programme_id", "application_id", "unit_id", "source", "year", "state", "pending", "waits_to_expire"),
    sorts=("expires_at", "requested_at"),
    subject_units=("unit_id",),
    is_open=lambda _: False,
)


# --- recoveries -------------------------------------------------------------------------------------------------------


class RecoveryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One order of recovery: what is claimed, and what came in.
    zh: 一项追缴:应收与到账情况。
    """

    recovery_id: Annotated[RecoveryId, subject("Recovery", "追缴")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    source: Annotated[Source, subject("Source", "来源")]
    year: Annotated[CalendarYear, subject("Fiscal year", "财政年度")]
    stage: Annotated[SpentStage, subject("Stage", "环节")]
    category: Annotated[Code | None, subject("Category (accounted for)", "支出类别(已核销)")] = None
    ground: Annotated[Code, subject("Ground", "理由")]
    decision_document_id: Annotated[DocumentId, subject("Decision", "决定文件")]
    ordered_at: Annotated[datetime, subject("Ordered at", "责令时间")]
    claimed_fen: Annotated[int, subject("Claimed (fen)", "应收(分)")] = 0
    received_fen: Annotated[int, subject("Received (fen)", "到账(分)")] = 0
    outstanding: Annotated[bool, subject("Outstanding", "未结清")] = True


def _claims(recorded: Recorded) -> Iterator[tuple[RecoveryId, str, int]]:
    """What an event claims, and what comes in of it, by order."""
    for entry in post(RULES_VERSION, cast("MoneyFact", recorded.event)):
        for account, other, amount in (
            (entry.debit, entry.credit, entry.amount_fen), (entry.credit, entry.debit, -entry.amount_fen)
        ):  # fmt: skip
            if account.recovery_id is not None:
                came_in = other.code == "F1002"
                yield account.recovery_id, "received_fen" if came_in else "claimed_fen", -amount if came_in else amount


def _recovery_touches(recorded: Recorded) -> list[Key | Where]:
    return list(dict.fromkeys((recovery_id,) for recovery_id, _, _ in _claims(recorded)))


def _recovery(row: RecoveryRow | None, recorded: Recorded, key: Key) -> RecoveryRow | None:
    event = recorded.event
    if row is None and isinstance(event, RecoveryOrdered):
        told = {name: value for name, value in event.as_dict().items() if name in RecoveryRow.__struct_fields__}
        row = RecoveryRow(**told, ordered_at=recorded.envelope.effective_at)
    if row is None:
        return None
    sums: dict[str, Any] = {}
    for recovery_id, column, amount in _claims(recorded):
        if recovery_id == key[0]:
            sums[column] = getattr(row, column) + amount
    after = replace(row, **sums)
    return replace(after, outstanding=after.received_fen < after.claimed_fen)


RECOVERY = View(
    name="recovery",
    version=1,
    en="Recoveries",
    zh="追缴登记簿",
    row=RecoveryRow,
    key=("recovery_id",),
    reads=(RecoveryOrdered, RecoveryReceived, EntryReversed),
    touches=_recovery_touches,
    fold=_recovery,
    filters=("programme_id", "application_id", "unit_id", "outstanding"),
    sorts=("ordered_at",),
    subject_units=("unit_id",),
    is_open=lambda _: False,
)


# --- matching ---------------------------------------------------------------------------------------------------------


class AwardOwed(msgspec.Struct, frozen=True):
    """An award of a higher level: its grant, and the matching owed on it."""

    position: int
    level: Code
    grant_fen: int
    due_fen: int


class MatchingRow(msgspec.Struct, frozen=True, kw_only=True):
    """The matching of one case: owed on its higher awards, pledged, and received; never mixed with other money.
    zh: 某项目的配套:应配套、已承诺与已到账;不与其他经费混同。
    """

    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    unit_id: Annotated[UnitId | None, subject("Unit", "单位")] = None
    awards: Annotated[tuple[AwardOwed, ...], subject("Higher awards", "上级立项")] = ()
    due_fen: Annotated[int, subject("Owed (fen)", "应配套(分)")] = 0
    pledged_fen: Annotated[int, subject("Pledged (fen)", "已承诺(分)")] = 0
    received_fen: Annotated[int, subject("Received (fen)", "已到账(分)")] = 0
    reached: Annotated[bool, subject("Ratio reached", "已达比例")] = True


_MATCHED: Final[Mapping[AccountCode, str]] = {"B120": "pledged_fen", "F4601": "received_fen"}


def _matching_touches(recorded: Recorded) -> list[Key | Where]:
    event = recorded.event
    if isinstance(event, EntryReversed):
        accounts = [account for entry in event.entries for account in (entry.debit, entry.credit)]
        apart = any(account.source in MATCHING or account.source == "upper_grant" for account in accounts)
        return [(event.application_id,)] if apart and event.application_id is not None else []
    return [(event.as_dict()["application_id"],)]


def _matching(row: MatchingRow | None, recorded: Recorded, key: Key) -> MatchingRow | None:
    event = cast("MoneyFact", recorded.event)
    before = row or MatchingRow(
        application_id=ApplicationId(str(key[0])), programme_id=event.programme_id,
        unit_id=getattr(event, "unit_id", None),
    )  # fmt: skip
    sums: dict[str, Any] = {}
    for entry in post(RULES_VERSION, event):
        for account, amount in ((entry.debit, -entry.amount_fen), (entry.credit, entry.amount_fen)):
            if account.code in _MATCHED and account.source in MATCHING:
                column = _MATCHED[account.code]
                sums[column] = getattr(before, column) + amount
    awards = before.awards
    if isinstance(event, HigherAwardRecorded):
        owed = AwardOwed(recorded.position, event.level, event.amount_fen, event.matching_due_fen)
        awards = (*awards, owed)
    elif isinstance(event, EntryReversed):
        awards = tuple(each for each in awards if each.position != event.reversed_position)
    after = replace(before, **sums, awards=awards, due_fen=sum(each.due_fen for each in awards))
    after = replace(after, reached=after.received_fen >= after.due_fen)
    return row if after in (row, before) else after


MATCHING_REGISTER = View(
    name="matching",
    version=1,
    en="Matching",
    zh="配套登记簿",
    row=MatchingRow,
    key=("application_id",),
    reads=(HigherAwardRecorded, MatchingPledged, MatchingReceived, EntryReversed),
    touches=_matching_touches,
    fold=_matching,
    filters=("programme_id", "application_id", "unit_id", "reached"),
    subject_units=("unit_id",),
    is_open=lambda _: False,
)


# --- periods ----------------------------------------------------------------------------------------------------------


class PeriodRow(msgspec.Struct, frozen=True, kw_only=True):
    """A closed period of a programme's books.
    zh: 项目账簿已结账的期间。
    """

    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    last_day: Annotated[date, office("Last day", "截止日")]
    period: Annotated[PeriodKind, office("Period", "期间类别")]
    covers_position: Annotated[int, office("Covers up to (position)", "覆盖至位置")]
    entries: Annotated[int, office("Entries", "分录数")]
    rules_version: Annotated[int, office("Version of the posting rules", "过账规则版本")]
    rules_digest: Annotated[Digest | None, office("Digest of the posting rules", "过账规则摘要")] = None
    trial_balance_digest: Annotated[Digest, office("Digest of the trial balance", "试算平衡表摘要")]
    closed_at: Annotated[datetime, office("Closed at", "结账时间")]
    closed_by: Annotated[str, office("Closed by", "结账人")]
    position: Annotated[int, office("Position", "位置")]


def _period(row: PeriodRow | None, recorded: Recorded, _key: Key) -> PeriodRow:
    envelope = recorded.envelope
    told = {name: value for name, value in recorded.event.as_dict().items() if name in PeriodRow.__struct_fields__}
    return row or PeriodRow(
        **told, closed_at=envelope.effective_at, closed_by=envelope.actor_id,
        position=recorded.position,
    )  # fmt: skip


PERIOD = View(
    name="period",
    version=2,
    en="Closed periods",
    zh="已结账期间",
    row=PeriodRow,
    key=("programme_id", "period", "last_day"),
    reads=(PeriodClosed,),
    touches=keyed("programme_id", "period", "last_day"),
    fold=_period,
    filters=("programme_id", "period", "last_day"),
    sorts=("last_day",),
)


class ClosingRow(msgspec.Struct, frozen=True, kw_only=True):
    """Up to when the books of a programme are closed, and what is closed next by the clock.
    zh: 项目账簿已结至何日,以及按时自动结账的下一期间。

    A quarter and a year are due once their last month is closed, the cycle with each month from its end on until it is
    settled.
    """

    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    closed_through: Annotated[date | None, office("Closed through", "已结至")] = None
    next_close_on: Annotated[date | None, office("The next month ends on", "下一待结账月末")] = None
    next_close_at: Annotated[datetime | None, office("It is closed at", "结账时刻")] = None
    waits: Annotated[bool, office("Waits to be closed", "待结账")] = False
    by_clock: Annotated[bool, office("Closed by the clock", "自动结账")] = False
    month_closed_on: Annotated[date | None, office("Months are closed through", "月度账已结至")] = None
    quarter_on: Annotated[date | None, office("The next quarter ends on", "下一待结账季末")] = None
    quarter_at: Annotated[datetime | None, office("The quarter is due since", "季度账应结时刻")] = None
    quarter_waits: Annotated[bool, office("The quarter waits to be closed", "季度账待结")] = False
    year_on: Annotated[date | None, office("The next year ends on", "下一待结账年末")] = None
    year_at: Annotated[datetime | None, office("The year is due since", "年度账应结时刻")] = None
    year_waits: Annotated[bool, office("The year waits to be closed", "年度账待结")] = False
    cycle_ends_on: Annotated[date | None, office("The cycle ends on", "建设周期截止日")] = None
    cycle_on: Annotated[date | None, office("The cycle is closed to", "周期账结至")] = None
    cycle_at: Annotated[datetime | None, office("The cycle is due since", "周期账应结时刻")] = None
    cycle_waits: Annotated[bool, office("The cycle waits to be closed", "周期账待结")] = False
    cycle_closed_on: Annotated[date | None, office("The cycle was closed to", "周期账已结至")] = None


def _later(before: date | None, day: date) -> date:
    return day if before is None else max(before, day)


def _closed(row: ClosingRow, event: PeriodClosed) -> ClosingRow:
    """The row after a close; the first month that is closed says in which quarter and which year the books begin."""
    last = event.last_day
    row = replace(row, closed_through=_later(row.closed_through, last))
    match event.period:
        case "month":
            begins = last - timedelta(days=1)
            return replace(
                row,
                month_closed_on=_later(row.month_closed_on, last),
                quarter_on=row.quarter_on or period_after("quarter", begins),
                year_on=row.year_on or period_after("year", begins),
            )
        case "quarter":
            return replace(row, quarter_on=_later(row.quarter_on, period_after("quarter", last)), quarter_at=None)
        case "year":
            return replace(row, year_on=_later(row.year_on, period_after("year", last)), year_at=None)
    return replace(row, cycle_closed_on=_later(row.cycle_closed_on, last))


def _falls_due(row: ClosingRow, at: datetime) -> ClosingRow:
    """What waits to be closed after a fact that took effect at an instant, and since when it does."""
    through = row.month_closed_on if row.by_clock else None
    quarter = through is not None and row.quarter_on is not None and row.quarter_on <= through
    year = through is not None and row.year_on is not None and row.year_on <= through
    ended = through is not None and row.cycle_ends_on is not None and row.cycle_ends_on <= through
    cycle = ended and row.cycle_closed_on is None
    return replace(
        row,
        waits=row.next_close_at is not None,
        quarter_waits=quarter,
        quarter_at=(row.quarter_at or at) if quarter else None,
        year_waits=year,
        year_at=(row.year_at or at) if year else None,
        cycle_waits=cycle,
        cycle_on=through if cycle else None,
        cycle_at=(row.cycle_at if row.cycle_on == through else at) if cycle else None,
    )


def _closing(row: ClosingRow | None, recorded: Recorded, _key: Key) -> ClosingRow | None:
    event = cast("FundingRuleDefined | PeriodClosed", recorded.event)
    before = row or ClosingRow(programme_id=event.programme_id)
    if isinstance(event, PeriodClosed):
        after = _closed(before, event)
    else:
        by_clock = event.close_months_after_days is not None
        after = replace(before, by_clock=by_clock, cycle_ends_on=event.cycle_ends_on)
    after = replace(after, next_close_on=event.next_close_on, next_close_at=event.next_close_at)
    after = _falls_due(after, recorded.envelope.effective_at)
    return row if after == row else after


CLOSING = View(
    name="closing",
    version=2,
    en="Closing of the books",
    zh="结账进度",
    row=ClosingRow,
    key=("programme_id",),
    reads=(FundingRuleDefined, PeriodClosed),
    touches=keyed("programme_id"),
    fold=_closing,
    filters=("waits", "quarter_waits", "year_waits", "cycle_waits"),
    sorts=("next_close_at", "quarter_at", "year_at", "cycle_at"),
)
