"""Referrals: what belongs to discipline is referred, and its outcome recorded as it was notified. Few may know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from domain.accountability.events import MatterReferred, ReferralOutcomeNotified
from domain.accountability.policy import REFERRAL_FACTS, ConcludingFinding, MeasureIdUsed, MeasureUnknown
from domain.application.policy import require_state
from domain.document.policy import RestsOnPapers
from domain.ids import DocumentId, MeasureId, tag
from domain.kernel import Code, Selector, asked, event, known
from domain.permission.policy import NOT_ON_RECORD


class ReferralUnknown(MeasureUnknown):
    """Referral {measure_id} is not on record.
    zh: 没有移送 {measure_id} 的记录。
    title: No such referral · 没有该移送
    """


class ReferMatter(ConcludingFinding):
    """Refer the matter of a finding to the body that is competent for discipline; known to few.
    zh: 将问题认定事项移送有权纪律机构;知悉范围受限。
    """

    referred_to: Code = asked("Referred to", "移送机构")

    def execute(self) -> None:
        self._require_recorded()
        require_state(self)
        if self.taken:
            raise MeasureIdUsed(measure_id=self.measure_id)
        self._require_papers()
        self.trigger_event(
            MatterReferred,
            **self.finding.named(),
            measure_id=self.measure_id,
            referred_to=self.referred_to,
            referred_on=self.effective_at.astimezone(self.zone).date(),
            decision_document_id=self.decision_document_id,
        )


class NotifyReferralOutcome(RestsOnPapers):
    """Record the outcome of a referral as its body notified it.
    zh: 依受移送机构通知,记录移送事项的处理结果。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("outcome_document_id",)

    measure_id: MeasureId = asked("Measure", "措施")
    outcome: Code = asked("Outcome", "处理结果")
    outcome_document_id: DocumentId = asked("Notification", "通知文件")

    referred: MatterReferred | None = known()
    notified: bool = known(default=False)

    @property
    def state(self) -> str:
        """Whether its outcome was notified, for the permission table."""
        if self.referred is None:
            return NOT_ON_RECORD
        return "notified" if self.notified else "referred"

    def consistency_boundary(self) -> Sequence[Selector]:
        return [
            Selector(REFERRAL_FACTS, [tag(MeasureId, self.measure_id)]),
            *self._of_papers(),
        ]

    @event(MatterReferred)
    def _(self, body: MatterReferred) -> None:
        self.referred = body

    @event(ReferralOutcomeNotified)
    def _(self) -> None:
        self.notified = True

    def execute(self) -> None:
        referred = self.referred
        if referred is None:
            raise ReferralUnknown(measure_id=self.measure_id)
        require_state(self)
        self._require_papers()
        self.trigger_event(
            ReferralOutcomeNotified,
            measure_id=self.measure_id,
            programme_id=referred.programme_id,
            application_id=referred.application_id,
            unit_id=referred.unit_id,
            person_id=referred.person_id,
            outcome=self.outcome,
            notified_on=self.effective_at.astimezone(self.zone).date(),
            outcome_document_id=self.outcome_document_id,
        )
