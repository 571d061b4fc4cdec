"""What can have happened to a publicity and to objections against what it shows."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from domain.ids import ApplicationId, DocumentId, ObjectionId, ProgrammeId, PublicityId, TrackId, UnitId
from domain.kernel import Code, Digest, Event, office, public, restricted

Matter = Literal["selection", "acceptance"]
DayRule = Literal["working", "calendar"]
ObjectorIdentity = Literal["named", "stamped", "confidential", "anonymous"]
Check = Literal["secrecy", "personal_data"]


class ShownEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the list that is shown."""

    application_id: ApplicationId
    track_id: TrackId
    unit_id: UnitId
    order: int


class PublicityRuleDefined(Event):
    """How a matter is publicised was defined. Defined anew, the later one holds for publicities prepared afterwards.
    zh: 某事项的公示规则设定。再次设定者,适用于此后拟定的公示。
    """

    TOPIC = "publicity.rule_defined.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    matter: Annotated[Matter, public("Matter", "事项")]
    window_days: Annotated[int, public("Length in days", "公示天数")]
    day_rule: Annotated[DayRule, public("Kind of days", "日期类别")]
    count_first_day: Annotated[bool, public("The first day counts", "首日计入")]
    identities: Annotated[tuple[ObjectorIdentity, ...], public("Objectors may be", "异议人身份形式")]
    channels: Annotated[tuple[Code, ...], public("Channels of objection", "异议渠道")]
    decide_within_days: Annotated[
        int | None, public("Objections decided within days (none: not stated)", "异议办理天数(空为未载明)")
    ] = None


class PublicityPrepared(Event):
    """A publicity was prepared: exactly these entries, following from the record at a position, with their digest.
    zh: 公示拟定:以所列条目为限,依某位置的记录得出,并附摘要。
    """

    TOPIC = "publicity.prepared.v1"
    publicity_id: Annotated[PublicityId, office("Publicity", "公示")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    matter: Annotated[Matter, office("Matter", "事项")]
    rule_position: Annotated[int, office("Rule (position)", "规则位置")]
    list_position: Annotated[int, office("List (position)", "名单位置")]
    list_digest: Annotated[Digest, office("Digest of the list", "名单摘要")]
    entries: Annotated[tuple[ShownEntry, ...], office("Entries", "条目")]
    follows: Annotated[PublicityId | None, office("Publishes anew", "重新公示对象")] = None


class PublicityApproved(Event):
    """A second person checked the publicity for secrecy and personal data and approved it.
    zh: 经另一人保密审查与个人信息审查,公示获批准。
    """

    TOPIC = "publicity.approved.v1"
    publicity_id: Annotated[PublicityId, office("Publicity", "公示")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    list_digest: Annotated[Digest, office("Digest of the list", "名单摘要")]
    checks: Annotated[tuple[Check, ...], office("Checks", "审查事项")]


class PublicityOpened(Event):
    """The publicity was opened; objections are in time before it closes.
    zh: 公示开启;截止时刻之前提出的异议为按时。
    """

    TOPIC = "publicity.opened.v1"
    publicity_id: Annotated[PublicityId, public("Publicity", "公示")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    matter: Annotated[Matter, public("Matter", "事项")]
    list_position: Annotated[int, public("List (position)", "名单位置")]
    list_digest: Annotated[Digest, public("Digest of the list", "名单摘要")]
    entries: Annotated[tuple[ShownEntry, ...], public("Entries", "条目")]
    opens_at: Annotated[datetime, public("Opens at", "开启时间")]
    closes_at: Annotated[datetime, public("Closes at", "截止时刻")]
    last_day: Annotated[date, public("Last day", "截止日")]
    window_days: Annotated[int, public("Length in days", "公示天数")]
    day_rule: Annotated[DayRule, public("Kind of days", "日期类别")]
    count_first_day: Annotated[bool, public("The first day counts", "首日计入")]
    calendar_position: Annotated[int | None, public("Calendar (position)", "日历位置")] = None
    identities: Annotated[tuple[ObjectorIdentity, ...], public("Objectors may be", "异议人身份形式")]
    channels: Annotated[tuple[Code, ...], public("Channels of objection", "异议渠道")]


class PublicityExtended(Event):
    """The publicity was extended.
    zh: 公示延长。
    """

    TOPIC = "publicity.extended.v1"
    publicity_id: Annotated[PublicityId, public("Publicity", "公示")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    closes_at: Annotated[datetime, public("Closes at", "截止时刻")]
    last_day: Annotated[date, public("Last day", "截止日")]


class PublicityTakenDown(Event):
    """The publicity was taken down before it closed, with a reason; nothing of it passes.
    zh: 公示于截止前附事由撤下;其内容均不视为通过。
    """

    TOPIC = "publicity.taken_down.v1"
    publicity_id: Annotated[PublicityId, public("Publicity", "公示")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]


class PublicityClosed(Event):
    """The publicity closed, as of the instant written when it was opened or extended.
    zh: 公示按开启或延长时载明的时刻截止。
    """

    TOPIC = "publicity.closed.v1"
    publicity_id: Annotated[PublicityId, public("Publicity", "公示")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    closes_at: Annotated[datetime, public("Closes at", "截止时刻")]
    last_day: Annotated[date, public("Last day", "截止日")]


class EntryPassed(Event):
    """One entry passed its publicity: the window is over and no objection against it is open or upheld.
    zh: 某条目公示通过:公示期满,且无未决或成立的异议。
    """

    TOPIC = "publicity.entry_passed.v1"
    publicity_id: Annotated[PublicityId, public("Publicity", "公示")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    matter: Annotated[Matter, public("Matter", "事项")]
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]


class PostingWithdrawn(Event):
    """The posting was withdrawn after its time, as personal data rules and house rules ask.
    zh: 公示期满后撤下张贴内容。
    """

    TOPIC = "publicity.posting_withdrawn.v1"
    publicity_id: Annotated[PublicityId, public("Publicity", "公示")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]


class ObjectionReceived(Event):
    """An objection against one entry was received; who objects lies in the vault, what is said is a document.
    zh: 收到针对某条目的异议;异议人身份封存于保险库,内容为文件。
    """

    TOPIC = "publicity.objection_received.v1"
    objection_id: Annotated[ObjectionId, office("Objection", "异议")]
    publicity_id: Annotated[PublicityId, office("Publicity", "公示")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    identity: Annotated[ObjectorIdentity, office("Objector", "异议人身份形式")]
    channel: Annotated[Code, office("Channel", "渠道")]
    commitment: Annotated[Digest | None, restricted("Commitment to the identity", "身份承诺值")] = None
    statement_document_id: Annotated[DocumentId, restricted("Statement", "异议内容")]
    due_at: Annotated[datetime | None, office("To be decided before", "办理截止时刻")] = None
    due_day: Annotated[date | None, office("To be decided by", "办理截止日")] = None


class ObjectionAdmitted(Event):
    """An objection was admitted and is investigated.
    zh: 异议受理,予以调查。
    """

    TOPIC = "publicity.objection_admitted.v1"
    objection_id: Annotated[ObjectionId, office("Objection", "异议")]
    publicity_id: Annotated[PublicityId, office("Publicity", "公示")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]


class ObjectionNotAdmitted(Event):
    """An objection was not admitted, with a reason.
    zh: 异议附事由不予受理。
    """

    TOPIC = "publicity.objection_not_admitted.v1"
    objection_id: Annotated[ObjectionId, office("Objection", "异议")]
    publicity_id: Annotated[PublicityId, office("Publicity", "公示")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    ground: Annotated[Code, office("Ground", "理由")]


class ObjectionInvestigated(Event):
    """The findings of the investigation of an objection were recorded.
    zh: 异议调查结果记录在案。
    """

    TOPIC = "publicity.objection_investigated.v1"
    objection_id: Annotated[ObjectionId, office("Objection", "异议")]
    publicity_id: Annotated[PublicityId, office("Publicity", "公示")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    findings_document_id: Annotated[DocumentId, restricted("Findings", "调查报告")]


class ObjectionUpheld(Event):
    """An objection was upheld: its entry does not pass.
    zh: 异议成立:该条目不予通过。
    """

    TOPIC = "publicity.objection_upheld.v1"
    objection_id: Annotated[ObjectionId, office("Objection", "异议")]
    publicity_id: Annotated[PublicityId, office("Publicity", "公示")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]


class ObjectionDismissed(Event):
    """An objection was dismissed.
    zh: 异议不成立,予以驳回。
    """

    TOPIC = "publicity.objection_dismissed.v1"
    objection_id: Annotated[ObjectionId, office("Objection", "异议")]
    publicity_id: Annotated[PublicityId, office("Publicity", "公示")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]


class ObjectionWithdrawn(Event):
    """An objection was withdrawn by whoever had raised it.
    zh: 异议由提出者撤回。
    """

    TOPIC = "publicity.objection_withdrawn.v1"
    objection_id: Annotated[ObjectionId, office("Objection", "异议")]
    publicity_id: Annotated[PublicityId, office("Publicity", "公示")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]
