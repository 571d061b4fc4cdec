"""Rows 26 to 29, 32 to 36, 47 and 48: two years' money from its appropriation until the books of the cycle are closed.

What BR-3 gets is frozen while it rectifies, and what it did not spend is claimed back; the grant of a higher level and
the school's matching stand apart.
"""

from __future__ import annotations

from typing import Any, Final

from api.cli.demo.cultivation import SELECTED
from api.cli.demo.paying import (
    AT,
    BR_1,
    BR_2,
    BR_3,
    BUDGET,
    CATEGORIES,
    COL_A,
    a_fen_more,
    allocate,
    amount_of,
    appropriate,
    by_bank,
    carry,
    case_at,
    closed_by_clock,
    cut_off,
    give,
    misspent,
    on,
    pay,
    payment_at,
    request,
    request_and_approve,
    spend,
    tag_of,
    year_closed,
)
from api.cli.demo.player import Player

__all__ = [
    "CYCLE_ENDS",
    "allotted_2020",
    "allotted_2021",
    "allotted_once_rectified",
    "appropriated",
    "awarded",
    "books_closed",
    "carried_2020",
    "carried_2021",
    "claimed",
    "cut_off_2020",
    "cut_off_2021",
    "frozen",
    "last_year",
    "matched",
    "returned",
    "second_year",
    "spent_2020",
    "spent_2021",
    "spent_2022",
    "third_year",
]

CYCLE_ENDS: Final = "2022-09-30"
_APART: Final = ("upper_grant", "school_match")
_RULE: Final[dict[str, Any]] = {
    "money_flow": "advance", "carry_over": "decide", "cutoff_month": 12, "cutoff_day": 20,
    "matching_base": "higher_award", "matching_ratio_bp": 10_000, "budget_binds": True,
    "categories": [{"category": category} for category in CATEGORIES],
    "payment_expires_after_days": 30, "gates": ["task_book_signed", "matching_reached"],
    "close_months_after_days": 3, "cycle_ends_on": CYCLE_ENDS,
}  # fmt: skip
_CLAIM: Final = "recovery-BR-3"


# --- the first year --------------------------------------------------------------------------------------------------


def appropriated(p: Player) -> None:
    """Before row 26: the rule of the money, since the call leaves it open, and the budget of 2020."""
    on(p, "2020-07-03")
    p.heading("26", "The rule of the money is defined, the budget of 2020 appropriated", "设定经费规则,批复首年预算")
    why = p.deposit("why-funding-rule", "head", "reason", "通知未载明拨付、结转与核销办法,现按财务制度设定(示例)。")
    reason = f"call_is_silent; document={why}"
    path = f"{AT}/funding-rule"
    p.refused(
        "no-rule-finance", "finance", path, _RULE, reason="needed", kind="not-permitted",
        what="makes the rule by which it pays · 自定拨付规则",
    )  # fmt: skip
    p.refused(
        "no-rule-cheaper", "head", path, _RULE | {"matching_ratio_bp": 5_000}, reason=reason, kind="ratio-below-call",
        what="halves the matching that the call asks for · 将通知要求的配套减半",
    )  # fmt: skip
    p.act(
        "funding-rule", "head", path, _RULE, reason=reason,
        en="defines it: paid in advance, cut off on 20 December, left to decision, closed three days after each month",
        zh="预拨,12 月 20 日截止,结余逐案决定,每月末三日后自动结账",
    )  # fmt: skip
    appropriate(p, 2020)


def allotted_2020(p: Player) -> None:
    """Row 26: 55,000 yuan go to four cases, and are paid within three days."""
    on(p, "2020-07-06")
    p.heading("26", "The first year's money is allotted", "下达首年经费")
    p.refused(
        "no-allocate-more", "clerk", f"{case_at(COL_A)}/funds/allocate", a_fen_more(55_000, 2020),
        kind="stage-exceeded", what="allocates a fen more than there is · 下达超出一分",
    )  # fmt: skip
    shares = [(a, amount_of(25_000 if a is COL_A else 10_000, 2020)) for a in SELECTED]
    for a, funds in shares:
        allocate(p, a, funds)
    on(p, "2020-07-07")
    college, its = shares[0]
    request(p, college, its, "finance")
    p.refused(
        "no-approve-own", "finance", f"{payment_at(college, its)}/approve", {}, kind="second-person-missing",
        what="approves the payment it requested · 自请自批",
    )  # fmt: skip
    p.refused(
        "no-pay-unapproved", "finance", f"{payment_at(college, its)}/post", by_bank(college, its),
        kind="payment-not-pending", what="pays before it is approved · 未经批准即付款",
    )  # fmt: skip
    p.act(f"approve-{tag_of(college, its)}", "head", f"{payment_at(college, its)}/approve", {})
    request_and_approve(p, shares[1:])
    on(p, "2020-07-08")
    pay(p, college, its)
    other, funds = shares[1]
    p.refused(
        "no-reference-twice", "finance", f"{payment_at(other, funds)}/post",
        by_bank(other, funds) | {"bank_reference": by_bank(college, its)["bank_reference"]},
        kind="bank-reference-used", what="pays by a reference that was used · 重复使用银行流水号",
    )  # fmt: skip
    for a, funds in shares[1:]:
        pay(p, a, funds)


def spent_2020(p: Player) -> None:
    """Row 27: expenditure of the autumn, each in its category and on its evidence."""
    on(p, "2020-09-25")
    p.heading("27", "The first year's expenditure is accounted for", "核销首年支出")
    receipt = p.deposit("receipt-2020", COL_A.hand, "evidence", "培训费发票(示例)。", owner="COL-A")
    body = a_fen_more(25_000, 2020) | {"category": "training", "evidence_document_id": receipt}
    for step, who, more, kind, what in (
        ("own", COL_A.hand, {}, "not-permitted", "accounts for its own expenditure · 自行核销"),
        ("venue", "clerk", {"category": "venue"}, "category-not-allowed", "puts it under fittings · 列入未设类别"),
        ("cap", "clerk", {}, "category-cap-exceeded", "a fen over the task book · 超出任务书一分"),
    ):
        p.refused(f"no-account-{step}", who, f"{case_at(COL_A)}/funds/account", body | more, kind=kind, what=what)
    amounts = list(zip(SELECTED, (23_600, 9_850, 10_000, 8_400), strict=True))
    spend(p, amounts, 2020, ("training",))
    on(p, "2020-12-10")
    p.refused(
        "no-account-more", "clerk", f"{case_at(BR_1)}/funds/account",
        {
            **a_fen_more(5_075, 2020), "category": "activity",
            "evidence_document_id": p.documents["evidence-BR-1-2020-budget-training"],
        },
        kind="stage-exceeded", what="accounts for a fen more than BR-1 holds · 核销超出所持一分",
    )  # fmt: skip
    spend(p, amounts, 2020, ("activity",))


def cut_off_2020(p: Player) -> None:
    """Row 28, for the first time."""
    on(p, "2020-12-20")
    cut_off(p, 2020, ((COL_A, 1_400), (BR_1, 150), (BR_3, 1_600)))


def carried_2020(p: Player) -> None:
    """Row 29, for the first time: two carry theirs on, BR-3 gives back."""
    on(p, "2020-12-25")
    p.heading("29", "Two carry on what is left, BR-3 gives it back", "两项结转,BR-3 结余收回")
    p.refused(
        "no-carry-nothing", "head", f"{case_at(BR_2)}/funds/carry-forward", {"source": BUDGET, "year": 2020},
        kind="nothing-left", what="carries what BR-2 has not · 结转并不存在的结余",
    )  # fmt: skip
    back = amount_of(1_600, 2020) | {"bank_reference": "bank-back-BR-3-2020"}
    p.refused(
        "no-return-more", "finance", f"{case_at(BR_3)}/funds/return", back | a_fen_more(1_600, 2020),
        kind="stage-exceeded", what="takes back a fen more than BR-3 holds · 收回超出一分",
    )  # fmt: skip
    carry(p, 2020, (COL_A, BR_1))
    p.act(
        "return-BR-3-2020", "finance", f"{case_at(BR_3)}/funds/return", back,
        en="records that BR-3 returned 1,600 yuan", zh="登记 BR-3 退回 1,600 元",
    )  # fmt: skip


# --- the second year -------------------------------------------------------------------------------------------------


def second_year(p: Player) -> None:
    """The books of 2020 are closed by the clock, and before row 33 the budget of 2021 is appropriated."""
    on(p, "2021-01-04")
    year_closed(p, 2020)
    p.heading("33", "The budget of 2021 is appropriated", "批复次年预算")
    appropriate(p, 2021)


def frozen(p: Player) -> None:
    """Row 32: what BR-3 was to get in the second year is frozen at the office until it has rectified."""
    p.heading("32", "BR-3's second year is frozen at the office", "冻结 BR-3 次年经费")
    held = amount_of(10_000, 2021) | {"stage": "unallocated", "ground": "rectification"}
    path = f"{case_at(BR_3)}/funds/freeze"
    for step, who, reason, more, kind, what in (
        ("finance", "finance", "rectification", {}, "not-permitted", "freezes it · 自行冻结"),
        ("reasonless", "head", None, {}, "reason-missing", "freezes it without a reason · 无事由冻结"),
        (
            "more",
            "head",
            "rectification",
            a_fen_more(55_000, 2021),
            "stage-exceeded",
            "freezes a fen too much · 冻结超出一分",
        ),
    ):
        p.refused(f"no-freeze-{step}", who, path, held | more, reason=reason, kind=kind, what=what)
    p.act(
        "freeze-BR-3", "head", path, held, reason="rectification",
        en="freezes 10,000 yuan at the office", zh="于主管部门冻结 10,000 元",
    )  # fmt: skip


def allotted_2021(p: Player) -> None:
    """Row 33: three get their second year's money, BR-3 gets none."""
    on(p, "2021-07-05")
    p.heading("33", "The second year's money is allotted to three", "向三个项目下达次年经费")
    for step, a, who, body, kind, what in (
        (
            "BR-3",
            BR_3,
            "clerk",
            amount_of(10_000, 2021),
            "gate-closed",
            "allocates to BR-3 in rectification · 整改期间下达",
        ),
        ("own", BR_3, BR_3.hand, amount_of(10_000, 2021), "not-permitted", "allocates to itself · 自行下达"),
        ("held", COL_A, "head", a_fen_more(45_000, 2021), "stage-exceeded", "allocates what is frozen · 动用冻结经费"),
    ):
        p.refused(f"no-allocate-2021-{step}", who, f"{case_at(a)}/funds/allocate", body, kind=kind, what=what)
    shares = [(a, amount_of(25_000 if a is COL_A else 10_000, 2021)) for a in SELECTED if a is not BR_3]
    give(p, shares, ("2021-07-06", "2021-07-07"))


def allotted_once_rectified(p: Player) -> None:
    """Row 34: accepted, BR-3's money is released, and allotted."""
    p.heading("34", "BR-3's money is released and allotted", "解冻并下达 BR-3 次年经费")
    held = amount_of(10_000, 2021) | {"stage": "unallocated"}
    path = f"{case_at(BR_3)}/funds/release"
    p.refused(
        "no-allocate-frozen", "clerk", f"{case_at(BR_3)}/funds/allocate", amount_of(10_000, 2021), kind="gate-closed",
        what="allocates before the release · 未解冻即下达",
    )  # fmt: skip
    p.refused(
        "no-release-more", "head", path, held | a_fen_more(10_000, 2021), reason="rectified", kind="stage-exceeded",
        what="releases a fen more than was frozen · 解冻超出一分",
    )  # fmt: skip
    p.refused(
        "no-release-clerk", "clerk", path, held, reason="rectified", kind="not-permitted", what="releases it · 自行解冻"
    )
    p.act(
        "release-BR-3", "head", path, held, reason="rectified",
        en="releases 10,000 yuan to where they were", zh="解冻 10,000 元,退回原环节",
    )  # fmt: skip
    give(p, [(BR_3, amount_of(10_000, 2021))], ("2021-09-17", "2021-09-18"))


def awarded(p: Player) -> None:
    """Row 35: BR-1 is chosen by the province, with a grant; what is to match it follows."""
    on(p, "2021-10-11")
    p.heading("35", "The province chooses BR-1 and grants 20,000", "BR-1 获省级立项,资助 20,000 元")
    paper = p.deposit("award", "clerk", "evidence", "省级样板支部立项通知(示例):资助 20,000 元。")
    award = {"year": 2021, "level": "provincial", "amount_fen": 2_000_000, "document_id": paper}
    path = f"{case_at(BR_1)}/higher-awards"
    for step, who, more, kind, what in (
        ("own", BR_1.hand, {}, "not-permitted", "records its own award · 自行登记立项"),
        ("paper", "clerk", {"document_id": "0" * 64}, "document-unknown", "records it on hearsay · 无文件登记立项"),
    ):
        p.refused(f"no-award-{step}", who, path, award | more, kind=kind, what=what)
    p.act(
        "award-BR-1", "clerk", path, award, en="records the grant, to be matched one to one",
        zh="登记省级资助,应予 1:1 配套",
    )  # fmt: skip
    p.refused(
        "no-grant-unmatched", "clerk", f"{case_at(BR_1)}/funds/allocate", amount_of(20_000, 2021, "upper_grant"),
        kind="matching-not-reached", what="allocates the grant unmatched · 配套未到即下达",
    )  # fmt: skip


def matched(p: Player) -> None:
    """Row 36: the school pledges and pays its match; grant and match go to BR-1, each as a source of its own."""
    on(p, "2021-10-12")
    p.heading("36", "The school matches the grant; both are allotted", "学校配套,资助与配套分别下达")
    paper = p.deposit("pledge", "clerk", "other", "学校配套经费承诺函(示例):20,000 元。")
    match = amount_of(20_000, 2021, "school_match")
    pledge = match | {"document_id": paper}
    at = f"{case_at(BR_1)}/funds"
    p.refused(
        "no-pledge-budget", "clerk", f"{at}/pledge-matching", pledge | {"source": BUDGET}, kind="source-not-matching",
        what="pledges the programme's own money as its match · 以项目经费充作配套",
    )  # fmt: skip
    p.act("pledge-BR-1", "clerk", f"{at}/pledge-matching", pledge, en="records the pledge", zh="登记配套承诺")
    p.refused(
        "no-allocate-pledge", "clerk", f"{at}/allocate", match, kind="matching-not-received",
        what="allocates what was only pledged · 下达尚未到账的配套",
    )  # fmt: skip
    bank = {"bank_reference": "bank-match-BR-1"}
    p.refused(
        "no-receive-more", "finance", f"{at}/receive-matching", a_fen_more(20_000, 2021, "school_match") | bank,
        kind="more-than-pledged", what="receives a fen more than was pledged · 到账超出承诺一分",
    )  # fmt: skip
    p.act("receive-BR-1", "finance", f"{at}/receive-matching", match | bank, en="records it came in", zh="登记配套到账")
    give(p, [(BR_1, amount_of(20_000, 2021, source)) for source in _APART], ("2021-10-13", "2021-10-14"))


def spent_2021(p: Player) -> None:
    """Row 27, for the second time; grant and match are spent whole."""
    on(p, "2021-11-20")
    p.heading("27", "The second year's expenditure is accounted for", "核销次年支出")
    misspent(p, 2021, "evidence-COL-A-2020-budget-training")
    spend(p, list(zip(SELECTED, (14_900, 6_000, 6_500, 3_000), strict=True)), 2021)
    on(p, "2021-11-25")
    for source in _APART:
        spend(p, [(BR_1, 20_000)], 2021, source=source)
    p.refused(
        "no-match-more", "clerk", f"{case_at(BR_1)}/funds/account",
        {
            **amount_of(1, 2021, "school_match"), "category": "activity",
            "evidence_document_id": p.documents["evidence-BR-1-2021-school_match-activity"],
        },
        kind="stage-exceeded", what="accounts for more than the match · 核销超出配套",
    )  # fmt: skip


def cut_off_2021(p: Player) -> None:
    """Row 28, for the second time."""
    on(p, "2021-12-20")
    cut_off(p, 2021, tuple(zip(SELECTED, (11_500, 4_150, 3_500, 7_000), strict=True)))


def carried_2021(p: Player) -> None:
    """Row 29, for the second time: all four carry theirs on."""
    on(p, "2021-12-24")
    p.heading("29", "All four carry on what is left", "四项结余均予结转")
    carry(p, 2021, SELECTED)


def third_year(p: Player) -> None:
    """The books of 2021 are closed by the clock; nothing new is appropriated."""
    on(p, "2022-01-05")
    year_closed(p, 2021)


# --- the end ---------------------------------------------------------------------------------------------------------


def spent_2022(p: Player) -> None:
    """Row 27, for the last time: what was carried is spent, BR-2's by whoever carries its case on."""
    on(p, "2022-05-20")
    p.heading("27", "What was carried is accounted for", "核销结转经费")
    misspent(p, 2022, "evidence-COL-A-2021-budget-training")
    spend(p, list(zip(SELECTED, (11_250, 4_030, 3_500, 4_300), strict=True)), 2022)


def returned(p: Player) -> None:
    """Row 47: COL-A and BR-1 give back what they did not spend."""
    on(p, "2022-07-15")
    p.heading("47", "What was not spent is recovered", "收回未使用经费")
    path = f"{case_at(COL_A)}/funds/return"
    back = amount_of(250, 2022) | {"bank_reference": "bank-back-COL-A"}
    for step, who, more, kind, what in (
        ("clerk", "clerk", {}, "not-permitted", "records a return · 自行登记退款"),
        ("more", "finance", a_fen_more(250, 2022), "stage-exceeded", "a fen more than there is · 超出结余一分"),
        (
            "twice", "finance", {"bank_reference": "bank-COL-A-2021-budget"}, "bank-reference-used",
            "by the reference of a payment · 重复使用付款流水号",
        ),
    ):  # fmt: skip
        p.refused(f"no-return-{step}", who, path, back | more, kind=kind, what=what)
    for a, yuan in ((COL_A, 250), (BR_1, 120)):
        body = amount_of(yuan, 2022) | {"bank_reference": f"bank-back-{a.unit_id}"}
        p.act(
            f"return-{a.unit_id}-2022", "finance", f"{case_at(a)}/funds/return", body,
            en=f"records that {a.unit_id} returned {yuan} yuan", zh=f"登记 {a.unit_id} 退回 {yuan} 元",
        )  # fmt: skip
    p.refused(
        "no-close-unsettled", "finance", f"{AT}/funds/close-period", {"period": "cycle", "last_day": "2022-07-14"},
        kind="cycle-not-settled", what="closes the cycle with money out · 未结清即结账",
    )  # fmt: skip


def claimed(p: Player) -> None:
    """Still row 47: BR-3 did not complete; what it holds is claimed, and comes in within the time for it."""
    on(p, "2022-08-10")
    p.heading("47", "What BR-3 holds is claimed", "追缴 BR-3 结余")
    decision = p.deposit("recovery-order", "head", "resolution", "关于收回教务处党支部未使用经费的决定(示例)。")
    order = {
        **amount_of(2_700, 2022), "recovery_id": _CLAIM, "stage": "paid_out", "ground": "not_completed",
        "decision_document_id": decision,
    }  # fmt: skip
    path = f"{case_at(BR_3)}/recoveries"
    p.refused(
        "no-claim-finance", "finance", path, order, reason="not_completed", kind="not-permitted",
        what="orders a recovery · 自行追缴",
    )  # fmt: skip
    p.refused(
        "no-claim-more", "head", path, order | a_fen_more(2_700, 2022), reason="not_completed", kind="stage-exceeded",
        what="claims a fen more than BR-3 holds · 追缴超出一分",
    )  # fmt: skip
    p.act(
        "claim-BR-3", "head", path, order, reason="not_completed", en="orders BR-3 to give back 2,700 yuan",
        zh="责令 BR-3 退回 2,700 元",
    )  # fmt: skip
    on(p, "2022-09-15")
    received = {"amount_fen": 270_000, "bank_reference": "bank-recovery-BR-3"}
    p.refused(
        "no-receive-own", BR_3.hand, f"{path}/{_CLAIM}/receive", received, kind="not-permitted",
        what="records that it has paid · 自行登记到账",
    )  # fmt: skip
    p.act(
        "recovered-BR-3", "finance", f"{path}/{_CLAIM}/receive", received, en="records that all of it came in",
        zh="登记全数到账",
    )  # fmt: skip


def books_closed(p: Player) -> None:
    """Row 48: the time for recoveries ends; the clock closes the books of the cycle once its last month is closed."""
    on(p, CYCLE_ENDS)
    p.heading("48", "The time for recoveries ends, the books are closed", "收回期满,账簿结账")
    body = {"period": "cycle", "last_day": CYCLE_ENDS}
    path = f"{AT}/funds/close-period"
    p.refused(
        "no-close-today", "finance", path, body, kind="period-not-over",
        what="closes the cycle on its last day · 末日未终即结账",
    )  # fmt: skip
    p.refused("no-close-clerk", "clerk", path, body, kind="not-permitted", what="closes the books · 自行结账")
    p.refused(
        "no-allocate-ended", "clerk", f"{case_at(COL_A)}/funds/allocate", amount_of(1, 2022), kind="gate-closed",
        what="allocates to a completed case · 向已结项项目下达",
    )  # fmt: skip
    on(p, "2022-10-08")
    closed_by_clock(p, "cycle", CYCLE_ENDS)
    p.refused("no-close-twice", "finance", path, body, kind="closed-before", what="closes them once more · 重复结账")


def last_year(p: Player) -> None:
    """Still row 48: the books of the cycle's last year are closed by the clock, and no month after them."""
    on(p, "2023-01-05")
    year_closed(p, 2022)
