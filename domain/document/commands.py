"""What may be asked about documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from domain.document.events import DocumentDeposited, DocumentKind
from domain.document.policy import KIND_TITLES, PUBLIC_KINDS
from domain.ids import DocumentId, PersonId, UnitId, tag
from domain.kernel import Command, Digest, Invalid, Refusal, Selector, any_event, asked, event, known, word
from domain.person.events import PersonRegistered
from domain.person.policy import PersonUnknown
from domain.privacy.events import PersonErased
from domain.privacy.policy import PersonAlreadyErased
from domain.unit.events import UnitRegistered
from domain.unit.policy import UNIT_ENDS, Tree, TreeFact

MediaType = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9.+-]+/[a-z0-9.+-]+$", max_length=127)]
SizeBytes = Annotated[int, msgspec.Meta(ge=1)]


class DocumentAlreadyDeposited(Refusal):
    """Document {document_id} has been deposited before.
    zh: 文件 {document_id} 此前已存入。
    title: The document was deposited before · 文件此前已存入
    """


class TextIsSealed(Invalid):
    """A document of kind {document_kind} is sealed: the record holds no digest of its text.
    zh: {document_kind}类文件属密封文件,记录中不存其文本摘要。
    title: The text of a sealed document has no digest · 密封文件不存文本摘要
    """


class DepositDocument(Command):
    """Put on record a document whose bytes have been received and sealed.
    zh: 将已接收并密封的文件记录在案。
    """

    document_id: DocumentId = asked("Document", "文件")
    kind: DocumentKind = asked("Kind", "类别")
    media_type: MediaType = asked("Media type", "媒体类型")
    size_bytes: SizeBytes = asked("Size (bytes)", "大小(字节)")
    owner_unit_id: UnitId | None = asked("Owning unit", "所属单位", default=None)
    key_person_id: PersonId | None = asked("Person whose key seals it", "以其密钥封存的人员", default=None)
    text_digest: Digest | None = asked("Digest of a public text", "公开文本的摘要", default=None)

    deposited: bool = known(default=False)
    key_person_registered: bool = known(default=False)
    key_person_erased: bool = known(default=False)
    units: Tree = known(factory=Tree)

    def consistency_boundary(self) -> Sequence[Selector]:
        # Where no unit or person is named there is none to look for; the id of nobody finds nobody.
        return [
            Selector([DocumentDeposited], [tag(DocumentId, self.document_id)]),
            Selector([UnitRegistered, *UNIT_ENDS], [tag(UnitId, self.owner_unit_id or "none")]),
            Selector([PersonRegistered, PersonErased], [tag(PersonId, self.key_person_id or "none")]),
        ]

    @event(DocumentDeposited)
    def _(self) -> None:
        self.deposited = True

    @event(PersonRegistered)
    def _(self) -> None:
        self.key_person_registered = True

    @event(PersonErased)
    def _(self) -> None:
        self.key_person_erased = True

    @any_event(UnitRegistered, *UNIT_ENDS)
    def _(self, body: TreeFact) -> None:
        self.units.take(body)

    def execute(self) -> None:
        if self.deposited:
            raise DocumentAlreadyDeposited(document_id=self.document_id)
        if self.text_digest is not None and self.kind not in PUBLIC_KINDS:
            raise TextIsSealed(field="text_digest", document_kind=word(self.kind, KIND_TITLES))
        if self.owner_unit_id is not None:
            self.units.of(self.owner_unit_id).require_living()
        if self.key_person_id is not None and not self.key_person_registered:
            raise PersonUnknown(person_id=self.key_person_id)
        if self.key_person_id is not None and self.key_person_erased:
            raise PersonAlreadyErased(person_id=self.key_person_id)
        self.trigger_event(
            DocumentDeposited,
            document_id=self.document_id,
            kind=self.kind,
            media_type=self.media_type,
            size_bytes=self.size_bytes,
            owner_unit_id=self.owner_unit_id,
            key_person_id=self.key_person_id,
            text_digest=self.text_digest,
        )


COMMANDS: tuple[type[Command], ...] = (DepositDocument,)
