"""The statements of a programme's money: pure tables of its facts, in Chinese and English.

Every one takes the facts named by ``STATEMENT_FACTS`` that carry the programme's tag, in the order of the record, up to
a position: what was known then. The days and years that are asked for are a ``Period``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Final, Literal, cast

import msgspec

from domain.funding.events import Account, AccountCode, Source, Stage
from domain.funding.policy import ACCOUNTS
from domain.ids import ApplicationId, CalendarYear, PaymentId, RecoveryId
from domain.kernel import Code, Recorded, office
from projections.budget_execution import BUDGET_EXECUTION
from projections.journal import TrialBalanceRow
from projections.kernel import Key
from projections.money_registers import COMMITMENTS, CORRECTIONS, MATCHING_PLEDGES, PAYMENTS, RECOVERIES
from projections.statement import (
    STATEMENT_FACTS,
    Denominator,
    Period,
    Side,
    Statement,
    Told,
    adds,
    blank,
    reversed_by,
    sides,
)

__all__ = ["STATEMENTS", "STATEMENT_FACTS", "Denominator", "Period", "Statement"]

_ACCOUNT: Final = tuple(name for name in TrialBalanceRow.__struct_fields__ if name != "amount_fen")


def _of(account: Account) -> Key:
    """An account as the key of a row."""
    return blank(
        account.code,
        account.source,
        account.year,
        account.application_id,
        account.category,
        account.payment_id,
        account.origin,
        account.recovery_id,
    )


def _on_own_side(account: Account, amount_fen: int) -> int:
    return amount_fen if ACCOUNTS[account.code].side == "debit" else -amount_fen


# --- balances ---------------------------------------------------------------------------------------------------------


def _balances(facts: Iterable[Recorded], period: Period) -> Iterator[Told]:
    for fact in period.known(facts):
        for side in sides(fact):
            if period.covers(side.account.year):
                amount = _on_own_side(side.account, side.amount_fen)
                yield adds(_of(side.account), "amount_fen", amount, fact, side.line)


def _nothing_last(key: Key) -> tuple[tuple[bool, str | int], ...]:
    """The order of accounts in a trial balance: what does not apply comes after what does."""
    return tuple((part == "", cast("str | int", part)) for part in key)


TRIAL_BALANCE: Final = Statement(
    code="trial_balance",
    en="Trial balance",
    zh="试算平衡表",
    row=TrialBalanceRow,
    key=_ACCOUNT,
    says=_balances,
    is_shown=lambda row: row.amount_fen != 0,
    order=_nothing_last,
)


class TurnoverRow(msgspec.Struct, frozen=True, kw_only=True):
    """What stood on an account before the days asked for, what moved on either side of it, and what stands at the end.
    zh: 某账户的期初余额、本期借贷发生额与期末余额。
    """

    account: Annotated[AccountCode, office("Account", "账户")]
    source: Annotated[Source, office("Source", "来源")]
    year: Annotated[CalendarYear, office("Fiscal year", "财政年度")]
    application_id: Annotated[ApplicationId | None, office("Application", "申报")] = None
    category: Annotated[Code | None, office("Category", "支出类别")] = None
    payment_id: Annotated[PaymentId | None, office("Payment", "拨付")] = None
    origin: Annotated[Stage | None, office("Frozen at", "冻结时所在环节")] = None
    recovery_id: Annotated[RecoveryId | None, office("Recovery", "追缴")] = None
    opening_fen: Annotated[int, office("Opening balance (fen)", "期初余额(分)")] = 0
    debit_fen: Annotated[int, office("Debit (fen)", "借方发生额(分)")] = 0
    credit_fen: Annotated[int, office("Credit (fen)", "贷方发生额(分)")] = 0
    closing_fen: Annotated[int, office("Closing balance (fen)", "期末余额(分)")] = 0


def _turnover(facts: Iterable[Recorded], period: Period) -> Iterator[Told]:
    for fact in period.known(facts):
        for side in sides(fact):
            if period.covers(side.account.year):
                yield from _turned_over(side, fact, within=period.is_within(fact))


def _turned_over(side: Side, fact: Recorded, *, within: bool) -> Iterator[Told]:
    key, amount = _of(side.account), _on_own_side(side.account, side.amount_fen)
    yield adds(key, "closing_fen", amount, fact, side.line)
    if not within:
        yield adds(key, "opening_fen", amount, fact, side.line)
    elif side.amount_fen > 0:
        yield adds(key, "debit_fen", side.amount_fen, fact, side.line)
    else:
        yield adds(key, "credit_fen", -side.amount_fen, fact, side.line)


TURNOVER: Final = Statement(
    code="turnover",
    en="Turnover and balances",
    zh="发生额及余额表",
    row=TurnoverRow,
    key=_ACCOUNT,
    says=_turnover,
    is_shown=lambda row: any((row.opening_fen, row.debit_fen, row.credit_fen)),
    order=_nothing_last,
)


# --- the two books ----------------------------------------------------------------------------------------------------

Item = Literal["came_back", "expense", "paid_out"]


class ReconciliationRow(msgspec.Struct, frozen=True, kw_only=True):
    """What both books tell of the money of a case: the authority in book B, the money in book F.
    zh: 两套账对同一个案经费的记载:账套 B 为额度,账套 F 为资金。

    Paid out: B230 or B235 from B225, and what left the bank. Came back: B250 from B230, and what the bank took in.
    Expense: what stands at paid out and accounted for, with what was carried on, and F5501 with F1218.
    """

    item: Annotated[Item, office("Item", "项目")]
    source: Annotated[Source, office("Source", "来源")]
    year: Annotated[CalendarYear, office("Fiscal year", "财政年度")]
    application_id: Annotated[ApplicationId | None, office("Application", "申报")] = None
    book_b_fen: Annotated[int, office("Book B (fen)", "账套 B(分)")] = 0
    book_f_fen: Annotated[int, office("Book F (fen)", "账套 F(分)")] = 0
    difference_fen: Annotated[int, office("Difference (fen)", "差额(分)")] = 0


_SPENT: Final = frozenset(("B230", "B235"))
_CARRIED: Final = frozenset(("B110", "B260"))
_CLAIMED: Final = frozenset(("F5501", "F1218"))


def _items(side: Side, *, is_reversal: bool) -> Iterator[tuple[Item, int]]:
    """What a side of an entry says of the items; a reversal says less of the item that it reverses."""
    code, other, amount = side.account.code, side.other.code, side.amount_fen
    if code in _SPENT and other not in _CARRIED:
        yield "expense", amount
    if code in _CLAIMED:
        yield "expense", amount
    if code in _SPENT and other == "B225":
        yield "paid_out", amount
    if code == "B250" and other == "B230":
        yield "came_back", amount
    if code == "F1002" and other in _CLAIMED:
        into_bank = (amount > 0) is not is_reversal
        yield ("came_back", amount) if into_bank else ("paid_out", -amount)


def _reconciled(facts: Iterable[Recorded], period: Period) -> Iterator[Told]:
    for fact in period.known(facts):
        for side in sides(fact):
            if period.covers(side.account.year) and period.is_within(fact):
                account, in_b = side.account, side.account.code.startswith("B")
                for item, amount in _items(side, is_reversal=reversed_by(fact) is not None):
                    key = blank(item, account.source, account.year, account.application_id)
                    yield adds(key, "book_b_fen" if in_b else "book_f_fen", amount, fact, side.line)
                    yield adds(key, "difference_fen", amount if in_b else -amount, fact, side.line)


RECONCILIATION: Final = Statement(
    code="reconciliation",
    en="Reconciliation of the two books",
    zh="两套账核对表",
    row=ReconciliationRow,
    key=("item", "source", "year", "application_id"),
    says=_reconciled,
    is_shown=lambda row: any((row.book_b_fen, row.book_f_fen)),
)


STATEMENTS: Final[Mapping[str, Statement]] = {
    each.code: each
    for each in (
        BUDGET_EXECUTION,
        PAYMENTS,
        COMMITMENTS,
        MATCHING_PLEDGES,
        RECOVERIES,
        TRIAL_BALANCE,
        TURNOVER,
        RECONCILIATION,
        CORRECTIONS,
    )
}
"""Every statement by its code, in the order in which they are read."""
