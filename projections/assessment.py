"""Assessment: how each is defined, and how far those of each case have come."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec.structs import replace

from domain.assessment.events import (
    AssessmentDecided,
    AssessmentDefined,
    AssessmentKind,
    AssessmentOutcome,
    CaseExtended,
    Effect,
    RectificationAccepted,
    RectificationOrdered,
    RectificationRejected,
    RectificationReported,
)
from domain.assessment.policy import RectificationState
from domain.cultivation.events import CaseSucceeded
from domain.ids import ApplicationId, DocumentId, PanelId, ProgrammeId, TrackId, UnitId
from domain.kernel import Code, OfficialName, Recorded, office, public, subject
from projections.kernel import Key, View, Where, keyed

# --- the definition ---------------------------------------------------------------------------------------------------


class AssessmentRow(msgspec.Struct, frozen=True, kw_only=True):
    """How an assessment of a programme is defined: its stage of review, its outcomes, and what each leads to.
    zh: 项目评估的设定:评审阶段、结论及各结论的效果。
    """

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
    position: Annotated[int, public("Position", "位置")]


def _defined(_row: AssessmentRow | None, recorded: Recorded, _key: Key) -> AssessmentRow:
    return AssessmentRow(**recorded.event.as_dict(), position=recorded.position)


ASSESSMENT = View(
    name="assessment",
    version=1,
    en="Assessments of a programme",
    zh="项目评估设定",
    row=AssessmentRow,
    key=("programme_id", "assessment"),
    reads=(AssessmentDefined,),
    touches=keyed("programme_id", "assessment"),
    fold=_defined,
    filters=("programme_id", "kind"),
    sorts=("order",),
)


# --- of one case ------------------------------------------------------------------------------------------------------


class AssessedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One assessment of one case: the outcome of its last round, what that leads to, and what became of it.
    zh: 某项目的一项评估:最近一轮的结论、效果及其后续。
    """

    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    assessment: Annotated[Code, subject("Assessment", "评估")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    kind: Annotated[AssessmentKind, subject("Kind", "类别")]
    round: Annotated[int, subject("Round", "轮次")]
    outcome: Annotated[Code, subject("Outcome", "结论")]
    outcomes: Annotated[tuple[Code, ...], subject("Outcomes of all rounds", "历轮结论")]
    effects: Annotated[tuple[Effect, ...], subject("What it leads to", "效果")]
    panel_id: Annotated[PanelId | None, subject("Panel", "评审组")] = None
    ranking_position: Annotated[int | None, subject("Ranking (position)", "排名位置")] = None
    decision_document_id: Annotated[DocumentId, subject("Decision", "决定文件")]
    decided_at: Annotated[datetime, subject("Decided at", "决定时间")]
    decided_by: Annotated[str, office("Recorded by", "登记人")]
    decided_reason: Annotated[Code | None, office("Reason", "事由")]
    rectification: Annotated[RectificationState, subject("Rectification", "整改")] = "none"
    ordered: Annotated[int, subject("Times ordered to rectify", "责令整改次数")] = 0
    due_at: Annotated[datetime | None, subject("Due before", "截止时刻")] = None
    last_day: Annotated[date | None, subject("To be rectified by", "整改截止日")] = None
    holds_funds: Annotated[bool, subject("Funds are held meanwhile", "期间暂缓拨款")] = False
    order_document_id: Annotated[DocumentId | None, subject("Order", "整改通知")] = None
    document_id: Annotated[DocumentId | None, subject("Report (document)", "整改报告")] = None
    opinion_document_id: Annotated[DocumentId | None, subject("Opinion", "复查意见")] = None
    extended_to: Annotated[date | None, subject("Extended to", "延期至")] = None


def _assessed_touches(recorded: Recorded) -> list[Key | Where]:
    match recorded.event:
        case CaseSucceeded(application_id=application_id):
            return [Where("application_id", application_id)]
    body = recorded.event.as_dict()
    return [(body["application_id"], body["assessment"])]


def _decided(row: AssessedRow | None, recorded: Recorded, event: AssessmentDecided) -> AssessedRow:
    """A round replaces the one before it; how often it was ordered to rectify stays counted."""
    envelope = recorded.envelope
    before = () if row is None else row.outcomes
    return AssessedRow(
        **event.as_dict(), outcomes=(*before, event.outcome), ordered=0 if row is None else row.ordered,
        decided_at=envelope.effective_at, decided_by=envelope.actor_id, decided_reason=envelope.reason_code,
    )  # fmt: skip


def _assessed(row: AssessedRow | None, recorded: Recorded, _key: Key) -> AssessedRow | None:
    event = recorded.event
    if isinstance(event, AssessmentDecided):
        return _decided(row, recorded, event)
    if row is None:
        return None
    match event:
        case CaseExtended(last_day=last_day):
            return replace(row, extended_to=last_day)
        case CaseSucceeded(successor_unit_id=successor):
            return replace(row, unit_id=UnitId(successor))
    return _rectified(row, recorded)


def _rectified(row: AssessedRow, recorded: Recorded) -> AssessedRow:
    match event := recorded.event:
        case RectificationOrdered():
            return replace(
                row, rectification="ordered", ordered=row.ordered + 1, due_at=event.due_at, last_day=event.last_day,
                holds_funds=event.holds_funds, order_document_id=event.order_document_id, document_id=None,
                opinion_document_id=None,
            )  # fmt: skip
        case RectificationReported(document_id=document_id):
            return replace(row, rectification="reported", document_id=document_id)
        case RectificationAccepted(opinion_document_id=opinion):
            return replace(row, rectification="accepted", holds_funds=False, opinion_document_id=opinion)
        case RectificationRejected(opinion_document_id=opinion):
            return replace(row, rectification="rejected", opinion_document_id=opinion)
    return row


ASSESSED = View(
    name="assessed",
    version=1,
    en="Outcomes of assessments",
    zh="评估结论",
    row=AssessedRow,
    key=("application_id", "assessment"),
    reads=(
        AssessmentDecided,
        RectificationOrdered,
        RectificationReported,
        RectificationAccepted,
        RectificationRejected,
        CaseExtended,
        CaseSucceeded,
    ),
    touches=_assessed_touches,
    fold=_assessed,
    indexes=("application_id",),
    filters=("application_id", "programme_id", "track_id", "unit_id", "assessment", "outcome", "rectification"),
    sorts=("decided_at", "due_at"),
    subject_units=("unit_id",),
    is_open=lambda _: False,
)
