"""What can have happened in an audit."""

from typing import Annotated, Literal

from domain.ids import ApplicationId, DocumentId, HoldId, PersonId, UnitId
from domain.kernel import Event, office

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
