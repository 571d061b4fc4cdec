"""The posting table of the budget authority, the books that follow from it, and what becomes of a payment.

``post(rules_version, event)`` says which entries an event makes; nothing else does, live, in replay and in a view. A
``Books`` is the sum of such entries; no stage of it is ever drawn below zero, at any time from the entry's day on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final, Literal, NamedTuple, get_args

import msgspec

from domain.calendar.policy import end_of
from domain.funding.events import (
    Account,
    AccountCode,
    AppropriationAdjusted,
    AppropriationRecorded,
    AuthorityReturned,
    CarriedForward,
    CarryOver,
    CaseMoney,
    Entry,
    EntryReversed,
    ExpenditureAccounted,
    ExpenditureDisallowed,
    FundsAllocated,
    FundsCommitted,
    FundsFrozen,
    FundsLapsed,
    FundsReleased,
    FundsReturned,
    Gate,
    HigherAwardRecorded,
    MatchingBase,
    MatchingPledged,
    MatchingReceived,
    PaymentApproved,
    PaymentExpired,
    PaymentFailed,
    PaymentPosted,
    PaymentRequested,
    PeriodKind,
    PoolMoney,
    RecoveryOrdered,
    RecoveryReceived,
    Source,
    Stage,
    UnallocatedCarried,
    UnallocatedLapsed,
    UnallocatedReturned,
)
from domain.ids import ApplicationId, CalendarYear, PaymentId
from domain.kernel import Event, Refusal, word

__all__ = [
    "ACCOUNTS",
    "BANK_FACTS",
    "BASE_TITLES",
    "CARRY_TITLES",
    "CASE_MONEY_FACTS",
    "GATE_TITLES",
    "MATCHING",
    "MONEY_FACTS",
    "PAYMENT_TITLES",
    "PERIOD_TITLES",
    "POOLED",
    "POOL_FACTS",
    "POOL_ONLY_FACTS",
    "RESOURCES",
    "RULES_VERSION",
    "SOURCE_TITLES",
    "STAGES",
    "STAGE_ACCOUNTS",
    "STAGE_TITLES",
    "TRIAL_COLUMNS",
    "AccountTitle",
    "Balance",
    "BankFact",
    "Books",
    "CaseMoneyFact",
    "Closings",
    "Ledger",
    "MoneyFact",
    "Payment",
    "PaymentState",
    "PoolFact",
    "PoolOnlyFact",
    "StageExceeded",
    "books_of",
    "is_last_day",
    "mirrored",
    "month_after",
    "period_after",
    "post",
    "trial_balance",
    "trial_balance_digest",
]

PoolOnlyFact = (
    AppropriationRecorded | AppropriationAdjusted | UnallocatedReturned | UnallocatedCarried | UnallocatedLapsed
)
PoolFact = PoolOnlyFact | FundsAllocated | FundsFrozen | FundsReleased | EntryReversed
CaseMoneyFact = (
    FundsAllocated
    | FundsCommitted
    | PaymentRequested
    | PaymentApproved
    | PaymentPosted
    | PaymentFailed
    | PaymentExpired
    | ExpenditureAccounted
    | ExpenditureDisallowed
    | FundsFrozen
    | FundsReleased
    | FundsReturned
    | RecoveryOrdered
    | RecoveryReceived
    | AuthorityReturned
    | CarriedForward
    | FundsLapsed
    | HigherAwardRecorded
    | MatchingPledged
    | MatchingReceived
    | EntryReversed
)
UnitFact = ExpenditureAccounted | ExpenditureDisallowed | FundsReturned | RecoveryOrdered | RecoveryReceived
MoneyFact = PoolOnlyFact | CaseMoneyFact
POOL_ONLY_FACTS: Final[tuple[type[Event], ...]] = get_args(PoolOnlyFact)
POOL_FACTS: Final[tuple[type[Event], ...]] = get_args(PoolFact)
"""What moves the unallocated money of a programme: all with its tag and that of each fiscal year it moves."""
CASE_MONEY_FACTS: Final[tuple[type[Event], ...]] = get_args(CaseMoneyFact)
"""What moves the money of a case: all with its tag."""
MONEY_FACTS: Final[tuple[type[Event], ...]] = get_args(MoneyFact)
"""Everything that moves money: all with the tag of the programme."""
BankFact = PaymentPosted | FundsReturned | RecoveryReceived | MatchingReceived | EntryReversed
BANK_FACTS: Final[tuple[type[Event], ...]] = get_args(BankFact)
"""What uses a bank reference, or sets it free: all with its tag."""

POOLED: Final[frozenset[Source]] = frozenset(("budget", "dues"))
"""Sources appropriated to the programme as a whole; of the others, what is unallocated already belongs to a case."""
MATCHING: Final[frozenset[Source]] = frozenset(("school_match", "parent_match", "own"))

RULES_VERSION: Final = 1
"""The posting rules that hold; an older version is kept for what was closed under it."""


class AccountTitle(NamedTuple):
    """What an account is called, and on which side it stands."""

    en: str
    zh: str
    side: Literal["debit", "credit"]


ACCOUNTS: Final[Mapping[AccountCode, AccountTitle]] = {
    "B100": AccountTitle("Appropriation", "预算批复", "credit"),
    "B110": AccountTitle("Carried in", "上年结转", "credit"),
    "B120": AccountTitle("Matching pledged", "配套承诺", "credit"),
    "B130": AccountTitle("Adjustment", "预算调整", "credit"),
    "B200": AccountTitle("Unallocated", "未分配", "debit"),
    "B210": AccountTitle("Allocated", "已下达", "debit"),
    "B220": AccountTitle("Committed", "已承诺", "debit"),
    "B225": AccountTitle("In transit", "拨付在途", "debit"),
    "B230": AccountTitle("Paid out", "已拨付", "debit"),
    "B235": AccountTitle("Accounted for", "已核销", "debit"),
    "B240": AccountTitle("Frozen", "冻结", "debit"),
    "B250": AccountTitle("Recovered", "已收回", "debit"),
    "B260": AccountTitle("Carried forward", "结转下年", "debit"),
    "F1002": AccountTitle("Bank", "银行存款", "debit"),
    "F1218": AccountTitle("Recovery receivable", "应收追缴款", "debit"),
    "F4601": AccountTitle("Grant income", "拨款收入", "credit"),
    "F5501": AccountTitle("Programme expense", "项目支出", "debit"),
}
STAGE_ACCOUNTS: Final[Mapping[Stage, AccountCode]] = {
    "unallocated": "B200",
    "allocated": "B210",
    "committed": "B220",
    "in_transit": "B225",
    "paid_out": "B230",
    "accounted_for": "B235",
    "frozen": "B240",
}
RESOURCES: Final[frozenset[AccountCode]] = frozenset(("B100", "B110", "B120", "B130"))
STAGES: Final[frozenset[AccountCode]] = frozenset((*STAGE_ACCOUNTS.values(), "B250", "B260"))
_CLAIM: Final = "F1218"
_GUARDED: Final = STAGES | {_CLAIM}
SOURCE_TITLES: Final[dict[Source, tuple[str, str]]] = {
    "budget": ("budget", "预算经费"),
    "dues": ("dues", "党费"),
    "upper_grant": ("grant of a higher level", "上级资助"),
    "school_match": ("match of the school", "学校配套"),
    "parent_match": ("match of the parent", "上级单位配套"),
    "own": ("own money", "自筹经费"),
}
STAGE_TITLES: Final[dict[str, tuple[str, str]]] = {
    "unallocated": ("unallocated", "未分配"),
    "allocated": ("allocated", "已下达"),
    "committed": ("committed", "已承诺"),
    "in_transit": ("in transit", "在途"),
    "paid_out": ("paid out", "已拨付"),
    "accounted_for": ("accounted for", "已核销"),
    "frozen": ("frozen", "已冻结"),
    "recovered": ("recovered", "已收回"),
    "carried_forward": ("carried forward", "已结转"),
    "recovery_receivable": ("to be recovered", "应收追缴"),
}
CARRY_TITLES: Final[dict[CarryOver, tuple[str, str]]] = {
    "carry": ("carried forward", "结转"),
    "lapse": ("lapses", "失效收回"),
    "decide": ("decided case by case", "逐项决定"),
}
BASE_TITLES: Final[dict[MatchingBase, tuple[str, str]]] = {
    "none": ("nothing", "无"),
    "higher_award": ("a higher award", "上级立项"),
    "allocation": ("the allocation", "下达经费"),
}
GATE_TITLES: Final[dict[Gate, tuple[str, str]]] = {
    "case_running": ("the case runs", "项目在培育创建中"),
    "task_book_signed": ("the task book is signed", "任务书已签署"),
    "assessment_not_failed": ("no assessment has failed", "评估未不合格"),
    "matching_reached": ("the matching is reached", "配套已到位"),
    "no_open_objection": ("no objection is open", "无未决异议"),
    "not_stopped": ("the money is not stopped", "经费未停拨"),
    "no_freeze": ("nothing is frozen", "无冻结"),
}
PERIOD_TITLES: Final[dict[PeriodKind, tuple[str, str]]] = {
    "month": ("month", "月度"),
    "quarter": ("quarter", "季度"),
    "year": ("year", "年度"),
    "cycle": ("cycle", "周期"),
}
_NAMES: Final[Mapping[AccountCode, str]] = {code: stage for stage, code in STAGE_ACCOUNTS.items()} | {
    "B250": "recovered",
    "B260": "carried_forward",
    _CLAIM: "recovery_receivable",
}


class StageExceeded(Refusal):
    """Stage {stage} ({account}) of {source} {year} holds {there_fen} fen; {asked_fen} fen were asked.
    zh: {year} 年度来源 {source} 的环节 {stage}({account})现有 {there_fen} 分,所需 {asked_fen} 分。
    title: The stage holds less · 环节余额不足
    """


# --- the posting table ------------------------------------------------------------------------------------------------


def _at(event: PoolMoney | CaseMoney, code: AccountCode, year: CalendarYear | None = None, **detail: Any) -> Account:  # noqa: ANN401 - Fields of an account.
    return Account(
        code=code,
        source=event.source,
        year=year or event.year,
        application_id=None if isinstance(event, PoolMoney) else event.application_id,
        **detail,
    )


def _stage(event: CaseMoney, stage: Stage, year: CalendarYear | None = None, **detail: Any) -> Account:  # noqa: ANN401 - Fields of an account.
    """The account of a stage; what is unallocated belongs to no case yet, unless its source is given to one alone."""
    if stage == "unallocated" and event.source in POOLED:
        return Account(code="B200", source=event.source, year=year or event.year)
    return _at(event, STAGE_ACCOUNTS[stage], year, **detail)


def _given_back(event: PoolMoney | CaseMoney, stage: Stage) -> Account:
    """Where authority is shown that came back; what had never been allocated is shown apart."""
    return _at(event, "B250", origin="unallocated" if stage == "unallocated" else None)


def _of_pool(event: PoolOnlyFact) -> Iterator[tuple[Account, Account]]:
    unallocated = _at(event, "B200")
    match event:
        case AppropriationRecorded():
            yield unallocated, _at(event, "B100")
        case AppropriationAdjusted():
            adjustment = _at(event, "B130")
            yield (unallocated, adjustment) if event.raised else (adjustment, unallocated)
        case UnallocatedCarried():
            yield _at(event, "B260"), unallocated
            yield _at(event, "B200", event.to_year), _at(event, "B110", event.to_year)
        case _:
            yield _given_back(event, "unallocated"), unallocated


def _of_grant(event: HigherAwardRecorded | MatchingPledged | MatchingReceived) -> Iterator[tuple[Account, Account]]:
    match event:
        case HigherAwardRecorded():
            yield _stage(event, "unallocated"), _at(event, "B100")
        case MatchingPledged():
            yield _stage(event, "unallocated"), _at(event, "B120")
        case _:
            yield _at(event, "F1002"), _at(event, "F4601")


def _of_payment(event: PaymentRequested | PaymentPosted | PaymentFailed | PaymentExpired) -> Iterator[Any]:
    transit, committed = _stage(event, "in_transit", payment_id=event.payment_id), _stage(event, "committed")
    match event:
        case PaymentRequested():
            yield transit, committed
        case PaymentPosted():
            # Where money reimburses, it has been spent before it is paid.
            spent = _stage(event, "accounted_for", category=event.category)
            yield _stage(event, "paid_out") if event.money_flow == "advance" else spent, transit
            yield _at(event, "F5501"), _at(event, "F1002")
            if event.unpaid_fen:
                yield committed, transit, event.unpaid_fen
        case _:
            yield committed, transit


def _of_unit(event: UnitFact) -> Iterator[tuple[Account, Account]]:
    """What happens to money that the unit holds, or has spent."""
    paid_out = _stage(event, "paid_out")
    match event:
        case ExpenditureAccounted():
            yield _stage(event, "accounted_for", category=event.category), paid_out
        case ExpenditureDisallowed():
            yield paid_out, _stage(event, "accounted_for", category=event.category)
        case FundsReturned():
            yield _given_back(event, "paid_out"), paid_out
            yield _at(event, "F1002"), _at(event, "F5501")
        case RecoveryOrdered():
            if event.stage == "accounted_for":
                yield paid_out, _stage(event, "accounted_for", category=event.category)
            yield _at(event, _CLAIM, recovery_id=event.recovery_id), _at(event, "F5501")
        case _:
            yield _given_back(event, "paid_out"), paid_out
            yield _at(event, "F1002"), _at(event, _CLAIM, recovery_id=event.recovery_id)


def _of_authority(event: CaseMoney) -> Iterator[tuple[Account, Account]]:
    """What happens to money that was not paid yet."""
    match event:
        case FundsAllocated():
            yield _stage(event, "allocated"), _stage(event, "unallocated")
        case FundsCommitted():
            yield _stage(event, "committed"), _stage(event, "allocated")
        case FundsFrozen():
            yield _stage(event, "frozen", origin=event.stage), _stage(event, event.stage)
        case FundsReleased():
            yield _stage(event, event.stage), _stage(event, "frozen", origin=event.stage)
        case AuthorityReturned():
            frozen_at = event.origin or event.stage
            yield _given_back(event, frozen_at), _stage(event, event.stage, origin=event.origin)
        case CarriedForward():
            yield _at(event, "B260"), _stage(event, event.stage)
            yield _stage(event, event.stage, event.to_year), _at(event, "B110", event.to_year)
        case FundsLapsed():
            if event.stage == "committed":
                yield _stage(event, "allocated"), _stage(event, "committed")
            lapsing: Stage = "unallocated" if event.stage == "unallocated" else "allocated"
            yield _given_back(event, lapsing), _stage(event, lapsing)


def _post_1(event: MoneyFact) -> tuple[Entry, ...]:
    """The table of the first version of the rules, in the words of the ledger: debit ← credit."""
    if isinstance(event, EntryReversed):
        return event.entries
    pairs: Iterator[Any]
    match event:
        case PoolMoney():
            pairs = _of_pool(event)
        case HigherAwardRecorded() | MatchingPledged() | MatchingReceived():
            pairs = _of_grant(event)
        case PaymentRequested() | PaymentPosted() | PaymentFailed() | PaymentExpired():
            pairs = _of_payment(event)
        case _:
            pairs = _of_unit(event) if isinstance(event, UnitFact) else _of_authority(event)
    return tuple(Entry(debit=pair[0], credit=pair[1], amount_fen=(*pair, event.amount_fen)[2]) for pair in pairs)


_RULES: Final[Mapping[int, Callable[[MoneyFact], tuple[Entry, ...]]]] = {1: _post_1}


def post(rules_version: int, event: MoneyFact) -> tuple[Entry, ...]:
    """The entries of an event under a version of the posting rules; an approval makes none."""
    return _RULES[rules_version](event)


def _turned(entry: Entry) -> Entry:
    return Entry(debit=entry.credit, credit=entry.debit, amount_fen=entry.amount_fen)


def mirrored(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The exact mirror: each debit becomes the credit, and each credit the debit."""
    return tuple(_turned(each) for each in entries)


# --- the books --------------------------------------------------------------------------------------------------------


class Balance(NamedTuple):
    """What stands on an account, on its own side."""

    account: Account
    amount_fen: int


def _sides(entry: Entry) -> tuple[tuple[Account, int], tuple[Account, int]]:
    """What an entry adds to either account, as seen from the debit side."""
    return (entry.debit, entry.amount_fen), (entry.credit, -entry.amount_fen)


def _guards(account: Account, amount: int) -> Iterator[tuple[Account, int]]:
    """What an amount on an account means for the stages that may not fall below zero.

    What is claimed back stays paid out until it comes in, and nothing else may be done with it: of the stage paid out
    only what is not claimed is there.
    """
    if account.code in _GUARDED:
        yield account, amount
    if account.code == _CLAIM:
        paid_out = Account(code="B230", source=account.source, year=account.year, application_id=account.application_id)
        yield paid_out, -amount


@dataclass(slots=True)
class Books:
    """The sum of entries, with the days on which each counts."""

    sums: dict[Account, int] = field(default_factory=dict)
    moves: dict[Account, list[tuple[datetime, int]]] = field(default_factory=dict)
    allocated: dict[tuple[ApplicationId | None, Source], int] = field(default_factory=dict)
    """What was ever allocated to each case; what only moved from year to year counts once."""

    def take(self, entries: Iterable[Entry], at: datetime) -> None:
        """Take in the entries of one event, effective at an instant."""
        for entry in entries:
            for account, amount in _sides(entry):
                self.sums[account] = self.sums.get(account, 0) + amount
                for guarded, moved in _guards(account, amount):
                    self.moves.setdefault(guarded, []).append((at, moved))
            for given, signed in ((entry, entry.amount_fen), (_turned(entry), -entry.amount_fen)):
                if (given.debit.code, given.credit.code) == ("B210", "B200"):
                    case = given.debit.application_id, given.debit.source
                    self.allocated[case] = self.allocated.get(case, 0) + signed

    def balance(self, account: Account) -> int:
        """What stands on an account, on its own side."""
        found = self.sums.get(account, 0)
        return found if ACCOUNTS[account.code].side == "debit" else -found

    def balances(self) -> list[Balance]:
        """Every account that anything stands on, in order."""
        found = [Balance(account, self.balance(account)) for account, amount in self.sums.items() if amount]
        return sorted(found, key=lambda each: msgspec.json.encode(each.account))

    def total(self, *codes: AccountCode, **dimensions: object) -> int:
        """The sum over the accounts of these codes and dimensions, on their own side."""
        return sum(
            self.balance(account)
            for account in self.sums
            if account.code in codes and all(getattr(account, name) == value for name, value in dimensions.items())
        )

    def there(self, account: Account, at: datetime) -> int:
        """What can be drawn from a stage at an instant: the least that stands on it then or at any time after."""
        running, least = 0, None
        for moved_at, amount in sorted(self.moves.get(account, ()), key=lambda move: move[0]):
            if moved_at > at and (least is None or running < least):
                least = running
            running += amount
        return running if least is None else min(least, running)

    def require(self, entries: Iterable[Entry], at: datetime) -> None:
        """Raise StageExceeded if the entries would draw any stage below zero, then or at any time after."""
        drawn: dict[Account, int] = {}
        for entry in entries:
            for account, amount in _sides(entry):
                for guarded, moved in _guards(account, amount):
                    drawn[guarded] = drawn.get(guarded, 0) + moved
        for account, amount in drawn.items():
            if amount < 0 and (there := self.there(account, at)) + amount < 0:
                raise StageExceeded(
                    stage=word(_NAMES[account.code], STAGE_TITLES), account=account.code,
                    source=word(account.source, SOURCE_TITLES), year=account.year,
                    there_fen=there, asked_fen=-amount,
                )  # fmt: skip


TRIAL_COLUMNS: Final = (
    "account",
    "source",
    "year",
    "application_id",
    "category",
    "payment_id",
    "origin",
    "recovery_id",
    "amount_fen",
)


def trial_balance(books: Books) -> list[tuple[str | int | None, ...]]:
    """Every account that anything stands on with what stands on it, in order: the rows of the trial balance."""
    return [
        (
            account.code,
            account.source,
            account.year,
            account.application_id,
            account.category,
            account.payment_id,
            account.origin,
            account.recovery_id,
            amount,
        )
        for account, amount in books.balances()
    ]


def trial_balance_digest(books: Books) -> str:
    """The SHA-256 of the trial balance: of its canonical CSV, no cell of which needs quotes."""
    rows = [TRIAL_COLUMNS, *trial_balance(books)]
    lines = (",".join("" if cell is None else str(cell) for cell in row) + "\r\n" for row in rows)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def books_of(facts: Iterable[tuple[int, datetime, MoneyFact]], last_day: date, zone: tzinfo) -> tuple[Books, int, int]:
    """The books of the facts that took effect by the end of a day: how many entries, and the newest such fact."""
    books, entries, newest = Books(), 0, 0
    for position, at, body in facts:
        if at.astimezone(zone).date() <= last_day:
            posted = post(RULES_VERSION, body)
            books.take(posted, at)
            entries, newest = entries + len(posted), position
    return books, entries, newest


_MONTHS: Final[Mapping[PeriodKind, int]] = {"month": 1, "quarter": 3, "year": 12}


def period_after(period: Literal["month", "quarter", "year"], day: date) -> date:
    """The last day of the period of a kind that begins next, or goes on, after a day."""
    following = day + timedelta(days=1)
    months = _MONTHS[period]
    ends = -(-following.month // months) * months
    return date(following.year + ends // 12, ends % 12 + 1, 1) - timedelta(days=1)


def month_after(day: date) -> date:
    """The last day of the month that begins next, or goes on, after a day."""
    return period_after("month", day)


def is_last_day(period: PeriodKind, day: date) -> bool:
    """Whether a period of a kind ends on a day; a cycle may end on any."""
    return period == "cycle" or period_after(period, day - timedelta(days=1)) == day


@dataclass(slots=True)
class Closings:
    """Up to which days the books of a programme are closed: each kind of period has a row of its own."""

    last_days: dict[PeriodKind, date] = field(default_factory=dict)

    def take(self, period: PeriodKind, last_day: date) -> None:
        """Take in one close."""
        self.last_days[period] = max(last_day, self.last_days.get(period, last_day))

    @property
    def through(self) -> date | None:
        """The last day that lies in any closed period; nothing takes effect on it or before."""
        return max(self.last_days.values(), default=None)

    def next_close(self, after_days: int | None, otherwise: date, zone: tzinfo) -> dict[str, Any]:
        """Which month is closed next by the clock, and when: so many days after it ended.

        It is the one after the last month that is closed; where none is, that after ``otherwise``. Where the cycle is
        closed, months are closed up to the end of its year.
        """
        ends = month_after(self.last_days.get("month", otherwise))
        cycle = self.last_days.get("cycle")
        if after_days is None or (cycle is not None and ends.year > cycle.year):
            return {"next_close_on": None, "next_close_at": None}
        return {"next_close_on": ends, "next_close_at": end_of(ends + timedelta(days=after_days), zone)}


# --- payments ---------------------------------------------------------------------------------------------------------

PaymentState = Literal["requested", "approved", "posted", "failed", "expired"]

PAYMENT_TITLES: Final[dict[str, tuple[str, str]]] = {
    "requested": ("requested", "已申请"),
    "approved": ("approved", "已批准"),
    "posted": ("posted", "已付款"),
    "failed": ("failed", "已失败"),
    "expired": ("expired", "已失效"),
}


@dataclass(slots=True)
class Payment:
    """One payment, as the record tells it so far."""

    requested: PaymentRequested
    requested_by: str
    state: PaymentState = "requested"


@dataclass(slots=True)
class Ledger:
    """The money of a case, or the unallocated money of a programme, as far as it was read."""

    books: Books = field(default_factory=Books)
    facts: dict[int, MoneyFact] = field(default_factory=dict)
    reversed: set[int] = field(default_factory=set)
    payments: dict[PaymentId, Payment] = field(default_factory=dict)
    cutoffs: dict[tuple[Source, CalendarYear], tuple[datetime, date]] = field(default_factory=dict)

    def take(self, body: MoneyFact, at: datetime, position: int = 0, by: str = "") -> None:
        """Take in one event."""
        self.books.take(post(RULES_VERSION, body), at)
        self.facts[position] = body
        match body:
            case EntryReversed(reversed_position=reversed_position):
                self._undo(reversed_position)
            case PaymentRequested(payment_id=payment_id):
                self.payments[payment_id] = Payment(body, by)
            case PaymentApproved() | PaymentPosted() | PaymentFailed() | PaymentExpired():
                self.payments[body.payment_id].state = _PAYMENT_AFTER[type(body)]
            case FundsAllocated():
                self.cutoffs[body.source, body.year] = body.cutoff_at, body.cutoff_on
            case CarriedForward():
                self.cutoffs[body.source, body.to_year] = body.cutoff_at, body.cutoff_on

    def _undo(self, reversed_position: int) -> None:
        self.reversed.add(reversed_position)
        undone = self.facts.get(reversed_position)
        if isinstance(undone, PaymentPosted):
            self.payments[undone.payment_id].state = "approved"

    def standing(self) -> Iterator[MoneyFact]:
        """The facts that were not reversed."""
        return (body for position, body in self.facts.items() if position not in self.reversed)

    def matching_due(self) -> int:
        """The matching that is owed on the higher awards of the case, in fen."""
        return sum(body.matching_due_fen for body in self.standing() if isinstance(body, HigherAwardRecorded))

    def matching_received(self, application_id: ApplicationId) -> int:
        """The matching that came in, whatever its source, in fen."""
        return sum(
            self.books.total("F4601", application_id=application_id, source=source) for source in sorted(MATCHING)
        )


_PAYMENT_AFTER: Final[Mapping[type[Event], PaymentState]] = {
    PaymentApproved: "approved",
    PaymentPosted: "posted",
    PaymentFailed: "failed",
    PaymentExpired: "expired",
}
