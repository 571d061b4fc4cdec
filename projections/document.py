"""What is known of a document without its text."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec.structs import replace

from domain.document.events import DocumentDeposited, DocumentKind
from domain.ids import DocumentId
from domain.kernel import Digest, Recorded, office, public
from domain.privacy.events import PersonErased
from projections.kernel import Key, View, keyed


class DocumentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A deposited document: its digest, kind and size, never its text.
    zh: 已存入的文件:摘要、类别与大小,不含内容。
    """

    document_id: Annotated[DocumentId, public("Document", "文件")]
    kind: Annotated[DocumentKind, public("Kind", "类别")]
    media_type: Annotated[str, public("Media type", "媒体类型")]
    size_bytes: Annotated[int, public("Size (bytes)", "大小(字节)")]
    owner_unit_id: Annotated[str, office("Owning unit (empty: the office)", "所属单位(空为主管部门)")]
    key_person_id: Annotated[str | None, office("Person whose key seals it", "以其密钥封存的人员")]
    text_digest: Annotated[Digest | None, public("Digest of a public text", "公开文本的摘要")]
    deposited_by: Annotated[str, office("Deposited by", "存入人")]
    deposited_at: Annotated[datetime, public("Deposited at", "存入时间")]
    position: Annotated[int, public("Position", "位置")]
    erased: Annotated[bool, public("Erased", "已删除")] = False


def _fold(row: DocumentRow | None, recorded: Recorded, _key: Key) -> DocumentRow | None:
    if isinstance(recorded.event, PersonErased) and row is not None:
        return replace(row, erased=True)
    if not isinstance(event := recorded.event, DocumentDeposited):
        return row
    return DocumentRow(
        **{**event.as_dict(), "owner_unit_id": event.owner_unit_id or ""},
        deposited_by=recorded.envelope.actor_id,
        deposited_at=recorded.envelope.effective_at,
        position=recorded.position,
    )


def _touches(recorded: Recorded) -> list[Key]:
    event = recorded.event
    if isinstance(event, PersonErased):
        return [(document_id,) for document_id in event.document_ids]
    return keyed("document_id")(recorded)


DOCUMENT = View(
    name="document",
    version=2,
    en="Documents",
    zh="文件",
    row=DocumentRow,
    key=("document_id",),
    reads=(DocumentDeposited, PersonErased),
    touches=_touches,
    fold=_fold,
    filters=("owner_unit_id", "kind", "deposited_by"),
    sorts=("deposited_at",),
    subject_units=("owner_unit_id",),
)
