"""What other capabilities know of documents: which kinds there are, and that what rests on one has it deposited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from domain.document.events import DocumentDeposited, DocumentKind
from domain.ids import DocumentId, tag
from domain.kernel import Command, Selector, Unknown, event, known

PUBLIC_KINDS: Final[frozenset[str]] = frozenset({"notice", "basis", "definition", "calendar"})
"""Kinds whose text is published anyway: only theirs may have the digest of its text in the record."""
KIND_TITLES: Final[dict[DocumentKind, tuple[str, str]]] = {
    "notice": ("notice", "通知"),
    "basis": ("basis", "依据"),
    "definition": ("definition", "项目定义"),
    "resolution": ("resolution", "会议决议"),
    "form": ("form", "申报书"),
    "self_check": ("self-check", "自查"),
    "plan": ("plan", "创建方案"),
    "evidence": ("evidence", "佐证"),
    "reason": ("reason", "事由"),
    "calendar": ("calendar", "放假安排"),
    "other": ("other", "其他"),
}


class DocumentUnknown(Unknown):
    """Document {document_id} has not been deposited.
    zh: 文件 {document_id} 尚未存入。
    title: The document has not been deposited · 文件尚未存入
    """


class RestsOnPapers(Command):
    """What every command knows that rests on documents: whether each of them was deposited.
    zh: 以文件为依据的命令所共知:各文件是否已存入。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("document_id",)
    """The fields that name the documents: each of them one, several, or none."""

    deposited: frozenset[DocumentId] = known(frozenset())

    def consistency_boundary(self) -> Sequence[Selector]:
        """Beside what else is read, whether the documents were deposited."""
        return [*super().consistency_boundary(), *self._of_papers()]

    @event(DocumentDeposited)
    def _(self, document_id: DocumentId) -> None:
        self.deposited |= {document_id}

    def _papers(self) -> Sequence[DocumentId]:
        """The documents it rests on, each once."""
        fields = [getattr(self, name) for name in self.PAPERS]
        named = [paper for field in fields for paper in (field if isinstance(field, tuple) else (field,))]
        return tuple(dict.fromkeys(paper for paper in named if paper is not None))

    def _of_papers(self) -> list[Selector]:
        # Where no document is named there is none to look for; the id of no document finds none.
        return [Selector([DocumentDeposited], [tag(DocumentId, paper)]) for paper in self._papers() or ("none",)]

    def _require_papers(self) -> None:
        """Raise DocumentUnknown unless every document was deposited."""
        for paper in self._papers():
            if paper not in self.deposited:
                raise DocumentUnknown(document_id=paper)
