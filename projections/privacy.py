"""Privacy: how long what is kept of persons must be kept, and which of it was erased."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec.structs import replace

from domain.ids import DocumentId, ErasureId, InstitutionId, ObjectionId, PersonId
from domain.kernel import Code, Recorded, office, public, restricted
from domain.privacy.events import (
    ErasureDeclined,
    ErasureProposed,
    ObjectorErased,
    ObjectorErasureDeclined,
    ObjectorErasureProposed,
    PersonErased,
    RetentionDefined,
)
from domain.privacy.policy import ERASURE_FACTS, ErasureState
from projections.kernel import Key, View, keyed


class RetentionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of retention: how long what is kept of a person must be kept, from which day on.
    zh: 保存年限规则:人员信息应保存多久,自何日起适用。
    """

    institution_id: Annotated[InstitutionId, public("Institution", "机构")]
    first_day: Annotated[date, public("In force from", "起始日")]
    retention_years: Annotated[int, public("Kept for years", "保存年数")]
    basis_document_id: Annotated[DocumentId, public("Basis", "依据文件")]
    clause: Annotated[Code, public("Clause", "条款")]
    position: Annotated[int, public("Position", "位置")]


def _retention(_row: RetentionRow | None, recorded: Recorded, _key: Key) -> RetentionRow:
    return RetentionRow(**recorded.event.as_dict(), position=recorded.position)


RETENTION = View(
    name="retention",
    version=1,
    en="Retention of what is kept of persons",
    zh="人员信息保存年限",
    row=RetentionRow,
    key=("institution_id", "first_day"),
    reads=(RetentionDefined,),
    touches=keyed("institution_id", "first_day"),
    fold=_retention,
    sorts=("first_day",),
)


class ErasureRow(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure: whose, on which basis, by whom, and what nobody opens any more.
    zh: 一项删除:对象、依据、办理人及失效的内容。
    """

    erasure_id: Annotated[ErasureId, office("Erasure", "删除事项")]
    person_id: Annotated[PersonId | None, office("Person", "人员")] = None
    objection_id: Annotated[ObjectionId | None, office("Objection whose objector is erased", "异议人所提异议")] = None
    state: Annotated[ErasureState, office("State", "状态")] = "proposed"
    basis_document_id: Annotated[DocumentId, office("Legal basis", "依据文件")]
    clause: Annotated[Code, office("Clause", "条款")]
    proposed_by: Annotated[str, office("Proposed by", "提请人")]
    proposed_at: Annotated[datetime, office("Proposed at", "提请时间")]
    decided_by: Annotated[str | None, office("Decided by", "决定人")] = None
    decided_at: Annotated[datetime | None, office("Decided at", "决定时间")] = None
    document_ids: Annotated[tuple[DocumentId, ...], office("Documents that nobody opens any more", "失效的文件")] = ()
    statement_document_ids: Annotated[
        tuple[DocumentId, ...], restricted("Statements that nobody opens any more", "失效的异议内容")
    ] = ()


def _erasure(row: ErasureRow | None, recorded: Recorded, _key: Key) -> ErasureRow | None:
    event, by, at = recorded.event, recorded.envelope.actor_id, recorded.envelope.effective_at
    if isinstance(event, ErasureProposed | ObjectorErasureProposed):
        return ErasureRow(**event.as_dict(), proposed_by=by, proposed_at=at)
    if row is None:
        return None
    match event:
        case ErasureDeclined() | ObjectorErasureDeclined():
            return replace(row, state="declined", decided_by=by, decided_at=at)
        case PersonErased(document_ids=documents):
            return replace(row, state="erased", decided_by=by, decided_at=at, document_ids=documents)
        case ObjectorErased(statement_document_ids=documents):
            return replace(row, state="erased", decided_by=by, decided_at=at, statement_document_ids=documents)
    return row


ERASURE = View(
    name="erasure",
    version=2,
    en="Erasures",
    zh="删除事项",
    row=ErasureRow,
    key=("erasure_id",),
    reads=ERASURE_FACTS,
    touches=keyed("erasure_id"),
    fold=_erasure,
    filters=("state", "person_id", "objection_id"),
    sorts=("proposed_at",),
)
