"""What can have happened between a finding and the end of what was decided on it."""

from datetime import date, datetime
from typing import Annotated, Literal

from domain.ids import (
    ApplicationId,
    DesignationId,
    DocumentId,
    FindingId,
    MeasureId,
    PersonId,
    ProgrammeId,
    SuccessorUnitId,
    UnitId,
)
from domain.kernel import Code, Event, office, public, restricted, subject

Concerned = Literal["unit", "parent", "leader", "adviser"]
"""Whom a finding is against: the unit, the one above it, its secretary, or an adviser; the last two are persons."""
MeasureKind = Literal[
    "circular",
    "interview",
    "rectification",
    "stop_money",
    "recover_money",
    "bar",
    "quota_cut",
    "title_revocation",
]
DayRule = Literal["working", "calendar"]
AppealResult = Literal["lifted", "amended"]


class AccountabilityRuleDefined(Event):
    """How long a hearing and an appeal take was defined, and which measures only a committee decides.
    Defined anew, the later one holds for later notices and decisions.
    zh: 听取陈述与申诉的期限及须由集体决定的措施设定。再次设定者,适用于此后的告知与决定。
    """

    TOPIC = "accountability.rule_defined.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    day_rule: Annotated[DayRule, public("Kind of days", "日期类别")]
    statement_within_days: Annotated[int, public("Statements within days", "陈述天数")]
    appeal_within_days: Annotated[
        int | None, public("Appeals within days (none: not stated)", "申诉天数(空为未载明)")
    ] = None
    decide_within_days: Annotated[
        int | None, public("Appeals decided within days (none: not stated)", "申诉办理天数(空为未载明)")
    ] = None
    by_committee: Annotated[tuple[MeasureKind, ...], public("Only a committee decides", "须由集体决定")] = ()


class FindingRecorded(Event):
    """A finding was recorded against a unit or a person, with its evidence.
    zh: 记录针对单位或个人的问题认定及证据。
    """

    TOPIC = "accountability.finding_recorded.v1"
    finding_id: Annotated[FindingId, subject("Finding", "问题认定")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    application_id: Annotated[ApplicationId | None, subject("Application", "申报")] = None
    concerned: Annotated[Concerned, subject("Against", "针对")]
    unit_id: Annotated[UnitId | None, subject("Unit", "单位")] = None
    person_id: Annotated[PersonId | None, office("Person", "人员")] = None
    ground: Annotated[Code, subject("Ground", "理由")]
    evidence_document_ids: Annotated[tuple[DocumentId, ...], office("Evidence", "证据")]


class OfFinding(Event):
    """What becomes of a finding: of which programme and case, and whom it is against.
    zh: 问题认定的后续:所属项目与案卷,及当事方。
    """

    finding_id: Annotated[FindingId, subject("Finding", "问题认定")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    application_id: Annotated[ApplicationId | None, subject("Application", "申报")] = None
    unit_id: Annotated[UnitId | None, subject("Unit", "单位")] = None
    person_id: Annotated[PersonId | None, office("Person", "人员")] = None


class OfMeasure(Event):
    """What becomes of a measure: of which programme and case, and whom it hits.
    zh: 措施的后续:所属项目与案卷,及措施对象。
    """

    measure_id: Annotated[MeasureId, subject("Measure", "措施")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    application_id: Annotated[ApplicationId | None, subject("Application", "申报")] = None
    unit_id: Annotated[UnitId | None, subject("Unit", "单位")] = None
    person_id: Annotated[PersonId | None, office("Person", "人员")] = None


class FindingNotified(OfFinding):
    """Whom a finding is against was given notice of it, and time to make a statement.
    zh: 向当事方告知问题认定,并给予陈述时间。
    """

    TOPIC = "accountability.finding_notified.v1"
    notice_document_id: Annotated[DocumentId, subject("Notice", "告知书")]
    closes_at: Annotated[datetime, subject("Statements before", "陈述截止时刻")]
    last_day: Annotated[date, subject("Statements until", "陈述截止日")]


class StatementReceived(OfFinding):
    """A statement of whom the finding is against was received.
    zh: 收到当事方陈述。
    """

    TOPIC = "accountability.statement_received.v1"
    statement_document_id: Annotated[DocumentId, subject("Statement", "陈述")]


class HearingWaived(OfFinding):
    """Whom the finding is against waived the hearing, in writing.
    zh: 当事方书面放弃陈述。
    """

    TOPIC = "accountability.hearing_waived.v1"
    waiver_document_id: Annotated[DocumentId, subject("Waiver", "放弃书")]


class FindingDropped(OfFinding):
    """A finding was dropped before any measure was decided on it; nothing follows.
    zh: 问题认定于作出任何措施之前撤销,不产生后果。
    """

    TOPIC = "accountability.finding_dropped.v1"


class MeasureDecided(Event):
    """The competent body decided a measure: whom it hits, from when to when, and until when it may be appealed.

    An appeal does not suspend it unless that is stated here.
    zh: 有权机构决定一项措施:对象、起止及申诉期限;除此处载明者外,申诉期间不停止执行。
    """

    TOPIC = "accountability.measure_decided.v1"
    measure_id: Annotated[MeasureId, subject("Measure", "措施")]
    finding_id: Annotated[FindingId, subject("Finding", "问题认定")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    application_id: Annotated[ApplicationId | None, subject("Application", "申报")] = None
    concerned: Annotated[Concerned, subject("Against", "针对")]
    unit_id: Annotated[UnitId | None, subject("Unit", "单位")] = None
    person_id: Annotated[PersonId | None, office("Person", "人员")] = None
    kind: Annotated[MeasureKind, subject("Kind", "类别")]
    ground: Annotated[Code, subject("Ground", "理由")]
    from_on: Annotated[date, subject("From", "起始日")]
    until_on: Annotated[date | None, subject("Until (none: until lifted)", "截止日(空为至解除)")] = None
    ends_at: Annotated[datetime | None, subject("Ends at", "终止时刻")] = None
    places: Annotated[int | None, subject("Places cut", "核减指标数")] = None
    amount_fen: Annotated[int | None, subject("Amount (fen)", "金额(分)")] = None
    designation_id: Annotated[DesignationId | None, subject("Designation", "命名")] = None
    appeal_suspends: Annotated[bool, subject("An appeal suspends it", "申诉期间停止执行")] = False
    appeal_closes_at: Annotated[datetime | None, subject("Appeals before", "申诉截止时刻")] = None
    appeal_last_day: Annotated[date | None, subject("Appeals until", "申诉截止日")] = None
    rule_position: Annotated[int, office("Rule (position)", "规则位置")]
    decision_document_id: Annotated[DocumentId, subject("Decision", "决定文件")]
    entitled: Annotated[int | None, office("Entitled to vote", "应到")] = None
    attending: Annotated[int | None, office("Attending", "实到")] = None
    in_favour: Annotated[int | None, office("In favour", "赞成")] = None
    against: Annotated[int | None, office("Against", "反对")] = None
    abstaining: Annotated[int | None, office("Abstaining", "弃权")] = None


class CircularIssued(OfMeasure):
    """The circular that was decided was issued (通报).
    zh: 所决定的通报已印发。
    """

    TOPIC = "accountability.circular_issued.v1"
    issued_on: Annotated[date, subject("Issued on", "印发日期")]
    circular_document_id: Annotated[DocumentId, subject("Circular", "通报")]


class AppealLodged(OfMeasure):
    """An appeal against a measure was lodged, in time; where the rule says so, it is to be decided by a day.
    zh: 对措施按期提出申诉;规则载明者,须于期限内作出决定。
    """

    TOPIC = "accountability.appeal_lodged.v1"
    appeal_document_id: Annotated[DocumentId, subject("Appeal", "申诉书")]
    lodged_on: Annotated[date, subject("Lodged on", "申诉日期")]
    suspends: Annotated[bool, subject("Suspends the measure", "停止执行")]
    due_at: Annotated[datetime | None, subject("To be decided before", "办理截止时刻")] = None
    due_day: Annotated[date | None, subject("To be decided by", "办理截止日")] = None


class AppealUpheld(OfMeasure):
    """An appeal was upheld: the measure is lifted or amended.
    zh: 申诉成立:措施予以解除或变更。
    """

    TOPIC = "accountability.appeal_upheld.v1"
    result: Annotated[AppealResult, subject("The measure is", "措施处理")]
    settled_on: Annotated[date, subject("Decided on", "决定日期")]
    decision_document_id: Annotated[DocumentId, subject("Decision", "决定文件")]


class AppealDismissed(OfMeasure):
    """An appeal was dismissed: the measure stands.
    zh: 申诉驳回:维持原措施。
    """

    TOPIC = "accountability.appeal_dismissed.v1"
    settled_on: Annotated[date, subject("Decided on", "决定日期")]
    decision_document_id: Annotated[DocumentId, subject("Decision", "决定文件")]


class AppealWithdrawn(OfMeasure):
    """An appeal was withdrawn by whoever had lodged it: the measure stands.
    zh: 申诉人撤回申诉:维持原措施。
    """

    TOPIC = "accountability.appeal_withdrawn.v1"
    settled_on: Annotated[date, subject("Withdrawn on", "撤回日期")]


class MeasureAmended(OfMeasure):
    """A measure was amended on appeal; from this day the new figures hold.
    zh: 措施经申诉变更;自该日起适用新内容。
    """

    TOPIC = "accountability.measure_amended.v1"
    kind: Annotated[MeasureKind, subject("Kind", "类别")]
    amended_on: Annotated[date, subject("Amended on", "变更日期")]
    until_on: Annotated[date | None, subject("Until (none: until lifted)", "截止日(空为至解除)")] = None
    ends_at: Annotated[datetime | None, subject("Ends at", "终止时刻")] = None
    places: Annotated[int | None, subject("Places cut", "核减指标数")] = None
    amount_fen: Annotated[int | None, subject("Amount (fen)", "金额(分)")] = None


class MeasureLifted(OfMeasure):
    """A measure was lifted: from this day it has no effect.
    zh: 措施解除:自该日起不再有效。
    """

    TOPIC = "accountability.measure_lifted.v1"
    kind: Annotated[MeasureKind, subject("Kind", "类别")]
    lifted_on: Annotated[date, subject("Lifted on", "解除日期")]
    ground: Annotated[Code, subject("Ground", "理由")]
    decision_document_id: Annotated[DocumentId, subject("Decision", "决定文件")]


class QuotaCutPassed(OfMeasure):
    """A cut of the quota, or a part of it, passed from a unit that is no more to one that carries on.
    zh: 原单位不复存在,其核减指标措施的全部或部分转由承接单位承担。
    """

    TOPIC = "accountability.quota_cut_passed.v1"
    from_unit_id: Annotated[UnitId, subject("Unit before", "原单位")]
    successor_unit_id: Annotated[SuccessorUnitId, subject("Successor", "承接单位")]
    places: Annotated[int, subject("Places cut", "核减指标数")]


class MeasureEnded(OfMeasure):
    """A measure ended by its term, as of the instant written when it was decided or amended.
    zh: 措施按决定或变更时载明的时刻期满终止。
    """

    TOPIC = "accountability.measure_ended.v1"
    kind: Annotated[MeasureKind, subject("Kind", "类别")]
    until_on: Annotated[date, subject("Until", "截止日")]


class MatterReferred(Event):
    """A matter was referred to the body that is competent for discipline (移送); nothing is decided here.
    zh: 事项移送有权纪律机构处理;此处不作决定。
    """

    TOPIC = "accountability.matter_referred.v1"
    measure_id: Annotated[MeasureId, restricted("Measure", "措施")]
    finding_id: Annotated[FindingId, restricted("Finding", "问题认定")]
    programme_id: Annotated[ProgrammeId, restricted("Programme", "项目")]
    application_id: Annotated[ApplicationId | None, restricted("Application", "申报")] = None
    unit_id: Annotated[UnitId | None, restricted("Unit", "单位")] = None
    person_id: Annotated[PersonId | None, restricted("Person", "人员")] = None
    referred_to: Annotated[Code, restricted("Referred to", "移送机构")]
    referred_on: Annotated[date, restricted("Referred on", "移送日期")]
    decision_document_id: Annotated[DocumentId, restricted("Decision", "决定文件")]


class ReferralOutcomeNotified(Event):
    """The outcome of a referral was notified by the body that it was referred to.
    zh: 移送事项的处理结果由受移送机构通知。
    """

    TOPIC = "accountability.referral_outcome_notified.v1"
    measure_id: Annotated[MeasureId, restricted("Measure", "措施")]
    programme_id: Annotated[ProgrammeId, restricted("Programme", "项目")]
    application_id: Annotated[ApplicationId | None, restricted("Application", "申报")] = None
    unit_id: Annotated[UnitId | None, restricted("Unit", "单位")] = None
    person_id: Annotated[PersonId | None, restricted("Person", "人员")] = None
    outcome: Annotated[Code, restricted("Outcome", "处理结果")]
    notified_on: Annotated[date, restricted("Notified on", "通知日期")]
    outcome_document_id: Annotated[DocumentId, restricted("Notification", "通知文件")]
