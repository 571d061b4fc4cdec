"""The statements of a programme's money: pure tables of its facts, in Chinese and English.

Every one takes the facts named by ``STATEMENT_FACTS`` that carry the programme's tag, in the order of the record, up to
a position: what was known then. The days and years that are asked for are a ``Period``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Final, Literal, cast

import msgspec

from domain.funding.events import Account, AccountCode, Source, Stage
from domain.funding.policy import ACCOUNTS, MATCHING
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
        for side in sides(fact, period):
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
        for side in sides(fact, period):
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

Item = Literal["at_hand", "granted", "owed", "with_units", "years"]


class ReconciliationRow(msgspec.Struct, frozen=True, kw_only=True):
    """One sum that both books know, each in its own way: of authority in book B, of money in book F.
    zh: 两套账各自反映的同一合计:账套 B 为额度,账套 F 为资金。
    """

    item: Annotated[Item, office("Item", "项目")]
    source: Annotated[Source, office("Source", "来源")]
    year: Annotated[CalendarYear, office("Fiscal year", "财政年度")]
    book_b_fen: Annotated[int, office("Book B (fen)", "账套 B(分)")] = 0
    book_f_fen: Annotated[int, office("Book F (fen)", "账套 F(分)")] = 0
    difference_fen: Annotated[int, office("Difference (fen)", "差额(分)")] = 0


_B: Final[Mapping[AccountCode, tuple[tuple[Item, int], ...]]] = {
    "B100": (("granted", 1),),
    "B130": (("granted", 1),),
    "B110": (("years", 1),),
    "B260": (("years", -1),),
    **dict.fromkeys(("B200", "B210", "B220", "B225", "B240"), (("at_hand", 1),)),
    "B230": (("with_units", 1),),
    "B235": (("with_units", 1),),
}
_F: Final[Mapping[AccountCode, Item]] = {
    "F1002": "at_hand",
    "F1218": "with_units",
    "F5501": "with_units",
    "F4001": "granted",
    "F4601": "granted",
    "F2103": "owed",
    "F3001": "years",
    "F3501": "years",
}


def _of_authority(account: Account) -> tuple[tuple[Item, int], ...]:
    """Which sums of book B an account counts in, and with which sign, as ``domain.funding.policy.reconciled`` has it.

    A pledge that has not come in is authority without money; matching that comes back is owed to nobody.
    """
    is_matching = account.source in MATCHING
    match account.code:
        case "B120":
            return (("at_hand", -1),) if is_matching else (("granted", 1),)
        case "B250":
            return (("at_hand", 1),) if is_matching else (("at_hand", 1), ("owed", 1), ("years", -1))
        case "F4601" if is_matching:
            return ("at_hand", 1), ("granted", 1)
    return _B.get(account.code, ())


def _reconciled(facts: Iterable[Recorded], period: Period) -> Iterator[Told]:
    for fact in period.known(facts):
        for side in sides(fact, period):
            if period.covers(side.account.year):
                yield from _compared(side, fact)


def _compared(side: Side, fact: Recorded) -> Iterator[Told]:
    account, amount = side.account, _on_own_side(side.account, side.amount_fen)
    told = [("book_b_fen", item, sign * amount) for item, sign in _of_authority(account)]
    if account.code in _F:
        told.append(("book_f_fen", _F[account.code], amount))
    for column, item, counted in told:
        key = blank(item, account.source, account.year)
        yield adds(key, column, counted, fact, side.line)
        yield adds(key, "difference_fen", counted if column == "book_b_fen" else -counted, fact, side.line)


RECONCILIATION: Final = Statement(
    code="reconciliation",
    en="Reconciliation of the two books",
    zh="两套账核对表",
    row=ReconciliationRow,
    key=("item", "source", "year"),
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
