"""What may be asked about a payment: request it, approve it as a second person, post what the bank did, or end it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from domain.calendar.policy import end_of
from domain.funding.case import AboutCase, AboutCaseMoney, Amount, ByBank, Gated, require_positive
from domain.funding.events import (
    Account,
    FundingRuleDefined,
    PaymentApproved,
    PaymentExpired,
    PaymentFailed,
    PaymentPosted,
    PaymentRequested,
)
from domain.funding.policy import PAYMENT_TITLES, Payment, PaymentState
from domain.funding.spending import UnderSpendingRules
from domain.ids import DocumentId, PaymentId, tag
from domain.kernel import Code, Invalid, Refusal, Selector, Unknown, asked, called, word, words
from domain.publicity.policy import SecondPersonMissing


class PaymentUnknown(Unknown):
    """Application {application_id} has no payment {payment_id}.
    zh: 申报 {application_id} 没有拨付 {payment_id}。
    title: No such payment · 没有该拨付
    """


class PaymentIdUsed(Refusal):
    """The payment {payment_id} is on record already.
    zh: 拨付 {payment_id} 已有记录。
    title: The id of the payment is used · 拨付编号已被使用
    """


class PaymentNotPending(Refusal):
    """Payment {payment_id} is {state}; what is asked needs it to be {needed}. It was of {there_fen} fen.
    zh: 拨付 {payment_id} 现为 {state},须为 {needed} 方可办理;其金额为 {there_fen} 分。
    title: The payment is in another state · 拨付状态不符
    """


class PaymentOver(Refusal):
    """Payment {payment_id} of {there_fen} fen had to be resolved by {last_day}; it expired at {expires_at}.
    zh: 拨付 {payment_id}({there_fen} 分)应于 {last_day} 前办结,已于 {expires_at} 失效。
    title: The payment has expired · 拨付已失效
    """


class PaymentNotOverYet(Refusal):
    """Payment {payment_id} of {there_fen} fen expires at {expires_at}.
    zh: 拨付 {payment_id}({there_fen} 分)至 {expires_at} 方失效。
    title: The payment is not over yet · 拨付尚未失效
    """


class PaymentWasPosted(Refusal):
    """Payment {payment_id} of {there_fen} fen was posted once, and that was reversed; it is posted anew, or failed.
    zh: 拨付 {payment_id}({there_fen} 分)曾登记付款并经冲销:须重新登记付款或登记失败,不再失效。
    title: What was posted once does not expire · 曾登记付款者不再失效
    """


class EvidenceMissing(Invalid):
    """What is reimbursed names its category and its evidence; {asked_fen} fen were asked.
    zh: 报销须列明支出类别与凭证;所请金额 {asked_fen} 分。
    title: A reimbursement names its evidence · 报销须列明凭证
    """


class NothingReimbursed(Invalid):
    """Money paid in advance is accounted for when it is spent, not when it is asked for; {asked_fen} fen were asked.
    zh: 预拨经费于使用后核销,申请时不列支出类别与凭证;所请金额 {asked_fen} 分。
    title: Money paid in advance is not reimbursed · 预拨经费不以报销方式申请
    """


class RequestPayment(Gated, UnderSpendingRules, AboutCaseMoney):
    """Request a payment of committed money; where money reimburses, with the category and evidence of what was spent.
    zh: 申请拨付已承诺的经费;报销者须列明支出类别与凭证。
    """

    payment_id: PaymentId = asked("Payment", "拨付")
    category: Code | None = asked("Category (reimbursed)", "支出类别(报销)", default=None)
    evidence_document_id: DocumentId | None = asked("Evidence (reimbursed)", "凭证(报销)", default=None)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case, its rule, gates and evidence; and whether the payment is on record."""
        asked_before = Selector([PaymentRequested], [tag(PaymentId, self.payment_id)])
        return [*super().consistency_boundary(), asked_before]

    def execute(self) -> None:
        fields = self._fields()
        position, rule = self._require_rule(fields["programme_id"])
        self._require_new()
        self._require_not_cut_off(self.source, self.year, self.amount_fen)
        gates = self._require_gates(rule, self.source, self.amount_fen)
        self._require_evidence(rule)
        last = self.effective_on + timedelta(days=rule.payment_expires_after_days)
        self._record(
            PaymentRequested(
                **fields, payment_id=self.payment_id, money_flow=rule.money_flow, category=self.category,
                evidence_document_id=self.evidence_document_id, rule_position=position, gates=gates,
                expires_at=end_of(last, self.zone), last_day=last,
            )
        )  # fmt: skip

    def _require_new(self) -> None:
        others = (body for body in self.elsewhere.values() if isinstance(body, PaymentRequested))
        if self.payment_id in {*self.ledger.payments, *(body.payment_id for body in others)}:
            raise PaymentIdUsed(payment_id=self.payment_id)

    def _require_evidence(self, rule: FundingRuleDefined) -> None:
        if rule.money_flow == "advance":
            if self.category is not None or self.evidence_document_id is not None:
                raise NothingReimbursed(field="category", asked_fen=self.amount_fen)
            return
        if self.category is None or self.evidence_document_id is None:
            raise EvidenceMissing(field="evidence_document_id", asked_fen=self.amount_fen)
        self._require_allowed(rule, self.source, self.category, self.amount_fen)


class AboutPayment(AboutCase):
    """What every command about a payment knows.
    zh: 关于拨付的各项命令所共知。
    """

    payment_id: PaymentId = asked("Payment", "拨付")

    def _require_payment(self, *states: PaymentState) -> tuple[Payment, int, dict[str, Any]]:
        """The payment in one of these states, what is pending of it, and what every event says of it.

        Raises StageExceeded for a day on which it was not in transit yet: nothing becomes of it before it is requested.
        """
        case = self._case()
        payment = self.ledger.payments.get(self.payment_id)
        if payment is None:
            raise PaymentUnknown(application_id=self.application_id, payment_id=self.payment_id)
        requested = payment.requested
        if payment.state not in states:
            raise PaymentNotPending(
                payment_id=self.payment_id, state=word(payment.state, PAYMENT_TITLES),
                needed=words(states, PAYMENT_TITLES), there_fen=requested.amount_fen,
            )  # fmt: skip
        transit = Account(
            code="B225", source=requested.source, year=requested.year, application_id=self.application_id,
            payment_id=self.payment_id,
        )  # fmt: skip
        pending = self.ledger.books.balance(transit)
        self.ledger.books.require_there(transit, pending, self.effective_at)
        fields = case | {
            "source": requested.source,
            "year": requested.year,
            "payment_id": self.payment_id,
            "amount_fen": pending,
        }
        return payment, pending, fields

    def _require_not_over(self, payment: Payment, at: datetime) -> None:
        """Raise PaymentOver for what had to be resolved before; what is only posted anew had been in time."""
        requested = payment.requested
        if at >= requested.expires_at and not payment.was_posted:
            raise PaymentOver(
                payment_id=self.payment_id, there_fen=requested.amount_fen, last_day=requested.last_day,
                expires_at=requested.expires_at,
            )  # fmt: skip


class ApprovePayment(Gated, AboutPayment):
    """Approve a requested payment, as a second person, while every gate still holds.
    zh: 由另一人批准所申请的拨付;各项拨付条件仍须具备。
    """

    def execute(self) -> None:
        payment, pending, fields = self._require_payment("requested")
        if self.by == payment.requested_by:
            raise SecondPersonMissing(act=called(type(self)))
        self._require_not_over(payment, self.effective_at)
        _, rule = self._require_rule(fields["programme_id"])
        gates = self._require_gates(rule, payment.requested.source, pending)
        self._record(PaymentApproved(**fields, gates=gates))


class PostPayment(ByBank, AboutPayment):
    """Record that the bank paid an approved payment, in full or in part; what it did not pay is committed again.
    zh: 登记银行已就批准的拨付付款(全部或部分);未付部分恢复为已承诺。
    """

    amount_fen: Amount = asked("Amount (fen)", "金额(分)")

    def execute(self) -> None:
        payment, pending, fields = self._require_payment("approved")
        require_positive("amount_fen", self.amount_fen)
        self._require_not_over(payment, self.effective_at)
        self._require_unused(self.amount_fen)
        self._record(
            PaymentPosted(
                **(fields | {"amount_fen": self.amount_fen}), money_flow=payment.requested.money_flow,
                category=payment.requested.category, unpaid_fen=max(0, pending - self.amount_fen),
                bank_reference=self.bank_reference,
            )
        )  # fmt: skip


class FailPayment(AboutPayment):
    """Record that a pending payment failed, or was given up; the money is committed again.
    zh: 登记待付款项失败或撤销;经费恢复为已承诺。
    """

    ground: Code = asked("Ground", "理由")

    def execute(self) -> None:
        _, _, fields = self._require_payment("requested", "approved")
        self._record(PaymentFailed(**fields, ground=self.ground))


class ExpirePayment(AboutPayment):
    """Note that a pending payment expired: nothing had resolved it in time.
    zh: 记录待付款项失效:期限届满而尚未办结。
    """

    def execute(self) -> None:
        payment, pending, fields = self._require_payment("requested", "approved")
        if payment.was_posted:
            raise PaymentWasPosted(payment_id=self.payment_id, there_fen=pending)
        if self.effective_at < payment.requested.expires_at:
            raise PaymentNotOverYet(
                payment_id=self.payment_id, there_fen=pending, expires_at=payment.requested.expires_at
            )
        self._record(PaymentExpired(**fields))
