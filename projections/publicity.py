"""Publicity: its rules, what the office prepares, the board everybody may read, and the objections."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec.structs import replace

from domain.ids import ApplicationId, DocumentId, ObjectionId, ProgrammeId, PublicityId
from domain.kernel import Code, Digest, Recorded, office, public, restricted
from domain.privacy.events import ObjectorErased
from domain.publicity.events import (
    Check,
    DayRule,
    EntryPassed,
    Matter,
    ObjectionAdmitted,
    ObjectionDismissed,
    ObjectionInvestigated,
    ObjectionNotAdmitted,
    ObjectionReceived,
    ObjectionUpheld,
    ObjectionWithdrawn,
    ObjectorIdentity,
    PostingWithdrawn,
    PublicityApproved,
    PublicityClosed,
    PublicityExtended,
    PublicityOpened,
    PublicityPrepared,
    PublicityRuleDefined,
    PublicityTakenDown,
    ShownEntry,
)
from domain.publicity.policy import OBJECTION_STATE_AFTER, STATE_AFTER, ObjectionState, PublicityState
from projections.kernel import Key, View, keyed

# --- the rule ---------------------------------------------------------------------------------------------------------


class PublicityRuleRow(msgspec.Struct, frozen=True, kw_only=True):
    """How a matter of a programme is publicised and objected to.
    zh: 项目某事项的公示与异议规则。
    """

    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    matter: Annotated[Matter, public("Matter", "事项")]
    window_days: Annotated[int, public("Length in days", "公示天数")]
    day_rule: Annotated[DayRule, public("Kind of days", "日期类别")]
    count_first_day: Annotated[bool, public("The first day counts", "首日计入")]
    identities: Annotated[tuple[ObjectorIdentity, ...], public("Objectors may be", "异议人身份形式")]
    channels: Annotated[tuple[Code, ...], public("Channels of objection", "异议渠道")]
    decide_within_days: Annotated[int | None, public("Objections decided within days", "异议办理天数")]
    position: Annotated[int, public("Position", "位置")]


def _rule(_row: PublicityRuleRow | None, recorded: Recorded, _key: Key) -> PublicityRuleRow:
    return PublicityRuleRow(**recorded.event.as_dict(), position=recorded.position)


PUBLICITY_RULE = View(
    name="publicity_rule",
    version=1,
    en="Publicity rules",
    zh="公示规则",
    row=PublicityRuleRow,
    key=("programme_id", "matter"),
    reads=(PublicityRuleDefined,),
    touches=keyed("programme_id", "matter"),
    fold=_rule,
    filters=("programme_id",),
)


# --- what the office sees ---------------------------------------------------------------------------------------------


class PublicityRow(msgspec.Struct, frozen=True, kw_only=True):
    """A publicity from its preparation to the withdrawal of its posting.
    zh: 一项公示自拟定至撤下张贴的情况。
    """

    publicity_id: Annotated[PublicityId, office("Publicity", "公示")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    matter: Annotated[Matter, office("Matter", "事项")]
    state: Annotated[PublicityState, office("State", "状态")] = "prepared"
    waits_to_close: Annotated[bool, office("Waits to close", "待截止")] = False
    rule_position: Annotated[int, office("Rule (position)", "规则位置")]
    list_position: Annotated[int, office("List (position)", "名单位置")]
    list_digest: Annotated[Digest, office("Digest of the list", "名单摘要")]
    entries: Annotated[tuple[ShownEntry, ...], office("Entries", "条目")]
    follows: Annotated[PublicityId | None, office("Publishes anew", "重新公示对象")] = None
    prepared_by: Annotated[str, office("Prepared by", "拟定人")]
    approved_by: Annotated[str | None, office("Approved by", "批准人")] = None
    checks: Annotated[tuple[Check, ...], office("Checks", "审查事项")] = ()
    opens_at: Annotated[datetime | None, office("Opens at", "开启时间")] = None
    closes_at: Annotated[datetime | None, office("Closes at", "截止时刻")] = None
    last_day: Annotated[date | None, office("Last day", "截止日")] = None
    passed: Annotated[tuple[ApplicationId, ...], office("Passed", "已通过")] = ()
    changed_at: Annotated[datetime, office("Changed at", "变更时间")]


def _publicity(row: PublicityRow | None, recorded: Recorded, _key: Key) -> PublicityRow | None:
    event, envelope = recorded.event, recorded.envelope
    if isinstance(event, PublicityPrepared):
        return PublicityRow(**event.as_dict(), prepared_by=envelope.actor_id, changed_at=envelope.effective_at)
    if row is None:
        return None
    row = replace(row, state=STATE_AFTER.get(type(event), row.state), changed_at=envelope.effective_at)
    match event:
        case PublicityApproved(checks=checks):
            row = replace(row, approved_by=envelope.actor_id, checks=checks)
        case PublicityOpened(opens_at=opens_at, closes_at=closes_at, last_day=last_day):
            row = replace(row, opens_at=opens_at, closes_at=closes_at, last_day=last_day, waits_to_close=True)
        case PublicityExtended(closes_at=closes_at, last_day=last_day):
            row = replace(row, closes_at=closes_at, last_day=last_day)
        case PublicityTakenDown() | PublicityClosed():
            row = replace(row, waits_to_close=False)
        case EntryPassed(application_id=application_id):
            row = replace(row, passed=tuple(sorted({*row.passed, application_id})))
    return row


PUBLICITY = View(
    name="publicity",
    version=1,
    en="Publicities",
    zh="公示",
    row=PublicityRow,
    key=("publicity_id",),
    reads=(
        PublicityPrepared,
        PublicityApproved,
        PublicityOpened,
        PublicityExtended,
        PublicityTakenDown,
        PublicityClosed,
        EntryPassed,
        PostingWithdrawn,
    ),
    touches=keyed("publicity_id"),
    fold=_publicity,
    indexes=("closes_at",),
    filters=("programme_id", "matter", "state", "waits_to_close"),
    sorts=("closes_at",),
)


# --- the board --------------------------------------------------------------------------------------------------------


class PostingRow(msgspec.Struct, frozen=True, kw_only=True):
    """What hangs on the board: a list, its window, how to object, and the digest that pins it.
    zh: 公示栏所张贴:名单、期限、异议方式及固定名单的摘要。
    """

    publicity_id: Annotated[PublicityId, public("Publicity", "公示")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    matter: Annotated[Matter, public("Matter", "事项")]
    state: Annotated[PublicityState, public("State", "状态")] = "open"
    entries: Annotated[tuple[ShownEntry, ...], public("Entries", "条目")]
    list_position: Annotated[int, public("List (position)", "名单位置")]
    list_digest: Annotated[Digest, public("Digest of the list", "名单摘要")]
    opens_at: Annotated[datetime, public("Opens at", "开启时间")]
    closes_at: Annotated[datetime, public("Closes at", "截止时刻")]
    last_day: Annotated[date, public("Last day", "截止日")]
    window_days: Annotated[int, public("Length in days", "公示天数")]
    day_rule: Annotated[DayRule, public("Kind of days", "日期类别")]
    count_first_day: Annotated[bool, public("The first day counts", "首日计入")]
    calendar_position: Annotated[int | None, public("Calendar (position)", "日历位置")]
    identities: Annotated[tuple[ObjectorIdentity, ...], public("Objectors may be", "异议人身份形式")]
    channels: Annotated[tuple[Code, ...], public("Channels of objection", "异议渠道")]
    extended: Annotated[int, public("Times extended", "延长次数")] = 0
    passed: Annotated[tuple[ApplicationId, ...], public("Passed", "已通过")] = ()


def _posting(row: PostingRow | None, recorded: Recorded, _key: Key) -> PostingRow | None:
    match recorded.event:
        case PublicityOpened() as event:
            return PostingRow(**event.as_dict())
        case PublicityExtended(closes_at=closes_at, last_day=last_day) if row is not None:
            return replace(row, closes_at=closes_at, last_day=last_day, extended=row.extended + 1)
        case PublicityTakenDown() | PublicityClosed() as event if row is not None:
            return replace(row, state=STATE_AFTER[type(event)])
        case EntryPassed(application_id=application_id) if row is not None:
            return replace(row, passed=tuple(sorted({*row.passed, application_id})))
        case PostingWithdrawn():
            return None
    return row


POSTING = View(
    name="posting",
    version=1,
    en="Publicity board",
    zh="公示栏",
    row=PostingRow,
    key=("publicity_id",),
    reads=(PublicityOpened, PublicityExtended, PublicityTakenDown, PublicityClosed, EntryPassed, PostingWithdrawn),
    touches=keyed("publicity_id"),
    fold=_posting,
    filters=("programme_id", "matter", "state"),
    sorts=("closes_at",),
)


# --- objections -------------------------------------------------------------------------------------------------------


class ObjectionRow(msgspec.Struct, frozen=True, kw_only=True):
    """An objection against one entry; who raised it and what is said lie in the vault.
    zh: 针对某条目的异议;提出者与内容封存于保险库。
    """

    objection_id: Annotated[ObjectionId, office("Objection", "异议")]
    publicity_id: Annotated[PublicityId, office("Publicity", "公示")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    identity: Annotated[ObjectorIdentity, office("Objector", "异议人身份形式")]
    channel: Annotated[Code, office("Channel", "渠道")]
    state: Annotated[ObjectionState, office("State", "状态")] = "received"
    commitment: Annotated[Digest | None, restricted("Commitment to the identity", "身份承诺值")] = None
    statement_document_id: Annotated[DocumentId, restricted("Statement", "异议内容")]
    findings_document_id: Annotated[DocumentId | None, restricted("Findings", "调查报告")] = None
    ground: Annotated[Code | None, office("Not admitted for", "不予受理理由")] = None
    due_at: Annotated[datetime | None, office("To be decided before", "办理截止时刻")] = None
    due_day: Annotated[date | None, office("To be decided by", "办理截止日")] = None
    received_at: Annotated[datetime, office("Received at", "收到时间")]
    changed_at: Annotated[datetime, office("Changed at", "变更时间")]
    erased_at: Annotated[datetime | None, office("Objector and statement erased at", "异议人与内容删除时间")] = None


def _objection(row: ObjectionRow | None, recorded: Recorded, _key: Key) -> ObjectionRow | None:
    event, at = recorded.event, recorded.envelope.effective_at
    if isinstance(event, ObjectionReceived):
        return ObjectionRow(**event.as_dict(), received_at=at, changed_at=at)
    if row is None:
        return None
    if isinstance(event, ObjectorErased):
        return replace(row, erased_at=at)
    row = replace(row, state=OBJECTION_STATE_AFTER[type(event)], changed_at=at)
    match event:
        case ObjectionNotAdmitted(ground=ground):
            return replace(row, ground=ground)
        case ObjectionInvestigated(findings_document_id=findings):
            return replace(row, findings_document_id=findings)
    return row


OBJECTION = View(
    name="objection",
    version=2,
    en="Objections",
    zh="异议",
    row=ObjectionRow,
    key=("objection_id",),
    reads=(
        ObjectionReceived,
        ObjectionAdmitted,
        ObjectionNotAdmitted,
        ObjectionInvestigated,
        ObjectionUpheld,
        ObjectionDismissed,
        ObjectionWithdrawn,
        ObjectorErased,
    ),
    touches=keyed("objection_id"),
    fold=_objection,
    filters=("programme_id", "publicity_id", "application_id", "state"),
    sorts=("due_at", "received_at"),
)
