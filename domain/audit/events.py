"""What can have happened in an audit."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

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
from domain.kernel import Code, Digest, Event, office, public

HoldGround = Literal["audit", "discipline", "litigation", "objection", "retention"]
"""Why something must be kept: an audit, a matter of discipline, a lawsuit, an objection or appeal, a statutory term."""


class LegalHoldPlaced(Event):
    """A legal hold was placed on a person, a unit or an application: what is kept of it is not erased while it stands.
    zh: 对人员、单位或申报设定法定保全:存续期间不得删除其留存内容。
    """

    TOPIC = "audit.legal_hold_placed.v1"
    hold_id: Annotated[HoldId, office("Legal hold", "法定保全")]
    person_id: Annotated[PersonId | None, office("Person", "人员")] = None
    unit_id: Annotated[UnitId | None, office("Unit", "单位")] = None
    application_id: Annotated[ApplicationId | None, office("Application", "申报")] = None
    ground: Annotated[HoldGround, office("Ground", "理由")]
    order_document_id: Annotated[DocumentId, office("Order", "保全文件")]


class LegalHoldLifted(Event):
    """A legal hold was lifted.
    zh: 法定保全已解除。
    """

    TOPIC = "audit.legal_hold_lifted.v1"
    hold_id: Annotated[HoldId, office("Legal hold", "法定保全")]
    person_id: Annotated[PersonId | None, office("Person", "人员")] = None
    unit_id: Annotated[UnitId | None, office("Unit", "单位")] = None
    application_id: Annotated[ApplicationId | None, office("Application", "申报")] = None
    order_document_id: Annotated[DocumentId, office("Order", "解除文件")]


EngagementEnd = Literal["term", "decision"]
"""How an engagement ended: its last day was over, or the office decided so."""
Gravity = Literal["observation", "shortcoming", "irregularity"]
"""How grave an auditor takes a finding to be."""
Conclusion = Literal["settled", "not_settled", "withdrawn"]
"""How a finding was closed: settled by the answer, not settled and left to be decided elsewhere, or withdrawn."""


class EngagementOpened(Event):
    """An auditor was engaged: read-only, from a day to a day, over programmes and units, or (neither named) the whole.
    zh: 审计委托已开立:只读,自某日至某日,限所列项目与单位(均未列明为全部)。
    """

    TOPIC = "audit.engagement_opened.v1"
    engagement_id: Annotated[EngagementId, office("Engagement", "审计委托")]
    person_id: Annotated[PersonId, office("Auditor", "审计人员")]
    programme_ids: Annotated[tuple[ProgrammeId, ...], office("Programmes", "项目")] = ()
    unit_ids: Annotated[tuple[UnitId, ...], office("Units", "单位")] = ()
    sealed: Annotated[bool, office("Sealed material too", "含封存材料")] = False
    first_day: Annotated[date, office("First day", "首日")]
    last_day: Annotated[date, office("Last day", "末日")]
    opens_at: Annotated[datetime, office("Opens at", "起始时刻")]
    ends_at: Annotated[datetime, office("Ends at", "截止时刻")]
    commission_document_id: Annotated[DocumentId, office("Commission", "委托文件")]


class EngagementEnded(Event):
    """An engagement ended: from then on nothing is read under it.
    zh: 审计委托已终止:此后不得依其读取。
    """

    TOPIC = "audit.engagement_ended.v1"
    engagement_id: Annotated[EngagementId, office("Engagement", "审计委托")]
    person_id: Annotated[PersonId, office("Auditor", "审计人员")]
    ground: Annotated[EngagementEnd, office("Ground", "终止事由")]


class AuditFindingRecorded(Event):
    """The auditor recorded a finding: how grave, what it concerns, on which facts it rests, and the text, sealed.
    zh: 审计人员记录审计发现:轻重、所涉对象、所依事实及封存的文本。
    """

    TOPIC = "audit.finding_recorded.v1"
    audit_finding_id: Annotated[AuditFindingId, office("Audit finding", "审计发现")]
    engagement_id: Annotated[EngagementId, office("Engagement", "审计委托")]
    gravity: Annotated[Gravity, office("Gravity", "轻重")]
    programme_id: Annotated[ProgrammeId | None, office("Programme", "项目")] = None
    unit_id: Annotated[UnitId | None, office("Unit", "单位")] = None
    application_id: Annotated[ApplicationId | None, office("Application", "申报")] = None
    fact_positions: Annotated[tuple[int, ...], office("Facts (positions)", "事实位置")] = ()
    statement_document_id: Annotated[DocumentId, office("Statement", "内容")]


class AuditFindingAnswered(Event):
    """The office answered a finding of an audit; the text is sealed.
    zh: 主管部门对审计发现作出答复;文本封存。
    """

    TOPIC = "audit.finding_answered.v1"
    audit_finding_id: Annotated[AuditFindingId, office("Audit finding", "审计发现")]
    engagement_id: Annotated[EngagementId, office("Engagement", "审计委托")]
    answer_document_id: Annotated[DocumentId, office("Answer", "答复")]


class AuditFindingClosed(Event):
    """A finding of an audit was closed.
    zh: 审计发现已办结。
    """

    TOPIC = "audit.finding_closed.v1"
    audit_finding_id: Annotated[AuditFindingId, office("Audit finding", "审计发现")]
    engagement_id: Annotated[EngagementId, office("Engagement", "审计委托")]
    conclusion: Annotated[Conclusion, office("Conclusion", "结论")]


class CertifiedView(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One view of a replay: how many versions of rows the fold made, their digest, and how much its table differed."""

    view: Code
    version: int
    versions: int
    digest: Digest
    differences: int


class ReplayCertified(Event):
    """All views were folded anew from the record and compared with their tables: up to where, digests, differences.
    zh: 全部视图已依记录重放并与其数据表核对:截至位置、摘要与差异数。
    """

    TOPIC = "audit.replay_certified.v1"
    institution_id: Annotated[InstitutionId, public("Institution", "机构")]
    year: Annotated[CalendarYear, public("Year", "年度")]
    certified_position: Annotated[int, public("Up to (position)", "截至位置")]
    views: Annotated[tuple[CertifiedView, ...], office("Views", "视图")]
    digest: Annotated[Digest, public("Digest of what the fold made", "重放结果摘要")]
    rules_digest: Annotated[Digest, public("Digest of the rules", "规则摘要")]
    differences: Annotated[int, public("Differences", "差异数")]
    duration_ms: Annotated[int, office("Duration (milliseconds)", "用时(毫秒)")]


class SigningKeyAnnounced(Event):
    """A new key that signs checkpoints was announced, while the key that it follows still signs alone.
    zh: 公告新的检查点签名公钥;公告时仅由其所接替的公钥签名。
    """

    TOPIC = "audit.signing_key_announced.v1"
    institution_id: Annotated[InstitutionId, public("Institution", "机构")]
    public_key: Annotated[Digest, public("Public key (Ed25519, hexadecimal)", "公钥(Ed25519,十六进制)")]
    former_public_key: Annotated[Digest, public("Key that it follows", "所接替的公钥")]


class SigningKeyEnded(Event):
    """A key that signed checkpoints has ended: what it signs from here on counts for nothing.
    zh: 检查点签名公钥终止:此后其签名无效。
    """

    TOPIC = "audit.signing_key_ended.v1"
    institution_id: Annotated[InstitutionId, public("Institution", "机构")]
    public_key: Annotated[Digest, public("Public key (Ed25519, hexadecimal)", "公钥(Ed25519,十六进制)")]
