"""What may be asked about findings of an audit: the auditor records them, the office answers, they are closed."""

from __future__ import annotations

from collections.abc import Sequence

from domain.application.events import ApplicationStarted
from domain.application.policy import ApplicationUnknown
from domain.audit.engagement import AboutEngagement, EngagementUnknown
from domain.audit.events import (
    AuditFindingAnswered,
    AuditFindingClosed,
    AuditFindingRecorded,
    Conclusion,
    EngagementOpened,
    Gravity,
)
from domain.audit.policy import AUDIT_FINDING_FACTS, AuditFinding, AuditFindingFact
from domain.ids import ApplicationId, AuditFindingId, DocumentId, ProgrammeId, UnitId, tag
from domain.kernel import Invalid, Refusal, SealedAnswers, Selector, Unknown, any_event, asked, event, known


class AuditFindingIdUsed(Refusal):
    """Audit finding {audit_finding_id} is on record already.
    zh: 审计发现 {audit_finding_id} 已有记录。
    title: The id of the audit finding is used · 审计发现编号已被使用
    """


class AuditFindingUnknown(Unknown):
    """Audit finding {audit_finding_id} is not on record under engagement {engagement_id}.
    zh: 审计委托 {engagement_id} 下没有审计发现 {audit_finding_id} 的记录。
    title: The audit finding is not on record · 没有该审计发现的记录
    """


class OutsideEngagement(Refusal):
    """What the finding concerns, {about}, is not part of engagement {engagement_id}.
    zh: 审计发现所涉的 {about} 不在审计委托 {engagement_id} 的范围内。
    title: It is not part of the engagement · 不在审计委托范围内
    """


class NoSuchPosition(Invalid):
    """A finding rests on facts of the record, which are counted from 1; {position} is none.
    zh: 审计发现所依事实的位置自 1 起计;{position} 不是位置。
    title: A position is counted from 1 · 位置自 1 起计
    """


class AuditTextMissing(Invalid):
    """Findings and answers say something, under the one name text.
    zh: 审计发现与答复须有内容,且仅以 text 为名。
    """


class AnsweredByCloser(Refusal):
    """Who answered audit finding {audit_finding_id} does not close it.
    zh: 答复审计发现 {audit_finding_id} 者不得将其办结。
    title: Who answered does not close · 答复者不得办结
    """


class AboutAuditFinding(AboutEngagement):
    """What every command about a finding knows: its engagement, and how far it has come.
    zh: 关于审计发现的各项命令所共知:所属审计委托及办理进展。
    """

    audit_finding_id: AuditFindingId = asked("Audit finding", "审计发现")

    finding: AuditFinding = known(factory=AuditFinding)

    @property
    def state(self) -> str:
        """How far the finding has come."""
        return self.finding.state

    def consistency_boundary(self) -> Sequence[Selector]:
        """The engagement and the finding."""
        of_finding = [tag(AuditFindingId, self.audit_finding_id)]
        return [*super().consistency_boundary(), Selector(AUDIT_FINDING_FACTS, of_finding)]

    @any_event(*AUDIT_FINDING_FACTS)
    def _(self, body: AuditFindingFact, by: str) -> None:
        self.finding.take(body, by)

    def _require_recorded(self) -> None:
        recorded = self.finding.recorded
        if recorded is None or recorded.engagement_id != self.engagement_id:
            raise AuditFindingUnknown(audit_finding_id=self.audit_finding_id, engagement_id=self.engagement_id)


def _document_of(text: SealedAnswers) -> DocumentId:
    """The document that a text was sealed as. Raises AuditTextMissing."""
    if set(text.characters) != {"text"} or not text.characters["text"]:
        raise AuditTextMissing(field="text")
    return text.document_id


class RecordAuditFinding(AboutAuditFinding):
    """Record a finding of the audit under an engagement that runs.
    zh: 在存续的审计委托下记录审计发现。
    """

    gravity: Gravity = asked("Gravity", "轻重")
    programme_id: ProgrammeId | None = asked("Programme", "项目", default=None)
    unit_id: UnitId | None = asked("Unit", "单位", default=None)
    application_id: ApplicationId | None = asked("Application", "申报", default=None)
    fact_positions: tuple[int, ...] = asked("Facts (positions)", "事实位置", default=())
    text: SealedAnswers = asked("Statement", "内容")

    started: ApplicationStarted | None = known()

    @property
    def state(self) -> str:
        """Whether the engagement is open, was ended, or never was."""
        return self.engagement.state

    def consistency_boundary(self) -> Sequence[Selector]:
        """The engagement, the finding, and where the application it concerns belongs."""
        of_case = [tag(ApplicationId, self.application_id or "none")]
        return [*super().consistency_boundary(), Selector([ApplicationStarted], of_case)]

    @event(ApplicationStarted)
    def _(self, body: ApplicationStarted) -> None:
        self.started = body

    def execute(self) -> None:
        opened = self.engagement.opened
        if opened is None:
            raise EngagementUnknown(engagement_id=self.engagement_id)
        if self.finding.recorded is not None:
            raise AuditFindingIdUsed(audit_finding_id=self.audit_finding_id)
        self._require_within(opened)
        if (first := min(self.fact_positions, default=1)) < 1:
            raise NoSuchPosition(field="fact_positions", position=first)
        self.trigger_event(
            AuditFindingRecorded,
            audit_finding_id=self.audit_finding_id,
            engagement_id=self.engagement_id,
            gravity=self.gravity,
            programme_id=self.programme_id,
            unit_id=self.unit_id,
            application_id=self.application_id,
            fact_positions=tuple(sorted(set(self.fact_positions))),
            statement_document_id=_document_of(self.text),
        )

    def _require_within(self, opened: EngagementOpened) -> None:
        """Raise OutsideEngagement, or ApplicationUnknown, unless all that the finding names is part of it."""
        if self.application_id is not None and self.started is None:
            raise ApplicationUnknown(application_id=self.application_id)
        if not opened.programme_ids and not opened.unit_ids:
            return
        case = self.started
        inside = {
            self.programme_id: self.programme_id in opened.programme_ids,
            self.unit_id: self.unit_id in opened.unit_ids,
            self.application_id: case is not None
            and (case.programme_id in opened.programme_ids or case.unit_id in opened.unit_ids),
        }
        for about, is_inside in inside.items():
            if about is not None and not is_inside:
                raise OutsideEngagement(about=about, engagement_id=self.engagement_id)


class AnswerAuditFinding(AboutAuditFinding):
    """Answer a finding of an audit, for the office; a later answer stands beside an earlier one.
    zh: 主管部门对审计发现作出答复;后续答复与先前答复并存。
    """

    text: SealedAnswers = asked("Answer", "答复")

    def execute(self) -> None:
        self._require_recorded()
        self.trigger_event(
            AuditFindingAnswered,
            audit_finding_id=self.audit_finding_id,
            engagement_id=self.engagement_id,
            answer_document_id=_document_of(self.text),
        )


class CloseAuditFinding(AboutAuditFinding):
    """Close a finding of an audit that was answered: the auditor while engaged, or else a supervisor.
    zh: 办结已答复的审计发现:委托存续期间由审计人员,其后由监督人员。
    """

    conclusion: Conclusion = asked("Conclusion", "结论")

    def execute(self) -> None:
        self._require_recorded()
        if self.by in self.finding.answerers:
            raise AnsweredByCloser(audit_finding_id=self.audit_finding_id)
        self.trigger_event(
            AuditFindingClosed,
            audit_finding_id=self.audit_finding_id,
            engagement_id=self.engagement_id,
            conclusion=self.conclusion,
        )
