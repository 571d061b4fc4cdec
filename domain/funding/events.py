"""What can have happened to the money of a programme and of its cases."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from domain.ids import (
    ApplicationId,
    BankReference,
    CalendarYear,
    DocumentId,
    InstitutionId,
    PaymentId,
    ProgrammeId,
    RecoveryId,
    TrackId,
    UnitId,
)
from domain.kernel import Code, Digest, Event, office, public, subject

MoneyFlow = Literal["advance", "reimburse"]
CarryOver = Literal["carry", "lapse", "decide"]
MatchingBase = Literal["none", "higher_award", "allocation"]
Source = Literal["budget", "dues", "upper_grant", "school_match", "parent_match", "own"]
"""Where money comes from; budget and dues are appropriated to the programme, the others to one case alone."""
Stage = Literal["unallocated", "allocated", "committed", "in_transit", "paid_out", "accounted_for", "frozen"]
HeldStage = Literal["unallocated", "allocated", "committed"]
SpentStage = Literal["paid_out", "accounted_for"]
LeftStage = Literal["unallocated", "allocated", "committed", "paid_out"]
ReturnedStage = Literal["unallocated", "allocated", "frozen"]
ChosenGate = Literal["task_book_signed", "matching_reached"]
"""Gates that a programme may ask for; the others hold for every one."""
Gate = Literal[
    "case_running",
    "task_book_signed",
    "assessment_not_failed",
    "matching_reached",
    "no_open_objection",
    "not_stopped",
    "no_freeze",
]
PeriodKind = Literal["month", "quarter", "year", "cycle"]
AccountCode = Literal[
    "B100", "B110", "B120", "B130",
    "B200", "B210", "B220", "B225", "B230", "B235", "B240", "B250", "B260",
    "F1002", "F1218", "F2103", "F3001", "F3501", "F4001", "F4601", "F5501",
]  # fmt: skip


class SpendingCategory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One category that may be spent on; a share of the binding budget may cap it, in basis points."""

    category: Code
    share_at_most_bp: int | None = None


class GateHeld(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A gate that held, and the position of the fact it rests on; 0: nothing is on record that would close it."""

    gate: Gate
    position: int


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One account of the sub-ledger with the dimensions that tell its lines apart.

    ``application_id`` is empty for what belongs to the programme as a whole. What is accounted for is told apart by
    category, what is in transit by payment, what is frozen by the stage it came from, a claim by its order.
    """

    code: AccountCode
    source: Source
    year: CalendarYear
    application_id: ApplicationId | None = None
    category: Code | None = None
    payment_id: PaymentId | None = None
    origin: Stage | None = None
    recovery_id: RecoveryId | None = None


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One double entry: the amount goes to the debit of one account and to the credit of another of the same book."""

    debit: Account
    credit: Account
    amount_fen: int


class LedgerFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A published file: its name, the SHA-256 of its canonical CSV, and how many bytes that has."""

    name: Code
    digest: Digest
    size: int


class LedgerOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ledger of a programme that another one is put together from, by the position at which it was published."""

    programme_id: ProgrammeId
    published_position: int


class PoolMoney(Event):
    """Money of a programme that belongs to no case.
    zh: 项目整体而非个案的经费。
    """

    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    source: Annotated[Source, office("Source", "来源")]
    year: Annotated[CalendarYear, office("Fiscal year", "财政年度")]
    amount_fen: Annotated[int, office("Amount (fen)", "金额(分)")]
    occurred_on: Annotated[date | None, office("Occurred on (in a closed period)", "原发生日(已结账期间)")] = None


class CaseMoney(Event):
    """Money of one case.
    zh: 个案的经费。
    """

    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    source: Annotated[Source, subject("Source", "来源")]
    year: Annotated[CalendarYear, subject("Fiscal year", "财政年度")]
    amount_fen: Annotated[int, subject("Amount (fen)", "金额(分)")]
    occurred_on: Annotated[date | None, subject("Occurred on (in a closed period)", "原发生日(已结账期间)")] = None


# --- the rule ---------------------------------------------------------------------------------------------------------


class FundingRuleDefined(Event):
    """The rule of the programme's money was defined. Defined anew, the later one holds for what follows.
    zh: 项目经费规则设定。再次设定者,适用于此后的事项。
    """

    TOPIC = "funding.rule_defined.v1"
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
    next_close_on: Annotated[date | None, public("The next month ends on", "下一待结账月末")] = None
    next_close_at: Annotated[datetime | None, public("It is closed at", "结账时刻")] = None
    cycle_ends_on: Annotated[
        date | None, public("Cycle closed from (none: by hand)", "周期账自该日起结(空为人工结账)")
    ] = None
    closes_confirmed: Annotated[bool, public("A second person confirms each close", "结账须另一人确认")] = False


# --- the programme's money --------------------------------------------------------------------------------------------


class AppropriationRecorded(PoolMoney):
    """The appropriation of a fiscal year was recorded, by its source.
    zh: 登记某财政年度的预算批复(按来源)。
    """

    TOPIC = "funding.appropriation_recorded.v1"
    document_id: Annotated[DocumentId, office("Approval", "批复文件")]


class AppropriationAdjusted(PoolMoney):
    """The appropriation of a fiscal year was raised or lowered.
    zh: 某财政年度的预算经调整(追加或追减)。
    """

    TOPIC = "funding.appropriation_adjusted.v1"
    raised: Annotated[bool, office("Raised (else lowered)", "追加(否则为追减)")]
    document_id: Annotated[DocumentId, office("Approval", "批复文件")]


class UnallocatedReturned(PoolMoney):
    """Authority that was allocated to no case was returned to whoever had granted it.
    zh: 未分配的预算额度退还批复方。
    """

    TOPIC = "funding.unallocated_returned.v1"


class UnallocatedCarried(PoolMoney):
    """Authority that was allocated to no case was carried into the next fiscal year.
    zh: 未分配的预算额度结转下一财政年度。
    """

    TOPIC = "funding.unallocated_carried.v1"
    to_year: Annotated[CalendarYear, office("Into the year", "转入年度")]


class UnallocatedLapsed(PoolMoney):
    """Authority that was allocated to no case lapsed at the end of its year.
    zh: 未分配的预算额度于年末失效收回。
    """

    TOPIC = "funding.unallocated_lapsed.v1"


# --- to the case ------------------------------------------------------------------------------------------------------


class FundsAllocated(CaseMoney):
    """Money was allocated to a case, its gates having held; each with the fact it rests on.
    zh: 向某项目下达经费;各项拨付条件均已具备,并列明其依据。
    """

    TOPIC = "funding.allocated.v1"
    rule_position: Annotated[int, subject("Rule (position)", "规则位置")]
    gates: Annotated[tuple[GateHeld, ...], office("Gates", "拨付条件")]
    carry_over: Annotated[CarryOver, subject("Left at the year's end", "年末结余处理")]
    cutoff_at: Annotated[datetime, subject("The year is cut off at", "年度截止时刻")]
    cutoff_on: Annotated[date, subject("Last day of the year's money", "年度经费截止日")]


class FundsCommitted(CaseMoney):
    """Allocated money was committed to a purpose of the case.
    zh: 已下达经费经承诺用于项目。
    """

    TOPIC = "funding.committed.v1"


class PaymentRequested(CaseMoney):
    """A payment of committed money was requested; it counts as gone from now on, and expires unless it is resolved.
    zh: 申请拨付已承诺的经费;自此计为在途,逾期未办结则失效。
    """

    TOPIC = "funding.payment_requested.v1"
    payment_id: Annotated[PaymentId, subject("Payment", "拨付")]
    money_flow: Annotated[MoneyFlow, subject("Flow of money", "拨付方式")]
    category: Annotated[Code | None, subject("Category (reimbursed)", "支出类别(报销)")] = None
    evidence_document_id: Annotated[DocumentId | None, subject("Evidence (reimbursed)", "凭证(报销)")] = None
    rule_position: Annotated[int, subject("Rule (position)", "规则位置")]
    gates: Annotated[tuple[GateHeld, ...], office("Gates", "拨付条件")]
    expires_at: Annotated[datetime, subject("Expires at", "失效时刻")]
    last_day: Annotated[date, subject("Last day", "截止日")]


class PaymentApproved(CaseMoney):
    """A second person approved a payment.
    zh: 拨付经另一人批准。
    """

    TOPIC = "funding.payment_approved.v1"
    payment_id: Annotated[PaymentId, subject("Payment", "拨付")]
    gates: Annotated[tuple[GateHeld, ...], office("Gates", "拨付条件")]


class PaymentPosted(CaseMoney):
    """The bank paid, in full or in part; what it did not pay is committed again.
    zh: 银行已付款(全部或部分);未付部分恢复为已承诺。
    """

    TOPIC = "funding.payment_posted.v1"
    payment_id: Annotated[PaymentId, subject("Payment", "拨付")]
    money_flow: Annotated[MoneyFlow, subject("Flow of money", "拨付方式")]
    category: Annotated[Code | None, subject("Category (reimbursed)", "支出类别(报销)")] = None
    unpaid_fen: Annotated[int, subject("Not paid (fen)", "未付金额(分)")]
    bank_reference: Annotated[BankReference, office("Bank reference", "银行流水号")]


class PaymentFailed(CaseMoney):
    """A payment failed; the money is committed again.
    zh: 拨付失败;经费恢复为已承诺。
    """

    TOPIC = "funding.payment_failed.v1"
    payment_id: Annotated[PaymentId, subject("Payment", "拨付")]
    ground: Annotated[Code, subject("Ground", "理由")]


class PaymentExpired(CaseMoney):
    """A payment that nothing had resolved in time expired; the money is committed again.
    zh: 逾期未办结的拨付失效;经费恢复为已承诺。
    """

    TOPIC = "funding.payment_expired.v1"
    payment_id: Annotated[PaymentId, subject("Payment", "拨付")]


# --- what it was spent on ---------------------------------------------------------------------------------------------


class ExpenditureAccounted(CaseMoney):
    """An expenditure was accounted for: its category and its evidence, under the spending rules.
    zh: 支出核销:列明类别与凭证,符合支出规则。
    """

    TOPIC = "funding.expenditure_accounted.v1"
    category: Annotated[Code, subject("Category", "支出类别")]
    evidence_document_id: Annotated[DocumentId, subject("Evidence", "凭证")]
    rule_position: Annotated[int, subject("Rule (position)", "规则位置")]


class ExpenditureDisallowed(CaseMoney):
    """What had been accounted for was disallowed: the money is in the unit's hands again.
    zh: 已核销的支出不予认可:该款项仍由单位持有。
    """

    TOPIC = "funding.expenditure_disallowed.v1"
    category: Annotated[Code, subject("Category", "支出类别")]
    ground: Annotated[Code, subject("Ground", "理由")]


# --- held, returned, recovered ----------------------------------------------------------------------------------------


class FundsFrozen(CaseMoney):
    """Money was frozen at the stage where it was.
    zh: 经费于其所在环节冻结。
    """

    TOPIC = "funding.frozen.v1"
    stage: Annotated[HeldStage, subject("Stage", "环节")]
    ground: Annotated[Code, subject("Ground", "理由")]


class FundsReleased(CaseMoney):
    """Frozen money was released to the stage it had come from.
    zh: 冻结经费解冻,退回原环节。
    """

    TOPIC = "funding.released.v1"
    stage: Annotated[HeldStage, subject("Stage", "环节")]


class FundsReturned(CaseMoney):
    """The unit returned money that it had not spent.
    zh: 单位退回未使用的经费。
    """

    TOPIC = "funding.returned.v1"
    bank_reference: Annotated[BankReference, office("Bank reference", "银行流水号")]


class RecoveryOrdered(CaseMoney):
    """The recovery of paid money was ordered, also of money already accounted for: it is claimed from now on.
    zh: 责令追缴已拨付(包括已核销)的经费:自此列为应收。
    """

    TOPIC = "funding.recovery_ordered.v1"
    recovery_id: Annotated[RecoveryId, subject("Recovery", "追缴")]
    stage: Annotated[SpentStage, subject("Stage", "环节")]
    category: Annotated[Code | None, subject("Category (accounted for)", "支出类别(已核销)")] = None
    ground: Annotated[Code, subject("Ground", "理由")]
    decision_document_id: Annotated[DocumentId, subject("Decision", "决定文件")]


class RecoveryReceived(CaseMoney):
    """Money whose recovery was ordered came in, in full or in part.
    zh: 追缴款项到账(全部或部分)。
    """

    TOPIC = "funding.recovery_received.v1"
    recovery_id: Annotated[RecoveryId, subject("Recovery", "追缴")]
    bank_reference: Annotated[BankReference, office("Bank reference", "银行流水号")]


class AuthorityReturned(CaseMoney):
    """Authority of a case that had not been paid was returned.
    zh: 项目尚未拨付的额度退还。
    """

    TOPIC = "funding.authority_returned.v1"
    stage: Annotated[ReturnedStage, subject("Stage", "环节")]
    origin: Annotated[HeldStage | None, subject("Frozen at", "冻结时所在环节")] = None


# --- the end of a year ------------------------------------------------------------------------------------------------


class CarriedForward(CaseMoney):
    """What was left of a case's money was carried into the next year, to the stage, case and source it left.
    zh: 项目结余结转下一年度,环节、项目与来源不变。
    """

    TOPIC = "funding.carried_forward.v1"
    stage: Annotated[LeftStage, subject("Stage", "环节")]
    to_year: Annotated[CalendarYear, subject("Into the year", "转入年度")]
    carry_over: Annotated[CarryOver, subject("Left at the year's end", "年末结余处理")]
    cutoff_at: Annotated[datetime, subject("The year is cut off at", "年度截止时刻")]
    cutoff_on: Annotated[date, subject("Last day of the year's money", "年度经费截止日")]


class FundsLapsed(CaseMoney):
    """Authority of a case that had not been paid lapsed at the end of its year.
    zh: 项目尚未拨付的额度于年末失效收回。
    """

    TOPIC = "funding.lapsed.v1"
    stage: Annotated[HeldStage, subject("Stage", "环节")]


# --- corrections ------------------------------------------------------------------------------------------------------


class EntryReversed(Event):
    """What a fact had posted was reversed by its exact mirror; the fact stays on record.
    zh: 以完全相反的分录冲销某事实所过之账;该事实仍留存记录。
    """

    TOPIC = "funding.entry_reversed.v1"
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    application_id: Annotated[ApplicationId | None, subject("Application", "申报")] = None
    track_id: Annotated[TrackId | None, subject("Track", "赛道")] = None
    unit_id: Annotated[UnitId | None, subject("Unit", "单位")] = None
    reversed_position: Annotated[int, subject("Reverses (position)", "所冲销位置")]
    rules_version: Annotated[int, subject("Version of the posting rules", "过账规则版本")]
    entries: Annotated[tuple[Entry, ...], subject("Entries", "分录")]
    bank_reference: Annotated[BankReference | None, office("Bank reference set free", "释放的银行流水号")] = None
    occurred_on: Annotated[date | None, subject("Occurred on (in a closed period)", "原发生日(已结账期间)")] = None


# --- matching ---------------------------------------------------------------------------------------------------------


class HigherAwardRecorded(CaseMoney):
    """A case was chosen at a higher level with a grant of its own; matching is owed at least in the stated ratio.
    zh: 项目获上级立项并有专项资助;须按不低于规定比例配套。
    """

    TOPIC = "funding.higher_award_recorded.v1"
    level: Annotated[Code, subject("Level", "层级")]
    matching_due_fen: Annotated[int, subject("Matching owed (fen)", "应配套金额(分)")]
    document_id: Annotated[DocumentId, subject("Award", "立项文件")]


class MatchingPledged(CaseMoney):
    """Matching money was pledged to a case, from a source of its own.
    zh: 就某项目承诺配套经费,来源单列。
    """

    TOPIC = "funding.matching_pledged.v1"
    document_id: Annotated[DocumentId, subject("Pledge", "承诺文件")]


class MatchingReceived(CaseMoney):
    """Pledged matching money came in.
    zh: 承诺的配套经费到账。
    """

    TOPIC = "funding.matching_received.v1"
    bank_reference: Annotated[BankReference, office("Bank reference", "银行流水号")]


# --- periods ----------------------------------------------------------------------------------------------------------


class PeriodClosed(Event):
    """A period of the programme's books was closed: what it covers, and the digest of its trial balance.
    zh: 项目账簿某期间结账:所覆盖的记录位置及试算平衡表摘要。
    """

    TOPIC = "funding.period_closed.v1"
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    period: Annotated[PeriodKind, office("Period", "期间类别")]
    last_day: Annotated[date, office("Last day", "截止日")]
    covers_position: Annotated[int, office("Covers up to (position)", "覆盖至位置")]
    entries: Annotated[int, office("Entries", "分录数")]
    rules_version: Annotated[int, office("Version of the posting rules", "过账规则版本")]
    trial_balance_digest: Annotated[Digest, office("Digest of the trial balance (CSV)", "试算平衡表(CSV)摘要")]
    rules_digest: Annotated[Digest | None, office("Digest of the posting rules", "过账规则摘要")] = None
    next_close_on: Annotated[date | None, office("The next month ends on", "下一待结账月末")] = None
    next_close_at: Annotated[datetime | None, office("It is closed at", "结账时刻")] = None


class LedgerPublished(Event):
    """The ledger of a closed period was published: the name, digest and size of each of its files.
    zh: 已结账期间的账册公布:各文件的名称、摘要与大小。
    """

    TOPIC = "funding.ledger_published.v1"
    institution_id: Annotated[InstitutionId, office("Institution", "机构")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    period: Annotated[PeriodKind, office("Period", "期间类别")]
    last_day: Annotated[date, office("Last day", "截止日")]
    year: Annotated[CalendarYear, office("Year of the last day", "截止日所在年度")]
    closed_position: Annotated[int, office("Closed at (position)", "结账记录位置")]
    covers_position: Annotated[int, office("Covers up to (position)", "覆盖至位置")]
    rules_version: Annotated[int, office("Version of the posting rules", "过账规则版本")]
    rules_digest: Annotated[Digest, office("Digest of the posting rules", "过账规则摘要")]
    files: Annotated[tuple[LedgerFile, ...], office("Files", "文件")]
    to_be_confirmed: Annotated[bool, office("A second person confirms it", "须另一人确认")]


class LedgerConfirmed(Event):
    """A second person confirmed the ledger of a period, as it was published.
    zh: 另一人确认了所公布的某期间账册。
    """

    TOPIC = "funding.ledger_confirmed.v1"
    institution_id: Annotated[InstitutionId, office("Institution", "机构")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    period: Annotated[PeriodKind, office("Period", "期间类别")]
    last_day: Annotated[date, office("Last day", "截止日")]
    published_position: Annotated[int, office("Published at (position)", "公布记录位置")]


class InstitutionLedgerPublished(Event):
    """The ledger of a period over all programmes of the institution was published; anew where one joined it later.
    zh: 机构全部项目某期间的汇总账册公布;其后另有项目结账者重新公布。
    """

    TOPIC = "funding.institution_ledger_published.v1"
    institution_id: Annotated[InstitutionId, office("Institution", "机构")]
    period: Annotated[PeriodKind, office("Period", "期间类别")]
    last_day: Annotated[date, office("Last day", "截止日")]
    year: Annotated[CalendarYear, office("Year of the last day", "截止日所在年度")]
    ledgers: Annotated[tuple[LedgerOf, ...], office("Ledgers", "所汇总账册")]
    files: Annotated[tuple[LedgerFile, ...], office("Files", "文件")]
