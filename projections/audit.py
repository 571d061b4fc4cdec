"""Audit: who is let into what, what was found and answered, and what must not be erased meanwhile."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec.structs import replace

from domain.audit.events import (
    AuditFindingAnswered,
    AuditFindingClosed,
    AuditFindingRecorded,
    CertifiedView,
    Conclusion,
    EngagementEnd,
    EngagementEnded,
    EngagementOpened,
    Gravity,
    HoldGround,
    LegalHoldLifted,
    LegalHoldPlaced,
    ReplayCertified,
    SigningKeyAnnounced,
    SigningKeyEnded,
)
from domain.audit.policy import AUDIT_FINDING_FACTS, ENGAGEMENT_FACTS, HOLD_FACTS, AuditFindingState, HoldState
from domain.ids import (
    ApplicationId,
    AuditFindingId,
    CalendarYear,
    DocumentId,
    EngagementId,
    HoldId,
    InstitutionId,
    PersonId,
    ProgrammeId,
    UnitId,
)
from domain.kernel import Digest, Recorded, office, public
from projections.kernel import Key, View, keyed


class LegalHoldRow(msgspec.Struct, frozen=True, kw_only=True):
    """A legal hold: whom or what it is about, why, and whether it stands; for the office alone.
    zh: 法定保全:对象、理由及是否存续;仅限主管部门。
    """

    hold_id: Annotated[HoldId, office("Legal hold", "法定保全")]
    held_person_id: Annotated[PersonId | None, office("Person", "人员")] = None
    unit_id: Annotated[UnitId | None, office("Unit", "单位")] = None
    application_id: Annotated[ApplicationId | None, office("Application", "申报")] = None
    ground: Annotated[HoldGround, office("Ground", "理由")]
    state: Annotated[HoldState, office("State", "状态")] = "placed"
    order_document_id: Annotated[DocumentId, office("Order", "保全文件")]
    placed_by: Annotated[str, office("Placed by", "设定人")]
    placed_at: Annotated[datetime, office("Placed at", "设定时间")]
    lifting_document_id: Annotated[DocumentId | None, office("Lifting order", "解除文件")] = None
    lifted_by: Annotated[str | None, office("Lifted by", "解除人")] = None
    lifted_at: Annotated[datetime | None, office("Lifted at", "解除时间")] = None


def _hold(row: LegalHoldRow | None, recorded: Recorded, _key: Key) -> LegalHoldRow | None:
    envelope = recorded.envelope
    match recorded.event:
        case LegalHoldPlaced() as placed:
            # The row does not call the person ``person_id``: a hold is not for the person to read of.
            return LegalHoldRow(
                hold_id=placed.hold_id,
                held_person_id=placed.person_id,
                unit_id=placed.unit_id,
                application_id=placed.application_id,
                ground=placed.ground,
                order_document_id=placed.order_document_id,
                placed_by=envelope.actor_id,
                placed_at=envelope.effective_at,
            )
        case LegalHoldLifted(order_document_id=document) if row is not None:
            return replace(
                row,
                state="lifted",
                lifting_document_id=document,
                lifted_by=envelope.actor_id,
                lifted_at=envelope.effective_at,
            )
    return row


LEGAL_HOLD = View(
    name="legal_hold",
    version=1,
    en="Legal holds",
    zh="法定保全",
    row=LegalHoldRow,
    key=("hold_id",),
    reads=HOLD_FACTS,
    touches=keyed("hold_id"),
    fold=_hold,
    filters=("state", "held_person_id", "unit_id", "application_id"),
    sorts=("placed_at",),
)


# --- engagements and findings -----------------------------------------------------------------------------------------


class EngagementRow(msgspec.Struct, frozen=True, kw_only=True):
    """An audit engagement: whose, over what, from when to when; for the office and its auditor.
    zh: 审计委托:审计人员、范围、起止;限主管部门与该审计人员。
    """

    engagement_id: Annotated[EngagementId, office("Engagement", "审计委托")]
    person_id: Annotated[PersonId, office("Auditor", "审计人员")]
    programme_ids: Annotated[tuple[ProgrammeId, ...], office("Programmes", "项目")]
    unit_ids: Annotated[tuple[UnitId, ...], office("Units", "单位")]
    sealed: Annotated[bool, office("Sealed material too", "含封存材料")]
    first_day: Annotated[date, office("First day", "首日")]
    last_day: Annotated[date, office("Last day", "末日")]
    opens_at: Annotated[datetime, office("Opens at", "起始时刻")]
    ends_at: Annotated[datetime, office("Ends at", "截止时刻")]
    commission_document_id: Annotated[DocumentId, office("Commission", "委托文件")]
    opened_by: Annotated[str, office("Opened by", "开立人")]
    opened_at: Annotated[datetime, office("Opened at", "开立时间")]
    waits_to_end: Annotated[bool, office("Waits for its end", "待期满")] = True
    ended_as: Annotated[EngagementEnd | None, office("Ended by", "终止事由")] = None
    ended_at: Annotated[datetime | None, office("Ended at", "终止时间")] = None


def _engagement(row: EngagementRow | None, recorded: Recorded, _key: Key) -> EngagementRow | None:
    envelope = recorded.envelope
    match recorded.event:
        case EngagementOpened() as opened:
            return EngagementRow(**opened.as_dict(), opened_by=envelope.actor_id, opened_at=envelope.effective_at)
        case EngagementEnded(ground=ground) if row is not None:
            return replace(row, waits_to_end=False, ended_as=ground, ended_at=envelope.effective_at)
    return row


ENGAGEMENT = View(
    name="engagement",
    version=1,
    en="Audit engagements",
    zh="审计委托",
    row=EngagementRow,
    key=("engagement_id",),
    reads=ENGAGEMENT_FACTS,
    touches=keyed("engagement_id"),
    fold=_engagement,
    filters=("person_id", "waits_to_end"),
    sorts=("ends_at", "opened_at"),
)


class AuditFindingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A finding of an audit: how grave, what it concerns, its texts by their documents, and how far it has come.
    zh: 审计发现:轻重、所涉对象、各文本文件及办理进展。
    """

    audit_finding_id: Annotated[AuditFindingId, office("Audit finding", "审计发现")]
    engagement_id: Annotated[EngagementId, office("Engagement", "审计委托")]
    gravity: Annotated[Gravity, office("Gravity", "轻重")]
    programme_id: Annotated[ProgrammeId | None, office("Programme", "项目")] = None
    unit_id: Annotated[UnitId | None, office("Unit", "单位")] = None
    application_id: Annotated[ApplicationId | None, office("Application", "申报")] = None
    fact_positions: Annotated[tuple[int, ...], office("Facts (positions)", "事实位置")]
    state: Annotated[AuditFindingState, office("State", "状态")] = "recorded"
    statement_document_id: Annotated[DocumentId, office("Statement", "内容")]
    answer_document_ids: Annotated[tuple[DocumentId, ...], office("Answers", "答复")] = ()
    conclusion: Annotated[Conclusion | None, office("Conclusion", "结论")] = None
    recorded_by: Annotated[str, office("Recorded by", "记录人")]
    recorded_on: Annotated[datetime, office("Recorded at", "记录时间")]
    answered_at: Annotated[datetime | None, office("Last answered at", "最近答复时间")] = None
    concluded_at: Annotated[datetime | None, office("Concluded at", "办结时间")] = None


def _audit_finding(row: AuditFindingRow | None, recorded: Recorded, _key: Key) -> AuditFindingRow | None:
    envelope = recorded.envelope
    match recorded.event:
        case AuditFindingRecorded() as found:
            return AuditFindingRow(**found.as_dict(), recorded_by=envelope.actor_id, recorded_on=envelope.effective_at)
        case AuditFindingAnswered(answer_document_id=document) if row is not None:
            answers = (*row.answer_document_ids, document)
            return replace(row, state="answered", answer_document_ids=answers, answered_at=envelope.effective_at)
        case AuditFindingClosed(conclusion=conclusion) if row is not None:
            return replace(row, state="concluded", conclusion=conclusion, concluded_at=envelope.effective_at)
    return row


AUDIT_FINDING = View(
    name="audit_finding",
    version=1,
    en="Findings of audits",
    zh="审计发现",
    row=AuditFindingRow,
    key=("audit_finding_id",),
    reads=AUDIT_FINDING_FACTS,
    touches=keyed("audit_finding_id"),
    fold=_audit_finding,
    filters=("engagement_id", "state", "gravity", "programme_id", "unit_id", "application_id"),
    sorts=("recorded_on",),
)


# --- certificates of replay -------------------------------------------------------------------------------------------


class CertificateRow(msgspec.Struct, frozen=True, kw_only=True):
    """What came of folding all views anew: up to where, the digests, and whether anything differed.
    zh: 全部视图重放的结果:截至位置、摘要、有无差异。
    """

    position: Annotated[int, public("Position", "位置")]
    institution_id: Annotated[InstitutionId, public("Institution", "机构")]
    year: Annotated[CalendarYear, public("Year", "年度")]
    certified_position: Annotated[int, public("Up to (position)", "截至位置")]
    views: Annotated[tuple[CertifiedView, ...], office("Views", "视图")]
    digest: Annotated[Digest, public("Digest of what the fold made", "重放结果摘要")]
    rules_digest: Annotated[Digest, public("Digest of the rules", "规则摘要")]
    differences: Annotated[int, public("Differences", "差异数")]
    clean: Annotated[bool, public("Without differences", "无差异")]
    duration_ms: Annotated[int, office("Duration (milliseconds)", "用时(毫秒)")]
    certified_at: Annotated[datetime, public("Certified at", "证明时间")]


def _certificate(row: CertificateRow | None, recorded: Recorded, _key: Key) -> CertificateRow | None:
    if not isinstance(event := recorded.event, ReplayCertified):
        return row
    return CertificateRow(
        **event.as_dict(),
        position=recorded.position,
        clean=event.differences == 0,
        certified_at=recorded.envelope.received_at,
    )


CERTIFICATE = View(
    name="certificate",
    version=1,
    en="Certificates of replay",
    zh="重放证明",
    row=CertificateRow,
    key=("position",),
    reads=(ReplayCertified,),
    touches=lambda recorded: [(recorded.position,)],
    fold=_certificate,
    filters=("year", "clean"),
    sorts=("certified_at",),
)


class SigningKeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A key that signs checkpoints, or signed them: what it follows, and from where to where in the log.
    zh: 检查点签名公钥:所接替的公钥及其在日志中的起止位置。
    """

    institution_id: Annotated[InstitutionId, public("Institution", "机构")]
    public_key: Annotated[Digest, public("Public key (Ed25519, hexadecimal)", "公钥(Ed25519,十六进制)")]
    former_public_key: Annotated[Digest | None, public("Key that it follows (none: the first)", "所接替的公钥")] = None
    announced_position: Annotated[int | None, public("Announced at position (none: the first)", "公告位置")] = None
    followed_position: Annotated[int | None, public("Followed from position", "被接替的位置")] = None
    ended_position: Annotated[int | None, public("Ended at position", "终止位置")] = None


def _signing_key(row: SigningKeyRow | None, recorded: Recorded, key: Key) -> SigningKeyRow | None:
    event, position = recorded.event, recorded.position
    if isinstance(event, SigningKeyAnnounced):
        if event.public_key == key[1]:
            return SigningKeyRow(
                institution_id=event.institution_id,
                public_key=event.public_key,
                former_public_key=event.former_public_key,
                announced_position=position,
            )
        row = row or SigningKeyRow(institution_id=event.institution_id, public_key=event.former_public_key)
        return replace(row, followed_position=position)
    return row and replace(row, ended_position=position)


def _keys_named(recorded: Recorded) -> list[Key]:
    event = recorded.event.as_dict()
    named = (event["public_key"], event.get("former_public_key"))
    return [(event["institution_id"], each) for each in named if each is not None]


SIGNING_KEY = View(
    name="signing_key",
    version=1,
    en="Keys that sign checkpoints",
    zh="检查点签名公钥",
    row=SigningKeyRow,
    key=("institution_id", "public_key"),
    reads=(SigningKeyAnnounced, SigningKeyEnded),
    touches=_keys_named,
    fold=_signing_key,
)
