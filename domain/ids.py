"""Typed ids, which make the tags.

Any field of one of these types, whatever its name, nested or in a list, tags the event that carries it: ``unit:BR-1``.
Where the role of the subject matters, the type says so and its tag names the role: ``successor-unit:BR-9``.
At run time an id is a plain ``str`` (a calendar year an ``int``), so neither storage nor comparison pays for the type.
"""

from typing import Any, Final, NewType

InstitutionId = NewType("InstitutionId", str)
PersonId = NewType("PersonId", str)
AppointmentId = NewType("AppointmentId", str)
DocumentId = NewType("DocumentId", str)
UnitId = NewType("UnitId", str)
ParentUnitId = NewType("ParentUnitId", str)
SuccessorUnitId = NewType("SuccessorUnitId", str)
NominatorUnitId = NewType("NominatorUnitId", str)
IncidentId = NewType("IncidentId", str)
ProgrammeId = NewType("ProgrammeId", str)
TrackId = NewType("TrackId", str)
ApplicationId = NewType("ApplicationId", str)
LeadApplicationId = NewType("LeadApplicationId", str)
PanelId = NewType("PanelId", str)
SeatId = NewType("SeatId", str)
DecisionId = NewType("DecisionId", str)
PublicityId = NewType("PublicityId", str)
ObjectionId = NewType("ObjectionId", str)
ObligationId = NewType("ObligationId", str)
PaymentId = NewType("PaymentId", str)
RecoveryId = NewType("RecoveryId", str)
BankReference = NewType("BankReference", str)
DesignationId = NewType("DesignationId", str)
FindingId = NewType("FindingId", str)
MeasureId = NewType("MeasureId", str)
DossierId = NewType("DossierId", str)
HoldId = NewType("HoldId", str)
EngagementId = NewType("EngagementId", str)
AuditFindingId = NewType("AuditFindingId", str)
ErasureId = NewType("ErasureId", str)
ProposerId = NewType("ProposerId", str)
CalendarYear = NewType("CalendarYear", int)

CODED: Final = r"^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$"
PSEUDONYM: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
SHA256_HEX: Final = r"^[0-9a-f]{64}$"

TAG_KINDS: Final[dict[Any, str]] = {
    InstitutionId: "institution",
    PersonId: "person",
    AppointmentId: "appointment",
    DocumentId: "document",
    UnitId: "unit",
    ParentUnitId: "parent-unit",
    SuccessorUnitId: "successor-unit",
    NominatorUnitId: "nominator-unit",
    IncidentId: "incident",
    ProgrammeId: "programme",
    TrackId: "track",
    ApplicationId: "application",
    LeadApplicationId: "lead-application",
    PanelId: "panel",
    SeatId: "seat",
    DecisionId: "decision",
    PublicityId: "publicity",
    ObjectionId: "objection",
    ObligationId: "obligation",
    PaymentId: "payment",
    RecoveryId: "recovery",
    BankReference: "bank-reference",
    DesignationId: "designation",
    FindingId: "finding",
    MeasureId: "measure",
    DossierId: "dossier",
    HoldId: "legal-hold",
    EngagementId: "engagement",
    AuditFindingId: "audit-finding",
    ErasureId: "erasure",
    ProposerId: "proposer",
    CalendarYear: "calendar-year",
}

PATTERNS: Final[dict[Any, str]] = {
    kind: PSEUDONYM if kind in (PersonId, ProposerId) else SHA256_HEX if kind is DocumentId else CODED
    for kind in TAG_KINDS
    if kind is not CalendarYear
}


def tag(kind: Any, value: object) -> str:
    """The tag of one id: ``tag(UnitId, "BR-1")`` is ``unit:BR-1``."""
    return f"{TAG_KINDS[kind]}:{value}"
