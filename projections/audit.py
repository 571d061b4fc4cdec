"""Audit: which legal holds stand, and on whom or what."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec.structs import replace

from domain.audit.events import HoldGround, LegalHoldLifted, LegalHoldPlaced
from domain.audit.policy import HOLD_FACTS, HoldState
from domain.ids import ApplicationId, DocumentId, HoldId, PersonId, UnitId
from domain.kernel import Recorded, office
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
