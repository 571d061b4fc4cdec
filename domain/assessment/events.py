"""What can have happened when a case is assessed, on its way and at its end."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from domain.ids import ApplicationId, DocumentId, PanelId, ProgrammeId, TrackId, UnitId
from domain.kernel import Code, Event, OfficialName, public, subject

AssessmentKind = Literal["midterm", "acceptance"]
Effect = Literal[
    "continue", "rectify", "hold_funds", "stop_funds", "complete", "no_completion", "title", "extend", "defer"
]


class AssessmentOutcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One outcome of an assessment and what it leads to; within how many days at most what falls short is rectified."""

    code: Code
    name_zh: OfficialName
    name_en: OfficialName
    effects: tuple[Effect, ...]
    rectify_within_days: int | None = None


class AssessmentDefined(Event):
    """An assessment of the programme was defined: its stage of review, its outcomes and what each leads to. Defined
    anew, the later one holds for cases of which it has decided nothing yet.
    zh: 项目的评估设定:评审阶段、结论及各结论的效果。再次设定者,适用于尚未据以作出决定的项目。
    """

    TOPIC = "assessment.defined.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    assessment: Annotated[Code, public("Assessment", "评估")]
    order: Annotated[int, public("Order", "次序")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    track_ids: Annotated[tuple[TrackId, ...], public("Tracks", "赛道")]
    kind: Annotated[AssessmentKind, public("Kind", "类别")]
    stage: Annotated[Code | None, public("Stage of review (none: no panel)", "评审阶段(空为不设评审组)")] = None
    outcomes: Annotated[tuple[AssessmentOutcome, ...], public("Outcomes", "结论")]
    rounds_at_most: Annotated[int | None, public("Rounds at most (none: not stated)", "轮次上限(空为未载明)")] = None
    extend_at_most_days: Annotated[
        int | None, public("Extended by at most (days; none: not stated)", "延期上限(日,空为未载明)")
    ] = None


class AssessmentDecided(Event):
    """The outcome of an assessment was decided for a case, with what it leads to; a ranking is evidence, no decision.
    zh: 就某项目作出评估结论及其效果;排名为依据而非决定。
    """

    TOPIC = "assessment.decided.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    assessment: Annotated[Code, subject("Assessment", "评估")]
    kind: Annotated[AssessmentKind, subject("Kind", "类别")]
    round: Annotated[int, subject("Round", "轮次")]
    outcome: Annotated[Code, subject("Outcome", "结论")]
    effects: Annotated[tuple[Effect, ...], subject("What it leads to", "效果")]
    panel_id: Annotated[PanelId | None, subject("Panel", "评审组")] = None
    ranking_position: Annotated[int | None, subject("Ranking (position)", "排名位置")] = None
    decision_document_id: Annotated[DocumentId, subject("Decision", "决定文件")]


class RectificationOrdered(Event):
    """The unit of a case was ordered to rectify what falls short, and to report by this time.
    zh: 责令项目单位限期整改并报告。
    """

    TOPIC = "assessment.rectification_ordered.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    assessment: Annotated[Code, subject("Assessment", "评估")]
    due_at: Annotated[datetime, subject("Due before", "截止时刻")]
    last_day: Annotated[date, subject("Last day", "截止日")]
    holds_funds: Annotated[bool, subject("Funds are held meanwhile", "期间暂缓拨款")]
    order_document_id: Annotated[DocumentId, subject("Order", "整改通知")]


class RectificationReported(Event):
    """The unit of a case reported that it had rectified what fell short.
    zh: 项目单位报告整改情况。
    """

    TOPIC = "assessment.rectification_reported.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    assessment: Annotated[Code, subject("Assessment", "评估")]
    document_id: Annotated[DocumentId, subject("Report (document)", "整改报告")]


class RectificationAccepted(Event):
    """The rectification was checked and accepted; what was held for it is released.
    zh: 整改经复查通过;因此暂缓者予以恢复。
    """

    TOPIC = "assessment.rectification_accepted.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    assessment: Annotated[Code, subject("Assessment", "评估")]
    opinion_document_id: Annotated[DocumentId, subject("Opinion", "复查意见")]


class RectificationRejected(Event):
    """The rectification was checked and not accepted: it is ordered anew, or the outcome is decided in another round.
    zh: 整改经复查未通过:再次责令整改,或另作一轮结论。
    """

    TOPIC = "assessment.rectification_rejected.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    assessment: Annotated[Code, subject("Assessment", "评估")]
    opinion_document_id: Annotated[DocumentId, subject("Opinion", "复查意见")]


class CaseExtended(Event):
    """The cultivation of a case was extended to a later last day.
    zh: 项目的培育创建期延长至更晚的截止日。
    """

    TOPIC = "assessment.case_extended.v1"
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    assessment: Annotated[Code, public("Assessment", "评估")]
    last_day: Annotated[date, public("Last day", "截止日")]


class CaseCompleted(Event):
    """A case was completed; a title is conferred by a fact of its own, if at all.
    zh: 项目结项;是否命名另行决定。
    """

    TOPIC = "assessment.case_completed.v1"
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    completed_on: Annotated[date, public("Completed on", "结项日期")]
    early: Annotated[bool, public("Before its last day", "提前结项")]


class CaseClosedWithoutCompletion(Event):
    """A case was closed without completion.
    zh: 项目未予结项而终结。
    """

    TOPIC = "assessment.case_closed.v1"
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    closed_on: Annotated[date, public("Closed on", "终结日期")]
    ground: Annotated[Code, public("Ground", "理由")]
