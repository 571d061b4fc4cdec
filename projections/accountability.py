"""Accountability: the rules, findings from record to decision, measures from decision to end, and referrals."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from domain.accountability.events import (
    AccountabilityRuleDefined,
    AppealDismissed,
    AppealLodged,
    AppealUpheld,
    AppealWithdrawn,
    CircularIssued,
    Concerned,
    DayRule,
    FindingNotified,
    FindingRecorded,
    HearingWaived,
    MatterReferred,
    MeasureAmended,
    MeasureDecided,
    MeasureEnded,
    MeasureKind,
    MeasureLifted,
    QuotaCutPassed,
    ReferralOutcomeNotified,
    StatementReceived,
)
from domain.accountability.policy import (
    FINDING_FACTS,
    FINDING_STATE_AFTER,
    MEASURE_FACTS,
    REFERRAL_FACTS,
    CutShare,
    FindingState,
    MeasureState,
    shares_after,
    shares_of,
    shortened,
)
from domain.ids import ApplicationId, DesignationId, DocumentId, FindingId, MeasureId, PersonId, ProgrammeId, UnitId
from domain.kernel import Code, Event, Recorded, office, public, restricted, subject
from projections.kernel import Key, View, keyed


class AccountabilityRuleRow(msgspec.Struct, frozen=True, kw_only=True):
    """How long hearings and appeals of a programme take, and which measures only a committee decides.
    zh: 项目听取陈述与申诉的期限,以及须由集体决定的措施。
    """

    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    day_rule: Annotated[DayRule, public("Kind of days", "日期类别")]
    statement_within_days: Annotated[int, public("Statements within days", "陈述天数")]
    appeal_within_days: Annotated[int | None, public("Appeals within days", "申诉天数")]
    decide_within_days: Annotated[int | None, public("Appeals decided within days", "申诉办理天数")]
    by_committee: Annotated[tuple[MeasureKind, ...], public("Only a committee decides", "须由集体决定")]
    position: Annotated[int, public("Position", "位置")]


def _rule(_row: AccountabilityRuleRow | None, recorded: Recorded, _key: Key) -> AccountabilityRuleRow:
    return AccountabilityRuleRow(**recorded.event.as_dict(), position=recorded.position)


ACCOUNTABILITY_RULE = View(
    name="accountability_rule",
    version=1,
    en="Accountability rules",
    zh="追责规则",
    row=AccountabilityRuleRow,
    key=("programme_id",),
    reads=(AccountabilityRuleDefined,),
    touches=keyed("programme_id"),
    fold=_rule,
    filters=("programme_id",),
)


# --- findings ---------------------------------------------------------------------------------------------------------


class FindingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A finding from its record to the decision on it.
    zh: 一项问题认定自记录至作出决定的情况。
    """

    finding_id: Annotated[FindingId, subject("Finding", "问题认定")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    application_id: Annotated[ApplicationId | None, subject("Application", "申报")] = None
    concerned: Annotated[Concerned, subject("Against", "针对")]
    unit_id: Annotated[UnitId | None, subject("Unit", "单位")] = None
    person_id: Annotated[PersonId | None, office("Person", "人员")] = None
    ground: Annotated[Code, subject("Ground", "理由")]
    state: Annotated[FindingState, subject("State", "状态")] = "recorded"
    evidence_document_ids: Annotated[tuple[DocumentId, ...], office("Evidence", "证据")]
    notice_document_id: Annotated[DocumentId | None, subject("Notice", "告知书")] = None
    closes_at: Annotated[datetime | None, subject("Statements before", "陈述截止时刻")] = None
    last_day: Annotated[date | None, subject("Statements until", "陈述截止日")] = None
    statement_document_ids: Annotated[tuple[DocumentId, ...], subject("Statements", "陈述")] = ()
    waiver_document_id: Annotated[DocumentId | None, subject("Waiver", "放弃书")] = None
    measure_ids: Annotated[tuple[MeasureId, ...], subject("Measures", "措施")] = ()
    recorded_by: Annotated[str, office("Recorded by", "记录人")]
    recorded_at: Annotated[datetime, subject("Recorded at", "记录时间")]
    changed_at: Annotated[datetime, subject("Changed at", "变更时间")]


def _finding(row: FindingRow | None, recorded: Recorded, _key: Key) -> FindingRow | None:
    event, envelope = recorded.event, recorded.envelope
    at = envelope.effective_at
    if isinstance(event, FindingRecorded):
        return FindingRow(**event.as_dict(), recorded_by=envelope.actor_id, recorded_at=at, changed_at=at)
    if row is None:
        return None
    row = replace(row, state=FINDING_STATE_AFTER[type(event)], changed_at=at)
    match event:
        case FindingNotified(notice_document_id=notice, closes_at=closes_at, last_day=last_day):
            row = replace(row, notice_document_id=notice, closes_at=closes_at, last_day=last_day)
        case StatementReceived(statement_document_id=statement):
            row = replace(row, statement_document_ids=(*row.statement_document_ids, statement))
        case HearingWaived(waiver_document_id=waiver):
            row = replace(row, waiver_document_id=waiver)
        case MeasureDecided(measure_id=measure_id):
            row = replace(row, measure_ids=(*row.measure_ids, measure_id))
    return row


FINDING = View(
    name="finding",
    version=1,
    en="Findings",
    zh="问题认定",
    row=FindingRow,
    key=("finding_id",),
    reads=FINDING_FACTS,
    touches=keyed("finding_id"),
    fold=_finding,
    filters=("programme_id", "application_id", "unit_id", "person_id", "concerned", "state"),
    sorts=("recorded_at",),
    subject_units=("unit_id",),
    is_open=lambda _: False,
)


# --- measures ---------------------------------------------------------------------------------------------------------


class MeasureRow(msgspec.Struct, frozen=True, kw_only=True):
    """A measure from its decision to its end.
    zh: 一项措施自决定至终止的情况。
    """

    measure_id: Annotated[MeasureId, subject("Measure", "措施")]
    finding_id: Annotated[FindingId, subject("Finding", "问题认定")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    application_id: Annotated[ApplicationId | None, subject("Application", "申报")] = None
    concerned: Annotated[Concerned, subject("Against", "针对")]
    unit_id: Annotated[UnitId | None, subject("Unit", "单位")] = None
    person_id: Annotated[PersonId | None, office("Person", "人员")] = None
    kind: Annotated[MeasureKind, subject("Kind", "类别")]
    ground: Annotated[Code, subject("Ground", "理由")]
    state: Annotated[MeasureState, subject("State", "状态")] = "decided"
    from_on: Annotated[date, subject("From", "起始日")]
    until_on: Annotated[date | None, subject("Until (none: until lifted)", "截止日(空为至解除)")] = None
    ends_at: Annotated[datetime | None, subject("Ends at", "终止时刻")] = None
    places: Annotated[int | None, subject("Places cut", "核减指标数")] = None
    borne: Annotated[tuple[CutShare, ...], subject("Cut borne by", "核减由何单位承担")] = ()
    amount_fen: Annotated[int | None, subject("Amount (fen)", "金额(分)")] = None
    designation_id: Annotated[DesignationId | None, subject("Designation", "命名")] = None
    decision_document_id: Annotated[DocumentId, subject("Decision", "决定文件")]
    rule_position: Annotated[int, office("Rule (position)", "规则位置")]
    decided_by: Annotated[str, office("Decided by", "决定人")]
    entitled: Annotated[int | None, office("Entitled to vote", "应到")] = None
    attending: Annotated[int | None, office("Attending", "实到")] = None
    in_favour: Annotated[int | None, office("In favour", "赞成")] = None
    against: Annotated[int | None, office("Against", "反对")] = None
    abstaining: Annotated[int | None, office("Abstaining", "弃权")] = None
    circular_document_id: Annotated[DocumentId | None, subject("Circular", "通报")] = None
    issued_on: Annotated[date | None, subject("Circular issued on", "通报印发日期")] = None
    appeal_suspends: Annotated[bool, subject("An appeal suspends it", "申诉期间停止执行")] = False
    appeal_closes_at: Annotated[datetime | None, subject("Appeals before", "申诉截止时刻")] = None
    appeal_last_day: Annotated[date | None, subject("Appeals until", "申诉截止日")] = None
    appeal_document_id: Annotated[DocumentId | None, subject("Appeal", "申诉书")] = None
    lodged_on: Annotated[date | None, subject("Appeal lodged on", "申诉日期")] = None
    due_day: Annotated[date | None, subject("Appeal to be decided by", "申诉办理截止日")] = None
    appeal_outcome: Annotated[
        Literal["lifted", "amended", "dismissed", "withdrawn"] | None, subject("Outcome of the appeal", "申诉结果")
    ] = None
    settled_on: Annotated[date | None, subject("Appeal settled on", "申诉办结日期")] = None
    is_ended: Annotated[bool, subject("Ended by its term", "已期满")] = False
    lifted_on: Annotated[date | None, subject("Lifted on", "解除日期")] = None
    lifted_for: Annotated[Code | None, subject("Lifted for", "解除理由")] = None
    waits_to_end: Annotated[bool, office("Waits to end", "待期满")] = False
    decided_at: Annotated[datetime, subject("Decided at", "决定时间")]
    changed_at: Annotated[datetime, subject("Changed at", "变更时间")]


def _measure(row: MeasureRow | None, recorded: Recorded, _key: Key) -> MeasureRow | None:
    event, envelope = recorded.event, recorded.envelope
    at = envelope.effective_at
    if isinstance(event, MeasureDecided):
        row = MeasureRow(
            **event.as_dict(), borne=shares_of(event), decided_by=envelope.actor_id, decided_at=at, changed_at=at
        )
    elif row is not None:
        row = replace(_later(row, event), changed_at=at)
    if row is None:
        return None
    ends = row.ends_at is not None and not row.is_ended and row.lifted_on is None
    return replace(row, state=_state(row), waits_to_end=ends)


def _later(row: MeasureRow, event: Event) -> MeasureRow:
    """What becomes of a measure once it is decided."""
    match event:
        case CircularIssued(circular_document_id=circular, issued_on=issued_on):
            row = replace(row, circular_document_id=circular, issued_on=issued_on)
        case AppealLodged(appeal_document_id=appeal, lodged_on=lodged_on, due_day=due_day):
            row = replace(row, appeal_document_id=appeal, lodged_on=lodged_on, due_day=due_day)
        case AppealUpheld(result=result, settled_on=settled_on):
            row = replace(row, appeal_outcome=result, settled_on=settled_on)
        case AppealDismissed(settled_on=settled_on):
            row = replace(row, appeal_outcome="dismissed", settled_on=settled_on)
        case AppealWithdrawn(settled_on=settled_on):
            row = replace(row, appeal_outcome="withdrawn", settled_on=settled_on)
        case MeasureAmended(until_on=until_on, ends_at=ends_at, places=places, amount_fen=amount_fen):
            row = replace(row, until_on=until_on, ends_at=ends_at, places=places, amount_fen=amount_fen, is_ended=False)
            row = replace(row, borne=shortened(row.borne, places or 0))
        case QuotaCutPassed():
            row = replace(row, borne=shares_after(row.borne, event))
        case MeasureLifted(lifted_on=lifted_on, ground=ground):
            row = replace(row, lifted_on=lifted_on, lifted_for=ground)
        case MeasureEnded():
            row = replace(row, is_ended=True)
    return row


def _state(row: MeasureRow) -> MeasureState:
    if row.lifted_on is not None:
        return "lifted"
    if row.lodged_on is not None and row.settled_on is None:
        return "appealed"
    if row.is_ended:
        return "ended"
    return "settled" if row.settled_on is not None else "decided"


def is_in_force(row: MeasureRow, day: date) -> bool:
    """Whether a measure, as it stands, is in force on a day: begun, neither over nor lifted, and not suspended."""
    suspended = row.state == "appealed" and row.appeal_suspends
    lifted = row.lifted_on is not None and row.lifted_on <= day
    return row.from_on <= day and (row.until_on is None or day <= row.until_on) and not lifted and not suspended


MEASURE = View(
    name="measure",
    version=2,
    en="Measures of accountability",
    zh="追责措施",
    row=MeasureRow,
    key=("measure_id",),
    reads=(*MEASURE_FACTS, CircularIssued),
    touches=keyed("measure_id"),
    fold=_measure,
    indexes=("ends_at",),
    filters=("programme_id", "application_id", "unit_id", "person_id", "finding_id", "kind", "state", "waits_to_end"),
    sorts=("decided_at", "ends_at", "due_day"),
    subject_units=("unit_id",),
    is_open=lambda _: False,
)


# --- referrals --------------------------------------------------------------------------------------------------------


class ReferralRow(msgspec.Struct, frozen=True, kw_only=True):
    """A matter that was referred, and what its body notified; known to few.
    zh: 已移送事项及受移送机构通知的结果;知悉范围受限。
    """

    measure_id: Annotated[MeasureId, restricted("Measure", "措施")]
    finding_id: Annotated[FindingId, restricted("Finding", "问题认定")]
    programme_id: Annotated[ProgrammeId, restricted("Programme", "项目")]
    application_id: Annotated[ApplicationId | None, restricted("Application", "申报")] = None
    unit_id: Annotated[UnitId | None, restricted("Unit", "单位")] = None
    person_id: Annotated[PersonId | None, restricted("Person", "人员")] = None
    referred_to: Annotated[Code, restricted("Referred to", "移送机构")]
    referred_on: Annotated[date, restricted("Referred on", "移送日期")]
    decision_document_id: Annotated[DocumentId, restricted("Decision", "决定文件")]
    outcome: Annotated[Code | None, restricted("Outcome", "处理结果")] = None
    notified_on: Annotated[date | None, restricted("Notified on", "通知日期")] = None
    outcome_document_id: Annotated[DocumentId | None, restricted("Notification", "通知文件")] = None


def _referral(row: ReferralRow | None, recorded: Recorded, _key: Key) -> ReferralRow | None:
    match recorded.event:
        case MatterReferred() as event:
            return ReferralRow(**event.as_dict())
        case ReferralOutcomeNotified() as event if row is not None:
            return replace(
                row, outcome=event.outcome, notified_on=event.notified_on, outcome_document_id=event.outcome_document_id
            )
    return row


REFERRAL = View(
    name="referral",
    version=1,
    en="Referrals",
    zh="移送",
    row=ReferralRow,
    key=("measure_id",),
    reads=REFERRAL_FACTS,
    touches=keyed("measure_id"),
    fold=_referral,
    sorts=("referred_on",),
    is_open=lambda _: False,
)
