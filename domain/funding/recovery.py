"""What may be asked about money that comes back: the unit returns it, or its recovery is ordered and received."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from domain.document.policy import RestsOnPapers
from domain.funding.case import AboutCase, AboutCaseMoney, Amount, ByBank, require_positive
from domain.funding.events import FundsReturned, RecoveryOrdered, RecoveryReceived, SpentStage
from domain.ids import DocumentId, RecoveryId, tag
from domain.kernel import Code, Invalid, Refusal, Selector, Unknown, asked


class RecoveryUnknown(Unknown):
    """Application {application_id} has no order of recovery {recovery_id}.
    zh: 申报 {application_id} 没有追缴 {recovery_id}。
    title: No such order of recovery · 没有该追缴
    """


class RecoveryIdUsed(Refusal):
    """The order of recovery {recovery_id} is on record already.
    zh: 追缴 {recovery_id} 已有记录。
    title: The id of the recovery is used · 追缴编号已被使用
    """


class CategoryOfAccounted(Invalid):
    """What was accounted for is recovered by its category, and nothing else is; {asked_fen} fen were asked.
    zh: 追缴已核销经费须(且仅此时须)列明支出类别;所请金额 {asked_fen} 分。
    title: What was accounted for has a category · 已核销经费须列明类别
    """


class ReturnFunds(ByBank, AboutCaseMoney):
    """Record that the unit returned money it had not spent.
    zh: 登记单位退回未使用的经费。
    """

    def execute(self) -> None:
        fields = self._fields()
        self._require_unused(self.amount_fen)
        self._record(FundsReturned(**fields, bank_reference=self.bank_reference))


class OrderRecovery(RestsOnPapers, AboutCaseMoney):
    """Order the recovery of paid money, also of money already accounted for: it is claimed until it comes in.
    zh: 责令追缴已拨付(包括已核销)的经费:到账之前列为应收。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("decision_document_id",)

    recovery_id: RecoveryId = asked("Recovery", "追缴")
    stage: SpentStage = asked("Stage", "环节")
    category: Code | None = asked("Category (accounted for)", "支出类别(已核销)", default=None)
    ground: Code = asked("Ground", "理由")
    decision_document_id: DocumentId = asked("Decision", "决定文件")

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case, the decision, and whether the order is on record."""
        return [
            *super().consistency_boundary(),
            Selector([RecoveryOrdered], [tag(RecoveryId, self.recovery_id)]),
        ]

    def execute(self) -> None:
        fields = self._fields()
        if (self.category is None) is (self.stage == "accounted_for"):
            raise CategoryOfAccounted(field="category", asked_fen=self.amount_fen)
        self._require_papers()
        ordered = (self.ledger.facts | self.elsewhere).values()
        if self.recovery_id in {body.recovery_id for body in ordered if isinstance(body, RecoveryOrdered)}:
            raise RecoveryIdUsed(recovery_id=self.recovery_id)
        self._record(
            RecoveryOrdered(
                **fields, recovery_id=self.recovery_id, stage=self.stage, category=self.category, ground=self.ground,
                decision_document_id=self.decision_document_id,
            )
        )  # fmt: skip


class RecordRecovery(ByBank, AboutCase):
    """Record that money whose recovery was ordered came in, in full or in part.
    zh: 登记追缴款项到账(全部或部分)。
    """

    recovery_id: RecoveryId = asked("Recovery", "追缴")
    amount_fen: Amount = asked("Amount (fen)", "金额(分)")

    def execute(self) -> None:
        case = self._case()
        require_positive("amount_fen", self.amount_fen)
        orders = (body for body in self.ledger.standing() if isinstance(body, RecoveryOrdered))
        order = next((body for body in orders if body.recovery_id == self.recovery_id), None)
        if order is None:
            raise RecoveryUnknown(application_id=self.application_id, recovery_id=self.recovery_id)
        self._require_unused(self.amount_fen)
        self._record(
            RecoveryReceived(
                **case, source=order.source, year=order.year, amount_fen=self.amount_fen,
                recovery_id=self.recovery_id, bank_reference=self.bank_reference,
            )
        )  # fmt: skip
