"""What can have happened to a document."""

from typing import Annotated, Literal

from domain.ids import DocumentId, PersonId, UnitId
from domain.kernel import Digest, Event, office, public

DocumentKind = Literal[
    "notice",
    "basis",
    "definition",
    "resolution",
    "form",
    "self_check",
    "plan",
    "evidence",
    "reason",
    "calendar",
    "other",
]


class DocumentDeposited(Event):
    """A document was deposited; its id is the SHA-256 of its ciphertext.
    zh: 文件已存入;其编号为密文的 SHA-256。
    """

    TOPIC = "document.deposited.v1"
    document_id: Annotated[DocumentId, public("Document", "文件")]
    kind: Annotated[DocumentKind, public("Kind", "类别")]
    media_type: Annotated[str, public("Media type", "媒体类型")]
    size_bytes: Annotated[int, public("Size (bytes)", "大小(字节)")]
    owner_unit_id: Annotated[UnitId | None, office("Owning unit", "所属单位")] = None
    key_person_id: Annotated[PersonId | None, office("Person whose key seals it", "以其密钥封存的人员")] = None
    text_digest: Annotated[Digest | None, public("Digest of a public text", "公开文本的摘要")] = None
