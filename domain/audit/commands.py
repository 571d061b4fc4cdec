"""What may be asked of an audit; each matter has a page of its own."""

from __future__ import annotations

from domain.audit.certificate import CertifyReplay
from domain.audit.engagement import EndEngagement, OpenEngagement
from domain.audit.finding import AnswerAuditFinding, CloseAuditFinding, RecordAuditFinding
from domain.audit.hold import LiftLegalHold, PlaceLegalHold
from domain.audit.signing_key import AnnounceSigningKey, EndSigningKey
from domain.kernel import Command

COMMANDS: tuple[type[Command], ...] = (
    OpenEngagement,
    EndEngagement,
    RecordAuditFinding,
    AnswerAuditFinding,
    CloseAuditFinding,
    PlaceLegalHold,
    LiftLegalHold,
    CertifyReplay,
    AnnounceSigningKey,
    EndSigningKey,
)
