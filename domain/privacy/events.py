"""What can have happened to what is kept of persons, registered ones and those who objected."""

from datetime import date
from typing import Annotated

from domain.ids import DocumentId, ErasureId, InstitutionId, ObjectionId, PersonId, ProposerId
from domain.kernel import Code, Digest, Event, office, public, restricted


class RetentionDefined(Event):
    """How long what is kept of a person must be kept after their last day in office was defined, from a day on.
    zh: 设定人员信息自其离任之日起的法定保存年限,自某日起适用。
    """

    TOPIC = "privacy.retention_defined.v1"
    institution_id: Annotated[InstitutionId, public("Institution", "机构")]
    retention_years: Annotated[int, public("Kept for years", "保存年数")]
    first_day: Annotated[date, public("In force from", "起始日")]
    basis_document_id: Annotated[DocumentId, public("Basis", "依据文件")]
    clause: Annotated[Code, public("Clause", "条款")]


class ErasureProposed(Event):
    """The erasure of what is kept of a person was proposed, on a legal basis.
    zh: 依法律依据提请删除人员信息。
    """

    TOPIC = "privacy.erasure_proposed.v1"
    erasure_id: Annotated[ErasureId, office("Erasure", "删除事项")]
    person_id: Annotated[PersonId, office("Person", "人员")]
    basis_document_id: Annotated[DocumentId, office("Legal basis", "依据文件")]
    clause: Annotated[Code, office("Clause", "条款")]


class ErasureDeclined(Event):
    """A proposed erasure was declined.
    zh: 未批准提请的删除。
    """

    TOPIC = "privacy.erasure_declined.v1"
    erasure_id: Annotated[ErasureId, office("Erasure", "删除事项")]
    person_id: Annotated[PersonId, office("Person", "人员")]


class PersonErased(Event):
    """The erasure was approved: the person's key is destroyed, and with it what these digests name, and nothing else.
    zh: 删除已获批准:销毁该人员的密钥,所列摘要对应的内容随之销毁,不及其他。
    """

    TOPIC = "privacy.person_erased.v1"
    erasure_id: Annotated[ErasureId, office("Erasure", "删除事项")]
    person_id: Annotated[PersonId, office("Person", "人员")]
    basis_document_id: Annotated[DocumentId, office("Legal basis", "依据文件")]
    clause: Annotated[Code, office("Clause", "条款")]
    proposed_by: Annotated[ProposerId, office("Proposed by", "提请人")]
    commitments: Annotated[tuple[Digest, ...], restricted("Commitments that nobody opens any more", "失效的承诺值")]
    document_ids: Annotated[tuple[DocumentId, ...], office("Documents that nobody opens any more", "失效的文件")] = ()


class ObjectorErasureProposed(Event):
    """The erasure of what is kept of whoever raised an objection was proposed, on a legal basis.
    zh: 依法律依据提请删除异议人信息。
    """

    TOPIC = "privacy.objector_erasure_proposed.v1"
    erasure_id: Annotated[ErasureId, office("Erasure", "删除事项")]
    objection_id: Annotated[ObjectionId, office("Objection", "异议")]
    basis_document_id: Annotated[DocumentId, office("Legal basis", "依据文件")]
    clause: Annotated[Code, office("Clause", "条款")]


class ObjectorErasureDeclined(Event):
    """A proposed erasure of what is kept of an objector was declined.
    zh: 未批准提请的异议人信息删除。
    """

    TOPIC = "privacy.objector_erasure_declined.v1"
    erasure_id: Annotated[ErasureId, office("Erasure", "删除事项")]
    objection_id: Annotated[ObjectionId, office("Objection", "异议")]


class ObjectorErased(Event):
    """The erasure was approved: the key of the objection is destroyed, and with it what these digests name.
    zh: 删除已获批准:销毁该异议的密钥,所列摘要对应的内容随之销毁,不及其他。
    """

    TOPIC = "privacy.objector_erased.v1"
    erasure_id: Annotated[ErasureId, office("Erasure", "删除事项")]
    objection_id: Annotated[ObjectionId, office("Objection", "异议")]
    basis_document_id: Annotated[DocumentId, office("Legal basis", "依据文件")]
    clause: Annotated[Code, office("Clause", "条款")]
    proposed_by: Annotated[ProposerId, office("Proposed by", "提请人")]
    commitments: Annotated[tuple[Digest, ...], restricted("Commitments that nobody opens any more", "失效的承诺值")]
    statement_document_ids: Annotated[
        tuple[DocumentId, ...], restricted("Statements that nobody opens any more", "失效的异议内容")
    ]
