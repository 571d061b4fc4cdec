"""What may be asked about what the money was spent on: account for it under the spending rules, or disallow it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from domain.cultivation.events import TaskBookSigned
from domain.document.policy import RestsOnPapers
from domain.funding.case import AboutCaseMoney, Ruled
from domain.funding.events import ExpenditureAccounted, ExpenditureDisallowed, FundingRuleDefined, Source
from domain.funding.policy import POOLED
from domain.ids import ApplicationId, DocumentId, tag
from domain.kernel import Code, Refusal, Selector, asked, event
from domain.selection.policy import WHOLE_BP


class CategoryNotAllowed(Refusal):
    """The spending rules have no category {category}, for which {asked_fen} fen were asked; they have: {known}.
    zh: 支出规则没有类别 {category}(所请金额 {asked_fen} 分);所列类别为:{known}。
    title: The spending rules have no such category · 支出规则没有该类别
    """


class BudgetNotBinding(Refusal):
    """No task book of application {application_id} is signed, so no budget binds; {asked_fen} fen were asked.
    zh: 申报 {application_id} 尚无已签署的任务书,无预算可据;所请金额 {asked_fen} 分。
    title: No budget binds yet · 尚无具有约束力的预算
    """


class CategoryCapExceeded(Refusal):
    """Category {category} may take {cap_fen} fen; {spent_fen} fen are spent on it, and {asked_fen} fen were asked.
    zh: 类别 {category} 上限为 {cap_fen} 分,已支出 {spent_fen} 分,所请金额 {asked_fen} 分。
    title: The category is capped · 超出类别上限
    """


class UnderSpendingRules(RestsOnPapers, Ruled):
    """What a command about an expenditure knows: the rule, the binding budget, and whether the evidence was deposited.
    zh: 关于支出的命令所知:规则、具有约束力的预算及凭证是否已存。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("evidence_document_id",)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case and its rule, its task book, and the evidence."""
        return [
            *super().consistency_boundary(),
            Selector([TaskBookSigned], [tag(ApplicationId, self.application_id)]),
        ]

    @event(TaskBookSigned)
    def _(self, body: TaskBookSigned, position: int) -> None:
        self.standing.take(body, position)

    def _require_allowed(self, rule: FundingRuleDefined, source: Source, category: str, asked_fen: int) -> None:
        """Raise a refusal unless the category takes as much more. Caps are of the programme's own money."""
        allowed = {each.category: each for each in rule.categories}
        if category not in allowed:
            raise CategoryNotAllowed(category=category, asked_fen=asked_fen, known=", ".join(sorted(allowed)))
        self._require_papers()
        share = allowed[category].share_at_most_bp
        if source not in POOLED or (share is None and not rule.budget_binds):
            return
        budget = self.standing.budget
        if not self.standing.signed:
            raise BudgetNotBinding(application_id=self.application_id, asked_fen=asked_fen)
        caps = []
        if share is not None:
            caps.append(sum(item.amount_fen for item in budget) * share // WHOLE_BP)
        if rule.budget_binds:
            caps.append(sum(item.amount_fen for item in budget if item.category == category))
        spent = self._spent(category)
        if spent + asked_fen > min(caps):
            raise CategoryCapExceeded(category=category, cap_fen=min(caps), spent_fen=spent, asked_fen=asked_fen)

    def _spent(self, category: str) -> int:
        """What of the programme's own money went to a category, what is pending included."""
        books = self.ledger.books
        accounted = sum(
            books.total("B235", application_id=self.application_id, source=source, category=category)
            for source in sorted(POOLED)
        )
        pending = (
            books.total("B225", payment_id=payment_id)
            for payment_id, payment in self.ledger.payments.items()
            if payment.requested.category == category and payment.requested.source in POOLED
        )
        return accounted + sum(pending)


class AccountForExpenditure(UnderSpendingRules, AboutCaseMoney):
    """Account for an expenditure of paid money: its category and its evidence.
    zh: 核销已拨付经费的支出:列明类别与凭证。
    """

    category: Code = asked("Category", "支出类别")
    evidence_document_id: DocumentId = asked("Evidence", "凭证")

    def execute(self) -> None:
        fields = self._fields()
        position, rule = self._require_rule(fields["programme_id"])
        self._require_not_cut_off(self.source, self.year, self.amount_fen)
        self._require_allowed(rule, self.source, self.category, self.amount_fen)
        self._record(
            ExpenditureAccounted(
                **fields, category=self.category, evidence_document_id=self.evidence_document_id,
                rule_position=position,
            )
        )  # fmt: skip


class DisallowExpenditure(AboutCaseMoney):
    """Disallow what was accounted for in a category: the unit holds the money again, to be used rightly or returned.
    zh: 不予认可某类别已核销的支出:该款项仍由单位持有,须合规使用或退回。
    """

    category: Code = asked("Category", "支出类别")
    ground: Code = asked("Ground", "理由")

    def execute(self) -> None:
        self._record(ExpenditureDisallowed(**self._fields(), category=self.category, ground=self.ground))
