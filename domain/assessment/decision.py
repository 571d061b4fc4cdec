"""What may be asked once a case has been assessed: the outcome, what is to be rectified, more time, and the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar

from domain.assessment.events import (
    AssessmentDecided,
    AssessmentDefined,
    CaseClosedWithoutCompletion,
    CaseCompleted,
    CaseExtended,
    Effect,
    RectificationAccepted,
    RectificationOrdered,
    RectificationRejected,
    RectificationReported,
)
from domain.assessment.policy import (
    ASSESSED_FACTS,
    EFFECT_TITLES,
    RECTIFICATION_TITLES,
    Assessed,
    AssessedFact,
    Assessments,
    is_against_completion,
)
from domain.calendar.policy import days_after, end_of
from domain.cultivation.policy import AboutRunningCase
from domain.document.policy import RestsOnPapers
from domain.ids import ApplicationId, DocumentId, PanelId, ProgrammeId, tag
from domain.kernel import Code, Event, Invalid, Refusal, Selector, Unknown, any_event, asked, called, event, known, word
from domain.permission.policy import ReasonMissing
from domain.publicity.events import EntryPassed, PublicityRuleDefined
from domain.review.events import ApplicationRanked, PanelConstituted


class AssessmentUnknown(Unknown):
    """Track {track_id} has no assessment {assessment}.
    zh: 赛道 {track_id} 没有评估 {assessment}。
    title: The track has no such assessment · 赛道没有该项评估
    """


class OutcomeUnknown(Invalid):
    """Assessment {assessment} has no outcome {outcome}.
    zh: 评估 {assessment} 没有结论 {outcome}。
    title: The assessment has no such outcome · 评估没有该结论
    """


class RankingNotNamed(Refusal):
    """Assessment {assessment} rests on a panel of stage {stage}, whose ranking is to be named.
    zh: 评估 {assessment} 以评审阶段 {stage} 的评审组为依据,须列明其排名。
    title: The ranking is to be named · 须列明排名
    """


class NotRankedByPanel(Refusal):
    """Panel {panel_id} of that stage has recorded no ranking of case {application_id}.
    zh: 该阶段的评审组 {panel_id} 尚未就项目 {application_id} 记录排名。
    title: The panel has ranked no such case · 评审组尚未对该项目排名
    """


class AssessmentSettled(Refusal):
    """Assessment {assessment} of the case was decided in round {round} as {outcome}, and stands.
    zh: 该项目的评估 {assessment} 已于第 {round} 轮作出结论 {outcome},现行有效。
    title: The outcome stands · 评估结论现行有效
    """


class RoundsExhausted(Refusal):
    """Assessment {assessment} allows {rounds_at_most} rounds.
    zh: 评估 {assessment} 至多 {rounds_at_most} 轮。
    title: There are no more rounds · 轮次已用尽
    """


class NothingToRectify(Refusal):
    """Assessment {assessment} of the case leads to no rectification now.
    zh: 该项目的评估 {assessment} 目前不要求整改。
    title: Nothing is to be rectified · 目前不要求整改
    """


class LastDayNotNamed(Invalid):
    """The definition states no time to rectify: the last day is to be named.
    zh: 设定中未载明整改期限,须列明截止日。
    """


class RectifiedTooLate(Refusal):
    """It is to be rectified by {at_most} at the latest; {last_day} was named.
    zh: 整改至迟应于 {at_most} 完成,所列截止日为 {last_day}。
    title: The time to rectify is too long · 整改期限过长
    """


class RectificationWouldBeOver(Refusal):
    """The last day {last_day} is over already.
    zh: 截止日 {last_day} 已过。
    title: The day to rectify is over · 整改截止日已过
    """


class NoRectificationOrdered(Refusal):
    """No rectification of assessment {assessment} waits for a report; it is {state}.
    zh: 评估 {assessment} 没有待报告的整改,现为 {state}。
    title: No rectification waits for a report · 没有待报告的整改
    """


class RectificationNotReported(Refusal):
    """No report on the rectification of assessment {assessment} waits to be checked; it is {state}.
    zh: 评估 {assessment} 没有待复查的整改报告,现为 {state}。
    title: No report waits to be checked · 没有待复查的整改报告
    """


class RectificationStillOpen(Refusal):
    """The rectification of assessment {assessment} has not been checked yet.
    zh: 评估 {assessment} 的整改尚未复查。
    title: A rectification has not been checked yet · 整改尚未复查
    """


class NotToBeExtended(Refusal):
    """Assessment {assessment} of the case leads to no extension now.
    zh: 该项目的评估 {assessment} 目前不予延期。
    title: The case is not to be extended · 目前不予延期
    """


class NotALaterDay(Refusal):
    """The case runs until {last_day} already.
    zh: 项目的培育创建期本已至 {last_day}。
    title: The case runs as long already · 培育创建期本已至该日
    """


class ExtendedTooFar(Refusal):
    """The case may run until {at_most} at the latest; {last_day} was named.
    zh: 项目至迟可延至 {at_most},所列截止日为 {last_day}。
    title: The extension is too long · 延期过长
    """


class NotAccepted(Refusal):
    """No acceptance of case {application_id} leads to {effect}.
    zh: 项目 {application_id} 的验收结论不包含 {effect}。
    title: The acceptance does not lead to this · 验收结论不包含此项效果
    """


class AcceptanceNotPublicised(Refusal):
    """The acceptance of case {application_id} has passed no publicity, which the programme asks for.
    zh: 项目 {application_id} 的验收结果尚未通过公示,而本项目要求公示。
    title: The acceptance has passed no publicity · 验收结果尚未通过公示
    """


# --- what commands about an assessed case know ------------------------------------------------------------------------


class AboutAssessed(AboutRunningCase):
    """What every command about the assessments of a case knows.
    zh: 关于项目评估的各项命令所共知。
    """

    assessments: Assessments = known(factory=Assessments)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case and its assessments; once it is known, how its programme defines them."""
        boundary = [
            *super().consistency_boundary(),
            Selector(ASSESSED_FACTS, [tag(ApplicationId, self.application_id)]),
        ]
        if (confirmed := self.case.confirmed) is not None:
            boundary.append(Selector([AssessmentDefined], [tag(ProgrammeId, confirmed.programme_id)]))
        return boundary

    @event(AssessmentDefined)
    def _(self, body: AssessmentDefined) -> None:
        self.assessments.define(body)

    @any_event(*(kind for kind in ASSESSED_FACTS if kind is not CaseExtended))
    def _(self, body: AssessedFact) -> None:
        self.assessments.take(body)

    @event(CaseExtended)
    def _(self, body: CaseExtended) -> None:
        self.case.take(body)
        self.assessments.take(body)


class AboutAssessment(RestsOnPapers, AboutAssessed):
    """What every command about one assessment of a case knows; it rests on a document.
    zh: 关于项目某项评估的各项命令所共知;以文件为依据。
    """

    assessment: Code = asked("Assessment", "评估")

    def _require_assessment(self) -> tuple[Assessed, AssessmentDefined]:
        """The assessment, defined for the track of the case, which is in a state in which this may be asked."""
        confirmed = self._require_case()
        one = self.assessments.of(self.assessment)
        if one.definition is None or confirmed.track_id not in one.definition.track_ids:
            raise AssessmentUnknown(track_id=confirmed.track_id, assessment=self.assessment)
        return one, one.definition

    def _require_round(self, definition: AssessmentDefined, so_far: int) -> None:
        at_most = definition.rounds_at_most
        if at_most is not None and so_far >= at_most:
            raise RoundsExhausted(assessment=self.assessment, rounds_at_most=at_most)


# --- the outcome ------------------------------------------------------------------------------------------------------


class DecideAssessment(AboutAssessment):
    """Decide the outcome of an assessment for a case; the ranking of its panel is evidence, and the first round of an
    assessment that has a stage names it.
    zh: 就某项目作出评估结论;评审组的排名为依据,设有评审阶段的评估在首轮须列明排名。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("decision_document_id",)

    outcome: Code = asked("Outcome", "结论")
    decision_document_id: DocumentId = asked("Decision", "决定文件")
    panel_id: PanelId | None = asked("Panel (none: without a ranking)", "评审组(空为无排名)", default=None)

    constituted: PanelConstituted | None = known()
    ranking_position: int = known(0)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case, its assessments, and what the panel found; where none is named, the id of none finds nothing."""
        panel = tag(PanelId, self.panel_id or "none")
        return [
            *super().consistency_boundary(),
            Selector([PanelConstituted], [panel]),
            Selector([ApplicationRanked], [panel, tag(ApplicationId, self.application_id)]),
        ]

    @event(PanelConstituted)
    def _(self, body: PanelConstituted) -> None:
        self.constituted = body

    @event(ApplicationRanked)
    def _(self, position: int) -> None:
        self.ranking_position = position

    def execute(self) -> None:
        one, definition = self._require_assessment()
        if one.decided is not None and not one.may_be_decided(self.now):
            if one.is_rectifying():
                raise RectificationStillOpen(assessment=self.assessment)
            raise AssessmentSettled(assessment=self.assessment, round=one.decided.round, outcome=one.decided.outcome)
        self._require_round(definition, one.rounds)
        outcome = one.outcome(self.outcome)
        if outcome is None:
            raise OutcomeUnknown(field="outcome", assessment=self.assessment, outcome=self.outcome)
        self._require_evidence(one, definition)
        self._require_papers()
        self.trigger_event(
            AssessmentDecided,
            **self._fields(),
            assessment=self.assessment,
            kind=definition.kind,
            round=one.rounds + 1,
            outcome=outcome.code,
            effects=outcome.effects,
            panel_id=self.panel_id,
            ranking_position=self.ranking_position or None,
            decision_document_id=self.decision_document_id,
        )

    def _require_evidence(self, one: Assessed, definition: AssessmentDefined) -> None:
        """A later round may be decided without a panel; whoever names one has its ranking."""
        if self.panel_id is None:
            if definition.stage is not None and one.decided is None:
                raise RankingNotNamed(assessment=self.assessment, stage=definition.stage)
            return
        panel = self.constituted
        if panel is None or panel.stage != definition.stage or not self.ranking_position:
            raise NotRankedByPanel(panel_id=self.panel_id, application_id=self.application_id)


# --- rectification ----------------------------------------------------------------------------------------------------


class OrderRectification(AboutAssessment):
    """Order the unit of a case to rectify what falls short, by the end of a day within the time that is defined; after
    a rejected rectification, anew.
    zh: 责令项目单位在所设期限内整改;整改未通过者,可再次责令。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("order_document_id",)

    order_document_id: DocumentId = asked("Order", "整改通知")
    last_day: date | None = asked("Last day (none: as defined)", "截止日(空为依设定)", default=None)

    def execute(self) -> None:
        one, definition = self._require_assessment()
        if "rectify" not in one.effects or one.rectification not in {"none", "rejected"}:
            raise NothingToRectify(assessment=self.assessment)
        self._require_round(definition, one.orders)
        self._require_papers()
        last_day = self._last_day(one)
        due_at = end_of(last_day, self.zone)
        if due_at <= self.now:
            raise RectificationWouldBeOver(last_day=last_day)
        self.trigger_event(
            RectificationOrdered,
            **self._fields(),
            assessment=self.assessment,
            due_at=due_at,
            last_day=last_day,
            holds_funds="hold_funds" in one.effects,
            order_document_id=self.order_document_id,
        )

    def _last_day(self, one: Assessed) -> date:
        outcome = None if one.decided is None else one.outcome(one.decided.outcome)
        within = None if outcome is None else outcome.rectify_within_days
        at_most = None if within is None else days_after(self.today, within)
        last_day = self.last_day or at_most
        if last_day is None:
            raise LastDayNotNamed(field="last_day")
        if at_most is not None and last_day > at_most:
            raise RectifiedTooLate(at_most=at_most, last_day=last_day)
        return last_day


class ReportRectification(AboutAssessment):
    """Report that what fell short has been rectified; a late report is taken until another round is decided.
    zh: 报告整改情况;逾期者在作出下一轮结论之前仍予收取。
    """

    document_id: DocumentId = asked("Report (document)", "整改报告")

    def execute(self) -> None:
        one, _ = self._require_assessment()
        if one.rectification != "ordered":
            raise NoRectificationOrdered(
                assessment=self.assessment, state=word(one.rectification, RECTIFICATION_TITLES)
            )
        self._require_papers()
        self.trigger_event(
            RectificationReported, **self._fields(), assessment=self.assessment, document_id=self.document_id
        )


class ChecksRectification(AboutAssessment):
    """What the commands know that check a reported rectification.
    zh: 复查整改的命令所共知。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("opinion_document_id",)

    opinion_document_id: DocumentId = asked("Opinion", "复查意见")

    def _check(self, kind: type[Event]) -> None:
        one, _ = self._require_assessment()
        if one.rectification != "reported":
            raise RectificationNotReported(
                assessment=self.assessment, state=word(one.rectification, RECTIFICATION_TITLES)
            )
        self._require_papers()
        self.trigger_event(
            kind, **self._fields(), assessment=self.assessment, opinion_document_id=self.opinion_document_id
        )


class AcceptRectification(ChecksRectification):
    """Accept a reported rectification: what was held for it is released.
    zh: 整改复查通过:因此暂缓者予以恢复。
    """

    def execute(self) -> None:
        self._check(RectificationAccepted)


class RejectRectification(ChecksRectification):
    """Reject a reported rectification: it is ordered anew, or another round is decided.
    zh: 整改复查不予通过:再次责令整改,或作出下一轮结论。
    """

    def execute(self) -> None:
        self._check(RectificationRejected)


# --- more time, and the end -------------------------------------------------------------------------------------------


class ExtendCase(AboutAssessed):
    """Extend the cultivation of a case to a later last day, where its assessment leads to that; then it is assessed in
    another round.
    zh: 评估结论为延期者,将项目的培育创建期延长至更晚的截止日,其后另作一轮评估。
    """

    assessment: Code = asked("Assessment", "评估")
    last_day: date = asked("Last day", "截止日")

    def execute(self) -> None:
        named, one = self._fields(), self.assessments.of(self.assessment)
        if "extend" not in one.effects or one.extended:
            raise NotToBeExtended(assessment=self.assessment)
        until = self.case.last_day
        if until is not None and self.last_day <= until:
            raise NotALaterDay(last_day=until)
        within = None if one.definition is None else one.definition.extend_at_most_days
        at_most = None if until is None or within is None else days_after(until, within)
        if at_most is not None and self.last_day > at_most:
            raise ExtendedTooFar(at_most=at_most, last_day=self.last_day)
        self.trigger_event(CaseExtended, **named, assessment=self.assessment, last_day=self.last_day)


class EndsAssessed(AboutAssessed):
    """What the commands know that end a case as it was accepted or not.
    zh: 依验收结论终结项目的命令所共知。
    """

    def _require_effect(self, effect: Effect) -> None:
        """Raise unless the last acceptance leads to this."""
        if effect not in self.assessments.final_effects():
            raise NotAccepted(application_id=self.application_id, effect=word(effect, EFFECT_TITLES))


class CompleteCase(EndsAssessed):
    """Complete a case that was accepted; before its last day with a reason. Where the programme says how acceptance is
    publicised, it has passed that publicity, and was not decided otherwise since.
    zh: 对通过验收的项目予以结项;早于截止日者须附事由;项目设有验收公示规则者,须已通过公示,且此后未作出其他结论。
    """

    rule: bool = known(default=False)
    passed: bool = known(default=False)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case and its assessments, whether acceptance is publicised, and whether that was passed."""
        boundary = [*super().consistency_boundary(), Selector([EntryPassed], [tag(ApplicationId, self.application_id)])]
        if (confirmed := self.case.confirmed) is not None:
            boundary.append(Selector([PublicityRuleDefined], [tag(ProgrammeId, confirmed.programme_id)]))
        return boundary

    @event(PublicityRuleDefined)
    def _(self, body: PublicityRuleDefined) -> None:
        self.rule = self.rule or body.matter == "acceptance"

    @event(EntryPassed)
    def _(self, body: EntryPassed) -> None:
        self.passed = self.passed or body.matter == "acceptance"

    @event(AssessmentDecided)
    def _(self, body: AssessmentDecided) -> None:
        self.assessments.take(body)
        self.passed = self.passed and not is_against_completion(body)

    def execute(self) -> None:
        named = self._fields()
        self._require_effect("complete")
        if (assessment := self.assessments.rectifying()) is not None:
            raise RectificationStillOpen(assessment=assessment)
        if self.rule and not self.passed:
            raise AcceptanceNotPublicised(application_id=self.application_id)
        completed_on = self.effective_at.astimezone(self.zone).date()
        early = self.case.last_day is not None and completed_on < self.case.last_day
        if early and self.reason_code is None:
            raise ReasonMissing(field="Reason", command=called(type(self)))
        self.trigger_event(CaseCompleted, **named, completed_on=completed_on, early=early)


class CloseCase(EndsAssessed):
    """Close a case without completion, its acceptance having led to that.
    zh: 依验收结论,对不予结项的项目予以终结。
    """

    ground: Code = asked("Ground", "理由")

    def execute(self) -> None:
        named = self._fields()
        self._require_effect("no_completion")
        closed_on = self.effective_at.astimezone(self.zone).date()
        self.trigger_event(CaseClosedWithoutCompletion, **named, closed_on=closed_on, ground=self.ground)
