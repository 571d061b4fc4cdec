"""How money moves in the demonstration: appropriated, allocated, paid, accounted for, carried on, its books closed.

Amounts are in yuan here, and in fen on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from api.cli.demo.call import PROGRAMME
from api.cli.demo.cast import Applicant
from api.cli.demo.cultivation import SELECTED, bearer, hand_of
from api.cli.demo.player import Player

__all__ = [
    "AT",
    "BR_1",
    "BR_2",
    "BR_3",
    "BUDGET",
    "CATEGORIES",
    "COL_A",
    "a_fen_more",
    "allocate",
    "amount_of",
    "appropriate",
    "by_bank",
    "carry",
    "case_at",
    "closed_by_clock",
    "cut_off",
    "give",
    "in_yuan",
    "misspent",
    "on",
    "pay",
    "payment_at",
    "request",
    "request_and_approve",
    "spend",
    "tag_of",
    "year_closed",
]

AT: Final = f"/v1/programmes/{PROGRAMME}"
COL_A, BR_1, BR_2, BR_3 = SELECTED
BUDGET: Final = "budget"
CATEGORIES: Final = ("training", "activity")
"""What the task books budget for; each half of what is spent goes to one of them."""


def amount_of(yuan: int, year: int, source: str = BUDGET) -> dict[str, Any]:
    """An amount of a source and fiscal year, as it is asked about."""
    return {"source": source, "year": year, "amount_fen": yuan * 100}


def in_yuan(fen: int) -> str:
    """An amount as it is printed."""
    return f"{fen // 100:,}.{fen % 100:02d}"


def a_fen_more(yuan: int, year: int, source: str = BUDGET) -> dict[str, Any]:
    """A fen more than that."""
    return {"source": source, "year": year, "amount_fen": yuan * 100 + 1}


def case_at(a: Applicant) -> str:
    """Where a case is."""
    return f"/v1/cases/{a.application_id}"


def on(p: Player, day: str) -> None:
    """It becomes ten in the morning of a day."""
    p.advance(f"clock-money-{day}", "administrator", f"{day}T10:00:00+08:00")


def tag_of(a: Applicant, funds: Mapping[str, Any]) -> str:
    """What tells an amount of a case from all others."""
    return f"{a.unit_id}-{funds['year']}-{funds['source']}"


def appropriate(p: Player, year: int) -> None:
    """55,000 yuan are appropriated for a year, by nobody but the finance officer."""
    paper = p.deposit(f"budget-{year}", "finance", "other", f"{year} 年度党建专项经费预算批复(示例):55,000 元。")
    body = amount_of(55_000, year) | {"document_id": paper}
    for who in ("clerk", "head"):
        p.refused(
            f"no-appropriate-{year}-{who}", who, f"{AT}/funds/appropriate", body, kind="not-permitted",
            what="appropriates the budget · 自行批复预算",
        )  # fmt: skip
    p.act(
        f"appropriate-{year}", "finance", f"{AT}/funds/appropriate", body,
        en=f"records 55,000 yuan appropriated for {year}", zh=f"登记 {year} 年度预算批复 55,000 元",
    )  # fmt: skip


def allocate(p: Player, a: Applicant, funds: dict[str, Any]) -> None:
    """The clerk allocates an amount to a case, and commits it."""
    yuan = f"{funds['amount_fen'] // 100:,}"
    p.act(
        f"allocate-{tag_of(a, funds)}", "clerk", f"{case_at(a)}/funds/allocate", funds,
        en=f"allocates {yuan} yuan ({funds['source']}) to {a.unit_id}", zh=f"向 {a.unit_id} 下达 {yuan} 元",
    )  # fmt: skip
    p.act(f"commit-{tag_of(a, funds)}", "clerk", f"{case_at(a)}/funds/commit", funds)


def request(p: Player, a: Applicant, funds: dict[str, Any], who: str) -> None:
    """Somebody asks that the committed amount be paid."""
    body = funds | {"payment_id": f"pay-{tag_of(a, funds)}"}
    p.act(f"request-{tag_of(a, funds)}", who, f"{case_at(a)}/payments", body)


def payment_at(a: Applicant, funds: dict[str, Any]) -> str:
    """Where the payment of an amount is."""
    return f"{case_at(a)}/payments/pay-{tag_of(a, funds)}"


def by_bank(a: Applicant, funds: dict[str, Any]) -> dict[str, Any]:
    """What the bank says of a payment in full."""
    return {"amount_fen": funds["amount_fen"], "bank_reference": f"bank-{tag_of(a, funds)}"}


def pay(p: Player, a: Applicant, funds: dict[str, Any]) -> None:
    """The finance officer records that the bank paid."""
    p.act(
        f"post-{tag_of(a, funds)}", "finance", f"{payment_at(a, funds)}/post", by_bank(a, funds),
        en=f"records that the bank paid {a.unit_id}", zh=f"登记已向 {a.unit_id} 付款",
    )  # fmt: skip


def request_and_approve(p: Player, shares: Sequence[tuple[Applicant, dict[str, Any]]]) -> None:
    """The units ask, and the head approves."""
    for a, funds in shares:
        request(p, a, funds, a.hand)
    for a, funds in shares:
        p.act(f"approve-{tag_of(a, funds)}", "head", f"{payment_at(a, funds)}/approve", {})


def give(p: Player, shares: Sequence[tuple[Applicant, dict[str, Any]]], days: tuple[str, str]) -> None:
    """Allocate and commit today, request and approve on the first of the days, pay on the second."""
    for a, funds in shares:
        allocate(p, a, funds)
    on(p, days[0])
    request_and_approve(p, shares)
    on(p, days[1])
    for a, funds in shares:
        pay(p, a, funds)


def spend(
    p: Player, amounts: Sequence[tuple[Applicant, int]], year: int, categories: Sequence[str] = CATEGORIES,
    source: str = BUDGET,
) -> None:  # fmt: skip
    """Account for half of each amount in each category, on the evidence that the unit deposits."""
    merged = year > 2021  # noqa: PLR2004 - From 2022 on BR-2's successor bears its case.
    for a, yuan in amounts:
        unit_id, hand = (bearer(a), hand_of(a)) if merged else (a.unit_id, a.hand)
        for category in categories:
            tag = f"{a.unit_id}-{year}-{source}-{category}"
            text = f"{unit_id} {year} 年度 {category} 支出凭证(示例):合同、发票、签到表与验收单。"
            paper = p.deposit(f"evidence-{tag}", hand, "evidence", text, owner=unit_id)
            body = {
                "source": source, "year": year, "amount_fen": yuan * 50, "category": category,
                "evidence_document_id": paper,
            }  # fmt: skip
            p.act(f"account-{tag}", "clerk", f"{case_at(a)}/funds/account", body)
        spent = in_yuan(yuan * 50 * len(categories))
        p.say(f"    {unit_id:<6} {spent:>10} yuan accounted for ({source}) · 核销 {spent} 元")


def misspent(p: Player, year: int, receipt: str) -> None:
    """Money of the year before, money for what is not provided for, and a word for evidence."""
    path = f"{case_at(COL_A)}/funds/account"
    body = amount_of(1, year) | {"category": "training", "evidence_document_id": p.documents[receipt]}
    for step, more, kind, what in (
        ("before", {"year": year - 1}, "year-cut-off", "spends the year before's money · 动用上年度经费"),
        ("venue", {"category": "venue"}, "category-not-allowed", "puts it under fittings · 列入未设类别"),
        ("paper", {"evidence_document_id": "0" * 64}, "document-unknown", "has no evidence for it · 无凭证核销"),
    ):
        p.refused(f"no-account-{year}-{step}", "clerk", path, body | more, kind=kind, what=what)


def cut_off(p: Player, year: int, left: Sequence[tuple[Applicant, int]]) -> None:
    """The last day of the year's money: nothing is decided yet, and what is left is listed."""
    p.heading("28", f"20 December {year}: the last day of the year's money", f"{year} 年 12 月 20 日:年度经费截止")
    line = {"source": BUDGET, "year": year}
    for act, who, kind, what in (
        ("carry-forward", "head", "year-not-cut-off", "carries before the year is cut off · 未截止即结转"),
        ("carry-forward", "finance", "not-permitted", "carries forward · 自行结转"),
        ("lapse", "head", "year-not-cut-off", "lets money lapse before its time · 未截止即收回"),
    ):
        p.refused(f"no-early-{act}-{who}-{year}", who, f"{case_at(COL_A)}/funds/{act}", line, kind=kind, what=what)
    listed = "、".join(f"{a.unit_id} {yuan:,} 元" for a, yuan in left)
    p.deposit(
        f"left-{year}", "finance", "other", f"{year} 年末经费结余清单(示例):{listed}。",
        en="lists what is left of each case's money", zh="编列各项目年末结余清单",
    )  # fmt: skip


def carry(p: Player, year: int, cases: Sequence[Applicant]) -> None:
    """The head decides case by case that what is left is carried into the next year."""
    line = {"source": BUDGET, "year": year}
    p.refused(
        f"no-carry-clerk-{year}", "clerk", f"{case_at(COL_A)}/funds/carry-forward", line, kind="not-permitted",
        what="carries forward · 自行结转",
    )  # fmt: skip
    p.refused(
        f"no-spend-late-{year}", "clerk", f"{case_at(COL_A)}/funds/account",
        amount_of(1, year) | {"category": "activity", "evidence_document_id": p.documents[f"left-{year}"]},
        kind="year-cut-off", what="accounts for it after the cut-off · 截止后核销",
    )  # fmt: skip
    p.refused(
        f"no-close-early-{year}", "finance", f"{AT}/funds/close-period",
        {"period": "year", "last_day": f"{year}-12-31"}, kind="period-not-over",
        what="closes the year before it is over · 年度未终即结账",
    )  # fmt: skip
    for a in cases:
        p.act(
            f"carry-{a.unit_id}-{year}", "head", f"{case_at(a)}/funds/carry-forward", line,
            en=f"carries what {a.unit_id} has left into {year + 1}", zh=f"{a.unit_id} 结余结转至 {year + 1} 年",
        )  # fmt: skip


def closed_by_clock(p: Player, period: str, last_day: str) -> None:
    """The scheduler has closed a period, and a worker has published its ledger; nobody asked for either."""
    ledger = p.read("finance", f"{AT}/ledgers/{period}/{last_day}")
    names = ", ".join(file["name"] for file in ledger["files"])
    p.say(
        f"    ✓ scheduler, worker · 调度与办理进程: {period} to {last_day} closed as of {ledger['closed_at']}, "
        f"published: {names}"
    )


def year_closed(p: Player, year: int) -> None:
    """A year is closed by the clock, by its last day and once; the finance officer alone might do it by hand."""
    p.heading("48", f"The books of {year} are closed by the clock", f"{year} 年度自动结账")
    path = f"{AT}/funds/close-period"
    body = {"period": "year", "last_day": f"{year}-12-31"}
    p.refused(f"no-close-{year}-head", "head", path, body, kind="not-permitted", what="closes the books · 自行结账")
    p.refused(
        f"no-close-{year}-short", "finance", path, body | {"last_day": f"{year}-12-30"}, kind="period-ends-otherwise",
        what="leaves a day out · 漏结一日",
    )  # fmt: skip
    for period in ("month", "quarter", "year"):
        closed_by_clock(p, period, f"{year}-12-31")
    p.refused(
        f"no-close-{year}-twice", "finance", path, body, kind="closed-before", what="closes them once more · 重复结账"
    )
