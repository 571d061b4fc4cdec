"""The books that follow from the posting table, what becomes of a payment, and what titles money has.

``Books`` is the sum of entries; no stage of it is ever drawn below zero, at any time from the entry's day on.
"""

from __future__ import annotations

import hashlib
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final, Literal, NamedTuple

import msgspec

from domain.calendar.policy import end_of
from domain.funding.events import (
    Account,
    AccountCode,
    CarriedForward,
    CarryOver,
    Entry,
    EntryReversed,
    FundsAllocated,
    Gate,
    HigherAwardRecorded,
    MatchingBase,
    PaymentApproved,
    PaymentExpired,
    PaymentFailed,
    PaymentPosted,
    PaymentRequested,
    PeriodKind,
    Source,
)
from domain.funding.posting import (
    ACCOUNTS,
    BANK_FACTS,
    CASE_MONEY_FACTS,
    CLAIM,
    GUARDED,
    MATCHING,
    MONEY_FACTS,
    POOL_FACTS,
    POOL_ONLY_FACTS,
    POOLED,
    RESOURCES,
    RULES_VERSION,
    RULES_VERSIONS,
    STAGE_ACCOUNTS,
    STAGES,
    AccountTitle,
    BankFact,
    CaseMoneyFact,
    MoneyFact,
    PoolFact,
    PoolOnlyFact,
    mirrored,
    post,
    posting_table,
    rules_digest,
    rules_text,
    turned,
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
    "RECONCILIATION_TITLES",
    "RESOURCES",
    "RULES_VERSION",
    "RULES_VERSIONS",
    "SOURCE_TITLES",
    "STAGES",
    "STAGE_ACCOUNTS",
    "STAGE_TITLES",
    "TRIAL_COLUMNS",
    "AccountTitle",
    "Balance",
    "BankFact",
    "Books",
    "BooksBy",
    "CaseMoneyFact",
    "Closings",
    "Ledger",
    "MoneyFact",
    "Payment",
    "PaymentState",
    "PoolFact",
    "PoolOnlyFact",
    "Reconciliation",
    "StageExceeded",
    "books_of",
    "is_last_day",
    "mirrored",
    "month_after",
    "period_after",
    "post",
    "posting_table",
    "reconciled",
    "rules_digest",
    "rules_text",
    "trial_balance",
    "trial_balance_digest",
]

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
    CLAIM: "recovery_receivable",
}


class StageExceeded(Refusal):
    """Stage {stage} ({account}) of {source} {year} holds {there_fen} fen; {asked_fen} fen were asked.
    zh: {year} 年度来源 {source} 的环节 {stage}({account})现有 {there_fen} 分,所需 {asked_fen} 分。
    title: The stage holds less · 环节余额不足
    """


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
    if account.code in GUARDED:
        yield account, amount
    if account.code == CLAIM:
        paid_out = Account(code="B230", source=account.source, year=account.year, application_id=account.application_id)
        yield paid_out, -amount


@dataclass(slots=True)
class Books:
    """The sum of entries, with the days on which each counts; without, where nothing is ever asked by the day."""

    is_dated: bool = True
    sums: dict[Account, int] = field(default_factory=dict)
    moves: dict[Account, list[tuple[datetime, int]]] = field(default_factory=dict)
    allocated: dict[tuple[ApplicationId | None, Source], int] = field(default_factory=dict)
    """What was ever allocated to each case; what only moved from year to year counts once."""

    def take(self, entries: Iterable[Entry], at: datetime) -> None:
        """Take in the entries of one event, effective at an instant."""
        for entry in entries:
            for account, amount in _sides(entry):
                self.sums[account] = self.sums.get(account, 0) + amount
                if self.is_dated:
                    self._date(account, amount, at)
                elif not self.sums[account]:
                    # Payments come and go in any number; what is left of them is what stands.
                    del self.sums[account]
            for given, signed in ((entry, entry.amount_fen), (turned(entry), -entry.amount_fen)):
                if (given.debit.code, given.credit.code) == ("B210", "B200"):
                    case = given.debit.application_id, given.debit.source
                    self.allocated[case] = self.allocated.get(case, 0) + signed

    def _date(self, account: Account, amount: int, at: datetime) -> None:
        for guarded, moved in _guards(account, amount):
            self.moves.setdefault(guarded, []).append((at, moved))

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
            if amount < 0:
                self.require_there(account, -amount, at)

    def require_there(self, account: Account, asked_fen: int, at: datetime) -> None:
        """Raise StageExceeded unless so much can be drawn from a stage at an instant."""
        there = self.there(account, at)
        if there < asked_fen:
            raise StageExceeded(
                stage=word(_NAMES[account.code], STAGE_TITLES), account=account.code,
                source=word(account.source, SOURCE_TITLES), year=account.year,
                there_fen=there, asked_fen=asked_fen,
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


@dataclass(slots=True)
class BooksBy:
    """The books by the end of a day, fact by fact: what stands, how many entries that took, and the newest fact.

    They hold what stands on accounts and nothing of what led there, so that any number of facts is added up.
    """

    last_day: date
    zone: tzinfo
    rules_version: int = RULES_VERSION
    books: Books = field(default_factory=lambda: Books(is_dated=False))
    entries: int = 0
    newest: int = 0

    def take(self, position: int, at: datetime, body: MoneyFact) -> None:
        """Take in a fact, unless it took effect later."""
        if at.astimezone(self.zone).date() <= self.last_day:
            posted = post(self.rules_version, body)
            self.books.take(posted, at)
            self.entries, self.newest = self.entries + len(posted), position


def books_of(
    facts: Iterable[tuple[int, datetime, MoneyFact]], last_day: date, zone: tzinfo, rules_version: int = RULES_VERSION
) -> tuple[Books, int, int]:
    """The books of the facts that took effect by the end of a day: how many entries, and the newest such fact."""
    found = BooksBy(last_day, zone, rules_version)
    for position, at, body in facts:
        found.take(position, at, body)
    return found.books, found.entries, found.newest


class Reconciliation(NamedTuple):
    """What one book says of the money of a source and fiscal year, and what the other says of the same."""

    what: str
    source: Source
    year: CalendarYear
    authority_fen: int
    money_fen: int

    @property
    def difference_fen(self) -> int:
        """By how much they differ: nothing, ever."""
        return self.authority_fen - self.money_fen


RECONCILIATION_TITLES: Final[dict[str, tuple[str, str]]] = {
    "at_hand": ("at hand: not paid out, or back again", "在手:未拨付及已收回"),
    "with_units": ("paid out: spent, held by units, or claimed back", "已拨付:已用、单位持有及应收追缴"),
    "granted": ("appropriated and granted; of matching, what came in", "预算与资助;配套为到账金额"),
    "owed": ("owed to whoever had granted it", "应缴回批复方"),
    "years": ("from earlier years, less what went on and what is owed", "上年转入减转出及应缴"),
}


def reconciled(books: Books) -> Iterator[Reconciliation]:
    """Book B beside book F, by source and fiscal year: five sums that each of them knows in its own way."""
    lines: dict[tuple[Source, CalendarYear], dict[AccountCode, int]] = {}
    for account in books.sums:
        sums = lines.setdefault((account.source, account.year), {})
        sums[account.code] = sums.get(account.code, 0) + books.balance(account)
    for (source, year), sums in sorted(lines.items()):
        for what, (authority, money) in _told_twice(source, sums).items():
            yield Reconciliation(what, source, year, authority, money)


def _told_twice(source: Source, sums: Mapping[AccountCode, int]) -> dict[str, tuple[int, int]]:
    """Each sum as book B has it, and as book F has it.

    A pledge that has not come in is authority without money: it is left out of what is at hand and of what is granted.
    """

    def total(*codes: AccountCode) -> int:
        return sum(sums.get(code, 0) for code in codes)

    matching = source in MATCHING
    promised = total("B120") - total("F4601") if matching else 0
    owed = 0 if matching else total("B250")
    at_hand = total("B200", "B210", "B220", "B225", "B240", "B250")
    return {
        "at_hand": (at_hand - promised, total("F1002")),
        "with_units": (total("B230", "B235"), total("F1218", "F5501")),
        "granted": (total("B100", "B120", "B130") - promised, total("F4001", "F4601")),
        "owed": (owed, total("F2103")),
        "years": (total("B110") - total("B260") - owed, total("F3001", "F3501")),
    }


_OPEN: Final[tuple[AccountCode, ...]] = tuple(code for code in STAGE_ACCOUNTS.values() if code != "B235")
"""Where money stands of which something is still to become."""
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
    ends_a_month = day.day == monthrange(day.year, day.month)[1]
    return period == "cycle" or (ends_a_month and day.month % _MONTHS[period] == 0)


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

    def is_over(self, books: Books, otherwise: date) -> bool:
        """Whether no further month is closed: the cycle is, its last year too, and nothing stands at any stage."""
        cycle = self.last_days.get("cycle")
        return cycle is not None and self._next_month(otherwise).year > cycle.year and books.total(*_OPEN) == 0

    def _next_month(self, otherwise: date) -> date:
        return month_after(self.last_days.get("month", otherwise))

    def next_close(self, after_days: int | None, otherwise: date, zone: tzinfo) -> dict[str, Any]:
        """Which month is closed next by the clock, and when: so many days after it ended.

        It is the one after the last month that is closed; where none is, that after ``otherwise``.
        """
        if after_days is None:
            return {"next_close_on": None, "next_close_at": None}
        ends = self._next_month(otherwise)
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
    was_posted: bool = False
    """It was posted once, wrongly, and that was reversed: the bank has done its part, so it expires no more."""


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
            payment = self.payments[undone.payment_id]
            payment.state, payment.was_posted = "approved", True

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
